//! What is waiting, and how much of it; the server itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::console::api::{Api, read};
use crate::console::desk::Desk;
use crate::console::trends::charts;
use crate::console::visitors::Visitor;
use crate::pb;

/// Rows of the short lists.
const SHORT: i32 = 8;

/// Couriers that are looked at.
const COURIERS: i32 = 100;

pub(super) async fn today(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Response {
    let found = async {
        let api = desk.api(&visitor)?;
        let (overview, stuck, couriers) = tokio::join!(overview(&api), stuck(&api), couriers(&api));
        let (overview, couriers) = (overview?, couriers?);
        let series = overview.overview.as_ref().and_then(|it| it.series.as_ref());
        let charts = series.map(|it| charts(it, couriers.as_deref()));
        let counts = read("GetOverviewResponse", &overview)?;
        Ok(json!({ "overview": counts["overview"], "stuck": stuck?, "charts": charts }))
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

async fn overview(api: &Api) -> Result<pb::GetOverviewResponse, Status> {
    let request = pb::GetOverviewRequest { with_series: true, ..Default::default() };
    Ok(api.orders().get_overview(request).await?.into_inner())
}

/// With how they did so far. None: the visitor may not see the catalogue.
async fn couriers(api: &Api) -> Result<Option<Vec<pb::Courier>>, Status> {
    let request = pb::ListCouriersRequest { page_size: COURIERS, ..Default::default() };
    match api.shipping().list_couriers(request).await {
        Ok(answer) => Ok(Some(answer.into_inner().couriers)),
        Err(status) if status.code() == Code::PermissionDenied => Ok(None),
        Err(status) => Err(status),
    }
}

async fn stuck(api: &Api) -> Result<Value, Status> {
    let request = pb::ListStuckOrdersRequest { page_size: SHORT, ..Default::default() };
    read("ListStuckOrdersResponse", api.orders().list_stuck_orders(request).await?.get_ref())
}
