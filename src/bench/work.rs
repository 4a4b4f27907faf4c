//! What an operation costs beside processor time: rows and log written, statements, context switches.

use std::fmt;

use serde::Serialize;

use super::counters::Spent;
use super::switches::Switches;
use super::tally::{median, ratio};

/// Of one operation with everything that follows from it, its letters too. What is not known is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Work {
    /// Inserted, updated or deleted, of all turns and their warming up together.
    #[serde(rename = "rows_written_per_operation", skip_serializing_if = "Option::is_none")]
    rows_written: Option<f64>,
    #[serde(rename = "wal_bytes_per_operation", skip_serializing_if = "Option::is_none")]
    wal_bytes: Option<f64>,
    #[serde(rename = "statements_per_operation", skip_serializing_if = "Option::is_none")]
    statements: Option<f64>,
    /// Of the whole measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct_statements: Option<f64>,
    /// Messages of the server's writer to its database.
    #[serde(rename = "round_trips_per_operation", skip_serializing_if = "Option::is_none")]
    round_trips: Option<f64>,
    /// Of the server's threads, to wait for something.
    #[serde(rename = "voluntary_context_switches_per_operation", skip_serializing_if = "Option::is_none")]
    voluntary: Option<f64>,
    /// Of the server's threads, for another thread's turn.
    #[serde(rename = "involuntary_context_switches_per_operation", skip_serializing_if = "Option::is_none")]
    involuntary: Option<f64>,
}

impl Work {
    pub(super) fn of(spent: Option<Spent>, switches: Option<Switches>, operations: u64) -> Self {
        let per_operation = |count: f64| ratio(count, operations as f64);
        let executed = spent.and_then(|it| it.statements);
        Self {
            rows_written: None,
            wal_bytes: spent.and_then(|it| per_operation(it.wal_bytes as f64)),
            statements: executed.and_then(|it| per_operation(it.times as f64)),
            distinct_statements: executed.map(|it| it.distinct as f64),
            round_trips: None,
            voluntary: switches.and_then(|it| per_operation(it.voluntary as f64)),
            involuntary: switches.and_then(|it| per_operation(it.involuntary as f64)),
        }
    }

    pub(super) fn with_rows(self, rows: i64, operations: u64) -> Self {
        Self { rows_written: ratio(rows as f64, operations as f64), ..self }
    }

    pub(super) fn with_round_trips(self, messages: Option<u64>, operations: u64) -> Self {
        Self { round_trips: messages.and_then(|it| ratio(it as f64, operations as f64)), ..self }
    }

    /// Each figure's median over the turns, where every turn has it.
    pub(super) fn medians(turns: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> Option<f64>| {
            let known: Option<Vec<f64>> = turns.iter().map(figure).collect();
            known.filter(|it| !it.is_empty()).map(median)
        };
        Self {
            rows_written: of(|it| it.rows_written),
            wal_bytes: of(|it| it.wal_bytes),
            statements: of(|it| it.statements),
            distinct_statements: of(|it| it.distinct_statements),
            round_trips: of(|it| it.round_trips),
            voluntary: of(|it| it.voluntary),
            involuntary: of(|it| it.involuntary),
        }
    }
}

/// On one line; nothing if nothing is known.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows_written,
            wal_bytes,
            statements,
            distinct_statements,
            round_trips,
            voluntary,
            involuntary,
        } = self;
        let mut parts = Vec::new();
        parts.extend(rows_written.map(|it| format!("{it:.1} rows written")));
        parts.extend(wal_bytes.map(|it| format!("{it:.0} bytes of WAL")));
        let executed = statements.zip(*distinct_statements);
        parts.extend(
            executed.map(|(times, distinct)| format!("{times:.2} statements ({distinct:.0} distinct)")),
        );
        parts.extend(round_trips.map(|it| format!("{it:.2} round trips")));
        let switches = voluntary.zip(*involuntary);
        parts.extend(
            switches.map(|(one, other)| format!("{one:.2} + {other:.2} context switches of the server")),
        );
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::counters::Executed;
    use super::*;

    #[test]
    fn work_is_shown_per_operation_on_one_line() {
        let spent = Spent { wal_bytes: 9_000, statements: Some(Executed { times: 15, distinct: 7 }) };
        let switches = Switches { voluntary: 25, involuntary: 1 };
        let work =
            Work::of(Some(spent), Some(switches), 10).with_rows(270, 10).with_round_trips(Some(31), 10);
        assert_eq!(
            work.to_string(),
            "27.0 rows written, 900 bytes of WAL, 1.50 statements (7 distinct), 3.10 round trips, \
                2.50 + 0.10 context switches of the server"
        );
        assert_eq!(Work::of(Some(spent), Some(switches), 0).to_string(), "");
        assert_eq!(Work::of(None, None, 10), Work::default());
    }

    #[test]
    fn a_figure_that_one_turn_lacks_has_no_median() {
        let turn = |rows, wal| Work { rows_written: rows, wal_bytes: Some(wal), ..Work::default() };
        let medians = Work::medians(&[turn(Some(1.0), 9.0), turn(None, 2.0), turn(Some(3.0), 4.0)]);
        assert_eq!(medians, turn(None, 4.0));
        assert_eq!(Work::medians(&[]), Work::default());
    }
}
