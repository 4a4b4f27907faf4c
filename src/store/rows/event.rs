//! The history, append only.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::domain::{
    Actor, ApprovalId, Event, EventKind, HoldId, InvoiceId, Machine, MessageId, OrderId, Part, PaymentId,
    RefundId, ReservationId, ShipmentId, Timestamp, Transition,
};
use crate::store::connection::bound_rows::{KEYS_MAX, padded};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::shipment::order_of_tracked;
use crate::store::rows::table::table;
use crate::store::rows::write::{Writes, insert};

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

/// The orders that these parts belong to, archived or not: the history knows every part that was ever opened.
pub(in crate::store) async fn owners(
    db: &Session,
    parts: &[Part],
) -> Result<HashMap<Part, OrderId>, StoreError> {
    let mut owners = HashMap::with_capacity(parts.len());
    let mut subjects: BTreeMap<Uuid, &Part> = BTreeMap::new();
    for part in parts {
        match part {
            Part::Tracked { courier, number } => {
                if let Some(order) = order_of_tracked(db, courier, number).await? {
                    owners.insert(part.clone(), order);
                }
            }
            Part::Order(id) => {
                owners.insert(part.clone(), *id);
            }
            Part::Shipment(ShipmentId(id))
            | Part::Payment(PaymentId(id))
            | Part::Refund(RefundId(id))
            | Part::Invoice(InvoiceId(id))
            | Part::Approval(ApprovalId(id))
            | Part::Hold(HoldId(id))
            | Part::Reservation(ReservationId(id))
            | Part::Message(MessageId(id)) => {
                subjects.insert(*id, part);
            }
        }
    }

    use events::{Column, Entity};
    let ids: Vec<Uuid> = subjects.keys().copied().collect();
    for ids in ids.chunks(KEYS_MAX) {
        let rows = Entity::find()
            .select_only()
            .columns([Column::Subject, Column::OrderId])
            .filter(Column::Subject.is_in(padded(ids.to_vec())))
            .filter(Expr::cust("from_state = '' AND machine NOT IN ('ORDER', 'FEEDBACK')"))
            .into_tuple::<(Uuid, OrderId)>()
            .all(db)
            .await?;
        owners
            .extend(rows.into_iter().filter_map(|(id, order)| Some(((*subjects.get(&id)?).clone(), order))));
    }
    Ok(owners)
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
