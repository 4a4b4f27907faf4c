//! A group's loading under way: what is asked for in each round of reads, and what the answers say.

mod accounts;
mod api_keys;
mod discounts;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::sea_query::Value;

use crate::domain::{
    CapacityOf, CustomerId, JobId, Loaded, Location, Method, Order, OrderId, Part, Reservation,
    ReservationId, Sku, Snapshot, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::FixedStatement;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::callers::WAITING_ORDERS;
use crate::store::rows::decision::{FIND_ANSWERS, IdempotencyKey};
use crate::store::rows::expired_lots::EXPIRED_ON_LISTS;
use crate::store::rows::lookup::{self, CachedState, EXPIRED_MAX};
use crate::store::rows::order::JobFields;
use crate::store::rows::statements::Locked;
use crate::store::rows::{capacity, document};
use crate::store::writer::loaded::{LoadedGroup, Reads, Topic, job_fields, read_lookup};
use crate::store::writer::wanted::{BesideOrder, Wanted};

/// The statements for what may change.
struct Statements {
    orders: &'static FixedStatement,
    reservations: &'static FixedStatement,
    levels: &'static FixedStatement,
    replenishments: &'static FixedStatement,
    discount_codes: &'static FixedStatement,
    transfers: &'static FixedStatement,
    open_reservations: &'static FixedStatement,
}

impl Statements {
    fn of(locked: Locked) -> Self {
        match locked {
            Locked::Update => Self {
                orders: &lookup::LOCK_ORDERS,
                reservations: &lookup::LOCK_RESERVATIONS,
                levels: &lookup::LOCK_LEVELS,
                replenishments: &lookup::LOCK_REPLENISHMENTS,
                discount_codes: &lookup::LOCK_DISCOUNT_CODES,
                transfers: &lookup::LOCK_TRANSFERS,
                open_reservations: &lookup::LOCK_OPEN_RESERVATIONS,
            },
            Locked::No => Self {
                orders: &lookup::ORDERS,
                reservations: &lookup::CALLERS_RESERVATIONS,
                levels: &lookup::LEVELS,
                replenishments: &lookup::REPLENISHMENTS,
                discount_codes: &lookup::DISCOUNT_CODES,
                transfers: &lookup::TRANSFERS,
                open_reservations: &lookup::OPEN_RESERVATIONS,
            },
        }
    }
}

/// What one pass of the loop in `load.rs` found beyond the keys it was asked for; the next pass locks these too.
pub(super) struct Found {
    pub(super) expired_orders: BTreeSet<OrderId>,
    pub(super) holding_orders: BTreeSet<OrderId>,
    pub(super) reservations: BTreeSet<ReservationId>,
}

/// A group's loading under way.
pub(super) struct Loading<'w> {
    wanted: &'w Wanted,
    order_cache: &'w OrderCache,
    now: Timestamp,
    locked: Locked,
    statements: Statements,
    /// The parts asked for. Their place here is the index that goes out with each and comes back in column 0 of its row.
    parts: Vec<(Part, BesideOrder)>,
    /// Orders of the cache whose version was sent along: the database sends no document for those that are still so. Held
    /// here, so that they do not go meanwhile.
    cached: HashMap<OrderId, Arc<Order>>,
    /// What is wanted beside each order that was found: stock, products, …
    beside: HashMap<OrderId, BesideOrder>,
    group: LoadedGroup,
    /// Whose reservations have expired, as this pass found: orders, and those of other callers by themselves. Some may be
    /// loaded already.
    expired_orders: BTreeSet<OrderId>,
    expired_reservations: BTreeSet<ReservationId>,
    /// More than [`EXPIRED_MAX`] were found: the rest is left to a later group.
    more_expired: bool,
    /// Who has stock of the shelves that were asked about; some may be loaded already.
    holding_orders: BTreeSet<OrderId>,
    holding_reservations: BTreeSet<ReservationId>,
    /// Products whose expired reservations were looked for.
    looked_for_expired: BTreeSet<Sku>,
    stock: BTreeSet<Sku>,
    products: BTreeSet<Sku>,
    fingerprints: BTreeSet<String>,
    capacity_of: BTreeSet<CapacityOf>,
}

