//! Prices, invoices, payments and refunds.

pub(super) mod credit;
mod invoice;
pub(super) mod pay;
pub(super) mod price;
pub(super) mod refund;
pub(super) mod refund_lines;
mod share;
mod supplement;
pub(super) mod tax_rows;
