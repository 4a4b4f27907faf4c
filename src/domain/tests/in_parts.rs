//! Orders that ship what is there, and whose rest waits.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Reason;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::{OnShortage, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::waiting::StuckGate;
use crate::domain::process::timeline::steps::Step;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{one_package, order, reason, waiting};

fn in_parts(new: NewOrder) -> NewOrder {
    NewOrder { on_shortage: OnShortage::ShipAvailable, ..new }
}

/// Units of a line: set aside, sent, waited for, cancelled.
fn units(bench: &Bench, id: OrderId, line: i32) -> [i64; 4] {
    let order = bench.order(id);
    let progress = order.line_progress(line);
    [progress.reserved, progress.shipped, order.units_awaited_of(line), progress.cancelled]
}

fn letters(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

fn cancel(bench: &mut Bench, id: OrderId, line: i32, quantity: i64) {
    let units = [CancelledUnits { line, quantity }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "less")).expect("cancelled");
}

#[test]
fn what_is_there_goes_and_the_rest_follows_when_it_comes() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("B-2", "NYC", 9)]);
    let id = bench.placed(&in_parts(order("ada", &[("A-1", 5), ("B-2", 1)])));
    assert_eq!((units(&bench, id, 1), units(&bench, id, 2)), ([3, 0, 2, 0], [1, 0, 0, 0]));
    assert_eq!(letters(&bench, id, MessageKind::AwaitingStock), 1);
    assert!(bench.history(id).iter().any(|it| it.kind == EventKind::StockAwaited));

    // It is paid for as a whole.
    let total = bench.order(id).total_minor();
    bench.pay_cash(id);
    assert_eq!((bench.state(id), bench.order(id).captured_minor()), (OrderState::Fulfilling, total));
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyShipped);
    let open = bench.order(id).current_reservation().expect("the rest is to come").state;
    assert_eq!(open, ReservationState::PartiallyConsumed);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    bench.send_messages(id);
    let (step, note) = bench.order(id).next_step().expect("it is not over");
    assert_eq!((step, note.as_str()), (Step::ConfirmToCustomer, "2 units wait for stock: 2 of line 1"));
    assert_eq!(bench.order(id).waits_for().map(|it| it.gate), Some(StuckGate::Stock));
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);

    // The rest goes together.
    bench.stock("A-1", "NYC", 1);
    assert!(!bench.fill(id));
    bench.stock("A-1", "NYC", 1);
    assert!(bench.fill(id));
    assert_eq!((units(&bench, id, 1), bench.order(id).shipments.len()), ([2, 3, 0, 0], 2));
    assert!(bench.shipment(id, 1).brings_rest);
    bench.ship(id, 1);
    let over = bench.order(id).reservations[0].state;
    assert_eq!((bench.state(id), over), (OrderState::PartiallyDelivered, ReservationState::Consumed));
    bench.deliver(id, 1);
    assert_eq!((bench.state(id), units(&bench, id, 1)), (OrderState::Delivered, [0, 5, 0, 0]));
    assert_eq!(bench.shelf("A-1", "NYC"), (0, 0, 0));
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn an_order_of_which_nothing_is_there_waits_as_a_whole() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.placed(&in_parts(order("ada", &[("A-1", 2)])));
    assert_eq!((bench.state(id), units(&bench, id, 1)), (OrderState::AwaitingStock, [0, 0, 2, 0]));
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(id));
    assert_eq!((bench.state(id), units(&bench, id, 1)), (OrderState::Invoiced, [2, 0, 0, 0]));
}

#[test]
fn the_rest_of_an_older_order_comes_before_newer_ones() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let first = bench.placed(&in_parts(order("ada", &[("A-1", 3)])));
    let second = bench.placed(&waiting(order("bob", &[("A-1", 1)])));
    assert_eq!(bench.state(second), OrderState::AwaitingStock);
    bench.stock("A-1", "NYC", 2);
    assert!(!bench.fill(second), "the units are the older order's");
    assert!(bench.create_order(&order("eve", &[("A-1", 1)])).is_err());
    assert!(bench.fill(first));
    bench.stock("A-1", "NYC", 1);
    assert!(bench.fill(second));
    assert_eq!(bench.shelf("A-1", "NYC").1, 4);
}

