//! How many shipments a day a location sends and a courier picks up, and what orders take of it.

use std::collections::BTreeMap;

use crate::domain::model::day::Day;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::{CourierCode, LocationCode};

/// The most shipments a day that a capacity may name.
pub const SHIPMENTS_PER_DAY_MAX: u32 = 1_000_000;

/// How many days ahead a capacity counts. A later day always has room.
pub const CAPACITY_DAYS: i32 = 366;

/// Whose capacity it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapacityOf {
    Location(LocationCode),
    Courier(CourierCode),
}

/// Numbers of shipments by the days of locations and couriers, each by its own calendar.
pub type DailyShipments = BTreeMap<(CapacityOf, Day), i64>;

impl Order {
    /// What the order takes of the days of locations and couriers: each of its shipments one of its location's, on the day
    /// on which it is promised to leave or has left, and one of its courier's, once that is assigned. Before shipments are
    /// planned, so does each part of a promise whose goods are reserved. The days of all orders are the sum of these.
    pub fn daily_shipments(&self) -> DailyShipments {
        let mut taken = DailyShipments::new();
        let mut take = |of: CapacityOf, day: Day| *taken.entry((of, day)).or_default() += 1;
        for leg in self.promise.iter().flat_map(|it| &it.legs) {
            if let Some(day) = leg.ship_day.filter(|_| self.ships_from(&leg.location)) {
                take(CapacityOf::Location(leg.location.clone()), day);
            }
        }
        for shipment in self.live_shipments() {
            if let (Some(assignment), Some(day)) = (&shipment.assignment, shipment.pickup_day()) {
                take(CapacityOf::Courier(assignment.courier.clone()), day);
            }
        }
        taken
    }

    /// Whether one of its shipments leaves from there, or will when they are planned.
    fn ships_from(&self, location: &LocationCode) -> bool {
        match self.shipments.is_empty() {
            true => self.current_reservation().is_some(),
            false => self.live_shipments().any(|it| it.location == *location),
        }
    }

    /// Whether goods of it left from there, are to, or are set aside there.
    pub fn concerns(&self, location: &LocationCode) -> bool {
        self.shipments.iter().any(|it| it.location == *location)
            || self.current_reservation().is_some_and(|it| it.has_units_from(location))
    }

    /// The day on which it ships from there; None: nothing of it does.
    pub fn day_at(&self, location: &LocationCode) -> Option<Day> {
        let mut legs = self.promise.iter().flat_map(|it| &it.legs);
        legs.find(|it| it.location == *location)
            .and_then(|it| it.ship_day)
            .filter(|_| self.ships_from(location))
    }
}

/// Adds what an order takes (`sign` 1), or takes it off (−1).
pub fn count_daily_shipments(days: &mut DailyShipments, order: &Order, sign: i64) {
    for (key, shipments) in order.daily_shipments() {
        *days.entry(key).or_default() += sign * shipments;
    }
}
