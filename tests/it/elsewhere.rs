//! Short picks and failed checks over the wire: others come from another location, and what failed waits in quality hold.

use consign::pb;
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, open_location, order,
    pay_by_card, receive, stocked,
};
use crate::warehouse::Warehouse;

/// A paid order of four, all from one location, with as many more at another one; gives the order and where it is picked.
async fn paid(server: &TestServer) -> (String, String) {
    stocked(server, "E-1", 4).await;
    open_location(server, "DE-HALLE", "EUROPE", "DE").await;
    receive(server, "E-1", "DE-HALLE", 4).await;
    create_courier(server).await;
    let placed = create_order(server, draft("ada", "E-1", 4)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let placed = order(server, &placed.id).await;
    let at = placed.reservation.expect("reserved").items[0].location.clone();
    (placed.id, at)
}

async fn start(server: &TestServer, shipment: &str) {
    let request = pb::StartPickingRequest { shipment_id: shipment.to_owned(), ..Default::default() };
    server.shipping.clone().start_picking(by("warehouse", request)).await.expect("a pick list");
}

async fn shelf(server: &TestServer, location: &str) -> pb::StockLevel {
    let request = pb::GetStockLevelRequest { sku: "E-1".to_owned(), location: location.to_owned() };
    let answer = server.inventory.clone().get_stock_level(request).await.expect("a level");
    answer.into_inner().stock_level.expect("a level")
}

fn other(at: &str) -> &'static str {
    if at == LEIPZIG { "DE-HALLE" } else { LEIPZIG }
}