#[test]
fn what_comes_before_the_payment_goes_with_the_others() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&in_parts(order("ada", &[("A-1", 3)])));
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(id));
    bench.pay_cash(id);
    assert_eq!(bench.order(id).shipments.len(), 1);
    assert_eq!((bench.shipment(id, 0).items[0].quantity, bench.shipment(id, 0).brings_rest), (3, false));
}

#[test]
fn what_comes_while_the_others_are_prepared_joins_them_or_waits_until_they_have_left() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("B-2", "NYC", 1)]);
    let joins = bench.paid(&in_parts(order("ada", &[("A-1", 2)])));
    let follows = bench.paid(&in_parts(order("bob", &[("B-2", 2)])));
    bench.pick(follows, 0);
    bench.stock("A-1", "NYC", 1);
    bench.stock("B-2", "NYC", 1);
    assert!(bench.fill(joins));
    assert_eq!((bench.order(joins).shipments.len(), bench.shipment(joins, 0).items[0].quantity), (1, 2));

    assert!(!bench.fill(follows), "another shipment from there is being prepared");
    assert!(bench.create_order(&order("eve", &[("B-2", 1)])).is_err(), "but the unit is kept for it");
    bench.check_quality(follows, 0, 0);
    let shipment = bench.shipment(follows, 0).id;
    let packages = one_package(bench.shipment(follows, 0));
    bench.on(follows, |order, unit| order.pack(unit, shipment, packages)).expect("packed");
    bench.on(follows, |order, unit| order.create_label(unit, shipment)).expect("labelled");
    bench
        .on(follows, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("assigned");
    assert!(!bench.fill(follows));
    bench.on(follows, |order, unit| order.confirm_pickup(unit, shipment, "", 1, None)).expect("handed over");
    assert!(bench.fill(follows));
    assert_eq!(bench.order(follows).shipments.len(), 2);
}

#[test]
fn at_the_end_of_the_wait_the_rest_is_called_off_and_paid_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let wait_until = Some(bench.now.plus(Duration::from_secs(3_600)));
    let new = NewOrder { wait_until, ..in_parts(order("ada", &[("A-1", 5)])) };
    let id = bench.paid(&new);
    let total = bench.order(id).total_minor();
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.pass(3_599);
    bench.run_due(id);
    assert_eq!(units(&bench, id, 1), [0, 3, 2, 0]);

    bench.pass(1);
    bench.stock("A-1", "NYC", 2);
    assert!(!bench.fill(id), "its time is over");
    bench.run_due(id);
    assert_eq!((bench.state(id), units(&bench, id, 1)), (OrderState::Delivered, [0, 3, 0, 2]));
    let order = bench.order(id);
    assert_eq!(order.refunded_minor(), total - order.total_minor());
    assert_eq!((order.credit_notes.len(), order.line_cancellations.len()), (1, 1));
    assert_eq!(letters(&bench, id, MessageKind::OrderLinesCancelled), 1);
    assert_eq!(bench.order(id).reservations[0].state, ReservationState::Consumed);
    assert!(bench.create_order(&crate::domain::tests::given::order("bob", &[("A-1", 2)])).is_ok());
}

#[test]
fn at_the_end_of_the_wait_nothing_is_asked_for_what_was_not_paid() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let wait_until = Some(bench.now.plus(Duration::from_secs(60)));
    let new = NewOrder { wait_until, ..in_parts(order("ada", &[("A-1", 5)])) };
    let id = bench.placed(&new);
    let due = bench.order(id).due_minor();
    bench.pass(60);
    bench.run_due(id);
    let order = bench.order(id);
    assert_eq!((order.state, units(&bench, id, 1)), (OrderState::Invoiced, [3, 0, 0, 2]));
    assert!(order.due_minor() < due && order.due_minor() == order.total_minor());
    bench.pay_cash(id);
    assert_eq!(bench.order(id).main_invoice().map(|it| it.state), Some(InvoiceState::Paid));
}

