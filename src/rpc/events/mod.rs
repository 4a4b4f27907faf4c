//! EventService: what happened to orders, and who is told of it.

pub(super) mod parse;
mod reply;
mod service;
