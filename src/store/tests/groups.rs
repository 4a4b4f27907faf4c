//! Groups of changes: what one does to the others, and to those who write at the same time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::domain::{CreateOrder, OnOrder, OnShortage, ReadSet, Refusal, UnitOfWork};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{
    Scene, TEXT, cancel, code, context, count, count_events, count_keys, create_order, on_both_engines,
    order_for, placed, request, sku,
};
use crate::store::writer::change::{Codec, RequestContext, View};

on_both_engines! {
    a_refused_change_leaves_no_trace_in_its_group
    a_dropped_caller_tears_nothing
    a_full_queue_says_so_at_once
    a_late_change_is_never_decided
    a_panic_fails_only_its_own_change
    a_row_that_breaks_a_law_fails_only_its_own_change
    crossed_lines_stand_in_nobodys_way
    numbers_and_positions_have_no_gap
    a_group_of_orders_costs_three_messages
}

async fn a_refused_change_leaves_no_trace_in_its_group(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let before = scene.store.last_position().await.expect("a look");
    let wants = [3, 8, 4, 20, 3];
    let placing = wants.iter().enumerate().map(|(place_in_group, units)| {
        let store = scene.store.clone();
        let key = request(&format!("request-{place_in_group}"), 1);
        let new = order_for(&[("A-1", *units)], OnShortage::Refuse);
        tokio::spawn(async move { create_order(&store, key, new).await })
    });
    let mut refused = 0;
    let mut taken = 0;
    for (handle, units) in placing.collect::<Vec<_>>().into_iter().zip(wants) {
        match handle.await.expect("no panic") {
            Ok(_) => taken += units,
            Err(StoreError::Refused(Refusal::Short(_))) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }

    assert_eq!(scene.units("A-1").await, (10, taken));
    let kept = count_keys(&scene.store).await;
    assert_eq!(kept, 5 - refused);
    assert_eq!(count(&scene.store, "SELECT COUNT(*) FROM orders").await, 5 - refused);
    let events = count_events(&scene.store).await;
    assert_eq!(scene.store.last_position().await.expect("a look") - before, events);
    // A refused id can be used again, also for something else.
    let again =
        create_order(&scene.store, request("request-3", 2), order_for(&[("A-1", 1)], OnShortage::Wait)).await;
    assert!(again.is_ok());
}

async fn a_dropped_caller_tears_nothing(scene: &Scene) {
    scene.stocked(&["A-1"], 1_000).await;
    for _ in 0..50 {
        let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        let placing = create_order(&scene.store, None, new);
        let given = Duration::from_micros(fastrand::u64(0..3_000));
        let _ = tokio::time::timeout(given, placing).await;
    }
    // Behind everything that was queued.
    create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    tokio::time::sleep(Duration::from_millis(300)).await;

    let orders = count(&scene.store, "SELECT COUNT(*) FROM orders").await;
    let lines = count(&scene.store, "SELECT COUNT(*) FROM order_lines").await;
    assert_eq!(orders, lines);
    assert_eq!(scene.units("A-1").await, (1_000, orders));
    assert!(orders > 0);
}

async fn a_full_queue_says_so_at_once(scene: &Scene) {
    scene.stocked(&["A-1"], 1_000).await;
    let mut options = scene.options();
    options.queue_max = 4;
    options.group_max = 1;
    let narrow = Store::open(options).await.expect("a store");
    let handles: Vec<_> = (0..200)
        .map(|_| {
            let store = narrow.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { create_order(&store, None, new).await })
        })
        .collect();
    let (mut done, mut full) = (0, 0);
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => done += 1,
            Err(StoreError::Overloaded) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }

    assert!(full > 0, "{done} done, none refused");
    assert_eq!(scene.units("A-1").await, (1_000, done));
    narrow.close().await;
}

async fn a_late_change_is_never_decided(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let late = RequestContext { deadline: Some(Instant::now()), ..context(None) };
    let placed = scene.store.change(late, CreateOrder { new, cart: None }, placed, TEXT).await;

    assert!(matches!(placed, Err(StoreError::DeadlineExceeded)));
    assert_eq!(scene.units("A-1").await, (10, 0));
}

