//! The unit of work: the loaded state, and what one decision changes of it.
//!
//! A decision works on a [`UnitOfWork`]: it reads the [`Snapshot`] and collects its changes on top. If it is refused,
//! the changes are dropped and nothing has happened; if it is accepted, they are applied and the next decision of the
//! group sees them.
//!
//! A key that was not loaded is not a key that does not exist. A decision that reads one is dropped, whatever its
//! result: [`UnitOfWork::not_loaded`] names the keys, and the decision is run again with them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::model::account::CustomerAccount;
use crate::domain::model::capacity::{CapacityOf, DailyShipments};
use crate::domain::model::courier::{Courier, CourierRecords};
use crate::domain::model::discount::{DiscountCode, DiscountKey};
use crate::domain::model::discount_uses::DiscountUsesByKey;
use crate::domain::model::event::Event;
use crate::domain::model::event_subscription::EventSubscription;
use crate::domain::model::issued_key::IssuedKey;
use crate::domain::model::label_file::LabelFile;
use crate::domain::model::location::Location;
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::product::Product;
use crate::domain::model::redelivery::Redelivery;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::Replenishment;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::{
    Actor, ApprovalId, Channel, CourierCode, CreditNoteId, CustomerId, FollowUpId, HoldId, Ids, InvoiceId,
    JobId, KeyId, LocationCode, MessageId, OrderId, PaymentId, RefundId, RegionCode, ReplenishmentId,
    ReservationId, ReturnId, ShipmentId, Sku, SubscriptionId, TransferId,
};
use crate::domain::model::stock::{Movement, StockLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::transfer::Transfer;
use crate::domain::unit::queue::Queue;

/// An order, or a part of one: parts never move to another order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Order(OrderId),
    Shipment(ShipmentId),
    /// The shipment that this courier knows under this number, its own or ours.
    Tracked {
        courier: CourierCode,
        number: String,
    },
    Payment(PaymentId),
    Refund(RefundId),
    Invoice(InvoiceId),
    CreditNote(CreditNoteId),
    Approval(ApprovalId),
    Hold(HoldId),
    /// A reservation of an order; other callers' reservations are no parts.
    Reservation(ReservationId),
    Message(MessageId),
    FollowUp(FollowUpId),
    Return(ReturnId),
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
            Self::CreditNote(id) => Refusal::not_found("credit note", id),
            Self::Approval(id) => Refusal::not_found("approval", id),
            Self::Hold(id) => Refusal::not_found("hold", id),
            Self::Reservation(id) => Refusal::not_found("reservation", id),
            Self::Message(id) => Refusal::not_found("message", id),
            Self::FollowUp(id) => Refusal::not_found("follow-up", id),
            Self::Return(id) => Refusal::not_found("return", id),
        }
    }
}

/// The keys that a decision reads. The store loads them, locked where they may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSet {
    pub orders: Vec<OrderId>,
    /// Orders whose goods came back for others that are read: which ones is known once these are.
    pub first_orders: Vec<OrderId>,
    /// Parts whose orders are wanted: the store finds out whose they are.
    pub parts: Vec<Part>,
    /// Whether the decision may move stock of these orders' lines and reservations.
    pub order_stock: bool,
    /// Whether it moves stock if it hands a shipment of theirs over: then that of orders whose courier is to come is loaded.
    pub stock_for_handover: bool,
    /// Whether it may set stock of these orders' lines aside: then expired reservations of it are loaded too.
    pub reserves: bool,
    /// Whether the products of these orders' lines are wanted as they are now.
    pub order_products: bool,
    /// Products whose stock at every location is wanted, with the units that waiting orders want.
    pub skus: Vec<Sku>,
    /// Locations whose stock and open replenishments are wanted, of whatever product.
    pub stock_at: Vec<LocationCode>,
    /// Shelves whose open reservations are wanted with their orders, in the order of a count and as many as it may touch.
    pub holders_of: Vec<(Sku, LocationCode)>,
    /// Couriers whose shipments that are not over are wanted.
    pub shipments_of: Vec<CourierCode>,
    /// Other callers' reservations.
    pub reservations: Vec<ReservationId>,
    /// How many of these the caller itself has open, and how many of its orders wait for stock.
    pub own_reservations: bool,
    pub replenishments: Vec<ReplenishmentId>,
    /// Transfers, with the stock of their products.
    pub transfers: Vec<TransferId>,
    /// Products by SKU, without stock.
    pub products: Vec<Sku>,
    pub locations: bool,
    pub couriers: bool,
    /// How customers rated the couriers.
    pub courier_records: bool,
    /// Locations and couriers whose daily shipments are wanted. With the couriers come those of all couriers and locations with a
    /// capacity that these orders and this stock may leave from.
    pub capacity_of: Vec<CapacityOf>,
    /// When the youngest order with each of these fingerprints was received.
    pub fingerprints: Vec<String>,
    /// The same for the fingerprints of `orders`, as they are when they are loaded, and the customers that these name.
    pub order_fingerprints: bool,
    pub external_references: Vec<(Channel, String)>,
    /// The keys of bank references about to be recorded; unique.
    pub bank_references: Vec<String>,
    /// Discount codes, each with the customer whose redemptions are wanted beside those of all; empty: of no other.
    pub discount_codes: Vec<(DiscountKey, String)>,
    /// Customers, and the external references under which one may be known.
    pub accounts: Vec<CustomerId>,
    pub account_references: Vec<String>,
    /// API keys; and whether all are wanted that are not revoked.
    pub api_keys: Vec<KeyId>,
    pub live_api_keys: bool,
    /// All subscriptions to events that are not deleted.
    pub subscriptions: bool,
    /// How often further keys may be asked for that follow from what was read: it is decided again with them.
    pub further_reads: u8,
    /// A worker's claim on a job: checked and completed with the change.
    pub lease: Option<Lease>,
}

