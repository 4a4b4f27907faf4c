//! Couriers that are booked through an interface of theirs: whatever they answer, and whenever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use crate::domain::model::action::Action;
use crate::domain::model::booking::{
    BookedCourier, BookedParts, BookingAnswer, BookingRequest, CourierAnswer, SoldLabel,
};
use crate::domain::model::erasure::Erased;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::OrderState;
use crate::domain::model::policy::PickupScan;
use crate::domain::model::refusal::Reason;
use crate::domain::model::scalars::{Actor, BookingId, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::process::schedule::{OutboundAnswer, OutboundTask, RecordAnswers};
use crate::domain::shipping::book::CALLED_OFF_MAX;
use crate::domain::shipping::carrier_label::NewCarrierLabel;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{one_package, order, reason, report};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::Part;

fn sold(number: &str) -> BookingAnswer {
    let label = SoldLabel { reference: "shp_1".to_owned(), number: number.to_owned(), file: None };
    BookingAnswer::Label(CourierAnswer::Done(label))
}

fn refused() -> BookingAnswer {
    BookingAnswer::Label(CourierAnswer::Refused("no service to that island".to_owned()))
}

/// A labelled shipment whose couriers are both booked through an interface.
fn bench(parts: BookedParts) -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    for code in ["SNAIL", "ROCKET"] {
        let track_every = Some(Duration::from_secs(3_600));
        let booked = BookedCourier { parts, track_every };
        bench.rules.booked_couriers.insert(code.parse().expect("a courier code"), booked);
    }
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    (bench, id)
}

fn open(bench: &Bench, id: OrderId) -> Vec<(BookingId, BookingRequest)> {
    let of = |it: &crate::domain::model::booking::Booking| Some((it.id, it.open_request()?));
    bench.shipment(id, 0).all_bookings().filter_map(of).collect()
}

/// The courier's own numbers, with their packages.
fn numbers(bench: &Bench, id: OrderId) -> Vec<(i32, String)> {
    bench.shipment(id, 0).carrier_labels.iter().map(|it| (it.package, it.number.clone())).collect()
}

fn answer(bench: &mut Bench, id: OrderId, booking: BookingId, answer: &BookingAnswer) {
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.answer_booking(unit, shipment, booking, answer))
        .expect("an answer is recorded");
}

fn assign(bench: &mut Bench, id: OrderId, code: &str) -> Result<(), crate::domain::model::refusal::Refusal> {
    let shipment = bench.shipment(id, 0).id;
    let code = code.parse().expect("a courier code");
    bench.on(id, |order, unit| order.assign_courier(unit, shipment, Some(&code), None, &Default::default()))
}

fn pick_up(bench: &mut Bench, id: OrderId) -> Result<(), crate::domain::model::refusal::Refusal> {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
}

#[test]
fn a_shipment_is_handed_over_only_with_the_label_of_its_courier() {
    let (mut bench, id) = bench(BookedParts::LabelAndPickup);
    let asked = open(&bench, id);
    let [(booking, BookingRequest::Label)] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(reason(pick_up(&mut bench, id)), Reason::IllegalTransition);
    assert!(!bench.shipment(id, 0).available_actions().contains(&Action::ConfirmPickup));
    let opened_by = |bench: &Bench| bench.order(id).waits_for().expect("it waits").opened_by;
    assert_eq!(opened_by(&bench), ["BOOKING_CONFIRMED"]);

    answer(&mut bench, id, booking, &sold("JJD1"));
    assert_eq!(open(&bench, id), [(booking, BookingRequest::Pickup)]);
    assert_eq!(
        numbers(&bench, id),
        [(1, "JJD1".to_owned())],
        "the shipment is found by the courier's number"
    );
    assert_eq!(opened_by(&bench), ["ConfirmPickup"]);
    let pickup = BookingAnswer::Pickup(CourierAnswer::Done("pck_1".to_owned()));
    answer(&mut bench, id, booking, &pickup);
    let known = bench.shipment(id, 0).booking.clone().expect("a booking");
    assert_eq!((known.pickup.as_deref(), known.open_request()), (Some("pck_1"), None));

    let events = bench.history(id).len();
    for late in [sold("JJD2"), refused(), pickup] {
        answer(&mut bench, id, booking, &late);
    }
    assert_eq!(bench.shipment(id, 0).booking.as_ref(), Some(&known), "answers that come late or twice");
    assert_eq!(bench.history(id).len(), events);
    pick_up(&mut bench, id).expect("it has its label");
}

