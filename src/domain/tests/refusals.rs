//! Each refusal by example, and what early ends undo.

use super::bench::{
    Bench, actor, by_card, cash, checks_of, dear, declined, done, one_package, open_ask, order, pending,
    place, proof, reason, report, sku, to_berlin, unknown, usd, waiting,
};
use crate::domain::{
    AdjustReason, ApprovalState, Ask, Correction, Decision, EventKind, Gate, HandedBack, HoldReason,
    HoldState, InvoiceState, MessageKind, Method, MovementKind, NewReservation, Order, OrderId, OrderState,
    PackedItem, PaymentState, Problems, Reason, RefundState, Refusal, ReplenishmentState, ReservationState,
    Rule, ShipmentState, Shortage, Step, StepState, TrackingStatus, Verdict, Waive, adjust_stock,
    decide_replenishment, expire_reservation, receive_stock, release_reservation, reserve_stock,
    set_reorder_rule,
};
use std::time::Duration;

fn refused_fields<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Invalid(Problems(problems))) => problems.into_iter().map(|it| it.field).collect(),
        other => panic!("expected bad fields, not {other:?}"),
    }
}

fn state_of(bench: &Bench, id: OrderId, step: Step) -> StepState {
    bench.timeline(id)[usize::from(step.number()) - 1].state
}

fn others(lines: &[(&str, i64)], seconds: u64) -> NewReservation {
    NewReservation {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        location: None,
        lines: lines.iter().map(|(code, units)| (sku(code), *units)).collect(),
        lifetime: Some(Duration::from_secs(seconds)),
        reference: "basket 7".to_owned(),
    }
}

// Receipt and stock.

#[test]
fn a_shortage_names_what_is_short_and_changes_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("B-2", "LAX", 1)]);
    let (stock, movements) = (bench.world.stock.clone(), bench.movements.len());
    let refused = bench.place(&order("ada", &[("A-1", 2), ("B-2", 2), ("A-1", 2)]));

    let short = |code: &str, wanted, available| Shortage { sku: sku(code), wanted, available };
    assert_eq!(refused, Err(Refusal::Short(vec![short("A-1", 4, 3), short("B-2", 2, 1)])));
    assert_eq!(bench.world.stock, stock);
    assert_eq!(bench.movements.len(), movements);
    assert!(bench.world.orders.is_empty() && bench.world.fingerprints.is_empty());
}

#[test]
fn stock_of_another_region_does_not_help() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let refused = bench.place(&to_berlin(order("ada", &[("A-1", 1)])));
    assert!(matches!(refused, Err(Refusal::Short(_))), "{refused:?}");
}

#[test]
fn safety_stock_is_kept_from_new_orders() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench
        .decide(|desk| adjust_stock(desk, &sku("A-1"), &place("NYC"), 4, AdjustReason::SafetyStock, "", ""))
        .expect("a safety stock");
    assert!(bench.place(&order("ada", &[("A-1", 2)])).is_err());
    assert!(bench.place(&order("ada", &[("A-1", 1)])).is_ok());
}

#[test]
fn one_location_that_has_everything_is_preferred_to_two() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2), ("A-1", 2)]));
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 0, 0));
    assert_eq!(bench.shelf("A-1", "LAX"), (5, 4, 0));
    assert_eq!(bench.order(id).reservations[0].items.len(), 2);
}

#[test]
fn a_newer_order_never_overtakes_a_waiting_one() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "BER", 1)]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let second = bench.placed(&waiting(order("bob", &[("A-1", 2)])));
    assert_eq!(
        (bench.state(first), bench.state(second)),
        (OrderState::AwaitingStock, OrderState::AwaitingStock)
    );
    assert_eq!(state_of(&bench, first, Step::ReserveInventory), StepState::Blocked);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 0));

    // What is there is spoken for, here but not elsewhere, for orders and for other callers.
    assert!(matches!(bench.place(&order("eve", &[("A-1", 1)])), Err(Refusal::Short(_))));
    assert!(bench.place(&to_berlin(order("eve", &[("A-1", 1)]))).is_ok());
    assert!(bench.decide(|desk| reserve_stock(desk, &others(&[("A-1", 1)], 60))).is_err());

    // Too little for the first: the second waits behind it, though there is enough for it.
    bench.stock("A-1", "LAX", 2);
    assert!(!bench.fill(second));
    assert!(!bench.fill(first));

    // Enough for the first only, then for both.
    bench.stock("A-1", "LAX", 1);
    assert!(!bench.fill(second));
    assert!(bench.fill(first));
    assert!(!bench.fill(second));
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(second));
    assert_eq!((bench.state(first), bench.state(second)), (OrderState::Invoiced, OrderState::Invoiced));
    assert_eq!(state_of(&bench, second, Step::ReserveInventory), StepState::Done);
}

