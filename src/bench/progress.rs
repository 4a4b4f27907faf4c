//! A line on the terminal that says that something is going on, and is gone when it is over.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::tally::Tally;

const EVERY: Duration = Duration::from_millis(250);

/// Shown until it is dropped.
pub(super) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    /// What is being done and how far it is; nothing where there is no terminal.
    pub(super) fn show(what: &str, tally: &Arc<Tally>) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let (what, tally, began) = (what.to_owned(), Arc::clone(tally), Instant::now());
        Self(Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let (done, seconds) = (tally.operations(), began.elapsed().as_secs_f64());
                let rate = done as f64 / seconds;
                let _ = write!(io::stderr(), "\r\x1b[K{what}: {done} in {seconds:.1} s, {rate:.0}/s");
            }
        })))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shown) = &self.0 {
            shown.abort();
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
