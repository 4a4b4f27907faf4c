//! Dates that can be kept: what couriers offer, and when an order leaves and arrives at the earliest.

pub(super) mod full;
pub(super) mod leg;
pub(super) mod offer;
pub(super) mod order;
