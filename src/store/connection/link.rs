//! A connection of either engine.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, Connection, Executor, Postgres, Sqlite};

pub(in crate::store) enum Link {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

impl Link {
    pub(super) async fn command(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(connection) => (**connection).execute(sql).await.map(|_| ()),
            Self::Sqlite(connection) => (**connection).execute(sql).await.map(|_| ()),
        }
    }

    pub(in crate::store) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(connection) => (**connection).ping().await,
            Self::Sqlite(connection) => (**connection).ping().await,
        }
    }

    /// Throws the connection away without another word to the database.
    pub(in crate::store) fn discard(self) {
        match self {
            Self::Postgres(connection) => drop(connection.detach()),
            Self::Sqlite(connection) => drop(connection.detach()),
        }
    }
}
