//! The first schema, area by area. One description serves both engines: it is written with PostgreSQL's
//! types, and [`Schema`] says them in SQLite's words (STRICT tables know INTEGER, TEXT and BLOB).
//!
//! Instants are microseconds since 1970-01-01T00:00:00Z; amounts are minor units beside their currency;
//! ids are UUIDv7, so their order is the order of creation.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod billing;
mod catalogue;
mod history;
mod orders;
mod shipments;
mod stock;
mod work;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema { manager, sqlite: manager.get_database_backend() == DbBackend::Sqlite };

        catalogue::create(&schema).await?;
        orders::create(&schema).await?;
        stock::create(&schema).await?;
        billing::create(&schema).await?;
        shipments::create(&schema).await?;
        history::create(&schema).await?;
        work::create(&schema).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Writes the one description in the words of the engine at hand.
struct Schema<'m> {
    manager: &'m SchemaManager<'m>,
    sqlite: bool,
}

/// How SQLite keeps a table: PostgreSQL makes no difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Small rows, kept in the tree of their key: one tree less to write.
    InKey,
    /// Large rows, or rows whose key is a number.
    Apart,
}

impl Schema<'_> {
    async fn table(&self, name: &str, shape: Shape, columns: &str) -> Result<(), DbErr> {
        if !self.sqlite {
            return self.run(&format!("CREATE TABLE {name} ({columns})")).await;
        }

        let columns =
            [(" BIGINT", " INTEGER"), (" BOOLEAN", " INTEGER"), (" UUID", " BLOB"), (" BYTEA", " BLOB")]
                .iter()
                .fold(columns.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs));
        let suffix = match shape {
            Shape::InKey => "STRICT, WITHOUT ROWID",
            Shape::Apart => "STRICT",
        };
        self.run(&format!("CREATE TABLE {name} ({columns}) {suffix}")).await
    }

    /// `CREATE INDEX` and `CREATE UNIQUE INDEX` read the same on both engines.
    async fn indexes(&self, statements: &[&str]) -> Result<(), DbErr> {
        for statement in statements {
            self.run(statement).await?;
        }
        Ok(())
    }

    /// The rows of this table are written once, never changed or removed.
    async fn append_only(&self, table: &str) -> Result<(), DbErr> {
        self.refuse(table, "UPDATE", "TRUE").await?;
        self.refuse(table, "DELETE", "TRUE").await
    }

    /// A trigger that refuses a change (`UPDATE` or `DELETE`) of a row where `when` holds.
    async fn refuse(&self, table: &str, change: &str, when: &str) -> Result<(), DbErr> {
        let head = format!(
            "CREATE TRIGGER {table}_refuse_{} BEFORE {change} ON {table} FOR EACH ROW WHEN ({when})",
            change.to_lowercase()
        );
        if self.sqlite {
            return self
                .run(&format!("{head} BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"))
                .await;
        }
        self.run(&format!("{head} EXECUTE FUNCTION refuse_change()")).await
    }

    /// What the refusing triggers call on PostgreSQL.
    async fn refusing_function(&self) -> Result<(), DbErr> {
        if self.sqlite {
            return Ok(());
        }
        self.run(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$",
        )
        .await
    }

    async fn run(&self, statement: &str) -> Result<(), DbErr> {
        self.manager.get_connection().execute_unprepared(statement).await.map(|_| ())
    }
}
