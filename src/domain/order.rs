//! The order: everything one order needs to be decided upon.

use serde::{Deserialize, Serialize};

use super::words::words;
use super::{
    Actor, Address, Amounts, Approval, Channel, Check, Customer, Discount, Feedback, HoldId, Invoice,
    LineAmounts, LocationCode, Message, Money, OnShortage, OrderId, Payment, RegionCode, Reservation, Risk,
    ServiceLevel, Shipment, Sku, Timestamp,
};

words! {
    pub enum OrderState {
        Received = "RECEIVED",
        Verified = "VERIFIED",
        AwaitingStock = "AWAITING_STOCK",
        Reserved = "RESERVED",
        ReservationApproved = "RESERVATION_APPROVED",
        Invoiced = "INVOICED",
        PaymentCaptured = "PAYMENT_CAPTURED",
        PaymentApproved = "PAYMENT_APPROVED",
        Fulfilling = "FULFILLING",
        PartiallyShipped = "PARTIALLY_SHIPPED",
        Shipped = "SHIPPED",
        PartiallyDelivered = "PARTIALLY_DELIVERED",
        Delivered = "DELIVERED",
        Closed = "CLOSED",
        Archived = "ARCHIVED",
        Rejected = "REJECTED",
        Cancelled = "CANCELLED",
        Expired = "EXPIRED",
    }
}

/// One order with all its parts. The parts are loaded, decided upon and saved together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    /// For people, rising, may have gaps; 0 only until the writer has numbered it, just before it is stored.
    pub number: i64,
    /// Rises with every change; the etag.
    pub version: i64,
    /// The sequence of the last event.
    pub last_event: i64,
    pub state: OrderState,
    /// For an archived order: the state before.
    pub archived_from: Option<OrderState>,
    pub channel: Channel,
    /// The caller's own number, unique per channel; empty: none.
    pub external_reference: String,
    pub customer: Customer,
    pub shipping_address: Address,
    /// None: as the shipping address.
    pub billing_address: Option<Address>,
    /// None while the country is not served.
    pub region: Option<RegionCode>,
    pub lines: Vec<OrderLine>,
    pub amounts: Amounts,
    /// The discount on the whole order as asked for; its shares are in the lines.
    pub discount: Option<Discount>,
    pub discount_code: String,
    /// At most 1,000 characters.
    pub special_instructions: String,
    pub service: ServiceLevel,
    pub on_shortage: OnShortage,
    /// The caller's own lifetime for the hold; None: as settings say.
    pub reservation_lifetime_seconds: Option<u64>,
    /// When the customer would like it.
    pub requested_by: Option<Timestamp>,
    pub promised_by: Option<Timestamp>,
    pub risk: Risk,
    /// Why the risk is what it is.
    pub risk_reasons: Vec<String>,
    pub checks: Vec<Check>,
    pub availability: Option<AvailabilityFound>,
    /// Equal for orders of the same customer for the same goods: SHA-256, hex.
    pub fingerprint: String,
    pub holds: Vec<Hold>,
    /// The last one is the current one.
    pub reservations: Vec<Reservation>,
    pub approvals: Vec<Approval>,
    /// The last one is the current one; earlier ones are void.
    pub invoices: Vec<Invoice>,
    pub payments: Vec<Payment>,
    pub shipments: Vec<Shipment>,
    pub messages: Vec<Message>,
    pub feedback: Option<Feedback>,
    pub cancel_reason: String,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// 1…n within the order.
    pub number: i32,
    pub sku: Sku,
    pub description: String,
    pub tax_category: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    /// The line's own discount as asked for.
    pub discount: Option<Discount>,
    pub amounts: LineAmounts,
    /// Of one unit; zero: unknown.
    pub weight_grams: i64,
}

/// The evidence of step 3, as found when it was last looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityFound {
    pub at: Timestamp,
    pub lines: Vec<LineAvailability>,
    /// Earliest handover to a courier if everything is there.
    pub earliest_ship_at: Option<Timestamp>,
    /// Whether the requested date can be met; None: no date was requested.
    pub requested_date_feasible: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAvailability {
    pub line: i32,
    pub sku: Sku,
    pub wanted: i64,
    /// In the order's region, for this order: without what older waiting orders are waiting for.
    pub available: i64,
    pub by_location: Vec<(LocationCode, i64)>,
    /// Why it is short; empty if it is not.
    pub shortage: String,
}

words! {
    pub enum HoldReason {
        VerificationFailed = "VERIFICATION_FAILED",
        IncorrectAddress = "INCORRECT_ADDRESS",
        HighRiskOfFraud = "HIGH_RISK_OF_FRAUD",
        UnknownDeliveryDate = "UNKNOWN_DELIVERY_DATE",
        QualityFailure = "QUALITY_FAILURE",
        CustomerRequest = "CUSTOMER_REQUEST",
        Compliance = "COMPLIANCE",
        Other = "OTHER",
    }
}

words! {
    pub enum HoldState {
        Active = "ACTIVE",
        Released = "RELEASED",
    }
}

/// Stops every forward move of an order while it is active; cancelling stays possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: HoldId,
    pub reason: HoldReason,
    pub note: String,
    pub state: HoldState,
    pub placed_by: Actor,
    pub placed_at: Timestamp,
    pub released_by: Option<Actor>,
    pub released_at: Option<Timestamp>,
    pub release_note: String,
}

/// What a caller gives to create an order. Texts are bounded, references are not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub channel: Channel,
    pub external_reference: String,
    pub customer: Customer,
    pub shipping_address: Address,
    pub billing_address: Option<Address>,
    pub currency: super::Currency,
    pub lines: Vec<NewLine>,
    pub discount: Option<Discount>,
    pub discount_code: String,
    pub prices_include_tax: bool,
    /// None: as settings say for the region and service.
    pub shipping_fee: Option<Money>,
    pub special_instructions: String,
    pub service: ServiceLevel,
    pub on_shortage: OnShortage,
    pub reservation_lifetime_seconds: Option<u64>,
    pub requested_by: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    pub sku: Sku,
    pub quantity: i64,
    /// None: the product's list price.
    pub unit_price: Option<Money>,
    pub discount: Option<Discount>,
    /// Empty: the product's name.
    pub description: String,
}
