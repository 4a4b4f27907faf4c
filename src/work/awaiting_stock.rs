//! The loop over orders that wait for stock: each gets its stock in the order of receipt.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::{FillOrder, OrderId, Part, Target};
use crate::store::{Codec, StoreError};
use crate::work::{App, context, stop_requested};

/// Orders tried in one pass.
const AT_ONCE: u64 = 64;

/// When none of those could be filled, up to this many are tried, so that a few orders that cannot be filled (a hold, a
/// large quantity) do not block the others for ever.
const AT_ONCE_MAX: u64 = 4_096;

/// Without a ring, how long until the next pass: other processes' commits do not ring.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// At least this between two passes, however often it rings; longer when a pass takes long, so that a long queue does
/// not keep the database busy with itself.
const PASSES_APART: Duration = Duration::from_millis(50);

/// Every commit of this process rings for a pass. So waiting orders are tried within moments after stock arrives or is
/// released, and after an order that was on hold joins the queue before newer ones.
pub(super) async fn fill_orders(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut bell = app.store.bell();
    let mut failing = false;
    while !*shutdown.borrow() {
        bell.mark_unchanged();
        let begun = Instant::now();
        match run_passes(&app, &shutdown).await {
            Ok(()) => failing = false,
            // An outage is logged once.
            Err(_) if failing => {}
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "could not fill waiting orders; trying on");
            }
        }

        tokio::time::sleep((begun.elapsed() * 4).clamp(PASSES_APART, LOOK_EVERY)).await;
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            rung = bell.changed() => if rung.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Pass after pass until one changes nothing.
async fn run_passes(app: &App, shutdown: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let mut limit = AT_ONCE;
    while !*shutdown.borrow() {
        let waiting = app.store.waiting_orders(limit).await?;
        let all = (waiting.len() as u64) < limit;

        let (mut filled, mut failed) = (false, None);
        for some in waiting.chunks(AT_ONCE as usize) {
            // All are queued before the first is answered, oldest first: the writer decides them as one group.
            for done in join_all(some.iter().map(|it| fill_order(app, *it))).await {
                match done {
                    Ok(done) => filled |= done,
                    // An order that cannot be decided must not block the ones behind it.
                    Err(error) => failed = Some(error),
                }
            }
        }
        if filled {
            limit = AT_ONCE;
        } else if let Some(error) = failed {
            return Err(error);
        } else if all || limit >= AT_ONCE_MAX {
            return Ok(());
        } else {
            limit *= 2;
        }
    }
    Ok(())
}

/// Whether the order got its stock.
async fn fill_order(app: &App, id: OrderId) -> Result<bool, StoreError> {
    let fill = FillOrder { target: Target::latest(Part::Order(id)) };
    match app.store.change(context(), fill, |_, _| (), Codec::unkept()).await {
        Ok(_) => Ok(true),
        Err(StoreError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
