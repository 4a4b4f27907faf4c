//! What customers are told when an order is changed after it was sold: what is proposed, and what was added.

use crate::domain::documents::letters::Letters;
use crate::domain::model::courier::CourierNames;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::{Message, MessageKind, Suppression, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order_change::{AddedLine, ChangeItem};
use crate::domain::model::scalars::{OrderChangeId, OrderId};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, sku};

fn add(code: &str, quantity: i64) -> ChangeItem {
    ChangeItem::AddLine(AddedLine { sku: sku(code), quantity, unit_price: None, description: String::new() })
}

fn set(line: i32, quantity: i64) -> ChangeItem {
    ChangeItem::SetQuantity { line, quantity }
}

fn proposed(bench: &mut Bench, id: OrderId, items: &[ChangeItem]) -> OrderChangeId {
    let change =
        bench.on(id, |order, unit| order.create_change(unit, items, "as agreed by phone")).expect("drafted");
    bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed");
    change
}

fn changed(bench: &mut Bench, id: OrderId, items: &[ChangeItem]) {
    let change = proposed(bench, id, items);
    bench.on(id, |order, unit| order.confirm_change(unit, change)).expect("confirmed");
}

/// Two things A-1, paid for.
fn paid() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "NYC", 9), ("C-3", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    (bench, id)
}

fn of_kind(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<Message> {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).cloned().collect()
}

fn keys(bench: &Bench, id: OrderId, kind: MessageKind) -> Vec<String> {
    of_kind(bench, id, kind).into_iter().map(|it| it.key).collect()
}

/// What a message says now, its text in one line.
fn said(bench: &Bench, id: OrderId, message: &Message) -> MessageText {
    let text = Letters::default().text(message, bench.order(id), &bench.rules, &CourierNames::new());
    let text = text.expect("it can be written");
    let body = text.body.split_whitespace().collect::<Vec<_>>().join(" ");
    MessageText { body, ..text }
}

/// An amount in dollars, as letters in English write it.
fn dollars(minor: i64) -> String {
    format!("${}.{:02}", minor / 100, minor % 100)
}

#[test]
fn a_supplementary_invoice_is_told_with_its_own_number_and_rows() {
    let (mut bench, id) = paid();
    changed(&mut bench, id, &[add("B-2", 1)]);
    let told = of_kind(&bench, id, MessageKind::InvoiceIssued);
    let [first, second] = &told[..] else { panic!("{told:?}") };
    let numbers: Vec<String> = bench.order(id).invoices.iter().map(|it| it.full_number()).collect();

    let (before, text) = (said(&bench, id, first), said(&bench, id, second));
    assert!(before.subject.contains(&numbers[0]), "{}", before.subject);
    assert!(before.body.contains("2 × Thing A-1") && !before.body.contains("B-2"), "{}", before.body);
    assert!(!before.body.contains("Please pay"), "it is paid: {}", before.body);
    assert!(text.subject.contains(&numbers[1]) && !text.body.contains(&numbers[0]), "{text:?}");
    assert!(text.body.contains("1 × Thing B-2") && !text.body.contains("A-1"), "{}", text.body);
    let due = bench.order(id).due_of(&bench.order(id).invoices[1]);
    assert_eq!(due, bench.order(id).invoices[1].amounts.total_minor);
    assert!(text.body.contains(&format!("Please pay {}", dollars(due))), "{}", text.body);
    assert!(!text.body.contains("set aside for you") && !text.body.contains("is covered"), "{}", text.body);
}

#[test]
fn a_payment_is_told_with_the_invoices_that_it_is_for() {
    let (mut bench, id) = paid();
    changed(&mut bench, id, &[add("B-2", 1)]);
    bench.pay_cash(id);
    assert_eq!(keys(&bench, id, MessageKind::PaymentReceived), ["PAYMENT_RECEIVED", "PAYMENT_RECEIVED/2"]);
    let invoices = bench.order(id).invoices.clone();
    for (message, invoice) in of_kind(&bench, id, MessageKind::PaymentReceived).iter().zip(&invoices) {
        let body = said(&bench, id, message).body;
        let received = format!("we have received {} for", dollars(invoice.amounts.total_minor));
        let named = format!("(invoice {})", invoice.full_number());
        assert!(body.contains(&received) && body.contains(&named), "{body}");
    }

    // Of two invoices that are paid at once there is one letter.
    for _ in 0..2 {
        changed(&mut bench, id, &[add("B-2", 1)]);
    }
    bench.pay_cash(id);
    let letters = of_kind(&bench, id, MessageKind::PaymentReceived);
    let (last, order) = (said(&bench, id, &letters[2]), bench.order(id));
    let [.., third, fourth] = &order.invoices[..] else { panic!("four invoices") };
    let both = format!("(invoice {}, {})", third.full_number(), fourth.full_number());
    assert!(last.body.contains(&both), "{}", last.body);
    let sum = third.amounts.total_minor + fourth.amounts.total_minor;
    assert!(last.body.contains(&dollars(sum)), "{}", last.body);
}

