//! DiscountService: codes that orders redeem.

mod parse;
mod reply;
mod service;
