//! Couriers that have an interface of their own: what is asked of them, and servers that speak Karrio's.
//!
//! A courier without one has a rate card, and is decided upon within the commands
//! (`docs/decisions/0054-bookings-with-couriers.md`).

pub(super) mod contract;
pub(super) mod karrio;
mod scans;
