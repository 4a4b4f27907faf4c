//! Days fill up: locations send and couriers pick up so many shipments a day, and promises and pickups pass over full days.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::catalogue::location::UpdateLocation;
use crate::domain::couriers::courier::UpdateCourier;
use crate::domain::model::capacity::{CAPACITY_DAYS, CapacityOf};
use crate::domain::model::courier::CourierChange;
use crate::domain::model::day::Day;
use crate::domain::model::location::LocationChange;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::time::Timestamp;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{MONDAY, location_code, order};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// 1 = Monday, 2 November 2026.
fn november(day: u8) -> Day {
    Day::of(2026, 11, day).expect("a day")
}

fn nyc() -> CapacityOf {
    CapacityOf::Location(location_code("NYC"))
}

fn courier(code: &str) -> CapacityOf {
    CapacityOf::Courier(code.parse().expect("a courier"))
}

fn send_at_most(bench: &mut Bench, shipments: Option<u32>) {
    let update = UpdateLocation {
        code: location_code("NYC"),
        changes: vec![LocationChange::ShipmentsPerDay(shipments)],
        etag: String::new(),
    };
    bench.decide(|unit| update.decide(unit)).expect("a capacity");
}

fn pick_up_at_most(bench: &mut Bench, code: &str, shipments: Option<u32>) {
    let update = UpdateCourier {
        code: code.parse().expect("a courier"),
        changes: vec![CourierChange::ShipmentsPerDay(shipments)],
        etag: String::new(),
    };
    bench.decide(|unit| update.decide(unit)).expect("a capacity");
}

fn stocked() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 99)])
}

fn place(bench: &mut Bench, buyer: &str) -> OrderId {
    bench.placed(&order(buyer, &[("A-1", 1)]))
}

fn day_of(bench: &Bench, id: OrderId) -> Option<Day> {
    bench.order(id).day_at(&location_code("NYC"))
}

fn shipments(bench: &Bench, of: CapacityOf, day: Day) -> i64 {
    bench.snapshot.daily_shipments.get(&(of, day)).copied().unwrap_or(0)
}

fn words(bench: &Bench, id: OrderId) -> String {
    bench.order(id).promise.as_ref().expect("a promise").words()
}

fn assign(bench: &mut Bench, id: OrderId, at: Option<Timestamp>) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| match at {
        Some(at) => order.assign_pickup(unit, shipment, None, None, &Default::default(), at),
        None => order.assign_courier(unit, shipment, None, None, &Default::default()),
    })
}

#[test]
fn a_full_day_of_a_location_is_passed_over_like_a_holiday_and_the_promise_says_so() {
    let mut bench = stocked();
    send_at_most(&mut bench, Some(2));
    let buyers = ["ada", "bob", "cleo", "dan", "eve"];
    let ids = buyers.map(|it| place(&mut bench, it));
    // Picked up on Tuesday at four o'clock, as a day of handling ends then.
    let days = ids.map(|it| day_of(&bench, it));
    let day = |it| Some(november(it));
    assert_eq!(days, [day(3), day(3), day(4), day(4), day(5)]);
    assert!(!words(&bench, ids[1]).contains("is full"), "{}", words(&bench, ids[1]));
    let said = words(&bench, ids[4]);
    let full =
        "; 2026-11-03 is full at NYC: 2 of 2; 2026-11-04 is full at NYC: 2 of 2; ROCKET STANDARD picks up";
    assert!(said.contains(full), "{said}");
    let promised = ids.map(|it| bench.order(it).promised_by);
    assert!(promised.is_sorted() && promised[1] < promised[2], "{promised:?}");

    // Who comes after a cancellation takes the day that has become free.
    bench.on(ids[0], |order, unit| order.cancel(unit, "changed my mind")).expect("cancelled");
    assert_eq!(shipments(&bench, nyc(), november(3)), 1);
    let next = place(&mut bench, "fay");
    assert_eq!(day_of(&bench, next), day(3));
    let last = place(&mut bench, "gus");
    assert_eq!(day_of(&bench, last), day(5));
}

#[test]
fn a_shop_without_couriers_passes_over_full_days_too() {
    let mut bench = stocked();
    bench.snapshot.couriers.clear();
    send_at_most(&mut bench, Some(1));
    let ids = ["ada", "bob", "cleo"].map(|it| place(&mut bench, it));
    let days = ids.map(|it| day_of(&bench, it));
    assert_eq!(days, [3, 4, 5].map(|it| Some(november(it))));
    // From midnight on in New York.
    let ships = bench.order(ids[1]).promise.as_ref().and_then(|it| it.ship_at());
    assert_eq!(ships.map(|it| it.to_string()).as_deref(), Some("2026-11-04T05:00:00Z"));
    assert!(words(&bench, ids[2]).ends_with(
        "; 2026-11-03 is full at NYC: 1 of 1; 2026-11-04 is full at NYC: 1 of 1; 5 days on the way"
    ));
}

