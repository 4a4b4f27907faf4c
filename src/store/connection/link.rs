//! A connection of either engine.

use crate::store::connection::error::StoreError;
use crate::store::connection::postgres::PostgresLink;
use crate::store::connection::sqlite::SqliteLink;

pub(super) enum Link {
    Postgres(Box<PostgresLink>),
    Sqlite(SqliteLink),
}

impl Link {
    pub(super) async fn command(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Postgres(link) => link.script(sql).await,
            Self::Sqlite(link) => link.command(sql),
        }
    }

    /// Asks for an answer, whatever it is.
    pub(super) async fn ping(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(link) => link.script("").await,
            Self::Sqlite(_) => Ok(()),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Postgres(link) => link.is_closed(),
            Self::Sqlite(_) => false,
        }
    }
}
