//! Changes of orders that were sold, over the wire.

mod parse;
mod reply;
mod service;
