//! A store full of orders.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::DbBackend;

use crate::domain::{
    self, Actor, CapacityOf, ChangeSet, Channel, JobId, Lease, Machine, MovementId, Order, Part, ReadSet,
    Replenishment, ReplenishmentState, Reservation, ReservationState, Timestamp, Transition,
};
use crate::store::connection::session::Session;
use crate::store::query::listing::{Compare, Cursor, Direction, Listing, Operand, Term};
use crate::store::query::tests::{Documented, Takes, documented};
use crate::store::rows::decision::{self, Decision};
use crate::store::rows::order::JobFields;
use crate::store::rows::projection::values;
use crate::store::rows::statements::Writes;
use crate::store::rows::stock::movement_to_row;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{
    self, customer_id, nothing, orders, recorded, save, save_with_jobs, write,
};
use crate::store::rows::writes::ADD_MOVEMENTS;
use crate::store::tests::plans::asked::{ListAsked, is_full};
use crate::store::tests::shop::{Scene, code, sku};
use crate::store::writer::before::Jobs;

/// Every list, and that of orders once more with those that are archived.
pub(super) fn lists() -> Vec<Documented> {
    let is_orders = |it: &Documented| it.name == "orders";
    let all_orders = documented().into_iter().filter(is_orders);
    documented().into_iter().chain(all_orders.map(|it| Documented { name: "all orders", ..it })).collect()
}

/// One page of the list of that name.
pub(super) async fn read(scene: &Scene, list: &str, listing: &Listing) -> Option<Cursor> {
    let store = &scene.store;
    macro_rules! next {
        ($($page:expr)?) => { $($page.await.expect("a page").1)? };
    }
    match list {
        "orders" => next!(store.list_orders(listing, false)),
        "all orders" => next!(store.list_orders(listing, true)),
        "invoices" => next!(store.list_invoices(listing)),
        "credit notes" => next!(store.list_credit_notes(listing)),
        "payments" => next!(store.list_payments(listing)),
        "refunds" => next!(store.list_refunds(listing)),
        "returns" => next!(store.list_returns(listing)),
        "shipments" => next!(store.list_shipments(listing)),
        "approvals" => next!(store.list_approvals(listing)),
        "messages" => next!(store.list_messages(listing)),
        "feedback" => next!(store.list_feedback(listing)),
        "follow-ups" => next!(store.list_follow_ups(listing)),
        "reservations" => next!(store.list_reservations(listing)),
        "replenishments" => next!(store.list_replenishments(listing)),
        "transfers" => next!(store.list_transfers(listing)),
        "products" => next!(store.list_products(listing)),
        "locations" => next!(store.list_locations(listing)),
        "couriers" => next!(store.list_couriers(listing)),
        "customers" => next!(store.list_customers(listing)),
        "discount codes" => next!(store.list_discount_codes(listing)),
        "stock levels" => next!(store.list_stock_levels(listing)),
        "lots" => next!(store.list_lots(listing)),
        "stock movements" => next!(store.list_movements(listing)),
        "API keys" => next!(store.list_api_keys(listing)),
        "event subscriptions" => next!(store.list_subscriptions(listing)),
        "data reads" => next!(store.list_data_reads(listing)),
        other => panic!("{other} are listed and not looked at here"),
    }
}

/// Many copies of an order that has everything, each a little later: the oldest three unlike all others, the youngest of
/// the day, and ten times as many in between in the archive.
pub(super) struct Seeded {
    pub(super) order: Order,
    /// Of another caller.
    pub(super) reservation: domain::ReservationId,
    pub(super) replenishment: domain::ReplenishmentId,
    pub(super) count: i64,
}

