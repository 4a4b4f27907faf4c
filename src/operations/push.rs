//! Sends the metrics to a collector too, over OTLP.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::operations::metrics::Metrics;
use crate::outside::Collector;
use crate::settings::OperationsSettings;
use crate::traces;
use crate::work::stop_requested;

/// How long the collector may take.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// The same for the last ones, when the server stops.
const LAST_TAKEN_WITHIN: Duration = Duration::from_secs(2);

/// Sends them as often as the settings say, and when the server stops.
pub fn push(
    settings: &OperationsSettings,
    metrics: &Metrics,
    workers: &mut JoinSet<()>,
    stop: &watch::Receiver<bool>,
) {
    let (Some(every), Some(url)) = (settings.metrics_every(), &settings.otlp_endpoint) else { return };
    match Collector::of_metrics(url) {
        Some(collector) => {
            workers.spawn(send(collector, metrics.clone(), every, stop.clone()));
        }
        None => {
            tracing::info!(
                "no metrics are sent: the path of operations.otlp_endpoint does not end with /traces"
            );
        }
    }
}

/// Metrics that cannot be sent are left out: the next ones say all that they did, as they count from the start on.
async fn send(collector: Collector, metrics: Metrics, every: Duration, mut stop: watch::Receiver<bool>) {
    let began = clock::now();
    let mut is_taken = true;
    loop {
        let is_stopping = tokio::select! {
            () = stop_requested(&mut stop) => true,
            () = sleep(every) => false,
        };
        // Writing into memory does not fail.
        let Ok(told) = metrics.told().await else { return };
        let body = traces::encoded_metrics(&told, began, clock::now());
        let within = if is_stopping { LAST_TAKEN_WITHIN } else { TAKEN_WITHIN };
        let why = match timeout(within, collector.post(body)).await {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why.to_string()),
            Err(_) => Some("it did not answer in time".to_owned()),
        };
        if let (Some(why), true) = (&why, is_taken) {
            tracing::warn!(%why, "the collector takes no metrics; they are left out");
        }
        is_taken = why.is_none();
        if is_stopping {
            return;
        }
    }
}
