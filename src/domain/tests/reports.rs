//! Reports of one shipment in every order of arrival, repeated, alone and in batches: what is stored is the same.

use proptest::prelude::*;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::sample::{Index, select};

use crate::domain::invariants::history::history_violations;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::scalars::{Ids, OrderId};
use crate::domain::model::shipment::{Proof, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingReport, TrackingStatus};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, report};
use crate::domain::tests::returns::end_own_returns;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// A shipment that a courier was to come for yesterday; nobody has confirmed that it did.
fn assigned() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.prepare(id, 0);
    bench.pass(86_400);
    (bench, id)
}

/// A shipment that was handed over yesterday.
fn on_the_road() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.pass(86_400);
    (bench, id)
}

/// The order after these batches, with every law looked at.
fn after(bench: &Bench, id: OrderId, batches: &[&[TrackingReport]]) -> Order {
    let mut order = bench.order(id).clone();
    let shipment = order.shipments[0].id;
    let ids = Ids::seeded(bench.now, 7);
    let mut unit = UnitOfWork::new(&bench.snapshot, &bench.rules, bench.now, bench.actor.clone(), ids);
    for batch in batches {
        order.record_tracking(&mut unit, shipment, batch).expect("reports are taken");
    }

    let events = [bench.history(id), unit.changes.events.as_slice()].concat();
    let broken = [order.violations(), history_violations(&order, &events)].concat();
    assert!(broken.is_empty(), "{broken:#?}");
    order
}

type Stored =
    (OrderState, ShipmentState, Option<Timestamp>, Option<Proof>, Option<Timestamp>, BTreeSet<String>);

/// What is stored of it; only the numbers of the reports tell how they came.
fn stored(order: &Order) -> Stored {
    let shipment = &order.shipments[0];
    let keys = shipment.tracking.iter().map(|it| it.key.clone()).collect();
    let handover_at = shipment.handover.as_ref().map(|it| it.at);
    (order.state, shipment.state, shipment.estimated_at, shipment.proof.clone(), handover_at, keys)
}

fn some_report(now: Timestamp) -> impl Strategy<Value = TrackingReport> {
    let names = select(vec!["", "Ann", "Ben"]);
    (select(TrackingStatus::ALL), 0_u64..4, names).prop_map(move |(status, hours, name)| {
        let at = now.minus(Duration::from_secs(hours * 3_600));
        let estimated_at = (hours % 2 == 0).then(|| at.plus(Duration::from_secs(86_400)));
        TrackingReport { estimated_at, received_by: name.to_owned(), ..report(status, at) }
    })
}

/// Every arrangement of these.
fn arrangements(of: &[TrackingReport]) -> Vec<Vec<TrackingReport>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for shorter in arrangements(rest) {
        for index in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(index, first.clone());
            all.push(longer);
        }
    }
    all
}

#[test]
fn every_order_of_arrival_and_every_repetition_ends_in_the_same_stored_state() {
    let started = [on_the_road(), assigned()];
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    let arrivals = (any::<Index>(), vec(some_report(started[0].0.now), 1..5), vec(any::<Index>(), 0..2));
    proptest!(config, |((start, reports, again) in arrivals)| {
        let (bench, id) = start.get(&started);
        let (bench, id) = (bench, *id);
        let whole = stored(&after(bench, id, &[&reports]));
        let repeated = again.iter().map(|it| it.get(&reports).clone());
        let all: Vec<TrackingReport> = reports.iter().cloned().chain(repeated).collect();
        for arranged in arrangements(&all) {
            let one_by_one: Vec<&[TrackingReport]> = arranged.chunks(1).collect();
            prop_assert_eq!(&stored(&after(bench, id, &one_by_one)), &whole, "{:?}", arranged);
        }
    });
}

/// Journeys as couriers report them, each from the first scan to the last, and where they end.
fn journeys() -> Vec<(Vec<TrackingStatus>, ShipmentState)> {
    use TrackingStatus::*;
    vec![
        (vec![InfoReceived, PickedUp, InTransit, OutForDelivery, Delivered], ShipmentState::Delivered),
        (
            vec![InfoReceived, PickedUp, InTransit, CustomsHold, InTransit, OutForDelivery, Delivered],
            ShipmentState::Delivered,
        ),
        (
            vec![PickedUp, InTransit, OutForDelivery, DeliveryAttempted, AvailableForPickup, Delivered],
            ShipmentState::Delivered,
        ),
        (vec![InfoReceived, InTransit, InTransit, OutForDelivery, Unknown], ShipmentState::OutForDelivery),
        (vec![InfoReceived, PickedUp, InTransit, Exception, Delayed], ShipmentState::Exception),
        (
            vec![PickedUp, InTransit, DeliveryAttempted, Returning, InTransit, Delivered],
            ShipmentState::Returned,
        ),
        (vec![InfoReceived, PickedUp, AvailableForPickup, Returning, Returned], ShipmentState::Returned),
        (vec![InfoReceived, PickedUp, InTransit, Delayed, Lost], ShipmentState::Lost),
    ]
}

