//! CustomerService: customers that a shop knows.

pub(super) mod parse;
mod reply;
mod service;
