//! Parts of an order are cancelled: stock, shipments, money and the end of the order follow.

use crate::domain::approvals::decide::Decision;
use crate::domain::model::action::Action;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{PaymentState, ProviderRequest};
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::cancel_lines::LINE_CANCELLATIONS_MAX;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{by_card, cash, dear, declined, done, order, reason, usd, waiting};

fn cancel(bench: &mut Bench, id: OrderId, lines: &[(i32, i64)]) -> Result<(), Refusal> {
    let lines: Vec<CancelledUnits> =
        lines.iter().map(|(line, quantity)| CancelledUnits { line: *line, quantity: *quantity }).collect();
    bench.on(id, |order, unit| order.cancel_lines(unit, &lines, "too many"))
}

fn charged(bench: &mut Bench, id: OrderId) {
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
}

fn refunds(bench: &Bench, id: OrderId) -> Vec<(i64, RefundState)> {
    let refunds = bench.order(id).payments.iter().flat_map(|it| &it.refunds);
    refunds.map(|it| (it.amount.minor, it.state)).collect()
}

fn told(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

/// Two shipments: the first line's from Los Angeles, the second one's from New York.
fn two_parcels(bench: &mut Bench) -> OrderId {
    let id = bench.placed(&order("ada", &[("B-2", 2), ("A-1", 2)]));
    charged(bench, id);
    id
}

fn two_places() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "LAX", 9)])
}

#[test]
fn four_of_six_paid_units_are_cancelled_before_shipping() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 6)]));
    charged(&mut bench, id);
    let total = bench.order(id).total_minor();
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 6, 0));
    assert!(bench.order(id).available_actions().contains(&Action::CancelOrderLines));

    cancel(&mut bench, id, &[(1, 4)]).expect("cancelled");
    let after = bench.order(id);
    assert_eq!(after.state, OrderState::Fulfilling);
    assert_eq!((after.lines[0].quantity, after.lines[0].cancelled_quantity), (6, 4));
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 2, 0));
    assert_eq!((after.shipments.len(), after.shipments[0].items[0].quantity), (1, 2));
    assert_eq!(after.shipments[0].state, ShipmentState::Planned);

    let note = &after.credit_notes[0];
    assert_eq!(
        (note.lines[0].line, note.lines[0].quantity, note.lines[0].amounts.gross_minor),
        (1, 4, 4_000)
    );
    assert_eq!(note.invoice, after.invoices[0].id);
    assert_eq!(note.amounts.total_minor + after.total_minor(), total);
    assert_eq!(refunds(&bench, id), [(note.amounts.total_minor, RefundState::Pending)]);
    assert_eq!((after.due_minor(), after.surplus_minor()), (0, 0));
    let letter = &after.line_cancellations[0];
    assert_eq!(
        (letter.refund_minor, letter.credit_notes.as_slice()),
        (note.amounts.total_minor, &[note.id][..])
    );
    assert_eq!(told(&bench, id, MessageKind::OrderLinesCancelled), 1);
    assert_eq!(after.line_progress(1).cancelled, 4);

    bench.settle(id);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (7, 0, 0));
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn the_last_unit_of_a_lost_parcel_is_cancelled_and_the_order_is_delivered() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.deliver(id, 0);
    let held = cancel(&mut bench, id, &[(2, 1)]);
    assert_eq!(reason(held), Reason::IllegalTransition, "it is on its way");
    bench.report(id, 1, TrackingStatus::Lost);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);

    cancel(&mut bench, id, &[(2, 1)]).expect("one is given up");
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered, "the other may be found");
    cancel(&mut bench, id, &[(2, 1)]).expect("the last one is given up");
    let ended = bench.order(id);
    assert_eq!(ended.state, OrderState::Delivered);
    assert_eq!((ended.shipments[1].state, ended.shipments[1].items[0].cancelled), (ShipmentState::Lost, 2));
    assert_eq!(told(&bench, id, MessageKind::DeliveryConfirmed), 1);
    let back: i64 = refunds(&bench, id).iter().map(|it| it.0).sum();
    assert_eq!(back, ended.lines[1].amounts.total_minor, "the whole line, to the cent");
    assert_eq!(ended.why_open(), ["a payment or refund is under way"]);
    bench.settle(id);
    bench.on(id, Order::close).expect("nothing is open");

    bench.report(id, 1, TrackingStatus::Delivered);
    assert_eq!(bench.state(id), OrderState::Closed, "a parcel that turns up changes nothing");
}

