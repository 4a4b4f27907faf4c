//! What is refused in the warehouse and on the road.

use std::time::Duration;

use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::action::Action;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::ServiceLevel;
use crate::domain::model::shipment::{PackedItem, ShipmentState};
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::shipping::check::LineCheck;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::{Bench, others, refused_fields, state_of};
use crate::domain::tests::given::{actor, checks_of, done, one_package, order, proof, reason, report};

// The warehouse.

#[test]
fn failed_units_are_set_apart_and_others_picked_for_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::QcFailed);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 1, 1));
    assert!(!bench.order(id).on_hold());
    assert_eq!(state_of(&bench, id, Step::PrepareOrder), StepState::Failed);

    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 1));
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
}

#[test]
fn a_failed_check_without_replacement_holds_the_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.check_quality(id, 0, 2);
    let hold = bench.order(id).holds[0].clone();
    assert_eq!((hold.reason, hold.state), (HoldReason::QualityFailure, HoldState::Active));
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 2));

    bench.on(id, |order, unit| order.release_hold(unit, hold.id, "more is on its way")).expect("released");
    let shipment = bench.shipment(id, 0).id;
    let short = bench.on(id, |order, unit| order.start_picking(unit, shipment));
    assert!(matches!(short, Err(Refusal::Short(_))), "{short:?}");
    bench.stock("A-1", "NYC", 2);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 2));
}

#[test]
fn a_shipment_whose_units_all_failed_ships_after_the_others_have_left() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.pick(id, 0);
    bench.stock("A-1", "LAX", 1);
    bench.stock("A-1", "NYC", 1);
    bench.check_quality(id, 0, 1);
    bench.ship(id, 1);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::PartiallyConsumed);
    bench.ship(id, 0);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Consumed);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn units_that_are_not_found_leave_the_books_and_others_are_picked_for_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 4)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    let shipment = bench.shipment(id, 0).id;
    let units = |line, units| vec![LineUnits { line, units }];
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    let short = |bench: &mut Bench, picks: &[LineUnits], missing: &[LineUnits]| {
        bench.on(id, |order, unit| order.record_short_pick(unit, shipment, picks, missing))
    };
    for (missing, field) in [
        (units(1, 4), "missing[0].quantity"),
        (units(1, 0), "missing[0].quantity"),
        (units(7, 1), "missing[0].line_number"),
    ] {
        assert_eq!(refused_fields(short(&mut bench, &[], &missing)), [field]);
    }
    assert_eq!(refused_fields(short(&mut bench, &units(1, 2), &units(1, 2))), ["missing[0].quantity"]);
    assert_eq!(
        refused_fields(short(&mut bench, &units(7, 1), &units(1, 4))),
        ["picks[0].line_number", "missing[0].quantity"]
    );

    short(&mut bench, &units(1, 2), &units(1, 1)).expect("two are there, one is not");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Planned);
    assert_eq!(bench.shelf("A-1", "NYC"), (3, 2, 0));
    assert!(!bench.order(id).on_hold(), "there is one more");
    assert_eq!(state_of(&bench, id, Step::PrepareOrder), StepState::InProgress);
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));
}

#[test]
fn a_short_pick_without_replacement_holds_the_order_until_goods_come() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let missing = [LineUnits { line: 1, units: 2 }];
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    bench
        .on(id, |order, unit| order.record_short_pick(unit, shipment, &[], &missing))
        .expect("nothing is there");
    let hold = bench.order(id).holds[0].clone();
    assert_eq!((hold.reason, hold.state), (HoldReason::UnknownDeliveryDate, HoldState::Active));
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));

    bench.on(id, |order, unit| order.release_hold(unit, hold.id, "on its way")).expect("released");
    let short = bench.on(id, |order, unit| order.start_picking(unit, shipment));
    assert!(matches!(short, Err(Refusal::Short(_))), "{short:?}");
    bench.stock("A-1", "NYC", 2);
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn what_failed_is_replaced_from_an_expired_reservation() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1)], 60))).expect("the last one");
    bench.pick(id, 0);
    bench.pass(60);
    bench.check_quality(id, 0, 1);
    assert!(!bench.order(id).on_hold(), "nobody holds the last one any more");
    bench.ship(id, 0);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 1));
}

#[test]
fn the_warehouse_cannot_pick_check_or_pack_what_is_not_there() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let pick = |bench: &mut Bench, line, units| {
        let picks = [LineUnits { line, units }];
        bench.on(id, |order, unit| order.record_pick(unit, shipment, &picks))
    };
    assert_eq!(reason(pick(&mut bench, 1, 1)), Reason::IllegalTransition);
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    for (line, units, field) in [
        (1, 3, "picks[0].quantity"),
        (1, -1, "picks[0].quantity"),
        (1, i64::MAX, "picks[0].quantity"),
        (7, 1, "picks[0].line_number"),
    ] {
        assert_eq!(refused_fields(pick(&mut bench, line, units)), [field]);
    }
    pick(&mut bench, 1, 1).expect("one");
    pick(&mut bench, 1, 1).expect("the other");

    let mut checks = checks_of(bench.shipment(id, 0), 0);
    checks[0].passed = 1;
    let check = |bench: &mut Bench, checks: &[LineCheck]| {
        bench.on(id, |order, unit| order.record_quality_check(unit, shipment, checks))
    };
    assert_eq!(refused_fields(check(&mut bench, &checks)), ["checks"]);
    (checks[0].passed, checks[0].failed) = (-1, 3);
    assert_eq!(refused_fields(check(&mut bench, &checks)), ["checks"]);
    bench.check_quality(id, 0, 0);

    let mut packages = one_package(bench.shipment(id, 0));
    packages[0].contents[0].quantity = 1;
    let pack = |bench: &mut Bench, packages| bench.on(id, |order, unit| order.pack(unit, shipment, packages));
    assert_eq!(reason(pack(&mut bench, packages.clone())), Reason::QuantityMismatch);
    packages[0].contents = vec![PackedItem { line: 1, quantity: 3 }, PackedItem { line: 1, quantity: -1 }];
    assert_eq!(refused_fields(pack(&mut bench, packages)), ["packages[0].contents[1].quantity"]);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::QcPassed);
}

