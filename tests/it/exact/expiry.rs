//! A payment and the end of its reservation at the same instant: exactly one wins, and money never arrives for stock
//! that is gone.

use std::sync::Arc;

use consign::pb;
use tonic::{Code, Status};

use super::stage::{Aim, Stage, crowd, everywhere, micros};
use crate::child::scale;
use crate::server::Clients;
use crate::shop::{by, draft, eur, level, reason, stocked};
use crate::warehouse::Warehouse;

/// Races of as many products, so that they do not wait for each other.
const PRODUCTS: usize = 20;

everywhere!(a_payment_at_the_end_of_its_reservation_wins_or_loses_whole, races);

#[derive(Debug, PartialEq, Eq)]
enum Winner {
    Payment,
    Expiry,
}

async fn races(stage: Arc<Stage>) {
    let races = scale(100, 5_000);
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

    let mut sold = [0; PRODUCTS];
    for (number, _) in ended.iter().filter(|it| it.1 == Winner::Payment) {
        sold[number % PRODUCTS] += 1;
    }
    let paid: i64 = sold.iter().sum();
    let expired = i64::try_from(races).expect("a few") - paid;
    println!(
        "{stage}: {races} races, {paid} paid with their stock, {} of them within the last 20 ms, {expired} expired with \
         their stock back",
        aim.narrow()
    );
    assert!(paid > 0 && expired > 0, "one side has won all the races");
    for (product, sold) in sold.into_iter().enumerate() {
        let level = level(&stage.door(product), &sku(product)).await;
        assert_eq!((level.on_hand, level.reserved, level.available), (units, sold, units - sold));
    }
}

fn sku(number: usize) -> String {
    format!("BRIEF-{:02}", number % PRODUCTS)
}

async fn race(stage: &Stage, aim: &Aim, number: usize) -> Winner {
    let mut chance = fastrand::Rng::with_seed(number as u64);
    let mut draft = draft(&format!("racer{number}"), &sku(number), 1);
    draft.reservation_lifetime = Some(prost_types::Duration { seconds: 2, nanos: 0 });
    let placed = stage.create_order(number, draft).await.expect("there is stock for everybody");
    let ends = placed.reservation.expect("reserved").expire_time.expect("it ends");

    let let_go = aim.wait_for(ends, &mut chance).await;
    let paid = stage.insist(number, |clients| pay(clients, &placed.id, number)).await;
    let took = let_go.elapsed();

    let clients = stage.door(number);
    let warehouse = Warehouse { server: &clients };
    match paid {
        Ok(payment) => {
            aim.came_early(took, payment.create_time.expect("a time"), ends);
            let order = warehouse.until(&placed.id, |it| it.state() == pb::OrderState::Fulfilling).await;
            assert_eq!(order.payment_status(), pb::PaymentStatus::Paid);
            let totals = order.totals.expect("totals");
            assert_eq!((totals.captured, totals.refunded), (totals.total, Some(eur(0))));
            let reservation = order.reservation.expect("its stock");
            assert_eq!(reservation.state(), pb::ReservationState::Confirmed);
            assert!(reservation.items.iter().all(|it| it.released == 0), "{reservation:?}");
            Winner::Payment
        }
        Err(status) => {
            aim.came_late(took);
            let late = ["RESERVATION_EXPIRED", "ILLEGAL_TRANSITION"].contains(&reason(&status).as_str());
            assert!(status.code() == Code::FailedPrecondition && late, "{status:?}");

            let order = warehouse.until(&placed.id, |it| it.state() == pb::OrderState::Expired).await;
            assert!(micros(order.update_time.expect("a time")) >= micros(ends), "expired before the end");
            assert_eq!((order.payment_ids.len(), order.payment_status()), (0, pb::PaymentStatus::Unpaid));
            let reservation = order.reservation.expect("what it had");
            assert_eq!(reservation.state(), pb::ReservationState::Expired);
            assert!(reservation.items.iter().all(|it| it.released == it.quantity), "{reservation:?}");
            Winner::Expiry
        }
    }
}

/// By transfer, in cash, by a good card, or by one whose provider answers only when it is asked again, long after the
/// reservation's end.
async fn pay(clients: Clients, order: &str, number: usize) -> Result<pb::Payment, Status> {
    let (method, token) = match number % 4 {
        0 => (pb::PaymentMethod::BankTransfer, ""),
        1 => (pb::PaymentMethod::Cash, ""),
        2 => (pb::PaymentMethod::Card, "tok_success"),
        _ => (pb::PaymentMethod::Card, "tok_timeout"),
    };
    let payment = if token.is_empty() {
        let reference = match method {
            pb::PaymentMethod::BankTransfer => format!("RF {number}"),
            _ => String::new(),
        };
        let request = pb::RecordPaymentRequest {
            order_id: order.to_owned(),
            method: method as i32,
            reference,
            request_id: format!("payment {number:05}"),
            tendered: (method == pb::PaymentMethod::Cash).then(|| eur(5_000)),
            ..Default::default()
        };
        clients.billing.clone().record_payment(by("till", request)).await?.into_inner().payment
    } else {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: method as i32,
            token: token.to_owned(),
            request_id: format!("payment {number:05}"),
            ..Default::default()
        };
        clients.billing.clone().capture_payment(by("storefront", request)).await?.into_inner().payment
    };
    Ok(payment.expect("a payment"))
}
