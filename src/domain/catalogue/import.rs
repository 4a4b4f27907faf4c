//! A row of an import: a product is created, or the one that is there is corrected.

use crate::domain::catalogue::product::{create_product, keep, must_be_legal};
use crate::domain::inventory::lots::follow_product;
use crate::domain::model::product::{Product, ProductChange};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::Sku;
use crate::domain::model::service::ProductKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// What came of a row that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    Created,
    Updated,
    Unchanged,
}

/// Makes the catalogue have this product, with these fields.
#[derive(Debug, Clone)]
pub struct ImportProduct {
    pub sku: Sku,
    /// None: goods, or what it is already.
    pub kind: Option<ProductKind>,
    pub changes: Vec<ProductChange>,
}

impl Command for ImportProduct {
    const NAME: &'static str = "ImportProducts";
    type Output = (Product, Imported);

    fn reads(&self) -> ReadSet {
        ReadSet { products: vec![self.sku.clone()], further_reads: 1, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(Product, Imported), Refusal> {
        match unit.product(&self.sku).cloned() {
            Some(product) => self.correct(unit, product),
            None => self.create(unit).map(|it| (it, Imported::Created)),
        }
    }
}

impl ImportProduct {
    fn create(&self, unit: &mut UnitOfWork<'_>) -> Result<Product, Refusal> {
        let kind = self.kind.unwrap_or_default();
        let product = Product { kind, ..Product::new(self.sku.clone(), "", unit.now) };
        let product = self.changes.iter().cloned().fold(product, Product::with);
        if product.name.is_empty() {
            return Err(Refusal::invalid("product.name", "is required of a new product"));
        }
        let sku = create_product(unit, &product)?;
        unit.product(&sku).cloned().ok_or_else(|| Refusal::not_found("product", sku))
    }

    fn correct(&self, unit: &mut UnitOfWork<'_>, product: Product) -> Result<(Product, Imported), Refusal> {
        if self.kind.is_some_and(|it| it != product.kind) {
            let message = format!("must be {}, for ever: leave it out, or take another sku", product.kind);
            return Err(Refusal::invalid("product.kind", message));
        }
        let (before, old) = (product.version, product.clone());
        let product = self.changes.iter().cloned().fold(product, Product::with);
        must_be_legal(&product)?;
        follow_product(unit, &old, &product)?;
        let kept = keep(unit, product);
        let imported = if kept.version == before { Imported::Unchanged } else { Imported::Updated };
        Ok((kept, imported))
    }
}
