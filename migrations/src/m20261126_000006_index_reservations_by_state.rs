//! Every list of reservations by their state. Those that are held have an index of their own: in one over all states,
//! SQLite would look for the few whose time is up among all that are held.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in [
            "reservations_held ON reservations (id) WHERE state = 'HELD'",
            "reservations_state ON reservations (state, id) WHERE state <> 'HELD'",
        ] {
            db.execute_unprepared(&format!("CREATE INDEX {index}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
