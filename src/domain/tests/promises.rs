//! Promises hold: dates by couriers and calendars, looked at anew whenever something moves them.

use proptest::prelude::*;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;

use crate::domain::approvals::decide::Decision;
use crate::domain::inventory::availability::{Destination, Inquiry, check_availability};
use crate::domain::model::approval::Gate;
use crate::domain::model::calendar::WorkingHours;
use crate::domain::model::courier::{Courier, DeliveryArea, DeliveryZone, PostalCodes, Rate, RateArea};
use crate::domain::model::day::Day;
use crate::domain::model::event::EventKind;
use crate::domain::model::handling::{Dimensions, Handling};
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::{Promise, PromiseOccasion};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{OnLate, OrderId, ServiceLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::process::timeline::steps::Step;
use crate::domain::promise::full::{Counted, full_days};
use crate::domain::promise::leg::{Parcel, leg};
use crate::domain::promise::offer::{Freight, offers};
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{dear, location_code, order, report, sku, to_berlin, usd, waiting};

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::from_date_time(time::OffsetDateTime::parse(text, &Rfc3339).expect("an instant"))
}

/// One courier in one service: picks up and delivers Monday to Friday until four o'clock in New York.
pub(super) fn only(service: ServiceLevel, days: u32) -> Courier {
    let rate = Rate::flat("NORTH_AMERICA".parse().expect("a region"), service, usd(500), days);
    let code = "OWL".parse().expect("a courier");
    let time_zone = "America/New_York".parse().expect("a zone");
    Courier { time_zone, ..Courier::new(code, vec![rate], Timestamp::MIN) }
}

pub(super) fn with_only(courier: Courier) -> Bench {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.snapshot.couriers.clear();
    bench.snapshot.couriers.insert(courier.code.clone(), courier.into());
    bench
}

fn fast(service: ServiceLevel, new: NewOrder) -> NewOrder {
    NewOrder { service, ..new }
}

pub(super) fn promise(bench: &Bench, id: OrderId) -> &Promise {
    bench.order(id).promise.as_ref().expect("a promise")
}

#[test]
fn an_overnight_order_of_a_saturday_is_promised_what_its_only_courier_can_make() {
    let mut bench = with_only(only(ServiceLevel::Overnight, 1));
    // Saturday, 31 October 2026; a day of handling ends on Sunday.
    bench.now = at("2026-10-31T17:20:00Z");
    let id = bench.placed(&fast(ServiceLevel::Overnight, order("ada", &[("A-1", 1)])));
    // Tuesday, 16:00 in New York, in winter time.
    assert_eq!(bench.order(id).promised_by, Some(at("2026-11-03T21:00:00Z")));
    assert_eq!(
        promise(&bench, id).words(),
        "ready at NYC Sunday, 1 November 2026, 12:20 (America/New_York); \
         OWL OVERNIGHT picks up Monday, 2 November 2026, 16:00 (America/New_York), \
         delivers Tuesday, 3 November 2026, 16:00 (America/New_York)"
    );
    let timeline = bench.timeline(id);
    let line = timeline.iter().find(|it| it.step == Step::CheckAvailability).expect("a line");
    assert_eq!(line.evidence[1], "promised by Tuesday, 3 November 2026, 16:00 (America/New_York)");
    let pickup = timeline.iter().find(|it| it.step == Step::ConfirmPickup).expect("a line");
    assert_eq!(pickup.planned_at, Some(at("2026-11-02T21:00:00Z")));
}

#[test]
fn a_shop_without_couriers_promises_by_its_settings() {
    let mut bench = with_only(only(ServiceLevel::Standard, 1));
    bench.snapshot.couriers.clear();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let hours = Duration::from_secs((24 + 5 * 24) * 3_600);
    assert_eq!(bench.order(id).promised_by, Some(bench.now.plus(hours)));
}

