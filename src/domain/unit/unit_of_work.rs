//! Where decisions are made: the loaded state, and what one decision changes of it.
//!
//! A decision works on a [`Desk`]: it reads the [`World`] and lays its changes on top. Refused, the changes are
//! dropped and nothing has happened; accepted, they are absorbed and the next decision of the group sees them.
//!
//! A key that nobody loaded is not a key that does not exist. A decision that reads one is dropped, whatever it said:
//! [`Desk::not_loaded`] names the keys, and the decision is run again with them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::model::courier::Courier;
use crate::domain::model::event::Event;
use crate::domain::model::location::Location;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::Rules;
use crate::domain::model::product::Product;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::Replenishment;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::{
    Actor, ApprovalId, Channel, CourierCode, HoldId, Ids, InvoiceId, JobId, LocationCode, MessageId, OrderId,
    PaymentId, RefundId, RegionCode, ReplenishmentId, ReservationId, ShipmentId, Sku,
};
use crate::domain::model::stock::{Movement, StockLevel};
use crate::domain::model::time::Timestamp;

/// An order, or a part of one: parts never move to another order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Order(OrderId),
    Shipment(ShipmentId),
    /// The shipment with this tracking number of this courier's.
    Tracked {
        courier: CourierCode,
        number: String,
    },
    Payment(PaymentId),
    Refund(RefundId),
    Invoice(InvoiceId),
    Approval(ApprovalId),
    Hold(HoldId),
    /// Of an order; other callers' reservations are no parts.
    Reservation(ReservationId),
    Message(MessageId),
}

impl Part {
    pub fn not_found(&self) -> Refusal {
        match self {
            Self::Order(id) => Refusal::not_found("order", id),
            Self::Shipment(id) => Refusal::not_found("shipment", id),
            Self::Tracked { courier: _, number } => {
                Refusal::not_found("shipment with tracking number", number)
            }
            Self::Payment(id) => Refusal::not_found("payment", id),
            Self::Refund(id) => Refusal::not_found("refund", id),
            Self::Invoice(id) => Refusal::not_found("invoice", id),
            Self::Approval(id) => Refusal::not_found("approval", id),
            Self::Hold(id) => Refusal::not_found("hold", id),
            Self::Reservation(id) => Refusal::not_found("reservation", id),
            Self::Message(id) => Refusal::not_found("message", id),
        }
    }
}

/// What a decision needs to see. The store loads it, locked where it may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touch {
    pub orders: Vec<OrderId>,
    /// Parts whose orders are wanted: the store finds out whose they are.
    pub parts: Vec<Part>,
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
    /// When the youngest order with each of these fingerprints was received.
    pub fingerprints: Vec<String>,
    /// The same for the fingerprints of `orders`, as they are when they are loaded.
    pub order_fingerprints: bool,
    pub external_reference: Option<(Channel, String)>,
    /// The key of the bank reference about to be recorded; unique.
    pub bank_reference: Option<String>,
    /// A worker's claim on a job: checked and completed with the change.
    pub lease: Option<Lease>,
}

impl Touch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another one reads; a lease stays this one's own.
    pub fn extend(&mut self, other: Self) {
        let Self {
            orders,
            parts,
            order_stock,
            reserves,
            skus,
            reservations,
            replenishments,
            products,
            locations,
            couriers,
            fingerprints,
            order_fingerprints,
            external_reference,
            bank_reference,
            lease,
        } = other;
        self.orders.extend(orders);
        self.parts.extend(parts);
        self.order_stock |= order_stock;
        self.reserves |= reserves;
        self.skus.extend(skus);
        self.reservations.extend(reservations);
        self.replenishments.extend(replenishments);
        self.products.extend(products);
        self.locations |= locations;
        self.couriers |= couriers;
        self.fingerprints.extend(fingerprints);
        self.order_fingerprints |= order_fingerprints;
        self.external_reference = self.external_reference.take().or(external_reference);
        self.bank_reference = self.bank_reference.take().or(bank_reference);
        self.lease = self.lease.or(lease);
    }
}

