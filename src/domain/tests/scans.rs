//! Couriers' reports as they really come: before the pickup is confirmed, corrected, late, on the way back, by package.

use std::time::Duration;

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::{MessageKind, MessageState, Suppression, Unsent};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::PickupScan;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::{Package, PackedItem, ResolutionKind, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingReport, TrackingStatus};
use crate::domain::ordering::resolve::Way;
use crate::domain::shipping::carrier_label::NewCarrierLabel;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{Recorded, order, proof, reason, report};
use crate::domain::tests::returns::end_own_returns;

use TrackingStatus::*;

/// A paid order, with its goods on the shelf.
fn paid() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    (bench, id)
}

/// Its goods are packed, and a courier is to come for them.
fn assigned() -> (Bench, OrderId) {
    let (mut bench, id) = paid();
    bench.prepare(id, 0);
    bench.pass(86_400);
    (bench, id)
}

fn on_the_road() -> (Bench, OrderId) {
    let (mut bench, id) = paid();
    bench.ship(id, 0);
    bench.pass(86_400);
    (bench, id)
}

fn minutes_ago(bench: &Bench, minutes: u64) -> Timestamp {
    bench.now.minus(Duration::from_secs(minutes * 60))
}

fn scan(bench: &Bench, status: TrackingStatus, ago: u64) -> TrackingReport {
    report(status, minutes_ago(bench, ago))
}

fn tell(bench: &mut Bench, id: OrderId, reports: &[TrackingReport]) -> Result<Recorded, Refusal> {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, reports))
}

fn told(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

#[test]
fn two_scans_of_one_minute_and_place_are_two_and_one_place_spelled_twice_is_one() {
    let (mut bench, id) = on_the_road();
    let arrived = TrackingReport { description: "arrived".to_owned(), ..scan(&bench, InTransit, 60) };
    let departed = TrackingReport { description: "departed".to_owned(), ..arrived.clone() };
    let spelled = TrackingReport { location: "NEWARK, NJ".to_owned(), ..arrived.clone() };
    assert_eq!(tell(&mut bench, id, &[arrived, departed]).map(|it| it.new), Ok(2));
    let again = tell(&mut bench, id, std::slice::from_ref(&spelled)).expect("known");
    assert_eq!((again.new, again.left_out), (0, 0));
    assert_eq!(bench.shipment(id, 0).tracking.len(), 3, "with the handover");
    assert_eq!(tell(&mut bench, id, &[spelled]).map(|it| it.updated), Ok(0), "nothing new in it");
}

#[test]
fn a_known_scan_with_a_later_estimate_moves_the_estimate_and_is_one_event() {
    let (mut bench, id) = on_the_road();
    let at = |days: u64| bench.now.plus(Duration::from_secs(days * 86_400));
    let estimates = [at(2), at(4), at(3)];
    let moving = |estimate| TrackingReport { estimated_at: Some(estimate), ..scan(&bench, InTransit, 60) };
    let [first, later, earlier] = estimates.map(moving);
    for order in [[&first, &later, &earlier], [&later, &earlier, &first], [&earlier, &first, &later]] {
        let (mut bench, id) = on_the_road();
        for one in order {
            tell(&mut bench, id, std::slice::from_ref(one)).expect("taken");
        }
        assert_eq!(bench.shipment(id, 0).estimated_at, Some(estimates[1]));
        assert_eq!(bench.shipment(id, 0).tracking.len(), 2);
    }
    tell(&mut bench, id, &[first]).expect("taken");
    let version = bench.shipment(id, 0).version;
    assert_eq!(tell(&mut bench, id, &[later]).map(|it| (it.new, it.updated)), Ok((0, 1)));
    assert!(bench.shipment(id, 0).version > version, "its etag changes");
}

#[test]
fn a_pickup_scan_stands_for_the_handover() {
    let (mut bench, id) = assigned();
    let info = scan(&bench, InfoReceived, 90);
    assert_eq!(tell(&mut bench, id, &[info]).map(|it| it.new), Ok(1));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));

    let scans = [scan(&bench, OutForDelivery, 10), scan(&bench, PickedUp, 60)];
    assert_eq!(tell(bench.by("courier"), id, &scans).map(|it| it.new), Ok(2));
    let shipment = bench.shipment(id, 0);
    assert_eq!((bench.state(id), shipment.state), (OrderState::Shipped, ShipmentState::OutForDelivery));
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0), "the goods have left");
    let handover = shipment.handover.as_ref().expect("a handover");
    assert_eq!((handover.at, handover.packages), (minutes_ago(&bench, 60), 1));
    assert_eq!(
        (handover.driver.as_str(), handover.confirmed_by.as_str()),
        ("the courier's report", "courier")
    );
    assert_eq!(
        (told(&bench, id, MessageKind::Shipped), told(&bench, id, MessageKind::OutForDelivery)),
        (1, 1)
    );
    let late = shipment.id;
    let refused = bench.on(id, |order, unit| order.confirm_pickup(unit, late, "driver 7", 1, None));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

