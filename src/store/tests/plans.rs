//! No list and no other hot read touches more than it gives back, however many orders are stored: the plans of the very
//! statements that are sent, for every filter and every order; and of every fixed statement. With `TEST_FULL` set there are 100,000
//! archived orders beside 10,000 of the day. How long a list takes is measured by `consign bench lists`.

mod asked;
mod seeded;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use prometheus_client::metrics::counter::Counter;
use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

use crate::domain::{
    Actor, DataSubject, JobId, Lease, MayPass, MessageId, OnShortage, Part, ReleaseExpired, StuckGate,
    Timestamp,
};
use crate::store::Among;
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::connection::postgres::STATEMENTS_KEPT;
use crate::store::connection::session::{HEARD, Session};
use crate::store::connection::statement::FixedStatement;
use crate::store::query::deliveries::ToRedeliver;
use crate::store::query::feed::EventFilter;
use crate::store::query::integrity::{self as laws, LawResult};
use crate::store::query::listing::{Listing, Term};
use crate::store::query::order_cache::OrderCache;
use crate::store::retention;
use crate::store::rows::expired_lots::EXPIRED_ON_LISTS;
use crate::store::rows::tests::sample::customer_id;
use crate::store::rows::{decision, lookup, subscribers, subscription, writes};
use crate::store::tests::plans::asked::{Heard, Touched, explain, gone_through};
use crate::store::tests::plans::seeded::{Seeded, lists, read};
use crate::store::tests::shop::{Scene, code, create_order, on_both_engines, order_for, sku};
use crate::store::writer::chore;
use crate::store::writer::retention as forgetting;
use crate::store::writer::wanted::Wanted;

on_both_engines! {
    no_list_touches_more_than_its_page
    no_hot_read_grows_with_what_is_stored
    no_count_goes_through_the_archive
    no_fixed_statement_goes_through_a_table_that_grows
    keys_are_looked_up_even_by_who_planned_while_nothing_was_stored
    what_a_group_loads_is_asked_by_fixed_statements
    each_check_asks_the_same_statements
    a_check_that_nobody_wants_asks_nothing
}

