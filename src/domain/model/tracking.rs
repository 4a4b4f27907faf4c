//! A courier's reports, in any order and any number of times, and the one state that follows from them.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// A scan or report, normalised.
    pub enum TrackingStatus {
        InfoReceived = "INFO_RECEIVED",
        PickedUp = "PICKED_UP",
        InTransit = "IN_TRANSIT",
        CustomsHold = "CUSTOMS_HOLD",
        Delayed = "DELAYED",
        OutForDelivery = "OUT_FOR_DELIVERY",
        DeliveryAttempted = "DELIVERY_ATTEMPTED",
        AvailableForPickup = "AVAILABLE_FOR_PICKUP",
        Delivered = "DELIVERED",
        Exception = "EXCEPTION",
        Returning = "RETURNING",
        Returned = "RETURNED",
        Lost = "LOST",
        Unknown = "UNKNOWN",
    }
}

string_enum! {
    /// Who says what a report says.
    pub enum ReportOrigin {
        Courier = "COURIER",
        /// The warehouse, which confirms the pickup.
        Pickup = "PICKUP",
        /// A person, who confirms the delivery.
        Confirmation = "CONFIRMATION",
        /// A person, who has the goods delivered again.
        Resolution = "RESOLUTION",
    }
}

/// One report as a courier gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingReport {
    /// The number of the package that it is about; 0: all of the shipment.
    pub package: i32,
    /// The courier's own id of the event; empty: none.
    pub event_id: String,
    pub status: TrackingStatus,
    pub incident: String,
    pub location: String,
    pub occurred_at: Timestamp,
    pub estimated_at: Option<Timestamp>,
    pub raw_code: String,
    pub description: String,
    /// For DELIVERED: who took it.
    pub received_by: String,
}

/// One report about a shipment. Two reports with the same `key` are the same report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingEvent {
    /// 1…n within the shipment, in the order of recording: where a stream resumes.
    pub sequence: i64,
    pub status: TrackingStatus,
    /// The family of an incident, such as `WEATHER_` or `ADDRESS_`, and its code; empty if none.
    pub incident: String,
    /// Where, in words.
    pub location: String,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    /// The courier's new estimate of delivery, if it gave one.
    pub estimated_at: Option<Timestamp>,
    pub source: Actor,
    /// The courier's own code.
    pub raw_code: String,
    pub description: String,
    /// The identity of the report, hex: reports of the same event have equal keys.
    pub key: String,
    pub origin: ReportOrigin,
    /// The number of the package that it is about; 0: all of the shipment.
    pub package: i32,
    /// The courier's own id of the event; empty: none.
    pub event_id: String,
    /// Who took it, of a delivery; empty: not said.
    pub received_by: String,
}
