//! Invoices, payments and refunds as the API shows them. Each is a part of its order and shares its etag.

use crate::domain::{
    Amounts, CreditNote, Currency, Invoice, InvoiceLine, InvoiceState, LineAmounts, Means, Money, Order,
    Payment, PaymentId, PaymentState, Refund, RefundQuote, RefundState, TaxRow,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::enums;
use crate::rpc::reply::{actor, address, customer, minor, money, ppm, text_of, timestamp};

pub(crate) fn invoice(order: &Order, invoice: &Invoice) -> pb::Invoice {
    shows_order(order);
    let Invoice {
        id,
        order: order_id,
        series,
        number,
        state,
        amounts,
        lines,
        issued_at,
        settled_at,
        seller: _,
        due_at,
        buyer: _,
        supplements,
        change,
    } = invoice;
    let Amounts {
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        shipping_tax_rate_ppm: _,
        tax_minor,
        total_minor,
    } = *amounts;
    let paid = order.payments.iter().filter(|it| it.invoice == *id);
    let captured = paid.clone().map(|it| it.captured_minor).sum();
    let due = order.due_of(invoice);
    let credited = order.credit_notes.iter().filter(|it| it.invoice == *id);
    let credited = credited.map(|it| it.amounts.total_minor).sum();
    pb::Invoice {
        id: id.to_string(),
        order_id: order_id.to_string(),
        order_number: order.number.to_string(),
        series: series.clone(),
        series_number: *number,
        number: invoice.full_number(),
        state: enums::invoice_state(*state),
        customer: Some(customer(order.invoiced_customer(invoice))),
        billing_address: Some(address(order.invoiced_billing_address(invoice))),
        currency: currency.to_string(),
        prices_include_tax,
        lines: lines.iter().map(|it| invoice_line(currency, it)).collect(),
        subtotal: minor(currency, subtotal_minor),
        discount: minor(currency, discount_minor),
        discount_code: order.shown_code().unwrap_or_default(),
        shipping: minor(currency, shipping_minor),
        shipping_tax: minor(currency, shipping_tax_minor),
        tax: minor(currency, tax_minor),
        total: minor(currency, total_minor),
        captured: minor(currency, captured),
        refunded: minor(currency, paid.map(Payment::refunded_minor).sum()),
        amount_due: minor(currency, due),
        issue_time: Some(timestamp(*issued_at)),
        settle_time: settled_at.map(timestamp),
        etag: order.etag(),
        tax_rows: order.tax_rows_of(invoice).into_iter().map(|it| tax_row(currency, it)).collect(),
        due_time: Some(timestamp(due_at.unwrap_or(*issued_at))),
        creditor_reference: invoice.creditor_reference().unwrap_or_default(),
        credited: minor(currency, credited),
        supplements_invoice_id: text_of(supplements.as_ref()),
        order_change_id: text_of(change.as_ref()),
        hidden: Vec::new(),
    }
}

fn tax_row(currency: Currency, row: TaxRow) -> pb::TaxRow {
    let TaxRow { category, rate_ppm, base_minor, tax_minor } = row;
    pb::TaxRow {
        tax_category: category,
        tax_rate_ppm: ppm(rate_ppm),
        base: minor(currency, base_minor),
        tax: minor(currency, tax_minor),
    }
}

pub(crate) fn invoice_line(currency: Currency, line: &InvoiceLine) -> pb::InvoiceLine {
    let InvoiceLine { line, sku, description, quantity, unit_price_minor, amounts } = line;
    let LineAmounts {
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    } = *amounts;
    pb::InvoiceLine {
        line_number: *line,
        sku: sku.to_string(),
        description: description.clone(),
        quantity: *quantity,
        unit_price: minor(currency, *unit_price_minor),
        gross: minor(currency, gross_minor),
        line_discount: minor(currency, discount_minor),
        order_discount_share: minor(currency, discount_share_minor),
        tax_rate_ppm: ppm(tax_rate_ppm),
        tax: minor(currency, tax_minor),
        total: minor(currency, total_minor),
    }
}

pub(crate) fn credit_note(order: &Order, note: &CreditNote) -> pb::CreditNote {
    shows_order(order);
    let CreditNote {
        id,
        order: order_id,
        invoice,
        series,
        number,
        amounts,
        lines,
        reason,
        issued_by,
        issued_at,
    } = note;
    let Amounts {
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        shipping_tax_rate_ppm: _,
        tax_minor,
        total_minor,
    } = *amounts;
    let corrected = order.invoices.iter().find(|it| it.id == *invoice);
    let credited = corrected.map_or(&order.customer, |it| order.invoiced_customer(it));
    let own_address = order.billing_address.as_ref().unwrap_or(&order.shipping_address);
    let credited_address = corrected.map_or(own_address, |it| order.invoiced_billing_address(it));
    pb::CreditNote {
        id: id.to_string(),
        order_id: order_id.to_string(),
        order_number: order.number.to_string(),
        invoice_id: invoice.to_string(),
        invoice_number: text_of(corrected.map(Invoice::full_number)),
        series: series.clone(),
        series_number: *number,
        number: note.full_number(),
        customer: Some(customer(credited)),
        billing_address: Some(address(credited_address)),
        currency: currency.to_string(),
        prices_include_tax,
        lines: lines.iter().map(|it| invoice_line(currency, it)).collect(),
        subtotal: minor(currency, subtotal_minor),
        discount: minor(currency, discount_minor),
        tax: minor(currency, tax_minor),
        total: minor(currency, total_minor),
        tax_rows: order.tax_rows_of_credit(note).into_iter().map(|it| tax_row(currency, it)).collect(),
        reason: reason.clone(),
        issued_by: actor(issued_by),
        issue_time: Some(timestamp(*issued_at)),
        etag: order.etag(),
        shipping: minor(currency, shipping_minor),
        shipping_tax: minor(currency, shipping_tax_minor),
        hidden: Vec::new(),
    }
}

/// The token stays inside: anyone who has it could charge with it.
pub(crate) fn payment(order: &Order, payment: &Payment) -> pb::Payment {
    shows_order(order);
    let Payment {
        id,
        order: order_id,
        invoice,
        method,
        state,
        means,
        request,
        attempts,
        amount,
        captured_minor,
        failure,
        created_by,
        created_at,
        updated_at,
        refunds,
    } = payment;
    let currency = amount.currency;
    let (at, reference, tendered_minor) = match means {
        Means::Provider(at) => (Some(at), String::new(), None),
        Means::ByHand { reference, tendered_minor } => (None, reference.clone(), *tendered_minor),
        Means::StoreCredit(code) => (None, code.masked(), None),
    };
    pb::Payment {
        id: id.to_string(),
        order_id: order_id.to_string(),
        invoice_id: invoice.to_string(),
        method: enums::method(*method),
        state: enums::payment_state(*state),
        in_flight: request.map_or(0, |it| enums::provider_request(it.kind)),
        attempts: i32::try_from(*attempts).unwrap_or(i32::MAX),
        amount: Some(money(*amount)),
        captured: minor(currency, *captured_minor),
        refunded: minor(currency, payment.refunded_minor()),
        provider: text_of(at.map(|it| &it.provider)),
        provider_reference: text_of(at.and_then(|it| it.reference.as_ref())),
        failure: text_of(failure.as_ref()),
        reference,
        tendered: tendered_minor.and_then(|it| minor(currency, it)),
        change: tendered_minor.and_then(|it| minor(currency, it - amount.minor)),
        refunds: refunds.iter().map(|it| refund(order, it)).collect(),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        etag: order.etag(),
        hidden: Vec::new(),
    }
}

pub(crate) fn refund(order: &Order, refund: &Refund) -> pb::Refund {
    shows_order(order);
    let Refund {
        id,
        payment,
        state,
        amount,
        reason,
        handed_back,
        provider_reference,
        failure,
        requested_at: _,
        attempts,
        created_by,
        created_at,
        updated_at,
    } = refund;
    let by_line = order.line_refund_of(*id);
    let units = by_line.map_or(&[][..], |it| &it.units).iter();
    let notes = by_line.map_or(&[][..], |it| &it.credit_notes).iter();
    pb::Refund {
        id: id.to_string(),
        payment_id: payment.to_string(),
        order_id: order.id.to_string(),
        state: enums::refund_state(*state),
        attempts: i32::try_from(*attempts).unwrap_or(i32::MAX),
        amount: Some(money(*amount)),
        reason: reason.clone(),
        provider_reference: text_of(provider_reference.as_ref()),
        failure: text_of(failure.as_ref()),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        etag: order.etag(),
        method: handed_back.as_ref().map_or(0, |it| enums::method(it.method)),
        reference: text_of(handed_back.as_ref().map(|it| &it.reference)),
        lines: units.map(|it| pb::LineUnits { line_number: it.line, quantity: it.quantity }).collect(),
        credit_note_ids: notes.map(ToString::to_string).collect(),
        return_id: text_of(by_line.and_then(|it| it.of_return)),
        lines_value: by_line.and_then(|it| minor(amount.currency, it.value_minor)),
    }
}

pub(crate) fn refund_quote(quote: &RefundQuote) -> pb::SimulateRefundResponse {
    let RefundQuote { lines, shipping_minor, shipping_tax_minor, value, amount, parts, refundable } = quote;
    let currency = amount.currency;
    let part = |(id, share): &(PaymentId, Money)| pb::RefundPart {
        payment_id: id.to_string(),
        amount: Some(money(*share)),
    };
    pb::SimulateRefundResponse {
        amount: Some(money(*amount)),
        parts: parts.iter().map(part).collect(),
        lines: lines.iter().map(|it| invoice_line(currency, it)).collect(),
        shipping: minor(currency, *shipping_minor),
        shipping_tax: minor(currency, *shipping_tax_minor),
        value: Some(money(*value)),
        refundable: Some(money(*refundable)),
    }
}

pub(crate) fn balance(order: &Order) -> pb::OrderBalance {
    let currency = order.amounts.currency;
    let invoice = order.main_invoice();
    let standing = || order.current_invoices().filter(|it| it.state != InvoiceState::Void);
    let invoiced = standing().map(|it| it.amounts.total_minor).sum();
    let credited = standing().map(|it| order.credited_of(it)).sum();
    let due = match invoice.map(|it| it.state) {
        Some(InvoiceState::Open | InvoiceState::Paid) => order.due_minor(),
        Some(InvoiceState::Void) | None => 0,
    };
    let authorized = order.payments.iter().filter(|it| it.state == PaymentState::Authorized);
    let refunds = |state: RefundState| -> i64 {
        let all = order.payments.iter().flat_map(|it| &it.refunds);
        all.filter(|it| it.state == state).map(|it| it.amount.minor).sum()
    };
    pb::OrderBalance {
        order_id: order.id.to_string(),
        invoice_id: text_of(invoice.map(|it| it.id)),
        invoiced: minor(currency, invoiced),
        authorized: minor(currency, authorized.map(|it| it.amount.minor).sum()),
        captured: minor(currency, order.captured_minor()),
        refunded: minor(currency, refunds(RefundState::Succeeded)),
        refund_pending: minor(currency, refunds(RefundState::Pending)),
        amount_due: minor(currency, due),
        credited: minor(currency, credited),
        open: minor(currency, due - order.owed_back_minor()),
    }
}
