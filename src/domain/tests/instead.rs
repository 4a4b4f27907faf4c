//! What a refusal says may be done instead: calls, about the resource itself or else about its order.

use crate::domain::approvals::decide::Decision;
use crate::domain::inventory::adjust::{AdjustReason, adjust_stock};
use crate::domain::model::action::Action;
use crate::domain::model::approval::Gate;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::method::Method;
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refund::HandedBack;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{by_card, dear, declined, done, location_code, one_package, order, sku};

/// Reason, state and calls of a refusal.
fn told<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> (Reason, &'static str, Vec<Action>) {
    match refused {
        Err(Refusal::Unmet { reason, state, legal, message: _ }) => {
            (reason, state.unwrap_or_default(), legal)
        }
        other => panic!("expected a refusal with a reason, not {other:?}"),
    }
}

/// The calls that are legal before an order leaves, whatever it waits for.
fn whatever_it_waits_for() -> Vec<Action> {
    vec![
        Action::UpdateOrder,
        Action::RecordVerification,
        Action::RecordRiskAssessment,
        Action::CancelOrder,
        Action::CreateOrderChange,
        Action::PlaceHold,
    ]
}

#[test]
fn a_shipment_names_its_own_calls_and_a_cancelled_one_those_of_its_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("begun");
    let again = bench.on(id, |order, unit| order.start_picking(unit, shipment));
    assert_eq!(told(again), (Reason::IllegalTransition, "PICKING", vec![Action::RecordPick]));

    bench
        .on(id, |order, unit| order.record_pick(unit, shipment, &[LineUnits { line: 1, units: 2 }]))
        .expect("picked");
    bench.check_quality(id, 0, 0);
    let mut packages = one_package(bench.shipment(id, 0));
    bench.on(id, |order, unit| order.pack(unit, shipment, packages.clone())).expect("packed");
    packages[0].contents[0].quantity -= 1;
    let wrong = bench.on(id, |order, unit| order.pack(unit, shipment, packages));
    let calls = vec![Action::PackShipment, Action::CreateShippingLabel];
    assert_eq!(told(wrong), (Reason::QuantityMismatch, "PACKED", calls));

    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    let late = bench.on(id, |order, unit| order.start_picking(unit, shipment));
    let of_order = bench.order(id).available_actions();
    assert!(!of_order.is_empty());
    assert_eq!(told(late), (Reason::IllegalTransition, "CANCELLED", of_order));
}

#[test]
fn a_payment_that_is_done_with_names_what_else_pays() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let payment = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
        .expect("asked for");
    let pending = bench.on(id, |order, unit| order.begin_capture(unit, payment));
    assert_eq!(told(pending), (Reason::PaymentPending, "INVOICED", whatever_it_waits_for()));

    bench.answer(id, payment, ProviderRequest::Authorize, &declined());
    let failed = bench.on(id, |order, unit| order.begin_capture(unit, payment));
    let (reason, state, calls) = told(failed);
    assert_eq!((reason, state), (Reason::IllegalTransition, "FAILED"));
    assert!(calls.contains(&Action::CapturePayment) && calls.contains(&Action::RecordPayment), "{calls:?}");

    bench.pass(365 * 86_400);
    let late = bench.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)));
    assert_eq!(told(late), (Reason::ReservationExpired, "INVOICED", whatever_it_waits_for()));
}

#[test]
fn a_captured_payment_may_still_be_refunded_otherwise() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("charged"));
    let paid = bench.order(id).payments[0].amount;
    let more = paid.currency.of(paid.minor + 1);
    let handed = HandedBack { method: Method::Cash, reference: String::new() };

    let too_much = bench.on(id, |order, unit| order.refund(unit, payment, Some(more), "too much"));
    let by_hand = bench.on(id, |order, unit| order.refund_by_hand(unit, payment, None, "goodwill", &handed));
    for (refused, because) in [(too_much, Reason::RefundExceedsCapture), (by_hand, Reason::IllegalTransition)]
    {
        let (reason, state, calls) = told(refused);
        assert_eq!((reason, state), (because, "CAPTURED"));
        assert!(calls.contains(&Action::RefundPayment), "{calls:?}");
    }
}

#[test]
fn who_may_not_decide_an_approval_is_not_sent_to_decide_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    let own = bench.decide_gate(id, Gate::Reservation, Decision::Approve);
    assert_eq!(told(own), (Reason::SelfApproval, "RESERVED", whatever_it_waits_for()));

    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("another actor");
    let (reason, state, calls) = told(bench.decide_gate(id, Gate::Reservation, Decision::Reject));
    assert_eq!((reason, state), (Reason::ApprovalDecided, "APPROVED"));
    assert_eq!(calls, bench.order(id).available_actions());
}

#[test]
fn a_hold_that_was_released_names_the_calls_of_its_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Other, "a call".to_owned()))
        .expect("placed");
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    let again = bench.on(id, |order, unit| order.release_hold(unit, hold, ""));
    let of_order = bench.order(id).available_actions();
    assert_eq!(told(again), (Reason::IllegalTransition, "RELEASED", of_order));
}

#[test]
fn reserved_stock_is_freed_before_it_is_taken_away() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.placed(&order("ada", &[("A-1", 4)]));
    let (code, shelf) = (sku("A-1"), location_code("NYC"));
    let lost = bench.decide(|unit| adjust_stock(unit, &code, &shelf, -2, AdjustReason::Lost, "gone", ""));
    let freeing = vec![Action::CancelOrder, Action::ReleaseReservation];
    assert_eq!(told(lost), (Reason::StockInUse, "", freeing));
}
