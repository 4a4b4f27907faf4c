//! Erases a person from what stands beside the documents: histories, letters, answers that are kept for repeats, the record
//! of who was shown data. Each step is a transaction of its own and may be done again.

use std::sync::LazyLock;

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{
    Actor, CustomerId, DataSubject, Event, EventKind, PersonNames, Timestamp, erase_from_events,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::connection::sqlite::BUSY_TIMEOUT;
use crate::store::rows::decision::ERASED_ANSWER;
use crate::store::rows::document;

/// Subjects whose history is erased in one transaction: few, so that the changes behind it wait briefly.
const SUBJECTS_AT_ONCE: i64 = 4;

/// A person whose data is being erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub id: Uuid,
    pub subject: DataSubject,
    /// Who asked for it.
    pub actor: Actor,
    /// Orders that came later are not part of it.
    pub at: Timestamp,
}

pub(in crate::store) enum ErasingWish {
    Begin(Erasure),
    /// The histories of some subjects. Gives back how many there were.
    Histories,
    /// The answers in these decisions.
    Answers(Vec<i64>),
    /// These decisions without events, which the person made themselves.
    Forget(Vec<i64>),
    /// Everything of these subjects is done.
    SubjectsDone(Vec<Uuid>),
    /// Carries the write-ahead log over and empties it. Gives back 0 if somebody reads in it.
    EmptyLog,
    End(Uuid),
}

impl ErasingWish {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Begin(_) => "BeginErasure",
            Self::Histories => "EraseHistories",
            Self::Answers(_) => "EraseAnswers",
            Self::Forget(_) => "ForgetOwnRequests",
            Self::SubjectsDone(_) => "SubjectsErased",
            Self::EmptyLog => "EmptyLog",
            Self::End(_) => "EndErasure",
        }
    }

    /// Whether it is about no row.
    pub(in crate::store) fn is_nothing(&self) -> bool {
        match self {
            Self::Answers(decisions) | Self::Forget(decisions) => decisions.is_empty(),
            Self::SubjectsDone(subjects) => subjects.is_empty(),
            Self::Begin(_) | Self::Histories | Self::EmptyLog | Self::End(_) => false,
        }
    }

    pub(super) async fn run(&self, db: &Session) -> Result<u64, StoreError> {
        match self {
            Self::Begin(erasure) => begin(db, erasure).await,
            Self::Histories => histories(db).await,
            Self::Answers(decisions) => answers(db, decisions).await,
            Self::Forget(decisions) => {
                each(db, "DELETE FROM decisions WHERE id = $1 AND events IS NULL", decisions).await
            }
            Self::SubjectsDone(subjects) => {
                each(db, "DELETE FROM erasure_traces WHERE subject = $1 AND history_left = FALSE", subjects)
                    .await
            }
            Self::EmptyLog => empty_log(db).await,
            Self::End(id) => each(db, "DELETE FROM erasures WHERE id = $1", &[*id]).await,
        }
    }
}

async fn each<T: Copy + Into<Value>>(db: &Session, sql: &str, ids: &[T]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for id in ids {
        changed += db.execute(sql, vec![(*id).into()]).await?;
    }
    Ok(changed)
}

async fn begin(db: &Session, erasure: &Erasure) -> Result<u64, StoreError> {
    let Erasure { id, subject, actor, at } = erasure;
    let (customer, email) = match subject {
        DataSubject::Customer(customer) => (Some(customer.0), None),
        DataSubject::Email(email) => (None, Some(email.clone())),
    };
    let sql = "INSERT INTO erasures (id, customer_id, email, actor, at) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![
        (*id).into(),
        Value::Uuid(customer),
        Value::String(email),
        actor.as_str().into(),
        at.unix_micros().into(),
    ];
    db.execute(sql, values).await
}

/// The erasure in a row of all columns.
pub(in crate::store) fn read(row: &Row) -> Result<Erasure, StoreError> {
    let customer: Option<CustomerId> = row.get(1)?;
    let email: Option<String> = row.get(2)?;
    let subject = match (customer, email) {
        (Some(customer), _) => DataSubject::Customer(customer),
        (None, email) => DataSubject::Email(email.unwrap_or_default()),
    };
    Ok(Erasure { id: row.get(0)?, subject, actor: row.get(3)?, at: row.get(4)? })
}

async fn histories(db: &Session) -> Result<u64, StoreError> {
    let sql = "SELECT subject, is_order, names FROM erasure_traces WHERE history_left = TRUE \
        ORDER BY subject LIMIT $1";
    let rows = db.query(sql, vec![SUBJECTS_AT_ONCE.into()]).await?;
    for row in &rows {
        let (subject, is_order): (Uuid, bool) = (row.get(0)?, row.get(1)?);
        let names = PersonNames::from_bytes(row.bytes(2)?);
        if is_order {
            history(db, subject, &names).await?;
            movements(db, subject, &names).await?;
            let sql = "UPDATE message_texts SET content = $2 WHERE message_id IN \
                (SELECT id FROM messages WHERE order_id = $1)";
            db.execute(sql, vec![subject.into(), Value::Bytes(Some(Vec::new()))]).await?;
        }
        own_reads(db, subject, is_order, &names).await?;
        let sql = "UPDATE erasure_traces SET history_left = FALSE WHERE subject = $1";
        db.execute(sql, vec![subject.into()]).await?;
    }
    Ok(rows.len() as u64)
}

