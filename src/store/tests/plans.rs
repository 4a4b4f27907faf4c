//! No list and no other hot read touches more than it gives back, however many orders are stored: the plans of the very
//! statements that are sent, for every filter and every order. With `TEST_FULL` set there are 100,000 orders, and how
//! long each list takes is printed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::super::list::{Documented, Takes, documented};
use super::super::load::Wanted;
use super::super::recent::Recent;
use super::super::rows::tests::write;
use super::super::rows::{self, Lock, Saved};
use super::super::session::{HEARD, Session};
use super::super::{Cursor, jobs, laws, requests};
use super::*;
use crate::domain::{
    Event, EventKind, FreeExpired, JobId, Machine, MovementId, Replenishment, ReplenishmentState, Transition,
};

on_both_engines! {
    no_list_touches_more_than_its_page
    no_hot_read_grows_with_what_is_stored
    keys_are_looked_up_even_by_who_planned_while_nothing_was_stored
    each_check_asks_the_same_statements
    a_check_that_nobody_wants_asks_nothing
}

/// Tables that grow with every order.
const GROWING: [&str; 25] = [
    "orders",
    "order_lines",
    "holds",
    "approvals",
    "messages",
    "feedback",
    "order_waits",
    "reservations",
    "reservation_items",
    "stock_movements",
    "replenishments",
    "invoice_numbers",
    "invoices",
    "invoice_lines",
    "payments",
    "refunds",
    "payment_references",
    "shipments",
    "shipment_items",
    "packages",
    "package_items",
    "tracking_events",
    "events",
    "archived_orders",
    "jobs",
];

/// Rows that one statement may look at.
const LOOKED_AT_MAX: u64 = 500;
/// How long a page may take, and how often it is asked for.
const PAGE_WITHIN: Duration = Duration::from_millis(20);
const ASKED: usize = 50;

async fn no_list_touches_more_than_its_page(shop: &Shop) {
    let seeded = Seeded::into(shop).await;
    let plans = seeded.session(shop).await;
    let (mut table, mut known, mut bad) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for list in documented() {
        for (asked, listing) in seeded.listings(&list) {
            let (heard, next) = hear(read(shop, list.name, &listing)).await;
            let mut statements = heard;
            if next.is_some() {
                let further = Listing { after: next, ..listing.clone() };
                statements.extend(hear(read(shop, list.name, &further)).await.0);
            }

            for statement in statements.iter().flat_map(arms) {
                let is_page = statement.sql.contains(" LIMIT ");
                if !is_page && !known.insert(statement.sql.clone()) {
                    continue;
                }
                let plan = explain(&plans, &statement).await;
                let touched = Touched::by(&plan, plans.backend());
                if let Some(why) = touched.too_much(plans.backend(), is_page.then_some(&asked)) {
                    bad.push(format!(
                        "{} {asked}: {why}\n  {}\n    {}",
                        list.name,
                        statement.sql,
                        plan.join("\n    ")
                    ));
                }
                if is_page {
                    table.entry((list.name, asked.name())).or_insert(touched.how());
                }
            }
        }
    }
    for ((list, asked), how) in &table {
        println!("{list:<18} {asked:<44} {how}");
    }
    assert!(bad.is_empty(), "{} of the plans touch too much:\n{}", bad.len(), bad.join("\n"));

    if is_full() {
        seeded.time_every_list(shop).await;
    }
}

