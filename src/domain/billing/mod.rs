//! Prices, invoices, payments and refunds.

pub(super) mod credit;
mod invoice;
pub(super) mod pay;
pub(super) mod price;
pub(super) mod refund;
mod share;
pub(super) mod tax_rows;
