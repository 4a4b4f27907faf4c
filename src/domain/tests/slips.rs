//! What goes wrong in silence: noticed once, told once, over when it is over; and who could help an order that waits.

use crate::domain::approvals::decide::Decision;
use crate::domain::model::approval::Gate;
use crate::domain::model::courier::{LiveRate, LiveRates};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::{Message, MessageKind, Unsent};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::policy::{Rules, SlipRules};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::slip::SlipKind;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::model::waiting::{Opener, StuckGate};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{dear, done, open_request, order, report, unknown, usd, waiting};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn paid() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    (bench, id)
}

fn on_the_road() -> (Bench, OrderId) {
    let (mut bench, id) = paid();
    bench.ship(id, 0);
    bench.send_messages(id);
    (bench, id)
}

/// The delivery that was promised, and so many days.
fn promised(bench: &Bench, id: OrderId, days: u64) -> Timestamp {
    let promised = bench.order(id).promise_told.expect("a promise");
    promised.plus(std::time::Duration::from_secs(days * DAY))
}

fn estimate(bench: &mut Bench, id: OrderId, status: TrackingStatus, at: Timestamp) {
    bench.pass(60);
    let shipment = bench.shipment(id, 0).id;
    let report = TrackingReport { estimated_at: Some(at), ..report(status, bench.now) };
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[report])).expect("a report");
}

fn stand(bench: &Bench, id: OrderId) -> Vec<SlipKind> {
    bench.order(id).noticed_slips().map(|it| it.kind).collect()
}

fn letters(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<Message> {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).cloned().collect()
}

fn noted(bench: &Bench, id: OrderId, kind: EventKind) -> usize {
    bench.history(id).iter().filter(|it| it.kind == kind).count()
}

#[test]
fn an_estimate_that_slips_is_told_once_and_again_when_it_slips_further() {
    let (mut bench, id) = on_the_road();
    for days in [9, 9, 9, 20, 20] {
        let at = promised(&bench, id, days);
        estimate(&mut bench, id, TrackingStatus::InTransit, at);
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    }
    let told = letters(&bench, id, MessageKind::EstimateMoved);
    assert_eq!(told.len(), 2);
    assert_eq!(noted(&bench, id, EventKind::EstimateMoved), 2);
    assert_eq!(bench.shipment(id, 0).told, [promised(&bench, id, 9), promised(&bench, id, 20)]);
    let order = bench.order(id);
    assert_eq!(order.outdates(&told[0], &bench.rules), Some("another date has been told since"));
    assert_eq!(order.outdates(&told[1], &bench.rules), None);
    bench.deliver(id, 0);
    assert_eq!(stand(&bench, id), []);
    assert_eq!(bench.order(id).outdates(&told[1], &bench.rules), Some("the parcel has been delivered"));
}

#[test]
fn a_small_move_is_not_told_and_a_sooner_date_only_after_a_later_one() {
    let (mut bench, id) = on_the_road();
    let sooner = promised(&bench, id, 0).minus(std::time::Duration::from_secs(3 * DAY));
    let little = promised(&bench, id, 1);
    for at in [sooner, little] {
        estimate(&mut bench, id, TrackingStatus::InTransit, at);
        assert_eq!(stand(&bench, id), []);
    }
    let (later, back) = (promised(&bench, id, 9), promised(&bench, id, 0));
    estimate(&mut bench, id, TrackingStatus::InTransit, later);
    assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    estimate(&mut bench, id, TrackingStatus::InTransit, back);
    assert_eq!(stand(&bench, id), [], "it comes as promised");
    assert_eq!(letters(&bench, id, MessageKind::EstimateMoved).len(), 2, "and the customer knows");
    assert_eq!(noted(&bench, id, EventKind::EstimateMoved), 2);
}

