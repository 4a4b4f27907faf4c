//! Jobs: what is due, leased to one worker at a time; and other chores that must go through the writer.

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::{DataRead, Day, JobId, KeyId, Lease, MessageId, Timestamp};
use crate::store::connection::clock::StoreClock;
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::rows::{data_read, writes};
use crate::store::writer::chance::fresh_ids;
use crate::store::writer::erasing::{self, ErasingWish};
use crate::store::writer::job::{Job, JobKind};
use crate::store::writer::retention;
use crate::store::writer::subscribers::{SubscriberAnswer, SubscriberWish};

/// Keys forgotten in one transaction, of decisions with events and of those without: few, so that the changes behind it
/// wait briefly.
const FORGOTTEN_AT_ONCE: u64 = 500;

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
    ForgetKeys { before: Timestamp },
    Subscriber(SubscriberWish),
    NoteKeyUses { keys: Vec<KeyId>, day: Day },
    NoteReads(Vec<DataRead>),
    ForgetReads { before: Timestamp },
    ForgetTexts(Vec<MessageId>),
    ForgetDeliveries { before: Timestamp },
    Erasing(ErasingWish),
}

impl Wish {
    fn name(&self) -> &'static str {
        match self {
            Self::ClaimJobs { .. } => "ClaimJobs",
            Self::FailJob { .. } => "FailJob",
            Self::ForgetKeys { .. } => "ForgetKeys",
            Self::Subscriber(wish) => wish.name(),
            Self::NoteKeyUses { .. } => "NoteKeyUses",
            Self::NoteReads(_) => "NoteReads",
            Self::ForgetReads { .. } => "ForgetReads",
            Self::ForgetTexts(_) => "ForgetTexts",
            Self::ForgetDeliveries { .. } => "ForgetDeliveries",
            Self::Erasing(wish) => wish.name(),
        }
    }
}

/// What a chore gives: ClaimJobs gives jobs, a wish about a subscriber its answer, all others how many rows they wrote or
/// deleted.
pub(in crate::store) enum ChoreResult {
    Jobs(Vec<Job>),
    Rows(u64),
    Subscriber(SubscriberAnswer),
}

impl ChoreResult {
    /// Empty for a chore that gives something else.
    pub(in crate::store) fn jobs(self) -> Vec<Job> {
        match self {
            Self::Jobs(jobs) => jobs,
            Self::Rows(_) | Self::Subscriber(_) => Vec::new(),
        }
    }

    /// Zero for a chore that gives something else.
    pub(in crate::store) fn rows(self) -> u64 {
        match self {
            Self::Rows(rows) => rows,
            Self::Jobs(_) | Self::Subscriber(_) => 0,
        }
    }
}

impl Chore {
    pub(in crate::store) async fn run(
        &self,
        db: &Session,
        clock: &StoreClock,
    ) -> Result<ChoreResult, StoreError> {
        if let Wish::Erasing(ErasingWish::EmptyLog) = &self.wish {
            // Not within a transaction.
            return Ok(ChoreResult::Rows(erasing::empty_log(db).await?));
        }
        clock.hear(db.begin(Vec::new()).await?.0);
        let now = clock.now();
        let outcome = match &self.wish {
            &Wish::ClaimJobs { limit, lease } => {
                ChoreResult::Jobs(claim(db, limit, now, now.plus(lease)).await?)
            }
            &Wish::FailJob { lease, retry_at } => ChoreResult::Rows(fail(db, lease, retry_at).await?),
            &Wish::ForgetKeys { before } => {
                ChoreResult::Rows(forget_keys(db, before, FORGOTTEN_AT_ONCE).await?)
            }
            Wish::Subscriber(wish) => ChoreResult::Subscriber(wish.run(db, now).await?),
            Wish::NoteReads(reads) => ChoreResult::Rows(note_reads(db, reads).await?),
            &Wish::ForgetReads { before } => {
                ChoreResult::Rows(forget_reads(db, before, FORGOTTEN_AT_ONCE).await?)
            }
            Wish::ForgetTexts(messages) => ChoreResult::Rows(retention::forget_texts(db, messages).await?),
            &Wish::ForgetDeliveries { before } => {
                ChoreResult::Rows(retention::forget_deliveries(db, before).await?)
            }
            Wish::NoteKeyUses { keys, day } => ChoreResult::Rows(note_key_uses(db, keys, *day).await?),
            Wish::Erasing(wish) => ChoreResult::Rows(wish.run(db).await?),
        };
        db.commit(Vec::new(), &[self.wish.name()]).await?;
        Ok(outcome)
    }

    pub(in crate::store) fn answer(self, result: Result<ChoreResult, StoreError>) {
        // A worker that has gone away leaves its lease to run out.
        let _ = self.caller.send(result);
    }
}

/// A table whose rows are jobs, each under its own id, and its statements.
struct JobTable {
    kind: JobKind,
    claim: String,
    /// PostgreSQL passes over what another process is claiming.
    claim_postgres: String,
    fail: String,
}

