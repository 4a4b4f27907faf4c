//! Entities as they were before a group changed them, and saving what differs now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::{
    ChangeSet, Courier, CourierCode, Location, LocationCode, Order, OrderId, Product, Replenishment,
    ReplenishmentId, Reservation, ReservationId, Sku, Snapshot, StockLevel,
};
use crate::store::connection::error::StoreError;
use crate::store::rows::saved::Saved;
use crate::store::rows::write::Writes;
use crate::store::rows::{catalogue, order, reservation, stock};
use crate::store::writer::idempotency::{IdempotencyKey, StoredAnswer};

/// None: it did not exist.
pub(super) type Old<K, V> = BTreeMap<K, Option<V>>;

#[derive(Default)]
pub(in crate::store) struct Before {
    /// Stored answers of earlier phases of the group's calls.
    pub(in crate::store) answers: HashMap<IdempotencyKey, StoredAnswer>,
    pub(in crate::store) orders: Old<OrderId, Arc<Order>>,
    pub(in crate::store) reservations: Old<ReservationId, Arc<Reservation>>,
    stock: Old<(Sku, LocationCode), StockLevel>,
    replenishments: Old<ReplenishmentId, Arc<Replenishment>>,
    products: Old<Sku, Arc<Product>>,
    locations: Old<LocationCode, Arc<Location>>,
    couriers: Old<CourierCode, Arc<Courier>>,
}

impl Before {
    /// Notes what these changes are about to replace, unless an earlier change of the group did already.
    pub(in crate::store) fn remember(&mut self, snapshot: &Snapshot, changes: &ChangeSet) {
        for id in changes.orders.keys() {
            self.orders.entry(*id).or_insert_with(|| snapshot.orders.get(id).cloned());
        }
        for id in changes.reservations.keys() {
            self.reservations.entry(*id).or_insert_with(|| snapshot.reservations.get(id).cloned());
        }
        for key in changes.stock.keys() {
            self.stock.entry(key.clone()).or_insert_with(|| snapshot.stock.get(key).cloned());
        }
        for id in changes.replenishments.keys() {
            self.replenishments.entry(*id).or_insert_with(|| snapshot.replenishments.get(id).cloned());
        }
        for sku in changes.products.keys() {
            self.products.entry(sku.clone()).or_insert_with(|| snapshot.products.get(sku).cloned());
        }
        for code in changes.locations.keys() {
            self.locations.entry(code.clone()).or_insert_with(|| snapshot.locations.get(code).cloned());
        }
        for code in changes.couriers.keys() {
            self.couriers.entry(code.clone()).or_insert_with(|| snapshot.couriers.get(code).cloned());
        }
    }

    /// Writes what differs in the snapshot, once its orders are numbered; rows that others point to first.
    pub(in crate::store) fn save(&self, writes: &mut Writes, snapshot: &Snapshot) -> Result<(), StoreError> {
        catalogue::save_products(
            writes,
            &saved(&self.products, |it| snapshot.products.get(it).map(AsRef::as_ref)),
        );
        catalogue::save_locations(
            writes,
            &saved(&self.locations, |it| snapshot.locations.get(it).map(AsRef::as_ref)),
        );
        catalogue::save_couriers(
            writes,
            &saved(&self.couriers, |it| snapshot.couriers.get(it).map(AsRef::as_ref)),
        );

        let levels = self.stock.iter();
        let levels: Vec<_> = levels
            .filter_map(|(key, before)| {
                Some(Saved { before: before.as_ref(), after: snapshot.stock.get(key)? })
            })
            .collect();
        stock::save_levels(writes, &levels);

        order::save_orders(writes, &saved(&self.orders, |it| snapshot.orders.get(it).map(AsRef::as_ref)))?;
        let reservations = saved(&self.reservations, |it| snapshot.reservations.get(it).map(AsRef::as_ref));
        reservation::save_reservations(writes, &reservations);
        let replenishments =
            saved(&self.replenishments, |it| snapshot.replenishments.get(it).map(AsRef::as_ref));
        stock::save_replenishments(writes, &replenishments);
        Ok(())
    }
}

fn saved<'a, K, V>(before: &'a Old<K, Arc<V>>, after: impl Fn(&K) -> Option<&'a V>) -> Vec<Saved<'a, V>> {
    let both = |(key, before): (&K, &'a Option<Arc<V>>)| {
        Some(Saved { before: before.as_deref(), after: after(key)? })
    };
    before.iter().filter_map(both).collect()
}
