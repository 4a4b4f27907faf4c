//! One order with all that belongs to it; one letter.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use tonic::Status;

use crate::console::api::{Api, read};
use crate::console::desk::{Desk, said};
use crate::console::visitors::Visitor;
use crate::pb;

pub(super) async fn order(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Path(key): Path<String>,
) -> Response {
    let found = match desk.api(&visitor) {
        Ok(api) => whole(&api, key).await,
        Err(status) => Err(status),
    };
    desk.page(&visitor, "order.html", found)
}

pub(super) async fn message(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Path(message_id): Path<String>,
) -> Response {
    let found = async {
        let request = pb::GetMessageRequest { message_id };
        let answer = desk.api(&visitor)?.orders().get_message(request).await?;
        read("GetMessageResponse", answer.get_ref())
    };
    desk.page(&visitor, "message.html", found.await)
}

/// The order by its id or number, and its parts. A part that the visitor may not see says so in its place.
async fn whole(api: &Api, key: String) -> Result<Value, Status> {
    let key = match key.starts_with("ord_") {
        true => pb::get_order_request::Key::OrderId(key),
        false => pb::get_order_request::Key::Number(key),
    };
    let request = pb::GetOrderRequest { key: Some(key), view: pb::OrderView::Full.into() };
    let answer = api.orders().get_order(request).await?;
    let order = answer.get_ref().order.as_ref().ok_or_else(|| Status::not_found("there is no such order"))?;
    let (id, change) = (order.id.clone(), order.open_change_id.clone());
    let of_order = format!("order_id = {id}");

    let (timeline, shipments, messages, payments, returns, change) = tokio::join!(
        timeline(api, &id),
        api.list_shipments(of_order.clone(), String::new()),
        api.list_messages(of_order.clone(), String::new()),
        api.list_payments(of_order.clone(), String::new()),
        api.list_returns(of_order.clone(), String::new()),
        open_change(api, &id, change),
    );
    Ok(json!({
        "order": read("GetOrderResponse", answer.get_ref())?["order"],
        "timeline": timeline?["timeline"],
        "shipments": part(shipments, "shipments"),
        "messages": part(messages, "messages"),
        "payments": part(payments, "payments"),
        "returns": part(returns, "returns"),
        "change": part(change, "change"),
    }))
}

/// The rows, or why they cannot be seen.
fn part(found: Result<Value, Status>, field: &str) -> Value {
    match found {
        Ok(found) => json!({ "rows": found[field] }),
        Err(status) => json!({ "rows": [], "why": said(&status) }),
    }
}

async fn timeline(api: &Api, id: &str) -> Result<Value, Status> {
    let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
    let answer = api.orders().get_order_timeline(pb::GetOrderTimelineRequest { key }).await?;
    read("GetOrderTimelineResponse", answer.get_ref())
}

/// The change that waits to be proposed or confirmed; null without one.
async fn open_change(api: &Api, order: &str, change: String) -> Result<Value, Status> {
    if change.is_empty() {
        return Ok(json!({ "change": null }));
    }
    let request = pb::GetOrderChangeRequest { order_id: order.to_owned(), change_id: change };
    read("GetOrderChangeResponse", api.changes().get_order_change(request).await?.get_ref())
}
