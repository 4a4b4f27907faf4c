//! What an order waits for, in words that tell the warehouse what to do.

use crate::domain::model::hold::HoldReason;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::process::timeline::steps::Step;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{one_package, order};

/// Step and call of the order's only shipment.
fn waits(bench: &Bench, id: OrderId) -> (Step, String) {
    let (step, note) = bench.order(id).next_step().expect("the order is not over");
    let shipment = format!(" for shipment {}", bench.shipment(id, 0).id);
    (step, note.replace(&shipment, ""))
}

#[test]
fn a_shipment_in_the_warehouse_waits_for_the_call_that_takes_it_on() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let mut seen = Vec::new();
    let mut look = |bench: &Bench, step: Step, call: &str| {
        let state = bench.shipment(id, 0).state;
        assert_eq!(waits(bench, id), (step, call.to_owned()), "{state}");
        assert!(bench.order(id).next_step().expect("open").1.contains(&shipment.to_string()));
        seen.push(state);
    };

    look(&bench, Step::PrepareOrder, "StartPicking");
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("begun");
    look(&bench, Step::PrepareOrder, "RecordPick");
    bench
        .on(id, |order, unit| order.record_pick(unit, shipment, &[LineUnits { line: 1, units: 1 }]))
        .expect("one");
    look(&bench, Step::PrepareOrder, "RecordPick");
    bench
        .on(id, |order, unit| order.record_pick(unit, shipment, &[LineUnits { line: 1, units: 1 }]))
        .expect("the other");
    look(&bench, Step::PrepareOrder, "RecordQualityCheck");
    bench.check_quality(id, 0, 1);
    let again = "units failed the quality check and are to be picked again; StartPicking";
    look(&bench, Step::PrepareOrder, again);
    bench.pick(id, 0);
    bench.check_quality(id, 0, 0);
    look(&bench, Step::PackageProducts, "PackShipment");
    let packages = one_package(bench.shipment(id, 0));
    bench.on(id, |order, unit| order.pack(unit, shipment, packages)).expect("packed");
    look(&bench, Step::CreateLabel, "CreateShippingLabel");
    bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("labelled");
    look(&bench, Step::AssignCourier, "AssignCourier");
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("assigned");
    look(&bench, Step::ConfirmPickup, "ConfirmPickup");
    bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "", 1, None)).expect("handed over");
    let (step, letter) = waits(&bench, id);
    assert_eq!(step, Step::NotifyShipment);
    assert!(letter.starts_with("sending of msg_"), "{letter}");
    bench.send_messages(id);
    look(&bench, Step::TrackShipment, "RecordTrackingEvents or ConfirmDelivery");

    for state in [
        ShipmentState::Planned,
        ShipmentState::Picking,
        ShipmentState::Picked,
        ShipmentState::QcFailed,
        ShipmentState::QcPassed,
        ShipmentState::Packed,
        ShipmentState::Labelled,
        ShipmentState::CourierAssigned,
    ] {
        assert!(seen.contains(&state), "{state} was not looked at");
    }
}

#[test]
fn of_several_shipments_those_are_named_that_wait() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    assert_eq!(bench.order(id).shipments.len(), 2);
    let (first, second) = (bench.shipment(id, 0).id, bench.shipment(id, 1).id);
    let note = |bench: &Bench| bench.order(id).next_step().expect("open").1;
    assert_eq!(
        note(&bench),
        format!(
            "0 of 2 shipments done; StartPicking for shipment {first}, StartPicking for shipment {second}"
        )
    );
    bench.prepare(id, 0);
    assert_eq!(note(&bench), format!("1 of 2 shipments done; StartPicking for shipment {second}"));
}

#[test]
fn a_hold_goes_before_the_warehouse_and_stops_nothing_on_the_road() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let reason = HoldReason::Compliance;
    let hold = |bench: &mut Bench| {
        bench.on(id, |order, unit| order.place_hold(unit, reason, "papers".to_owned())).expect("a hold")
    };
    let placed = hold(&mut bench);
    assert_eq!(
        bench.order(id).next_step(),
        Some((Step::PrepareOrder, format!("hold {placed} (COMPLIANCE): papers")))
    );
    bench.on(id, |order, unit| order.release_hold(unit, placed, "")).expect("released");
    bench.ship(id, 0);
    bench.send_messages(id);
    hold(&mut bench);
    assert_eq!(
        waits(&bench, id),
        (Step::TrackShipment, "RecordTrackingEvents or ConfirmDelivery".to_owned())
    );
}
