//! Answers of the API as lines for people.

use std::fmt::Write;

use crate::domain::Timestamp;
use crate::pb;

/// How many characters of evidence a line of the timeline shows; JSON has it all.
const EVIDENCE_MAX: usize = 100;

pub(super) const ORDERS_HEAD: &str =
    "ORDER      STATE                 PAYMENT                     TOTAL  CHANGED               WAITS FOR";

pub(super) const STUCK_HEAD: &str =
    "ORDER      STATE                 GATE                  SINCE                 OPENED BY";

/// RFC 3339 in UTC, to the second; a dash for no time.
pub(crate) fn second(at: Option<prost_types::Timestamp>) -> String {
    time(at.map(|it| prost_types::Timestamp { nanos: 0, ..it }))
}

/// RFC 3339 in UTC; a dash for no time.
pub(crate) fn time(at: Option<prost_types::Timestamp>) -> String {
    at.map_or("-".to_owned(), |it| {
        let micros = it.seconds.saturating_mul(1_000_000).saturating_add(i64::from(it.nanos / 1_000));
        Timestamp::from_unix_micros(micros).to_string()
    })
}

/// The word of an enum without what the API writes before it.
fn word(full: &'static str, prefix: &str) -> &'static str {
    full.strip_prefix(prefix).unwrap_or(full)
}

fn state(state: pb::OrderState) -> &'static str {
    word(state.as_str_name(), "ORDER_STATE_")
}

/// `47.36 EUR`, with as many decimals as there are, at least two.
fn money(amount: Option<&pb::Money>) -> String {
    let Some(pb::Money { currency_code, units, nanos }) = amount else { return "-".to_owned() };
    let sign = if *units < 0 || *nanos < 0 { "-" } else { "" };
    let decimals = format!("{:09}", nanos.unsigned_abs());
    let decimals = match decimals.trim_end_matches('0') {
        short if short.len() < 2 => &decimals[..2],
        long => long,
    };
    format!("{sign}{}.{decimals} {currency_code}", units.unsigned_abs())
}

/// A row under [`ORDERS_HEAD`].
pub(super) fn order(order: &pb::Order) -> String {
    let total = money(order.totals.as_ref().and_then(|it| it.total.as_ref()));
    let marks = [(order.on_hold, "on hold"), (order.late, "late")];
    let marks = marks.into_iter().filter(|it| it.0).map(|it| it.1.to_owned());
    let waits = Some(order.waiting_for.clone()).filter(|it| !it.is_empty());
    format!(
        "{:<10} {:<21} {:<19} {total:>13}  {:<20}  {}",
        order.number,
        state(order.state()),
        word(order.payment_status().as_str_name(), "PAYMENT_STATUS_"),
        second(order.update_time),
        marks.chain(waits).collect::<Vec<_>>().join("; "),
    )
}

/// A row under [`STUCK_HEAD`].
pub(super) fn stuck(stuck: &pb::StuckOrder) -> String {
    let order = stuck.order.clone().unwrap_or_default();
    let openers: Vec<_> =
        stuck.openers().map(|it| word(it.as_str_name(), "OPENER_").to_lowercase()).collect();
    let slips: Vec<_> = stuck.slips.iter().map(|it| word(it.kind().as_str_name(), "SLIP_KIND_")).collect();
    let late = if slips.is_empty() { String::new() } else { format!("; late: {}", slips.join(", ")) };
    format!(
        "{:<10} {:<21} {:<21} {:<20}  {} ({}){late}",
        order.number,
        state(order.state()),
        word(stuck.gate().as_str_name(), "STUCK_GATE_"),
        second(stuck.since_time),
        stuck.opened_by.join(", "),
        openers.join(", "),
    )
}

pub(super) fn event(event: &pb::OrderEvent) -> String {
    let pb::OrderEvent { position, order_id, r#type, summary, actor, time, .. } = event;
    format!("{position:>8}  {}  {order_id}  {type:<24} {summary} ({actor})", second(*time))
}

pub(crate) fn step_word(step: &pb::ProcessStep) -> &'static str {
    word(step.step().as_str_name(), "STEP_")
}

pub(crate) fn state_word(step: &pb::ProcessStep) -> &'static str {
    word(step.state().as_str_name(), "STEP_STATE_")
}

/// Where an order stands, in a line.
pub(super) fn standing(timeline: &pb::OrderTimeline) -> String {
    let late = if timeline.late { ", late" } else { "" };
    match timeline.waiting_for.as_str() {
        "" => format!("{}{late}", state(timeline.state())),
        waits => format!("{}{late}, waits for {waits}", state(timeline.state())),
    }
}

/// Twenty lines, one per step.
pub(crate) fn timeline(timeline: &pb::OrderTimeline, title: &str) -> String {
    let mut text = format!("\nOrder {} — {title}\n", timeline.order_number);
    for (step, number) in timeline.steps.iter().zip(1..) {
        let who = match (step.actor.as_str(), step.approver.as_str()) {
            (actor, "") => actor.to_owned(),
            (actor, approver) if actor == approver || actor.is_empty() => approver.to_owned(),
            (actor, approver) => format!("{actor}, approved by {approver}"),
        };
        let evidence = match step.evidence.is_empty() {
            true => shortened(&step.note),
            false => shortened(&step.evidence.join(", ")),
        };
        let _ = writeln!(
            text,
            "  {number:>2} {:<20} {:<12} {who:<24} {evidence}",
            step_word(step),
            state_word(step)
        );
    }
    text
}

