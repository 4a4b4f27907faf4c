//! Couriers, what they charge, and which one carries a shipment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::model::day::Day;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::scalars::{CourierCode, RegionCode, ServiceLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;

/// A courier company with its rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Courier {
    pub code: CourierCode,
    pub version: i64,
    pub name: String,
    /// The zone of its depots.
    pub time_zone: TimeZone,
    /// The time of day after which a parcel goes the next pickup day, in minutes after midnight of its own clock.
    pub cutoff_minutes: i32,
    /// ISO weekdays of pickup, 1 = Monday … 7 = Sunday.
    pub pickup_weekdays: Vec<u8>,
    /// ISO weekdays of delivery.
    pub delivery_weekdays: Vec<u8>,
    /// Days without pickup and delivery, ascending.
    pub holidays: Vec<Day>,
    pub zones: Vec<DeliveryZone>,
    pub rates: Vec<Rate>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// False: it is offered no more parcels.
    pub active: bool,
    pub takes_dangerous_goods: bool,
    /// How many shipments it picks up on one day of its own calendar, from all locations. None: any number.
    #[serde(default)]
    pub shipments_per_day: Option<u32>,
}

impl Courier {
    /// A new courier, named like its code, that picks up and delivers on working days until four o'clock in the afternoon,
    /// UTC.
    pub fn new(code: CourierCode, rates: Vec<Rate>, at: Timestamp) -> Self {
        Self {
            version: 0,
            name: code.to_string(),
            code,
            cutoff_minutes: 16 * 60,
            time_zone: TimeZone::utc(),
            pickup_weekdays: vec![1, 2, 3, 4, 5],
            delivery_weekdays: vec![1, 2, 3, 4, 5],
            holidays: Vec::new(),
            zones: Vec::new(),
            rates,
            created_at: at,
            updated_at: at,
            active: true,
            takes_dangerous_goods: false,
            shipments_per_day: None,
        }
    }

    #[must_use]
    pub fn with(mut self, change: CourierChange) -> Self {
        match change {
            CourierChange::Name(name) => self.name = name,
            CourierChange::Rates(rates) => self.rates = rates,
            CourierChange::Cutoff(minutes) => self.cutoff_minutes = minutes,
            CourierChange::TimeZone(zone) => self.time_zone = zone,
            CourierChange::PickupWeekdays(days) => self.pickup_weekdays = days,
            CourierChange::DeliveryWeekdays(days) => self.delivery_weekdays = days,
            CourierChange::Holidays(days) => self.holidays = days,
            CourierChange::Zones(zones) => self.zones = zones,
            CourierChange::TakesDangerousGoods(takes) => self.takes_dangerous_goods = takes,
            CourierChange::ShipmentsPerDay(shipments) => self.shipments_per_day = shipments,
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
    TimeZone(TimeZone),
    PickupWeekdays(Vec<u8>),
    DeliveryWeekdays(Vec<u8>),
    Holidays(Vec<Day>),
    Zones(Vec<DeliveryZone>),
    TakesDangerousGoods(bool),
    ShipmentsPerDay(Option<u32>),
}

impl Courier {
    /// The day by its own clock.
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.time_zone.clock().day_of(at).date()
    }
}

/// Names of couriers, as customers know them.
pub type CourierNames = BTreeMap<CourierCode, String>;

/// A part of the world in a courier's rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryZone {
    /// Unique among the courier's zones.
    pub name: String,
    pub areas: Vec<DeliveryArea>,
}

/// A country, or the part of it that has certain postal codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryArea {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub postal_codes: PostalCodes,
}

/// Postal codes as [`postal_key`] has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostalCodes {
    All,
    BeginWith(String),
    /// Both of the same length; a longer code counts with its beginning.
    Between(String, String),
}

/// A postal code without what countries and people write differently: its letters and digits, in capitals.
pub fn postal_key(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_uppercase()).collect()
}

impl DeliveryArea {
    /// How closely the area fits an address; None: not at all. A longer prefix fits more closely, then a narrower range.
    fn fit(&self, country: &str, postal_key: &str) -> Option<usize> {
        if self.country != country {
            return None;
        }
        match &self.postal_codes {
            PostalCodes::All => Some(0),
            PostalCodes::BeginWith(prefix) => {
                postal_key.starts_with(prefix.as_str()).then_some(1 + 2 * prefix.len())
            }
            PostalCodes::Between(first, last) => {
                let beginning = postal_key.get(..first.len())?;
                let alike = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
                (first.as_str()..=last.as_str()).contains(&beginning).then_some(2 + 2 * alike)
            }
        }
    }
}

impl Courier {
    /// The name of the zone that has the address: of several the one that fits most closely, of equals the first.
    pub fn zone_of(&self, country: &str, postal_code: &str) -> Option<&str> {
        let key = postal_key(postal_code);
        let fit = |zone: &DeliveryZone| zone.areas.iter().filter_map(|it| it.fit(country, &key)).max();
        let fits = self.zones.iter().filter_map(|it| Some((fit(it)?, it.name.as_str())));
        fits.rev().max_by_key(|it| it.0).map(|it| it.1)
    }
}

