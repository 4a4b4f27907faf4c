//! CustomerService: customers that a shop knows.

pub(super) mod parse;
pub(super) mod reply;
mod service;
