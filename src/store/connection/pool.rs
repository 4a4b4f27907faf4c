//! One pool of connections, of either engine.

use std::time::Duration;

use sea_orm::sqlx::{self, PgPool, SqlitePool};

use crate::store::connection::link::Link;

/// How long anybody waits for a connection.
pub(in crate::store) const ACQUIRE_WITHIN: Duration = Duration::from_secs(3);

/// A connection idle for longer is asked whether it still lives before it is used.
pub(in crate::store) const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// How long it may take to say so.
pub(in crate::store) const PING_WITHIN: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(in crate::store) enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Pool {
    pub(in crate::store) async fn acquire(&self) -> Result<Link, sqlx::Error> {
        Ok(match self {
            Self::Postgres(pool) => Link::Postgres(pool.acquire().await?),
            Self::Sqlite(pool) => Link::Sqlite(pool.acquire().await?),
        })
    }

    /// The most connections that it has.
    pub(in crate::store) fn size(&self) -> u32 {
        match self {
            Self::Postgres(pool) => pool.options().get_max_connections(),
            Self::Sqlite(pool) => pool.options().get_max_connections(),
        }
    }

    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}
