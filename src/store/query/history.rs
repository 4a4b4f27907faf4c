//! The events of an order.

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::domain::{Event, OrderId, Transition};
use crate::store::connection::bound_rows::one_of;
use crate::store::connection::error::StoreError;
use crate::store::connection::select::all;
use crate::store::connection::session::Session;

/// The histories of these orders, each in its order.
pub(in crate::store) async fn events_of(
    db: &Session,
    orders: &[OrderId],
) -> Result<Vec<(i64, Event)>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }

    let (within, values) = one_of(db.backend(), orders.iter().map(|it| it.0).collect());
    let sql = format!("SELECT {EVENT} FROM events WHERE order_id {within} ORDER BY order_id, sequence");
    events(&all(db, &sql, values).await?)
}

pub(super) const EVENT: &str =
    "position, order_id, sequence, at, actor, kind, machine, subject, from_state, to_state, text";

pub(super) fn events(rows: &[QueryResult]) -> Result<Vec<(i64, Event)>, StoreError> {
    let read = |row: &QueryResult| {
        let machine: Option<_> = row.try_get_by("machine")?;
        let subject: Option<Uuid> = row.try_get_by("subject")?;
        let transition = match (machine, subject) {
            (Some(machine), Some(subject)) => {
                let (from, to) = (row.try_get_by("from_state")?, row.try_get_by("to_state")?);
                Some(Transition { machine, subject, from, to })
            }
            (None, _) | (_, None) => None,
        };
        let event = Event {
            order: row.try_get_by("order_id")?,
            sequence: row.try_get_by("sequence")?,
            at: row.try_get_by("at")?,
            actor: row.try_get_by("actor")?,
            kind: row.try_get_by("kind")?,
            transition,
            text: row.try_get_by("text")?,
        };
        Ok((row.try_get_by("position")?, event))
    };
    rows.iter().map(read).collect()
}