#[test]
fn a_voided_label_takes_its_courier_along_and_a_new_one_has_a_new_number() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let shipment = bench.shipment(id, 0).id;
    let number = |bench: &Bench| bench.shipment(id, 0).label.as_ref().map(|it| it.tracking_number.clone());
    let before = number(&bench);
    bench.on(id, |order, unit| order.void_label(unit, shipment)).expect("voided");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Packed);
    assert!(bench.shipment(id, 0).assignment.is_none() && number(&bench).is_none());
    let packages = one_package(bench.shipment(id, 0));
    bench.on(id, |order, unit| order.pack(unit, shipment, packages)).expect("packed anew");
    bench.on(id, |order, unit| order.create_label(unit, shipment)).expect("a label");
    assert_ne!(number(&bench), before);
}

#[test]
fn a_courier_can_be_changed_until_the_pickup() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    // There is time enough: the cheaper courier keeps the promise as well.
    let requested_by = Some(bench.now.plus(Duration::from_secs(30 * 86_400)));
    let id = bench.paid(&NewOrder { requested_by, ..order("ada", &[("A-1", 2)]) });
    bench.prepare(id, 0);
    let shipment = bench.shipment(id, 0).id;
    let chosen = |bench: &Bench| bench.shipment(id, 0).assignment.as_ref().map(|it| it.courier.to_string());
    assert_eq!(chosen(&bench).as_deref(), Some("SNAIL"), "the cheapest that keeps the promise");
    let assign = |bench: &mut Bench, code: &str| {
        let code = code.parse().expect("a courier code");
        bench.on(id, |order, unit| {
            order.assign_courier(unit, shipment, Some(&code), None, &Default::default())
        })
    };
    assign(&mut bench, "ROCKET").expect("another");
    assert_eq!(chosen(&bench).as_deref(), Some("ROCKET"));
    assert!(matches!(assign(&mut bench, "NOBODY"), Err(Refusal::NotFound { .. })));
    let overnight = bench.on(id, |order, unit| {
        order.assign_courier(unit, shipment, None, Some(ServiceLevel::Overnight), &Default::default())
    });
    assert_eq!(reason(overnight), Reason::NoCourier);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::CourierAssigned);

    let pickup = |bench: &mut Bench, packages| {
        bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", packages, None))
    };
    assert_eq!(reason(pickup(&mut bench, 2)), Reason::QuantityMismatch);
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 2, 0));
    pickup(&mut bench, 1).expect("one package");
    assert_eq!(reason(assign(&mut bench, "SNAIL")), Reason::IllegalTransition);
    assert_eq!(reason(pickup(&mut bench, 1)), Reason::IllegalTransition);
    assert_eq!(bench.shelf("A-1", "NYC"), (7, 0, 0));
}

// On the road, and the end.

#[test]
fn a_report_needs_a_handover_and_a_proof_an_order_that_is_not_archived() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    let shipment = bench.shipment(id, 0).id;
    let tell = |bench: &mut Bench| {
        let report = report(TrackingStatus::InTransit, bench.now);
        bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[report]))
    };
    assert_eq!(reason(tell(&mut bench)), Reason::IllegalTransition);
    bench.ship(id, 0);
    bench.pass(60);
    assert_eq!(tell(&mut bench).map(|it| it.new), Ok(1));
    assert_eq!(tell(&mut bench).map(|it| it.new), Ok(0));
    bench.pass(60);
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.on(id, Order::archive).expect("closed");
    bench.pass(60);
    assert_eq!(tell(&mut bench).map(|it| it.new), Ok(1));
    let proof = proof(bench.now, &actor("courier"));
    let confirm = bench.on(id, |order, unit| order.confirm_delivery(unit, shipment, proof));
    let Err(Refusal::Unmet { reason, legal, .. }) = confirm else { panic!("confirmed in the archive") };
    assert_eq!(reason, Reason::IllegalTransition);
    assert_eq!(
        legal,
        [Action::RefundPayment, Action::CreateReturn, Action::RecordTrackingEvents, Action::RestoreOrder]
    );
}

#[test]
fn a_lost_shipment_is_paid_back_before_the_order_closes() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Exception);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Lost);
    assert_eq!(state_of(&bench, id, Step::ConfirmDelivery), StepState::Failed);
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);

    bench.on(id, |order, unit| order.refund(unit, payment, None, "lost")).expect("paid back");
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);
    bench.settle(id);
    bench.pass(bench.rules.close_after_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Delivered);
    assert_eq!(
        (bench.state(id), bench.shipment(id, 0).state),
        (OrderState::Closed, ShipmentState::Delivered)
    );
}
