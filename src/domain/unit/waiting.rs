//! Who waits for stock before whom, as a decision sees it.

use std::collections::BTreeMap;

use crate::domain::model::order::Order;
use crate::domain::model::policy::MayPass;
use crate::domain::model::scalars::{OrderId, RegionCode, Sku};
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    /// Units that waiting orders of the region are waiting for.
    pub fn awaited(&self, region: &RegionCode, sku: &Sku) -> i64 {
        self.needs_stock(sku);
        let key = (region.clone(), sku.clone());
        let here = self.changes.awaited.get(&key).copied().unwrap_or(0);
        self.snapshot.awaited.get(&key).copied().unwrap_or(0) + here
    }

    /// Units that waiting orders come first for, before somebody who wants so many units and does not wait.
    pub fn awaited_ahead(&self, region: &RegionCode, sku: &Sku, wanted: i64) -> i64 {
        match self.rules.waiting.may_pass {
            MayPass::Nobody => self.awaited(region, sku),
            MayPass::Smaller => {
                self.needs_stock(sku);
                let here = self.snapshot.resized(&self.changes);
                let here = here.iter().filter(|it| it.region == region && it.sku == sku);
                let loaded = self.snapshot.queue.no_larger(region, sku, wanted);
                loaded + here.map(|it| it.more_up_to(wanted)).sum::<i64>()
            }
        }
    }

    /// Units that orders received before this waiting one come first for.
    pub fn awaited_before(&self, order: OrderId, sku: &Sku) -> i64 {
        self.needs_stock(sku);
        let before = match self.rules.waiting.may_pass {
            MayPass::Nobody => &self.snapshot.awaited_before,
            MayPass::Smaller => &self.snapshot.queue.no_larger_before,
        };
        before.get(&(order, sku.clone())).copied().unwrap_or(0)
    }
}

/// A waiting order that wants more of a product than it did, or less.
struct Resized<'c> {
    order: OrderId,
    /// Zero: not numbered yet.
    number: i64,
    region: &'c RegionCode,
    sku: &'c Sku,
    before: i64,
    after: i64,
}

impl Resized<'_> {
    /// How many more units it comes first for, before one that wants so many.
    fn more_up_to(&self, wanted: i64) -> i64 {
        let counts = |units: i64| if units <= wanted { units } else { 0 };
        counts(self.after) - counts(self.before)
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

    /// What orders want of products after these changes, where it differs.
    fn resized<'c>(&'c self, changes: &'c ChangeSet) -> Vec<Resized<'c>> {
        let mut resized = Vec::new();
        for (id, after) in &changes.orders {
            let before: Option<&Order> = self.orders.get(id).map(AsRef::as_ref);
            let Some(region) = after.region.as_ref().or(before.and_then(|it| it.region.as_ref())) else {
                continue;
            };
            let wants = before.map(units_by_product).unwrap_or_default();
            let mut will_want = units_by_product(after);
            for (sku, units) in wants {
                let now = will_want.remove(sku).unwrap_or(0);
                resized.push(Resized {
                    order: *id,
                    number: after.number,
                    region,
                    sku,
                    before: units,
                    after: now,
                });
            }
            for (sku, units) in will_want {
                resized.push(Resized {
                    order: *id,
                    number: after.number,
                    region,
                    sku,
                    before: 0,
                    after: units,
                });
            }
        }
        resized.retain(|it| it.before != it.after);
        resized
    }

    /// Keeps who waits before whom by size. Before the changes are taken over: it compares.
    pub(super) fn queue_anew(&mut self, changes: &ChangeSet) {
        let mut queue = std::mem::take(&mut self.queue);
        for it in self.resized(changes) {
            if it.after > it.before {
                let ahead = queue.no_larger(it.region, it.sku, it.after) - it.before;
                queue.no_larger_before.insert((it.order, it.sku.clone()), ahead);
            }
            for ((other, sku), ahead) in &mut queue.no_larger_before {
                // One whose number is not given yet is the newest.
                let is_behind = it.number > 0
                    && sku == it.sku
                    && self.orders.get(other).is_some_and(|other| {
                        other.number > it.number && other.region.as_ref() == Some(it.region)
                    });
                if is_behind {
                    let behind = changes.orders.get(other).or_else(|| self.orders.get(other));
                    let wanted = behind.map(|it| units_by_product(it));
                    let wanted = wanted.and_then(|it| it.get(sku).copied()).unwrap_or(0);
                    *ahead += it.more_up_to(wanted);
                }
            }
            for (size, units) in [(it.before, -it.before), (it.after, it.after)] {
                if size > 0 {
                    queue.add(it.region.clone(), it.sku.clone(), size, units);
                }
            }
        }
        self.queue = queue;
    }
}

/// What an order waits for, as its rows in the queue have it.
fn units_by_product(order: &Order) -> BTreeMap<&Sku, i64> {
    let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
    for (line, awaited) in order.awaited_units() {
        *units.entry(&line.sku).or_default() += awaited;
    }
    units
}
