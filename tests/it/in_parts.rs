//! Orders that ship what is there, over the wire: the rest waits, and follows or is called off.

use consign::pb;
use futures_util::future::join_all;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, create_courier, create_order, draft, eur, every_law_holds, in_seconds, level, order,
    pay_by_card, receive, stocked,
};
use crate::warehouse::Warehouse;

fn in_parts(buyer: &str, quantity: i64) -> pb::OrderDraft {
    pb::OrderDraft { on_shortage: pb::OnShortage::ShipAvailable as i32, ..draft(buyer, "P-1", quantity) }
}

/// The orders that a filter finds, newest first.
async fn found(server: &TestServer, filter: &str) -> Vec<String> {
    let request = pb::ListOrdersRequest { filter: filter.to_owned(), ..Default::default() };
    let page = server.orders.clone().list_orders(request).await.expect(filter).into_inner();
    page.orders.into_iter().map(|it| it.id).collect()
}

/// Units of the first line: set aside, sent, waited for, cancelled.
fn units(order: &pb::Order) -> [i64; 4] {
    let line = &order.lines[0];
    [line.reserved, line.shipped, line.waiting, line.cancelled]
}

async fn paid(server: &TestServer, draft: pb::OrderDraft) -> pb::Order {
    create_courier(server).await;
    let placed = create_order(server, draft).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    order(server, &placed.id).await
}

