//! The calls about stock.

pub(super) mod parse;
pub(super) mod reply;
mod service;
