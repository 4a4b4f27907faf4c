//! A location that has stock.

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::calendar::{WorkingCalendar, WorkingHours};
use crate::domain::model::day::Day;
use crate::domain::model::scalars::{LocationCode, RegionCode};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;

/// A warehouse or shop that has stock for one region.
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
    /// How many shipments it sends on one day of its own calendar. None: any number.
    #[serde(default)]
    pub shipments_per_day: Option<u32>,
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
            shipments_per_day: None,
        }
    }

    #[must_use]
    pub fn with(mut self, change: LocationChange) -> Self {
        match change {
            LocationChange::Name(name) => self.name = name,
            LocationChange::Region(region) => self.region = region,
            LocationChange::Country(country) => self.country = country,
            LocationChange::Priority(priority) => self.priority = priority,
            LocationChange::Address(address) => self.address = address,
            LocationChange::TimeZone(Some(zone)) => self.calendar.time_zone = zone,
            LocationChange::TimeZone(None) => {
                let by_address = self.address.as_ref().and_then(TimeZone::of_address);
                let zone = by_address.or_else(|| TimeZone::of_country(&self.country));
                self.calendar.time_zone = zone.unwrap_or_else(TimeZone::utc);
            }
            LocationChange::WorkingHours(hours) => self.calendar.hours = hours,
            LocationChange::Holidays(days) => self.calendar.holidays = days,
            LocationChange::OrderCutoff(minutes) => self.calendar.cutoff = minutes,
            LocationChange::ShipmentsPerDay(shipments) => self.shipments_per_day = shipments,
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
    Address(Option<Address>),
    /// None: that of the address or of the country, as they are by then.
    TimeZone(Option<TimeZone>),
    WorkingHours(Vec<WorkingHours>),
    Holidays(Vec<Day>),
    OrderCutoff(Option<i32>),
    ShipmentsPerDay(Option<u32>),
}
