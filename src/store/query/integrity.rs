//! The laws over the live database: read-only, each in one snapshot, naming each row that breaks one.
//!
//! Most laws are one query that finds the rows breaking it. What one order must be in itself is asked of the domain,
//! order by order, so that the rule is not written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::{
    self, Courier, CourierRecords, CustomerAccount, DailyShipments, DiscountCode, DiscountUsesByKey, Event,
    ExchangeValue, Location, Machine, Order, OrderId, Product, Timestamp, Transfer, Transition, Violation,
};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::query::agreement::{
    AGREEMENT, AroundOrders, CATALOGUE, DAYS, RECORDS, USES, around_orders, day_violations, disagreements,
    entries_after, record_violations, unlike_document, use_violations,
};
use crate::store::query::laws::{LAWS, Law};
use crate::store::query::order_history::{OrderHistory, order_histories};
use crate::store::query::sealed::{SEALED, Seal, look_into};
use crate::store::query::stock_agreement::{lot_violations, reservation_violations};
use crate::store::query::transfers::{TRANSFERS, transfer_violations};
use crate::store::rows::catalogue::Entry;
use crate::store::rows::{document, record};

/// How many broken rows of one law are named.
const NAMED_MAX: usize = 100;

/// How many orders are looked into at a time.
const PAGE: usize = 256;

/// Result of checking one law.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LawResult {
    pub id: &'static str,
    pub statement: &'static str,
    /// How many rows or orders were looked at.
    pub checked: u64,
    /// How many of them break it.
    pub broken: u64,
    /// The first [`NAMED_MAX`] of these.
    pub violations: Vec<Violation>,
}

impl LawResult {
    /// Nothing looked at yet.
    fn of(id: &'static str) -> Self {
        Self { id, statement: domain::law(id), checked: 0, broken: 0, violations: Vec::new() }
    }

    /// Adds how many more were looked at, and what was found of them.
    fn take_in(&mut self, (checked, found): (u64, Vec<Violation>)) {
        self.checked += checked;
        self.broken += found.len() as u64;
        let room = NAMED_MAX.saturating_sub(self.violations.len());
        self.violations.extend(found.into_iter().take(room));
    }
}

/// The laws whose check needs the domain.
const TRANSITIONS: &str = "T1";

const CARDS: &str = "P1";

