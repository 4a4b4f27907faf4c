//! Units that are not found or fail their check come from elsewhere, and those that failed wait in quality hold.

use crate::domain::inventory::quality::{HeldUnits, Verdict, inspect};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::REALLOCATIONS_MAX;
use crate::domain::model::scalars::{OnShortage, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::stock::MovementKind;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{location_code, order, sku, waiting};

fn short_pick(bench: &mut Bench, id: OrderId, picked: i64, missing: i64) {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    let picks: Vec<_> = (picked > 0).then_some(LineUnits { line: 1, units: picked }).into_iter().collect();
    let missing = [LineUnits { line: 1, units: missing }];
    bench
        .on(id, |order, unit| order.record_short_pick(unit, shipment, &picks, &missing))
        .expect("a short pick");
}

fn ends(bench: &mut Bench, verdict: Verdict, units: i64) -> Result<(), Refusal> {
    let (sku, location) = (sku("A-1"), location_code("NYC"));
    let held = HeldUnits {
        sku,
        location,
        quantity: units,
        note: "looked at".to_owned(),
        etag: String::new(),
        lot: None,
    };
    bench.decide(|unit| inspect(unit, &held, verdict)).map(drop)
}

#[test]
fn what_a_pick_does_not_find_comes_from_another_location() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    short_pick(&mut bench, id, 1, 2);
    assert!(!bench.order(id).on_hold());
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((1, 1, 0), (5, 2, 0)));
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::InventoryReallocated));
    let kept = bench.order(id).current_reservation().expect("its stock").clone();
    let again = kept.reallocations.last().expect("the plan is kept");
    assert_eq!((again.why.as_str(), again.at), ("not found at NYC: line 1: 2", bench.now));
    assert_eq!(again.plan, "line 1: 2 from LAX; LAX has every line and comes first by priority");
    assert_eq!(kept.plan, "NYC has every line and comes first by priority", "so is the first");
    let units: Vec<_> = bench.order(id).shipments.iter().map(|it| it.items[0].quantity).collect();
    assert_eq!(units, [1, 2]);

    // What was picked is checked without another pick.
    let first = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, first)).expect("nothing is left to pick");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Picked);
    bench.ship(id, 1);
    assert_eq!(bench.shelf("A-1", "LAX"), (3, 0, 0));
}

#[test]
fn a_shipment_of_which_nothing_was_found_is_cancelled_and_another_one_leaves() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    short_pick(&mut bench, id, 0, 2);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Cancelled);
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((0, 0, 0), (0, 0, 0)));
}

#[test]
fn what_fails_its_check_comes_from_another_location_and_waits_in_quality_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 1)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    assert!(!bench.order(id).on_hold());
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.reserved, level.damaged, level.quality_hold), (2, 1, 0, 1));
    bench.ship(id, 1);
    let first = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, first)).expect("nothing is left to pick");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Picked);
}

#[test]
fn the_order_is_held_and_told_only_if_nobody_has_any() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 1), ("A-1", "BER", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    short_pick(&mut bench, id, 0, 2);
    assert_eq!(bench.order(id).holds[0].reason, HoldReason::UnknownDeliveryDate);
    assert!(bench.order(id).messages.iter().any(|it| it.kind == MessageKind::OnHold));
    let note = "no stock of the region replaces what was not found at NYC: line 1: 1";
    assert_eq!(bench.order(id).holds[0].note, note);
    assert_eq!(bench.shelf("A-1", "LAX"), (1, 1, 0), "what there is is taken");

    // The goods for the rest come, and both shipments leave.
    bench.stock("A-1", "NYC", 1);
    let hold = bench.order(id).holds[0].id;
    bench.on(id, |order, unit| order.release_hold(unit, hold, "there")).expect("released");
    bench.ship(id, 0);
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

/// Units of the first line: set aside, waited for.
fn units(bench: &Bench, id: OrderId) -> (i64, i64) {
    (bench.order(id).line_progress(1).reserved, bench.order(id).units_awaited_of(1))
}

fn letters(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

#[test]
fn of_an_order_in_parts_only_what_nobody_has_waits_and_its_customer_is_told() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5), ("A-1", "LAX", 2)]);
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 5)]) };
    let id = bench.paid(&in_parts);
    assert_eq!(letters(&bench, id, MessageKind::AwaitingStock), 0);
    short_pick(&mut bench, id, 1, 4);
    assert!(!bench.order(id).on_hold());
    assert_eq!((units(&bench, id), bench.shelf("A-1", "LAX")), ((3, 2), (2, 2, 0)));
    assert_eq!(letters(&bench, id, MessageKind::AwaitingStock), 1);
    let sent: Vec<_> = bench.order(id).shipments.iter().map(|it| it.items[0].quantity).collect();
    assert_eq!(sent, [1, 2]);
    assert_eq!(bench.order(id).line_expected_at(1), None, "nobody knows when the rest comes");

    let first = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, first)).expect("nothing is left to pick");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Picked);
    bench.stock("A-1", "LAX", 2);
    assert!(bench.fill(id));
    assert_eq!((units(&bench, id), bench.shipment(id, 1).items[0].quantity), ((5, 0), 4));
}

#[test]
fn what_fails_its_check_waits_too_where_an_order_goes_in_parts() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 2)]) };
    let id = bench.paid(&in_parts);
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    assert!(!bench.order(id).on_hold());
    assert_eq!((units(&bench, id), letters(&bench, id, MessageKind::AwaitingStock)), ((1, 1), 1));
    let first = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, first)).expect("nothing is left to pick");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Picked);
}

#[test]
fn an_order_in_parts_that_has_nothing_else_to_send_is_held() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 2)]) };
    let id = bench.paid(&in_parts);
    short_pick(&mut bench, id, 0, 2);
    assert_eq!(bench.order(id).holds[0].reason, HoldReason::UnknownDeliveryDate);
    assert_eq!(units(&bench, id), (0, 0));
}

#[test]
fn units_in_quality_hold_are_released_or_scrapped_and_no_more_of_them_than_there_are() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 3);
    assert_eq!(bench.level("A-1", "NYC").quality_hold, 3);
    let first = bench.placed(&waiting(order("bob", &[("A-1", 3)])));
    assert_eq!(bench.state(first), OrderState::AwaitingStock);

    assert_eq!(refused_fields(ends(&mut bench, Verdict::Bad, 4)), ["quantity"]);
    ends(&mut bench, Verdict::Bad, 1).expect("one is broken");
    let entry = bench.movements.last().expect("a movement").clone();
    assert_eq!((entry.kind, entry.on_hand, entry.quality_hold), (MovementKind::Adjust, -1, -1));
    assert_eq!(entry.reason, "SCRAP: looked at");
    ends(&mut bench, Verdict::Good, 2).expect("two are good");
    let entry = bench.movements.last().expect("a movement").clone();
    assert_eq!((entry.kind, entry.on_hand, entry.quality_hold), (MovementKind::QualityHold, 0, -2));
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.quality_hold), (4, 0));
    assert_eq!(refused_fields(ends(&mut bench, Verdict::Good, 1)), ["quantity"]);
}

#[test]
fn a_reservation_keeps_its_last_re_allocations() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("A-1", "LAX", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 9)]));
    for picked in 1..=7 {
        short_pick(&mut bench, id, 0, 1);
        assert_eq!(bench.shelf("A-1", "LAX").1, picked);
    }
    let kept = bench.order(id).current_reservation().expect("its stock").reallocations.clone();
    assert_eq!(kept.len(), REALLOCATIONS_MAX);
    assert!(kept.iter().all(|it| it.why == "not found at NYC: line 1: 1"), "{kept:?}");
}
