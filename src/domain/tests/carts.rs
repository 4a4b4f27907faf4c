//! Carts: reservations that others make, keep for a checkout, and turn into orders.

use std::time::Duration;

use crate::domain::approvals::decide::Decision;
use crate::domain::inventory::count::count_stock;
use crate::domain::inventory::expire::{expire_reservation, release_reservation};
use crate::domain::inventory::extend::{confirm_cart, extend_cart};
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::approval::Gate;
use crate::domain::model::day::Day;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{OnLate, OrderId, ReservationId};
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::receive::take_cart_in;
use crate::domain::ordering::verify::Waive;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, others, refused_fields, state_of};
use crate::domain::tests::given::{dear, location_code, order, reason, sku, to_berlin, waiting};

fn a_cart(bench: &mut Bench, lines: &[(&str, i64)], seconds: u64) -> ReservationId {
    bench.decide(|unit| reserve_stock(unit, &others(lines, seconds))).expect("a cart")
}

fn check_out(bench: &mut Bench, new: &NewOrder, cart: ReservationId) -> Result<OrderId, Refusal> {
    bench.decide(|unit| take_cart_in(unit, new, cart))
}

fn cart_of(bench: &Bench, id: ReservationId) -> Reservation {
    Reservation::clone(&bench.snapshot.reservations[&id])
}

fn held(bench: &Bench, id: OrderId) -> Reservation {
    bench.order(id).current_reservation().expect("a reservation").clone()
}

/// An order that a person has to look at first.
fn suspect(name: &str, lines: &[(&str, i64)]) -> NewOrder {
    let mut new = order(name, lines);
    new.customer.email = "nobody".to_owned();
    new
}

#[test]
fn a_cart_becomes_an_order_and_its_units_are_never_free_in_between() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let cart = a_cart(&mut bench, &[("A-1", 3)], 60);
    let id = check_out(&mut bench, &order("ada", &[("A-1", 3)]), cart).expect("an order");

    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 3, 0));
    let cart = cart_of(&bench, cart);
    assert_eq!((cart.state, cart.taken_over_by), (ReservationState::Released, Some(id)));
    let of_order = held(&bench, id);
    assert_eq!((of_order.state, of_order.taken_over_from), (ReservationState::Held, Some(cart.id)));
    // The order's own time counts from now on.
    let end = bench.now.plus(Duration::from_secs(bench.rules.reservation_lifetime_seconds));
    assert_eq!(of_order.expires_at, Some(end));
    bench.pay_cash(id);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));
}

#[test]
fn the_units_of_a_cart_are_its_orders_though_others_wait_for_such() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    let first = bench.placed(&waiting(order("bob", &[("A-1", 1)])));
    let id = check_out(&mut bench, &order("ada", &[("A-1", 2)]), cart).expect("an order");
    assert_eq!((bench.state(first), bench.state(id)), (OrderState::AwaitingStock, OrderState::Invoiced));
    assert!(!bench.fill(first));
}

#[test]
fn what_the_cart_lacks_is_reserved_and_what_it_has_too_much_of_is_free() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5), ("B-2", "NYC", 4), ("C-3", "NYC", 3)]);
    let cart = a_cart(&mut bench, &[("A-1", 2), ("B-2", 3), ("C-3", 1)], 60);
    let id =
        check_out(&mut bench, &order("ada", &[("A-1", 2), ("A-1", 2), ("B-2", 1)]), cart).expect("an order");
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 4, 0));
    assert_eq!(bench.shelf("B-2", "NYC"), (4, 1, 0));
    assert_eq!(bench.shelf("C-3", "NYC"), (3, 0, 0));
    assert!(bench.order(id).has_all_set_aside());
}

#[test]
fn a_cart_stays_when_the_rest_is_not_there_and_nobody_waits_with_units_in_hand() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let cart = a_cart(&mut bench, &[("A-1", 3)], 60);
    for new in [order("ada", &[("A-1", 4)]), waiting(order("ada", &[("A-1", 4)]))] {
        let refused = check_out(&mut bench, &new, cart).expect_err("three are there");
        let Refusal::Short(short) = refused else { panic!("short of stock, not {refused:?}") };
        assert_eq!((short[0].wanted, short[0].available), (4, 3));
    }
    assert_eq!(cart_of(&bench, cart).state, ReservationState::Held);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 3, 0));
}

