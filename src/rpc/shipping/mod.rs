//! The calls about shipments.

mod documents;
mod manifest;
mod parse;
pub(super) mod reply;
mod service;
