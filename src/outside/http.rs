//! A small HTTP client: one connection per call, bounded answers, certificates checked.
//!
//! It is made of hyper, tokio-rustls and webpki-roots, all of which the gRPC server and the database's connection bring
//! along: a courier or a subscriber is called a few times a second at most, so a client with a pool, redirects and cookies
//! would only add dependencies.

use std::io;
use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::traces;

/// How large an answer may be: a label and what is said about it.
const ANSWER_MAX: usize = 4 * 1_048_576;

/// A server, and how its callers show that they may call.
pub(in crate::outside) struct Client {
    /// Without a slash at its end.
    base: String,
    /// None: whoever asks is answered.
    authorization: Option<HeaderValue>,
    tls: Arc<ClientConfig>,
}

/// What came back. Its body was read whole.
#[derive(Debug)]
pub(in crate::outside) struct Answer {
    pub(in crate::outside) status: StatusCode,
    pub(in crate::outside) body: Bytes,
}

/// There is no answer: what happened is not known.
#[derive(Debug, thiserror::Error)]
pub(in crate::outside) enum NoAnswer {
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    #[error("the answer was cut off, or has more than {ANSWER_MAX} bytes")]
    Body,
    #[error("the address is not usable: {0}")]
    Address(String),
}

impl Client {
    /// None: the address or the token cannot be used.
    pub(in crate::outside) fn new(base: &str, authorization: &str) -> Option<Self> {
        let mut authorization = HeaderValue::from_str(authorization).ok()?;
        authorization.set_sensitive(true);
        Self::at(base, Some(authorization))
    }

    /// The same for a server that answers everybody.
    pub(in crate::outside) fn without_key(base: &str) -> Option<Self> {
        Self::at(base, None)
    }

    fn at(base: &str, authorization: Option<HeaderValue>) -> Option<Self> {
        let uri: Uri = base.parse().ok()?;
        uri.authority()?;
        let is_web = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        let base = base.trim_end_matches('/').to_owned();
        let tls = checking_certificates()?;
        is_web.then_some(Self { base, authorization, tls })
    }

    pub(in crate::outside) async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.call(Method::GET, path, None).await
    }

    pub(in crate::outside) async fn post(&self, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, NoAnswer> {
        let uri: Uri = format!("{}{path}", self.base).parse().map_err(unusable)?;
        let host = uri.host().ok_or_else(|| NoAnswer::Address("it has no host".to_owned()))?.to_owned();
        let is_secret = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_secret { 443 } else { 80 });
        let authority = uri.authority().map_or(host.as_str(), |it| it.as_str());
        let target = uri.path_and_query().map_or("/", |it| it.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, authority)
            .header(ACCEPT, "application/json, */*;q=0.5")
            .header(USER_AGENT, concat!("consign/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(context) = traces::traceparent() {
            request = request.header("traceparent", context);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).map_err(unusable)?;

        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let plain = TcpStream::connect((bare.as_str(), port)).await.map_err(NoAnswer::Unreachable)?;
        if !is_secret {
            return exchange(TokioIo::new(plain), request).await;
        }
        exchange(TokioIo::new(secured(plain, bare, &self.tls).await?), request).await
    }
}

/// TLS that trusts whom browsers trust.
pub(in crate::outside) fn checking_certificates() -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(tls.with_root_certificates(roots).with_no_client_auth()))
}

pub(in crate::outside) fn unusable(error: impl ToString) -> NoAnswer {
    NoAnswer::Address(error.to_string())
}

/// One request and its answer over a connection of their own.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let whole = async |answer: Response<Incoming>| {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|_| NoAnswer::Body)?.to_bytes();
        Ok(Answer { status: head.status, body })
    };
    converse(stream, request, whole).await
}

/// The same, of which only the status matters: whatever follows it is not read.
async fn exchange_for_status<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, NoAnswer>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    converse(stream, request, async |answer: Response<Incoming>| Ok(answer.status())).await
}

/// Sends a request and reads the answer as `read` does.
async fn converse<S, T>(
    stream: S,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, NoAnswer>,
) -> Result<T, NoAnswer>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await.map_err(NoAnswer::Broken)?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(NoAnswer::Broken)?;
        read(answer).await
    };
    // The connection is driven here and not by a task of its own, so that a call that is given up leaves nothing behind.
    tokio::pin!(asking);
    tokio::pin!(connection);
    tokio::select! {
        answer = &mut asking => answer,
        ended = &mut connection => match ended {
            Ok(()) => asking.await,
            Err(broken) => Err(NoAnswer::Broken(broken)),
        },
    }
}

/// The status that a server at this address answers with; TLS, if there is some, for `host`.
pub(in crate::outside) async fn status_of(
    stream: TcpStream,
    host: &str,
    tls: Option<&Arc<ClientConfig>>,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, NoAnswer> {
    match tls {
        None => exchange_for_status(TokioIo::new(stream), request).await,
        Some(tls) => {
            let stream = secured(stream, host.to_owned(), tls).await?;
            exchange_for_status(TokioIo::new(stream), request).await
        }
    }
}

async fn secured(
    stream: TcpStream,
    host: String,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, NoAnswer> {
    let name = ServerName::try_from(host).map_err(unusable)?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(NoAnswer::Unreachable)
}
