//! The dates of the goods that one location ships.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::model::courier::Courier;
use crate::domain::model::handling::Handling;
use crate::domain::model::location::Location;
use crate::domain::model::money::Currency;
use crate::domain::model::promise::PromiseLeg;
use crate::domain::model::scalars::{CourierCode, LocationCode, RegionCode, ServiceLevel};
use crate::domain::model::shipment::Package;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::promise::full::{Counted, full_days, next_with_room};
use crate::domain::promise::offer::{Addressed, Freight, HAS_REFUSED, Offer, offers};
use crate::domain::unit::journal::cut;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How a delivery is wanted.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Wish {
    pub region: RegionCode,
    pub to: Addressed,
    pub service: ServiceLevel,
    /// None: in any.
    pub currency: Option<Currency>,
    /// The order, and the shipment if there is one, that room is looked for. None: nobody has ordered it yet.
    pub counted: Option<Counted>,
    /// Couriers that have refused it, and are not counted with.
    pub refused_by: BTreeSet<CourierCode>,
}

/// Goods that one location ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Parcel {
    pub location: LocationCode,
    pub lines: Vec<i32>,
    pub weight_grams: i64,
    pub volume_mm3: i64,
    pub dangerous: bool,
    /// When the last of them arrive at the location; None: they are there.
    pub stock_at: Option<Timestamp>,
}

/// What counts of one unit of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::domain) struct Goods {
    /// Zero: unknown.
    pub weight_grams: i64,
    /// Zero: unknown.
    pub volume_mm3: i64,
    pub dangerous: bool,
}

impl Goods {
    /// Of a unit that weighs this and is handled so.
    pub fn of(weight_grams: i64, handling: &Handling) -> Self {
        Self { weight_grams, volume_mm3: handling.volume_mm3(), dangerous: handling.dangerous }
    }

    /// So many more units.
    pub fn add(&mut self, unit: Self, quantity: i64) {
        let Self { weight_grams, volume_mm3, dangerous } = unit;
        self.weight_grams = self.weight_grams.saturating_add(weight_grams.saturating_mul(quantity));
        self.volume_mm3 = self.volume_mm3.saturating_add(volume_mm3.saturating_mul(quantity));
        self.dangerous |= dangerous;
    }
}

/// The parcels of these units of lines, one for each location.
pub(in crate::domain) fn parcels<'i>(
    items: impl Iterator<Item = (&'i LocationCode, i32, i64)>,
    goods_of_line: impl Fn(i32) -> Goods,
) -> Vec<Parcel> {
    let mut parcels: BTreeMap<&LocationCode, (BTreeSet<i32>, Goods)> = BTreeMap::new();
    for (location, line, quantity) in items {
        let (lines, all) = parcels.entry(location).or_default();
        lines.insert(line);
        all.add(goods_of_line(line), quantity);
    }
    let parcel = |(location, (lines, all)): (&LocationCode, (BTreeSet<i32>, Goods))| Parcel {
        location: location.clone(),
        lines: lines.into_iter().collect(),
        weight_grams: all.weight_grams,
        volume_mm3: all.volume_mm3,
        dangerous: all.dangerous,
        stock_at: None,
    };
    parcels.into_iter().map(parcel).collect()
}

/// When a parcel that is begun now, or when its goods are there, leaves and arrives at the earliest. A date of delivery is
/// given only if a courier offers it; a shop without couriers counts with the days of its settings. Days on which the
/// location or the courier is full are passed over.
pub(in crate::domain) fn leg(unit: &UnitOfWork, wish: &Wish, parcel: Parcel) -> PromiseLeg {
    let location = unit.location(&parcel.location);
    let begins_at = parcel.stock_at.map_or(unit.now, |it| it.max(unit.now));
    let hours = unit.rules.handling_hours;
    let handling = Duration::from_secs(u64::from(hours) * 3_600);
    let ready_at = match location {
        Some(it) => it.calendar.done_after(begins_at, handling),
        None => Some(begins_at.plus(handling)),
    };
    let Some(ready_at) = ready_at else {
        let why = format!("{} never works the {hours} hours that it takes", parcel.location);
        return PromiseLeg { why, ..undated(wish, parcel) };
    };
    let why = ready_words(&parcel.location, location, parcel.stock_at, ready_at);
    leg_from(unit, wish, parcel, Ready { at: ready_at, packages: &[], why })
}

