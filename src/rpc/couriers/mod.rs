//! Couriers, at the door. Their calls belong to ShippingService.

pub(super) mod parse;
pub(super) mod reply;
