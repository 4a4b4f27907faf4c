//! Couriers, what they charge, and which one carries a shipment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::model::money::Currency;
use crate::domain::model::scalars::{CourierCode, RegionCode, ServiceLevel};
use crate::domain::model::time::Timestamp;

/// A courier company with its rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Courier {
    pub code: CourierCode,
    pub version: i64,
    pub name: String,
    /// The time of day after which a parcel goes the next pickup day, in minutes after midnight of its own clock.
    pub cutoff_minutes: i32,
    /// That clock's distance from UTC in minutes, −720 to 840.
    pub utc_offset_minutes: i32,
    /// ISO weekdays of pickup, 1 = Monday … 7 = Sunday.
    pub pickup_weekdays: Vec<u8>,
    pub rates: Vec<Rate>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// False: it is offered no more parcels.
    pub active: bool,
}

impl Courier {
    /// A new courier, named like its code, that picks up on working days until four o'clock in the afternoon, UTC.
    pub fn new(code: CourierCode, rates: Vec<Rate>, at: Timestamp) -> Self {
        Self {
            version: 0,
            name: code.to_string(),
            code,
            cutoff_minutes: 16 * 60,
            utc_offset_minutes: 0,
            pickup_weekdays: vec![1, 2, 3, 4, 5],
            rates,
            created_at: at,
            updated_at: at,
            active: true,
        }
    }
}

impl Courier {
    /// The day by its own clock.
    pub fn day_of(&self, at: Timestamp) -> Date {
        let offset = Duration::from_secs(u64::from(self.utc_offset_minutes.unsigned_abs()) * 60);
        let local = if self.utc_offset_minutes < 0 { at.minus(offset) } else { at.plus(offset) };
        local.date_time().date()
    }
}

/// Names of couriers, as customers know them.
pub type CourierNames = BTreeMap<CourierCode, String>;

/// One line of a rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub region: RegionCode,
    pub service: ServiceLevel,
    pub currency: Currency,
    pub base_minor: i64,
    /// For every begun kilogram.
    pub per_kg_minor: i64,
    /// Days from pickup to delivery.
    pub transit_days: u32,
    /// A shipment heavier than this is refused. Zero: no limit.
    pub weight_max_grams: i64,
}

/// How a courier did with what it was given, over all orders there ever were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CourierRecord {
    /// Shipments whose journey is over: delivered, returned or lost.
    pub carried: i64,
    pub delivered: i64,
    /// Delivered after the time that it named when it was given them.
    pub late: i64,
    /// Of those carried, lost or reported as damaged.
    pub damaged: i64,
    /// Orders that it delivered and that customers rated.
    pub rated: i64,
    /// Of their ratings of the delivery, 1 to 5 each.
    pub rating_sum: i64,
}

/// Records by courier.
pub type CourierRecords = BTreeMap<CourierCode, CourierRecord>;

impl CourierRecord {
    /// Adds another record (`sign` 1) or takes it off (−1).
    pub fn add(&mut self, other: &Self, sign: i64) {
        let Self { carried, delivered, late, damaged, rated, rating_sum } = other;
        self.carried += sign * carried;
        self.delivered += sign * delivered;
        self.late += sign * late;
        self.damaged += sign * damaged;
        self.rated += sign * rated;
        self.rating_sum += sign * rating_sum;
    }

    /// Average rating in hundredths of 1.00–5.00, rounded half up; 0 without any.
    pub fn rating_hundredths(&self) -> i64 {
        if self.rated > 0 { (self.rating_sum * 100 + self.rated / 2) / self.rated } else { 0 }
    }
}

/// One courier's offer for one shipment, or its reason for declining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub courier: CourierCode,
    pub service: ServiceLevel,
    pub price_minor: i64,
    pub currency: Currency,
    pub pickup_at: Timestamp,
    pub delivery_at: Timestamp,
    /// Whether `delivery_at` keeps the promise.
    pub on_time: bool,
    pub record: CourierRecord,
    /// By how much its record makes it count as dearer, in ppm of the price.
    pub malus_ppm: i64,
    /// What of its record counts, in words; empty: nothing.
    pub standing: String,
}

impl Quote {
    /// The price that it counts as.
    pub fn score_minor(&self) -> i64 {
        let malus = (i128::from(self.price_minor) * i128::from(self.malus_ppm) + 500_000) / 1_000_000;
        self.price_minor.saturating_add(i64::try_from(malus).unwrap_or(i64::MAX))
    }
}
