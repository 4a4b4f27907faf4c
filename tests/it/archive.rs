//! An archived order is out of the way and nothing of it is hidden; it comes back when somebody asks for it.

use std::time::Duration;

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, order, pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

/// Paid, delivered, rated and closed.
async fn closed(server: &TestServer, buyer: &str) -> pb::Order {
    let placed = create_order(server, draft(buyer, "OLD", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let warehouse = Warehouse { server };
    warehouse.deliver_all(&placed.id).await;
    let request = pb::SubmitFeedbackRequest {
        order_id: placed.id.clone(),
        delivery_rating: 2,
        product_rating: 5,
        comment: "late".to_owned(),
        ..Default::default()
    };
    server.feedback.clone().submit_feedback(by("customer", request)).await.expect("asked for");
    warehouse.close(&placed.id).await;
    order(server, &placed.id).await
}

async fn archived(server: &TestServer, buyer: &str) -> pb::Order {
    let closed = closed(server, buyer).await;
    Warehouse { server }.archive(&closed.id).await;
    order(server, &closed.id).await
}

/// How the only courier did so far.
async fn record(server: &TestServer) -> pb::CourierRecord {
    let request = pb::GetCourierRequest { courier: "swift".to_owned() };
    let swift = server.shipping.clone().get_courier(request).await.expect("it is there").into_inner();
    swift.courier.expect("a courier").record.expect("a record")
}

/// What customers said of orders that are archived, or are not.
async fn report(server: &TestServer, archived: Option<bool>) -> pb::FeedbackReport {
    let request = pb::GetFeedbackReportRequest { archived, ..Default::default() };
    let answer = server.feedback.clone().get_feedback_report(request).await.expect("a report");
    answer.into_inner().report.expect("a report")
}

/// How many rows of this filter each list of parts has.
async fn listed(server: &TestServer, filter: &str) -> Vec<(&'static str, usize)> {
    macro_rules! lists {
        ($($name:literal: $service:ident.$method:ident($request:ident).$rows:ident;)+) => { vec![$({
            let request = pb::$request { filter: filter.to_owned(), ..Default::default() };
            let page = server.$service.clone().$method(request).await.expect($name).into_inner();
            ($name, page.$rows.len())
        },)+] };
    }
    lists! {
        "invoices": billing.list_invoices(ListInvoicesRequest).invoices;
        "payments": billing.list_payments(ListPaymentsRequest).payments;
        "refunds": billing.list_refunds(ListRefundsRequest).refunds;
        "shipments": shipping.list_shipments(ListShipmentsRequest).shipments;
        "messages": orders.list_messages(ListMessagesRequest).messages;
        "approvals": approvals.list_approvals(ListApprovalsRequest).approvals;
        "feedback": feedback.list_feedback(ListFeedbackRequest).feedback;
        "follow-ups": feedback.list_follow_ups(ListFollowUpsRequest).follow_ups;
    }
}

async fn orders_of(server: &TestServer, filter: &str, show_archived: bool) -> Vec<String> {
    let request = pb::ListOrdersRequest { filter: filter.to_owned(), show_archived, ..Default::default() };
    let page = server.orders.clone().list_orders(request).await.expect("a page").into_inner();
    page.orders.into_iter().map(|it| it.id).collect()
}

async fn refund(
    server: &TestServer,
    order: &pb::Order,
    amount: Option<pb::Money>,
) -> Result<pb::Refund, Status> {
    let request = pb::RefundPaymentRequest {
        payment_id: order.payment_ids[0].clone(),
        amount,
        reason: "a late complaint".to_owned(),
        ..Default::default()
    };
    let answer = server.billing.clone().refund_payment(by("clerk", request)).await?;
    Ok(answer.into_inner().refund.expect("a refund"))
}

on_both_engines!(lists_reports_and_refunds_span_the_archive, async |server| {
    stocked(&server, "OLD", 10).await;
    create_courier(&server).await;
    let old = closed(&server, "ada").await;
    let carried = record(&server).await;
    assert_eq!((carried.carried, carried.delivered, carried.rated, carried.average_rating), (1, 1, 1, 2.0));
    let warehouse = Warehouse { server: &server };
    warehouse.archive(&old.id).await;
    let old = order(&server, &old.id).await;
    assert_eq!(record(&server).await, carried, "a courier's record spans the archive");
    let young = create_order(&server, draft("bob", "OLD", 1)).await.expect("an order");
    assert_eq!(
        old.available_actions,
        ["RefundPayment", "CreateReturn", "RecordTrackingEvents", "CloseFollowUp", "RestoreOrder"]
    );

    // Nothing of it is hidden, and each list can be narrowed to either side.
    let refunded = refund(&server, &old, Some(eur(500))).await.expect("a part of it");
    warehouse.until_quiet(&old.id).await;
    let (all, of_old) = (listed(&server, "").await, listed(&server, &format!("order_id = {}", old.id)).await);
    let (in_archive, of_the_day) =
        (listed(&server, "archived = true").await, listed(&server, "archived = false").await);
    assert_eq!(in_archive, of_old);
    assert!(of_old.iter().all(|it| it.1 > 0), "{of_old:?}");
    for ((name, all), ((_, old), (_, young))) in all.iter().zip(in_archive.iter().zip(&of_the_day)) {
        assert_eq!(*all, old + young, "{name}");
    }
    assert_eq!(orders_of(&server, "", false).await, std::slice::from_ref(&young.id));
    assert_eq!(orders_of(&server, "", true).await, [young.id.clone(), old.id.clone()]);
    assert_eq!(orders_of(&server, "archived = true", false).await, std::slice::from_ref(&old.id));
    assert_eq!(
        orders_of(&server, "region = EUROPE AND state = archived", true).await,
        std::slice::from_ref(&old.id)
    );

    for archived in [None, Some(true)] {
        let report = report(&server, archived).await;
        assert_eq!((report.requested, report.submitted, report.average_delivery_rating), (1, 1, 2.0));
        assert_eq!(report.couriers[0].courier, "swift");
        assert_eq!(report.comments[0].comment, "late");
    }
    let of_the_day = report(&server, Some(false)).await;
    assert_eq!((of_the_day.requested, of_the_day.submitted), (0, 0));
    assert!(of_the_day.couriers.is_empty() && of_the_day.regions.is_empty(), "{of_the_day:?}");

    // The letter about the refund went; the order is where it was.
    let found =
        warehouse.until(&old.id, |it| it.payment_status() == pb::PaymentStatus::PartiallyRefunded).await;
    assert_eq!(found.state(), pb::OrderState::Archived);
    let request = pb::ListMessagesRequest {
        filter: format!("order_id = {} AND kind = REFUND_ISSUED AND state = SENT", old.id),
        ..Default::default()
    };
    let letters = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    assert_eq!(letters.messages.len(), 1);
    let request = pb::GetRefundRequest { refund_id: refunded.id };
    let read = server.billing.clone().get_refund(request).await.expect("it is there").into_inner();
    assert_eq!(read.refund.expect("a refund").state(), pb::RefundState::Succeeded);
    let too_much = refund(&server, &old, Some(eur(100_000))).await.expect_err("more than there is");
    assert_eq!(reason(&too_much), "REFUND_EXCEEDS_CAPTURE");

    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_archived_order_is_restored_and_what_comes_late_is_recorded, async |server| {
    stocked(&server, "OLD", 10).await;
    create_courier(&server).await;
    let old = archived(&server, "ada").await;
    let shipment = old.shipment_ids[0].clone();

    let now = consign::clock::now().unix_micros() / 1_000_000;
    let scan = pb::TrackingReport {
        status: pb::TrackingStatus::OutForDelivery as i32,
        occurred_time: Some(prost_types::Timestamp { seconds: now - 5, nanos: 0 }),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.clone(),
        events: vec![scan],
        ..Default::default()
    };
    let answer = server.shipping.clone().record_tracking_events(by("courier", request)).await;
    assert_eq!(answer.expect("recorded").into_inner().recorded.len(), 1);
    let request =
        pb::ListMessagesRequest { filter: "kind = OUT_FOR_DELIVERY".to_owned(), ..Default::default() };
    let told = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
    assert!(told.is_empty(), "nobody is told: {told:?}");

    let proof = pb::ProofOfDelivery { received_by: "Ada".to_owned(), ..Default::default() };
    let request =
        pb::ConfirmDeliveryRequest { shipment_id: shipment, proof: Some(proof), ..Default::default() };
    let refused = server.shipping.clone().confirm_delivery(by("clerk", request)).await;
    let refused = refused.expect_err("it is archived");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
    let legal = refused.get_details_error_info().expect("an ErrorInfo").metadata["legal"].clone();
    assert!(legal.contains("RestoreOrder"), "{legal}");
    let request = pb::ArchiveOrderRequest { order_id: old.id.clone(), ..Default::default() };
    let again = server.orders.clone().archive_order(by("clerk", request)).await.expect_err("once is enough");
    assert_eq!(reason(&again), "ILLEGAL_TRANSITION");
    assert!(again.message().contains("in the archive already"), "{again:?}");

    let seen = order(&server, &old.id).await;
    let restore = |reason: &str, etag: &str| pb::RestoreOrderRequest {
        order_id: old.id.clone(),
        reason: reason.to_owned(),
        etag: etag.to_owned(),
        request_id: "restore-0001".to_owned(),
        ..Default::default()
    };
    let mut orders = server.orders.clone();
    let nameless = orders.restore_order(by("dana", restore("", &seen.etag))).await.expect_err("no reason");
    assert_eq!(nameless.code(), Code::InvalidArgument);
    let stale = orders.restore_order(by("dana", restore("asked for", "v1"))).await.expect_err("stale");
    assert_eq!(reason(&stale), "ETAG_MISMATCH");
    let first = orders.restore_order(by("dana", restore("asked for", &seen.etag))).await.expect("restored");
    let back = first.into_inner().order.expect("an order");
    assert_eq!(
        (back.state(), back.state_before_archive()),
        (pb::OrderState::Closed, pb::OrderState::Unspecified)
    );
    assert!(back.archive_time.is_none() && back.restore_time.is_some());
    let repeat = orders.restore_order(by("dana", restore("asked for", &seen.etag))).await.expect("a repeat");
    assert_eq!(repeat.into_inner().order.as_ref(), Some(&back));
    assert_eq!(orders_of(&server, "", false).await, std::slice::from_ref(&old.id));
    let in_archive = listed(&server, "archived = true").await;
    assert!(in_archive.iter().all(|it| it.1 == 0), "{in_archive:?}");

    let request = pb::GetOrderTimelineRequest {
        key: Some(pb::get_order_timeline_request::Key::OrderId(old.id.clone())),
    };
    let timeline = orders.get_order_timeline(request).await.expect("a timeline").into_inner().timeline;
    let events = timeline.expect("a timeline").events;
    let event = events.last().expect("an event");
    assert_eq!((event.r#type.as_str(), event.actor.as_str()), ("ORDER_RESTORED", "dana"));

    // It stays until its time has come again, which is not at once.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(order(&server, &old.id).await.state(), pb::OrderState::Closed);
    Warehouse { server: &server }.archive(&old.id).await;
    assert_eq!(orders_of(&server, "archived = true", false).await, std::slice::from_ref(&old.id));
    every_law_holds(&server).await;
    server.stop().await;
});