#[test]
fn a_courier_that_refuses_is_released_with_its_words() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    answer(&mut bench, id, booking, &refused());
    let shipment = bench.shipment(id, 0);
    assert_eq!(shipment.state, ShipmentState::Labelled);
    assert!(shipment.assignment.is_none() && shipment.booking.is_none() && shipment.called_off.is_empty());
    assert_eq!(shipment.courier_refusal.as_deref(), Some("SNAIL refused: no service to that island"));
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::CourierReleased));

    assign(&mut bench, id, "ROCKET").expect("another one");
    assert_eq!(bench.shipment(id, 0).courier_refusal, None);
}

#[test]
fn a_courier_that_refuses_takes_its_own_numbers_along_and_one_that_has_the_goods_keeps_them() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    let shipment = bench.shipment(id, 0).id;
    let courier = bench.shipment(id, 0).assignment.clone().expect("a courier").courier;
    let label =
        NewCarrierLabel { package: 1, number: "A1".to_owned(), media_type: String::new(), file: None };
    bench.on(id, |order, unit| order.record_carrier_labels(unit, shipment, &courier, &[label])).expect("ok");
    answer(&mut bench, id, booking, &refused());
    assert_eq!((bench.shipment(id, 0).state, numbers(&bench, id)), (ShipmentState::Labelled, Vec::new()));

    assign(&mut bench, id, "ROCKET").expect("another one");
    bench.rules.pickup_scan = PickupScan::Wait;
    let (booking, _) = open(&bench, id)[0];
    let scan = report(TrackingStatus::PickedUp, bench.now);
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[scan])).expect("kept");
    answer(&mut bench, id, booking, &refused());
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned, "it has the goods");
    pick_up(&mut bench, id).expect("a person confirms it");
}

#[test]
fn a_call_without_an_answer_is_made_again_with_the_same_key_and_longer_pauses() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    let shipment = bench.shipment(id, 0).id;
    let task = OutboundTask::Booking(shipment, booking, BookingRequest::Label);
    let due = |bench: &Bench| bench.order(id).outbound_tasks(bench.now).contains(&task);
    assert!(!due(&bench), "the caller asks first");
    bench.pass(10);
    for pause in [8, 16, 30] {
        assert!(due(&bench));
        answer(&mut bench, id, booking, &BookingAnswer::unknown(BookingRequest::Label, "no answer in time"));
        bench.pass(pause - 1);
        assert!(!due(&bench));
        bench.pass(1);
    }
    assert!(due(&bench));
    assert_eq!(bench.shipment(id, 0).booking.as_ref().map(|it| it.attempts), Some(3));
}

#[test]
fn what_is_not_wanted_any_more_is_called_off_once_its_outcome_is_known() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (first, _) = open(&bench, id)[0];
    assign(&mut bench, id, "ROCKET").expect("another");
    let (second, _) = open(&bench, id)[0];
    assert_eq!(open(&bench, id), [(second, BookingRequest::Label), (first, BookingRequest::Label)]);

    answer(&mut bench, id, first, &sold("JJD1"));
    assert!(open(&bench, id).contains(&(first, BookingRequest::Cancel)), "bought, and not wanted");
    assert!(numbers(&bench, id).is_empty());
    answer(&mut bench, id, first, &BookingAnswer::Cancel(CourierAnswer::Done(())));
    answer(&mut bench, id, second, &sold("RKT1"));
    assert_eq!(numbers(&bench, id), [(1, "RKT1".to_owned())]);
    assert!(bench.shipment(id, 0).called_off.is_empty());

    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.void_label(unit, shipment)).expect("voided");
    assert_eq!(open(&bench, id), [(second, BookingRequest::Cancel)]);
    answer(&mut bench, id, second, &BookingAnswer::Cancel(CourierAnswer::Done(())));
    assert!(open(&bench, id).is_empty() && bench.shipment(id, 0).called_off.is_empty());
}

