//! Connections to read with. Those that were used just now are at hand for the next reader: the pool asks every one
//! that comes back to it whether it still lives, and cleans PostgreSQL's first; many a question takes less time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::sqlx;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::store::connection::error::StoreError;
use crate::store::connection::link::Link;
use crate::store::connection::pool::{ACQUIRE_WITHIN, PING_WITHIN, Pool, TRUSTED_FOR};

/// How long an unused connection is kept at hand, and how long one is lent again and again before it goes back to the
/// pool: the pool closes idle connections and replaces old ones.
const AT_HAND_FOR: Duration = Duration::from_secs(60);

pub(in crate::store) struct Readers {
    pool: Pool,
    /// The last used last. None: closed.
    at_hand: Mutex<Option<Vec<Held>>>,
    /// One permit per connection that the pool may have.
    room: Arc<Semaphore>,
}

pub(in crate::store) struct Held {
    link: Link,
    taken_at: Instant,
    idle_since: Instant,
}

/// That a connection is lent to a reader.
pub(in crate::store) struct Loan {
    readers: Arc<Readers>,
    taken_at: Instant,
    _room: OwnedSemaphorePermit,
}

impl Readers {
    pub(in crate::store) fn of(pool: Pool) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(pool.size() as usize));
        Arc::new(Self { pool, at_hand: Mutex::new(Some(Vec::new())), room })
    }

    /// A connection, as soon as one is free.
    pub(in crate::store) async fn lend(self: &Arc<Self>) -> Result<(Link, Loan), StoreError> {
        let lending = async {
            let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let (link, taken_at) = match self.take().await {
                Some(held) => (held.link, held.taken_at),
                None => (self.pool.acquire().await?, Instant::now()),
            };
            Ok((link, Loan { readers: Arc::clone(self), taken_at, _room: room }))
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

        // The others that were idle for so long have hardly fared better.
        let mut dead = vec![held.link];
        if let Some(at_hand) = self.at_hand().as_mut() {
            let is_as_old = |it: &mut Held| it.idle_since <= held.idle_since;
            dead.extend(at_hand.extract_if(.., is_as_old).map(|it| it.link));
        }
        dead.into_iter().for_each(Link::discard);
        None
    }

    /// Nothing is lent any more; waits for what is.
    pub(in crate::store) async fn close(&self) {
        self.room.close();
        drop(self.at_hand().take());
        self.pool.close().await;
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

impl Loan {
    /// Ends with a connection that has nothing left to say.
    pub(in crate::store) fn give_back(self, link: Link) {
        let now = Instant::now();
        let is_old = self.taken_at + AT_HAND_FOR < now;
        let held = Held { link, taken_at: self.taken_at, idle_since: now };
        let mut leaving = Vec::new();
        match self.readers.at_hand().as_mut() {
            Some(at_hand) if !is_old => {
                leaving.extend(at_hand.extract_if(.., |it| it.idle_since + AT_HAND_FOR < now));
                at_hand.push(held);
            }
            _ => leaving.push(held),
        }
        // To the pool, and not under the lock.
        drop(leaving);
    }
}
