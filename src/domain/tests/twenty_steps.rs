//! One order, from receipt to the next purchase.

use crate::domain::approvals::decide::Decision;
use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::inventory::replenish::set_reorder_rule;
use crate::domain::model::approval::Gate;
use crate::domain::model::order::OrderState;
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::stock::MovementKind;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{
    actor, by_card, dear, done, location_code, order, proof, report, rule, sku, usd,
};

#[test]
fn one_order_travels_all_twenty_steps() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10), ("B-2", "NYC", 5)]);
    bench
        .decide(|unit| set_reorder_rule(unit, &sku("A-1"), &location_code("NYC"), rule(9, Some(20)), ""))
        .expect("a reorder rule");

    // 1 to 4: received, verified, found and set aside in one decision; 5 waits for a person.
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 2), ("B-2", 1)])));
    assert_eq!(bench.state(id), OrderState::Reserved);
    assert_eq!(bench.shelf("A-1", "NYC"), (10, 2, 0));
    assert_eq!(state_of(&bench, id, Step::ApproveReservation), StepState::Blocked);
    assert_eq!(state_of(&bench, id, Step::GenerateInvoice), StepState::Pending);

    // 5 and 6: a person approves, and the invoice is out.
    bench.pass(60);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(bench.order(id).invoices[0].number, 1);
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::Ready);

    // 7 and 8: authorised, captured, approved.
    bench.pass(60);
    let payment = bench
        .by("shop")
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
        .expect("a card");
    bench.answer(id, payment, ProviderRequest::Authorize, &done("auth-1"));
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::InProgress);
    bench.on(id, |order, unit| order.begin_capture(unit, payment)).expect("authorised");
    bench.answer(id, payment, ProviderRequest::Capture, &done("capture-1"));
    assert_eq!(bench.state(id), OrderState::PaymentCaptured);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Confirmed);
    bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("approved");
    assert_eq!(bench.state(id), OrderState::Fulfilling);

    // 9 to 13: picked, checked, packed, labelled, with a courier. The stock leaves with the van.
    bench.pass(3_600);
    bench.by("warehouse").prepare(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (10, 2, 0));
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
        .expect("one package");
    assert_eq!(bench.state(id), OrderState::Shipped);
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::Done);
    assert_eq!(bench.shelf("A-1", "NYC"), (8, 0, 0));
    assert_eq!(bench.shelf("B-2", "NYC"), (4, 0, 0));

    // 14 and 15: the customer gets the letter about the shipment, and tracking follows it.
    assert_eq!(state_of(&bench, id, Step::NotifyShipment), StepState::InProgress);
    bench.send_messages(id);
    assert_eq!(state_of(&bench, id, Step::NotifyShipment), StepState::Done);
    bench.pass(86_400);
    bench.by("courier").report(id, 0, TrackingStatus::InTransit);
    assert_eq!(state_of(&bench, id, Step::TrackShipment), StepState::InProgress);

    // 16 and 17: delivered, confirmed, thanked.
    bench.pass(3_600);
    bench.report(id, 0, TrackingStatus::OutForDelivery);
    let proof = proof(bench.now, &actor("courier"));
    bench.on(id, |order, unit| order.confirm_delivery(unit, shipment, proof)).expect("delivered");
    assert_eq!(bench.state(id), OrderState::Delivered);
    bench.send_messages(id);
    bench
        .on(id, |order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(5, 4)))
        .expect("asked for");

    // 18 and 19: a worker closes and archives.
    bench.pass(bench.rules.close_after_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed);
    bench.pass(bench.rules.archive_after_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Archived);

    let timeline = bench.timeline(id);
    for line in &timeline {
        assert_eq!(line.state, StepState::Done, "{}: {line:#?}", line.step);
        assert!(!line.evidence.is_empty(), "{} shows nothing", line.step);
        assert!(!line.late, "{} is late: {line:#?}", line.step);
        assert!(line.actor.is_some(), "nobody did {}", line.step);
    }
    let by = |step: Step| timeline[usize::from(step.number()) - 1].clone();
    assert_eq!(by(Step::ApprovePayment).approver, Some(actor("boss")));
    assert!(by(Step::VerifyCustomer).actor.is_some_and(|it| it.is_system()));
    assert_eq!(by(Step::NotifyShipment).messages.len(), 1);
    assert!(by(Step::GenerateInvoice).evidence[0].contains("INV-000001 over USD 6000.00"));

    let ledger: Vec<(MovementKind, i64, i64)> = bench
        .movements
        .iter()
        .filter(|it| it.sku == sku("A-1"))
        .map(|it| (it.kind, it.on_hand, it.reserved))
        .collect();
    let expected =
        [(MovementKind::Receipt, 10, 0), (MovementKind::Reserve, 0, 2), (MovementKind::Ship, -2, -2)];
    assert_eq!(ledger, expected);
    let proposals: Vec<_> = bench.snapshot.replenishments.values().collect();
    assert_eq!(proposals.len(), 1);
    assert_eq!((&proposals[0].sku, proposals[0].quantity, proposals[0].order), (&sku("A-1"), 12, Some(id)));
}

#[test]
fn an_order_that_costs_nothing_is_paid_by_itself() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.lines[0].unit_price = Some(usd(0));
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Fulfilling);
    let paid = &bench.timeline(id)[6];
    assert_eq!((paid.step, paid.state), (Step::CapturePayment, StepState::Done));
    assert_eq!(paid.evidence, ["nothing to pay"]);
}

#[test]
fn an_order_in_two_shipments_is_delivered_in_two_parts() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    assert_eq!(bench.order(id).shipments.len(), 2);

    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyShipped);
    assert_eq!(state_of(&bench, id, Step::ConfirmPickup), StepState::InProgress);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    bench.report(id, 1, TrackingStatus::Delivered);
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert_eq!(bench.shelf("A-1", "LAX"), (1, 0, 0));
}

#[test]
fn reports_may_come_late_twice_and_in_any_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.pass(86_400);
    let (shipment, now) = (bench.shipment(id, 0).id, bench.now);
    let at = |minutes: u64| now.minus(std::time::Duration::from_secs(minutes * 60));
    let out = [report(TrackingStatus::OutForDelivery, at(90)), report(TrackingStatus::Exception, at(300))];
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &out[..1])).expect("a report");
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &out[1..])).expect("an older one");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::OutForDelivery);
    let told = bench.order(id).messages.len();

    let delivered = report(TrackingStatus::Delivered, at(1));
    let late = [report(TrackingStatus::InTransit, at(600)), report(TrackingStatus::OutForDelivery, at(60))];

    let new =
        bench.on(id, |order, unit| order.record_tracking(unit, shipment, std::slice::from_ref(&delivered)));
    assert_eq!(new.map(|it| it.new), Ok(1));
    let new = bench.on(id, |order, unit| order.record_tracking(unit, shipment, &late));
    assert_eq!(new.map(|it| it.new), Ok(2));
    let again =
        bench.on(id, |order, unit| order.record_tracking(unit, shipment, std::slice::from_ref(&delivered)));
    assert_eq!(again.map(|it| it.new), Ok(0));

    assert_eq!(bench.state(id), OrderState::Delivered);
    assert_eq!(bench.shipment(id, 0).tracking.len(), 6);
    let late = bench.order(id).messages[told..].iter().find(|it| it.kind.step() == Step::TrackShipment);
    assert_eq!(late, None, "no letter says that a delivered parcel is out for delivery");
}

fn state_of(bench: &Bench, id: OrderId, step: Step) -> StepState {
    bench.timeline(id)[usize::from(step.number()) - 1].state
}
