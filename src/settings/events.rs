//! Who is told of events.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{EventKind, Problems};
use crate::outside::{
    Endpoint, EventKey, EventReceiver, EventSource, IfMissing, JetStream, NatsLogin, NatsServer, NatsStream,
    PUBLISHES_TO_NATS, StreamName, SubjectPrefix, trusting,
};
use crate::settings::secret::Password;

/// How long a subscriber's name may be, in characters.
const NAME_MAX: usize = 64;

/// What the names of subscribers begin with that calls made.
const OF_CALLS: &str = "sub_";

/// Who is told of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSettings {
    /// Servers by names of their own. Under another name a server is another subscriber, and begins anew.
    pub subscribers: BTreeMap<String, SubscriberSettings>,
    /// Whether subscribers that calls made may be in a network that only this server reaches, and be called without TLS.
    pub private_addresses: bool,
    /// How long events are kept that subscribers were given up on, in days. 0: for ever.
    pub given_up_kept_days: u32,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { subscribers: BTreeMap::new(), private_addresses: false, given_up_kept_days: 365 }
    }
}

/// How long a subscriber may take to answer, in seconds.
const ANSWER_WITHIN: RangeInclusive<u32> = 1..=10;

/// One subscriber: a server of its own, or a stream of NATS JetStream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriberSettings {
    /// Where it takes events: `https://shop.example.com/events`, or a NATS server, `tls://nats.example.com:4222`.
    pub url: String,
    /// Secrets that sign: one, or two while one is replaced, the new one first. A stream has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<EventKey>,
    /// Kinds of events that it wants, such as `ORDER_PAID`. None: all.
    #[serde(default)]
    pub types: Vec<EventKind>,
    /// Whether it may be in a network that only this server reaches, and be called without TLS.
    #[serde(default)]
    pub private_addresses: bool,
    /// How long it may take to answer, in seconds.
    #[serde(default = "answer_within")]
    pub answer_within_seconds: u32,
    /// The stream that keeps its events. This and what follows is for NATS only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
    /// What the subjects of its events begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectPrefix>,
    /// Whose events these are, as CloudEvents say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<EventSource>,
    /// Whether a stream that is missing is made.
    #[serde(default, skip_serializing_if = "is_not_set")]
    pub make_stream: bool,
    /// The token that its server asks for.
    #[serde(default = "nothing", skip_serializing_if = "Password::is_empty")]
    pub token: Password,
    /// The text of a credentials file, which has a JWT and a seed.
    #[serde(default = "nothing", skip_serializing_if = "Password::is_empty")]
    pub credentials: Password,
    /// The authorities that may vouch for its server, a PEM file. None: those that browsers know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

fn answer_within() -> u32 {
    *ANSWER_WITHIN.end()
}

fn nothing() -> Password {
    Password::new("")
}

fn is_not_set(flag: &bool) -> bool {
    !*flag
}

impl SubscriberSettings {
    /// One with nothing chosen but its address.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secrets: Vec::new(),
            types: Vec::new(),
            private_addresses: false,
            answer_within_seconds: answer_within(),
            stream: None,
            subject: None,
            source: None,
            make_stream: false,
            token: nothing(),
            credentials: nothing(),
            ca_file: None,
        }
    }

    /// Who is told; None if something is wrong with it.
    pub(crate) fn receiver(&self, bad: &mut Problems) -> Option<Arc<dyn EventReceiver>> {
        self.receiver_at("", bad)
    }

    /// `at` is where it stands, with a dot.
    fn receiver_at(&self, at: &str, bad: &mut Problems) -> Option<Arc<dyn EventReceiver>> {
        if JetStream::is_at(&self.url) { self.stream_at(at, bad) } else { self.endpoint_at(at, bad) }
    }

    fn endpoint_at(&self, at: &str, bad: &mut Problems) -> Option<Arc<dyn EventReceiver>> {
        if !(1..=2).contains(&self.secrets.len()) {
            bad.add(format!("{at}secrets"), "must have one secret, or two while one is replaced");
        }
        for (key, is_set) in [
            ("stream", self.stream.is_some()),
            ("subject", self.subject.is_some()),
            ("source", self.source.is_some()),
            ("make_stream", self.make_stream),
            ("token", !self.token.is_empty()),
            ("credentials", !self.credentials.is_empty()),
            ("ca_file", self.ca_file.is_some()),
        ] {
            if is_set {
                bad.add(format!("{at}{key}"), "is for subscribers at nats:// and tls:// only");
            }
        }
        let endpoint = Endpoint::new(&self.url, self.secrets.clone(), self.private_addresses);
        let endpoint = bad.take(&format!("{at}url"), endpoint)?;
        Some(Arc::new(endpoint))
    }

    fn stream_at(&self, at: &str, bad: &mut Problems) -> Option<Arc<dyn EventReceiver>> {
        if !PUBLISHES_TO_NATS {
            bad.add(format!("{at}url"), "this program was built without the feature nats");
        }
        if !self.secrets.is_empty() {
            bad.add(format!("{at}secrets"), "must be left out: nothing is signed for a stream");
        }
        if self.stream.is_none() {
            bad.add(format!("{at}stream"), "must name the stream that keeps the events");
        }
        let login = match (self.token.reveal(), self.credentials.reveal()) {
            ("", "") => NatsLogin::Nobody,
            (token, "") => NatsLogin::Token(token.to_owned()),
            ("", credentials) => NatsLogin::Credentials(credentials.to_owned()),
            (_, _) => {
                bad.add(format!("{at}token"), "is set beside credentials: only one of them may be");
                return None;
            }
        };
        let server = bad.take(&format!("{at}url"), NatsServer::read(&self.url, self.private_addresses));
        let tls = bad.take(&format!("{at}ca_file"), trusting(self.ca_file.as_deref()));
        let stream = NatsStream {
            name: self.stream.clone()?,
            prefix: self.subject.clone().unwrap_or_default(),
            source: self.source.clone().unwrap_or_default(),
            if_missing: if self.make_stream { IfMissing::Make } else { IfMissing::Wait },
            login,
        };
        Some(Arc::new(JetStream::new(server?, stream, tls?)))
    }
}

