//! What is packed is promised anew, so is what its courier does not carry any more, and what waits while other units go is
//! dated anew: by what couriers offer then.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::model::booking::{BookedCourier, BookedParts, BookingAnswer, CourierAnswer};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::promise::{Promise, PromiseOccasion};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{CourierCode, OnShortage, OrderId, ReplenishmentId, ServiceLevel};
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::shipping::pick::LineUnits;
use crate::domain::shipping::quote::QuoteCouriers;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::expected::{expect_at, redate, supplied};
use crate::domain::tests::given::{one_package, order};
use crate::domain::tests::order_changes::{add, changed};
use crate::domain::tests::promises::{at, only, promise, with_only};
use crate::domain::unit::command::Command;

const DAY: u64 = 86_400;

/// Packs the first shipment, or packs it again, into one package of this weight.
fn pack(bench: &mut Bench, id: OrderId, weight_grams: i64) {
    let shipment = bench.shipment(id, 0).clone();
    let mut packages = one_package(&shipment);
    packages.iter_mut().for_each(|it| it.weight_grams = weight_grams);
    bench.on(id, |order, unit| order.pack(unit, shipment.id, packages)).expect("packed");
}

/// An order whose only shipment is picked and checked.
fn checked(bench: &mut Bench) -> OrderId {
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 0);
    id
}

/// Ten units are wanted and six there, three each in New York and Los Angeles: four wait for goods on order.
fn with_rest() -> (Bench, ReplenishmentId, OrderId) {
    let (mut bench, goods) = supplied();
    let new = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 10)]) };
    let id = bench.paid(&new);
    assert_eq!((bench.state(id), bench.order(id).units_awaited_of(1)), (OrderState::Fulfilling, 4));
    bench.send_messages(id);
    (bench, goods, id)
}

/// How many letters tell what is waited for.
fn told(bench: &Bench, id: OrderId) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::AwaitingStock).count()
}

fn moved(bench: &Bench, id: OrderId) -> usize {
    bench.history(id).iter().filter(|it| it.kind == EventKind::PromiseMoved).count()
}

#[test]
fn what_is_packed_can_leave_now_and_is_promised_anew() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    // Monday, 3:00 in New York; a day of handling, so that Tuesday is the pickup and Thursday the delivery.
    let id = checked(&mut bench);
    let promised = bench.order(id).promised_by;
    assert_eq!(promised, Some(at("2026-11-05T21:00:00Z")));
    pack(&mut bench, id, 900);
    let packed = promise(&bench, id);
    assert_eq!((packed.occasion, packed.at), (PromiseOccasion::Packed, bench.now));
    assert_eq!(packed.ship_at(), Some(at("2026-11-02T21:00:00Z")));
    assert_eq!(packed.delivery_at(), Some(at("2026-11-04T21:00:00Z")));
    assert!(packed.words().starts_with("packed at NYC Monday, 2 November 2026, "), "{}", packed.words());
    assert_eq!((bench.order(id).promised_by, moved(&bench, id)), (promised, 1), "what was promised stands");

    // Packed anew two days later it leaves later: that is expected, and stands in the history.
    bench.pass(2 * DAY);
    pack(&mut bench, id, 900);
    assert_eq!(promise(&bench, id).delivery_at(), Some(at("2026-11-06T21:00:00Z")));
    assert_eq!((bench.order(id).promised_by, moved(&bench, id)), (promised, 2));
}

#[test]
fn what_is_too_heavy_once_it_is_packed_has_no_date_and_says_why() {
    let mut courier = only(ServiceLevel::Standard, 2);
    courier.rates[0].weight_max_grams = 1_000;
    let mut bench = with_only(courier);
    let id = checked(&mut bench);
    assert!(promise(&bench, id).delivery_at().is_some(), "a unit weighs 300 g");
    pack(&mut bench, id, 1_001);
    let words = promise(&bench, id).words();
    assert_eq!(promise(&bench, id).delivery_at(), None);
    assert!(words.contains("no courier carries it: OWL: takes at most 1000 g, this is 1001 g"), "{words}");
    assert_eq!(moved(&bench, id), 1);
    pack(&mut bench, id, 1_000);
    assert!(promise(&bench, id).delivery_at().is_some());
}

