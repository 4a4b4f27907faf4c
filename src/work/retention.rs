//! The loop that forgets what was kept long enough.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::store::StoreError;
use crate::work::{App, stop_requested};

/// How often something is looked for that is to be forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// The same for letters, all old ones of which are gone through.
const FORGET_TEXTS_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// How long what the company may choose is kept. None: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptFor {
    /// Request ids, with the answers to repeats.
    pub requests: Duration,
    /// What letters of archived orders said.
    pub texts: Option<Duration>,
    /// Events that subscribers were given up on.
    pub deliveries: Option<Duration>,
}

pub(super) async fn forget_in_time(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut texts_at = Instant::now();
    loop {
        let KeptFor { requests, texts, deliveries } = app.kept_for;
        let before = |kept: Duration| app.store.now().minus(kept);
        told("request ids", app.store.forget_keys(before(requests)).await);
        if let Some(kept) = deliveries {
            told("deliveries to subscribers", app.store.forget_deliveries(before(kept)).await);
        }
        if let Some(kept) = texts.filter(|_| Instant::now() >= texts_at) {
            texts_at = Instant::now() + FORGET_TEXTS_EVERY;
            told("texts of letters", app.store.forget_texts(before(kept)).await);
        }

        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = sleep(FORGET_EVERY) => {}
        }
    }
}

fn told(what: &str, forgotten: Result<u64, StoreError>) {
    match forgotten {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(what, forgotten, "forgot what was kept long enough"),
        Err(error) => tracing::warn!(what, %error, "could not forget what was kept long enough"),
    }
}
