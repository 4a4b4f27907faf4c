//! Yes, no and too late at the same instant: an approval is decided once, and its order lives with that decision.

use std::collections::BTreeMap;
use std::sync::Arc;

use consign::pb;
use tonic::{Code, Status};

use super::stage::{Aim, Stage, crowd, everywhere};
use crate::child::scale;
use crate::server::Clients;
use crate::shop::{by, draft, eur, level, order, reason, stocked};
use crate::warehouse::Warehouse;

/// Races of as many products, so that they do not wait for each other.
const PRODUCTS: usize = 20;

/// Orders in person wait for the approval of their reservation, orders by phone for that of their payment.
const SETTINGS: &[(&str, &str)] = &[
    ("CONSIGN_RULES__APPROVAL_LIFETIME_SECONDS", "2"),
    ("CONSIGN_RULES__APPROVAL__RESERVATION__CHANNELS", "[IN_PERSON]"),
    ("CONSIGN_RULES__APPROVAL__PAYMENT__CHANNELS", "[PHONE]"),
];

everywhere!(an_approval_is_decided_once_by_a_yes_a_no_or_its_end, SETTINGS, races);

async fn races(stage: Arc<Stage>) {
    let races = scale(60, 2_000);
    let units = i64::try_from(races / PRODUCTS).expect("a few");
    for product in 0..PRODUCTS {
        stocked(&stage.door(product), &sku(product), units).await;
    }

    let at_once = scale(16, 64);
    let aim = Arc::new(Aim::of(at_once));
    let ended = crowd(at_once, races, |number| {
        let (stage, aim) = (Arc::clone(&stage), Arc::clone(&aim));
        async move { (number, race(&stage, &aim, number).await) }
    })
    .await;

    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    let mut approved = [0; PRODUCTS];
    for (number, state) in ended {
        *decided.entry(state.as_str_name()).or_default() += 1;
        approved[number % PRODUCTS] += i64::from(state == pb::ApprovalState::Approved);
    }
    println!("{stage}: {races} races, {decided:?}, {} of them decided within the last 20 ms", aim.narrow());
    let late = decided.get(pb::ApprovalState::Expired.as_str_name()).copied().unwrap_or(0);
    assert!(late > 0 && late < races, "one side has won all the races");
    for (product, approved) in approved.into_iter().enumerate() {
        let level = level(&stage.door(product), &sku(product)).await;
        assert_eq!((level.on_hand, level.reserved, level.available), (units, approved, units - approved));
    }
}

fn sku(number: usize) -> String {
    format!("GATED-{:02}", number % PRODUCTS)
}

async fn race(stage: &Stage, aim: &Aim, number: usize) -> pb::ApprovalState {
    let mut chance = fastrand::Rng::with_seed(number as u64);
    let clients = stage.door(number);
    let mut draft = draft(&format!("racer{number}"), &sku(number), 1);
    let gate = if chance.bool() { pb::Gate::Reservation } else { pb::Gate::Payment };
    let channel = if gate == pb::Gate::Payment { pb::Channel::Phone } else { pb::Channel::InPerson };
    draft.channel = channel as i32;
    let id = stage.create_order(number, draft).await.expect("there is stock for everybody").id;
    if gate == pb::Gate::Payment {
        stage.insist(number, |clients| pay(clients, &id, number)).await.expect("paid");
    }
    let asked = order(&clients, &id).await.approvals.pop().expect("an approval");
    assert_eq!(asked.gate(), gate);

    let ends = asked.expire_time.expect("it ends");
    let (mut first, mut second) = (chance.fork(), chance.fork());
    let yes = async {
        let let_go = aim.wait_for(ends, &mut first).await;
        let decided = stage.insist(number + 1, |clients| approve(clients, &asked.id)).await;
        (decided, let_go.elapsed())
    };
    let no = async {
        aim.wait_for(ends, &mut second).await;
        stage.insist(number + 2, |clients| reject(clients, &asked.id)).await
    };
    let ((yes, took), no) = tokio::join!(yes, no);
    for status in [&yes, &no].into_iter().filter_map(|it| it.as_ref().err()) {
        let late = ["APPROVAL_DECIDED", "ILLEGAL_TRANSITION"].contains(&reason(status).as_str());
        assert!(status.code() == Code::FailedPrecondition && late, "{status:?}");
    }

    let warehouse = Warehouse { server: &clients };
    let settled = |it: &pb::Order| it.approvals.iter().all(|it| it.state() != pb::ApprovalState::Pending);
    let order = warehouse.until(&id, settled).await;
    let decided = order.approvals.last().expect("an approval").state();
    let word = match (yes.is_ok(), no.is_ok()) {
        (true, false) => pb::ApprovalState::Approved,
        (false, true) => pb::ApprovalState::Rejected,
        (false, false) => pb::ApprovalState::Expired,
        (true, true) => panic!("approved and rejected: {order:?}"),
    };
    assert_eq!(decided, word, "{order:?}");
    if decided == pb::ApprovalState::Expired {
        aim.came_late(took);
    } else {
        let approval = order.approvals.last().expect("an approval");
        aim.came_early(took, approval.decide_time.expect("a time"), ends);
    }

    let state = match (decided, gate) {
        (pb::ApprovalState::Approved, pb::Gate::Reservation) => pb::OrderState::Invoiced,
        (pb::ApprovalState::Approved, _) => pb::OrderState::Fulfilling,
        _ => pb::OrderState::Rejected,
    };
    assert_eq!(order.state(), state, "{order:?}");
    let reservation = order.reservation.as_ref().expect("its stock");
    let kept = |released: bool| reservation.items.iter().all(|it| (it.released == it.quantity) == released);
    assert!(kept(state == pb::OrderState::Rejected), "{reservation:?}");
    if gate == pb::Gate::Payment && state == pb::OrderState::Rejected {
        let back = |it: &pb::Order| it.payment_status() == pb::PaymentStatus::Refunded;
        let order = warehouse.until(&id, back).await;
        let totals = order.totals.expect("totals");
        assert_eq!(totals.refunded, totals.captured);
        assert_ne!(totals.captured, Some(eur(0)));
    }
    decided
}

async fn pay(clients: Clients, order: &str, number: usize) -> Result<(), Status> {
    let request = pb::CapturePaymentRequest {
        order_id: order.to_owned(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        request_id: format!("payment {number:05}"),
        ..Default::default()
    };
    clients.billing.clone().capture_payment(by("storefront", request)).await.map(|_| ())
}

async fn approve(clients: Clients, id: &str) -> Result<(), Status> {
    let request = pb::ApproveRequestRequest {
        approval_id: id.to_owned(),
        request_id: format!("yes {id}"),
        ..Default::default()
    };
    clients.approvals.clone().approve_request(by("amira", request)).await.map(|_| ())
}

async fn reject(clients: Clients, id: &str) -> Result<(), Status> {
    let request = pb::RejectRequestRequest {
        approval_id: id.to_owned(),
        comment: "too late".to_owned(),
        request_id: format!("no {id}"),
        ..Default::default()
    };
    clients.approvals.clone().reject_request(by("ben", request)).await.map(|_| ())
}
