//! Calls from pages in browsers: gRPC-Web, for the origins that the settings name; and a plain word to who speaks JSON.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors, CorsLayer};

/// How long a browser may remember what it is allowed to ask.
const REMEMBERED: Duration = Duration::from_secs(7_200);

/// What pages may read of an answer's headers. Of a call that is refused at once the status is there.
const SHOWN: [&str; 4] = ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"];

const NOT_GRPC: &str = "This server speaks gRPC, and gRPC-Web to browsers: content-type application/grpc or application/grpc-web. \
     It takes no JSON.\n";

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
    Some(BrowserLayer { cors })
}

#[derive(Clone)]
pub struct BrowserLayer {
    cors: CorsLayer,
}

impl<S: Clone> Layer<S> for BrowserLayer {
    type Service = Cors<OnlyGrpc<GrpcWebService<S>>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.cors.layer(OnlyGrpc { inner: GrpcWebLayer::new().layer(inner) })
    }
}

/// Answers what is neither gRPC over HTTP/2 nor gRPC-Web with a sentence.
#[derive(Clone)]
pub struct OnlyGrpc<S> {
    inner: S,
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
        if content.starts_with(needed.as_bytes()) {
            return Box::pin(self.inner.call(request));
        }
        Box::pin(async { Ok(not_grpc()) })
    }
}

fn not_grpc() -> Response<Body> {
    let text = Full::new(NOT_GRPC.into()).map_err(|never: Infallible| match never {});
    let mut answer = Response::new(Body::new(text));
    *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}