/// The beginning of a text that would make a line too long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(EVIDENCE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A line for each count; of states only those that there are.
pub(super) fn overview(it: &pb::Overview) -> String {
    let mut text = format!("Counted {}, today since {}\n\n", second(it.time), second(it.since_time));
    let none = pb::WaitingCount::default();
    let mut line = |what: &str, count: i64, since: Option<prost_types::Timestamp>| {
        let since = since.map_or(String::new(), |at| format!("  since {}", second(Some(at))));
        let _ = writeln!(text, "{what:<36} {count:>8}{since}");
    };
    line("orders placed today", it.placed_count, None);
    line("orders delivered today", it.delivered_count, None);
    for count in it.orders.iter().filter(|it| it.count > 0) {
        line(&format!("orders {}", state(count.state())), count.count, None);
    }
    line("orders on hold", it.on_hold_count, None);
    line("orders late", it.late_count, it.late_since_time);
    for count in &it.stuck {
        let (gate, waiting) =
            (word(count.gate().as_str_name(), "STUCK_GATE_"), count.waiting.unwrap_or(none));
        line(&format!("orders stuck at {gate}"), waiting.count, waiting.oldest_time);
    }
    for count in &it.approvals {
        let (gate, waiting) = (word(count.gate().as_str_name(), "GATE_"), count.waiting.unwrap_or(none));
        line(&format!("approvals of {gate}"), waiting.count, waiting.oldest_time);
    }
    for count in &it.changes {
        line(
            &format!("changes {}", word(count.state().as_str_name(), "ORDER_CHANGE_STATE_")),
            count.count,
            None,
        );
    }
    for count in it.shipments.iter().filter(|it| it.count > 0) {
        line(
            &format!("shipments {}", word(count.state().as_str_name(), "SHIPMENT_STATE_")),
            count.count,
            None,
        );
    }
    for count in it.returns.iter().filter(|it| it.count > 0) {
        line(&format!("returns {}", word(count.state().as_str_name(), "RETURN_STATE_")), count.count, None);
    }
    let letters = it.failed_letters.unwrap_or(none);
    line("letters that failed", letters.count, letters.oldest_time);
    if let Some(payments) = it.unanswered_payments {
        line("payments without an answer", payments.count, payments.oldest_time);
    }
    if let Some(stock) = it.stock {
        line("shelves below their reorder point", stock.below_reorder_point_count, None);
        line("replenishments proposed", stock.proposed_replenishment_count, None);
    }
    if let Some(work) = it.work {
        let jobs = work.due_jobs.unwrap_or(none);
        line("jobs due", jobs.count, jobs.oldest_time);
        let checked = work
            .check_time
            .map_or("not checked since the start".to_owned(), |at| format!("checked {}", second(Some(at))));
        line(&format!("rows that break a law, {checked}"), work.broken_count, None);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(units: i64, nanos: i32) -> pb::Money {
        pb::Money { currency_code: "EUR".to_owned(), units, nanos }
    }

    #[test]
    fn money_has_two_decimals_or_more() {
        assert_eq!(money(Some(&amount(47, 360_000_000))), "47.36 EUR");
        assert_eq!(money(Some(&amount(0, -5_000_000))), "-0.005 EUR");
        assert_eq!(money(Some(&amount(12, 0))), "12.00 EUR");
        assert_eq!(money(None), "-");
    }

    #[test]
    fn rows_stand_under_their_heads() {
        let order = pb::Order {
            number: "100042".to_owned(),
            state: pb::OrderState::PartiallyDelivered.into(),
            payment_status: pb::PaymentStatus::PartiallyRefunded.into(),
            update_time: Some(prost_types::Timestamp { seconds: 1_780_000_000, nanos: 5 }),
            on_hold: true,
            waiting_for: "a courier".to_owned(),
            totals: Some(pb::OrderTotals { total: Some(amount(1, 0)), ..Default::default() }),
            ..Default::default()
        };
        let row = super::order(&order);
        for (head, value) in [
            ("STATE", "PARTIALLY_DELIVERED"),
            ("PAYMENT", "PARTIALLY_REFUNDED"),
            ("CHANGED", "2026-05-28T20:26:40Z"),
            ("WAITS FOR", "on hold; a courier"),
        ] {
            assert_eq!(ORDERS_HEAD.find(head), row.find(value), "{head}:\n{ORDERS_HEAD}\n{row}");
        }
        let stuck = pb::StuckOrder {
            order: Some(order),
            gate: pb::StuckGate::ReservationApproval.into(),
            since_time: Some(prost_types::Timestamp { seconds: 1_780_000_000, nanos: 0 }),
            opened_by: vec!["ApproveRequest".to_owned()],
            openers: vec![pb::Opener::Approver.into()],
            slips: vec![pb::Slip { kind: pb::SlipKind::PromiseMissed.into(), ..Default::default() }],
            ..Default::default()
        };
        let row = super::stuck(&stuck);
        for (head, value) in [
            ("GATE", "RESERVATION_APPROVAL"),
            ("SINCE", "2026-05-28T20:26:40Z"),
            ("OPENED BY", "ApproveRequest (approver); late: PROMISE_MISSED"),
        ] {
            assert_eq!(STUCK_HEAD.find(head), row.find(value), "{head}:\n{STUCK_HEAD}\n{row}");
        }
    }
}
