//! The time of a decision, and the line of the orders that wait for stock.

use crate::domain::model::order::Order;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::{ReadSet, Snapshot};

impl Snapshot {
    /// The time of a decision with this read set: now, but never before the last change of an order that it may write
    /// about. A history never goes back in time because a clock was set back.
    pub fn time_for(&self, reads: &ReadSet, now: Timestamp) -> Timestamp {
        let releases_expired = reads.reserves || !reads.skus.is_empty();
        let expired = self.expired_orders.iter().filter(|_| releases_expired);
        let owners = reads.parts.iter().filter_map(|it| self.owners.get(it));
        let holding = self.holding_orders.iter().filter(|_| !reads.holders_of.is_empty());
        let orders = reads
            .orders
            .iter()
            .chain(owners)
            .chain(expired)
            .chain(holding)
            .filter_map(|it| self.orders.get(it));
        orders.map(|it| it.updated_at).fold(now, Timestamp::max)
    }

    /// Puts an order that begins to wait in line: behind the orders of this snapshot, and before those received later.
    pub(super) fn line_up(&mut self, order: &Order) {
        let Some(region) = &order.region else { return };
        for line in order.goods() {
            let ahead = self.awaited.get(&(region.clone(), line.sku.clone())).copied().unwrap_or(0);
            self.awaited_before.insert((order.id, line.sku.clone()), ahead);
        }
        // An order that is not numbered yet is the newest.
        for ((other, sku), before) in &mut self.awaited_before {
            let later = self.orders.get(other).is_some_and(|it| {
                order.number > 0 && it.number > order.number && it.region.as_ref() == Some(region)
            });
            if later {
                let mine = order.goods().filter(|it| it.sku == *sku);
                *before += mine.map(|it| it.quantity).sum::<i64>();
            }
        }
    }
}
