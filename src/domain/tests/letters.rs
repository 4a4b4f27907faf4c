//! Letters that cannot be sent: how long they wait, when they are given up, and who is never written to.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::message::{
    Message, MessageKind, MessageState, Suppression, SuppressionReason, Unsent,
};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::verify::Waive;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::order;

const DAY: Duration = Duration::from_secs(86_400);

fn placed() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    (bench, id)
}

fn message(bench: &Bench, id: OrderId, kind: MessageKind) -> Message {
    bench.order(id).messages.iter().find(|it| it.kind == kind).expect("a message of this kind").clone()
}

fn answer(bench: &mut Bench, id: OrderId, message: &Message, unsent: &Unsent) {
    bench
        .on(id, |order, unit| order.answer_message(unit, message.id, Err(unsent.clone())))
        .expect("an answer is always taken");
}

fn away() -> Unsent {
    Unsent::Later("the relay is away".to_owned())
}

/// Fails to send until the message is given up, each time when it is due; returns the pauses between.
fn fail_to_send(bench: &mut Bench, id: OrderId, kind: MessageKind) -> Vec<Duration> {
    let mut pauses = Vec::new();
    loop {
        let before = message(bench, id, kind);
        bench.now = bench.now.max(before.due_at);
        answer(bench, id, &before, &away());
        let after = message(bench, id, kind);
        match after.state {
            MessageState::Queued => pauses.push(after.due_at.since(bench.now)),
            MessageState::Failed => return pauses,
            state => panic!("{state} after a failure that may pass"),
        }
    }
}

#[test]
fn a_letter_waits_a_day_for_its_relay_with_growing_pauses() {
    let (mut bench, id) = placed();
    let queued_at = bench.now;
    let pauses = fail_to_send(&mut bench, id, MessageKind::OrderReceived);

    assert_eq!(bench.now, queued_at.plus(DAY), "the last try is when the day is over");
    assert_eq!(pauses[..8], [2, 4, 8, 16, 32, 64, 128, 256].map(Duration::from_secs));
    assert!(pauses[8..pauses.len() - 1].iter().all(|it| *it == Duration::from_secs(300)), "{pauses:?}");
    let given_up = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((given_up.failure.as_str(), given_up.sent_at), ("the relay is away", None));
    let last = bench.history(id).last().expect("an event");
    assert_eq!(last.kind, EventKind::MessageFailed);
    assert_eq!(last.text, "message ORDER_RECEIVED FAILED: the relay is away");
}

#[test]
fn a_letter_that_waited_goes_when_the_relay_is_back() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    for _ in 0..20 {
        answer(&mut bench, id, &received, &away());
    }
    bench.on(id, |order, unit| order.answer_message(unit, received.id, Ok(()))).expect("sent");
    let sent = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((sent.state, sent.attempts, sent.failure.as_str()), (MessageState::Sent, 21, ""));
}

#[test]
fn a_letter_that_nobody_could_try_for_days_is_still_tried_several_times() {
    let (mut bench, id) = placed();
    bench.pass(3 * DAY.as_secs());
    let pauses = fail_to_send(&mut bench, id, MessageKind::OrderReceived);
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128].map(Duration::from_secs));
}

#[test]
fn a_letter_that_is_refused_for_good_fails_at_once() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    answer(&mut bench, id, &received, &Unsent::Refused("no such mailbox".to_owned()));
    let refused = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((refused.state, refused.attempts), (MessageState::Failed, 1));
    assert_eq!(refused.failure, "no such mailbox");
}

#[test]
fn a_letter_that_nobody_is_to_get_is_suppressed_and_says_why() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    answer(
        &mut bench,
        id,
        &received,
        &Unsent::Suppressed(Suppression::new(SuppressionReason::NoAddress, "no address")),
    );
    let suppressed = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((suppressed.state, suppressed.failure.as_str()), (MessageState::Suppressed, "no address"));
    assert_eq!(suppressed.suppressed, Some(SuppressionReason::NoAddress));
    assert_eq!(bench.history(id).last().expect("an event").kind, EventKind::MessageSuppressed);
}

#[test]
fn an_order_with_a_waiting_letter_can_be_archived_once_the_letter_is_given_up() {
    let (mut bench, id) = placed();
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("nothing is paid");
    let refused = bench.on(id, Order::archive);
    let Err(Refusal::Unmet { reason, .. }) = refused else { panic!("archived with a waiting letter") };
    assert_eq!(reason, Reason::NotArchivable);

    fail_to_send(&mut bench, id, MessageKind::OrderCancelled);
    bench.on(id, Order::archive).expect("nothing is under way any more");
    assert_eq!(bench.state(id), OrderState::Archived);
}