async fn no_list_touches_more_than_its_page(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let plans = seeded.session(scene).await;
    let (mut table, mut known, mut bad) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for list in lists() {
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
}

async fn no_hot_read_grows_with_what_is_stored(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let plans = seeded.session(scene).await;
    let order = seeded.order.id;
    let store = &scene.store;
    store.begin_subscriber("shop").await.expect("a subscriber");
    let now = store.now();
    let hour_ago = now.minus(Duration::from_secs(3_600));
    let mut heard: Vec<(&str, Heard)> = Vec::new();
    macro_rules! heard {
        ($($name:literal: $read:expr,)+) => { $(
            // Boxed where it is made: all reads together are too large for a test's stack.
            let read = || async { let _ = $read.await.expect($name); }.boxed_local();
            let (statements, ()) = hear(read()).await;
            assert!(!statements.is_empty(), "{} asked nothing", $name);
            heard.extend(statements.into_iter().map(|it| ($name, it)));
        )+ };
    }

    heard! {
        "order": store.order(order),
        "order_by_number": store.order_by_number(7),
        "events_of": store.events_of(order),
        "verify_chain": store.verify_chain(order),
        "order_of": store.order_of(&Part::Shipment(seeded.order.shipments[0].id)),
        "order_of_credit_note": store.order_of_credit_note("CRN", 7),
        "order_of_invoice": store.order_of_invoice("INV", 7),
        "order_of by tracking number": store.order_of(&Part::Tracked { courier: "SNAIL".parse().expect("a code"), number: "CSG7".to_owned() }),
        "level": store.level(&sku("A-1"), &code("KUL-1")),
        "availability": store.availability(&[sku("A-1"), sku("B-2")]),
        "couriers": store.couriers(),
        "reservation": store.reservation(seeded.reservation),
        "reservation of an order": store.reservation(seeded.order.reservations[0].id),
        "product": store.product(&sku("A-1")),
        "customer": store.customer(customer_id()),
        "person": store.person(&DataSubject::Email("rare@example.com".to_owned())),
        "discount_code": store.discount_code(&"NEXT-7".parse().expect("a code")),
        "replenishment": store.replenishment(seeded.replenishment),
        "last_position": store.last_position(),
        "figures": store.figures(),
        "overview": store.overview(now),
        "series": store.series(),
        "events_after": store.events_after(seeded.count - 100, &EventFilter::default(), 100),
        "events_after of an order": store.events_after(0, &EventFilter::of_order(order), 100),
        "events_after of a customer": store.events_after(
            seeded.count - 100,
            &EventFilter::of(&[Term::equal("customer_email", "rare@example.com")]).expect("a filter"),
            100,
        ),
        "events_before": store.events_before(i64::MAX, &EventFilter::default(), 100),
        "events_before of an order": store.events_before(i64::MAX, &EventFilter::of_order(order), 100),
        "deliveries": store.deliveries("shop", None, &Listing { size: 2, ..Listing::default() }),
        "events_to_redeliver": store.events_to_redeliver("shop", &ToRedeliver::GivenUpSince(now), &[], 100),
        "list_stuck_orders": store.list_stuck_orders(&Listing { size: 2, ..Listing::default() }, None),
        "list_stuck_orders at a gate": store.list_stuck_orders(&Listing { size: 2, ..Listing::default() }, Some(StuckGate::Hold)),
        "waiting_orders": store.waiting_orders(64),
        "waiting_orders where smaller ones pass": store.waiting_orders_where(MayPass::Smaller, 64),
        "awaited_supplies": store.awaited_supplies(None, 256),
        "orders_awaiting": store.orders_awaiting(&sku("A-1"), None, 64),
        "shelves_with_missing": store.shelves_with_missing(None, 16),
        "has_news_for": store.has_news_for("shop"),
        "events_to_retell": store.events_to_retell("shop", 32),
        "orders_untold": store.orders_untold("shop", [order]),
        "claim_jobs": store.claim_jobs(32, Duration::from_secs(30)),
        "feedback_report": store.feedback_report(hour_ago, now, Among::All, 10),
        "feedback_report of the archive": store.feedback_report(hour_ago, now, Among::Archived, 10),
        "feedback_report beside the archive": store.feedback_report(hour_ago, now, Among::NotArchived, 10),
        "failed_messages": store.failed_messages(Timestamp::MIN, 2),
        "preview": store.preview(&Actor::system(), &ReleaseExpired { short: seeded.everything() }),
    }

    let writing = scene.writer().await;
    writing.begin(Vec::new()).await.expect("a transaction");
    heard! {
        "claim": chore::claim(&writing, 32, now, now.plus(Duration::from_secs(30))),
        "forget keys": chore::forget_keys(&writing, now, 500),
        "old texts": retention::old_texts(&writing, uuid::Uuid::nil(), now, 500),
        "forget texts": forgetting::forget_texts(&writing, &[MessageId(uuid::Uuid::from_u128(7))]),
        "forget deliveries": forgetting::forget_deliveries(&writing, now),
        "give a job back": chore::fail(&writing, Lease { job: JobId(order.0), token: 1 }, now),
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

/// Each count is led to what it counts: by an index that tells the archive from the day, or that holds nothing else.
async fn no_count_goes_through_the_archive(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let plans = seeded.session(scene).await;
    let now = scene.store.now();
    let mut took = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        scene.store.overview(now).await.expect("an overview");
        took = took.min(begun.elapsed());
    }
    let (heard, overview) = hear(scene.store.overview(now)).await;
    let overview = overview.expect("an overview");
    let current = seeded.count - seeded.count / 11 * 10 + 4;
    assert_eq!(overview.orders.values().sum::<i64>(), current, "{overview:?}");
    println!("{current} orders of {} counted in {took:?}", seeded.count + 1);

    let [statement] = heard.as_slice() else { panic!("{heard:?}") };
    let plan = explain(&plans, statement).await;
    let lines: Vec<&str> = plan.iter().map(|it| it.trim().trim_start_matches("-> ").trim()).collect();
    let table = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let named = match plans.backend() {
            DbBackend::Sqlite => words.next(),
            _ => words.skip_while(|it| *it != "on").nth(1),
        };
        asked::GROWING.into_iter().find(|it| named == Some(*it))
    };
    let mut counted = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(table) = table(line) else { continue };
        let details = lines[index + 1..].iter().take_while(|it| !it.contains("(cost=")).copied();
        let how = match plans.backend() {
            DbBackend::Sqlite => (*line).to_owned(),
            _ => [line].into_iter().copied().chain(details).collect::<Vec<_>>().join(" "),
        };
        let is_led = asked::LEADS_TO_FEW.iter().any(|it| how.contains(it));
        assert!(is_led, "{how}\n{}", plan.join("\n"));
        counted.insert(table);
    }
    assert!(counted.len() >= 8, "{counted:?}");
}

