//! The calls about stock.

mod parse;
pub(super) mod reply;
mod service;
