//! The tables of an order's parts: what is listed, constrained or looked up of each. All of a part is in the document of
//! its order.

use sea_orm::EntityTrait;

use crate::domain::{
    Actor, Approval, ApprovalId, ApprovalState, CarrierLabel, CourierCode, CreditNote, CreditNoteId,
    Currency, Gate, Hold, HoldId, HoldReason, HoldState, Invoice, InvoiceId, InvoiceState, LabelFile,
    LocationCode, LotUnits, Means, Message, MessageId, MessageKind, MessageState, MessageText, Method, Order,
    OrderId, OrderLine, Payment, PaymentId, PaymentState, ProviderRequest, Refund, RefundId, RefundState,
    RegionCode, Shipment, ShipmentId, ShipmentItem, ShipmentState, Sku, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::rows::document;
use crate::store::rows::order::orders;
use crate::store::rows::table::table;

table! {
    "order_lines" as order_lines (order_id: OrderId, number: i32)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        sku: Sku,
        description: String,
        quantity: i64,
        unit_price_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        cancelled: i64,
        refunded: i64,
        returned: i64,
        waiting: i64,
    }
}

table! {
    "order_waits" as order_waits (order_id: OrderId, sku: Sku)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        region: RegionCode,
        quantity: i64,
        number: i64,
        caller: Actor,
    }
}

table! {
    "holds" as holds (id: HoldId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        reason: HoldReason,
        state: HoldState,
        placed_at: Timestamp,
        released_at: Option<Timestamp>,
    }
}

table! {
    "approvals" as approvals (id: ApprovalId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        gate: Gate,
        state: ApprovalState,
        archived: bool,
        amount_minor: i64,
        currency: Currency,
        requested_by: Actor,
        requested_at: Timestamp,
        expires_at: Option<Timestamp>,
        decided_by: Option<Actor>,
        decided_at: Option<Timestamp>,
    }
}

table! {
    "messages" as messages (id: MessageId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        kind: MessageKind,
        state: MessageState,
        archived: bool,
        dedupe_key: String,
        shipment_id: Option<ShipmentId>,
        created_at: Timestamp,
        sent_at: Option<Timestamp>,
        failed_at: Option<Timestamp>,
    }
}

table! {
    "message_texts" as message_texts (message_id: MessageId) {
        content: Vec<u8>,
    }
}

table! {
    "invoice_numbers" as invoice_numbers (series: String, number: i64) {
        invoice_id: InvoiceId,
        order_id: OrderId,
    }
}

table! {
    "invoices" as invoices (id: InvoiceId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        series: String,
        number: i64,
        state: InvoiceState,
        archived: bool,
        currency: Currency,
        prices_include_tax: bool,
        subtotal_minor: i64,
        discount_minor: i64,
        shipping_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        issued_at: Timestamp,
        supplements_id: Option<InvoiceId>,
    }
}

table! {
    "credit_note_numbers" as credit_note_numbers (series: String, number: i64) {
        credit_note_id: CreditNoteId,
        order_id: OrderId,
    }
}

table! {
    "credit_notes" as credit_notes (id: CreditNoteId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        invoice_id: InvoiceId,
        series: String,
        number: i64,
        archived: bool,
        currency: Currency,
        prices_include_tax: bool,
        subtotal_minor: i64,
        discount_minor: i64,
        shipping_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        issued_at: Timestamp,
    }
}

