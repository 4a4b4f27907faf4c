//! What customers are told, once each: holds and their ends, corrections, promises that move, and what was said.

use crate::domain::documents::letters::Letters;
use crate::domain::model::address::Address;
use crate::domain::model::courier::CourierNames;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::{Message, MessageKind, MessageState, Suppression, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::scalars::{HoldId, OrderId};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::verify::Waive;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, waiting};

const DAY: u64 = 86_400;

fn placed() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.send_messages(id);
    (bench, id)
}

fn of_kind(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<Message> {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).cloned().collect()
}

fn keys(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<String> {
    of_kind(bench, id, kind).into_iter().map(|it| it.key).collect()
}

fn hold(bench: &mut Bench, id: OrderId, reason: HoldReason) -> HoldId {
    bench.on(id, |order, unit| order.place_hold(unit, reason, "internal".to_owned())).expect("a hold")
}

fn release(bench: &mut Bench, id: OrderId, hold: HoldId) {
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
}

/// What a message would say now.
fn said(bench: &Bench, id: OrderId, message: &Message) -> MessageText {
    let text = Letters::default().text(message, bench.order(id), &bench.rules, &CourierNames::new());
    text.expect("it can be written")
}

/// Its text, wherever lines end.
fn body(bench: &Bench, id: OrderId, message: &Message) -> String {
    said(bench, id, message).body.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why a message is not worth sending.
fn outdated(bench: &Bench, id: OrderId, message: &Message) -> Option<&'static str> {
    bench.order(id).outdates(message, &bench.rules)
}

#[test]
fn every_hold_is_told_once_with_its_own_reason_and_so_is_its_end() {
    let (mut bench, id) = placed();
    let first = hold(&mut bench, id, HoldReason::QualityFailure);
    let second = hold(&mut bench, id, HoldReason::CustomerRequest);
    assert_eq!(keys(&bench, id, MessageKind::OnHold), ["ON_HOLD/1", "ON_HOLD/2"]);
    let told = of_kind(&bench, id, MessageKind::OnHold);
    assert!(body(&bench, id, &told[0]).contains("quality check"));
    assert!(body(&bench, id, &told[1]).contains("As you asked"));
    assert!(!body(&bench, id, &told[0]).contains("internal"));
    bench.send_messages(id);

    release(&mut bench, id, first);
    assert!(of_kind(&bench, id, MessageKind::HoldReleased).is_empty(), "it waits for the other one");
    release(&mut bench, id, second);
    assert_eq!(keys(&bench, id, MessageKind::HoldReleased), ["HOLD_RELEASED/2"]);
    let released = of_kind(&bench, id, MessageKind::HoldReleased).remove(0);
    assert_eq!(outdated(&bench, id, &released), None);
    hold(&mut bench, id, HoldReason::Other);
    assert_eq!(outdated(&bench, id, &released), Some("the order is on hold again"));
}

#[test]
fn a_hold_that_is_over_before_its_letter_goes_is_not_told_nor_is_its_end() {
    let (mut bench, id) = placed();
    let hold = hold(&mut bench, id, HoldReason::Other);
    let letter = of_kind(&bench, id, MessageKind::OnHold).remove(0);
    assert!(letter.kind.ages() && letter.due_at > bench.now);
    assert_eq!(outdated(&bench, id, &letter), None);
    release(&mut bench, id, hold);
    assert_eq!(outdated(&bench, id, &letter), Some("the hold is over"));
    assert!(of_kind(&bench, id, MessageKind::HoldReleased).is_empty());
}

#[test]
fn a_postal_code_that_does_not_fit_is_one_point_in_the_customer_s_words() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let new = order("ada", &[("A-1", 1)]);
    let address = Address { postal_code: "1011".to_owned(), ..new.shipping_address.clone() };
    let id = bench.placed(&NewOrder { shipping_address: address, ..new });
    let letter = of_kind(&bench, id, MessageKind::OnHold).remove(0);
    let points = said(&bench, id, &letter).body.matches("\n- ").count();
    let body = body(&bench, id, &letter);
    assert_eq!(points, 1, "{body}");
    assert!(body.contains("the postal code does not match the country") && !body.contains(';'), "{body}");
}

#[test]
fn a_correction_is_told_and_so_is_that_the_order_goes_on() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let new = order("ada", &[("A-1", 1)]);
    let right = new.shipping_address.clone();
    let wrong = Address { postal_code: "1011".to_owned(), ..right.clone() };
    let id = bench.placed(&NewOrder { shipping_address: wrong, ..new });
    bench.send_messages(id);
    let correct = |bench: &mut Bench, correction: Correction| {
        bench.on(id, |order, unit| order.correct(unit, &correction)).expect("a correction");
    };
    let words = Some("Ring twice".to_owned());
    correct(&mut bench, Correction { special_instructions: words, ..Correction::default() });
    assert!(of_kind(&bench, id, MessageKind::OrderUpdated).is_empty(), "words for the warehouse only");
    for _ in 0..2 {
        correct(&mut bench, Correction { shipping_address: Some(right.clone()), ..Correction::default() });
    }
    let told = of_kind(&bench, id, MessageKind::OrderUpdated);
    assert_eq!(keys(&bench, id, MessageKind::OrderUpdated), ["ORDER_UPDATED/1", "ORDER_UPDATED/2"]);
    assert_eq!(outdated(&bench, id, &told[0]), Some("the order was corrected again"));
    assert_eq!(outdated(&bench, id, &told[1]), None);
    assert!(said(&bench, id, &told[1]).body.contains(&right.postal_code));

    bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)).expect("verified");
    assert_eq!(keys(&bench, id, MessageKind::HoldReleased), ["HOLD_RELEASED/1"]);
}

