//! How the demo shows the outcome of its orders.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Played;
use crate::pb;
use crate::show::tables::{state_word, step_word, time};

/// How wide the name of a call or event is in the demo's lines.
const NAME_WIDTH: usize = 23;

/// How many characters of an answer stand in one line.
const ANSWER_WIDTH: usize = 96;

/// A name and an answer, as lines with the name before the first and the rest indented.
pub(super) fn folded(name: &str, answer: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    let mut width = 0;
    for word in answer.split(' ') {
        let wide = word.chars().count();
        if width > 0 && width + 1 + wide > ANSWER_WIDTH {
            lines.push(String::new());
            width = 0;
        }
        if let Some(line) = lines.last_mut() {
            if width > 0 {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += wide;
        }
    }
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(lines).map(|(name, line)| format!("{name:<NAME_WIDTH$} {line}")).collect()
}

/// One line per law, and every row that breaks one.
pub(super) fn integrity(report: &pb::IntegrityReport) -> String {
    let mut text = String::from("\nIntegrity\n");
    for law in &report.laws {
        let verdict = if law.broken == 0 { "holds" } else { "BROKEN" };
        let _ = writeln!(text, "  {:<3} {verdict:<7} {:>6} × {}", law.id, law.checked, law.statement);
        for violation in &law.violations {
            let _ = writeln!(
                text,
                "      {}: expected {}, found {}",
                violation.key, violation.expected, violation.actual
            );
        }
    }
    let _ = writeln!(text, "  {}", verdict(report));
    text
}

pub(super) fn verdict(report: &pb::IntegrityReport) -> String {
    let checked: i64 = report.laws.iter().map(|it| it.checked).sum();
    let verdict = if report.holds { "every law holds" } else { "a law is broken" };
    format!("{verdict}: {} laws over {checked} rows", report.laws.len())
}

fn instant(at: Option<prost_types::Timestamp>) -> Value {
    at.map_or(Value::Null, |at| json!(time(Some(at))))
}

/// The final timelines, for programs.
pub(super) fn as_json(
    run: &str,
    timelines: &[pb::OrderTimeline],
    integrity: &pb::IntegrityReport,
    played: &Played,
) -> Value {
    let orders = timelines.iter().map(|timeline| {
        let steps = timeline.steps.iter().zip(1..).map(|(step, number)| {
            json!({
                "number": number,
                "step": step_word(step),
                "state": state_word(step),
                "planned": instant(step.planned_time),
                "started": instant(step.start_time),
                "done": instant(step.done_time),
                "actor": step.actor,
                "approver": step.approver,
                "evidence": step.evidence,
                "late": step.late,
                "note": step.note,
            })
        });
        json!({
            "order": timeline.order_id,
            "number": timeline.order_number,
            "state": timeline.state().as_str_name().trim_start_matches("ORDER_STATE_"),
            "late": timeline.late,
            "steps": steps.collect::<Vec<_>>(),
        })
    });
    let laws = integrity
        .laws
        .iter()
        .map(|law| json!({ "law": law.id, "checked": law.checked, "broken": law.broken }));
    json!({
        "run": run,
        "orders": orders.collect::<Vec<_>>(),
        "laws": laws.collect::<Vec<_>>(),
        "holds": integrity.holds,
        "complaints": played.complaints,
        "shown": played.shown,
    })
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn a_long_answer_is_folded_between_words() {
        let answer = ["word"; 30].join(" ");
        let lines = folded("CreateOrder", &answer);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("{:<23} {}", "CreateOrder", ["word"; 19].join(" ")));
        assert_eq!(lines[1], format!("{:<23} {}", "", ["word"; 11].join(" ")));
        assert_eq!(folded("a", "b"), [format!("{:<23} b", "a")]);
    }
}
