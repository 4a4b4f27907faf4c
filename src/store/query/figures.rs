//! What those who run the server look at: how much waits, and for how long. Each count goes along an index that holds
//! little else, and ends where more would say no more.

use std::collections::BTreeMap;
use std::fs;

use sea_orm::sea_query::Value;

use crate::domain::{Gate, MessageKind, MessageState, StuckGate, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;

/// Rows that a count goes through at most: so many or more.
pub const COUNTED_MAX: i64 = 10_000;

/// States of messages that are of interest: all others are final and only grow.
const OPEN: [MessageState; 2] = [MessageState::Queued, MessageState::Failed];

/// What waits in the database, for all processes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Jobs whose time has come, and since when the oldest waits.
    pub jobs_due: Backlog,
    /// Requests to the payment provider without an answer.
    pub payments_unanswered: Backlog,
    pub messages: BTreeMap<MessageState, i64>,
    pub approvals: BTreeMap<Gate, i64>,
    /// Orders that stand still at a gate for longer than the rules allow; of gates for which they say so.
    pub stuck: BTreeMap<StuckGate, i64>,
    /// Orders of which something has slipped.
    pub late: Backlog,
    /// Of the last event.
    pub position: i64,
    pub at: Timestamp,
}

/// So many, and when the oldest began to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    pub count: i64,
    pub since: Option<Timestamp>,
}

/// What is under way in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// Changes that wait for the writer.
    pub queued: usize,
    /// Reading connections that are lent, of so many.
    pub readers_lent: usize,
    pub readers: usize,
    /// Size of SQLite's write-ahead log; None on PostgreSQL.
    pub wal_bytes: Option<u64>,
}

impl Store {
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let db = self.look().await?;
        let at = self.now();
        let due: Vec<Value> = vec![at.unix_micros().into()];
        let mut jobs_due = Backlog::default();
        for table in ["orders", "reservations"] {
            let rows = format!(
                "SELECT run_at AS since FROM {table} WHERE run_at <= $1 ORDER BY run_at LIMIT {COUNTED_MAX}"
            );
            jobs_due = jobs_due.and(waiting(&db, &rows, due.clone()).await?);
        }
        let unanswered =
            format!("SELECT updated_at AS since FROM payments WHERE request IS NOT NULL LIMIT {COUNTED_MAX}");
        let payments_unanswered = waiting(&db, &unanswered, Vec::new()).await?;

        let mut messages = BTreeMap::new();
        for state in OPEN {
            let mut count = 0;
            for kind in MessageKind::ALL {
                let values = vec![kind.as_str().into(), state.as_str().into()];
                count += counted(&db, "messages WHERE kind = $1 AND state = $2", values).await?;
            }
            messages.insert(state, count);
        }
        let mut approvals = BTreeMap::new();
        for gate in Gate::ALL {
            let values = vec![gate.as_str().into()];
            let count = counted(&db, "approvals WHERE gate = $1 AND state = 'PENDING'", values).await?;
            approvals.insert(*gate, count);
        }
        let mut stuck = BTreeMap::new();
        for gate in StuckGate::ALL {
            let Some(after) = self.inner.rules.stuck_after(*gate) else { continue };
            // The gate is written out, as the index has it.
            let rows = format!("orders WHERE stuck_gate = '{gate}' AND stuck_since <= $1");
            stuck.insert(*gate, counted(&db, &rows, vec![at.minus(after).unix_micros().into()]).await?);
        }
        let late = format!(
            "SELECT slipped_since AS since FROM orders WHERE slipped_since IS NOT NULL \
            ORDER BY slipped_since LIMIT {COUNTED_MAX}"
        );
        let late = waiting(&db, &late, Vec::new()).await?;
        drop(db);
        let position = self.last_position().await?;
        Ok(Figures { jobs_due, payments_unanswered, messages, approvals, stuck, late, position, at })
    }

    pub fn pressure(&self) -> Pressure {
        let (readers_lent, readers) = self.inner.pools.readers.lent();
        let wal = self.inner.pools.wal();
        Pressure {
            queued: self.inner.queue.len(),
            readers_lent,
            readers,
            // Missing: nothing is in it.
            wal_bytes: wal.map(|it| fs::metadata(it).map_or(0, |it| it.len())),
        }
    }
}

impl Backlog {
    pub(super) fn and(self, other: Self) -> Self {
        let since = [self.since, other.since].into_iter().flatten().min();
        Self { count: self.count + other.count, since }
    }
}

async fn waiting(db: &Session, rows: &str, values: Vec<Value>) -> Result<Backlog, StoreError> {
    let sql = format!("SELECT COUNT(*), MIN(since) FROM ({rows}) AS waiting");
    let Some(row) = db.query_one(&sql, values).await? else { return Ok(Backlog::default()) };
    let since: Option<i64> = row.get(1)?;
    Ok(Backlog { count: row.get(0)?, since: since.map(Timestamp::from_unix_micros) })
}

/// Rows of orders that are not archived.
async fn counted(db: &Session, rows: &str, values: Vec<Value>) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {rows} AND archived = FALSE LIMIT {COUNTED_MAX}) AS counted"
    );
    db.query_one(&sql, values).await?.map_or(Ok(0), |row| row.get(0))
}
