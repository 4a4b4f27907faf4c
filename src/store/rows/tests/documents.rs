//! An order is read from its document alone.

use proptest::prelude::*;

use crate::domain::tests::any_sequence::orders::some_steps;
use crate::domain::{Discount, Ids, Label, Order, OrderState, Reservation};
use crate::store::connection::error::StoreError;
use crate::store::query::order_cache::OrderCache;
use crate::store::query::whole::load_orders;
use crate::store::rows::document;
use crate::store::rows::tests::full::{bare, full};
use crate::store::rows::tests::sample::{
    id_of_nobody, later, nothing, only_order, orders, rows_of, save, stocked, then,
};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    an_order_with_every_part_reads_back_as_it_was_saved
    a_changed_order_reads_back_with_what_was_added_changed_and_removed
    an_order_of_a_stale_version_is_a_lost_race_and_several_steps_at_once_are_not
    a_word_that_nobody_knows_is_an_error_that_names_its_type
}

#[test]
fn whatever_happens_to_an_order_its_document_says_all_of_it() {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in some_steps())| {
        for (_, order) in steps {
            let bytes = document::encode("orders", &*order).expect("a document");
            prop_assert_eq!(document::order(&bytes).expect("an order"), Order::clone(&order));
        }
    });
    for order in [full(1), bare(2)] {
        let bytes = document::encode("orders", &order).expect("a document");
        assert_eq!(document::order(&bytes).expect("an order"), order);
        for reservation in order.reservations {
            let bytes = document::encode("reservations", &reservation).expect("a document");
            let read: Reservation = document::decode("reservations", &bytes).expect("a reservation");
            assert_eq!(read, reservation);
        }
    }
}

#[test]
fn a_damaged_document_is_named_and_nothing_is_made_of_it() {
    let whole = document::encode("orders", &full(1)).expect("a document");
    let mut newer = whole.clone();
    newer[0] += 1;
    let mut endless = whole.clone();
    endless[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
    let (cut, bare) = (whole[..whole.len() / 2].to_vec(), vec![whole[0]]);
    for damaged in [newer, endless, cut, bare, Vec::new()] {
        let read = document::order(&damaged);
        assert!(matches!(read, Err(StoreError::Corrupt { table: "orders", .. })), "{read:?}");
    }
}

async fn an_order_with_every_part_reads_back_as_it_was_saved(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (order, plain) = (full(1), bare(2));
    save(&db, &nothing(), &orders([&order, &plain])).await.expect("two new orders");

    assert_eq!(only_order(&db, order.id).await, order);
    assert_eq!(only_order(&db, plain.id).await, plain);
    let both =
        load_orders(&db, &OrderCache::new(0), &[plain.id, id_of_nobody(), order.id]).await.expect("both");
    assert_eq!(both.len(), 2);
    assert_eq!(rows_of(&db, "invoice_numbers").await, 2);
    assert_eq!(rows_of(&db, "payment_references").await, 1);
}

async fn a_changed_order_reads_back_with_what_was_added_changed_and_removed(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("a new order");

    let mut ids = Ids::seeded(later(1), 1);
    let next = then(&order, |it| {
        it.state = OrderState::PartiallyShipped;
        it.discount = Some(Discount::Percent(50_000));
        it.shipping_address.lines.clear();
        it.lines.remove(0);
        it.lines[0].quantity = 5;
        it.reservations.push(Reservation { id: ids.fresh(), ..it.reservations[1].clone() });
        it.reservations.rotate_right(1);
        it.shipments[0].packages.remove(0);
        it.shipments[0].items.remove(1);
        it.shipments[0].label = None;
        it.shipments[1].label = order.shipments[0]
            .label
            .clone()
            .map(|it| Label { tracking_number: "CNK3F07XQ2M91TY".to_owned(), ..it });
    });
    save(&db, &orders([&order]), &orders([&next])).await.expect("a changed order");
    assert_eq!(only_order(&db, order.id).await, next);
}

async fn an_order_of_a_stale_version_is_a_lost_race_and_several_steps_at_once_are_not(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (order, other) = (bare(1), bare(2));
    let first = orders([&order, &other]);
    save(&db, &nothing(), &first).await.expect("new orders");

    let third = then(&then(&order, |_| ()), |it| it.last_event = 20);
    let second = then(&other, |it| it.last_event = 19);
    let next = orders([&third, &second]);
    save(&db, &first, &next).await.expect("two steps of one and one step of the other");
    assert_eq!(only_order(&db, order.id).await, third);

    let lost = save(&db, &first, &next).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    // One of two is enough.
    let fourth = then(&third, |it| it.last_event = 21);
    let lost = save(&db, &orders([&third, &other]), &orders([&fourth, &second])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    assert_eq!(only_order(&db, order.id).await, third);
    let lost = save(&db, &nothing(), &orders([&order])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    assert!(db.take_existing_key().is_some_and(|it| it.contains("orders")));
}

async fn a_word_that_nobody_knows_is_an_error_that_names_its_type(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    save(&db, &nothing(), &orders([&full(1)])).await.expect("an order");
    // Rows around documents are read by the check alone.
    scene.sql("UPDATE locations SET region = 'no region'").await;
    let error = scene.store.check_integrity(None).await.expect_err("unreadable");
    assert!(error.to_string().contains("RegionCode"), "{error}");
    scene.sql("UPDATE locations SET region = 'MALAYSIA'").await;

    scene.sql("UPDATE payments SET state = 'LENT'").await;
    let error = scene.store.check_integrity(None).await.expect_err("unreadable");
    assert!(error.to_string().contains("PaymentState"), "{error}");
    assert!(scene.store.order(full(1).id).await.expect("a look").is_some());
}
