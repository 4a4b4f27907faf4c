//! The calls about invoices, payments and refunds.

mod parse;
pub(super) mod reply;
mod service;
