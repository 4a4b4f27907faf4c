//! Orders are changed late: while they are packed, while parts have left, while they wait for stock.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::OrderState;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::order;
use crate::domain::tests::order_changes::{changed, create, remove, set};

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