#[test]
fn where_no_courier_goes_nothing_is_promised() {
    let mut bench = with_only(only(ServiceLevel::Standard, 1));
    bench.stock("A-1", "BER", 3);
    let id = bench.placed(&to_berlin(order("ada", &[("A-1", 1)])));
    assert_eq!(bench.order(id).promised_by, None);
    let words = promise(&bench, id).words();
    assert!(
        words.ends_with(
            "no courier carries it: OWL: no STANDARD rate for EUROPE in USD; \
        OWL: no EXPRESS rate for EUROPE in USD; OWL: no OVERNIGHT rate for EUROPE in USD"
        ),
        "{words}"
    );
}

#[test]
fn a_faster_service_stands_in_only_where_the_ordered_one_is_not_offered() {
    let mut courier = only(ServiceLevel::Standard, 4);
    courier.rates.extend(only(ServiceLevel::Overnight, 1).rates);
    let mut bench = with_only(courier);
    let standard = bench.placed(&order("ada", &[("A-1", 1)]));
    let express = bench.placed(&fast(ServiceLevel::Express, order("bob", &[("A-1", 1)])));
    let service = |id| promise(&bench, id).legs[0].service;
    assert_eq!(service(standard), ServiceLevel::Standard);
    assert_eq!(service(express), ServiceLevel::Overnight);
}

#[test]
fn handling_takes_working_hours_of_the_location() {
    let mut bench = with_only(only(ServiceLevel::Standard, 1));
    let mut location = (*bench.snapshot.locations[&location_code("NYC")]).clone();
    location.calendar.hours =
        (1..=5).map(|weekday| WorkingHours { weekday, opens: 540, closes: 1_020 }).collect();
    location.calendar.holidays = vec![Day::of(2026, 11, 4).expect("a day")];
    bench.snapshot.locations.insert(location.code.clone(), location.into());
    bench.rules.handling_hours = 12;
    // Monday, 3:00 in New York: eight hours on Monday, four on Tuesday; picked up at four, Wednesday is a holiday of
    // the location's alone.
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let leg = &promise(&bench, id).legs[0];
    assert_eq!(leg.ready_at, Some(at("2026-11-03T18:00:00Z")));
    assert_eq!(leg.ship_at, Some(at("2026-11-03T21:00:00Z")));
    assert_eq!(leg.delivery_at, Some(at("2026-11-04T21:00:00Z")));
    bench.rules.handling_hours = 24;
    let id = bench.placed(&order("bob", &[("A-1", 1)]));
    assert_eq!(promise(&bench, id).legs[0].ready_at, Some(at("2026-11-05T22:00:00Z")));
}

/// A location of Berlin that works Monday to Friday from eight to eight, and a courier of Athens that delivers on these
/// days.
fn berlin_by_athens(days: u32, delivery_weekdays: &[u8], holidays: &[Day]) -> Bench {
    let rate = Rate::flat("EUROPE".parse().expect("a region"), ServiceLevel::Standard, usd(500), days);
    let mut bench = with_only(Courier {
        rates: vec![rate],
        time_zone: "Europe/Athens".parse().expect("a zone"),
        delivery_weekdays: delivery_weekdays.to_vec(),
        holidays: holidays.to_vec(),
        ..only(ServiceLevel::Standard, days)
    });
    bench.stock("A-1", "BER", 3);
    let mut location = (*bench.snapshot.locations[&location_code("BER")]).clone();
    location.calendar.time_zone = "Europe/Berlin".parse().expect("a zone");
    location.calendar.hours =
        (1..=5).map(|weekday| WorkingHours { weekday, opens: 480, closes: 1_200 }).collect();
    bench.snapshot.locations.insert(location.code.clone(), location.into());
    bench.rules.handling_hours = 12;
    bench
}