#[test]
fn units_come_from_where_the_cart_has_them() {
    let mut bench = Bench::with_stock(&[("A-1", "LAX", 2)]);
    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    bench.stock("A-1", "NYC", 9);
    let id = check_out(&mut bench, &order("ada", &[("A-1", 3)]), cart).expect("an order");
    assert_eq!((bench.shelf("A-1", "LAX"), bench.shelf("A-1", "NYC")), ((2, 2, 0), (9, 1, 0)));
    let legs: Vec<_> =
        bench.order(id).promise.iter().flat_map(|it| &it.legs).map(|it| &it.location).collect();
    assert_eq!(legs.len(), 2, "both locations ship: {legs:?}");
}

/// A cart at one location, units at another, and what is wanted within a week. LAX has this priority, and nobody works there
/// for two weeks.
fn beside_a_slow_location(cart_at: &str, others_at: &str, priority: i32) -> (Bench, ReservationId, NewOrder) {
    let mut bench = Bench::with_stock(&[("A-1", cart_at, 1)]);
    let cart = a_cart(&mut bench, &[("A-1", 1)], 600);
    bench.stock("A-1", others_at, 9);
    let mut location = (*bench.snapshot.locations[&location_code("LAX")]).clone();
    location.priority = priority;
    location.calendar.holidays = (1..=14).map(|it| Day::of(2026, 11, it).expect("a day")).collect();
    bench.snapshot.locations.insert(location.code.clone(), location.into());
    let requested_by = Some(bench.now.plus(Duration::from_secs(7 * 86_400)));
    let new = NewOrder { requested_by, on_late: OnLate::Refuse, ..order("ada", &[("A-1", 1)]) };
    (bench, cart, new)
}

#[test]
fn an_order_is_late_if_the_shelf_of_its_cart_is() {
    let (mut bench, cart, new) = beside_a_slow_location("LAX", "NYC", 9);
    // Without the cart it is sent from the other location, in time.
    let other = bench.placed(&new);
    assert!(!bench.order(other).on_hold());

    let new = NewOrder { customer: order("bob", &[]).customer, ..new };
    let refused = check_out(&mut bench, &new, cart);
    assert!(matches!(refused, Err(Refusal::Infeasible { .. })), "{refused:?}");
    assert_eq!(cart_of(&bench, cart).state, ReservationState::Held);

    let id = check_out(&mut bench, &NewOrder { on_late: OnLate::Hold, ..new }, cart).expect("an order");
    let order = bench.order(id);
    assert_eq!((order.state, order.on_hold()), (OrderState::Reserved, true));
    assert_eq!(order.availability.as_ref().and_then(|it| it.requested_date_feasible), Some(false));
}

#[test]
fn an_order_is_in_time_if_the_shelf_of_its_cart_is() {
    let (mut bench, cart, new) = beside_a_slow_location("NYC", "LAX", -1);
    let refused = bench.create_order(&new);
    assert!(matches!(refused, Err(Refusal::Infeasible { .. })), "{refused:?}");

    let id = check_out(&mut bench, &new, cart).expect("an order");
    let order = bench.order(id);
    assert_eq!((order.state, order.on_hold()), (OrderState::Invoiced, false));
    assert_eq!(order.availability.as_ref().and_then(|it| it.requested_date_feasible), Some(true));
    assert!(order.promised_by.is_some());
}