#[test]
fn goods_that_left_have_left_although_the_order_is_on_hold() {
    let (mut bench, id) = assigned();
    bench.on(id, |order, unit| order.place_hold(unit, HoldReason::Other, String::new())).expect("held");
    let shipment = bench.shipment(id, 0).id;
    let refused = bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None));
    assert_eq!(reason(refused), Reason::HoldActive);
    let scan = scan(&bench, PickedUp, 5);
    tell(&mut bench, id, &[scan]).expect("the truth wins");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::PickedUp);
    let event =
        bench.history(id).iter().rfind(|it| it.kind == EventKind::ShipmentPickedUp).expect("an event");
    assert!(event.text.ends_with("while the order is on hold"), "{}", event.text);
}

#[test]
fn where_pickups_wait_for_a_person_scans_are_kept_until_then() {
    let (mut bench, id) = assigned();
    bench.rules.pickup_scan = PickupScan::Wait;
    let scans = [scan(&bench, PickedUp, 60), scan(&bench, InTransit, 30)];
    assert_eq!(tell(&mut bench, id, &scans).map(|it| it.new), Ok(2));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
    let shipment = bench.shipment(id, 0).id;
    let voided = bench.on(id, |order, unit| order.void_label(unit, shipment));
    assert_eq!(reason(voided), Reason::IllegalTransition, "the courier has it, as it says");
    let given =
        bench.on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()));
    assert_eq!(reason(given), Reason::IllegalTransition);

    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None)).expect("now");
    let shipment = bench.shipment(id, 0);
    assert_eq!(shipment.state, ShipmentState::InTransit, "as the reports say");
    assert_eq!(shipment.handover.as_ref().map(|it| it.at), Some(minutes_ago(&bench, 60)));
    assert_eq!(told(&bench, id, MessageKind::LocationChanged), 0, "the place of the pickup");
}

#[test]
fn before_a_courier_is_assigned_a_scan_is_refused_and_says_what_is_legal() {
    let (mut bench, id) = paid();
    let scan = scan(&bench, PickedUp, 5);
    let Err(Refusal::Unmet { reason, legal, state, .. }) = tell(&mut bench, id, &[scan]) else {
        panic!("nobody has it")
    };
    assert_eq!((reason, state), (Reason::IllegalTransition, Some("PLANNED")));
    assert_eq!(legal.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["StartPicking"]);
}

/// As couriers report a parcel that nobody took.
fn way_back(bench: &Bench) -> [TrackingReport; 4] {
    [
        scan(bench, InTransit, 300),
        scan(bench, DeliveryAttempted, 200),
        scan(bench, Returning, 100),
        TrackingReport { received_by: "depot".to_owned(), ..scan(bench, Delivered, 50) },
    ]
}