table! {
    "payments" as payments (id: PaymentId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        invoice_id: InvoiceId,
        method: Method,
        state: PaymentState,
        archived: bool,
        request: Option<ProviderRequest>,
        amount_minor: i64,
        currency: Currency,
        captured_minor: i64,
        provider: String,
        provider_reference: String,
        reference: String,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

table! {
    "refunds" as refunds (id: RefundId)
    belongs to payments by "Column::PaymentId" = "super::payments::Column::Id"
    {
        order_id: OrderId,
        payment_id: PaymentId,
        state: RefundState,
        archived: bool,
        amount_minor: i64,
        currency: Currency,
        method: Option<Method>,
        reference: String,
        provider_reference: String,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

table! {
    "payment_references" as payment_references (method: Method, reference: String) {
        payment_id: PaymentId,
        order_id: OrderId,
    }
}

table! {
    "shipments" as shipments (id: ShipmentId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        number: i32,
        location: LocationCode,
        state: ShipmentState,
        archived: bool,
        units: i64,
        tracking_number: Option<String>,
        courier: Option<CourierCode>,
        handed_over_at: Option<Timestamp>,
        received_at: Option<Timestamp>,
        estimated_at: Option<Timestamp>,
        late: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

table! {
    "tracking_numbers" as tracking_numbers (courier: CourierCode, number: String)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        shipment_id: ShipmentId,
        package: i32,
    }
}

table! {
    "shipment_lots" as shipment_lots (shipment_id: ShipmentId, line: i32, lot: String)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        sku: Sku,
        location: LocationCode,
        expires_on: i32,
        quantity: i64,
        picked: i64,
        in_house: bool,
    }
}

table! {
    "carrier_labels" as carrier_labels (sha256: String) {
        content: Vec<u8>,
    }
}

pub(super) fn line(order: &Order, line: &OrderLine) -> order_lines::Model {
    order_lines::Model {
        order_id: order.id,
        number: line.number,
        sku: line.sku.clone(),
        description: line.description.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        tax_minor: line.amounts.tax_minor,
        total_minor: line.amounts.total_minor,
        cancelled: line.cancelled_quantity,
        refunded: line.refunded_quantity,
        returned: order.returned_units(line.number),
        waiting: line.waiting_quantity,
    }
}

/// Units that an order waits for, product by product.
pub(super) fn waits(order: &Order) -> Vec<order_waits::Model> {
    use std::collections::BTreeMap;

    let Some(region) = &order.region else { return Vec::new() };
    let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
    for (line, awaited) in order.awaited_units() {
        *units.entry(&line.sku).or_default() += awaited;
    }
    let row = |(sku, quantity): (&Sku, i64)| order_waits::Model {
        order_id: order.id,
        sku: sku.clone(),
        region: region.clone(),
        quantity,
        number: order.number,
        caller: order.created_by.clone(),
    };
    units.into_iter().map(row).collect()
}

pub(super) fn hold(order: &Order, hold: &Hold) -> holds::Model {
    holds::Model {
        id: hold.id,
        order_id: order.id,
        reason: hold.reason,
        state: hold.state,
        placed_at: hold.placed_at,
        released_at: hold.released_at,
    }
}

pub(super) fn approval(order: &Order, approval: &Approval) -> approvals::Model {
    approvals::Model {
        id: approval.id,
        order_id: approval.order,
        gate: approval.gate,
        state: approval.state,
        archived: order.is_archived(),
        amount_minor: approval.amount.minor,
        currency: approval.amount.currency,
        requested_by: approval.requested_by.clone(),
        requested_at: approval.requested_at,
        expires_at: approval.expires_at,
        decided_by: approval.decided_by.clone(),
        decided_at: approval.decided_at,
    }
}

pub(super) fn message(order: &Order, message: &Message) -> messages::Model {
    messages::Model {
        id: message.id,
        order_id: order.id,
        kind: message.kind,
        state: message.state,
        archived: order.is_archived(),
        dedupe_key: message.key.clone(),
        shipment_id: message.shipment,
        created_at: message.created_at,
        sent_at: message.sent_at,
        failed_at: message.failed_at,
    }
}

pub(super) fn invoice_number(invoice: &Invoice) -> invoice_numbers::Model {
    invoice_numbers::Model {
        series: invoice.series.clone(),
        number: invoice.number,
        invoice_id: invoice.id,
        order_id: invoice.order,
    }
}

pub(super) fn invoice(order: &Order, invoice: &Invoice) -> invoices::Model {
    let amounts = &invoice.amounts;
    invoices::Model {
        id: invoice.id,
        order_id: invoice.order,
        series: invoice.series.clone(),
        number: invoice.number,
        state: invoice.state,
        archived: order.is_archived(),
        currency: amounts.currency,
        prices_include_tax: amounts.prices_include_tax,
        subtotal_minor: amounts.subtotal_minor,
        discount_minor: amounts.discount_minor,
        shipping_minor: amounts.shipping_minor,
        tax_minor: amounts.tax_minor,
        total_minor: amounts.total_minor,
        issued_at: invoice.issued_at,
        supplements_id: invoice.supplements,
    }
}

pub(super) fn credit_note_number(note: &CreditNote) -> credit_note_numbers::Model {
    credit_note_numbers::Model {
        series: note.series.clone(),
        number: note.number,
        credit_note_id: note.id,
        order_id: note.order,
    }
}

pub(super) fn credit_note(order: &Order, note: &CreditNote) -> credit_notes::Model {
    let amounts = &note.amounts;
    credit_notes::Model {
        id: note.id,
        order_id: note.order,
        invoice_id: note.invoice,
        series: note.series.clone(),
        number: note.number,
        archived: order.is_archived(),
        currency: amounts.currency,
        prices_include_tax: amounts.prices_include_tax,
        subtotal_minor: amounts.subtotal_minor,
        discount_minor: amounts.discount_minor,
        shipping_minor: amounts.shipping_minor,
        tax_minor: amounts.tax_minor,
        total_minor: amounts.total_minor,
        issued_at: note.issued_at,
    }
}

pub(super) fn payment(order: &Order, payment: &Payment) -> payments::Model {
    let (provider, provider_reference, reference) = match &payment.means {
        Means::Provider(at) => (at.provider.as_str(), at.reference.as_deref().unwrap_or_default(), ""),
        Means::ByHand { reference, tendered_minor: _ } => ("", "", reference.as_str()),
        // Who has the code can spend it: it is in the document alone.
        Means::StoreCredit(_) => ("", "", ""),
    };
    payments::Model {
        id: payment.id,
        order_id: payment.order,
        invoice_id: payment.invoice,
        method: payment.method,
        state: payment.state,
        archived: order.is_archived(),
        request: payment.open_request(),
        amount_minor: payment.amount.minor,
        currency: payment.amount.currency,
        captured_minor: payment.captured_minor,
        provider: provider.to_owned(),
        provider_reference: provider_reference.to_owned(),
        reference: reference.to_owned(),
        created_at: payment.created_at,
        updated_at: payment.updated_at,
    }
}

pub(super) fn refund(order: &Order, refund: &Refund) -> refunds::Model {
    refunds::Model {
        id: refund.id,
        order_id: order.id,
        payment_id: refund.payment,
        state: refund.state,
        archived: order.is_archived(),
        amount_minor: refund.amount.minor,
        currency: refund.amount.currency,
        method: refund.handed_back.as_ref().map(|it| it.method),
        reference: refund.handed_back.as_ref().map(|it| it.reference.clone()).unwrap_or_default(),
        provider_reference: refund.provider_reference.clone().unwrap_or_default(),
        created_at: refund.created_at,
        updated_at: refund.updated_at,
    }
}

pub(super) fn shipment(order: &Order, shipment: &Shipment) -> shipments::Model {
    shipments::Model {
        id: shipment.id,
        order_id: shipment.order,
        number: shipment.number,
        location: shipment.location.clone(),
        state: shipment.state,
        archived: order.is_archived(),
        units: shipment.items.iter().map(|it| it.quantity).sum(),
        tracking_number: shipment.label.as_ref().map(|it| it.tracking_number.clone()),
        courier: shipment.assignment.as_ref().map(|it| it.courier.clone()),
        handed_over_at: shipment.handover.as_ref().map(|it| it.at),
        received_at: shipment.proof.as_ref().map(|it| it.at),
        estimated_at: shipment.estimated_at,
        late: !shipment.slips.is_empty(),
        created_at: shipment.created_at,
        updated_at: shipment.updated_at,
    }
}

/// The numbers that couriers gave to the packages of an order.
pub(super) fn numbers(order: &Order) -> Vec<tracking_numbers::Model> {
    let labels = order.shipments.iter().flat_map(|it| it.carrier_labels.iter().map(|label| (it.id, label)));
    let row = |(shipment_id, label): (ShipmentId, &CarrierLabel)| tracking_numbers::Model {
        courier: label.courier.clone(),
        number: label.number.clone(),
        order_id: order.id,
        shipment_id,
        package: label.package,
    };
    labels.map(row).collect()
}

/// Of which lots the units of an order's shipments are.
pub(super) fn lots(order: &Order) -> Vec<shipment_lots::Model> {
    let items = order.shipments.iter().flat_map(|it| it.items.iter().map(move |item| (it, item)));
    let units = items.flat_map(|(shipment, item)| item.lots.iter().map(move |it| (shipment, item, it)));
    let row = |(shipment, item, it): (&Shipment, &ShipmentItem, &LotUnits)| shipment_lots::Model {
        shipment_id: shipment.id,
        line: item.line,
        lot: it.name.to_string(),
        order_id: order.id,
        sku: item.sku.clone(),
        location: shipment.location.clone(),
        expires_on: it.expires_on.number(),
        quantity: it.quantity,
        picked: it.picked,
        in_house: shipment.handover.is_none(),
    };
    units.map(row).collect()
}

pub(in crate::store) fn message_text(
    (message_id, text): &(MessageId, MessageText),
) -> Result<message_texts::Model, StoreError> {
    Ok(message_texts::Model { message_id: *message_id, content: document::encode("message_texts", text)? })
}

pub(in crate::store) fn label_file(file: &LabelFile) -> carrier_labels::Model {
    let LabelFile { sha256, content } = file.clone();
    carrier_labels::Model { sha256, content }
}