/// What the queries found, by law.
pub(in crate::store) struct FoundByQueries(BTreeMap<&'static str, LawResult>);

/// Runs the laws that are one query each. The connection must be inside one read-only snapshot. Before it asks the database
/// for what may take long it sees whether it is still wanted, and gives up otherwise.
pub(in crate::store) async fn check_by_queries(
    db: &Session,
    now: Timestamp,
    wanted: impl Fn() -> bool,
) -> Result<FoundByQueries, StoreError> {
    let go_on = || if wanted() { Ok(()) } else { Err(unwanted()) };
    let mut results = BTreeMap::new();
    for law in LAWS {
        results.insert(law.id, check_law(db, law, now, go_on).await?);
    }
    Ok(FoundByQueries(results))
}

/// What the documents say of the laws: each order in itself, and all of them together.
pub(in crate::store) struct FoundInDocuments {
    orders: OrdersFound,
    /// Of the laws about all orders together, and about the catalogue.
    across: BTreeMap<&'static str, LawResult>,
}

/// Looks into every document, in the same way. Another thread looks at some orders while the next ones are read.
pub(in crate::store) async fn check_documents(
    db: &Session,
    keys: &ArchiveKeys,
    wanted: impl Fn() -> bool,
) -> Result<FoundInDocuments, StoreError> {
    let go_on = || if wanted() { Ok(()) } else { Err(unwanted()) };
    let mut results = BTreeMap::new();
    let orders = check_orders(db, keys, go_on).await?;
    go_on()?;
    let records = record_violations(db, &orders.records).await?;
    let days = day_violations(db, &orders.days).await?;
    let uses = use_violations(db, &orders.uses).await?;
    let transfers = transfer_violations(db, go_on).await?;
    let exchanges = (orders.exchanges.len() as u64, domain::exchange_violations(&orders.exchanges));
    let across = [
        (RECORDS, records),
        (DAYS, days),
        (USES, uses),
        (TRANSFERS, transfers),
        (domain::EXCHANGES, exchanges),
    ];
    for (id, (checked, broken)) in across {
        let mut result = LawResult { checked, broken: broken.len() as u64, ..LawResult::of(id) };
        result.violations.extend(broken.into_iter().take(NAMED_MAX));
        results.insert(id, result);
    }
    results.insert(TRANSITIONS, orders.transitions());
    results.insert(SEALED, LawResult { checked: orders.sealed, ..LawResult::of(SEALED) });
    let mut catalogue = LawResult::of(CATALOGUE);
    check_entries::<Product>(db, &mut catalogue, go_on).await?;
    check_entries::<Location>(db, &mut catalogue, go_on).await?;
    check_entries::<Courier>(db, &mut catalogue, go_on).await?;
    check_entries::<CustomerAccount>(db, &mut catalogue, go_on).await?;
    check_entries::<DiscountCode>(db, &mut catalogue, go_on).await?;
    check_entries::<Transfer>(db, &mut catalogue, go_on).await?;
    catalogue.take_in(lot_violations(db, go_on).await?);
    catalogue.take_in(reservation_violations(db, go_on).await?);
    results.insert(CATALOGUE, catalogue);
    Ok(FoundInDocuments { orders, across: results })
}

/// Every law there is, in its place; one that no query checks is one of orders.
pub(in crate::store) fn all_laws(queries: FoundByQueries, documents: FoundInDocuments) -> Vec<LawResult> {
    let FoundByQueries(mut results) = queries;
    let FoundInDocuments { mut orders, across } = documents;
    results.extend(across);
    domain::LAWS.iter().map(|&(id, _)| orders.add_to(results.remove(id), id)).collect()
}

fn unwanted() -> StoreError {
    StoreError::Unavailable("nobody waits for the check".to_owned())
}

async fn check_law(
    db: &Session,
    law: &Law,
    now: Timestamp,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<LawResult, StoreError> {
    go_on()?;
    let checked = count(db, law.looked_at).await?;
    go_on()?;
    let mut values = Vec::new();
    if law.broken.contains("$1") {
        values.push(now.unix_micros().into());
    }
    let broken = db.query(&dialect(db.backend(), law.broken), values).await?;
    let named = broken.iter().take(NAMED_MAX).map(|row| {
        Ok(Violation {
            law: law.id,
            key: row.get(0)?,
            expected: row.get(1)?,
            actual: row.get::<Option<String>>(2)?.unwrap_or_default(),
        })
    });
    let violations = named.collect::<Result<Vec<_>, StoreError>>()?;
    let broken = broken.len() as u64;
    Ok(LawResult { checked, broken, violations, ..LawResult::of(law.id) })
}

/// Says the few words that the engines say differently.
fn dialect(backend: DbBackend, text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, column, after)) = next_id(rest) {
        said.push_str(before);
        said.push_str(&match backend {
            DbBackend::Sqlite => format!("lower(hex({column}))"),
            _ => format!("CAST({column} AS TEXT)"),
        });
        rest = after;
    }
    said.push_str(rest);
    said
}

/// The text before the next `{id:column}`, the column, and the text behind it.
fn next_id(text: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = text.split_once("{id:")?;
    let (column, after) = after.split_once('}')?;
    Some((before, column, after))
}

/// Findings in orders: how many there were, and by law how many break it.
#[derive(Default)]
struct OrdersFound {
    orders: u64,
    /// How many of them are sealed.
    sealed: u64,
    broken: BTreeMap<&'static str, (u64, Vec<Violation>)>,
    /// What they say of their couriers.
    records: CourierRecords,
    /// What they take of the days of locations and couriers.
    days: DailyShipments,
    /// What they redeem of discount codes.
    uses: DiscountUsesByKey,
    /// What they say of exchanges.
    exchanges: BTreeMap<OrderId, ExchangeValue>,
    /// How often each step of each machine was taken.
    steps: BTreeMap<(Machine, String, String), u64>,
}

