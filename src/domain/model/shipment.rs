//! From the pick list to the doorstep: one shipment from one location.

use serde::{Deserialize, Serialize};

use crate::domain::model::booking::Booking;
use crate::domain::model::handling::{Dimensions, Handling};
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
    /// With the assigned courier, if that is booked through an interface of its own.
    pub booking: Option<Booking>,
    /// Bookings that are to be called off, until the courier has confirmed it.
    pub called_off: Vec<Booking>,
    /// Why the courier that was assigned last would not carry it; it was released.
    pub courier_refusal: Option<String>,
}

impl Shipment {
    pub fn has_dangerous_goods(&self) -> bool {
        self.items.iter().any(|it| it.handling.dangerous)
    }
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

impl ShipmentItem {
    /// Of all its units; zero: unknown.
    pub fn volume_mm3(&self) -> i64 {
        let Some(Dimensions { length_mm, width_mm, height_mm }) = self.handling.dimensions else { return 0 };
        [width_mm, height_mm, self.quantity].into_iter().fold(length_mm, i64::saturating_mul)
    }
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
    /// How much more it weighs than it should, or less; zero: as it should, or that is not known.
    #[serde(default)]
    pub deviation_grams: i64,
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
    pub created_at: Timestamp,
    pub created_by: Actor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub courier: CourierCode,
    pub service: ServiceLevel,
    /// The courier's own name of the service; empty: none.
    pub service_name: String,
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
