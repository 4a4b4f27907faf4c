//! Journeys with random slips: estimates that jump, scans that stop, pickups that fail, suppliers that are late, time that
//! passes, jobs that run late or twice, with shipments and without. None is silent, none is told twice, no letter tells
//! old news.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::domain::model::event::{Event, EventKind};
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::message::{Message, MessageKind, MessageState, Suppression, Unsent};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::slip::{Slip, SlipKind, SlipSubject};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::tests::any_sequence::acts::proceed;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::expected::{expect_at, redate, supplied};
use crate::domain::tests::given::{dear, in_house, order, report, waiting};

const HOUR: u64 = 3_600;

/// How many journeys are made.
const JOURNEYS: u32 = 1_000;

#[derive(Debug, Clone)]
enum Step {
    Pass {
        hours: u64,
    },
    Job,
    /// What comes next until the courier has it, mostly well.
    Go {
        choice: u8,
    },
    Report {
        status: TrackingStatus,
        estimate: Option<i64>,
        hours_ago: u64,
    },
    Send,
    FailToSend,
    Hold(HoldReason),
    Release,
    Deliver,
    /// The supplier of what is waited for names another time.
    Move {
        hours: u64,
    },
    /// What is waited for is there.
    Arrive,
}

/// How a journey begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    Waiting,
    Unpaid,
    Unapproved,
    InHouse,
    OnTheRoad,
}

fn some_start() -> impl Strategy<Value = Start> {
    prop_oneof![
        2 => Just(Start::Waiting),
        1 => Just(Start::Unpaid),
        2 => Just(Start::Unapproved),
        2 => Just(Start::InHouse),
        4 => Just(Start::OnTheRoad),
    ]
}

fn some_step() -> impl Strategy<Value = Step> {
    let statuses = [
        TrackingStatus::InTransit,
        TrackingStatus::InTransit,
        TrackingStatus::Delayed,
        TrackingStatus::OutForDelivery,
        TrackingStatus::AvailableForPickup,
        TrackingStatus::Exception,
        TrackingStatus::Returning,
        TrackingStatus::Unknown,
    ];
    let estimate = prop::option::weighted(0.7, -72_i64..600);
    let reporting = (select(statuses.to_vec()), estimate, 0_u64..48)
        .prop_map(|(status, estimate, hours_ago)| Step::Report { status, estimate, hours_ago });
    let reasons = vec![HoldReason::CustomerRequest, HoldReason::Compliance, HoldReason::QualityFailure];
    prop_oneof![
        4 => (1_u64..90).prop_map(|hours| Step::Pass { hours }),
        5 => Just(Step::Job),
        7 => select(vec![2_u8, 2, 2, 3, 1]).prop_map(|choice| Step::Go { choice }),
        7 => reporting,
        2 => Just(Step::Send),
        1 => Just(Step::FailToSend),
        1 => select(reasons).prop_map(Step::Hold),
        2 => Just(Step::Release),
        1 => Just(Step::Deliver),
        2 => (0_u64..900).prop_map(|hours| Step::Move { hours }),
        1 => Just(Step::Arrive),
    ]
}

#[test]
fn of_a_thousand_journeys_no_slip_is_silent_or_told_twice_and_no_letter_is_old_news() {
    let config = ProptestConfig { cases: JOURNEYS, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let told = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let of_orders = std::cell::Cell::new(0);
    let outcome = runner.run(&(some_start(), vec(some_step(), 4..36)), |(start, steps)| {
        let (mut bench, id) = begin(start);
        for step in &steps {
            let before = bench.order(id).clone();
            take(&mut bench, id, step);
            look(&bench, id, &before, matches!(step, Step::Job));
        }
        told.borrow_mut().extend(bench.history(id).iter().filter_map(|it| slip_of(it.kind)));
        let missed = |it: &&Message| it.kind == MessageKind::PromiseMissed && it.shipment.is_none();
        of_orders.set(of_orders.get() + bench.order(id).messages.iter().filter(missed).count());
        Ok(())
    });
    outcome.expect("every journey");
    // Journeys on which nothing slips would show nothing.
    assert!(of_orders.get() > 0, "no promise passed before there was a shipment");
    assert_eq!(told.borrow().iter().copied().collect::<Vec<_>>(), SlipKind::ALL.to_vec());
}

fn begin(start: Start) -> (Bench, OrderId) {
    if matches!(start, Start::Waiting) {
        let (mut bench, _) = supplied();
        bench.rules.reservation_lifetime_seconds = 30 * 24 * HOUR;
        let id = bench.placed(&waiting(order("ada", &[("A-1", 10)])));
        return (bench, id);
    }
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 3)]);
    let id = match start {
        Start::Waiting | Start::Unpaid | Start::Unapproved => {
            bench.rules.reservation_lifetime_seconds = 30 * 24 * HOUR;
            let new = order("ada", &[("A-1", 1)]);
            bench.placed(&if matches!(start, Start::Unpaid) { new } else { dear(new) })
        }
        Start::InHouse | Start::OnTheRoad => bench.paid(&order("ada", &[("A-1", 4)])),
    };
    if matches!(start, Start::OnTheRoad) {
        bench.ship(id, 0);
    }
    (bench, id)
}

