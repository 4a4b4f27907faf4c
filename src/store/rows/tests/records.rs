//! Couriers' records follow the orders, span the archive, and are made anew from the documents.

use crate::domain::{CourierRecord, Feedback, Order, OrderState, ShipmentState, Timestamp};
use crate::store::connection::session::Session;
use crate::store::query::agreement::stored_records;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{courier, nothing, orders, save, stocked, then};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    a_record_follows_its_orders_into_the_archive
    a_record_that_differs_is_found_and_made_anew
}

async fn record(db: &Session) -> CourierRecord {
    let records = stored_records(db).await.expect("records");
    assert!(records.len() <= 1, "{records:?}");
    records.get(&courier().code).copied().unwrap_or_default()
}

/// Received so many seconds after the time that the courier named.
fn delivered(order: &Order, seconds: i64) -> Order {
    then(order, |it| {
        let shipment = &mut it.shipments[0];
        let due = shipment.assignment.as_ref().expect("a courier").delivery_at.unix_micros();
        shipment.state = ShipmentState::Delivered;
        shipment.proof.as_mut().expect("a proof").at = Timestamp::from_unix_micros(due + seconds * 1_000_000);
    })
}

fn unrated(number: i64) -> Order {
    then(&full(number), |it| it.feedback = None)
}

async fn a_record_follows_its_orders_into_the_archive(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (first, second) = (unrated(1), unrated(2));
    save(&db, &nothing(), &orders([&first, &second])).await.expect("two orders under way");
    assert_eq!(record(&db).await, CourierRecord::default());

    let (in_time, late) = (delivered(&first, 0), delivered(&second, 1));
    save(&db, &orders([&first, &second]), &orders([&in_time, &late])).await.expect("both delivered");
    let both = CourierRecord { carried: 2, delivered: 2, late: 1, ..CourierRecord::default() };
    assert_eq!(record(&db).await, both);

    // What is learned later of an order changes what it says.
    let lost = then(&late, |it| it.shipments[0].state = ShipmentState::Lost);
    save(&db, &orders([&late]), &orders([&lost])).await.expect("lost after all");
    let one_lost = CourierRecord { delivered: 1, late: 0, damaged: 1, ..both };
    assert_eq!(record(&db).await, one_lost);
    let rated = then(&in_time, |it| {
        it.feedback = full(1).feedback.map(|feedback| Feedback { delivery_rating: 3, ..feedback });
    });
    save(&db, &orders([&in_time]), &orders([&rated])).await.expect("rated");
    let with_rating = CourierRecord { rated: 1, rating_sum: 3, ..one_lost };
    assert_eq!(record(&db).await, with_rating);

    let archived = then(&rated, |it| {
        it.archived_from = Some(OrderState::Closed);
        it.archived_at = Some(it.updated_at);
        it.state = OrderState::Archived;
    });
    save(&db, &orders([&rated]), &orders([&archived])).await.expect("archived");
    assert_eq!(record(&db).await, with_rating);
    assert_eq!(broken(scene).await, Vec::<String>::new());
}

async fn a_record_that_differs_is_found_and_made_anew(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = delivered(&unrated(1), 1);
    save(&db, &nothing(), &orders([&order])).await.expect("an order");
    let expected = record(&db).await;
    assert_eq!((expected.carried, expected.late), (1, 1));

    for damage in ["UPDATE courier_records SET late = 7, rated = 2", "DELETE FROM courier_records"] {
        scene.sql(damage).await;
        assert_eq!(broken(scene).await, ["PIGEON"], "{damage}");
        scene.store.rebuild(|_| ()).await.expect("made anew");
        assert_eq!(record(&db).await, expected, "{damage}");
        assert_eq!(broken(scene).await, Vec::<String>::new(), "{damage}");
    }
}

/// The couriers that the law names.
async fn broken(scene: &Scene) -> Vec<String> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    let law = laws.into_iter().find(|it| it.id == "D3").expect("the law of records");
    law.violations.into_iter().map(|it| it.key).collect()
}