impl JobTable {
    fn new(table: &str, kind: JobKind) -> Self {
        let claim = |skip: &str| {
            format!(
                "UPDATE {table} SET lease_token = lease_token + 1, lease_until = $2, attempts = attempts + 1 \
                WHERE id IN (SELECT id FROM {table} WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until < $1) \
                ORDER BY run_at LIMIT $3 {skip}) RETURNING id, lease_token, attempts, run_at"
            )
        };
        let fail = format!(
            "UPDATE {table} SET run_at = $1, lease_until = NULL \
            WHERE id = $2 AND lease_token = $3 AND lease_until IS NOT NULL"
        );
        Self { kind, claim: claim(""), claim_postgres: claim("FOR UPDATE SKIP LOCKED"), fail }
    }
}

static TABLES: LazyLock<[JobTable; 2]> = LazyLock::new(|| {
    [JobTable::new("reservations", JobKind::Reservation), JobTable::new("orders", JobKind::Order)]
});

pub(in crate::store) async fn claim(
    db: &Session,
    limit: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let mut claimed: Vec<(i64, Job)> = Vec::new();
    for table in TABLES.iter() {
        // Reservations come first, and take half of the room at most: neither waits for the other to have none.
        let room = match table.kind {
            JobKind::Reservation => bounded(limit).saturating_add(1) / 2,
            JobKind::Order => bounded(limit) - claimed.len() as i64,
        };
        let sql = match db.backend() {
            DbBackend::Postgres => &table.claim_postgres,
            _ => &table.claim,
        };
        let values: Vec<Value> = vec![now.unix_micros().into(), until.unix_micros().into(), room.into()];
        for row in db.query(sql, values).await? {
            claimed.push((row.get(3)?, read(&row, table.kind)?));
        }
    }
    claimed.sort_by_key(|it| it.0);
    Ok(claimed.into_iter().map(|it| it.1).collect())
}

fn read(row: &Row, kind: JobKind) -> Result<Job, StoreError> {
    let subject: Uuid = row.get(0)?;
    let lease = Lease { job: JobId(subject), token: row.get(1)? };
    Ok(Job { lease, kind, subject, attempts: row.get(2)? })
}

pub(in crate::store) async fn fail(
    db: &Session,
    lease: Lease,
    retry_at: Timestamp,
) -> Result<u64, StoreError> {
    let mut failed = 0;
    for table in TABLES.iter() {
        let values: Vec<Value> = vec![retry_at.unix_micros().into(), lease.job.0.into(), lease.token.into()];
        failed += db.execute(&table.fail, values).await?;
    }
    Ok(failed)
}

/// Forgets the oldest idempotency keys from before this moment, with their answers: at most `limit` of decisions that
/// have events, which stay, and as many of decisions without, whose rows go. So do counts of callers that have nothing
/// reserved any more.
pub(in crate::store) async fn forget_keys(
    db: &Session,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let forgotten = "UPDATE decisions SET request_id = NULL, fingerprint = NULL, answer = NULL \
        WHERE id IN (SELECT id FROM decisions WHERE request_id IS NOT NULL AND at < $1 AND events IS NOT NULL \
        ORDER BY at LIMIT $2)";
    let removed = "DELETE FROM decisions \
        WHERE id IN (SELECT id FROM decisions WHERE request_id IS NOT NULL AND at < $1 AND events IS NULL \
        ORDER BY at LIMIT $2)";
    // The count is compared once more: by the time its row is locked the caller may have reserved something.
    let empty = "DELETE FROM open_reservations WHERE open = 0 AND caller IN \
        (SELECT caller FROM open_reservations WHERE open = 0 LIMIT $1)";
    let values = || -> Vec<Value> { vec![before.unix_micros().into(), bounded(limit).into()] };
    db.execute(empty, vec![bounded(limit).into()]).await?;
    Ok(db.execute(forgotten, values()).await? + db.execute(removed, values()).await?)
}

/// Writes down that these keys were used on a day, unless they were on a later one.
pub(in crate::store) async fn note_key_uses(
    db: &Session,
    keys: &[KeyId],
    day: Day,
) -> Result<u64, StoreError> {
    let mut noted = 0;
    for key in keys {
        let sql = "INSERT INTO api_key_uses (key_id, used_on) VALUES ($1, $2) ON CONFLICT (key_id) \
            DO UPDATE SET used_on = excluded.used_on WHERE api_key_uses.used_on < excluded.used_on";
        noted += db.execute(sql, vec![key.0.into(), day.number().into()]).await?;
    }
    Ok(noted)
}

/// Writes down who was shown whose data, each under an id of its own time.
async fn note_reads(db: &Session, reads: &[DataRead]) -> Result<u64, StoreError> {
    let rows = reads.iter().map(|it| data_read::to_row(fresh_ids(it.at).fresh(), it));
    db.exchange(vec![writes::ADD_DATA_READS.about(rows.collect())]).await?;
    Ok(reads.len() as u64)
}

/// Removes the oldest records from before this moment, at most `limit`.
pub(in crate::store) async fn forget_reads(
    db: &Session,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let sql =
        "DELETE FROM data_reads WHERE id IN (SELECT id FROM data_reads WHERE at < $1 ORDER BY at LIMIT $2)";
    db.execute(sql, vec![before.unix_micros().into(), bounded(limit).into()]).await
}

pub(in crate::store) fn bounded(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
