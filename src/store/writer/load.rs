//! Loads what a group of changes touches: what belongs together in one message, nothing that nobody asked for, locks in
//! one order.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::domain::{
    Channel, JobId, Loaded, Order, OrderId, OrderState, Part, ReplenishmentId, Reservation, ReservationId,
    Sku, Timestamp, Touch, World,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::Recent;
use crate::store::rows::read::Lock;
use crate::store::rows::{archive, awaited, catalogue, event, job, order, payment, reservation, stock};

/// What is wanted of an order beside itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct OfOrder {
    stock: bool,
    reserving: bool,
    fingerprint: bool,
}

/// What all changes of a group touch, together; sorted, as locks are taken in order.
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
    pub(in crate::store) fn add(&mut self, touch: &Touch) {
        let Touch {
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
        } = touch;
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

    /// Orders, reservations, jobs, stock, replenishments: rows are locked in this order by everybody. Reservations
    /// come before stock because they say which stock; jobs come after what they are about, because whoever changes
    /// that sets its job at the end.
    pub(in crate::store) async fn load(
        mut self,
        db: &Session,
        recent: &Recent,
        now: Timestamp,
        lock: Lock,
    ) -> Result<World, StoreError> {
        let mut world = World::default();
        let parts = std::mem::take(&mut self.parts);
        if !parts.is_empty() {
            let named: Vec<Part> = parts.iter().map(|it| it.0.clone()).collect();
            world.owners = event::owners(db, &named).await?;
            for (part, of_order) in &parts {
                if let Some(order) = world.owners.get(part) {
                    self.add_order(*order, *of_order);
                }
            }
        }
        let asked_for_stock = listed(&self.skus);
        if !asked_for_stock.is_empty() || !self.reserving.is_empty() {
            let found = reservation::overdue(db, &asked_for_stock, &listed(&self.reserving), now).await?;
            world.overdue_orders = found.orders;
            world.overdue_reservations = found.others;
            world.more_overdue = found.more;
        }

        let orders: BTreeSet<_> = self.orders.iter().chain(&world.overdue_orders).copied().collect();
        let purpose = if lock == Lock::Update { For::Changing } else { For::Reading };
        for order in load_orders(db, recent, &listed(&orders), purpose).await? {
            world.orders.insert(order.id, order);
        }
        let alike = self.fingerprints_of.iter().filter_map(|it| world.orders.get(it));
        self.fingerprints.extend(alike.map(|it| it.fingerprint.clone()));

        let reservations: BTreeSet<_> =
            self.reservations.iter().chain(&world.overdue_reservations).copied().collect();
        if !reservations.is_empty() {
            for reservation in reservation::load_reservations(db, &listed(&reservations), lock).await? {
                world.reservations.insert(reservation.id, Arc::new(reservation));
            }
        }

        if !self.leases.is_empty() {
            world.leases = job::leases(db, &listed(&self.leases), now, lock).await?;
        }

        let mut skus = self.skus.clone();
        let moving = self.stock_of.iter().chain(&world.overdue_orders).filter_map(|it| world.orders.get(it));
        for order in moving {
            skus.extend(skus_of(order));
        }
        for reservation in world.reservations.values() {
            skus.extend(reserved_skus(reservation));
        }
        self.load_lookups(db, &listed(&skus), lock, &mut world).await?;

        if !self.replenishments.is_empty() {
            let ids = listed(&self.replenishments);
            for replenishment in stock::load_replenishments(db, &ids, lock).await? {
                world.replenishments.insert(replenishment.id, Arc::new(replenishment));
            }
        }
        if self.couriers {
            let couriers = catalogue::load_couriers(db).await?;
            world.couriers = couriers.into_iter().map(|it| (it.code.clone(), Arc::new(it))).collect();
            world.courier_ratings = catalogue::courier_ratings(db).await?;
        }
        let parts = parts.into_iter().map(|it| it.0).collect();
        world.loaded = Some(Loaded { parts, ..self.looked_up(&world, orders, reservations, skus) });
        Ok(world)
    }

    /// Every key that was looked up, so that what a decision does not find among them is known not to exist.
    fn looked_up(
        self,
        world: &World,
        orders: BTreeSet<OrderId>,
        reservations: BTreeSet<ReservationId>,
        stock: BTreeSet<Sku>,
    ) -> Loaded {
        let reserving = self.reserving.iter().filter_map(|it| world.orders.get(it));
        let wanted = reserving.flat_map(|it| it.lines.iter().map(|line| line.sku.clone()));
        Loaded {
            orders: orders.into_iter().collect(),
            parts: HashSet::new(),
            overdue: self.skus.into_iter().chain(wanted).collect(),
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
    /// waiting are read after the stock is locked: whoever joins or leaves them holds that lock.
    async fn load_lookups(
        &self,
        db: &Session,
        skus: &[Sku],
        lock: Lock,
        world: &mut World,
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
        // Loaded orders are looked at as they are: see `Desk::received_alike`.
        let loaded: Vec<_> = world.orders.keys().copied().collect();
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
            world.stock = levels.map(|it| ((it.sku.clone(), it.location.clone()), it)).collect();
            world.awaited = awaited.read(&answers)?.into_iter().collect();
            world.open_replenishments = open_replenishments.read(&answers)?.into_iter().collect();
        }
        if let Some(products) = products {
            let products = products.read(&answers)?.into_iter();
            world.products = products.map(|it| (it.sku.clone(), Arc::new(it))).collect();
        }
        if let Some(locations) = locations {
            let locations = locations.read(&answers)?.into_iter();
            world.locations = locations.map(|it| (it.code.clone(), Arc::new(it))).collect();
        }
        if let Some(fingerprints) = fingerprints {
            let youngest = fingerprints.read(&answers)?.into_iter();
            world.fingerprints = youngest.filter_map(|(it, at)| Some((it, at?))).collect();
        }
        if let Some(external_references) = external_references {
            world.external_references = external_references.read(&answers)?.into_iter().collect();
        }
        if let Some(bank_references) = bank_references {
            world.bank_references = bank_references.read(&answers)?.into_iter().collect();
        }

        let waiting = world.orders.values().filter(|it| it.state == OrderState::AwaitingStock);
        let waiting: BTreeSet<_> = waiting.map(|it| it.id).collect();
        if !waiting.is_empty() && !world.awaited.is_empty() {
            world.awaited_before = awaited::awaited_before(db, &listed(&waiting), skus).await?;
        }
        Ok(())
    }
}

/// What orders are loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum For {
    /// Those that can still change are locked, the archived are there to be refused by name.
    Changing,
    Reading,
    /// In passing: they do not take the places of those that are remembered.
    Listing,
}

/// Orders, in no order. What is known by its edition is not read again.
pub(in crate::store) async fn load_orders(
    db: &Session,
    recent: &Recent,
    ids: &[OrderId],
    purpose: For,
) -> Result<Vec<Arc<Order>>, StoreError> {
    let lock = if purpose == For::Changing { Lock::Update } else { Lock::No };
    let looked_up = |id: &OrderId| lock == Lock::Update || recent.knows(*id);
    let (looked_up, mut unknown): (Vec<_>, Vec<_>) = ids.iter().copied().partition(looked_up);

    let mut orders = Vec::with_capacity(ids.len());
    if !looked_up.is_empty() {
        for (id, edition) in order::order_editions(db, &looked_up, lock).await? {
            match recent.get(id, edition) {
                Some(known) => orders.push(known),
                None => unknown.push(id),
            }
        }
    }
    if !unknown.is_empty() {
        for order in order::load_orders(db, &unknown).await?.into_iter().map(Arc::new) {
            if purpose == For::Changing {
                // What is read under the lock is so, whatever is remembered.
                recent.forget(order.id);
            }
            if purpose != For::Listing {
                recent.keep(&order);
            }
            orders.push(order);
        }
    }

    // Outside of a transaction one may have been archived since its edition was read.
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