/// The keys that were looked up, found or not: what is absent among these does not exist.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub orders: HashSet<OrderId>,
    pub parts: HashSet<Part>,
    /// Stock at every location, who waits for it, open replenishments.
    pub stock: HashSet<Sku>,
    /// Expired reservations that still hold stock of these.
    pub overdue: HashSet<Sku>,
    pub reservations: HashSet<ReservationId>,
    pub replenishments: HashSet<ReplenishmentId>,
    pub products: HashSet<Sku>,
    pub locations: bool,
    pub couriers: bool,
    pub fingerprints: HashSet<String>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
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
    /// None: everything that exists is here.
    pub loaded: Option<Loaded>,
    /// The orders that parts belong to.
    pub owners: HashMap<Part, OrderId>,
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
        let owners = touch.parts.iter().filter_map(|it| self.owners.get(it));
        let orders = touch.orders.iter().chain(owners).chain(overdue).filter_map(|it| self.orders.get(it));
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
    not_loaded: RefCell<Touch>,
}

impl<'w> Desk<'w> {
    pub fn new(world: &'w World, rules: &'w Rules, now: Timestamp, actor: Actor, ids: Ids) -> Self {
        Self { world, rules, now, actor, ids, changes: Changes::default(), not_loaded: RefCell::default() }
    }

    /// The keys that the decision read and nobody had loaded. Unless it is empty, what was decided counts for nothing.
    pub fn not_loaded(&self) -> Touch {
        self.not_loaded.borrow().clone()
    }

    /// Notes a key that was not found here and was not looked up either.
    fn needs(&self, is_loaded: impl FnOnce(&Loaded) -> bool, note: impl FnOnce(&mut Touch)) {
        if let Some(loaded) = &self.world.loaded
            && !is_loaded(loaded)
        {
            note(&mut self.not_loaded.borrow_mut());
        }
    }

