//! Outages of a mail system: while it is known to be away nobody but a probe now and then asks it, so that letters
//! neither wait for it one by one nor use up their attempts.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Unsent, backoff};

/// The longest pause between two letters that are let through as probes. A letter is a probe only when its own pause is over.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Whether a mail system is there, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Outages {
    current: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    why: String,
    since: Instant,
    /// Probes that were let through so far.
    probes: u32,
    probe_at: Instant,
}

impl Outages {
    /// Lets a letter through while the mail system is there. While it is away it lets one through when a probe is due,
    /// and to all others says why they are not tried.
    pub(super) fn admit(&self) -> Result<(), Unsent> {
        let mut current = self.lock();
        let Some(outage) = current.as_mut() else { return Ok(()) };
        let now = Instant::now();
        if now < outage.probe_at {
            return Err(Unsent::NotTried(outage.why.clone()));
        }
        outage.probes = outage.probes.saturating_add(1);
        outage.probe_at = now + backoff(outage.probes, PAUSE_MAX);
        Ok(())
    }

    /// Says no as long as not even a probe is due; nobody takes the probe's turn by asking.
    pub(super) fn look(&self) -> Result<(), Unsent> {
        match self.lock().as_ref() {
            Some(outage) if Instant::now() < outage.probe_at => Err(Unsent::NotTried(outage.why.clone())),
            _ => Ok(()),
        }
    }

    /// The mail system did not answer.
    pub(super) fn is_away(&self, why: &str) {
        let mut current = self.lock();
        if let Some(outage) = current.as_mut() {
            why.clone_into(&mut outage.why);
            return;
        }
        let now = Instant::now();
        let probe_at = now + backoff(0, PAUSE_MAX);
        *current = Some(Outage { why: why.to_owned(), since: now, probes: 0, probe_at });
        tracing::warn!(why, "the mail system is away: letters wait");
    }

    /// The mail system answered, whatever it said.
    pub(super) fn is_there(&self) {
        if let Some(outage) = self.lock().take() {
            let seconds = outage.since.elapsed().as_secs();
            tracing::info!(seconds, "the mail system is there again: letters go on");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outage>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