#[test]
fn an_address_that_fails_verification_is_never_written_to() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    for email in ["a@example.com (x, victim@example.org)", "a@example.com, victim@example.org", "a@localhost"]
    {
        let mut new = order("ada", &[("A-1", 1)]);
        new.customer.email = email.to_owned();
        let id = bench.placed(&new);
        let told = &bench.order(id).messages;
        assert!(!told.is_empty());
        for message in told {
            assert_eq!(message.state, MessageState::Suppressed, "{email}: {message:?}");
            assert_eq!(message.failure, "the customer's e-mail address did not pass verification");
        }

        let customer = Some(order("ada", &[]).customer);
        let correction = Correction { customer, ..Correction::default() };
        bench.on(id, |order, unit| order.correct(unit, &correction)).expect("nothing is reserved yet");
        bench.on(id, |order, unit| order.verify_again(unit, Waive::Duplicate)).expect("it passes now");
        assert_eq!(message(&bench, id, MessageKind::InvoiceIssued).state, MessageState::Queued);
    }
}

#[test]
fn news_that_are_not_so_any_more_are_not_worth_sending() {
    let (mut bench, id) = placed();
    bench.pay_cash(id);
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::OutForDelivery);
    let out = message(&bench, id, MessageKind::OutForDelivery);
    assert_eq!(bench.order(id).outdates(&out, &bench.rules), None);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Delivered);
    assert_eq!(bench.order(id).outdates(&out, &bench.rules), Some("the parcel has been delivered"));
    for kind in [MessageKind::OrderReceived, MessageKind::Shipped, MessageKind::DeliveryConfirmed] {
        assert_eq!(bench.order(id).outdates(&message(&bench, id, kind), &bench.rules), None, "{kind}");
    }
}

fn no_turn(bench: &mut Bench, id: OrderId, message: &Message) {
    answer(bench, id, message, &Unsent::NotTried("the relay is away".to_owned()));
}

#[test]
fn while_the_mail_is_away_letters_wait_without_using_their_attempts_up() {
    let (mut bench, id) = placed();
    let queued_at = bench.now;
    let (mut turns, mut longest) = (0, Duration::ZERO);
    while bench.now.since(queued_at) < DAY {
        let before = message(&bench, id, MessageKind::OrderReceived);
        assert_eq!((before.state, before.attempts), (MessageState::Queued, 0));
        bench.now = bench.now.max(before.due_at);
        no_turn(&mut bench, id, &before);
        let after = message(&bench, id, MessageKind::OrderReceived);
        longest = longest.max(after.due_at.since(bench.now));
        turns += 1;
    }
    assert_eq!(longest, Duration::from_secs(300));
    assert!(turns < 350, "{turns}");

    // Too old by now: the next turns count, so that it is given up in the end, and not at once.
    let mut tries = 0;
    while message(&bench, id, MessageKind::OrderReceived).state == MessageState::Queued {
        let before = message(&bench, id, MessageKind::OrderReceived);
        bench.now = bench.now.max(before.due_at);
        no_turn(&mut bench, id, &before);
        tries += 1;
    }
    let given_up = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((given_up.state, given_up.failure.as_str()), (MessageState::Failed, "the relay is away"));
    assert!(tries >= 7, "{tries}");
    assert_eq!(given_up.failed_at, Some(bench.now));
}

fn resend(bench: &mut Bench, id: OrderId, message: &Message) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.resend(unit, message.id))
}

fn why_not(refused: Result<(), Refusal>) -> (Reason, String) {
    let Err(Refusal::Unmet { reason, message, .. }) = refused else { panic!("{refused:?}") };
    (reason, message)
}

#[test]
fn a_failed_letter_is_sent_again_when_a_person_asks_and_has_another_day() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    answer(&mut bench, id, &received, &Unsent::Refused("no such mailbox".to_owned()));
    bench.pass(2 * DAY.as_secs());
    resend(&mut bench, id, &received).expect("it failed");
    let again = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((again.state, again.attempts, again.resends), (MessageState::Queued, 0, 1));
    assert_eq!((again.failure.as_str(), again.failed_at, again.due_at), ("", None, bench.now));
    answer(&mut bench, id, &received, &away());
    assert_eq!(message(&bench, id, MessageKind::OrderReceived).state, MessageState::Queued, "it is not old");
    bench.on(id, |order, unit| order.answer_message(unit, received.id, Ok(()))).expect("sent");
    let sent = message(&bench, id, MessageKind::OrderReceived);
    assert_eq!((sent.state, sent.sent_at), (MessageState::Sent, Some(bench.now)));
}

