//! Changes of orders that were sold, over the wire.

mod parse;
pub(super) mod reply;
mod service;