impl<'w> Loading<'w> {
    pub(super) fn new(
        wanted: &'w Wanted,
        order_cache: &'w OrderCache,
        now: Timestamp,
        locked: Locked,
    ) -> Self {
        let parts = wanted.parts.iter().map(|(part, of)| (part.clone(), *of));
        let found_before = wanted
            .expired_orders
            .union(&wanted.holding_orders)
            .map(|it| (Part::Order(*it), BesideOrder { stock: true, ..BesideOrder::default() }));
        Self {
            wanted,
            order_cache,
            now,
            locked,
            statements: Statements::of(locked),
            parts: parts.chain(found_before).collect(),
            cached: HashMap::new(),
            beside: HashMap::new(),
            group: LoadedGroup::default(),
            expired_orders: BTreeSet::new(),
            expired_reservations: BTreeSet::new(),
            more_expired: false,
            holding_orders: BTreeSet::new(),
            holding_reservations: BTreeSet::new(),
            looked_for_expired: BTreeSet::new(),
            stock: BTreeSet::new(),
            products: wanted.products.clone(),
            fingerprints: BTreeSet::new(),
            capacity_of: wanted.capacity_of.clone(),
        }
    }

    pub(super) fn first_reads(&mut self) -> Reads {
        let wanted = self.wanted;
        let mut reads = Reads::new();
        let mut orders = Vec::with_capacity(self.parts.len());
        for (index, (part, _)) in self.parts.iter().enumerate() {
            let mut state = CachedState::default();
            if let Part::Order(id) = part
                && let Some(order) = self.order_cache.get(*id)
            {
                state = CachedState { version: order.version, updated_at: Some(order.updated_at) };
                self.cached.insert(*id, order);
            }
            orders.push(lookup::order_of(part, index, state));
        }
        ask(&mut reads, Topic::Orders, self.statements.orders, orders);
        ask_keys(&mut reads, Topic::Reservations, self.statements.reservations, &wanted.reservations);
        ask_keys(&mut reads, Topic::Transfers, self.statements.transfers, &wanted.transfers);
        self.ask_expired(&wanted.skus, &mut reads);
        self.ask_holders(&mut reads);
        if !self.locks_stock_later() {
            self.ask_stock(&wanted.skus, &mut reads);
            self.ask_discounts(&mut reads);
            self.ask_callers(&mut reads);
        }
        // Unlocked, only to learn their products: stock is locked before replenishments. `second_reads` reads them again,
        // locked.
        self.ask_replenishments(&lookup::REPLENISHMENTS, &mut reads);

        ask_keys(&mut reads, Topic::Products, &lookup::PRODUCTS, &wanted.products);
        if wanted.locations {
            ask(&mut reads, Topic::Locations, &lookup::LOCATIONS, lookup::once());
        }
        if wanted.couriers {
            ask(&mut reads, Topic::Couriers, &lookup::COURIERS, lookup::once());
        }
        if wanted.courier_records {
            ask(&mut reads, Topic::CourierRecords, &lookup::COURIER_RECORDS, lookup::once());
        }
        ask_keys(&mut reads, Topic::StockAt, &lookup::STOCK_AT, &wanted.stock_at);
        ask_keys(&mut reads, Topic::ReplenishmentsAt, &lookup::REPLENISHMENTS_AT, &wanted.stock_at);
        ask_keys(&mut reads, Topic::ShipmentsOf, &lookup::SHIPMENTS_OF, &wanted.shipments_of);
        self.ask_references(&mut reads);
        self.ask_fingerprints(&wanted.fingerprints, &mut reads);
        self.ask_accounts(&mut reads);
        self.ask_api_keys(&mut reads);
        self.ask_answers(&mut reads);
        reads
    }

    /// Who has units of these shelves that are to be given up, and who has such on pick lists as have expired.
    fn ask_holders(&self, reads: &mut Reads) {
        let shelves = self.wanted.holders_of.iter();
        let shelves: Vec<Vec<Value>> =
            shelves.map(|(sku, at)| vec![sku.clone().into(), at.clone().into()]).collect();
        if !shelves.is_empty() {
            let now: Value = self.now.into();
            let by_now = shelves.iter().map(|it| it.iter().cloned().chain([now.clone()]).collect());
            reads.push((Topic::Holders, EXPIRED_ON_LISTS.about(by_now.collect())));
            reads.push((Topic::Holders, lookup::HOLDERS.about(shelves)));
        }
    }

    /// Asked last: who was held up by another's locks must see what that one has answered.
    fn ask_answers(&self, reads: &mut Reads) {
        if !self.wanted.keys.is_empty() {
            let keys = self.wanted.keys.iter().map(IdempotencyKey::values);
            reads.push((Topic::Answers, FIND_ANSWERS.about(keys.collect())));
        }
    }