async fn no_hot_read_grows_with_what_is_stored(shop: &Shop) {
    let seeded = Seeded::into(shop).await;
    let plans = seeded.session(shop).await;
    let order = seeded.order.id;
    let store = &shop.store;
    let now = store.now();
    let mut heard: Vec<(&str, Statement)> = Vec::new();
    macro_rules! heard {
        ($($name:literal: $read:expr,)+) => { $(
            let (statements, ()) = hear(async { let _ = $read.await.expect($name); }).await;
            assert!(!statements.is_empty(), "{} asked nothing", $name);
            heard.extend(statements.into_iter().map(|it| ($name, it)));
        )+ };
    }

    heard! {
        "order": store.order(order),
        "order_by_number": store.order_by_number(7),
        "events_of": store.events_of(order),
        "order_of": store.order_of(&Part::Shipment(seeded.order.shipments[0].id)),
        "order_of_invoice": store.order_of_invoice("INV", 7),
        "order_of by tracking number": store.order_of(&Part::Tracked { courier: "SNAIL".parse().expect("a code"), number: "CSG7".to_owned() }),
        "level": store.level(&sku("A-1"), &code("KUL-1")),
        "availability": store.availability(&[sku("A-1"), sku("B-2")]),
        "couriers": store.couriers(),
        "reservation": store.reservation(seeded.order.reservations[0].id),
        "replenishment": store.replenishment(seeded.replenishment),
        "last_position": store.last_position(),
        "events_after": store.events_after(seeded.count - 100, &EventFilter::default(), 100),
        "events_after of an order": store.events_after(0, &EventFilter { order: Some(order), ..EventFilter::default() }, 100),
        "waiting_orders": store.waiting_orders(64),
        "claim_jobs": store.claim_jobs(32, Duration::from_secs(30)),
        "feedback_report": store.feedback_report(now.minus(Duration::from_secs(3_600)), now, 10),
        "preview": store.preview(&Actor::system(), &FreeExpired { short: seeded.everything() }),
    }

    let writing = shop.store.inner.pools.writer(&Arc::new(AtomicU64::new(0))).await.expect("a connection");
    writing.begin().await.expect("a transaction");
    heard! {
        "claim": jobs::claim(&writing, 32, now, now.plus(Duration::from_secs(30))),
        "reap": requests::reap(&writing, now, 500),
    }
    writing.rollback().await.expect("as it was");
    drop(writing);

    let mut bad = Vec::new();
    for (name, statement) in heard {
        let plan = explain(&plans, &statement).await;
        let touched = Touched::by(&plan, plans.backend());
        println!("{name:<28} {}", touched.how());
        if let Some(why) = touched.too_much(plans.backend(), None) {
            bad.push(format!("{name}: {why}\n  {}\n    {}", statement.sql, plan.join("\n    ")));
        }
    }
    assert!(bad.is_empty(), "{} of the plans touch too much:\n{}", bad.len(), bad.join("\n"));
}

/// The writer's statements are planned once, maybe on the first day: whoever then chose to go through a small table and
/// to compare each row with the keys goes on doing so when it has grown.
async fn keys_are_looked_up_even_by_who_planned_while_nothing_was_stored(shop: &Shop) {
    let writing = shop.store.inner.pools.writer(&Arc::new(AtomicU64::new(0))).await.expect("a connection");
    writing.begin().await.expect("a transaction");
    let mut wanted = Wanted::default();
    for n in 0..40_u128 {
        let id = uuid::Uuid::from_u128(n);
        wanted.add(&Touch {
            orders: vec![id.into()],
            order_stock: true,
            reserves: true,
            skus: vec![sku(&format!("A-{n}"))],
            reservations: vec![id.into()],
            replenishments: vec![id.into()],
            products: vec![sku(&format!("A-{n}"))],
            locations: true,
            couriers: true,
            fingerprints: vec![format!("alike {n}")],
            order_fingerprints: false,
            parts: Vec::new(),
            external_reference: Some((Channel::Online, format!("PO-{n}"))),
            bank_reference: Some(format!("STATEMENT-{n}")),
            lease: Some(Lease { job: JobId(id), token: 1 }),
        });
    }
    let recent = Recent::new(0);
    let (heard, _) = hear(wanted.load(&writing, &recent, shop.store.now(), Lock::Update)).await;
    assert!(heard.len() > 8, "{} statements", heard.len());

    for statement in heard {
        // Of the few holds that are overdue, the items are compared.
        if statement.sql.contains("EXISTS(SELECT") && statement.sql.contains("reservation_items") {
            continue;
        }
        let plan = explain(&writing, &statement).await;
        let compared = plan
            .iter()
            .find(|it| it.trim().starts_with("Filter:") && (it.contains("ANY (") || it.contains("IN (")));
        assert_eq!(compared, None, "{}\n    {}", statement.sql, plan.join("\n    "));
    }
    writing.rollback().await.expect("as it was");
}

