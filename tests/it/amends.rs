//! What goes another way than planned and is put right over the API: money that the provider keeps, goods that are not
//! on the shelf, a parcel that wanders.

use consign::pb;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, level, order, pay_by_card,
    reason, receive, stocked,
};
use crate::warehouse::Warehouse;

async fn paid(server: &TestServer, buyer: &str, units: i64, token: &str) -> pb::Order {
    let placed = create_order(server, draft(buyer, "A-1", units)).await.expect("there is stock");
    pay_by_card(server, &placed.id, token).await.expect("paid");
    order(server, &placed.id).await
}

on_both_engines!(what_the_provider_will_not_give_back_is_given_back_by_hand, async |server| {
    stocked(&server, "A-1", 5).await;
    let warehouse = Warehouse { server: &server };
    let kept = paid(&server, "dora", 1, "tok_refund_decline").await;
    let payment_id = kept.payment_ids[0].clone();
    let by_hand = |reference: &str| pb::RefundPaymentRequest {
        payment_id: payment_id.clone(),
        reason: "the card is closed".to_owned(),
        method: pb::PaymentMethod::BankTransfer as i32,
        reference: reference.to_owned(),
        ..Default::default()
    };
    let early = server.billing.clone().refund_payment(by("clerk", by_hand("RF18"))).await;
    assert_eq!(reason(&early.expect_err("the provider was not asked")), "ILLEGAL_TRANSITION");

    let request = pb::CancelOrderRequest {
        order_id: kept.id.clone(),
        reason: "changed their mind".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", request)).await.expect("nothing is handed over");
    warehouse.until(&kept.id, |it| it.available_actions.iter().any(|it| it == "RefundPayment")).await;
    let answer =
        server.billing.clone().refund_payment(by("clerk", by_hand("RF18"))).await.expect("given back");
    let refund = answer.into_inner().refund.expect("a refund");
    assert_eq!(
        (refund.state(), refund.method()),
        (pb::RefundState::Succeeded, pb::PaymentMethod::BankTransfer)
    );
    assert_eq!(refund.reference, "RF18");
    let again = server.billing.clone().refund_payment(by("clerk", by_hand("RF19"))).await;
    assert_eq!(reason(&again.expect_err("nothing is left")), "REFUND_EXCEEDS_CAPTURE");

    let request = pb::GetRefundRequest { refund_id: refund.id.clone() };
    let read = server.billing.clone().get_refund(request).await.expect("it is there").into_inner().refund;
    assert_eq!(read.expect("a refund").method(), pb::PaymentMethod::BankTransfer);
    warehouse.archive(&kept.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(goods_that_are_not_on_the_shelf_are_picked_elsewhere_on_it_or_waited_for, async |server| {
    stocked(&server, "A-1", 2).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let id = paid(&server, "dora", 2, "tok_success").await.id;
    let shipment_id = order(&server, &id).await.shipment_ids[0].clone();
    let mut shipping = server.shipping.clone();
    let start = pb::StartPickingRequest { shipment_id: shipment_id.clone(), ..Default::default() };
    shipping.start_picking(by("warehouse", start.clone())).await.expect("a pick list");
    let units = |quantity| vec![pb::LineUnits { line_number: 1, quantity }];
    let short = pb::RecordPickRequest {
        shipment_id: shipment_id.clone(),
        picks: units(1),
        missing: units(1),
        ..Default::default()
    };
    let answer = shipping.record_pick(by("warehouse", short)).await.expect("one is there, one is not");
    assert_eq!(answer.into_inner().shipment.expect("a shipment").state(), pb::ShipmentState::Planned);
    assert_eq!(level(&server, "A-1").await.on_hand, 1);

    let held = order(&server, &id).await;
    let hold = held.holds.iter().find(|it| it.state() == pb::HoldState::Active).expect("nothing replaces it");
    assert_eq!(hold.reason(), pb::HoldReason::UnknownDeliveryDate);
    receive(&server, "A-1", LEIPZIG, 3).await;
    let release =
        pb::ReleaseHoldRequest { order_id: id.clone(), hold_id: hold.id.clone(), ..Default::default() };
    server.orders.clone().release_hold(by("clerk", release)).await.expect("released");
    shipping.start_picking(by("warehouse", start)).await.expect("another is set aside");
    let rest =
        pb::RecordPickRequest { shipment_id: shipment_id.clone(), picks: units(1), ..Default::default() };
    let answer = shipping.record_pick(by("warehouse", rest)).await.expect("the other one");
    assert_eq!(answer.into_inner().shipment.expect("a shipment").state(), pb::ShipmentState::Picked);
    let found = level(&server, "A-1").await;
    assert_eq!((found.on_hand, found.reserved), (4, 2));
    warehouse.until_quiet(&id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(the_customer_gets_one_letter_per_location_of_the_parcel, async |server| {
    stocked(&server, "A-1", 5).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let id = paid(&server, "dora", 1, "tok_success").await.id;
    warehouse.ship_all(&id).await;
    let shipment_id = order(&server, &id).await.shipment_ids[0].clone();
    for (place, seconds) in [("Halle hub", 1), ("Leipzig hub", 2), ("halle hub", 3), ("Halle hub", 4)] {
        let scan = pb::TrackingReport {
            status: pb::TrackingStatus::InTransit as i32,
            location: place.to_owned(),
            occurred_time: Some(in_seconds(seconds)),
            ..Default::default()
        };
        let request = pb::RecordTrackingEventsRequest {
            shipment_id: shipment_id.clone(),
            events: vec![scan],
            ..Default::default()
        };
        server.shipping.clone().record_tracking_events(by("courier", request)).await.expect("recorded");
    }

    let request = pb::ListMessagesRequest { filter: format!("order_id = {id}"), ..Default::default() };
    let listed = server.orders.clone().list_messages(request).await.expect("a list").into_inner().messages;
    let moves = listed.iter().filter(|it| it.kind() == pb::MessageKind::LocationChanged);
    let told: Vec<bool> =
        moves.map(|it| it.body.contains("Halle hub") || it.body.contains("Leipzig hub")).collect();
    assert_eq!(told, [true, true]);
    warehouse.until_quiet(&id).await;
    every_law_holds(&server).await;
    server.stop().await;
});
