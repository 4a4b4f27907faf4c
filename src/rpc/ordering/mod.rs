//! The calls about orders.

mod overview;
pub(super) mod parse;
pub(super) mod reply;
pub(super) mod service;
