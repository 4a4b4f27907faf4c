//! Loads the read sets of a group of changes: few messages, nothing beyond the read sets, locks in one order.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::domain::{
    Channel, JobId, Loaded, Order, OrderId, OrderState, Part, ReadSet, ReplenishmentId, Reservation,
    ReservationId, Sku, Snapshot, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::read::Lock;
use crate::store::rows::{archive, awaited, catalogue, event, job, order, payment, reservation, stock};

/// Things wanted of an order beside itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct OfOrder {
    stock: bool,
    reserving: bool,
    fingerprint: bool,
}

/// The joint read set of a group's changes; sorted, as locks are taken in order.
#[derive(Default)]
pub(in crate::store) struct Wanted {
    orders: BTreeSet<OrderId>,
    /// Parts whose orders are not known yet, with what is wanted of these.
    parts: Vec<(Part, OfOrder)>,
    stock_of: BTreeSet<OrderId>,
    reserving: BTreeSet<OrderId>,
    skus: BTreeSet<Sku>,
    reservations: BTreeSet<ReservationId>,
    replenishments: BTreeSet<ReplenishmentId>,
    products: BTreeSet<Sku>,
    locations: bool,
    couriers: bool,
    fingerprints: BTreeSet<String>,
    fingerprints_of: BTreeSet<OrderId>,
    external_references: BTreeSet<(Channel, String)>,
    bank_references: BTreeSet<String>,
    leases: BTreeSet<JobId>,
}

impl Wanted {
    pub(in crate::store) fn add(&mut self, reads: &ReadSet) {
        let ReadSet {
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
        } = reads;
        let of_order =
            OfOrder { stock: *order_stock, reserving: *reserves, fingerprint: *order_fingerprints };
        orders.iter().for_each(|it| self.add_order(*it, of_order));
        self.parts.extend(parts.iter().map(|it| (it.clone(), of_order)));
        self.skus.extend(skus.iter().cloned());
        self.reservations.extend(reservations);
        self.replenishments.extend(replenishments);
        self.products.extend(products.iter().chain(skus).cloned());
        self.locations |= *locations || *order_stock || !skus.is_empty() || !reservations.is_empty();
        self.couriers |= couriers;
        self.fingerprints.extend(fingerprints.iter().cloned());
        let named = external_reference.iter().filter(|(_, reference)| !reference.is_empty());
        self.external_references.extend(named.cloned());
        self.bank_references.extend(bank_reference.clone());
        self.leases.extend(lease.map(|it| it.job));
    }

    fn add_order(&mut self, order: OrderId, wanted: OfOrder) {
        let OfOrder { stock, reserving, fingerprint } = wanted;
        self.orders.insert(order);
        for (of, set) in [
            (stock, &mut self.stock_of),
            (reserving, &mut self.reserving),
            (fingerprint, &mut self.fingerprints_of),
        ] {
            if of {
                set.insert(order);
            }
        }
    }

    /// Orders, reservations, jobs, stock, replenishments: every transaction locks rows in this order. Reservations come
    /// before stock because they say which stock; jobs come after their subjects, because a transaction that changes
    /// that sets its job at the end.
    pub(in crate::store) async fn load(
        mut self,
        db: &Session,
        order_cache: &OrderCache,
        now: Timestamp,
        lock: Lock,
    ) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::default();
        let parts = std::mem::take(&mut self.parts);
        if !parts.is_empty() {
            let named: Vec<Part> = parts.iter().map(|it| it.0.clone()).collect();
            snapshot.owners = event::owners(db, &named).await?;
            for (part, of_order) in &parts {
                if let Some(order) = snapshot.owners.get(part) {
                    self.add_order(*order, *of_order);
                }
            }
        }
        let asked_for_stock = listed(&self.skus);
        if !asked_for_stock.is_empty() || !self.reserving.is_empty() {
            let found =
                reservation::expired_reservations(db, &asked_for_stock, &listed(&self.reserving), now)
                    .await?;
            snapshot.expired_orders = found.orders;
            snapshot.expired_reservations = found.others;
            snapshot.more_expired = found.more;
        }

        let orders: BTreeSet<_> = self.orders.iter().chain(&snapshot.expired_orders).copied().collect();
        let purpose = if lock == Lock::Update { For::Changing } else { For::Reading };
        for order in load_orders(db, order_cache, &listed(&orders), purpose).await? {
            snapshot.orders.insert(order.id, order);
        }
        let alike = self.fingerprints_of.iter().filter_map(|it| snapshot.orders.get(it));
        self.fingerprints.extend(alike.map(|it| it.fingerprint.clone()));