#[test]
fn the_rest_is_dated_anew_when_its_goods_move_and_each_date_is_told_once() {
    let (mut bench, goods, id) = with_rest();
    let first = bench.order(id).rest_expected_at().expect("it is on order");
    assert_eq!((told(&bench, id), bench.order(id).rest_date_told), (1, Some(first)));
    for number in [0, 1] {
        bench.ship(id, number);
        assert!(!redate(&mut bench, id), "nothing has moved");
    }
    bench.send_messages(id);
    let (promised, before) = (bench.order(id).promised_by, moved(&bench, id));

    let later = bench.now.plus(Duration::from_secs(19 * DAY));
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    assert!(!redate(&mut bench, id), "another process finds nothing to do");
    let second = bench.order(id).rest_expected_at().expect("it is on order");
    assert!(second > first.plus(Duration::from_secs(6 * DAY)), "{second} after {first}");
    assert_eq!((told(&bench, id), moved(&bench, id)), (2, before + 1));
    assert_eq!((bench.order(id).rest_date_told, bench.order(id).promised_by), (Some(second), promised));
    let shortage = &bench.order(id).availability.as_ref().expect("it was looked").lines[0].shortage;
    assert!(shortage.ends_with(&format!("; the rest is expected at NYC by {later}")), "{shortage}");
    assert_eq!(shortage.matches("the rest is expected").count(), 1, "{shortage}");
    bench.send_messages(id);
    bench.run_due(id);
    assert_eq!(told(&bench, id), 2);

    // By a second more it is noted, and no letter is worth it.
    expect_at(&mut bench, goods, Some(later.plus(Duration::from_secs(1))));
    assert!(redate(&mut bench, id));
    assert_eq!(told(&bench, id), 2);

    // Nobody knows it any more: the customer goes by what was told, and that again is no news.
    expect_at(&mut bench, goods, None);
    assert!(redate(&mut bench, id));
    assert!(!redate(&mut bench, id));
    assert_eq!((bench.order(id).rest_expected_at(), bench.order(id).rest_date_told), (None, Some(second)));
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    assert_eq!((bench.order(id).rest_expected_at(), told(&bench, id)), (Some(second), 2));
}

#[test]
fn a_new_date_of_the_rest_waits_for_a_hold_that_the_customer_knows_and_outdates_the_letter_before() {
    let (mut bench, goods, id) = with_rest();
    let reason = HoldReason::CustomerRequest;
    let hold = bench.on(id, |order, unit| order.place_hold(unit, reason, String::new())).expect("a hold");
    let later = bench.now.plus(Duration::from_secs(19 * DAY));
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    assert_eq!(told(&bench, id), 1);
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    assert_eq!(told(&bench, id), 2);

    let letters = bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::AwaitingStock);
    let outdated: Vec<_> = letters.map(|it| bench.order(id).outdates(it, &bench.rules)).collect();
    assert_eq!(outdated, [Some("another date has been told since"), None]);
    // One that is still to be written names the date that is known then.
    expect_at(&mut bench, goods, Some(later.plus(Duration::from_secs(9 * DAY))));
    assert!(redate(&mut bench, id));
    assert_eq!((told(&bench, id), bench.order(id).rest_date_told), (2, bench.order(id).rest_expected_at()));
}

/// Of the shipment from New York two units of this line are picked, and the third is not found: nobody else has one.
fn one_is_not_found(bench: &mut Bench, id: OrderId, line: i32) {
    let is_it = |it: &&Shipment| it.location.as_str() == "NYC" && it.units_of(line) == 3;
    let shipment = bench.order(id).shipments.iter().find(is_it).expect("three are there").id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    let (found, missing) = ([LineUnits { line, units: 2 }], [LineUnits { line, units: 1 }]);
    bench
        .on(id, |order, unit| order.record_short_pick(unit, shipment, &found, &missing))
        .expect("a short pick");
    assert_eq!(bench.order(id).units_awaited_of(line), 1);
}

