//! Whole orders as they were last stored or read. An order's version and the time of its last change vouch for all its
//! parts, so a reader that has just read these need not read the rest again. The version alone would not do: a database
//! that fails over to one that had not heard everything counts the same versions again. Both are compared in SQL
//! (`CachedState` in `rows/lookup.rs`), for readers by `query/whole.rs` and for the writer by `writer/loading.rs`. The setting
//! `limits.recent_orders` says how many are kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;

use crate::domain::{Order, OrderId};
use crate::store::archive_keys::ArchiveKeys;

/// The orders that were used last, at most so many, sealed ones opened. The keys of the archive open those that are not here,
/// and all that read orders have this.
pub(in crate::store) struct OrderCache {
    orders: Mutex<LruCache<OrderId, Arc<Order>>>,
    keys: ArchiveKeys,
}

impl OrderCache {
    pub(in crate::store) fn new(orders_max: usize) -> Self {
        Self { orders: Mutex::new(LruCache::new(orders_max)), keys: ArchiveKeys::default() }
    }

    pub(in crate::store) fn with_keys(self, keys: ArchiveKeys) -> Self {
        Self { keys, ..self }
    }

    pub(in crate::store) fn keys(&self) -> &ArchiveKeys {
        &self.keys
    }

    /// The order as it is cached, whatever is stored by now.
    pub(in crate::store) fn get(&self, id: OrderId) -> Option<Arc<Order>> {
        self.lock().get(&id).cloned()
    }

    /// Remembers an order as it is stored. A reader that is late does not bring an older version back. Where a database that
    /// failed over has a lower one, the order is read whole each time until the writer, which reads under the lock, forgets
    /// what is here.
    pub(in crate::store) fn keep(&self, order: &Arc<Order>) {
        let mut orders = self.lock();
        if orders.peek(&order.id).is_none_or(|it| it.version <= order.version) {
            orders.insert(order.id, Arc::clone(order));
        }
    }

    pub(in crate::store) fn forget(&self, id: OrderId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<OrderId, Arc<Order>>> {
        // Nothing panics while it is held.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_where_there_is_no_room() {
        let mut orders = LruCache::new(0);
        orders.insert(1, "one");
        assert_eq!(orders.get(&1), None);
    }
}
