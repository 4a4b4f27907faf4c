//! Calls from pages in browsers: gRPC-Web, for the origins that the settings name; and a plain word to who speaks JSON.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors, CorsLayer};

/// How long a browser may remember what it is allowed to ask.
const REMEMBERED: Duration = Duration::from_secs(7_200);

/// What pages may read of an answer's headers. A call refused at once has its status among them.
const SHOWN: [&str; 5] =
    ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id", "consign-hidden"];

const NOT_GRPC: &str = "This server speaks gRPC, and gRPC-Web to browsers: content-type application/grpc or application/grpc-web. \
     It takes no JSON.\n";

const OTHER_ORIGIN: &str = "Pages of this origin may not call here: browsers.origins does not name it.\n";

/// Lets pages of these origins call; no origins: no pages.
pub fn browsers(origins: &[HeaderValue]) -> Option<BrowserLayer> {
    if origins.is_empty() {
        return None;
    }
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(SHOWN.map(HeaderName::from_static))
        .max_age(REMEMBERED);
    Some(BrowserLayer { cors, origins: origins.into() })
}

#[derive(Clone)]
pub struct BrowserLayer {
    cors: CorsLayer,
    origins: Arc<[HeaderValue]>,
}

impl<S: Clone> Layer<S> for BrowserLayer {
    type Service = Cors<OnlyGrpc<GrpcWebService<S>>>;

    fn layer(&self, inner: S) -> Self::Service {
        let inner = GrpcWebLayer::new().layer(inner);
        self.cors.layer(OnlyGrpc { inner, origins: Arc::clone(&self.origins) })
    }
}

/// Answers what is neither gRPC over HTTP/2 nor gRPC-Web with a sentence, and so a page of an origin that may not call: a
/// browser that finds this server under a name of that page's own would not stop it.
#[derive(Clone)]
pub struct OnlyGrpc<S> {
    inner: S,
    origins: Arc<[HeaderValue]>,
}

impl<S> Service<Request<Body>> for OnlyGrpc<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let content = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let needed = match request.version() {
            Version::HTTP_2 => "application/grpc",
            _ => "application/grpc-web",
        };
        if !content.starts_with(needed.as_bytes()) {
            return Box::pin(async { Ok(told(StatusCode::UNSUPPORTED_MEDIA_TYPE, NOT_GRPC)) });
        }
        match request.headers().get(ORIGIN) {
            Some(origin) if !self.origins.contains(origin) => {
                Box::pin(async { Ok(told(StatusCode::FORBIDDEN, OTHER_ORIGIN)) })
            }
            Some(_) | None => Box::pin(self.inner.call(request)),
        }
    }
}

fn told(status: StatusCode, text: &'static str) -> Response<Body> {
    let text = Full::new(text.into()).map_err(|never: Infallible| match never {});
    let mut answer = Response::new(Body::new(text));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}
