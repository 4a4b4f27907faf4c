//! What is refused about stock, and who gets it.

use crate::domain::inventory::adjust::{AdjustReason, adjust_stock};
use crate::domain::inventory::expire::{expire_reservation, release_reservation};
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::etag::etag;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::{Reason, Refusal, Shortage};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::stock::MovementKind;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, others, refused_fields, state_of};
use crate::domain::tests::given::{location_code, order, reason, sku, to_berlin, waiting};

// Receipt and stock.

#[test]
fn a_shortage_names_what_is_short_and_changes_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("B-2", "LAX", 1)]);
    let (stock, movements) = (bench.snapshot.stock.clone(), bench.movements.len());
    let refused = bench.create_order(&order("ada", &[("A-1", 2), ("B-2", 2), ("A-1", 2)]));

    let short = |code: &str, wanted, available| Shortage { sku: sku(code), wanted, available };
    assert_eq!(refused, Err(Refusal::Short(vec![short("A-1", 4, 3), short("B-2", 2, 1)])));
    assert_eq!(bench.snapshot.stock, stock);
    assert_eq!(bench.movements.len(), movements);
    assert!(bench.snapshot.orders.is_empty() && bench.snapshot.fingerprints.is_empty());
}

#[test]
fn stock_of_another_region_does_not_help() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let refused = bench.create_order(&to_berlin(order("ada", &[("A-1", 1)])));
    assert!(matches!(refused, Err(Refusal::Short(_))), "{refused:?}");
}

#[test]
fn safety_stock_is_kept_from_new_orders() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench
        .decide(|unit| {
            adjust_stock(unit, &sku("A-1"), &location_code("NYC"), 4, AdjustReason::SafetyStock, "", "")
        })
        .expect("a safety stock");
    assert!(bench.create_order(&order("ada", &[("A-1", 2)])).is_err());
    assert!(bench.create_order(&order("ada", &[("A-1", 1)])).is_ok());
}

#[test]
fn one_location_that_has_everything_is_preferred_to_two() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2), ("A-1", 2)]));
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 0, 0));
    assert_eq!(bench.shelf("A-1", "LAX"), (5, 4, 0));
    assert_eq!(bench.order(id).reservations[0].items.len(), 2);
}

#[test]
fn a_newer_order_never_overtakes_a_waiting_one() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "BER", 1)]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let second = bench.placed(&waiting(order("bob", &[("A-1", 2)])));
    assert_eq!(
        (bench.state(first), bench.state(second)),
        (OrderState::AwaitingStock, OrderState::AwaitingStock)
    );
    assert_eq!(state_of(&bench, first, Step::ReserveInventory), StepState::Blocked);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 0));

    // The waiting order has a claim on this region's stock; other regions are free.
    assert!(matches!(bench.create_order(&order("eve", &[("A-1", 1)])), Err(Refusal::Short(_))));
    assert!(bench.create_order(&to_berlin(order("eve", &[("A-1", 1)]))).is_ok());
    assert!(bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1)], 60))).is_err());

    // Too little for the first: the second waits behind it, though there is enough for it.
    bench.stock("A-1", "LAX", 2);
    assert!(!bench.fill(second));
    assert!(!bench.fill(first));

    // Enough for the first only, then for both.
    bench.stock("A-1", "LAX", 1);
    assert!(!bench.fill(second));
    assert!(bench.fill(first));
    assert!(!bench.fill(second));
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(second));
    assert_eq!((bench.state(first), bench.state(second)), (OrderState::Invoiced, OrderState::Invoiced));
    assert_eq!(state_of(&bench, second, Step::ReserveInventory), StepState::Done);
}