    /// Whether orders, reservations and replenishments say which stock is wanted too: then all of it is locked at once,
    /// when they are known. Locked in two goes, two groups could wait for each other.
    fn locks_stock_later(&self) -> bool {
        let Wanted { reservations, replenishments, transfers, .. } = self.wanted;
        self.parts.iter().any(|(_, of)| of.stock || of.stock_for_handover)
            || !reservations.is_empty()
            || !replenishments.is_empty()
            || !transfers.is_empty()
    }

    fn ask_replenishments(&self, statement: &'static FixedStatement, reads: &mut Reads) {
        ask_keys(reads, Topic::Replenishments, statement, &self.wanted.replenishments);
    }

    /// Stock everywhere, who waits for it, and what is being bought. The waiting are read after the stock is locked: an
    /// order that joins or leaves them holds that lock.
    fn ask_stock(&mut self, skus: &BTreeSet<Sku>, reads: &mut Reads) {
        let missing: Vec<Sku> = skus.difference(&self.stock).cloned().collect();
        if missing.is_empty() {
            return;
        }
        let keys = || lookup::keys(missing.iter().cloned());
        reads.push((Topic::Levels, self.statements.levels.about(keys())));
        reads.push((Topic::Awaited, lookup::AWAITED.about(keys())));
        reads.push((Topic::OpenReplenishments, lookup::OPEN_REPLENISHMENTS.about(keys())));
        self.stock.extend(missing);
    }

    fn ask_references(&self, reads: &mut Reads) {
        let references = self.wanted.external_references.iter();
        let references = references.map(|(channel, it)| vec![(*channel).into(), it.as_str().into()]);
        ask(reads, Topic::ExternalReferences, &lookup::EXTERNAL_REFERENCES, references.collect());
        let references = self.wanted.bank_references.iter();
        let references = references.map(|it| vec![Method::BankTransfer.into(), it.as_str().into()]);
        ask(reads, Topic::BankReferences, &lookup::BANK_REFERENCES, references.collect());
    }

    /// What callers have open, under a lock of its own that is taken after those of stock and codes, and what waits of theirs.
    fn ask_callers(&self, reads: &mut Reads) {
        let callers = &self.wanted.callers;
        ask_keys(reads, Topic::OpenReservations, self.statements.open_reservations, callers);
        ask_keys(reads, Topic::WaitingOrders, &WAITING_ORDERS, callers);
    }

    fn ask_expired(&mut self, skus: &BTreeSet<Sku>, reads: &mut Reads) {
        let rows =
            skus.difference(&self.looked_for_expired).map(|it| vec![it.clone().into(), self.now.into()]);
        let rows: Vec<Vec<_>> = rows.collect();
        if !rows.is_empty() {
            reads.push((Topic::Expired, lookup::EXPIRED.about(rows)));
            self.looked_for_expired.extend(skus.iter().cloned());
        }
    }

    fn ask_fingerprints(&mut self, fingerprints: &BTreeSet<String>, reads: &mut Reads) {
        // One more than the orders loaded: whichever of these are alike, the youngest that is not among them is in the answer.
        let at_most = self.parts.len() as i64 + 1;
        let rows =
            fingerprints.difference(&self.fingerprints).map(|it| vec![it.as_str().into(), at_most.into()]);
        let rows: Vec<Vec<_>> = rows.collect();
        if !rows.is_empty() {
            reads.push((Topic::Fingerprints, lookup::RECEIVED_ALIKE.about(rows)));
            self.fingerprints.extend(fingerprints.iter().cloned());
        }
    }

