//! What an order costs, line by line, and the invoice that fixes it.

use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Currency, InvoiceId, OrderId, Sku, Timestamp};

words! {
    pub enum InvoiceState {
        Open = "OPEN",
        Paid = "PAID",
        Void = "VOID",
    }
}

/// Immutable once issued, but for its state.
/// Law: `total = Σ line totals + shipping + shipping_tax` (exclusive) to the minor unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub id: InvoiceId,
    pub order: OrderId,
    pub series: String,
    /// Gapless per series from 1; 0 only until the writer has numbered it, just before it is stored.
    pub number: i64,
    pub state: InvoiceState,
    pub amounts: Amounts,
    pub lines: Vec<InvoiceLine>,
    pub issued_at: Timestamp,
    pub settled_at: Option<Timestamp>,
}

impl Invoice {
    /// The number as people write it: `INV-000001`.
    pub fn full_number(&self) -> String {
        invoice_number(&self.series, self.number)
    }
}

/// A series and a place in it as people write them.
pub fn invoice_number(series: &str, number: i64) -> String {
    format!("{series}-{number:06}")
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    pub line: i32,
    pub sku: Sku,
    pub description: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub amounts: LineAmounts,
}

/// One line in minor units. `gross = unit price × quantity`.
/// Exclusive prices: `total = gross − discount − discount_share + tax`.
/// Inclusive prices: `total = gross − discount − discount_share`, and `tax` is the part of it that is tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LineAmounts {
    pub gross_minor: i64,
    /// The line's own discount.
    pub discount_minor: i64,
    /// The line's share of the order's discount, by largest remainder.
    pub discount_share_minor: i64,
    pub tax_rate_ppm: u32,
    pub tax_minor: i64,
    pub total_minor: i64,
}

/// The sums of an order or invoice, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    pub currency: Currency,
    pub prices_include_tax: bool,
    /// Σ gross.
    pub subtotal_minor: i64,
    /// Σ line discounts and shares of the order's discount.
    pub discount_minor: i64,
    /// The fee as priced: with its tax when prices include tax, else without.
    pub shipping_minor: i64,
    pub shipping_tax_minor: i64,
    /// Σ line taxes + shipping tax.
    pub tax_minor: i64,
    /// What is to be paid.
    pub total_minor: i64,
}

/// A discount on a line or a whole order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discount {
    /// In minor units, at most what it is taken from.
    Amount(i64),
    /// In ppm, at most 1 000 000.
    Percent(u32),
}