fn take(bench: &mut Bench, id: OrderId, step: &Step) {
    let order = bench.order(id).clone();
    let on_road = order.shipments.iter().position(|it| it.state.courier_may_report());
    match step {
        Step::Pass { hours } => bench.pass(hours * HOUR),
        Step::Job => {
            bench.run_due(id);
            let done = bench.order(id).version;
            bench.run_due(id);
            assert_eq!(bench.order(id).version, done, "the second job finds nothing to do");
        }
        Step::Go { choice } => {
            let is_early = matches!(
                order.state,
                OrderState::Reserved
                    | OrderState::Invoiced
                    | OrderState::PaymentCaptured
                    | OrderState::Fulfilling
                    | OrderState::PartiallyShipped
            );
            if is_early && (order.shipments.is_empty() || !in_house(&order).is_empty()) {
                proceed(bench, id, if on_road.is_some() { 2 } else { *choice });
            }
        }
        Step::Report { status, estimate, hours_ago } => {
            let Some(number) = on_road.filter(|_| order.state != OrderState::Archived) else { return };
            let at = bench.now.minus(Duration::from_secs(hours_ago * HOUR));
            let from = order.promise_told.expect("what is on the road was promised").unix_micros();
            let estimated_at = estimate.map(|it| Timestamp::from_unix_micros(from + it * 3_600_000_000));
            let report = TrackingReport { estimated_at, ..report(*status, at) };
            let shipment = order.shipments[number].id;
            bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[report])).expect("a report");
        }
        Step::Send => send(bench, id),
        Step::FailToSend => {
            for letter in queued(&order) {
                let away = Err(Unsent::Later("the relay is away".to_owned()));
                bench.on(id, |order, unit| order.answer_message(unit, letter.id, away)).expect("an answer");
            }
        }
        Step::Hold(reason) => {
            let _ = bench.on(id, |order, unit| order.place_hold(unit, *reason, String::new()));
        }
        Step::Release => {
            for hold in order.holds.iter().filter(|it| it.state == HoldState::Active) {
                bench.on(id, |order, unit| order.release_hold(unit, hold.id, "")).expect("released");
            }
        }
        Step::Deliver => {
            if let Some(number) = on_road {
                bench.deliver(id, number);
            }
        }
        Step::Move { hours } => {
            let goods = bench.snapshot.replenishments.values().find(|it| it.state.is_on_order());
            if let Some(goods) = goods.map(|it| it.id).filter(|_| order.state == OrderState::AwaitingStock) {
                let at = bench.now.plus(Duration::from_secs(hours * HOUR));
                expect_at(bench, goods, Some(at).filter(|_| hours % 10 > 0));
                redate(bench, id);
                assert!(!redate(bench, id), "the second look finds nothing to do");
            }
        }
        Step::Arrive => {
            if order.state == OrderState::AwaitingStock {
                bench.stock("A-1", "NYC", 9);
                bench.fill(id);
            }
        }
    }
}

fn queued(order: &Order) -> Vec<Message> {
    order.messages.iter().filter(|it| it.state == MessageState::Queued).cloned().collect()
}