async fn a_panic_fails_only_its_own_change(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let store = scene.store.clone();
    let deciding = tokio::spawn(async move {
        let decide = |_: &mut UnitOfWork<'_>| -> Result<(), Refusal> { panic!("in a decision") };
        store.decide(context(None), ReadSet::default(), decide, |(), _| (), Codec::unkept()).await
    });
    let store = scene.store.clone();
    let replying = tokio::spawn(async move {
        let new = order_for(&[("A-1", 5)], OnShortage::Refuse);
        let reply = |_: &OnOrder<()>, _: &View<'_>| panic!("in a reply");
        store.change(context(None), CreateOrder { new, cart: None }, reply, Codec::<()>::unkept()).await
    });
    let good = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;

    assert!(matches!(deciding.await.expect("no panic"), Err(StoreError::Internal(_))));
    assert!(matches!(replying.await.expect("no panic"), Err(StoreError::Internal(_))));
    assert!(good.is_ok());
    assert_eq!(scene.units("A-1").await, (10, 1));
}

async fn a_row_that_breaks_a_law_fails_only_its_own_change(scene: &Scene) {
    scene.stocked(&["A-1", "A-2"], 10).await;
    let bad = {
        let store = scene.store.clone();
        tokio::spawn(async move {
            let reads = ReadSet { skus: vec![sku("A-2")], ..ReadSet::default() };
            let decide = |unit: &mut UnitOfWork<'_>| {
                let mut level = unit.level(&sku("A-2"), &code("BER")).expect("a level").clone();
                level.reserved = level.on_hand + 1;
                unit.keep_level(level);
                Ok(())
            };
            store.decide(context(None), reads, decide, |(), _| (), Codec::unkept()).await
        })
    };
    let good: Vec<_> = (0..5)
        .map(|_| {
            let store = scene.store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { create_order(&store, None, new).await })
        })
        .collect();

    assert!(matches!(bad.await.expect("no panic"), Err(StoreError::Internal(_))));
    for handle in good {
        assert!(handle.await.expect("no panic").is_ok());
    }
    assert_eq!(scene.units("A-1").await, (10, 5));
    assert_eq!(scene.units("A-2").await, (10, 0));
}

/// So many buyers of one unit each at once; how many get it. Everybody else hears that there is none.
pub(super) async fn rush(stores: &[Store], buyers: usize) -> i64 {
    let handles: Vec<_> = (0..buyers)
        .map(|buyer| {
            let store = stores[buyer % stores.len()].clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { create_order(&store, None, new).await })
        })
        .collect();
    let mut accepted = 0;
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => accepted += 1,
            Err(StoreError::Refused(Refusal::Short(_))) => {}
            Err(other) => panic!("{other}"),
        }
    }
    accepted
}

async fn crossed_lines_stand_in_nobodys_way(scene: &Scene) {
    let names: Vec<String> = (0..12).map(|it| format!("A-{it}")).collect();
    let skus: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.stocked(&skus, 40).await;
    let stores = [scene.store.clone(), scene.another().await];
    let handles: Vec<_> = (0..120)
        .map(|buyer| {
            let store = stores[buyer % 2].clone();
            let mut chosen = skus.clone();
            fastrand::shuffle(&mut chosen);
            let lines: Vec<_> = chosen[..5].iter().map(|it| (*it, 1)).collect();
            let new = order_for(&lines, OnShortage::Refuse);
            tokio::spawn(async move {
                let (_, id, _) = create_order(&store, None, new).await?;
                let reads = ReadSet { orders: vec![id], order_stock: true, ..ReadSet::default() };
                let cancel = move |unit: &mut UnitOfWork<'_>| {
                    let mut order = unit.take_order(id)?;
                    order.cancel(unit, "changed my mind")?;
                    unit.keep_order(order);
                    Ok(())
                };
                store.decide(context(None), reads, cancel, |(), _| (), Codec::unkept()).await
            })
        })
        .collect();
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(()) | Err(StoreError::Refused(Refusal::Short(_))) => {}
            Err(other) => panic!("{other}"),
        }
    }

    for sku in skus {
        assert_eq!(scene.units(sku).await, (40, 0));
    }
    let broken = scene.store.check_integrity(None).await.expect("the laws");
    let broken: Vec<_> = broken.into_iter().filter(|it| it.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:?}");
    stores[1].close().await;
}

async fn numbers_and_positions_have_no_gap(scene: &Scene) {
    scene.stocked(&["A-1"], 1_000).await;
    let other = scene.another().await;
    assert_eq!(rush(&[scene.store.clone(), other.clone()], 60).await, 60);

    let invoices = count(&scene.store, "SELECT COUNT(*) FROM invoice_numbers").await;
    assert_eq!(count(&scene.store, "SELECT COALESCE(MAX(number), 0) FROM invoice_numbers").await, invoices);
    assert_eq!(count(&scene.store, "SELECT MAX(number) FROM orders").await, 60);
    let events = count_events(&scene.store).await;
    assert_eq!(scene.store.last_position().await.expect("a look"), events);
    other.close().await;
}

