//! What subscribers have not taken, where people change it: with a decision, beside orders.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sea_orm::sea_query::Value;

use crate::domain::{OrderId, Redelivery};
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::statements::{Fixed, Writes};

/// The time at which an event is due that waits behind an earlier one of its order: never by itself.
pub(in crate::store) const BEHIND: i64 = i64::MAX;

/// Tells subscribers again that were left alone.
pub(in crate::store) static WAKE_SUBSCRIBERS: Fixed = Fixed::new(|| {
    FixedStatement::new(
        Effect::Write,
        [Kind::Text],
        "UPDATE event_subscribers SET run_at = 0 WHERE name = ?1",
        "UPDATE event_subscribers SET run_at = 0 FROM {bound} WHERE event_subscribers.name = bound.c1",
    )
});

/// Has events wait to be told, or to be told once more. Of those that wait or were given up, the last outcome is kept.
pub(in crate::store) static QUEUE_EVENTS: Fixed = Fixed::new(|| {
    let columns = "subscriber, position, order_id, since, run_at, attempts, error";
    let again = "ON CONFLICT (subscriber, position) DO UPDATE \
        SET since = excluded.since, run_at = excluded.run_at, attempts = 0";
    FixedStatement::new(
        Effect::Write,
        [Kind::Text, Kind::BigInt, Kind::Uuid, Kind::BigInt, Kind::BigInt],
        format!("INSERT INTO untold_events ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, 0, '') {again}"),
        &format!(
            "INSERT INTO untold_events ({columns}) SELECT c1, c2, c3, c4, c5, 0, '' FROM {{bound}} \
            ORDER BY c1, c2 {again}"
        ),
    )
});

/// Who asked for it.
pub(in crate::store) static ADD_REDELIVERIES: Fixed = Fixed::new(|| {
    let columns = "subscriber, actor, at, events, first_position, last_position";
    FixedStatement::new(
        Effect::Write,
        [Kind::Text, Kind::Text, Kind::BigInt, Kind::BigInt, Kind::BigInt, Kind::BigInt],
        format!("INSERT INTO event_redeliveries ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
        &format!("INSERT INTO event_redeliveries ({columns}) SELECT c1, c2, c3, c4, c5, c6 FROM {{bound}}"),
    )
});

/// Every statement that the writer sends about subscribers.
pub(in crate::store) fn all() -> Vec<&'static FixedStatement> {
    vec![&WAKE_SUBSCRIBERS, &QUEUE_EVENTS, &ADD_REDELIVERIES]
}

/// Adds what is to be told once more, after the subscribers themselves: a worker writes down its outcome in this order.
pub(in crate::store) fn add(writes: &mut Writes, redeliveries: &[Redelivery]) {
    let mut queued: BTreeMap<(&str, i64), Vec<Value>> = BTreeMap::new();
    let mut asked = Vec::new();
    for Redelivery { subscriber, by, at, events } in redeliveries {
        let (Some((first, _)), Some((last, _))) = (events.first(), events.last()) else { continue };
        asked.push(vec![
            subscriber.clone().into(),
            by.as_str().into(),
            at.unix_micros().into(),
            (events.len() as i64).into(),
            (*first).into(),
            (*last).into(),
        ]);
        let mut orders: HashSet<OrderId> = HashSet::new();
        for (position, order) in events {
            let due = if orders.insert(*order) { at.unix_micros() } else { BEHIND };
            let row = vec![
                subscriber.clone().into(),
                (*position).into(),
                order.0.into(),
                at.unix_micros().into(),
                due.into(),
            ];
            queued.insert((subscriber, *position), row);
        }
    }
    let names: BTreeSet<&str> = redeliveries.iter().map(|it| it.subscriber.as_str()).collect();
    writes.put(&WAKE_SUBSCRIBERS, names.into_iter().map(|it| vec![it.into()]).collect());
    writes.put(&QUEUE_EVENTS, queued.into_values().collect());
    writes.put(&ADD_REDELIVERIES, asked);
}
