//! What is counted of the writer since the process began.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of how many changes share a transaction.
const CHANGES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 180.0];

/// Upper bounds of how long a transaction takes, in seconds.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

#[derive(Debug, Clone)]
pub struct WriterCounts {
    changes: Histogram,
    seconds: Histogram,
    pub(in crate::store) races: Counter,
    /// To the database, of all lanes; one may hold several statements.
    pub(in crate::store) messages: Counter,
    /// Statements that connections to PostgreSQL have prepared, those of readers too.
    pub(in crate::store) prepared: Counter,
}

impl Default for WriterCounts {
    fn default() -> Self {
        Self {
            changes: Histogram::new(CHANGES),
            seconds: Histogram::new(SECONDS),
            races: Counter::default(),
            messages: Counter::default(),
            prepared: Counter::default(),
        }
    }
}

impl WriterCounts {
    pub(in crate::store) fn group(&self, changes: usize, took: Duration) {
        self.changes.observe(changes as f64);
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "writer_group_changes",
            "Changes of each transaction of the writer",
            self.changes.clone(),
        );
        registry.register(
            "writer_group_duration_seconds",
            "How long each transaction of the writer took, lost races not included",
            self.seconds.clone(),
        );
        registry.register(
            "writer_races",
            "Transactions that lost a race against another process and were repeated",
            self.races.clone(),
        );
        registry.register(
            "writer_messages",
            "Messages of the writer to the database, each with all statements of one step of a transaction",
            self.messages.clone(),
        );
        registry.register(
            "database_statements_prepared",
            "Statements that connections to PostgreSQL have prepared",
            self.prepared.clone(),
        );
    }
}
