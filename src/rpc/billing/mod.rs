//! The calls about invoices, payments and refunds.

mod documents;
mod parse;
pub(super) mod reply;
mod service;
