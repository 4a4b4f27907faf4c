//! Where decisions are made: the loaded state, and what one decision changes of it.
//!
//! A decision works on a [`Desk`]: it reads the [`World`] and lays its changes on top. Refused, the changes are
//! dropped and nothing has happened; accepted, they are absorbed and the next decision of the group sees them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{
    Actor, Channel, Courier, CourierCode, Event, Ids, JobId, Location, LocationCode, Movement, Order,
    OrderId, OrderState, Product, Refusal, RegionCode, Replenishment, ReplenishmentId, Reservation,
    ReservationId, Rules, Sku, StockLevel, Timestamp,
};

/// What a decision needs to see. The store loads it, locked where it may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touch {
    pub orders: Vec<OrderId>,
    /// Whether the decision may move stock of these orders' lines and reservations.
    pub order_stock: bool,
    /// Whether it may set stock of these orders' lines aside: then overdue holds on that stock are loaded too.
    pub reserves: bool,
    /// Stock of these at every location, with what waiting orders are waiting for.
    pub skus: Vec<Sku>,
    /// Other callers' reservations.
    pub reservations: Vec<ReservationId>,
    pub replenishments: Vec<ReplenishmentId>,
    /// Products by SKU, without stock.
    pub products: Vec<Sku>,
    pub locations: bool,
    pub couriers: bool,
    /// Orders with this fingerprint, and when the youngest was received.
    pub fingerprint: Option<String>,
    pub external_reference: Option<(Channel, String)>,
    /// The key of the bank reference about to be recorded; unique.
    pub bank_reference: Option<String>,
    /// A worker's claim on a job: checked and completed with the change.
    pub lease: Option<Lease>,
}

/// A worker's claim: its token only rises, so that whoever lost the lease is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub job: JobId,
    pub token: i64,
}

/// Everything loaded for a group of decisions.
#[derive(Debug, Default)]
pub struct World {
    pub orders: HashMap<OrderId, Arc<Order>>,
    pub stock: BTreeMap<(Sku, LocationCode), StockLevel>,
    pub reservations: HashMap<ReservationId, Arc<Reservation>>,
    pub replenishments: HashMap<ReplenishmentId, Arc<Replenishment>>,
    pub products: HashMap<Sku, Arc<Product>>,
    pub locations: BTreeMap<LocationCode, Arc<Location>>,
    pub couriers: BTreeMap<CourierCode, Arc<Courier>>,
    /// How customers rated each courier: hundredths of 1.00–5.00.
    pub courier_ratings: HashMap<CourierCode, i64>,
    /// Units that waiting orders want, per region and product.
    pub awaited: HashMap<(RegionCode, Sku), i64>,
    /// Of these, what orders older than a loaded waiting order want.
    pub awaited_before: HashMap<(OrderId, Sku), i64>,
    /// When the youngest order with this fingerprint was received.
    pub fingerprints: HashMap<String, Timestamp>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
    /// Products and places with a replenishment that is not over, by its id.
    pub open_replenishments: HashMap<(Sku, LocationCode), ReplenishmentId>,
    /// Orders (loaded) and other callers' reservations (loaded) whose hold on touched stock is past its end.
    pub overdue_orders: Vec<OrderId>,
    pub overdue_reservations: Vec<ReservationId>,
    /// Whether there are more of them than were loaded.
    pub more_overdue: bool,
    /// Leases as the database knows them.
    pub leases: HashMap<JobId, i64>,
}

/// What one decision changed. Entities are whole; the store finds out what differs.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    pub stock: BTreeMap<(Sku, LocationCode), StockLevel>,
    pub reservations: BTreeMap<ReservationId, Arc<Reservation>>,
    pub replenishments: BTreeMap<ReplenishmentId, Arc<Replenishment>>,
    pub products: BTreeMap<Sku, Arc<Product>>,
    pub locations: BTreeMap<LocationCode, Arc<Location>>,
    pub couriers: BTreeMap<CourierCode, Arc<Courier>>,
    pub awaited: HashMap<(RegionCode, Sku), i64>,
    /// Per waiting order that stopped waiting: its number, region and units, for those behind it.
    pub stopped_waiting: Vec<(i64, RegionCode, Sku, i64)>,
    pub fingerprints: HashMap<String, Timestamp>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
    pub open_replenishments: HashMap<(Sku, LocationCode), Option<ReplenishmentId>>,
    pub events: Vec<Event>,
    pub movements: Vec<Movement>,
    /// The job this change completes.
    pub lease: Option<Lease>,
}

