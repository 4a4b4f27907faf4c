//! What Prometheus is told. Counters stand where things happen (`src/rpc/calls.rs`, `src/outside/calls.rs`,
//! `src/store/writer/counts.rs`) and are only shown here; what the database is asked for is asked seldom, however often it
//! is wanted.

use std::fmt;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE as TEXT, encode};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::operations::probes::Port;
use crate::operations::refused::{Refused, permitted};
use crate::pb::Permission;
use crate::rpc::CallGate;
use crate::store::{Backlog, Figures, Lag, Store};
use crate::work::KnownSubscribers;

/// How long what the database said is told again.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// How long the database may take to say it.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What every name begins with.
const PREFIX: &str = "consign";

/// All metrics of the process.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    store: Store,
    subscribers: KnownSubscribers,
    shown: Arc<Lock<Waiting>>,
    /// When the database was last asked. Held while it is: others wait for the same answer.
    asked: Mutex<Option<Instant>>,
}

/// What the database said last. None: it did not answer, and nothing is told of it.
type Waiting = (Option<Figures>, Vec<Lag>);

impl Metrics {
    pub fn new(port: &Port, gate: &CallGate) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let schema = Store::migrations().pop().unwrap_or_default();
        let build = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("schema", schema),
            ("engine", port.store.engine().name().to_owned()),
        ];
        registry.register(
            "build",
            "Version of the program, schema and engine of its database",
            Info::new(build),
        );
        gate.counted().register(&mut registry);
        port.store.counted().register(&mut registry);
        port.calls.register(&mut registry);
        let shown: Arc<Lock<Waiting>> = Arc::default();
        registry.register_collector(Box::new(Present { port: port.clone(), gate: gate.clone() }));
        registry.register_collector(Box::new(Stored(Arc::clone(&shown))));
        let (store, subscribers) = (port.store.clone(), port.subscribers.clone());
        Self(Arc::new(Inner { registry, store, subscribers, shown, asked: Mutex::default() }))
    }

    /// In the text format of Prometheus.
    pub(super) async fn told(&self) -> Result<String, fmt::Error> {
        self.ask().await;
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// While the database does not answer, nothing is told of it.
    async fn ask(&self) {
        let mut asked = self.0.asked.lock().await;
        if asked.is_some_and(|it| it.elapsed() < KEPT_FOR) {
            return;
        }
        let store = &self.0.store;
        let told = self.0.subscribers.told_now();
        let (figures, lags) =
            tokio::join!(timeout(ANSWER_WITHIN, store.figures()), timeout(ANSWER_WITHIN, store.lags(&told)));
        if let Ok(Err(error)) = &figures {
            tracing::debug!(%error, "the database's figures are not known");
        }
        self.show(figures.ok().and_then(Result::ok), lags.ok().and_then(Result::ok), &told);
        *asked = Some(Instant::now());
    }

    fn show(&self, figures: Option<Figures>, counted: Option<Vec<Lag>>, told: &[String]) {
        let mut shown = self.0.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut shown.1);
        *shown = (figures, last_known(counted, before, told));
    }
}

/// Many events that were given up take longer to count than is waited for, and the other figures do not wait for that. What was
/// counted before is shown until then, of those that are still told: an alert would end with its series.
fn last_known(counted: Option<Vec<Lag>>, before: Vec<Lag>, told: &[String]) -> Vec<Lag> {
    counted.unwrap_or_else(|| before.into_iter().filter(|it| told.contains(&it.name)).collect())
}

/// The page of metrics.
pub(super) fn routes(port: Port, metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(page)).with_state((port, metrics))
}

async fn page(
    State((port, metrics)): State<(Port, Metrics)>,
    asked: Parts,
) -> Result<impl IntoResponse, Refused> {
    permitted(&port.access, &asked, Permission::ReadOperations)?;
    let text = metrics.told().await;
    let text = text.map_err(|_| {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the metrics could not be written")
    })?;
    Ok(([(CONTENT_TYPE, TEXT)], text))
}

