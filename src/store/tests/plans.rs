//! No list and no other hot read touches more than it gives back, however many orders are stored: the plans of the very
//! statements that are sent, for every filter and every order. With `TEST_FULL` set there are 100,000 orders, and how
//! long each list takes is printed.

mod asked;
mod seeded;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sea_orm::Statement;

use crate::domain::{Actor, Channel, JobId, Lease, OnShortage, Part, ReadSet, ReleaseExpired};
use crate::store::connection::session::HEARD;
use crate::store::query::find::EventFilter;
use crate::store::query::integrity as laws;
use crate::store::query::listing::Listing;
use crate::store::query::order_cache::OrderCache;
use crate::store::query::resources::documented;
use crate::store::rows::read::Lock;
use crate::store::tests::plans::asked::{Touched, explain, is_full};
use crate::store::tests::plans::seeded::{Seeded, read};
use crate::store::tests::shop::{Scene, code, create_order, on_both_engines, order_for, sku};
use crate::store::writer::load::Wanted;
use crate::store::writer::{chore as jobs, idempotency as requests};

on_both_engines! {
    no_list_touches_more_than_its_page
    no_hot_read_grows_with_what_is_stored
    keys_are_looked_up_even_by_who_planned_while_nothing_was_stored
    each_check_asks_the_same_statements
    a_check_that_nobody_wants_asks_nothing
}

async fn no_list_touches_more_than_its_page(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let plans = seeded.session(scene).await;
    let (mut table, mut known, mut bad) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for list in documented() {
        for (asked, listing) in seeded.listings(&list) {
            let (heard, next) = hear(read(scene, list.name, &listing)).await;
            let mut statements = heard;
            if next.is_some() {
                let further = Listing { after: next, ..listing.clone() };
                statements.extend(hear(read(scene, list.name, &further)).await.0);
            }

            for statement in statements.iter().flat_map(union_arms) {
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
        seeded.time_every_list(scene).await;
    }
}

async fn no_hot_read_grows_with_what_is_stored(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let plans = seeded.session(scene).await;
    let order = seeded.order.id;
    let store = &scene.store;
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
        "preview": store.preview(&Actor::system(), &ReleaseExpired { short: seeded.everything() }),
    }

    let writing = scene.store.inner.pools.writer(&Arc::new(AtomicU64::new(0))).await.expect("a connection");
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

/// The writer's statements are planned once, maybe on the first day: a planner that then chose to scan a small table
/// and to compare each row with the keys goes on doing so when it has grown.
async fn keys_are_looked_up_even_by_who_planned_while_nothing_was_stored(scene: &Scene) {
    let writing = scene.store.inner.pools.writer(&Arc::new(AtomicU64::new(0))).await.expect("a connection");
    writing.begin().await.expect("a transaction");
    let mut wanted = Wanted::default();
    for n in 0..40_u128 {
        let id = uuid::Uuid::from_u128(n);
        wanted.add(&ReadSet {
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
    let order_cache = OrderCache::new(0);
    let (heard, _) = hear(wanted.load(&writing, &order_cache, scene.store.now(), Lock::Update)).await;
    assert!(heard.len() > 8, "{} statements", heard.len());

    for statement in heard {
        // Of the few expired reservations, the items are compared.
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

/// The statements of which a statement is the union, or itself.
fn union_arms(statement: &Statement) -> Vec<Statement> {
    let Some(union_arms) = statement.sql.strip_prefix("SELECT * FROM (") else {
        return vec![statement.clone()];
    };
    let union_arms =
        union_arms.split(" UNION ALL SELECT * FROM (").map(|it| it.rsplit_once(") AS a").expect("an arm").0);
    union_arms.map(|sql| Statement { sql: sql.to_owned(), ..statement.clone() }).collect()
}

/// The time and the rows are parameters: each text would else be a statement of its own to keep.
async fn each_check_asks_the_same_statements(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let order = order_for(&[("A-1", 1)], OnShortage::Refuse);
    create_order(&scene.store, None, order).await.expect("an order");
    let mut asked = Vec::new();
    for _ in 0..2 {
        let db = scene.store.snapshot().await.expect("a connection");
        let (heard, laws) = hear(laws::check(&db, scene.store.now(), || true)).await;
        assert!(laws.expect("the laws").iter().all(|it| it.broken == 0));
        asked.push(heard.into_iter().map(|it| it.sql).collect::<Vec<_>>());
        scene.later(Duration::from_secs(1));
    }
    assert!(asked[0].len() > 40);
    assert_eq!(asked[0], asked[1]);
}

/// A check stops once no caller waits for it, however far it has come.
async fn a_check_that_nobody_wants_asks_nothing(scene: &Scene) {
    let db = scene.store.snapshot().await.expect("a connection");
    let now = scene.store.now();
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
