//! A product is created.

use crate::domain::model::product::Product;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::Sku;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Desk, Touch};

#[derive(Debug, Clone)]
pub struct CreateProduct {
    pub product: Product,
}

impl Command for CreateProduct {
    const NAME: &'static str = "CreateProduct";
    type Output = Product;

    fn reads(&self) -> Touch {
        Touch { products: vec![self.product.sku.clone()], ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Product, Refusal> {
        let sku = create_product(desk, &self.product)?;
        desk.product(&sku).cloned().ok_or_else(|| Refusal::not_found("product", sku))
    }
}

pub fn create_product(desk: &mut Desk, product: &Product) -> Result<Sku, Refusal> {
    if desk.product(&product.sku).is_some() {
        return Err(Refusal::exists("product", &product.sku));
    }
    let product = Product { version: 1, created_at: desk.now, ..product.clone() };
    let sku = product.sku.clone();
    desk.changes.products.insert(sku.clone(), product.into());
    Ok(sku)
}
