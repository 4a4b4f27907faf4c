//! The operators' port: HTTP for those who run the server, beside the gRPC port and behind the same keys and certificates.
//!
//! | file | what it does |
//! |---|---|
//! | `listener` | connections: how many, how long, with TLS or without |
//! | `metrics` | what Prometheus is told |
//! | `probes` | whether the server lives, takes calls, and what it is; for everybody |
//! | `readiness` | whether calls are taken, and why not |
//! | `refused` | who may ask for the rest, and what others are told |

mod listener;
mod metrics;
mod probes;
mod readiness;
mod refused;

use axum::Router;

use crate::rpc::CallGate;

pub use listener::{Connections, serve};
pub use probes::Port;
pub use readiness::Readiness;

/// The port's own pages.
pub fn routes(port: &Port, gate: &CallGate) -> Router {
    let metrics = metrics::Metrics::new(port, gate);
    probes::routes(port.clone()).merge(metrics::routes(port.clone(), metrics))
}
