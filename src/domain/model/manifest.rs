//! What one courier takes at one location on one day.

use time::Date;

use crate::domain::model::scalars::{CourierCode, LocationCode, ServiceLevel, ShipmentId};
use crate::domain::model::time::Timestamp;

/// The parcels that wait for one pickup. It is made of the shipments whenever it is asked for, and not stored: what was
/// handed over, or given to another courier, is no longer on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub courier: CourierCode,
    pub courier_name: String,
    pub location: LocationCode,
    pub location_name: String,
    /// The day of the pickup by the courier's own clock.
    pub day: Date,
    /// In the order of their pickup, then of the orders.
    pub entries: Vec<ManifestEntry>,
}

/// One shipment on a manifest. It names the town and nothing more of the customer: the paper goes with the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    pub shipment: ShipmentId,
    pub order_number: i64,
    /// Number of the shipment within its order.
    pub number: i32,
    /// The courier's own, that of the first package; ours if there is none.
    pub tracking_number: String,
    pub service: ServiceLevel,
    pub packages: i32,
    pub weight_grams: i64,
    /// Whether dangerous goods are in it.
    pub dangerous: bool,
    pub town: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub pickup_at: Timestamp,
}

impl Manifest {
    pub fn packages(&self) -> i64 {
        self.entries.iter().map(|it| i64::from(it.packages)).sum()
    }

    pub fn weight_grams(&self) -> i64 {
        self.entries.iter().map(|it| it.weight_grams).fold(0, i64::saturating_add)
    }
}
