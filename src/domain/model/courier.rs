//! Couriers, what they charge, and which one carries a shipment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::model::money::Currency;
use crate::domain::model::scalars::{CourierCode, RegionCode, ServiceLevel};
use crate::domain::model::shipment::Shipment;
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
    pub takes_dangerous_goods: bool,
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
            takes_dangerous_goods: false,
        }
    }

    /// Why it does not carry this shipment at any price, if that is so.
    pub fn declines(&self, shipment: &Shipment) -> Option<String> {
        if !self.active {
            return Some("is out of use".to_owned());
        }
        let dangerous = shipment.items.iter().find(|it| it.handling.dangerous);
        let dangerous = dangerous.filter(|_| !self.takes_dangerous_goods);
        dangerous.map(|it| format!("takes no dangerous goods, which {} is", it.sku))
    }

    #[must_use]
    pub fn with(mut self, change: CourierChange) -> Self {
        match change {
            CourierChange::Name(name) => self.name = name,
            CourierChange::Rates(rates) => self.rates = rates,
            CourierChange::Cutoff(minutes) => self.cutoff_minutes = minutes,
            CourierChange::UtcOffset(minutes) => self.utc_offset_minutes = minutes,
            CourierChange::PickupWeekdays(days) => self.pickup_weekdays = days,
            CourierChange::TakesDangerousGoods(takes) => self.takes_dangerous_goods = takes,
        }
        self
    }
}

/// One field of a courier as a person entered it. Its code is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CourierChange {
    Name(String),
    Rates(Vec<Rate>),
    Cutoff(i32),
    UtcOffset(i32),
    PickupWeekdays(Vec<u8>),
    TakesDangerousGoods(bool),
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
    /// How this courier was rated by customers, 1.0–5.0 in hundredths; none yet: 0.
    pub rating_hundredths: i64,
}
