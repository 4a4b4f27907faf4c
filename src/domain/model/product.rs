//! A product of the catalogue.

use serde::{Deserialize, Serialize};

use crate::domain::model::gtin::Gtin;
use crate::domain::model::handling::{Dimensions, Handling};
use crate::domain::model::labels::Labels;
use crate::domain::model::lot::LIFE_DAYS_MAX;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::refusal::Problems;
use crate::domain::model::scalars::Sku;
use crate::domain::model::service::ProductKind;
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
    /// The list price in its currency until one of `prices` begins.
    pub unit_price: Option<Money>,
    /// Of one unit, for quotes and plausibility of packages. Zero: unknown.
    pub weight_grams: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// False: nobody may order it any more.
    pub active: bool,
    /// List prices in other currencies, and those that begin at a time.
    pub prices: Vec<Price>,
    pub gtin: Option<Gtin>,
    pub handling: Handling,
    #[serde(default)]
    pub kind: ProductKind,
    /// The caller's own words, by which it is found again.
    #[serde(default)]
    pub labels: Labels,
    /// Whether what is on hand of it is divided into lots, each with the day on which it expires.
    #[serde(default)]
    pub tracks_lots: bool,
    /// How many days a lot must be good for, at the least, for its units to be sold; 0: until it expires.
    #[serde(default)]
    pub shortest_life_days: i32,
}

