//! The sample data, as the file beside it says it.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) products: Vec<Product>,
    pub(super) locations: Vec<Location>,
    pub(super) couriers: Vec<Courier>,
    pub(super) orders: Vec<Order>,
    pub(super) price_change: PriceChange,
    pub(super) trial: Trial,
}

/// A courier that is given a few parcels before anybody relies on it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    pub(super) courier: Courier,
    /// What is in each parcel.
    pub(super) sku: String,
    pub(super) currency: String,
    pub(super) parcels: Vec<Parcel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parcel {
    pub(super) customer: Customer,
    pub(super) address: Address,
    #[serde(default)]
    pub(super) damaged: bool,
    /// What the customer says of the delivery, 1 to 5.
    pub(super) rating: i32,
}

/// A price that is corrected after the first order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceChange {
    pub(super) sku: String,
    pub(super) currency: String,
    /// In minor units.
    pub(super) from: i64,
    pub(super) to: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) tax_category: String,
    pub(super) weight_grams: i32,
    /// In minor units by currency.
    pub(super) prices: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Location {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) country: String,
    pub(super) address: Address,
    pub(super) time_zone: String,
    /// Opens and closes, Monday to Friday.
    pub(super) hours: [String; 2],
    pub(super) priority: i32,
    pub(super) stock: BTreeMap<String, i64>,
    /// Reorder point and the level to fill up to.
    #[serde(default)]
    pub(super) reorder: BTreeMap<String, [i64; 2]>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Courier {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) time_zone: String,
    pub(super) cutoff: String,
    /// Days of the week on which it delivers, 1 = Monday.
    pub(super) delivers: Vec<i32>,
    /// Where it picks up; empty: everywhere.
    #[serde(default)]
    pub(super) regions: Vec<String>,
    pub(super) rates: Vec<Rate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    pub(super) service: String,
    pub(super) days: i32,
    pub(super) base: BTreeMap<String, i64>,
    pub(super) per_kg: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) title: String,
    pub(super) story: Story,
    pub(super) channel: String,
    pub(super) method: String,
    pub(super) service: String,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) code: Option<Code>,
    /// The same, as it is called in this run.
    #[serde(skip)]
    pub(super) discount_code: String,
    pub(super) lines: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) instructions: String,
    /// The order is to be refused unless it arrives by then.
    #[serde(skip)]
    pub(super) wanted: Option<prost_types::Timestamp>,
    pub(super) customer: Customer,
    pub(super) address: Address,
}

/// The discount code that an order redeems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Code {
    /// The shop's own.
    Spring,
    /// That of the first delivery letter.
    Offered,
}

/// The course of an order in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Story {
    Plain,
    Waits,
    Cancelled,
    Exception,
    Corrected,
    /// Some of it is there and goes; the rest follows when it arrives.
    InParts,
    /// The cheapest courier has shown on trial that it is not good enough.
    PassesOver,
    /// A part is cancelled after it was paid, and a count finds less than was set aside.
    Changed,
    /// No location has all of it: before it is placed, it is asked where it would come from.
    Split,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer {
    pub(super) name: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) phone: String,
    /// The language of the letters, which are then shown as the customer reads them; empty: the shop's.
    #[serde(default)]
    pub(super) locale: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub(super) street: Vec<String>,
    pub(super) city: String,
    #[serde(default)]
    pub(super) state: String,
    pub(super) postal_code: String,
    pub(super) country: String,
}

impl Sample {
    pub(super) fn load() -> Self {
        toml::from_str(include_str!("sample.toml"))
            .expect("the sample data is part of the program and is tested")
    }

    /// What a unit weighs, in grams, by the product's code in a run.
    pub(super) fn weights(&self, run: &str) -> BTreeMap<String, i32> {
        self.products.iter().map(|it| (format!("{}-{run}", it.sku), it.weight_grams)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_data_can_be_read_and_covers_what_the_demo_shows() {
        let sample = Sample::load();
        let regions: std::collections::BTreeSet<_> = sample.locations.iter().map(|it| &it.region).collect();
        assert_eq!(regions.len(), 3);
        for channel in ["ONLINE", "PHONE", "IN_PERSON"] {
            assert!(sample.orders.iter().any(|it| it.channel == channel), "{channel}");
        }
        for method in ["CARD", "PAYPAL", "BANK_TRANSFER", "CASH"] {
            assert!(sample.orders.iter().any(|it| it.method == method), "{method}");
        }
        let PriceChange { sku, currency, from, .. } = &sample.price_change;
        let product = sample.products.iter().find(|it| it.sku == *sku).expect("a product that there is");
        assert_eq!(product.prices.get(currency), Some(from));
        let mut takes = sample.orders.iter().map(|it| it.currency == *currency && it.lines.contains_key(sku));
        assert_eq!(takes.next(), Some(true), "the first order has the price as it was");
        assert!(takes.any(|it| it), "a later order has the price as it is then");
    }
}
