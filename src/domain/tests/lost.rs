//! Shipments that are lost: each opens its return, which asks for the answer only, and is paid for once.

use std::time::Duration;

use crate::domain::model::action::Action;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{Return, ReturnReason, ReturnResolution, ReturnState};
use crate::domain::model::scalars::{OrderId, PaymentId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::resolve::Way;
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{done, order, reason, report, usd};
use crate::domain::tests::returns::{decide, inspected, resolve};

/// Three units at 10.00, paid with 5.00 of shipping, handed over and lost.
fn lost(bench: &mut Bench) -> OrderId {
    let mut new = order("ada", &[("A-1", 3)]);
    new.shipping_fee = Some(usd(500));
    let id = bench.placed(&new);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    id
}

fn the_return(bench: &Bench, id: OrderId) -> Return {
    bench.order(id).returns.last().expect("it opened by itself").clone()
}

#[test]
fn a_lost_shipment_opens_its_return_by_itself_and_is_paid_back_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    let opened = the_return(&bench, id);
    assert_eq!((opened.of_shipment, opened.location.clone()), (Some(bench.shipment(id, 0).id), None));
    assert_eq!(
        (opened.state, opened.lines[0].quantity, opened.lines[0].missing),
        (ReturnState::Inspected, 3, 3)
    );
    assert_eq!(opened.available_actions(), [Action::ResolveReturn]);
    assert_eq!(bench.level("A-1", "NYC").on_hand, 6, "nothing came back");
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);

    resolve(&mut bench, id, opened.id, &[(ReturnResolution::Refund, 3)]).expect("all of it");
    assert_eq!(bench.order(id).refunded_minor(), 3_500, "shipping goes with the last");
    bench.settle(id);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!(the_return(&bench, id).state, ReturnState::Closed);
    assert_eq!((the_return(&bench, id).lines[0].refunded, bench.order(id).returns.len()), (3, 1));
}

#[test]
fn store_credit_answers_for_what_is_lost_too() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    let opened = the_return(&bench, id).id;
    let answers = [(ReturnResolution::StoreCredit, 2), (ReturnResolution::Refund, 1)];
    resolve(&mut bench, id, opened, &answers).expect("all of it");
    assert_eq!((bench.order(id).refunded_minor(), bench.order(id).retained_minor()), (1_000, 2_500));
    bench.settle(id);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn what_was_paid_back_otherwise_is_not_paid_again_and_the_return_ends_with_the_order() {
    for asks_again in [false, true] {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
        let id = lost(&mut bench);
        let shipment = bench.shipment(id, 0).id;
        bench
            .on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(None), "lost"))
            .expect("paid back");
        assert_eq!(bench.order(id).refunded_minor(), 3_500, "shipping goes with the last");
        let opened = the_return(&bench, id).id;
        if asks_again {
            resolve(&mut bench, id, opened, &[(ReturnResolution::Refund, 3)]).expect("it is answered");
            assert_eq!(bench.order(id).refunded_minor(), 3_500);
        }
        bench.settle(id);
        bench.send_messages(id);
        bench.on(id, Order::close).expect("nothing is open");
        let ended = the_return(&bench, id);
        let answered = &ended.lines[0];
        assert_eq!((answered.paid_before, answered.refunded, answered.rejected), (3, 0, 0));
        assert_eq!((ended.state, ended.closed_at), (ReturnState::Closed, Some(bench.now)));
    }
}

#[test]
fn what_is_found_again_is_delivered_or_comes_back_as_if_it_had_not_been_lost() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    bench.deliver(id, 0);
    let void = the_return(&bench, id);
    assert_eq!((void.state, void.end_reason.as_str()), (ReturnState::Cancelled, "what was lost was found"));
    assert_eq!(bench.order(id).returnable_units(1), 3, "the customer has them");

    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Returned);
    let states: Vec<_> = bench.order(id).returns.iter().map(|it| it.state).collect();
    assert_eq!(states, [ReturnState::Cancelled, ReturnState::Received]);
}

#[test]
fn once_it_is_answered_a_loss_stays_one() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    let opened = the_return(&bench, id).id;
    resolve(&mut bench, id, opened, &[(ReturnResolution::Refund, 3)]).expect("all of it");
    bench.deliver(id, 0);
    assert_eq!(the_return(&bench, id).state, ReturnState::Resolved);
    assert_eq!(bench.order(id).returnable_units(1), 0, "it is paid for");
}