#[test]
fn a_capacity_that_is_set_later_counts_what_was_promised_before() {
    let mut bench = stocked();
    let ids = ["ada", "bob", "cleo"].map(|it| place(&mut bench, it));
    assert_eq!(shipments(&bench, nyc(), november(3)), 3);
    send_at_most(&mut bench, Some(4));
    let [fourth, fifth] = ["dan", "eve"].map(|it| place(&mut bench, it));
    assert_eq!((day_of(&bench, fourth), day_of(&bench, fifth)), (Some(november(3)), Some(november(4))));

    // Lowered, it moves nobody: what an order takes of a day it keeps, looked at as often as you like.
    send_at_most(&mut bench, Some(1));
    for id in ids {
        bench.pay_cash(id);
        assert_eq!(day_of(&bench, id), Some(november(3)), "paid, and looked at anew");
    }
    let sixth = place(&mut bench, "fay");
    assert_eq!(day_of(&bench, sixth), Some(november(5)));
    send_at_most(&mut bench, None);
    let seventh = place(&mut bench, "gus");
    assert_eq!(day_of(&bench, seventh), Some(november(3)));
}

#[test]
fn couriers_pick_up_so_many_a_day_and_say_why_they_come_later() {
    let mut bench = stocked();
    for code in ["SNAIL", "ROCKET"] {
        pick_up_at_most(&mut bench, code, Some(1));
    }
    let ids = ["ada", "bob", "cleo", "dan"].map(|it| bench.paid(&order(it, &[("A-1", 1)])));
    ids.iter().for_each(|it| bench.label(*it, 0));
    let assigned = |bench: &Bench, id| {
        let it = bench.shipment(id, 0).assignment.clone().expect("a courier");
        (it.courier.to_string(), it.pickup_at)
    };
    assign(&mut bench, ids[0], None).expect("a courier");
    let (first, at) = assigned(&bench, ids[0]);
    assert_eq!(shipments(&bench, courier(&first), november(2)), 1);

    let shipment = bench.shipment(ids[1], 0).id;
    let (quotes, _) = bench
        .on(ids[1], |order, unit| order.quotes(unit, shipment, None, &Default::default()))
        .expect("offers of both");
    for quote in quotes {
        let is_full = quote.courier.as_str() == first;
        let note = if is_full { format!("2026-11-02 is full for {first}: 1 of 1") } else { String::new() };
        assert_eq!(quote.pickup_note, note);
        assert_eq!(quote.pickup_at == at, !is_full);
    }
    // The courier that has it may be assigned to it again.
    assign(&mut bench, ids[0], Some(at)).expect("its own pickup");
    assert_eq!(shipments(&bench, courier(&first), november(2)), 1);

    assign(&mut bench, ids[1], Some(at)).expect("the other one has room");
    let refused = assign(&mut bench, ids[2], Some(at)).expect_err("both are full");
    let Refusal::Invalid(problems) = refused else { panic!("{refused:?}") };
    assert_eq!(problems.0[0].field, "pickup_time");
    let said = &problems.0[0].message;
    assert!(said.starts_with("must be a pickup within 30 days; 2026-11-02 is full for "), "{said}");
    assert!(
        said.contains("the next are 2026-11-03T16:00:00Z (ROCKET), 2026-11-03T16:00:00Z (SNAIL)"),
        "{said}"
    );

    // Another courier or day gives the first one back.
    let next = at.plus(Duration::from_secs(86_400));
    assign(&mut bench, ids[0], Some(next)).expect("a day later");
    assert_eq!(shipments(&bench, courier(&first), november(2)), 0);
    assign(&mut bench, ids[2], Some(at)).expect("the room that was given back");
    assert_eq!(assigned(&bench, ids[2]).0, first);
}

#[test]
fn a_pickup_needs_room_at_the_location_too() {
    let mut bench = stocked();
    let ids = ["ada", "bob"].map(|it| bench.paid(&order(it, &[("A-1", 1)])));
    send_at_most(&mut bench, Some(1));
    // Both were promised for Tuesday, and Monday has room for one: for that which is packed first.
    ids.iter().for_each(|it| bench.label(*it, 0));
    assert_eq!(ids.map(|it| day_of(&bench, it)), [2, 3].map(|it| Some(november(it))));
    assign(&mut bench, ids[0], None).expect("today's pickup");
    assert_eq!(shipments(&bench, nyc(), november(2)), 1);
    let refused = assign(&mut bench, ids[1], Some(MONDAY.plus(Duration::from_secs(8 * 3_600))));
    let said = format!("{:?}", refused.expect_err("Monday is full"));
    assert!(said.contains("2026-11-02 is full at NYC: 1 of 1; the next are 2026-11-03T16:00:00Z"), "{said}");
    assign(&mut bench, ids[1], None).expect("its own day");
    assert_eq!(shipments(&bench, nyc(), november(3)), 1);
}

