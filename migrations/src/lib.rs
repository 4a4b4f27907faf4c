//! The schema of Consign, step by step. A released step is history: it is never changed, the next one is added.
//! Nothing here names an entity or a rule of the main crate.

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigratorTrait;

mod m20261129_000001_create_schema;

/// Every step in order. It takes no lock of its own: the caller makes sure that no other process migrates.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261129_000001_create_schema::Migration)]
    }
}
