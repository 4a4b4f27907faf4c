//! The calls about shipments.

mod parse;
pub(super) mod reply;
mod service;
