//! Request ids: claimed before anything else in a group's transaction, kept with their answers at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use crate::domain::Timestamp;
use crate::store::connection::bound_rows::{Column, bytes, number, text, with_rows};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::read::Lock;
use crate::store::rows::write::{WriteKind, Writes};

const KEY: [Column; 3] = [text("actor"), text("method"), text("request_id")];

const WHOLE: [Column; 6] = [
    text("actor"),
    text("method"),
    text("request_id"),
    bytes("fingerprint"),
    bytes("answer"),
    number("created_at"),
];

const WITH_ANSWER: [Column; 5] =
    [text("actor"), text("method"), text("request_id"), bytes("fingerprint"), bytes("answer")];

const ADD: &str = "INSERT INTO requests (actor, method, request_id, fingerprint, answer, created_at) \
    SELECT actor, method, request_id, fingerprint, answer, created_at FROM bound WHERE request_id IS NOT NULL";

const SET: &str = "UPDATE requests SET fingerprint = bound.fingerprint, answer = bound.answer FROM bound \
    WHERE requests.actor = bound.actor AND requests.method = bound.method \
    AND requests.request_id = bound.request_id";

/// Request ids are each actor's own, and each method's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct IdempotencyKey {
    pub(in crate::store) actor: String,
    pub(in crate::store) method: String,
    pub(in crate::store) id: String,
}

/// The answer stored under a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct StoredAnswer {
    pub(in crate::store) fingerprint: [u8; 32],
    pub(in crate::store) answer: Arc<[u8]>,
}

/// State of a group's request ids before it is decided.
#[derive(Debug, Default)]
pub(in crate::store) struct Known {
    /// Keys it would claim that were used before.
    pub(in crate::store) used: HashMap<IdempotencyKey, StoredAnswer>,
    /// Answers of earlier phases of these calls, locked until the transaction ends.
    pub(in crate::store) answers: HashMap<IdempotencyKey, StoredAnswer>,
}

/// Claims keys for this transaction, each with the content it stands for, and locks those whose answers may change.
pub(in crate::store) async fn claim(
    db: &Session,
    claims: &BTreeMap<IdempotencyKey, [u8; 32]>,
    amends: &BTreeSet<IdempotencyKey>,
    now: Timestamp,
) -> Result<Known, StoreError> {
    if db.backend() == DbBackend::Postgres {
        let used = add_or_find(db, claims, now).await?;
        return Ok(Known { used, answers: look_up(db, amends, Lock::Update).await? });
    }

    // Nobody else writes before this transaction ends: who has looked has claimed.
    let found = find(db, claims.keys().chain(amends)).await?;
    let those = |asked: &dyn Fn(&IdempotencyKey) -> bool| {
        found.iter().filter(|(key, _)| asked(key)).map(|(key, kept)| (key.clone(), kept.clone())).collect()
    };
    Ok(Known { used: those(&|it| claims.contains_key(it)), answers: those(&|it| amends.contains(it)) })
}

/// Adds the keys that are not there and gives back those that are. A key that another transaction is just adding is
/// waited for.
async fn add_or_find(
    db: &Session,
    claims: &BTreeMap<IdempotencyKey, [u8; 32]>,
    now: Timestamp,
) -> Result<HashMap<IdempotencyKey, StoredAnswer>, StoreError> {
    if claims.is_empty() {
        return Ok(HashMap::new());
    }

    let rows = claims.iter().map(|(key, fingerprint)| whole(key, fingerprint, &[], now)).collect();
    let sql = format!(
        "{ADD} ORDER BY actor, method, request_id ON CONFLICT (actor, method, request_id) DO NOTHING \
        RETURNING actor, method, request_id"
    );
    let claimed = db.query_all_raw(with_rows(db.backend(), &WHOLE, rows, &sql)).await?;
    if claimed.len() == claims.len() {
        return Ok(HashMap::new());
    }

    let claimed = claimed.iter().map(IdempotencyKey::read).collect::<Result<HashSet<_>, _>>()?;
    let used: Vec<_> = claims.keys().filter(|it| !claimed.contains(it)).collect();
    let found = find(db, used.iter().copied()).await?;
    // One that was reaped in between can be claimed now.
    if found.len() == used.len() { Ok(found) } else { Err(StoreError::LostRace) }
}

/// The stored answer of each key.
pub(in crate::store) async fn find(
    db: &Session,
    keys: impl IntoIterator<Item = &IdempotencyKey>,
) -> Result<HashMap<IdempotencyKey, StoredAnswer>, StoreError> {
    look_up(db, keys, Lock::No).await
}

