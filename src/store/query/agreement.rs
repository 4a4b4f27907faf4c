//! Whether tables say what documents say: those around the orders, and the columns of the catalogue.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use sea_orm::sea_query::{Value, ValueType};

use crate::domain::{
    CourierRecords, DailyShipments, DiscountUses, DiscountUsesByKey, Order, OrderId, ReservationId, Violation,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::capacity::{self, daily_shipments};
use crate::store::rows::catalogue::{Entry, TermsTable};
use crate::store::rows::discount::{self, discount_uses};
use crate::store::rows::document;
use crate::store::rows::feedback::{feedback, feedback_lines, feedback_reasons, follow_ups};
use crate::store::rows::order::{JobFields, orders, with_document};
use crate::store::rows::parts::{
    approvals, credit_notes, holds, invoices, messages, order_lines, order_waits, payments, refunds,
    shipment_lots, shipments, tracking_numbers,
};
use crate::store::rows::projection::Projection;
use crate::store::rows::record::{self, courier_records};
use crate::store::rows::reservation::{reservation_items, reservations};
use crate::store::rows::returns::returns;
use crate::store::rows::statements::{names, table_of};
use crate::store::rows::table::Record;
use crate::store::rows::terms::order_terms;

/// The law that the tables and the documents agree.
pub(super) const AGREEMENT: &str = "D1";

/// What the tables around some orders have of them.
pub(super) struct AroundOrders {
    own: HashMap<OrderId, orders::Model>,
    stored: HashMap<OrderId, Projection>,
}

/// What the tables have of all orders between the two ids, these two among them.
pub(super) async fn around_orders(
    db: &Session,
    between: (OrderId, OrderId),
) -> Result<AroundOrders, StoreError> {
    let mut stored: HashMap<OrderId, Projection> = HashMap::new();
    let mut own: HashMap<OrderId, orders::Model> = HashMap::new();
    for row in rows::<orders::Model>(db, "id", between).await? {
        own.insert(row.id, row);
    }
    /// Sorts the rows of a table into the projections of their orders.
    macro_rules! gather {
        ($($table:ident into $field:ident;)+) => {
            $(for row in rows::<$table::Model>(db, "order_id", between).await? {
                stored.entry(row.order_id).or_default().$field.push(row);
            })+
        };
    }
    gather! {
        order_lines into lines;
        order_waits into waits;
        order_terms into terms;
        holds into holds;
        approvals into approvals;
        messages into messages;
        feedback into feedback;
        feedback_lines into feedback_lines;
        feedback_reasons into feedback_reasons;
        follow_ups into follow_ups;
        invoices into invoices;
        credit_notes into credit_notes;
        payments into payments;
        refunds into refunds;
        shipments into shipments;
        returns into returns;
        tracking_numbers into numbers;
        shipment_lots into lots;
    }
    let mut orders_of: HashMap<ReservationId, OrderId> = HashMap::new();
    for row in rows::<reservations::Model>(db, "order_id", between).await? {
        if let Some(order) = row.order_id {
            orders_of.insert(row.id, order);
            stored.entry(order).or_default().reservations.push(row);
        }
    }
    for row in items(db, between).await? {
        if let Some(order) = orders_of.get(&row.reservation_id) {
            stored.entry(*order).or_default().items.push(row);
        }
    }
    Ok(AroundOrders { own, stored })
}

/// The orders among these whose rows differ from their document. They are all there are in the tables read.
pub(super) fn disagreements(documents: &[Order], around: AroundOrders) -> BTreeMap<OrderId, Violation> {
    let AroundOrders { mut own, mut stored } = around;
    let mut found = BTreeMap::new();
    for order in documents {
        let rows = stored.remove(&order.id).unwrap_or_default().sorted();
        let what = match own.remove(&order.id) {
            Some(row) if !is_row_of(&row, order) => "its row",
            None => "its row",
            Some(_) => match differing(&rows, &Projection::of(order).sorted()) {
                Some(table) => table,
                None => continue,
            },
        };
        found.insert(order.id, unlike_document(AGREEMENT, order.id.to_string(), what));
    }
    found
}

pub(super) fn unlike_document(law: &'static str, key: String, what: &str) -> Violation {
    let (expected, actual) = ("as in the document".to_owned(), format!("{what} differs"));
    Violation { law, key, expected, actual }
}

/// Whether the row is the document's. Its job is its own, and how the document was packed does not matter.
fn is_row_of(row: &orders::Model, order: &Order) -> bool {
    let orders::Model { run_at, attempts, lease_token, lease_until, .. } = *row;
    let job = JobFields { run_at, attempts, lease_token, lease_until };
    with_document(order, job, row.document.clone()) == *row
}

/// The law that couriers' records and the documents of their orders agree.
pub(super) const RECORDS: &str = "D3";

/// The couriers whose record is not what the orders say, and how many couriers there are to look at.
pub(super) async fn record_violations(
    db: &Session,
    expected: &CourierRecords,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let stored = stored_records(db).await?;
    let couriers: BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
    let of = |records: &CourierRecords, courier| records.get(courier).copied().unwrap_or_default();
    let differing = couriers.iter().filter(|it| of(&stored, it) != of(expected, it));
    let violations = differing.map(|it| Violation {
        law: RECORDS,
        key: it.to_string(),
        expected: format!("{:?}", of(expected, it)),
        actual: format!("{:?}", of(&stored, it)),
    });
    Ok((couriers.len() as u64, violations.collect()))
}

/// Couriers' records as the table has them.
pub(in crate::store) async fn stored_records(db: &Session) -> Result<CourierRecords, StoreError> {
    let (columns, table) = (names::<courier_records::Entity>(), table_of::<courier_records::Entity>());
    let rows = db.query(&format!("SELECT {columns} FROM {table}"), Vec::new()).await?;
    rows.iter().map(record::record).collect()
}

/// The law that the days of locations and couriers and the documents of orders agree.
pub(super) const DAYS: &str = "D4";

/// The days whose shipments are not those of the orders, and how many days there are to look at.
pub(super) async fn day_violations(
    db: &Session,
    expected: &DailyShipments,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let stored = stored_days(db).await?;
    let days: BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
    let of = |days: &DailyShipments, key| days.get(key).copied().unwrap_or_default();
    let differing = days.iter().filter(|it| of(&stored, it) != of(expected, it));
    let violations = differing.map(|it| Violation {
        law: DAYS,
        key: format!("{} {}", capacity::words(&it.0), it.1),
        expected: of(expected, it).to_string(),
        actual: of(&stored, it).to_string(),
    });
    Ok((days.len() as u64, violations.collect()))
}

/// The shipments of days as the table has them.
pub(in crate::store) async fn stored_days(db: &Session) -> Result<DailyShipments, StoreError> {
    let (columns, table) = (names::<daily_shipments::Entity>(), table_of::<daily_shipments::Entity>());
    let rows = db.query(&format!("SELECT {columns} FROM {table}"), Vec::new()).await?;
    rows.iter().map(capacity::day).collect()
}

/// The law that the uses of discount codes and the documents of orders agree.
pub(super) const USES: &str = "D5";

/// The codes, each with a customer or all, whose uses are not those of the orders, and how many there are to look at.
pub(super) async fn use_violations(
    db: &Session,
    expected: &DiscountUsesByKey,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let stored = stored_uses(db).await?;
    let keys: BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
    let of = |uses: &DiscountUsesByKey, key| uses.get(key).copied().unwrap_or_default();
    let in_words = |it: &DiscountUses| match it.uses_max {
        Some(most) => format!("{} redeemed, {} given back, {most} at most", it.redeemed, it.given_back),
        None if it.worth_minor.is_some() => format!("{} minor units drawn", it.drawn_minor),
        None => format!("{} redeemed, {} given back", it.redeemed, it.given_back),
    };
    let is_broken = |stored: &DiscountUses, expected: &DiscountUses| {
        let counts = |it: &DiscountUses| (it.redeemed, it.given_back, it.drawn_minor);
        counts(stored) != counts(expected)
            || stored.uses_max.is_some_and(|it| stored.held() > it)
            || stored.worth_minor.is_some_and(|it| stored.drawn_minor > it)
    };
    let violations =
        keys.iter().filter(|it| is_broken(&of(&stored, it), &of(expected, it))).map(|it| Violation {
            law: USES,
            key: if it.1.is_empty() { it.0.to_string() } else { format!("{} of one customer", it.0) },
            expected: in_words(&of(expected, it)),
            actual: in_words(&of(&stored, it)),
        });
    Ok((keys.len() as u64, violations.collect()))
}

/// The uses of discount codes as the table has them.
pub(in crate::store) async fn stored_uses(db: &Session) -> Result<DiscountUsesByKey, StoreError> {
    let (columns, table) = (names::<discount_uses::Entity>(), table_of::<discount_uses::Entity>());
    let rows = db.query(&format!("SELECT {columns} FROM {table}"), Vec::new()).await?;
    rows.iter().map(discount::uses).collect()
}

/// The law that the catalogue's columns and documents agree.
pub(super) const CATALOGUE: &str = "D2";

/// Entries of the catalogue of one read.
const PAGE: usize = 512;

/// The entries of one table after a key: how many there were, the last one's key, and those whose columns differ from
/// their document.
pub(super) struct EntriesFound<K> {
    pub(super) count: usize,
    pub(super) last: K,
    pub(super) violations: Vec<Violation>,
}

/// Looks into the next entries of a table of the catalogue; None: there are no more.
pub(super) async fn entries_after<T: Entry>(
    db: &Session,
    after: &T::Key,
) -> Result<Option<EntriesFound<T::Key>>, StoreError> {
    let (table, key) = (T::TABLE, T::KEY);
    let columns = names::<<T::Row as Record>::Entity>();
    let sql = format!(
        "SELECT document, {key}, {columns} FROM {table} WHERE {key} > $1 ORDER BY {key} LIMIT {PAGE}"
    );
    let rows = db.query(&sql, vec![after.clone().into()]).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let mut found = EntriesFound { count: rows.len(), last: last.get(1)?, violations: Vec::new() };
    let mut stored = match T::TERMS {
        Some(table) => terms(db, &table, after, &found.last).await?,
        None => HashMap::new(),
    };
    for row in rows {
        let key: T::Key = row.get(1)?;
        let document = row.bytes(0)?.to_vec();
        let entry = document::decode::<T>(table, &document)?;
        let terms: BTreeSet<_> = entry.terms().into_iter().map(|it| (it.0.to_owned(), it.1)).collect();
        let its_terms = stored.remove(&key).unwrap_or_default();
        let what = match T::Row::read(&row.after(2))? == entry.with_document(document) {
            false => "its row",
            true if its_terms != terms => "its list of terms",
            true => continue,
        };
        found.violations.push(unlike_document(CATALOGUE, format!("{table} {key}"), what));
    }
    Ok(Some(found))
}

/// The terms of the entries after one up to another.
async fn terms<K: ValueType + Into<Value> + Clone + Eq + Hash>(
    db: &Session,
    table: &TermsTable,
    after: &K,
    last: &K,
) -> Result<HashMap<K, BTreeSet<(String, String)>>, StoreError> {
    let TermsTable { name, key } = table;
    let sql = format!("SELECT {key}, field, term FROM {name} WHERE {key} > $1 AND {key} <= $2");
    let mut found: HashMap<K, BTreeSet<(String, String)>> = HashMap::new();
    for row in db.query(&sql, vec![after.clone().into(), last.clone().into()]).await? {
        found.entry(row.get(0)?).or_default().insert((row.get(1)?, row.get(2)?));
    }
    Ok(found)
}

/// The first table that differs.
fn differing(stored: &Projection, expected: &Projection) -> Option<&'static str> {
    let tables = [
        ("order_lines", stored.lines == expected.lines),
        ("order_waits", stored.waits == expected.waits),
        ("order_terms", stored.terms == expected.terms),
        ("holds", stored.holds == expected.holds),
        ("approvals", stored.approvals == expected.approvals),
        ("messages", stored.messages == expected.messages),
        ("feedback", stored.feedback == expected.feedback),
        ("feedback_lines", stored.feedback_lines == expected.feedback_lines),
        ("feedback_reasons", stored.feedback_reasons == expected.feedback_reasons),
        ("follow_ups", stored.follow_ups == expected.follow_ups),
        ("invoices", stored.invoices == expected.invoices),
        ("credit_notes", stored.credit_notes == expected.credit_notes),
        ("payments", stored.payments == expected.payments),
        ("refunds", stored.refunds == expected.refunds),
        ("shipments", stored.shipments == expected.shipments),
        ("returns", stored.returns == expected.returns),
        ("tracking_numbers", stored.numbers == expected.numbers),
        ("shipment_lots", stored.lots == expected.lots),
        ("reservations", stored.reservations == expected.reservations),
        ("reservation_items", stored.items == expected.items),
    ];
    tables.into_iter().find(|it| !it.1).map(|it| it.0)
}

async fn rows<R: Record>(
    db: &Session,
    column: &str,
    (first, last): (OrderId, OrderId),
) -> Result<Vec<R>, StoreError> {
    let (columns, table) = (names::<R::Entity>(), table_of::<R::Entity>());
    let sql = format!("SELECT {columns} FROM {table} WHERE {column} >= $1 AND {column} <= $2");
    db.query(&sql, vec![first.into(), last.into()]).await?.iter().map(R::read).collect()
}

async fn items(
    db: &Session,
    (first, last): (OrderId, OrderId),
) -> Result<Vec<reservation_items::Model>, StoreError> {
    let sql = format!(
        "SELECT {} FROM reservations JOIN reservation_items ON reservation_items.reservation_id = reservations.id \
        WHERE reservations.order_id >= $1 AND reservations.order_id <= $2",
        names::<reservation_items::Entity>()
    );
    db.query(&sql, vec![first.into(), last.into()]).await?.iter().map(Record::read).collect()
}
