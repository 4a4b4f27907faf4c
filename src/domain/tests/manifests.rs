//! Pickups that are chosen, and manifests.

use std::time::Duration;

use time::Date;
use time::macros::date;

use crate::domain::documents::manifest::{manifest_paper, manifest_text};
use crate::domain::model::hold::HoldReason;
use crate::domain::model::manifest::Manifest;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, OrderId, ShipmentId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::shipping::carrier_label::NewCarrierLabel;
use crate::domain::shipping::manifest::{ConfirmManifest, HandedOver, manifest};
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{MONDAY, location_code, order, reason, to_berlin};
use crate::domain::unit::command::Command;

fn hours_later(hours: u64) -> Timestamp {
    MONDAY.plus(Duration::from_secs(hours * 3_600))
}

fn code(text: &str) -> CourierCode {
    text.parse().expect("a courier code")
}

fn assign(bench: &mut Bench, id: OrderId, courier: Option<&str>, at: Timestamp) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, 0).id;
    let courier = courier.map(code);
    bench.on(id, |order, unit| {
        order.assign_pickup(unit, shipment, courier.as_ref(), None, &Default::default(), at)
    })
}

#[test]
fn a_pickup_may_be_chosen_among_those_that_come() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let pickup = |bench: &Bench| bench.shipment(id, 0).assignment.as_ref().map(|it| it.pickup_at);
    assert_eq!(pickup(&bench), Some(hours_later(8)), "the next one");

    assign(&mut bench, id, Some("ROCKET"), hours_later(8 + 24)).expect("tomorrow's");
    assert_eq!(pickup(&bench), Some(hours_later(8 + 24)));
    let delivery = bench.shipment(id, 0).assignment.as_ref().map(|it| it.delivery_at);
    assert_eq!(
        delivery,
        Some(hours_later(8 + 48 + 5)),
        "the journey begins with that pickup, and ends at 16:00 in New York"
    );
    assign(&mut bench, id, None, hours_later(8 + 24)).expect("whoever comes then");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);
}

#[test]
fn a_pickup_that_is_over_or_that_nobody_makes_is_refused_with_the_next_ones() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let before = bench.shipment(id, 0).clone();
    for at in [MONDAY, hours_later(9), hours_later(8 + 5 * 24), Timestamp::MAX, hours_later(8 + 31 * 24)] {
        assert_eq!(refused_fields(assign(&mut bench, id, Some("ROCKET"), at)), ["pickup_time"], "{at}");
    }
    let Err(Refusal::Invalid(problems)) = assign(&mut bench, id, Some("ROCKET"), MONDAY) else {
        panic!("it was not refused");
    };
    assert_eq!(
        problems.0[0].message,
        "must be a pickup within 30 days; the next are 2026-11-02T16:00:00Z (ROCKET), \
         2026-11-03T16:00:00Z (ROCKET), 2026-11-04T16:00:00Z (ROCKET), 2026-11-05T16:00:00Z (ROCKET), \
         2026-11-06T16:00:00Z (ROCKET)"
    );
    assert_eq!(*bench.shipment(id, 0), before);
}

const TODAY: Date = date!(2026 - 11 - 02);

fn listed(bench: &Bench, courier: &str, location: &str, day: Date, orders: &[OrderId]) -> Manifest {
    let courier = &bench.snapshot.couriers[&code(courier)];
    let location = &bench.snapshot.locations[&location_code(location)];
    let waiting = orders.iter().flat_map(|it| {
        let order = bench.order(*it);
        order.shipments.iter().map(move |it| (order, it.id))
    });
    manifest(courier, location, day, waiting)
}

fn confirm(bench: &mut Bench, shipments: Vec<ShipmentId>) -> HandedOver {
    confirm_on(bench, Some(TODAY), shipments)
}

fn confirm_on(bench: &mut Bench, day: Option<Date>, shipments: Vec<ShipmentId>) -> HandedOver {
    let command = ConfirmManifest {
        courier: code("SNAIL"),
        location: location_code("NYC"),
        day,
        shipments,
        driver: "driver 7".to_owned(),
        at: None,
    };
    bench.decide(|unit| command.decide(unit)).expect("the shipments that can be are handed over")
}