#[test]
fn lost_units_that_are_called_off_leave_the_return() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = lost(&mut bench);
    let call_off = |bench: &mut Bench, quantity| {
        let units = [CancelledUnits { line: 1, quantity }];
        bench.on(id, |order, unit| order.cancel_lines(unit, &units, "given up")).expect("it is lost");
    };
    call_off(&mut bench, 1);
    assert_eq!((the_return(&bench, id).lines[0].quantity, the_return(&bench, id).lines[0].missing), (2, 2));
    call_off(&mut bench, 2);
    assert_eq!(the_return(&bench, id).state, ReturnState::Cancelled);
    bench.settle(id);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!(bench.state(id), OrderState::Closed);
}

/// Two units delivered from New York, three lost on their way from Los Angeles; 50.00 were paid.
fn half_lost(bench: &mut Bench) -> (OrderId, PaymentId) {
    let id = bench.placed(&order("ada", &[("A-1", 5)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.ship(id, 1);
    let lost = (0..2).find(|it| bench.shipment(id, *it).items[0].quantity == 3).expect("from Los Angeles");
    bench.deliver(id, 1 - lost);
    bench.pass(60);
    bench.report(id, lost, TrackingStatus::Lost);
    (id, payment)
}

fn two_houses() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 3)])
}

#[test]
fn units_that_a_return_answered_for_are_not_called_off_as_well() {
    let mut bench = two_houses();
    let (id, _) = half_lost(&mut bench);
    let opened = the_return(&bench, id).id;
    resolve(&mut bench, id, opened, &[(ReturnResolution::Refund, 3)]).expect("they are lost");
    assert_eq!(bench.order(id).refunded_minor(), 3_000);
    let units = [CancelledUnits { line: 1, quantity: 1 }];
    let refused = bench.on(id, |order, unit| order.cancel_lines(unit, &units, "too late"));
    assert_eq!(reason(refused), Reason::IllegalTransition);
    assert_eq!(bench.order(id).refunded_minor(), 3_000);
}

#[test]
fn a_shipment_that_a_return_paid_for_is_not_paid_for_by_its_exception_too() {
    for resolution in [ReturnResolution::Refund, ReturnResolution::StoreCredit] {
        let mut bench = two_houses();
        let (id, _) = half_lost(&mut bench);
        let opened = the_return(&bench, id);
        resolve(&mut bench, id, opened.id, &[(resolution, 3)]).expect("they are lost");
        let refunded = bench.order(id).refunded_minor();
        let shipment = opened.of_shipment.expect("it is of one");
        let again =
            bench.on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(None), "lost"));
        assert_eq!(reason(again), Reason::RefundExceedsCapture);
        assert_eq!(bench.order(id).refunded_minor(), refunded);
    }
}

#[test]
fn a_unit_paid_back_for_a_loss_is_not_paid_again_when_another_comes_back() {
    let mut bench = two_houses();
    let (id, payment) = half_lost(&mut bench);
    let opened = the_return(&bench, id).id;
    let units = [RefundedUnits { line: 1, quantity: 4 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &units, None, "sorry", None).map(drop))
        .expect("four of five");
    assert_eq!(bench.order(id).refunded_minor(), 4_000);
    bench.settle(id);
    resolve(&mut bench, id, opened, &[(ReturnResolution::Refund, 3)]).expect("they were paid back");
    assert_eq!((the_return(&bench, id).lines[0].paid_before, bench.order(id).refunded_minor()), (3, 4_000));

    let back = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 1)]).expect("it was paid back");
    assert_eq!(bench.order(id).refunded_minor(), 4_000, "the fifth is the customer's still");
}

/// ResolveException pays back the goods of the shipment that is lost.
fn claim(bench: &mut Bench, id: OrderId, number: usize) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, number).id;
    bench.on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(None), "lost"))
}

fn the_lost_one(bench: &Bench, id: OrderId) -> usize {
    (0..2).find(|it| bench.shipment(id, *it).state == ShipmentState::Lost).expect("one is lost")
}

#[test]
fn what_was_paid_back_for_a_loss_is_not_paid_again_when_it_is_found_and_sent_back() {
    for sent_back in [5, 3] {
        let mut bench = two_houses();
        let (id, _) = half_lost(&mut bench);
        let lost = the_lost_one(&bench, id);
        claim(&mut bench, id, lost).expect("it is lost");
        assert_eq!((bench.order(id).refunded_minor(), bench.order(id).credited_minor()), (3_000, 3_000));
        bench.settle(id);
        bench.deliver(id, lost);
        assert_eq!(the_return(&bench, id).state, ReturnState::Cancelled, "it was found");

        let back = inspected(&mut bench, id, sent_back, ReturnReason::Damaged);
        resolve(&mut bench, id, back, &[(ReturnResolution::Refund, sent_back)]).expect("answered");
        let answered = the_return(&bench, id).lines[0].clone();
        assert_eq!((answered.paid_before, answered.refunded, answered.unresolved()), (3, sent_back - 3, 0));
        assert_eq!(bench.order(id).refunded_minor(), 1_000 * sent_back);
        decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    }
}

