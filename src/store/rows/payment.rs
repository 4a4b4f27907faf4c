//! Payments, their refunds, and the register of bank references, which outlives the orders.

use sea_orm::DbBackend;

use crate::domain::{
    Actor, AtProvider, Currency, HandedBack, InvoiceId, Means, Method, Money, OpenRequest, Order, OrderId,
    Payment, PaymentId, PaymentState, ProviderRequest, Refund, RefundId, RefundState, Timestamp,
    bank_reference_key,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::bound_rows::{text, with_rows};
use crate::store::connection::error::StoreError;
use crate::store::connection::lookup::Lookup;
use crate::store::rows::read::{Of, gather, narrow, sorted, take};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes, insert};

table! {
    "payments" as payments (id: PaymentId) {
        order_id: OrderId,
        place: i32,
        invoice_id: InvoiceId,
        method: Method,
        state: PaymentState,
        ask: Option<ProviderRequest>,
        asked_at: Option<Timestamp>,
        attempts: i64,
        amount_minor: i64,
        currency: Currency,
        captured_minor: i64,
        provider: String,
        token: String,
        provider_reference: String,
        failure: String,
        reference: String,
        tendered_minor: Option<i64>,
        created_by: Actor,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

table! {
    "refunds" as refunds (id: RefundId) {
        payment_id: PaymentId,
        place: i32,
        state: RefundState,
        amount_minor: i64,
        currency: Currency,
        reason: String,
        provider_reference: String,
        failure: String,
        asked_at: Timestamp,
        attempts: i64,
        created_by: Actor,
        created_at: Timestamp,
        updated_at: Timestamp,
        method: Option<Method>,
        reference: String,
    }
}

table! {
    "payment_references" as payment_references (method: Method, reference: String) {
        payment_id: PaymentId,
        order_id: OrderId,
    }
}

/// Which of these references of bank transfers, by their keys, were ever recorded.
pub(in crate::store) fn bank_references(backend: DbBackend, references: &[String]) -> Lookup<String> {
    // Looked up one by one, so that no planner thinks of reading them all while they are few.
    let sql = "SELECT reference FROM bound WHERE (SELECT 1 FROM payment_references AS noted \
        WHERE noted.method = bound.method AND noted.reference = bound.reference LIMIT 1) IS NOT NULL";
    let row = |it: String| vec![Method::BankTransfer.into(), it.into()];
    let rows = sorted(references).into_iter().map(row).collect();
    Lookup {
        statement: with_rows(backend, &[text("method"), text("reference")], rows, sql),
        read: |row| Ok(row.try_get_by("reference")?),
    }
}

pub(super) fn table_reads() -> Vec<TableRead> {
    vec![
        TableRead::rows::<payments::Entity>("order_id {ids}", "place"),
        TableRead::rows::<refunds::Entity>(
            "payment_id IN (SELECT id FROM payments WHERE order_id {ids})",
            "place",
        ),
    ]
}

pub(super) fn read(answers: &mut ResultSets) -> Result<Of<Payment>, StoreError> {
    let rows = answers.rows::<payments::Entity>()?;
    let refunds = answers.rows::<refunds::Entity>()?;
    let mut refunds = gather(refunds.into_iter().map(refund_from_row))?;
    gather(rows.into_iter().map(|it| {
        let refunds = take(&mut refunds, &it.id);
        Ok((it.order_id, from_row(it, refunds)?))
    }))
}

/// Notes the references of new bank transfers for good; the number of a cash receipt may come twice.
pub(super) fn register(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut references = Vec::new();
    for order in orders {
        let (before, after) = order.parts(|it| &it.payments);
        for payment in after.iter().filter(|it| it.method == Method::BankTransfer) {
            let Means::ByHand { reference, .. } = &payment.means else { continue };
            if !before.iter().any(|it| it.id == payment.id && it.means == payment.means) {
                references.push(payment_references::Model {
                    method: payment.method,
                    reference: bank_reference_key(reference),
                    payment_id: payment.id,
                    order_id: payment.order,
                });
            }
        }
    }
    insert::<payment_references::Entity>(writes, references);
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut payments = Difference::<payments::Entity>::new();
    let mut refunds = Difference::<refunds::Entity>::new();
    for order in orders {
        let (before, after) = order.parts(|it| &it.payments);
        payments.compare((before, after), |it| it.id, to_row);
        for payment in after {
            let old = before.iter().find(|it| it.id == payment.id);
            refunds.compare(
                Saved { before: old, after: payment }.parts(|it| &it.refunds),
                |it| it.id,
                refund_to_row,
            );
        }
    }

    // One call is out per order: payments whose call came back make room first.
    payments.write_in_turn(writes, |it| it.ask.is_some());
    refunds.write(writes);
}

fn to_row(place: i32, payment: &Payment) -> payments::Model {
    let Payment {
        id,
        order,
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
        refunds: _,
    } = payment;
    let Money { currency, minor } = *amount;
    let (at, reference, tendered_minor) = match means {
        Means::Provider(at) => (Some(at), "", None),
        Means::ByHand { reference, tendered_minor } => (None, reference.as_str(), *tendered_minor),
    };
    let (provider, token) = at.map_or(("", ""), |it| (&it.provider, &it.token));
    let provider_reference = at.and_then(|it| it.reference.as_deref()).unwrap_or_default();

    payments::Model {
        id: *id,
        order_id: *order,
        place,
        invoice_id: *invoice,
        method: *method,
        state: *state,
        ask: request.map(|it| it.kind),
        asked_at: request.map(|it| it.requested_at),
        attempts: (*attempts).into(),
        amount_minor: minor,
        currency,
        captured_minor: *captured_minor,
        provider: provider.to_owned(),
        token: token.to_owned(),
        provider_reference: provider_reference.to_owned(),
        failure: failure.clone().unwrap_or_default(),
        reference: reference.to_owned(),
        tendered_minor,
        created_by: created_by.clone(),
        created_at: *created_at,
        updated_at: *updated_at,
    }
}

fn from_row(row: payments::Model, refunds: Vec<Refund>) -> Result<Payment, StoreError> {
    let payments::Model {
        id,
        order_id,
        place: _,
        invoice_id,
        method,
        state,
        ask,
        asked_at,
        attempts,
        amount_minor,
        currency,
        captured_minor,
        provider,
        token,
        provider_reference,
        failure,
        reference,
        tendered_minor,
        created_by,
        created_at,
        updated_at,
    } = row;
    let is_empty = |texts: &[&String]| texts.iter().all(|it| it.is_empty());
    let means = match method {
        Method::Card | Method::Paypal if reference.is_empty() && tendered_minor.is_none() => {
            Means::Provider(AtProvider { provider, token, reference: not_empty(provider_reference) })
        }
        Method::BankTransfer | Method::Cash if is_empty(&[&provider, &token, &provider_reference]) => {
            Means::ByHand { reference, tendered_minor }
        }
        Method::Card | Method::Paypal | Method::BankTransfer | Method::Cash => {
            return Err(StoreError::corrupt(
                "payments",
                format!("{id}: proof of another method than {method}"),
            ));
        }
    };
    let request = match (ask, asked_at) {
        (Some(ask), Some(asked_at)) => Some(OpenRequest { kind: ask, requested_at: asked_at }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err(StoreError::corrupt(
                "payments",
                format!("{id}: a request and its time come together"),
            ));
        }
    };

    Ok(Payment {
        id,
        order: order_id,
        invoice: invoice_id,
        method,
        state,
        means,
        request,
        attempts: narrow("payments", attempts)?,
        amount: currency.of(amount_minor),
        captured_minor,
        failure: not_empty(failure),
        created_by,
        created_at,
        updated_at,
        refunds,
    })
}

/// What a column without NULL says, where the empty text stands for nothing.
fn not_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn refund_to_row(place: i32, refund: &Refund) -> refunds::Model {
    let Refund {
        id,
        payment,
        state,
        amount,
        reason,
        handed_back,
        provider_reference,
        failure,
        requested_at,
        attempts,
        created_by,
        created_at,
        updated_at,
    } = refund;
    let Money { currency, minor } = *amount;

    refunds::Model {
        id: *id,
        payment_id: *payment,
        place,
        state: *state,
        amount_minor: minor,
        currency,
        reason: reason.clone(),
        provider_reference: provider_reference.clone().unwrap_or_default(),
        failure: failure.clone().unwrap_or_default(),
        asked_at: *requested_at,
        attempts: (*attempts).into(),
        created_by: created_by.clone(),
        created_at: *created_at,
        updated_at: *updated_at,
        method: handed_back.as_ref().map(|it| it.method),
        reference: handed_back.as_ref().map(|it| it.reference.clone()).unwrap_or_default(),
    }
}

fn refund_from_row(row: refunds::Model) -> Result<(PaymentId, Refund), StoreError> {
    let refunds::Model {
        id,
        payment_id,
        place: _,
        state,
        amount_minor,
        currency,
        reason,
        provider_reference,
        failure,
        asked_at,
        attempts,
        created_by,
        created_at,
        updated_at,
        method,
        reference,
    } = row;
    let handed_back = match method {
        Some(method) => Some(HandedBack { method, reference }),
        None if reference.is_empty() => None,
        None => {
            return Err(StoreError::corrupt("refunds", format!("{id}: a reference without a method")));
        }
    };

    let refund = Refund {
        id,
        payment: payment_id,
        state,
        amount: currency.of(amount_minor),
        reason,
        handed_back,
        provider_reference: not_empty(provider_reference),
        failure: not_empty(failure),
        requested_at: asked_at,
        attempts: narrow("refunds", attempts)?,
        created_by,
        created_at,
        updated_at,
    };
    Ok((payment_id, refund))
}
