//! Who has stock of a shelf, as a decision sees it.

use std::collections::BTreeSet;

use crate::domain::model::order::Order;
use crate::domain::model::reservation::{Reservation, ReservedItem};
use crate::domain::model::scalars::{LocationCode, OrderId, ReservationId, Sku};
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    /// Orders and other callers' reservations that have units of a shelf, of those that were loaded: never more than a count
    /// may touch and those that others loaded beside it.
    pub(in crate::domain) fn holders_of(
        &self,
        sku: &Sku,
        location: &LocationCode,
    ) -> (BTreeSet<OrderId>, BTreeSet<ReservationId>) {
        let shelf = (sku.clone(), location.clone());
        self.note_if_not_loaded(|it| it.holders_of.contains(&shelf), |it| it.holders_of.push(shelf.clone()));
        let here = |it: &ReservedItem| it.sku == *sku && it.location == *location && it.open() > 0;
        let holds = |it: &Reservation| it.is_open() && it.items.iter().any(here);
        let of_order = |it: &&Order| it.current_reservation().is_some_and(holds);
        let orders = self.snapshot.orders.values().chain(self.changes.orders.values());
        let orders = orders.map(AsRef::as_ref).filter(of_order).map(|it| it.id).collect();
        let reservations = self.snapshot.reservations.values().chain(self.changes.reservations.values());
        let standing = reservations.filter(|it| it.order.is_none() && holds(it)).map(|it| it.id).collect();
        (orders, standing)
    }

    /// Orders, of those that were loaded, that have units of a shelf on pick lists which have expired, picked ones included.
    pub(in crate::domain) fn orders_with_expired(
        &self,
        sku: &Sku,
        location: &LocationCode,
    ) -> BTreeSet<OrderId> {
        let shelf = (sku.clone(), location.clone());
        self.note_if_not_loaded(|it| it.holders_of.contains(&shelf), |it| it.holders_of.push(shelf.clone()));
        let known = self.snapshot.orders.keys().chain(self.changes.orders.keys()).copied();
        let has_some =
            |it: &OrderId| self.order(*it).is_ok_and(|it| it.has_expired_units(sku, location, self.now));
        known.filter(has_some).collect()
    }
}