#[test]
fn an_order_whose_every_parcel_was_lost_closes_when_all_is_cancelled() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::Lost);
    cancel(&mut bench, id, &[(1, 2), (2, 2)]).expect("the rest goes, as some has left");
    let after = bench.order(id);
    assert_eq!((after.state, after.shipments[1].state), (OrderState::Shipped, ShipmentState::Cancelled));
    assert_eq!(after.reservations[0].state, ReservationState::Consumed);
    assert_eq!((bench.shelf("B-2", "LAX"), bench.shelf("A-1", "NYC")), ((7, 0, 0), (9, 0, 0)));
    assert_eq!(bench.order(id).total_minor(), 0);
    bench.settle(id);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn when_a_part_has_left_the_rest_may_be_cancelled_whole() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyShipped);
    cancel(&mut bench, id, &[(2, 2)]).expect("not handed over");
    assert_eq!(bench.state(id), OrderState::Shipped);
    bench.settle(id);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert!(!bench.order(id).available_actions().contains(&Action::CancelOrderLines));
}

#[test]
fn money_for_a_lost_parcel_is_not_paid_back_twice() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.deliver(id, 0);
    bench.report(id, 1, TrackingStatus::Lost);
    let (payment, worth) = (bench.order(id).payments[0].id, bench.order(id).lines[1].amounts.total_minor);
    bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(worth)), "lost")).expect("asked for");
    bench.settle(id);
    cancel(&mut bench, id, &[(2, 2)]).expect("given up");
    assert_eq!(refunds(&bench, id), [(worth, RefundState::Succeeded)]);
    assert_eq!(bench.order(id).line_cancellations[0].refund_minor, 0);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn before_the_invoice_the_order_costs_less_and_the_invoice_is_about_the_rest() {
    let mut bench = two_places();
    let id = bench.placed(&dear(order("ada", &[("A-1", 3), ("B-2", 2)])));
    assert_eq!(bench.state(id), OrderState::Reserved);
    cancel(&mut bench, id, &[(1, 1), (2, 2)]).expect("cancelled");
    let reserved = bench.order(id);
    let approval = reserved.approval(Gate::Reservation).expect("an approval");
    assert_eq!((approval.state, approval.amount.minor), (ApprovalState::Pending, reserved.total_minor()));
    assert_eq!(reserved.amounts.subtotal_minor, 400_000);
    assert!(reserved.credit_notes.is_empty() && reserved.line_cancellations[0].credit_notes.is_empty());
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "LAX")), ((9, 2, 0), (9, 0, 0)));

    bench.by("judge").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let invoice = &bench.order(id).invoices[0];
    let lines: Vec<(i32, i64)> = invoice.lines.iter().map(|it| (it.line, it.quantity)).collect();
    assert_eq!(lines, [(1, 2)], "a line of which nothing is left is left out");
    assert_eq!(invoice.amounts, bench.order(id).amounts);
    bench.by("clerk").pay_cash(id);
    bench.by("judge").decide_gate(id, Gate::Payment, Decision::Approve).expect("approved");
    assert_eq!(bench.order(id).shipments.len(), 1, "nothing is planned where nothing is set aside");
}

#[test]
fn what_is_approved_stays_approved_when_the_order_gets_smaller() {
    let mut bench = two_places();
    let id = bench.placed(&dear(order("ada", &[("A-1", 3)])));
    bench.by("judge").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    let order = bench.order(id);
    assert_eq!(order.approval(Gate::Reservation).map(|it| it.state), Some(ApprovalState::Approved));
    assert_eq!(order.state, OrderState::Invoiced);
    assert_eq!(order.due_minor(), order.total_minor());
}

#[test]
fn a_waiting_order_waits_for_fewer_and_takes_what_is_there() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let behind = bench.placed(&waiting(order("bob", &[("A-1", 1)])));
    assert_eq!(
        (bench.state(id), bench.state(behind)),
        (OrderState::AwaitingStock, OrderState::AwaitingStock)
    );
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::AwaitingStock);
    cancel(&mut bench, id, &[(1, 2)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 2, 0));
    assert!(bench.fill(behind), "who waits behind is served from what is left");
}