#[test]
fn who_waits_behind_a_cancelled_order_moves_up() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let second = bench.placed(&waiting(order("bob", &[("A-1", 2)])));
    bench.on(first, |order, desk| order.cancel(desk, "too slow")).expect("cancelled");
    assert!(bench.fill(second));
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn a_waiting_order_on_hold_keeps_its_place_and_is_filled_on_release() {
    let mut bench = Bench::with_stock(&[]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 2)])));
    let hold =
        bench.on(first, |order, desk| order.place_hold(desk, HoldReason::CustomerRequest, String::new()));
    bench.stock("A-1", "NYC", 2);
    assert!(!bench.fill(first));
    assert!(bench.place(&order("bob", &[("A-1", 1)])).is_err());

    bench.on(first, |order, desk| order.release_hold(desk, hold.expect("a hold"), "")).expect("released");
    assert_eq!(bench.state(first), OrderState::Invoiced);
}

#[test]
fn an_overdue_hold_is_freed_for_the_next_buyer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let mut new = order("ada", &[("A-1", 2)]);
    new.reservation_lifetime_seconds = Some(60);
    let first = bench.placed(&new);
    bench.pass(59);
    assert!(bench.place(&order("bob", &[("A-1", 1)])).is_err());

    bench.pass(1);
    let second = bench.by("bob").placed(&order("bob", &[("A-1", 1)]));
    assert_eq!(bench.state(first), OrderState::Expired);
    assert_eq!(bench.state(second), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 1, 0));
    let expired = bench.history(first).iter().find(|it| it.kind == EventKind::OrderExpired).expect("told");
    assert!(expired.actor.is_system(), "bob did not expire ada's order");
    let freed = bench.movements.iter().find(|it| it.kind == MovementKind::Expire).expect("a movement");
    assert!(freed.actor.is_system());
}

#[test]
fn another_callers_hold_expires_for_the_next_buyer_too() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let held = bench.decide(|desk| reserve_stock(desk, &others(&[("A-1", 2)], 30))).expect("in stock");
    bench.decide(|desk| expire_reservation(desk, held)).expect("nothing happens before its end");
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
    bench.pass(30);
    assert!(bench.place(&order("ada", &[("A-1", 2)])).is_ok());
    assert_eq!(bench.world.reservations[&held].state, ReservationState::Expired);
    let refused = bench.decide(|desk| release_reservation(desk, held));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

#[test]
fn an_adjustment_never_eats_reserved_units() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.placed(&order("ada", &[("A-1", 4)]));
    let adjust = |bench: &mut Bench, delta, why| {
        bench.decide(|desk| adjust_stock(desk, &sku("A-1"), &place("NYC"), delta, why, "shelf 3", ""))
    };
    assert_eq!(reason(adjust(&mut bench, -2, AdjustReason::Lost)), Reason::StockInUse);
    assert_eq!(reason(adjust(&mut bench, 2, AdjustReason::Damage)), Reason::StockInUse);
    assert_eq!(reason(adjust(&mut bench, 2, AdjustReason::QualityHold)), Reason::StockInUse);
    assert!(adjust(&mut bench, 2, AdjustReason::Lost).is_err(), "the wrong sign");
    assert!(adjust(&mut bench, -1, AdjustReason::Scrap).is_err(), "nothing is damaged");
    adjust(&mut bench, 1, AdjustReason::Damage).expect("one is free");
    assert_eq!(reason(adjust(&mut bench, -1, AdjustReason::Count)), Reason::StockInUse);
    adjust(&mut bench, -1, AdjustReason::Scrap).expect("the damaged one");
    assert_eq!(bench.shelf("A-1", "NYC"), (4, 4, 0));

    let stale =
        bench.decide(|desk| adjust_stock(desk, &sku("A-1"), &place("NYC"), 1, AdjustReason::Found, "", "v1"));
    let current = crate::domain::etag(bench.level("A-1", "NYC").version);
    assert_eq!(stale, Err(Refusal::StaleEtag { current }));
}

#[test]
fn an_external_reference_and_a_product_are_there_once_or_refused() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.external_reference = "web-1".to_owned();
    bench.placed(&new);
    assert!(matches!(bench.place(&new), Err(Refusal::Exists { .. })));
    let fields = refused_fields(bench.place(&order("bob", &[("A-1", 1), ("X-9", 1), ("Y-9", 1)])));
    assert_eq!(fields, ["lines[1].sku", "lines[2].sku"]);
}

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
    let released = bench.on(id, |order, desk| order.release_hold(desk, hold.id, "never mind"));
    assert_eq!(reason(released), Reason::HoldActive);

    bench.on(id, |order, desk| order.verify_again(desk, Waive::Nothing)).expect("tried again");
    assert_eq!(bench.state(id), OrderState::Received);
    let correction = Correction {
        customer: Some(order("ada", &[]).customer),
        shipping_address: Some(address),
        ..Correction::default()
    };
    bench.on(id, |order, desk| order.correct(desk, &correction)).expect("nothing is reserved yet");
    bench.on(id, |order, desk| order.verify_again(desk, Waive::Nothing)).expect("now it passes");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.order(id).holds.iter().all(|it| it.state == HoldState::Released));
    let again = bench.on(id, |order, desk| order.correct(desk, &Correction::default()));
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
    bench.on(copy, |order, desk| order.verify_again(desk, Waive::Nothing)).expect("decided");
    assert!(duplicate(&bench), "looking again does not make it another order");
    bench.on(copy, |order, desk| order.verify_again(desk, Waive::Duplicate)).expect("decided");
    assert_eq!(bench.state(copy), OrderState::Invoiced);

    let third = bench.placed(&order("ada", &[("A-1", 1)]));
    assert_eq!(bench.state(third), OrderState::Received);
    let lines = Some(order("ada", &[("A-1", 3)]).lines);
    let correction = Correction { lines, ..Correction::default() };
    bench.on(third, |order, desk| order.correct(desk, &correction)).expect("corrected");
    bench.on(third, |order, desk| order.verify_again(desk, Waive::Nothing)).expect("other goods");
    assert_eq!(bench.state(third), OrderState::Invoiced);
}

