//! Discount codes: made, taken out of use, redeemed by orders, offered to customers.

pub(super) mod code;
pub(super) mod offer;
pub(super) mod redeem;
