//! The days of locations and couriers follow the orders, and are made anew from the documents.

use std::collections::BTreeMap;

use crate::domain::{Day, Order, OrderState, ShipmentState};
use crate::store::connection::session::Session;
use crate::store::query::agreement::stored_days;
use crate::store::rows::capacity::words;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{nothing, orders, save, stocked, then};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    days_follow_their_orders_into_the_archive
    days_that_differ_are_found_and_made_anew
}

/// Shipments of the days that have any.
async fn days(db: &Session) -> BTreeMap<String, i64> {
    let stored = stored_days(db).await.expect("days");
    let some = stored.into_iter().filter(|it| it.1 != 0);
    some.map(|((of, day), shipments)| (format!("{} {day}", words(&of)), shipments)).collect()
}

fn expected<const N: usize>(days: [(&str, i64); N]) -> BTreeMap<String, i64> {
    days.map(|(day, shipments)| (day.to_owned(), shipments)).into()
}

/// Promised to leave on another day.
fn moved(order: &Order, day: i64) -> Order {
    then(order, |it| {
        let promise = it.promise.as_mut().expect("a promise");
        promise.legs[0].ship_day = Some(Day::from_number(day));
    })
}

async fn days_follow_their_orders_into_the_archive(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (first, second) = (full(1), full(2));
    save(&db, &nothing(), &orders([&first, &second])).await.expect("two orders");
    assert_eq!(
        days(&db).await,
        expected([("LOCATION KUL-1 2024-10-05", 2), ("COURIER PIGEON 2027-01-15", 2)])
    );

    let later = moved(&first, 20_002);
    save(&db, &orders([&first]), &orders([&later])).await.expect("another day");
    let split = [
        ("LOCATION KUL-1 2024-10-05", 1),
        ("LOCATION KUL-1 2024-10-06", 1),
        ("COURIER PIGEON 2027-01-15", 2),
    ];
    assert_eq!(days(&db).await, expected(split));

    let archived = then(&second, |it| {
        it.archived_from = Some(OrderState::Closed);
        it.archived_at = Some(it.updated_at);
        it.state = OrderState::Archived;
    });
    let without = then(&later, |it| {
        it.shipments.iter_mut().for_each(|it| it.state = ShipmentState::Cancelled);
    });
    save(&db, &orders([&later, &second]), &orders([&without, &archived])).await.expect("the end of both");
    assert_eq!(
        days(&db).await,
        expected([("LOCATION KUL-1 2024-10-05", 1), ("COURIER PIGEON 2027-01-15", 1)])
    );
    assert_eq!(broken(scene).await, Vec::<String>::new());
}

async fn days_that_differ_are_found_and_made_anew(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    save(&db, &nothing(), &orders([&full(1)])).await.expect("an order");
    let right = days(&db).await;
    for damage in ["UPDATE daily_shipments SET shipments = 7", "DELETE FROM daily_shipments"] {
        scene.sql(damage).await;
        let named = ["LOCATION KUL-1 2024-10-05", "COURIER PIGEON 2027-01-15"];
        assert_eq!(broken(scene).await, named, "{damage}");
        scene.store.rebuild(|_| ()).await.expect("made anew");
        assert_eq!(days(&db).await, right, "{damage}");
        assert_eq!(broken(scene).await, Vec::<String>::new(), "{damage}");
    }
}

/// The days that the law names.
async fn broken(scene: &Scene) -> Vec<String> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    let law = laws.into_iter().find(|it| it.id == "D4").expect("the law of days");
    law.violations.into_iter().map(|it| it.key).collect()
}
