//! Goods that were authorised to come back and never arrive are waited for no longer than the settings say.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Reason;
use crate::domain::model::returns::{ReturnDisposition, ReturnReason, ReturnResolution, ReturnState};
use crate::domain::model::scalars::{Actor, OrderId, ReturnId};
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, reason};
use crate::domain::tests::returns::{ask, decide, delivered, inspect, receive, resolve, state};

const DAY: u64 = 86_400;
/// What the settings say, unless a company has others.
const PATIENCE: u64 = 30 * DAY;

/// A return that its customer may send, and has been told so.
fn authorized(bench: &mut Bench, id: OrderId, quantity: i64) -> ReturnId {
    let back = ask(bench, id, &[(1, quantity)], ReturnReason::Damaged, "").expect("they arrived");
    decide(bench, id, back, ReturnDecision::Authorize).expect("asked for");
    bench.settle(id);
    bench.send_messages(id);
    back
}

fn on_its_way(bench: &mut Bench, id: OrderId, back: ReturnId) {
    let transit = ReturnDecision::Transit { courier: "SNAIL".to_owned(), tracking_number: "R1".to_owned() };
    decide(bench, id, back, transit).expect("it is authorised");
}

/// One second before they are waited for no longer, nothing happens.
fn just_not_in_vain(bench: &mut Bench, id: OrderId, back: ReturnId) {
    let before = state(bench, id, back);
    bench.pass(PATIENCE - 1);
    bench.run_due(id);
    assert_eq!(state(bench, id, back), before);
    bench.pass(1);
}

fn units(bench: &Bench, id: OrderId, back: ReturnId) -> (i64, i64, i64) {
    let line = &bench.order(id).return_of(back).expect("it is there").lines[0];
    (line.received, line.missing, line.uninspected())
}

fn told_of_arrival(bench: &Bench, id: OrderId) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::ReturnReceived).count()
}

#[test]
fn a_return_of_which_nothing_arrives_is_cancelled_and_its_order_ends() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 3);
    let back = authorized(&mut bench, id, 3);
    let until = bench.now.plus(Duration::from_secs(PATIENCE));
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(until), "a job wakes it");
    just_not_in_vain(&mut bench, id, back);
    bench.run_due(id);

    let over = bench.order(id).return_of(back).expect("it is there").clone();
    assert_eq!(
        (over.state, over.end_reason.as_str()),
        (ReturnState::Cancelled, "nothing of it arrived in time")
    );
    let ended = bench.history(id).iter().rfind(|it| it.kind == EventKind::ReturnCancelled).expect("an event");
    assert_eq!(ended.actor, Actor::system());
    assert_eq!((bench.order(id).returned_units(1), bench.order(id).returnable_units(1)), (0, 3));
    let too_late = receive(&mut bench, id, back, 3, "NYC");
    assert_eq!(reason(too_late), Reason::IllegalTransition);

    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed, "nothing else was open");
    ask(&mut bench, id, &[(1, 3)], ReturnReason::Damaged, "it came after all").expect("its units are free");
}

#[test]
fn goods_are_waited_for_anew_from_when_they_were_told_to_be_on_their_way() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 3);
    let back = authorized(&mut bench, id, 2);
    for _ in 0..2 {
        bench.pass(20 * DAY);
        on_its_way(&mut bench, id, back);
    }
    just_not_in_vain(&mut bench, id, back);
    bench.run_due(id);
    assert_eq!(state(&bench, id, back), ReturnState::Cancelled);
    assert_eq!(units(&bench, id, back), (0, 0, 0));
}

#[test]
fn what_never_arrives_of_a_return_that_came_in_part_is_missing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 4);
    let back = authorized(&mut bench, id, 4);
    bench.pass(20 * DAY);
    receive(&mut bench, id, back, 1, "NYC").expect("the first");
    just_not_in_vain(&mut bench, id, back);
    bench.run_due(id);
    assert_eq!(state(&bench, id, back), ReturnState::Received);
    assert_eq!((units(&bench, id, back), told_of_arrival(&bench, id)), ((1, 3, 1), 1));

    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, 1)]).expect("it is here");
    let answers = [(ReturnResolution::Refund, 1), (ReturnResolution::Reject, 3)];
    resolve(&mut bench, id, back, &answers).expect("every unit");
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    assert_eq!(bench.order(id).refunded_minor(), 1_000);
}

#[test]
fn with_nothing_left_to_be_inspected_only_the_answer_is_open() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 4);
    let here = authorized(&mut bench, id, 2);
    receive(&mut bench, id, here, 1, "NYC").expect("the first");
    inspect(&mut bench, id, here, &[(ReturnDisposition::Scrap, 1)]).expect("it is here");
    // Somebody has given up one of these already.
    let away = authorized(&mut bench, id, 2);
    on_its_way(&mut bench, id, away);
    inspect(&mut bench, id, away, &[(ReturnDisposition::Missing, 1)]).expect("it did not come");

    bench.pass(PATIENCE);
    bench.run_due(id);
    let states = [here, away].map(|it| state(&bench, id, it));
    assert_eq!(states, [ReturnState::Inspected; 2], "both at once");
    assert_eq!([here, away].map(|it| units(&bench, id, it)), [(1, 1, 0), (0, 2, 0)]);
    assert_eq!(told_of_arrival(&bench, id), 0, "nothing is left to be looked at");
}

#[test]
fn a_return_that_nobody_has_authorised_waits_and_so_does_every_one_where_the_settings_say_so() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 2);
    let asked = ask(&mut bench, id, &[(1, 1)], ReturnReason::Damaged, "").expect("both arrived");
    bench.pass(2 * PATIENCE);
    bench.run_due(id);
    assert_eq!(state(&bench, id, asked), ReturnState::Requested);

    bench.rules.returns.arrival_seconds = 0;
    decide(&mut bench, id, asked, ReturnDecision::Authorize).expect("asked for");
    bench.pass(100 * PATIENCE);
    bench.run_due(id);
    assert_eq!(state(&bench, id, asked), ReturnState::Authorized);
}

#[test]
fn a_return_of_an_archived_order_ends_too_and_the_order_stays_archived() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (id, _) = bench.closed(&order("ada", &[("A-1", 2)]));
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("nothing is open");
    let back = authorized(&mut bench, id, 2);
    just_not_in_vain(&mut bench, id, back);
    assert!(bench.order(id).has_come_due(&bench.rules, bench.now));
    bench.run_due(id);
    assert_eq!((state(&bench, id, back), bench.state(id)), (ReturnState::Cancelled, OrderState::Archived));
    assert_eq!(bench.order(id).due_at(&bench.rules), None, "nothing is to be done of it");
}

#[test]
fn the_day_that_was_told_holds_whatever_the_settings_say_later() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 2);
    let back = authorized(&mut bench, id, 1);
    let until = bench.order(id).return_of(back).expect("it is there").awaited_until;
    assert_eq!(until, Some(bench.now.plus(Duration::from_secs(PATIENCE))));
    for seconds in [DAY, 0] {
        bench.rules.returns.arrival_seconds = seconds;
        bench.pass(2 * DAY);
        bench.run_due(id);
        assert_eq!(state(&bench, id, back), ReturnState::Authorized, "{seconds} s");
    }
    bench.pass(PATIENCE);
    bench.run_due(id);
    assert_eq!(state(&bench, id, back), ReturnState::Cancelled);
}
