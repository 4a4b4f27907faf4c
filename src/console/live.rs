//! Tells an open page that something of it has changed: server-sent events, made of what the API lets the visitor follow. They
//! say that something changed, never what; the page asks anew for what it shows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::console::api::Api;
use crate::console::desk::Desk;
use crate::console::visitors::Visitor;
use crate::pb;
use crate::pb::{watch_events_response, watch_stock_levels_response};

/// How long one answer lasts; then the browser asks again and goes on where it was. It is shorter than the age at which the port
/// ends a connection.
const LASTS: Duration = Duration::from_secs(20);

/// How often a page without news is told that it is still followed.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What happens within this time is told together.
const SETTLES: Duration = Duration::from_millis(150);

/// The least time between two changes that a page is told of, each of which makes it ask for all that it shows: for a page of
/// one order, and for any other page.
const ORDER_APART: Duration = Duration::from_secs(1);
const ALL_APART: Duration = Duration::from_secs(3);

/// After so many milliseconds the browser asks again.
const AGAIN: &str = "retry: 500\n\n";

/// What a page shows.
#[derive(Debug, Deserialize)]
pub(super) struct PageShown {
    /// The id of an order, if it shows only one.
    #[serde(default)]
    order: String,
    /// Products with commas in between, if it shows their stock.
    #[serde(default)]
    skus: String,
    /// The position, of events or stock levels, up to which all is shown. None: unknown, so the page is told to look.
    after: Option<i64>,
}

/// What has been heard of a page.
struct Heard {
    /// Where to go on after it.
    position: i64,
    is_change: bool,
}

type News = BoxStream<'static, Result<Heard, Status>>;

pub(super) async fn live(
    State(desk): State<Arc<Desk>>,
    visitor: Result<Visitor, Response>,
    Query(asked): Query<PageShown>,
    headers: HeaderMap,
) -> Response {
    let Ok(visitor) = visitor else {
        return (StatusCode::UNAUTHORIZED, "nobody is signed in\n").into_response();
    };
    let Ok(slot) = Arc::clone(&desk.live_pages).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    let Ok(own_slot) = Arc::clone(&visitor.live_pages).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages of this visitor are open\n")
            .into_response();
    };
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
    let after = last.or(asked.after);
    let found = match desk.api(&visitor) {
        Ok(api) => news(&api, &asked, after).await,
        Err(status) => Err(status),
    };
    let news = match found {
        Ok(news) => news,
        Err(status) => return desk.refused(&visitor, &status),
    };

    let page = Page::new((desk, visitor, [slot, own_slot]), news, after, &asked);
    let told = stream::unfold(page, |mut page| async move {
        let said = page.next().await?;
        Some((Ok::<String, Infallible>(said), page))
    });
    let told = stream::iter([Ok(AGAIN.to_owned())]).chain(told);
    // A proxy with buffers would keep what is said until there is more of it.
    let headers = [(CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Body::from_stream(told)).into_response()
}

impl PageShown {
    fn apart(&self) -> Duration {
        if self.order.is_empty() { ALL_APART } else { ORDER_APART }
    }
}

/// What happens to what the page shows, in the visitor's name.
async fn news(api: &Api, asked: &PageShown, after: Option<i64>) -> Result<News, Status> {
    if !asked.skus.is_empty() {
        let skus = asked.skus.split(',').map(str::to_owned).collect();
        let request = pb::WatchStockLevelsRequest {
            skus,
            after_position: after.unwrap_or_default(),
            ..Default::default()
        };
        let levels = api.inventory().watch_stock_levels(request).await?.into_inner();
        let heard = |it: pb::WatchStockLevelsResponse| Heard {
            position: it.resume_position,
            is_change: matches!(it.update, Some(watch_stock_levels_response::Update::StockLevel(_))),
        };
        return Ok(levels.map(move |it| it.map(heard)).boxed());
    }
    // Ids have no other bytes. Anything else could add a condition to the filter below.
    if !asked.order.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
        return Err(Status::invalid_argument("order must be the id of an order"));
    }
    let filter = match asked.order.as_str() {
        "" => String::new(),
        order => format!("order_id = {order}"),
    };
    let request =
        pb::WatchEventsRequest { after_position: after.unwrap_or(-1), filter, ..Default::default() };
    let events = api.events().watch_events(request).await?.into_inner();
    let heard = |it: pb::WatchEventsResponse| Heard {
        position: it.resume_position,
        is_change: matches!(it.update, Some(watch_events_response::Update::Event(_))),
    };
    Ok(events.map(move |it| it.map(heard)).boxed())
}

/// A page that is told of changes.
struct Page {
    desk: Arc<Desk>,
    visitor: Visitor,
    news: News,
    /// None: nothing was heard yet.
    position: Option<i64>,
    /// When the page is to be told that something changed. None: it has been told of everything.
    tell_at: Option<Instant>,
    /// Before this it is told of no further change.
    quiet_until: Instant,
    apart: Duration,
    until: Instant,
    _slots: [OwnedSemaphorePermit; 2],
}

impl Page {
    fn new(
        (desk, visitor, slots): (Arc<Desk>, Visitor, [OwnedSemaphorePermit; 2]),
        news: News,
        after: Option<i64>,
        asked: &PageShown,
    ) -> Self {
        let now = Instant::now();
        // What happened before the stream began, and after the page was made, is not known. Of stock, all levels come first.
        let tell_at = (after.is_none() && asked.skus.is_empty()).then_some(now);
        let (apart, until) = (asked.apart(), now + LASTS);
        Self { desk, visitor, news, position: after, tell_at, quiet_until: now, apart, until, _slots: slots }
    }

    /// What the page is told next, when there is something to say. None: it is over, for now or because the visit is.
    async fn next(&mut self) -> Option<String> {
        loop {
            let now = Instant::now();
            if now >= self.until || !self.desk.is_here(&self.visitor) {
                return None;
            }
            if self.tell_at.is_some_and(|it| it <= now) {
                self.tell_at = None;
                self.quiet_until = now + self.apart;
                return Some(format!("{}event: change\ndata: changed\n\n", self.id()));
            }
            let wake = self.tell_at.unwrap_or(now + HEARTBEAT).min(self.until);
            match timeout_at(wake, self.news.next()).await {
                Ok(Some(Ok(heard))) => self.hear(&heard, Instant::now()),
                // The server stops, the key was taken away, or the page was too slow: the next call says which.
                Ok(Some(Err(_)) | None) => return None,
                Err(_) if self.tell_at.is_none() => return Some(format!("{}: nothing new\n\n", self.id())),
                Err(_) => {}
            }
        }
    }

    fn hear(&mut self, heard: &Heard, now: Instant) {
        self.position = Some(heard.position);
        if heard.is_change && self.tell_at.is_none() {
            self.tell_at = Some(self.quiet_until.max(now + SETTLES));
        }
    }

    /// Where the browser goes on, should it have to ask again.
    fn id(&self) -> String {
        self.position.map_or(String::new(), |it| format!("id: {it}\n"))
    }
}