#[test]
fn what_is_not_found_and_waits_is_dated_at_once_by_what_is_on_order() {
    let (mut bench, _) = supplied();
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 6)]) };
    let id = bench.paid(&in_parts);
    let of_all = bench.order(id).availability.as_ref().expect("it was looked").lines[0].delivery_at;
    one_is_not_found(&mut bench, id, 1);
    let expected = bench.order(id).rest_expected_at().expect("it is on order");
    assert!(Some(expected) > of_all, "{expected}");
    assert_eq!((told(&bench, id), bench.order(id).rest_date_told), (1, Some(expected)));
    let line = &bench.order(id).availability.as_ref().expect("it was looked").lines[0];
    assert!(
        line.shortage.starts_with("0 of 1 available; the rest is expected at NYC by "),
        "{}",
        line.shortage
    );
    assert!(!redate(&mut bench, id), "nothing has moved since");
}

#[test]
fn a_date_that_is_not_known_any_more_is_looked_for_although_no_delivery_has_moved() {
    let (mut bench, _, id) = with_rest();
    assert!(bench.order(id).rest_expected_at().is_some());
    bench
        .on(id, |order, _| {
            order.availability.iter_mut().flat_map(|it| &mut it.lines).for_each(|it| it.delivery_at = None);
            Ok(())
        })
        .expect("it is on order still");
    assert!(redate(&mut bench, id));
    assert!(bench.order(id).rest_expected_at().is_some());
    assert!(!redate(&mut bench, id));
}

#[test]
fn what_waits_of_a_line_that_a_change_added_has_a_date_too() {
    let (mut bench, _) = supplied();
    bench.stock("B-2", "LAX", 1);
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("B-2", 1)]) };
    let id = bench.paid(&in_parts);
    changed(&mut bench, id, &[add("A-1", 6)]);
    bench.pay_cash(id);
    one_is_not_found(&mut bench, id, 2);
    let order = bench.order(id);
    assert!(order.line_expected_at(2).is_some(), "it is on order");
    assert_eq!(order.rest_date_told, order.line_expected_at(2));
}

/// A labelled shipment that OWL carries in two days, and SLOTH, if it is there, in so many: for the same price, and booked
/// through an interface.
fn labelled(sloth: Option<u32>) -> (Bench, OrderId) {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    if let Some(days) = sloth {
        let mut sloth = only(ServiceLevel::Standard, days);
        sloth.code = "SLOTH".parse().expect("a courier code");
        bench.snapshot.couriers.insert(sloth.code.clone(), sloth.into());
    }
    let booked = BookedCourier { parts: BookedParts::Label, track_every: None };
    for code in ["OWL", "SLOTH"] {
        bench.rules.booked_couriers.insert(code.parse().expect("a courier code"), booked);
    }
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.label(id, 0);
    (bench, id)
}

/// Gives the shipment to the courier of this code, or to the one that is preferred; returns who has it.
fn assign(bench: &mut Bench, id: OrderId, code: Option<&str>) -> Result<String, Refusal> {
    let shipment = bench.shipment(id, 0).id;
    let code = code.map(|it| it.parse().expect("a courier code"));
    bench.on(id, |order, unit| {
        order.assign_courier(unit, shipment, code.as_ref(), None, &Default::default())
    })?;
    Ok(bench.shipment(id, 0).assignment.as_ref().expect("a courier").courier.to_string())
}

/// Its courier refuses it.
fn refuse(bench: &mut Bench, id: OrderId) {
    let shipment = bench.shipment(id, 0);
    let (shipment, booking) = (shipment.id, shipment.booking.as_ref().expect("it is booked").id);
    let refused = BookingAnswer::Label(CourierAnswer::Refused("no service to that island".to_owned()));
    bench
        .on(id, |order, unit| order.answer_booking(unit, shipment, booking, &refused))
        .expect("an answer is recorded");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Labelled);
}

fn void(bench: &mut Bench, id: OrderId) {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.void_label(unit, shipment)).expect("voided");
}

fn new_dates(bench: &Bench, id: OrderId) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::EstimateMoved).count()
}

