//! The loop over shelves where a count found less than is promised, and more reservations than one decision may touch; and
//! over those where the day of a lot has passed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::{LocationCode, SettleCount, Sku, Timestamp};
use crate::store::{Codec, StoreError};
use crate::work::{App, context, stop_requested};

/// Shelves read at once.
const AT_ONCE: u64 = 16;

/// How long until the next look. What a pass over all shelves leaves is picked: it waits for people, not for this loop.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a shelf with a lot that is due is left alone after a try that changed nothing, while nobody books there: its
/// units are on their way out, or in people's hands.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// A shelf with a lot that is due, and the instant since when: another one as soon as somebody books there.
type DueShelf = (Timestamp, Sku, LocationCode);

/// Shelves that were tried in vain, and when. At most as many as are due.
#[derive(Default)]
struct VainTries(HashMap<DueShelf, Instant>);

impl VainTries {
    fn is_left_alone(&self, shelf: &DueShelf, now: Instant) -> bool {
        self.0.get(shelf).is_some_and(|it| now.saturating_duration_since(*it) < LEFT_ALONE)
    }

    fn note(&mut self, shelf: DueShelf, now: Instant) {
        self.0.insert(shelf, now);
    }

    /// What was tried long ago is tried again.
    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, it| now.saturating_duration_since(*it) < LEFT_ALONE);
    }
}

pub(super) async fn settle_counts(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut failing = false;
    let mut vain = VainTries::default();
    while !*shutdown.borrow() {
        let settled = settle_once(&app, &mut vain).await;
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
async fn settle_once(app: &App, vain: &mut VainTries) -> Result<bool, StoreError> {
    let mut any = settle_lots(app, vain).await?;
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
async fn settle_lots(app: &App, vain: &mut VainTries) -> Result<bool, StoreError> {
    vain.forget_old(Instant::now());
    let (mut any, mut last) = (false, None);
    loop {
        let shelves = app.store.shelves_with_lots_due(last.as_ref(), AT_ONCE).await?;
        let Some(end) = shelves.last().cloned() else { return Ok(any) };
        last = Some(end);
        for shelf in shelves {
            if vain.is_left_alone(&shelf, Instant::now()) {
                continue;
            }
            match settle(app, shelf.1.clone(), shelf.2.clone()).await? {
                true => any = true,
                false => vain.note(shelf, Instant::now()),
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_is_left_alone_for_a_while_after_a_vain_try_unless_somebody_books_there() {
        let at = |micros| {
            let (sku, location) = ("A-1".parse().expect("a SKU"), "NYC".parse().expect("a code"));
            (Timestamp::from_unix_micros(micros), sku, location)
        };
        let (mut vain, begun) = (VainTries::default(), Instant::now());
        assert!(!vain.is_left_alone(&at(1), begun));
        vain.note(at(1), begun);
        assert!(vain.is_left_alone(&at(1), begun + LEFT_ALONE - LOOK_EVERY));
        assert!(!vain.is_left_alone(&at(2), begun), "it was changed since");
        assert!(!vain.is_left_alone(&at(1), begun + LEFT_ALONE));
        vain.forget_old(begun + LEFT_ALONE);
        assert!(vain.0.is_empty());
    }
}
