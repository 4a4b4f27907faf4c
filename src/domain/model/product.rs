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
    pub updated_at: Timestamp,
    /// False: nobody may order it any more.
    pub active: bool,
}

impl Product {
    /// A new product without a price, with the standard tax and an unknown weight.
    pub fn new(sku: Sku, name: impl Into<String>, at: Timestamp) -> Self {
        Self {
            sku,
            version: 0,
            name: name.into(),
            tax_category: "STANDARD".to_owned(),
            unit_price: None,
            weight_grams: 0,
            created_at: at,
            updated_at: at,
            active: true,
        }
    }

    #[must_use]
    pub fn with(mut self, change: ProductChange) -> Self {
        match change {
            ProductChange::Name(name) => self.name = name,
            ProductChange::TaxCategory(category) => self.tax_category = category,
            ProductChange::UnitPrice(price) => self.unit_price = price,
            ProductChange::WeightGrams(grams) => self.weight_grams = grams,
        }
        self
    }
}

/// One field of a product as a person entered it. Its SKU is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductChange {
    Name(String),
    TaxCategory(String),
    UnitPrice(Option<Money>),
    WeightGrams(i64),
}
