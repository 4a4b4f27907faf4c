//! What everybody may ask: whether the server lives, whether it takes calls, and what it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::access::Access;
use crate::operations::readiness::Readiness;
use crate::outside::OutsideCalls;
use crate::rpc::Certificates;
use crate::store::Store;
use crate::work::KnownSubscribers;

/// What the port works with.
#[derive(Clone)]
pub struct Port {
    pub store: Store,
    pub access: Arc<Access>,
    pub readiness: Readiness,
    /// Of systems outside.
    pub calls: OutsideCalls,
    /// Those that are told of events.
    pub subscribers: KnownSubscribers,
    /// None: plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
}

/// They ask nobody for a key: the platform's probes have none.
pub(super) fn routes(port: Port) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/version", get(version))
        .with_state(port)
}

/// 503 with the reason while calls are refused.
async fn readyz(State(port): State<Port>) -> Response {
    match port.readiness.now().why_not() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn version(State(port): State<Port>) -> Response {
    let said = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "schema": Store::migrations().pop().unwrap_or_default(),
        "engine": port.store.engine().name(),
    });
    ([(CONTENT_TYPE, "application/json")], format!("{said}\n")).into_response()
}
