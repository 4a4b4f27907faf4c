//! The calls about messages and feedback, which belong to OrderService.

pub(super) mod parse;
pub(super) mod reply;
