//! Every RPC that takes an id, in every state that an order rests in: what is out of turn is refused by name and
//! changes nothing; so is an id that nobody has, and a stale etag of a call whose turn it is. What is only asked, with
//! `validate_only`, is refused in the same words, and changes nothing when it is accepted. Every read in the same states:
//! `reads.rs`.

mod calls;
mod reads;
mod returns;
mod transfers;

use std::collections::BTreeSet;

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::labels::{annotate, annotate_nobody};
use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, open_location, order, pay_by_card,
    reason, receive, stocked,
};
use crate::walk::calls::{CALLS, Call, OF_REPLENISHMENTS, OF_RETURNS, OF_TRANSFERS, Target, nobody};
use crate::warehouse::Warehouse;

/// These are about reservations of other callers: no order names them.
const OF_OTHERS: &[&str] = &["ReleaseReservation", "ConfirmReservation", "ExtendReservation"];

/// These take no etag: what they say is true whatever the caller has seen.
const WITHOUT_ETAG: &[&str] = &["RecordTrackingEvents"];

on_both_engines!(what_is_out_of_turn_is_refused_by_name_and_changes_nothing, walk);

async fn walk(server: TestServer) {
    stocked(&server, "WALK", 1_000).await;
    stocked_elsewhere(&server).await;
    create_courier(&server).await;

    let mut all = Tried::default();
    let mut seen = Vec::new();
    for id in Box::pin(one_order_in_each_state(&server)).await {
        let before = order(&server, &id).await;
        seen.push(before.state());
        let before = with_a_change(&server, before, seen.len()).await;
        let Tried { refused, validated } = try_everything(&server, &before).await;
        all.refused += refused;
        all.validated.extend(validated);
        let after = order(&server, &id).await;
        let what = "something refused, or only asked, has changed an order that is";
        assert_eq!(after, before, "{what} {:?}", before.state());
        annotate(&server, &after).await;
    }
    for state in AT_REST {
        assert!(seen.contains(state), "no order in the state {state:?} was tried");
    }
    println!("{} calls out of turn refused over {} states", all.refused, seen.len());
    println!("{} calls accepted and rolled back: {:?}", all.validated.len(), all.validated);
    assert!(all.validated.len() >= CALLS.len() / 2, "few calls were only asked: {:?}", all.validated);

    for (name, call) in CALLS.iter().chain(OF_REPLENISHMENTS).chain(OF_RETURNS).chain(OF_TRANSFERS) {
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

/// Of every third order a change is drafted first, and of every third it is proposed, where one may be.
async fn with_a_change(server: &TestServer, before: pb::Order, number: usize) -> pb::Order {
    let may_be = before.available_actions.iter().any(|it| it == "CreateOrderChange");
    if !may_be || number.is_multiple_of(3) {
        return before;
    }
    let target = Target { order: before.id.clone(), ..nobody() };
    let named = |name: &str| CALLS.iter().find(|it| it.0 == name).expect("a call of the walk").1;
    named("CreateOrderChange")(server.clone(), target.clone()).await.expect("drafted");
    let drafted = order(server, &before.id).await;
    if number % 3 == 1 {
        let target = Target { change: drafted.open_change_id, ..target };
        named("ProposeOrderChange")(server.clone(), target).await.expect("proposed");
    }
    // The letter about it makes a later version of the order.
    Warehouse { server }.until_quiet(&before.id).await;
    order(server, &before.id).await
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

/// Calls whatever is not among the available actions, everything with a stale etag, and everything else with
/// `validate_only`.
async fn try_everything(server: &TestServer, order: &pb::Order) -> Tried {
    let shipments: Vec<String> =
        if order.shipment_ids.is_empty() { vec![nobody().shipment] } else { order.shipment_ids.clone() };
    let mut tried = Tried::default();
    for shipment in shipments {
        let mut actions = order.available_actions.clone();
        let mut unavailable = order.unavailable_actions.clone();
        let mut etags = vec![order.etag.clone()];
        if let Ok(found) = get_shipment(server, &shipment).await {
            etags.push(found.etag.clone());
            unavailable.extend(found.unavailable_actions);
            actions.retain(|it| !is_of_shipments(it));
            actions.extend(found.available_actions);
        }
        let target = Target {
            order: order.id.clone(),
            hold: order.holds.last().map_or(nobody().hold, |it| it.id.clone()),
            approval: order.approvals.last().map_or(nobody().approval, |it| it.id.clone()),
            payment: order.payment_ids.last().cloned().unwrap_or(nobody().payment),
            shipment,
            change: match order.open_change_id.as_str() {
                "" => nobody().change,
                open => open.to_owned(),
            },
            follow_up: order.follow_up.as_ref().map_or(nobody().follow_up, |it| it.id.clone()),
            reservation: order.reservation.as_ref().map_or(nobody().reservation, |it| it.id.clone()),
            ..nobody()
        };
        for (name, call) in CALLS {
            let state = order.state();
            let why_not = unavailable.iter().find(|it| it.action == *name);
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
            let has_a_shipment = !order.shipment_ids.is_empty();
            if !OF_OTHERS.contains(name) && (has_a_shipment || !is_of_shipments(name)) {
                assert_eq!(in_turn, why_not.is_none(), "{name} in {state:?}: {why_not:?}");
            }
            assert!(why_not.is_none_or(|it| !it.reason.is_empty()), "{why_not:?}");
            let only_asked = call(server.clone(), Target { validate_only: true, ..target.clone() }).await;
            if in_turn {
                tried.validated.extend(only_asked.is_ok().then_some(*name));
                continue;
            }
            let status =
                call(server.clone(), target.clone()).await.expect_err(&format!("{name} in {state:?}"));
            let told = only_asked.expect_err("a refusal of what is only asked");
            assert_eq!((told.code(), told.message()), (status.code(), status.message()), "{name} only asked");
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
            tried.refused += 1;
        }
    }
    tried
}

#[derive(Default)]
struct Tried {
    refused: usize,
    /// The calls in turn that were accepted with `validate_only`.
    validated: BTreeSet<&'static str>,
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
        replenishments_are_listed(&server, state).await;
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

/// Those in this state: proposals are found by it.
async fn replenishments_are_listed(server: &TestServer, state: &str) {
    let request = pb::ListReplenishmentsRequest { filter: format!("state = {state}"), ..Default::default() };
    let listed = server.inventory.clone().list_replenishments(request).await.expect("a list").into_inner();
    assert!(!listed.replenishments.is_empty(), "{state}");
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
