//! Letters about invoices: how much is to be paid, until when, and how.

use super::*;

use crate::domain::documents::invoice::invoice_paper;
use crate::domain::model::invoice::InvoiceState;

/// An order whose invoice is to be paid.
pub(super) fn unpaid(mut order: Order) -> Order {
    order.state = OrderState::Invoiced;
    order.payments.clear();
    order.credit_notes.clear();
    let invoice = order.invoices.last_mut().expect("an invoice");
    (invoice.state, invoice.settled_at) = (InvoiceState::Open, None);
    order
}

fn asked(order: &Order) -> String {
    joined(&written(MessageKind::InvoiceIssued, order).body)
}

#[test]
fn letter_and_paper_name_one_day_to_pay_and_one_reference() {
    let mut order = unpaid(order());
    // 2026-12-04T17:30:00Z, which is the next day where the goods go to, and not where the seller is.
    order.invoices[0].due_at = Some(Timestamp::from_unix_micros(1_796_405_400_000_000));
    order.shipping_address.country = "MY".to_owned();
    order.reservations = vec![held_until(days_later(2))];
    let paper = invoice_paper(&order, &order.invoices[0], &sample::seller()).payment;
    assert_eq!(paper.sentences[0], "Please pay €32.90 by 5 December 2026.");
    let letter = asked(&order);
    assert!(letter.contains("Please pay €32.90 by 5 December 2026. "), "{letter}");
    let reference = paper.account.iter().find(|it| it.0 == "RF reference").expect("a reference");
    let reference = reference.1.replace(' ', "");
    assert!(letter.contains(&format!("the reference is {reference}.")), "{letter}");
    assert!(letter.contains("We are holding the goods for you until "), "{letter}");

    order.invoices[0].series = "A-VERY-LONG-SERIES-1".to_owned();
    assert!(asked(&order).contains("the reference is A-VERY-LONG-SERIES-1-000007."));
}

#[test]
fn what_nothing_is_set_aside_for_is_asked_for_too_and_at_once() {
    let mut order = unpaid(services::order_of_services());
    let letter = asked(&order);
    assert!(letter.contains("Please pay €32.90 at once. "), "{letter}");
    assert!(!letter.contains("keep the goods") && !letter.contains("set aside"), "{letter}");
    let paper = invoice_paper(&order, &order.invoices[0], &sample::seller()).payment;
    assert_eq!(paper.sentences[0], "Please pay €32.90 at once.");

    order.state = OrderState::PaymentCaptured;
    order.invoices[0].state = InvoiceState::Paid;
    assert!(!asked(&order).contains("Please pay"), "it is paid");
}

#[test]
fn an_invoice_that_goes_with_its_letter_is_said_to_tell_how_to_pay() {
    let mut order = unpaid(order());
    let seller = Some(Uuid::from_u128(7).into());
    order.invoices[0].seller = seller;
    let rules = Rules { seller, sends_invoices: true, ..Rules::default() };
    let text = Letters::default().text(&message(MessageKind::InvoiceIssued), &order, &rules, &falcon());
    let body = joined(&said(text.expect("written")).body);
    assert!(
        body.contains("also attached as a PDF") && body.contains("The attached invoice says how"),
        "{body}"
    );
    assert!(!asked(&order).contains("attached"));
}