#[test]
fn a_courier_that_refuses_is_left_out_of_the_promise_and_of_the_choice() {
    let (mut bench, id) = labelled(Some(9));
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    assert_eq!(promise(&bench, id).delivery_at(), Some(at("2026-11-04T21:00:00Z")));
    let (promised, before) = (bench.order(id).promised_by, moved(&bench, id));

    refuse(&mut bench, id);
    let anew = promise(&bench, id).clone();
    assert_eq!(anew.occasion, PromiseOccasion::CourierReleased);
    assert_eq!(anew.legs[0].courier.as_ref().map(|it| it.as_str()), Some("SLOTH"));
    assert_eq!(anew.delivery_at(), Some(at("2026-11-13T21:00:00Z")));
    assert_eq!((bench.order(id).promised_by, moved(&bench, id)), (promised, before + 1));
    assert_eq!(new_dates(&bench, id), 0, "no courier has said it");

    let shipment = bench.shipment(id, 0).id;
    let asked = QuoteCouriers { shipment, service: None, live: Default::default() };
    let offers = bench.decide(|unit| asked.decide(unit)).expect("quotes");
    assert_eq!(offers.quotes.len(), 2, "by name it is asked again");
    assert_eq!(offers.preferred.map(|it| it.0.courier.to_string()).as_deref(), Some("SLOTH"));
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("SLOTH"));
    assert_eq!(promise(&bench, id).delivery_at(), anew.delivery_at());
    assert_eq!((moved(&bench, id), new_dates(&bench, id)), (before + 1, 1), "told once");
    let left = bench.shipment(id, 0);
    assert_eq!((left.refused_by.len(), &left.courier_refusal), (1, &None), "OWL has refused this label");

    refuse(&mut bench, id);
    assert_eq!(promise(&bench, id).delivery_at(), None, "both have refused it");
    let refused = assign(&mut bench, id, None).expect_err("nobody is left").to_string();
    assert!(
        refused.contains("OWL: has refused it") && refused.contains("SLOTH: has refused it"),
        "{refused}"
    );
}

#[test]
fn what_its_only_courier_refuses_has_no_date_until_that_one_is_named_or_the_label_is_voided() {
    let (mut bench, id) = labelled(None);
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    let (first, before) = (promise(&bench, id).delivery_at(), moved(&bench, id));
    refuse(&mut bench, id);
    let words = promise(&bench, id).words();
    assert_eq!((promise(&bench, id).delivery_at(), moved(&bench, id)), (None, before + 1));
    assert!(words.ends_with("; no courier carries it: OWL: has refused it"), "{words}");
    let refused = assign(&mut bench, id, None).expect_err("nobody else is there").to_string();
    assert!(refused.contains("no courier carries this shipment: OWL: has refused it"), "{refused}");

    assert_eq!(assign(&mut bench, id, Some("OWL")).as_deref(), Ok("OWL"));
    assert_eq!(promise(&bench, id).delivery_at(), first);
    refuse(&mut bench, id);
    void(&mut bench, id);
    assert_eq!((promise(&bench, id).delivery_at(), bench.shipment(id, 0).refused_by.len()), (first, 0));
    assert_eq!(moved(&bench, id), before + 4, "gone, named, gone and back");
}

#[test]
fn a_courier_without_an_interface_ends_a_refusal_too() {
    let (mut bench, id) = labelled(Some(9));
    bench.rules.booked_couriers.retain(|code, _| code.as_str() == "OWL");
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    refuse(&mut bench, id);
    assert!(bench.shipment(id, 0).courier_refusal.is_some());
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("SLOTH"));
    assert_eq!(bench.shipment(id, 0).courier_refusal, None, "who has it has not refused it");
}

