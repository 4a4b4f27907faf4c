//! What was decided, row by row: the history of orders, the feed, and idempotency keys with their answers.

use std::sync::Arc;

use sea_orm::sea_query::Value;

use crate::domain::{Actor, EVENTS_COUNTER, Event, ORDERS_COUNTER, OrderId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::document;
use crate::store::rows::statements::{Fixed, Writes};

/// The counter of events: the position of the last one in the feed.
pub(in crate::store) const EVENTS: &str = EVENTS_COUNTER;

/// The counter of orders: the last number given to one.
pub(in crate::store) const ORDERS: &str = ORDERS_COUNTER;

/// An idempotency key is each actor's own, and each method's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct IdempotencyKey {
    pub(in crate::store) actor: String,
    pub(in crate::store) method: String,
    pub(in crate::store) id: String,
}

/// In the place of an answer that was erased: no message begins so.
pub(in crate::store) const ERASED_ANSWER: &[u8] = &[0];

/// The answer stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct StoredAnswer {
    pub(in crate::store) fingerprint: [u8; 32],
    pub(in crate::store) answer: Arc<[u8]>,
}

/// A decision about to be written: its events, and its key and answer if it has any.
pub(in crate::store) struct Decision {
    pub(in crate::store) at: Timestamp,
    pub(in crate::store) actor: Actor,
    pub(in crate::store) method: &'static str,
    pub(in crate::store) events: Vec<Event>,
    pub(in crate::store) key: Option<(IdempotencyKey, StoredAnswer)>,
}

/// The positions of events are counted back from where the counter stands when they are added, which comes in the same
/// message.
pub(in crate::store) static ADD_DECISIONS: Fixed = Fixed::new(|| {
    let columns = "order_id, first_sequence, last_sequence, first_position, last_position, at, actor, method, \
        request_id, fingerprint, answer, events";
    let values = |mark: &str| {
        (1..=12)
            .map(|it| match it {
                4 | 5 => format!("counters.value - {mark}{it}"),
                _ => format!("{mark}{it}"),
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    FixedStatement::new(
        Effect::Write,
        [
            Kind::Uuid,
            Kind::BigInt,
            Kind::BigInt,
            Kind::BigInt,
            Kind::BigInt,
            Kind::BigInt,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Bytes,
            Kind::Bytes,
            Kind::Bytes,
        ],
        format!(
            "INSERT INTO decisions ({columns}) SELECT {} FROM (SELECT 1) AS one LEFT JOIN counters ON counters.name = '{EVENTS}'",
            values("?")
        ),
        &format!(
            "INSERT INTO decisions ({columns}) SELECT {} FROM {{bound}} LEFT JOIN counters ON counters.name = '{EVENTS}'",
            values("bound.c")
        ),
    )
});

/// Raises counters without giving out where they stand.
pub(in crate::store) static ADD_TO_COUNTERS: Fixed = Fixed::new(|| raising(Effect::Write, ""));

/// Raises counters, in the order of their names, and gives out where they stand. They are locked from here to the
/// commit, so that numbers have no gaps.
pub(in crate::store) static TAKE_NUMBERS: Fixed =
    Fixed::new(|| raising(Effect::Read, "RETURNING name, value").together());

fn raising(effect: Effect, returning: &str) -> FixedStatement {
    let conflict = "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value";
    FixedStatement::new(
        effect,
        [Kind::Text, Kind::BigInt],
        format!("INSERT INTO counters (name, value) VALUES (?1, ?2) {conflict} {returning}"),
        &format!(
            "INSERT INTO counters (name, value) SELECT c1, c2 FROM {{bound}} ORDER BY c1 {conflict} {returning}"
        ),
    )
}

/// Puts a later answer in the place of the one that was kept before, where the content is the same. Without such a row
/// a later answer has nothing to replace: the key was forgotten, or never claimed.
pub(in crate::store) static AMEND_ANSWERS: Fixed = Fixed::new(|| {
    let is = |mark: &str| {
        format!(
            "decisions.actor = {mark}1 AND decisions.method = {mark}2 AND decisions.request_id = {mark}3 \
            AND decisions.fingerprint = {mark}4"
        )
    };
    FixedStatement::new(
        Effect::Write,
        [Kind::Text, Kind::Text, Kind::Text, Kind::Bytes, Kind::Bytes],
        format!("UPDATE decisions SET answer = ?5 WHERE {}", is("?")),
        &format!("UPDATE decisions SET answer = bound.c5 FROM {{bound}} WHERE {}", is("bound.c")),
    )
});

/// The answers of keys, locked until the transaction ends.
pub(in crate::store) static FIND_ANSWERS: Fixed = Fixed::new(|| {
    let columns =
        "decisions.actor, decisions.method, decisions.request_id, decisions.fingerprint, decisions.answer";
    let is = |mark: &str| {
        format!("decisions.actor = {mark}1 AND decisions.method = {mark}2 AND decisions.request_id = {mark}3")
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text, Kind::Text],
        format!("SELECT {columns} FROM decisions WHERE {}", is("?")),
        &format!("SELECT {columns} FROM {{bound}} JOIN decisions ON {} ORDER BY 1, 2, 3", is("bound.c")),
    )
    .locking("FOR UPDATE OF decisions")
    .together()
});

/// The events of orders, each order's in their sequence, and what their rows say of them.
pub(in crate::store) static EVENTS_OF_ORDERS: Fixed = Fixed::new(|| {
    let columns = "decisions.first_position, decisions.events, decisions.last_position, decisions.order_id, \
        decisions.first_sequence, decisions.last_sequence, decisions.at";
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid],
        format!("SELECT {columns} FROM decisions WHERE order_id = ?1 ORDER BY last_sequence"),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN decisions ON decisions.order_id = bound.c1 \
            ORDER BY decisions.order_id, decisions.last_sequence"
        ),
    )
});

