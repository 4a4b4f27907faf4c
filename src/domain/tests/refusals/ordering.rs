//! What is refused about orders, holds and approvals.

use crate::domain::approvals::decide::Decision;
use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::inventory::expire::release_reservation;
use crate::domain::inventory::receive::receive_stock;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::check::{Rule, Verdict};
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::policy::ShippingFee;
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OrderId, ServiceLevel};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::verify::Waive;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, state_of};
use crate::domain::tests::given::{
    actor, by_card, cash, dear, declined, done, location_code, open_request, order, pending, reason, sku, usd,
};
use crate::domain::unit::unit_of_work::UnitOfWork;

// Verification and holds.

#[test]
fn a_failed_rule_places_a_hold_until_the_order_is_corrected_and_verified() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    let address = new.shipping_address.clone();
    new.shipping_address.postal_code = String::new();
    new.customer.email = "not an address".to_owned();
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(state_of(&bench, id, Step::VerifyCustomer), StepState::Blocked);
    let hold = bench.order(id).holds[0].clone();
    let released = bench.on(id, |order, unit| order.release_hold(unit, hold.id, "never mind"));
    assert_eq!(reason(released), Reason::HoldActive);

    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("tried again");
    assert_eq!(bench.state(id), OrderState::Received);
    let correction = Correction {
        customer: Some(order("ada", &[]).customer),
        shipping_address: Some(address),
        ..Correction::default()
    };
    bench.on(id, |order, unit| order.correct(unit, &correction)).expect("nothing is reserved yet");
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("now it passes");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.order(id).holds.iter().all(|it| it.state == HoldState::Released));
    let goods = Correction { lines: Some(order("ada", &[("A-1", 2)]).lines), ..Correction::default() };
    let again = bench.on(id, |order, unit| order.correct(unit, &goods));
    assert_eq!(reason(again), Reason::IllegalTransition);
}

#[test]
fn a_duplicate_stays_one_until_a_person_waives_it_or_its_goods_change() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pass(60);
    let copy = bench.placed(&order("ada", &[("A-1", 1)]));
    let duplicate = |bench: &Bench| {
        let checks = &bench.order(copy).checks;
        checks.iter().any(|it| it.rule == Rule::DuplicateOrder && it.verdict == Verdict::Failed)
    };
    assert!(duplicate(&bench));
    bench.pass(500);
    bench.on(copy, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("decided");
    assert!(duplicate(&bench), "looking again does not make it another order");
    bench.on(copy, |order, unit| order.verify_again(unit, Waive::Duplicate)).expect("decided");
    assert_eq!(bench.state(copy), OrderState::Invoiced);

    let third = bench.placed(&order("ada", &[("A-1", 1)]));
    assert_eq!(bench.state(third), OrderState::Received);
    let lines = Some(order("ada", &[("A-1", 3)]).lines);
    let correction = Correction { lines, ..Correction::default() };
    bench.on(third, |order, unit| order.correct(unit, &correction)).expect("corrected");
    bench.on(third, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("other goods");
    assert_eq!(bench.state(third), OrderState::Invoiced);
}

#[test]
fn a_corrected_address_gets_the_fee_of_its_region_but_an_agreed_fee_stays() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.rules.shipping_fees = vec![ShippingFee {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        service: ServiceLevel::Standard,
        currency: usd(0).currency,
        fee_minor: 700,
    }];
    let home = order("ada", &[]).shipping_address;
    for (agreed, fee) in [(None, 700), (Some(usd(50)), 50)] {
        let mut new = order(&format!("ada{fee}"), &[("A-1", 1)]);
        new.shipping_address.country = "AQ".to_owned();
        new.shipping_fee = agreed;
        let id = bench.placed(&new);
        assert_eq!(bench.state(id), OrderState::Received);
        let correction = Correction { shipping_address: Some(home.clone()), ..Correction::default() };
        bench.on(id, |order, unit| order.correct(unit, &correction)).expect("corrected");
        assert_eq!(bench.order(id).amounts.shipping_minor, fee);
    }
}

#[test]
fn a_hold_stops_forward_moves_but_not_cancelling() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let hold = |bench: &mut Bench| {
        bench
            .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, "papers missing".to_owned()))
            .expect("a hold")
    };
    let first = hold(&mut bench);
    let line = bench.timeline(id)[6].clone();
    assert_eq!((line.step, line.state), (Step::CapturePayment, StepState::Blocked));
    assert!(line.note.contains("COMPLIANCE"), "{}", line.note);
    let pay = |order: &mut Order, unit: &mut UnitOfWork<'_>| order.record_payment(unit, &cash(None));
    assert_eq!(reason(bench.on(id, pay)), Reason::HoldActive);
    let charge =
        bench.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)));
    assert_eq!(reason(charge), Reason::HoldActive);

    bench.on(id, |order, unit| order.release_hold(unit, first, "papers are here")).expect("released");
    bench.on(id, pay).expect("cash");
    hold(&mut bench);
    let shipment = bench.shipment(id, 0).id;
    assert_eq!(reason(bench.on(id, |order, unit| order.start_picking(unit, shipment))), Reason::HoldActive);
    bench.on(id, |order, unit| order.cancel(unit, "papers never came")).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Cancelled);
    assert!(!bench.order(id).on_hold());
}