#[test]
fn a_cancelled_order_calls_its_bookings_off_before_it_is_archived() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    answer(&mut bench, id, booking, &sold("JJD1"));
    bench.on(id, |order, unit| order.cancel(unit, "changed my mind")).expect("cancelled");
    assert_eq!(open(&bench, id), [(booking, BookingRequest::Cancel)]);
    assert!(bench.order(id).why_not_archivable().contains(&"a courier has not answered yet".to_owned()));
    answer(&mut bench, id, booking, &BookingAnswer::Cancel(CourierAnswer::Done(())));
    assert!(!bench.order(id).why_not_archivable().contains(&"a courier has not answered yet".to_owned()));
    assert_eq!(bench.state(id), OrderState::Cancelled);
}

#[test]
fn a_silent_courier_is_not_left_for_another_one_for_ever() {
    let (mut bench, id) = bench(BookedParts::Label);
    for number in 0..CALLED_OFF_MAX {
        let code = if number % 2 == 0 { "ROCKET" } else { "SNAIL" };
        assign(&mut bench, id, code).expect("another");
    }
    assert_eq!(reason(assign(&mut bench, id, "SNAIL")), Reason::LimitReached);
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.void_label(unit, shipment)).expect("what ends it is always possible");
}

#[test]
fn a_courier_whose_reports_do_not_come_by_themselves_is_asked_for_them() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    answer(&mut bench, id, booking, &sold("JJD1"));
    pick_up(&mut bench, id).expect("handed over");
    let shipment = bench.shipment(id, 0).id;
    let task = OutboundTask::Tracking(shipment, booking);
    let due = |bench: &Bench| bench.order(id).outbound_tasks(bench.now).contains(&task);
    bench.pass(3_599);
    assert!(!due(&bench));
    bench.pass(1);
    assert!(due(&bench));

    let said = |bench: &mut Bench, reports: Option<Vec<TrackingReport>>| {
        bench
            .on(id, |order, unit| order.answer_tracking(unit, shipment, booking, reports.as_deref()))
            .expect("what it says is recorded");
    };
    said(&mut bench, None);
    assert!(!due(&bench), "it is asked the next time");
    bench.pass(3_600);
    let on_its_way = report(TrackingStatus::InTransit, bench.now);
    said(&mut bench, Some(vec![on_its_way.clone()]));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::InTransit);
    bench.pass(3_600);
    let delivered = report(TrackingStatus::Delivered, bench.now);
    said(&mut bench, Some(vec![on_its_way, delivered.clone()]));
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Delivered);
    let known = bench.shipment(id, 0).clone();
    bench.pass(36_000);
    assert!(!due(&bench), "its journey is over");
    said(&mut bench, Some(vec![delivered]));
    assert_eq!(*bench.shipment(id, 0), known);
}

#[test]
fn what_a_courier_says_after_an_order_was_erased_is_not_recorded() {
    let (mut bench, id) = bench(BookedParts::Label);
    let (booking, _) = open(&bench, id)[0];
    answer(&mut bench, id, booking, &sold("JJD1"));
    pick_up(&mut bench, id).expect("handed over");
    let shipment = bench.shipment(id, 0).id;
    let mut erased = bench.order(id).clone();
    erased.erased = Some(Box::new(Erased { at: bench.now, by: Actor::system(), kept_until: None }));
    let before = erased.clone();

    let reports = Some(vec![report(TrackingStatus::InTransit, bench.now)]);
    let answers = vec![OutboundAnswer::Tracking(shipment, booking, reports)];
    let late = RecordAnswers { target: Target::latest(Part::Order(id)), answers, lease: None };
    bench.decide(|unit| late.decide_on(&mut erased, unit)).expect("it was asked before");
    assert_eq!(erased, before);
}

#[derive(Debug, Clone)]
enum Act {
    Assign(&'static str),
    Void,
    Relabel,
    Cancel,
    PickUp,
    /// The courier carries out the nth open request; whether its answer arrives.
    Answer(usize, Outcome),
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Done,
    DoneButLost,
    Refused,
    NotDone,
}

fn act() -> impl Strategy<Value = Act> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Done),
        2 => Just(Outcome::DoneButLost),
        1 => Just(Outcome::Refused),
        2 => Just(Outcome::NotDone),
    ];
    prop_oneof![
        2 => prop_oneof![Just("SNAIL"), Just("ROCKET")].prop_map(Act::Assign),
        1 => Just(Act::Void),
        2 => Just(Act::Relabel),
        1 => Just(Act::Cancel),
        1 => Just(Act::PickUp),
        8 => (0..4_usize, outcome).prop_map(|(index, outcome)| Act::Answer(index, outcome)),
    ]
}