impl ReadSet {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another one reads; a lease stays this one's own.
    pub fn extend(&mut self, other: Self) {
        let Self {
            orders,
            first_orders,
            parts,
            order_stock,
            stock_for_handover,
            reserves,
            order_products,
            skus,
            stock_at,
            holders_of,
            shipments_of,
            reservations,
            own_reservations,
            replenishments,
            transfers,
            products,
            locations,
            couriers,
            courier_records,
            capacity_of,
            fingerprints,
            order_fingerprints,
            external_references,
            bank_references,
            discount_codes,
            accounts,
            account_references,
            api_keys,
            live_api_keys,
            subscriptions,
            further_reads,
            lease,
        } = other;
        self.orders.extend(orders);
        self.first_orders.extend(first_orders);
        self.parts.extend(parts);
        self.order_stock |= order_stock;
        self.stock_for_handover |= stock_for_handover;
        self.reserves |= reserves;
        self.order_products |= order_products;
        self.skus.extend(skus);
        self.stock_at.extend(stock_at);
        self.holders_of.extend(holders_of);
        self.shipments_of.extend(shipments_of);
        self.reservations.extend(reservations);
        self.own_reservations |= own_reservations;
        self.replenishments.extend(replenishments);
        self.transfers.extend(transfers);
        self.products.extend(products);
        self.locations |= locations;
        self.couriers |= couriers;
        self.courier_records |= courier_records;
        self.capacity_of.extend(capacity_of);
        self.fingerprints.extend(fingerprints);
        self.order_fingerprints |= order_fingerprints;
        self.external_references.extend(external_references);
        self.bank_references.extend(bank_references);
        self.discount_codes.extend(discount_codes);
        self.accounts.extend(accounts);
        self.account_references.extend(account_references);
        self.api_keys.extend(api_keys);
        self.live_api_keys |= live_api_keys;
        self.subscriptions |= subscriptions;
        self.further_reads = self.further_reads.max(further_reads);
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
    pub stock_at: HashSet<LocationCode>,
    pub holders_of: HashSet<(Sku, LocationCode)>,
    pub shipments_of: HashSet<CourierCode>,
    /// Expired reservations that still have stock of these.
    pub expired: HashSet<Sku>,
    pub reservations: HashSet<ReservationId>,
    /// Callers whose open reservations and waiting orders were counted.
    pub callers: HashSet<Actor>,
    pub replenishments: HashSet<ReplenishmentId>,
    pub transfers: HashSet<TransferId>,
    pub products: HashSet<Sku>,
    pub locations: bool,
    pub couriers: bool,
    pub courier_records: bool,
    pub capacity_of: HashSet<CapacityOf>,
    pub fingerprints: HashSet<String>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
    pub discount_codes: HashSet<(DiscountKey, String)>,
    pub accounts: HashSet<CustomerId>,
    pub account_references: HashSet<String>,
    pub api_keys: HashSet<KeyId>,
    pub live_api_keys: bool,
    pub subscriptions: bool,
}

/// A worker's claim: its token only rises, so that a worker that lost the lease is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub job: JobId,
    pub token: i64,
}