/// Sends what waits, as a worker does: what is outdated is not sent. What is sent about a date is true.
fn send(bench: &mut Bench, id: OrderId) {
    let order = bench.order(id).clone();
    for letter in queued(&order) {
        let outdated = order.outdates(&letter, &bench.rules).filter(|_| letter.may_be_old());
        if outdated.is_none() && letter.kind.ages() {
            is_news(bench, &order, &letter);
        }
        let answer = outdated.map_or(Ok(()), |why| Err(Unsent::Suppressed(Suppression::outdated(why))));
        bench.on(id, |order, unit| order.answer_message(unit, letter.id, answer)).expect("an answer");
    }
}

fn is_news(bench: &Bench, order: &Order, letter: &Message) {
    match letter.kind {
        MessageKind::DeliveryConfirmed => {
            assert!(order.delivered_at.is_some(), "thanks for goods that have gone back");
            return;
        }
        MessageKind::OnHold => {
            assert!(order.on_hold(), "a hold that is over");
            return;
        }
        MessageKind::HoldReleased => {
            assert!(!order.on_hold(), "it goes on, and is on hold");
            return;
        }
        MessageKind::PromiseChanged => {
            let (told, promised) = (order.last_promise_told(), order.promised_by);
            let (told, promised) = (told.expect("a date"), promised.expect("a promise"));
            let off = promised.since(told).max(told.since(promised));
            let after = Duration::from_secs(bench.rules.slips.estimate_moved_seconds);
            assert!(off <= after, "{told} is told, {promised} is promised");
            return;
        }
        MessageKind::PromiseMissed if letter.shipment.is_none() => {
            let nth = usize::try_from(letter.sequence).expect("a number");
            assert_eq!(nth, order.promises_told.len(), "a newer date was told");
            assert!(order.nth_promise_told(nth).expect("a date") < bench.now, "it is not over");
            let mut sent = order.live_shipments().peekable();
            assert!(sent.peek().is_none() || sent.any(is_awaited), "nobody waits for anything");
            return;
        }
        MessageKind::EstimateMoved | MessageKind::PromiseMissed => {}
        _ => return,
    }
    let shipment = order.shipments.iter().find(|it| Some(it.id) == letter.shipment).expect("of a shipment");
    assert!(is_awaited(shipment), "nobody waits for {letter:?}: {}", shipment.state);
    let nth = usize::try_from(letter.sequence).expect("a number");
    let said = order.delivery_told(shipment, nth).expect("a date");
    assert_eq!(nth, shipment.told.len(), "a newer date was told");
    if letter.kind == MessageKind::EstimateMoved {
        let estimate = shipment.estimated_at.or(shipment.promised_by).expect("an estimate");
        let off = estimate.since(said).max(said.since(estimate));
        let after = Duration::from_secs(bench.rules.slips.estimate_moved_seconds);
        assert!(off <= after, "{said} is told, {estimate} is expected");
    } else {
        assert!(said < bench.now, "{said} is not over");
    }
}

fn is_awaited(shipment: &Shipment) -> bool {
    !matches!(
        shipment.state,
        ShipmentState::AvailableForPickup
            | ShipmentState::Returning
            | ShipmentState::Returned
            | ShipmentState::Lost
            | ShipmentState::Delivered
            | ShipmentState::Cancelled
    )
}

fn slip_of(kind: EventKind) -> Option<SlipKind> {
    SlipKind::ALL.iter().copied().find(|it| it.as_str() == kind.as_str())
}

