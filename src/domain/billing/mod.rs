//! Prices, invoices, payments and refunds.

mod invoice;
pub(super) mod pay;
pub(super) mod price;
pub(super) mod refund;
pub(super) mod tax_rows;
