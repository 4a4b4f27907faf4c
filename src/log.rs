//! The log: one line per thing that happened, on standard error, as text for people or as JSON for machines. The
//! server never waits for its reader: lines that cannot be written are dropped and counted.

mod json;
mod lines;
#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, reload};

use self::lines::Lines;
use crate::settings::{Log, LogFormat};

/// How long the last lines may take to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// The same after a panic: the process may end before it stops.
const PANIC_FLUSH_WITHIN: Duration = Duration::from_millis(100);

/// What the process logs, once the log is started.
static CURRENT: OnceLock<Current> = OnceLock::new();

struct Current {
    change: Change,
    /// What the settings said last.
    from_settings: Mutex<String>,
}

/// Puts another filter in the place of the present one.
type Change = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// Writes the last lines out when it is dropped.
#[must_use]
pub struct Flush(Lines);

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.flush(FLUSH_WITHIN);
    }
}

/// Starts the log of the process; once. `RUST_LOG` goes before the settings, if it can be understood.
pub fn start(log: &Log) -> io::Result<Flush> {
    let Log { format, filter: from_settings } = log;
    let (filter, misunderstood) = chosen(env::var_os("RUST_LOG").as_deref(), from_settings);
    let lines = Lines::to(io::stderr())?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone());

    let started: Option<Change> = match format {
        LogFormat::Text => {
            let subscriber = subscriber.with_ansi(io::stderr().is_terminal()).with_filter_reloading();
            let filter = subscriber.reload_handle();
            subscriber
                .try_init()
                .is_ok()
                .then(|| -> Change { Box::new(move |it: EnvFilter| filter.reload(it)) })
        }
        LogFormat::Json => {
            let subscriber = subscriber.with_ansi(false).event_format(json::Json).with_filter_reloading();
            let filter = subscriber.reload_handle();
            subscriber
                .try_init()
                .is_ok()
                .then(|| -> Change { Box::new(move |it: EnvFilter| filter.reload(it)) })
        }
    };
    if let Some(change) = started {
        let _ = CURRENT.set(Current { change, from_settings: Mutex::new(from_settings.clone()) });
        let lines = lines.clone();
        std::panic::set_hook(Box::new(move |panic| {
            tracing::error!("{panic}");
            lines.flush(PANIC_FLUSH_WITHIN);
        }));
    }
    if let Some(why) = misunderstood {
        tracing::warn!(
            "RUST_LOG is not understood ({why}); log.filter of the settings is used: {from_settings}"
        );
    }
    Ok(Flush(lines))
}

/// Logs what the settings say now. `RUST_LOG` goes before them, as at the start; the form of the lines stays as it is.
pub fn use_filter(from_settings: &str) {
    let Some(current) = CURRENT.get() else { return };
    let mut before = current.from_settings.lock().unwrap_or_else(PoisonError::into_inner);
    if before.as_str() == from_settings {
        return;
    }
    from_settings.clone_into(&mut before);
    drop(before);

    let variable = env::var_os("RUST_LOG");
    let (filter, misunderstood) = chosen(variable.as_deref(), from_settings);
    if variable.is_some() && misunderstood.is_none() {
        tracing::warn!("log.filter has changed and is not used: RUST_LOG goes before it");
        return;
    }
    match (current.change)(filter) {
        Ok(()) => tracing::info!("log.filter is in use as it has changed: {from_settings}"),
        Err(error) => tracing::error!(%error, "log.filter has changed and cannot be used"),
    }
}

/// The log filter, and why `RUST_LOG` is ignored though it is set.
fn chosen(variable: Option<&OsStr>, from_settings: &str) -> (EnvFilter, Option<String>) {
    let read = match variable.map(|it| it.to_str().ok_or("it is not UTF-8".to_owned()).and_then(filter)) {
        None => None,
        Some(Ok(filter)) => return (filter, None),
        Some(Err(why)) => Some(why),
    };
    // Settings that hold were read the same way.
    (filter(from_settings).unwrap_or_else(|_| EnvFilter::new("info")), read)
}

/// Reads what is to be logged: `info`, or `warn,consign=debug`. A word alone must be a level: as the name of a part of
/// the program, which it would be otherwise, it would switch everything else off.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    for word in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let alone = !word.contains(['=', '[', ':']);
        if alone && word.parse::<LevelFilter>().is_err() {
            return Err(format!("{word:?} is no level; for a part of the program write {word}=debug"));
        }
    }
    EnvFilter::builder().parse(text).map_err(|it| it.to_string())
}
