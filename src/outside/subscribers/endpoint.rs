//! One subscriber's server, and the call that tells it of an event.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use rustls::ClientConfig;
use tokio::net::{TcpStream, lookup_host};

use crate::domain::Invalid;
use crate::outside::http::{NoAnswer, checking_certificates, status_of, unusable};
use crate::outside::subscribers::addresses::is_public;
use crate::outside::subscribers::contract::{EventReceiver, NotTaken};
use crate::outside::subscribers::notice::Notice;
use crate::outside::subscribers::signature::EventKey;
use crate::traces;

/// Where a subscriber takes events.
pub struct Endpoint {
    uri: Uri,
    host: String,
    port: u16,
    /// The newest first; each signs.
    keys: Vec<EventKey>,
    /// Whether it may be in a network that only this server reaches.
    allows_private: bool,
    tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    pub fn new(url: &str, keys: Vec<EventKey>, allows_private: bool) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("must be an address such as https://shop.example.com/events");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_secret = match uri.scheme() {
            Some(it) if *it == Scheme::HTTPS => true,
            Some(it) if *it == Scheme::HTTP && allows_private => false,
            Some(it) if *it == Scheme::HTTP => {
                return Err(Invalid::new("must begin with https://, unless private_addresses are allowed"));
            }
            _ => return Err(wrong()),
        };
        if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err(Invalid::new("cannot have a user or a password"));
        }
        let literal: Option<IpAddr> = host.parse().ok();
        if !allows_private && literal.is_some_and(|it| !is_public(it)) {
            return Err(Invalid::new("must not be an address that only this server may reach"));
        }
        let tls = if is_secret { Some(checking_certificates().ok_or_else(wrong)?) } else { None };
        let port = uri.port_u16().unwrap_or(if is_secret { 443 } else { 80 });
        Ok(Self { uri, host, port, keys, allows_private, tls })
    }

    /// Those that its name leads to and that may be called.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, NotTaken> {
        let found = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|it| no_answer(&NoAnswer::Unreachable(it)))?;
        let found: Vec<_> = found.filter(|it| self.allows_private || is_public(it.ip())).collect();
        if found.is_empty() { Err(NotTaken::Address) } else { Ok(found) }
    }
}

#[async_trait]
impl EventReceiver for Endpoint {
    /// What stands behind a `?` may be secret.
    fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let authority = self.uri.authority().map_or(self.host.as_str(), |it| it.as_str());
        format!("{scheme}://{authority}{}", self.uri.path())
    }

    /// Redirects are not followed.
    async fn tell(&self, notice: &Notice, now: i64) -> Result<(), NotTaken> {
        let body = notice.webhook();
        let signatures: Vec<String> = self.keys.iter().map(|it| it.sign(&notice.id, now, &body)).collect();
        let target = self.uri.path_and_query().map_or("/", |it| it.as_str());
        let authority = self.uri.authority().map_or(self.host.as_str(), |it| it.as_str());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("consign/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signatures.join(" "));
        if let Some(context) = traces::traceparent() {
            request = request.header("traceparent", context);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|it| no_answer(&unusable(it)))?;

        // What was looked at is what is called, whatever the name leads to a moment later.
        let addresses = self.addresses().await?;
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(|it| no_answer(&NoAnswer::Unreachable(it)))?;
        let status = status_of(stream, &self.host, self.tls.as_ref(), request).await;
        let status = status.map_err(|it| no_answer(&it))?;
        if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
    }
}

fn no_answer(why: &NoAnswer) -> NotTaken {
    NotTaken::NoAnswer(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::subscribers::notice::example;

    #[test]
    fn an_endpoint_is_a_web_address_that_tells_no_password() {
        let key: EventKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let made =
            |url: &str, allows_private| Endpoint::new(url, vec![key.clone()], allows_private).map(drop);
        assert!(made("https://shop.example.com/events?of=orders", false).is_ok());
        assert!(made("http://127.0.0.1:8080/", true).is_ok());
        let shown = Endpoint::new("https://shop.example.com:8443/events?key=1", vec![key.clone()], false);
        assert_eq!(shown.map(|it| it.address()).expect("an address"), "https://shop.example.com:8443/events");
        for wrong in [
            "",
            "shop.example.com",
            "ftp://shop.example.com/",
            "http://shop.example.com/",
            "https://a:b@c/",
            "https://10.0.0.1/",
            "https://[::1]:8443/",
        ] {
            assert!(made(wrong, false).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_address_of_this_machine_is_not_called_unless_allowed() {
        let key: EventKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let url = format!("https://localhost:{port}/");
        let endpoint = Endpoint::new(&url, vec![key], false).expect("an address");
        assert!(matches!(endpoint.tell(&example(), 0).await, Err(NotTaken::Address)));
        let called = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept());
        assert!(called.await.is_err(), "nobody called");
    }
}
