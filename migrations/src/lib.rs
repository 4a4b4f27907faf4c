//! The schema of Consign, step by step. A merged step is history: it is never changed, the next one is added.
//! Nothing here names an entity or a rule of the main crate; the words in the CHECKs are the words of their
//! day.

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigratorTrait;

mod m20261121_000001_create_schema;
mod m20261126_000002_refunds_by_hand;
mod m20261126_000003_tell_changes_of_place;
mod m20261126_000004_index_lists_along_ids;
mod m20261126_000005_find_parts_by_their_birth;
mod m20261126_000006_index_reservations_by_state;
mod m20261128_000007_note_references_in_normal_form;

/// Every step in order. It takes no lock of its own: the caller makes sure that no other process migrates.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_schema::Migration),
            Box::new(m20261126_000002_refunds_by_hand::Migration),
            Box::new(m20261126_000003_tell_changes_of_place::Migration),
            Box::new(m20261126_000004_index_lists_along_ids::Migration),
            Box::new(m20261126_000005_find_parts_by_their_birth::Migration),
            Box::new(m20261126_000006_index_reservations_by_state::Migration),
            Box::new(m20261128_000007_note_references_in_normal_form::Migration),
        ]
    }
}
