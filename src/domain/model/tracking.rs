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
    /// SHA-256 over (status, occurred_at, place, raw_code, incident), hex: equal reports have equal keys.
    pub key: String,
}
