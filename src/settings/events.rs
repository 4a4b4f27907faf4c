//! Who is told of events.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::domain::{EventKind, Invalid, Problems};
use crate::outside::{Endpoint, EventKey};

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

/// One subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriberSettings {
    /// Where it takes events: `https://shop.example.com/events`.
    pub url: String,
    /// Secrets that sign: one, or two while one is replaced, the new one first.
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
}

fn answer_within() -> u32 {
    *ANSWER_WITHIN.end()
}

impl SubscriberSettings {
    /// Where it is called.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Invalid> {
        Endpoint::new(&self.url, self.secrets.clone(), self.private_addresses)
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
            if !(1..=2).contains(&it.secrets.len()) {
                bad.add(format!("{at}.secrets"), "must have one secret, or two while one is replaced");
            }
            if !ANSWER_WITHIN.contains(&it.answer_within_seconds) {
                let bounds = format!("must be {} to {}", ANSWER_WITHIN.start(), ANSWER_WITHIN.end());
                bad.add(format!("{at}.answer_within_seconds"), bounds);
            }
            if let Err(why) = it.endpoint() {
                bad.add(format!("{at}.url"), why.to_string());
            }
        }
    }
}
