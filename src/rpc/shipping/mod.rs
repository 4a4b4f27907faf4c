//! The calls about shipments.

pub(super) mod carried;
mod documents;
mod manifest;
pub(crate) mod parse;
pub(super) mod reply;
mod service;