#[test]
fn what_was_taken_off_pays_for_what_was_added_and_no_payment_is_told() {
    let (mut bench, id) = paid();
    changed(&mut bench, id, &[set(1, 1), add("C-3", 1)]);
    assert_eq!(bench.order(id).due_minor(), 0);
    assert_eq!(keys(&bench, id, MessageKind::PaymentReceived), ["PAYMENT_RECEIVED"]);
    let invoice = of_kind(&bench, id, MessageKind::InvoiceIssued).remove(1);
    assert!(!said(&bench, id, &invoice).body.contains("Please pay"));

    // What costs more is asked for without what is paid already.
    let (mut bench, id) = paid();
    changed(&mut bench, id, &[set(1, 1), add("B-2", 1)]);
    let order = bench.order(id);
    let (supplement, due) = (&order.invoices[1], order.due_minor());
    let covered = supplement.amounts.total_minor - due;
    assert!(due > 0 && covered > 0, "{due} of {}", supplement.amounts.total_minor);
    let body = said(&bench, id, &of_kind(&bench, id, MessageKind::InvoiceIssued)[1]).body;
    let words = format!(
        "{} of it is covered by what you have paid before. Please pay {}",
        dollars(covered),
        dollars(due)
    );
    assert!(body.contains(&words), "{body}");
}

/// Why a message is not worth sending.
fn outdated(bench: &Bench, id: OrderId, message: &Message) -> Option<&'static str> {
    bench.order(id).outdates(message, &bench.rules)
}

#[test]
fn a_proposal_is_told_once_and_is_old_news_when_the_change_is_over() {
    let (mut bench, id) = paid();
    let draft = [set(1, 1), add("B-2", 1)];
    let change = proposed(&mut bench, id, &draft);
    bench.on(id, |order, unit| order.propose_change(unit, change)).expect("looked at once more");
    assert_eq!(keys(&bench, id, MessageKind::ChangeProposed), ["CHANGE_PROPOSED/1"]);
    let letter = of_kind(&bench, id, MessageKind::ChangeProposed).remove(0);
    assert!(letter.kind.ages() && letter.due_at > bench.now);
    let body = said(&bench, id, &letter).body;
    let proposal = bench.order(id).changes[0].proposal.clone().expect("a proposal");
    for part in [
        "- Added: 1 × Thing B-2".to_owned(),
        "- Fewer: 1 × Thing A-1 instead of 2".to_owned(),
        format!("{} more to pay", dollars(proposal.to_pay_minor)),
        "Nothing changes until this has been confirmed.".to_owned(),
    ] {
        assert!(body.contains(&part), "{part}: {body}");
    }
    assert!(!body.contains("by phone"), "{body}");

    assert_eq!(outdated(&bench, id, &letter), None);
    bench.on(id, |order, unit| order.decline_change(unit, change, "too dear")).expect("declined");
    assert_eq!(outdated(&bench, id, &letter), Some("the change is over"));
    let next = proposed(&mut bench, id, &draft);
    assert_eq!(keys(&bench, id, MessageKind::ChangeProposed), ["CHANGE_PROPOSED/1", "CHANGE_PROPOSED/2"]);
    let letter = of_kind(&bench, id, MessageKind::ChangeProposed).remove(1);
    bench.on(id, |order, unit| order.confirm_change(unit, next)).expect("confirmed");
    assert_eq!(outdated(&bench, id, &letter), Some("the change is over"));
}

#[test]
fn a_proposal_that_is_made_anew_is_told_anew_where_it_reads_otherwise() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let change = proposed(&mut bench, id, &[add("B-2", 1)]);
    let first = of_kind(&bench, id, MessageKind::ChangeProposed).remove(0);
    assert_eq!(outdated(&bench, id, &first), None);

    // A unit is taken off by itself: the sums are others.
    let units = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "one is enough")).expect("taken off");
    assert_eq!(outdated(&bench, id, &first), Some("what the change touches is different now"));
    bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed anew");
    assert_eq!(keys(&bench, id, MessageKind::ChangeProposed), ["CHANGE_PROPOSED/1", "CHANGE_PROPOSED/2"]);
    let second = of_kind(&bench, id, MessageKind::ChangeProposed).remove(1);
    assert_eq!(outdated(&bench, id, &first), Some("the change was proposed anew"));
    assert_eq!(outdated(&bench, id, &second), None);
    bench.on(id, |order, unit| order.cancel(unit, "never mind")).expect("cancelled");
    assert_eq!(outdated(&bench, id, &second), Some("the order is over"));
}

#[test]
fn a_proposal_whose_letter_was_old_before_it_went_is_told_again_though_it_reads_the_same() {
    let (mut bench, id) = paid();
    let change = proposed(&mut bench, id, &[add("B-2", 1)]);
    let letter = of_kind(&bench, id, MessageKind::ChangeProposed).remove(0);
    let unsent = Err(Unsent::Suppressed(Suppression::outdated("what the change touches is different now")));
    bench.on(id, |order, unit| order.answer_message(unit, letter.id, unsent)).expect("an answer");
    for _ in 0..2 {
        bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed anew");
        let told = keys(&bench, id, MessageKind::ChangeProposed);
        assert_eq!(told, ["CHANGE_PROPOSED/1", "CHANGE_PROPOSED/2"]);
    }
    let again = of_kind(&bench, id, MessageKind::ChangeProposed).remove(1);
    assert_eq!(outdated(&bench, id, &again), None);
    let proposal = bench.order(id).changes[0].proposal.as_ref().expect("a proposal");
    assert_eq!(proposal.told, again.sequence);
}