/// A list price of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub price: Money,
    /// None: from the beginning.
    pub valid_from: Option<Timestamp>,
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
            prices: Vec::new(),
            gtin: None,
            handling: Handling::default(),
            kind: ProductKind::Goods,
            labels: Labels::new(),
            tracks_lots: false,
            shortest_life_days: 0,
        }
    }

    /// The list price that is valid at a time: of those in the currency the one that began last.
    pub fn price_in(&self, currency: Currency, at: Timestamp) -> Option<Money> {
        let valid =
            |it: &&Price| it.price.currency == currency && it.valid_from.is_none_or(|from| from <= at);
        let latest = self.prices.iter().filter(valid).max_by_key(|it| it.valid_from);
        latest.map(|it| it.price).or(self.unit_price.filter(|it| it.currency == currency))
    }

    pub fn has_prices(&self) -> bool {
        self.unit_price.is_some() || !self.prices.is_empty()
    }

    /// Notes prices of which it could not be said which one is valid.
    pub fn check_prices(&self, problems: &mut Problems) {
        for (index, it) in self.prices.iter().enumerate() {
            let field = format!("product.prices[{index}]");
            let currency = it.price.currency;
            let alike = |other: &Price| other.price.currency == currency && other.valid_from == it.valid_from;
            if let Some(earlier) = self.prices[..index].iter().position(alike) {
                problems.add(field, format!("has the currency and valid_from of prices[{earlier}]"));
            } else if it.valid_from.is_none() && self.unit_price.is_some_and(|it| it.currency == currency) {
                problems.add(field, format!("needs a valid_from: unit_price is in {currency} too"));
            }
        }
    }

    pub fn is_service(&self) -> bool {
        self.kind.is_service()
    }

    /// Notes what only goods have.
    pub fn check_kind(&self, problems: &mut Problems) {
        let Handling { dimensions, fragile, dangerous } = self.handling;
        let of_goods = [
            ("weight_grams", self.weight_grams != 0),
            ("dimensions", dimensions.is_some()),
            ("fragile", fragile),
            ("dangerous", dangerous),
            ("tracks_lots", self.tracks_lots),
        ];
        for (field, _) in of_goods.into_iter().filter(|it| self.is_service() && it.1) {
            problems.add(format!("product.{field}"), "must be left out of a service: only goods have it");
        }
    }

    /// Notes a remaining life that no lot has.
    pub fn check_life(&self, problems: &mut Problems) {
        let field = "product.shortest_life_days";
        if !(0..=LIFE_DAYS_MAX).contains(&self.shortest_life_days) {
            problems.add(field, format!("must be 0 to {LIFE_DAYS_MAX}"));
        } else if self.shortest_life_days > 0 && !self.tracks_lots {
            problems.add(field, "must be 0 of a product without lots: see tracks_lots");
        }
    }

    #[must_use]
    pub fn with(mut self, change: ProductChange) -> Self {
        match change {
            ProductChange::Name(name) => self.name = name,
            ProductChange::TaxCategory(category) => self.tax_category = category,
            ProductChange::UnitPrice(price) => self.unit_price = price,
            ProductChange::WeightGrams(grams) => self.weight_grams = grams,
            ProductChange::Prices(prices) => self.prices = prices,
            ProductChange::Gtin(gtin) => self.gtin = gtin,
            ProductChange::Dimensions(dimensions) => self.handling.dimensions = dimensions,
            ProductChange::Fragile(fragile) => self.handling.fragile = fragile,
            ProductChange::Dangerous(dangerous) => self.handling.dangerous = dangerous,
            ProductChange::Labels(labels) => self.labels = labels,
            ProductChange::TracksLots(tracks_lots) => self.tracks_lots = tracks_lots,
            ProductChange::ShortestLifeDays(days) => self.shortest_life_days = days,
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
    Prices(Vec<Price>),
    Gtin(Option<Gtin>),
    Dimensions(Option<Dimensions>),
    Fragile(bool),
    Dangerous(bool),
    Labels(Labels),
    TracksLots(bool),
    ShortestLifeDays(i32),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_micros(second * 1_000_000)
    }

    fn price(currency: &str, minor: i64, valid_from: Option<i64>) -> Price {
        let price = currency.parse::<Currency>().expect("a currency").of(minor);
        Price { price, valid_from: valid_from.map(at) }
    }

    fn mug(unit_price: Option<Price>, prices: Vec<Price>) -> Product {
        let mug = Product::new("MUG".parse().expect("a sku"), "Mug", at(0));
        Product { unit_price: unit_price.map(|it| it.price), prices, ..mug }
    }

    #[test]
    fn of_the_prices_in_a_currency_the_one_that_began_last_is_valid() {
        let mug = mug(
            Some(price("EUR", 1_000, None)),
            vec![
                price("EUR", 1_300, Some(30)),
                price("EUR", 1_100, Some(10)),
                price("USD", 1_200, None),
                price("USD", 1_250, Some(20)),
                price("JPY", 1_800, Some(20)),
            ],
        );
        let of = |currency: &str, second| {
            mug.price_in(currency.parse().expect("a currency"), at(second)).map(|it| it.minor)
        };
        assert_eq!(
            [0, 9, 10, 29, 30, 99].map(|it| of("EUR", it)),
            [1_000, 1_000, 1_100, 1_100, 1_300, 1_300].map(Some)
        );
        assert_eq!([0, 20].map(|it| of("USD", it)), [Some(1_200), Some(1_250)]);
        assert_eq!([19, 20].map(|it| of("JPY", it)), [None, Some(1_800)]);
        assert_eq!(of("KWD", 99), None);
    }

    #[test]
    fn two_prices_for_the_same_time_are_refused() {
        let bad = |mug: Product| {
            let mut problems = Problems::default();
            mug.check_prices(&mut problems);
            problems.0.into_iter().map(|it| it.field).collect::<Vec<_>>()
        };
        let euro = || Some(price("EUR", 1_000, None));
        assert!(
            bad(mug(euro(), vec![price("EUR", 1, Some(1)), price("USD", 1, None), price("USD", 1, Some(1))]))
                .is_empty()
        );
        assert!(bad(mug(None, vec![price("EUR", 1, None)])).is_empty());
        let twice = vec![price("EUR", 1, None), price("USD", 2, Some(1)), price("USD", 3, Some(1))];
        assert_eq!(bad(mug(euro(), twice)), ["product.prices[0]", "product.prices[2]"]);
    }
}