#[test]
fn a_shipment_that_was_worked_on_is_planned_anew_from_the_same_location() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.prepare(id, 0);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    let after = bench.order(id);
    assert_eq!(after.shipments[0].state, ShipmentState::Cancelled);
    let anew = &after.shipments[2];
    assert_eq!((anew.number, anew.state, anew.location.as_str()), (3, ShipmentState::Planned, "LAX"));
    assert_eq!((anew.items[0].quantity, anew.items[0].picked), (1, 0));
    assert_eq!(bench.shelf("B-2", "LAX"), (9, 1, 0));
    bench.ship(id, 2);
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn units_that_failed_their_check_are_cancelled_first() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.placed(&order("ada", &[("A-1", 3)]));
    charged(&mut bench, id);
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 2, 1));
    assert!(bench.order(id).on_hold(), "nothing replaces it");
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 2, 1), "what is good stays set aside");
    let hold = bench.order(id).holds[0].id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn every_fault_is_named_at_once() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    bench.ship(id, 0);
    let refused = cancel(&mut bench, id, &[(1, 1), (2, 0), (2, 1), (7, 1)]);
    let Err(Refusal::Invalid(problems)) = &refused else { panic!("{refused:?}") };
    let texts: Vec<&str> = problems.0.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(
        texts,
        [
            "0 of 2 can be cancelled, not 1: 2 shipped, 0 delivered, 0 cancelled already",
            "must be at least 1",
            "names line 2 again",
            "the order has no line 7, but 2",
        ]
    );
    assert_eq!(
        refused_fields(refused),
        ["lines[0].quantity", "lines[1].quantity", "lines[2].line_number", "lines[3].line_number"]
    );
    assert_eq!(refused_fields(cancel(&mut bench, id, &[])), ["lines"]);
    assert_eq!(refused_fields(cancel(&mut bench, id, &[(2, i64::MAX)])), ["lines[0].quantity"]);
}

#[test]
fn all_of_an_order_of_which_nothing_has_left_is_cancelled_whole() {
    let mut bench = two_places();
    let id = two_parcels(&mut bench);
    let refused = cancel(&mut bench, id, &[(1, 2), (2, 2)]);
    assert!(matches!(&refused, Err(Refusal::Unmet { message, .. }) if message.contains("CancelOrder")));
    assert_eq!(reason(refused), Reason::IllegalTransition);
    cancel(&mut bench, id, &[(1, 2), (2, 1)]).expect("one is left");
    let refused = cancel(&mut bench, id, &[(2, 1)]);
    assert_eq!(reason(refused), Reason::IllegalTransition);
    assert!(!bench.order(id).available_actions().contains(&Action::CancelOrderLines));
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled whole");
    let order = bench.order(id);
    assert_eq!(order.captured_minor(), order.refunded_minor());
    assert_eq!(reason(cancel(&mut bench, id, &[(2, 1)])), Reason::IllegalTransition);
}

#[test]
fn services_that_are_not_done_may_be_cancelled() {
    let mut bench = two_places();
    let id = bench.placed(&order("ada", &[("A-1", 1), ("FIT", 2)]));
    charged(&mut bench, id);
    assert_eq!(reason(cancel(&mut bench, id, &[(1, 1)])), Reason::IllegalTransition, "services only");
    bench.ship(id, 0);
    bench.deliver(id, 0);
    assert_eq!(bench.order(id).why_open(), ["services are not done: line 2"]);
    cancel(&mut bench, id, &[(2, 2)]).expect("nobody comes");
    bench.settle(id);
    bench.on(id, Order::close).expect("nothing is open");

    let id = bench.placed(&order("bob", &[("FIT", 1), ("TUNE", 3)]));
    charged(&mut bench, id);
    bench.on(id, |order, unit| order.complete_service(unit, 1, "", "")).expect("done");
    assert_eq!(refused_fields(cancel(&mut bench, id, &[(1, 1)])), ["lines[0].quantity"]);
    cancel(&mut bench, id, &[(2, 1)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
    cancel(&mut bench, id, &[(2, 2)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Delivered, "what is left is done");
}

#[test]
fn a_gift_is_cancelled_for_nothing() {
    let mut bench = two_places();
    let mut new = order("ada", &[("A-1", 2), ("B-2", 2)]);
    new.lines[1].unit_price = Some(usd(0));
    let id = bench.placed(&new);
    charged(&mut bench, id);
    cancel(&mut bench, id, &[(2, 2)]).expect("cancelled");
    let order = bench.order(id);
    assert_eq!((order.credit_notes[0].amounts.total_minor, refunds(&bench, id).len()), (0, 0));
}

#[test]
fn what_was_paid_of_an_open_invoice_may_be_enough_and_the_rest_goes_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 6)]));
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(2_700)))).expect("a part");
    let each = bench.order(id).total_minor() / 6;
    cancel(&mut bench, id, &[(1, 3)]).expect("cancelled");
    let order = bench.order(id);
    assert_eq!((order.state, order.due_minor()), (OrderState::Invoiced, order.total_minor() - 2_700));
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    let order = bench.order(id);
    assert_eq!((order.state, order.invoices[0].state), (OrderState::Fulfilling, InvoiceState::Paid));
    assert_eq!(order.total_minor(), 2 * each);
    assert_eq!(refunds(&bench, id), [(2_700 - 2 * each, RefundState::Pending)]);
    let payment = order.payments[0].id;
    assert!(order.payments[0].owed_by_hand().is_some(), "a person gives cash back");
    bench.on(id, |order, unit| order.refund(unit, payment, None, "")).expect("handed over");
    assert!(!bench.order(id).has_open_money());
}

