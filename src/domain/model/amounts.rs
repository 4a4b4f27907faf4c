//! The amounts of a line and of an order: net, discounts, taxes, total.

use serde::{Deserialize, Serialize};

use crate::domain::model::money::Currency;

/// The tax category of the shipping fee in the tax rules.
pub(in crate::domain) const SHIPPING: &str = "SHIPPING";

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
    #[serde(default)]
    pub shipping_tax_rate_ppm: u32,
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