#[test]
fn a_cart_that_cannot_be_used_is_refused_by_name() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 4), ("B-2", "NYC", 1), ("A-1", "BER", 1)]);
    let cart = a_cart(&mut bench, &[("A-1", 1)], 60);
    let elsewhere = check_out(&mut bench, &to_berlin(order("ada", &[("A-1", 1)])), cart);
    assert_eq!(refused_fields(elsewhere), ["reservation_id"]);
    // Beside what else is wrong.
    let other = check_out(&mut bench, &order("ada", &[("B-2", 1), ("X-9", 1)]), cart);
    assert_eq!(refused_fields(other), ["order.lines[1].sku", "reservation_id"]);
    let none = check_out(&mut bench, &order("ada", &[("FIT", 1)]), cart);
    assert_eq!(refused_fields(none), ["reservation_id"]);

    let id = check_out(&mut bench, &order("ada", &[("A-1", 1)]), cart).expect("an order");
    let again = check_out(&mut bench, &order("bob", &[("A-1", 1)]), cart);
    assert_eq!(reason(again.clone()), Reason::IllegalTransition);
    assert!(again.expect_err("once").to_string().contains(&id.to_string()));
    let own = held(&bench, id).id;
    assert_eq!(reason(check_out(&mut bench, &order("bob", &[("A-1", 1)]), own)), Reason::IllegalTransition);
    let released = a_cart(&mut bench, &[("A-1", 1)], 60);
    bench.decide(|unit| release_reservation(unit, released)).expect("given back");
    assert_eq!(
        reason(check_out(&mut bench, &order("bob", &[("A-1", 1)]), released)),
        Reason::IllegalTransition
    );
    let late = a_cart(&mut bench, &[("A-1", 1)], 60);
    bench.pass(60);
    assert_eq!(reason(check_out(&mut bench, &order("bob", &[("A-1", 1)]), late)), Reason::IllegalTransition);
    let nobody: ReservationId = uuid::Uuid::from_u128(7).into();
    let refused = check_out(&mut bench, &order("bob", &[("A-1", 1)]), nobody);
    assert!(matches!(refused, Err(Refusal::NotFound { .. })), "{refused:?}");
}

#[test]
fn an_order_that_is_not_verified_yet_keeps_the_cart_as_long_as_a_person_may_take() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    let id = check_out(&mut bench, &suspect("ada", &[("A-1", 2)]), cart).expect("an order on hold");
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(state_of(&bench, id, Step::ReserveInventory), StepState::Pending);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
    bench.pass(bench.rules.reservation_lifetime_seconds + 60);
    assert!(bench.create_order(&order("bob", &[("A-1", 1)])).is_err(), "they are ada's");

    let customer = order("ada", &[]).customer;
    let right = Correction { customer: Some(customer), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &right)).expect("corrected");
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("verified");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn a_correction_lets_go_of_what_is_not_wanted_any_more() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 4), ("B-2", "NYC", 4)]);
    let cart = a_cart(&mut bench, &[("A-1", 2), ("B-2", 2)], 60);
    let id = check_out(&mut bench, &suspect("ada", &[("A-1", 2), ("B-2", 2)]), cart).expect("an order");
    let lines = order("ada", &[("B-2", 1), ("A-1", 1), ("A-1", 2)]).lines;
    let fewer = Correction { lines: Some(lines), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &fewer)).expect("corrected");
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "NYC")), ((4, 2, 0), (4, 1, 0)));
    // Elsewhere its region has others.
    let address = to_berlin(order("ada", &[])).shipping_address;
    let moved = Correction { shipping_address: Some(address), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &moved)).expect("corrected");
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "NYC")), ((4, 0, 0), (4, 0, 0)));
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Released);
}

#[test]
fn an_order_that_lost_its_cart_before_it_was_verified_reserves_as_others_do() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    let brief = NewOrder { reservation_lifetime_seconds: Some(30), ..suspect("ada", &[("A-1", 2)]) };
    let id = check_out(&mut bench, &brief, cart).expect("an order on hold");
    bench.pass(30);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Received);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Expired);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 0));
    let buyer = bench.placed(&order("bob", &[("A-1", 1)]));

    let right = Correction { customer: Some(order("ada", &[]).customer), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &right)).expect("corrected");
    let short = bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing));
    assert!(matches!(short, Err(Refusal::Short(_))), "{short:?}");
    bench.on(buyer, |order, unit| order.cancel(unit, "")).expect("cancelled");
    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("verified");
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn an_order_with_a_cart_can_be_cancelled_counted_and_rejected() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 6)]);
    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    let id = check_out(&mut bench, &suspect("ada", &[("A-1", 2)]), cart).expect("an order on hold");
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    assert_eq!(bench.shelf("A-1", "NYC"), (6, 0, 0));

    let cart = a_cart(&mut bench, &[("A-1", 5)], 60);
    let id = check_out(&mut bench, &suspect("bob", &[("A-1", 5)]), cart).expect("an order on hold");
    bench
        .decide(|unit| count_stock(unit, &sku("A-1"), &location_code("NYC"), 3, "sheet 7", ""))
        .expect("a count");
    assert_eq!((bench.shelf("A-1", "NYC"), bench.state(id)), ((3, 3, 0), OrderState::Received));
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");

    let cart = a_cart(&mut bench, &[("A-1", 2)], 60);
    let id = check_out(&mut bench, &dear(order("eve", &[("A-1", 2)])), cart).expect("an order");
    assert_eq!(bench.state(id), OrderState::Reserved);
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Reject).expect("rejected");
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 0, 0));
}

