//! Orders that wait for goods on order: what they are promised, and what is said when that does not come true.

use std::time::Duration;

use crate::domain::inventory::replenish::{
    ReorderRule, UpdateReplenishment, decide_replenishment, place_replenishment, set_reorder_rule,
};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::{Message, MessageKind, Suppression, Unsent};
use crate::domain::model::order::OrderState;
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::scalars::{OrderId, ReplenishmentId};
use crate::domain::model::slip::{Slip, SlipKind, SlipSubject};
use crate::domain::model::time::Timestamp;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, order, sku, waiting};
use crate::domain::unit::command::Command;

const DAY: u64 = 86_400;

/// How many days goods on order take.
const LEAD_DAYS: u64 = 10;

/// A shop that has three units in New York and three in Los Angeles, and many more on order for New York.
pub(super) fn supplied() -> (Bench, ReplenishmentId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 3)]);
    let rule = ReorderRule { point: 20, up_to: Some(40), lead_time_days: Some(10) };
    let nyc = location_code("NYC");
    bench.decide(|unit| set_reorder_rule(unit, &sku("A-1"), &nyc, Some(rule), "")).expect("a rule");
    let goods = *bench.snapshot.replenishments.keys().next().expect("a proposal");
    let approved = ReplenishmentState::Approved;
    bench.decide(|unit| decide_replenishment(unit, goods, approved, None, "")).expect("approved");
    bench.decide(|unit| place_replenishment(unit, goods, "ACME", None, "")).expect("ordered");
    (bench, goods)
}

/// The supplier names another time; None: no longer any.
pub(super) fn expect_at(bench: &mut Bench, goods: ReplenishmentId, expected_at: Option<Timestamp>) {
    let update = UpdateReplenishment {
        replenishment: goods,
        supplier: None,
        expected_at: Some(expected_at),
        etag: String::new(),
    };
    bench.decide(|unit| update.decide(unit)).expect("another time");
}

/// Whether the look found that something has moved.
pub(super) fn redate(bench: &mut Bench, id: OrderId) -> bool {
    bench.on(id, |order, unit| Ok(order.redate(unit))).expect("looking never fails")
}

fn waits() -> (Bench, ReplenishmentId, OrderId) {
    let (mut bench, goods) = supplied();
    let id = bench.placed(&waiting(order("ada", &[("A-1", 10)])));
    assert_eq!(bench.state(id), OrderState::AwaitingStock);
    bench.send_messages(id);
    (bench, goods, id)
}

fn letters(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<Message> {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).cloned().collect()
}

fn noted(bench: &Bench, id: OrderId, kind: EventKind) -> usize {
    bench.history(id).iter().filter(|it| it.kind == kind).count()
}

fn stand(bench: &Bench, id: OrderId) -> Vec<(SlipKind, SlipSubject)> {
    bench.order(id).noticed_slips().map(|it: &Slip| (it.kind, it.subject)).collect()
}

#[test]
fn a_delivery_that_moves_moves_the_promise_of_who_waits_once() {
    let (mut bench, goods, id) = waits();
    let told = bench.order(id).promised_by.expect("a promise");
    assert!(told > bench.now.plus(Duration::from_secs(LEAD_DAYS * DAY)));
    let version = bench.order(id).version;
    assert!(!redate(&mut bench, id), "nothing has moved");
    assert_eq!(bench.order(id).promised_by, Some(told));

    let later = bench.now.plus(Duration::from_secs((LEAD_DAYS + 9) * DAY));
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    assert!(!redate(&mut bench, id), "another process finds nothing to do");
    let after = bench.order(id);
    assert!(after.version > version && after.promised_by > Some(told.plus(Duration::from_secs(6 * DAY))));
    assert_eq!(after.promise.as_ref().and_then(|it| it.legs[0].stock_at), Some(later));
    assert_eq!(letters(&bench, id, MessageKind::PromiseChanged).len(), 1);
    assert_eq!(noted(&bench, id, EventKind::PromiseMoved), 1);

    // By a second more: it is noted, and no letter is worth it.
    expect_at(&mut bench, goods, Some(later.plus(Duration::from_secs(1))));
    assert!(redate(&mut bench, id));
    assert_eq!(letters(&bench, id, MessageKind::PromiseChanged).len(), 1);
}

