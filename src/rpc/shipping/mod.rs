//! The calls about shipments.

mod documents;
mod manifest;
pub(crate) mod parse;
pub(super) mod reply;
mod service;
