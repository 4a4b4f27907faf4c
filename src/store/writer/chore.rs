//! Jobs: what is due, leased to one worker at a time; and other chores that must go through the writer.

use std::time::Duration;

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::{JobId, Lease, Timestamp};
use crate::store::connection::clock::StoreClock;
use crate::store::connection::error::StoreError;
use crate::store::connection::select::all;
use crate::store::connection::session::Session;
use crate::store::writer::idempotency as requests;
use crate::store::writer::job::{Job, JobKind};

/// Rows deleted in one transaction: few, so that the changes behind it wait briefly.
const REAPED_AT_ONCE: u64 = 500;

/// How far one look goes along the queue for a product in a region.
pub(in crate::store) const QUEUE_MAX: i64 = 10_000;

/// A chore in the writer's queue: a transaction of its own, without decisions.
pub(in crate::store) struct Chore {
    pub(in crate::store) wish: Wish,
    pub(in crate::store) caller: oneshot::Sender<Result<ChoreResult, StoreError>>,
}

pub(in crate::store) enum Wish {
    ClaimJobs { limit: u64, lease: Duration },
    FailJob { lease: Lease, retry_at: Timestamp },
    ReapRequests { before: Timestamp },
}

impl Wish {
    fn name(&self) -> &'static str {
        match self {
            Self::ClaimJobs { .. } => "ClaimJobs",
            Self::FailJob { .. } => "FailJob",
            Self::ReapRequests { .. } => "ReapRequests",
        }
    }
}

pub(in crate::store) enum ChoreResult {
    Jobs(Vec<Job>),
    Rows(u64),
}

impl Chore {
    pub(in crate::store) async fn run(
        &self,
        db: &Session,
        clock: &StoreClock,
    ) -> Result<ChoreResult, StoreError> {
        clock.hear(db.begin().await?);
        let now = clock.now();
        let outcome = match self.wish {
            Wish::ClaimJobs { limit, lease } => {
                ChoreResult::Jobs(claim(db, limit, now, now.plus(lease)).await?)
            }
            Wish::FailJob { lease, retry_at } => ChoreResult::Rows(fail(db, lease, retry_at).await?),
            Wish::ReapRequests { before } => {
                ChoreResult::Rows(requests::reap(db, before, REAPED_AT_ONCE).await?)
            }
        };
        db.commit(&[self.wish.name()]).await?;
        Ok(outcome)
    }

    pub(in crate::store) fn answer(self, result: Result<ChoreResult, StoreError>) {
        // A worker that has gone away leaves its lease to run out.
        let _ = self.caller.send(result);
    }
}

pub(in crate::store) async fn claim(
    db: &Session,
    limit: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let skip = match db.backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE jobs SET lease_token = lease_token + 1, lease_until = $2, attempts = attempts + 1 \
        WHERE id IN (SELECT id FROM jobs WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until < $1) \
        ORDER BY run_at LIMIT $3 {skip}) RETURNING id, kind, lease_token, attempts, run_at"
    );
    let values: Vec<Value> =
        vec![now.unix_micros().into(), until.unix_micros().into(), bounded(limit).into()];
    let mut rows = all(db, &sql, values).await?;
    let due_at = |row: &QueryResult| row.try_get_by::<i64, _>("run_at").unwrap_or(i64::MAX);
    rows.sort_by_key(due_at);
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Job, StoreError> {
    let subject: Uuid = row.try_get_by("id")?;
    let kind: String = row.try_get_by("kind")?;
    let kind = JobKind::parse(&kind).ok_or_else(|| StoreError::corrupt("jobs", format!("a kind {kind}")))?;
    let lease = Lease { job: JobId(subject), token: row.try_get_by("lease_token")? };
    Ok(Job { lease, kind, subject, attempts: row.try_get_by("attempts")? })
}

async fn fail(db: &Session, lease: Lease, retry_at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE jobs SET run_at = $1, lease_until = NULL \
        WHERE id = $2 AND lease_token = $3 AND lease_until IS NOT NULL";
    let values: Vec<Value> = vec![retry_at.unix_micros().into(), lease.job.0.into(), lease.token.into()];
    let done = db.execute_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?;
    Ok(done.rows_affected())
}

pub(in crate::store) fn bounded(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
