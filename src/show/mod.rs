//! `consign orders`, `timeline`, `stuck`, `overview` and `events`: what a running server says, as tables for people or as
//! JSON for programs, one object a line.

pub(crate) mod tables;

use clap::Args;
use prost::Message;
use tonic::Status;

use crate::client::{KeyedChannel, Refused, ServerOptions, Unreachable, by};
use crate::json::json_of;
use crate::pb;
use crate::pb::event_service_client::EventServiceClient;
use crate::pb::order_service_client::OrderServiceClient;
use crate::terminal::{is_taken, say};

/// Who asks, to a server that believes its callers.
const ACTOR: &str = "terminal";

/// Rows of a page at most.
const PAGE_MAX: u32 = 200;

#[derive(Debug, Clone, Args)]
pub struct OrdersOptions {
    /// Only these, by the filter of the API's list: 'state = INVOICED AND late = true'
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    pub filter: String,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print whole orders as JSON, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct TimelineOptions {
    /// Number or id of the order: 100042, or ord_...
    pub order: String,
    /// Print it with its events as JSON, in one line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct StuckOptions {
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print them as JSON, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct OverviewOptions {
    /// Print it as JSON, in one line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct EventsOptions {
    /// Go on with each event as it happens, until stopped
    #[arg(long)]
    pub follow: bool,
    /// Begin after the event with this position; 0 begins with the first [default: with --follow the latest, otherwise 0]
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    pub after: Option<i64>,
    /// Print them as JSON, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    #[error("{0}")]
    Unreachable(#[from] Unreachable),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{call} answered nothing")]
    Nothing { call: &'static str },
    #[error("the events ended: {why}; go on with --after {position}")]
    Ended { why: String, position: i64 },
}

/// Makes a call of OrderService, and gives its answer.
macro_rules! call {
    ($server:expr, $method:ident, $name:literal, $request:expr) => {{
        let mut client = client($server.connect().await?);
        let answer = client.$method(by(ACTOR, $request)).await.map_err(|it| refused($name, it))?;
        answer.into_inner()
    }};
}

/// Prints orders.
pub async fn orders(options: OrdersOptions) -> Result<(), ShowError> {
    let OrdersOptions { filter, limit, json, server } = options;
    let mut client = client(server.connect().await?);
    let view = if json { pb::OrderView::Full } else { pb::OrderView::Basic };
    let mut lines = Lines::new(json, tables::ORDERS_HEAD);
    let page = async |page_size, page_token| {
        let (filter, view) = (filter.clone(), view.into());
        let request = pb::ListOrdersRequest { page_size, page_token, filter, view, ..Default::default() };
        let answer = client.list_orders(by(ACTOR, request)).await.map_err(|it| refused("ListOrders", it))?;
        let pb::ListOrdersResponse { orders, next_page_token } = answer.into_inner();
        Ok((orders, next_page_token))
    };
    page_by_page(limit, page, |it| lines.print("Order", it, tables::order)).await
}

/// Prints the steps of one order.
pub async fn timeline(options: TimelineOptions) -> Result<(), ShowError> {
    let TimelineOptions { order, json, server } = options;
    let key = match order.starts_with("ord_") {
        true => pb::get_order_timeline_request::Key::OrderId(order),
        false => pb::get_order_timeline_request::Key::Number(order),
    };
    let request = pb::GetOrderTimelineRequest { key: Some(key) };
    let answer = call!(server, get_order_timeline, "GetOrderTimeline", request);
    let timeline = answer.timeline.ok_or(ShowError::Nothing { call: "GetOrderTimeline" })?;
    match json {
        true => say_json("OrderTimeline", &timeline),
        false => say(tables::timeline(&timeline, &tables::standing(&timeline)).trim_matches('\n')),
    }
    Ok(())
}

/// Prints orders that have waited for too long.
pub async fn stuck(options: StuckOptions) -> Result<(), ShowError> {
    let StuckOptions { limit, json, server } = options;
    let mut client = client(server.connect().await?);
    let mut lines = Lines::new(json, tables::STUCK_HEAD);
    let page = async |page_size, page_token| {
        let request = pb::ListStuckOrdersRequest { page_size, page_token, gate: 0 };
        let answer = client.list_stuck_orders(by(ACTOR, request)).await;
        let answer = answer.map_err(|it| refused("ListStuckOrders", it))?;
        let pb::ListStuckOrdersResponse { stuck_orders, next_page_token } = answer.into_inner();
        Ok((stuck_orders, next_page_token))
    };
    page_by_page(limit, page, |it| lines.print("StuckOrder", it, tables::stuck)).await
}

/// Prints how much there is of everything.
pub async fn overview(options: OverviewOptions) -> Result<(), ShowError> {
    let OverviewOptions { json, server } = options;
    let overview = overview_of(&server).await?;
    match json {
        true => say_json("Overview", &overview),
        false => say(tables::overview(&overview).trim_end()),
    }
    Ok(())
}

async fn overview_of(server: &ServerOptions) -> Result<pb::Overview, ShowError> {
    let answer = call!(server, get_overview, "GetOverview", pb::GetOverviewRequest::default());
    answer.overview.ok_or(ShowError::Nothing { call: "GetOverview" })
}

/// Prints the events that there are after a position, or follows them.
pub async fn events(options: EventsOptions) -> Result<(), ShowError> {
    let EventsOptions { follow, after, json, server } = options;
    let last = overview_of(&server).await?.last_position;
    let after = after.unwrap_or(if follow { last } else { 0 });
    if after == last && !follow {
        return Ok(());
    }

    let mut lines = Lines::new(json, "");
    let mut position = after;
    let ended = |position, why: &Status| ShowError::Ended { why: told(why), position };
    let mut stream = watch(server.connect().await?, after).await?;
    while let Some(event) = stream.next().await.map_err(|it| ended(position, &it))? {
        position = event.position;
        let is_read = lines.print("OrderEvent", &event, tables::event);
        if !is_read || (position >= last && !follow) {
            return Ok(());
        }
    }
    Err(ended(position, &Status::unavailable("the server ended it")))
}

/// Events one after the other, without the heartbeats between them.
struct EventStream(tonic::Streaming<pb::WatchEventsResponse>);

async fn watch(channel: KeyedChannel, after: i64) -> Result<EventStream, ShowError> {
    let request = pb::WatchEventsRequest { after_position: after, ..Default::default() };
    let answer = EventServiceClient::new(channel).watch_events(by(ACTOR, request)).await;
    Ok(EventStream(answer.map_err(|it| refused("WatchEvents", it))?.into_inner()))
}

impl EventStream {
    async fn next(&mut self) -> Result<Option<pb::OrderEvent>, Status> {
        while let Some(message) = self.0.message().await? {
            if let Some(pb::watch_events_response::Update::Event(event)) = message.update {
                return Ok(Some(*event));
            }
        }
        Ok(None)
    }
}

/// Prints the rows of a list, so many at most, until nobody takes them.
async fn page_by_page<R>(
    limit: u32,
    mut page: impl AsyncFnMut(i32, String) -> Result<(Vec<R>, String), ShowError>,
    mut print: impl FnMut(&R) -> bool,
) -> Result<(), ShowError> {
    let (mut left, mut page_token) = (limit, String::new());
    while left > 0 {
        let page_size = i32::try_from(left.min(PAGE_MAX)).unwrap_or(i32::MAX);
        let (rows, next) = page(page_size, page_token).await?;
        if !rows.iter().all(&mut print) || rows.is_empty() || next.is_empty() {
            return Ok(());
        }
        left = left.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        page_token = next;
    }
    Ok(())
}

/// Rows that are printed one after the other: a table with its head, or JSON.
struct Lines {
    json: bool,
    /// Empty: none, or it was printed.
    head: &'static str,
}

impl Lines {
    fn new(json: bool, head: &'static str) -> Self {
        Self { json, head: if json { "" } else { head } }
    }

    /// Whether somebody took it.
    fn print<M: Message>(&mut self, name: &str, message: &M, row: impl Fn(&M) -> String) -> bool {
        let head = std::mem::take(&mut self.head);
        let is_read = head.is_empty() || is_taken(head);
        is_read
            && match self.json {
                true => json_of(name, message).is_none_or(is_taken),
                false => is_taken(row(message).trim_end()),
            }
    }
}

fn say_json<M: Message>(name: &str, message: &M) {
    if let Some(json) = json_of(name, message) {
        say(json);
    }
}

fn client(channel: KeyedChannel) -> OrderServiceClient<KeyedChannel> {
    OrderServiceClient::new(channel).max_decoding_message_size(usize::MAX)
}

fn refused(call: &'static str, status: Status) -> ShowError {
    Refused { call, status: Box::new(status) }.into()
}

/// An error of the server in one line.
fn told(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