#[test]
fn units_that_are_called_off_come_first_from_those_that_wait() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    let id = bench.paid(&in_parts(order("ada", &[("A-1", 5)])));
    cancel(&mut bench, id, 1, 1);
    assert_eq!((units(&bench, id, 1), bench.shelf("A-1", "NYC").1), ([3, 0, 1, 1], 3));
    cancel(&mut bench, id, 1, 2);
    assert_eq!((units(&bench, id, 1), bench.shelf("A-1", "NYC").1), ([2, 0, 0, 3], 2));
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn an_order_of_which_only_the_rest_is_wanted_is_prepared_when_that_comes() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&in_parts(order("ada", &[("A-1", 1), ("B-2", 1)])));
    cancel(&mut bench, id, 1, 1);
    bench.pay_cash(id);
    assert_eq!(bench.state(id), OrderState::PaymentApproved);
    assert_eq!(bench.order(id).waits_for().map(|it| it.gate), Some(StuckGate::Stock));
    bench.stock("B-2", "LAX", 1);
    assert!(bench.fill(id));
    assert_eq!((bench.state(id), bench.order(id).shipments.len()), (OrderState::Fulfilling, 1));
}

#[test]
fn a_paid_order_of_which_only_the_rest_is_wanted_can_be_cancelled_and_ends_with_the_wait() {
    for by_hand in [true, false] {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
        let wait_until = Some(bench.now.plus(Duration::from_secs(60)));
        let new = NewOrder { wait_until, ..in_parts(order("ada", &[("A-1", 1), ("B-2", 1)])) };
        let id = bench.placed(&new);
        cancel(&mut bench, id, 1, 1);
        bench.pay_cash(id);
        assert_eq!(bench.state(id), OrderState::PaymentApproved);
        if by_hand {
            bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("cancelled");
        } else {
            bench.pass(60);
            bench.run_due(id);
        }
        assert_eq!(bench.state(id), OrderState::Cancelled);
        bench.settle(id);
        assert_eq!(bench.order(id).refunded_minor(), bench.order(id).captured_minor());
    }
}

#[test]
fn an_order_that_has_nothing_but_its_rest_ends_with_the_wait() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let wait_until = Some(bench.now.plus(Duration::from_secs(60)));
    let new = NewOrder { wait_until, ..in_parts(order("ada", &[("A-1", 1), ("B-2", 1)])) };
    let id = bench.paid(&new);
    cancel(&mut bench, id, 1, 1);
    bench.pass(60);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Cancelled);
    bench.settle(id);
    assert_eq!(bench.order(id).refunded_minor(), bench.order(id).captured_minor());
}

#[test]
fn an_order_that_is_cancelled_waits_for_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&in_parts(order("ada", &[("A-1", 3)])));
    let behind = bench.placed(&waiting(order("bob", &[("A-1", 1)])));
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("cancelled");
    assert_eq!(units(&bench, id, 1)[2], 0);
    assert!(bench.fill(behind), "nobody is before it any more");
}

#[test]
fn the_rest_is_not_set_aside_for_an_order_on_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.paid(&in_parts(order("ada", &[("A-1", 2)])));
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, "papers".to_owned()))
        .expect("a hold");
    bench.stock("A-1", "NYC", 1);
    assert!(!bench.fill(id));
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    assert_eq!(units(&bench, id, 1), [2, 0, 0, 0]);
    let first = bench.shipment(id, 0);
    assert_eq!((first.state, first.items[0].quantity), (ShipmentState::Planned, 2));
}
