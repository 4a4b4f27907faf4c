//! How many reservations of ReserveStock each caller has open, and how many of its orders wait for stock, as a decision
//! sees it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::Actor;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    pub(in crate::domain) fn open_reservations(&self, caller: &Actor) -> i64 {
        self.note_if_not_loaded(|it| it.callers.contains(caller), |it| it.own_reservations = true);
        let before = self.snapshot.open_reservations.get(caller).copied().unwrap_or(0);
        before + self.snapshot.moved(&self.changes).get(caller).copied().unwrap_or(0)
    }

    /// Those of this decision among them.
    pub(in crate::domain) fn waiting_orders(&self, caller: &Actor) -> i64 {
        self.note_if_not_loaded(|it| it.callers.contains(caller), |it| it.own_reservations = true);
        let before = self.snapshot.queue.orders_of.get(caller).copied().unwrap_or(0);
        before + self.snapshot.more_waiting(&self.changes).get(caller).copied().unwrap_or(0)
    }
}

impl Snapshot {
    /// How many more reservations callers have open after these changes.
    fn moved<'c>(&'c self, changes: &'c ChangeSet) -> HashMap<&'c Actor, i64> {
        let mut moved = HashMap::new();
        for (id, after) in &changes.reservations {
            let before = self.reservations.get(id).and_then(|it| it.open_for());
            before.into_iter().for_each(|it| *moved.entry(it).or_default() -= 1);
            after.open_for().into_iter().for_each(|it| *moved.entry(it).or_default() += 1);
        }
        moved
    }

    /// How many more orders of callers wait after these changes.
    fn more_waiting<'c>(&'c self, changes: &'c ChangeSet) -> HashMap<&'c Actor, i64> {
        let mut more: HashMap<&Actor, i64> = HashMap::new();
        for (id, after) in &changes.orders {
            if let Some(before) = self.orders.get(id).filter(|it| it.waits_for_stock()) {
                *more.entry(&before.created_by).or_default() -= 1;
            }
            if after.waits_for_stock() {
                *more.entry(&after.created_by).or_default() += 1;
            }
        }
        more
    }

    /// Before the changes are taken over: it compares.
    pub(super) fn count_callers(&mut self, changes: &ChangeSet) {
        let (open, waiting) = (owned(self.moved(changes)), owned(self.more_waiting(changes)));
        for (caller, reservations) in open {
            *self.open_reservations.entry(caller).or_default() += reservations;
        }
        for (caller, orders) in waiting {
            *self.queue.orders_of.entry(caller).or_default() += orders;
        }
    }
}

fn owned(moved: HashMap<&Actor, i64>) -> Vec<(Actor, i64)> {
    moved.into_iter().map(|(caller, it)| (caller.clone(), it)).collect()
}

/// Adds what a caller has open of this reservation (`sign` 1), or takes it off (−1).
pub fn count_open(open: &mut BTreeMap<Actor, i64>, reservation: &Reservation, sign: i64) {
    if let Some(caller) = reservation.open_for() {
        *open.entry(caller.clone()).or_default() += sign;
    }
}
