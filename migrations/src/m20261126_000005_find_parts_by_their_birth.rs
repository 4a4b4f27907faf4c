//! Which order a part belongs to is told by the event of its birth: the others need not be in the index. Orders and their
//! feedback are not looked for so.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(
            "CREATE INDEX events_birth ON events (subject, order_id)
             WHERE from_state = '' AND machine NOT IN ('ORDER', 'FEEDBACK')",
        )
        .await?;
        db.execute_unprepared("DROP INDEX events_subject").await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
