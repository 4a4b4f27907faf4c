//! The history, append only.

use uuid::Uuid;

use super::{Writes, insert};
use crate::domain::{Actor, Event, EventKind, Machine, OrderId, Timestamp, Transition};

table! {
    "events" as events (position: i64) {
        order_id: OrderId,
        sequence: i64,
        at: Timestamp,
        actor: Actor,
        kind: EventKind,
        machine: Option<Machine>,
        subject: Option<Uuid>,
        from_state: Option<String>,
        to_state: Option<String>,
        text: String,
    }
}

/// Adds the events at `first_position` and the positions after it.
pub(in crate::store) fn append_events(writes: &mut Writes, first_position: i64, events: &[Event]) {
    let rows = (first_position..).zip(events).map(|(position, event)| to_row(position, event)).collect();
    insert::<events::Entity>(writes, rows);
}

pub(super) fn to_row(position: i64, event: &Event) -> events::Model {
    let Event { order, sequence, at, actor, kind, transition, text } = event;
    let (machine, subject, from_state, to_state) = match transition {
        Some(Transition { machine, subject, from, to }) => {
            (Some(*machine), Some(*subject), Some(from.clone()), Some(to.clone()))
        }
        None => (None, None, None, None),
    };

    events::Model {
        position,
        order_id: *order,
        sequence: *sequence,
        at: *at,
        actor: actor.clone(),
        kind: *kind,
        machine,
        subject,
        from_state,
        to_state,
        text: text.clone(),
    }
}