#[test]
fn a_corrected_address_gets_the_fee_of_its_region_but_an_agreed_fee_stays() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.rules.shipping_fees = vec![crate::domain::ShippingFee {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        service: crate::domain::ServiceLevel::Standard,
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
        bench.on(id, |order, desk| order.correct(desk, &correction)).expect("corrected");
        assert_eq!(bench.order(id).amounts.shipping_minor, fee);
    }
}

#[test]
fn a_hold_stops_forward_moves_but_not_cancelling() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let hold = |bench: &mut Bench| {
        bench
            .on(id, |order, desk| order.place_hold(desk, HoldReason::Compliance, "papers missing".to_owned()))
            .expect("a hold")
    };
    let first = hold(&mut bench);
    let line = bench.timeline(id)[6].clone();
    assert_eq!((line.step, line.state), (Step::CapturePayment, StepState::Blocked));
    assert!(line.note.contains("COMPLIANCE"), "{}", line.note);
    let pay = |order: &mut Order, desk: &mut crate::domain::Desk<'_>| order.record_payment(desk, &cash(None));
    assert_eq!(reason(bench.on(id, pay)), Reason::HoldActive);
    let charge = bench.on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Charge, None)));
    assert_eq!(reason(charge), Reason::HoldActive);

    bench.on(id, |order, desk| order.release_hold(desk, first, "papers are here")).expect("released");
    bench.on(id, pay).expect("cash");
    hold(&mut bench);
    let shipment = bench.shipment(id, 0).id;
    assert_eq!(reason(bench.on(id, |order, desk| order.start_picking(desk, shipment))), Reason::HoldActive);
    bench.on(id, |order, desk| order.cancel(desk, "papers never came")).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Cancelled);
    assert!(!bench.order(id).on_hold());
}

#[test]
fn an_order_has_at_most_twenty_holds_and_none_when_it_is_over() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let mut hold =
        || bench.on(id, |order, desk| order.place_hold(desk, HoldReason::Other, String::new())).map(|_| ());
    for _ in 0..20 {
        hold().expect("a hold");
    }
    assert_eq!(reason(hold()), Reason::LimitReached);
    bench.on(id, |order, desk| order.cancel(desk, "")).expect("cancelled");
    let late = bench.on(id, |order, desk| order.place_hold(desk, HoldReason::Other, String::new()));
    assert_eq!(reason(late), Reason::IllegalTransition);
}

// Approvals.

#[test]
fn nobody_approves_what_they_asked_for() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    assert_eq!(reason(bench.decide_gate(id, Gate::Reservation, Decision::Approve)), Reason::SelfApproval);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("somebody else");
    assert_eq!(reason(bench.decide_gate(id, Gate::Reservation, Decision::Reject)), Reason::ApprovalDecided);

    bench.by("cashier").pay_cash(id);
    assert_eq!(reason(bench.decide_gate(id, Gate::Payment, Decision::Approve)), Reason::SelfApproval);
    bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("somebody else");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn who_took_the_money_may_not_approve_it_even_if_a_later_try_failed() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let first = bench
        .by("cashier")
        .on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Authorize, Some(150_000))))
        .expect("a part");
    bench.answer(id, first, Ask::Authorize, &done("a"));
    let second = bench
        .by("trainee")
        .on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Charge, Some(50_000))))
        .expect("the rest");
    bench.answer(id, second, Ask::Charge, &declined());
    bench
        .by("cashier")
        .on(id, |order, desk| order.record_payment(desk, &cash(Some(50_000))))
        .expect("in cash");
    bench.on(id, |order, desk| order.begin_capture(desk, first)).expect("authorised");
    bench.answer(id, first, Ask::Capture, &done("c"));
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
    bench.answer(id, payment, Ask::Charge, &done("c"));
    bench
        .on(id, |order, desk| order.place_hold(desk, HoldReason::HighRiskOfFraud, String::new()))
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
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Rejected);
    assert_eq!(bench.order(id).approval(Gate::Payment).map(|it| it.state), Some(ApprovalState::Expired));
    assert_eq!(bench.order(id).payments[0].refunds[0].state, RefundState::Pending);
}

#[test]
fn a_hold_lasts_through_its_approval_and_then_as_long_as_settings_say() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.pass(bench.rules.approval_lifetime_seconds - 1);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Reserved);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("just in time");
    bench.pass(bench.rules.reservation_lifetime_seconds - 1);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    bench.pass(1);
    bench.tend(id);
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
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert!(pending(bench.order(id)).is_none());
}

// Money.

