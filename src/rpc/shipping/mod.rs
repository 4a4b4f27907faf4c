//! The calls about shipments.

mod manifest;
mod parse;
pub(super) mod reply;
mod service;
