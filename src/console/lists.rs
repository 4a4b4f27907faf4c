//! Lists, with the API's filters as they are.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Status;

use crate::console::api::{Api, ROWS, read};
use crate::console::desk::Desk;
use crate::console::visitors::Visitor;
use crate::pb;

/// What a list is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    filter: Option<String>,
    #[serde(default)]
    page: String,
}

impl Asked {
    /// The filter, or what is usually looked for.
    fn filter_or(&self, usual: &str) -> String {
        self.filter.clone().unwrap_or_else(|| usual.to_owned()).trim().to_owned()
    }
}

/// With what it was asked for, for the form and the next page.
fn listed(list: Value, filter: String) -> Value {
    json!({ "list": list, "filter": filter })
}

pub(super) async fn orders(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("");
    let request = pb::ListOrdersRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        view: pb::OrderView::Full.into(),
        ..Default::default()
    };
    let found = async {
        let answer = desk.api(&visitor)?.orders().list_orders(request).await?;
        Ok(listed(read("ListOrdersResponse", answer.get_ref())?, filter))
    };
    desk.page(&visitor, "orders.html", found.await)
}

pub(super) async fn approvals(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("state = PENDING");
    let request = pb::ListApprovalsRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        ..Default::default()
    };
    let found = async {
        let answer = desk.api(&visitor)?.approvals().list_approvals(request).await?;
        Ok(listed(read("ListApprovalsResponse", answer.get_ref())?, filter))
    };
    desk.page(&visitor, "approvals.html", found.await)
}

pub(super) async fn shipments(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("");
    let request = pb::ListShipmentsRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        ..Default::default()
    };
    let found = async {
        let answer = desk.api(&visitor)?.shipping().list_shipments(request).await?;
        Ok(listed(read("ListShipmentsResponse", answer.get_ref())?, filter))
    };
    desk.page(&visitor, "shipments.html", found.await)
}

pub(super) async fn messages(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("state = FAILED");
    let request = pb::ListMessagesRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        ..Default::default()
    };
    let found = async {
        let answer = desk.api(&visitor)?.orders().list_messages(request).await?;
        Ok(listed(read("ListMessagesResponse", answer.get_ref())?, filter))
    };
    desk.page(&visitor, "messages.html", found.await)
}

pub(super) async fn returns(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("state = REQUESTED");
    let request = pb::ListReturnsRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        ..Default::default()
    };
    let found = async {
        let answer = desk.api(&visitor)?.returns().list_returns(request).await?;
        Ok(listed(read("ListReturnsResponse", answer.get_ref())?, filter))
    };
    desk.page(&visitor, "returns.html", found.await)
}

/// Levels, with what is proposed to be bought above them.
pub(super) async fn stock(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = asked.filter_or("");
    let levels = pb::ListStockLevelsRequest {
        page_size: ROWS,
        page_token: asked.page,
        filter: filter.clone(),
        ..Default::default()
    };
    let found = async {
        let api = desk.api(&visitor)?;
        let mut inventory = api.inventory();
        let (levels, proposals) = tokio::join!(inventory.list_stock_levels(levels), proposals(&api));
        let mut found = listed(read("ListStockLevelsResponse", levels?.get_ref())?, filter);
        found["proposals"] = proposals?;
        Ok(found)
    };
    desk.page(&visitor, "stock.html", found.await)
}

async fn proposals(api: &Api) -> Result<Value, Status> {
    let request = pb::ListReplenishmentsRequest {
        page_size: ROWS,
        filter: "state = PROPOSED".to_owned(),
        ..Default::default()
    };
    let answer = api.inventory().list_replenishments(request).await?;
    read("ListReplenishmentsResponse", answer.get_ref())
}
