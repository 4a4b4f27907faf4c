//! What is open at a location or with a courier: asked before it is taken out of use.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::model::replenishment::Replenishment;
use crate::domain::model::scalars::{CourierCode, LocationCode, ShipmentId, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    /// Shelves of a location with units on them; a few more of them than are told, if there are many.
    pub(in crate::domain) fn stock_at(&self, location: &LocationCode) -> Vec<&StockLevel> {
        self.needs_stock_at(location);
        let mut found: BTreeMap<&Sku, &StockLevel> = BTreeMap::new();
        for map in [&self.snapshot.stock, &self.changes.stock] {
            let here = map.iter().filter(|((_, it), _)| it == location);
            found.extend(here.map(|((sku, _), level)| (sku, level)));
        }
        found.into_values().filter(|it| it.on_hand > 0 || it.reserved > 0).collect()
    }

    /// Replenishments for a location that are not over; likewise.
    pub(in crate::domain) fn open_replenishments_at(&self, location: &LocationCode) -> Vec<&Replenishment> {
        self.needs_stock_at(location);
        let open = |it: &&Replenishment| it.location == *location && it.state.is_open();
        let mut found: Vec<_> =
            self.snapshot.replenishments.values().map(AsRef::as_ref).filter(open).collect();
        found.sort_by_key(|it| it.id);
        found
    }

    /// Shipments that this courier has or is to get; likewise.
    pub(in crate::domain) fn open_shipments_of(&self, courier: &CourierCode) -> BTreeSet<ShipmentId> {
        self.note_if_not_loaded(
            |it| it.shipments_of.contains(courier),
            |it| it.shipments_of.push(courier.clone()),
        );
        let orders = &self.snapshot.orders;
        let stored = self.snapshot.shipments_of.get(courier).into_iter().flatten();
        let stored = stored.filter(|(_, order)| !orders.contains_key(order)).map(|(id, _)| *id);
        let loaded = orders.values().flat_map(|it| &it.shipments).filter(|it| {
            !it.state.is_over() && it.assignment.as_ref().is_some_and(|it| it.courier == *courier)
        });
        stored.chain(loaded.map(|it| it.id)).collect()
    }

    fn needs_stock_at(&self, location: &LocationCode) {
        self.note_if_not_loaded(|it| it.stock_at.contains(location), |it| it.stock_at.push(location.clone()));
    }
}