/// What differs from copy to copy beyond ids and times; `n` counts the copies from 1, `{archived}` is true for those in
/// the archive.
const DIFFERS: &[(&str, &str, &str)] = &[
    ("orders", "number", "n + 1"),
    ("orders", "state", "CASE WHEN n <= 3 THEN 'DELIVERED' WHEN {archived} THEN 'ARCHIVED' ELSE o.state END"),
    ("orders", "archived", "{archived}"),
    ("approvals", "archived", "{archived}"),
    ("messages", "archived", "{archived}"),
    ("feedback", "archived", "{archived}"),
    ("feedback", "state", "CASE WHEN n <= 3 THEN 'EXPIRED' ELSE o.state END"),
    ("feedback", "delivery_rating", "CASE WHEN n <= 3 THEN 1 ELSE o.delivery_rating END"),
    ("feedback", "product_rating", "CASE WHEN n <= 3 THEN 1 ELSE o.product_rating END"),
    ("follow_ups", "archived", "{archived}"),
    ("follow_ups", "state", "CASE WHEN n <= 3 THEN 'OPEN' ELSE o.state END"),
    ("invoices", "archived", "{archived}"),
    ("credit_notes", "archived", "{archived}"),
    ("payments", "archived", "{archived}"),
    ("refunds", "archived", "{archived}"),
    ("returns", "archived", "{archived}"),
    ("returns", "state", "CASE WHEN n <= 3 THEN 'REQUESTED' ELSE o.state END"),
    ("shipments", "archived", "{archived}"),
    ("orders", "channel", "CASE WHEN n <= 3 THEN 'IN_PERSON' ELSE 'ONLINE' END"),
    ("orders", "region", "CASE WHEN n <= 3 THEN 'RARE' ELSE o.region END"),
    ("orders", "external_reference", "'PO-' || (n + 1)"),
    ("orders", "customer_email", "CASE WHEN n <= 3 THEN 'rare@example.com' ELSE o.customer_email END"),
    ("orders", "customer_name", "CASE WHEN n <= 3 THEN 'rare' ELSE o.customer_name END"),
    ("orders", "customer_phone", "CASE WHEN n <= 3 THEN '4930901820' ELSE o.customer_phone END"),
    ("orders", "payment_status", "CASE WHEN n <= 3 THEN 'REFUNDED' ELSE o.payment_status END"),
    ("orders", "fulfillment_status", "CASE WHEN n <= 3 THEN 'CANCELLED' ELSE o.fulfillment_status END"),
    ("orders", "next_step", "CASE WHEN n <= 3 THEN 'CLOSE_ORDER' ELSE o.next_step END"),
    ("orders", "on_hold", "n <= 3"),
    ("order_terms", "archived", "{archived}"),
    (
        "order_terms",
        "term",
        "CASE WHEN n <= 3 AND o.term = 'A-1' THEN 'RARE' WHEN n <= 3 AND o.term = 'OTHER' THEN 'CUSTOMER_REQUEST' WHEN n <= 3 AND o.term = 'color=red' THEN 'color=rare' WHEN n <= 3 AND o.field = 'customer' THEN 'cus_00000000000000000000000008' ELSE o.term END",
    ),
    ("orders", "fingerprint", "'alike'"),
    ("orders", "late", "n <= 3"),
    ("orders", "stuck_gate", "CASE WHEN n <= 3 THEN 'HOLD' ELSE o.stuck_gate END"),
    ("orders", "stuck_since", "n"),
    ("orders", "slipped_since", "CASE WHEN n <= 3 THEN n END"),
    ("shipments", "late", "n <= 3"),
    ("approvals", "state", "CASE WHEN n <= 3 AND o.state = 'PENDING' THEN 'WITHDRAWN' ELSE o.state END"),
    ("approvals", "gate", "CASE WHEN n <= 3 THEN o.gate ELSE 'PAYMENT' END"),
    ("messages", "state", "CASE WHEN n <= 3 THEN 'FAILED' ELSE o.state END"),
    ("messages", "failed_at", "CASE WHEN n <= 3 THEN n ELSE o.failed_at END"),
    ("messages", "kind", "CASE WHEN n <= 3 THEN 'REFUND_ISSUED' ELSE o.kind END"),
    ("invoice_numbers", "number", "2 * n + o.number"),
    ("invoices", "number", "2 * n + o.number"),
    ("invoices", "state", "CASE WHEN n <= 3 AND o.state = 'OPEN' THEN 'PAID' ELSE o.state END"),
    ("credit_note_numbers", "number", "n + 1"),
    ("credit_notes", "number", "n + 1"),
    ("payments", "state", "CASE WHEN n <= 3 THEN 'VOIDED' ELSE o.state END"),
    ("payments", "method", "CASE WHEN n <= 3 AND o.method = 'CARD' THEN 'PAYPAL' ELSE o.method END"),
    ("payments", "reference", "CASE WHEN o.reference = '' THEN '' ELSE 'STATEMENT-' || (n + 1) END"),
    (
        "payments",
        "provider_reference",
        "CASE WHEN o.provider_reference = '' THEN '' ELSE 'ch_' || (n + 1) END",
    ),
    ("payment_references", "reference", "'STATEMENT-' || (n + 1)"),
    ("refunds", "state", "CASE WHEN n <= 3 THEN 'FAILED' ELSE o.state END"),
    ("shipments", "state", "CASE WHEN n <= 3 THEN 'LOST' ELSE o.state END"),
    ("shipments", "location", "CASE WHEN n <= 3 THEN 'BER' ELSE o.location END"),
    ("shipments", "tracking_number", "CASE WHEN o.tracking_number IS NULL THEN NULL ELSE 'CSG' || n END"),
    ("tracking_numbers", "number", "'PG' || n"),
    ("shipment_lots", "lot", "'LOT-' || n"),
    ("reservations", "state", "CASE WHEN n <= 3 AND o.state = 'RELEASED' THEN 'CONSUMED' ELSE o.state END"),
    ("stock_movements", "kind", "CASE WHEN n <= 3 THEN 'DAMAGE' ELSE o.kind END"),
    ("stock_movements", "sku", "CASE WHEN n <= 3 THEN 'RARE' ELSE o.sku END"),
    ("stock_movements", "location", "CASE WHEN n <= 3 THEN 'BER' ELSE o.location END"),
    ("replenishments", "state", "CASE WHEN n <= 3 THEN 'CANCELLED' ELSE o.state END"),
    ("replenishments", "sku", "CASE WHEN n <= 3 THEN 'B-2' ELSE o.sku END"),
    ("decisions", "first_position", "2 * n + o.first_position"),
    ("decisions", "last_position", "2 * n + o.last_position"),
    ("customers", "external_reference", "'C-' || (n + 7)"),
    ("customers", "name", "CASE WHEN n <= 3 THEN 'rare' ELSE 'usual' END"),
    ("customers", "email", "CASE WHEN n <= 3 THEN 'rare@example.com' ELSE 'ann' || n || '@example.com' END"),
    ("customers", "blocked", "n <= 3"),
    ("customer_terms", "term", "CASE WHEN n <= 3 AND o.term = 'color=red' THEN 'color=rare' ELSE o.term END"),
    // The oldest three come last.
    ("products", "sku", "o.sku || '-' || (10000000 - n)"),
    ("products", "name", "CASE WHEN n <= 3 THEN 'rare' ELSE 'usual' END"),
    ("products", "tax_category", "CASE WHEN n <= 3 THEN 'RARE' ELSE o.tax_category END"),
    ("products", "gtin", "'40' || n"),
    ("products", "active", "n > 3"),
    ("product_terms", "sku", "o.sku || '-' || (10000000 - n)"),
    ("product_terms", "term", "CASE WHEN n <= 3 AND o.term = 'color=red' THEN 'color=rare' ELSE o.term END"),
    ("discount_codes", "code", "'NEXT-' || n"),
    ("discount_codes", "offered", "n > 3"),
    ("discount_codes", "active", "n > 6"),
    ("discount_uses", "code", "'NEXT-' || n"),
    ("open_reservations", "caller", "'shop-' || n"),
    ("orders", "run_at", "CASE WHEN n <= 3 THEN 1 ELSE o.run_at + n * 10000000 END"),
    (
        "reservations",
        "run_at",
        "CASE WHEN n <= 3 AND o.order_id IS NULL THEN 1 ELSE o.run_at + n * 10000000 END",
    ),
];

