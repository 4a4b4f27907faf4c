//! What a command names has to be there: regions, products, stock levels.

use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::unit::unit_of_work::UnitOfWork;

pub(in crate::domain) fn must_be_known(
    unit: &UnitOfWork,
    field: &str,
    region: &RegionCode,
    problems: &mut Problems,
) {
    if !unit.rules.regions.contains_key(region) {
        let known: Vec<&str> = unit.rules.regions.keys().map(RegionCode::as_str).collect();
        problems.add(field, format!("must be one of {}", known.join(", ")));
    }
}

pub(super) fn must_exist(unit: &UnitOfWork, lines: &[(Sku, i64)], problems: &mut Problems) {
    for (index, (sku, _)) in lines.iter().enumerate() {
        if unit.product(sku).is_none() {
            problems.add(format!("lines[{index}].sku"), format!("product {sku} does not exist"));
        }
    }
}

/// The level to change, empty if nothing was ever there.
pub(super) fn level_of(unit: &UnitOfWork, sku: &Sku, location: &LocationCode) -> Result<StockLevel, Refusal> {
    if unit.product(sku).is_none() {
        return Err(Refusal::not_found("product", sku));
    }
    if unit.location(location).is_none() {
        return Err(Refusal::not_found("stock location", location));
    }
    let found = unit.level(sku, location).cloned();
    Ok(found.unwrap_or_else(|| StockLevel::empty(sku.clone(), location.clone(), unit.now)))
}
