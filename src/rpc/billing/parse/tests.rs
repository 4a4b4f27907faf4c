//! Tests of `parse`.

use crate::domain::Problems;
use crate::pb;
use crate::rpc::billing::parse::{
    InvoiceKey, authorize_payment, capture_payment, get_invoice, record_payment, refund_payment,
};

fn fields(read: impl FnOnce(&mut Problems)) -> Vec<String> {
    let mut bad = Problems::default();
    read(&mut bad);
    bad.0.into_iter().map(|it| it.field).collect()
}

#[test]
fn an_authorised_payment_is_captured_whole() {
    let request = pb::CapturePaymentRequest {
        payment_id: "pay_01h455vb4pex5vsknk084sn02q".to_owned(),
        order_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        amount: Some(pb::Money::default()),
        ..pb::CapturePaymentRequest::default()
    };
    assert_eq!(fields(|bad| drop(capture_payment(request, "sandbox", bad))), ["order_id", "amount"]);
}

#[test]
fn a_card_number_is_no_token() {
    let request = pb::AuthorizePaymentRequest {
        order_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        method: pb::PaymentMethod::Card.into(),
        token: "4111111111111111".to_owned(),
        ..pb::AuthorizePaymentRequest::default()
    };
    assert_eq!(fields(|bad| drop(authorize_payment(request, "sandbox", bad))), ["token"]);
}

#[test]
fn cash_is_tendered_and_a_transfer_has_a_reference() {
    let record = |method: pb::PaymentMethod| pb::RecordPaymentRequest {
        order_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        method: method.into(),
        ..pb::RecordPaymentRequest::default()
    };
    let bad_of = |request| fields(|bad| drop(record_payment(request, bad)));
    assert_eq!(bad_of(record(pb::PaymentMethod::Cash)), ["tendered"]);
    assert_eq!(bad_of(record(pb::PaymentMethod::BankTransfer)), ["reference"]);
    assert_eq!(bad_of(record(pb::PaymentMethod::Card)), ["method"]);
    assert_eq!(bad_of(record(pb::PaymentMethod::Unspecified)), ["method"]);
}

#[test]
fn what_a_person_gave_back_was_a_transfer_with_its_reference_or_cash() {
    let give_back = |method: pb::PaymentMethod, reference: &str| {
        let request = pb::RefundPaymentRequest {
            payment_id: "pay_01h455vb4pex5vsknk084sn02q".to_owned(),
            reason: "the card is closed".to_owned(),
            method: method.into(),
            reference: reference.to_owned(),
            ..pb::RefundPaymentRequest::default()
        };
        fields(|bad| drop(refund_payment(request, bad)))
    };
    assert!(give_back(pb::PaymentMethod::Unspecified, "").is_empty());
    assert!(give_back(pb::PaymentMethod::Cash, "").is_empty());
    assert!(give_back(pb::PaymentMethod::BankTransfer, "RF18").is_empty());
    assert_eq!(give_back(pb::PaymentMethod::BankTransfer, ""), ["reference"]);
    assert_eq!(give_back(pb::PaymentMethod::Card, ""), ["method"]);
    assert_eq!(give_back(pb::PaymentMethod::Unspecified, "RF18"), ["reference"]);
}

#[test]
fn an_invoice_is_asked_for_by_id_or_number() {
    let get = |number: &str| {
        let key = pb::get_invoice_request::Key::Number(number.to_owned());
        get_invoice(pb::GetInvoiceRequest { key: Some(key) }, &mut Problems::default())
    };
    assert_eq!(get("INV-000007"), Some(InvoiceKey::Number("INV".to_owned(), 7)));
    assert_eq!(["INV-+7", "INV-", "INV- 7", "INV-7 "].map(get), [None, None, None, None]);
    assert_eq!(get("A-B-12"), Some(InvoiceKey::Number("A-B".to_owned(), 12)));
    assert_eq!(get("INV"), None);
}
