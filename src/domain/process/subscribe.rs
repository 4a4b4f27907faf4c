//! Subscriptions to events are made, changed, disabled, enabled and deleted. One that is deleted is there no more for calls
//! that change something.

use std::time::Duration;

use crate::domain::model::etag::check_etag;
use crate::domain::model::event::EventKind;
use crate::domain::model::event_subscription::{
    EventSubscription, SUBSCRIPTIONS_MAX, SigningSecret, SubscriptionState,
};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::SubscriptionId;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How long the secret before signs beside a new one.
pub const BOTH_SIGN_FOR: Duration = Duration::from_secs(24 * 3_600);

/// A new subscriber hears of what happens from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEventSubscription {
    pub url: String,
    pub kinds: Vec<EventKind>,
    pub description: String,
    pub secret: SigningSecret,
}

impl Command for CreateEventSubscription {
    const NAME: &'static str = "CreateEventSubscription";
    type Output = EventSubscription;

    fn reads(&self) -> ReadSet {
        reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<EventSubscription, Refusal> {
        if unit.subscriptions() >= SUBSCRIPTIONS_MAX {
            let message =
                format!("there are {SUBSCRIPTIONS_MAX} subscriptions; delete those that nobody needs");
            return Err(Refusal::unmet(Reason::LimitReached, message));
        }

        let subscription = EventSubscription {
            id: unit.ids.fresh(),
            version: 1,
            url: self.url.clone(),
            kinds: self.kinds.clone(),
            description: self.description.clone(),
            state: SubscriptionState::Enabled,
            reason: String::new(),
            secret: Some(self.secret.clone()),
            previous: None,
            created_by: unit.actor.clone(),
            created_at: unit.now,
            changed_by: unit.actor.clone(),
            changed_at: unit.now,
        };
        unit.changes.subscriptions.insert(subscription.id, subscription.clone().into());
        Ok(subscription)
    }
}

/// What is new about a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    Update {
        /// None of each: it stays.
        url: Option<String>,
        kinds: Option<Vec<EventKind>>,
        description: Option<String>,
    },
    /// The secret that it had signs for a day more. One that was replaced before that signs no more.
    Rotate(SigningSecret),
    /// It is told nothing until it is enabled; then it goes on where it was.
    Disable(String),
    Enable,
    /// It is told nothing any more, for ever.
    Delete(String),
}

/// Changes a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEventSubscription {
    pub id: SubscriptionId,
    pub change: SubscriptionChange,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ChangeEventSubscription {
    const NAME: &'static str = "ChangeEventSubscription";
    type Output = EventSubscription;

    fn reads(&self) -> ReadSet {
        reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<EventSubscription, Refusal> {
        let before = unit.subscription(self.id).cloned();
        let before = before.ok_or_else(|| Refusal::not_found("event subscription", self.id))?;
        check_etag(&self.etag, before.version)?;

        let after = self.change.clone().made(before.clone(), unit);
        if after == before {
            return Ok(before);
        }
        let after = EventSubscription {
            version: before.version + 1,
            changed_by: unit.actor.clone(),
            changed_at: unit.now.max(before.changed_at),
            ..after
        };
        unit.changes.subscriptions.insert(after.id, after.clone().into());
        Ok(after)
    }
}

impl SubscriptionChange {
    fn made(self, before: EventSubscription, unit: &UnitOfWork<'_>) -> EventSubscription {
        match self {
            Self::Update { url, kinds, description } => EventSubscription {
                url: url.unwrap_or_else(|| before.url.clone()),
                kinds: kinds.unwrap_or_else(|| before.kinds.clone()),
                description: description.unwrap_or_else(|| before.description.clone()),
                ..before
            },
            Self::Rotate(secret) => {
                let until = unit.now.plus(BOTH_SIGN_FOR);
                let previous = before.secret.map(|it| (it, until));
                EventSubscription { secret: Some(secret), previous, ..before }
            }
            // Why it was disabled first stays.
            Self::Disable(_) if before.state == SubscriptionState::Disabled => before,
            Self::Disable(reason) => {
                EventSubscription { state: SubscriptionState::Disabled, reason, ..before }
            }
            Self::Enable => {
                EventSubscription { state: SubscriptionState::Enabled, reason: String::new(), ..before }
            }
            Self::Delete(reason) => {
                let state = SubscriptionState::Deleted;
                EventSubscription { state, reason, secret: None, previous: None, ..before }
            }
        }
    }
}

fn reads() -> ReadSet {
    ReadSet { subscriptions: true, ..ReadSet::default() }
}
