//! Entities as they were before a group changed them, and saving what differs now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sea_orm::sea_query::Value;

use crate::domain::{
    ChangeSet, Courier, CourierCode, CourierRecords, CustomerAccount, CustomerId, DailyShipments,
    DiscountCode, DiscountKey, DiscountUsesByKey, EventSubscription, IssuedKey, JobId, KeyId, Location,
    LocationCode, Order, OrderId, Product, Replenishment, ReplenishmentId, Reservation, ReservationId, Sku,
    Snapshot, StockLevel, SubscriptionId, Transfer, TransferId, count_daily_shipments, count_discount_uses,
    count_open,
};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::connection::statement::FixedStatement;
use crate::store::rows::api_key::KEY_CHANGES;
use crate::store::rows::catalogue::{self, Entry, term_rows};
use crate::store::rows::decision::ADD_TO_COUNTERS;
use crate::store::rows::order::{JobFields, to_row};
use crate::store::rows::projection::{Changes, values};
use crate::store::rows::statements::Writes;
use crate::store::rows::subscription::{self, SUBSCRIPTION_CHANGES};
use crate::store::rows::table::Record;
use crate::store::rows::writes::{self, TermWrites};
use crate::store::rows::{api_key, capacity, discount, document, erasure, record, reservation, stock};

/// None: it did not exist.
pub(super) type Old<K, V> = BTreeMap<K, Option<V>>;

#[derive(Default)]
pub(in crate::store) struct Before {
    pub(in crate::store) orders: Old<OrderId, Arc<Order>>,
    pub(in crate::store) reservations: Old<ReservationId, Arc<Reservation>>,
    stock: Old<(Sku, LocationCode), StockLevel>,
    replenishments: Old<ReplenishmentId, Arc<Replenishment>>,
    transfers: Old<TransferId, Arc<Transfer>>,
    products: Old<Sku, Arc<Product>>,
    locations: Old<LocationCode, Arc<Location>>,
    couriers: Old<CourierCode, Arc<Courier>>,
    discount_codes: Old<DiscountKey, Arc<DiscountCode>>,
    accounts: Old<CustomerId, Arc<CustomerAccount>>,
    api_keys: Old<KeyId, Arc<IssuedKey>>,
    subscriptions: Old<SubscriptionId, Arc<EventSubscription>>,
}

