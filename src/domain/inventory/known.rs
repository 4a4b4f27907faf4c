//! What a command names has to be there, and in use: regions, products, locations, stock levels.

use std::collections::BTreeSet;

use crate::domain::model::product::Product;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
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

/// Services are on no shelf.
pub(super) fn must_be_goods(unit: &UnitOfWork, lines: &[(Sku, i64)], problems: &mut Problems) {
    for (index, (sku, _)) in lines.iter().enumerate() {
        if unit.product(sku).is_some_and(Product::is_service) {
            problems.add(format!("lines[{index}].sku"), no_stock_of(sku));
        }
    }
}

fn no_stock_of(sku: &Sku) -> String {
    format!("product {sku} is a service: there is no stock of it")
}

/// How many products a refusal names in its text.
const PRODUCTS_TOLD: usize = 3;

/// What is out of use is neither ordered nor set aside any more.
pub(in crate::domain) fn must_be_in_use<'s>(
    unit: &UnitOfWork,
    skus: impl Iterator<Item = &'s Sku>,
) -> Result<(), Refusal> {
    let idle: BTreeSet<&Sku> =
        skus.filter(|it| unit.product(it).is_some_and(|product| !product.active)).collect();
    let told: Vec<&str> = idle.iter().take(PRODUCTS_TOLD).map(|it| it.as_str()).collect();
    let told = told.join(", ");
    let message = match idle.len() {
        0 => return Ok(()),
        1 => format!("product {told} is out of use"),
        2..=PRODUCTS_TOLD => format!("products {told} are out of use"),
        many => format!("products {told} and {} more are out of use", many - PRODUCTS_TOLD),
    };
    Err(Refusal::unmet(Reason::Inactive, format!("{message}; ReactivateProduct brings it back")))
}

/// From what is out of use nothing more is allocated, and nothing is bought for it.
pub(super) fn location_must_be_in_use(unit: &UnitOfWork, code: &LocationCode) -> Result<(), Refusal> {
    match unit.location(code) {
        None => Err(Refusal::not_found("stock location", code)),
        Some(location) if location.active => Ok(()),
        Some(_) => {
            let message =
                format!("stock location {code} is out of use; ReactivateStockLocation brings it back");
            Err(Refusal::unmet(Reason::Inactive, message))
        }
    }
}

/// The level to change, empty if nothing was ever there.
pub(super) fn level_of(unit: &UnitOfWork, sku: &Sku, location: &LocationCode) -> Result<StockLevel, Refusal> {
    match unit.product(sku) {
        None => return Err(Refusal::not_found("product", sku)),
        Some(product) if product.is_service() => return Err(Refusal::invalid("sku", no_stock_of(sku))),
        Some(_) => {}
    }
    if unit.location(location).is_none() {
        return Err(Refusal::not_found("stock location", location));
    }
    let found = unit.level(sku, location).cloned();
    Ok(found.unwrap_or_else(|| StockLevel::empty(sku.clone(), location.clone(), unit.now)))
}

/// More than a million million units of anything is a mistake.
const UNITS_MAX: i64 = 1_000_000_000_000;

pub(in crate::domain) fn bounded_sum(have: i64, more: i64, field: &str) -> Result<i64, Refusal> {
    have.checked_add(more)
        .filter(|it| *it <= UNITS_MAX)
        .ok_or_else(|| Refusal::invalid(field, format!("a stock level is at most {UNITS_MAX} units")))
}
