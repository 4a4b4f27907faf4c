//! Orders that wait for stock until a time.

use std::time::Duration;

use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{order, waiting};

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