#[test]
fn nothing_is_paid_twice_or_beyond_what_is_due() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let pay = |amount| {
        move |order: &mut Order, desk: &mut crate::domain::Desk<'_>| order.record_payment(desk, &cash(amount))
    };
    assert_eq!(reason(bench.on(id, pay(Some(2_001)))), Reason::PaymentExceedsDue);
    assert_eq!(refused_fields(bench.on(id, pay(Some(0)))), ["amount"]);

    bench.on(id, pay(Some(1))).expect("one cent");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(reason(bench.on(id, pay(Some(2_000)))), Reason::PaymentExceedsDue);

    let payment = bench.charge(id);
    assert_eq!(reason(bench.on(id, pay(None))), Reason::PaymentPending);
    let second = bench.on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Charge, None)));
    assert_eq!(reason(second), Reason::PaymentPending);

    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.answer(id, payment, Ask::Charge, &done("c")));
    assert!(!bench.answer(id, payment, Ask::Charge, &done("c")), "the same answer again changes nothing");
    assert!(!bench.answer(id, payment, Ask::Charge, &declined()));
    assert_eq!(bench.order(id).captured_minor(), 2_000);
    assert_eq!(reason(bench.on(id, pay(None))), Reason::IllegalTransition);
}

#[test]
fn what_is_authorised_is_not_paid_in_cash_as_well() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench
        .on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Authorize, Some(1_500))))
        .expect("a part of it");
    bench.answer(id, payment, Ask::Authorize, &done("a"));
    let pay = |amount| {
        move |order: &mut Order, desk: &mut crate::domain::Desk<'_>| order.record_payment(desk, &cash(amount))
    };
    assert_eq!(reason(bench.on(id, pay(Some(501)))), Reason::PaymentExceedsDue);
    bench.on(id, pay(None)).expect("the rest of it");
    assert_eq!(reason(bench.on(id, pay(None))), Reason::PaymentExceedsDue);
    bench.on(id, |order, desk| order.begin_void(desk, payment)).expect("given up");
    bench.answer(id, payment, Ask::Void, &done("v"));
    bench.on(id, pay(None)).expect("in cash after all");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn cash_and_transfers_are_recorded_with_what_proves_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (one, two) = (bench.placed(&order("ada", &[("A-1", 1)])), bench.placed(&order("bob", &[("A-1", 1)])));
    let mut money = cash(None);
    money.tendered = Some(usd(999));
    assert_eq!(refused_fields(bench.on(one, |order, desk| order.record_payment(desk, &money))), ["tendered"]);

    money.method = crate::domain::Method::BankTransfer;
    money.tendered = None;
    money.reference = "RF18 5390".to_owned();
    bench.on(one, |order, desk| order.record_payment(desk, &money)).expect("a transfer");
    for same in ["RF18 5390", " rf18 5390", "Rf18 5390 "] {
        money.reference = same.to_owned();
        let again = bench.on(two, |order, desk| order.record_payment(desk, &money));
        assert!(matches!(again, Err(Refusal::Exists { .. })), "{again:?}");
    }
}

#[test]
fn cash_is_paid_back_when_a_person_says_so_not_when_an_order_ends() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pay_cash(id);
    bench.on(id, |order, desk| order.cancel(desk, "changed their mind")).expect("nothing is handed over");
    let owed = bench.order(id).payments[0].refunds[0].clone();
    assert_eq!(owed.state, RefundState::Pending);
    bench.send_messages(id);
    assert_eq!(reason(bench.on(id, super::super::order::Order::archive)), Reason::NotArchivable);

    let payment = bench.order(id).payments[0].id;
    let part = bench.on(id, |order, desk| order.refund(desk, payment, Some(usd(1)), ""));
    assert_eq!(refused_fields(part), ["amount"]);
    assert_eq!(bench.on(id, |order, desk| order.refund(desk, payment, None, "")), Ok(owed.id));
    assert_eq!(bench.order(id).payments[0].refunds[0].state, RefundState::Succeeded);
}

#[test]
fn a_pinned_reservation_never_expires_and_gets_a_second_chance_after_a_decline() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pass(bench.rules.reservation_lifetime_seconds - 10);
    let payment = bench.charge(id);
    bench.pass(86_400);
    bench.tend(id);
    assert!(bench.place(&order("bob", &[("A-1", 1)])).is_err(), "the last one is being paid for");
    bench.answer(id, payment, Ask::Charge, &unknown());
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.order(id).reservations[0].expires_at.is_none());

    bench.answer(id, payment, Ask::Charge, &declined());
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::Failed);
    bench.pass(299);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    let second = bench.charge(id);
    bench.answer(id, second, Ask::Charge, &declined());
    bench.pass(300);
    let late = bench.on(id, |order, desk| order.record_payment(desk, &cash(None)));
    assert_eq!(reason(late), Reason::ReservationExpired);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 0));
}

#[test]
fn a_part_payment_never_shortens_a_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let ends = bench.order(id).reservations[0].expires_at;
    bench.on(id, |order, desk| order.record_payment(desk, &cash(Some(400)))).expect("a part");
    assert_eq!(bench.order(id).reservations[0].expires_at, ends);
    bench.pass(bench.rules.reservation_lifetime_seconds);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert_eq!(bench.order(id).refunded_minor(), 400);
}