/// The events of an order up to its erasure, and the answers in its decisions. A request id of the person's own is
/// forgotten: it is told by whose it is.
async fn history(db: &Session, order: Uuid, names: &PersonNames) -> Result<(), StoreError> {
    let sql =
        "SELECT id, actor, request_id, events FROM decisions WHERE order_id = $1 ORDER BY last_sequence";
    let rows = db.query(sql, vec![order.into()]).await?;
    let histories = rows.iter().map(|row| document::decode("decisions", row.bytes(3)?));
    let histories = histories.collect::<Result<Vec<Vec<Event>>, StoreError>>()?;
    let through = erased_through(&histories);
    for (row, mut events) in rows.iter().zip(histories) {
        let (id, actor): (i64, Actor) = (row.get(0)?, row.get(1)?);
        let request_id: Option<String> = row.get(2)?;
        let erased = events.partition_point(|it| it.sequence <= through);
        erase_from_events(&mut events[..erased], names);
        let events = Value::Bytes(Some(document::encode("decisions", &events)?));
        let is_theirs = names.is(&actor);
        let (fingerprint, answer) = match request_id {
            Some(_) if !is_theirs => (Some(vec![0; 32]), Some(ERASED_ANSWER.to_vec())),
            Some(_) | None => (None, None),
        };
        let request_id = request_id.filter(|_| !is_theirs);
        let actor = if is_theirs { "erased" } else { actor.as_str() };
        let sql = "UPDATE decisions SET actor = $2, events = $3, request_id = $4, fingerprint = $5, answer = $6 \
            WHERE id = $1";
        let values = vec![
            id.into(),
            actor.into(),
            events,
            Value::String(request_id),
            Value::Bytes(fingerprint),
            Value::Bytes(answer),
        ];
        db.execute(sql, values).await?;
    }
    Ok(())
}

/// The number of the event that says that the data was erased, the last if there are two: the chain of an order's events lets
/// words be gone only before it. What came later was made of an order that names nobody.
fn erased_through(histories: &[Vec<Event>]) -> i64 {
    let events = histories.iter().flatten();
    let erasures = events.filter(|it| it.kind == EventKind::CustomerDataErased).map(|it| it.sequence);
    erasures.max().unwrap_or(i64::MAX)
}

/// What was typed about stock that an order moved, and the person where they were the actor.
async fn movements(db: &Session, order: Uuid, names: &PersonNames) -> Result<(), StoreError> {
    let rows =
        db.query("SELECT id, actor FROM stock_movements WHERE order_id = $1", vec![order.into()]).await?;
    for row in rows {
        let (id, actor): (Uuid, Actor) = (row.get(0)?, row.get(1)?);
        let actor = if names.is(&actor) { "erased" } else { actor.as_str() };
        let sql = "UPDATE stock_movements SET actor = $2, reason = '' WHERE id = $1";
        db.execute(sql, vec![id.into(), actor.into()]).await?;
    }
    Ok(())
}

/// The records of what the person was shown of their own data.
async fn own_reads(
    db: &Session,
    subject: Uuid,
    is_order: bool,
    names: &PersonNames,
) -> Result<(), StoreError> {
    let sql = match is_order {
        true => "SELECT id, principal, actor FROM data_reads WHERE order_id = $1",
        false => "SELECT id, principal, actor FROM data_reads WHERE customer_id = $1",
    };
    for row in db.query(sql, vec![subject.into()]).await? {
        let (principal, actor): (Actor, Actor) = (row.get(1)?, row.get(2)?);
        if names.is(&principal) || names.is(&actor) {
            db.execute("DELETE FROM data_reads WHERE id = $1", vec![row.get::<Uuid>(0)?.into()]).await?;
        }
    }
    Ok(())
}

async fn answers(db: &Session, decisions: &[i64]) -> Result<u64, StoreError> {
    let mut erased = 0;
    for id in decisions {
        let sql =
            "UPDATE decisions SET fingerprint = $2, answer = $3 WHERE id = $1 AND request_id IS NOT NULL";
        let (fingerprint, answer) = (vec![0; 32], ERASED_ANSWER.to_vec());
        let values = vec![(*id).into(), Value::Bytes(Some(fingerprint)), Value::Bytes(Some(answer))];
        erased += db.execute(sql, values).await?;
    }
    Ok(erased)
}

/// What a connection waits for a lock again, as it did when it was opened.
static WAIT_AGAIN: LazyLock<String> =
    LazyLock::new(|| format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()));

/// Carries the write-ahead log over into the file and empties it. 0: somebody reads in it, and it is to be tried again.
pub(super) async fn empty_log(db: &Session) -> Result<u64, StoreError> {
    if db.backend() != DbBackend::Sqlite {
        return Ok(1);
    }
    // Nobody could write while it waits for a reader, so it does not wait. SQLite heeds this pragma when it reads the
    // text, so that the statement must not be a kept one.
    db.script("PRAGMA busy_timeout = 0").await?;
    let emptied = db.query_one("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await;
    db.script(&WAIT_AGAIN).await?;
    let is_busy = emptied?.map_or(Ok(1), |it| it.get::<i64>(0))? != 0;
    Ok(u64::from(!is_busy))
}
