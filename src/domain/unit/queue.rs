//! Figures of who waits for stock, beside the sums of units.

use std::collections::{BTreeMap, HashMap};

use crate::domain::model::scalars::{Actor, OrderId, RegionCode, Sku};

#[derive(Debug, Default)]
pub struct Queue {
    /// How many orders of callers wait.
    pub orders_of: HashMap<Actor, i64>,
    /// Units that waiting orders want, per region and product, by how many of them each order wants.
    pub by_size: HashMap<(RegionCode, Sku), BTreeMap<i64, i64>>,
    /// Units that those want which came before a loaded waiting order and want no more of the product than it does.
    pub no_larger_before: HashMap<(OrderId, Sku), i64>,
}

impl Queue {
    /// Adds units that orders want which each want `size` of them.
    pub fn add(&mut self, region: RegionCode, sku: Sku, size: i64, units: i64) {
        *self.by_size.entry((region, sku)).or_default().entry(size).or_default() += units;
    }

    pub(super) fn no_larger(&self, region: &RegionCode, sku: &Sku, wanted: i64) -> i64 {
        let sizes = self.by_size.get(&(region.clone(), sku.clone()));
        sizes.map_or(0, |it| it.range(..=wanted).map(|it| it.1).sum())
    }
}
