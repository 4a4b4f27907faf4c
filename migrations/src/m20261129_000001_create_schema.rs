//! The first schema, area by area. One description serves both engines: it is written with PostgreSQL's
//! types, and [`Schema`] says them in SQLite's words (STRICT tables know INTEGER, TEXT and BLOB).
//!
//! Instants are microseconds since 1970-01-01T00:00:00Z; amounts are minor units beside their currency;
//! ids are UUIDv7, so their order is the order of creation.
//!
//! An order is one document in its row. The tables around it are its projection: what lists, constraints, laws and
//! other users of SQL read. They can be made anew from the documents (`consign migrate --rebuild`), so that a new
//! column needs no more than a default until then. A product, a location, a courier, a customer and a discount
//! code are a document too, beside the columns that they are listed by. No table lists the words of a state: a new word
//! needs no migration.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod access;
mod billing;
mod catalogue;
mod customers;
mod decisions;
mod discounts;
mod erasures;
mod histories;
mod orders;
mod shipments;
mod stock;
mod subscribers;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema { manager, sqlite: manager.get_database_backend() == DbBackend::Sqlite };

        catalogue::create(&schema).await?;
        customers::create(&schema).await?;
        discounts::create(&schema).await?;
        orders::create(&schema).await?;
        stock::create(&schema).await?;
        billing::create(&schema).await?;
        shipments::create(&schema).await?;
        erasures::create(&schema).await?;
        decisions::create(&schema).await?;
        histories::create(&schema).await?;
        subscribers::create(&schema).await?;
        access::create(&schema).await?;
        crate::note_step(manager, self.name(), self.name()).await
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

/// How the rows of a table live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Small rows. SQLite keeps them in the tree of their key: one tree less to write.
    Narrow,
    /// Small rows that change again and again. PostgreSQL leaves room on each page, so that a change that touches no
    /// index stays on its page.
    NarrowChanging,
    /// Large rows, or rows whose key is a number.
    Wide,
    /// Large rows that change again and again.
    WideChanging,
}

impl Schema<'_> {
    async fn table(&self, name: &str, shape: Shape, columns: &str) -> Result<(), DbErr> {
        if !self.sqlite {
            let room = match shape {
                Shape::NarrowChanging => " WITH (fillfactor = 75)",
                // A document stays in its row up to a page's size: elsewhere it would be two rows and an index more.
                Shape::WideChanging => " WITH (fillfactor = 75, toast_tuple_target = 8160)",
                Shape::Wide => " WITH (toast_tuple_target = 8160)",
                Shape::Narrow => "",
            };
            return self.run(&format!("CREATE TABLE {name} ({columns}){room}")).await;
        }

        let words = [
            ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY"),
            (" BIGINT", " INTEGER"),
            (" BOOLEAN", " INTEGER"),
            (" UUID", " BLOB"),
            (" BYTEA", " BLOB"),
            // The order of bytes is its usual one.
            (" COLLATE \"C\"", ""),
        ];
        let columns =
            words.iter().fold(columns.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs));
        let suffix = match shape {
            Shape::Narrow | Shape::NarrowChanging => "STRICT, WITHOUT ROWID",
            Shape::Wide | Shape::WideChanging => "STRICT",
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

    /// Two indexes over the same columns, of the rows of archived orders and of the others: PostgreSQL believes either to
    /// be spread evenly along the ids, and would walk through all that was archived to the first that was not.
    async fn both_sides(&self, table: &str, suffix: &str, columns: &str) -> Result<(), DbErr> {
        for (side, archived) in [("current", "FALSE"), ("archived", "TRUE")] {
            let index = format!("{table}_{side}{suffix} ON {table} ({columns})");
            self.run(&format!("CREATE INDEX {index} WHERE archived = {archived}")).await?;
        }
        Ok(())
    }

    /// Words that depend on each other: PostgreSQL would take a combination that never occurs for a frequent one, and
    /// look for it along the key.
    async fn dependent(&self, statistics: &str) -> Result<(), DbErr> {
        if self.sqlite { Ok(()) } else { self.run(&format!("CREATE STATISTICS {statistics}")).await }
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

    /// The condition of a trigger that the traces of an order are not being erased.
    fn unless_erased(&self, order: &str) -> String {
        match self.sqlite {
            true => format!("NOT EXISTS (SELECT 1 FROM erasure_traces WHERE subject = {order})"),
            false => format!("NOT is_erased({order})"),
        }
    }

    /// What PostgreSQL asks that question by: conditions of its triggers have no queries.
    async fn is_erased(&self) -> Result<(), DbErr> {
        if self.sqlite {
            return Ok(());
        }
        self.run(
            "CREATE FUNCTION is_erased(id UUID) RETURNS boolean LANGUAGE sql STABLE AS $$ \
             SELECT EXISTS (SELECT 1 FROM erasure_traces WHERE subject = id) $$",
        )
        .await
    }

    /// The functions that PostgreSQL needs.
    async fn functions(&self) -> Result<(), DbErr> {
        if self.sqlite {
            return Ok(());
        }
        // What the refusing triggers call.
        self.run(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$",
        )
        .await?;
        // Ends a transaction whose statement found fewer rows than it was to change: somebody else changed them since.
        self.run(
            "CREATE FUNCTION ensure_rows(changed BIGINT, expected BIGINT) RETURNS void LANGUAGE plpgsql AS $$ \
             BEGIN IF changed <> expected THEN \
             RAISE EXCEPTION '% rows of % were as loaded', changed, expected USING ERRCODE = '40001'; \
             END IF; END $$",
        )
        .await
    }

    async fn run(&self, statement: &str) -> Result<(), DbErr> {
        self.manager.get_connection().execute_unprepared(statement).await.map(|_| ())
    }
}
