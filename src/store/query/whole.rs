//! Whole orders and reservations, out of their documents.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::{Order, OrderId, Refusal, Reservation, ReservationId};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::document;
use crate::store::rows::lookup::{self, CachedState};

/// An order that is sealed under a key that is not here.
#[derive(Debug, Clone)]
pub struct ClosedOrder {
    /// What of it stands in the open.
    pub open: Arc<Order>,
    pub why: Refusal,
}

/// These orders, each once and in no order. One whose cached state is stored is not read again.
pub(in crate::store) async fn load_orders(
    db: &Session,
    order_cache: &OrderCache,
    ids: &[OrderId],
) -> Result<Vec<Arc<Order>>, StoreError> {
    let read = load_each(db, order_cache, ids).await?;
    read.into_iter().map(|it| it.map_err(|closed| StoreError::from(closed.why))).collect()
}

/// The same. One that its key does not open keeps no other from being read.
pub(in crate::store) async fn load_each(
    db: &Session,
    order_cache: &OrderCache,
    ids: &[OrderId],
) -> Result<Vec<Result<Arc<Order>, ClosedOrder>>, StoreError> {
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
            (Ok(bytes), _) => match document::whole_order(id, bytes, order_cache.keys()) {
                Ok(order) => {
                    let order = Arc::new(order);
                    order_cache.keep(&order);
                    orders.push(Ok(order));
                }
                Err(StoreError::Refused(why)) => {
                    let open = Arc::new(document::order(bytes)?);
                    orders.push(Err(ClosedOrder { open, why }));
                }
                Err(error) => return Err(error),
            },
            (Err(_), Some(order)) => orders.push(Ok(Arc::clone(order))),
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
