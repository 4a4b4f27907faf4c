//! Proposals to buy more of a product.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{
    Actor, LocationCode, OrderId, ReplenishmentId, Sku, TransferId, string_enum,
};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum ReplenishmentState {
        Proposed = "PROPOSED",
        Approved = "APPROVED",
        Rejected = "REJECTED",
        Ordered = "ORDERED",
        PartiallyReceived = "PARTIALLY_RECEIVED",
        Received = "RECEIVED",
        Cancelled = "CANCELLED",
    }
}

/// A proposal to buy more of a product for a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replenishment {
    pub id: ReplenishmentId,
    pub version: i64,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub received: i64,
    pub state: ReplenishmentState,
    /// The order that took the stock below its reorder point, if it was an order.
    pub order: Option<OrderId>,
    /// Why this many.
    pub reason: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub decided_by: Option<Actor>,
    /// Who delivers it, at most 200 characters; empty: not said.
    pub supplier: String,
    /// When it is expected to arrive; None: not ordered yet, or nobody knows.
    pub expected_at: Option<Timestamp>,
    /// The transfer that it is, instead of a supplier's delivery: it goes along with that, and no call is about it.
    pub transfer: Option<TransferId>,
}

impl Replenishment {
    /// Whether goods from a supplier may be counted towards it.
    pub fn is_from_supplier(&self) -> bool {
        self.transfer.is_none()
    }

    /// Units that may still come of it.
    pub fn outstanding(&self) -> i64 {
        if self.state.is_open() { (self.quantity - self.received).max(0) } else { 0 }
    }

    /// Units of them that the supplier was asked for.
    pub fn on_order(&self) -> i64 {
        if self.state.is_on_order() { self.outstanding() } else { 0 }
    }
}