        let reservations: BTreeSet<_> =
            self.reservations.iter().chain(&snapshot.expired_reservations).copied().collect();
        if !reservations.is_empty() {
            for reservation in reservation::load_reservations(db, &listed(&reservations), lock).await? {
                snapshot.reservations.insert(reservation.id, Arc::new(reservation));
            }
        }

        if !self.leases.is_empty() {
            snapshot.leases = job::leases(db, &listed(&self.leases), now, lock).await?;
        }

        let mut skus = self.skus.clone();
        let moving =
            self.stock_of.iter().chain(&snapshot.expired_orders).filter_map(|it| snapshot.orders.get(it));
        for order in moving {
            skus.extend(skus_of(order));
        }
        for reservation in snapshot.reservations.values() {
            skus.extend(reserved_skus(reservation));
        }
        self.load_lookups(db, &listed(&skus), lock, &mut snapshot).await?;

        if !self.replenishments.is_empty() {
            let ids = listed(&self.replenishments);
            for replenishment in stock::load_replenishments(db, &ids, lock).await? {
                snapshot.replenishments.insert(replenishment.id, Arc::new(replenishment));
            }
        }
        if self.couriers {
            let couriers = catalogue::load_couriers(db).await?;
            snapshot.couriers = couriers.into_iter().map(|it| (it.code.clone(), Arc::new(it))).collect();
            snapshot.courier_ratings = catalogue::courier_ratings(db).await?;
        }
        let parts = parts.into_iter().map(|it| it.0).collect();
        snapshot.loaded = Some(Loaded { parts, ..self.looked_up(&snapshot, orders, reservations, skus) });
        Ok(snapshot)
    }

    /// Every key that was looked up, so that what a decision does not find among them is known not to exist.
    fn looked_up(
        self,
        snapshot: &Snapshot,
        orders: BTreeSet<OrderId>,
        reservations: BTreeSet<ReservationId>,
        stock: BTreeSet<Sku>,
    ) -> Loaded {
        let reserving = self.reserving.iter().filter_map(|it| snapshot.orders.get(it));
        let wanted = reserving.flat_map(|it| it.lines.iter().map(|line| line.sku.clone()));
        Loaded {
            orders: orders.into_iter().collect(),
            parts: HashSet::new(),
            expired: self.skus.into_iter().chain(wanted).collect(),
            locations: self.locations || !stock.is_empty(),
            stock: stock.into_iter().collect(),
            reservations: reservations.into_iter().collect(),
            replenishments: self.replenishments.into_iter().collect(),
            products: self.products.into_iter().collect(),
            couriers: self.couriers,
            fingerprints: self.fingerprints.into_iter().collect(),
            external_references: self.external_references.into_iter().collect(),
            bank_references: self.bank_references.into_iter().collect(),
        }
    }

    /// Stock everywhere, who waits for it, what is known of products and locations, and what was used before. The
    /// waiting are read after the stock is locked: an order that joins or leaves them holds that lock.
    async fn load_lookups(
        &self,
        db: &Session,
        skus: &[Sku],
        lock: Lock,
        snapshot: &mut Snapshot,
    ) -> Result<(), StoreError> {
        let mut asked = Vec::new();
        let stock = (!skus.is_empty()).then(|| {
            let levels = stock::levels(db.backend(), skus, lock).with(&mut asked);
            let awaited = awaited::awaited(db.backend(), skus).with(&mut asked);
            (levels, awaited, stock::open_replenishments(db.backend(), skus).with(&mut asked))
        });
        let products = (!self.products.is_empty())
            .then(|| catalogue::products(db.backend(), &listed(&self.products)).with(&mut asked));
        let locations =
            (self.locations || !skus.is_empty()).then(|| catalogue::locations(db.backend()).with(&mut asked));
        // Loaded orders are looked at as they are: see `UnitOfWork::received_alike`.
        let loaded: Vec<_> = snapshot.orders.keys().copied().collect();
        let fingerprints = (!self.fingerprints.is_empty()).then(|| {
            awaited::fingerprints(db.backend(), &listed(&self.fingerprints), &loaded).with(&mut asked)
        });
        let external_references = (!self.external_references.is_empty()).then(|| {
            awaited::external_references(db.backend(), &listed(&self.external_references)).with(&mut asked)
        });
        let bank_references = (!self.bank_references.is_empty())
            .then(|| payment::bank_references(db.backend(), &listed(&self.bank_references)).with(&mut asked));
        if asked.is_empty() {
            return Ok(());
        }

        let answers = db.query_each(asked).await?;
        if let Some((levels, awaited, open_replenishments)) = stock {
            let levels = levels.read(&answers)?.into_iter();
            snapshot.stock = levels.map(|it| ((it.sku.clone(), it.location.clone()), it)).collect();
            snapshot.awaited = awaited.read(&answers)?.into_iter().collect();
            snapshot.open_replenishments = open_replenishments.read(&answers)?.into_iter().collect();
        }
        if let Some(products) = products {
            let products = products.read(&answers)?.into_iter();
            snapshot.products = products.map(|it| (it.sku.clone(), Arc::new(it))).collect();
        }
        if let Some(locations) = locations {
            let locations = locations.read(&answers)?.into_iter();
            snapshot.locations = locations.map(|it| (it.code.clone(), Arc::new(it))).collect();
        }
        if let Some(fingerprints) = fingerprints {
            let youngest = fingerprints.read(&answers)?.into_iter();
            snapshot.fingerprints = youngest.filter_map(|(it, at)| Some((it, at?))).collect();
        }
        if let Some(external_references) = external_references {
            snapshot.external_references = external_references.read(&answers)?.into_iter().collect();
        }
        if let Some(bank_references) = bank_references {
            snapshot.bank_references = bank_references.read(&answers)?.into_iter().collect();
        }

        let waiting = snapshot.orders.values().filter(|it| it.state == OrderState::AwaitingStock);
        let waiting: BTreeSet<_> = waiting.map(|it| it.id).collect();
        if !waiting.is_empty() && !snapshot.awaited.is_empty() {
            snapshot.awaited_before = awaited::awaited_before(db, &listed(&waiting), skus).await?;
        }
        Ok(())
    }
}