/// Every fixed statement there is. Those that are made beside the lists of them are named here.
fn fixed() -> Vec<&'static FixedStatement> {
    let mut all = lookup::all();
    all.extend(lookup::of_readers());
    let prepared_by_nobody: [&FixedStatement; 22] = [
        &lookup::MESSAGE_TEXTS,
        &lookup::ORDERS,
        &lookup::OWNERS,
        &lookup::CALLERS_RESERVATIONS,
        &lookup::RESERVATIONS,
        &lookup::LEVELS,
        &lookup::REPLENISHMENTS,
        &lookup::LABEL_FILES,
        &lookup::DISCOUNT_CODES,
        &lookup::CUSTOMERS,
        &lookup::CUSTOMERS_BY_REFERENCE,
        &lookup::STOCK_AT,
        &lookup::REPLENISHMENTS_AT,
        &lookup::SHIPMENTS_OF,
        &lookup::HOLDERS,
        &EXPIRED_ON_LISTS,
        &lookup::TRANSFERS,
        &lookup::LOCK_TRANSFERS,
        &lookup::OPEN_RESERVATIONS,
        &lookup::API_KEYS,
        &lookup::LOCK_API_KEYS,
        &lookup::LIVE_API_KEYS,
    ];
    all.extend(prepared_by_nobody);
    all.extend(writes::all());
    all.extend(decision::all());
    all.extend(subscribers::all());
    all.extend(subscription::all());
    let of_rebuilding: [&FixedStatement; 3] = [
        &writes::ADD_MISSING_INVOICE_NUMBERS,
        &writes::ADD_MISSING_CREDIT_NOTE_NUMBERS,
        &writes::ADD_MISSING_PAYMENT_REFERENCES,
    ];
    all.extend(of_rebuilding);
    all.extend(writes::DELETE_PARTS.iter());
    all.sort_by_key(|it| std::ptr::from_ref(*it));
    all.dedup_by_key(|it| std::ptr::from_ref(*it));
    all
}

#[test]
fn every_fixed_statement_is_looked_at() {
    let is_named = |line: &str| {
        let mut words = line.strip_prefix("    ").unwrap_or_default().split(' ');
        let is_capital =
            |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
        words.next().is_some_and(is_capital) && words.next() == Some("=")
    };
    let declared = [
        include_str!("../rows/lookup.rs").matches(") static ").count(),
        include_str!("../rows/decision.rs").matches(") static ").count(),
        include_str!("../rows/subscribers.rs").matches(") static ").count(),
        include_str!("../rows/subscription.rs").matches(") static ").count(),
        include_str!("../rows/expired_lots.rs").matches(") static ").count(),
        include_str!("../rows/callers.rs").matches(") static ").count(),
        // As the macro has them, and those beside it.
        include_str!("../rows/writes.rs").lines().filter(|it| is_named(it)).count(),
        include_str!("../rows/writes.rs").matches(") static ADD_MISSING").count(),
        writes::DELETE_PARTS.len(),
    ];
    assert_eq!(fixed().len(), declared.iter().sum::<usize>(), "{declared:?}");
}