#[test]
fn goods_that_are_overdue_do_not_move_with_the_clock() {
    let (mut bench, goods, id) = waits();
    let soon = bench.now.plus(Duration::from_secs(DAY));
    expect_at(&mut bench, goods, Some(soon));
    assert!(redate(&mut bench, id));
    for _ in 0..3 {
        bench.pass(2 * DAY);
        assert!(!redate(&mut bench, id), "they are expected for {soon} as before");
    }
    bench.pass(3_600);
    assert!(!redate(&mut bench, id));
    expect_at(&mut bench, goods, None);
    assert!(redate(&mut bench, id), "what the supplier says counts");
}

#[test]
fn a_delivery_that_nobody_knows_the_day_of_leaves_no_promise_and_the_history_says_so() {
    let (mut bench, goods, id) = waits();
    expect_at(&mut bench, goods, None);
    assert!(redate(&mut bench, id));
    assert!(!redate(&mut bench, id));
    let after = bench.order(id);
    assert_eq!((after.promised_by, after.promise.clone()), (None, None));
    assert!(after.promise_told.is_some(), "the customer goes by what was told");
    assert_eq!(noted(&bench, id, EventKind::PromiseMoved), 1);
    assert_eq!(letters(&bench, id, MessageKind::PromiseChanged), []);
}

#[test]
fn a_new_date_that_nobody_knows_any_more_is_not_sent() {
    let (mut bench, goods, id) = waits();
    let told = bench.order(id).last_promise_told().expect("a promise");
    let later = bench.now.plus(Duration::from_secs((LEAD_DAYS + 9) * DAY));
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    let letter = letters(&bench, id, MessageKind::PromiseChanged).remove(0);
    assert_eq!(bench.order(id).outdates(&letter, &bench.rules), None);
    expect_at(&mut bench, goods, None);
    assert!(redate(&mut bench, id));
    let outdated = bench.order(id).outdates(&letter, &bench.rules);
    assert_eq!(outdated, Some("nobody knows the date any more"));
    let unsent = Err(Unsent::Suppressed(Suppression::outdated("nobody knows the date any more")));
    bench.on(id, |order, unit| order.answer_message(unit, letter.id, unsent)).expect("an answer");
    assert_eq!(bench.order(id).last_promise_told(), Some(told), "they go by what they have read");

    // The same date again is news: nobody has read it.
    expect_at(&mut bench, goods, Some(later));
    assert!(redate(&mut bench, id));
    let again = letters(&bench, id, MessageKind::PromiseChanged);
    assert_eq!(again.iter().map(|it| it.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bench.order(id).outdates(&again[1], &bench.rules), None);
    assert_eq!(bench.order(id).nth_promise_told(1), Some(told), "the letter names it as the previous one");
    assert_eq!(bench.order(id).last_promise_told(), bench.order(id).promised_by);
}

#[test]
fn an_order_that_does_not_wait_is_not_dated_anew() {
    let (mut bench, goods) = supplied();
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let now = bench.now;
    expect_at(&mut bench, goods, Some(now));
    assert!(!redate(&mut bench, id));
}

#[test]
fn a_promise_that_passes_while_the_order_waits_is_at_risk_then_missed_and_told_once() {
    let (mut bench, _, id) = waits();
    let told = bench.order(id).last_promise_told().expect("a promise");
    let leg = bench.order(id).promise.as_ref().expect("a promise").legs[0].clone();
    let transit = leg.transit().expect("known");
    let leaves_by = told.minus(transit);
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(leaves_by), "a job wakes it");

    bench.now = leaves_by;
    for _ in 0..2 {
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [(SlipKind::PromiseAtRisk, SlipSubject::Order(id))]);
    }
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed), [], "it is for the shop to know");
    let missed_at = told.plus(Duration::from_secs(bench.rules.slips.promise_missed_seconds));
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(missed_at));
    bench.now = missed_at;
    for _ in 0..2 {
        bench.run_due(id);
        assert_eq!(stand(&bench, id), [(SlipKind::PromiseMissed, SlipSubject::Order(id))]);
        bench.pass(DAY);
    }
    assert!(bench.order(id).is_late());
    assert_eq!(
        (noted(&bench, id, EventKind::PromiseAtRisk), noted(&bench, id, EventKind::PromiseMissed)),
        (1, 1)
    );
    let sent = letters(&bench, id, MessageKind::PromiseMissed);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].shipment, sent[0].key.as_str()), (None, "PROMISE_MISSED"));
    assert_eq!(bench.order(id).outdates(&sent[0], &bench.rules), None);
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(sent[0].due_at), "only the letter");
}