impl OrdersFound {
    fn note(&mut self, violations: Vec<Violation>) {
        self.orders += 1;
        let laws: BTreeSet<&'static str> = violations.iter().map(|it| it.law).collect();
        for law in laws {
            self.broken.entry(law).or_default().0 += 1;
        }
        for violation in violations {
            let (_, named) = self.broken.entry(violation.law).or_default();
            if named.len() < NAMED_MAX {
                named.push(violation);
            }
        }
    }

    /// Looks into each of these orders.
    fn look_into(&mut self, read: OrdersRead, keys: &ArchiveKeys) -> Result<(), StoreError> {
        let OrdersRead { ids, rows, mut histories, around } = read;
        let (mut orders, mut seals) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for (row, id) in rows.iter().zip(ids) {
            let bytes = row.bytes(1)?;
            self.sealed += u64::from(document::is_sealed(bytes));
            match look_into(id, bytes, keys)? {
                Ok((order, seal)) => {
                    orders.push(order);
                    seals.push((id, seal));
                }
                Err(broken) => self.note(vec![broken]),
            }
        }
        let mut disagreements = disagreements(&orders, around);
        for (order, (id, seal)) in orders.iter().zip(seals) {
            let OrderHistory { events, faults, .. } = histories.remove(&order.id).unwrap_or_default();
            self.count_steps(&events);
            let mut broken = look_at(order, seal, &events);
            broken.extend(faults.into_iter().map(|it| domain::chain_violation(order.id, it)));
            record::count(&mut self.records, order, 1);
            domain::count_daily_shipments(&mut self.days, order, 1);
            domain::count_discount_uses(&mut self.uses, order, 1);
            domain::count_exchanges(&mut self.exchanges, order);
            broken.extend(disagreements.remove(&order.id));
            if order.id != id {
                broken.push(unlike_document(AGREEMENT, id.to_string(), "its id"));
            }
            self.note(broken);
        }
        Ok(())
    }

    fn count_steps(&mut self, history: &[Event]) {
        for Transition { machine, subject: _, from, to } in
            history.iter().filter_map(|it| it.transition.as_ref())
        {
            *self.steps.entry((*machine, from.clone(), to.clone())).or_default() += 1;
        }
    }

    fn transitions(&self) -> LawResult {
        let mut result = LawResult::of(TRANSITIONS);
        for ((machine, from, to), times) in &self.steps {
            result.checked += times;
            if domain::legal(*machine, from, to) {
                continue;
            }
            result.broken += times;
            if result.violations.len() < NAMED_MAX {
                result.violations.push(Violation {
                    law: TRANSITIONS,
                    key: machine.to_string(),
                    expected: "a step of the table".to_owned(),
                    actual: format!("{from} to {to}, {times} times"),
                });
            }
        }
        result
    }

    /// Adds what orders say of a law to what one query has found, which may be the same seen from another side.
    fn add_to(&mut self, found: Option<LawResult>, id: &'static str) -> LawResult {
        let mut result = found.unwrap_or_else(|| LawResult { checked: self.orders, ..LawResult::of(id) });
        if let Some((orders, named)) = self.broken.remove(id) {
            result.broken = result.broken.max(orders);
            let room = NAMED_MAX.saturating_sub(result.violations.len());
            result.violations.extend(named.into_iter().take(room));
        }
        result
    }
}

/// Some orders next to each other by their ids, as they are stored.
struct OrdersRead {
    ids: Vec<OrderId>,
    rows: Vec<Row>,
    histories: BTreeMap<OrderId, OrderHistory>,
    around: AroundOrders,
}