/// Everything that was loaded for a group of decisions.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// None: nothing was left out, and every key that is absent does not exist.
    pub loaded: Option<Loaded>,
    /// The orders that parts belong to.
    pub owners: HashMap<Part, OrderId>,
    pub orders: HashMap<OrderId, Arc<Order>>,
    pub stock: BTreeMap<(Sku, LocationCode), StockLevel>,
    /// Shipments of couriers that are not over, some of them, each with its order.
    pub shipments_of: HashMap<CourierCode, Vec<(ShipmentId, OrderId)>>,
    pub reservations: HashMap<ReservationId, Arc<Reservation>>,
    /// How many reservations of their own callers have open.
    pub open_reservations: HashMap<Actor, i64>,
    pub replenishments: HashMap<ReplenishmentId, Arc<Replenishment>>,
    pub transfers: HashMap<TransferId, Arc<Transfer>>,
    pub products: HashMap<Sku, Arc<Product>>,
    pub locations: BTreeMap<LocationCode, Arc<Location>>,
    pub couriers: BTreeMap<CourierCode, Arc<Courier>>,
    pub courier_records: CourierRecords,
    /// Of locations and couriers that have a capacity.
    pub daily_shipments: DailyShipments,
    /// Units that waiting orders want, per region and product.
    pub awaited: HashMap<(RegionCode, Sku), i64>,
    /// Units that orders older than a loaded waiting order want.
    pub awaited_before: HashMap<(OrderId, Sku), i64>,
    pub queue: Queue,
    /// When the youngest order with this fingerprint was received.
    pub fingerprints: HashMap<String, Timestamp>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
    pub discount_codes: BTreeMap<DiscountKey, Arc<DiscountCode>>,
    pub discount_uses: DiscountUsesByKey,
    pub accounts: HashMap<CustomerId, Arc<CustomerAccount>>,
    pub account_references: HashMap<String, CustomerId>,
    pub api_keys: BTreeMap<KeyId, Arc<IssuedKey>>,
    pub subscriptions: BTreeMap<SubscriptionId, Arc<EventSubscription>>,
    /// Replenishments that are not over, all loaded, by product and location.
    pub open_replenishments: BTreeMap<(Sku, LocationCode), BTreeSet<ReplenishmentId>>,
    /// Orders and other callers' reservations, all loaded, whose reservation of this stock has expired.
    pub expired_orders: Vec<OrderId>,
    pub expired_reservations: Vec<ReservationId>,
    /// Whether more reservations have expired than were loaded.
    pub more_expired: bool,
    /// Orders, all loaded, that have stock of a shelf whose holders are wanted.
    pub holding_orders: Vec<OrderId>,
    /// Leases as the database knows them.
    pub leases: HashMap<JobId, i64>,
}

/// The changes of one decision. Entities are whole; the store finds the differences.
#[derive(Debug, Clone, Default)]
pub struct ChangeSet {
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    pub stock: BTreeMap<(Sku, LocationCode), StockLevel>,
    pub reservations: BTreeMap<ReservationId, Arc<Reservation>>,
    pub replenishments: BTreeMap<ReplenishmentId, Arc<Replenishment>>,
    pub transfers: BTreeMap<TransferId, Arc<Transfer>>,
    pub products: BTreeMap<Sku, Arc<Product>>,
    pub locations: BTreeMap<LocationCode, Arc<Location>>,
    pub couriers: BTreeMap<CourierCode, Arc<Courier>>,
    /// How many more shipments days have.
    pub daily_shipments: DailyShipments,
    pub awaited: HashMap<(RegionCode, Sku), i64>,
    /// Per waiting order that stopped waiting: its number, region and units, for those behind it; below zero: it waits for more.
    pub stopped_waiting: Vec<(i64, RegionCode, Sku, i64)>,
    pub fingerprints: HashMap<String, Timestamp>,
    pub external_references: HashSet<(Channel, String)>,
    pub bank_references: HashSet<String>,
    pub discount_codes: BTreeMap<DiscountKey, Arc<DiscountCode>>,
    pub accounts: BTreeMap<CustomerId, Arc<CustomerAccount>>,
    pub api_keys: BTreeMap<KeyId, Arc<IssuedKey>>,
    pub subscriptions: BTreeMap<SubscriptionId, Arc<EventSubscription>>,
    /// How many more redemptions codes have.
    pub discount_uses: DiscountUsesByKey,
    pub events: Vec<Event>,
    pub movements: Vec<Movement>,
    /// Files of couriers' labels that are to be kept.
    pub label_files: Vec<LabelFile>,
    /// What messages said at their first try.
    pub message_texts: Vec<(MessageId, MessageText)>,
    pub redeliveries: Vec<Redelivery>,
    /// The job this change completes.
    pub lease: Option<Lease>,
}

