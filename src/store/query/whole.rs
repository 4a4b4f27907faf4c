//! Whole orders and reservations, out of their documents.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::{Order, OrderId, Reservation, ReservationId};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::document;
use crate::store::rows::lookup::{self, CachedState};

/// These orders, each once and in no order. One whose cached state is stored is not read again.
pub(in crate::store) async fn load_orders(
    db: &Session,
    order_cache: &OrderCache,
    ids: &[OrderId],
) -> Result<Vec<Arc<Order>>, StoreError> {
    let ids: BTreeSet<OrderId> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut cached: HashMap<OrderId, Arc<Order>> = HashMap::new();
    let mut rows = Vec::with_capacity(ids.len());
    for id in &ids {
        let mut state = CachedState::default();
        if let Some(order) = order_cache.get(*id) {
            state = CachedState { version: order.version, updated_at: Some(order.updated_at) };
            cached.insert(*id, order);
        }
        rows.push(lookup::document(*id, state));
    }

    let mut orders = Vec::with_capacity(ids.len());
    for row in db.exchange(vec![lookup::DOCUMENTS.about(rows)]).await?.iter().flatten() {
        let id: OrderId = row.get(0)?;
        match (row.bytes(1), cached.get(&id)) {
            (Ok(bytes), _) => {
                let order = Arc::new(document::whole_order(id, bytes, order_cache.keys())?);
                order_cache.keep(&order);
                orders.push(order);
            }
            (Err(_), Some(order)) => orders.push(Arc::clone(order)),
            (Err(error), None) => return Err(error),
        }
    }
    Ok(orders)
}

/// A reservation out of its own document, or else that of its order, which is in the next column.
pub(in crate::store) fn reservation_of(
    id: ReservationId,
    row: &Row,
    column: usize,
) -> Result<Option<Reservation>, StoreError> {
    if let Ok(own) = row.bytes(column) {
        return document::decode("reservations", own).map(Some);
    }
    let order = document::order(row.bytes(column + 1)?)?;
    Ok(order.reservations.into_iter().find(|it| it.id == id))
}