    /// The second round: what follows from the orders, reservations, replenishments and transfers of the first. Stock is
    /// locked here if any of them adds to it (`locks_stock_later`).
    pub(super) fn second_reads(&mut self) -> Reads {
        let mut reads = Reads::new();
        let (mut stock, mut reserving, mut fingerprints) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut products: BTreeSet<Sku> = BTreeSet::new();
        let mut named: BTreeSet<CustomerId> = BTreeSet::new();
        for (id, of) in &self.beside {
            let Some(order) = self.group.snapshot.orders.get(id) else { continue };
            if of.stock || (of.stock_for_handover && order.awaits_courier()) {
                stock.extend(skus_of(order));
            }
            if of.reserving {
                reserving.extend(order.lines.iter().map(|it| it.sku.clone()));
                // An open change may add units of these.
                let changing: BTreeSet<Sku> = order.skus_of_open_change().into_iter().collect();
                stock.extend(changing.iter().cloned());
                reserving.extend(changing.iter().cloned());
                products.extend(changing);
            }
            if of.products {
                products.extend(order.lines.iter().map(|it| it.sku.clone()));
            }
            if of.fingerprint {
                fingerprints.insert(order.fingerprint.clone());
                named.extend(order.named.as_ref().map(|it| it.id));
            }
        }
        for reservation in self.group.snapshot.reservations.values() {
            stock.extend(reserved_skus(reservation));
        }
        stock.extend(self.group.snapshot.replenishments.values().map(|it| it.sku.clone()));
        let transferred = self.group.snapshot.transfers.values().flat_map(|it| &it.items);
        let transferred: BTreeSet<Sku> = transferred.map(|it| it.sku.clone()).collect();
        stock.extend(transferred.iter().cloned());
        products.extend(transferred);
        self.ask_expired(&reserving, &mut reads);
        if self.locks_stock_later() {
            stock.extend(self.wanted.skus.iter().cloned());
            self.ask_stock(&stock, &mut reads);
            self.ask_replenishments(self.statements.replenishments, &mut reads);
            self.ask_discounts(&mut reads);
            self.ask_callers(&mut reads);
        }
        self.ask_fingerprints(&fingerprints, &mut reads);
        self.ask_named(named, &mut reads);
        let unknown: Vec<Sku> = products.difference(&self.products).cloned().collect();
        if !unknown.is_empty() {
            let keys = lookup::keys(unknown.iter().cloned());
            reads.push((Topic::Products, lookup::PRODUCTS.about(keys)));
            self.products.extend(unknown);
        }

        // After the stock is locked, for the same reason as in `ask_stock`: who joins or leaves the queue holds that lock.
        if !self.stock.is_empty() {
            let waiting = self.group.snapshot.orders.values().filter(|it| it.waits_for_stock());
            let waiting: BTreeSet<_> = waiting.map(|it| it.id).collect();
            if !waiting.is_empty() {
                reads.push((Topic::AwaitedBefore, lookup::AWAITED_BEFORE.about(lookup::keys(waiting))));
            }
        }
        // Again, and last: this round may have waited for locks.
        if !reads.is_empty() {
            self.ask_answers(&mut reads);
        }
        reads
    }

    /// The days of what has a capacity, for decisions that look for room: they read the couriers. They are read after the
    /// location is locked, because every order that takes its room takes that lock first. Couriers are locked only for decisions that
    /// choose one: no others fill a courier's day.
    pub(super) fn third_reads(&mut self) -> Reads {
        if self.wanted.couriers {
            self.capacity_of.extend(self.with_capacity());
        }
        let mut reads = Reads::new();
        let (mut locations, mut couriers, mut days) = (Vec::new(), Vec::new(), Vec::new());
        let snapshot = &self.group.snapshot;
        for of in &self.capacity_of {
            let zone = match of {
                CapacityOf::Location(code) => {
                    locations.push(code.clone());
                    snapshot.locations.get(code).map(|it| &it.calendar.time_zone)
                }
                CapacityOf::Courier(code) => {
                    couriers.push(code.clone());
                    snapshot.couriers.get(code).map(|it| &it.time_zone)
                }
            };
            days.extend(zone.map(|it| capacity::days_from(of, it.clock().day_of(self.now))));
        }
        if days.is_empty() {
            return reads;
        }
        if self.locked == Locked::Update {
            if !locations.is_empty() {
                reads.push((Topic::Locks, lookup::LOCK_LOCATIONS.about(lookup::keys(locations))));
            }
            if self.wanted.courier_records && !couriers.is_empty() {
                reads.push((Topic::Locks, lookup::LOCK_COURIERS.about(lookup::keys(couriers))));
            }
        }
        reads.push((Topic::DailyShipments, lookup::DAILY_SHIPMENTS.about(days)));
        self.ask_answers(&mut reads);
        reads
    }

    /// Every courier, and every location that these orders and this stock may leave from, if it has a capacity.
    fn with_capacity(&self) -> BTreeSet<CapacityOf> {
        let Snapshot { locations, couriers, stock, orders, .. } = &self.group.snapshot;
        let couriers = couriers.values().filter(|it| it.shipments_per_day.is_some());
        let mut found: BTreeSet<_> = couriers.map(|it| CapacityOf::Courier(it.code.clone())).collect();
        for Location { code, .. } in
            locations.values().map(AsRef::as_ref).filter(|it| it.shipments_per_day.is_some())
        {
            if stock.keys().any(|it| it.1 == *code) || orders.values().any(|it| it.concerns(code)) {
                found.insert(CapacityOf::Location(code.clone()));
            }
        }
        found
    }