#[test]
fn money_that_arrives_after_the_cancel_is_paid_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, Ask::Charge, &unknown());
    bench.on(id, |order, desk| order.cancel(desk, "changed her mind")).expect("cancelled");
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 0, 0));
    assert!(bench.order(id).has_open_money(), "the provider may still capture");

    assert!(bench.answer(id, payment, Ask::Charge, &done("late")));
    let refund = &bench.order(id).payments[0].refunds[0];
    assert_eq!((refund.amount, refund.state), (usd(2_000), RefundState::Pending));
    assert_eq!(bench.order(id).invoices[0].state, InvoiceState::Void);
    bench.settle(id);
    assert!(!bench.order(id).has_open_money());
    let told = |kind| bench.order(id).messages.iter().any(|it| it.kind == kind);
    assert!(told(MessageKind::RefundIssued) && told(MessageKind::OrderCancelled));
}

#[test]
fn authorisations_of_a_cancelled_order_are_voided_one_after_the_other() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    for _ in 0..2 {
        let payment = bench
            .on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Authorize, Some(1_000))))
            .expect("a half");
        bench.answer(id, payment, Ask::Authorize, &done("a"));
    }
    bench.on(id, |order, desk| order.cancel(desk, "")).expect("cancelled");
    assert_eq!(open_ask(bench.order(id)).map(|it| it.1), Some(Ask::Void));
    bench.settle(id);
    assert!(bench.order(id).payments.iter().all(|it| it.state == PaymentState::Voided));
}

#[test]
fn nothing_is_paid_back_beyond_what_was_captured() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    let refund = |bench: &mut Bench, minor: Option<i64>| {
        bench.on(id, |order, desk| order.refund(desk, payment, minor.map(usd), "late"))
    };
    assert_eq!(reason(refund(&mut bench, None)), Reason::IllegalTransition);
    bench.answer(id, payment, Ask::Charge, &done("c"));
    assert_eq!(reason(refund(&mut bench, Some(2_001))), Reason::RefundExceedsCapture);
    let first = refund(&mut bench, Some(1_200)).expect("a part");
    assert_eq!(reason(refund(&mut bench, Some(801))), Reason::RefundExceedsCapture);

    // A refused refund may be asked for again.
    bench.on(id, |order, desk| order.answer_refund(desk, first, &declined())).expect("an answer");
    refund(&mut bench, None).expect("all of it");
    assert_eq!(reason(refund(&mut bench, Some(1))), Reason::RefundExceedsCapture);
}

#[test]
fn what_the_provider_refuses_to_pay_back_a_person_pays_back_by_other_means() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, Ask::Charge, &done("c"));
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5390".to_owned() };
    let by_hand = |bench: &mut Bench, minor: Option<i64>| {
        bench
            .on(id, |order, desk| order.refund_by_hand(desk, payment, minor.map(usd), "card closed", &handed))
    };
    assert_eq!(reason(by_hand(&mut bench, None)), Reason::IllegalTransition);

    bench.on(id, |order, desk| order.cancel(desk, "changed her mind")).expect("cancelled");
    assert_eq!(reason(by_hand(&mut bench, None)), Reason::IllegalTransition);
    let first = bench.order(id).payments[0].refunds[0].id;
    bench.on(id, |order, desk| order.answer_refund(desk, first, &declined())).expect("an answer");
    bench.send_messages(id);
    assert_eq!(reason(bench.on(id, super::super::order::Order::archive)), Reason::NotArchivable);
    assert!(bench.order(id).available_actions().contains(&crate::domain::Action::RefundPayment));

    assert_eq!(reason(by_hand(&mut bench, Some(2_001))), Reason::RefundExceedsCapture);
    by_hand(&mut bench, Some(500)).expect("a part");
    let second = by_hand(&mut bench, None).expect("the rest");
    assert_eq!(reason(by_hand(&mut bench, Some(1))), Reason::RefundExceedsCapture);
    let refund = bench.order(id).payments[0].refunds.last().expect("the rest").clone();
    assert_eq!((refund.id, refund.state, refund.amount), (second, RefundState::Succeeded, usd(1_500)));
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5390".to_owned() };
    assert_eq!(refund.handed_back, Some(handed));

    bench.send_messages(id);
    bench.on(id, super::super::order::Order::archive).expect("nothing is owed");
}

#[test]
fn cash_may_be_paid_back_by_transfer_and_what_is_owed_is_settled_by_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, desk| order.cancel(desk, "changed her mind")).expect("cancelled");
    let owed = bench.order(id).payments[0].refunds[0].id;
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5391".to_owned() };
    let part =
        bench.on(id, |order, desk| order.refund_by_hand(desk, payment, Some(usd(1)), "a part", &handed));
    assert_eq!(refused_fields(part), ["amount"]);
    let refund = bench.on(id, |order, desk| order.refund_by_hand(desk, payment, None, "", &handed));
    assert_eq!(refund, Ok(owed));
    assert_eq!(bench.order(id).payments[0].refunds.len(), 1);
    assert_eq!(bench.order(id).payments[0].refunds[0].handed_by(), Some(Method::BankTransfer));
}

#[test]
fn a_part_of_an_unpaid_invoice_is_not_refunded() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.on(id, |order, desk| order.record_payment(desk, &cash(Some(500)))).expect("a part");
    let refused = bench.on(id, |order, desk| order.refund(desk, payment, None, ""));
    assert_eq!(reason(refused), Reason::IllegalTransition);
    bench.on(id, |order, desk| order.cancel(desk, "")).expect("cancelled");
    assert_eq!(bench.order(id).refunded_minor(), 500);
}