#[test]
fn every_time_of_a_promise_is_by_its_own_clock_on_both_sides_of_summer_time() {
    const WEEK: [u8; 5] = [1, 2, 3, 4, 5];
    const WITH_SATURDAY: [u8; 6] = [1, 2, 3, 4, 5, 6];
    let promised = |days, weekdays: &[u8], holidays: &[Day], now: &str| {
        let mut bench = berlin_by_athens(days, weekdays, holidays);
        bench.now = at(now);
        let id = bench.placed(&to_berlin(order("ada", &[("A-1", 1)])));
        let leg = &promise(&bench, id).legs[0];
        assert_eq!(bench.order(id).promised_by, leg.delivery_at);
        [leg.ready_at, leg.ship_at, leg.delivery_at]
            .map(|it| it.map_or_else(String::new, |it| it.to_string()))
    };

    // Ordered on a Thursday at seven in Berlin; the clocks of Europe go forward on Sunday, 29 March 2026. Ready at eight
    // in the evening, fetched on Friday at four in Athens, delivered at four in Berlin.
    let spring = "2026-03-26T06:00:00Z";
    let (ready, fetched) = ("2026-03-26T19:00:00Z", "2026-03-27T14:00:00Z");
    assert_eq!(promised(2, &WEEK, &[], spring), [ready, fetched, "2026-03-31T14:00:00Z"]);
    assert_eq!(promised(2, &WITH_SATURDAY, &[], spring), [ready, fetched, "2026-03-30T14:00:00Z"]);
    assert_eq!(promised(1, &WITH_SATURDAY, &[], spring), [ready, fetched, "2026-03-28T15:00:00Z"]);
    let tuesday = Day::of(2026, 3, 31).expect("a day");
    assert_eq!(promised(2, &WEEK, &[tuesday], spring), [ready, fetched, "2026-04-01T14:00:00Z"]);

    // They go back on Sunday, 25 October 2026.
    let autumn = "2026-10-22T05:00:00Z";
    let (ready, fetched) = ("2026-10-22T18:00:00Z", "2026-10-23T13:00:00Z");
    assert_eq!(promised(2, &WEEK, &[], autumn), [ready, fetched, "2026-10-27T15:00:00Z"]);
    assert_eq!(promised(1, &WITH_SATURDAY, &[], autumn), [ready, fetched, "2026-10-24T14:00:00Z"]);
    let tuesday = Day::of(2026, 10, 27).expect("a day");
    assert_eq!(promised(2, &WEEK, &[tuesday], autumn), [ready, fetched, "2026-10-28T15:00:00Z"]);
}

#[test]
fn a_promise_is_made_anew_at_payment_and_the_history_says_so() {
    let mut bench = with_only(only(ServiceLevel::Standard, 1));
    let new = NewOrder { reservation_lifetime_seconds: Some(2_000_000), ..order("ada", &[("A-1", 1)]) };
    let id = bench.placed(&new);
    let first = bench.order(id).promised_by.expect("a promise");
    bench.pass(3 * 86_400);
    bench.pay_cash(id);
    let second = bench.order(id).promised_by.expect("a promise");
    // From Wednesday over the weekend to Monday.
    assert_eq!(second.since(first), Duration::from_secs(5 * 86_400));
    assert_eq!(promise(&bench, id).occasion, PromiseOccasion::Payment);
    let moved: Vec<&str> = bench
        .history(id)
        .iter()
        .filter(|it| it.kind == EventKind::PromiseMoved)
        .map(|it| it.text.as_str())
        .collect();
    assert_eq!(moved.len(), 1);
    assert!(
        moved[0].starts_with(
            "delivery Monday, 9 November 2026, 16:00 (America/New_York), not Wednesday, 4 November"
        ),
        "{moved:?}"
    );
    assert_eq!(bench.order(id).shipments[0].promised_by, Some(second));
}

#[test]
fn an_approval_looks_at_the_dates_anew() {
    let mut bench = with_only(only(ServiceLevel::Standard, 1));
    let id = bench.placed(&dear(order("ada", &[("A-1", 1)])));
    let first = bench.order(id).promised_by.expect("a promise");
    bench.pass(86_400);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    assert_eq!(promise(&bench, id).occasion, PromiseOccasion::Approval);
    assert!(bench.order(id).promised_by > Some(first));
}