#[test]
fn a_delay_with_a_date_is_one_letter_and_not_two() {
    let (mut bench, id) = on_the_road();
    let later = promised(&bench, id, 9);
    estimate(&mut bench, id, TrackingStatus::Delayed, later);
    assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    assert_eq!(noted(&bench, id, EventKind::EstimateMoved), 1);
    assert_eq!(letters(&bench, id, MessageKind::DeliveryDelayed).len(), 1);
    assert_eq!(letters(&bench, id, MessageKind::EstimateMoved), []);
}

#[test]
fn a_delay_that_grows_after_its_letter_was_sent_is_told_again() {
    let (mut bench, id) = on_the_road();
    let (later, much_later) = (promised(&bench, id, 9), promised(&bench, id, 20));
    let shipment = bench.shipment(id, 0).id;
    let delayed = |at| TrackingReport {
        event_id: "d-1".to_owned(),
        estimated_at: Some(at),
        ..report(TrackingStatus::Delayed, bench.now)
    };
    let [first, grown] = [later, much_later].map(delayed);
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[first])).expect("taken");
    bench.send_messages(id);
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[grown])).expect("taken");
    assert_eq!(letters(&bench, id, MessageKind::EstimateMoved).len(), 1);
    assert_eq!(bench.shipment(id, 0).told, [later, much_later]);
}

#[test]
fn an_estimate_that_jumps_to_and_fro_floods_nobody() {
    let (mut bench, id) = on_the_road();
    for number in 0..40 {
        let at = promised(&bench, id, 3 + 2 * (number % 2));
        estimate(&mut bench, id, TrackingStatus::InTransit, at);
        assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    }
    assert_eq!(letters(&bench, id, MessageKind::EstimateMoved).len(), 10);
}

#[test]
fn a_promise_is_at_risk_before_it_is_missed_and_the_customer_hears_of_it_once() {
    let (mut bench, id) = on_the_road();
    bench.rules.slips.no_scan_seconds = 0;
    let due = promised(&bench, id, 0);
    assert_eq!(
        bench.order(id).due_at(&bench.rules),
        Some(due.minus(std::time::Duration::from_secs(2 * HOUR)))
    );
    bench.now = due;
    for _ in 0..2 {
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [SlipKind::PromiseAtRisk]);
    }
    bench.pass(6 * HOUR);
    for _ in 0..2 {
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [SlipKind::PromiseMissed]);
        bench.pass(DAY);
    }
    let missed = letters(&bench, id, MessageKind::PromiseMissed);
    assert_eq!((missed.len(), noted(&bench, id, EventKind::PromiseMissed)), (1, 1));
    assert_eq!(noted(&bench, id, EventKind::PromiseAtRisk), 1);
    assert_eq!(bench.order(id).outdates(&missed[0], &bench.rules), None);

    // A new date is a new promise; the old one is not missed any more.
    let later = promised(&bench, id, 9);
    estimate(&mut bench, id, TrackingStatus::InTransit, later);
    assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    let outdated = bench.order(id).outdates(&missed[0], &bench.rules);
    assert_eq!(outdated, Some("another date has been told since"));
    bench.now = later.plus(std::time::Duration::from_secs(DAY));
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved, SlipKind::PromiseMissed]);
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed).len(), 2);
}

#[test]
fn a_job_that_runs_late_tells_the_worst_and_no_old_news() {
    let (mut bench, id) = paid();
    bench.pass(60 * DAY);
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [SlipKind::PromiseMissed]);
    assert_eq!(noted(&bench, id, EventKind::PromiseAtRisk), 0);
}

#[test]
fn goods_that_have_not_left_in_time_are_a_promise_at_risk() {
    let (mut bench, id) = paid();
    let promise = bench.order(id).promise.as_ref().expect("a promise");
    let leaves_by = promised(&bench, id, 0).minus(promise.transit().expect("a way"));
    assert_eq!(bench.order(id).due_at(&bench.rules).filter(|it| *it > bench.now), None, "letters first");
    bench.send_messages(id);
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(leaves_by));
    bench.now = leaves_by;
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [SlipKind::PromiseAtRisk]);
    bench.ship(id, 0);
    assert_eq!(stand(&bench, id), [], "it left after all, and there is time");
}

