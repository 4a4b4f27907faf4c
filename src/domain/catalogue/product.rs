//! A product is created.

use crate::domain::model::product::Product;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::Sku;
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
    let at = unit.now;
    let product = Product { version: 1, created_at: at, updated_at: at, active: true, ..product.clone() };
    let sku = product.sku.clone();
    unit.changes.products.insert(sku.clone(), product.into());
    Ok(sku)
}
