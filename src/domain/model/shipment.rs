//! From the pick list to the doorstep: one shipment from one location.

use serde::{Deserialize, Serialize};

use crate::domain::model::handling::Handling;
use crate::domain::model::money::Money;
use crate::domain::model::scalars::{
    Actor, CourierCode, LocationCode, OrderId, ServiceLevel, ShipmentId, Sku, string_enum,
};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingEvent;

string_enum! {
    pub enum ShipmentState {
        Planned = "PLANNED",
        Picking = "PICKING",
        Picked = "PICKED",
        QcPassed = "QC_PASSED",
        QcFailed = "QC_FAILED",
        Packed = "PACKED",
        Labelled = "LABELLED",
        CourierAssigned = "COURIER_ASSIGNED",
        PickedUp = "PICKED_UP",
        InTransit = "IN_TRANSIT",
        OutForDelivery = "OUT_FOR_DELIVERY",
        DeliveryAttempted = "DELIVERY_ATTEMPTED",
        AvailableForPickup = "AVAILABLE_FOR_PICKUP",
        Exception = "EXCEPTION",
        Returning = "RETURNING",
        Returned = "RETURNED",
        Lost = "LOST",
        Delivered = "DELIVERED",
        Cancelled = "CANCELLED",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    pub id: ShipmentId,
    pub order: OrderId,
    /// 1…n within the order.
    pub number: i32,
    pub version: i64,
    pub location: LocationCode,
    pub state: ShipmentState,
    pub items: Vec<ShipmentItem>,
    pub packages: Vec<Package>,
    pub label: Option<Label>,
    pub assignment: Option<Assignment>,
    pub handover: Option<Handover>,
    pub tracking: Vec<TrackingEvent>,
    pub proof: Option<Proof>,
    /// What the customer was promised.
    pub promised_by: Option<Timestamp>,
    /// The latest estimate, by the courier's report or its rate card.
    pub estimated_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Law: `0 ≤ packed ≤ checked ≤ picked ≤ quantity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentItem {
    pub line: i32,
    pub sku: Sku,
    pub description: String,
    pub quantity: i64,
    pub picked: i64,
    pub checked: i64,
    pub packed: i64,
    /// Of one unit; zero: unknown.
    pub weight_grams: i64,
    #[serde(default)]
    pub handling: Handling,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// 1…n within the shipment.
    pub number: i32,
    pub weight_grams: i64,
    pub length_mm: i64,
    pub width_mm: i64,
    pub height_mm: i64,
    pub contents: Vec<PackedItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedItem {
    pub line: i32,
    pub quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Ours, unique, with a check digit.
    pub tracking_number: String,
    /// For a person or a plain printer.
    pub text: String,
    /// ZPL II for a thermal printer, one form per package.
    pub zpl: String,
    pub created_at: Timestamp,
    pub created_by: Actor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub courier: CourierCode,
    pub service: ServiceLevel,
    pub price: Money,
    pub pickup_at: Timestamp,
    pub delivery_at: Timestamp,
    /// Why this courier and not another.
    pub reason: String,
    pub assigned_by: Actor,
    pub assigned_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    pub at: Timestamp,
    /// The person of the courier who took it.
    pub driver: String,
    pub packages: i32,
    pub confirmed_by: Actor,
}

/// Proof of delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub received_by: String,
    pub location: String,
    /// SHA-256 of the signature or photo, hex; empty if there is none.
    pub signature_sha256: String,
    pub photo_sha256: String,
    pub at: Timestamp,
    pub recorded_by: Actor,
}
