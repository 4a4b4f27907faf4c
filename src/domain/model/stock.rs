//! The stock of a product at a location, and every movement of it.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{
    Actor, LocationCode, MovementId, OrderId, ReservationId, ShipmentId, Sku, TransferId, string_enum,
};
use crate::domain::model::time::Timestamp;

impl StockLevel {
    pub fn empty(sku: Sku, location: LocationCode, at: Timestamp) -> Self {
        Self {
            sku,
            location,
            version: 0,
            on_hand: 0,
            reserved: 0,
            damaged: 0,
            quality_hold: 0,
            safety_stock: 0,
            reorder_point: None,
            reorder_up_to: None,
            updated_at: at,
            incoming: 0,
            lead_time_days: None,
            declined_at: None,
            missing: 0,
        }
    }

    /// What a new reservation may take, never below zero.
    pub fn available(&self) -> i64 {
        (self.free() - self.safety_stock).max(0)
    }

    /// Unreserved stock, safety stock included; negative while a count's missing units are promised.
    pub fn free(&self) -> i64 {
        self.unpromised() - self.missing
    }

    /// What the books have beyond what is promised or unsaleable, missing units included.
    pub fn unpromised(&self) -> i64 {
        self.on_hand - self.promised()
    }

    /// What `on_hand` cannot fall below: units that are promised or unsaleable.
    pub fn promised(&self) -> i64 {
        self.reserved + self.damaged + self.quality_hold
    }
}

/// The stock of one product at one location.
/// Law: `0 ≤ reserved`, `0 ≤ damaged`, `0 ≤ quality_hold`, `reserved + damaged + quality_hold ≤ on_hand`,
/// `0 ≤ missing ≤ on_hand`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    pub sku: Sku,
    pub location: LocationCode,
    pub version: i64,
    /// Physically there, whatever its condition.
    pub on_hand: i64,
    /// Promised to open reservations.
    pub reserved: i64,
    pub damaged: i64,
    pub quality_hold: i64,
    /// Kept back from new reservations; limits them only.
    pub safety_stock: i64,
    /// A replenishment is proposed when fewer units than this are available and to come. None: never.
    pub reorder_point: Option<i64>,
    /// A proposal fills up to this many available units.
    pub reorder_up_to: Option<i64>,
    pub updated_at: Timestamp,
    /// Units that suppliers were asked for and that have not arrived.
    pub incoming: i64,
    /// Days from ordering to arrival; None: not known.
    pub lead_time_days: Option<i64>,
    /// When a person last declined a proposal, in whole or in part, while the stock is below its reorder point since.
    pub declined_at: Option<Timestamp>,
    /// Units of `on_hand` that a count did not find and that are promised still: they leave the books as their
    /// reservations move elsewhere or end.
    pub missing: i64,
}

string_enum! {
    pub enum MovementKind {
        Receipt = "RECEIPT",
        Reserve = "RESERVE",
        Release = "RELEASE",
        Expire = "EXPIRE",
        Ship = "SHIP",
        Adjust = "ADJUST",
        Damage = "DAMAGE",
        QualityHold = "QUALITY_HOLD",
        Restock = "RESTOCK",
        Count = "COUNT",
        TransferOut = "TRANSFER_OUT",
        TransferIn = "TRANSFER_IN",
    }
}

/// One entry of the stock ledger: append only; the level is the sum of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub id: MovementId,
    pub sku: Sku,
    pub location: LocationCode,
    pub kind: MovementKind,
    pub on_hand: i64,
    pub reserved: i64,
    pub damaged: i64,
    pub quality_hold: i64,
    pub reservation: Option<ReservationId>,
    pub order: Option<OrderId>,
    pub shipment: Option<ShipmentId>,
    pub transfer: Option<TransferId>,
    /// Why, or the number of the delivery note.
    pub reason: String,
    pub actor: Actor,
    pub at: Timestamp,
}
