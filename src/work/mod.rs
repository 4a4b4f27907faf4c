//! Other drivers of the same decisions: what has come due, what is to be done outside, who waits for stock.
//!
//! Any number of processes may do this side by side: jobs are leased, calls outside carry their keys, and every change
//! made here changes nothing when it is made late or twice. Nothing here names tonic or prost.

mod due;
mod outside;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::{Actor, Rules};
use crate::outside::{Mail, PaymentProvider};
use crate::store::{RequestContext, Store};

pub use outside::{Caller, Pending, Subject, settle};

/// How often request ids are looked through for those that are too old.
const REAP_EVERY: Duration = Duration::from_secs(3_600);

/// How long anybody outside may take to answer, however long a lease is.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// All that is needed to do what has come due. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub provider: Arc<dyn PaymentProvider>,
    pub mail: Arc<dyn Mail>,
    pub rules: Arc<Rules>,
    /// How long a request id and its answer are kept.
    pub requests_kept_for: Duration,
    /// How long a job is one worker's.
    pub lease: Duration,
}

impl App {
    /// How long anybody outside may take to answer: two such calls, one after the other, end well within a lease.
    fn call_within(&self) -> Duration {
        CALL_WITHIN.min(self.lease / 3)
    }
}

/// Starts all loops. Each ends after what it has in hand once `shutdown` says true, or when the store is gone.
pub fn start(app: &App, shutdown: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    loops.spawn(due::work_off(app.clone(), shutdown.clone()));
    loops.spawn(waiting::fill(app.clone(), shutdown.clone()));
    loops.spawn(reap(app.clone(), shutdown.clone()));
    loops
}

async fn reap(app: App, mut shutdown: watch::Receiver<bool>) {
    loop {
        let before = app.store.now().minus(app.requests_kept_for);
        match app.store.reap_requests(before).await {
            Ok(0) => {}
            Ok(reaped) => tracing::info!(reaped, "forgot old request ids"),
            Err(error) => tracing::warn!(%error, "could not forget old request ids"),
        }

        tokio::select! {
            () = told_to_stop(&mut shutdown) => return,
            () = tokio::time::sleep(REAP_EVERY) => {}
        }
    }
}

/// Waits until the process is to stop, or until the sender of that signal is gone.
pub(crate) async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|it| *it).await;
}

/// The context of a change that the system makes itself.
fn context() -> RequestContext {
    RequestContext { actor: Actor::system(), request: None, deadline: None }
}
