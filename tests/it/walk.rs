//! Every RPC that takes an id, in every state that an order rests in: what is out of turn is refused by name and
//! changes nothing; so is an id that nobody has, and a stale etag of a call whose turn it is.

use consign::pb;
use futures_util::future::BoxFuture;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::labels::{annotate, annotate_nobody};
use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, open_location, order,
    pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

/// What the calls of one order aim at.
#[derive(Clone, Default)]
struct Target {
    order: String,
    hold: String,
    approval: String,
    payment: String,
    shipment: String,
    reservation: String,
    replenishment: String,
    follow_up: String,
    etag: String,
}

type Call = fn(TestServer, Target) -> BoxFuture<'static, Result<(), Status>>;

macro_rules! calls {
    ($(#[$meta:meta])* $calls:ident; $($name:literal: $service:ident.$method:ident($request:ident { $($field:ident: $value:expr),* $(,)? }) using $it:ident;)+) => {
        $(#[$meta])*
        const $calls: &[(&str, Call)] = &[$(
            ($name, |server, $it| Box::pin(async move {
                let request = pb::$request { $($field: $value,)* ..Default::default() };
                server.$service.clone().$method(by("walker", request)).await.map(|_| ())
            })),
        )+];
    };
}

calls! {
    /// Each RPC about an order or its parts by its name, as it would be called if it were its turn.
    CALLS;
    "UpdateOrder": orders.update_order(UpdateOrderRequest {
        order_id: it.order, etag: it.etag, order: Some(draft("other", "WALK", 1)), update_mask: mask(),
    }) using it;
    "VerifyOrder": orders.verify_order(VerifyOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "CancelOrder": orders.cancel_order(CancelOrderRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "CancelOrderLines": orders.cancel_order_lines(CancelOrderLinesRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
    }) using it;
    "PlaceHold": orders.place_hold(PlaceHoldRequest {
        order_id: it.order, etag: it.etag, reason: pb::HoldReason::Other as i32, comment: "tried".to_owned(),
    }) using it;
    "ReleaseHold": orders.release_hold(ReleaseHoldRequest { order_id: it.order, etag: it.etag, hold_id: it.hold, comment: "tried".to_owned(),
    }) using it;
    "RecordVerification": orders.record_verification(RecordVerificationRequest {
        order_id: it.order, etag: it.etag, provider: "post".to_owned(),
        rule: pb::VerificationRule::Address as i32, finding: pb::VerificationFinding::Passed as i32,
    }) using it;
    "RecordRiskAssessment": orders.record_risk_assessment(RecordRiskAssessmentRequest {
        order_id: it.order, etag: it.etag, provider: "radar".to_owned(), level: pb::RiskLevel::Low as i32,
    }) using it;
    "CloseOrder": orders.close_order(CloseOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "ArchiveOrder": orders.archive_order(ArchiveOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "RestoreOrder": orders.restore_order(RestoreOrderRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "SubmitFeedback": feedback.submit_feedback(SubmitFeedbackRequest {
        order_id: it.order, etag: it.etag, delivery_rating: 4, product_rating: 4,
    }) using it;
    "OptOutFeedback": feedback.opt_out_feedback(OptOutFeedbackRequest { order_id: it.order, etag: it.etag }) using it;
    "RequestFeedback": feedback.request_feedback(RequestFeedbackRequest { order_id: it.order, etag: it.etag }) using it;
    "CloseFollowUp": feedback.close_follow_up(CloseFollowUpRequest {
        follow_up_id: it.follow_up, etag: it.etag, result: "tried".to_owned(),
    }) using it;
    "ApproveRequest": approvals.approve_request(ApproveRequestRequest { approval_id: it.approval, etag: it.etag }) using it;
    "RejectRequest": approvals.reject_request(RejectRequestRequest {
        approval_id: it.approval, etag: it.etag, comment: "tried".to_owned(),
    }) using it;
    "AuthorizePayment": billing.authorize_payment(AuthorizePaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::Card as i32, token: "tok_success".to_owned(),
    }) using it;
    "CapturePayment": billing.capture_payment(CapturePaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::Card as i32, token: "tok_success".to_owned(),
    }) using it;
    "RecordPayment": billing.record_payment(RecordPaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::BankTransfer as i32, reference: "RF18 WALK".to_owned(),
    }) using it;
    "VoidPayment": billing.void_payment(VoidPaymentRequest { payment_id: it.payment, etag: it.etag }) using it;
    "RefundPayment": billing.refund_payment(RefundPaymentRequest {
        payment_id: it.payment, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "ReleaseReservation": inventory.release_reservation(ReleaseReservationRequest {
        reservation_id: it.reservation, etag: it.etag,
    }) using it;
    "StartPicking": shipping.start_picking(StartPickingRequest { shipment_id: it.shipment, etag: it.etag }) using it;
    "RecordPick": shipping.record_pick(RecordPickRequest {
        shipment_id: it.shipment, etag: it.etag, picks: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
    }) using it;
    "RecordQualityCheck": shipping.record_quality_check(RecordQualityCheckRequest {
        shipment_id: it.shipment, etag: it.etag,
        checks: vec![pb::LineCheck { line_number: 1, passed: 1, ..Default::default() }],
    }) using it;
    "PackShipment": shipping.pack_shipment(PackShipmentRequest {
        shipment_id: it.shipment, etag: it.etag, packages: vec![crate::warehouse::package(1)],
    }) using it;
    "CreateShippingLabel": shipping.create_shipping_label(CreateShippingLabelRequest {
        shipment_id: it.shipment, etag: it.etag,
    }) using it;
    "VoidShippingLabel": shipping.void_shipping_label(VoidShippingLabelRequest {
        shipment_id: it.shipment, etag: it.etag,
    }) using it;
    "AssignCourier": shipping.assign_courier(AssignCourierRequest { shipment_id: it.shipment, etag: it.etag }) using it;
    "ConfirmPickup": shipping.confirm_pickup(ConfirmPickupRequest {
        shipment_id: it.shipment, etag: it.etag, package_count: 1, driver: "driver 12".to_owned(),
    }) using it;
    "ConfirmDelivery": shipping.confirm_delivery(ConfirmDeliveryRequest {
        shipment_id: it.shipment, etag: it.etag,
        proof: Some(pb::ProofOfDelivery { received_by: "Ada".to_owned(), ..Default::default() }),
    }) using it;
    "RecordTrackingEvents": shipping.record_tracking_events(RecordTrackingEventsRequest {
        shipment_id: it.shipment, events: vec![scan()],
    }) using it;
    "RecordCarrierLabel": shipping.record_carrier_label(RecordCarrierLabelRequest {
        shipment_id: it.shipment, etag: it.etag, courier: "swift".to_owned(),
        labels: vec![pb::CarrierLabelDraft {
            package_number: 1, tracking_number: "SW 7".to_owned(), ..Default::default()
        }],
    }) using it;
    "ResolveException": shipping.resolve_exception(ResolveExceptionRequest {
        shipment_id: it.shipment, etag: it.etag, reason: "tried".to_owned(),
        resolution: Some(pb::resolve_exception_request::Resolution::Redeliver(pb::Redelivery {})),
    }) using it;
}

calls! {
    /// The RPCs about a proposal to buy.
    OF_REPLENISHMENTS;
    "ApproveReplenishment": inventory.approve_replenishment(ApproveReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "RejectReplenishment": inventory.reject_replenishment(RejectReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "PlaceReplenishment": inventory.place_replenishment(PlaceReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "CancelReplenishment": inventory.cancel_replenishment(CancelReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "UpdateReplenishment": inventory.update_replenishment(UpdateReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag, supplier: "ACME".to_owned(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["supplier".to_owned()] }),
    }) using it;
}

/// These take no etag: what they say is true whatever the caller has seen.
const WITHOUT_ETAG: &[&str] = &["RecordTrackingEvents"];

fn scan() -> pb::TrackingReport {
    pb::TrackingReport {
        status: pb::TrackingStatus::InTransit as i32,
        location: "Halle hub".to_owned(),
        occurred_time: Some(in_seconds(0)),
        ..Default::default()
    }
}

fn mask() -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec!["lines".to_owned()] })
}

/// Ids of the right form that nobody has.
fn nobody() -> Target {
    let id = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    Target {
        order: id("ord"),
        hold: id("hld"),
        approval: id("apr"),
        payment: id("pay"),
        shipment: id("shp"),
        reservation: id("rsv"),
        replenishment: id("rpl"),
        follow_up: id("fup"),
        etag: String::new(),
    }
}

on_both_engines!(what_is_out_of_turn_is_refused_by_name_and_changes_nothing, walk);

async fn walk(server: TestServer) {
    stocked(&server, "WALK", 1_000).await;
    stocked_elsewhere(&server).await;
    create_courier(&server).await;

    let mut refused = 0;
    let mut seen = Vec::new();
    for id in Box::pin(one_order_in_each_state(&server)).await {
        let before = order(&server, &id).await;
        seen.push(before.state());
        refused += try_everything(&server, &before).await;
        let after = order(&server, &id).await;
        assert_eq!(after, before, "something refused has changed an order that is {:?}", before.state());
        annotate(&server, &after).await;
    }
    for state in AT_REST {
        assert!(seen.contains(state), "no order in the state {state:?} was tried");
    }
    println!("{refused} calls out of turn refused over {} states", seen.len());

    for (name, call) in CALLS.iter().chain(OF_REPLENISHMENTS) {
        let status = call(server.clone(), nobody()).await.expect_err(name);
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::NotFound, "NOT_FOUND"),
            "{name}: {status:?}"
        );
    }
    annotate_nobody(&server, &nobody().order).await;
    every_law_holds(&server).await;
    server.stop().await;
}

/// The states that an order rests in; the others are passed through within one decision.
const AT_REST: &[pb::OrderState] = &[
    pb::OrderState::Received,
    pb::OrderState::AwaitingStock,
    pb::OrderState::Reserved,
    pb::OrderState::Invoiced,
    pb::OrderState::PaymentCaptured,
    pb::OrderState::Fulfilling,
    pb::OrderState::PartiallyShipped,
    pb::OrderState::Shipped,
    pb::OrderState::PartiallyDelivered,
    pb::OrderState::Delivered,
    pb::OrderState::Closed,
    pb::OrderState::Archived,
    pb::OrderState::Rejected,
    pb::OrderState::Cancelled,
    pb::OrderState::Expired,
];

/// Calls whatever is not among the available actions, and everything with a stale etag.
async fn try_everything(server: &TestServer, order: &pb::Order) -> usize {
    let shipments: Vec<String> =
        if order.shipment_ids.is_empty() { vec![nobody().shipment] } else { order.shipment_ids.clone() };
    let mut refused = 0;
    for shipment in shipments {
        let mut actions = order.available_actions.clone();
        let mut etags = vec![order.etag.clone()];
        if let Ok(found) = get_shipment(server, &shipment).await {
            etags.push(found.etag.clone());
            actions.retain(|it| !is_of_shipments(it));
            actions.extend(found.available_actions);
        }
        let target = Target {
            order: order.id.clone(),
            hold: order.holds.last().map_or(nobody().hold, |it| it.id.clone()),
            approval: order.approvals.last().map_or(nobody().approval, |it| it.id.clone()),
            payment: order.payment_ids.last().cloned().unwrap_or(nobody().payment),
            shipment,
            follow_up: order.follow_up.as_ref().map_or(nobody().follow_up, |it| it.id.clone()),
            reservation: order.reservation.as_ref().map_or(nobody().reservation, |it| it.id.clone()),
            ..nobody()
        };
        for (name, call) in CALLS {
            let state = order.state();
            let in_turn = actions.iter().any(|it| it == name);
            if in_turn && !WITHOUT_ETAG.contains(name) {
                let stale = Target { etag: "v0".to_owned(), ..target.clone() };
                let status = call(server.clone(), stale).await.expect_err(name);
                let told = (status.code(), reason(&status));
                let expected = (Code::Aborted, "ETAG_MISMATCH".to_owned());
                assert_eq!(told, expected, "{name} with a stale etag in {state:?}: {status:?}");
                let current = current_etag(&status);
                assert!(
                    etags.contains(&current),
                    "{name} in {state:?} names {current}, not one of {etags:?}"
                );
                assert!(status.message().contains(&current), "{status:?}");
            }
            if in_turn {
                continue;
            }
            let status =
                call(server.clone(), target.clone()).await.expect_err(&format!("{name} in {state:?}"));
            let known =
                matches!(status.code(), Code::FailedPrecondition | Code::NotFound | Code::PermissionDenied);
            assert!(known && !reason(&status).is_empty(), "{name} in {state:?}: {status:?}");
            if status.code() == Code::FailedPrecondition {
                let calls = legal(&status);
                let are_calls = calls.iter().all(|it| CALLS.iter().any(|(name, _)| name == it));
                assert!(are_calls, "{name} in {state:?} names {calls:?}");
                let names_some = !calls.is_empty() || order.available_actions.is_empty();
                assert!(names_some, "{name} in {state:?} does not say what may be done: {status:?}");
            }
            refused += 1;
        }
    }
    refused
}

/// The etag that the resource has, as an error tells it.
fn current_etag(status: &Status) -> String {
    let info = status.get_details_error_info().expect("an ErrorInfo");
    info.metadata.get("current_etag").cloned().expect("the current etag")
}

/// The calls that an error says may be made instead.
fn legal(status: &Status) -> Vec<String> {
    let metadata = status.get_details_error_info().map(|it| it.metadata).unwrap_or_default();
    metadata.get("legal").map_or(Vec::new(), |it| it.split(", ").map(str::to_owned).collect())
}

fn is_of_shipments(action: &str) -> bool {
    CALLS.iter().skip_while(|it| it.0 != "StartPicking").any(|it| it.0 == action)
}

async fn get_shipment(server: &TestServer, id: &str) -> Result<pb::Shipment, Status> {
    let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
    Ok(server.shipping.clone().get_shipment(request).await?.into_inner().shipment.expect("a shipment"))
}

on_both_engines!(a_replenishment_out_of_turn_is_refused_by_name_and_stays_as_it_is, async |server| {
    open_location(&server, LEIPZIG, "EUROPE", "DE").await;
    let ways: &[(&str, &[&str], &[&str])] = &[
        (
            "PROPOSED",
            &[],
            &["ApproveReplenishment", "RejectReplenishment", "CancelReplenishment", "UpdateReplenishment"],
        ),
        ("REJECTED", &["RejectReplenishment"], &[]),
        (
            "APPROVED",
            &["ApproveReplenishment"],
            &["PlaceReplenishment", "CancelReplenishment", "UpdateReplenishment"],
        ),
        (
            "ORDERED",
            &["ApproveReplenishment", "PlaceReplenishment"],
            &["CancelReplenishment", "UpdateReplenishment"],
        ),
        (
            "PARTIALLY_RECEIVED",
            &["ApproveReplenishment", "PlaceReplenishment", "one arrives"],
            &["CancelReplenishment", "UpdateReplenishment"],
        ),
        ("RECEIVED", &["ApproveReplenishment", "PlaceReplenishment", "all arrive"], &[]),
        (
            "CANCELLED",
            &["ApproveReplenishment", "PlaceReplenishment", "one arrives", "CancelReplenishment"],
            &[],
        ),
    ];
    for (state, way, in_turn) in ways {
        let sku = format!("R-{}", state.replace('_', "-"));
        let target = Target { replenishment: proposed(&server, &sku).await, ..nobody() };
        for step in *way {
            match *step {
                "one arrives" => arrive(&server, &sku, 1, &target).await,
                "all arrive" => arrive(&server, &sku, 5, &target).await,
                name => of_replenishments(name)(server.clone(), target.clone()).await.expect(name),
            }
        }

        let before = replenishment(&server, &target.replenishment).await;
        assert_eq!(before.state().as_str_name(), format!("REPLENISHMENT_STATE_{state}"));
        for (name, call) in OF_REPLENISHMENTS {
            let stale = Target { etag: "v0".to_owned(), ..target.clone() };
            let (asked, expected) = match in_turn.contains(name) {
                true => (stale, (Code::Aborted, "ETAG_MISMATCH")),
                false => (target.clone(), (Code::FailedPrecondition, "ILLEGAL_TRANSITION")),
            };
            let status = call(server.clone(), asked).await.expect_err(name);
            assert_eq!((status.code(), reason(&status).as_str()), expected, "{name} in {state}: {status:?}");
            if status.code() == Code::Aborted {
                assert_eq!(current_etag(&status), before.etag, "{name} in {state}");
            }
            if status.code() == Code::FailedPrecondition {
                let mut calls = legal(&status);
                calls.retain(|it| it != "ReceiveStock");
                assert_eq!(calls, *in_turn, "{name} in {state}");
            }
        }
        assert_eq!(replenishment(&server, &target.replenishment).await, before);
    }
    every_law_holds(&server).await;
    server.stop().await;
});

fn of_replenishments(name: &str) -> Call {
    OF_REPLENISHMENTS.iter().find(|it| it.0 == name).expect("a call of this name").1
}

/// A proposal to buy five of a new product.
async fn proposed(server: &TestServer, sku: &str) -> String {
    crate::shop::create_product(server, sku, 500).await;
    let request = pb::SetReorderRuleRequest {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(pb::ReorderRule { reorder_point: 5, order_up_to: 5, lead_time_days: 0 }),
        ..Default::default()
    };
    server.inventory.clone().set_reorder_rule(by("clerk", request)).await.expect("a rule");
    let request = pb::ListReplenishmentsRequest { filter: format!("sku = {sku}"), ..Default::default() };
    let listed = server.inventory.clone().list_replenishments(request).await.expect("a list").into_inner();
    listed.replenishments[0].id.clone()
}

async fn replenishment(server: &TestServer, id: &str) -> pb::Replenishment {
    let request = pb::GetReplenishmentRequest { replenishment_id: id.to_owned() };
    let answer = server.inventory.clone().get_replenishment(request).await.expect("it is there");
    answer.into_inner().replenishment.expect("a replenishment")
}

async fn arrive(server: &TestServer, sku: &str, units: i64, target: &Target) {
    let request = pb::ReceiveStockRequest {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        quantity: units,
        replenishment_id: target.replenishment.clone(),
        ..Default::default()
    };
    server.inventory.clone().receive_stock(by("warehouse", request)).await.expect("goods arrive");
}

/// Stock of a second product at a second place, so that an order can have two shipments.
async fn stocked_elsewhere(server: &TestServer) {
    stocked(server, "FAR", 0).await;
    open_location(server, "FR-LYON", "EUROPE", "FR").await;
    receive(server, "FAR", "FR-LYON", 1_000).await;
    crate::shop::create_product(server, "NONE", 500).await;
    assert_ne!(LEIPZIG, "FR-LYON");
}

async fn one_order_in_each_state(server: &TestServer) -> Vec<String> {
    let mut ids = Vec::new();
    let warehouse = Warehouse { server };

    let mut nameless = draft("received", "WALK", 1);
    nameless.customer.as_mut().expect("a customer").email = "received@localhost".to_owned();
    ids.push(create_order(server, nameless).await.expect("stored with a hold").id);

    let mut waiting = draft("waiting", "NONE", 1);
    waiting.on_shortage = pb::OnShortage::Wait as i32;
    ids.push(create_order(server, waiting).await.expect("waits").id);

    // 60 × 19.90 and tax are above the 1,000.00 that policy approves by itself.
    let reserved = create_order(server, draft("reserved", "WALK", 60)).await.expect("there is stock");
    ids.push(reserved.id);
    let rejected = create_order(server, draft("rejected", "WALK", 61)).await.expect("there is stock");
    decide(server, &rejected, Gate::Reject).await;
    ids.push(rejected.id);

    ids.push(create_order(server, draft("invoiced", "WALK", 1)).await.expect("there is stock").id);
    ids.push(authorized(server).await);
    let mut brief = draft("expired", "WALK", 1);
    brief.reservation_lifetime = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let expired = create_order(server, brief).await.expect("there is stock");
    let captured = create_order(server, draft("captured", "WALK", 62)).await.expect("there is stock");
    decide(server, &captured, Gate::Approve).await;
    pay_by_card(server, &captured.id, "tok_success").await.expect("paid");
    ids.push(captured.id);

    let cancelled = paid(server, draft("cancelled", "WALK", 1)).await;
    let request = pb::CancelOrderRequest {
        order_id: cancelled.clone(),
        reason: "changed their mind".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", request)).await.expect("nothing is handed over");
    warehouse.until(&cancelled, |it| it.payment_status() == pb::PaymentStatus::Refunded).await;
    ids.push(cancelled);

    ids.push(paid(server, draft("fulfilling", "WALK", 1)).await);
    let shipped = paid(server, draft("shipped", "WALK", 1)).await;
    warehouse.ship_all(&shipped).await;
    ids.push(shipped);
    let delivered = paid(server, draft("delivered", "WALK", 1)).await;
    warehouse.deliver_all(&delivered).await;
    ids.push(delivered);
    let closed = paid(server, draft("closed", "WALK", 1)).await;
    warehouse.deliver_all(&closed).await;
    warehouse.close(&closed).await;
    ids.push(closed);
    let archived = paid(server, draft("archived", "WALK", 1)).await;
    warehouse.deliver_all(&archived).await;
    let bad = pb::SubmitFeedbackRequest {
        order_id: archived.clone(),
        delivery_rating: 1,
        product_rating: 4,
        ..Default::default()
    };
    server.feedback.clone().submit_feedback(by("storefront", bad)).await.expect("asked for");
    warehouse.close(&archived).await;
    warehouse.archive(&archived).await;
    ids.push(archived);

    for (buyer, deliver) in [("half-shipped", false), ("half-delivered", true)] {
        let mut both = draft(buyer, "WALK", 1);
        both.lines.push(pb::OrderLineDraft { sku: "FAR".to_owned(), quantity: 1, ..Default::default() });
        let id = paid(server, both).await;
        let first = order(server, &id).await.shipment_ids[0].clone();
        warehouse.ship(&first).await;
        if deliver {
            warehouse.deliver(&first).await;
        }
        ids.push(id);
    }

    warehouse.until(&expired.id, |it| it.state() == pb::OrderState::Expired).await;
    ids.push(expired.id);
    // Messages are sent behind the scenes; an order that is to stand still has none left to send.
    for id in &ids {
        warehouse.until_quiet(id).await;
    }
    ids
}

async fn paid(server: &TestServer, draft: pb::OrderDraft) -> String {
    let placed = create_order(server, draft).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    placed.id
}

/// An order for which money is set aside, but not taken.
async fn authorized(server: &TestServer) -> String {
    let placed = create_order(server, draft("authorized", "WALK", 1)).await.expect("there is stock");
    let request = pb::AuthorizePaymentRequest {
        order_id: placed.id.clone(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        ..Default::default()
    };
    let answer =
        server.billing.clone().authorize_payment(by("storefront", request)).await.expect("set aside");
    let payment = answer.into_inner().payment.expect("a payment");
    assert_eq!(payment.state(), pb::PaymentState::Authorized);

    let stale =
        pb::CapturePaymentRequest { payment_id: payment.id, etag: "v0".to_owned(), ..Default::default() };
    let status = server.billing.clone().capture_payment(by("walker", stale)).await.expect_err("an old etag");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    placed.id
}

#[derive(Clone, Copy)]
enum Gate {
    Approve,
    Reject,
}

async fn decide(server: &TestServer, order: &pb::Order, gate: Gate) {
    let approval_id = order.approvals.last().expect("an approval is pending").id.clone();
    match gate {
        Gate::Approve => {
            let request = pb::ApproveRequestRequest { approval_id, ..Default::default() };
            server.approvals.clone().approve_request(by("amira", request)).await.expect("approved");
        }
        Gate::Reject => {
            let request =
                pb::RejectRequestRequest { approval_id, comment: "no".to_owned(), ..Default::default() };
            server.approvals.clone().reject_request(by("amira", request)).await.expect("rejected");
        }
    }
}
