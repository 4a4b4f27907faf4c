//! Stock counts over the wire: the books say what was counted, and orders whose units are not there get others or hear so.

use std::time::Duration;

use consign::pb;
use futures_util::future::join_all;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, draft, every_law_holds, level, open_location, order, pay_by_card, reason,
    receive, stocked,
};

async fn count(server: &TestServer, counted: i64) -> pb::CountStockResponse {
    let request = pb::CountStockRequest {
        sku: "Z-1".to_owned(),
        location: LEIPZIG.to_owned(),
        counted: Some(counted),
        note: "sheet 7".to_owned(),
        ..Default::default()
    };
    server.inventory.clone().count_stock(by("clerk", request)).await.expect("a count").into_inner()
}

async fn letters(server: &TestServer, order: &str, kind: &str) -> usize {
    let filter = format!("order_id = {order} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let answer = server.orders.clone().list_messages(request).await.expect("letters");
    answer.into_inner().messages.len()
}

on_both_engines!(a_count_below_what_is_reserved_is_booked_and_nobody_waits_in_vain, async |server| {
    stocked(&server, "Z-1", 10).await;
    let placed = create_order(&server, draft("ada", "Z-1", 4)).await.expect("an order");

    let counted = count(&server, 6).await;
    let movement = counted.movement.expect("the difference");
    assert_eq!((movement.kind(), movement.on_hand_delta), (pb::MovementKind::Count, -4));
    assert!(counted.order_ids.is_empty());

    let counted = count(&server, 3).await;
    assert_eq!(counted.order_ids, [placed.id.as_str()]);
    let shelf = counted.stock_level.expect("a level");
    assert_eq!((shelf.on_hand, shelf.reserved, shelf.missing, shelf.available), (3, 3, 0, 0));
    let held = order(&server, &placed.id).await;
    assert_eq!(held.holds[0].reason(), pb::HoldReason::InventoryOutOfStock);
    assert_eq!(letters(&server, &placed.id, "ON_HOLD").await, 1, "the customer is told");
    let release = || pb::ReleaseHoldRequest {
        order_id: placed.id.clone(),
        hold_id: held.holds[0].id.clone(),
        ..Default::default()
    };
    let refused = server.orders.clone().release_hold(by("clerk", release())).await.expect_err("none there");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

    receive(&server, "Z-1", LEIPZIG, 1).await;
    server.orders.clone().release_hold(by("clerk", release())).await.expect("it is there again");
    assert_eq!(level(&server, "Z-1").await.reserved, 4);
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");

    // What would take reserved units away is counted, not adjusted.
    let request = pb::AdjustStockRequest {
        sku: "Z-1".to_owned(),
        location: LEIPZIG.to_owned(),
        reason: pb::AdjustmentReason::Lost as i32,
        delta: -1,
        ..Default::default()
    };
    let refused = server.inventory.clone().adjust_stock(by("clerk", request)).await.expect_err("reserved");
    assert_eq!(reason(&refused), "STOCK_IN_USE");
    assert!(refused.message().contains("CountStock"), "{}", refused.message());
    let none =
        pb::CountStockRequest { sku: "Z-1".to_owned(), location: LEIPZIG.to_owned(), ..Default::default() };
    let refused = server.inventory.clone().count_stock(by("clerk", none)).await.expect_err("no number");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(units_that_a_count_did_not_find_come_from_another_location, async |server| {
    stocked(&server, "Z-1", 4).await;
    open_location(&server, "DE-HALLE", "EUROPE", "DE").await;
    receive(&server, "Z-1", "DE-HALLE", 5).await;
    let placed = create_order(&server, draft("ada", "Z-1", 4)).await.expect("an order");
    let at = placed.reservation.expect("reserved").items[0].location.clone();
    let (here, there) = if at == LEIPZIG { (LEIPZIG, "DE-HALLE") } else { ("DE-HALLE", LEIPZIG) };
    let request = pb::CountStockRequest {
        sku: "Z-1".to_owned(),
        location: here.to_owned(),
        counted: Some(2),
        ..Default::default()
    };
    let counted = server.inventory.clone().count_stock(by("clerk", request)).await.expect("counted");
    assert_eq!(counted.into_inner().order_ids, [placed.id.as_str()]);
    pay_by_card(&server, &placed.id, "tok_success").await.expect("it goes on");

    let order = order(&server, &placed.id).await;
    assert!(order.holds.is_empty());
    let items = order.reservation.expect("reserved").items;
    let open = |code: &str| -> i64 {
        let here = items.iter().filter(|it| it.location == code);
        here.map(|it| it.quantity - it.consumed - it.released).sum()
    };
    assert_eq!((open(here), open(there)), (2, 2));
    assert_eq!(order.shipment_ids.len(), 2);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_count_beside_fifty_orders_for_the_same_shelf_leaves_clean_books, async |server| {
    stocked(&server, "Z-1", 60).await;
    open_location(&server, "DE-HALLE", "EUROPE", "DE").await;
    receive(&server, "Z-1", "DE-HALLE", 20).await;
    let buyers: Vec<String> = (0..50).map(|it| format!("buyer{it}")).collect();
    let buy = |it: &'_ String| create_order(&server, draft(it, "Z-1", 1));
    let (some, others) = buyers.split_at(25);
    let counts = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        count(&server, 10).await;
        count(&server, 5).await
    };
    let (first, _, second) =
        tokio::join!(join_all(some.iter().map(buy)), counts, join_all(others.iter().map(buy)));
    let placed = first.into_iter().chain(second).filter(|it| it.is_ok()).count();
    assert!(placed > 0);
    count(&server, 5).await;
    for _ in 0..100 {
        if level(&server, "Z-1").await.missing == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shelf = level(&server, "Z-1").await;
    assert_eq!((shelf.on_hand, shelf.missing), (5, 0));
    assert!(shelf.reserved <= 5);
    every_law_holds(&server).await;
    server.stop().await;
});
