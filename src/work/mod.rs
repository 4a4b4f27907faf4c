//! The workers: background loops that make the decisions that no caller asks for.
//!
//! | file | what it does |
//! |---|---|
//! | `jobs` | the loop over jobs that are due: expiry, closing, archiving, open requests, letters |
//! | `outbound` | performs tasks at payment providers, couriers and the mail, and records their answers |
//! | `rates` | what couriers' own interfaces ask for a shipment |
//! | `invoices`, `drawings` | invoices as papers, for letters and callers; how many papers are drawn at once |
//! | `returns` | papers of returns, for letters and callers |
//! | `missing_stock` | the loop that goes on where a count touches more reservations than one decision may |
//! | `awaiting_stock` | the loop that fills orders waiting for stock, first come, first served |
//! | `redates` | the loop that promises waiting orders anew when goods on order come on another day |
//! | `erasures` | the loop that finishes what was begun to be erased of persons |
//! | `publish` | the loops that tell subscribers of events |
//! | `retention` | the loop that forgets what was kept long enough |
//! | `sealing` | seals the archive under the master key in use |
//! | `subscriptions` | which subscribers there are: of the settings, and made by calls |
//!
//! Any number of processes may run these loops: jobs are leased, calls to other systems carry their keys, and a change
//! that is made late or twice changes nothing. Nothing here names tonic or prost.

mod awaiting_stock;
mod drawings;
mod erasures;
mod invoices;
mod jobs;
mod missing_stock;
mod outbound;
mod publish;
mod rates;
mod redates;
mod retention;
mod returns;
mod sealing;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::{Actor, CourierCode, Letters, Rules};
use crate::outside::{CourierInterface, Mail, OutsideCalls, PaymentProvider};
use crate::store::{Effect, RequestContext, Store};

pub use drawings::{DrawError, Drawings};
pub use erasures::{ErasedPerson, NotErasable, closed_orders, erase_person, why_not_erasable};
pub use invoices::{INVOICE_MEDIA_TYPE, invoice_filename, seller_of};
pub use outbound::{Caller, Pending, Subject, settle};
pub use publish::Subscriber;
pub use rates::live_rates;
pub use retention::KeptFor;
pub use returns::ReturnFile;
pub use subscriptions::{KnownSubscriber, KnownSubscribers, new_secret, tell};

/// How long a provider or a courier may take to answer, however long a lease is.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// The application: the store, the systems outside and the rules. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub provider: Arc<dyn PaymentProvider>,
    pub mail: Arc<dyn Mail>,
    /// Those that are booked through an interface.
    pub couriers: Arc<BTreeMap<CourierCode, Arc<dyn CourierInterface>>>,
    pub letters: Arc<Letters>,
    /// Those that are told of events.
    pub subscribers: KnownSubscribers,
    pub drawings: Drawings,
    /// Calls of all of them are counted.
    pub outside_calls: OutsideCalls,
    pub rules: Arc<Rules>,
    /// How long what is forgotten in time is kept.
    pub kept_for: KeptFor,
    /// How long a worker may keep a job before another one takes it.
    pub lease: Duration,
}

impl App {
    /// How long a provider or a courier may take to answer: two such calls in a row end well within a lease.
    fn call_within(&self) -> Duration {
        CALL_WITHIN.min(self.lease / 3)
    }

    /// How long a letter may take. Giving it up too early would send it twice: relays look long at some letters.
    fn mail_within(&self) -> Duration {
        self.lease / 2
    }
}

/// Starts all loops. Once `shutdown` is true, or the store is gone, each ends after its work in progress.
pub fn start(app: &App, shutdown: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    loops.spawn(jobs::run_jobs(app.clone(), shutdown.clone()));
    loops.spawn(awaiting_stock::fill_orders(app.clone(), shutdown.clone()));
    loops.spawn(redates::redate_orders(app.clone(), shutdown.clone()));
    loops.spawn(missing_stock::settle_counts(app.clone(), shutdown.clone()));
    loops.spawn(retention::forget_in_time(app.clone(), shutdown.clone()));
    loops.spawn(erasures::finish_erasures(app.clone(), shutdown.clone()));
    loops.spawn(sealing::seal_archive(app.clone(), shutdown.clone()));
    loops
}

/// Waits until the process is to stop, or until the sender of that signal is gone.
pub(crate) async fn stop_requested(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|it| *it).await;
}

/// The context of a change that the system makes itself.
fn context() -> RequestContext {
    RequestContext {
        actor: Actor::system(),
        principal: None,
        request: None,
        deadline: None,
        effect: Effect::Commit,
    }
}
