//! Counts that find fewer units than are promised.

use crate::domain::inventory::adjust::{AdjustReason, adjust_stock};
use crate::domain::inventory::count::{Counted, TOUCHED_MAX, count_stock, settle_count};
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::stock::MovementKind;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::{Bench, others};
use crate::domain::tests::given::{dear, location_code, order, reason, sku, waiting};

fn try_count(bench: &mut Bench, location: &str, counted: i64) -> Result<Counted, Refusal> {
    bench.decide(|unit| count_stock(unit, &sku("A-1"), &location_code(location), counted, "sheet 7", ""))
}

fn count(bench: &mut Bench, location: &str, counted: i64) -> Counted {
    try_count(bench, location, counted).expect("a count")
}

fn held(bench: &Bench, id: OrderId) -> Vec<HoldReason> {
    let active = bench.order(id).holds.iter().filter(|it| it.state == HoldState::Active);
    active.map(|it| it.reason).collect()
}

fn told(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

fn release(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    let hold = bench.order(id).holds.iter().find(|it| it.state == HoldState::Active).expect("a hold").id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "found"))
}

#[test]
fn a_count_below_what_is_reserved_is_booked_and_the_order_it_took_from_is_held_and_told() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = bench.placed(&order("ada", &[("A-1", 4)]));
    assert_eq!(bench.state(id), OrderState::Invoiced);

    let counted = count(&mut bench, "NYC", 3);
    assert_eq!(counted.orders, [id]);
    let movement = counted.posted.movement.expect("the difference");
    assert_eq!(
        (movement.kind, movement.on_hand, movement.reason.as_str()),
        (MovementKind::Count, -7, "sheet 7")
    );
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 3, 0));
    assert_eq!(bench.level("A-1", "NYC").missing, 0);
    assert_eq!(held(&bench, id), [HoldReason::InventoryOutOfStock]);
    assert_eq!(told(&bench, id, MessageKind::OnHold), 1);
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::InventoryMissing));

    // It goes on when the unit is there again, and only then.
    assert!(matches!(release(&mut bench, id), Err(Refusal::Short(_))));
    bench.stock("A-1", "LAX", 1);
    release(&mut bench, id).expect("set aside elsewhere");
    assert_eq!(bench.shelf("A-1", "LAX"), (1, 1, 0));
    bench.pay_cash(id);
    assert_eq!(bench.order(id).shipments.len(), 2);
    bench.ship(id, 0);
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn units_that_a_count_missed_are_the_first_to_be_cancelled() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = bench.placed(&order("ada", &[("A-1", 4)]));
    count(&mut bench, "NYC", 3);

    let less = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &less, "not there")).expect("a unit less");
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 3, 0));
    assert_eq!(held(&bench, id), [], "nothing is missing any more");
    bench.pay_cash(id);
    assert_eq!(bench.order(id).shipments[0].items[0].quantity, 3);
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn a_count_that_covers_what_is_reserved_only_books() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = bench.placed(&order("ada", &[("A-1", 4)]));
    let counted = count(&mut bench, "NYC", 6);
    assert_eq!((counted.orders.len(), bench.shelf("A-1", "NYC")), (0, (6, 4, 0)));
    assert_eq!(held(&bench, id), []);

    let counted = count(&mut bench, "NYC", 6);
    assert!(counted.posted.movement.is_none(), "the books had that number");
    count(&mut bench, "NYC", 8);
    assert_eq!(bench.shelf("A-1", "NYC"), (8, 4, 0));
}

#[test]
fn units_that_are_not_there_come_from_another_location_and_the_order_goes_on() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10), ("A-1", "LAX", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 4)]));
    count(&mut bench, "NYC", 3);
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((3, 3, 0), (5, 1, 0)));
    assert_eq!((held(&bench, id), told(&bench, id, MessageKind::OnHold)), (vec![], 0));
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::InventoryReallocated));

    // Planned, and counted once more: its units move from one shipment to another.
    bench.pay_cash(id);
    assert_eq!(bench.order(id).shipments.len(), 2);
    count(&mut bench, "NYC", 1);
    let units = |number: usize| bench.shipment(id, number).items.iter().map(|it| it.quantity).sum::<i64>();
    let from = |code: &str| {
        bench.order(id).shipments.iter().position(|it| it.location.as_str() == code).expect("a shipment")
    };
    assert_eq!((units(from("NYC")), units(from("LAX"))), (1, 3));
    count(&mut bench, "NYC", 0);
    let nyc = bench.order(id).shipments.iter().find(|it| it.location.as_str() == "NYC").expect("planned");
    assert_eq!(nyc.state, ShipmentState::Cancelled);
    let lax = bench.order(id).shipments.iter().position(|it| it.location.as_str() == "LAX").expect("planned");
    bench.ship(id, lax);
    assert_eq!((bench.state(id), bench.shelf("A-1", "LAX")), (OrderState::Shipped, (1, 0, 0)));
}