/// Has the order promised for so many days after the promise that the first letter told.
fn promise(bench: &mut Bench, id: OrderId, days: u64) -> Timestamp {
    let first = bench.order(id).promise_told.expect("a promise");
    let promised = first.plus(std::time::Duration::from_secs(days * DAY));
    bench
        .on(id, |order, _| {
            order.promised_by = Some(promised);
            Ok(())
        })
        .expect("a promise");
    promised
}

#[test]
fn a_promise_that_moves_before_there_are_shipments_is_told_once_for_each_new_date() {
    let (mut bench, id) = placed();
    let first = bench.order(id).promise_told.expect("a promise");
    for _ in 0..2 {
        promise(&mut bench, id, 3);
    }
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1"]);
    let later = of_kind(&bench, id, MessageKind::PromiseChanged).remove(0);
    let body = body(&bench, id, &later);
    assert!(body.contains("later than we told you") && body.contains("- Previous date: "), "{body}");
    assert_eq!(outdated(&bench, id, &later), None);

    promise(&mut bench, id, 0);
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1", "PROMISE_CHANGED/2"]);
    let sooner = of_kind(&bench, id, MessageKind::PromiseChanged).remove(1);
    assert!(said(&bench, id, &sooner).body.contains("Good news"));
    assert_eq!(outdated(&bench, id, &later), Some("another date has been told since"));
    assert_eq!(bench.order(id).last_promise_told(), Some(first));
}

#[test]
fn a_promise_that_jumps_to_and_fro_is_told_ten_times_at_most() {
    let (mut bench, id) = placed();
    for turn in 0..30 {
        promise(&mut bench, id, if turn % 2 == 0 { 5 } else { 0 });
    }
    assert_eq!(of_kind(&bench, id, MessageKind::PromiseChanged).len(), 10);
}

/// An order that waits for stock of which nobody knows when it comes, and whose customer was told so.
fn waits_for_the_unknown() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.placed(&waiting(order("ada", &[("A-1", 1)])));
    let letter = of_kind(&bench, id, MessageKind::AwaitingStock).remove(0);
    assert!(body(&bench, id, &letter).contains("We do not know yet when the goods will arrive."));
    bench.send_messages(id);
    assert_eq!((bench.order(id).promised_by, bench.order(id).promise_told), (None, None));
    (bench, id)
}

/// Has the order promised for so many days from now.
fn dated(bench: &mut Bench, id: OrderId, days: u64) -> Timestamp {
    let promised = bench.now.plus(std::time::Duration::from_secs(days * DAY));
    bench
        .on(id, |order, _| {
            order.promised_by = Some(promised);
            Ok(())
        })
        .expect("a promise");
    promised
}

#[test]
fn the_first_date_of_an_order_that_waits_is_told_once_and_so_is_each_later_one() {
    let (mut bench, id) = waits_for_the_unknown();
    let first = dated(&mut bench, id, 9);
    dated(&mut bench, id, 9);
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1"]);
    let letter = of_kind(&bench, id, MessageKind::PromiseChanged).remove(0);
    let text = said(&bench, id, &letter);
    assert!(text.subject.starts_with("The delivery date for your order"), "{}", text.subject);
    let words = body(&bench, id, &letter);
    assert!(words.contains("we now know when") && words.contains("- Delivery date: "), "{words}");
    assert!(!words.contains("Previous") && !words.contains("sorry"), "{words}");
    assert_eq!(outdated(&bench, id, &letter), None);
    assert_eq!((bench.order(id).promise_told, bench.order(id).last_promise_told()), (None, Some(first)));

    bench.send_messages(id);
    dated(&mut bench, id, 15);
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1", "PROMISE_CHANGED/2"]);
    let later = of_kind(&bench, id, MessageKind::PromiseChanged).remove(1);
    let words = body(&bench, id, &later);
    assert!(words.contains("later than we told you") && words.contains("- Previous date: "), "{words}");
    assert_eq!(said(&bench, id, &letter).body, text.body, "what the first one says does not change");
}