#[test]
fn a_charge_that_was_under_way_is_paid_back_as_far_as_it_is_too_much() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 6)]));
    let total = bench.order(id).total_minor();
    let payment = bench.charge(id);
    cancel(&mut bench, id, &[(1, 4)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    let order = bench.order(id);
    assert_eq!((order.state, order.captured_minor()), (OrderState::Fulfilling, total));
    assert_eq!(refunds(&bench, id), [(total - order.total_minor(), RefundState::Pending)]);
}

#[test]
fn what_is_authorised_is_captured_whole_and_the_difference_paid_back_or_voided() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 6)]));
    let total = bench.order(id).total_minor();
    let authorize = |bench: &mut Bench, amount: Option<i64>| {
        let new = by_card(ProviderRequest::Authorize, amount);
        let payment = bench.on(id, |order, unit| order.begin_payment(unit, &new)).expect("asked for");
        bench.answer(id, payment, ProviderRequest::Authorize, &done("au"));
        payment
    };
    let (first, second) = (authorize(&mut bench, Some(4_000)), authorize(&mut bench, None));
    cancel(&mut bench, id, &[(1, 4)]).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    bench.on(id, |order, unit| order.begin_capture(unit, first)).expect("asked for");
    bench.answer(id, first, ProviderRequest::Capture, &done("ca"));
    let order = bench.order(id);
    assert_eq!(order.state, OrderState::Fulfilling);
    assert_eq!(refunds(&bench, id), [(4_000 - order.total_minor(), RefundState::Pending)]);
    assert_eq!(order.payments[1].open_request(), Some(ProviderRequest::Void), "nothing is due any more");
    bench.answer(id, second, ProviderRequest::Void, &done("vo"));
    assert_eq!(bench.order(id).payments[1].state, PaymentState::Voided);
    assert!(bench.order(id).captured_minor() < total);
}

#[test]
fn a_refund_that_the_provider_refuses_is_still_owed() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    charged(&mut bench, id);
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    let refund = bench.order(id).payments[0].refunds[0].id;
    bench.on(id, |order, unit| order.answer_refund(unit, refund, &declined())).expect("an answer");
    let owed = bench.order(id).credit_notes[0].amounts.total_minor;
    assert_eq!(bench.order(id).surplus_minor(), owed);
    // Whoever may read the order reads why, also who may not see amounts.
    let why = "amounts for what came back or was cancelled are to be paid back";
    assert!(bench.order(id).why_open().iter().any(|it| it == why));
}

#[test]
fn a_held_order_may_be_made_smaller() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::CustomerRequest, String::new()))
        .expect("held");
    cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 1, 0));
}

#[test]
fn parts_are_cancelled_so_often_and_then_all_that_can_be() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 90), ("B-2", "LAX", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 60), ("B-2", 1)]));
    charged(&mut bench, id);
    let to_leave = bench.order(id).shipments.iter().position(|it| it.location.as_str() == "LAX");
    bench.ship(id, to_leave.expect("a shipment"));
    for _ in 0..LINE_CANCELLATIONS_MAX {
        cancel(&mut bench, id, &[(1, 1)]).expect("cancelled");
    }
    assert_eq!(reason(cancel(&mut bench, id, &[(1, 1)])), Reason::LimitReached);
    let left = bench.order(id).lines[0].remaining_quantity();
    cancel(&mut bench, id, &[(1, left)]).expect("all the rest");
    assert_eq!(bench.state(id), OrderState::Shipped);
    let notes = bench.order(id).credit_notes.len();
    assert_eq!(notes, LINE_CANCELLATIONS_MAX + 1);
    let events = bench.history(id).iter().filter(|it| it.kind == EventKind::OrderLinesCancelled);
    assert_eq!(events.count(), notes);
}
