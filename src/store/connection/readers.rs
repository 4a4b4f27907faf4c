//! Connections to read with: as many as there may be, each lent to one reader at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::store::connection::error::StoreError;
use crate::store::connection::hosts::ACQUIRE_WITHIN;
use crate::store::connection::link::Link;

/// A connection idle for longer is asked whether it still lives before it is used.
pub(in crate::store) const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// How long it may take to say so.
const PING_WITHIN: Duration = Duration::from_millis(500);

/// How long an unused connection is kept, and how long one is used again and again before it is replaced.
const IDLE_MAX: Duration = Duration::from_secs(60);

const AGE_MAX: Duration = Duration::from_secs(1_800);

/// Makes a connection to read with.
pub(super) type Connect = Box<dyn Fn() -> BoxFuture<'static, Result<Link, StoreError>> + Send + Sync>;

pub(in crate::store) struct Readers {
    connect: Connect,
    /// Free connections, the last used last. None: closed.
    free: Mutex<Option<Vec<Held>>>,
    /// One permit per connection that there may be.
    room: Arc<Semaphore>,
    size: u32,
}

struct Held {
    link: Link,
    made_at: Instant,
    idle_since: Instant,
}

/// That a connection is lent to a reader.
pub(in crate::store) struct Loan {
    readers: Arc<Readers>,
    made_at: Instant,
    _room: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(connect: Connect, size: u32) -> Arc<Self> {
        let size = size.max(1);
        let room = Arc::new(Semaphore::new(size as usize));
        Arc::new(Self { connect, free: Mutex::new(Some(Vec::new())), room, size })
    }

    /// How many connections there may be.
    pub(in crate::store) fn size(&self) -> u32 {
        self.size
    }

    /// A connection, as soon as one is free.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<(Link, Loan), StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        if self.free().is_none() {
            return Err(closed());
        }
        let lending = async {
            let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
            let (link, made_at) = match self.take().await {
                Some(held) => (held.link, held.made_at),
                None => ((self.connect)().await?, Instant::now()),
            };
            Ok((link, Loan { readers: Arc::clone(self), made_at, _room: room }))
        };
        let late = |_| Err(StoreError::Unavailable("no connection became free".to_owned()));
        timeout(ACQUIRE_WITHIN, lending).await.unwrap_or_else(late)
    }

    /// A free one that lives.
    async fn take(&self) -> Option<Held> {
        let mut held = self.free().as_mut()?.pop()?;
        if held.idle_since.elapsed() <= TRUSTED_FOR {
            return Some(held);
        }
        if matches!(timeout(PING_WITHIN, held.link.ping()).await, Ok(Ok(()))) {
            return Some(held);
        }

        // The others that were idle for so long have hardly fared better.
        if let Some(free) = self.free().as_mut() {
            free.retain(|it| it.idle_since > held.idle_since);
        }
        None
    }

    /// Nothing is lent any more; waits for what is.
    pub(in crate::store) async fn close(&self) {
        drop(self.free().take());
        // Fails only if it was closed before.
        let all = self.room.acquire_many(self.size).await;
        self.room.close();
        drop(all);
    }

    /// How many are lent, of how many there may be.
    pub(in crate::store) fn lent(&self) -> (usize, usize) {
        let size = self.size as usize;
        (size.saturating_sub(self.room.available_permits()), size)
    }

    #[cfg(test)]
    pub(in crate::store) fn how_many_are_free(&self) -> usize {
        self.free().as_ref().map_or(0, Vec::len)
    }

    fn free(&self) -> MutexGuard<'_, Option<Vec<Held>>> {
        // Nothing panics while it is held.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loan {
    /// Ends with a connection that has nothing left to say.
    pub(super) fn give_back(self, link: Link) {
        let now = Instant::now();
        if self.made_at + AGE_MAX < now {
            return;
        }
        if let Some(free) = self.readers.free().as_mut() {
            free.retain(|it| it.idle_since + IDLE_MAX >= now);
            free.push(Held { link, made_at: self.made_at, idle_since: now });
        }
    }
}