/// What one step did about slips.
fn look(bench: &Bench, id: OrderId, before: &Order, is_job: bool) {
    let after = bench.order(id);
    let explained = after
        .holds
        .iter()
        .any(|it| it.state == HoldState::Active && it.reason == HoldReason::CustomerRequest);
    let tells = !after.is_over() && !explained;
    let is_new = |it: &&Event| it.sequence > before.last_event && slip_of(it.kind).is_some();
    let events: Vec<&Event> = bench.history(id).iter().filter(is_new).collect();
    assert!(tells || events.is_empty(), "told although nobody is to be told: {events:?}");

    // One event for each slip that begins, and for each date that is told; none for one that goes on as a shipment's.
    for slip in after.noticed_slips().filter(|it| !before.noticed_slips().any(|old| old.is(it))) {
        let goes_on = before.noticed_slips().any(|old| old.becomes(slip));
        assert_eq!(told_of(&events, slip), usize::from(!goes_on), "{slip:?}: {events:?}");
    }
    for event in &events {
        let kind = slip_of(event.kind);
        let begins = after.noticed_slips().any(|it| Some(it.kind) == kind && told_of(&[event], it) == 1);
        let sooner = kind == Some(SlipKind::EstimateMoved);
        assert!(begins || sooner, "nothing of it stands: {event:?}");
    }
    for shipment in &after.shipments {
        assert!(shipment.told.windows(2).all(|it| it[0] != it[1]), "told twice: {:?}", shipment.told);
        if tells && is_awaited(shipment) {
            is_heard(bench, after, shipment, is_job);
        }
    }
    let waits = after.live_shipments().next().is_none() && after.wanted_goods().next().is_some();
    if let Some(told) = after.last_promise_told().filter(|_| tells && waits) {
        is_order_heard(bench, after, told, is_job);
    }
}

/// The customer knows when an order comes that has no shipment yet, and is told when it does not.
fn is_order_heard(bench: &Bench, order: &Order, told: Timestamp, is_job: bool) {
    let rules = &bench.rules.slips;
    let letters = |kind: MessageKind| order.messages.iter().filter(move |it| it.kind == kind);
    let is_full = letters(MessageKind::PromiseChanged).count() == 10;
    let late = order.promised_by.map_or(0, |it| it.since(told).as_secs());
    assert!(is_full || late <= rules.estimate_moved_seconds, "silent: {:?}", order.promised_by);

    let nth = i64::try_from(order.promises_told.len()).expect("a few");
    let about_it =
        letters(MessageKind::PromiseMissed).filter(|it| it.shipment.is_none() && it.sequence == nth);
    let about_it = about_it.count();
    let is_missed = bench.now.since(told).as_secs() >= rules.promise_missed_seconds && bench.now > told;
    assert!(about_it == 1 || !(is_missed && is_job), "silent: {told} at {}", bench.now);
    assert!(about_it == 0 || is_missed, "not missed yet: {told} at {}", bench.now);
    let stands = |it: &Slip| it.kind == SlipKind::PromiseMissed && it.subject == SlipSubject::Order(order.id);
    assert!(order.noticed_slips().any(stands) || !(is_missed && is_job), "it does not stand");
}

fn told_of(events: &[&Event], slip: &Slip) -> usize {
    let subject = slip.subject.to_string();
    let is_of = |it: &&&Event| slip_of(it.kind) == Some(slip.kind) && it.text.starts_with(&subject);
    events.iter().filter(is_of).count()
}

/// The customer knows when a shipment comes, and is told when it does not.
fn is_heard(bench: &Bench, order: &Order, shipment: &Shipment, is_job: bool) {
    let letters = |kind: MessageKind| {
        order.messages.iter().filter(move |it| it.kind == kind && it.shipment == Some(shipment.id))
    };
    let rules = &bench.rules.slips;
    let told = order.delivery_told(shipment, shipment.told.len()).expect("a promise");
    let estimate = shipment.estimated_at.or(shipment.promised_by).expect("an estimate");
    let is_full = letters(MessageKind::EstimateMoved).count() == 10;
    assert!(is_full || estimate.since(told).as_secs() <= rules.estimate_moved_seconds, "silent: {estimate}");

    let nth = i64::try_from(shipment.told.len()).expect("a few");
    let about_it = letters(MessageKind::PromiseMissed).filter(|it| it.sequence == nth).count();
    // It may have been told before there was a shipment, and then not once more.
    let promises = i64::try_from(order.promises_told.len()).expect("a few");
    let before = order.messages.iter().filter(|it| it.kind == MessageKind::PromiseMissed);
    let mut before = before.filter(|it| it.shipment.is_none() && it.sequence == promises && nth == 0);
    let is_missed = bench.now.since(told).as_secs() >= rules.promise_missed_seconds && bench.now > told;
    // That one was about the date of then: the invoice's letter may name a later one.
    let is_told = about_it == 1 || before.next().is_some();
    assert!(is_told || !(is_missed && is_job), "silent: {told} at {}", bench.now);
    assert!(about_it == 0 || is_missed, "not missed yet: {told} at {}", bench.now);
}