/// All that a lane prepares at its start fits, so that nothing of it is prepared again inside a group.
#[test]
fn what_a_connection_prepares_it_keeps() {
    let lists = [lookup::all(), writes::all(), decision::all(), subscribers::all()].concat();
    let texts: BTreeSet<&str> = lists.iter().flat_map(|it| it.postgres_texts()).collect();
    assert!(texts.len() < STATEMENTS_KEPT, "{} of {STATEMENTS_KEPT}", texts.len());
}

/// Statements that may go along an index: that of replenishments that are not over holds few, and of decisions by their
/// position the last one is read.
fn along_short_indexes() -> [(&'static FixedStatement, &'static str); 3] {
    [
        (&lookup::OPEN_REPLENISHMENTS, "replenishments"),
        (&lookup::REPLENISHMENTS_AT, "replenishments"),
        (&subscription::BEGIN_SUBSCRIBERS, "decisions"),
    ]
}

/// By the generic plan of the writer's connection, and of a reader's.
async fn no_fixed_statement_goes_through_a_table_that_grows(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let (writer, reader) = (scene.writer().await, seeded.session(scene).await);
    if reader.backend() == DbBackend::Postgres {
        reader.script("SET plan_cache_mode = force_generic_plan").await.expect("plans for any rows");
    }
    let of_readers = lookup::of_readers();
    let mut bad = Vec::new();
    for statement in fixed() {
        let sql = statement.text(writer.backend()).to_owned();
        let heard = Heard { sql, values: Vec::new() };
        let sessions = if of_readers.iter().any(|it| std::ptr::eq(*it, statement)) {
            vec![&writer, &reader]
        } else {
            vec![&writer]
        };
        for db in sessions {
            let plan = explain(db, &heard).await;
            assert!(!plan.is_empty() || heard.sql.starts_with("INSERT"), "no plan of {}", heard.sql);
            let mut through = gone_through(&plan, db.backend());
            for (short, table) in along_short_indexes() {
                if std::ptr::eq(statement, short) {
                    through.remove(table);
                }
            }
            if !through.is_empty() {
                bad.push(format!("{through:?}\n  {}\n    {}", heard.sql, plan.join("\n    ")));
            }
        }
    }
    assert!(bad.is_empty(), "{} of the statements go through:\n{}", bad.len(), bad.join("\n"));
}

/// The writer's statements are planned once, maybe on the first day: a planner that then chose to scan a small table
/// and to compare each row with the keys goes on doing so when it has grown.
async fn keys_are_looked_up_even_by_who_planned_while_nothing_was_stored(scene: &Scene) {
    let writing = scene.writer().await;
    for statement in lookup::all().into_iter().chain(writes::all()) {
        let heard = Heard { sql: statement.text(writing.backend()).to_owned(), values: Vec::new() };
        let plan = explain(&writing, &heard).await;
        let mut through = gone_through(&plan, writing.backend());
        for (short, table) in along_short_indexes() {
            if std::ptr::eq(statement, short) {
                through.remove(table);
            }
        }
        let shown = || format!("{}\n    {}", heard.sql, plan.join("\n    "));
        assert_eq!(through, BTreeSet::new(), "{}", shown());
        let compared = plan
            .iter()
            .find(|it| it.trim().starts_with("Filter:") && (it.contains("ANY (") || it.contains("IN (")));
        // Of the few expired reservations, the items are compared.
        let is_expired = std::ptr::eq(statement, &*lookup::EXPIRED);
        assert!(compared.is_none() || is_expired, "{}", shown());
    }
}

