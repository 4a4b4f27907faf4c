//! Products, places, what is on the shelf and every movement of it.

use serde::{Deserialize, Serialize};

use super::words::words;
use super::{
    Actor, LocationCode, Money, MovementId, OrderId, RegionCode, ReplenishmentId, ReservationId, ShipmentId,
    Sku, Timestamp,
};

/// What can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub sku: Sku,
    pub version: i64,
    /// 1–200 characters.
    pub name: String,
    /// `STANDARD` when left out; chooses the tax rule.
    pub tax_category: String,
    /// The list price; a line without a price of its own takes this one.
    pub unit_price: Option<Money>,
    /// Of one unit, for quotes and plausibility of packages. Zero: unknown.
    pub weight_grams: i64,
    pub created_at: Timestamp,
}

/// A warehouse or shop that holds stock for one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub code: LocationCode,
    pub version: i64,
    pub name: String,
    pub region: RegionCode,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Lower serves first.
    pub priority: i32,
    pub created_at: Timestamp,
}

/// The stock of one product at one location.
/// Law: `0 ≤ reserved`, `0 ≤ damaged`, `0 ≤ quality_hold`, `reserved + damaged + quality_hold ≤ on_hand`.
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
    /// Below this many available units a replenishment is proposed. None: never.
    pub reorder_point: Option<i64>,
    /// A proposal fills up to this many available units.
    pub reorder_up_to: Option<i64>,
    pub updated_at: Timestamp,
}

words! {
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
    /// Why, or the number of the delivery note.
    pub reason: String,
    pub actor: Actor,
    pub at: Timestamp,
}

words! {
    /// HELD expires; CONFIRMED does not.
    pub enum ReservationState {
        Held = "HELD",
        Confirmed = "CONFIRMED",
        PartiallyConsumed = "PARTIALLY_CONSUMED",
        Consumed = "CONSUMED",
        Released = "RELEASED",
        Expired = "EXPIRED",
    }
}

/// Units set aside, all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub id: ReservationId,
    pub version: i64,
    /// None: another caller's reservation, named by `reference`.
    pub order: Option<OrderId>,
    pub reference: String,
    pub state: ReservationState,
    /// When the hold ends unless confirmed. None once confirmed, and while a payment is being captured (pinned).
    pub expires_at: Option<Timestamp>,
    pub items: Vec<ReservedItem>,
    /// Why these locations.
    pub plan: String,
    pub created_by: Actor,
    pub created_at: Timestamp,
}

/// Law: `0 ≤ consumed + released ≤ quantity`, equal once the reservation is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedItem {
    /// 1…n within the reservation.
    pub number: i32,
    /// The order line this is for; 0 in another caller's reservation.
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub consumed: i64,
    pub released: i64,
}

words! {
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
