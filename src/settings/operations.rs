//! The operators' port.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::bounds::seconds;

/// The port for those who run the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperationsSettings {
    /// Where it listens, over HTTP. None: nowhere. Port 0: any that is free.
    pub listen: Option<SocketAddr>,
    /// Whether browsers reach it through a proxy that speaks TLS with them: the console's cookie is then sent over TLS only.
    pub behind_tls: bool,
    /// Connections at once; one more is closed at once.
    pub connections: u32,
    /// How long a request may take to arrive; a connection silent for as long is closed.
    pub request_seconds: u32,
    /// A collector that takes traces, and metrics, as OTLP over HTTP: `http://127.0.0.1:4318`. None: nothing is sent.
    pub otlp_endpoint: Option<String>,
    /// How often it is sent the metrics. 0: never.
    pub otlp_metrics_seconds: u32,
}

impl Default for OperationsSettings {
    fn default() -> Self {
        Self {
            listen: None,
            behind_tls: false,
            connections: 64,
            request_seconds: 10,
            otlp_endpoint: None,
            otlp_metrics_seconds: 60,
        }
    }
}

impl OperationsSettings {
    pub fn request_within(&self) -> Duration {
        seconds(self.request_seconds)
    }

    /// None: never.
    pub fn metrics_every(&self) -> Option<Duration> {
        (self.otlp_metrics_seconds > 0).then(|| seconds(self.otlp_metrics_seconds))
    }

    /// Pages of the console that are told of changes at once: half of the connections, so that there is always one for
    /// probes and for pages.
    pub fn live_pages(&self) -> usize {
        self.connections as usize / 2
    }
}
