//! What was paid back for units of an order's lines by one call.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, CreditNoteId, OrderId, RefundId, ReturnId, ShipmentId};
use crate::domain::model::time::Timestamp;

/// Units of one line that are paid back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedUnits {
    pub line: i32,
    pub quantity: i64,
}

/// Law: `retained ≤ value`, `shipping ≤ value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRefund {
    pub units: Vec<RefundedUnits>,
    pub reason: String,
    /// What the units cost, tax and shipping included: what was credited for them.
    pub value_minor: i64,
    /// What of the value is shipping, its tax included.
    pub shipping_minor: i64,
    /// What of the value stays with the shop for good: a fee, or what is given as store credit or pays an exchange.
    pub retained_minor: i64,
    /// What pays it back, one of each payment. Empty: nothing was to be paid back.
    pub refunds: Vec<RefundId>,
    pub credit_notes: Vec<CreditNoteId>,
    /// The return that it answers. None: RefundPayment or ResolveException.
    #[serde(default)]
    pub of_return: Option<ReturnId>,
    /// The shipment whose goods ResolveException paid back by it.
    #[serde(default)]
    pub of_shipment: Option<ShipmentId>,
    pub refunded_by: Actor,
    pub refunded_at: Timestamp,
    /// The order that the units were exchanged for.
    #[serde(default)]
    pub exchanged_for: Option<OrderId>,
}
