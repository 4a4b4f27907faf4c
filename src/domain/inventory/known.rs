//! What a command names has to be there: regions, products, stock levels.

use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::unit::unit_of_work::Desk;

pub(in crate::domain) fn must_be_known(
    desk: &Desk,
    field: &str,
    region: &RegionCode,
    problems: &mut Problems,
) {
    if !desk.rules.regions.contains_key(region) {
        let known: Vec<&str> = desk.rules.regions.keys().map(RegionCode::as_str).collect();
        problems.add(field, format!("must be one of {}", known.join(", ")));
    }
}

pub(super) fn must_exist(desk: &Desk, lines: &[(Sku, i64)], problems: &mut Problems) {
    for (place, (sku, _)) in lines.iter().enumerate() {
        if desk.product(sku).is_none() {
            problems.add(format!("lines[{place}].sku"), format!("product {sku} does not exist"));
        }
    }
}

/// The level to change, empty if nothing was ever there.
pub(super) fn level_of(desk: &Desk, sku: &Sku, location: &LocationCode) -> Result<StockLevel, Refusal> {
    if desk.product(sku).is_none() {
        return Err(Refusal::not_found("product", sku));
    }
    if desk.location(location).is_none() {
        return Err(Refusal::not_found("stock location", location));
    }
    let found = desk.level(sku, location).cloned();
    Ok(found.unwrap_or_else(|| StockLevel::empty(sku.clone(), location.clone(), desk.now)))
}