#[test]
fn a_parcel_that_is_delivered_on_its_way_back_is_returned() {
    let (mut bench, id) = on_the_road();
    for one in way_back(&bench) {
        tell(&mut bench, id, &[one]).expect("taken");
    }
    let shipment = bench.shipment(id, 0);
    assert_eq!((bench.state(id), shipment.state), (OrderState::Shipped, ShipmentState::Returned));
    assert_eq!(shipment.proof, None);
    assert_eq!(told(&bench, id, MessageKind::DeliveryConfirmed), 0, "no thanks for nothing");
    assert_eq!(told(&bench, id, MessageKind::DeliveryException), 2, "turned back, and back with us");
    assert!(bench.order(id).feedback.is_none());
}

#[test]
fn a_delivery_that_turns_out_to_be_the_senders_is_taken_back() {
    let (mut bench, id) = on_the_road();
    let mut scans = way_back(&bench);
    scans.reverse();
    for (index, one) in scans.into_iter().enumerate() {
        tell(&mut bench, id, &[one]).expect("taken");
        if index == 0 {
            assert_eq!(bench.state(id), OrderState::Delivered, "it looks so");
        }
    }
    let (order, shipment) = (bench.order(id), bench.shipment(id, 0));
    assert_eq!((order.state, shipment.state), (OrderState::Shipped, ShipmentState::Returned));
    assert_eq!((&shipment.proof, order.delivered_at), (&None, None));
    assert_eq!(order.feedback.as_ref().map(|it| it.state), Some(FeedbackState::Expired));
    let thanks = order.messages.iter().find(|it| it.kind == MessageKind::DeliveryConfirmed).expect("queued");
    assert_eq!(order.outdates(thanks, &bench.rules), Some("the goods have gone back"));
    assert_eq!(told(&bench, id, MessageKind::DeliveryException), 1);
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::DeliveryTakenBack));

    // A person who knows better is believed, and the customer is not asked twice.
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert_eq!(bench.order(id).feedback.as_ref().map(|it| it.state), Some(FeedbackState::Requested));
    assert_eq!(told(&bench, id, MessageKind::DeliveryConfirmed), 1, "the letter is still to be sent");
}

#[test]
fn a_customer_whose_thanks_were_kept_back_gets_them_when_the_goods_have_arrived_after_all() {
    assert!(
        MessageKind::DeliveryConfirmed.ages(),
        "whether it is still true is checked before its first sending"
    );
    let (mut bench, id) = on_the_road();
    let scans = [scan(&bench, Delivered, 10), scan(&bench, Returning, 20)];
    tell(&mut bench, id, &scans[..1]).expect("taken");
    tell(&mut bench, id, &scans[1..]).expect("taken");
    assert_eq!(bench.state(id), OrderState::Shipped);
    let letter = bench.order(id).messages.iter().find(|it| it.kind == MessageKind::DeliveryConfirmed);
    let letter = letter.expect("queued").id;
    let kept = Err(Unsent::Suppressed(Suppression::outdated("the goods have gone back")));
    bench.on(id, |order, unit| order.answer_message(unit, letter, kept)).expect("kept back");
    bench.deliver(id, 0);
    assert_eq!(told(&bench, id, MessageKind::DeliveryConfirmed), 2);
    assert_eq!(bench.order(id).feedback.as_ref().map(|it| it.state), Some(FeedbackState::Requested));
}

#[test]
fn an_order_whose_goods_the_courier_has_is_not_cancelled_nor_taken_from_it() {
    let (mut bench, id) = assigned();
    bench.rules.pickup_scan = PickupScan::Wait;
    let scans = [scan(&bench, PickedUp, 5)];
    tell(&mut bench, id, &scans).expect("kept");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);
    assert!(!bench.order(id).available_actions().contains(&Action::CancelOrder));
    let cancelled = bench.on(id, |order, unit| order.cancel(unit, "changed my mind"));
    assert_eq!(reason(cancelled), Reason::IllegalTransition);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0), "the units are sold to nobody else");
}

