//! A product is created, corrected, taken out of use and put back.

use crate::domain::inventory::lots::follow_product;
use crate::domain::model::etag::check_etag;
use crate::domain::model::in_use::{IfInUse, Use, Uses};
use crate::domain::model::product::{Product, ProductChange};
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::Sku;
use crate::domain::model::stock::StockLevel;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct CreateProduct {
    pub product: Product,
}

impl Command for CreateProduct {
    const NAME: &'static str = "CreateProduct";
    type Output = Product;

    fn reads(&self) -> ReadSet {
        ReadSet { products: vec![self.product.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Product, Refusal> {
        let sku = create_product(unit, &self.product)?;
        unit.product(&sku).cloned().ok_or_else(|| Refusal::not_found("product", sku))
    }
}

pub fn create_product(unit: &mut UnitOfWork, product: &Product) -> Result<Sku, Refusal> {
    if unit.product(&product.sku).is_some() {
        return Err(Refusal::exists("product", &product.sku));
    }
    must_be_legal(product)?;
    let at = unit.now;
    let product = Product { version: 1, created_at: at, updated_at: at, active: true, ..product.clone() };
    let sku = product.sku.clone();
    unit.changes.products.insert(sku.clone(), product.into());
    Ok(sku)
}

/// Corrects a product. Orders that were placed keep what they froze.
#[derive(Debug, Clone)]
pub struct UpdateProduct {
    pub sku: Sku,
    pub changes: Vec<ProductChange>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UpdateProduct {
    const NAME: &'static str = "UpdateProduct";
    type Output = Product;

    fn reads(&self) -> ReadSet {
        // With its stock only if its lots change: the decision asks for that then.
        ReadSet { products: vec![self.sku.clone()], further_reads: 1, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Product, Refusal> {
        let before = seen(unit, &self.sku, &self.etag)?;
        let product = self.changes.iter().cloned().fold(before.clone(), Product::with);
        must_be_legal(&product)?;
        follow_product(unit, &before, &product)?;
        Ok(keep(unit, product))
    }
}

/// Takes a product out of use: it is ordered, set aside and bought again no more. What was ordered goes on.
#[derive(Debug, Clone)]
pub struct DeactivateProduct {
    pub sku: Sku,
    pub if_in_use: IfInUse,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DeactivateProduct {
    const NAME: &'static str = "DeactivateProduct";
    /// With what is still open.
    type Output = (Product, Uses);

    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(Product, Uses), Refusal> {
        let product = seen(unit, &self.sku, &self.etag)?;
        let uses = uses_of(unit, &self.sku);
        if product.active {
            Refusal::in_use(&self.sku, &uses, self.if_in_use)?;
        }
        forget_reorder_rules(unit, &self.sku);
        Ok((keep(unit, Product { active: false, ..product }), uses))
    }
}

/// Puts a product back into use.
#[derive(Debug, Clone)]
pub struct ReactivateProduct {
    pub sku: Sku,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReactivateProduct {
    const NAME: &'static str = "ReactivateProduct";
    type Output = Product;

    fn reads(&self) -> ReadSet {
        ReadSet { products: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Product, Refusal> {
        let product = seen(unit, &self.sku, &self.etag)?;
        Ok(keep(unit, Product { active: true, ..product }))
    }
}

pub(super) fn must_be_legal(product: &Product) -> Result<(), Refusal> {
    let mut problems = Problems::default();
    product.check_prices(&mut problems);
    product.check_kind(&mut problems);
    product.check_life(&mut problems);
    problems.into_result()
}

/// The product in the version that the caller has seen.
fn seen(unit: &UnitOfWork, sku: &Sku, etag: &str) -> Result<Product, Refusal> {
    let product = unit.product(sku).cloned().ok_or_else(|| Refusal::not_found("product", sku))?;
    check_etag(etag, product.version)?;
    Ok(product)
}

/// One version later, if anything of it is new.
pub(super) fn keep(unit: &mut UnitOfWork, product: Product) -> Product {
    if unit.product(&product.sku) == Some(&product) {
        return product;
    }
    let (version, updated_at) = (product.version + 1, unit.now.max(product.updated_at));
    let product = Product { version, updated_at, ..product };
    unit.changes.products.insert(product.sku.clone(), product.clone().into());
    product
}

/// Units on shelves, orders that wait, and what is being bought.
fn uses_of(unit: &UnitOfWork, sku: &Sku) -> Uses {
    let levels = unit.levels(sku);
    let stock = levels.iter().filter(|it| it.on_hand > 0 || it.reserved > 0).map(|it| Use::Stock {
        sku: sku.clone(),
        location: it.location.clone(),
        on_hand: it.on_hand,
        reserved: it.reserved,
    });
    let waiting = unit.rules.regions.keys().filter_map(|region| {
        let units = unit.awaited(region, sku);
        (units > 0).then(|| Use::Waiting { sku: sku.clone(), region: region.clone(), units })
    });
    let bought = levels.iter().flat_map(|it| unit.open_replenishments(sku, &it.location));
    let bought =
        bought.map(|it| Use::Replenishment { id: it.id, sku: sku.clone(), location: it.location.clone() });
    Uses::of(waiting.chain(stock).chain(bought))
}

/// What is sold no more is not bought again.
fn forget_reorder_rules(unit: &mut UnitOfWork, sku: &Sku) {
    let ruled: Vec<StockLevel> =
        unit.levels(sku).into_iter().filter(|it| it.reorder_point.is_some()).cloned().collect();
    for level in ruled {
        let (reorder_point, reorder_up_to) = (None, None);
        unit.keep_level(StockLevel { reorder_point, reorder_up_to, lead_time_days: None, ..level });
    }
}
