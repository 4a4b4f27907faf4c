//! Bank references are looked for without regard to case and to blanks around them. The register is never changed, so
//! what was noted before is noted once more in that form, the first of those that now are the same.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Reads the same on both engines.
        let again = "INSERT INTO payment_references (method, reference, payment_id, order_id)
            SELECT noted.method, lower(trim(noted.reference)), noted.payment_id, noted.order_id
            FROM payment_references AS noted JOIN (
                SELECT method, MIN(reference) AS reference FROM payment_references
                GROUP BY method, lower(trim(reference))
                HAVING SUM(CASE WHEN reference = lower(trim(reference)) THEN 1 ELSE 0 END) = 0
            ) AS first ON first.method = noted.method AND first.reference = noted.reference";
        manager.get_connection().execute_unprepared(again).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
