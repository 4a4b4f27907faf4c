//! Stock that several want.

use std::time::Duration;

use crate::domain::{self, OnShortage, OrderState, Refusal, Touch};
use crate::store::connection::error::StoreError;
use crate::store::tests::groups::rush;
use crate::store::tests::shop::{Shop, code, fill, on_both_engines, order_for, place, request, sku};

on_both_engines! {
    however_many_holds_are_overdue_their_stock_is_there_for_the_next_buyer
    a_waiting_order_is_filled_from_holds_that_nobody_has_swept
    the_last_units_are_sold_once
    two_stores_sell_the_last_units_once
    stock_that_arrives_finds_those_who_wait
}

/// Sets one unit aside for other callers, `units` times, for a minute.
async fn held_one_by_one(shop: &Shop, text: &'static str, units: u8) {
    for _ in 0..units {
        let new = others(text, 1, Duration::from_secs(60));
        let touch = Touch { skus: vec![sku(text)], ..Touch::default() };
        shop.do_it(touch, move |desk| domain::reserve_stock(desk, &new)).await.expect("there is stock");
    }
}

fn others(text: &str, units: i64, lifetime: Duration) -> domain::NewReservation {
    domain::NewReservation {
        region: "EUROPE".parse().expect("a region"),
        location: None,
        lines: vec![(sku(text), units)],
        lifetime: Some(lifetime),
        reference: "basket".to_owned(),
    }
}

async fn however_many_holds_are_overdue_their_stock_is_there_for_the_next_buyer(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 70).await;
    held_one_by_one(shop, "A-1", 70).await;
    held_one_by_one(shop, "A-2", 70).await;
    let short = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    shop.later(Duration::from_secs(61));
    let new = order_for(&[("A-1", 66)], OnShortage::Refuse);
    place(&shop.store, request("request-1", 1), new.clone()).await.expect("what nobody holds any more");
    assert_eq!(shop.units("A-1").await, (70, 66));
    place(&shop.store, request("request-1", 1), new).await.expect("the same answer, nothing more reserved");
    assert_eq!(shop.units("A-1").await, (70, 66));
    let short = place(&shop.store, None, order_for(&[("A-1", 5)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    let new = order_for(&[("A-2", 66)], OnShortage::Wait);
    let (_, _, state) = place(&shop.store, None, new).await.expect("it need not wait");
    assert_ne!(state, OrderState::AwaitingStock);
    assert_eq!(shop.units("A-2").await, (70, 66));
}

async fn a_waiting_order_is_filled_from_holds_that_nobody_has_swept(shop: &Shop) {
    shop.stocked(&["A-1"], 2).await;
    held_one_by_one(shop, "A-1", 2).await;
    let new = order_for(&[("A-1", 2)], OnShortage::Wait);
    let (_, id, state) = place(&shop.store, None, new).await.expect("it waits");
    assert_eq!(state, OrderState::AwaitingStock);

    shop.later(Duration::from_secs(61));
    shop.order(fill(id)).await.expect("a filled order");
    assert_eq!(shop.units("A-1").await, (2, 2));
}

async fn the_last_units_are_sold_once(shop: &Shop) {
    shop.stocked(&["A-1"], 25).await;
    let accepted = rush(std::slice::from_ref(&shop.store), 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(shop.units("A-1").await, (25, 25));
}

async fn two_stores_sell_the_last_units_once(shop: &Shop) {
    shop.stocked(&["A-1"], 25).await;
    let other = shop.another().await;
    let accepted = rush(&[shop.store.clone(), other.clone()], 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(shop.units("A-1").await, (25, 25));
    other.close().await;
}

async fn stock_that_arrives_finds_those_who_wait(shop: &Shop) {
    shop.stocked(&["A-1"], 1).await;
    let mut waiting = Vec::new();
    for units in [3, 2] {
        let new = order_for(&[("A-1", units)], OnShortage::Wait);
        let (_, id, state) = place(&shop.store, None, new).await.expect("an order");
        assert_eq!(state, OrderState::AwaitingStock);
        waiting.push(id);
    }
    // There is one unit, which the older one wants.
    assert_eq!(shop.store.waiting_orders(10).await.expect("a look"), waiting[..1]);
    let newer = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(newer, Err(StoreError::Refused(Refusal::Short(_)))));

    let touch = Touch { skus: vec![sku("A-1")], locations: true, ..Touch::default() };
    shop.do_it(touch, |desk| domain::receive_stock(desk, &sku("A-1"), &code("BER"), 4, "note 2", None))
        .await
        .expect("stock");
    assert_eq!(shop.store.waiting_orders(10).await.expect("a look"), waiting);
    for id in waiting {
        shop.order(fill(id)).await.expect("a filled order");
    }
    assert_eq!(shop.units("A-1").await, (5, 5));
    assert!(shop.store.waiting_orders(10).await.expect("a look").is_empty());
}