#[test]
fn what_is_not_sent_again_says_why() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    let queued = why_not(resend(&mut bench, id, &received));
    let text = "the message is QUEUED: only what is SENT or FAILED is sent again";
    assert_eq!(queued, (Reason::IllegalTransition, text.to_owned()));

    bench.send_messages(id);
    for _ in 0..10 {
        resend(&mut bench, id, &received).expect("it was sent");
        bench.send_messages(id);
    }
    assert_eq!(why_not(resend(&mut bench, id, &received)).0, Reason::LimitReached);

    let invoice = message(&bench, id, MessageKind::InvoiceIssued);
    let mut unreachable = order("ada", &[]).customer;
    unreachable.email.clear();
    bench
        .on(id, |order, _| {
            order.customer = unreachable;
            Ok(())
        })
        .expect("changed");
    let (reason, text) = why_not(resend(&mut bench, id, &invoice));
    assert_eq!(reason, Reason::NotSendable);
    assert!(text.ends_with("letters go by e-mail") || text.ends_with("no e-mail address"), "{text}");

    let (mut bench, id) = placed();
    bench.pay_cash(id);
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::OutForDelivery);
    bench.send_messages(id);
    let out = message(&bench, id, MessageKind::OutForDelivery);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Delivered);
    let outdated = "the message is not sent again: the parcel has been delivered";
    assert_eq!(why_not(resend(&mut bench, id, &out)), (Reason::NotSendable, outdated.to_owned()));
}

fn unwanted(bench: &mut Bench, id: OrderId, kinds: &[MessageKind]) -> Result<(), Refusal> {
    let kinds = kinds.iter().copied().collect();
    bench.on(id, |order, unit| order.set_unwanted_messages(unit, &kinds))
}

#[test]
fn what_the_customer_does_not_want_is_not_sent_from_then_on() {
    let (mut bench, id) = placed();
    unwanted(&mut bench, id, &[MessageKind::OrderReceived, MessageKind::PaymentReceived]).expect("noted");
    bench.pay_cash(id);
    for kind in [MessageKind::OrderReceived, MessageKind::PaymentReceived] {
        let message = message(&bench, id, kind);
        assert_eq!(message.state, MessageState::Suppressed);
        assert_eq!(message.suppressed, Some(SuppressionReason::NotWanted));
        assert_eq!(message.failure, "the customer does not want messages of this kind");
    }
    assert_eq!(message(&bench, id, MessageKind::InvoiceIssued).state, MessageState::Queued);
    let noted = bench.history(id).iter().filter(|it| it.kind == EventKind::NotificationPreferenceSet).count();
    unwanted(&mut bench, id, &[MessageKind::PaymentReceived, MessageKind::OrderReceived]).expect("the same");
    let again = bench.history(id).iter().filter(|it| it.kind == EventKind::NotificationPreferenceSet).count();
    assert_eq!((noted, again), (1, 1));
}

#[test]
fn what_the_law_or_the_contract_needs_cannot_be_switched_off() {
    let (mut bench, id) = placed();
    let all = MessageKind::ALL;
    let Err(Refusal::Invalid(problems)) = unwanted(&mut bench, id, all) else { panic!("noted") };
    let needed = all.iter().filter(|it| !it.may_be_unwanted()).count();
    assert_eq!((problems.0.len(), needed), (11, 11));
    assert!(bench.order(id).unwanted_messages.is_empty());
    let optional: Vec<MessageKind> = all.iter().copied().filter(|it| it.may_be_unwanted()).collect();
    unwanted(&mut bench, id, &optional).expect("all that can be");
}

#[test]
fn a_letter_that_was_on_its_way_when_it_was_suppressed_says_that_it_has_gone_out() {
    let (mut bench, id) = placed();
    let received = message(&bench, id, MessageKind::OrderReceived);
    unwanted(&mut bench, id, &[MessageKind::OrderReceived]).expect("noted");
    for _ in 0..2 {
        bench.on(id, |order, unit| order.answer_message(unit, received.id, Ok(()))).expect("an answer");
        let told = message(&bench, id, MessageKind::OrderReceived);
        assert_eq!((told.state, told.attempts), (MessageState::Suppressed, 1));
        assert!(told.failure.ends_with("; it was on its way by then and has gone out"), "{}", told.failure);
    }
}
