//! Letters about services.

use super::*;

use crate::domain::model::service::ProductKind;

/// The letters about an order of services only.
pub(super) const KINDS: [MessageKind; 8] = [
    MessageKind::OrderReceived,
    MessageKind::OnHold,
    MessageKind::InvoiceIssued,
    MessageKind::PaymentReceived,
    MessageKind::DeliveryConfirmed,
    MessageKind::OrderCancelled,
    MessageKind::OrderRejected,
    MessageKind::RefundIssued,
];

pub(super) fn order_of_services() -> Order {
    let mut order = order();
    for line in &mut order.lines {
        line.kind = ProductKind::Service;
    }
    order
}

#[test]
fn nothing_of_services_is_shipped_and_what_is_to_be_done_is_told() {
    has(MessageKind::PaymentReceived, &order_of_services(), &["We will now carry out your order."]);
    assert!(!written(MessageKind::InvoiceIssued, &order_of_services()).body.contains("set aside"));
    has(MessageKind::OrderCancelled, &order_of_services(), &["nothing more of it will be done."]);
    let done = written(MessageKind::DeliveryConfirmed, &order_of_services());
    assert_eq!(done.subject, "Your order 100042 is complete");

    let mut both = order();
    let fitted = both.lines.len() - 1;
    both.lines[fitted].kind = ProductKind::Service;
    let delivered = written(MessageKind::DeliveryConfirmed, &both);
    assert_eq!(delivered.subject, "Your order 100042 has arrived");
    let to_come = format!("Still to be done for you:\n\n- {} × ", both.lines[fitted].quantity);
    assert!(delivered.body.contains(&to_come), "{}", delivered.body);
}
