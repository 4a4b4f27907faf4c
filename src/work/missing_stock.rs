//! The loop over shelves where a count found less than is promised, and more reservations than one decision may touch; and
//! over those where the day of a lot has passed.

use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{LocationCode, SettleCount, Sku};
use crate::store::{Codec, StoreError};
use crate::work::{App, context, stop_requested};

/// Shelves read at once.
const AT_ONCE: u64 = 16;

/// How long until the next look. What a pass over all shelves leaves is picked: it waits for people, not for this loop.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn settle_counts(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut failing = false;
    while !*shutdown.borrow() {
        let settled = settle_once(&app).await;
        match settled {
            Ok(true) => {
                failing = false;
                continue;
            }
            Ok(false) => failing = false,
            // An outage is logged once.
            Err(_) if failing => {}
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "could not settle counts; trying on");
            }
        }
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether one of the shelves came further.
async fn settle_once(app: &App) -> Result<bool, StoreError> {
    let mut any = settle_lots(app).await?;
    let mut last = None;
    loop {
        let shelves = app.store.shelves_with_missing(last.as_ref(), AT_ONCE).await?;
        let Some(end) = shelves.last().cloned() else { return Ok(any) };
        last = Some(end);
        for (sku, location) in shelves {
            any |= settle(app, sku, location).await?;
        }
    }
}

/// Whether a shelf came further where the day of a lot has passed.
async fn settle_lots(app: &App) -> Result<bool, StoreError> {
    let (mut any, mut last) = (false, None);
    loop {
        let shelves = app.store.shelves_with_lots_due(last.as_ref(), AT_ONCE).await?;
        let Some(end) = shelves.last().cloned() else { return Ok(any) };
        last = Some(end);
        for (_, sku, location) in shelves {
            any |= settle(app, sku, location).await?;
        }
    }
}

/// Whether the shelf came further.
async fn settle(app: &App, sku: Sku, location: LocationCode) -> Result<bool, StoreError> {
    let settle = SettleCount { sku, location };
    match app.store.change(context(), settle, |(), _| (), Codec::unkept()).await {
        Ok(_) => Ok(true),
        Err(StoreError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