fn is_full() -> bool {
    std::env::var_os("TEST_FULL").is_some()
}

/// The statements of which a statement is the union, or itself.
fn arms(statement: &Statement) -> Vec<Statement> {
    let Some(arms) = statement.sql.strip_prefix("SELECT * FROM (") else { return vec![statement.clone()] };
    let arms = arms.split(" UNION ALL SELECT * FROM (").map(|it| it.rsplit_once(") AS a").expect("an arm").0);
    arms.map(|sql| Statement { sql: sql.to_owned(), ..statement.clone() }).collect()
}

/// The time and the rows are parameters: each text would else be a statement of its own to keep.
async fn each_check_asks_the_same_statements(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let order = order_for(&[("A-1", 1)], OnShortage::Refuse);
    place(&shop.store, None, order).await.expect("an order");
    let mut asked = Vec::new();
    for _ in 0..2 {
        let db = shop.store.snapshot().await.expect("a connection");
        let (heard, laws) = hear(laws::check(&db, shop.store.now(), || true)).await;
        assert!(laws.expect("the laws").iter().all(|it| it.broken == 0));
        asked.push(heard.into_iter().map(|it| it.sql).collect::<Vec<_>>());
        shop.later(Duration::from_secs(1));
    }
    assert!(asked[0].len() > 40);
    assert_eq!(asked[0], asked[1]);
}

/// A check asks no more once nobody waits for it, however far it has come.
async fn a_check_that_nobody_wants_asks_nothing(shop: &Shop) {
    let db = shop.store.snapshot().await.expect("a connection");
    let now = shop.store.now();
    let mut asked = Vec::new();
    for wanted in 0.. {
        let times = Cell::new(0);
        let goes_on = || times.replace(times.get() + 1) < wanted;
        let (heard, laws) = hear(laws::check(&db, now, goes_on)).await;
        asked.push(heard.len());
        if laws.is_ok() {
            break;
        }
    }
    assert_eq!(asked[0], 0);
    assert!(asked.len() > 40 && asked.is_sorted_by(|a, b| a <= b && b - a <= 4), "{asked:?}");
}

/// What the task's sessions were asked meanwhile.
async fn hear<T>(reading: impl Future<Output = T>) -> (Vec<Statement>, T) {
    HEARD
        .scope(RefCell::default(), async {
            let result = reading.await;
            (HEARD.with(RefCell::take), result)
        })
        .await
}

/// One page of the list of that name.
async fn read(shop: &Shop, list: &str, listing: &Listing) -> Option<Cursor> {
    let store = &shop.store;
    macro_rules! next {
        ($($page:expr)?) => { $($page.await.expect("a page").1)? };
    }
    match list {
        "orders" => next!(store.list_orders(listing, false)),
        "archived orders" => next!(store.list_orders(listing, true)),
        "invoices" => next!(store.list_invoices(listing)),
        "payments" => next!(store.list_payments(listing)),
        "refunds" => next!(store.list_refunds(listing)),
        "shipments" => next!(store.list_shipments(listing)),
        "approvals" => next!(store.list_approvals(listing)),
        "messages" => next!(store.list_messages(listing)),
        "reservations" => next!(store.list_reservations(listing)),
        "replenishments" => next!(store.list_replenishments(listing)),
        "products" => next!(store.list_products(listing)),
        "locations" => next!(store.list_locations(listing)),
        "couriers" => next!(store.list_couriers(listing)),
        "stock levels" => next!(store.list_stock_levels(listing)),
        "stock movements" => next!(store.list_movements(listing)),
        other => panic!("{other} are listed and not looked at here"),
    }
}

