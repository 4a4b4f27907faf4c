//! Days that are full: locations and couriers have as many shipments on them as their capacity allows.

use std::collections::BTreeMap;

use crate::domain::model::capacity::CapacityOf;
use crate::domain::model::courier::Courier;
use crate::domain::model::day::Day;
use crate::domain::model::location::Location;
use crate::domain::model::scalars::{CourierCode, OrderId, ShipmentId};
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many full days are told, before the rest is counted.
const FULL_DAYS_TOLD: usize = 3;

/// The days of one location or courier on which it has room for nothing more, by its own calendar.
#[derive(Debug, Default)]
pub(in crate::domain) struct FullDays {
    /// Where, in words, and of how many; only read where there are days.
    scope: String,
    per_day: u32,
    /// With the shipments of each.
    days: BTreeMap<Day, i64>,
}

impl FullDays {
    /// Why the day has no room, such as `2026-12-04 is full at LEIPZIG: 200 of 200`; None: it has.
    pub fn words(&self, day: Day) -> Option<String> {
        let shipments = self.days.get(&day)?;
        Some(format!("{day} is full {}: {shipments} of {}", self.scope, self.per_day))
    }

    pub fn count(&self) -> usize {
        self.days.len()
    }
}

/// The full days that count for goods of one location.
#[derive(Debug, Default)]
pub(in crate::domain) struct Full {
    pub location: FullDays,
    /// Of the couriers that have a capacity.
    pub couriers: BTreeMap<CourierCode, FullDays>,
}

/// What room is looked for: a day that it takes already has room for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Counted {
    pub order: OrderId,
    /// None: none that a courier has been assigned to.
    pub shipment: Option<ShipmentId>,
}

/// The days of this location and of all couriers that have no room for one shipment more.
pub(in crate::domain) fn full_days(
    unit: &UnitOfWork,
    location: Option<&Location>,
    counted: Option<Counted>,
) -> Full {
    let order = counted.and_then(|it| unit.order_before(it.order));
    let mut full = Full::default();
    if let Some(Location { code, calendar, shipments_per_day: Some(per_day), .. }) = location {
        let today = calendar.time_zone.clock().day_of(unit.now);
        let own = order.and_then(|it| it.day_at(code));
        let days = unit.daily_shipments(&CapacityOf::Location(code.clone()), today);
        full.location = without_room(format!("at {code}"), *per_day, days, own);
    }
    let shipment = counted.and_then(|it| it.shipment);
    let shipment = order.and_then(|it| it.shipments.iter().find(|it| Some(it.id) == shipment));
    for courier in unit.all_couriers() {
        let Courier { code, time_zone, shipments_per_day: Some(per_day), .. } = courier else { continue };
        let today = time_zone.clock().day_of(unit.now);
        let is_its = |it: &&Shipment| it.assignment.as_ref().is_some_and(|it| it.courier == *code);
        let own = shipment.filter(is_its).and_then(Shipment::pickup_day);
        let days = unit.daily_shipments(&CapacityOf::Courier(code.clone()), today);
        full.couriers.insert(code.clone(), without_room(format!("for {code}"), *per_day, days, own));
    }
    full
}

/// The days that have no room, but for the one that is taken already by what is looked at.
fn without_room(scope: String, per_day: u32, days: BTreeMap<Day, i64>, own: Option<Day>) -> FullDays {
    let is_full = |day: &Day, shipments: &i64| *shipments >= i64::from(per_day) && Some(*day) != own;
    FullDays { scope, per_day, days: days.into_iter().filter(|(day, it)| is_full(day, it)).collect() }
}

/// Full days that had to be passed over.
#[derive(Debug, Default)]
pub(in crate::domain) struct PassedOver {
    told: Vec<String>,
    more: usize,
}

impl PassedOver {
    /// Notes why a day has no room; returns whether it has.
    pub fn add(&mut self, full: Option<String>) -> bool {
        let Some(words) = full else { return true };
        if self.told.len() < FULL_DAYS_TOLD {
            self.told.push(words);
        } else {
            self.more += 1;
        }
        false
    }

    pub fn words(&self) -> String {
        let more = match self.more {
            0 => String::new(),
            more => format!("; and {more} days more"),
        };
        format!("{}{more}", self.told.join("; "))
    }
}

/// The first moment from this one on at which the location works and has room, and which full days come before it; None:
/// there is none.
pub(in crate::domain) fn next_with_room(
    location: Option<&Location>,
    full: &FullDays,
    from: Timestamp,
) -> (Option<Timestamp>, String) {
    let Some(Location { calendar, .. }) = location else { return (Some(from), String::new()) };
    let clock = calendar.time_zone.clock();
    let mut passed_over = PassedOver::default();
    let mut at = from;
    loop {
        let day = clock.day_of(at);
        if passed_over.add(full.words(day)) {
            return (Some(at), passed_over.words());
        }
        // Every turn passes over one of the full days, of which there are not many.
        match calendar.next_open(clock.at(day.plus(1), 0)) {
            Some(next) if clock.day_of(next) > day => at = next,
            Some(_) | None => return (None, passed_over.words()),
        }
    }
}