#[test]
fn what_another_courier_expected_is_nothing_to_go_by() {
    let (mut bench, id) = assigned();
    let far = TrackingReport {
        estimated_at: Some(bench.now.plus(Duration::from_secs(90 * 86_400))),
        ..scan(&bench, Delayed, 5)
    };
    tell(&mut bench, id, &[far]).expect("kept");
    bench.pass(60);
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("another time");
    let planned = bench.shipment(id, 0).estimated_at;
    bench.pass(60);
    bench
        .on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
        .expect("a handover");
    assert_eq!(bench.shipment(id, 0).estimated_at, planned);
}

#[test]
fn a_decision_comes_after_the_reports_of_a_courier_whose_clock_is_ahead() {
    let (mut bench, id) = on_the_road();
    let ahead = TrackingReport {
        occurred_at: bench.now.plus(Duration::from_secs(7_200)),
        ..scan(&bench, Exception, 0)
    };
    tell(&mut bench, id, &[ahead]).expect("taken");
    resolve(&mut bench, id, &Way::Redeliver).expect("tried again");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::InTransit);
}

#[test]
fn known_reports_that_say_more_and_labels_that_replace_others_have_an_end() {
    let (mut bench, id) = on_the_road();
    let moving = |bench: &Bench, n: u64| TrackingReport {
        estimated_at: Some(bench.now.plus(Duration::from_secs(86_400 + n))),
        event_id: "e-1".to_owned(),
        ..scan(bench, InTransit, 60)
    };
    let reports: Vec<_> = (0..1_010).map(|n| moving(&bench, n)).collect();
    let found = tell(&mut bench, id, &reports).expect("taken");
    assert_eq!((found.new, found.updated, found.left_out), (1, 1_000, 9));

    for n in 0..1_000 {
        record(&mut bench, id, &[numbered(1, &format!("N{n}"))]).expect("recorded");
    }
    assert_eq!(reason(record(&mut bench, id, &[numbered(1, "ONE-MORE")])), Reason::LimitReached);
}

#[test]
fn two_deliveries_give_the_same_proof_in_either_order_and_a_persons_counts_more() {
    let (bench, _) = on_the_road();
    let by =
        |name: &str, ago| TrackingReport { received_by: name.to_owned(), ..scan(&bench, Delivered, ago) };
    let scans = [by("", 40), by("Ann", 30), by("Ben", 20)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let (mut bench, id) = on_the_road();
        for index in order {
            tell(&mut bench, id, std::slice::from_ref(&scans[index])).expect("taken");
        }
        let found = bench.shipment(id, 0).proof.clone().expect("a proof");
        assert_eq!((found.received_by.as_str(), found.at), ("Ann", minutes_ago(&bench, 30)), "{order:?}");

        let shipment = bench.shipment(id, 0).id;
        let said = proof(bench.now, &bench.actor);
        bench.on(id, |order, unit| order.confirm_delivery(unit, shipment, said.clone())).expect("said so");
        assert_eq!(bench.shipment(id, 0).proof, Some(said.clone()));
        let early = by("Cid", 60);
        tell(&mut bench, id, &[early]).expect("taken");
        assert_eq!(bench.shipment(id, 0).proof, Some(said));
    }
}

#[test]
fn old_scans_are_recorded_and_not_told() {
    let (mut bench, id) = on_the_road();
    let ready = scan(&bench, AvailableForPickup, 10);
    tell(&mut bench, id, &[ready]).expect("taken");
    let old = [scan(&bench, OutForDelivery, 60), scan(&bench, Delayed, 90)];
    assert_eq!(tell(&mut bench, id, &old).map(|it| it.new), Ok(2));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::AvailableForPickup);
    assert_eq!(told(&bench, id, MessageKind::ReadyForPickup), 1);
    assert_eq!(told(&bench, id, MessageKind::OutForDelivery), 0);
    assert_eq!(told(&bench, id, MessageKind::DeliveryDelayed), 0);
}