/// The same of a parcel that is packed: it is ready now, and couriers are asked for what was packed.
pub(in crate::domain) fn packed_leg(
    unit: &UnitOfWork,
    wish: &Wish,
    parcel: Parcel,
    packages: &[Package],
) -> PromiseLeg {
    let packed = packages.iter().map(|it| it.weight_grams).fold(0, i64::saturating_add);
    let weight_grams = if packed > 0 { packed } else { parcel.weight_grams };
    let parcel = Parcel { weight_grams, ..parcel };
    let why = format!("packed at {} {}", parcel.location, said(unit.location(&parcel.location), unit.now));
    leg_from(unit, wish, parcel, Ready { at: unit.now, packages, why })
}

/// When a parcel is packed, how, and in words.
struct Ready<'a> {
    at: Timestamp,
    /// Empty while nothing is packed.
    packages: &'a [Package],
    why: String,
}

/// Of a parcel of which no date is known.
fn undated(wish: &Wish, parcel: Parcel) -> PromiseLeg {
    PromiseLeg {
        location: parcel.location,
        lines: parcel.lines,
        stock_at: parcel.stock_at,
        ready_at: None,
        courier: None,
        service: wish.service,
        service_name: String::new(),
        ship_at: None,
        delivery_at: None,
        cheapest_at: None,
        why: String::new(),
        ship_day: None,
    }
}

fn leg_from(unit: &UnitOfWork, wish: &Wish, parcel: Parcel, ready: Ready<'_>) -> PromiseLeg {
    let location = unit.location(&parcel.location);
    let Ready { at: ready_at, packages, mut why } = ready;
    let Parcel { weight_grams, volume_mm3, dangerous, .. } = parcel;
    let mut leg = PromiseLeg { ready_at: Some(ready_at), ..undated(wish, parcel) };
    let full = full_days(unit, location, wish.counted);
    let mut couriers = unit.all_couriers().peekable();
    if couriers.peek().is_none() {
        let days = unit.rules.transit_days(wish.service);
        let (ship_at, passed_over) = next_with_room(location, &full.location, ready_at);
        leg.leaves(location, ship_at);
        leg.delivery_at = ship_at.map(|it| it.plus(Duration::from_secs(u64::from(days) * 86_400)));
        leg.why = cut(format!("{why}{}; {days} days on the way", noted(&passed_over)), WHY_MAX);
        return leg;
    }
    let freight = Freight {
        calendar: location.map(|it| &it.calendar),
        region: location.map_or(&wish.region, |it| &it.region),
        to: &wish.to,
        packages,
        weight_grams,
        volume_mm3,
        dangerous,
        currency: wish.currency,
        ready_at,
        full: &full,
    };
    match earliest(couriers, &wish.refused_by, wish.service, &freight) {
        Ok(Found { offer, courier, cheapest_at }) => {
            let note = noted(&offer.pickup_note);
            why.push_str(&format!("{note}; {}", offer_words(&offer, courier, &wish.to)));
            leg.leaves(location, Some(offer.pickup_at));
            leg.courier = Some(offer.courier);
            leg.service = offer.service;
            leg.service_name = offer.service_name;
            leg.delivery_at = Some(offer.delivery_at);
            leg.cheapest_at = Some(cheapest_at);
        }
        Err(none) => why.push_str(&format!("; no courier carries it: {none}")),
    }
    leg.why = cut(why, WHY_MAX);
    leg
}

