//! The calls about couriers, which belong to ShippingService.

pub(super) mod parse;
pub(super) mod reply;