impl EventSettings {
    pub(super) fn check(&self, bad: &mut Problems) {
        if self.given_up_kept_days > 36_500 {
            bad.add("events.given_up_kept_days", "must be 0 to 36500");
        }
        for (name, it) in &self.subscribers {
            let at = format!("events.subscribers.{name}");
            let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
            if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_plain) {
                let form = format!("must have 1 to {NAME_MAX} letters, digits, - or _");
                bad.add(&at, form);
            }
            if name.starts_with(OF_CALLS) {
                bad.add(&at, format!("must not begin with {OF_CALLS}, as those do that calls made"));
            }
            if !ANSWER_WITHIN.contains(&it.answer_within_seconds) {
                let bounds = format!("must be {} to {}", ANSWER_WITHIN.start(), ANSWER_WITHIN.end());
                bad.add(format!("{at}.answer_within_seconds"), bounds);
            }
            it.receiver_at(&format!("{at}."), bad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys with what is wrong with them.
    fn wrong(subscriber: SubscriberSettings) -> Vec<String> {
        let subscribers = BTreeMap::from([("bus".to_owned(), subscriber)]);
        let mut bad = Problems::default();
        EventSettings { subscribers, ..EventSettings::default() }.check(&mut bad);
        let short = |it: &str| it.trim_start_matches("events.subscribers.bus.").to_owned();
        bad.0.iter().map(|it| short(&it.field)).collect()
    }

    fn stream() -> SubscriberSettings {
        SubscriberSettings {
            stream: Some("ORDERS".parse().expect("a name")),
            private_addresses: true,
            ..SubscriberSettings::at("nats://127.0.0.1:4222")
        }
    }

    #[test]
    fn a_stream_needs_a_program_that_was_built_for_it() {
        let expected: &[&str] = if PUBLISHES_TO_NATS { &[] } else { &["url"] };
        assert_eq!(wrong(stream()), expected);
    }

    #[test]
    fn everything_that_is_wrong_with_a_stream_is_said_at_once() {
        let key: EventKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let subscriber = SubscriberSettings {
            secrets: vec![key],
            stream: None,
            private_addresses: false,
            ca_file: Some("/nowhere/ca.pem".into()),
            answer_within_seconds: 11,
            ..stream()
        };
        let mut expected = vec!["answer_within_seconds"];
        expected.extend((!PUBLISHES_TO_NATS).then_some("url"));
        expected.extend(["secrets", "stream", "url", "ca_file"]);
        assert_eq!(wrong(subscriber), expected);

        let both =
            SubscriberSettings { token: Password::new("t"), credentials: Password::new("c"), ..stream() };
        assert!(wrong(both).contains(&"token".to_owned()));
    }

    #[test]
    fn a_server_of_its_own_has_secrets_and_no_stream() {
        let key: EventKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let endpoint = SubscriberSettings {
            secrets: vec![key],
            ..SubscriberSettings::at("https://shop.example.com/events")
        };
        assert_eq!(wrong(endpoint.clone()), Vec::<String>::new());
        let bare = SubscriberSettings::at("https://shop.example.com/events");
        assert_eq!(wrong(bare), ["secrets"]);
        let mixed = SubscriberSettings {
            url: "shop".to_owned(),
            make_stream: true,
            token: Password::new("t"),
            ..SubscriberSettings { secrets: endpoint.secrets, ..stream() }
        };
        assert_eq!(wrong(mixed), ["stream", "make_stream", "token", "url"]);
    }
}