#[test]
fn what_slips_later_moves_the_expectation_and_not_what_was_promised() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    let promised = bench.order(id).promised_by;
    let shipment = bench.shipment(id, 0).id;

    // One unit is not on the shelf and another one takes its place, two days later.
    bench.pass(2 * 86_400);
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("picking");
    let (picks, missing) = ([LineUnits { line: 1, units: 2 }], [LineUnits { line: 1, units: 1 }]);
    bench.on(id, |order, unit| order.record_short_pick(unit, shipment, &picks, &missing)).expect("short");
    assert_eq!(promise(&bench, id).occasion, PromiseOccasion::ShortPick);
    let slipped = promise(&bench, id).delivery_at();
    assert!(slipped > promised && bench.order(id).promised_by == promised);

    bench.prepare(id, 0);
    let assigned = promise(&bench, id);
    assert_eq!(assigned.occasion, PromiseOccasion::CourierAssigned);
    let by_courier = bench.shipment(id, 0).assignment.as_ref().map(|it| it.delivery_at);
    assert_eq!(assigned.delivery_at(), by_courier);

    bench
        .on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
        .expect("handed over");
    let later = by_courier.expect("a courier").plus(Duration::from_secs(86_400));
    let now = bench.now;
    let mut news = report(TrackingStatus::InTransit, now);
    news.estimated_at = Some(later);
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[news.clone()])).expect("news");
    assert_eq!(promise(&bench, id).occasion, PromiseOccasion::Tracking);
    assert_eq!(promise(&bench, id).delivery_at(), Some(later));
    assert_eq!(bench.order(id).promised_by, promised);
}

#[test]
fn a_pick_that_nothing_replaces_leaves_no_date() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let id = bench.paid(&order("ada", &[("A-1", 9)]));
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("picking");
    let missing = [LineUnits { line: 1, units: 1 }];
    bench.on(id, |order, unit| order.record_short_pick(unit, shipment, &[], &missing)).expect("short");
    assert_eq!(promise(&bench, id).delivery_at(), None);
    bench.stock("A-1", "NYC", 1);
    let hold = bench.order(id).holds[0].id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "there")).expect("released");
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("picking");
    assert!(promise(&bench, id).delivery_at().is_some());
}

/// Wanted tomorrow, which nobody can make.
fn in_a_hurry(bench: &Bench, on_late: OnLate) -> NewOrder {
    let requested_by = Some(bench.now.plus(Duration::from_secs(86_400)));
    NewOrder { requested_by, on_late, ..order("ada", &[("A-1", 1)]) }
}

#[test]
fn a_date_that_cannot_be_met_refuses_the_order_that_says_so() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let new = in_a_hurry(&bench, OnLate::Refuse);
    let refused = bench.create_order(&new).expect_err("too late");
    let Refusal::Infeasible { earliest, why } = &refused else { panic!("{refused:?}") };
    // A day of handling, so Tuesday is the pickup and Thursday the delivery.
    assert_eq!(*earliest, Some(at("2026-11-05T21:00:00Z")));
    assert!(why.contains("OWL STANDARD picks up Tuesday"), "{why}");
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 0, 0));

    let in_time = NewOrder { requested_by: *earliest, ..new };
    let id = bench.placed(&in_time);
    assert_eq!(bench.order(id).promised_by, *earliest);
}

#[test]
fn an_order_that_accepts_what_is_possible_goes_on_and_says_what_that_is() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let id = bench.placed(&in_a_hurry(&bench, OnLate::Accept));
    let order = bench.order(id);
    assert!(!order.on_hold());
    assert_eq!(order.availability.as_ref().and_then(|it| it.requested_date_feasible), Some(false));
    assert_eq!(order.promised_by, Some(at("2026-11-05T21:00:00Z")));
}

#[test]
fn who_releases_the_hold_of_a_late_date_accepts_it() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let id = bench.placed(&in_a_hurry(&bench, OnLate::Hold));
    let order = bench.order(id);
    assert_eq!((order.state, order.on_hold()), (OrderState::Reserved, true));
    assert_eq!(order.holds[0].reason, HoldReason::UnknownDeliveryDate);
    assert!(order.holds[0].note.contains("the earliest possible delivery is"), "{}", order.holds[0].note);
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 1, 0));

    // The stock is kept as long as for an approval.
    bench.pass(86_400);
    bench.run_due(id);
    let hold = bench.order(id).holds[0].id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "the customer agrees")).expect("released");
    let order = bench.order(id);
    assert_eq!((order.state, order.on_late), (OrderState::Invoiced, OnLate::Accept));
    assert!(order.holds.iter().all(|it| it.state == HoldState::Released));
}

