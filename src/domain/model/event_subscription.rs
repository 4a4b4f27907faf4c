//! A subscriber of events that calls made, beside those that the settings name.

use std::fmt;

use crate::domain::model::event::EventKind;
use crate::domain::model::scalars::{Actor, SubscriptionId, string_enum};
use crate::domain::model::time::Timestamp;

/// Subscriptions that are not deleted, at most: every process holds them in memory, and tells each in a loop of its own.
pub const SUBSCRIPTIONS_MAX: usize = 100;

/// The secret by which a subscriber knows who calls. It signs, so that it is kept as it is; nothing of it is shown again.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

impl SigningSecret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// To sign with, to be kept, or to be told once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

string_enum! {
    /// Whether a subscription is told of events.
    pub enum SubscriptionState {
        Enabled = "ENABLED",
        Disabled = "DISABLED",
        Deleted = "DELETED",
    }
}

/// A subscription. It is never removed: when it is deleted the record of it stays, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSubscription {
    pub id: SubscriptionId,
    pub version: i64,
    /// Where events are sent.
    pub url: String,
    /// Of these kinds; none: of all.
    pub kinds: Vec<EventKind>,
    /// What it is for.
    pub description: String,
    pub state: SubscriptionState,
    /// Why it was disabled or deleted; empty while it is enabled.
    pub reason: String,
    /// None: it is deleted.
    pub secret: Option<SigningSecret>,
    /// The secret before, and until when it signs too.
    pub previous: Option<(SigningSecret, Timestamp)>,
    pub created_by: Actor,
    pub created_at: Timestamp,
    /// Who changed it last, and when.
    pub changed_by: Actor,
    pub changed_at: Timestamp,
}

impl EventSubscription {
    /// The secrets that sign at this time, the newest first.
    pub fn signing(&self, now: Timestamp) -> Vec<&SigningSecret> {
        let previous = self.previous.iter().filter(|it| now < it.1).map(|it| &it.0);
        self.secret.iter().chain(previous).collect()
    }
}