/// Everything that a flag may be compared with.
const ALL_FLAGS: [(Compare, &str); 3] =
    [(Compare::Equal, "true"), (Compare::Equal, "false"), (Compare::NotEqual, "true")];

/// Columns of bytes that are no ids.
const DOCUMENTS: [&str; 4] = ["document", "events", "fingerprint", "answer"];

/// Those whose rows have to be there before the next one's.
const COPIED: [&str; 33] = [
    "orders",
    "order_lines",
    "order_terms",
    "holds",
    "approvals",
    "messages",
    "feedback",
    "feedback_lines",
    "feedback_reasons",
    "follow_ups",
    "invoice_numbers",
    "invoices",
    "credit_note_numbers",
    "credit_notes",
    "payments",
    "refunds",
    "payment_references",
    "returns",
    "shipments",
    "tracking_numbers",
    "shipment_lots",
    "reservations",
    "reservation_items",
    "stock_movements",
    "replenishments",
    "decisions",
    "discount_codes",
    "discount_uses",
    "open_reservations",
    "customers",
    "customer_terms",
    "products",
    "product_terms",
];

/// The milliseconds of the first copy, and how much later the next one is.
const FIRST_MILLIS: i64 = 1_700_000_000_000;

const NEXT_MILLIS: i64 = 10_000;