/// Nothing that a group reads is asked by a text of its own, and it is asked in two messages.
async fn what_a_group_loads_is_asked_by_fixed_statements(scene: &Scene) {
    let seeded = Seeded::into(scene).await;
    let messages = Counter::default();
    let writing = scene.store.inner.pools.writer(&messages).await.expect("a connection");
    let mut wanted = Wanted::default();
    wanted.add(&seeded.everything(), &crate::domain::Actor::system());
    let order_cache = OrderCache::new(0);
    // Before anything has expired, or it would be asked once more with what has.
    let clock = scene.store.inner.clock.clone();
    scene.clock.store(0, Ordering::Relaxed);
    let (heard, loaded) = hear(wanted.lock(&writing, &order_cache, &clock)).await;
    let loaded = loaded.expect("all of it");
    assert!(loaded.snapshot.orders.contains_key(&seeded.order.id));
    assert!(loaded.snapshot.reservations.contains_key(&seeded.reservation));
    // The third is for what has a capacity.
    assert_eq!(messages.get(), 3);

    let fixed: BTreeSet<&str> = fixed().into_iter().map(|it| it.text(writing.backend())).collect();
    let others: Vec<_> = heard.iter().filter(|it| !fixed.contains(it.sql.as_str())).collect();
    assert!(others.iter().all(|it| it.sql.contains("clock_timestamp()")), "{others:?}");
    assert!(heard.len() > 14, "{} statements", heard.len());
    writing.rollback().await.expect("as it was");
}

/// The statements of which a page is the union, or the page; and what is shown beside its rows.
fn union_arms(statement: &Heard) -> Vec<Heard> {
    let whole = statement.sql.as_str();
    let page = whole.strip_prefix("WITH page AS (").and_then(|it| it.split_once(") SELECT page."));
    let page = page.map_or(whole, |it| it.0);
    let Some(union_arms) = page.strip_prefix("SELECT * FROM (") else {
        return vec![statement.clone()];
    };
    let union_arms = union_arms.replace(" UNION SELECT * FROM (", " UNION ALL SELECT * FROM (");
    let union_arms =
        union_arms.split(" UNION ALL SELECT * FROM (").map(|it| it.rsplit_once(") AS a").expect("an arm").0);
    union_arms.map(|sql| with_its_values(sql, &statement.values)).collect()
}

/// An arm with the parameters that it has.
fn with_its_values(arm: &str, all: &[Value]) -> Heard {
    let (mut sql, mut values) = (String::new(), Vec::new());
    let mut rest = arm;
    while let Some((before, mark)) = rest.split_once('$') {
        let end = mark.find(|it: char| !it.is_ascii_digit()).unwrap_or(mark.len());
        let number: usize = mark[..end].parse().expect("a parameter's number");
        values.push(all[number - 1].clone());
        sql.push_str(&format!("{before}${}", values.len()));
        rest = &mark[end..];
    }
    Heard { sql: sql + rest, values }
}

/// The time and the rows are parameters: each text would else be a statement of its own to keep.
async fn each_check_asks_the_same_statements(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let order = order_for(&[("A-1", 1)], OnShortage::Refuse);
    create_order(&scene.store, None, order).await.expect("an order");
    let mut asked = Vec::new();
    for _ in 0..2 {
        let db = scene.store.snapshot().await.expect("a connection");
        let (heard, laws) = hear(check(&db, scene.store.now(), || true)).await;
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
        let (heard, laws) = hear(check(&db, now, goes_on)).await;
        asked.push(heard.len());
        if laws.is_ok() {
            break;
        }
    }
    assert_eq!(asked[0], 0);
    assert!(asked.len() > 40 && asked.is_sorted_by(|a, b| a <= b && b - a <= 4), "{asked:?}");
}

/// Every law over one connection.
async fn check(
    db: &Session,
    now: Timestamp,
    wanted: impl Fn() -> bool,
) -> Result<Vec<LawResult>, StoreError> {
    let queries = laws::check_by_queries(db, now, &wanted).await?;
    let documents = laws::check_documents(db, &ArchiveKeys::default(), &wanted).await?;
    Ok(laws::all_laws(queries, documents))
}

/// What the task's sessions were asked meanwhile.
async fn hear<T>(reading: impl Future<Output = T>) -> (Vec<Heard>, T) {
    HEARD
        .scope(RefCell::default(), async {
            let result = reading.await;
            let heard = HEARD.with(RefCell::take).into_iter();
            (heard.map(|(sql, values)| Heard { sql, values }).collect(), result)
        })
        .await
}