#[test]
fn what_leaves_on_another_day_counts_there() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.prepare(id, 0);
    let code = bench.shipment(id, 0).assignment.as_ref().expect("a courier").courier.to_string();
    assert_eq!(
        (shipments(&bench, nyc(), november(2)), shipments(&bench, courier(&code), november(2))),
        (1, 1)
    );
    bench.pass(3 * 86_400);
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None)).expect("late");
    assert_eq!(
        (shipments(&bench, nyc(), november(2)), shipments(&bench, courier(&code), november(2))),
        (0, 0)
    );
    assert_eq!(
        (shipments(&bench, nyc(), november(5)), shipments(&bench, courier(&code), november(5))),
        (1, 1)
    );
}

#[test]
fn days_far_ahead_always_have_room() {
    let mut bench = stocked();
    let first = november(2);
    bench.snapshot.orders.clear();
    let beyond = first.plus(CAPACITY_DAYS + 1);
    for day in [first, first.plus(CAPACITY_DAYS), beyond] {
        bench.snapshot.daily_shipments.insert((nyc(), day), 7);
    }
    let ids = crate::domain::model::scalars::Ids::seeded(MONDAY, 1);
    let unit = UnitOfWork::new(&bench.snapshot, &bench.rules, MONDAY, bench.actor.clone(), ids);
    let days: Vec<Day> = unit.daily_shipments(&nyc(), first).into_keys().collect();
    assert_eq!(days, [first, first.plus(CAPACITY_DAYS)]);
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Place,
    Pay(usize),
    Assign(usize),
    AssignLater(usize),
    Cancel(usize),
    Wait,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => Just(Deed::Place),
        2 => (0..20_usize).prop_map(Deed::Pay),
        3 => (0..20_usize).prop_map(Deed::Assign),
        1 => (0..20_usize).prop_map(Deed::AssignLater),
        2 => (0..20_usize).prop_map(Deed::Cancel),
        1 => Just(Deed::Wait),
    ];
    prop::collection::vec(deed, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_day_has_more_shipments_than_its_capacity_whatever_is_promised_and_assigned(
        of_location in 1..4_u32,
        of_couriers in prop::option::of(1..3_u32),
        deeds in deeds(),
    ) {
        let mut bench = stocked();
        send_at_most(&mut bench, Some(of_location));
        for code in ["SNAIL", "ROCKET"] {
            pick_up_at_most(&mut bench, code, of_couriers);
        }
        let mut ids: Vec<OrderId> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Place => {
                    let buyer = format!("buyer{}", ids.len());
                    ids.push(place(&mut bench, &buyer));
                }
                Deed::Wait => bench.pass(30 * 3_600),
                Deed::Pay(_) | Deed::Assign(_) | Deed::AssignLater(_) | Deed::Cancel(_) if ids.is_empty() => {}
                Deed::Pay(number) => {
                    let id = ids[number % ids.len()];
                    let reserved = bench.order(id).current_reservation();
                    let is_held = reserved.is_some_and(|it| !it.is_expired(bench.now));
                    if bench.order(id).payments.is_empty() && is_held {
                        bench.pay_cash(id);
                        bench.label(id, 0);
                    }
                }
                Deed::Assign(number) | Deed::AssignLater(number) => {
                    let id = ids[number % ids.len()];
                    if let [_] = bench.order(id).shipments[..] {
                        let today = bench.now.unix_micros().div_euclid(86_400_000_000);
                        // Tomorrow at four o'clock.
                        let later = Timestamp::from_unix_micros((today * 24 + 40) * 3_600_000_000);
                        let later = matches!(deed, Deed::AssignLater(_)).then_some(later);
                        let _ = assign(&mut bench, id, later);
                    }
                }
                Deed::Cancel(number) => {
                    let id = ids[number % ids.len()];
                    let _ = bench.on(id, |order, unit| order.cancel(unit, "changed my mind"));
                }
            }
            for ((of, day), shipments) in &bench.snapshot.daily_shipments {
                let capacity = match of {
                    CapacityOf::Location(_) => Some(of_location),
                    CapacityOf::Courier(_) => of_couriers,
                };
                let has_room = capacity.is_none_or(|it| *shipments <= i64::from(it));
                prop_assert!(has_room && *shipments >= 0, "{of:?} has {shipments} on {day}");
            }
        }
    }
}