#[test]
fn an_order_has_at_most_twenty_holds_and_none_when_it_is_over() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let mut hold =
        || bench.on(id, |order, unit| order.place_hold(unit, HoldReason::Other, String::new())).map(|_| ());
    for _ in 0..20 {
        hold().expect("a hold");
    }
    assert_eq!(reason(hold()), Reason::LimitReached);
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    let late = bench.on(id, |order, unit| order.place_hold(unit, HoldReason::Other, String::new()));
    assert_eq!(reason(late), Reason::IllegalTransition);
}

// Approvals.

#[test]
fn nobody_approves_what_they_asked_for() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    assert_eq!(reason(bench.decide_gate(id, Gate::Reservation, Decision::Approve)), Reason::SelfApproval);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("another actor");
    assert_eq!(reason(bench.decide_gate(id, Gate::Reservation, Decision::Reject)), Reason::ApprovalDecided);

    bench.by("cashier").pay_cash(id);
    assert_eq!(reason(bench.decide_gate(id, Gate::Payment, Decision::Approve)), Reason::SelfApproval);
    bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("another actor");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn nobody_approves_what_they_asked_for_under_another_spelling() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("ann@example.com").placed(&dear(order("ada", &[("A-1", 1)])));
    let own = bench.by("Ann@Example.com").decide_gate(id, Gate::Reservation, Decision::Approve);
    assert_eq!(reason(own), Reason::SelfApproval);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("another actor");

    let mut own = bench.order(id).clone();
    assert!(own.violations().iter().all(|it| it.law != "T4"));
    own.approvals[0].decided_by = Some(actor("ANN@example.com"));
    assert!(own.violations().iter().any(|it| it.law == "T4"));
}

#[test]
fn who_took_the_money_may_not_approve_it_even_if_a_later_try_failed() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let first = bench
        .by("cashier")
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, Some(150_000))))
        .expect("a part");
    bench.answer(id, first, ProviderRequest::Authorize, &done("a"));
    let second = bench
        .by("trainee")
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, Some(50_000))))
        .expect("the rest");
    bench.answer(id, second, ProviderRequest::Charge, &declined());
    bench
        .by("cashier")
        .on(id, |order, unit| order.record_payment(unit, &cash(Some(50_000))))
        .expect("in cash");
    bench.on(id, |order, unit| order.begin_capture(unit, first)).expect("authorised");
    bench.answer(id, first, ProviderRequest::Capture, &done("c"));
    assert_eq!(reason(bench.decide_gate(id, Gate::Payment, Decision::Approve)), Reason::SelfApproval);
}

#[test]
fn a_rejected_reservation_gives_its_stock_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 3)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Reject).expect("rejected");
    assert_eq!(bench.state(id), OrderState::Rejected);
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 0, 0));
    assert_eq!(state_of(&bench, id, Step::ReserveInventory), StepState::Compensated);
    assert_eq!(state_of(&bench, id, Step::ApproveReservation), StepState::Failed);
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::Skipped);
}

#[test]
fn a_rejected_payment_is_paid_back_and_a_hold_does_not_stop_that() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let payment = bench.by("shop").charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::HighRiskOfFraud, String::new()))
        .expect("a hold");
    assert_eq!(
        reason(bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve)),
        Reason::HoldActive
    );
    bench.decide_gate(id, Gate::Payment, Decision::Reject).expect("rejected");
    assert_eq!(bench.state(id), OrderState::Rejected);
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 0, 0));
    assert_eq!(bench.order(id).payments[0].refunds[0].amount, usd(200_000));
    bench.settle(id);
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::Compensated);
}

#[test]
fn an_approval_nobody_decides_expires_and_takes_the_order_along() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    bench.by("cashier").pay_cash(id);
    bench.pass(bench.rules.approval_lifetime_seconds);
    assert_eq!(
        reason(bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve)),
        Reason::ApprovalDecided
    );
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Rejected);
    assert_eq!(bench.order(id).approval(Gate::Payment).map(|it| it.state), Some(ApprovalState::Expired));
    assert_eq!(bench.order(id).payments[0].refunds[0].state, RefundState::Pending);
}

#[test]
fn a_hold_lasts_through_its_approval_and_then_as_long_as_settings_say() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.pass(bench.rules.approval_lifetime_seconds - 1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Reserved);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("just in time");
    bench.pass(bench.rules.reservation_lifetime_seconds - 1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    bench.pass(1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Expired);
}

#[test]
fn a_lifetime_of_the_callers_own_ends_a_reservation_that_waits_for_approval() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = dear(order("ada", &[("A-1", 1)]));
    new.reservation_lifetime_seconds = Some(1);
    let id = bench.by("shop").placed(&new);
    bench.pass(1);
    let late = bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve);
    assert_eq!(reason(late), Reason::ReservationExpired);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert!(pending(bench.order(id)).is_none());
}