#[test]
fn who_waits_behind_a_cancelled_order_moves_up() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let second = bench.placed(&waiting(order("bob", &[("A-1", 2)])));
    bench.on(first, |order, unit| order.cancel(unit, "too slow")).expect("cancelled");
    assert!(bench.fill(second));
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn a_waiting_order_on_hold_keeps_its_place_and_is_filled_on_release() {
    let mut bench = Bench::with_stock(&[]);
    let first = bench.placed(&waiting(order("ada", &[("A-1", 2)])));
    let hold =
        bench.on(first, |order, unit| order.place_hold(unit, HoldReason::CustomerRequest, String::new()));
    bench.stock("A-1", "NYC", 2);
    assert!(!bench.fill(first));
    assert!(bench.create_order(&order("bob", &[("A-1", 1)])).is_err());

    bench.on(first, |order, unit| order.release_hold(unit, hold.expect("a hold"), "")).expect("released");
    assert_eq!(bench.state(first), OrderState::Invoiced);
}

#[test]
fn an_expired_reservation_is_released_for_the_next_buyer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let mut new = order("ada", &[("A-1", 2)]);
    new.reservation_lifetime_seconds = Some(60);
    let first = bench.placed(&new);
    bench.pass(59);
    assert!(bench.create_order(&order("bob", &[("A-1", 1)])).is_err());

    bench.pass(1);
    let second = bench.by("bob").placed(&order("bob", &[("A-1", 1)]));
    assert_eq!(bench.state(first), OrderState::Expired);
    assert_eq!(bench.state(second), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 1, 0));
    let expired = bench.history(first).iter().find(|it| it.kind == EventKind::OrderExpired).expect("told");
    assert!(expired.actor.is_system(), "bob did not expire ada's order");
    let freed = bench.movements.iter().find(|it| it.kind == MovementKind::Expire).expect("a movement");
    assert!(freed.actor.is_system());
}

#[test]
fn another_callers_hold_expires_for_the_next_buyer_too() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let held = bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 2)], 30))).expect("in stock");
    bench.decide(|unit| expire_reservation(unit, held)).expect("nothing happens before its end");
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
    bench.pass(30);
    assert!(bench.create_order(&order("ada", &[("A-1", 2)])).is_ok());
    assert_eq!(bench.snapshot.reservations[&held].state, ReservationState::Expired);
    let refused = bench.decide(|unit| release_reservation(unit, held));
    assert_eq!(reason(refused), Reason::IllegalTransition);
}

#[test]
fn an_adjustment_never_eats_reserved_units() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.placed(&order("ada", &[("A-1", 4)]));
    let adjust = |bench: &mut Bench, delta, why| {
        bench.decide(|unit| adjust_stock(unit, &sku("A-1"), &location_code("NYC"), delta, why, "shelf 3", ""))
    };
    assert_eq!(reason(adjust(&mut bench, -2, AdjustReason::Lost)), Reason::StockInUse);
    assert_eq!(reason(adjust(&mut bench, 2, AdjustReason::Damage)), Reason::StockInUse);
    assert_eq!(reason(adjust(&mut bench, 2, AdjustReason::QualityHold)), Reason::StockInUse);
    assert!(adjust(&mut bench, 2, AdjustReason::Lost).is_err(), "the wrong sign");
    assert!(adjust(&mut bench, -1, AdjustReason::Scrap).is_err(), "nothing is damaged");
    adjust(&mut bench, 1, AdjustReason::Damage).expect("one is free");
    assert_eq!(reason(adjust(&mut bench, -1, AdjustReason::Count)), Reason::StockInUse);
    adjust(&mut bench, -1, AdjustReason::Scrap).expect("the damaged one");
    assert_eq!(bench.shelf("A-1", "NYC"), (4, 4, 0));

    let stale = bench.decide(|unit| {
        adjust_stock(unit, &sku("A-1"), &location_code("NYC"), 1, AdjustReason::Found, "", "v1")
    });
    let current = etag(bench.level("A-1", "NYC").version);
    assert_eq!(stale, Err(Refusal::StaleEtag { current }));
}

#[test]
fn an_external_reference_and_a_product_are_there_once_or_refused() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.external_reference = "web-1".to_owned();
    bench.placed(&new);
    assert!(matches!(bench.create_order(&new), Err(Refusal::Exists { .. })));
    let fields = refused_fields(bench.create_order(&order("bob", &[("A-1", 1), ("X-9", 1), ("Y-9", 1)])));
    assert_eq!(fields, ["lines[1].sku", "lines[2].sku"]);
}