#[test]
fn what_was_paid_back_for_a_damage_is_not_given_as_store_credit_when_it_arrives_and_comes_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 3)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Exception);
    claim(&mut bench, id, 0).expect("it is damaged");
    bench.settle(id);
    bench.deliver(id, 0);
    let quote = bench.order(id).quote_return(&bench.rules, bench.now, &[one_unit()], "").expect("it arrived");
    assert_eq!(quote.refund.minor, 0, "it is paid back");
    let back = inspected(&mut bench, id, 3, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 3)]).expect("answered");
    let ended = the_return(&bench, id);
    assert_eq!((ended.lines[0].paid_before, ended.lines[0].credited, ended.store_credits.len()), (3, 0, 0));
    assert_eq!((bench.order(id).refunded_minor(), bench.order(id).retained_minor()), (3_000, 0));
}

fn one_unit() -> ReturnedUnits {
    ReturnedUnits { line: 1, quantity: 1, reason: ReturnReason::Damaged, note: String::new() }
}

#[test]
fn each_lost_shipment_is_paid_for_by_itself_and_its_units_are_not_called_off_as_well() {
    let mut bench = two_houses();
    let id = bench.placed(&order("ada", &[("A-1", 5)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    for number in 0..2 {
        bench.ship(id, number);
        bench.pass(60);
        bench.report(id, number, TrackingStatus::Lost);
    }
    claim(&mut bench, id, 0).expect("it is lost");
    bench.settle(id);
    let first = bench.shipment(id, 0).items[0].quantity;
    assert_eq!(bench.order(id).refunded_minor(), first * 1_000);
    let too_many = [CancelledUnits { line: 1, quantity: 6 - first }];
    let refused = bench.on(id, |order, unit| order.cancel_lines(unit, &too_many, "lost"));
    assert_eq!(refused_fields(refused), ["lines[0].quantity"]);
    claim(&mut bench, id, 1).expect("it is lost too");
    bench.settle(id);
    assert_eq!(bench.order(id).refunded_minor(), 5_000);
    assert_eq!(reason(claim(&mut bench, id, 1)), Reason::RefundExceedsCapture);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn goods_that_were_paid_back_by_line_are_not_paid_back_again_as_lost() {
    let mut bench = two_houses();
    let (id, payment) = half_lost(&mut bench);
    let units = [RefundedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &units, None, "lost", None).map(drop))
        .expect("three of five");
    bench.settle(id);
    let lost = the_lost_one(&bench, id);
    assert_eq!(reason(claim(&mut bench, id, lost)), Reason::RefundExceedsCapture);
    assert_eq!(bench.order(id).refunded_minor(), 3_000);
}

#[test]
fn a_late_report_that_it_came_back_takes_no_units_that_the_customer_sent_back() {
    let mut bench = two_houses();
    let id = bench.placed(&order("ada", &[("A-1", 5)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.ship(id, 1);
    let three = (0..2).find(|it| bench.shipment(id, *it).items[0].quantity == 3).expect("from Los Angeles");
    bench.pass(7_200);
    bench.report(id, three, TrackingStatus::Delivered);
    let _ = inspected(&mut bench, id, 2, ReturnReason::Damaged);

    // The courier had turned it round: what was delivered was delivered to the sender.
    let shipment = bench.shipment(id, three).id;
    let turned = report(TrackingStatus::Returning, bench.now.minus(Duration::from_secs(3_600)));
    bench
        .on(id, |order, unit| order.record_tracking(unit, shipment, &[turned]).map(drop))
        .expect("a report that comes late");
    assert_eq!(bench.shipment(id, three).state, ShipmentState::Returned);
    let opened = the_return(&bench, id);
    assert_eq!((opened.of_shipment, opened.lines[0].quantity), (Some(shipment), 1), "two are back already");
    // Two came back from the customer, one with the courier, and two are with another courier.
    for quantity in [1, 2] {
        let units = [CancelledUnits { line: 1, quantity }];
        let refused = bench.on(id, |order, unit| order.cancel_lines(unit, &units, "too late"));
        assert_eq!(reason(refused), Reason::IllegalTransition, "{quantity}");
    }
}