#[test]
fn a_caller_has_no_more_carts_open_than_settings_allow() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    bench.rules.reservations_per_caller = 2;
    let first = a_cart(&mut bench, &[("A-1", 1)], 60);
    let second = a_cart(&mut bench, &[("A-1", 1)], 90);
    let one_more = |bench: &mut Bench| bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1)], 60)));
    assert_eq!(reason(one_more(&mut bench)), Reason::LimitReached);
    bench.by("another");
    let others_own = one_more(&mut bench).expect("another caller has its own");
    bench.by("clerk");
    // Whichever way one ends makes room: an order takes it over, its time is over, it is given back.
    check_out(&mut bench, &order("ada", &[("A-1", 1)]), first).expect("an order");
    let third = one_more(&mut bench).expect("one is over");
    assert_eq!(reason(one_more(&mut bench)), Reason::LimitReached);
    bench.by("another").decide(|unit| release_reservation(unit, third)).expect("given back");
    bench.by("clerk");
    one_more(&mut bench).expect("one is over");
    bench.pass(90);
    bench.decide(|unit| expire_reservation(unit, second)).expect("over");
    one_more(&mut bench).expect("one is over");
    assert!(bench.snapshot.reservations[&others_own].is_open());
}

#[test]
fn a_cart_in_checkout_is_kept_for_a_day_and_no_longer_than_a_cart_may_be() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let cart = a_cart(&mut bench, &[("A-1", 1)], 60);
    bench.pass(30);
    bench.decide(|unit| confirm_cart(unit, cart, "")).expect("in checkout");
    let until = bench.now.plus(Duration::from_secs(86_400));
    assert_eq!(cart_of(&bench, cart).expires_at, Some(until));
    bench.pass(3_600);
    bench.decide(|unit| confirm_cart(unit, cart, "")).expect("once is enough");
    assert_eq!(cart_of(&bench, cart).expires_at, Some(until));

    let made = cart_of(&bench, cart).created_at;
    let latest = made.plus(Duration::from_secs(bench.rules.reservation_lifetime_max_seconds));
    let second = Duration::from_secs(1);
    let extend = |bench: &mut Bench, at| bench.decide(|unit| extend_cart(unit, cart, at, ""));
    assert_eq!(refused_fields(extend(&mut bench, latest.plus(second))), ["expire_time"]);
    assert_eq!(refused_fields(extend(&mut bench, until.minus(second))), ["expire_time"]);
    extend(&mut bench, until).expect("as it is");
    extend(&mut bench, latest).expect("as long as it may be");
    assert_eq!(cart_of(&bench, cart).expires_at, Some(latest));
    let stale = bench.decide(|unit| extend_cart(unit, cart, latest, "v1"));
    assert!(matches!(stale, Err(Refusal::StaleEtag { .. })), "{stale:?}");

    let id = check_out(&mut bench, &order("ada", &[("A-1", 1)]), cart).expect("an order");
    for refused in [
        bench.decide(|unit| confirm_cart(unit, cart, "")),
        extend(&mut bench, latest),
        bench.decide(|unit| release_reservation(unit, cart)),
    ] {
        assert_eq!(reason(refused), Reason::IllegalTransition);
    }
    let own = held(&bench, id).id;
    assert_eq!(reason(bench.decide(|unit| confirm_cart(unit, own, ""))), Reason::IllegalTransition);
}