fn numbered(package: i32, number: &str) -> NewCarrierLabel {
    NewCarrierLabel { package, number: number.to_owned(), media_type: String::new(), file: None }
}

/// Two packages of one unit each, given to a courier.
fn two_packages() -> (Bench, OrderId) {
    let (mut bench, id) = paid();
    bench.pick(id, 0);
    bench.check_quality(id, 0, 0);
    let shipment = bench.shipment(id, 0).id;
    let package = |number| Package {
        number,
        weight_grams: 500,
        deviation_grams: 0,
        length_mm: 100,
        width_mm: 100,
        height_mm: 100,
        contents: vec![PackedItem { line: 1, quantity: 1 }],
    };
    bench.on(id, |order, unit| order.pack(unit, shipment, vec![package(1), package(2)])).expect("packed");
    bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("a label");
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("a courier");
    (bench, id)
}

fn record(bench: &mut Bench, id: OrderId, labels: &[NewCarrierLabel]) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, 0).clone();
    let courier = shipment.assignment.expect("a courier").courier;
    bench.on(id, |order, unit| order.record_carrier_labels(unit, shipment.id, &courier, labels))
}

#[test]
fn both_numbers_of_two_packages_are_recorded_and_followed() {
    let (mut bench, id) = two_packages();
    record(&mut bench, id, &[numbered(1, "S1"), numbered(2, "S2")]).expect("recorded");
    let shipment = bench.shipment(id, 0);
    assert_eq!(shipment.courier_numbers(), ["S1", "S2"]);
    let about = |number: &str| shipment.package_numbered(number);
    assert_eq!(
        (about("S1"), about("S2"), about(&shipment.label.as_ref().expect("ours").tracking_number)),
        (1, 2, 0)
    );

    bench.pass(3_600);
    let of = |package, status, ago| TrackingReport { package, ..scan(&bench, status, ago) };
    let scans = [of(1, PickedUp, 50), of(2, PickedUp, 50), of(1, Delivered, 20), of(2, OutForDelivery, 30)];
    assert_eq!(tell(&mut bench, id, &scans).map(|it| it.new), Ok(4));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::OutForDelivery, "one is still under way");
    assert_eq!(told(&bench, id, MessageKind::DeliveryConfirmed), 0);
    let last = TrackingReport { package: 2, ..scan(&bench, Delivered, 5) };
    tell(&mut bench, id, &[last]).expect("taken");
    assert_eq!(bench.state(id), OrderState::Delivered);
}

#[test]
fn a_couriers_number_is_one_packages_and_goes_with_its_label() {
    let (mut bench, id) = two_packages();
    record(&mut bench, id, &[numbered(1, "S1")]).expect("recorded");
    record(&mut bench, id, &[numbered(1, "S3")]).expect("the courier gave another one");
    assert_eq!(bench.shipment(id, 0).courier_numbers(), ["S3"]);
    let twice = record(&mut bench, id, &[numbered(2, "S3")]);
    assert_eq!(twice, Err(Refusal::exists("tracking number", "S3")));
    assert_eq!(refused_fields(record(&mut bench, id, &[numbered(7, "S7")])), ["labels[0].package_number"]);

    bench.stock("A-1", "NYC", 2);
    let other = bench.paid(&order("ben", &[("A-1", 2)]));
    bench.prepare(other, 0);
    let taken = record(&mut bench, other, &[numbered(1, "S3")]);
    assert_eq!(taken, Err(Refusal::exists("tracking number", "S3")));
    let shipment = bench.shipment(id, 0).id;
    let falcon = "OTHER".parse().expect("a courier");
    let refused =
        bench.on(id, |order, unit| order.record_carrier_labels(unit, shipment, &falcon, &[numbered(1, "X")]));
    assert_eq!(refused_fields(refused), ["courier"]);

    bench.on(id, |order, unit| order.void_label(unit, shipment)).expect("nobody has it");
    assert_eq!(bench.shipment(id, 0).carrier_labels, []);
    record(&mut bench, other, &[numbered(1, "S3")]).expect("free again");
    let early = record_of_packed(&mut bench, id);
    assert_eq!(reason(early), Reason::IllegalTransition);
}

