//! Who waits for stock before whom, as a decision sees it.

use crate::domain::model::order::Order;
use crate::domain::model::scalars::{OrderId, RegionCode, Sku};
use crate::domain::unit::unit_of_work::{Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    /// Units that waiting orders of the region are waiting for.
    pub fn awaited(&self, region: &RegionCode, sku: &Sku) -> i64 {
        self.needs_stock(sku);
        let key = (region.clone(), sku.clone());
        let here = self.changes.awaited.get(&key).copied().unwrap_or(0);
        self.snapshot.awaited.get(&key).copied().unwrap_or(0) + here
    }

    /// Units that orders received before this waiting one want.
    pub fn awaited_before(&self, order: OrderId, sku: &Sku) -> i64 {
        self.needs_stock(sku);
        self.snapshot.awaited_before.get(&(order, sku.clone())).copied().unwrap_or(0)
    }
}

impl Snapshot {
    /// Puts an order that begins to wait in line: behind the orders of this snapshot, and before those received later.
    pub(super) fn line_up(&mut self, order: &Order) {
        let Some(region) = &order.region else { return };
        for (line, _) in order.awaited_units() {
            let ahead = self.awaited.get(&(region.clone(), line.sku.clone())).copied().unwrap_or(0);
            self.awaited_before.insert((order.id, line.sku.clone()), ahead);
        }
        // An order that is not numbered yet is the newest.
        for ((other, sku), before) in &mut self.awaited_before {
            let later = self.orders.get(other).is_some_and(|it| {
                order.number > 0 && it.number > order.number && it.region.as_ref() == Some(region)
            });
            if later {
                let mine = order.awaited_units().filter(|it| it.0.sku == *sku);
                *before += mine.map(|it| it.1).sum::<i64>();
            }
        }
    }
}
