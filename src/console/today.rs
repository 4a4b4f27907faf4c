//! What is waiting, and how much of it; the server itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tonic::Status;

use crate::console::api::{Api, read};
use crate::console::desk::Desk;
use crate::console::visitors::Visitor;
use crate::pb;

/// Rows of the short lists.
const SHORT: i32 = 8;

pub(super) async fn today(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Response {
    let found = async {
        let api = desk.api(&visitor)?;
        let (overview, stuck) = tokio::join!(overview(&api), stuck(&api));
        Ok(json!({ "overview": overview?["overview"], "stuck": stuck? }))
    };
    desk.page(&visitor, "today.html", found.await)
}

pub(super) async fn system(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Response {
    let facts = &desk.facts;
    let believed = desk.access.believes_callers();
    let believed = believed.then_some("Callers are believed to be who they say: there is no API key.");
    let insecure: Vec<&str> = believed.into_iter().chain(facts.insecure.iter().map(String::as_str)).collect();
    let found = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": facts.database,
        "schema": facts.schema,
        "insecure": insecure,
        "tls": facts.has_tls,
    });
    desk.page(&visitor, "system.html", Ok(found))
}

async fn overview(api: &Api) -> Result<Value, Status> {
    let answer = api.orders().get_overview(pb::GetOverviewRequest::default()).await?;
    read("GetOverviewResponse", answer.get_ref())
}

async fn stuck(api: &Api) -> Result<Value, Status> {
    let request = pb::ListStuckOrdersRequest { page_size: SHORT, ..Default::default() };
    read("ListStuckOrdersResponse", api.orders().list_stuck_orders(request).await?.get_ref())
}
