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
use crate::console::templates::STYLE;
use crate::console::{acts, entrance, lists, order, today};

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
        .route("/console/messages", get(lists::messages))
        .route("/console/messages/{id}", get(order::message))
        .route("/console/returns", get(lists::returns))
        .route("/console/system", get(today::system))
        .route("/console/act", post(acts::act))
        .route("/console/style.css", get(style))
        .route("/console/{*elsewhere}", any(nothing))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(&desk), guard))
        .with_state(desk)
}

async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "private, max-age=300")];
    (headers, STYLE).into_response()
}

async fn nothing(State(desk): State<Arc<Desk>>) -> Response {
    desk.trouble(None, StatusCode::NOT_FOUND, "There is no such page in the console.")
}
