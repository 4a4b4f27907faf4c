//! Which page is where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use crate::console::desk::{Desk, guard};
use crate::console::templates::{ICON, SCRIPT, STYLE};
use crate::console::{acts, entrance, lists, live, order, papers, today};

/// Size of a form at most. The longest note has 1,000 characters, of up to twelve bytes as forms write them.
const FORM_BYTES: usize = 16 * 1_024;

pub fn routes(desk: Desk) -> Router {
    let desk = Arc::new(desk);
    Router::new()
        .route("/console", get(today::today))
        .route("/console/login", get(entrance::ask).post(entrance::sign_in))
        .route("/console/logout", post(entrance::sign_out))
        .route("/console/orders", get(lists::orders))
        .route("/console/orders/{key}", get(order::order))
        .route("/console/approvals", get(lists::approvals))
        .route("/console/stock", get(lists::stock))
        .route("/console/shipments", get(lists::shipments))
        .route("/console/shipments/{id}/{paper}", get(papers::of_shipment))
        .route("/console/invoices/{id}", get(papers::of_invoice))
        .route("/console/messages", get(lists::messages))
        .route("/console/messages/{id}", get(order::message))
        .route("/console/returns", get(lists::returns))
        .route("/console/system", get(today::system))
        .route("/console/act", post(acts::act))
        .route("/console/live", get(live::live))
        .route("/console/style.css", get(async || fixed("text/css; charset=utf-8", STYLE)))
        .route("/console/live.js", get(async || fixed("text/javascript; charset=utf-8", SCRIPT)))
        .route("/console/icon.svg", get(async || fixed("image/svg+xml", ICON)))
        .route("/console/{*elsewhere}", any(nothing))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(&desk), guard))
        .with_state(desk)
}

/// A file that is the same for everybody.
fn fixed(kind: &'static str, text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "private, max-age=300")];
    (headers, text).into_response()
}

async fn nothing(State(desk): State<Arc<Desk>>) -> Response {
    desk.trouble(None, StatusCode::NOT_FOUND, "There is no such page in the console.")
}
