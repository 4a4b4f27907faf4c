//! The promise of an order: when it leaves and arrives at the earliest, and why.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::day::Day;
use crate::domain::model::scalars::{CourierCode, LocationCode, ServiceLevel, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What gave reason to look at the dates.
    pub enum PromiseOccasion {
        Availability = "AVAILABILITY",
        Approval = "APPROVAL",
        Payment = "PAYMENT",
        ShortPick = "SHORT_PICK",
        Packed = "PACKED",
        Reallocated = "REALLOCATED",
        CourierAssigned = "COURIER_ASSIGNED",
        Tracking = "TRACKING",
        LinesCancelled = "LINES_CANCELLED",
        OrderChanged = "ORDER_CHANGED",
        CourierReleased = "COURIER_RELEASED",
    }
}

/// When an order leaves and arrives at the earliest, as it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    pub at: Timestamp,
    pub occasion: PromiseOccasion,
    /// One for each location that ships a part of it.
    pub legs: Vec<PromiseLeg>,
}

/// The way of the goods that one location ships.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseLeg {
    pub location: LocationCode,
    /// Numbers of the lines, ascending.
    pub lines: Vec<i32>,
    /// When the last of its goods arrive at the location; None: they are there.
    pub stock_at: Option<Timestamp>,
    /// When they are packed; None: never, as the location's calendar is.
    pub ready_at: Option<Timestamp>,
    /// None: the shop has no couriers, or none carries it.
    pub courier: Option<CourierCode>,
    pub service: ServiceLevel,
    /// The courier's own name of the service; empty: none.
    pub service_name: String,
    /// When they leave; None: never.
    pub ship_at: Option<Timestamp>,
    pub delivery_at: Option<Timestamp>,
    /// When they arrive with the cheapest offer in the service; None: with the one above.
    pub cheapest_at: Option<Timestamp>,
    /// The same in words.
    pub why: String,
    /// The day of `ship_at` by the location's clock as it was then.
    #[serde(default)]
    pub ship_day: Option<Day>,
}

/// How many legs say why, in words.
pub(crate) const LEGS_EXPLAINED_MAX: usize = 20;

impl Promise {
    pub fn new(at: Timestamp, occasion: PromiseOccasion, mut legs: Vec<PromiseLeg>) -> Self {
        for leg in legs.iter_mut().skip(LEGS_EXPLAINED_MAX) {
            leg.why.clear();
        }
        Self { at, occasion, legs }
    }

    /// When the last part is packed; None: that cannot be said of every part.
    pub fn ready_at(&self) -> Option<Timestamp> {
        last(self.legs.iter().map(|it| it.ready_at))
    }

    /// When the last part leaves; None: that cannot be said of every part.
    pub fn ship_at(&self) -> Option<Timestamp> {
        last(self.legs.iter().map(|it| it.ship_at))
    }

    /// When the last part arrives; None: that cannot be said of every part.
    pub fn delivery_at(&self) -> Option<Timestamp> {
        last(self.legs.iter().map(|it| it.delivery_at))
    }

    /// When the last part arrives if each goes by the cheapest offer: promised where no date was requested, so that the
    /// ordered service does not always need the fastest courier.
    pub fn cheapest_at(&self) -> Option<Timestamp> {
        last(self.legs.iter().map(|it| it.cheapest_at.or(it.delivery_at)))
    }

    /// The longest way of its parts, as far as it is known; None: of no part.
    pub fn transit(&self) -> Option<Duration> {
        self.legs.iter().filter_map(PromiseLeg::transit).max()
    }

    /// The reasons of all parts.
    pub fn words(&self) -> String {
        let told = self.legs.iter().map(|it| it.why.as_str()).filter(|it| !it.is_empty());
        told.collect::<Vec<_>>().join("; ")
    }
}

impl PromiseLeg {
    /// From leaving to arriving; None: not known.
    pub fn transit(&self) -> Option<Duration> {
        Some(self.delivery_at?.since(self.ship_at?))
    }
}

fn last(times: impl Iterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    times.collect::<Option<Vec<_>>>()?.into_iter().max()
}
