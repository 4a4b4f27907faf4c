//! Approvals count persons, over the wire: whoever had a hand in an order is refused under every spelling and through every
//! key, and so is their own word about a doubt.

use consign::access::Role;
use consign::pb;
use consign::settings::Settings;
use tonic::{Code, Request, Status};

use crate::access::{ADMIN, key, named, stock, with_key};
use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_product, draft, every_law_holds, open_location, order, reason, receive,
};

const SHOP: &str = "consign_shop";
const OFFICE: &str = "consign_office";
const ALICE: &str = "consign_alice";

async fn made(server: &TestServer, request: Request<pb::CreateOrderRequest>) -> pb::Order {
    let answer = server.orders.clone().create_order(request).await;
    answer.expect("an order").into_inner().order.expect("the order")
}

fn making(sku: &str) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest { order: Some(draft("ann", sku, 1)), ..Default::default() }
}

fn pending(order: &pb::Order) -> &pb::Approval {
    let waits = |it: &&pb::Approval| it.state() == pb::ApprovalState::Pending;
    order.approvals.iter().find(waits).expect("an approval that waits")
}

fn approving(order: &pb::Order) -> pb::ApproveRequestRequest {
    pb::ApproveRequestRequest { approval_id: pending(order).id.clone(), ..Default::default() }
}

async fn approve(server: &TestServer, request: Request<pb::ApproveRequestRequest>) -> Result<(), Status> {
    server.approvals.clone().approve_request(request).await.map(|_| ())
}

#[track_caller]
fn is_their_own(answer: Result<(), Status>, did: &str) {
    let status = answer.expect_err("they had a hand in it");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "SELF_APPROVAL"));
    assert!(status.message().contains(did), "{}", status.message());
}

on_both_engines!(who_made_changed_paid_or_captured_is_refused_and_a_fifth_person_approves, async |server| {
    open_location(&server, LEIPZIG, "EUROPE", "DE").await;
    create_product(&server, "DEAR", 200_000).await;
    receive(&server, "DEAR", LEIPZIG, 5).await;
    let placed = made(&server, by("alice", making("DEAR"))).await;
    assert_eq!(pending(&placed).askers, ["alice"]);
    let words = pb::OrderDraft { special_instructions: "ring twice".to_owned(), ..Default::default() };
    let request = pb::UpdateOrderRequest {
        order_id: placed.id.clone(),
        order: Some(words),
        update_mask: Some(prost_types::FieldMask { paths: vec!["special_instructions".to_owned()] }),
        ..Default::default()
    };
    server.orders.clone().update_order(by("bob", request)).await.expect("changed");

    let reserved = order(&server, &placed.id).await;
    assert_eq!(pending(&reserved).askers, ["alice", "bob"]);
    is_their_own(
        approve(&server, by("ALICE.", approving(&reserved))).await,
        "ALICE., as alice, made the order",
    );
    is_their_own(approve(&server, by("bob", approving(&reserved))).await, "bob changed the order");
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::Reserved, "nothing has happened");
    approve(&server, by("amira", approving(&reserved))).await.expect("another person");

    let request = pb::AuthorizePaymentRequest {
        order_id: placed.id.clone(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        ..Default::default()
    };
    let answer = server.billing.clone().authorize_payment(by("carol", request)).await.expect("set aside");
    let payment_id = answer.into_inner().payment.expect("a payment").id;
    let request = pb::CapturePaymentRequest { payment_id, ..Default::default() };
    server.billing.clone().capture_payment(by("dave", request)).await.expect("captured");

    let paid = order(&server, &placed.id).await;
    assert_eq!(paid.state(), pb::OrderState::PaymentCaptured);
    assert_eq!(pending(&paid).askers, ["alice", "bob", "carol", "dave"]);
    for (name, did) in [
        ("alice", "alice made the order"),
        ("al1ce", "al1ce, as alice, made the order"),
        ("bob", "bob changed the order"),
        ("carol", "carol took money for the order"),
        ("Dave", "Dave, as dave, captured money for the order"),
    ] {
        is_their_own(approve(&server, by(name, approving(&paid))).await, did);
    }
    approve(&server, by("amira", approving(&paid))).await.expect("she only approved before");
    let approved = order(&server, &placed.id).await;
    assert_eq!(approved.state(), pb::OrderState::Fulfilling);
    let askers: Vec<_> = approved.approvals.iter().map(|it| it.askers.join(" ")).collect();
    assert_eq!(askers, ["alice bob", "alice bob carol dave"], "who could not have decided");
    every_law_holds(&server).await;
    server.stop().await;
});

