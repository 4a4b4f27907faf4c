//! The calls about orders.

pub(super) mod parse;
pub(super) mod reply;
pub(super) mod service;