impl World {
    /// Makes an accepted decision's changes part of the world.
    pub fn absorb(&mut self, changes: &Changes) {
        for (id, order) in &changes.orders {
            let waited = self.orders.get(id).is_some_and(|it| it.state == OrderState::AwaitingStock);
            if order.state == OrderState::AwaitingStock && !waited {
                self.line_up(order);
            }
            self.orders.insert(*id, Arc::clone(order));
        }
        for (key, level) in &changes.stock {
            self.stock.insert(key.clone(), level.clone());
        }
        for (id, reservation) in &changes.reservations {
            self.reservations.insert(*id, Arc::clone(reservation));
        }
        for (id, replenishment) in &changes.replenishments {
            self.replenishments.insert(*id, Arc::clone(replenishment));
        }
        for (sku, product) in &changes.products {
            self.products.insert(sku.clone(), Arc::clone(product));
        }
        for (code, location) in &changes.locations {
            self.locations.insert(code.clone(), Arc::clone(location));
        }
        for (code, courier) in &changes.couriers {
            self.couriers.insert(code.clone(), Arc::clone(courier));
        }
        for (key, units) in &changes.awaited {
            *self.awaited.entry(key.clone()).or_default() += units;
        }
        for (number, region, sku, units) in &changes.stopped_waiting {
            for ((order, waited), before) in &mut self.awaited_before {
                let behind = self
                    .orders
                    .get(order)
                    .is_some_and(|it| it.number > *number && it.region.as_ref() == Some(region));
                if behind && waited == sku {
                    *before -= units;
                }
            }
        }
        self.fingerprints.extend(changes.fingerprints.iter().map(|(key, at)| (key.clone(), *at)));
        self.external_references.extend(changes.external_references.iter().cloned());
        self.bank_references.extend(changes.bank_references.iter().cloned());
        for (key, id) in &changes.open_replenishments {
            match id {
                Some(id) => self.open_replenishments.insert(key.clone(), *id),
                None => self.open_replenishments.remove(key),
            };
        }
        if let Some(lease) = changes.lease {
            self.leases.remove(&lease.job);
        }
    }
}

impl World {
    /// When a decision that touches this is made: now, but never before the last change of an order that it may write
    /// about. A history does not fall because a clock was set back.
    pub fn time_for(&self, touch: &Touch, now: Timestamp) -> Timestamp {
        let moves_stock = touch.order_stock || touch.reserves || !touch.skus.is_empty();
        let overdue = self.overdue_orders.iter().filter(|_| moves_stock);
        let orders = touch.orders.iter().chain(overdue).filter_map(|it| self.orders.get(it));
        orders.map(|it| it.updated_at).fold(now, Timestamp::max)
    }

    /// An order begins to wait: behind everybody, as far as this world can tell, and before those received later.
    fn line_up(&mut self, order: &Order) {
        let Some(region) = &order.region else { return };
        for line in &order.lines {
            let ahead = self.awaited.get(&(region.clone(), line.sku.clone())).copied().unwrap_or(0);
            self.awaited_before.insert((order.id, line.sku.clone()), ahead);
        }
        // An order that is not numbered yet is the newest.
        for ((other, sku), before) in &mut self.awaited_before {
            let later = self.orders.get(other).is_some_and(|it| {
                order.number > 0 && it.number > order.number && it.region.as_ref() == Some(region)
            });
            if later {
                let mine = order.lines.iter().filter(|it| it.sku == *sku);
                *before += mine.map(|it| it.quantity).sum::<i64>();
            }
        }
    }
}

/// One decision at work.
#[derive(Debug)]
pub struct Desk<'w> {
    world: &'w World,
    pub rules: &'w Rules,
    pub now: Timestamp,
    pub actor: Actor,
    pub ids: Ids,
    pub changes: Changes,
}

impl<'w> Desk<'w> {
    pub fn new(world: &'w World, rules: &'w Rules, now: Timestamp, actor: Actor, ids: Ids) -> Self {
        Self { world, rules, now, actor, ids, changes: Changes::default() }
    }

