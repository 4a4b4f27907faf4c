//! What is waiting, and how much of it; the server itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::console::api::{Api, read};
use crate::console::desk::{Desk, said};
use crate::console::visitors::Visitor;
use crate::pb;

/// As many are counted as one page of a list has; beyond it says so: `100+`.
const COUNTED: i32 = 100;

/// Rows of the short lists.
const SHORT: i32 = 8;

/// The states of orders on their way.
const STATES: [&str; 13] = [
    "RECEIVED",
    "VERIFIED",
    "AWAITING_STOCK",
    "RESERVED",
    "RESERVATION_APPROVED",
    "INVOICED",
    "PAYMENT_CAPTURED",
    "PAYMENT_APPROVED",
    "FULFILLING",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "PARTIALLY_DELIVERED",
    "DELIVERED",
];

/// How many there are, as far as was counted.
struct Count {
    seen: usize,
    more: bool,
}

impl Count {
    fn of(rows: usize, next: &str) -> Self {
        Self { seen: rows, more: !next.is_empty() }
    }
}

pub(super) async fn today(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Response {
    let found = match desk.api(&visitor) {
        Ok(api) => waiting(&api).await,
        Err(status) => Err(status),
    };
    desk.page(&visitor, "today.html", found)
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

async fn waiting(api: &Api) -> Result<Value, Status> {
    let states = join_all(STATES.map(|state| orders(api, format!("state = {state}"))));
    let (states, approvals, held, late, exceptions, letters, proposals, returns, stuck) = tokio::join!(
        states,
        approvals(api),
        orders(api, "on_hold = true".to_owned()),
        orders(api, "late = true".to_owned()),
        exceptions(api),
        failed_letters(api),
        proposals(api),
        returns(api),
        stuck(api),
    );
    let states = states.into_iter().collect::<Result<Vec<_>, _>>()?;
    let longest = states.iter().map(|it| it.seen).max().unwrap_or_default().max(1);
    let row = |(state, count): (&&str, &Count)| {
        let width = if count.seen == 0 { 0 } else { (count.seen * 100 / longest).max(1) };
        json!({ "state": state, "seen": count.seen, "more": count.more, "width": width })
    };
    Ok(json!({
        "states": STATES.iter().zip(&states).map(row).collect::<Vec<_>>(),
        "tiles": [
            tile("Approvals waiting", "/console/approvals", approvals)?,
            tile("Orders on hold", "/console/orders?filter=on_hold+%3D+true", held)?,
            tile("Late orders", "/console/orders?filter=late+%3D+true", late)?,
            tile("Trouble on the road", "/console/shipments?filter=state+%3D+EXCEPTION", exceptions)?,
            tile("Letters that failed", "/console/messages", letters)?,
            tile("Purchases proposed", "/console/stock", proposals)?,
            tile("Returns asked for", "/console/returns", returns)?,
        ],
        "stuck": stuck?,
    }))
}

/// What the visitor may not see is said so in its place; anything else that fails is the page's failure.
fn tile(label: &str, link: &str, count: Result<Count, Status>) -> Result<Value, Status> {
    match count {
        Ok(Count { seen, more }) => Ok(json!({ "label": label, "link": link, "seen": seen, "more": more })),
        Err(status) if status.code() == Code::PermissionDenied => {
            Ok(json!({ "label": label, "link": link, "why": said(&status) }))
        }
        Err(status) => Err(status),
    }
}

async fn orders(api: &Api, filter: String) -> Result<Count, Status> {
    let view = pb::OrderView::Basic.into();
    let request = pb::ListOrdersRequest { page_size: COUNTED, filter, view, ..Default::default() };
    let found = api.orders().list_orders(request).await?.into_inner();
    Ok(Count::of(found.orders.len(), &found.next_page_token))
}

async fn approvals(api: &Api) -> Result<Count, Status> {
    let filter = "state = PENDING".to_owned();
    let request = pb::ListApprovalsRequest { page_size: COUNTED, filter, ..Default::default() };
    let found = api.approvals().list_approvals(request).await?.into_inner();
    Ok(Count::of(found.approvals.len(), &found.next_page_token))
}

async fn exceptions(api: &Api) -> Result<Count, Status> {
    let filter = "state = EXCEPTION".to_owned();
    let request = pb::ListShipmentsRequest { page_size: COUNTED, filter, ..Default::default() };
    let found = api.shipping().list_shipments(request).await?.into_inner();
    Ok(Count::of(found.shipments.len(), &found.next_page_token))
}

async fn failed_letters(api: &Api) -> Result<Count, Status> {
    let filter = "state = FAILED".to_owned();
    let request = pb::ListMessagesRequest { page_size: COUNTED, filter, ..Default::default() };
    let found = api.orders().list_messages(request).await?.into_inner();
    Ok(Count::of(found.messages.len(), &found.next_page_token))
}

async fn proposals(api: &Api) -> Result<Count, Status> {
    let filter = "state = PROPOSED".to_owned();
    let request = pb::ListReplenishmentsRequest { page_size: COUNTED, filter, ..Default::default() };
    let found = api.inventory().list_replenishments(request).await?.into_inner();
    Ok(Count::of(found.replenishments.len(), &found.next_page_token))
}

async fn returns(api: &Api) -> Result<Count, Status> {
    let filter = "state = REQUESTED".to_owned();
    let request = pb::ListReturnsRequest { page_size: COUNTED, filter, ..Default::default() };
    let found = api.returns().list_returns(request).await?.into_inner();
    Ok(Count::of(found.returns.len(), &found.next_page_token))
}

async fn stuck(api: &Api) -> Result<Value, Status> {
    let request = pb::ListStuckOrdersRequest { page_size: SHORT, ..Default::default() };
    read("ListStuckOrdersResponse", api.orders().list_stuck_orders(request).await?.get_ref())
}