    pub fn order(&self, id: OrderId) -> Result<&Order, Refusal> {
        self.find_order(id).map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("order", id))
    }

    /// The order that has this part.
    pub fn order_of(&self, part: &Part) -> Result<OrderId, Refusal> {
        if let Part::Order(id) = part {
            return Ok(*id);
        }
        let found = match &self.world.loaded {
            Some(_) => self.world.owners.get(part).copied(),
            None => self.world.orders.values().find(|it| it.has(part)).map(|it| it.id),
        };
        if found.is_none() {
            self.needs(|it| it.parts.contains(part), |it| it.parts.push(part.clone()));
        }
        found.ok_or_else(|| part.not_found())
    }

    /// Whether the order differs from what is there.
    pub fn is_new(&self, order: &Order) -> bool {
        let known = self.changes.orders.get(&order.id).or_else(|| self.world.orders.get(&order.id));
        known.is_none_or(|it| **it != *order)
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
        let found = self.changes.orders.get(&id).or_else(|| self.world.orders.get(&id));
        if found.is_none() {
            self.needs(|it| it.orders.contains(&id), |it| it.orders.push(id));
        }
        found
    }

    pub fn level(&self, sku: &Sku, location: &LocationCode) -> Option<&StockLevel> {
        self.needs_stock(sku);
        let key = (sku.clone(), location.clone());
        self.changes.stock.get(&key).or_else(|| self.world.stock.get(&key))
    }

    /// Stock of one product wherever it lies, in order of location.
    pub fn levels(&self, sku: &Sku) -> Vec<&StockLevel> {
        self.needs_stock(sku);
        let mut found: BTreeMap<&LocationCode, &StockLevel> = BTreeMap::new();
        for map in [&self.world.stock, &self.changes.stock] {
            let of_sku = map.iter().filter(|((it, _), _)| it == sku);
            found.extend(of_sku.map(|((_, location), level)| (location, level)));
        }
        found.into_values().collect()
    }

    fn needs_stock(&self, sku: &Sku) {
        self.needs(|it| it.stock.contains(sku), |it| it.skus.push(sku.clone()));
    }

    pub fn keep_level(&mut self, mut level: StockLevel) {
        let key = (level.sku.clone(), level.location.clone());
        level.version = self.world.stock.get(&key).map_or(0, |it| it.version) + 1;
        level.updated_at = level.updated_at.max(self.now);
        self.changes.stock.insert(key, level);
    }

    pub fn location(&self, code: &LocationCode) -> Option<&Location> {
        let found = self.changes.locations.get(code).or_else(|| self.world.locations.get(code));
        if found.is_none() {
            self.needs(|it| it.locations, |it| it.locations = true);
        }
        found.map(AsRef::as_ref)
    }

    pub fn product(&self, sku: &Sku) -> Option<&Product> {
        let found = self.changes.products.get(sku).or_else(|| self.world.products.get(sku));
        if found.is_none() {
            self.needs(|it| it.products.contains(sku), |it| it.products.push(sku.clone()));
        }
        found.map(AsRef::as_ref)
    }

    pub fn courier(&self, code: &CourierCode) -> Option<&Courier> {
        self.needs_couriers();
        self.changes.couriers.get(code).or_else(|| self.world.couriers.get(code)).map(AsRef::as_ref)
    }

    /// Every courier, with how customers rated it: hundredths of 1.00–5.00, 0 when nobody has.
    pub fn couriers(&self) -> impl Iterator<Item = (&Courier, i64)> {
        self.needs_couriers();
        let rating = |it: &Courier| self.world.courier_ratings.get(&it.code).copied().unwrap_or(0);
        self.world.couriers.values().map(move |it| (it.as_ref(), rating(it)))
    }

    fn needs_couriers(&self) {
        self.needs(|it| it.couriers, |it| it.couriers = true);
    }

    pub fn reservation(&self, id: ReservationId) -> Result<&Reservation, Refusal> {
        let found = self.changes.reservations.get(&id).or_else(|| self.world.reservations.get(&id));
        if found.is_none() {
            self.needs(|it| it.reservations.contains(&id), |it| it.reservations.push(id));
        }
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("reservation", id))
    }

    pub fn keep_reservation(&mut self, mut reservation: Reservation) {
        reservation.version = self.world.reservations.get(&reservation.id).map_or(0, |it| it.version) + 1;
        self.changes.reservations.insert(reservation.id, Arc::new(reservation));
    }

    /// Orders and other callers' reservations that hold stock of these products past their end.
    pub fn overdue<'s>(&self, skus: impl Iterator<Item = &'s Sku>) -> (&'w [OrderId], &'w [ReservationId]) {
        for sku in skus {
            self.needs(|it| it.overdue.contains(sku), |it| it.skus.push(sku.clone()));
        }
        self.all_overdue()
    }

    /// All of these that were loaded.
    pub fn all_overdue(&self) -> (&'w [OrderId], &'w [ReservationId]) {
        (&self.world.overdue_orders, &self.world.overdue_reservations)
    }

    pub fn replenishment(&self, id: ReplenishmentId) -> Result<&Replenishment, Refusal> {
        let found = self.changes.replenishments.get(&id).or_else(|| self.world.replenishments.get(&id));
        if found.is_none() {
            self.needs(|it| it.replenishments.contains(&id), |it| it.replenishments.push(id));
        }
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
        self.needs_stock(sku);
        let key = (region.clone(), sku.clone());
        let here = self.changes.awaited.get(&key).copied().unwrap_or(0);
        self.world.awaited.get(&key).copied().unwrap_or(0) + here
    }

    /// Of these, what orders received before this waiting one want.
    pub fn awaited_before(&self, order: OrderId, sku: &Sku) -> i64 {
        self.needs_stock(sku);
        self.world.awaited_before.get(&(order, sku.clone())).copied().unwrap_or(0)
    }

    /// When the youngest order of the same customer for the same goods was received, this one aside.
    pub fn received_alike(&self, fingerprint: &str, except: OrderId) -> Option<Timestamp> {
        self.needs(
            |it| it.fingerprints.contains(fingerprint),
            |it| it.fingerprints.push(fingerprint.to_owned()),
        );
        let seen = [self.changes.fingerprints.get(fingerprint), self.world.fingerprints.get(fingerprint)];
        let alike = |it: &&Arc<Order>| it.id != except && it.fingerprint == fingerprint;
        let loaded = self.world.orders.values().filter(alike).map(|it| it.created_at);
        seen.into_iter().flatten().copied().chain(loaded).max()
    }

    /// Whether an order of this channel has this reference of its sender's already.
    pub fn knows_external_reference(&self, channel: Channel, reference: &str) -> bool {
        let key = (channel, reference.to_owned());
        let found = self.world.external_references.contains(&key);
        if !found {
            let note = key.clone();
            self.needs(|it| it.external_references.contains(&key), |it| it.external_reference = Some(note));
        }
        found
    }

    /// Whether this transfer was recorded before.
    pub fn knows_bank_reference(&self, reference: &str) -> bool {
        let found = self.world.bank_references.contains(reference);
        if !found {
            self.needs(
                |it| it.bank_references.contains(reference),
                |it| it.bank_reference = Some(reference.to_owned()),
            );
        }
        found
    }

    pub fn open_replenishment(&self, sku: &Sku, location: &LocationCode) -> Option<ReplenishmentId> {
        self.needs_stock(sku);
        let key = (sku.clone(), location.clone());
        match self.changes.open_replenishments.get(&key) {
            Some(changed) => *changed,
            None => self.world.open_replenishments.get(&key).copied(),
        }
    }
}