#[test]
fn a_manifest_lists_what_one_courier_takes_at_one_location_on_one_day() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("A-1", "BER", 9)]);
    let here = bench.paid(&order("ada", &[("A-1", 2)]));
    let other_courier = bench.paid(&order("bob", &[("A-1", 1)]));
    let tomorrow = bench.paid(&order("eve", &[("A-1", 1)]));
    let elsewhere = bench.paid(&to_berlin(order("max", &[("A-1", 1)])));
    let orders = [here, other_courier, tomorrow, elsewhere];
    for id in orders {
        bench.prepare(id, 0);
    }
    assign(&mut bench, here, Some("SNAIL"), hours_later(8)).expect("assigned");
    assign(&mut bench, other_courier, Some("ROCKET"), hours_later(8)).expect("assigned");
    assign(&mut bench, tomorrow, Some("SNAIL"), hours_later(8 + 24)).expect("assigned");

    let found = listed(&bench, "SNAIL", "NYC", TODAY, &orders);
    let shipments: Vec<ShipmentId> = found.entries.iter().map(|it| it.shipment).collect();
    assert_eq!(shipments, [bench.shipment(here, 0).id]);
    assert_eq!((found.packages(), found.weight_grams()), (1, 2_500));
    let text = manifest_text(&found);
    let number = &found.entries[0].tracking_number;
    assert!(text.contains(number.as_str()) && text.contains("US New York"), "{text}");
    assert!(text.contains("Total: 1 shipments, 1 parcels, 2.500 kg"), "{text}");
    let paper = manifest_paper(&found, "The shop");
    assert_eq!((paper.lists[0].goods.len(), paper.headline.as_str()), (1, "SNAIL, 2026-11-02"));
    assert!(!text.contains("ada") && !text.contains("Fifth"), "a driver's paper names no customer: {text}");
    assert!(!text.contains("DANGEROUS"));
    let mut dangerous = found;
    dangerous.entries[0].dangerous = true;
    assert!(manifest_text(&dangerous).contains("/1, DANGEROUS GOODS\n"));
    let paper = manifest_paper(&dangerous, "The shop");
    assert!(paper.lists[0].goods[0].description.ends_with("/1, DANGEROUS GOODS"), "{paper:?}");
    assert!(listed(&bench, "SNAIL", "LAX", TODAY, &orders).entries.is_empty());

    // The driver finds the number that is on the courier's own label.
    let (shipment, snail) = (bench.shipment(here, 0).id, code("SNAIL"));
    let label =
        NewCarrierLabel { package: 1, number: "SN-1".to_owned(), media_type: String::new(), file: None };
    bench
        .on(here, |order, unit| order.record_carrier_labels(unit, shipment, &snail, &[label]))
        .expect("recorded");
    assert_eq!(listed(&bench, "SNAIL", "NYC", TODAY, &orders).entries[0].tracking_number, "SN-1");
}

#[test]
fn a_manifest_is_handed_over_but_for_what_is_missing_or_on_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let orders = ["ada", "bob", "eve", "max"].map(|it| bench.paid(&order(it, &[("A-1", 1)])));
    let [taken, missing, held, other] = orders;
    for id in orders {
        bench.prepare(id, 0);
        let courier = if id == other { "ROCKET" } else { "SNAIL" };
        assign(&mut bench, id, Some(courier), hours_later(8)).expect("assigned");
    }
    bench
        .on(held, |order, unit| order.place_hold(unit, HoldReason::Other, "wait".to_owned()))
        .expect("a hold");

    let [one, _, two, three] = orders.map(|it| bench.shipment(it, 0).id);
    let results = confirm(&mut bench, vec![one, two, three, one]);
    assert_eq!(results[0], (one, Ok(())));
    let why = |index: usize| reason(results[index].1.clone());
    assert_eq!([why(1), why(2)], [Reason::HoldActive, Reason::IllegalTransition]);
    assert_eq!(why(3), Reason::IllegalTransition, "it has left already");
    assert_eq!(bench.shipment(taken, 0).state, ShipmentState::PickedUp);
    for stays in [missing, held, other] {
        assert_eq!(bench.shipment(stays, 0).state, ShipmentState::CourierAssigned);
    }
    assert_eq!(bench.shelf("A-1", "NYC"), (8, 3, 0));
    let left = listed(&bench, "SNAIL", "NYC", TODAY, &orders);
    assert_eq!(left.entries.len(), 2, "what was not taken stays on it");
    let unknown = confirm(&mut bench, vec![taken.0.into()]);
    assert!(matches!(unknown[0].1, Err(Refusal::NotFound { .. })));
}

#[test]
fn a_handover_without_a_day_is_one_of_today_by_the_couriers_clock() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let [today, tomorrow] = [("ada", 8), ("bob", 8 + 24)].map(|(who, hours)| {
        let id = bench.paid(&order(who, &[("A-1", 1)]));
        bench.prepare(id, 0);
        assign(&mut bench, id, Some("SNAIL"), hours_later(hours)).expect("assigned");
        bench.shipment(id, 0).id
    });
    bench.pass(8 * 3_600);
    let results = confirm_on(&mut bench, None, vec![today, tomorrow]);
    assert_eq!(results[0], (today, Ok(())));
    assert_eq!(reason(results[1].1.clone()), Reason::IllegalTransition, "tomorrow's");
}
