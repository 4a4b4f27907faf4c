//! Orders that wait for stock until a time, as many as their caller may have, and who may pass them.

use std::time::Duration;

use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::policy::MayPass;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OnShortage, OrderId};
use crate::domain::ordering::receive::CreateOrder;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::{Bench, others, refused_fields};
use crate::domain::tests::given::{order, reason, waiting};
use crate::domain::unit::command::Command;

fn for_a_minute(bench: &Bench, name: &str, units: i64) -> NewOrder {
    let wait_until = Some(bench.now.plus(Duration::from_secs(60)));
    NewOrder { wait_until, ..waiting(order(name, &[("A-1", units)])) }
}

#[test]
fn an_order_that_has_waited_long_enough_ends_and_those_behind_it_move_up() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let new = for_a_minute(&bench, "ada", 2);
    let first = bench.placed(&new);
    let second = bench.placed(&waiting(order("bob", &[("A-1", 1)])));
    assert_eq!(bench.state(second), OrderState::AwaitingStock);
    assert_eq!(
        bench.order(first).due_at(&bench.rules).map(|it| it <= bench.now),
        Some(true),
        "a letter is due"
    );
    bench.send_messages(first);
    assert_eq!(bench.order(first).due_at(&bench.rules), new.wait_until);
    bench.pass(59);
    bench.run_due(first);
    assert_eq!(bench.state(first), OrderState::AwaitingStock);

    bench.pass(1);
    bench.stock("A-1", "NYC", 1);
    assert!(!bench.fill(first), "its time is over");
    bench.run_due(first);
    assert_eq!(bench.state(first), OrderState::Cancelled);
    assert!(bench.order(first).messages.iter().any(|it| it.kind == MessageKind::OrderCancelled));
    assert!(bench.fill(second));
    assert_eq!(bench.state(second), OrderState::Invoiced);
}

#[test]
fn an_order_that_gets_its_stock_in_time_goes_on_and_does_not_end() {
    let mut bench = Bench::with_stock(&[]);
    let new = for_a_minute(&bench, "ada", 2);
    let id = bench.placed(&new);
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(id));
    bench.pass(61);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
}

#[test]
fn a_wait_that_is_over_before_it_begins_is_refused() {
    let mut bench = Bench::with_stock(&[]);
    let new = NewOrder { wait_until: Some(bench.now), ..waiting(order("ada", &[("A-1", 1)])) };
    assert_eq!(refused_fields(bench.create_order(&new)), ["wait_until"]);
}

fn create(bench: &mut Bench, new: NewOrder) -> Result<OrderId, Refusal> {
    bench.decide(|unit| CreateOrder { new, cart: None }.decide(unit)).map(|it| it.order)
}

#[test]
fn a_caller_has_no_more_orders_waiting_than_settings_allow() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    bench.rules.waiting.orders_per_caller = 2;
    let first = create(&mut bench, waiting(order("ada", &[("A-1", 2)]))).expect("one waits");
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("bob", &[("A-1", 3)]) };
    create(&mut bench, in_parts).expect("another waits");
    let third = |bench: &mut Bench, name: &str| create(bench, waiting(order(name, &[("A-1", 4)])));
    assert_eq!(reason(third(&mut bench, "eve")), Reason::LimitReached);
    assert_eq!(bench.snapshot.orders.len(), 2, "nothing is stored of it");

    bench.by("another");
    let others_own = third(&mut bench, "dan").expect("another caller has its own");
    bench.by("clerk");
    bench.on(first, |order, unit| order.cancel(unit, "")).expect("called off");
    let id = third(&mut bench, "eve").expect("one is over");
    for waits in [others_own, id] {
        assert_eq!(bench.state(waits), OrderState::AwaitingStock);
    }
}

#[test]
fn an_order_with_its_stock_is_taken_in_however_many_wait() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("B-2", "NYC", 1)]);
    bench.rules.waiting.orders_per_caller = 1;
    create(&mut bench, waiting(order("ada", &[("A-1", 2)]))).expect("one waits");
    let id = create(&mut bench, waiting(order("bob", &[("B-2", 1)]))).expect("it has its stock");
    assert_eq!(bench.state(id), OrderState::Invoiced);
}

