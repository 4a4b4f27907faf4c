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
    pub updated_at: Timestamp,
    /// False: nothing more is allocated from it.
    pub active: bool,
}

impl Location {
    /// A new location, named like its code, that serves its region first.
    pub fn new(code: LocationCode, region: RegionCode, country: impl Into<String>, at: Timestamp) -> Self {
        Self {
            version: 0,
            name: code.to_string(),
            code,
            region,
            country: country.into(),
            priority: 0,
            created_at: at,
            updated_at: at,
            active: true,
        }
    }

    #[must_use]
    pub fn with(mut self, change: LocationChange) -> Self {
        match change {
            LocationChange::Name(name) => self.name = name,
            LocationChange::Region(region) => self.region = region,
            LocationChange::Country(country) => self.country = country,
            LocationChange::Priority(priority) => self.priority = priority,
        }
        self
    }
}

/// One field of a location as a person entered it. Its code is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationChange {
    Name(String),
    Region(RegionCode),
    Country(String),
    Priority(i32),
}