/// The courier's books: which keys have a label, and how often one was sold.
#[derive(Default)]
struct Courier {
    sold: BTreeMap<BookingId, u32>,
    given_back: BTreeSet<BookingId>,
}

impl Courier {
    fn carry_out(&mut self, key: BookingId, request: BookingRequest, outcome: Outcome) -> BookingAnswer {
        match (request, outcome) {
            (_, Outcome::NotDone) => BookingAnswer::unknown(request, "failed"),
            (BookingRequest::Label, Outcome::Refused) if !self.sold.contains_key(&key) => refused(),
            (BookingRequest::Label, Outcome::DoneButLost) => {
                self.sold.entry(key).or_insert(1);
                BookingAnswer::unknown(request, "no answer in time")
            }
            (BookingRequest::Label, Outcome::Done | Outcome::Refused) => {
                self.sold.entry(key).or_insert(1);
                sold(&key.to_string())
            }
            (BookingRequest::Pickup, Outcome::Done) => {
                BookingAnswer::Pickup(CourierAnswer::Done("pck_1".to_owned()))
            }
            (BookingRequest::Pickup, Outcome::Refused) => {
                BookingAnswer::Pickup(CourierAnswer::Refused("no driver".to_owned()))
            }
            (BookingRequest::Cancel, Outcome::Done | Outcome::Refused) => {
                self.given_back.insert(key);
                BookingAnswer::Cancel(CourierAnswer::Done(()))
            }
            (BookingRequest::Cancel, Outcome::DoneButLost) => {
                self.given_back.insert(key);
                BookingAnswer::unknown(request, "no answer in time")
            }
            (BookingRequest::Pickup, Outcome::DoneButLost) => {
                BookingAnswer::unknown(request, "no answer in time")
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever people do meanwhile: once every open request has its answer, each label that was sold is the one that the
    /// shipment carries, or was given back.
    #[test]
    fn no_label_is_lost_and_none_is_kept_that_is_not_wanted(acts in prop::collection::vec(act(), 1..40)) {
        let (mut bench, id) = bench(BookedParts::LabelAndPickup);
        let shipment = bench.shipment(id, 0).id;
        let mut courier = Courier::default();
        let mut settle = |bench: &mut Bench, index: usize, outcome| {
            let asked = open(bench, id);
            if asked.is_empty() {
                return false;
            }
            let (key, request) = asked[index % asked.len()];
            let said = courier.carry_out(key, request, outcome);
            answer(bench, id, key, &said);
            true
        };
        for act in acts {
            match act {
                Act::Assign(code) => drop(assign(&mut bench, id, code)),
                Act::Void => drop(bench.on(id, |order, unit| order.void_label(unit, shipment))),
                Act::Relabel => {
                    let packages = one_package(bench.shipment(id, 0));
                    drop(bench.on(id, |order, unit| order.pack(unit, shipment, packages)));
                    drop(bench.on(id, |order, unit| order.create_label(unit, shipment)));
                }
                Act::Cancel => drop(bench.on(id, |order, unit| order.cancel(unit, "enough"))),
                Act::PickUp => drop(pick_up(&mut bench, id)),
                Act::Answer(index, outcome) => drop(settle(&mut bench, index, outcome)),
            }
        }
        while settle(&mut bench, 0, Outcome::Done) {}

        let carried = bench.shipment(id, 0).booking.as_ref().map(|it| it.id);
        prop_assert!(bench.shipment(id, 0).called_off.is_empty());
        for key in courier.sold.keys() {
            prop_assert_eq!(courier.given_back.contains(key), carried != Some(*key), "{}", key);
        }
        if let Some(booking) = &bench.shipment(id, 0).booking {
            prop_assert!(booking.label.is_some() && courier.sold.contains_key(&booking.id));
        }
    }
}
