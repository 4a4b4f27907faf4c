//! Couriers and their rates.

pub(super) mod courier;
