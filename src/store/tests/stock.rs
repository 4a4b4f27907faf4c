//! Stock that several want.

use std::time::Duration;

use crate::domain::{
    self, Day, LineUnits, LotNamed, Method, OnShortage, OrderState, Part, Product, ReadSet, ReceivedMoney,
    Refusal, Target,
};
use crate::store::connection::error::StoreError;
use crate::store::query::listing::Listing;
use crate::store::tests::groups::rush;
use crate::store::tests::shop::{
    Scene, code, create_order, fill, on_both_engines, on_order, order_for, request, sku,
};

on_both_engines! {
    however_many_reservations_expired_their_stock_is_there_for_the_next_buyer
    a_waiting_order_is_filled_from_expired_reservations
    the_last_units_are_sold_once
    two_stores_sell_the_last_units_once
    stock_that_arrives_finds_those_who_wait
    what_expires_when_it_is_picked_is_planned_anew_from_another_lot
    what_is_sold_no_more_is_bought_again
}

/// Sets one unit aside for other callers, `units` times, for a minute.
async fn held_one_by_one(scene: &Scene, text: &'static str, units: u8) {
    for _ in 0..units {
        let new = others(text, 1, Duration::from_secs(60));
        let reads = ReadSet { skus: vec![sku(text)], own_reservations: true, ..ReadSet::default() };
        scene.do_it(reads, move |unit| domain::reserve_stock(unit, &new)).await.expect("there is stock");
    }
}

fn others(text: &str, units: i64, lifetime: Duration) -> domain::NewReservation {
    domain::NewReservation {
        region: "EUROPE".parse().expect("a region"),
        location: None,
        lines: vec![(sku(text), units)],
        lifetime: Some(lifetime),
        reference: "basket".to_owned(),
        allocation: None,
    }
}

