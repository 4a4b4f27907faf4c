//! A product of the catalogue.

use serde::{Deserialize, Serialize};

use crate::domain::model::money::Money;
use crate::domain::model::scalars::Sku;
use crate::domain::model::time::Timestamp;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub sku: Sku,
    pub version: i64,
    /// 1–200 characters.
    pub name: String,
    /// `STANDARD` when left out; chooses the tax rule.
    pub tax_category: String,
    /// The list price; a line without a price of its own takes this one.
    pub unit_price: Option<Money>,
    /// Of one unit, for quotes and plausibility of packages. Zero: unknown.
    pub weight_grams: i64,
    pub created_at: Timestamp,
}
