//! The units of a product that a region has, location by location, in the order in which they are taken.

use crate::domain::inventory::ranking::UNQUOTED;
use crate::domain::model::scalars::LocationCode;

/// Units of a product that a region has, and how many of them somebody may have now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Supply {
    /// All in `by_location`, without the awaited ones.
    pub total: i64,
    /// How many units are wanted by waiting orders that come first. Nothing is set aside for them at any location yet, so
    /// that only the total is less by them.
    pub awaited: i64,
    /// In the order in which they are taken: rank, then priority.
    pub by_location: Vec<Spot>,
}

impl Supply {
    /// Adds units that are set aside for the order that asks already.
    pub(super) fn add(&mut self, location: &LocationCode, units: i64) {
        self.total += units;
        match self.by_location.iter_mut().find(|it| it.location == *location) {
            Some(spot) => spot.units += units,
            // It is out of use by now: nothing more is taken from there.
            None => self.by_location.push(Spot {
                rank: UNQUOTED,
                priority: i32::MAX,
                location: location.clone(),
                units,
            }),
        }
    }
}

/// Units of one product at one location. The order of the fields is the order in which locations are taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::domain) struct Spot {
    /// How far it is from the address, what couriers ask from there, or when what is there expires, where that decides; 0
    /// elsewhere.
    pub rank: u64,
    pub priority: i32,
    pub location: LocationCode,
    pub units: i64,
}