/// What is under way in this process at this moment.
struct Present {
    port: Port,
    gate: CallGate,
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Present")
    }
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let to = &mut encoder;
        let is_ready = i64::from(self.port.readiness.now().why_not().is_none());
        gauge(to, "ready", "1 while calls are taken, 0 while /readyz says why not", is_ready)?;
        let calls = self.gate.places_taken().map(|(shape, count)| (shape, whole(count)));
        gauges(to, "calls_under_way", "Calls under way, by their shape", "shape", calls)?;

        let pressure = self.port.store.pressure();
        gauge(to, "writer_queue_changes", "Changes that wait for the writer", whole(pressure.queued))?;
        gauge(to, "database_readers_lent", "Reading connections in use", whole(pressure.readers_lent))?;
        gauge(to, "database_readers", "Reading connections that there may be", whole(pressure.readers))?;
        if let Some(bytes) = pressure.wal_bytes {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            gauge(to, "sqlite_wal_bytes", "Size of SQLite's write-ahead log", bytes)?;
        }
        if let Some((at, broken)) = self.port.store.last_check() {
            let help = "Rows that broke a law when CheckIntegrity last looked in this process";
            gauge(to, "integrity_violations", help, i64::try_from(broken).unwrap_or(i64::MAX))?;
            let help = "When that was, in seconds since 1970";
            gauge(to, "integrity_checked_timestamp_seconds", help, at.unix_micros() / 1_000_000)?;
        }
        if let Some(certificates) = &self.port.certificates {
            let now = clock::now().unix_micros();
            let ends = certificates.ends().into_iter();
            let left = ends.map(|(of, end)| (of, end.unix_micros().saturating_sub(now) / 1_000_000));
            let help = "How long until the first certificate of each file is over; below zero since it is";
            gauges(to, "certificate_expires_seconds", help, "of", left)?;
        }
        Ok(())
    }
}

/// What waits in the database, as it was last told.
#[derive(Debug)]
struct Stored(Arc<Lock<Waiting>>);

impl Collector for Stored {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let to = &mut encoder;
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(figures), lags) = &*shown else { return Ok(()) };
        let age = |it: Backlog| match it.since {
            Some(since) => figures.at.since(since).as_secs_f64(),
            None => 0.0,
        };

        gauge(to, "jobs_due", "Jobs whose time has come, 20,000 at most", figures.jobs_due.count)?;
        let help = "For how long the oldest of them has been due";
        gauge(to, "jobs_oldest_due_seconds", help, age(figures.jobs_due))?;
        let help = "Requests to the payment provider without an answer, 10,000 at most";
        gauge(to, "payments_unanswered", help, figures.payments_unanswered.count)?;
        let help = "How long ago the oldest of these payments last changed";
        gauge(to, "payments_oldest_unanswered_seconds", help, age(figures.payments_unanswered))?;
        let messages = figures.messages.iter().map(|(state, count)| (state.as_str(), *count));
        let help = "Letters of orders that are not archived, by those of their states that are not final";
        gauges(to, "messages", help, "state", messages)?;
        let approvals = figures.approvals.iter().map(|(gate, count)| (gate.as_str(), *count));
        gauges(to, "approvals_waiting", "Approvals that wait for a person, by gate", "gate", approvals)?;
        let stuck = figures.stuck.iter().map(|(gate, count)| (gate.as_str(), *count));
        gauges(to, "orders_stuck", "Orders that stand still for too long, by gate", "gate", stuck)?;
        gauge(
            to,
            "orders_late",
            "Orders of which something has slipped, 10,000 at most",
            figures.late.count,
        )?;
        let help = "For how long the one that is late for longest has been so";
        gauge(to, "orders_oldest_late_seconds", help, age(figures.late))?;
        gauge(to, "feed_position", "Position of the last event", figures.position)?;
        let behind = lags.iter().map(|it| (it.name.as_str(), it.behind));
        let help = "Events that a subscriber was not told of, 100 subscribers at most";
        gauges(to, "subscriber_behind_events", help, "subscriber", behind)?;
        let given_up = lags.iter().map(|it| (it.name.as_str(), it.given_up));
        let help = "Events that were given up, by subscriber, 10,000 at most";
        gauges(to, "subscriber_given_up", help, "subscriber", given_up)
    }
}

fn gauge<N>(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: N) -> fmt::Result
where
    ConstGauge<N>: EncodeMetric,
{
    let gauge = ConstGauge::new(value);
    gauge.encode(to.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn gauges<'a>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (&'a str, i64)>,
) -> fmt::Result {
    let kind = ConstGauge::new(0_i64).metric_type();
    let mut metric = to.encode_descriptor(name, help, None, kind)?;
    for (of, value) in values {
        metric.encode_family(&[(label, of)])?.encode_gauge(&value)?;
    }
    Ok(())
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(name: &str, behind: i64) -> Lag {
        Lag { name: name.to_owned(), behind, given_up: 0 }
    }

    #[test]
    fn what_was_counted_last_is_shown_until_it_is_counted_again() {
        let told = ["crm", "shop"].map(str::to_owned);
        let before = vec![lag("gone", 9), lag("shop", 5)];
        assert_eq!(last_known(None, before.clone(), &told), [lag("shop", 5)]);
        let counted = vec![lag("crm", 0), lag("shop", 2)];
        assert_eq!(last_known(Some(counted.clone()), before, &told), counted);
    }
}
