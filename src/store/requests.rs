//! Request ids: claimed before anything else in a group's transaction, kept with their answers at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::StoreError;
use super::given::{Column, bytes, number, text, with_given};
use super::rows::{Kind, Writes};
use crate::domain::Timestamp;

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

/// Request ids are each actor's own, and each method's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct Key {
    pub(in crate::store) actor: String,
    pub(in crate::store) method: String,
    pub(in crate::store) id: String,
}

/// What is known of a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Kept {
    pub(in crate::store) fingerprint: [u8; 32],
    pub(in crate::store) answer: Arc<[u8]>,
}

/// Claims each key for this transaction and gives back those that somebody has used before, with their answers.
/// A key that another transaction is just claiming is waited for.
pub(in crate::store) async fn claim<C: ConnectionTrait>(
    db: &C,
    wanted: &BTreeMap<Key, [u8; 32]>,
    now: Timestamp,
) -> Result<HashMap<Key, Kept>, StoreError> {
    let rows = wanted.iter().map(|(key, fingerprint)| {
        let mut row = key.row();
        row.extend([fingerprint.to_vec().into(), Vec::<u8>::new().into(), now.unix_micros().into()]);
        row
    });
    let sql = "INSERT INTO requests (actor, method, request_id, fingerprint, answer, created_at) \
        SELECT actor, method, request_id, fingerprint, answer, created_at FROM given WHERE request_id IS NOT NULL \
        ORDER BY actor, method, request_id \
        ON CONFLICT (actor, method, request_id) DO NOTHING \
        RETURNING actor, method, request_id";
    let claimed = db
        .query_all_raw(with_given(db.get_database_backend(), &WHOLE, rows.collect(), sql, Vec::new()))
        .await?;
    if claimed.len() == wanted.len() {
        return Ok(HashMap::new());
    }

    let claimed = claimed.iter().map(Key::read).collect::<Result<HashSet<_>, _>>()?;
    let used: Vec<_> = wanted.keys().filter(|it| !claimed.contains(it)).cloned().collect();
    let found = find(db, &used).await?;
    // One that was reaped in between can be claimed now.
    if found.len() == used.len() { Ok(found) } else { Err(StoreError::LostRace) }
}

pub(in crate::store) async fn find<C: ConnectionTrait>(
    db: &C,
    keys: &[Key],
) -> Result<HashMap<Key, Kept>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }

    let sql = "SELECT actor, method, request_id, fingerprint, answer FROM requests \
        WHERE (actor, method, request_id) IN (SELECT actor, method, request_id FROM given)";
    let rows = keys.iter().map(Key::row).collect();
    let found = db.query_all_raw(with_given(db.get_database_backend(), &KEY, rows, sql, Vec::new())).await?;
    found.iter().map(|row| Ok((Key::read(row)?, Kept::read(row)?))).collect()
}

/// What is kept under each key, which nobody else changes before this transaction ends.
pub(in crate::store) async fn lock<C: ConnectionTrait>(
    db: &C,
    keys: &BTreeSet<Key>,
) -> Result<HashMap<Key, Kept>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }

    let lock = match db.get_database_backend() {
        DbBackend::Postgres => "FOR UPDATE OF requests",
        _ => "",
    };
    let sql = format!(
        "SELECT actor, method, request_id, fingerprint, answer FROM requests \
        WHERE (actor, method, request_id) IN (SELECT actor, method, request_id FROM given) \
        ORDER BY actor, method, request_id {lock}"
    );
    let rows = keys.iter().map(Key::row).collect();
    let found = db.query_all_raw(with_given(db.get_database_backend(), &KEY, rows, &sql, Vec::new())).await?;
    found.iter().map(|row| Ok((Key::read(row)?, Kept::read(row)?))).collect()
}

/// Keeps the answers of claimed keys, and puts later answers in the place of those that were kept before, where the
/// content is the same. Without such a row a later answer has nothing to replace: the claim was reaped, or never
/// made. A claimed key that is gone is a lost race.
pub(in crate::store) fn keep(writes: &mut Writes, claimed: &[(Key, Kept)], amended: &[(Key, Kept)]) {
    let row = |(key, kept): &(Key, Kept)| {
        let mut row = key.row();
        row.extend([kept.fingerprint.to_vec().into(), kept.answer.to_vec().into()]);
        row
    };
    let set = "UPDATE requests SET fingerprint = given.fingerprint, answer = given.answer FROM given \
        WHERE requests.actor = given.actor AND requests.method = given.method \
        AND requests.request_id = given.request_id";
    writes.put("requests", Kind::ChangeEach, WITH_ANSWER, claimed.iter().map(row).collect(), set);
    let set_same = format!("{set} AND requests.fingerprint = given.fingerprint");
    writes.put("requests", Kind::Change, WITH_ANSWER, amended.iter().map(row).collect(), set_same);
}

/// Gives claimed keys back: what they were claimed for was refused.
pub(in crate::store) fn release(writes: &mut Writes, keys: &BTreeSet<Key>) {
    let sql = "DELETE FROM requests \
        WHERE (actor, method, request_id) IN (SELECT actor, method, request_id FROM given)";
    writes.put("requests", Kind::Change, KEY, keys.iter().map(Key::row).collect(), sql);
}

/// Deletes the oldest of the answers from before `limit`, at most so many at once.
pub(in crate::store) async fn reap<C: ConnectionTrait>(
    db: &C,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM requests WHERE (actor, method, request_id) IN \
        (SELECT actor, method, request_id FROM requests WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    let values: Vec<Value> =
        vec![before.unix_micros().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let done = db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    Ok(done.rows_affected())
}

impl Key {
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

impl Kept {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let fingerprint: Vec<u8> = row.try_get_by("fingerprint")?;
        let answer: Vec<u8> = row.try_get_by("answer")?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint)
            .map_err(|it| StoreError::corrupt("requests", format!("a fingerprint of {} bytes", it.len())))?;
        Ok(Self { fingerprint, answer: answer.into() })
    }
}