    pub(super) fn read(&mut self, topics: Vec<Topic>, answers: Vec<Vec<Row>>) -> Result<(), StoreError> {
        for (topic, rows) in topics.into_iter().zip(answers) {
            match topic {
                Topic::Orders => rows.iter().try_for_each(|row| self.read_order(row))?,
                Topic::Expired => self.read_expired(&rows)?,
                Topic::Holders => self.read_holders(&rows)?,
                Topic::Fingerprints => self.read_fingerprints(&rows)?,
                Topic::Accounts => self.read_accounts(&rows)?,
                Topic::DiscountCodes | Topic::DiscountUses => self.read_discounts(topic, &rows)?,
                // Columns: as `LOCK_RESERVATIONS` says.
                Topic::Reservations => {
                    for row in &rows {
                        let reservation: Reservation = document::decode("reservations", row.bytes(5)?)?;
                        self.group.jobs.insert(JobId(reservation.id.0), job_fields(row, 1)?);
                        self.group.snapshot.reservations.insert(reservation.id, Arc::new(reservation));
                    }
                }
                other => read_lookup(&mut self.group, other, &rows)?,
            }
        }
        Ok(())
    }

    /// Columns: as `LOCK_ORDERS` says.
    fn read_order(&mut self, row: &Row) -> Result<(), StoreError> {
        let id: OrderId = row.get(1)?;
        let order = match row.get::<Option<Vec<u8>>>(8)? {
            Some(bytes) => {
                let order = Arc::new(document::whole_order(id, &bytes, self.order_cache.keys())?);
                let version: i64 = row.get(2)?;
                if order.version != version {
                    let what = format!("{id} has version {version}, its document {}", order.version);
                    return Err(StoreError::corrupt("orders", what));
                }
                // What is read under the lock is so, whatever is remembered.
                self.order_cache.forget(id);
                self.order_cache.keep(&order);
                order
            }
            // NULL: the cached version is still the right one.
            None => self
                .cached
                .get(&id)
                .cloned()
                .ok_or_else(|| StoreError::corrupt("orders", format!("{id} has no document")))?,
        };
        self.group.jobs.insert(JobId(id.0), job_fields(row, 4)?);
        let asked = usize::try_from(row.get::<i32>(0)?).ok().and_then(|it| self.parts.get(it));
        if let Some((part, of)) = asked {
            self.beside.entry(id).or_default().extend(*of);
            if !matches!(part, Part::Order(_)) {
                self.group.snapshot.owners.insert(part.clone(), id);
            }
        }
        self.group.snapshot.orders.insert(id, order);
        Ok(())
    }

    /// The oldest of those that were found, however many statements found them.
    fn read_expired(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let mut found = BTreeSet::new();
        for row in rows {
            let at: Timestamp = row.get(2)?;
            found.insert((at, row.get::<ReservationId>(0)?, row.get::<Option<OrderId>>(1)?));
        }
        self.more_expired |= found.len() > EXPIRED_MAX;
        for (_, reservation, order) in found.into_iter().take(EXPIRED_MAX) {
            match order {
                Some(order) => self.expired_orders.insert(order),
                None => self.expired_reservations.insert(reservation),
            };
        }
        Ok(())
    }

