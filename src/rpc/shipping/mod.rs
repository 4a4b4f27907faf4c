//! The calls about shipments.

mod documents;
mod parse;
pub(super) mod reply;
mod service;