#[test]
fn what_a_voided_label_gives_back_is_promised_from_then_on() {
    let (mut bench, id) = labelled(Some(9));
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    let before = moved(&bench, id);
    bench.pass(DAY);
    void(&mut bench, id);
    let anew = promise(&bench, id).clone();
    assert_eq!((anew.occasion, anew.at), (PromiseOccasion::CourierReleased, bench.now));
    assert_eq!(anew.legs[0].courier.as_ref().map(|it| it.as_str()), Some("OWL"), "it has refused nothing");
    assert_eq!(anew.ship_at(), Some(at("2026-11-03T21:00:00Z")));
    assert_eq!(anew.delivery_at(), Some(at("2026-11-05T21:00:00Z")));
    assert_eq!(moved(&bench, id), before + 1);

    // Packed and booked anew on the same day, it says the same.
    let shipment = bench.shipment(id, 0).id;
    pack(&mut bench, id, 900);
    bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("a label");
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    assert_eq!(promise(&bench, id).delivery_at(), anew.delivery_at());
    assert_eq!((moved(&bench, id), new_dates(&bench, id)), (before + 1, 0));
}

#[test]
fn the_place_that_a_voided_label_had_on_a_full_day_is_promised_again() {
    let (mut bench, id) = labelled(None);
    let code: CourierCode = "OWL".parse().expect("a courier code");
    let mut owl = (*bench.snapshot.couriers[&code]).clone();
    owl.shipments_per_day = Some(1);
    bench.snapshot.couriers.insert(code, owl.into());
    assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
    let (ship_at, before) = (promise(&bench, id).ship_at(), moved(&bench, id));
    void(&mut bench, id);
    assert_eq!((promise(&bench, id).ship_at(), moved(&bench, id)), (ship_at, before), "nothing has moved");
}

#[test]
fn a_date_that_was_told_stands_until_the_next_courier_names_another() {
    for by_refusal in [true, false] {
        let (mut bench, id) = labelled(Some(9));
        assert_eq!(assign(&mut bench, id, Some("SLOTH")).as_deref(), Ok("SLOTH"));
        assert_eq!(new_dates(&bench, id), 1);
        let late = bench.shipment(id, 0).estimated_at;
        if by_refusal {
            refuse(&mut bench, id);
        } else {
            void(&mut bench, id);
        }
        assert_eq!((bench.shipment(id, 0).estimated_at, new_dates(&bench, id)), (late, 1));
        assert_eq!(promise(&bench, id).delivery_at(), Some(at("2026-11-04T21:00:00Z")));
        if !by_refusal {
            let shipment = bench.shipment(id, 0).id;
            bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("a label");
        }
        assert_eq!(assign(&mut bench, id, None).as_deref(), Ok("OWL"));
        assert_eq!(new_dates(&bench, id), 2, "it comes sooner, and the customer knows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_promised_of_a_packed_shipment_is_the_earliest_of_its_quotes(
        minutes in 0..20_000_u64,
        handling_hours in 0..72_u32,
        weight_grams in 1..30_000_i64,
        carriers in prop::collection::vec(
            (
                0..5_u32,
                prop::collection::btree_set(1..=7_u8, 1..4),
                prop::collection::btree_set(1..=7_u8, 1..4),
                prop::option::of(1_000..20_000_i64),
            ),
            1..4,
        ),
    ) {
        let mut bench = with_only(only(ServiceLevel::Standard, 1));
        bench.rules.handling_hours = handling_hours;
        bench.snapshot.couriers.clear();
        for (index, (days, pickup, delivery, at_most)) in carriers.into_iter().enumerate() {
            let mut courier = only(ServiceLevel::Standard, days);
            courier.code = format!("C{index}").parse().expect("a code");
            courier.pickup_weekdays = pickup.into_iter().collect();
            courier.delivery_weekdays = delivery.into_iter().collect();
            courier.rates[0].weight_max_grams = at_most.unwrap_or(0);
            bench.snapshot.couriers.insert(courier.code.clone(), courier.into());
        }
        let id = checked(&mut bench);
        bench.now = bench.now.plus(Duration::from_secs(minutes * 60));
        pack(&mut bench, id, weight_grams);

        let packed: Promise = promise(&bench, id).clone();
        let shipment = bench.shipment(id, 0).id;
        let (quotes, _) = bench
            .on(id, |order, unit| order.quotes(unit, shipment, None, &Default::default()))
            .expect("quotes");
        prop_assert_eq!(packed.delivery_at(), quotes.iter().map(|it| it.delivery_at).min());
        prop_assert_eq!(packed.cheapest_at(), quotes.first().map(|it| it.delivery_at));
    }
}