/// What a listing asks for, in short.
#[derive(Debug, Clone, Default)]
struct Asked {
    filter: Option<(String, Compare, String)>,
    order_by: Option<(String, Direction)>,
}

impl Asked {
    fn name(&self) -> String {
        let filter = self.filter.as_ref().map_or("all".to_owned(), |(field, compare, _)| {
            let sign = match compare {
                Compare::Equal => "=",
                Compare::NotEqual => "!=",
                Compare::Less | Compare::LessOrEqual => "<",
                Compare::Greater | Compare::GreaterOrEqual => ">",
            };
            format!("{field} {sign}")
        });
        match &self.order_by {
            Some((name, Direction::Ascending)) => format!("{filter} by {name}"),
            Some((name, Direction::Descending)) => format!("{filter} by {name} desc"),
            None => filter,
        }
    }

    fn compares(&self, field: &str) -> bool {
        self.filter.as_ref().is_some_and(|(it, ..)| it == field)
    }

    fn sorts_by(&self, name: &str) -> bool {
        self.order_by.as_ref().is_some_and(|(it, _)| it == name)
    }

    /// What no index can serve without each order paying for it, and is slow where the rows that fit lie far back: a
    /// text that is not something, the numbers of invoices and numbers in the order of time, a number's order of
    /// what is found by something else.
    fn may_walk(&self) -> bool {
        let is_range = self.filter.as_ref().is_some_and(|(_, compare, _)| *compare != Compare::Equal);
        let is_text = self
            .filter
            .as_ref()
            .is_some_and(|(_, compare, value)| *compare == Compare::NotEqual || value.is_empty());
        (is_text && !self.compares("state"))
            || (self.compares("number") && is_range && !self.sorts_by("number"))
            || (self.compares("series") && self.sorts_by("create_time"))
            || (self.sorts_by("number") && self.filter.is_some())
            || (self.compares("create_time") && self.sorts_by("number"))
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.filter.as_ref().map_or("", |it| &it.2);
        write!(f, "{} {value}", self.name())
    }
}

/// What a plan says of how rows are found.
#[derive(Debug, Default)]
struct Touched {
    /// Growing tables that are gone through, in whatever order.
    scanned: BTreeSet<String>,
    /// Those of them that are gone through in no index's order.
    unled: BTreeSet<String>,
    indexes: BTreeSet<String>,
    /// Whether it is about a growing table at all; told of SQLite only.
    grows: bool,
    sorts: bool,
    /// Counted by PostgreSQL only.
    looked_at: u64,
}

impl Touched {
    fn by(plan: &[String], backend: DbBackend) -> Self {
        let mut touched = Self::default();
        for line in plan {
            let line = line.trim().trim_start_matches("-> ").trim();
            match backend {
                DbBackend::Sqlite => touched.sqlite(line),
                _ => touched.postgres(line),
            }
        }
        touched
    }

    /// Through the index of the reservations that are held it goes because it was asked for these alone.
    fn sqlite(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        self.grows |= words.get(1).is_some_and(|it| GROWING.contains(it));
        if let ["SCAN", table, ..] = words.as_slice()
            && GROWING.contains(table)
            && !line.ends_with(" INDEX reservations_held")
        {
            self.scanned.insert((*table).to_owned());
            if !line.contains(" USING ") {
                self.unled.insert((*table).to_owned());
            }
        }
        if let Some(place) = words.iter().position(|it| *it == "INDEX") {
            self.indexes.extend(words.get(place + 1).map(|it| (*it).to_owned()));
        } else if line.contains("PRIMARY KEY") {
            self.indexes.insert("primary key".to_owned());
        }
        self.sorts |= line.contains("USE TEMP B-TREE FOR ORDER BY") || line.contains("TERM OF ORDER BY");
    }

