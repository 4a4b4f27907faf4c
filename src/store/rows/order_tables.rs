//! The tables of an order itself.

use sea_orm::EntityTrait;

use crate::domain::{
    Actor, Channel, Currency, HoldId, HoldReason, HoldState, OnShortage, OrderId, OrderState, RegionCode,
    Risk, ServiceLevel, Sku, Timestamp,
};
use crate::store::rows::table::table;

pub(super) const TABLE: &str = "orders";

table! {
    "orders" as orders (id: OrderId) {
        number: i64,
        version: i64,
        last_event: i64,
        state: OrderState,
        channel: Channel,
        external_reference: String,
        customer_name: String,
        customer_email: String,
        customer_phone: String,
        customer_locale: String,
        recipient: String,
        organization: String,
        street: String,
        city: String,
        area: String,
        postal_code: String,
        country: String,
        billing_address: Option<String>,
        region: Option<RegionCode>,
        currency: Currency,
        prices_include_tax: bool,
        subtotal_minor: i64,
        discount_minor: i64,
        shipping_minor: i64,
        shipping_tax_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        order_discount_minor: Option<i64>,
        order_discount_ppm: Option<i64>,
        discount_code: String,
        special_instructions: String,
        service: ServiceLevel,
        on_shortage: OnShortage,
        reservation_lifetime_seconds: Option<i64>,
        requested_by: Option<Timestamp>,
        promised_by: Option<Timestamp>,
        risk: Risk,
        risk_reasons: String,
        checks: String,
        availability: Option<String>,
        fingerprint: String,
        cancel_reason: String,
        created_by: Actor,
        created_at: Timestamp,
        updated_at: Timestamp,
        delivered_at: Option<Timestamp>,
        closed_at: Option<Timestamp>,
    }
}

table! {
    "order_lines" as order_lines (order_id: OrderId, number: i32) {
        sku: Sku,
        description: String,
        tax_category: String,
        quantity: i64,
        unit_price_minor: i64,
        line_discount_minor: Option<i64>,
        line_discount_ppm: Option<i64>,
        gross_minor: i64,
        discount_minor: i64,
        discount_share_minor: i64,
        tax_rate_ppm: i64,
        tax_minor: i64,
        total_minor: i64,
        weight_grams: i64,
    }
}

table! {
    "holds" as holds (id: HoldId) {
        order_id: OrderId,
        place: i32,
        reason: HoldReason,
        note: String,
        state: HoldState,
        placed_by: Actor,
        placed_at: Timestamp,
        released_by: Option<Actor>,
        released_at: Option<Timestamp>,
        release_note: String,
    }
}

table! {
    "order_waits" as order_waits (order_id: OrderId, sku: Sku) {
        region: RegionCode,
        quantity: i64,
        number: i64,
    }
}
