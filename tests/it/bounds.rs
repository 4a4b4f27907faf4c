//! No bound strands an order or its money, and an order that has grown large is in the way of nobody.

use std::collections::BTreeSet;

use consign::pb;
use tonic::Status;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, in_seconds, order, pay_by_card, reason,
    stocked,
};
use crate::warehouse::Warehouse;

/// As small as settings allow.
const SMALL: u32 = 65_536;

async fn refund(server: &TestServer, payment: &str, cents: i32) -> Result<pb::Refund, Status> {
    let amount = pb::Money { currency_code: "EUR".to_owned(), units: 0, nanos: cents * 10_000_000 };
    let request = pb::RefundPaymentRequest {
        payment_id: payment.to_owned(),
        amount: (cents > 0).then_some(amount),
        reason: "late".to_owned(),
        ..Default::default()
    };
    let answer = server.billing.clone().refund_payment(by("clerk", request)).await?;
    Ok(answer.into_inner().refund.expect("a refund"))
}

async fn report(
    server: &TestServer,
    shipment: &str,
    status: pb::TrackingStatus,
    seconds: std::ops::Range<i64>,
) -> pb::RecordTrackingEventsResponse {
    let events = seconds.map(|second| pb::TrackingReport {
        status: status as i32,
        occurred_time: Some(in_seconds(second)),
        ..Default::default()
    });
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: events.collect(),
        ..Default::default()
    };
    let answer = server.shipping.clone().record_tracking_events(by("courier", request)).await;
    answer.expect("never refused").into_inner()
}

on_both_engines!(no_bound_strands_an_order_or_its_money, async |server| {
    stocked(&server, "A-1", 5).await;
    create_courier(&server).await;
    let id = create_order(&server, draft("dora", "A-1", 1)).await.expect("there is stock").id;
    for _ in 0..20 {
        let declined = pay_by_card(&server, &id, "tok_decline").await;
        assert_eq!(reason(&declined.expect_err("declined")), "PAYMENT_DECLINED");
    }
    let one_more = pay_by_card(&server, &id, "tok_success").await;
    assert_eq!(reason(&one_more.expect_err("tried often enough")), "LIMIT_REACHED");
    let cash = pb::RecordPaymentRequest {
        order_id: id.clone(),
        method: pb::PaymentMethod::Cash as i32,
        tendered: Some(eur(100_000)),
        ..Default::default()
    };
    let answer = server.billing.clone().record_payment(by("cashier", cash)).await.expect("cash");
    let payment = answer.into_inner().payment.expect("a payment").id;

    Warehouse { server: &server }.ship_all(&id).await;
    let shipment = order(&server, &id).await.shipment_ids[0].clone();
    let mut left_out = 0;
    for batch in 0..10 {
        let seconds = batch * 100 + 1..batch * 100 + 101;
        left_out += report(&server, &shipment, pb::TrackingStatus::Unknown, seconds).await.left_out;
    }
    assert_eq!(left_out, 501);
    let delivered = report(&server, &shipment, pb::TrackingStatus::Delivered, 2_000..2_001).await;
    assert_eq!((delivered.recorded.len(), delivered.left_out), (1, 0));
    assert_eq!(order(&server, &id).await.state(), pb::OrderState::Delivered);

    for _ in 0..20 {
        refund(&server, &payment, 1).await.expect("a cent");
    }
    let one_more = refund(&server, &payment, 1).await;
    assert_eq!(reason(&one_more.expect_err("too many parts")), "LIMIT_REACHED");
    refund(&server, &payment, 0).await.expect("all the rest");
    let totals = order(&server, &id).await.totals.expect("totals");
    assert_eq!(totals.refunded, totals.captured);
    let asked = pb::ListMessagesRequest {
        filter: format!("order_id = {id} AND kind = REFUND_ISSUED"),
        ..Default::default()
    };
    let letters = server.orders.clone().list_messages(asked).await.expect("a page").into_inner().messages;
    assert_eq!(letters.len(), 6, "five at once, and one for all that followed");
    every_law_holds(&server).await;
    server.stop().await;
});

/// Places holds with long comments and releases them, until one is refused.
async fn grow(server: &TestServer, order_id: &str) -> Status {
    for number in 0..100 {
        let request = pb::PlaceHoldRequest {
            order_id: order_id.to_owned(),
            reason: pb::HoldReason::Other as i32,
            comment: "ä".repeat(500),
            request_id: format!("hold {order_id} {number}"),
            ..Default::default()
        };
        let hold = match server.orders.clone().place_hold(by("clerk", request)).await {
            Ok(answer) => answer.into_inner().hold.expect("a hold"),
            Err(refused) => return refused,
        };
        let request = pb::ReleaseHoldRequest {
            order_id: order_id.to_owned(),
            hold_id: hold.id,
            comment: "ö".repeat(500),
            ..Default::default()
        };
        server.orders.clone().release_hold(by("clerk", request)).await.expect("released");
    }
    panic!("an order takes any number of holds");
}

on_both_engines!(
    what_cannot_be_answered_is_not_done_and_pages_are_cut_to_what_can,
    |it| it.limits.response_bytes = SMALL,
    async |server| {
        stocked(&server, "A-1", 50).await;
        let mut placed = Vec::new();
        for number in 0..6 {
            let buyer = format!("buyer{number}");
            placed.push(create_order(&server, draft(&buyer, "A-1", 1)).await.expect("there is stock").id);
        }
        for id in &placed[1..4] {
            let refused = grow(&server, id).await;
            assert_eq!(reason(&refused), "LIMIT_REACHED", "{refused:?}");
            let after = order(&server, id).await;
            assert!(
                after.holds.len() > 10 && after.holds.iter().all(|it| it.state() == pb::HoldState::Released)
            );
        }

        let request = pb::CancelOrderRequest {
            order_id: placed[1].clone(),
            reason: "ü".repeat(500),
            ..Default::default()
        };
        let cancelled = server.orders.clone().cancel_order(by("clerk", request)).await;
        let cancelled = cancelled.expect("room was left for this").into_inner().order.expect("an order");
        assert_eq!(cancelled.state(), pb::OrderState::Cancelled);

        let (mut seen, mut pages, mut token) = (Vec::new(), 0, String::new());
        loop {
            let request = pb::ListOrdersRequest { page_size: 200, page_token: token, ..Default::default() };
            let page = server.orders.clone().list_orders(request).await.expect("a page").into_inner();
            assert!(!page.orders.is_empty());
            seen.extend(page.orders.into_iter().map(|it| it.id));
            pages += 1;
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert!(pages > 1, "one page has it all");
        assert_eq!(seen.len(), placed.len());
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), placed.into_iter().collect());
        every_law_holds(&server).await;
        server.stop().await;
    }
);