/// Looked up and locked with BEGIN, numbered, written with COMMIT: three messages, however many orders share them. So
/// are three for orders that there are already: with BEGIN, for the stock of their lines, with COMMIT.
async fn a_group_of_orders_costs_three_messages(scene: &Scene) {
    scene.stocked(&["A-1", "A-2"], 1_000).await;
    // Something for the writer to do while the rest queues up.
    let mut options = scene.options();
    options.lanes = 1;
    let store = Store::open(options).await.expect("a store");
    let placing = |number: usize| {
        let store = store.clone();
        let key = request(&format!("request-{number}"), 1);
        let new = order_for(&[("A-1", 1), ("A-2", 2)], OnShortage::Refuse);
        tokio::spawn(async move { create_order(&store, key, new).await })
    };
    let first = placing(0);
    while store.messages() == 0 {
        tokio::task::yield_now().await;
    }
    let handles: Vec<_> = (1..=64).map(placing).chain([first]).collect();
    let mut orders = Vec::new();
    for handle in handles {
        orders.push(handle.await.expect("no panic").expect("an order").1);
    }

    let (messages, groups) = (store.messages(), store.groups());
    assert!(groups <= 9, "{groups} groups");
    assert_eq!(messages, 3 * groups, "in {groups} groups");

    let handles: Vec<_> = orders
        .into_iter()
        .map(|id| {
            let store = store.clone();
            tokio::spawn(async move {
                store.change(context(None), cancel(id), |_, _| (), Codec::unkept()).await.map(|_| ())
            })
        })
        .collect();
    for handle in handles {
        handle.await.expect("no panic").expect("a cancelled order");
    }
    let (messages, groups) = (store.messages() - messages, store.groups() - groups);
    assert!(groups <= 65, "{groups} groups");
    assert_eq!(messages, 3 * groups, "in {groups} groups");
    store.close().await;
}

/// While the server cuts every connection again and again, callers get their answer or an unknown outcome, and asking
/// again under the same id has one effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_double_nothing() {
    let Some(scene) = Scene::on_postgres().await else { return };
    scene.stocked(&["A-1"], 1_000).await;
    let (url, name) = scene.server.clone().expect("a server");
    let cutting = tokio::spawn(async move {
        let mut server = PgConnection::connect(&url).await.expect("the server");
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..60))).await;
            let sql =
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            server.execute(AssertSqlSafe(sql)).await.expect("cut connections");
        }
    });

    let handles: Vec<_> = (0..100)
        .map(|number| {
            let store = scene.store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(10 * number)).await;
                loop {
                    match create_order(&store, request(&format!("request-{number}"), 1), new.clone()).await {
                        Err(StoreError::Unavailable(_) | StoreError::LostRace) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        answer => break answer,
                    }
                }
            })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for handle in handles {
        answers.insert(handle.await.expect("no panic").expect("an order").1);
    }
    cutting.await.expect("no panic");
    // Who looks next may be the first to notice the last cut.
    while scene.store.last_position().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(answers.len(), 100);
    assert_eq!(count(&scene.store, "SELECT COUNT(*) FROM orders").await, 100);
    assert_eq!(scene.units("A-1").await, (1_000, 100));
    scene.gone().await;
}

/// A lane holds a row for longer than anybody waits: the others hear that they lost, within the time of a group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_given_back_is_a_lost_race() {
    let Some(scene) = Scene::on_postgres().await else { return };
    scene.stocked(&["A-1"], 10).await;
    let Database::Postgres(url) = &scene.database else { return };
    let mut stubborn = PgConnection::connect(url).await.expect("a connection");
    stubborn.execute("BEGIN").await.expect("a transaction");
    stubborn.execute("SELECT 1 FROM stock_levels FOR UPDATE").await.expect("locked rows");

    let began = Instant::now();
    let placing = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse));
    let answer = tokio::time::timeout(Duration::from_secs(20), placing).await.expect("an answer in time");
    assert!(matches!(answer, Err(StoreError::LostRace | StoreError::Unavailable(_))), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(14));

    stubborn.execute("ROLLBACK").await.expect("unlocked rows");
    create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    scene.gone().await;
}