// The warehouse.

#[test]
fn failed_units_are_set_apart_and_others_picked_for_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::QcFailed);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 1, 1));
    assert!(!bench.order(id).on_hold());
    assert_eq!(state_of(&bench, id, Step::PrepareOrder), StepState::Failed);

    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 1));
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
}

#[test]
fn a_failed_check_without_replacement_holds_the_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 2);
    let hold = bench.order(id).holds[0].clone();
    assert_eq!((hold.reason, hold.state), (HoldReason::QualityFailure, HoldState::Active));
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 2));

    bench.on(id, |order, desk| order.release_hold(desk, hold.id, "more is on its way")).expect("released");
    let shipment = bench.shipment(id, 0).id;
    let short = bench.on(id, |order, desk| order.start_picking(desk, shipment));
    assert!(matches!(short, Err(Refusal::Short(_))), "{short:?}");
    bench.stock("A-1", "NYC", 2);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 2));
}

#[test]
fn a_shipment_whose_units_all_failed_ships_after_the_others_have_left() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.stock("A-1", "LAX", 1);
    bench.stock("A-1", "NYC", 1);
    bench.check_quality(id, 0, 1);
    bench.ship(id, 1);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::PartiallyConsumed);
    bench.ship(id, 0);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Consumed);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn units_that_are_not_found_leave_the_books_and_others_are_picked_for_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 4)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    let shipment = bench.shipment(id, 0).id;
    let units = |line, units| vec![crate::domain::LineUnits { line, units }];
    bench.on(id, |order, desk| order.start_picking(desk, shipment)).expect("a pick list");
    let short =
        |bench: &mut Bench, picks: &[crate::domain::LineUnits], missing: &[crate::domain::LineUnits]| {
            bench.on(id, |order, desk| order.record_short_pick(desk, shipment, picks, missing))
        };
    for (missing, field) in [
        (units(1, 4), "missing[0].quantity"),
        (units(1, 0), "missing[0].quantity"),
        (units(7, 1), "missing[0].line_number"),
    ] {
        assert_eq!(refused_fields(short(&mut bench, &[], &missing)), [field]);
    }
    assert_eq!(refused_fields(short(&mut bench, &units(1, 2), &units(1, 2))), ["missing[0].quantity"]);
    assert_eq!(
        refused_fields(short(&mut bench, &units(7, 1), &units(1, 4))),
        ["picks[0].line_number", "missing[0].quantity"]
    );

    short(&mut bench, &units(1, 2), &units(1, 1)).expect("two are there, one is not");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Planned);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 2, 0));
    assert!(!bench.order(id).on_hold(), "there is one more");
    assert_eq!(state_of(&bench, id, Step::PrepareOrder), StepState::InProgress);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));
}

#[test]
fn a_short_pick_without_replacement_holds_the_order_until_goods_come() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let missing = [crate::domain::LineUnits { line: 1, units: 2 }];
    bench.on(id, |order, desk| order.start_picking(desk, shipment)).expect("a pick list");
    bench
        .on(id, |order, desk| order.record_short_pick(desk, shipment, &[], &missing))
        .expect("nothing is there");
    let hold = bench.order(id).holds[0].clone();
    assert_eq!((hold.reason, hold.state), (HoldReason::UnknownDeliveryDate, HoldState::Active));
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));

    bench.on(id, |order, desk| order.release_hold(desk, hold.id, "on its way")).expect("released");
    let short = bench.on(id, |order, desk| order.start_picking(desk, shipment));
    assert!(matches!(short, Err(Refusal::Short(_))), "{short:?}");
    bench.stock("A-1", "NYC", 2);
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn what_failed_is_replaced_from_a_hold_that_is_overdue() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.decide(|desk| reserve_stock(desk, &others(&[("A-1", 1)], 60))).expect("the last one");
    bench.pick(id, 0);
    bench.pass(60);
    bench.check_quality(id, 0, 1);
    assert!(!bench.order(id).on_hold(), "nobody holds the last one any more");
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 1));
}

#[test]
fn the_warehouse_cannot_pick_check_or_pack_what_is_not_there() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let pick = |bench: &mut Bench, line, units| {
        let picks = [crate::domain::LineUnits { line, units }];
        bench.on(id, |order, desk| order.record_pick(desk, shipment, &picks))
    };
    assert_eq!(reason(pick(&mut bench, 1, 1)), Reason::IllegalTransition);
    bench.on(id, |order, desk| order.start_picking(desk, shipment)).expect("a pick list");
    for (line, units, field) in [
        (1, 3, "picks[0].quantity"),
        (1, -1, "picks[0].quantity"),
        (1, i64::MAX, "picks[0].quantity"),
        (7, 1, "picks[0].line_number"),
    ] {
        assert_eq!(refused_fields(pick(&mut bench, line, units)), [field]);
    }
    pick(&mut bench, 1, 1).expect("one");
    pick(&mut bench, 1, 1).expect("the other");

    let mut checks = checks_of(bench.shipment(id, 0), 0);
    checks[0].passed = 1;
    let check = |bench: &mut Bench, checks: &[crate::domain::LineCheck]| {
        bench.on(id, |order, desk| order.record_quality_check(desk, shipment, checks))
    };
    assert_eq!(refused_fields(check(&mut bench, &checks)), ["checks"]);
    (checks[0].passed, checks[0].failed) = (-1, 3);
    assert_eq!(refused_fields(check(&mut bench, &checks)), ["checks"]);
    bench.check_quality(id, 0, 0);

    let mut packages = one_package(bench.shipment(id, 0));
    packages[0].contents[0].quantity = 1;
    let pack = |bench: &mut Bench, packages| bench.on(id, |order, desk| order.pack(desk, shipment, packages));
    assert_eq!(reason(pack(&mut bench, packages.clone())), Reason::QuantityMismatch);
    packages[0].contents = vec![PackedItem { line: 1, quantity: 3 }, PackedItem { line: 1, quantity: -1 }];
    assert_eq!(refused_fields(pack(&mut bench, packages)), ["packages[0].contents[1].quantity"]);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::QcPassed);
}