#[test]
fn a_promise_that_was_missed_is_not_missed_again_by_the_shipment_that_comes_of_it() {
    let (mut bench, _, id) = waits();
    bench.rules.reservation_lifetime_seconds = 60 * DAY;
    let told = bench.order(id).last_promise_told().expect("a promise");
    bench.now = told.plus(Duration::from_secs(DAY / 2));
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [(SlipKind::PromiseMissed, SlipSubject::Order(id))]);
    bench.stock("A-1", "NYC", 20);
    assert!(bench.fill(id));
    // The new date is told before there are shipments: the old one is not missed any more.
    assert_eq!(letters(&bench, id, MessageKind::PromiseChanged).len(), 1);
    assert_eq!(stand(&bench, id), []);
    let sent = letters(&bench, id, MessageKind::PromiseMissed);
    let outdated = bench.order(id).outdates(&sent[0], &bench.rules);
    assert_eq!(outdated, Some("another date has been told since"));
    let again = bench.order(id).last_promise_told().expect("another date");

    // Unpaid it passes too; what comes of it then says nothing twice.
    bench.rules.slips.estimate_moved_seconds = 0;
    bench.now = again.plus(Duration::from_secs(DAY));
    bench.run_due(id);
    assert_eq!(stand(&bench, id), [(SlipKind::PromiseMissed, SlipSubject::Order(id))]);
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed).len(), 2);
    bench.pay_cash(id);
    let shipment = bench.shipment(id, 0).id;
    assert_eq!(stand(&bench, id), [(SlipKind::PromiseMissed, SlipSubject::Shipment(shipment))]);
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed).len(), 2);
    assert_eq!(noted(&bench, id, EventKind::PromiseMissed), 2);
    bench.run_due(id);
    assert_eq!(letters(&bench, id, MessageKind::PromiseMissed).len(), 2);
    assert_eq!(noted(&bench, id, EventKind::PromiseMissed), 2);
}

#[test]
fn a_hold_that_the_customer_knows_keeps_the_promise_of_who_waits_untold() {
    let (mut bench, _, id) = waits();
    bench.rules.slips.estimate_moved_seconds = 0;
    let told = bench.order(id).last_promise_told().expect("a promise");
    let reason = HoldReason::CustomerRequest;
    let hold = bench.on(id, |order, unit| order.place_hold(unit, reason, String::new())).expect("a hold");
    bench.now = told.plus(Duration::from_secs(DAY));
    bench.run_due(id);
    assert_eq!(stand(&bench, id), []);
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    assert_eq!(stand(&bench, id), [(SlipKind::PromiseMissed, SlipSubject::Order(id))]);
    bench.on(id, |order, unit| order.cancel(unit, "too late")).expect("cancelled");
    assert_eq!(stand(&bench, id), []);
}