/// Job fields of orders and of other callers' reservations, as they are from now on.
pub(in crate::store) type Jobs = HashMap<JobId, JobFields>;

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
        for id in changes.transfers.keys() {
            self.transfers.entry(*id).or_insert_with(|| snapshot.transfers.get(id).cloned());
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
        for id in changes.accounts.keys() {
            self.accounts.entry(*id).or_insert_with(|| snapshot.accounts.get(id).cloned());
        }
        for id in changes.api_keys.keys() {
            self.api_keys.entry(*id).or_insert_with(|| snapshot.api_keys.get(id).cloned());
        }
        for id in changes.subscriptions.keys() {
            self.subscriptions.entry(*id).or_insert_with(|| snapshot.subscriptions.get(id).cloned());
        }
        for code in changes.discount_codes.keys() {
            let old = || snapshot.discount_codes.get(code).cloned();
            self.discount_codes.entry(code.clone()).or_insert_with(old);
        }
    }

    /// Writes what differs in the snapshot, once its orders are numbered; rows that others point to first.
    pub(in crate::store) fn save(
        &self,
        writes: &mut Writes,
        snapshot: &Snapshot,
        jobs: &Jobs,
        keys: &ArchiveKeys,
    ) -> Result<(), StoreError> {
        self.save_catalogue(writes, snapshot)?;
        let levels =
            self.stock.iter().filter_map(|(key, old)| Some((old.as_ref(), snapshot.stock.get(key)?)));
        save(
            writes,
            &writes::ADD_LEVELS,
            &writes::CHANGE_LEVELS,
            levels,
            |it| it.version,
            stock::level_to_row,
        )?;
        self.save_lots(writes, snapshot);

        self.save_callers(writes, snapshot);
        self.save_api_keys(writes, snapshot)?;
        self.save_subscriptions(writes, snapshot)?;
        let mut changes = Changes::default();
        self.save_orders(writes, &mut changes, snapshot, jobs, keys)?;
        let reservations = self
            .reservations
            .iter()
            .filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.reservations.get(key)?)));
        for (before, after) in reservations.clone() {
            changes.add_items(before, after);
        }
        let job = |it: &Reservation| jobs.get(&JobId(it.id.0)).copied().unwrap_or_default();
        save(
            writes,
            &writes::ADD_RESERVATIONS,
            &writes::CHANGE_RESERVATIONS,
            reservations,
            |it| it.version,
            |it| reservation::of_caller(it, job(it)),
        )?;
        changes.write(writes);
        let transfers = self
            .transfers
            .iter()
            .filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.transfers.get(key)?)));
        save(
            writes,
            &writes::ADD_TRANSFERS,
            &writes::CHANGE_TRANSFERS,
            transfers,
            |it| it.version,
            catalogue::to_row,
        )?;
        self.save_replenishments(writes, snapshot)
    }

    /// The lots of levels that have some, after the levels that they are part of.
    fn save_lots(&self, writes: &mut Writes, snapshot: &Snapshot) {
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for (key, old) in &self.stock {
            let Some(new) = snapshot.stock.get(key) else { continue };
            if new.lots.is_empty() && old.as_ref().is_none_or(|it| it.lots.is_empty()) {
                continue;
            }
            let (new, old) = stock::lots_that_differ(old.as_ref(), new);
            rows.extend(new);
            gone.extend(old);
        }
        writes.put(&writes::DELETE_LOTS, gone);
        writes.put(&writes::UPSERT_LOTS, values(rows));
    }

    /// How many reservations of their own callers have open now.
    fn save_callers(&self, writes: &mut Writes, snapshot: &Snapshot) {
        let mut moved = BTreeMap::new();
        for (id, old) in &self.reservations {
            old.iter().for_each(|it| count_open(&mut moved, it, -1));
            snapshot.reservations.get(id).into_iter().for_each(|it| count_open(&mut moved, it, 1));
        }
        let (more, less) = reservation::differences(moved);
        writes.put(&writes::ADD_TO_OPEN_RESERVATIONS, more);
        writes.put(&writes::TAKE_OFF_OPEN_RESERVATIONS, less);
    }

    /// Each change is counted, for the other processes to notice.
    fn save_api_keys(&self, writes: &mut Writes, snapshot: &Snapshot) -> Result<(), StoreError> {
        if self.api_keys.is_empty() {
            return Ok(());
        }
        let keys = self.api_keys.iter();
        let keys = keys.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.api_keys.get(key)?)));
        save(
            writes,
            &writes::ADD_API_KEYS,
            &writes::CHANGE_API_KEYS,
            keys,
            |it| it.version,
            api_key::to_row,
        )?;
        writes.put(&ADD_TO_COUNTERS, vec![vec![KEY_CHANGES.into(), (self.api_keys.len() as i64).into()]]);
        Ok(())
    }

    /// With each a subscriber comes, is asked again at once, or is there no more.
    fn save_subscriptions(&self, writes: &mut Writes, snapshot: &Snapshot) -> Result<(), StoreError> {
        if self.subscriptions.is_empty() {
            return Ok(());
        }
        let changed = self.subscriptions.iter();
        let changed =
            changed.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.subscriptions.get(key)?)));
        save(
            writes,
            &writes::ADD_SUBSCRIPTIONS,
            &writes::CHANGE_SUBSCRIPTIONS,
            changed.clone(),
            |it| it.version,
            |it| Ok(subscription::to_row(it)),
        )?;
        subscription::follow(writes, changed);
        let count = self.subscriptions.len() as i64;
        writes.put(&ADD_TO_COUNTERS, vec![vec![SUBSCRIPTION_CHANGES.into(), count.into()]]);
        Ok(())
    }

    fn save_replenishments(&self, writes: &mut Writes, snapshot: &Snapshot) -> Result<(), StoreError> {
        let replenishments = self
            .replenishments
            .iter()
            .filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.replenishments.get(key)?)));
        // One is proposed per product and location: those that were decided on make room first, being changed.
        save(
            writes,
            &writes::ADD_REPLENISHMENTS,
            &writes::CHANGE_REPLENISHMENTS,
            replenishments,
            |it| it.version,
            |it| Ok(stock::replenishment_to_row(it)),
        )
    }

    fn save_catalogue(&self, writes: &mut Writes, snapshot: &Snapshot) -> Result<(), StoreError> {
        let products = self.products.iter();
        let products =
            products.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.products.get(key)?)));
        save_entries(writes, &writes::ADD_PRODUCTS, &writes::CHANGE_PRODUCTS, products.clone())?;
        save_terms(writes, &writes::of_product_terms(), products);
        let locations = self.locations.iter();
        let locations =
            locations.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.locations.get(key)?)));
        save_entries(writes, &writes::ADD_LOCATIONS, &writes::CHANGE_LOCATIONS, locations)?;
        let couriers = self.couriers.iter();
        let couriers =
            couriers.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.couriers.get(key)?)));
        save_entries(writes, &writes::ADD_COURIERS, &writes::CHANGE_COURIERS, couriers)?;
        let accounts = self.accounts.iter();
        let accounts =
            accounts.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.accounts.get(key)?)));
        save_entries(writes, &writes::ADD_CUSTOMERS, &writes::CHANGE_CUSTOMERS, accounts.clone())?;
        save_terms(writes, &writes::of_customer_terms(), accounts.clone());
        erasure::of_customers(writes, accounts);
        let codes = self.discount_codes.iter();
        let codes =
            codes.filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.discount_codes.get(key)?)));
        save_entries(writes, &writes::ADD_DISCOUNT_CODES, &writes::CHANGE_DISCOUNT_CODES, codes)
    }

    fn save_orders(
        &self,
        writes: &mut Writes,
        changes: &mut Changes,
        snapshot: &Snapshot,
        jobs: &Jobs,
        keys: &ArchiveKeys,
    ) -> Result<(), StoreError> {
        let orders = self
            .orders
            .iter()
            .filter_map(|(key, old)| Some((old.as_deref(), &**snapshot.orders.get(key)?)))
            .filter(|(old, new)| old.is_none_or(|it| it.version != new.version));
        let orders: Vec<(Option<&Order>, &Order)> = orders.collect();
        let mut records = CourierRecords::new();
        let mut days = DailyShipments::new();
        let mut uses = DiscountUsesByKey::new();
        for (before, after) in &orders {
            before.iter().for_each(|it| record::count(&mut records, it, -1));
            record::count(&mut records, after, 1);
            before.iter().for_each(|it| count_daily_shipments(&mut days, it, -1));
            count_daily_shipments(&mut days, after, 1);
            before.iter().for_each(|it| count_discount_uses(&mut uses, it, -1));
            count_discount_uses(&mut uses, after, 1);
        }
        writes.put(&writes::ADD_TO_COURIER_RECORDS, values(record::additions(records)));
        let (more, less) = capacity::differences(days);
        writes.put(&writes::ADD_TO_DAYS, more);
        writes.put(&writes::TAKE_OFF_DAYS, less);
        let (more, less) = discount::differences(uses);
        writes.put(&writes::ADD_TO_DISCOUNT_USES, more);
        writes.put(&writes::TAKE_OFF_DISCOUNT_USES, less);

        let job = |it: &Order| jobs.get(&JobId(it.id.0)).copied().unwrap_or_default();
        let is_corrected =
            |(old, new): &(Option<&Order>, &Order)| old.is_some_and(|old| differs_at_rest(old, new));
        let is_noted =
            |(old, new): &(Option<&Order>, &Order)| old.is_some_and(|old| !differs_in_lists(old, new));
        let (corrected, others): (Vec<_>, Vec<_>) = orders.iter().copied().partition(is_corrected);
        let (noted, changed): (Vec<_>, Vec<_>) = others.into_iter().partition(is_noted);
        for (change, orders) in [
            (&writes::NOTE_ORDERS, noted),
            (&writes::CHANGE_ORDERS, changed),
            (&writes::CORRECT_ORDERS, corrected),
        ] {
            save(
                writes,
                &writes::ADD_ORDERS,
                change,
                orders.into_iter(),
                |it| it.version,
                |it| to_row(it, job(it), keys),
            )?;
        }
        erasure::of_orders(writes, &orders);
        for (before, after) in orders {
            changes.add_references(before, after);
            let before = before.map(|it| document::in_columns(it, keys)).transpose()?;
            let after = document::in_columns(after, keys)?;
            changes.add_rows(before.as_deref(), &after);
        }
        Ok(())
    }
}

