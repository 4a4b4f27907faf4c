//! What this process knows of the database's API keys: all that let somebody in, held in memory, so that no call waits for
//! the database to be let in. Other processes' changes are noticed by a number that each change raises.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::access::{Access, IssuedHolder};
use crate::domain::{Day, KeyId};
use crate::store::{LiveKeys, Store, StoreError};
use crate::work::stop_requested;

/// How often other processes' changes are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is written down which keys were used: each of them once a day at most.
const NOTE_EVERY: Duration = Duration::from_secs(30);

const SECONDS_OF_DAY: i64 = 86_400;

/// The keys of the database, as far as this process knows them. Cheap to clone.
#[derive(Clone)]
pub struct KnownKeys {
    store: Store,
    pub(super) access: Arc<Access>,
    /// The number of changes that are known; held while they are read, so that nothing older is put in their place.
    changes: Arc<Mutex<i64>>,
}

impl KnownKeys {
    /// Reads all keys for the first time.
    pub async fn read(store: Store, access: Arc<Access>) -> Result<Self, StoreError> {
        let known = Self { store, access, changes: Arc::default() };
        known.read_again().await?;
        Ok(known)
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Lets in whom the database names now.
    pub(super) async fn read_again(&self) -> Result<(), StoreError> {
        let mut known = self.changes.lock().await;
        let LiveKeys { changes, keys } = self.store.live_keys().await?;
        if changes == *known {
            return Ok(());
        }
        self.access.replace_issued(keys.iter().map(IssuedHolder::of).collect(), changes > 0);
        *known = changes;
        Ok(())
    }

    /// Follows the changes of every process, and notes which keys were used, until the server stops.
    pub async fn follow(self, mut stop: watch::Receiver<bool>) {
        let mut noted = HashMap::new();
        let mut note_at = Instant::now() + NOTE_EVERY;
        let mut reads = true;
        loop {
            tokio::select! {
                () = stop_requested(&mut stop) => break,
                () = sleep(LOOK_EVERY) => {}
            }
            let looked = self.look().await;
            if let (Err(error), true) = (&looked, reads) {
                tracing::warn!(%error, "changes of API keys cannot be looked for; those that were known let in");
            }
            reads = looked.is_ok();
            if Instant::now() >= note_at {
                note_at = Instant::now() + NOTE_EVERY;
                // A write that hangs must not keep revocations from being noticed.
                let _ = timeout(LOOK_EVERY, self.note_uses(&mut noted)).await;
            }
        }
        self.note_uses(&mut noted).await;
    }

    async fn look(&self) -> Result<(), StoreError> {
        let changes = self.store.key_changes().await?;
        if changes == *self.changes.lock().await {
            return Ok(());
        }
        tracing::info!("API keys have changed");
        self.read_again().await
    }

    /// Writes down which keys were used today, each once; what cannot be written is lost.
    async fn note_uses(&self, noted: &mut HashMap<KeyId, Day>) {
        let today = Day::from_number(self.store.now().unix_micros().div_euclid(SECONDS_OF_DAY * 1_000_000));
        let used = self.access.take_used().into_iter();
        let used: Vec<KeyId> = used.filter(|it| noted.get(it) != Some(&today)).collect();
        if used.is_empty() {
            return;
        }
        match self.store.note_key_uses(used.clone(), today).await {
            Ok(()) => noted.extend(used.into_iter().map(|it| (it, today))),
            Err(error) => tracing::debug!(%error, "the last use of API keys is not written down"),
        }
    }
}