impl Seeded {
    pub(super) async fn into(scene: &Scene) -> Self {
        let count = if is_full() { 110_000 } else { 4_400 };
        let db = scene.writer().await;
        if db.backend() == DbBackend::Postgres {
            db.script("SET statement_timeout = 0").await.expect("as long as it takes");
        }
        scene.stocked(&["C-3"], 10).await;
        sample::stocked(&db).await;
        let (order, reservation, replenishment) = one_of_everything(&db).await;
        let seeded = Self { order, reservation, replenishment, count };

        db.begin(Vec::new()).await.expect("a transaction");
        for table in COPIED {
            seeded.copy(&db, table).await;
        }
        let waits = "INSERT INTO order_waits (order_id, sku, region, quantity, number, caller) \
            SELECT id, 'A-1', 'MALAYSIA', 30, number, 'shop-' || number FROM orders WHERE number > 1 AND number <= 2001";
        db.script(waits).await.expect("a queue");
        let waits = "INSERT INTO order_waits (order_id, sku, region, quantity, number, caller) \
            SELECT id, 'W-' || number, 'MALAYSIA', 30, number, 'shop-' || number FROM orders WHERE number > 2001";
        db.script(waits).await.expect("those that wait for something else");
        let answers = seeded.counted(
            "INSERT INTO decisions (at, actor, method, request_id, fingerprint, answer) \
            SELECT n, 'ann', 'CreateOrder', 'request-' || n, {bytes}, {bytes} FROM s",
            db.backend(),
        );
        db.script(&answers).await.expect("answers");
        let counters = "INSERT INTO counters (name, value) \
            VALUES ('invoices/INV', 1000000), ('credit_notes/CRN', 1000000)";
        db.script(counters).await.expect("two series");
        db.commit(Vec::new(), &[]).await.expect("a seeded database");
        if db.backend() == DbBackend::Postgres {
            db.script("ANALYZE").await.expect("statistics");
        }
        scene.clock.store((FIRST_MILLIS + count * NEXT_MILLIS) * 1_000, Ordering::Relaxed);
        seeded
    }

    fn archived(&self) -> String {
        format!("(n > 3 AND n <= {})", self.count / 11 * 10)
    }

    fn counted(&self, sql: &str, backend: DbBackend) -> String {
        let bytes = match backend {
            DbBackend::Sqlite => "zeroblob(32)",
            _ => "decode(repeat('00', 32), 'hex')",
        };
        let (insert, select) = sql.split_once("SELECT").expect("an INSERT … SELECT");
        let select = select.replace("{bytes}", bytes);
        format!(
            "{insert} WITH RECURSIVE s (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM s WHERE n < {}) \
            SELECT {select}",
            self.count
        )
    }

