//! How many shipments the days of locations and couriers have, as a decision sees them.

use std::collections::BTreeMap;

use crate::domain::model::capacity::{CAPACITY_DAYS, CapacityOf, DailyShipments, count_daily_shipments};
use crate::domain::model::day::Day;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::OrderId;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    /// Shipments of one that has a capacity on its days from this one on.
    pub(in crate::domain) fn daily_shipments(&self, of: &CapacityOf, from: Day) -> BTreeMap<Day, i64> {
        self.note_if_not_loaded(|it| it.capacity_of.contains(of), |it| it.capacity_of.push(of.clone()));
        let mut found: BTreeMap<Day, i64> = BTreeMap::new();
        for map in [&self.snapshot.daily_shipments, &self.changes.daily_shipments] {
            let days = map.range((of.clone(), from)..=(of.clone(), from.plus(CAPACITY_DAYS)));
            days.for_each(|((_, day), shipments)| *found.entry(*day).or_default() += shipments);
        }
        found
    }

    /// The order as it was before what is being decided of it; None: it is new. What it takes of the days is counted.
    pub(in crate::domain) fn order_before(&self, id: OrderId) -> Option<&Order> {
        let found = self.changes.orders.get(&id).or_else(|| self.snapshot.orders.get(&id));
        found.map(AsRef::as_ref)
    }

    /// Counts what an order takes of the days from now on in the place of what it took.
    pub(super) fn recount(&mut self, order: &Order) {
        let mut moved = DailyShipments::new();
        if let Some(before) = self.order_before(order.id) {
            count_daily_shipments(&mut moved, before, -1);
        }
        count_daily_shipments(&mut moved, order, 1);
        for (key, shipments) in moved.into_iter().filter(|it| it.1 != 0) {
            *self.changes.daily_shipments.entry(key).or_default() += shipments;
        }
    }
}

impl Snapshot {
    pub(super) fn count_days(&mut self, changes: &ChangeSet) {
        for (key, shipments) in &changes.daily_shipments {
            *self.daily_shipments.entry(key.clone()).or_default() += shipments;
        }
    }
}