/// Looks into every order, archived or not, page by page along its id: a page is looked into while the next one is read.
async fn check_orders(
    db: &Session,
    keys: &ArchiveKeys,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<OrdersFound, StoreError> {
    // One page waits at most, so that what is read does not pile up.
    let (read, to_look_into) = mpsc::sync_channel::<OrdersRead>(1);
    let keys = keys.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let mut found = OrdersFound::default();
        to_look_into.iter().try_for_each(|page| found.look_into(page, &keys))?;
        Ok(found)
    });
    let reading = read_orders(db, &read, go_on).await;
    drop(read);
    let found = looking.await.unwrap_or_else(|_| Err(StoreError::Internal("the check panicked".to_owned())));
    // What is found to be unreadable ends the reading, too, and says more.
    found.and_then(|found| reading.map(|()| found))
}

/// Reads every order, page by page, until nobody looks into them.
async fn read_orders(
    db: &Session,
    pages: &mpsc::SyncSender<OrdersRead>,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = OrderId(Uuid::nil());
    loop {
        go_on()?;
        let rows = page(db, after).await?;
        let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<OrderId>, _>>()?;
        let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else { return Ok(()) };
        after = last;
        let is_last = ids.len() < PAGE;
        let histories = order_histories(db, &ids).await?;
        let around = around_orders(db, (first, last)).await?;
        if pages.send(OrdersRead { ids, rows, histories, around }).is_err() || is_last {
            return Ok(());
        }
    }
}

/// What is wrong with an order in itself. Of one that stays closed it cannot be told.
fn look_at(order: &Order, seal: Seal, events: &[Event]) -> Vec<Violation> {
    let opened = match seal {
        Seal::None => None,
        Seal::Opened(whole) => Some(whole),
        Seal::NotLookedInto(why) => return vec![why],
    };
    let whole = opened.as_deref().unwrap_or(order);
    let mut broken = whole.violations();
    broken.extend(domain::history_violations(whole, events));
    broken.extend(card_numbers(whole));
    broken
}

fn card_numbers(order: &domain::Order) -> Vec<Violation> {
    let mut texts: Vec<(&str, &str)> =
        vec![("special_instructions", &order.special_instructions), ("cancel_reason", &order.cancel_reason)];
    texts.extend(order.holds.iter().map(|it| ("hold", it.note.as_str())));
    texts.extend(order.notes.iter().map(|it| ("note", it.text.as_str())));
    texts.extend(order.labels.values().map(|it| ("label", it.as_str())));
    texts.extend(order.payments.iter().filter_map(|it| match &it.means {
        domain::Means::Provider(at) => Some(("token", at.token.as_str())),
        // A reference may look like a card number by chance.
        domain::Means::ByHand { .. } | domain::Means::StoreCredit(_) => None,
    }));
    texts
        .into_iter()
        .filter(|(_, text)| domain::looks_like_card_number(text))
        .map(|(column, _)| Violation {
            law: CARDS,
            key: format!("{} {column}", order.id),
            expected: "no card number".to_owned(),
            actual: "one".to_owned(),
        })
        .collect()
}

/// Looks into every entry of a table of the catalogue.
async fn check_entries<T: Entry>(
    db: &Session,
    result: &mut LawResult,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = T::Key::default();
    loop {
        go_on()?;
        let Some(found) = entries_after::<T>(db, &after).await? else { return Ok(()) };
        after = found.last;
        result.take_in((found.count as u64, found.violations));
    }
}

/// The ids and documents of the next orders, by their ids.
async fn page(db: &Session, after: OrderId) -> Result<Vec<Row>, StoreError> {
    let sql = format!("SELECT id, document FROM orders WHERE id > $1 ORDER BY id LIMIT {PAGE}");
    db.query(&sql, vec![after.0.into()]).await
}

async fn count(db: &Session, sql: &str) -> Result<u64, StoreError> {
    let found = db.query_one(sql, Vec::new()).await?.map(|row| row.get::<i64>(0)).transpose()?;
    Ok(found.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}
