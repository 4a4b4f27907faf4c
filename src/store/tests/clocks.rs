//! Clocks that differ, and one that is set forward and back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::{
    Method, NewPayment, OnShortage, Order, OrderId, ProviderAnswer, ProviderRequest, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::{Database, TimeSource};
use crate::store::handle::Store;
use crate::store::tests::shop::{START, Scene, create_order, on_both_engines, on_order, order_for};

on_both_engines! {
    clocks_that_differ_break_no_law
    an_hour_ahead_is_over_when_the_clock_is_right_again
    the_machines_clock_is_not_the_databases
}

const HOUR: Duration = Duration::from_secs(3_600);

const NOON: Timestamp = Timestamp::from_unix_micros(START);

/// Another process on a machine whose clock is ahead of the shop's.
async fn ahead(scene: &Scene, by: Duration, time: TimeSource) -> Store {
    let mut options = scene.options();
    let clock = Arc::clone(&options.clock);
    options.clock = Arc::new(move || clock().plus(by));
    options.time = time;
    Store::open(options).await.expect("another store")
}

async fn placed_one(store: &Store) -> Order {
    let (_, id, _) =
        create_order(store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    Order::clone(&*store.order(id).await.expect("a look").expect("the order"))
}

async fn ask_for_money(store: &Store, id: OrderId) {
    let asking = NewPayment {
        method: Method::Card,
        token: "tok_success".to_owned(),
        amount: None,
        request: ProviderRequest::Charge,
        provider: "test".to_owned(),
    };
    on_order(store, id, move |order, unit| order.begin_payment(unit, &asking).map(|_| ())).await;
}

async fn money_comes(store: &Store, id: OrderId) {
    let done = ProviderAnswer::Done(format!("reference of {id}"));
    let answered = move |order: &mut Order, unit: &mut crate::domain::UnitOfWork<'_>| {
        let payment = order.payments[0].id;
        order.answer_payment(unit, payment, ProviderRequest::Charge, &done).map(|_| ())
    };
    on_order(store, id, answered).await;
}

async fn every_law_holds(store: &Store) {
    let laws = store.check_integrity(None).await.expect("a check");
    let broken: Vec<_> = laws.into_iter().flat_map(|it| it.violations).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// When each event of the order was recorded.
async fn history(store: &Store, id: OrderId) -> Vec<Timestamp> {
    store.events_of(id).await.expect("a look").into_iter().map(|it| it.1.at).collect()
}

async fn clocks_that_differ_break_no_law(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    for by in [Duration::from_millis(500), HOUR] {
        let other = ahead(scene, by, TimeSource::Given).await;
        let id = placed_one(&other).await.id;
        ask_for_money(&scene.store, id).await;
        money_comes(&scene.store, id).await;

        let times = history(&scene.store, id).await;
        assert!(times.iter().all(|it| *it == NOON.plus(by)), "{times:?}");
        every_law_holds(&scene.store).await;
        other.close().await;
    }
}

async fn an_hour_ahead_is_over_when_the_clock_is_right_again(scene: &Scene) {
    scene.stocked(&["A-1"], 2).await;
    scene.later(HOUR);
    let early = placed_one(&scene.store).await;
    assert_eq!(early.created_at, NOON.plus(HOUR));

    scene.clock.store(START, Ordering::Relaxed);
    let order = placed_one(&scene.store).await;
    let ends_at = NOON.plus(scene.rules.reservation_lifetime());
    let reservation = order.current_reservation().expect("stock is set aside");
    assert_eq!((order.created_at, reservation.expires_at), (NOON, Some(ends_at)));
    ask_for_money(&scene.store, early.id).await;
    money_comes(&scene.store, early.id).await;
    assert!(history(&scene.store, early.id).await.is_sorted());
    every_law_holds(&scene.store).await;

    // Its stock is there for the next buyer once its own lifetime is over, not an hour later.
    scene.later(scene.rules.reservation_lifetime() - Duration::from_secs(1));
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let short = create_order(&scene.store, None, new.clone()).await;
    assert!(matches!(short, Err(StoreError::Refused(_))), "{short:?}");
    scene.later(Duration::from_secs(1));
    create_order(&scene.store, None, new).await.expect("an order");
}

async fn the_machines_clock_is_not_the_databases(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    // On SQLite there is no other.
    let said = async |store: &Store| {
        let db = store.look().await.expect("a connection");
        db.time().await.expect("an answer").unwrap_or_else(|| store.now())
    };
    for by in [Duration::ZERO, HOUR] {
        let store = ahead(scene, by, TimeSource::Database).await;
        let before = said(&store).await;
        let received_at = placed_one(&store).await.created_at;
        let after = said(&store).await;
        assert!(before <= received_at && received_at <= after, "{before} {received_at} {after}");

        match (&scene.database, store.ping().await) {
            (Database::Sqlite(_), pinged) => pinged.expect("no clock to be off from"),
            (Database::Postgres(_), pinged) => {
                // The test's time is long over.
                let off = pinged.expect_err("a clock that is far off");
                assert!(matches!(off, StoreError::ClockOff { way: "behind", .. }), "{off}");
            }
        }
        store.close().await;
    }
}