async fn look_up(
    db: &Session,
    keys: impl IntoIterator<Item = &IdempotencyKey>,
    lock: Lock,
) -> Result<HashMap<IdempotencyKey, StoredAnswer>, StoreError> {
    let rows: Vec<_> = keys.into_iter().map(IdempotencyKey::row).collect();
    if rows.is_empty() {
        return Ok(HashMap::new());
    }

    let in_order = match lock {
        Lock::No => "",
        Lock::Update => "ORDER BY actor, method, request_id FOR UPDATE OF requests",
    };
    let sql = format!(
        "SELECT actor, method, request_id, fingerprint, answer FROM requests \
        WHERE (actor, method, request_id) IN (SELECT actor, method, request_id FROM bound) {in_order}"
    );
    let found = db.query_all_raw(with_rows(db.backend(), &KEY, rows, &sql)).await?;
    found.iter().map(|row| Ok((IdempotencyKey::read(row)?, StoredAnswer::read(row)?))).collect()
}

/// Keeps the answers of claimed keys. On PostgreSQL the claim is a row: one that is gone is a lost race.
pub(in crate::store) fn keep(
    writes: &mut Writes,
    backend: DbBackend,
    claimed: &[(IdempotencyKey, StoredAnswer)],
    now: Timestamp,
) {
    match backend {
        DbBackend::Sqlite => {
            let row = |(key, kept): &(IdempotencyKey, StoredAnswer)| {
                whole(key, &kept.fingerprint, &kept.answer, now)
            };
            // Not among the additions, which come last: a later answer may replace this one.
            writes.put("requests", WriteKind::Change, WHOLE, claimed.iter().map(row).collect(), ADD);
        }
        _ => {
            let rows = claimed.iter().map(with_answer).collect();
            writes.put("requests", WriteKind::ChangeEach, WITH_ANSWER, rows, SET);
        }
    }
}

/// Puts later answers in the place of those that were kept before, where the content is the same. Without such a row a
/// later answer has nothing to replace: the claim was reaped, or never made.
pub(in crate::store) fn amend(writes: &mut Writes, amended: &[(IdempotencyKey, StoredAnswer)]) {
    let set_same = format!("{SET} AND requests.fingerprint = bound.fingerprint");
    let rows = amended.iter().map(with_answer).collect();
    writes.put("requests", WriteKind::Change, WITH_ANSWER, rows, set_same);
}

/// Gives claimed keys back: what they were claimed for was refused. On SQLite claiming wrote nothing.
pub(in crate::store) fn release(writes: &mut Writes, backend: DbBackend, keys: &BTreeSet<IdempotencyKey>) {
    if backend == DbBackend::Sqlite {
        return;
    }
    let sql = "DELETE FROM requests \
        WHERE (actor, method, request_id) IN (SELECT actor, method, request_id FROM bound)";
    writes.put("requests", WriteKind::Change, KEY, keys.iter().map(IdempotencyKey::row).collect(), sql);
}

/// Deletes the oldest of the answers from before this moment, at most `limit` at once.
pub(in crate::store) async fn reap(db: &Session, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM requests WHERE (actor, method, request_id) IN \
        (SELECT actor, method, request_id FROM requests WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    let values: Vec<Value> =
        vec![before.unix_micros().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let done = db.execute_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?;
    Ok(done.rows_affected())
}

fn whole(key: &IdempotencyKey, fingerprint: &[u8; 32], answer: &[u8], now: Timestamp) -> Vec<Value> {
    let mut row = key.row();
    row.extend([fingerprint.to_vec().into(), answer.to_vec().into(), now.unix_micros().into()]);
    row
}

fn with_answer((key, kept): &(IdempotencyKey, StoredAnswer)) -> Vec<Value> {
    let mut row = key.row();
    row.extend([kept.fingerprint.to_vec().into(), kept.answer.to_vec().into()]);
    row
}

impl IdempotencyKey {
    fn row(&self) -> Vec<Value> {
        vec![self.actor.clone().into(), self.method.clone().into(), self.id.clone().into()]
    }

    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        Ok(Self {
            actor: row.try_get_by("actor")?,
            method: row.try_get_by("method")?,
            id: row.try_get_by("request_id")?,
        })
    }
}

impl StoredAnswer {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let fingerprint: Vec<u8> = row.try_get_by("fingerprint")?;
        let answer: Vec<u8> = row.try_get_by("answer")?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint)
            .map_err(|it| StoreError::corrupt("requests", format!("a fingerprint of {} bytes", it.len())))?;
        Ok(Self { fingerprint, answer: answer.into() })
    }
}
