//! From the pick list to the doorstep: one shipment from one location.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::booking::Booking;
use crate::domain::model::day::Day;
use crate::domain::model::handling::Handling;
use crate::domain::model::lot::LotUnits;
use crate::domain::model::money::Money;
use crate::domain::model::scalars::{
    Actor, CourierCode, LocationCode, OrderId, RefundId, ServiceLevel, ShipmentId, Sku, string_enum,
};
use crate::domain::model::slip::Slip;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::model::tracking::{ReportOrigin, TrackingEvent};

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
    /// The courier's own labels, at most one per package, in the order of the packages.
    pub carrier_labels: Vec<CarrierLabel>,
    /// How many labels were recorded in all, also those that others replaced.
    pub labels_recorded: u32,
    /// How often a report that was known said more.
    pub reports_updated: u32,
    /// What people decided when something went wrong, in order.
    pub resolutions: Vec<Resolution>,
    /// The expected deliveries that the customer was told since the promise, one after the other.
    #[serde(default)]
    pub told: Vec<Timestamp>,
    /// The slips that were noticed and stand.
    #[serde(default)]
    pub slips: Vec<Slip>,
    /// With the assigned courier, if that is booked through an interface of its own.
    pub booking: Option<Booking>,
    /// Bookings that are to be called off, until the courier has confirmed it.
    pub called_off: Vec<Booking>,
    /// Why the courier that was assigned last would not carry it; it was released.
    pub courier_refusal: Option<String>,
    /// Whether it brings what waited for stock after the rest of the order was planned: what was promised of the order
    /// does not count for it.
    #[serde(default)]
    pub brings_rest: bool,
    /// Where it was sent to, if the order names another address since. None: to the order's.
    #[serde(default)]
    pub sent_to: Option<Box<Address>>,
    /// The couriers that would not carry it as it is labelled now: they are chosen again only by name.
    #[serde(default)]
    pub refused_by: BTreeSet<CourierCode>,
}

impl Shipment {
    /// The day by its courier's clock on which the courier is to come, or came; None: it has no courier.
    pub fn pickup_day(&self) -> Option<Day> {
        let assignment = self.assignment.as_ref()?;
        let at = self.handover.as_ref().map_or(assignment.pickup_at, |it| it.at);
        Some(assignment.time_zone.clock().day_of(at))
    }

    /// Whether it set out and will not arrive, as far as is known.
    pub fn is_astray(&self) -> bool {
        matches!(self.state, ShipmentState::Returned | ShipmentState::Lost)
    }

    /// Whether it went astray, and nothing of it is wanted any more.
    pub fn is_given_up(&self) -> bool {
        self.is_astray() && self.items.iter().all(|it| it.remaining() == 0)
    }

    /// Units of a line in it that are wanted.
    pub(in crate::domain) fn units_of(&self, line: i32) -> i64 {
        let items = self.items.iter().filter(|it| it.line == line);
        items.fold(0, |sum, it| sum.saturating_add(it.remaining()))
    }

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
    /// Units of a shipment that was lost or returned which are not wanted any more.
    #[serde(default)]
    pub cancelled: i64,
    /// Of a product with lots: which its units are of, from the pick list on; those that left, if it has left.
    /// Law: of a shipment in the house their picked units are the item's.
    #[serde(default)]
    pub lots: Vec<LotUnits>,
}

impl ShipmentItem {
    /// Units that are wanted.
    pub fn remaining(&self) -> i64 {
        self.quantity - self.cancelled
    }

    /// Of all its units; zero: unknown.
    pub fn volume_mm3(&self) -> i64 {
        self.handling.volume_mm3().saturating_mul(self.quantity)
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
    /// The courier's own, as it was then.
    pub time_zone: TimeZone,
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
    /// A person's confirmation, or the courier's report.
    pub origin: ReportOrigin,
}

/// The label that the courier gave for one package, under the courier's own number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierLabel {
    /// 1…n, as the package.
    pub package: i32,
    pub courier: CourierCode,
    /// Unique for the courier.
    pub number: String,
    /// Of the label's file; empty: only the number was recorded.
    pub media_type: String,
    /// SHA-256 of the file, hex, under which it is kept; empty: there is none.
    pub sha256: String,
    pub recorded_by: Actor,
    pub recorded_at: Timestamp,
}

string_enum! {
    /// What is done about a shipment that went wrong.
    pub enum ResolutionKind {
        /// The courier tries again at the same address.
        Redeliver = "REDELIVER",
        /// The courier delivers to another address.
        NewAddress = "NEW_ADDRESS",
        /// The customer gets the money back.
        Refund = "REFUND",
    }
}

/// A person's decision about a shipment that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    pub kind: ResolutionKind,
    pub reason: String,
    /// For NEW_ADDRESS: where it goes instead.
    pub address: Option<Address>,
    /// For REFUND: what was given back.
    pub refunds: Vec<RefundId>,
    pub decided_by: Actor,
    pub decided_at: Timestamp,
}

impl Shipment {
    /// Where it goes, if that is not the order's address any more.
    pub fn new_address(&self) -> Option<&Address> {
        let decided = self.resolutions.iter().rev().find_map(|it| it.address.as_ref());
        decided.or(self.sent_to.as_deref())
    }

    /// The numbers under which its courier knows it: the courier's own, or ours where there are none.
    pub fn courier_numbers(&self) -> Vec<&str> {
        match self.carrier_labels.as_slice() {
            [] => self.label.iter().map(|it| it.tracking_number.as_str()).collect(),
            labels => labels.iter().map(|it| it.number.as_str()).collect(),
        }
    }

    /// The number of the package that the courier knows under this number of its own; 0: all of them.
    pub fn package_numbered(&self, number: &str) -> i32 {
        self.carrier_labels.iter().find(|it| it.number == number).map_or(0, |it| it.package)
    }
}