#[test]
fn a_courier_whose_interface_names_a_longer_way_than_its_rates_moves_the_date_or_puts_it_at_risk() {
    for (lets_pass, slip) in [(DAY, SlipKind::EstimateMoved), (60 * DAY, SlipKind::PromiseAtRisk)] {
        let (mut bench, id) = paid();
        bench.rules.slips.estimate_moved_seconds = lets_pass;
        bench.label(id, 0);
        assert_eq!(stand(&bench, id), []);
        let slow = LiveRate {
            service: bench.order(id).service,
            service_name: String::new(),
            price: usd(400),
            transit_days: Some(20),
        };
        let named = |code: &str| (code.parse().expect("a courier"), Ok(vec![slow.clone()]));
        let live: LiveRates = ["SNAIL", "ROCKET"].map(named).into();
        let shipment = bench.shipment(id, 0).id;
        bench
            .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &live))
            .expect("none of them is in time, and one is taken");
        assert_eq!(stand(&bench, id), [slip]);
        let told = letters(&bench, id, MessageKind::EstimateMoved).len();
        assert_eq!(told, usize::from(slip == SlipKind::EstimateMoved));
    }
}

#[test]
fn a_courier_that_does_not_come_and_a_parcel_without_scans_are_noticed() {
    let (mut bench, id) = paid();
    bench.rules.slips =
        SlipRules { promise_at_risk_seconds: 0, promise_missed_seconds: 0, ..bench.rules.slips };
    bench.prepare(id, 0);
    let pickup = bench.shipment(id, 0).assignment.as_ref().expect("a courier").pickup_at;
    bench.now = pickup.plus(std::time::Duration::from_secs(4 * HOUR));
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [SlipKind::PickupMissed]);
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("another day");
    assert_eq!(stand(&bench, id), [], "the next pickup is planned");

    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "", 1, None)).expect("it came");
    for round in 1..3 {
        bench.pass(3 * DAY);
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [SlipKind::NoScan]);
        assert_eq!(noted(&bench, id, EventKind::NoScan), round, "each silence is a new one");
        bench.report(id, 0, TrackingStatus::InTransit);
        assert_eq!(stand(&bench, id), [], "a scan ends it");
    }
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed), [], "switched off");
}

#[test]
fn an_approval_about_to_expire_and_a_payment_without_an_answer_are_noticed() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.rules.reservation_lifetime_seconds = 30 * DAY;
    // The promise passes as well, which is not what this is about.
    bench.rules.slips =
        SlipRules { promise_at_risk_seconds: 0, promise_missed_seconds: 0, ..bench.rules.slips };
    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    bench.pass(60 * HOUR);
    bench.run_due(id);
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [SlipKind::ApprovalExpiring]);
    let event = bench.history(id).iter().find(|it| it.kind == EventKind::ApprovalExpiring).expect("an event");
    assert_eq!(event.step(bench.order(id)).number(), 5);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("in time");
    assert_eq!(stand(&bench, id), []);

    let payment = bench.charge(id);
    for _ in 0..40 {
        bench.pass(60);
        let (_, request) = open_request(bench.order(id)).expect("asked");
        bench.answer(id, payment, request, &unknown());
    }
    assert_eq!(stand(&bench, id), [SlipKind::PaymentUnknown], "however often it was asked again");
    assert_eq!(noted(&bench, id, EventKind::PaymentUnknown), 1);
    let (_, request) = open_request(bench.order(id)).expect("asked");
    bench.answer(id, payment, request, &done("ch-1"));
    assert_eq!(stand(&bench, id), []);
}

#[test]
fn a_hold_that_the_customer_knows_keeps_slips_untold_and_another_one_does_not() {
    for (reason, is_told) in [(HoldReason::CustomerRequest, false), (HoldReason::Compliance, true)] {
        let (mut bench, id) = on_the_road();
        let hold = bench.on(id, |order, unit| order.place_hold(unit, reason, String::new())).expect("a hold");
        let later = promised(&bench, id, 9);
        estimate(&mut bench, id, TrackingStatus::InTransit, later);
        assert_eq!(letters(&bench, id, MessageKind::EstimateMoved).len(), usize::from(is_told), "{reason}");
        assert_eq!(bench.order(id).is_late(), is_told);
        bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
        assert_eq!(letters(&bench, id, MessageKind::EstimateMoved).len(), 1);
        assert_eq!(stand(&bench, id), [SlipKind::EstimateMoved]);
    }
}