/// Whether columns differ that no step of an order changes, only a correction, or the way into the archive and back.
fn differs_at_rest(old: &Order, new: &Order) -> bool {
    old.is_archived() != new.is_archived()
        || old.sealed != new.sealed
        || old.channel != new.channel
        || old.external_reference != new.external_reference
        || old.customer != new.customer
        || old.region != new.region
        || old.fingerprint != new.fingerprint
        || old.amounts != new.amounts
}

/// Whether a step changes what lists find and count orders by: each column that it sets is taken out of its indexes and put
/// back, whether it differs or not. What a sealed order shows of itself is not looked at.
fn differs_in_lists(old: &Order, new: &Order) -> bool {
    new.sealed.is_some()
        || old.state != new.state
        || old.delivered_at != new.delivered_at
        || old.promised_by != new.promised_by
        || old.waiting != new.waiting
        || old.captured_minor() != new.captured_minor()
        || old.refunded_minor() != new.refunded_minor()
        || old.on_hold() != new.on_hold()
        || old.is_late() != new.is_late()
        || old.slipped_since() != new.slipped_since()
        || old.payment_status() != new.payment_status()
        || old.fulfillment_status() != new.fulfillment_status()
        || old.next_step().map(|it| it.0) != new.next_step().map(|it| it.0)
}