    /// The world below this decision's own changes.
    pub fn world(&self) -> &'w World {
        self.world
    }

    pub fn order(&self, id: OrderId) -> Result<&Order, Refusal> {
        self.find_order(id).map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("order", id))
    }

    /// The order to work on; give it back with [`Desk::keep_order`].
    pub fn take_order(&mut self, id: OrderId) -> Result<Order, Refusal> {
        let found = self.find_order(id).map(|it| Order::clone(it));
        found.ok_or_else(|| Refusal::not_found("order", id))
    }

    /// Puts a changed order back, one version later than it was loaded.
    pub fn keep_order(&mut self, mut order: Order) {
        let before = self.world.orders.get(&order.id).map_or(0, |it| it.version);
        order.version = before + 1;
        order.updated_at = self.now;
        self.changes.orders.insert(order.id, Arc::new(order));
    }

    fn find_order(&self, id: OrderId) -> Option<&Arc<Order>> {
        self.changes.orders.get(&id).or_else(|| self.world.orders.get(&id))
    }

    pub fn level(&self, sku: &Sku, location: &LocationCode) -> Option<&StockLevel> {
        let key = (sku.clone(), location.clone());
        self.changes.stock.get(&key).or_else(|| self.world.stock.get(&key))
    }

    /// Stock of one product wherever it lies, in order of location.
    pub fn levels(&self, sku: &Sku) -> Vec<&StockLevel> {
        let mut found: BTreeMap<&LocationCode, &StockLevel> = BTreeMap::new();
        for map in [&self.world.stock, &self.changes.stock] {
            let of_sku = map.iter().filter(|((it, _), _)| it == sku);
            found.extend(of_sku.map(|((_, location), level)| (location, level)));
        }
        found.into_values().collect()
    }

    pub fn keep_level(&mut self, mut level: StockLevel) {
        let key = (level.sku.clone(), level.location.clone());
        level.version = self.world.stock.get(&key).map_or(0, |it| it.version) + 1;
        level.updated_at = level.updated_at.max(self.now);
        self.changes.stock.insert(key, level);
    }

    pub fn location(&self, code: &LocationCode) -> Option<&Location> {
        self.changes.locations.get(code).or_else(|| self.world.locations.get(code)).map(AsRef::as_ref)
    }

    pub fn product(&self, sku: &Sku) -> Option<&Product> {
        self.changes.products.get(sku).or_else(|| self.world.products.get(sku)).map(AsRef::as_ref)
    }

    pub fn courier(&self, code: &CourierCode) -> Option<&Courier> {
        self.changes.couriers.get(code).or_else(|| self.world.couriers.get(code)).map(AsRef::as_ref)
    }

    pub fn reservation(&self, id: ReservationId) -> Result<&Reservation, Refusal> {
        let found = self.changes.reservations.get(&id).or_else(|| self.world.reservations.get(&id));
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("reservation", id))
    }

    pub fn keep_reservation(&mut self, mut reservation: Reservation) {
        reservation.version = self.world.reservations.get(&reservation.id).map_or(0, |it| it.version) + 1;
        self.changes.reservations.insert(reservation.id, Arc::new(reservation));
    }

    pub fn replenishment(&self, id: ReplenishmentId) -> Result<&Replenishment, Refusal> {
        let found = self.changes.replenishments.get(&id).or_else(|| self.world.replenishments.get(&id));
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("replenishment", id))
    }

    pub fn keep_replenishment(&mut self, mut replenishment: Replenishment) {
        replenishment.version =
            self.world.replenishments.get(&replenishment.id).map_or(0, |it| it.version) + 1;
        replenishment.updated_at = replenishment.updated_at.max(self.now);
        self.changes.replenishments.insert(replenishment.id, Arc::new(replenishment));
    }

    /// Units that waiting orders of the region are waiting for.
    pub fn awaited(&self, region: &RegionCode, sku: &Sku) -> i64 {
        let key = (region.clone(), sku.clone());
        let here = self.changes.awaited.get(&key).copied().unwrap_or(0);
        self.world.awaited.get(&key).copied().unwrap_or(0) + here
    }

    /// Of these, what orders received before this waiting one want.
    pub fn awaited_before(&self, order: OrderId, sku: &Sku) -> i64 {
        self.world.awaited_before.get(&(order, sku.clone())).copied().unwrap_or(0)
    }

    /// When the youngest order of the same customer for the same goods was received, this one aside.
    pub fn received_alike(&self, fingerprint: &str, except: OrderId) -> Option<Timestamp> {
        let seen = [self.changes.fingerprints.get(fingerprint), self.world.fingerprints.get(fingerprint)];
        let alike = |it: &&Arc<Order>| it.id != except && it.fingerprint == fingerprint;
        let loaded = self.world.orders.values().filter(alike).map(|it| it.created_at);
        seen.into_iter().flatten().copied().chain(loaded).max()
    }

    pub fn open_replenishment(&self, sku: &Sku, location: &LocationCode) -> Option<ReplenishmentId> {
        let key = (sku.clone(), location.clone());
        match self.changes.open_replenishments.get(&key) {
            Some(changed) => *changed,
            None => self.world.open_replenishments.get(&key).copied(),
        }
    }
}