on_both_engines!(what_a_pick_does_not_find_leaves_from_another_location, async |server| {
    let (id, at) = paid(&server).await;
    let first = order(&server, &id).await.shipment_ids[0].clone();
    start(&server, &first).await;
    let units = |quantity| vec![pb::LineUnits { line_number: 1, quantity }];
    let request = pb::RecordPickRequest {
        shipment_id: first.clone(),
        picks: units(1),
        missing: units(3),
        ..Default::default()
    };
    server.shipping.clone().record_pick(by("warehouse", request)).await.expect("a short pick");
    let now = order(&server, &id).await;
    assert!(!now.on_hold && now.shipment_ids.len() == 2);
    let again = now.reservation.expect("reserved").reallocations.remove(0);
    assert_eq!(again.reason, format!("not found at {at}: line 1: 3"));
    assert!(again.explanation.starts_with(&format!("line 1: 3 from {}; ", other(&at))), "{again:?}");
    assert_eq!((shelf(&server, &at).await.on_hand, shelf(&server, other(&at)).await.reserved), (1, 3));
    let second = now.shipment_ids.iter().find(|it| **it != first).expect("another shipment").clone();
    Warehouse { server: &server }.ship(&second).await;
    assert_eq!(shelf(&server, other(&at)).await.on_hand, 1);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_order_waits_for_stock_no_longer_than_it_says, async |server| {
    stocked(&server, "E-1", 1).await;
    let mut patient = draft("ada", "E-1", 2);
    patient.on_shortage = pb::OnShortage::Wait as i32;
    let refused = pb::OrderDraft { on_shortage: 0, wait_until: Some(in_seconds(60)), ..patient.clone() };
    let refused = create_order(&server, refused).await.expect_err("it does not wait");
    let bad = refused.get_details_bad_request().expect("a bad request lists its fields");
    assert_eq!(bad.field_violations[0].field, "order.wait_until");
    let past = pb::OrderDraft { wait_until: Some(in_seconds(-1)), ..patient.clone() };
    let refused = create_order(&server, past).await.expect_err("that is over");
    let bad = refused.get_details_bad_request().expect("a bad request lists its fields");
    assert_eq!(bad.field_violations[0].field, "order.wait_until");

    patient.wait_until = Some(in_seconds(2));
    let placed = create_order(&server, patient).await.expect("it waits");
    assert_eq!(placed.state(), pb::OrderState::AwaitingStock);
    assert!(placed.wait_until.is_some());
    let over = Warehouse { server: &server };
    let over = over.until(&placed.id, |it| it.state() == pb::OrderState::Cancelled).await;
    assert_eq!(over.end_reason, "its stock did not come in time");
    create_order(&server, draft("bob", "E-1", 1)).await.expect("nobody waits for it any more");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_fails_its_check_waits_in_quality_hold_and_others_leave, async |server| {
    let (id, at) = paid(&server).await;
    let first = order(&server, &id).await.shipment_ids[0].clone();
    start(&server, &first).await;
    let picks = vec![pb::LineUnits { line_number: 1, quantity: 4 }];
    let request = pb::RecordPickRequest { shipment_id: first.clone(), picks, ..Default::default() };
    server.shipping.clone().record_pick(by("warehouse", request)).await.expect("picked");
    let failed = pb::LineCheck {
        line_number: 1,
        passed: 1,
        failed: 3,
        defect: "scratched".to_owned(),
        ..Default::default()
    };
    let request =
        pb::RecordQualityCheckRequest { shipment_id: first, checks: vec![failed], ..Default::default() };
    server.shipping.clone().record_quality_check(by("warehouse", request)).await.expect("checked");
    assert!(!order(&server, &id).await.on_hold);
    let here = shelf(&server, &at).await;
    assert_eq!((here.on_hand, here.damaged, here.quality_hold, here.reserved), (4, 0, 3, 1));
    assert_eq!(shelf(&server, other(&at)).await.reserved, 3);

    let release = |quantity, validate_only| pb::ReleaseQualityHoldRequest {
        sku: "E-1".to_owned(),
        location: at.clone(),
        quantity,
        note: "only dust".to_owned(),
        validate_only,
        ..Default::default()
    };
    let mut inventory = server.inventory.clone();
    let refused =
        inventory.release_quality_hold(by("clerk", release(4, false))).await.expect_err("three are there");
    let bad = refused.get_details_bad_request().expect("a bad request lists its fields");
    assert_eq!(bad.field_violations[0].field, "quantity");
    inventory.release_quality_hold(by("clerk", release(2, true))).await.expect("it would be");
    assert_eq!(shelf(&server, &at).await, here);
    let good =
        inventory.release_quality_hold(by("clerk", release(2, false))).await.expect("good").into_inner();
    assert_eq!(good.stock_level.expect("a level").available, 2);
    assert_eq!(good.movement.expect("a movement").kind(), pb::MovementKind::QualityHold);
    let request = pb::ScrapStockRequest {
        sku: "E-1".to_owned(),
        location: at.clone(),
        quantity: 1,
        ..Default::default()
    };
    let scrapped = inventory.scrap_stock(by("clerk", request)).await.expect("scrapped").into_inner();
    assert_eq!(scrapped.movement.expect("a movement").reason, "SCRAP");
    let level = scrapped.stock_level.expect("a level");
    assert_eq!((level.on_hand, level.quality_hold, level.available), (3, 0, 2));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(several_locations_send_what_they_have_and_the_order_is_held_for_the_rest, async |server| {
    stocked(&server, "E-1", 4).await;
    create_courier(&server).await;
    let placed = create_order(&server, draft("ada", "E-1", 4)).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    for code in ["DE-ERFURT", "DE-HALLE"] {
        open_location(&server, code, "EUROPE", "DE").await;
        receive(&server, "E-1", code, 1).await;
    }
    let first = order(&server, &placed.id).await.shipment_ids[0].clone();
    start(&server, &first).await;
    let units = |quantity| vec![pb::LineUnits { line_number: 1, quantity }];
    let request =
        pb::RecordPickRequest { shipment_id: first.clone(), missing: units(3), ..Default::default() };
    server.shipping.clone().record_pick(by("warehouse", request)).await.expect("a short pick");
    let held = order(&server, &placed.id).await;
    assert_eq!((held.on_hold, held.shipment_ids.len()), (true, 3));
    assert!(held.holds[0].comment.ends_with("at DE-LEIPZIG: line 1: 1"), "{}", held.holds[0].comment);
    for code in ["DE-ERFURT", "DE-HALLE"] {
        assert_eq!(shelf(&server, code).await.reserved, 1, "{code}");
    }

    receive(&server, "E-1", LEIPZIG, 1).await;
    let request = pb::ReleaseHoldRequest {
        order_id: placed.id.clone(),
        hold_id: held.holds[0].id.clone(),
        ..Default::default()
    };
    server.orders.clone().release_hold(by("clerk", request)).await.expect("the rest is there");
    let warehouse = Warehouse { server: &server };
    for shipment in &held.shipment_ids {
        warehouse.ship(shipment).await;
    }
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::Shipped);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_nobody_has_of_an_order_in_parts_waits_and_follows, async |server| {
    stocked(&server, "E-1", 4).await;
    create_courier(&server).await;
    let new = pb::OrderDraft { on_shortage: pb::OnShortage::ShipAvailable as i32, ..draft("ada", "E-1", 4) };
    let placed = create_order(&server, new).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let first = order(&server, &placed.id).await.shipment_ids[0].clone();
    start(&server, &first).await;
    let units = |quantity| vec![pb::LineUnits { line_number: 1, quantity }];
    let request = pb::RecordPickRequest {
        shipment_id: first.clone(),
        picks: units(3),
        missing: units(1),
        ..Default::default()
    };
    server.shipping.clone().record_pick(by("warehouse", request)).await.expect("a short pick");
    let now = order(&server, &placed.id).await;
    let line = &now.lines[0];
    assert_eq!((now.on_hold, line.reserved, line.waiting), (false, 3, 1));
    let request = pb::ListMessagesRequest {
        filter: format!("order_id = {} AND kind = AWAITING_STOCK", placed.id),
        ..Default::default()
    };
    let letters = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
    assert_eq!(letters.len(), 1);

    // Other goods come elsewhere, and are sent from there.
    open_location(&server, "DE-HALLE", "EUROPE", "DE").await;
    receive(&server, "E-1", "DE-HALLE", 1).await;
    let warehouse = Warehouse { server: &server };
    let whole = warehouse.until(&placed.id, |it| it.shipment_ids.len() == 2).await;
    assert_eq!((whole.lines[0].reserved, whole.lines[0].waiting), (4, 0));
    every_law_holds(&server).await;
    server.stop().await;
});
