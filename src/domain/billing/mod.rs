//! Prices, invoices, payments and refunds.

pub(super) mod credit;
mod invoice;
pub(super) mod pay;
pub(super) mod price;
pub(super) mod refund;
mod share;
mod supplement;
pub(super) mod tax_rows;