    fn postgres(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Seq Scan on ") {
            let table = rest.split_whitespace().next().unwrap_or_default();
            if GROWING.contains(&table) {
                self.scanned.insert(table.to_owned());
            }
        }
        if let Some((_, rest)) =
            line.split_once(" using ").or_else(|| line.split_once("Bitmap Index Scan on "))
        {
            self.indexes.extend(rest.split_whitespace().next().map(str::to_owned));
        }
        self.sorts |= line.starts_with("Sort ") || line.starts_with("Incremental Sort");

        let number = |text: &str| {
            text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
        };
        if line.contains("Scan") {
            let actual = line.split_once("(actual ").map_or("", |it| it.1);
            let rows: u64 = actual.split_once("rows=").map_or(0, |it| number(it.1));
            let loops: u64 = actual.split_once("loops=").map_or(0, |it| number(it.1));
            self.looked_at += rows * loops;
        }
        if let Some(rest) = line.strip_prefix("Rows Removed by Filter: ") {
            self.looked_at += number(rest);
        }
    }

    /// Why this is too much for a page of what was asked, or for a read of something known.
    fn too_much(&self, backend: DbBackend, asked: Option<&Asked>) -> Option<String> {
        if asked.is_some_and(Asked::may_walk) {
            return None;
        }
        if backend != DbBackend::Sqlite && asked.is_none() {
            return (!self.scanned.is_empty()).then(|| format!("goes through {:?}", self.scanned));
        }
        if backend != DbBackend::Sqlite {
            let scanned = (!self.scanned.is_empty()).then(|| format!("goes through {:?}", self.scanned));
            let many =
                || (self.looked_at > LOOKED_AT_MAX).then(|| format!("looks at {} rows", self.looked_at));
            return scanned.or_else(many);
        }

        let Some(asked) = asked else {
            return (!self.unled.is_empty()).then(|| format!("goes through {:?}", self.unled));
        };
        // SQLite does not count. Gone through along an order, a table ends with the page if nothing is left out.
        let walks = asked.filter.is_some() && !self.scanned.is_empty();
        let is_the_rule = asked.filter.as_ref().is_some_and(|(.., value)| value == "RESERVE");
        let walks = walks && !asked.compares("create_time") && !is_the_rule;
        let few = ["order_id", "invoice_id", "payment_id", "number", "reference", "external_reference"];
        let sorts =
            self.sorts && self.grows && !few.iter().any(|it| asked.compares(it)) && asked.filter.is_some();
        if walks {
            Some(format!("goes through {:?}", self.scanned))
        } else if sorts {
            Some("sorts all that fits".to_owned())
        } else if asked.filter.is_none() && asked.order_by.is_none() && self.sorts && !self.scanned.is_empty()
        {
            Some("sorts a table".to_owned())
        } else {
            None
        }
    }

    fn how(&self) -> String {
        let mut how = self.indexes.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.scanned.is_empty() {
            how.push_str(&format!(" along {}", self.scanned.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
        if self.sorts {
            how.push_str(" sorted");
        }
        if self.looked_at > 0 {
            how.push_str(&format!(" ({} rows)", self.looked_at));
        }
        how
    }
}

async fn explain(db: &Session, statement: &Statement) -> Vec<String> {
    let writes = ["INSERT INTO", "UPDATE ", "DELETE FROM"].iter().any(|it| statement.sql.contains(it));
    let (how, column) = match db.backend() {
        DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", 3),
        _ if writes => ("EXPLAIN", 0),
        _ => ("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF)", 0),
    };
    let explained = Statement { sql: format!("{how} {}", statement.sql), ..statement.clone() };
    let rows = db.query_all_raw(explained).await.expect("a plan");
    rows.iter().map(|row| row.try_get_by_index::<String>(column).expect("a line")).collect()
}

/// Many copies of an order that has everything, each a little later, the oldest three unlike all others.
struct Seeded {
    order: Order,
    replenishment: domain::ReplenishmentId,
    count: i64,
}

/// What differs from copy to copy beyond ids and times; `n` counts the copies from 1.
const DIFFERS: &[(&str, &str, &str)] = &[
    ("orders", "number", "n + 1"),
    ("orders", "state", "CASE WHEN n <= 3 THEN 'DELIVERED' ELSE o.state END"),
    ("orders", "channel", "CASE WHEN n <= 3 THEN 'IN_PERSON' ELSE 'ONLINE' END"),
    ("orders", "region", "CASE WHEN n <= 3 THEN 'RARE' ELSE o.region END"),
    ("orders", "external_reference", "'PO-' || (n + 1)"),
    ("orders", "customer_email", "CASE WHEN n <= 3 THEN 'rare@example.com' ELSE o.customer_email END"),
    ("orders", "fingerprint", "'alike'"),
    ("approvals", "state", "CASE WHEN n <= 3 AND o.state = 'PENDING' THEN 'WITHDRAWN' ELSE o.state END"),
    ("approvals", "gate", "CASE WHEN n <= 3 THEN o.gate ELSE 'PAYMENT' END"),
    ("messages", "state", "CASE WHEN n <= 3 THEN 'FAILED' ELSE o.state END"),
    ("messages", "kind", "CASE WHEN n <= 3 THEN 'REFUND_ISSUED' ELSE o.kind END"),
    ("invoice_numbers", "number", "2 * n + o.number"),
    ("invoices", "number", "2 * n + o.number"),
    ("invoices", "state", "CASE WHEN n <= 3 AND o.state = 'OPEN' THEN 'PAID' ELSE o.state END"),
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
    ("reservations", "state", "CASE WHEN n <= 3 AND o.state = 'RELEASED' THEN 'CONSUMED' ELSE o.state END"),
    ("stock_movements", "kind", "CASE WHEN n <= 3 THEN 'DAMAGE' ELSE o.kind END"),
    ("stock_movements", "sku", "CASE WHEN n <= 3 THEN 'RARE' ELSE o.sku END"),
    ("stock_movements", "location", "CASE WHEN n <= 3 THEN 'BER' ELSE o.location END"),
    ("replenishments", "state", "CASE WHEN n <= 3 THEN 'CANCELLED' ELSE o.state END"),
    ("replenishments", "sku", "CASE WHEN n <= 3 THEN 'B-2' ELSE o.sku END"),
    ("events", "position", "2 * n + o.position"),
    ("archived_orders", "number", "n + 10000000"),
    ("archived_orders", "external_reference", "'AR-' || n"),
    ("archived_orders", "channel", "CASE WHEN n <= 3 THEN 'IN_PERSON' ELSE 'ONLINE' END"),
    (
        "archived_orders",
        "customer_email",
        "CASE WHEN n <= 3 THEN 'rare@example.com' ELSE o.customer_email END",
    ),
    ("jobs", "run_at", "CASE WHEN n <= 3 THEN 1 ELSE o.run_at + n * 10000000 END"),
];

/// Those whose rows have to be there before the next one's.
const COPIED: [&str; 24] = [
    "orders",
    "order_lines",
    "holds",
    "approvals",
    "messages",
    "feedback",
    "invoice_numbers",
    "invoices",
    "invoice_lines",
    "payments",
    "refunds",
    "payment_references",
    "shipments",
    "shipment_items",
    "packages",
    "package_items",
    "tracking_events",
    "reservations",
    "reservation_items",
    "stock_movements",
    "replenishments",
    "events",
    "archived_orders",
    "jobs",
];

/// The milliseconds of the first copy, and how much later the next one is.
const FIRST_MILLIS: i64 = 1_700_000_000_000;
const NEXT_MILLIS: i64 = 10_000;

impl Seeded {
    async fn into(shop: &Shop) -> Self {
        let count = if is_full() { 100_000 } else { 4_000 };
        let db = shop.store.inner.pools.writer(&Arc::new(AtomicU64::new(0))).await.expect("a connection");
        if db.backend() == DbBackend::Postgres {
            db.execute_unprepared("SET statement_timeout = 0").await.expect("as long as it takes");
        }
        shop.stocked(&["C-3"], 10).await;
        rows::tests::stocked(&db).await;
        let (order, replenishment) = one_of_everything(&db).await;
        let seeded = Self { order, replenishment, count };

        db.begin().await.expect("a transaction");
        for table in COPIED {
            seeded.copy(&db, table).await;
        }
        let waits = "INSERT INTO order_waits (order_id, sku, region, quantity, number) \
            SELECT id, 'A-1', 'MALAYSIA', 30, number FROM orders WHERE number > 1 AND number <= 2001";
        db.execute_unprepared(waits).await.expect("a queue");
        let answers = seeded.counted(
            "INSERT INTO requests (actor, method, request_id, fingerprint, answer, created_at) \
            SELECT 'ann', 'CreateOrder', 'request-' || n, {bytes}, {bytes}, n FROM s",
            db.backend(),
        );
        db.execute_unprepared(&answers).await.expect("answers");
        db.commit(&[]).await.expect("a seeded database");
        if db.backend() == DbBackend::Postgres {
            db.execute_unprepared("ANALYZE").await.expect("statistics");
        }
        shop.clock.store((FIRST_MILLIS + count * NEXT_MILLIS) * 1_000, Ordering::Relaxed);
        seeded
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
        let statement = Statement::from_string(db.backend(), columns);
        let columns = db.query_all_raw(statement).await.expect("columns");
        let text = |row: &QueryResult, place| row.try_get_by_index::<String>(place).expect("a text");
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &columns {
            let (name, kind) = (text(column, 0), text(column, 1).to_uppercase());
            let differs = DIFFERS.iter().find(|it| it.0 == table && it.1 == name);
            values.push(match (differs, kind.as_str()) {
                (Some((_, _, value)), _) => (*value).to_owned(),
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
        db.execute_unprepared(&self.counted(&sql, db.backend())).await.expect(table);
    }

    async fn session(&self, shop: &Shop) -> Session {
        let db = shop.store.look().await.expect("a connection");
        if db.backend() == DbBackend::Postgres && !is_full() {
            // Of a few thousand rows it would rather read all: shown is that it need not.
            db.execute_unprepared("SET enable_seqscan = off").await.expect("another planner");
        }
        db
    }

    fn everything(&self) -> Touch {
        Touch {
            orders: vec![self.order.id],
            order_stock: true,
            reserves: true,
            skus: vec![sku("A-1"), sku("B-2")],
            reservations: vec![self.order.reservations[0].id],
            replenishments: vec![self.replenishment],
            products: vec![sku("A-1")],
            locations: true,
            couriers: true,
            fingerprints: vec!["alike".to_owned()],
            order_fingerprints: false,
            parts: Vec::new(),
            external_reference: Some((Channel::Online, "PO-7".to_owned())),
            bank_reference: Some("STATEMENT-7".to_owned()),
            lease: Some(Lease { job: JobId(self.order.id.0), token: 1 }),
        }
    }

    /// Every filter with usual and unusual values, in every order.
    fn listings(&self, list: &Documented) -> Vec<(Asked, Listing)> {
        use Compare::{Equal, Greater, Less, NotEqual};
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
                    values.chain([(Equal, "nowhere".to_owned()), (NotEqual, "nowhere".to_owned())]).collect()
                }
                Takes::Whole => [Equal, Less, Greater].map(|it| (it, (self.count / 2).to_string())).into(),
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
                let asked = Asked { filter: filter.clone(), order_by: order_by.clone() };
                let filter =
                    filter.iter().cloned().map(|(field, compare, value)| Term { field, compare, value });
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
            "external_reference" => &["PO-7"],
            "reference" => &["STATEMENT-7", ""],
            "series" => &["INV"],
            "location" => &["KUL-1", "BER"],
            "courier" => &["PIGEON"],
            "tracking_number" => &["CSG7"],
            "sku" => &["A-1", "RARE"],
            "name" | "tax_category" | "country" => &[],
            other => panic!("{other} is a text that no values are known of"),
        };
        texts.iter().map(|it| (*it).to_owned()).collect()
    }

    fn id(&self, field: &str) -> String {
        match field {
            "order_id" => self.order.id.to_string(),
            "invoice_id" => self.order.invoices[1].id.to_string(),
            "payment_id" => self.order.payments[1].id.to_string(),
            other => panic!("{other} is an id that no value is known of"),
        }
    }

    /// The slowest but one of a hundred pages is quick enough, whatever is asked for.
    async fn time_every_list(&self, shop: &Shop) {
        let mut late = Vec::new();
        let mut worst: BTreeMap<(&str, String), Duration> = BTreeMap::new();
        for list in documented() {
            for (asked, listing) in self.listings(&list).into_iter().filter(|it| it.0.order_by.is_none()) {
                let mut taken = Vec::with_capacity(ASKED);
                for _ in 0..ASKED {
                    let begun = Instant::now();
                    read(shop, list.name, &listing).await;
                    taken.push(begun.elapsed());
                    // What is far too slow need not be asked a hundred times.
                    if taken.len() >= 5 && taken.iter().min() > Some(&(4 * PAGE_WITHIN)) {
                        break;
                    }
                }
                taken.sort_unstable();
                let p99 = taken[taken.len().saturating_sub(2)];
                let slowest = worst.entry((list.name, asked.name())).or_default();
                *slowest = p99.max(*slowest);
                if p99 > PAGE_WITHIN {
                    late.push(format!("{} {asked}: {p99:?}", list.name));
                }
            }
        }
        for ((list, asked), p99) in worst {
            println!("{list:<18} {asked:<44} p99 {p99:?}");
        }
        println!("later than {PAGE_WITHIN:?}:\n{}", late.join("\n"));
    }
}

/// The first of all copies: an order with every part, another one in the archive, and what is written beside orders.
async fn one_of_everything(db: &Session) -> (Order, domain::ReplenishmentId) {
    let order = rows::tests::full(1);
    write(db, |it| rows::save_orders(it, &[Saved { before: None, after: &order }])).await.expect("an order");
    let archived = Order {
        state: OrderState::Archived,
        archived_from: Some(OrderState::Closed),
        ..rows::tests::full(2)
    };
    let (invoices, payments) = (Vec::new(), Vec::new());
    let archived = Order { archived_at: Some(archived.created_at), invoices, payments, ..archived };
    write(db, |it| rows::save_orders(it, &[Saved { before: None, after: &archived }]))
        .await
        .expect("an archived order");

    let movement = domain::Movement { order: Some(order.id), ..rows::tests::movement() };
    let shipped = domain::Movement {
        id: MovementId(order.shipments[0].id.0),
        kind: domain::MovementKind::Ship,
        ..movement.clone()
    };
    write(db, |it| rows::append_movements(it, &[movement, shipped])).await.expect("movements");

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
    };
    write(db, |it| rows::save_replenishments(it, &[Saved { before: None, after: &replenishment }]))
        .await
        .expect("a proposal");

    let event = |sequence, machine, subject| Event {
        order: order.id,
        sequence,
        at: order.created_at,
        actor: Actor::system(),
        kind: EventKind::OrderReceived,
        transition: Some(Transition { machine, subject, from: String::new(), to: "NEW".to_owned() }),
        text: String::new(),
    };
    let events = [event(1, Machine::Order, order.id.0), event(2, Machine::Shipment, order.shipments[0].id.0)];
    let last = all_of(db, "SELECT COALESCE(MAX(position), 0) FROM events").await;
    write(db, |it| rows::append_events(it, last + 1, &events)).await.expect("events");
    write(db, |it| {
        rows::save_jobs(
            it,
            &rows::Jobs::from([(JobId(order.id.0), (JobKind::Order, Some(order.created_at)))]),
        )
    })
    .await
    .expect("a job");
    (order, replenishment.id)
}

async fn all_of(db: &Session, sql: &str) -> i64 {
    let statement = Statement::from_string(db.backend(), sql);
    let row = db.query_one_raw(statement).await.expect("a row").expect("one");
    row.try_get_by_index(0).expect("a number")
}