    async fn copy(&self, db: &Session, table: &str) {
        let columns = match db.backend() {
            DbBackend::Sqlite => format!("SELECT name, type FROM pragma_table_info('{table}')"),
            _ => format!(
                "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns \
                WHERE table_name = '{table}'"
            ),
        };
        let columns = db.query(&columns, Vec::new()).await.expect("columns");
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &columns {
            let text = |index| column.get::<String>(index).expect("a text");
            let (name, kind) = (text(0), text(1).to_uppercase());
            if table == "decisions" && name == "id" {
                continue;
            }
            let differs = DIFFERS.iter().find(|it| it.0 == table && it.1 == name);
            values.push(match (differs, kind.as_str()) {
                (Some((_, _, value)), _) => value.replace("{archived}", &self.archived()),
                (None, _) if DOCUMENTS.contains(&name.as_str()) => format!("o.{name}"),
                (None, "BLOB") => format!(
                    "CASE WHEN o.{name} IS NULL THEN NULL ELSE unhex(printf('%012x', {FIRST_MILLIS} + n * {NEXT_MILLIS}) || substr(hex(o.{name}), 13)) END"
                ),
                (None, "UUID") => format!(
                    "CAST(lpad(to_hex({FIRST_MILLIS} + n * {NEXT_MILLIS}), 12, '0') \
                    || substr(replace(CAST(o.{name} AS TEXT), '-', ''), 13) AS UUID)"
                ),
                (None, _) if name == "at" || name.ends_with("_at") => format!(
                    "CASE WHEN o.{name} IS NULL THEN NULL ELSE ({FIRST_MILLIS} + n * {NEXT_MILLIS}) * 1000 END"
                ),
                (None, _) => format!("o.{name}"),
            });
            names.push(name);
        }
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM s CROSS JOIN {table} AS o",
            names.join(", "),
            values.join(", ")
        );
        db.script(&self.counted(&sql, db.backend())).await.expect(table);
    }

    pub(super) async fn session(&self, scene: &Scene) -> Session {
        let db = scene.store.look().await.expect("a connection");
        if db.backend() == DbBackend::Postgres && !is_full() {
            // Of a few thousand rows it would rather read all: shown is that it need not.
            db.script("SET enable_seqscan = off").await.expect("another planner");
        }
        db
    }

    pub(super) fn everything(&self) -> ReadSet {
        ReadSet {
            orders: vec![self.order.id],
            first_orders: Vec::new(),
            order_stock: true,
            stock_for_handover: true,
            reserves: true,
            order_products: true,
            skus: vec![sku("A-1"), sku("B-2")],
            stock_at: vec![code("KUL-1")],
            holders_of: vec![(sku("B-2"), code("BER"))],
            shipments_of: vec!["PIGEON".parse().expect("a courier")],
            reservations: vec![self.reservation],
            own_reservations: true,
            replenishments: vec![self.replenishment],
            transfers: vec![self.order.id.0.into()],
            products: vec![sku("A-1")],
            locations: true,
            couriers: true,
            courier_records: true,
            capacity_of: vec![CapacityOf::Location(code("KUL-1"))],
            fingerprints: vec!["alike".to_owned()],
            order_fingerprints: true,
            parts: vec![Part::Shipment(self.order.shipments[0].id)],
            external_references: vec![(Channel::Online, "PO-7".to_owned())],
            bank_references: vec!["STATEMENT-7".to_owned()],
            accounts: vec![customer_id()],
            account_references: vec!["C-7".to_owned()],
            api_keys: vec![self.order.id.0.into()],
            live_api_keys: true,
            subscriptions: true,
            further_reads: 0,
            discount_codes: vec![("WELCOME".parse().expect("a code"), "5a1d".repeat(16))],
            lease: Some(Lease { job: JobId(self.order.id.0), token: 1 }),
        }
    }

    /// Every filter with usual and unusual values, in every order.
    pub(super) fn listings(&self, list: &Documented) -> Vec<(ListAsked, Listing)> {
        use Compare::{Equal, Greater, Has, In, Less, NotEqual};
        let middle = Timestamp::from_unix_micros((FIRST_MILLIS + self.count / 2 * NEXT_MILLIS) * 1_000);
        let mut filters = vec![None];
        for (field, takes) in &list.fields {
            let values: Vec<(Compare, String)> = match takes {
                Takes::Word(words) => {
                    let not =
                        words.first().into_iter().chain(words.last()).map(|it| (NotEqual, (*it).to_owned()));
                    words.iter().map(|it| (Equal, (*it).to_owned())).chain(not).collect()
                }
                Takes::Text => {
                    let values = self.texts(field).into_iter().map(|it| (Equal, it));
                    let all: Vec<_> = self.texts(field).into_iter().filter(|it| !it.is_empty()).collect();
                    let several = (all.len() > 1).then(|| (In, all.join(" ")));
                    let nowhere = if *field == "customer_phone" { "12345" } else { "nowhere" }.to_owned();
                    values.chain([(Equal, nowhere.clone()), (NotEqual, nowhere)]).chain(several).collect()
                }
                Takes::Label => {
                    let values = self.texts(field).into_iter().map(|it| (Equal, it));
                    values
                        .chain([
                            (Has, "*".to_owned()),
                            (NotEqual, "blue".to_owned()),
                            (In, "red rare".to_owned()),
                        ])
                        .collect()
                }
                Takes::Beginning => self.texts(field).into_iter().map(|it| (Equal, it)).collect(),
                Takes::Whole => [Equal, Less, Greater].map(|it| (it, (self.count / 2).to_string())).into(),
                Takes::Flag => ALL_FLAGS.map(|(compare, value)| (compare, value.to_owned())).into(),
                Takes::Time => [Equal, Less, Greater].map(|it| (it, middle.to_string())).into(),
                Takes::Id => vec![(Equal, self.id(field))],
            };
            filters.extend(
                values.into_iter().map(|(compare, value)| Some(((*field).to_owned(), compare, value))),
            );
        }

        let orders = list.orders.iter().flat_map(|it| {
            [Direction::Ascending, Direction::Descending].map(|direction| Some(((*it).to_owned(), direction)))
        });
        let orders: Vec<_> = std::iter::once(None).chain(orders).collect();
        let (mut listings, mut seen) = (Vec::new(), HashSet::new());
        for filter in &filters {
            // Every word in its own order; another order changes nothing in how a word leads to its rows.
            let is_word = filter.as_ref().is_some_and(|(field, ..)| {
                list.fields.iter().any(|it| it.0 == field.as_str() && matches!(it.1, Takes::Word(_)))
            });
            let is_first = is_word && !seen.insert(filter.as_ref().map(|it| (it.0.clone(), it.1 == Equal)));
            for order_by in orders.iter().take(if is_first { 1 } else { orders.len() }) {
                let asked = ListAsked { filter: filter.clone(), order_by: order_by.clone() };
                let filter = filter.iter().map(|(field, compare, value)| term(field, *compare, value));
                let listing = Listing {
                    filter: filter.collect(),
                    order_by: order_by.clone(),
                    size: if is_full() { 50 } else { 2 },
                    after: None,
                };
                listings.push((asked, listing));
            }
        }
        listings
    }

    fn texts(&self, field: &str) -> Vec<String> {
        let texts: &[&str] = match field {
            "region" => &["MALAYSIA", "RARE"],
            "customer_email" => &["ann@example.com", "rare@example.com"],
            "customer_name" => &["ann", "rare", "an*", "rar*"],
            "labels.color" => &["red", "rare", "nowhere"],
            "customer_phone" => &["+4930901820"],
            "external_reference" => &["PO-7"],
            "reference" => &["STATEMENT-7", ""],
            "series" => &["INV", "CRN"],
            "location" | "from_location" | "to_location" => &["KUL-1", "BER"],
            "courier" => &["PIGEON"],
            "tracking_number" => &["CSG7", "PG7"],
            "lot" => &["LOT-7"],
            "sku" => &["A-1", "RARE"],
            "code_prefix" => &["NEXT-7"],
            "customer_id" => &["cus_00000000000000000000000007", "cus_00000000000000000000000008"],
            "principal" => &["ann"],
            "email" => &["ann@example.com", "rare@example.com"],
            "name" => &["usual", "rare"],
            "tax_category" => &["STANDARD", "RARE"],
            "gtin" => &["407", "408"],
            "country" => &[],
            other => panic!("{other} is a text that no values are known of"),
        };
        texts.iter().map(|it| (*it).to_owned()).collect()
    }

    pub(super) fn id(&self, field: &str) -> String {
        match field {
            "order_id" => self.order.id.to_string(),
            "invoice_id" => self.order.invoices[1].id.to_string(),
            "customer_id" => customer_id().to_string(),
            "payment_id" => self.order.payments[1].id.to_string(),
            other => panic!("{other} is an id that no value is known of"),
        }
    }
}

