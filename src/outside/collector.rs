//! A collector of traces and metrics, which takes OTLP over HTTP.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use rustls::ClientConfig;
use tokio::net::TcpStream;

use crate::domain::Invalid;
use crate::outside::http::{NoAnswer, checking_certificates, status_of, unusable};
use crate::outside::subscribers::contract::NotTaken;

/// Where collectors take traces.
const PATH: &str = "/v1/traces";

/// What their paths for traces end with, and those for metrics.
const OF_TRACES: &str = "/traces";
const OF_METRICS: &str = "/metrics";

pub struct Collector {
    authority: String,
    host: String,
    port: u16,
    path: String,
    tls: Option<Arc<ClientConfig>>,
}

impl Collector {
    /// `http://127.0.0.1:4318`, with a path if it is another than usual.
    pub fn new(url: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("must be an address such as http://127.0.0.1:4318");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?.as_str().to_owned();
        let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_secret = match uri.scheme() {
            Some(it) if *it == Scheme::HTTPS => true,
            Some(it) if *it == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        if authority.contains('@') {
            return Err(Invalid::new("cannot have a user or a password"));
        }
        let tls = if is_secret { Some(checking_certificates().ok_or_else(wrong)?) } else { None };
        let port = uri.port_u16().unwrap_or(if is_secret { 443 } else { 80 });
        let path = if uri.path() == "/" { PATH } else { uri.path() }.to_owned();
        Ok(Self { authority, host, port, path, tls })
    }

    /// The same for metrics, which are taken beside traces. None: a path of another form does not say where.
    pub fn of_metrics(url: &str) -> Option<Self> {
        let mut collector = Self::new(url).ok()?;
        let before = collector.path.strip_suffix(OF_TRACES)?;
        collector.path = format!("{before}{OF_METRICS}");
        Some(collector)
    }

    /// Sends an ExportTraceServiceRequest, or an ExportMetricsServiceRequest.
    pub async fn post(&self, body: Vec<u8>) -> Result<(), NotTaken> {
        let no_answer = |it: NoAnswer| NotTaken::NoAnswer(it.to_string());
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("consign/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|it| no_answer(unusable(it)))?;
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(|it| no_answer(NoAnswer::Unreachable(it)))?;
        let status = status_of(stream, &self.host, self.tls.as_ref(), request).await.map_err(no_answer)?;
        if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_sent_beside_traces() {
        let path = |url: &str| Collector::of_metrics(url).map(|it| it.path);
        assert_eq!(path("http://127.0.0.1:4318").as_deref(), Some("/v1/metrics"));
        assert_eq!(path("https://otlp.example/shop/v1/traces").as_deref(), Some("/shop/v1/metrics"));
        assert_eq!(path("https://otlp.example/intake"), None);
        assert_eq!(path("otlp.example"), None);
    }
}