/// What entries are found by and were not before, and the other way round.
fn save_terms<'e, T: Entry + 'e>(
    writes: &mut Writes,
    table: &TermWrites,
    entries: impl Iterator<Item = (Option<&'e T>, &'e T)>,
) {
    let (mut gone, mut more) = (Vec::new(), Vec::new());
    for (old, new) in entries {
        let (old, new) = (old.map(term_rows).unwrap_or_default(), term_rows(new));
        gone.extend(old.iter().filter(|it| !new.contains(it)).cloned());
        more.extend(new.into_iter().filter(|it| !old.contains(it)));
    }
    writes.put(table.delete, gone);
    writes.put(table.add, more);
}

fn save_entries<'a, T: Entry + 'a>(
    writes: &mut Writes,
    add: &'static FixedStatement,
    change: &'static FixedStatement,
    saved: impl Iterator<Item = (Option<&'a T>, &'a T)>,
) -> Result<(), StoreError> {
    save(writes, add, change, saved, T::version, catalogue::to_row)
}

/// Adds rows of what is new, and changes those whose stored version is still the one that was loaded.
fn save<'a, T: 'a, R: Record>(
    writes: &mut Writes,
    add: &'static FixedStatement,
    change: &'static FixedStatement,
    saved: impl Iterator<Item = (Option<&'a T>, &'a T)>,
    version: impl Fn(&T) -> i64,
    row: impl Fn(&T) -> Result<R, StoreError>,
) -> Result<(), StoreError> {
    let (mut new, mut changed): (Vec<Vec<Value>>, Vec<Vec<Value>>) = (Vec::new(), Vec::new());
    for (before, after) in saved {
        let mut values = row(after)?.values();
        match before {
            None => new.push(values),
            Some(before) => {
                values.push(version(before).into());
                changed.push(values);
            }
        }
    }
    writes.put(change, changed);
    writes.put(add, new);
    Ok(())
}