fn record_of_packed(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    let (shipment, courier) = (bench.shipment(id, 0).id, "OTHER".parse().expect("a courier"));
    bench.on(id, |order, unit| order.record_carrier_labels(unit, shipment, &courier, &[numbered(1, "S9")]))
}

fn resolve(bench: &mut Bench, id: OrderId, way: &Way) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, 0).id;
    bench.by("boss").on(id, |order, unit| order.resolve_exception(unit, shipment, way, "asked for"))
}

#[test]
fn a_parcel_that_nobody_took_is_delivered_again() {
    let (mut bench, id) = on_the_road();
    assert_eq!(reason(resolve(&mut bench, id, &Way::Redeliver)), Reason::IllegalTransition);
    bench.report(id, 0, Returning);
    bench.pass(60);
    bench.report(id, 0, Exception);
    bench.pass(60);
    resolve(&mut bench, id, &Way::Redeliver).expect("tried again");
    let shipment = bench.shipment(id, 0);
    assert_eq!(shipment.state, ShipmentState::InTransit);
    let decided = &shipment.resolutions[0];
    assert_eq!((decided.kind, decided.reason.as_str()), (ResolutionKind::Redeliver, "asked for"));
    assert_eq!(decided.decided_by.as_str(), "boss");
    assert_eq!(told(&bench, id, MessageKind::DeliveryRearranged), 1);
    bench.pass(3_600);
    bench.report(id, 0, Delivered);
    assert_eq!(bench.state(id), OrderState::Delivered, "the customer's this time");
}

#[test]
fn a_parcel_goes_to_another_house_but_not_to_another_country() {
    let (mut bench, id) = on_the_road();
    bench.report(id, 0, DeliveryAttempted);
    let mut address = bench.order(id).shipping_address.clone();
    address.lines = vec!["1 Main Street".to_owned()];
    let mut abroad = address.clone();
    abroad.country = "DE".to_owned();
    let refused = resolve(&mut bench, id, &Way::NewAddress(Box::new(abroad)));
    assert_eq!(refused_fields(refused), ["new_address.country"]);
    let mut nowhere = address.clone();
    nowhere.city = String::new();
    let refused = resolve(&mut bench, id, &Way::NewAddress(Box::new(nowhere)));
    assert_eq!(refused_fields(refused), ["new_address.city"]);

    resolve(&mut bench, id, &Way::NewAddress(Box::new(address.clone()))).expect("sent there");
    assert_eq!(bench.shipment(id, 0).new_address(), Some(&address));
    assert_ne!(bench.order(id).shipping_address, address, "the order keeps its own");
}

#[test]
fn goods_that_came_back_are_paid_back_once() {
    let (mut bench, id) = on_the_road();
    bench.report(id, 0, Returned);
    assert_eq!(reason(resolve(&mut bench, id, &Way::Redeliver)), Reason::IllegalTransition);
    assert!(!bench.order(id).why_open().is_empty());
    resolve(&mut bench, id, &Way::Refund(None)).expect("paid back");
    let order = bench.order(id);
    assert_eq!(order.refunded_minor(), order.lines[0].amounts.total_minor);
    assert_eq!(order.shipments[0].resolutions[0].refunds, [order.payments[0].refunds[0].id]);
    assert_eq!(reason(resolve(&mut bench, id, &Way::Refund(None))), Reason::RefundExceedsCapture);
    end_own_returns(&mut bench, id);
    bench.on(id, Order::close).expect("nothing is open");
    let thanks = bench.order(id).messages.iter().find(|it| it.kind == MessageKind::RefundIssued);
    assert_eq!(thanks.map(|it| it.state), Some(MessageState::Queued));
}