#[test]
fn a_wait_whose_caller_does_not_say_ends_as_settings_say() {
    let mut bench = Bench::with_stock(&[]);
    bench.rules.waiting.lifetime_seconds = 60;
    let until = bench.now.plus(Duration::from_secs(60));
    let id = bench.placed(&waiting(order("ada", &[("A-1", 2)])));
    assert_eq!((bench.order(id).wait_until, bench.order(id).waits_until), (None, Some(until)));
    let own = NewOrder {
        wait_until: Some(until.plus(Duration::from_secs(9))),
        ..waiting(order("bob", &[("A-1", 2)]))
    };
    let other = bench.placed(&own);
    let said = (bench.order(other).wait_until, bench.order(other).waits_until);
    assert_eq!(said, (own.wait_until, None), "what the caller says counts");
    bench.pass(60);
    bench.send_messages(id);
    bench.run_due(id);
    assert_eq!((bench.state(id), bench.state(other)), (OrderState::Cancelled, OrderState::AwaitingStock));
}

#[test]
fn what_settings_say_of_a_wait_counts_from_when_it_begins() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.rules.waiting.lifetime_seconds = 7 * 86_400;
    let in_parts = NewOrder { on_shortage: OnShortage::ShipAvailable, ..order("ada", &[("A-1", 5)]) };
    let id = bench.paid(&in_parts);
    assert_eq!(bench.order(id).waits_until, None, "it has all of it");
    bench.pass(8 * 86_400);
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
    let (found, missing) = ([LineUnits { line: 1, units: 4 }], [LineUnits { line: 1, units: 1 }]);
    bench
        .on(id, |order, unit| order.record_short_pick(unit, shipment, &found, &missing))
        .expect("a short pick");
    let until = bench.now.plus(Duration::from_secs(7 * 86_400));
    assert_eq!((bench.order(id).units_awaited_of(1), bench.order(id).waits_until), (1, Some(until)));
    bench.run_due(id);
    assert_eq!(bench.order(id).units_awaited_of(1), 1, "it has just begun to wait");

    bench.pass(7 * 86_400 - 1);
    bench.run_due(id);
    assert_eq!(bench.order(id).units_awaited_of(1), 1);
    bench.pass(1);
    bench.run_due(id);
    let order = bench.order(id);
    assert_eq!((order.units_awaited_of(1), order.waits_until, order.line_cancellations.len()), (0, None, 1));
}

#[test]
fn nobody_passes_an_order_that_waits_unless_settings_let_smaller_ones() {
    for (may_pass, passes) in [(MayPass::Nobody, false), (MayPass::Smaller, true)] {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
        bench.rules.waiting.may_pass = may_pass;
        let large = bench.placed(&waiting(order("ada", &[("A-1", 11)])));
        let as_large = create(&mut bench, order("bob", &[("A-1", 11)]));
        assert!(matches!(as_large, Err(Refusal::Short(_))), "{as_large:?}");
        let small = create(&mut bench, order("eve", &[("A-1", 1)]));
        assert_eq!(small.is_ok(), passes, "{may_pass:?}: {small:?}");
        let cart = bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1)], 60)));
        assert_eq!(cart.is_ok(), passes, "{may_pass:?}: {cart:?}");
        assert_eq!(bench.state(large), OrderState::AwaitingStock);
        assert!(!bench.fill(large));
    }
}

#[test]
fn among_orders_that_want_as_many_the_first_is_served_first() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    bench.rules.waiting.may_pass = MayPass::Smaller;
    let large = bench.placed(&waiting(order("ada", &[("A-1", 5)])));
    let first = bench.placed(&waiting(order("bob", &[("A-1", 2)])));
    let second = bench.placed(&waiting(order("cid", &[("A-1", 2)])));
    bench.stock("A-1", "NYC", 1);
    assert!(!bench.fill(second), "one that wants as many came before");
    assert!(!bench.fill(large));
    let late = create(&mut bench, order("dan", &[("A-1", 2)]));
    assert!(matches!(late, Err(Refusal::Short(_))), "{late:?}");
    assert!(bench.fill(first));
    bench.stock("A-1", "NYC", 5);
    assert!(bench.fill(second), "the larger one does not hold it up");
    assert!(!bench.fill(large), "three are left of five");
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(large));
}
