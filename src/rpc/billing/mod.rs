//! Invoices, payments and refunds, at the door.

mod parse;
pub(super) mod reply;
mod service;