impl Snapshot {
    /// Applies an accepted decision's changes, for the next decision to see.
    pub fn apply(&mut self, changes: &ChangeSet) {
        self.count_callers(changes);
        self.queue_anew(changes);
        for (id, order) in &changes.orders {
            if order.waits_for_more(self.orders.get(id).map(AsRef::as_ref)) {
                self.line_up(order);
            }
            // Of a number that is given in one group twice, the second time is refused.
            for label in order.shipments.iter().flat_map(|it| &it.carrier_labels) {
                let (courier, number) = (label.courier.clone(), label.number.clone());
                self.owners.insert(Part::Tracked { courier, number }, *id);
            }
            self.orders.insert(*id, Arc::clone(order));
        }
        for (key, level) in &changes.stock {
            self.stock.insert(key.clone(), level.clone());
        }
        for (id, reservation) in &changes.reservations {
            self.reservations.insert(*id, Arc::clone(reservation));
        }
        for replenishment in changes.replenishments.values() {
            self.add_replenishment(Arc::clone(replenishment));
        }
        for (id, transfer) in &changes.transfers {
            self.transfers.insert(*id, Arc::clone(transfer));
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
        self.count_days(changes);
        self.count_discount_uses(changes);
        self.apply_accounts(changes);
        self.api_keys.extend(changes.api_keys.iter().map(|(id, key)| (*id, Arc::clone(key))));
        self.subscriptions.extend(changes.subscriptions.iter().map(|(id, it)| (*id, Arc::clone(it))));
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
        if let Some(lease) = changes.lease {
            self.leases.remove(&lease.job);
        }
    }
}

/// One decision at work.
#[derive(Debug)]
pub struct UnitOfWork<'w> {
    pub(super) snapshot: &'w Snapshot,
    pub rules: &'w Rules,
    pub now: Timestamp,
    pub actor: Actor,
    /// The key or certificate that named the caller, where that is another.
    pub principal: Option<Actor>,
    pub ids: Ids,
    pub changes: ChangeSet,
    not_loaded: RefCell<ReadSet>,
}

impl<'w> UnitOfWork<'w> {
    pub fn new(snapshot: &'w Snapshot, rules: &'w Rules, now: Timestamp, actor: Actor, ids: Ids) -> Self {
        Self {
            snapshot,
            rules,
            now,
            actor,
            principal: None,
            ids,
            changes: ChangeSet::default(),
            not_loaded: RefCell::default(),
        }
    }

    /// The keys that the decision read and that were not loaded. Unless it is empty, the decision does not count.
    pub fn not_loaded(&self) -> ReadSet {
        self.not_loaded.borrow().clone()
    }

    /// Records a key that is missing here and was not loaded.
    pub(super) fn note_if_not_loaded(
        &self,
        is_loaded: impl FnOnce(&Loaded) -> bool,
        note: impl FnOnce(&mut ReadSet),
    ) {
        if let Some(loaded) = &self.snapshot.loaded
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
        let found = match &self.snapshot.loaded {
            Some(_) => self.snapshot.owners.get(part).copied(),
            None => self.snapshot.orders.values().find(|it| it.has(part)).map(|it| it.id),
        };
        if found.is_none() {
            self.note_if_not_loaded(|it| it.parts.contains(part), |it| it.parts.push(part.clone()));
        }
        found.ok_or_else(|| part.not_found())
    }

    /// Whether the order differs from what is there.
    pub fn differs(&self, order: &Order) -> bool {
        let known = self.changes.orders.get(&order.id).or_else(|| self.snapshot.orders.get(&order.id));
        known.is_none_or(|it| **it != *order)
    }

    /// The order to work on; give it back with [`UnitOfWork::keep_order`].
    pub fn take_order(&mut self, id: OrderId) -> Result<Order, Refusal> {
        let found = self.find_order(id).map(|it| Order::clone(it));
        found.ok_or_else(|| Refusal::not_found("order", id))
    }

    /// Puts a changed order back, one version later than it was loaded.
    pub fn keep_order(&mut self, mut order: Order) {
        let before = self.snapshot.orders.get(&order.id).map_or(0, |it| it.version);
        order.version = before + 1;
        order.updated_at = self.now;
        self.recount(&order);
        self.recount_discount_uses(&order);
        self.changes.orders.insert(order.id, Arc::new(order));
    }

