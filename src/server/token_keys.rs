//! Keeps the keys of the issuer of tokens as they are now: read again when their file changes, or fetched now and then, and
//! soon after a token has named one that is not known.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::access::{BadKeySet, KeySet, Tokens};
use crate::outside::fetch_key_set;
use crate::server::error::ServeError;
use crate::settings::{KeySource, TokenSettings};
use crate::work::stop_requested;

/// How often a file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often keys are fetched while all that tokens name are known.
const FETCH_EVERY: Duration = Duration::from_secs(300);

/// The same after it was tried in vain, and after the start.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long keys are not fetched again, whatever tokens name.
const PAUSE: Duration = Duration::from_secs(5);

/// What takes tokens, with the keys as they are; None: the settings ask for none. An issuer that cannot be reached does not
/// keep the server from starting.
pub(super) async fn tokens(settings: &TokenSettings) -> Result<Option<Arc<Tokens>>, ServeError> {
    let Some((rules, source)) = settings.rules() else { return Ok(None) };
    let keys = match source {
        KeySource::File(file) => {
            let read = read_file(&file).and_then(|keys| match keys.is_empty() {
                true => Err(BadKeySet::Empty.to_string()),
                false => Ok(keys),
            });
            read.map_err(|why| ServeError::TokenKeys(format!("{}: {why}", file.display())))?
        }
        KeySource::Url(url) => match fetch(&url).await {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the issuer tells no key for tokens; no token is taken until it does");
                }
                keys
            }
            Err(why) => {
                tracing::warn!(
                    why,
                    "the keys of tokens cannot be fetched yet; no token is taken until they are"
                );
                KeySet::default()
            }
        },
    };
    Ok(Some(Arc::new(Tokens::new(rules, keys))))
}

/// Follows the keys until the server stops.
pub(super) fn follow_keys(
    tokens: Option<Arc<Tokens>>,
    settings: &TokenSettings,
    workers: &mut JoinSet<()>,
    stop: &watch::Receiver<bool>,
) {
    let (Some(tokens), Some((_, source))) = (tokens, settings.rules()) else { return };
    let stop = stop.clone();
    match source {
        KeySource::File(file) => workers.spawn(follow_file(tokens, file, stop)),
        KeySource::Url(url) => workers.spawn(follow_url(tokens, url, stop)),
    };
}

async fn follow_file(tokens: Arc<Tokens>, file: PathBuf, mut stop: watch::Receiver<bool>) {
    let mut seen = None;
    loop {
        let written = written(&file);
        if seen.as_ref() != Some(&written) {
            match read_file(&file) {
                Ok(keys) => replace(&tokens, keys),
                Err(why) => tracing::warn!(why, "the keys of tokens cannot be read; the old ones stay"),
            }
            seen = Some(written);
        }
        tokio::select! {
            () = stop_requested(&mut stop) => return,
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

async fn follow_url(tokens: Arc<Tokens>, url: String, mut stop: watch::Receiver<bool>) {
    let mut next = Instant::now() + TRY_AGAIN_AFTER;
    loop {
        // Whatever tokens name, there is one fetch at a time, and a pause after it.
        let not_before = Instant::now() + PAUSE;
        let due = async {
            tokio::select! {
                () = sleep_until(next) => {}
                () = tokens.key_is_missing() => {}
            }
            sleep_until(not_before).await;
        };
        tokio::select! {
            () = stop_requested(&mut stop) => return,
            () = due => {}
        }
        let fetched = tokio::select! {
            () = stop_requested(&mut stop) => return,
            fetched = fetch(&url) => fetched,
        };
        let pause = match fetched {
            Ok(keys) => {
                replace(&tokens, keys);
                FETCH_EVERY
            }
            Err(why) => {
                tracing::warn!(why, "the keys of tokens cannot be fetched; the old ones stay");
                TRY_AGAIN_AFTER
            }
        };
        next = Instant::now() + pause;
    }
}

/// An issuer that tells no key has withdrawn those that it had: none of them is kept.
fn replace(tokens: &Tokens, keys: KeySet) {
    let count = keys.len();
    if tokens.use_keys(keys) {
        match count {
            0 => tracing::warn!("the issuer tells no key for tokens any more; no token is taken"),
            _ => tracing::info!(keys = count, "new keys of tokens are in use"),
        }
    }
}

async fn fetch(url: &str) -> Result<KeySet, String> {
    KeySet::read(&fetch_key_set(url).await?).map_err(|it| it.to_string())
}

fn read_file(file: &Path) -> Result<KeySet, String> {
    KeySet::read(&fs::read(file).map_err(|it| it.to_string())?).map_err(|it| it.to_string())
}

/// A file's time of change, and its size in bytes.
fn written(file: &Path) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}