    fn read_holders(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            match row.get::<Option<OrderId>>(1)? {
                Some(order) => self.holding_orders.insert(order),
                None => self.holding_reservations.insert(row.get(0)?),
            };
        }
        Ok(())
    }

    fn read_fingerprints(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let (fingerprint, order, at): (String, OrderId, Timestamp) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if self.group.snapshot.orders.contains_key(&order) {
                continue;
            }
            let youngest = self.group.snapshot.fingerprints.entry(fingerprint).or_insert(at);
            *youngest = at.max(*youngest);
        }
        Ok(())
    }

    /// Whether reservations have expired, or have stock that a count is about, that are not loaded.
    pub(super) fn found_more(&self) -> bool {
        let Snapshot { orders, reservations, .. } = &self.group.snapshot;
        self.expired_orders.iter().any(|it| !self.wanted.expired_orders.contains(it))
            || self.holding_orders.iter().any(|it| !orders.contains_key(it))
            || self.expired_reservations.iter().any(|it| !reservations.contains_key(it))
            || self.holding_reservations.iter().any(|it| !reservations.contains_key(it))
    }

    pub(super) fn found(mut self) -> Found {
        self.expired_reservations.append(&mut self.holding_reservations);
        let Self { expired_orders, holding_orders, expired_reservations: reservations, .. } = self;
        Found { expired_orders, holding_orders, reservations }
    }

    pub(super) fn finish(mut self, now: Timestamp) -> Result<LoadedGroup, StoreError> {
        let snapshot = &mut self.group.snapshot;
        // Only one that was asked for as expired has its stock loaded for sure; one that is here by chance is left to the
        // next group.
        let is_loaded =
            |it: &OrderId| snapshot.orders.contains_key(it) && self.wanted.expired_orders.contains(it);
        let (orders, more_orders): (Vec<_>, Vec<_>) = self.expired_orders.into_iter().partition(is_loaded);
        let is_loaded = |it: &ReservationId| snapshot.reservations.contains_key(it);
        let (reservations, more): (Vec<_>, Vec<_>) =
            self.expired_reservations.into_iter().partition(is_loaded);
        snapshot.more_expired = self.more_expired || !more_orders.is_empty() || !more.is_empty();
        (snapshot.expired_orders, snapshot.expired_reservations) = (orders, reservations);
        snapshot.holding_orders =
            self.holding_orders.into_iter().filter(|it| snapshot.orders.contains_key(it)).collect();

        for job in &self.wanted.leases {
            if let Some(JobFields { lease_token, lease_until: Some(until), .. }) = self.group.jobs.get(job)
                && *until > now
            {
                snapshot.leases.insert(*job, *lease_token);
            }
        }
        let asked = self.parts.iter().map(|it| it.0.clone());
        snapshot.loaded = Some(Loaded {
            orders: asked
                .clone()
                .filter_map(|it| if let Part::Order(id) = it { Some(id) } else { None })
                .collect(),
            parts: asked.collect(),
            expired: self.looked_for_expired.into_iter().collect(),
            locations: self.wanted.locations,
            stock: self.stock.into_iter().collect(),
            stock_at: self.wanted.stock_at.iter().cloned().collect(),
            holders_of: self.wanted.holders_of.iter().cloned().collect(),
            shipments_of: self.wanted.shipments_of.iter().cloned().collect(),
            reservations: self.wanted.reservations.iter().copied().collect(),
            callers: self.wanted.callers.iter().cloned().collect(),
            replenishments: self.wanted.replenishments.iter().copied().collect(),
            transfers: self.wanted.transfers.iter().copied().collect(),
            products: self.products.into_iter().collect(),
            couriers: self.wanted.couriers,
            courier_records: self.wanted.courier_records,
            capacity_of: self.capacity_of.into_iter().collect(),
            fingerprints: self.fingerprints.into_iter().collect(),
            external_references: self.wanted.external_references.iter().cloned().collect(),
            bank_references: self.wanted.bank_references.iter().cloned().collect(),
            discount_codes: self.wanted.discount_codes.iter().cloned().collect(),
            accounts: self.wanted.accounts.iter().copied().collect(),
            account_references: self.wanted.account_references.iter().cloned().collect(),
            api_keys: self.wanted.api_keys.iter().copied().collect(),
            live_api_keys: self.wanted.live_api_keys,
            subscriptions: self.wanted.subscriptions,
        });
        Ok(self.group)
    }
}

/// Asks for what these rows name, if there are any.
fn ask(reads: &mut Reads, topic: Topic, statement: &'static FixedStatement, rows: Vec<Vec<Value>>) {
    if !rows.is_empty() {
        reads.push((topic, statement.about(rows)));
    }
}

/// The same, with a row for each of these keys.
fn ask_keys<'k, K: Clone + Into<Value> + 'k>(
    reads: &mut Reads,
    topic: Topic,
    statement: &'static FixedStatement,
    keys: impl IntoIterator<Item = &'k K>,
) {
    ask(reads, topic, statement, lookup::keys(keys.into_iter().cloned()));
}

fn skus_of(order: &Order) -> BTreeSet<Sku> {
    let of_lines = order.lines.iter().map(|it| it.sku.clone());
    of_lines.chain(order.reservations.iter().flat_map(reserved_skus)).collect()
}

fn reserved_skus(reservation: &Reservation) -> impl Iterator<Item = Sku> {
    reservation.items.iter().map(|it| it.sku.clone())
}