/// A shop and an office that name persons, and one person with a key of her own; nothing is approved by policy.
fn three_keys(settings: &mut Settings) {
    key(settings, "admin", ADMIN, Role::Admin);
    for (name, secret) in [("storefront", SHOP), ("office", OFFICE), ("alice", ALICE)] {
        key(settings, name, secret, Role::Admin);
    }
    for (name, key) in &mut settings.access.keys {
        key.names_persons = name == "storefront" || name == "office";
    }
    settings.rules.approval.reservation.automatic_up_to_minor.clear();
}

on_both_engines!(a_person_is_one_through_every_key, three_keys, async |server| {
    stock(&server).await;
    let placed = made(&server, named(SHOP, "alice", making("A-1"))).await;
    assert_eq!(placed.created_by, "alice");
    for (request, did) in [
        (named(SHOP, "alice", approving(&placed)), "alice made the order"),
        (named(OFFICE, "Alice", approving(&placed)), "Alice, as alice, made the order"),
        (with_key(ALICE, approving(&placed)), "alice made the order"),
        (with_key(SHOP, approving(&placed)), "storefront, for alice, made the order"),
    ] {
        is_their_own(approve(&server, request).await, did);
    }
    approve(&server, named(SHOP, "amira", approving(&placed)))
        .await
        .expect("the shop says that it is another");

    let request = pb::ListEventsRequest { filter: format!("order_id = {}", placed.id), ..Default::default() };
    let page = server.events.clone().list_events(with_key(ADMIN, request)).await.expect("a page");
    let events = page.into_inner().events;
    let by_whom = |kind: &str| {
        let event = events.iter().find(|it| it.r#type == kind).expect("an event");
        (event.actor.as_str(), event.principal.as_str())
    };
    assert_eq!(by_whom("ORDER_RECEIVED"), ("alice", "storefront"));
    assert_eq!(by_whom("APPROVAL_GRANTED"), ("amira", "storefront"));
    assert_eq!(by_whom("INVENTORY_RESERVED"), ("consign", ""));
    server.stop().await;
});

on_both_engines!(who_made_an_order_does_not_release_a_doubt_about_it, async |server| {
    crate::shop::stocked(&server, "P-1", 5).await;
    let placed = made(&server, by("alice", making("P-1"))).await;
    let request = pb::RecordRiskAssessmentRequest {
        order_id: placed.id.clone(),
        provider: "radar".to_owned(),
        level: pb::RiskLevel::High as i32,
        ..Default::default()
    };
    server.orders.clone().record_risk_assessment(by("radar", request)).await.expect("recorded");
    let held = order(&server, &placed.id).await;
    let release = || pb::ReleaseHoldRequest {
        order_id: placed.id.clone(),
        hold_id: held.holds.last().expect("a hold").id.clone(),
        comment: "I know her".to_owned(),
        ..Default::default()
    };
    let mut orders = server.orders.clone();
    for name in ["alice", "Alice"] {
        let answer = orders.release_hold(by(name, release())).await.map(|_| ());
        is_their_own(
            answer,
            "made the order and may not release a hold for HIGH_RISK_OF_FRAUD: another person has to",
        );
    }
    let unnamed = orders.release_hold(Request::new(release())).await.map(|_| ());
    is_their_own(unnamed, "has to say who they are");
    assert_eq!(order(&server, &placed.id).await.holds, held.holds, "nothing has happened");

    let released =
        orders.release_hold(by("risk-desk", release())).await.expect("another person").into_inner();
    let holds = released.order.expect("the order").holds;
    assert!(holds.iter().all(|it| it.state() == pb::HoldState::Released));
    every_law_holds(&server).await;
    server.stop().await;
});
