//! Orders are changed late: while they are packed, while parts have left, while they wait for stock.

use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::OrderState;
use crate::domain::model::order_change::ChangeItem;
use crate::domain::model::refusal::Reason;
use crate::domain::model::scalars::{OnShortage, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{order, reason, waiting};
use crate::domain::tests::order_changes::{add, changed, create, propose, proposed, remove, set};

/// Where the shipment stands that was planned last for a line.
fn shipment_of(bench: &Bench, id: OrderId, line: i32) -> usize {
    let has = |index: &usize| bench.shipment(id, *index).items.iter().any(|it| it.line == line);
    (0..bench.order(id).shipments.len()).rev().find(has).expect("a shipment with the line")
}

#[test]
fn packed_units_come_off_until_a_courier_has_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "LAX", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 3), ("B-2", 2)]));
    let (packed, other) = (shipment_of(&bench, id, 1), shipment_of(&bench, id, 2));
    bench.prepare(id, packed);
    let change = changed(&mut bench, id, &[set(1, 2)]);

    assert_eq!(change.outcome.map(|it| it.credit_notes.len()), Some(1));
    assert_eq!(bench.shipment(id, packed).state, ShipmentState::Cancelled, "with its label and its courier");
    let told = bench.history(id).iter().filter(|it| it.kind == EventKind::ShipmentCancelled).count();
    assert_eq!(told, 1, "the warehouse hears of it");
    let anew = shipment_of(&bench, id, 1);
    let shipment = bench.shipment(id, anew).clone();
    assert_eq!((shipment.state, shipment.location.as_str()), (ShipmentState::Planned, "NYC"));
    assert_eq!((shipment.items[0].quantity, shipment.items[0].packed), (2, 0));
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 2, 0));
    assert_eq!(bench.shipment(id, other).state, ShipmentState::Planned, "the other part is as it was");

    bench.ship(id, anew);
    assert_eq!(bench.state(id), OrderState::PartiallyShipped);
    let refused = create(&mut bench, id, &[remove(1), set(2, 1)]);
    assert_eq!(refused_fields(refused), ["items[0].remove_line.line_number"]);
    bench.prepare(id, other);
    changed(&mut bench, id, &[remove(2)]);
    let after = bench.order(id);
    assert_eq!((after.state, after.shipments[other].state), (OrderState::Shipped, ShipmentState::Cancelled));
    assert_eq!((bench.shelf("B-2", "LAX"), bench.order(id).due_minor()), ((9, 0, 0), 0));
}

#[test]
fn what_is_added_to_a_waiting_order_waits_in_its_place_in_line() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let first = bench.placed(&waiting(order("ann", &[("B-2", 5)])));
    let second = bench.placed(&waiting(order("bob", &[("C-3", 3)])));
    let change = proposed(&mut bench, second, &[add("B-2", 1), add("A-1", 2)]);
    let stock =
        bench.order(second).changes[0].proposal.as_ref().map(|it| it.stock.clone()).unwrap_or_default();
    let seen: Vec<_> = stock.iter().map(|it| (it.sku.as_str(), it.wanted, it.available)).collect();
    assert_eq!(seen, [("B-2", 1, 0), ("A-1", 2, 2)]);
    bench.on(second, |order, unit| order.confirm_change(unit, change)).expect("it waits for these too");
    let after = bench.order(second);
    assert_eq!((after.state, after.lines.len(), after.invoices.len()), (OrderState::AwaitingStock, 3, 0));
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 0, 0), "nothing is set aside until there is all of it");

    bench.stock("C-3", "NYC", 3);
    bench.stock("B-2", "NYC", 5);
    assert!(!bench.fill(second), "who waited for B-2 before comes first");
    assert!(bench.fill(first));
    bench.stock("B-2", "NYC", 1);
    assert!(bench.fill(second));
    let filled = bench.order(second);
    assert_eq!((filled.state, filled.invoices[0].lines.len()), (OrderState::Invoiced, 3));
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "NYC")), ((9, 2, 0), (6, 6, 0)));
}

#[test]
fn a_waiting_order_that_gets_fewer_and_others_goes_on_at_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("C-3", "NYC", 2)]);
    let id = bench.placed(&waiting(order("ada", &[("C-3", 5)])));
    changed(&mut bench, id, &[set(1, 2), add("A-1", 1)]);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("C-3", "NYC")), ((9, 1, 0), (2, 2, 0)));

    // Nobody who waits longer is passed over for it.
    let id = bench.placed(&waiting(order("bob", &[("C-3", 5)])));
    let before = bench.placed(&waiting(order("cid", &[("A-1", 12)])));
    changed(&mut bench, id, &[set(1, 1), add("A-1", 1)]);
    assert_eq!(
        (bench.state(id), bench.state(before)),
        (OrderState::AwaitingStock, OrderState::AwaitingStock)
    );
    changed(&mut bench, id, &[remove(2)]);
    bench.stock("C-3", "NYC", 1);
    assert!(bench.fill(id));
}

#[test]
fn what_is_there_is_added_beside_a_rest_that_waits() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("C-3", "NYC", 2)]);
    let mut new = order("ada", &[("C-3", 5)]);
    new.on_shortage = OnShortage::ShipAvailable;
    let id = bench.placed(&new);
    assert!(bench.order(id).waits_for_rest());
    changed(&mut bench, id, &[add("A-1", 1)]);
    let after = bench.order(id);
    assert_eq!((after.state, after.waits_for_rest()), (OrderState::Invoiced, true));
    assert_eq!((after.lines[0].waiting_quantity, after.lines[1].waiting_quantity), (3, 0));
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("C-3", "NYC")), ((9, 1, 0), (2, 2, 0)));
}

#[test]
fn another_address_is_for_what_has_not_left() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "LAX", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 1), ("B-2", 1)]));
    let (gone, here) = (shipment_of(&bench, id, 1), shipment_of(&bench, id, 2));
    bench.ship(id, gone);
    bench.prepare(id, here);
    let before = bench.order(id).shipping_address.clone();
    let mut address = before.clone();
    address.lines = vec!["1 Main Street".to_owned()];
    let elsewhere = ChangeItem::SetShippingAddress(Box::new(address.clone()));
    changed(&mut bench, id, &[elsewhere.clone(), ChangeItem::SetInstructions("ring twice".to_owned())]);

    let after = bench.order(id).clone();
    assert_eq!((&after.shipping_address, after.special_instructions.as_str()), (&address, "ring twice"));
    assert_eq!(after.shipments[gone].new_address(), Some(&before), "it is on its way to there");
    let other = &after.shipments[here];
    assert_eq!((other.new_address(), other.state), (None, ShipmentState::Packed), "its label is void");
    assert_eq!((other.label.clone(), other.assignment.clone()), (None, None));
    assert!(after.messages.iter().any(|it| it.kind == MessageKind::OrderUpdated));

    // Once all of it has left nothing goes anywhere else.
    let shipment = other.id;
    bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("a label");
    bench.deliver(id, gone);
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("a courier");
    bench
        .on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
        .expect("handed over");
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    let change = create(&mut bench, id, &[elsewhere]).expect("drafted");
    assert_eq!(reason(propose(&mut bench, id, change)), Reason::IllegalTransition);
}