#[test]
fn a_voided_label_takes_its_courier_along_and_a_new_one_has_a_new_number() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let shipment = bench.shipment(id, 0).id;
    let number = |bench: &Bench| bench.shipment(id, 0).label.as_ref().map(|it| it.tracking_number.clone());
    let before = number(&bench);
    bench.on(id, |order, desk| order.void_label(desk, shipment)).expect("voided");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Packed);
    assert!(bench.shipment(id, 0).assignment.is_none() && number(&bench).is_none());
    let packages = one_package(bench.shipment(id, 0));
    bench.on(id, |order, desk| order.pack(desk, shipment, packages)).expect("packed anew");
    bench.on(id, |order, desk| order.create_label(desk, shipment)).expect("a label");
    assert_ne!(number(&bench), before);
}

#[test]
fn a_courier_can_be_changed_until_the_pickup() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let shipment = bench.shipment(id, 0).id;
    let chosen = |bench: &Bench| bench.shipment(id, 0).assignment.as_ref().map(|it| it.courier.to_string());
    assert_eq!(chosen(&bench).as_deref(), Some("SNAIL"), "the cheapest that keeps the promise");
    let assign = |bench: &mut Bench, code: &str| {
        let code = code.parse().expect("a courier code");
        bench.on(id, |order, desk| order.assign_courier(desk, shipment, Some(&code), None))
    };
    assign(&mut bench, "ROCKET").expect("another");
    assert_eq!(chosen(&bench).as_deref(), Some("ROCKET"));
    assert!(matches!(assign(&mut bench, "NOBODY"), Err(Refusal::NotFound { .. })));
    let overnight = bench.on(id, |order, desk| {
        order.assign_courier(desk, shipment, None, Some(crate::domain::ServiceLevel::Overnight))
    });
    assert_eq!(reason(overnight), Reason::NoCourier);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);

    let pickup = |bench: &mut Bench, packages| {
        bench.on(id, |order, desk| order.confirm_pickup(desk, shipment, "driver 7", packages, None))
    };
    assert_eq!(reason(pickup(&mut bench, 2)), Reason::QuantityMismatch);
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 2, 0));
    pickup(&mut bench, 1).expect("one package");
    assert_eq!(reason(assign(&mut bench, "SNAIL")), Reason::IllegalTransition);
    assert_eq!(reason(pickup(&mut bench, 1)), Reason::IllegalTransition);
    assert_eq!(bench.shelf("A-1", "NYC"), (7, 0, 0));
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
            let (payment, ask) = open_ask(bench.order(id)).expect("asked");
            bench.answer(id, payment, ask, &done("c"));
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
        let damaged = bench.level("A-1", "NYC").damaged;
        bench.on(id, |order, desk| order.cancel(desk, "changed her mind")).expect("not handed over yet");
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
        let again = bench.on(id, |order, desk| order.cancel(desk, ""));
        assert_eq!(reason(again), Reason::IllegalTransition);
        bench.on(id, super::super::order::Order::archive).expect("nothing is open");
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
    let refused = bench.on(id, |order, desk| order.cancel(desk, "too late"));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

// On the road, and the end.

#[test]
fn a_report_needs_a_handover_and_an_archived_order_hears_nothing_more() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let tell = |bench: &mut Bench| {
        let report = report(TrackingStatus::InTransit, bench.now);
        bench.on(id, |order, desk| order.record_tracking(desk, shipment, &[report]))
    };
    assert_eq!(reason(tell(&mut bench)), Reason::IllegalTransition);
    bench.ship(id, 0);
    bench.pass(60);
    assert_eq!(tell(&mut bench).map(|it| it.new), Ok(1));
    assert_eq!(tell(&mut bench).map(|it| it.new), Ok(0));
    bench.pass(60);
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.on(id, super::super::order::Order::close).expect("nothing is open");
    bench.on(id, super::super::order::Order::archive).expect("closed");
    bench.pass(60);
    assert_eq!(reason(tell(&mut bench)), Reason::IllegalTransition);
    let proof = proof(bench.now, &actor("courier"));
    let confirm = bench.on(id, |order, desk| order.confirm_delivery(desk, shipment, proof));
    assert_eq!(reason(confirm), Reason::IllegalTransition);
    assert_eq!(bench.order(id).available_actions(), []);
}

