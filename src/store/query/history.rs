//! The history of orders and the feed, out of decisions.

use crate::domain::{Event, OrderId};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::rows::decision::{self, EVENTS_OF_ORDERS};
use crate::store::rows::lookup;

/// The histories of these orders, each in its order.
pub(in crate::store) async fn events_of(
    db: &Session,
    orders: &[OrderId],
) -> Result<Vec<(i64, Event)>, StoreError> {
    let rows = db.exchange(vec![EVENTS_OF_ORDERS.about(lookup::keys(orders.iter().copied()))]).await?;
    events(&rows.concat())
}

/// The events of decisions: position of the first, and the encoded events.
pub(in crate::store) fn events(rows: &[Row]) -> Result<Vec<(i64, Event)>, StoreError> {
    let mut found = Vec::new();
    for row in rows {
        found.extend(decision::events(row.get(0)?, row.bytes(1)?)?);
    }
    Ok(found)
}