/// Every statement about decisions and counters that the writer sends.
pub(in crate::store) fn all() -> Vec<&'static FixedStatement> {
    vec![&FIND_ANSWERS, &TAKE_NUMBERS, &ADD_TO_COUNTERS, &ADD_DECISIONS, &AMEND_ANSWERS]
}

impl IdempotencyKey {
    pub(in crate::store) fn values(&self) -> Vec<Value> {
        vec![self.actor.clone().into(), self.method.clone().into(), self.id.clone().into()]
    }

    pub(in crate::store) fn read(row: &Row) -> Result<(Self, StoredAnswer), StoreError> {
        let fingerprint = row.bytes(3)?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint).map_err(|_| {
            StoreError::corrupt("decisions", format!("a fingerprint of {} bytes", fingerprint.len()))
        })?;
        let key = Self { actor: row.get(0)?, method: row.get(1)?, id: row.get(2)? };
        Ok((key, StoredAnswer { fingerprint, answer: row.bytes(4)?.into() }))
    }
}

/// Adds decisions, after the counter of their events.
pub(in crate::store) fn add(writes: &mut Writes, decisions: Vec<Decision>) -> Result<(), StoreError> {
    let mut to_come: i64 = decisions.iter().map(|it| it.events.len() as i64).sum();
    if to_come > 0 {
        writes.put(&ADD_TO_COUNTERS, vec![vec![EVENTS.into(), to_come.into()]]);
    }
    let mut rows = Vec::new();
    for Decision { at, actor, method, events, mut key } in decisions {
        let mut by_order: Vec<(OrderId, Vec<Event>)> = Vec::new();
        for event in events {
            match by_order.iter_mut().find(|it| it.0 == event.order) {
                Some((_, events)) => events.push(event),
                None => by_order.push((event.order, vec![event])),
            }
        }
        for (order, events) in by_order {
            let (Some(first), Some(last)) = (events.first(), events.last()) else { continue };
            let span = vec![
                order.into(),
                first.sequence.into(),
                last.sequence.into(),
                (to_come - 1).into(),
                (to_come - events.len() as i64).into(),
                first.at.into(),
            ];
            to_come -= events.len() as i64;
            let events = Value::Bytes(Some(document::encode("decisions", &events)?));
            rows.push(row(span, &actor, method, key.take(), events));
        }
        if let Some(key) = key {
            let nothing = Value::BigInt(None);
            let span = vec![
                Value::Uuid(None),
                nothing.clone(),
                nothing.clone(),
                nothing.clone(),
                nothing,
                at.into(),
            ];
            rows.push(row(span, &actor, method, Some(key), Value::Bytes(None)));
        }
    }
    writes.put(&ADD_DECISIONS, rows);
    Ok(())
}

fn row(
    mut span: Vec<Value>,
    actor: &Actor,
    method: &'static str,
    key: Option<(IdempotencyKey, StoredAnswer)>,
    events: Value,
) -> Vec<Value> {
    match key {
        Some((key, stored)) => span.extend([
            key.actor.into(),
            key.method.into(),
            key.id.into(),
            stored.fingerprint.to_vec().into(),
            stored.answer.to_vec().into(),
        ]),
        None => span.extend([
            actor.as_str().into(),
            method.into(),
            Value::String(None),
            Value::Bytes(None),
            Value::Bytes(None),
        ]),
    }
    span.push(events);
    span
}

/// The events of a row that begins at this position.
pub(in crate::store) fn events(first_position: i64, bytes: &[u8]) -> Result<Vec<(i64, Event)>, StoreError> {
    let events: Vec<Event> = document::decode("decisions", bytes)?;
    Ok((first_position..).zip(events).collect())
}
