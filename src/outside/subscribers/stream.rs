//! A stream of NATS as it is named and reached, read out of the settings' texts.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::domain::Invalid;
use crate::outside::subscribers::addresses::is_public;
use crate::outside::subscribers::notice::Notice;

/// Where NATS listens if nothing else is said.
const PORT: u16 = 4222;

/// How long names of streams, prefixes and sources may be, in characters.
const WORD_MAX: usize = 100;

/// The name of a stream: letters, digits, - and _.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct StreamName(String);

/// What the subjects of events begin with: words with dots between them, each of letters, digits, - and _.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SubjectPrefix(String);

/// Whose events these are: the `source` of CloudEvents, a URI or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EventSource(String);

/// A stream, and how this server shows that it may publish to it.
#[derive(Clone)]
pub struct NatsStream {
    pub name: StreamName,
    pub prefix: SubjectPrefix,
    pub source: EventSource,
    pub if_missing: IfMissing,
    pub login: NatsLogin,
}

/// What is done about a stream that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    Make,
    /// Events wait until somebody has made it.
    Wait,
}

/// How this server says who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum NatsLogin {
    Nobody,
    Token(String),
    /// The text of a credentials file: a JWT and the seed of its key.
    Credentials(String),
}

/// A NATS server, by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsServer {
    /// As people are shown it, and as the client is given it.
    pub url: String,
    pub host: String,
    pub port: u16,
    pub tls: NatsTls,
    /// Whether it may be in a network that only this server reaches, and be called without TLS.
    pub allows_private: bool,
}

/// When a connection is made secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsTls {
    Always,
    /// If the server asks for it.
    IfAsked,
}

impl NatsServer {
    pub fn read(url: &str, allows_private: bool) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("must be an address such as tls://nats.example.com:4222");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match uri.scheme_str() {
            Some("tls") => NatsTls::Always,
            Some("nats") if allows_private => NatsTls::IfAsked,
            Some("nats") => {
                return Err(Invalid::new("must begin with tls://, unless private_addresses are allowed"));
            }
            _ => return Err(wrong()),
        };
        if authority.contains('@') {
            return Err(Invalid::new("cannot have a user or a password"));
        }
        if host.is_empty() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        if !allows_private && host.parse::<IpAddr>().is_ok_and(|it| !is_public(it)) {
            return Err(Invalid::new("must not be an address that only this server may reach"));
        }
        let port = uri.port_u16().unwrap_or(PORT);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), host, port, tls, allows_private })
    }
}

impl SubjectPrefix {
    /// `PREFIX.ORDER.KIND`: consumers choose by it which events they read.
    pub(super) fn subject(&self, notice: &Notice) -> String {
        format!("{}.{}.{}", self.0, token(&notice.event.order_id), token(notice.event.r#type))
    }

    /// All subjects that begin with it.
    #[cfg(feature = "nats")]
    pub(super) fn all(&self) -> String {
        format!("{}.>", self.0)
    }
}

impl StreamName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EventSource {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word of a subject. Blanks, dots and wildcards mean something there: each byte of what is no letter, digit, - or _ is
/// written as % and two hexadecimal digits.
fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(char::from(byte)) {
            token.push(char::from(byte));
        } else {
            // Cannot fail: it is written into memory.
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

fn is_plain(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '-' || it == '_'
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_plain)
}

impl FromStr for StreamName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_word(text) && text.len() <= WORD_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(format!("must have 1 to {WORD_MAX} letters, digits, - or _")))
    }
}

impl FromStr for SubjectPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.split('.').all(is_word) && text.len() <= WORD_MAX {
            return Ok(Self(text.to_owned()));
        }
        let form = "letters, digits, - or _, as words with dots between them";
        Err(Invalid::new(format!("must have 1 to {WORD_MAX} {form}")))
    }
}

impl FromStr for EventSource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let uri = |it: char| is_plain(it) || "._~:/?#[]@!$&'()*+,;=%".contains(it);
        if (1..=WORD_MAX).contains(&text.len()) && text.chars().all(uri) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(format!("must have 1 to {WORD_MAX} characters of a URI")))
    }
}

impl TryFrom<String> for StreamName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl TryFrom<String> for SubjectPrefix {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl TryFrom<String> for EventSource {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl Default for SubjectPrefix {
    fn default() -> Self {
        Self("consign.events".to_owned())
    }
}

impl Default for EventSource {
    fn default() -> Self {
        Self("consign".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::subscribers::notice::example;

    #[test]
    fn a_stream_is_at_an_address_that_tells_no_password() {
        for (url, port) in
            [("nats://127.0.0.1", 4222), ("nats://[::1]:4333/", 4333), ("tls://nats.test", 4222)]
        {
            let server = NatsServer::read(url, true).expect(url);
            assert_eq!((server.port, server.url.as_str()), (port, url.trim_end_matches('/')));
        }
        assert!(NatsServer::read("tls://nats.example.com:4222", false).is_ok());
        for wrong in ["nats://nats.example.com", "tls://10.0.0.1", "tls://[::1]:4222"] {
            assert!(NatsServer::read(wrong, false).is_err(), "{wrong}");
            assert!(NatsServer::read(wrong, true).is_ok(), "{wrong}");
        }
        for wrong in [
            "",
            "nats://",
            "http://nats.test",
            "nats://a:b@nats.test",
            "tls://nats.test/ORDERS",
            "tls://nats.test?x=1",
            "nats://one.test,nats://two.test",
        ] {
            assert!(NatsServer::read(wrong, true).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_subject_has_order_and_kind_behind_its_prefix() {
        let prefix: SubjectPrefix = "shop.north".parse().expect("a prefix");
        assert_eq!(
            prefix.subject(&example()),
            "shop.north.ord_00000000000000000000000001.SHIPMENT_PICKED_UP"
        );
        assert_eq!(token("a.b *>ä%-_9"), "a%2Eb%20%2A%3E%C3%A4%25-_9");
    }

    #[test]
    fn names_are_such_that_nats_takes_them() {
        for good in ["ORDERS", "shop-1_a", "x".repeat(100).as_str()] {
            assert!(good.parse::<StreamName>().is_ok() && good.parse::<SubjectPrefix>().is_ok(), "{good}");
        }
        assert!("a.b.c".parse::<SubjectPrefix>().is_ok());
        for wrong in ["", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "$JS", "ä", "x".repeat(101).as_str()] {
            assert!(wrong.parse::<SubjectPrefix>().is_err(), "{wrong}");
            assert!(wrong.parse::<StreamName>().is_err(), "{wrong}");
        }
        assert!("a.b".parse::<StreamName>().is_err());
        for source in ["consign", "/shops/north", "urn:shop:north", "https://shop.example.com/orders?of=1"] {
            assert!(source.parse::<EventSource>().is_ok(), "{source}");
        }
        for wrong in ["", "two words", "ä", "\"", "x".repeat(101).as_str()] {
            assert!(wrong.parse::<EventSource>().is_err(), "{wrong}");
        }
    }
}
