//! Connections of the port: so many at once, requests of a bounded size that arrive in a bounded time.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::access::Peer;
use crate::operations::refused::Refused;
use crate::rpc::{Certificates, peer_of};
use crate::settings::OperationsSettings;
use crate::work::stop_requested;

/// Until the next try when the system gives no connection, for example because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Size of a request's head at most.
const HEAD_BYTES: usize = 16 * 1_024;

const HEADERS_MAX: usize = 64;

/// How long a connection goes on taking requests.
const AGE_MAX: Duration = Duration::from_secs(60);

/// Size of a request's body at most: a form.
const BODY_BYTES: usize = 64 * 1_024;

/// How connections are made and kept.
#[derive(Clone)]
pub struct Connections {
    settings: OperationsSettings,
    /// None: plain HTTP.
    certificates: Option<Arc<Certificates>>,
    /// How long a call of the API may take, as a page may make one.
    deadline: Duration,
}

impl Connections {
    pub fn new(
        settings: OperationsSettings,
        certificates: Option<Arc<Certificates>>,
        deadline: Duration,
    ) -> Self {
        Self { settings, certificates, deadline }
    }
}

/// Serves until it is told to stop, and then what is under way.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    connections: Connections,
    mut stop: watch::Receiver<bool>,
) {
    let most = connections.settings.connections as usize;
    let within = connections.settings.request_within() + connections.deadline;
    let routes = bounded(routes, within);
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = stop_requested(&mut stop) => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if open.len() < most => {
                    open.spawn(begin(stream, routes.clone(), connections.clone(), stop.clone()));
                }
                Ok(_) => tracing::debug!("a connection too many of the operators' port is closed"),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection of the operators' port");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// The handshake, if there are certificates, and what comes after it.
async fn begin(stream: TcpStream, routes: Router, connections: Connections, stop: watch::Receiver<bool>) {
    let within = connections.settings.request_within();
    let Some(certificates) = connections.certificates else {
        return converse((stream, Peer::default()), routes, within, connections.deadline, stop).await;
    };
    match timeout(within, certificates.http_acceptor().accept(stream)).await {
        Ok(Ok(stream)) => {
            let peer = peer_of(stream.get_ref().1);
            converse((stream, peer), routes, within, connections.deadline, stop).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a handshake on the operators' port failed"),
        Err(_) => tracing::debug!("a handshake on the operators' port took too long"),
    }
}

/// One request after the other. A connection that is silent for as long as a request may take is closed, and so is one that
/// does not take its last answer.
async fn converse<S>(
    (stream, peer): (S, Peer),
    routes: Router,
    within: Duration,
    deadline: Duration,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.oneshot(request).await.into_response()) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(within)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
        () = until_old_or_stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            timeout(2 * within + deadline, connection).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection of the operators' port ended early"),
        Err(_) => tracing::debug!("a connection of the operators' port is cut off: its answer is not read"),
    }
}

async fn until_old_or_stopped(stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = stop_requested(stop) => {}
        () = sleep(AGE_MAX) => {}
    }
}

/// What holds for every page: the size of what it is sent, the time until it answers, and that nobody keeps the answer.
fn bounded(routes: Router, within: Duration) -> Router {
    let nothing = async || Refused::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such page");
    let wrong_method =
        async || Refused::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "not with this method");
    routes
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(within, in_time))
}

async fn in_time(State(within): State<Duration>, request: Request, next: Next) -> Response {
    let mut response = match timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refused::new(StatusCode::SERVICE_UNAVAILABLE, "DEADLINE_PASSED", "it took too long")
            .into_response(),
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}