/// Where a rate holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RateArea {
    /// Of what locations of this region ship.
    Region(RegionCode),
    /// One of the courier's own zones, by name.
    Zone(String),
}

/// The price of shipments up to a weight, beside the base price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightBand {
    pub up_to_grams: i64,
    pub price_minor: i64,
}

/// One line of a rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub area: RateArea,
    pub service: ServiceLevel,
    /// The courier's own name of the service; empty: none.
    pub service_name: String,
    pub currency: Currency,
    pub base_minor: i64,
    /// By weight, lightest first.
    pub bands: Vec<WeightBand>,
    /// For every begun kilogram above the last band.
    pub per_kg_minor: i64,
    /// Cubic centimetres that count as a kilogram. Zero: volume does not count.
    pub volumetric_divisor: i64,
    /// Delivery days from pickup to delivery.
    pub transit_days: u32,
    /// The latest time of day of a delivery, in minutes after midnight. None: as the courier's cut-off.
    pub deliver_by: Option<i32>,
    /// A shipment heavier than this is refused. Zero: no limit.
    pub weight_max_grams: i64,
}

impl Rate {
    /// One price whatever the weight, for what a region's locations ship.
    pub fn flat(region: RegionCode, service: ServiceLevel, price: Money, transit_days: u32) -> Self {
        Self {
            area: RateArea::Region(region),
            service,
            service_name: String::new(),
            currency: price.currency,
            base_minor: price.minor,
            bands: Vec::new(),
            per_kg_minor: 0,
            volumetric_divisor: 0,
            transit_days,
            deliver_by: None,
            weight_max_grams: 0,
        }
    }
}

/// What a courier's own interface asks for a shipment in one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRate {
    pub service: ServiceLevel,
    /// The courier's own name of the service.
    pub service_name: String,
    /// For the whole shipment.
    pub price: Money,
    /// Delivery days from pickup to delivery. None: as the courier's rates here have it.
    pub transit_days: Option<u32>,
}

/// What the interfaces of couriers answered that were asked for their rates of one shipment: rates, or why the courier will
/// not carry it. One that gave no answer is missing, and its rates here count.
pub type LiveRates = BTreeMap<CourierCode, Result<Vec<LiveRate>, String>>;

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
    /// The courier's own name of the service; empty: none.
    pub service_name: String,
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
    /// Why it does not come earlier, in words: days that are full. Empty: none is.
    pub pickup_note: String,
    /// Whether the price is that of the courier's own interface, asked for this shipment.
    pub is_live: bool,
}

impl Quote {
    /// The price that it counts as.
    pub fn score_minor(&self) -> i64 {
        let malus = (i128::from(self.price_minor) * i128::from(self.malus_ppm) + 500_000) / 1_000_000;
        self.price_minor.saturating_add(i64::try_from(malus).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_that_fits_an_address_most_closely_has_it() {
        let area = |country: &str, postal_codes| DeliveryArea { country: country.to_owned(), postal_codes };
        let between = |first: &str, last: &str| PostalCodes::Between(first.to_owned(), last.to_owned());
        let prefix = |it: &str| PostalCodes::BeginWith(it.to_owned());
        let zone = |name: &str, areas| DeliveryZone { name: name.to_owned(), areas };
        let mut courier = Courier::new("FALCON".parse().expect("a code"), Vec::new(), Timestamp::MIN);
        courier.zones = vec![
            zone("WEST", vec![area("ES", PostalCodes::All), area("PT", PostalCodes::All)]),
            zone("CANARIES", vec![area("ES", between("35000", "35999")), area("ES", prefix("38"))]),
            zone("LAS-PALMAS", vec![area("ES", prefix("350"))]),
            zone("LONDON", vec![area("GB", prefix("SW")), area("GB", between("EC1", "EC4"))]),
        ];
        assert_eq!(courier.zone_of("ES", "28001"), Some("WEST"));
        assert_eq!(courier.zone_of("ES", "35500"), Some("CANARIES"));
        assert_eq!(courier.zone_of("ES", "35 001"), Some("LAS-PALMAS"));
        assert_eq!(courier.zone_of("ES", "38001"), Some("CANARIES"));
        assert_eq!(courier.zone_of("ES", ""), Some("WEST"));
        assert_eq!(courier.zone_of("PT", "3500-123"), Some("WEST"));
        assert_eq!(courier.zone_of("GB", "sw1a 1aa"), Some("LONDON"));
        assert_eq!(courier.zone_of("GB", "EC2A 4NE"), Some("LONDON"));
        assert_eq!(courier.zone_of("GB", "M1 1AE"), None);
        assert_eq!(courier.zone_of("DE", "35001"), None);
    }
}
