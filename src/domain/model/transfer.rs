//! Goods on their way from one location to another.

use serde::{Deserialize, Serialize};

use crate::domain::model::lot::LotOnTheWay;
use crate::domain::model::scalars::{Actor, LocationCode, Sku, TransferId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum TransferState {
        InTransit = "IN_TRANSIT",
        PartiallyReceived = "PARTIALLY_RECEIVED",
        Received = "RECEIVED",
        Cancelled = "CANCELLED",
    }
}

/// Goods that left one location for another. Every unit is received, lost, returned or in transit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub id: TransferId,
    pub version: i64,
    pub from: LocationCode,
    pub to: LocationCode,
    pub state: TransferState,
    pub items: Vec<TransferItem>,
    /// When it is expected at its destination; None: not known.
    pub expected_at: Option<Timestamp>,
    /// The number of the delivery note, or why.
    pub note: String,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Units of one product. Law: `0 ≤ received + lost + returned ≤ quantity`, equal once the transfer is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferItem {
    pub sku: Sku,
    /// Units that left.
    pub quantity: i64,
    pub received: i64,
    /// Units that did not arrive.
    pub lost: i64,
    /// Units that came back.
    pub returned: i64,
    /// Of a product with lots: the one that is sent.
    #[serde(default)]
    pub lot: Option<LotOnTheWay>,
}

impl TransferItem {
    pub fn in_transit(&self) -> i64 {
        self.quantity - self.received - self.lost - self.returned
    }
}

impl Transfer {
    pub fn in_transit(&self) -> i64 {
        self.items.iter().map(TransferItem::in_transit).sum()
    }
}
