//! The joint read set of a group of changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Actor, CapacityOf, Channel, CourierCode, CustomerId, DiscountKey, JobId, KeyId, LocationCode, OrderId,
    Part, ReadSet, ReplenishmentId, ReservationId, Sku, TransferId,
};
use crate::store::rows::decision::IdempotencyKey;

/// What is wanted of an order beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BesideOrder {
    /// Stock of its lines and reservations.
    pub(super) stock: bool,
    /// The same, if a courier is to come for one of its shipments.
    pub(super) stock_for_handover: bool,
    /// Expired reservations of that stock.
    pub(super) reserving: bool,
    /// The products of its lines.
    pub(super) products: bool,
    /// When the youngest other order like it was received.
    pub(super) fingerprint: bool,
}

impl BesideOrder {
    fn of(reads: &ReadSet) -> Self {
        Self {
            stock: reads.order_stock,
            stock_for_handover: reads.stock_for_handover,
            reserving: reads.reserves,
            products: reads.order_products,
            fingerprint: reads.order_fingerprints,
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.stock |= other.stock;
        self.stock_for_handover |= other.stock_for_handover;
        self.reserving |= other.reserving;
        self.products |= other.products;
        self.fingerprint |= other.fingerprint;
    }
}

/// The joint read set of a group's changes; sorted, as locks are taken in order.
#[derive(Default)]
pub(in crate::store) struct Wanted {
    /// Orders by themselves and by their parts, and what is wanted beside each.
    pub(super) parts: BTreeMap<Part, BesideOrder>,
    /// Orders whose reservations have expired, to be locked with the others.
    pub(super) expired_orders: BTreeSet<OrderId>,
    pub(super) skus: BTreeSet<Sku>,
    pub(super) stock_at: BTreeSet<LocationCode>,
    /// Shelves whose reservations are wanted.
    pub(super) holders_of: BTreeSet<(Sku, LocationCode)>,
    /// Orders that were found to have stock of these, to be locked with the others.
    pub(super) holding_orders: BTreeSet<OrderId>,
    pub(super) shipments_of: BTreeSet<CourierCode>,
    pub(super) reservations: BTreeSet<ReservationId>,
    /// Who makes reservations.
    pub(super) callers: BTreeSet<Actor>,
    pub(super) replenishments: BTreeSet<ReplenishmentId>,
    pub(super) transfers: BTreeSet<TransferId>,
    pub(super) products: BTreeSet<Sku>,
    /// All locations: also wherever stock is read.
    pub(super) locations: bool,
    pub(super) couriers: bool,
    pub(super) courier_records: bool,
    pub(super) capacity_of: BTreeSet<CapacityOf>,
    pub(super) fingerprints: BTreeSet<String>,
    pub(super) external_references: BTreeSet<(Channel, String)>,
    pub(super) bank_references: BTreeSet<String>,
    /// Codes, each with a customer; empty: with no other than all.
    pub(super) discount_codes: BTreeSet<(DiscountKey, String)>,
    pub(super) accounts: BTreeSet<CustomerId>,
    pub(super) account_references: BTreeSet<String>,
    pub(super) api_keys: BTreeSet<KeyId>,
    pub(super) live_api_keys: bool,
    pub(super) subscriptions: bool,
    pub(super) leases: BTreeSet<JobId>,
    pub(super) keys: BTreeSet<IdempotencyKey>,
}

impl Wanted {
    pub(in crate::store) fn add(&mut self, reads: &ReadSet, caller: &Actor) {
        let ReadSet {
            orders,
            first_orders,
            parts,
            order_stock,
            stock_for_handover,
            reserves: _,
            order_products: _,
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
            order_fingerprints: _,
            external_references,
            bank_references,
            discount_codes,
            accounts,
            account_references,
            api_keys,
            live_api_keys,
            subscriptions,
            further_reads: _,
            lease,
        } = reads;
        let beside = BesideOrder::of(reads);
        let orders = orders.iter().chain(first_orders).map(|it| Part::Order(*it));
        for part in orders.chain(parts.iter().cloned()) {
            self.parts.entry(part).or_default().extend(beside);
        }
        self.skus.extend(skus.iter().cloned());
        self.stock_at.extend(stock_at.iter().cloned());
        self.holders_of.extend(holders_of.iter().cloned());
        self.shipments_of.extend(shipments_of.iter().cloned());
        self.reservations.extend(reservations);
        self.callers.extend(own_reservations.then(|| caller.clone()));
        self.replenishments.extend(replenishments);
        self.transfers.extend(transfers);
        self.products.extend(products.iter().chain(skus).cloned());
        let still = skus.is_empty() && reservations.is_empty() && replenishments.is_empty();
        let moves_stock = !(still && transfers.is_empty());
        self.locations |= *locations || *order_stock || *stock_for_handover || moves_stock;
        self.couriers |= couriers;
        self.courier_records |= courier_records;
        self.capacity_of.extend(capacity_of.iter().cloned());
        self.fingerprints.extend(fingerprints.iter().cloned());
        let named = external_references.iter().filter(|(_, reference)| !reference.is_empty());
        self.external_references.extend(named.cloned());
        self.bank_references.extend(bank_references.iter().cloned());
        self.discount_codes.extend(discount_codes.iter().cloned());
        self.accounts.extend(accounts);
        self.account_references.extend(account_references.iter().cloned());
        self.api_keys.extend(api_keys);
        self.live_api_keys |= live_api_keys;
        self.subscriptions |= subscriptions;
        self.leases.extend(lease.map(|it| it.job));
    }

    /// Adds idempotency keys whose stored answers are wanted.
    pub(in crate::store) fn add_key(&mut self, key: IdempotencyKey) {
        self.keys.insert(key);
    }
}