#[test]
fn what_is_switched_off_is_never_noticed() {
    let (mut bench, id) = on_the_road();
    bench.rules.slips = SlipRules {
        estimate_moved_seconds: 0,
        promise_at_risk_seconds: 0,
        promise_missed_seconds: 0,
        pickup_missed_seconds: 0,
        no_scan_seconds: 0,
        approval_expiring_seconds: 0,
        payment_unknown_seconds: 0,
    };
    let later = promised(&bench, id, 20);
    estimate(&mut bench, id, TrackingStatus::InTransit, later);
    bench.pass(90 * DAY);
    bench.run_due(id);
    assert_eq!(stand(&bench, id), []);
    bench.send_messages(id);
    assert_eq!(bench.order(id).due_at(&bench.rules), None);
}

#[test]
fn a_slip_letter_that_waits_is_not_sent_once_it_is_old() {
    let (mut bench, id) = on_the_road();
    let (later, back) = (promised(&bench, id, 9), promised(&bench, id, 0));
    estimate(&mut bench, id, TrackingStatus::InTransit, later);
    let hold = HoldReason::CustomerRequest;
    bench.on(id, |order, unit| order.place_hold(unit, hold, String::new())).expect("a hold");
    estimate(&mut bench, id, TrackingStatus::InTransit, back);
    let told = letters(&bench, id, MessageKind::EstimateMoved);
    assert_eq!(told.len(), 1, "the hold is known");
    let why = bench.order(id).outdates(&told[0], &bench.rules);
    assert_eq!(why, Some("delivery is expected on another date again"));
    assert!(MessageKind::EstimateMoved.ages(), "not even the first try");
}

/// Gate, first call and first opener of an order.
fn gate(bench: &Bench, id: OrderId) -> (StuckGate, &'static str, Opener) {
    let wait = bench.order(id).waits_for().expect("it waits");
    (wait.gate, wait.opened_by[0], wait.openers[0])
}