/// A comparison; the values of several have a blank between them.
fn term(field: &str, compare: Compare, value: &str) -> Term {
    match compare {
        Compare::In => {
            let operand = |it: &str| Operand { text: it.to_owned(), at: 0 };
            let values = value.split(' ').filter(|it| !it.ends_with('*')).map(operand).collect();
            Term { values, ..Term::new(field, compare, "") }
        }
        _ => Term::new(field, compare, value),
    }
}

/// The first of all copies: an order with every part, and what is written beside orders.
async fn one_of_everything(db: &Session) -> (Order, domain::ReservationId, domain::ReplenishmentId) {
    let order = full(1);
    let due = |id: uuid::Uuid| {
        Jobs::from([(JobId(id), JobFields { run_at: Some(order.created_at), ..JobFields::default() })])
    };
    save_with_jobs(db, &nothing(), &orders([&order]), &due(order.id.0)).await.expect("an order");

    let held = Reservation {
        id: order.payments[0].id.0.into(),
        order: None,
        state: ReservationState::Held,
        ..order.reservations[0].clone()
    };
    let reservations = [(held.id, Arc::new(held.clone()))].into();
    let held_too = ChangeSet { reservations, ..nothing() };
    save_with_jobs(db, &nothing(), &held_too, &due(held.id.0)).await.expect("another caller's reservation");

    let movement = domain::Movement { order: Some(order.id), ..sample::movement() };
    let shipped = domain::Movement {
        id: MovementId(order.shipments[0].id.0),
        kind: domain::MovementKind::Ship,
        ..movement.clone()
    };
    let replenishment = Replenishment {
        id: order.id.0.into(),
        version: 1,
        sku: sku("A-1"),
        location: code("KUL-1"),
        quantity: 50,
        received: 0,
        state: ReplenishmentState::Rejected,
        order: Some(order.id),
        reason: "below 20".to_owned(),
        created_at: order.created_at,
        updated_at: order.created_at,
        decided_by: Some(Actor::stored("ann".to_owned())),
        supplier: "ACME".to_owned(),
        expected_at: None,
        transfer: None,
    };
    let replenishments = [(replenishment.id, Arc::new(replenishment.clone()))].into();
    save(db, &nothing(), &ChangeSet { replenishments, ..nothing() }).await.expect("a proposal");

    let step = |sequence, machine, subject| {
        let transition = Transition { machine, subject, from: String::new(), to: "NEW".to_owned() };
        recorded(order.id, sequence, Some(transition))
    };
    let events =
        vec![step(1, Machine::Order, order.id.0), step(2, Machine::Shipment, order.shipments[0].id.0)];
    let mut writes = Writes::default();
    writes.put(&ADD_MOVEMENTS, values([movement, shipped].iter().map(movement_to_row).collect()));
    let (at, actor) = (order.created_at, Actor::system());
    decision::add(&mut writes, vec![Decision { at, actor, method: "CreateOrder", events, key: None }])
        .expect("events");
    write(db, writes.into_asks()).await.expect("movements and events");
    (order, held.id, replenishment.id)
}
