//! The log: one line per thing that happened, on standard error, as text for people or as JSON for machines. The
//! server never waits for its reader: lines that cannot be written are dropped and counted.

mod json;
mod lines;
#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use self::lines::Lines;
use crate::settings::{Log, LogFormat};

/// How long the last lines may take to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// The same after a panic: the process may end before it stops.
const PANIC_FLUSH_WITHIN: Duration = Duration::from_millis(100);

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

    let started = match format {
        LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => subscriber.with_ansi(false).event_format(json::Json).try_init(),
    };
    if started.is_ok() {
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