#[test]
fn every_state_of_an_order_says_what_it_waits_for_and_who_could_help() {
    use Opener::{Approver, Courier, Customer, Finance, Support, Warehouse};

    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.rules.reservation_lifetime_seconds = 30 * DAY;
    let mut unclear = order("eve", &[("A-1", 1)]);
    unclear.customer.email = "nobody".to_owned();
    let id = bench.placed(&unclear);
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(gate(&bench, id), (StuckGate::Hold, "UpdateOrder", Support));
    assert_eq!(bench.order(id).waits_for().and_then(|it| it.hold), Some(HoldReason::VerificationFailed));
    let id = bench.placed(&waiting(order("kim", &[("B-2", 1)])));
    assert_eq!(bench.state(id), OrderState::AwaitingStock);
    assert_eq!(gate(&bench, id), (StuckGate::Stock, "ReceiveStock", Warehouse));

    let id = bench.by("shop").placed(&dear(order("ada", &[("A-1", 1)])));
    assert_eq!(gate(&bench, id), (StuckGate::ReservationApproval, "ApproveRequest", Approver));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    assert_eq!(gate(&bench, id), (StuckGate::Payment, "CapturePayment", Customer));
    let payment = bench.by("cashier").charge(id);
    assert_eq!(gate(&bench, id), (StuckGate::Provider, "PAYMENT_CAPTURED", Finance));
    let (_, request) = open_request(bench.order(id)).expect("asked");
    bench.answer(id, payment, request, &done("ch-1"));
    assert_eq!(gate(&bench, id), (StuckGate::PaymentApproval, "ApproveRequest", Approver));
    bench.by("boss").decide_gate(id, Gate::Payment, Decision::Approve).expect("approved");

    let since = |bench: &Bench| bench.order(id).waiting.expect("it waits").since;
    let begun = bench.now;
    assert_eq!(gate(&bench, id), (StuckGate::Picking, "StartPicking", Warehouse));
    bench.pass(60);
    bench.pick(id, 0);
    assert_eq!(gate(&bench, id), (StuckGate::Picking, "RecordQualityCheck", Warehouse));
    assert_eq!(since(&bench), begun, "a step within the gate leaves the time");
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, String::new()))
        .expect("a hold");
    assert_eq!(gate(&bench, id), (StuckGate::Hold, "ReleaseHold", Approver));
    assert_eq!(since(&bench), bench.now);
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    bench.check_quality(id, 0, 0);
    assert_eq!(gate(&bench, id), (StuckGate::Packing, "PackShipment", Warehouse));
    let shipment = bench.shipment(id, 0).clone();
    let packages = crate::domain::tests::given::one_package(&shipment);
    bench.on(id, |order, unit| order.pack(unit, shipment.id, packages)).expect("packed");
    assert_eq!(gate(&bench, id), (StuckGate::Label, "CreateShippingLabel", Warehouse));
    bench.on(id, |order, unit| order.create_label(unit, shipment.id)).expect("labelled");
    assert_eq!(gate(&bench, id), (StuckGate::Courier, "AssignCourier", Warehouse));
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment.id, None, None, &Default::default()))
        .expect("assigned");
    assert_eq!(gate(&bench, id), (StuckGate::Pickup, "ConfirmPickup", Courier));
    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment.id, "", 1, None)).expect("left");
    assert_eq!(gate(&bench, id), (StuckGate::Letter, "MESSAGE_SENT", Support));
    bench.send_messages(id);
    assert_eq!(gate(&bench, id), (StuckGate::Delivery, "RecordTrackingEvents", Courier));
    for (status, opener) in
        [(TrackingStatus::Exception, Support), (TrackingStatus::AvailableForPickup, Customer)]
    {
        bench.pass(60);
        bench.report(id, 0, status);
        bench.send_messages(id);
        assert_eq!(gate(&bench, id).2, opener);
    }
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    bench.send_messages(id);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Lost);
    assert_eq!(gate(&bench, id).0, StuckGate::Exception);
    let calls = ["ResolveException", "RefundPayment", "CloseOrder"];
    assert_eq!(bench.order(id).waits_for().expect("a refund").opened_by, calls);
    bench.deliver(id, 0);
    let refuse = |it: &Message| it.kind == MessageKind::DeliveryConfirmed;
    let letter = bench.order(id).messages.iter().find(|it| refuse(it)).expect("a letter").id;
    let refused = Err(Unsent::Refused("no such mailbox".to_owned()));
    bench.on(id, |order, unit| order.answer_message(unit, letter, refused)).expect("an answer");
    assert_eq!(gate(&bench, id).0, StuckGate::Letter, "a letter that failed");
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!((bench.order(id).waits_for(), bench.order(id).waiting), (None, None));
    bench.on(id, Order::archive).expect("nothing is under way");
    assert_eq!(bench.order(id).waits_for(), None);
}

#[test]
fn an_order_with_a_refund_under_way_waits_for_its_settlement() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.send_messages(id);
    assert_eq!(bench.order(id).waits_for(), None, "it closes by itself");

    let cent = bench.order(id).amounts.currency.of(1);
    bench.on(id, |order, unit| order.refund(unit, payment, Some(cent), "a scratch")).expect("a refund");
    assert_eq!(gate(&bench, id), (StuckGate::Settlement, "RefundPayment", Opener::Finance));
}

#[test]
fn each_gate_has_its_time_and_zero_is_never() {
    let mut rules = Rules::default();
    for gate in StuckGate::ALL {
        assert!(rules.stuck_after(*gate).is_some());
        rules.stuck_after_seconds.insert(*gate, 0);
        assert_eq!(rules.stuck_after(*gate), None);
    }
}