// Cancelling.

#[test]
fn cancelling_anywhere_before_the_handover_undoes_everything() {
    type Drive = fn(&mut Bench, OrderId);
    let to: [(&str, Drive); 8] = [
        ("reserved", |_, _| {}),
        ("invoiced", |bench, id| {
            bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
        }),
        ("asked", |bench, id| {
            bench.by("shop").charge(id);
        }),
        ("captured", |bench, id| {
            let (payment, request) = open_request(bench.order(id)).expect("asked");
            bench.answer(id, payment, request, &done("c"));
        }),
        ("approved", |bench, id| {
            bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("approved");
        }),
        ("picked", |bench, id| bench.pick(id, 0)),
        ("failed", |bench, id| bench.check_quality(id, 0, 1)),
        ("prepared", |bench, id| bench.prepare(id, 0)),
    ];
    for last in 0..to.len() {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
        let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 2)])));
        for (_, drive) in &to[..=last] {
            drive(&mut bench, id);
        }
        let damaged = bench.level("A-1", "NYC").quality_hold;
        bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("not handed over yet");
        bench.settle(id);
        bench.send_messages(id);

        let (order, at) = (bench.order(id), to[last].0);
        assert_eq!(bench.shelf("A-1", "NYC"), (9, 0, damaged), "{at}: stock");
        assert_eq!(order.captured_minor(), order.refunded_minor(), "{at}: money");
        assert!(!order.has_open_money() && pending(order).is_none(), "{at}");
        assert!(order.shipments.iter().all(|it| it.state == ShipmentState::Cancelled), "{at}: shipments");
        assert_eq!(
            order.messages.last().map(|it| it.kind == MessageKind::OrderReceived),
            Some(false),
            "{at}"
        );
        let again = bench.on(id, |order, unit| order.cancel(unit, ""));
        assert_eq!(reason(again), Reason::IllegalTransition);
        bench.on(id, Order::archive).expect("nothing is open");
        for line in bench.timeline(id) {
            assert!(line.state == StepState::Done || !line.note.is_empty(), "{at}: why {line:?}");
        }
    }
}

#[test]
fn nothing_is_cancelled_after_the_first_handover() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.ship(id, 0);
    let refused = bench.on(id, |order, unit| order.cancel(unit, "too late"));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

#[test]
fn feedback_is_given_once_and_only_when_asked_for() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let say = |bench: &mut Bench| {
        bench.on(id, |order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(4, 5)))
    };
    assert_eq!(reason(say(&mut bench)), Reason::FeedbackNotOpen);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    say(&mut bench).expect("asked for");
    assert_eq!(reason(say(&mut bench)), Reason::FeedbackNotOpen);
}

#[test]
fn an_order_is_archived_when_it_is_over_and_owes_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let archive = |bench: &mut Bench| bench.on(id, Order::archive);
    assert_eq!(reason(archive(&mut bench)), Reason::IllegalTransition);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);

    let refund = bench.order(id).payments[0].refunds[0].id;
    bench.on(id, |order, unit| order.answer_refund(unit, refund, &declined())).expect("an answer");
    bench.send_messages(id);
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);
    bench.pass(bench.rules.archive_after_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Cancelled, "money that was not paid back is not forgotten");
    bench.on(id, |order, unit| order.refund(unit, payment, None, "again")).expect("tried again");
    bench.settle(id);
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);
    bench.send_messages(id);
    archive(&mut bench).expect("nothing is open");
    let refused = bench.on(id, |order, unit| order.refund(unit, payment, None, ""));
    assert_eq!(reason(refused), Reason::RefundExceedsCapture, "all of it was paid back");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let nobody = uuid::Uuid::nil();
    let not_found = |refused: Result<(), Refusal>| {
        assert!(matches!(refused, Err(Refusal::NotFound { .. })), "{refused:?}");
    };
    not_found(bench.on(OrderId(nobody), |order, unit| order.cancel(unit, "")));
    not_found(bench.on(id, |order, unit| order.start_picking(unit, nobody.into())));
    not_found(bench.on(id, |order, unit| order.release_hold(unit, nobody.into(), "")));
    not_found(bench.on(id, |order, unit| order.decide_approval(unit, nobody.into(), Decision::Approve, "")));
    not_found(bench.on(id, |order, unit| order.begin_capture(unit, nobody.into())));
    not_found(bench.on(id, |order, unit| order.refund(unit, nobody.into(), None, "").map(|_| ())));
    not_found(bench.on(id, |order, unit| order.answer_message(unit, nobody.into(), Ok(()))));
    not_found(bench.decide(|unit| release_reservation(unit, nobody.into())));
    not_found(
        bench.decide(|unit| receive_stock(unit, &sku("X-9"), &location_code("NYC"), 1, "", None)).map(drop),
    );
    not_found(
        bench.decide(|unit| receive_stock(unit, &sku("A-1"), &location_code("MOON"), 1, "", None)).map(drop),
    );
}
