//! Discount codes and store credits: made, taken out of use, redeemed by orders, offered to customers.

pub(super) mod code;
pub(super) mod credit;
pub(super) mod offer;
pub(super) mod redeem;
pub(super) mod valid;
