//! The schema of Consign, step by step. A released step is history: it is never changed, the next one is added.
//! Nothing here names an entity or a rule of the main crate.

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigratorTrait;

mod m20261129_000001_create_schema;

/// Says which step is the oldest that a program has to know to serve a database that has this one: its own name, unless
/// everything that an older program reads and writes goes on as before.
pub(crate) async fn note_step(
    manager: &SchemaManager<'_>,
    step: &str,
    compatible_from: &str,
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let table = "CREATE TABLE IF NOT EXISTS schema_steps \
        (version TEXT NOT NULL PRIMARY KEY, compatible_from TEXT NOT NULL)";
    connection.execute_unprepared(table).await?;
    let row =
        format!("INSERT INTO schema_steps (version, compatible_from) VALUES ('{step}', '{compatible_from}')");
    connection.execute_unprepared(&row).await.map(|_| ())
}

/// Every step in order. It takes no lock of its own: the caller makes sure that no other process migrates.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261129_000001_create_schema::Migration)]
    }
}