#[test]
fn a_first_date_whose_letter_did_not_go_is_a_first_date_when_it_comes_again() {
    let (mut bench, id) = waits_for_the_unknown();
    let first = dated(&mut bench, id, 9);
    let letter = of_kind(&bench, id, MessageKind::PromiseChanged).remove(0);
    let unknown = bench.on(id, |order, _| {
        order.promised_by = None;
        Ok(())
    });
    unknown.expect("no promise");
    let why = outdated(&bench, id, &letter).expect("it is old");
    let unsent = Err(Unsent::Suppressed(Suppression::outdated(why)));
    bench.on(id, |order, unit| order.answer_message(unit, letter.id, unsent)).expect("an answer");
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1"]);

    assert_eq!(dated(&mut bench, id, 9), first);
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1", "PROMISE_CHANGED/2"]);
    let again = of_kind(&bench, id, MessageKind::PromiseChanged).remove(1);
    assert_eq!(outdated(&bench, id, &again), None);
    let words = body(&bench, id, &again);
    assert!(words.contains("we now know when") && !words.contains("Previous"), "{words}");
}

#[test]
fn a_date_that_is_found_while_the_letter_without_one_is_tried_is_told_by_a_letter_of_its_own() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.placed(&waiting(order("ada", &[("A-1", 1)])));
    let letter = of_kind(&bench, id, MessageKind::AwaitingStock).remove(0);
    let text = said(&bench, id, &letter);
    let away = Err(Unsent::Later("the relay is away".to_owned()));
    bench
        .on(id, |order, unit| {
            order.answer_message(unit, letter.id, away)?;
            order.keep_text(unit, letter.id, Some(&text));
            Ok(())
        })
        .expect("an answer");
    let first = dated(&mut bench, id, 9);
    assert_eq!(of_kind(&bench, id, MessageKind::AwaitingStock)[0].state, MessageState::Queued);
    assert_eq!(keys(&bench, id, MessageKind::PromiseChanged), ["PROMISE_CHANGED/1"]);
    assert_eq!((bench.order(id).promise_told, bench.order(id).last_promise_told()), (None, Some(first)));
}

#[test]
fn a_date_that_comes_with_the_stock_is_told_by_the_letter_about_the_invoice_alone() {
    let (mut bench, id) = waits_for_the_unknown();
    bench.stock("A-1", "NYC", 1);
    bench.fill(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(of_kind(&bench, id, MessageKind::PromiseChanged).is_empty());
    let invoice = of_kind(&bench, id, MessageKind::InvoiceIssued).remove(0);
    assert!(body(&bench, id, &invoice).contains("We plan to deliver your order by "));
    assert!(bench.order(id).promise_told.is_some());
}

#[test]
fn a_date_that_is_known_before_the_letter_about_the_wait_goes_is_told_by_that_letter() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.placed(&waiting(order("ada", &[("A-1", 1)])));
    let promised = dated(&mut bench, id, 9);
    bench.send_messages(id);
    dated(&mut bench, id, 9);
    assert!(of_kind(&bench, id, MessageKind::PromiseChanged).is_empty());
    assert!(bench.order(id).promise_told.is_some_and(|it| it >= promised));
}

#[test]
fn what_a_message_says_is_kept_from_its_first_try_on() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let message = of_kind(&bench, id, MessageKind::OrderReceived).remove(0);
    let text = |subject: &str| MessageText {
        locale: "en".to_owned(),
        subject: subject.to_owned(),
        body: String::new(),
        html: String::new(),
    };
    let mut keep = |subject: &str| {
        let text = text(subject);
        bench.on(id, |order, unit| {
            order.keep_text(unit, message.id, Some(&text));
            Ok(unit.changes.message_texts.clone())
        })
    };
    assert_eq!(keep("too early").expect("no try yet"), []);
    let away = Err(Unsent::Later("the relay is away".to_owned()));
    bench.on(id, |order, unit| order.answer_message(unit, message.id, away)).expect("an answer");
    let mut keep = |subject: &str| {
        let text = text(subject);
        bench.on(id, |order, unit| {
            order.keep_text(unit, message.id, Some(&text));
            Ok(unit.changes.message_texts.clone())
        })
    };
    assert_eq!(keep("first").expect("kept"), [(message.id, text("first"))]);
    assert_eq!(keep("second").expect("kept before"), []);
    let kept = of_kind(&bench, id, MessageKind::OrderReceived).remove(0);
    assert_eq!((kept.state, kept.text_kept), (MessageState::Queued, true));
}

#[test]
fn the_end_of_holds_is_told_also_when_its_first_letter_was_overtaken_by_another_hold() {
    let (mut bench, id) = placed();
    let first = hold(&mut bench, id, HoldReason::Other);
    bench.send_messages(id);
    release(&mut bench, id, first);
    let second = hold(&mut bench, id, HoldReason::Other);
    let overtaken = of_kind(&bench, id, MessageKind::HoldReleased).remove(0);
    let why = Unsent::Suppressed(Suppression::outdated("the order is on hold again"));
    bench.on(id, |order, unit| order.answer_message(unit, overtaken.id, Err(why))).expect("recorded");
    release(&mut bench, id, second);
    assert_eq!(keys(&bench, id, MessageKind::HoldReleased), ["HOLD_RELEASED/1", "HOLD_RELEASED/2"]);
}
