//! Connections, and the one request of each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::domain::CourierCode;
use crate::webhook::answer::{Answer, decide};
use crate::webhook::door::Door;
use crate::webhook::request::{Signature, deliveries};
use crate::work::stop_requested;

/// Until the next try when the system gives no connection, for example because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Size of a request's head at most.
const HEAD_BYTES: usize = 16 * 1_024;

const HEADERS_MAX: usize = 64;

/// Serves until it is told to stop, and then what is under way.
pub async fn serve(listener: TcpListener, door: Door, mut stop: watch::Receiver<bool>) {
    let door = Arc::new(door);
    let most = door.settings.connections as usize;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop_requested(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < most => {
                    connections.spawn(converse(stream, Arc::clone(&door)));
                }
                Ok(_) => tracing::debug!("a webhook connection too many is closed"),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a webhook connection");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

/// One request: the courier's systems connect anew for the next.
async fn converse(stream: TcpStream, door: Arc<Door>) {
    let within = door.settings.request_within();
    let longest = within * 2 + door.deadline;
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(respond(request, &door).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(within)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(longest, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a webhook connection ended early"),
        Err(_) => tracing::debug!("a webhook connection took too long"),
    }
}

async fn respond(request: Request<Incoming>, door: &Door) -> Response<Full<Bytes>> {
    let answer = match received(request, door).await {
        Ok((courier, signature, body)) => match signature.check(&courier, &body, door) {
            Ok(()) => match deliveries(&body, door.store.now()) {
                Ok(events) => decide(door, &courier, signature.delivery, &body, events).await,
                Err(why) => Answer::refused(StatusCode::BAD_REQUEST, why),
            },
            Err(why) => {
                tracing::debug!(why, "a webhook is not signed as it should be");
                Answer::refused(StatusCode::UNAUTHORIZED, "the signature is missing, wrong or too old")
            }
        },
        Err((status, why)) => Answer::refused(status, why),
    };
    answer.into_response()
}

/// The courier that the path names, the signature and the body, none of it looked into yet.
async fn received(
    request: Request<Incoming>,
    door: &Door,
) -> Result<(CourierCode, Signature, Bytes), (StatusCode, &'static str)> {
    let (head, body) = request.into_parts();
    let code = head.uri.path().strip_prefix("/couriers/").and_then(|it| it.strip_suffix("/events"));
    let Some(code) = code else {
        return Err((StatusCode::NOT_FOUND, "there is only /couriers/CODE/events"));
    };
    if head.method != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "must be a POST"));
    }
    let unknown = (StatusCode::UNAUTHORIZED, "the signature is missing, wrong or too old");
    let courier: CourierCode = code.parse().map_err(|_| unknown)?;
    let signature = Signature::of(&head.headers).ok_or(unknown)?;
    if !Signature::has_sound_delivery(&head.headers) {
        return Err((StatusCode::BAD_REQUEST, "consign-delivery must have 1 to 128 characters"));
    }

    let most = door.settings.body_bytes as usize;
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    let reading = timeout(door.settings.request_within(), Limited::new(body, most).collect());
    match reading.await {
        Ok(Ok(body)) => Ok((courier, signature, body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body ended early")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
    }
}