on_both_engines!(what_is_there_goes_and_the_rest_follows, async |server| {
    stocked(&server, "P-1", 3).await;
    let placed = paid(&server, in_parts("ada", 5)).await;
    assert_eq!((placed.state(), units(&placed)), (pb::OrderState::Fulfilling, [3, 0, 2, 0]));
    assert_eq!(placed.on_shortage(), pb::OnShortage::ShipAvailable);
    let warehouse = Warehouse { server: &server };
    warehouse.deliver_all(&placed.id).await;
    let half =
        warehouse.until(&placed.id, |it| it.waiting_for == "2 units wait for stock: 2 of line 1").await;
    assert_eq!((half.state(), units(&half)), (pb::OrderState::PartiallyDelivered, [0, 3, 2, 0]));
    let behind = create_order(&server, in_parts("bob", 1)).await.expect("it waits as a whole");
    let partly = "waiting = rest AND fulfillment_status = PARTIALLY_DELIVERED";
    for (filter, expected) in [
        ("waiting = REST", &[&placed.id][..]),
        (partly, &[&placed.id]),
        ("waiting = ALL", &[&behind.id]),
        ("waiting IN (ALL, REST)", &[&behind.id, &placed.id]),
        ("waiting = REST AND fulfillment_status = PARTIALLY_SHIPPED", &[]),
    ] {
        assert_eq!(found(&server, filter).await.iter().collect::<Vec<_>>(), expected, "{filter}");
    }

    receive(&server, "P-1", LEIPZIG, 2).await;
    let whole = warehouse.until(&placed.id, |it| it.shipment_ids.len() == 2).await;
    assert_eq!(units(&whole), [2, 3, 0, 0]);
    assert_eq!(found(&server, "waiting = REST").await, Vec::<String>::new());
    let second = whole.shipment_ids.iter().find(|it| !half.shipment_ids.contains(it)).expect("another one");
    warehouse.ship(second).await;
    warehouse.deliver(second).await;
    let over = order(&server, &placed.id).await;
    assert_eq!((over.state(), units(&over)), (pb::OrderState::Delivered, [0, 5, 0, 0]));
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

/// Everything is invoiced and paid, nothing given back, and nothing open: 100.00.
async fn is_paid_whole(server: &TestServer, id: &str) {
    let request = pb::GetOrderBalanceRequest { order_id: id.to_owned() };
    let answer = server.billing.clone().get_order_balance(request).await.expect("a balance");
    let it = answer.into_inner().balance.expect("a balance");
    assert_eq!((it.invoiced, it.captured), (Some(eur(10_000)), Some(eur(10_000))));
    for none in [it.credited, it.refunded, it.refund_pending, it.amount_due, it.open] {
        assert_eq!(none, Some(eur(0)));
    }
}

on_both_engines!(two_shipments_of_an_order_are_paid_once_with_one_invoice, async |server| {
    stocked(&server, "P-1", 5).await;
    let mut ten = in_parts("ada", 10);
    ten.lines[0].unit_price = Some(eur(1_000));
    ten.prices_include_tax = true;
    let placed = paid(&server, ten).await;
    assert_eq!((placed.shipment_ids.len(), units(&placed)), (1, [5, 0, 5, 0]));
    is_paid_whole(&server, &placed.id).await;
    let warehouse = Warehouse { server: &server };
    let first = placed.shipment_ids[0].as_str();
    warehouse.ship(first).await;
    is_paid_whole(&server, &placed.id).await;

    receive(&server, "P-1", LEIPZIG, 5).await;
    let whole = warehouse.until(&placed.id, |it| it.shipment_ids.len() == 2).await;
    assert_eq!(units(&whole), [5, 5, 0, 0]);
    let second = whole.shipment_ids.iter().find(|it| *it != first).expect("another one").as_str();
    warehouse.ship(second).await;
    is_paid_whole(&server, &placed.id).await;
    for id in [first, second] {
        let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
        let answer = server.shipping.clone().get_shipment(request).await.expect("it is there");
        let items = answer.into_inner().shipment.expect("a shipment").items;
        assert_eq!(items.iter().map(|it| it.quantity).sum::<i64>(), 5);
        warehouse.deliver(id).await;
    }

    let over = order(&server, &placed.id).await;
    assert_eq!((over.state(), units(&over)), (pb::OrderState::Delivered, [0, 10, 0, 0]));
    assert_eq!((&over.invoice_number, &over.payment_ids), (&placed.invoice_number, &placed.payment_ids));
    assert_eq!((over.payment_ids.len(), over.supplementary_invoice_ids.len()), (1, 0));
    is_paid_whole(&server, &placed.id).await;
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(the_rest_is_called_off_at_the_end_of_the_wait, async |server| {
    stocked(&server, "P-1", 1).await;
    let new = pb::OrderDraft { wait_until: Some(in_seconds(4)), ..in_parts("ada", 3) };
    let placed = paid(&server, new).await;
    assert_eq!(units(&placed), [1, 0, 2, 0]);
    let warehouse = Warehouse { server: &server };
    let over = warehouse.until(&placed.id, |it| it.lines[0].cancelled == 2).await;
    assert_eq!((over.state(), units(&over)), (pb::OrderState::Fulfilling, [1, 0, 0, 2]));
    warehouse.until_quiet(&placed.id).await;
    warehouse.deliver_all(&placed.id).await;
    warehouse.close(&placed.id).await;
    assert_eq!(order(&server, &placed.id).await.payment_status(), pb::PaymentStatus::PartiallyRefunded);
    create_order(&server, draft("bob", "P-1", 1)).await.expect_err("nothing came");
    receive(&server, "P-1", LEIPZIG, 1).await;
    create_order(&server, draft("bob", "P-1", 1)).await.expect("nobody waits for it any more");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(many_that_share_too_little_are_filled_in_turn_and_nothing_is_sold_twice, async |server| {
    stocked(&server, "P-1", 20).await;
    let buyers: Vec<String> = (0..16).map(|it| format!("buyer{it}")).collect();
    let placed = join_all(buyers.iter().map(|it| create_order(&server, in_parts(it, 3)))).await;
    let placed: Vec<pb::Order> = placed.into_iter().map(|it| it.expect("an order")).collect();
    let reserved = |orders: &[pb::Order]| orders.iter().map(|it| it.lines[0].reserved).sum::<i64>();
    assert_eq!((reserved(&placed), level(&server, "P-1").await.reserved), (20, 20));
    assert!(placed.iter().all(|it| it.lines[0].reserved + it.lines[0].waiting == 3));

    receive(&server, "P-1", LEIPZIG, 28).await;
    let warehouse = Warehouse { server: &server };
    for it in &placed {
        warehouse.until(&it.id, |it| it.lines[0].reserved == 3).await;
    }
    let shelf = level(&server, "P-1").await;
    assert_eq!((shelf.reserved, shelf.available), (48, 0));
    every_law_holds(&server).await;
    server.stop().await;
});