#[test]
fn an_order_that_waited_too_long_for_its_date_is_held_and_not_refused() {
    let mut bench = with_only(only(ServiceLevel::Standard, 2));
    let mut new = waiting(order("ada", &[("A-1", 12)]));
    new.requested_by = Some(bench.now.plus(Duration::from_secs(30 * 86_400)));
    new.on_late = OnLate::Hold;
    let id = bench.placed(&new);
    assert_eq!((bench.order(id).state, bench.order(id).promised_by), (OrderState::AwaitingStock, None));
    bench.pass(29 * 86_400);
    bench.stock("A-1", "NYC", 3);
    assert!(bench.fill(id));
    assert_eq!(bench.order(id).state, OrderState::Reserved);
    assert!(bench.order(id).on_hold());

    // An order that would rather be refused is refused while nobody knows the date.
    let refused = bench.create_order(&NewOrder { on_late: OnLate::Refuse, ..new });
    assert!(matches!(refused, Err(Refusal::Infeasible { earliest: None, .. })), "{refused:?}");
}

#[test]
fn all_regions_are_looked_at_at_once_with_dates_and_a_reason_for_each_shortage() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "BER", 1)]);
    let asked = |destination| Inquiry {
        destination,
        lines: vec![(sku("A-1"), 2), (sku("B-2"), 1)],
        service: ServiceLevel::Standard,
        requested_by: None,
    };
    let all = asked(Destination::Regions(Vec::new()));
    let outlook = bench.decide(|unit| check_availability(unit, &all)).expect("an answer");
    let regions: Vec<&str> = outlook.regions.iter().map(|it| it.region.as_str()).collect();
    assert_eq!(regions, ["EUROPE", "MALAYSIA", "NORTH_AMERICA"]);
    let line = |region: usize, line: usize| &outlook.regions[region].found.lines[line];
    assert_eq!(line(0, 0).shortage, "not stocked at any location of the region");
    assert!(line(0, 0).delivery_at.is_none() && line(0, 1).delivery_at.is_some());
    assert!(line(2, 0).ship_at < line(2, 0).delivery_at && line(2, 1).delivery_at.is_none());
    assert!(outlook.regions.iter().all(|it| it.promise.is_none()));
    assert_eq!(outlook.best().region.as_str(), "EUROPE");

    bench.stock("B-2", "LAX", 1);
    let outlook = bench.decide(|unit| check_availability(unit, &all)).expect("an answer");
    assert_eq!(outlook.best().region.as_str(), "NORTH_AMERICA");
    let legs = &outlook.best().promise.as_ref().expect("all there").legs;
    assert_eq!(legs.iter().map(|it| it.lines.clone()).collect::<Vec<_>>(), [vec![2], vec![1]]);

    let wrong = asked(Destination::Regions(vec!["MARS".parse().expect("a code")]));
    let refused = bench.decide(|unit| check_availability(unit, &wrong)).expect_err("no such region");
    let Refusal::Invalid(problems) = refused else { panic!("{refused:?}") };
    assert_eq!(problems.0[0].field, "regions.regions[0]");
}

