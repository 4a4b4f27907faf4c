//! What who carries for a courier may do about its shipments, and what refusals tell of their orders.

use crate::domain::model::action::Action;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::shipping::carriers::{Carriers, Seen};
use crate::domain::shipping::deliver::{ConfirmDelivery, Delivery};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, reason};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::Part;

/// A shipment that was handed over a minute ago.
fn on_the_road() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.pass(60);
    (bench, id)
}

/// Confirms the delivery as a caller of its courier.
fn confirm(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    let shipment = bench.shipment(id, 0);
    let courier = shipment.assignment.as_ref().expect("it is assigned").courier.clone();
    let shipment = shipment.id;
    let delivery = Delivery {
        received_by: "at the door".to_owned(),
        location: String::new(),
        signature_sha256: String::new(),
        photo_sha256: String::new(),
        at: None,
    };
    let command = ConfirmDelivery { target: Target::latest(Part::Shipment(shipment)), shipment, delivery };
    let seen = Seen { command, carriers: Some(Carriers::from_iter([courier])) };
    bench.on(id, |order, unit| {
        seen.may_be_seen(order)?;
        seen.decide_on(order, unit)
    })
}

#[test]
fn a_refusal_tells_a_carrier_of_the_shipment_and_not_of_its_order() {
    let (mut bench, id) = on_the_road();
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.on(id, Order::archive).expect("closed");
    bench.pass(60);
    let Err(Refusal::Unmet { reason, message, state, legal }) = confirm(&mut bench, id) else {
        panic!("confirmed in the archive")
    };
    assert_eq!((reason, state), (Reason::IllegalTransition, Some("DELIVERED")));
    assert_eq!(message, "ConfirmDelivery is not possible now: the shipment is DELIVERED");
    assert_eq!(legal, [Action::RecordTrackingEvents]);
}

#[test]
fn a_carrier_confirms_no_delivery_of_what_is_lost_or_has_gone_back() {
    for (status, state) in
        [(TrackingStatus::Lost, ShipmentState::Lost), (TrackingStatus::Returned, ShipmentState::Returned)]
    {
        let (mut bench, id) = on_the_road();
        bench.report(id, 0, status);
        bench.pass(60);
        let Err(Refusal::Unmet { reason, message, state: told, legal }) = confirm(&mut bench, id) else {
            panic!("{state} is confirmed")
        };
        assert_eq!((reason, told), (Reason::IllegalTransition, Some(state.as_str())));
        assert!(message.contains("its sender has to correct"), "{message}");
        assert!(!legal.contains(&Action::ConfirmDelivery), "{legal:?}");
        assert_eq!(bench.shipment(id, 0).state, state);
    }
}

#[test]
fn a_carrier_replaces_its_own_proof_and_no_other_persons() {
    let (mut bench, id) = on_the_road();
    bench.by("driver");
    confirm(&mut bench, id).expect("its own");
    bench.pass(60);
    confirm(&mut bench, id).expect("its own, anew");
    bench.by("clerk").deliver(id, 0);
    let proof = bench.shipment(id, 0).proof.clone();
    bench.pass(60);
    bench.by("driver");
    assert_eq!(reason(confirm(&mut bench, id)), Reason::IllegalTransition);
    assert_eq!(bench.shipment(id, 0).proof, proof);
}