#[test]
fn other_callers_lose_their_units_first_and_then_the_orders_furthest_from_the_courier() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let first = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(first, 0).id;
    bench.on(first, |order, unit| order.start_picking(unit, shipment)).expect("begun");
    bench.pass(1);
    let planned = bench.paid(&order("bob", &[("A-1", 2)]));
    bench.pass(1);
    let unpaid = bench.placed(&order("eve", &[("A-1", 2)]));
    bench.pass(1);
    let basket = bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 2)], 600))).expect("set aside");

    let counted = count(&mut bench, "NYC", 6);
    assert_eq!((counted.released.as_slice(), counted.orders.as_slice()), (&[basket][..], &[][..]));
    let reservation = &bench.snapshot.reservations[&basket];
    assert_eq!(reservation.state, ReservationState::Released);
    assert!(reservation.plan.ends_with("released: a count of A-1 at NYC found 6"), "{}", reservation.plan);

    assert_eq!(count(&mut bench, "NYC", 5).orders, [unpaid]);
    assert_eq!(count(&mut bench, "NYC", 4).orders, [unpaid]);
    assert_eq!(count(&mut bench, "NYC", 3).orders, [planned]);
    assert_eq!(count(&mut bench, "NYC", 1).orders, [planned, first]);
    assert_eq!(bench.shipment(first, 0).state, ShipmentState::Planned);
    assert_eq!(held(&bench, first), [HoldReason::InventoryOutOfStock]);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 1, 0));
}

#[test]
fn picked_units_stay_their_orders_and_are_missing_until_they_leave() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 4)]);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    bench.pick(id, 0);
    let counted = count(&mut bench, "NYC", 3);
    assert!(counted.orders.is_empty());
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.reserved, level.missing, level.available(bench.now)), (4, 4, 1, 0));
    let refused = bench.decide(|unit| settle_count(unit, &sku("A-1"), &location_code("NYC")));
    assert_eq!(reason(refused), Reason::StockInUse);

    // More arrives: what was missing leaves the books first.
    bench.stock("A-1", "NYC", 2);
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 1);
    bench.decide(|unit| settle_count(unit, &sku("A-1"), &location_code("NYC"))).expect("settled");
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.reserved, level.missing, level.available(bench.now)), (5, 4, 0, 1));
}

#[test]
fn an_order_that_is_partly_picked_loses_only_what_is_not() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("begun");
    let two = [LineUnits { line: 1, units: 2 }];
    bench.on(id, |order, unit| order.record_pick(unit, shipment, &two)).expect("picked");
    count(&mut bench, "NYC", 2);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Picked, "what is left in it is picked");
    assert_eq!(bench.shipment(id, 1).location.as_str(), "LAX");
    assert_eq!(bench.shelf("A-1", "LAX"), (5, 1, 0));
}

#[test]
fn a_reserved_order_waits_again_and_its_approval_is_asked_anew() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.placed(&dear(order("ada", &[("A-1", 2)])));
    assert_eq!(bench.state(id), OrderState::Reserved);
    count(&mut bench, "NYC", 1);
    assert_eq!((bench.state(id), bench.shelf("A-1", "NYC")), (OrderState::AwaitingStock, (1, 0, 0)));
    assert_eq!(told(&bench, id, MessageKind::AwaitingStock), 1);
    let approval = bench.order(id).approval(Gate::Reservation).expect("asked once");
    assert_eq!(approval.state, ApprovalState::Withdrawn);

    bench.stock("A-1", "LAX", 5);
    assert!(bench.fill(id));
    assert_eq!(bench.state(id), OrderState::Reserved);
    let approval = bench.order(id).approval(Gate::Reservation).expect("asked again");
    assert_eq!(approval.state, ApprovalState::Pending);
    count(&mut bench, "LAX", 0);
    assert_eq!(told(&bench, id, MessageKind::AwaitingStock), 2, "each time that it begins to wait");
}

#[test]
fn an_order_that_waits_again_and_is_cancelled_has_a_timeline() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = bench.placed(&dear(order("ada", &[("A-1", 4)])));
    bench.pass(60);
    count(&mut bench, "NYC", 3);
    bench.pass(60);
    bench.on(id, |order, unit| order.cancel(unit, "no wait")).expect("cancelled");
    assert_eq!(bench.state(id), OrderState::Cancelled);
}

#[test]
fn a_count_touches_so_many_orders_at_once_and_the_rest_follows() {
    let orders = i64::try_from(TOUCHED_MAX).expect("few") + 5;
    let mut bench = Bench::with_stock(&[("A-1", "NYC", orders)]);
    for number in 0..orders {
        bench.placed(&waiting(order(&format!("no-{number}"), &[("A-1", 1)])));
    }
    let counted = count(&mut bench, "NYC", 0);
    assert_eq!(counted.orders.len(), TOUCHED_MAX);
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.reserved, level.missing), (5, 5, 5));
    bench.decide(|unit| settle_count(unit, &sku("A-1"), &location_code("NYC"))).expect("the rest");
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));
    assert_eq!(bench.level("A-1", "NYC").missing, 0);
}

#[test]
fn a_count_has_the_damaged_units_in_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let adjust = |bench: &mut Bench, delta, why| {
        bench.decide(|unit| adjust_stock(unit, &sku("A-1"), &location_code("NYC"), delta, why, "", ""))
    };
    adjust(&mut bench, 2, AdjustReason::Damage).expect("broken");
    let refused = try_count(&mut bench, "NYC", 1);
    assert_eq!(reason(refused), Reason::StockInUse);
    count(&mut bench, "NYC", 2);

    // What would need reserved units is counted, not adjusted.
    bench.stock("A-1", "NYC", 2);
    bench.placed(&order("ada", &[("A-1", 2)]));
    let refused = adjust(&mut bench, -1, AdjustReason::Lost);
    assert!(
        matches!(&refused, Err(Refusal::Unmet { message, .. }) if message.contains("CountStock")),
        "{refused:?}"
    );
}