/// Every part that is promised has a courier whose offer keeps the promise.
fn keeps(bench: &mut Bench, order: &Order) -> bool {
    let wish = order.wish().expect("a region");
    let promised = order.promised_by.expect("a promise");
    let legs = order.promise.as_ref().expect("a promise").legs.clone();
    bench
        .decide(|unit| {
            let keeps = |it: &crate::domain::model::promise::PromiseLeg| {
                let location = unit.location(&it.location).expect("a location");
                let counted = Counted { order: order.id, shipment: None };
                let full = full_days(unit, Some(location), Some(counted));
                let freight = Freight {
                    calendar: Some(&location.calendar),
                    region: &location.region,
                    to: &wish.to,
                    packages: &[],
                    weight_grams: 300,
                    volume_mm3: 0,
                    dangerous: false,
                    currency: wish.currency,
                    ready_at: it.ready_at.expect("a time"),
                    full: &full,
                };
                let services = ServiceLevel::ALL.iter().filter(|it| **it >= wish.service);
                let mut all = services.flat_map(|service| {
                    unit.all_couriers().flat_map(|it| offers(it, *service, &freight).unwrap_or_default())
                });
                all.any(|it| it.delivery_at <= promised)
            };
            Ok(legs.iter().all(keeps))
        })
        .expect("an answer")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_promise_is_kept_by_the_offer_of_a_courier(
        now in 1_767_225_600_i64..1_798_761_600,
        service in prop::sample::select(ServiceLevel::ALL.to_vec()),
        couriers in prop::collection::vec(
            (
                prop::sample::select(ServiceLevel::ALL.to_vec()),
                0..6_u32,
                prop::collection::btree_set(1..=7_u8, 0..4),
                prop::collection::btree_set(1..=7_u8, 0..4),
                prop::sample::select(vec!["UTC", "America/New_York", "Asia/Tokyo"]),
                prop::option::of(1..3_u32),
            ),
            1..4,
        ),
        holidays in prop::collection::btree_set(20_454..20_819_i64, 0..60),
        hours in prop::collection::btree_set(1..=7_u8, 0..7),
        wanted_in_days in prop::option::of(0..12_u64),
        per_day in prop::option::of(1..3_u32),
        before in 0..4_usize,
    ) {
        let mut bench = with_only(only(ServiceLevel::Standard, 1));
        bench.snapshot.couriers.clear();
        for (index, (service, days, pickup, delivery, zone, per_day)) in couriers.into_iter().enumerate() {
            let mut courier = only(service, days);
            courier.code = format!("C{index}").parse().expect("a code");
            courier.time_zone = zone.parse().expect("a zone");
            courier.pickup_weekdays = pickup.into_iter().collect();
            courier.delivery_weekdays = delivery.into_iter().collect();
            courier.shipments_per_day = per_day;
            courier.holidays = holidays.iter().map(|it| Day::from_number(*it)).collect();
            bench.snapshot.couriers.insert(courier.code.clone(), courier.into());
        }
        let mut location = (*bench.snapshot.locations[&location_code("NYC")]).clone();
        location.calendar.hours =
            hours.into_iter().map(|weekday| WorkingHours { weekday, opens: 480, closes: 1_000 }).collect();
        location.shipments_per_day = per_day;
        bench.snapshot.locations.insert(location.code.clone(), location.into());
        bench.now = Timestamp::from_unix_micros(now * 1_000_000);
        for buyer in ["bob", "cleo", "dan", "eve"].into_iter().take(before) {
            let id = bench.paid(&fast(service, order(buyer, &[("A-1", 1)])));
            bench.label(id, 0);
            let shipment = bench.shipment(id, 0).id;
            // It fills a day of a courier, if one carries it.
            let _ = bench.on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()));
        }

        let mut new = fast(service, order("ada", &[("A-1", 1)]));
        new.requested_by = wanted_in_days.map(|it| bench.now.plus(Duration::from_secs(it * 86_400)));
        let id = bench.placed(&new);
        let placed = bench.order(id).clone();
        if let Some(promised) = placed.promised_by {
            prop_assert!(keeps(&mut bench, &placed));
            prop_assert!(placed.promise.as_ref().and_then(Promise::delivery_at) <= Some(promised));
            let feasible = placed.requested_by.map(|it| promised <= it);
            prop_assert_eq!(placed.requested_date_feasible(), feasible);
        } else {
            let wish = placed.wish().expect("a region");
            let location = location_code("NYC");
            let parcel = Parcel {
                location,
                lines: vec![1],
                weight_grams: 300,
                volume_mm3: 0,
                dangerous: false,
                stock_at: None,
            };
            let leg = bench.decide(|unit| Ok(leg(unit, &wish, parcel))).expect("an answer");
            prop_assert!(leg.courier.is_none() && !leg.why.is_empty());
        }
    }
}

