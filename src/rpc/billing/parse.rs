//! Parses requests about invoices, payments and refunds.

#[cfg(test)]
mod tests;

use crate::domain::{
    BeginPayment, CapturePayment, CreditNoteId, HandedBack, InvoiceId, Method, Money, NewPayment, OrderId,
    Part, PaymentId, Problems, ProviderRequest, ReceivedMoney, RecordPayment, RefundId, RefundPayment,
    RefundedUnits, Target, VoidPayment,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::ordering::parse::target;
use crate::rpc::parse::{
    LINES_MAX, REASON_MAX, REFERENCE_MAX, amount, digits, entries, id, one_line, required, required_line,
    required_text, required_word, word,
};

list_requests! {
    list_invoices: ListInvoicesRequest,
    list_credit_notes: ListCreditNotesRequest,
    list_payments: ListPaymentsRequest,
    list_refunds: ListRefundsRequest,
}

/// How long a provider's token may be.
const TOKEN_MAX: usize = 200;

/// Money that the named provider is asked to set aside.
pub(crate) fn authorize_payment(
    request: pb::AuthorizePaymentRequest,
    provider: &str,
    bad: &mut Problems,
) -> Option<BeginPayment> {
    let pb::AuthorizePaymentRequest {
        order_id,
        method,
        token,
        amount,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let new = new_payment(method, token, amount, bad);
    Some(BeginPayment { target: target?, new: new?(ProviderRequest::Authorize, provider) })
}

fn new_payment(
    method: i32,
    token: String,
    asked: Option<pb::Money>,
    bad: &mut Problems,
) -> Option<impl FnOnce(ProviderRequest, &str) -> NewPayment + use<>> {
    let method = required_word("method", method, enums::to_method, bad);
    match method {
        Some(Method::BankTransfer | Method::Cash | Method::StoreCredit) => {
            bad.add("method", "must be CARD or PAYPAL; see RecordPayment");
        }
        Some(Method::Card | Method::Paypal) | None => {}
    }
    let token = required_text("token", token, TOKEN_MAX, bad);
    let amount = amount("amount", asked, bad);
    let method = method?;
    Some(move |request, provider: &str| NewPayment {
        method,
        token,
        amount,
        request,
        provider: provider.to_owned(),
    })
}

/// The capture that CapturePayment asks for.
#[derive(Debug, Clone)]
pub(crate) enum Capture {
    Authorized(CapturePayment),
    AtOnce(BeginPayment),
}

pub(crate) fn capture_payment(
    request: pb::CapturePaymentRequest,
    provider: &str,
    bad: &mut Problems,
) -> Option<Capture> {
    let pb::CapturePaymentRequest {
        payment_id,
        order_id,
        method,
        token,
        amount,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    if payment_id.is_empty() {
        let target = target(&order_id, etag, bad);
        let new = new_payment(method, token, amount, bad);
        return Some(Capture::AtOnce(BeginPayment {
            target: target?,
            new: new?(ProviderRequest::Charge, provider),
        }));
    }

    let given = [
        ("order_id", !order_id.is_empty()),
        ("method", method != 0),
        ("token", !token.is_empty()),
        ("amount", amount.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|it| it.1) {
        bad.add(field, "must be left out with payment_id: an authorised payment is captured whole");
    }
    let (target, payment) = payment_target(&payment_id, etag, bad)?;
    Some(Capture::Authorized(CapturePayment { target, payment }))
}

/// The payment of a request that changes it.
fn payment_target(payment_id: &str, etag: String, bad: &mut Problems) -> Option<(Target, PaymentId)> {
    let payment = id("payment_id", payment_id, bad)?;
    Some((Target { part: Part::Payment(payment), etag }, payment))
}

pub(crate) fn record_payment(request: pb::RecordPaymentRequest, bad: &mut Problems) -> Option<RecordPayment> {
    let pb::RecordPaymentRequest {
        order_id,
        method,
        amount: received,
        reference,
        tendered,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let method = required_word("method", method, enums::to_method, bad);
    let reference = if method == Some(Method::BankTransfer) {
        required_line("reference", reference, REFERENCE_MAX, bad)
    } else {
        one_line("reference", reference, REFERENCE_MAX, bad)
    };
    let tendered = match method {
        Some(Method::Cash) => amount("tendered", required("tendered", tendered, bad), bad),
        Some(Method::Card | Method::Paypal | Method::StoreCredit) => {
            bad.add("method", "must be BANK_TRANSFER or CASH; see CapturePayment");
            None
        }
        Some(Method::BankTransfer) | None => {
            if tendered.is_some() {
                bad.add("tendered", "is for CASH only");
            }
            None
        }
    };
    let amount = amount("amount", received, bad);
    let money = ReceivedMoney { method: method?, amount, reference, tendered };
    Some(RecordPayment { target: target?, money })
}

pub(crate) fn void_payment(request: pb::VoidPaymentRequest, bad: &mut Problems) -> Option<VoidPayment> {
    let pb::VoidPaymentRequest { payment_id, etag, request_id: _, validate_only: _ } = request;
    let (target, payment) = payment_target(&payment_id, etag, bad)?;
    Some(VoidPayment { target, payment })
}

pub(crate) fn refund_payment(request: pb::RefundPaymentRequest, bad: &mut Problems) -> Option<RefundPayment> {
    let pb::RefundPaymentRequest {
        payment_id,
        amount: asked,
        reason,
        etag,
        request_id: _,
        method,
        reference,
        lines,
        validate_only: _,
    } = request;
    let payment = payment_target(&payment_id, etag, bad);
    let lines = refunded_units(lines, bad);
    let amount = amount("amount", asked, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let handed = handed_back(method, reference, bad);
    let (target, payment) = payment?;
    Some(RefundPayment { target, payment, lines, amount, reason, handed })
}

fn refunded_units(lines: Vec<pb::LineUnits>, bad: &mut Problems) -> Vec<RefundedUnits> {
    let units = |(_, it): (usize, pb::LineUnits)| {
        let pb::LineUnits { line_number, quantity } = it;
        RefundedUnits { line: line_number, quantity }
    };
    entries("lines", lines, 0..=LINES_MAX, bad).map(units).collect()
}

/// What RefundPayment would pay back.
#[derive(Debug, Clone)]
pub(crate) struct RefundQuery {
    pub(crate) payment: PaymentId,
    pub(crate) lines: Vec<RefundedUnits>,
    pub(crate) amount: Option<Money>,
}

pub(crate) fn simulate_refund(request: pb::SimulateRefundRequest, bad: &mut Problems) -> Option<RefundQuery> {
    let pb::SimulateRefundRequest { payment_id, amount: asked, lines } = request;
    let payment = id("payment_id", &payment_id, bad);
    let lines = refunded_units(lines, bad);
    let amount = amount("amount", asked, bad);
    Some(RefundQuery { payment: payment?, lines, amount })
}

fn handed_back(method: i32, reference: String, bad: &mut Problems) -> Option<HandedBack> {
    let method = word("method", method, enums::to_method, bad);
    let reference = match method {
        Some(Method::BankTransfer) => required_line("reference", reference, REFERENCE_MAX, bad),
        Some(Method::Cash) => one_line("reference", reference, REFERENCE_MAX, bad),
        Some(Method::Card | Method::Paypal | Method::StoreCredit) => {
            bad.add("method", "must be BANK_TRANSFER or CASH; leave it out for the way the payment came");
            reference
        }
        None if reference.is_empty() => reference,
        None => {
            bad.add("reference", "is for a method only");
            reference
        }
    };
    Some(HandedBack { method: method?, reference })
}

/// One invoice, by its id or by its series and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvoiceKey {
    Id(InvoiceId),
    Number(String, i64),
}

pub(crate) fn get_invoice(request: pb::GetInvoiceRequest, bad: &mut Problems) -> Option<InvoiceKey> {
    let pb::GetInvoiceRequest { key } = request;
    match required("invoice_id", key, bad)? {
        pb::get_invoice_request::Key::InvoiceId(it) => invoice_by_id(&it, bad),
        pb::get_invoice_request::Key::Number(it) => invoice_by_number(&it, bad),
    }
}

pub(super) fn invoice_by_id(invoice: &str, bad: &mut Problems) -> Option<InvoiceKey> {
    id("invoice_id", invoice, bad).map(InvoiceKey::Id)
}

pub(super) fn invoice_by_number(number: &str, bad: &mut Problems) -> Option<InvoiceKey> {
    let parts = series_and_number(number);
    if parts.is_none() {
        bad.add("number", "must be an invoice's number, such as INV-000001");
    }
    parts.map(|(series, it)| InvoiceKey::Number(series, it))
}

/// One credit note, by its id or by its series and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CreditNoteKey {
    Id(CreditNoteId),
    Number(String, i64),
}

pub(crate) fn get_credit_note(
    request: pb::GetCreditNoteRequest,
    bad: &mut Problems,
) -> Option<CreditNoteKey> {
    let pb::GetCreditNoteRequest { key } = request;
    match required("credit_note_id", key, bad)? {
        pb::get_credit_note_request::Key::CreditNoteId(note) => {
            id("credit_note_id", &note, bad).map(CreditNoteKey::Id)
        }
        pb::get_credit_note_request::Key::Number(number) => {
            let parts = series_and_number(&number);
            if parts.is_none() {
                bad.add("number", "must be a credit note's number, such as CRN-000001");
            }
            parts.map(|(series, it)| CreditNoteKey::Number(series, it))
        }
    }
}

/// `INV-000001` taken apart.
fn series_and_number(number: &str) -> Option<(String, i64)> {
    let printable = Some(number).filter(|it| !it.chars().any(char::is_control));
    let (series, it) = printable.and_then(|it| it.rsplit_once('-'))?;
    Some((series.to_owned(), digits(it)?))
}

pub(crate) fn get_payment(request: pb::GetPaymentRequest, bad: &mut Problems) -> Option<PaymentId> {
    let pb::GetPaymentRequest { payment_id } = request;
    id("payment_id", &payment_id, bad)
}

pub(crate) fn get_refund(request: pb::GetRefundRequest, bad: &mut Problems) -> Option<RefundId> {
    let pb::GetRefundRequest { refund_id } = request;
    id("refund_id", &refund_id, bad)
}

pub(crate) fn get_order_balance(request: pb::GetOrderBalanceRequest, bad: &mut Problems) -> Option<OrderId> {
    let pb::GetOrderBalanceRequest { order_id } = request;
    id("order_id", &order_id, bad)
}