/// The purpose that orders are loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum For {
    /// Those that can still change are locked, the archived are there to be refused by name.
    Changing,
    Reading,
    /// In passing: they do not take the places of those that are remembered.
    Listing,
}

/// Orders, in no order. One whose cached version is current is not read again.
pub(in crate::store) async fn load_orders(
    db: &Session,
    order_cache: &OrderCache,
    ids: &[OrderId],
    purpose: For,
) -> Result<Vec<Arc<Order>>, StoreError> {
    let lock = if purpose == For::Changing { Lock::Update } else { Lock::No };
    let looked_up = |id: &OrderId| lock == Lock::Update || order_cache.knows(*id);
    let (looked_up, mut unknown): (Vec<_>, Vec<_>) = ids.iter().copied().partition(looked_up);

    let mut orders = Vec::with_capacity(ids.len());
    if !looked_up.is_empty() {
        for (id, version) in order::order_versions(db, &looked_up, lock).await? {
            match order_cache.get(id, version) {
                Some(known) => orders.push(known),
                None => unknown.push(id),
            }
        }
    }
    if !unknown.is_empty() {
        for order in order::load_orders(db, &unknown).await?.into_iter().map(Arc::new) {
            if purpose == For::Changing {
                // What is read under the lock is so, whatever is remembered.
                order_cache.forget(order.id);
            }
            if purpose != For::Listing {
                order_cache.keep(&order);
            }
            orders.push(order);
        }
    }

    // Outside of a transaction an order may have been archived since its version was read.
    let found: HashSet<_> = orders.iter().map(|it| it.id).collect();
    let missing: Vec<_> = ids.iter().filter(|it| !found.contains(it)).copied().collect();
    if !missing.is_empty() {
        orders.extend(archive::load_archived(db, &missing).await?.into_iter().map(Arc::new));
    }
    Ok(orders)
}

fn skus_of(order: &Order) -> BTreeSet<Sku> {
    let of_lines = order.lines.iter().map(|it| it.sku.clone());
    of_lines.chain(order.reservations.iter().flat_map(reserved_skus)).collect()
}

fn reserved_skus(reservation: &Reservation) -> impl Iterator<Item = Sku> {
    reservation.items.iter().map(|it| it.sku.clone())
}

fn listed<T: Clone>(set: &BTreeSet<T>) -> Vec<T> {
    set.iter().cloned().collect()
}