/// A courier of New York whose rate counts weight, volume and where in the country it goes.
#[derive(Debug, Clone)]
struct Carrier {
    days: u32,
    base: i64,
    per_kg: i64,
    divisor: i64,
    at_most: Option<i64>,
    /// Postal codes that are cheaper, and take a day longer.
    near: Option<&'static str>,
    takes_dangerous_goods: bool,
}

fn some_carrier() -> impl Strategy<Value = Carrier> {
    let price = (0..5_u32, 100..2_000_i64, 0..300_i64);
    let size = (prop::sample::select(vec![0, 4_000, 6_000]), prop::option::of(1_000..60_000_i64));
    let near = prop::option::of(prop::sample::select(vec!["1", "101", "902"]));
    (price, size, near, any::<bool>()).prop_map(|(price, size, near, takes_dangerous_goods)| Carrier {
        days: price.0,
        base: price.1,
        per_kg: price.2,
        divisor: size.0,
        at_most: size.1,
        near,
        takes_dangerous_goods,
    })
}

impl Carrier {
    fn courier(self, index: usize) -> Courier {
        let Self { days, base, per_kg, divisor, at_most, near, takes_dangerous_goods } = self;
        let mut courier = only(ServiceLevel::Standard, days);
        courier.code = format!("C{index}").parse().expect("a code");
        courier.takes_dangerous_goods = takes_dangerous_goods;
        let rate = &mut courier.rates[0];
        rate.base_minor = base;
        rate.per_kg_minor = per_kg;
        rate.volumetric_divisor = divisor;
        rate.weight_max_grams = at_most.unwrap_or(0);
        if let Some(begin) = near {
            let area = RateArea::Zone("NEAR".to_owned());
            let cheaper = Rate { area, base_minor: base / 2, transit_days: days + 1, ..rate.clone() };
            courier.rates.push(cheaper);
            let postal_codes = PostalCodes::BeginWith(begin.to_owned());
            let areas = vec![DeliveryArea { country: "US".to_owned(), postal_codes }];
            courier.zones = vec![DeliveryZone { name: "NEAR".to_owned(), areas }];
        }
        courier
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_cheapest_way_that_is_promised_is_the_cheapest_quote_of_the_shipment(
        weight_grams in 0..20_000_i64,
        sides in prop::option::of((10..600_i64, 10..600_i64, 10..600_i64)),
        dangerous in prop::bool::weighted(0.3),
        quantity in 1..6_i64,
        carriers in prop::collection::vec(some_carrier(), 1..5),
    ) {
        let mut bench = with_only(only(ServiceLevel::Standard, 1));
        bench.rules.handling_hours = 0;
        bench.snapshot.couriers.clear();
        for (index, carrier) in carriers.into_iter().enumerate() {
            let courier = carrier.courier(index);
            bench.snapshot.couriers.insert(courier.code.clone(), courier.into());
        }
        let mut product = (*bench.snapshot.products[&sku("A-1")]).clone();
        product.weight_grams = weight_grams;
        let dimensions = sides.map(|(length_mm, width_mm, height_mm)| Dimensions { length_mm, width_mm, height_mm });
        product.handling = Handling { dimensions, fragile: false, dangerous };
        bench.snapshot.products.insert(product.sku.clone(), product.into());

        let id = bench.paid(&order("ada", &[("A-1", quantity)]));
        let leg = promise(&bench, id).legs[0].clone();
        let shipment = bench.shipment(id, 0).id;
        let (quotes, _) = bench
            .on(id, |order, unit| order.quotes(unit, shipment, None, &Default::default()))
            .expect("quotes");
        prop_assert_eq!(leg.cheapest_at, quotes.first().map(|it| it.delivery_at));
        prop_assert_eq!(leg.delivery_at, quotes.iter().map(|it| it.delivery_at).min());
        if let Some(promised) = bench.order(id).promised_by {
            prop_assert!(quotes.iter().any(|it| it.on_time && it.delivery_at <= promised));
        }
    }
}
