//! The calls about shipments.

pub(crate) mod parse;
pub(super) mod reply;
mod service;
