//! A location that holds stock.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{LocationCode, RegionCode};
use crate::domain::model::time::Timestamp;

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