    fn find_order(&self, id: OrderId) -> Option<&Arc<Order>> {
        let found = self.changes.orders.get(&id).or_else(|| self.snapshot.orders.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.orders.contains(&id), |it| it.orders.push(id));
        }
        found
    }

    pub fn level(&self, sku: &Sku, location: &LocationCode) -> Option<&StockLevel> {
        self.needs_stock(sku);
        let key = (sku.clone(), location.clone());
        self.changes.stock.get(&key).or_else(|| self.snapshot.stock.get(&key))
    }

    /// Stock of one product wherever it lies, in order of location.
    pub fn levels(&self, sku: &Sku) -> Vec<&StockLevel> {
        self.needs_stock(sku);
        let mut found: BTreeMap<&LocationCode, &StockLevel> = BTreeMap::new();
        let first = (sku.clone(), LocationCode::before_all());
        for map in [&self.snapshot.stock, &self.changes.stock] {
            let of_sku = map.range::<(Sku, LocationCode), _>(&first..).take_while(|((it, _), _)| it == sku);
            found.extend(of_sku.map(|((_, location), level)| (location, level)));
        }
        found.into_values().collect()
    }

    pub(super) fn needs_stock(&self, sku: &Sku) {
        self.note_if_not_loaded(|it| it.stock.contains(sku), |it| it.skus.push(sku.clone()));
    }

    pub fn keep_level(&mut self, mut level: StockLevel) {
        let key = (level.sku.clone(), level.location.clone());
        level.version = self.snapshot.stock.get(&key).map_or(0, |it| it.version) + 1;
        level.updated_at = level.updated_at.max(self.now);
        // What has left the books is not missing any more.
        level.missing = level.missing.min(level.on_hand);
        self.changes.stock.insert(key, level);
    }

    pub fn location(&self, code: &LocationCode) -> Option<&Location> {
        let found = self.changes.locations.get(code).or_else(|| self.snapshot.locations.get(code));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.locations, |it| it.locations = true);
        }
        found.map(AsRef::as_ref)
    }

    pub fn product(&self, sku: &Sku) -> Option<&Product> {
        let found = self.changes.products.get(sku).or_else(|| self.snapshot.products.get(sku));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.products.contains(sku), |it| it.products.push(sku.clone()));
        }
        found.map(AsRef::as_ref)
    }

    pub fn reservation(&self, id: ReservationId) -> Result<&Reservation, Refusal> {
        let found = self.changes.reservations.get(&id).or_else(|| self.snapshot.reservations.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.reservations.contains(&id), |it| it.reservations.push(id));
        }
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("reservation", id))
    }

    pub fn keep_reservation(&mut self, mut reservation: Reservation) {
        reservation.version = self.snapshot.reservations.get(&reservation.id).map_or(0, |it| it.version) + 1;
        self.changes.reservations.insert(reservation.id, Arc::new(reservation));
    }

    /// Orders and other callers' reservations that have stock of these products past their end.
    pub fn expired_among<'s>(
        &self,
        skus: impl Iterator<Item = &'s Sku>,
    ) -> (&'w [OrderId], &'w [ReservationId]) {
        for sku in skus {
            self.note_if_not_loaded(|it| it.expired.contains(sku), |it| it.skus.push(sku.clone()));
        }
        self.all_expired()
    }

    /// Every expired reservation that was loaded, by its order or its own id.
    pub fn all_expired(&self) -> (&'w [OrderId], &'w [ReservationId]) {
        (&self.snapshot.expired_orders, &self.snapshot.expired_reservations)
    }

    /// When the youngest other order with this fingerprint was received: the same customer, the same goods.
    pub fn last_received_with(&self, fingerprint: &str, except: OrderId) -> Option<Timestamp> {
        self.note_if_not_loaded(
            |it| it.fingerprints.contains(fingerprint),
            |it| it.fingerprints.push(fingerprint.to_owned()),
        );
        let seen = [self.changes.fingerprints.get(fingerprint), self.snapshot.fingerprints.get(fingerprint)];
        let alike = |it: &&Arc<Order>| it.id != except && it.fingerprint == fingerprint;
        let loaded = self.snapshot.orders.values().filter(alike).map(|it| it.created_at);
        seen.into_iter().flatten().copied().chain(loaded).max()
    }
}
