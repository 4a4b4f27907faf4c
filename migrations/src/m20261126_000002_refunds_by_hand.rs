//! How a person gave money back that the provider would not: by which means, under which reference.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Reads the same on both engines.
        for statement in [
            "ALTER TABLE refunds ADD COLUMN method TEXT CHECK (method IN ('BANK_TRANSFER', 'CASH'))",
            "ALTER TABLE refunds ADD COLUMN reference TEXT NOT NULL DEFAULT ''",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
