//! A location that holds stock.

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::calendar::WorkingCalendar;
use crate::domain::model::scalars::{LocationCode, RegionCode};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;

/// A warehouse or shop that holds stock for one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub code: LocationCode,
    pub version: i64,
    pub name: String,
    pub region: RegionCode,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The sender on labels. None: not said.
    pub address: Option<Address>,
    pub calendar: WorkingCalendar,
    /// Lower serves first.
    pub priority: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// False: nothing more is allocated from it.
    pub active: bool,
}

impl Location {
    /// A new location, named like its code, that serves its region first and works at all hours.
    pub fn new(code: LocationCode, region: RegionCode, country: impl Into<String>, at: Timestamp) -> Self {
        let country = country.into();
        let time_zone = TimeZone::of_country(&country).unwrap_or_else(TimeZone::utc);
        Self {
            version: 0,
            name: code.to_string(),
            code,
            region,
            country,
            address: None,
            calendar: WorkingCalendar::always(time_zone),
            priority: 0,
            created_at: at,
            updated_at: at,
            active: true,
        }
    }
}
