//! Proposals to buy more of a product.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, LocationCode, OrderId, ReplenishmentId, Sku, string_enum};
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
    /// The order whose completion made the proposal.
    pub order: Option<OrderId>,
    /// Why this many.
    pub reason: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub decided_by: Option<Actor>,
}
