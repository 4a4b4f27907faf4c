//! The calls about messages, which belong to OrderService.

pub(super) mod parse;
pub(super) mod reply;
