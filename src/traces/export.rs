//! Sends spans to a collector. One that is away costs nobody anything but its spans.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::outside::Collector;
use crate::traces::spans::{Ended, QUEUE};
use crate::traces::wire::encoded;
use crate::work::stop_requested;

/// Spans that wait to be sent; more are left out.
const QUEUED_MAX: usize = 4_096;

/// Spans sent at once.
const BATCH_MAX: usize = 512;

/// How long spans are collected before they are sent.
const COLLECTED_FOR: Duration = Duration::from_millis(500);

/// How long the collector may take.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// How long one is left alone that took nothing.
const REST: Duration = Duration::from_secs(5);

/// Sends spans to the collector that the settings name, until the server stops.
pub(crate) fn start(collector: Option<&str>, workers: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
    // The address was looked at when the settings were.
    let Some(collector) = collector.and_then(|it| Collector::new(it).ok()) else { return };
    let (queue, spans) = mpsc::channel(QUEUED_MAX);
    *QUEUE.write().unwrap_or_else(PoisonError::into_inner) = Some(queue);
    workers.spawn(export(collector, spans, stop.clone()));
}

async fn export(collector: Collector, mut spans: mpsc::Receiver<Ended>, mut stop: watch::Receiver<bool>) {
    let mut is_taken = true;
    loop {
        let mut batch = Vec::new();
        let is_stopping = tokio::select! {
            () = stop_requested(&mut stop) => true,
            // None: another server of this process has taken over.
            first = spans.recv() => match first {
                Some(first) => {
                    batch.push(first);
                    false
                }
                None => return,
            },
        };
        if !is_stopping {
            sleep(COLLECTED_FOR).await;
        }
        while batch.len() < BATCH_MAX
            && let Ok(more) = spans.try_recv()
        {
            batch.push(more);
        }
        if !batch.is_empty() {
            let count = batch.len();
            let sent = timeout(TAKEN_WITHIN, collector.post(encoded(batch))).await;
            let why = match sent {
                Ok(Ok(())) => None,
                Ok(Err(why)) => Some(why.to_string()),
                Err(_) => Some("it did not answer in time".to_owned()),
            };
            if let (Some(why), true) = (&why, is_taken) {
                tracing::warn!(%why, count, "the collector of traces takes nothing; spans are left out");
            }
            is_taken = why.is_none();
        }
        if is_stopping {
            return;
        }
        if !is_taken {
            tokio::select! {
                () = stop_requested(&mut stop) => return,
                () = sleep(REST) => {}
            }
        }
    }
}
