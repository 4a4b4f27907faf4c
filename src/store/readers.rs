//! Connections to read with. Those that were used just now are at hand for the next reader: the pool asks every one that
//! comes back to it twice whether it still lives, which takes longer than many a question.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::{self, PgPool, SqlitePool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::StoreError;
use super::open::{ACQUIRE_WITHIN, PING_WITHIN, TRUSTED_FOR};
use super::session::Link;

/// After so long a connection goes back to the pool, which replaces the old ones.
const AT_HAND_FOR: Duration = Duration::from_secs(60);

pub(in crate::store) struct Readers {
    pool: Pool,
    /// The last used last. None: closed.
    at_hand: Mutex<Option<Vec<Held>>>,
    /// One permit per connection that the pool may have.
    room: Arc<Semaphore>,
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

struct Held {
    link: Link,
    taken_at: Instant,
    idle_since: Instant,
}

/// Where a reader's connection belongs.
pub(in crate::store) struct Place {
    readers: Arc<Readers>,
    taken_at: Instant,
    _room: OwnedSemaphorePermit,
}

impl Readers {
    pub(in crate::store) fn of_postgres(pool: PgPool, most: u32) -> Arc<Self> {
        Self::new(Pool::Postgres(pool), most)
    }

    pub(in crate::store) fn of_sqlite(pool: SqlitePool, most: u32) -> Arc<Self> {
        Self::new(Pool::Sqlite(pool), most)
    }

    fn new(pool: Pool, most: u32) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { pool, at_hand: Mutex::new(Some(Vec::new())), room })
    }

    /// A connection, as soon as one is free.
    pub(in crate::store) async fn lend(self: &Arc<Self>) -> Result<(Link, Place), StoreError> {
        let lending = async {
            let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let (link, taken_at) = match self.take().await {
                Some(held) => (held.link, held.taken_at),
                None => (self.pool.acquire().await?, Instant::now()),
            };
            Ok((link, Place { readers: Arc::clone(self), taken_at, _room: room }))
        };
        timeout(ACQUIRE_WITHIN, lending).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    /// One that is at hand and lives.
    async fn take(&self) -> Option<Held> {
        let mut held = self.at_hand().as_mut()?.pop()?;
        if held.idle_since.elapsed() <= TRUSTED_FOR {
            return Some(held);
        }
        if matches!(timeout(PING_WITHIN, held.link.ping()).await, Ok(Ok(()))) {
            return Some(held);
        }

        // The others were idle for longer, and have hardly fared better.
        let others = self.at_hand().as_mut().map(std::mem::take).unwrap_or_default();
        others.into_iter().chain([held]).for_each(|it| it.link.discard());
        None
    }

    /// Nothing is lent any more; what is lent goes back to the pool.
    pub(in crate::store) async fn close(&self) {
        self.room.close();
        drop(self.at_hand().take());
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => pool.close().await,
        }
    }

    #[cfg(test)]
    pub(in crate::store) fn how_many_at_hand(&self) -> usize {
        self.at_hand().as_ref().map_or(0, Vec::len)
    }

    fn at_hand(&self) -> MutexGuard<'_, Option<Vec<Held>>> {
        // Nothing panics while it is held.
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    async fn acquire(&self) -> Result<Link, sqlx::Error> {
        Ok(match self {
            Self::Postgres(pool) => Link::Postgres(pool.acquire().await?),
            Self::Sqlite(pool) => Link::Sqlite(pool.acquire().await?),
        })
    }
}

impl Place {
    /// Takes a connection back that has nothing left to say.
    pub(in crate::store) fn take_back(self, link: Link) {
        if self.taken_at.elapsed() > AT_HAND_FOR {
            return;
        }
        let held = Held { link, taken_at: self.taken_at, idle_since: Instant::now() };
        if let Some(at_hand) = self.readers.at_hand().as_mut() {
            at_hand.push(held);
        }
    }
}