/// When the goods are ready, and what they wait for.
fn ready_words(
    code: &LocationCode,
    location: Option<&Location>,
    stock_at: Option<Timestamp>,
    ready_at: Timestamp,
) -> String {
    let ready = said(location, ready_at);
    match stock_at {
        Some(at) => format!("goods expected at {code} on {}, ready {ready}", said(location, at)),
        None => format!("ready at {code} {ready}"),
    }
}

/// A note as a further part of a reason.
fn noted(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!("; {note}") }
}

impl PromiseLeg {
    /// Notes when the goods leave, and which day that is there.
    pub(super) fn leaves(&mut self, location: Option<&Location>, at: Option<Timestamp>) {
        let day = |it: &Location, at| it.calendar.time_zone.clock().day_of(at);
        self.ship_at = at;
        self.ship_day = location.zip(at).map(|(it, at)| day(it, at));
    }
}

/// What couriers offer.
struct Found<'c> {
    /// The earliest delivery.
    offer: Offer,
    courier: &'c Courier,
    /// When the cheapest offer delivers.
    cheapest_at: Timestamp,
}

/// The earliest delivery that couriers offer in the service that was ordered, or else in the next faster one.
fn earliest<'c>(
    couriers: impl Iterator<Item = &'c Courier>,
    refused_by: &BTreeSet<CourierCode>,
    service: ServiceLevel,
    freight: &Freight,
) -> Result<Found<'c>, String> {
    let (refused, couriers): (Vec<&Courier>, Vec<&Courier>) =
        couriers.partition(|it| refused_by.contains(&it.code));
    let mut declined: Vec<String> = refused.iter().map(|it| format!("{}: {HAS_REFUSED}", it.code)).collect();
    for service in ServiceLevel::ALL.iter().filter(|it| **it >= service) {
        let mut all = Vec::new();
        for courier in &couriers {
            match offers(courier, *service, freight) {
                Ok(of_courier) => all.extend(of_courier.into_iter().map(|it| (it, *courier))),
                Err(why) => declined.push(format!("{}: {why}", courier.code)),
            }
        }
        all.sort_by(|(one, _), (other, _)| {
            let key = |it: &Offer| (it.delivery_at, it.pickup_at, it.price.minor, it.courier.clone());
            key(one).cmp(&key(other))
        });
        let cheapest = all.iter().map(|it| &it.0).min_by_key(|it| (it.price.minor, it.delivery_at));
        if let Some(cheapest_at) = cheapest.map(|it| it.delivery_at)
            && let Some((offer, courier)) = all.into_iter().next()
        {
            return Ok(Found { offer, courier, cheapest_at });
        }
    }
    declined.truncate(DECLINES_TOLD);
    Err(declined.join("; "))
}

/// How many couriers' reasons are told.
const DECLINES_TOLD: usize = 5;

/// How long a reason may be, in characters.
pub(crate) const WHY_MAX: usize = 500;

/// The courier's part of a reason: `SWIFT EXPRESS picks up …, delivers …`.
pub(in crate::domain) fn offer_words(offer: &Offer, courier: &Courier, to: &Addressed) -> String {
    let name = match offer.service_name.is_empty() {
        true => offer.service.to_string(),
        false => offer.service_name.clone(),
    };
    let there = to.time_zone.as_ref().unwrap_or(&courier.time_zone);
    format!(
        "{} {name} picks up {}, delivers {}",
        offer.courier,
        in_zone(&courier.time_zone, offer.pickup_at),
        in_zone(there, offer.delivery_at)
    )
}

fn said(location: Option<&Location>, at: Timestamp) -> String {
    location.map_or_else(|| at.to_string(), |it| in_zone(&it.calendar.time_zone, at))
}

/// `Tuesday, 1 December 2026, 16:00 (America/New_York)`.
pub(in crate::domain) fn in_zone(zone: &TimeZone, at: Timestamp) -> String {
    format!("{} ({zone})", zone.clock().words(at))
}
