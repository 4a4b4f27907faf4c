//! What is packed is promised anew, and what waits while other units go is dated anew: by what couriers offer then.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::promise::{Promise, PromiseOccasion};
use crate::domain::model::scalars::{OnShortage, OrderId, ReplenishmentId, ServiceLevel};
use crate::domain::model::shipment::Shipment;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::expected::{expect_at, redate, supplied};
use crate::domain::tests::given::{one_package, order};
use crate::domain::tests::order_changes::{add, changed};
use crate::domain::tests::promises::{at, only, promise, with_only};

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