#[test]
fn a_lost_shipment_is_paid_back_before_the_order_closes() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, Ask::Charge, &done("c"));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Exception);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Lost);
    assert_eq!(state_of(&bench, id, Step::ConfirmDelivery), StepState::Failed);
    assert_eq!(reason(bench.on(id, super::super::order::Order::close)), Reason::OrderNotClosable);

    bench.on(id, |order, desk| order.refund(desk, payment, None, "lost")).expect("paid back");
    assert_eq!(reason(bench.on(id, super::super::order::Order::close)), Reason::OrderNotClosable);
    bench.settle(id);
    bench.pass(bench.rules.close_after_seconds);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Closed);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Delivered);
    assert_eq!(
        (bench.state(id), bench.shipment(id, 0).state),
        (OrderState::Closed, ShipmentState::Delivered)
    );
}

#[test]
fn feedback_is_given_once_and_only_when_asked_for() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let say =
        |bench: &mut Bench| bench.on(id, |order, desk| order.submit_feedback(desk, 4, 5, String::new()));
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
    let archive = |bench: &mut Bench| bench.on(id, super::super::order::Order::archive);
    assert_eq!(reason(archive(&mut bench)), Reason::IllegalTransition);
    let payment = bench.charge(id);
    bench.answer(id, payment, Ask::Charge, &done("c"));
    bench.on(id, |order, desk| order.cancel(desk, "")).expect("cancelled");
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);

    let refund = bench.order(id).payments[0].refunds[0].id;
    bench.on(id, |order, desk| order.answer_refund(desk, refund, &declined())).expect("an answer");
    bench.send_messages(id);
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);
    bench.pass(bench.rules.archive_after_seconds);
    bench.tend(id);
    assert_eq!(bench.state(id), OrderState::Cancelled, "money that was not paid back is not forgotten");
    bench.on(id, |order, desk| order.refund(desk, payment, None, "again")).expect("tried again");
    bench.settle(id);
    assert_eq!(reason(archive(&mut bench)), Reason::NotArchivable);
    bench.send_messages(id);
    archive(&mut bench).expect("nothing is open");
    let refused = bench.on(id, |order, desk| order.refund(desk, payment, None, ""));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

#[test]
fn a_low_shelf_is_proposed_for_replenishment_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (code, location) = (sku("A-1"), place("NYC"));
    bench.decide(|desk| set_reorder_rule(desk, &code, &location, Some(8), Some(10), "")).expect("a rule");
    assert!(bench.world.replenishments.is_empty());
    let wrong = bench.decide(|desk| set_reorder_rule(desk, &code, &location, Some(8), Some(7), ""));
    assert_eq!(refused_fields(wrong), ["rule.order_up_to"]);

    for name in ["ada", "bob"] {
        let id = bench.paid(&order(name, &[("A-1", 2)]));
        bench.ship(id, 0);
        bench.deliver(id, 0);
        bench.send_messages(id);
        bench.on(id, super::super::order::Order::close).expect("delivered");
        bench.on(id, super::super::order::Order::archive).expect("closed");
    }
    let proposals: Vec<_> = bench.world.replenishments.values().map(AsRef::as_ref).cloned().collect();
    assert_eq!(proposals.len(), 1, "one at a time");
    let id = proposals[0].id;

    let receive = |bench: &mut Bench, units| {
        bench.decide(|desk| receive_stock(desk, &code, &location, units, "", Some(id)))
    };
    assert_eq!(reason(receive(&mut bench, 3)), Reason::IllegalTransition);
    for to in [ReplenishmentState::Approved, ReplenishmentState::Ordered] {
        bench.decide(|desk| decide_replenishment(desk, id, to, None, "")).expect("decided");
    }
    receive(&mut bench, 1).expect("a part");
    receive(&mut bench, 2).expect("the rest");
    assert_eq!(bench.world.replenishments[&id].state, ReplenishmentState::Received);
    assert!(bench.world.open_replenishments.is_empty());
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let nobody = uuid::Uuid::nil();
    let not_found = |refused: Result<(), Refusal>| {
        assert!(matches!(refused, Err(Refusal::NotFound { .. })), "{refused:?}");
    };
    not_found(bench.on(OrderId(nobody), |order, desk| order.cancel(desk, "")));
    not_found(bench.on(id, |order, desk| order.start_picking(desk, nobody.into())));
    not_found(bench.on(id, |order, desk| order.release_hold(desk, nobody.into(), "")));
    not_found(bench.on(id, |order, desk| order.decide_approval(desk, nobody.into(), Decision::Approve, "")));
    not_found(bench.on(id, |order, desk| order.begin_capture(desk, nobody.into())));
    not_found(bench.on(id, |order, desk| order.refund(desk, nobody.into(), None, "").map(|_| ())));
    not_found(bench.on(id, |order, desk| order.answer_message(desk, nobody.into(), Ok(()))));
    not_found(bench.decide(|desk| release_reservation(desk, nobody.into())));
    not_found(bench.decide(|desk| receive_stock(desk, &sku("X-9"), &place("NYC"), 1, "", None)));
    not_found(bench.decide(|desk| receive_stock(desk, &sku("A-1"), &place("MOON"), 1, "", None)));
}
