//! The row of an order, archived or not.

use sea_orm::EntityTrait;

use crate::domain::{
    Channel, Currency, FulfillmentStatus, Order, OrderId, OrderState, PaymentStatus, RegionCode, StuckGate,
    Timestamp, caseless, phone_digits,
};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::rows::document;
use crate::store::rows::table::table;

table! {
    "orders" as orders (id: OrderId) {
        number: i64,
        version: i64,
        last_event: i64,
        state: OrderState,
        archived: bool,
        channel: Channel,
        external_reference: String,
        customer_name: String,
        customer_email: String,
        customer_phone: String,
        region: Option<RegionCode>,
        currency: Currency,
        total_minor: i64,
        captured_minor: i64,
        refunded_minor: i64,
        fingerprint: String,
        created_at: Timestamp,
        updated_at: Timestamp,
        late: bool,
        slipped_since: Option<Timestamp>,
        payment_status: PaymentStatus,
        fulfillment_status: FulfillmentStatus,
        next_step: String,
        on_hold: bool,
        stuck_gate: Option<StuckGate>,
        stuck_since: Option<Timestamp>,
        delivered_at: Option<Timestamp>,
        promised_at: Option<Timestamp>,
        run_at: Option<Timestamp>,
        attempts: i64,
        lease_token: i64,
        lease_until: Option<Timestamp>,
        document: Vec<u8>,
    }
}

/// The word of an order of which nothing is to come any more, as the API has it.
pub(in crate::store) const NO_STEP: &str = "UNSPECIFIED";

/// When a worker has something to do, and who is doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct JobFields {
    pub(in crate::store) run_at: Option<Timestamp>,
    /// How often it was claimed since it was last done.
    pub(in crate::store) attempts: i64,
    /// Rises with every claim.
    pub(in crate::store) lease_token: i64,
    pub(in crate::store) lease_until: Option<Timestamp>,
}

pub(in crate::store) fn to_row(
    order: &Order,
    job: JobFields,
    keys: &ArchiveKeys,
) -> Result<orders::Model, StoreError> {
    let in_columns = document::in_columns(order, keys)?;
    let document = document::of_order(order, &in_columns, keys)?;
    Ok(with_document(&in_columns, job, document))
}

/// Its row, with its document as it was encoded.
pub(in crate::store) fn with_document(order: &Order, job: JobFields, document: Vec<u8>) -> orders::Model {
    orders::Model {
        id: order.id,
        number: order.number,
        version: order.version,
        last_event: order.last_event,
        state: order.state,
        archived: order.is_archived(),
        channel: order.channel,
        external_reference: order.external_reference.clone(),
        customer_name: caseless(&order.customer.name),
        customer_email: caseless(&order.customer.email),
        customer_phone: phone_digits(&order.customer.phone),
        region: order.region.clone(),
        currency: order.amounts.currency,
        total_minor: order.amounts.total_minor,
        captured_minor: order.captured_minor(),
        refunded_minor: order.refunded_minor(),
        fingerprint: order.fingerprint.clone(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        late: order.is_late(),
        slipped_since: order.slipped_since(),
        payment_status: order.payment_status(),
        fulfillment_status: order.fulfillment_status(),
        next_step: order.next_step().map_or(NO_STEP, |it| it.0.as_str()).to_owned(),
        on_hold: order.on_hold(),
        stuck_gate: order.waiting.map(|it| it.gate),
        stuck_since: order.waiting.map(|it| it.since),
        delivered_at: order.delivered_at,
        promised_at: order.promised_by,
        run_at: job.run_at,
        attempts: job.attempts,
        lease_token: job.lease_token,
        lease_until: job.lease_until,
        document,
    }
}
