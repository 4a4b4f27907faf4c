//! The operators' port: HTTP for those who run the server, beside the gRPC port and behind the same keys and certificates.
//!
//! | file | what it does |
//! |---|---|
//! | `listener` | connections: how many, how long, with TLS or without |
//! | `metrics` | what Prometheus is told |
//! | `probes` | whether the server lives, takes calls, and what it is; for everybody |
//! | `push` | sends the metrics to a collector, in a program with the feature `otlp` |
//! | `readiness` | whether calls are taken, and why not |
//! | `refused` | who may ask for the rest, and what others are told |

mod listener;
mod metrics;
mod probes;
#[cfg(feature = "otlp")]
mod push;
mod readiness;
mod refused;

use axum::Router;
#[cfg(not(feature = "otlp"))]
use tokio::sync::watch;
#[cfg(not(feature = "otlp"))]
use tokio::task::JoinSet;

#[cfg(not(feature = "otlp"))]
use crate::settings::OperationsSettings;

pub use listener::{Connections, serve};
pub use metrics::Metrics;
pub use probes::Port;
#[cfg(feature = "otlp")]
pub use push::push;
pub use readiness::Readiness;

/// The port's own pages.
pub fn routes(port: Port, metrics: Metrics) -> Router {
    probes::routes(port.clone()).merge(metrics::routes(port, metrics))
}

/// A program without the feature sends no metrics.
#[cfg(not(feature = "otlp"))]
pub fn push(_: &OperationsSettings, _: &Metrics, _: &mut JoinSet<()>, _: &watch::Receiver<bool>) {}