#[test]
fn a_journey_told_newest_first_ends_as_one_told_oldest_first() {
    for (bench, id) in [assigned(), on_the_road()] {
        for (statuses, end) in journeys() {
            let at = |hours: u64| bench.now.minus(Duration::from_secs(hours * 3_600));
            let scans = statuses.iter().zip((1..=8).rev());
            let oldest_first: Vec<_> = scans.map(|(status, hours)| report(*status, at(hours))).collect();
            let newest_first: Vec<_> = oldest_first.iter().rev().cloned().collect();
            let one_by_one = |of: &[TrackingReport]| {
                let batches: Vec<&[TrackingReport]> = of.chunks(1).collect();
                stored(&after(&bench, id, &batches))
            };
            let told = one_by_one(&oldest_first);
            assert_eq!(told.1, end, "{statuses:?}");
            assert_eq!(one_by_one(&newest_first), told, "{statuses:?}");
            assert_eq!(stored(&after(&bench, id, &[&newest_first])), told, "{statuses:?}");
        }
    }
}

/// The places of which the customer was told, in the order of telling.
fn locations_told(order: &Order) -> Vec<String> {
    let letters = order.messages.iter().filter(|it| it.kind == MessageKind::LocationChanged);
    let about = |sequence| order.shipments[0].tracking.iter().find(|it| it.sequence == sequence);
    letters.filter_map(|it| about(it.sequence)).map(|it| it.location.clone()).collect()
}

#[test]
fn a_change_of_place_is_told_once_per_place_and_never_late() {
    let (bench, id) = on_the_road();
    let scan = |status, location: &str, minutes_ago: u64| {
        let at = bench.now.minus(Duration::from_secs(minutes_ago * 60));
        vec![TrackingReport { location: location.to_owned(), ..report(status, at) }]
    };
    let moves = |location: &str, minutes_ago| scan(TrackingStatus::InTransit, location, minutes_ago);
    let told = |batches: &[Vec<TrackingReport>]| {
        let batches: Vec<&[TrackingReport]> = batches.iter().map(Vec::as_slice).collect();
        locations_told(&after(&bench, id, &batches))
    };

    assert_eq!(told(&[moves("Newark", 90), moves("Albany", 60)]), ["Newark", "Albany"]);
    assert_eq!(told(&[moves("Newark", 90), moves(" newark ", 60)]), ["Newark"], "the same place again");
    let there_and_back = [moves("Newark", 90), moves("Albany", 60), moves("Newark", 30)];
    assert_eq!(told(&there_and_back), ["Newark", "Albany"], "once per place");
    assert_eq!(
        told(&[moves("Albany", 60), moves("Newark", 90)]),
        ["Albany"],
        "a late scan of an older place"
    );
    assert_eq!(told(&[moves("", 60), moves(" ", 30)]), Vec::<String>::new(), "nowhere in particular");
    assert_eq!(told(&[moves("NYC", 60)]), Vec::<String>::new(), "where it was handed over");
    let caught_up = [[moves("Newark", 90), moves("Albany", 60), moves("Troy", 30)].concat()];
    assert_eq!(told(&caught_up), ["Troy"], "a courier that catches up tells the last place only");
    let delayed = [scan(TrackingStatus::Delayed, "Newark", 90), moves("Newark", 60)];
    assert_eq!(told(&delayed), Vec::<String>::new(), "that letter said where");
    let over = [scan(TrackingStatus::Delivered, "Newark", 90), moves("Albany", 60)];
    assert_eq!(told(&over), Vec::<String>::new(), "a delivered parcel is nowhere else");

    let streets: Vec<_> = (0..50).map(|it| moves(&format!("street {it}"), 90 - it)).collect();
    assert_eq!(told(&streets).len(), 20, "nobody is flooded");
}

#[test]
fn a_delivery_and_a_return_contradict_each_other_and_the_delivery_stands() {
    let (bench, id) = on_the_road();
    let hours_ago = |hours: u64| bench.now.minus(Duration::from_secs(hours * 3_600));
    for (delivered_at, returned_at) in [(hours_ago(2), hours_ago(1)), (hours_ago(1), hours_ago(2))] {
        let delivered = report(TrackingStatus::Delivered, delivered_at);
        let returned = report(TrackingStatus::Returned, returned_at);
        for arranged in arrangements(&[delivered, returned]) {
            let one_by_one: Vec<&[TrackingReport]> = arranged.chunks(1).collect();
            let order = after(&bench, id, &one_by_one);
            assert_eq!(
                (order.state, order.shipments[0].state),
                (OrderState::Delivered, ShipmentState::Delivered)
            );
            assert_eq!(order.shipments[0].tracking.len(), 3, "both stay visible");
            assert!(order.messages.iter().any(|it| it.kind == MessageKind::DeliveryConfirmed));
        }
    }
}

#[test]
fn a_return_that_was_settled_stays_settled_when_the_goods_turn_out_to_be_delivered() {
    let (mut bench, id) = on_the_road();
    bench.report(id, 0, TrackingStatus::Returned);
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, unit| order.refund(unit, payment, None, "came back")).expect("paid back");
    end_own_returns(&mut bench, id);
    bench.on(id, Order::close).expect("nothing is open");

    bench.pass(60);
    bench.deliver(id, 0);
    assert_eq!(
        (bench.state(id), bench.shipment(id, 0).state),
        (OrderState::Closed, ShipmentState::Delivered)
    );
    assert!(bench.order(id).feedback.is_none(), "a customer who was paid back is not asked for feedback");
}
