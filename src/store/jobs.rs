//! Jobs: what is due, leased to one worker at a time; and the other small errands that must go through the writer.

use std::time::Duration;

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::clock::StoreClock;
use super::find::{all, one};
use super::queue::Task;
use super::session::Session;
use super::{Store, StoreError, requests};
use crate::domain::{JobId, Lease, OrderId, Timestamp};

/// Rows deleted in one transaction, so that nobody waits long behind it.
const REAPED_AT_ONCE: u64 = 500;
/// How far one look goes along the queue for a product in a region.
const QUEUE_MAX: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    Order,
    Reservation,
}

/// Something to be done about an order or another caller's reservation, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub lease: Lease,
    pub kind: JobKind,
    /// The order's or the reservation's id.
    pub subject: Uuid,
    /// How often it was claimed since it was last done.
    pub attempts: i64,
}

impl JobKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "ORDER",
            Self::Reservation => "RESERVATION",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Order, Self::Reservation].into_iter().find(|it| it.as_str() == text)
    }
}

impl Store {
    /// Claims due jobs, the longest due first, for `lease`. Another worker gets what is not done by then.
    pub async fn claim_jobs(&self, limit: u64, lease: Duration) -> Result<Vec<Job>, StoreError> {
        if !self.any_job_due().await? {
            return Ok(Vec::new());
        }

        match self.errand(Wish::ClaimJobs { limit, lease }).await? {
            Outcome::Jobs(jobs) => Ok(jobs),
            Outcome::Rows(_) => Ok(Vec::new()),
        }
    }

    /// Gives a job back that could not be done, to be tried again later. A lost lease changes nothing.
    pub async fn job_failed(&self, lease: Lease, retry_at: Timestamp) -> Result<(), StoreError> {
        self.errand(Wish::FailJob { lease, retry_at }).await.map(|_| ())
    }

    /// Deletes request ids, and the answers kept with them, from before `older_than`. Gives back how many.
    pub async fn reap_requests(&self, older_than: Timestamp) -> Result<u64, StoreError> {
        let mut reaped = 0;
        loop {
            match self.errand(Wish::ReapRequests { before: older_than }).await? {
                Outcome::Rows(0) | Outcome::Jobs(_) => return Ok(reaped),
                Outcome::Rows(rows) => reaped += rows,
            }
        }
    }

    /// Orders that wait for stock and for which there is some, the oldest first: for every line, more is available
    /// in the order's region than older orders wait for. Whether it suffices is for the decision to say. An order on
    /// hold keeps its place, but it is not its turn.
    pub async fn waiting_orders(&self, limit: u64) -> Result<Vec<OrderId>, StoreError> {
        // From product to product along the index, then along the queue of each that is there, only as far as the stock
        // reaches: those who wait in vain are not looked at.
        let sql = "WITH RECURSIVE wanted (sku, region) AS ( \
              SELECT (SELECT sku FROM order_waits ORDER BY sku, region LIMIT 1), \
                (SELECT region FROM order_waits ORDER BY sku, region LIMIT 1) \
              UNION ALL \
              SELECT (SELECT next.sku FROM order_waits AS next \
                  WHERE (next.sku, next.region) > (wanted.sku, wanted.region) \
                  ORDER BY next.sku, next.region LIMIT 1), \
                (SELECT next.region FROM order_waits AS next \
                  WHERE (next.sku, next.region) > (wanted.sku, wanted.region) \
                  ORDER BY next.sku, next.region LIMIT 1) \
              FROM wanted WHERE wanted.sku IS NOT NULL), \
            free (sku, region, units) AS ( \
              SELECT wanted.sku, wanted.region, \
                CAST(SUM(on_hand - reserved - damaged - quality_hold - safety_stock) AS BIGINT) \
              FROM wanted JOIN stock_levels ON stock_levels.sku = wanted.sku \
              JOIN locations ON locations.code = stock_levels.location AND locations.region = wanted.region \
              WHERE on_hand - reserved - damaged - quality_hold > safety_stock \
              GROUP BY wanted.sku, wanted.region), \
            queue (sku, region, units, place, number, before) AS ( \
              SELECT sku, region, units, 1, (SELECT first.number FROM order_waits AS first \
                  WHERE first.sku = free.sku AND first.region = free.region ORDER BY first.number LIMIT 1), \
                CAST(0 AS BIGINT) \
              FROM free \
              UNION ALL \
              SELECT queue.sku, queue.region, queue.units, queue.place + 1, \
                (SELECT next.number FROM order_waits AS next WHERE next.sku = queue.sku \
                  AND next.region = queue.region AND next.number > queue.number ORDER BY next.number LIMIT 1), \
                queue.before + own.quantity \
              FROM queue JOIN order_waits AS own ON own.sku = queue.sku AND own.region = queue.region \
                AND own.number = queue.number \
              WHERE queue.before + own.quantity < queue.units AND queue.place < $2) \
            SELECT own.order_id AS id FROM queue JOIN order_waits AS own ON own.sku = queue.sku \
              AND own.region = queue.region AND own.number = queue.number \
            WHERE NOT EXISTS (SELECT 1 FROM holds WHERE holds.order_id = own.order_id AND holds.state = 'ACTIVE') \
            GROUP BY own.order_id, own.number \
            HAVING COUNT(*) = (SELECT COUNT(*) FROM order_waits AS each_of WHERE each_of.order_id = own.order_id) \
            ORDER BY own.number LIMIT $1";
        let db = self.look().await?;
        let values: Vec<Value> = vec![bounded(limit).into(), QUEUE_MAX.into()];
        let found = all(&db, sql, values).await?;
        found.iter().map(|row| Ok(OrderId(row.try_get_by("id")?))).collect()
    }

    /// A look that costs the writer nothing; most of the time no job is due.
    async fn any_job_due(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 AS one FROM jobs \
            WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until < $1) LIMIT 1";
        let db = self.look().await?;
        let values: Vec<Value> = vec![self.now().unix_micros().into()];
        Ok(one(&db, sql, values).await?.is_some())
    }

    async fn errand(&self, wish: Wish) -> Result<Outcome, StoreError> {
        let (caller, answer) = oneshot::channel();
        self.enqueue(Task::Chore(Chore { wish, caller }))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Internal("the writer dropped an errand".to_owned())))
    }
}

/// An errand in the writer's queue: a transaction of its own, without decisions.
pub(in crate::store) struct Chore {
    wish: Wish,
    caller: oneshot::Sender<Result<Outcome, StoreError>>,
}

enum Wish {
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

pub(in crate::store) enum Outcome {
    Jobs(Vec<Job>),
    Rows(u64),
}

impl Chore {
    pub(in crate::store) async fn run(
        &self,
        db: &Session,
        clock: &StoreClock,
    ) -> Result<Outcome, StoreError> {
        clock.hear(db.begin().await?);
        let now = clock.now();
        let outcome = match self.wish {
            Wish::ClaimJobs { limit, lease } => Outcome::Jobs(claim(db, limit, now, now.plus(lease)).await?),
            Wish::FailJob { lease, retry_at } => Outcome::Rows(fail(db, lease, retry_at).await?),
            Wish::ReapRequests { before } => Outcome::Rows(requests::reap(db, before, REAPED_AT_ONCE).await?),
        };
        db.commit(&[self.wish.name()]).await?;
        Ok(outcome)
    }

    pub(in crate::store) fn tell(self, result: Result<Outcome, StoreError>) {
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

fn bounded(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