async fn however_many_reservations_expired_their_stock_is_there_for_the_next_buyer(scene: &Scene) {
    scene.stocked(&["A-1", "A-2"], 70).await;
    held_one_by_one(scene, "A-1", 70).await;
    held_one_by_one(scene, "A-2", 70).await;
    let short = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    scene.later(Duration::from_secs(61));
    let new = order_for(&[("A-1", 66)], OnShortage::Refuse);
    create_order(&scene.store, request("request-1", 1), new.clone())
        .await
        .expect("what nobody holds any more");
    assert_eq!(scene.units("A-1").await, (70, 66));
    create_order(&scene.store, request("request-1", 1), new)
        .await
        .expect("the same answer, nothing more reserved");
    assert_eq!(scene.units("A-1").await, (70, 66));
    let short = create_order(&scene.store, None, order_for(&[("A-1", 5)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    let new = order_for(&[("A-2", 66)], OnShortage::Wait);
    let (_, _, state) = create_order(&scene.store, None, new).await.expect("it need not wait");
    assert_ne!(state, OrderState::AwaitingStock);
    assert_eq!(scene.units("A-2").await, (70, 66));
}

async fn a_waiting_order_is_filled_from_expired_reservations(scene: &Scene) {
    scene.stocked(&["A-1"], 2).await;
    held_one_by_one(scene, "A-1", 2).await;
    let new = order_for(&[("A-1", 2)], OnShortage::Wait);
    let (_, id, state) = create_order(&scene.store, None, new).await.expect("it waits");
    assert_eq!(state, OrderState::AwaitingStock);

    scene.later(Duration::from_secs(61));
    scene.order(fill(id)).await.expect("a filled order");
    assert_eq!(scene.units("A-1").await, (2, 2));
}

async fn the_last_units_are_sold_once(scene: &Scene) {
    scene.stocked(&["A-1"], 25).await;
    let accepted = rush(std::slice::from_ref(&scene.store), 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(scene.units("A-1").await, (25, 25));
}

async fn two_stores_sell_the_last_units_once(scene: &Scene) {
    scene.stocked(&["A-1"], 25).await;
    let other = scene.another().await;
    let accepted = rush(&[scene.store.clone(), other.clone()], 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(scene.units("A-1").await, (25, 25));
    other.close().await;
}

async fn stock_that_arrives_finds_those_who_wait(scene: &Scene) {
    scene.stocked(&["A-1"], 1).await;
    let mut waiting = Vec::new();
    for units in [3, 2] {
        let new = order_for(&[("A-1", units)], OnShortage::Wait);
        let (_, id, state) = create_order(&scene.store, None, new).await.expect("an order");
        assert_eq!(state, OrderState::AwaitingStock);
        waiting.push(id);
    }
    // There is one unit, which the older one wants.
    assert_eq!(scene.store.waiting_orders(10).await.expect("a look"), waiting[..1]);
    let newer = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(newer, Err(StoreError::Refused(Refusal::Short(_)))));

    let reads = ReadSet { skus: vec![sku("A-1")], locations: true, ..ReadSet::default() };
    scene
        .do_it(reads, |unit| domain::receive_stock(unit, &sku("A-1"), &code("BER"), 4, "note 2", None))
        .await
        .expect("stock");
    assert_eq!(scene.store.waiting_orders(10).await.expect("a look"), waiting);
    for id in waiting {
        scene.order(fill(id)).await.expect("a filled order");
    }
    assert_eq!(scene.units("A-1").await, (5, 5));
    assert!(scene.store.waiting_orders(10).await.expect("a look").is_empty());
}

const A_DAY: Duration = Duration::from_secs(86_400);

/// A-1 by lots: two units of one that expires tomorrow, and two of one that is good for long.
async fn by_lots(scene: &Scene) {
    scene.stocked(&["B-2"], 1).await;
    let now = scene.store.now();
    let product = Product {
        unit_price: Some("EUR".parse::<domain::Currency>().expect("a currency").of(1_000)),
        weight_grams: 500,
        tracks_lots: true,
        ..Product::new(sku("A-1"), "Product A-1", now)
    };
    scene.order(domain::CreateProduct { product }).await.expect("a product");
    let today = Day::from_number(now.unix_micros() / 86_400_000_000);
    for (name, days) in [("L-1", 1), ("L-2", 90)] {
        let name = name.parse().expect("the name of a lot");
        let receipt = domain::ReceiveStock {
            sku: sku("A-1"),
            location: code("BER"),
            quantity: 2,
            replenishment: None,
            note: String::new(),
            lot: Some(LotNamed { name, expires_on: Some(today.plus(days)) }),
        };
        scene.order(receipt).await.expect("goods arrive");
    }
}

async fn what_expires_when_it_is_picked_is_planned_anew_from_another_lot(scene: &Scene) {
    by_lots(scene).await;
    let new = order_for(&[("A-1", 2)], OnShortage::Refuse);
    let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");
    on_order(&scene.store, id, |order, unit| {
        let (reference, amount, tendered) = (String::new(), None, None);
        let money = ReceivedMoney { method: Method::Cash, amount, reference, tendered };
        order.record_payment(unit, &money).map(drop)
    })
    .await;
    let order = scene.store.order(id).await.expect("a look").expect("an order");
    let shipment = order.shipments[0].id;
    let target = || Target::latest(Part::Shipment(shipment));
    scene.order(domain::StartPicking { target: target(), shipment }).await.expect("a pick list");
    let picks = vec![LineUnits { line: 1, units: 2 }];
    let pick =
        domain::RecordPick { target: target(), shipment, picks, missing: Vec::new(), lots: Vec::new() };
    scene.order(pick).await.expect("all is picked");
    assert_eq!(allotted(scene).await, [("L-1".to_owned(), 2), ("L-2".to_owned(), 0)]);

    scene.later(3 * A_DAY);
    scene.order(domain::SettleCount { sku: sku("A-1"), location: code("BER") }).await.expect("put back");
    assert_eq!(allotted(scene).await, [("L-1".to_owned(), 0), ("L-2".to_owned(), 0)]);
    let order = scene.store.order(id).await.expect("a look").expect("an order");
    let states: Vec<_> = order.shipments.iter().map(|it| it.state).collect();
    assert_eq!(states, [domain::ShipmentState::Cancelled, domain::ShipmentState::Planned]);
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    let broken: Vec<_> = laws.iter().filter(|it| it.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

async fn proposals(scene: &Scene) -> Vec<domain::Replenishment> {
    let page = Listing { size: 10, ..Listing::default() };
    scene.store.list_replenishments(&page).await.expect("a page").0
}

async fn what_is_sold_no_more_is_bought_again(scene: &Scene) {
    by_lots(scene).await;
    let rule = domain::ReorderRule { point: 3, up_to: Some(10), lead_time_days: None };
    let (sku, location) = (sku("A-1"), code("BER"));
    let rule = domain::SetReorderRule {
        sku: sku.clone(),
        location: location.clone(),
        rule: Some(rule),
        etag: String::new(),
    };
    scene.order(rule).await.expect("a rule");
    assert!(proposals(scene).await.is_empty());

    scene.later(3 * A_DAY);
    let due = scene.store.shelves_with_lots_due(None, 10).await.expect("a look");
    assert_eq!(due.into_iter().map(|it| (it.1, it.2)).collect::<Vec<_>>(), [(sku.clone(), location.clone())]);
    scene.order(domain::SettleCount { sku, location }).await.expect("its day has passed");
    let proposed = proposals(scene).await;
    let [proposal] = proposed.as_slice() else { panic!("one is enough: {proposed:?}") };
    assert_eq!((proposal.quantity, proposal.state), (8, domain::ReplenishmentState::Proposed));
    assert_eq!((proposal.order, proposal.reason.as_str()), (None, "2 available, reorder point 3, up to 10"));
    let due = scene.store.shelves_with_lots_due(None, 10).await.expect("a look");
    assert!(due.is_empty(), "nothing is left to be done: {due:?}");
}

/// Units of each lot that are on pick lists.
async fn allotted(scene: &Scene) -> Vec<(String, i64)> {
    let level = scene.store.level(&sku("A-1"), &code("BER")).await.expect("a look").expect("a level");
    level.lots.iter().map(|it| (it.name.to_string(), it.allotted)).collect()
}
