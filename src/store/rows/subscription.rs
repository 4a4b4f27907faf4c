//! Subscriptions to events that calls made, and the subscribers that go with them.

use std::sync::Arc;

use sea_orm::EntityTrait;

use crate::domain::{
    Actor, EventKind, EventSubscription, SigningSecret, SubscriptionId, SubscriptionState, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::statements::{Fixed, Writes, names};
use crate::store::rows::subscribers::WAKE_SUBSCRIBERS;
use crate::store::rows::table::{Record, table};

/// The counter of changes of subscriptions: processes look there for whether they have missed one.
pub(in crate::store) const SUBSCRIPTION_CHANGES: &str = "event_subscriptions";

table! {
    "event_subscriptions" as event_subscriptions (id: SubscriptionId) {
        version: i64,
        url: String,
        kinds: String,
        description: String,
        state: SubscriptionState,
        reason: String,
        secret: Option<String>,
        previous_secret: Option<String>,
        previous_until: Option<Timestamp>,
        created_by: Actor,
        created_at: Timestamp,
        changed_by: Actor,
        changed_at: Timestamp,
    }
}

/// All that are not deleted. Few commands are about one, so no connection prepares these beforehand.
pub(in crate::store) static SUBSCRIPTIONS: Fixed = Fixed::new(live);

pub(in crate::store) static LOCK_SUBSCRIPTIONS: Fixed =
    Fixed::new(|| live().locking("FOR UPDATE OF event_subscriptions"));

/// What happens from now on is told to a new subscriber.
pub(in crate::store) static BEGIN_SUBSCRIBERS: Fixed = Fixed::new(|| {
    let columns = "name, position, attempts, run_at, lease_token";
    let last = "(SELECT COALESCE(MAX(last_position), 0) FROM decisions WHERE last_position IS NOT NULL)";
    FixedStatement::new(
        Effect::Write,
        [Kind::Text],
        format!("INSERT INTO event_subscribers ({columns}) VALUES (?1, {last}, 0, 0, 0)"),
        &format!(
            "INSERT INTO event_subscribers ({columns}) SELECT c1, {last}, 0, 0, 0 FROM {{bound}} ORDER BY c1"
        ),
    )
});

/// Subscribers that are told nothing any more, and shown no more.
pub(in crate::store) static RETIRE_SUBSCRIBERS: Fixed = Fixed::new(|| {
    FixedStatement::new(
        Effect::Write,
        [Kind::Text],
        "UPDATE event_subscribers SET retired = TRUE WHERE name = ?1",
        "UPDATE event_subscribers SET retired = TRUE FROM {bound} WHERE event_subscribers.name = bound.c1",
    )
});

fn live() -> FixedStatement {
    let sql = format!(
        "SELECT {} FROM event_subscriptions WHERE event_subscriptions.state <> 'DELETED' ORDER BY id",
        names::<event_subscriptions::Entity>()
    );
    FixedStatement::new(Effect::Read, [], sql.clone(), &sql)
}

pub(in crate::store) fn to_row(subscription: &EventSubscription) -> event_subscriptions::Model {
    let EventSubscription {
        id,
        version,
        url,
        kinds,
        description,
        state,
        reason,
        secret,
        previous,
        created_by,
        created_at,
        changed_by,
        changed_at,
    } = subscription;
    let kinds: Vec<&str> = kinds.iter().map(|it| it.as_str()).collect();
    event_subscriptions::Model {
        id: *id,
        version: *version,
        url: url.clone(),
        kinds: kinds.join(" "),
        description: description.clone(),
        state: *state,
        reason: reason.clone(),
        secret: secret.as_ref().map(|it| it.reveal().to_owned()),
        previous_secret: previous.as_ref().map(|it| it.0.reveal().to_owned()),
        previous_until: previous.as_ref().map(|it| it.1),
        created_by: created_by.clone(),
        created_at: *created_at,
        changed_by: changed_by.clone(),
        changed_at: *changed_at,
    }
}

pub(in crate::store) fn read(row: &Row) -> Result<EventSubscription, StoreError> {
    let event_subscriptions::Model {
        id,
        version,
        url,
        kinds,
        description,
        state,
        reason,
        secret,
        previous_secret,
        previous_until,
        created_by,
        created_at,
        changed_by,
        changed_at,
    } = event_subscriptions::Model::read(row)?;
    // One that is not known any more cannot be left out: none means all.
    let kinds = kinds.split_whitespace().map(str::parse::<EventKind>).collect::<Result<Vec<_>, _>>();
    let kinds = kinds.map_err(|it| StoreError::corrupt("event_subscriptions", it.to_string()))?;
    Ok(EventSubscription {
        id,
        version,
        url,
        kinds,
        description,
        state,
        reason,
        secret: secret.map(SigningSecret::new),
        previous: previous_secret.map(SigningSecret::new).zip(previous_until),
        created_by,
        created_at,
        changed_by,
        changed_at,
    })
}

/// The same with its id, as a decision finds it.
pub(in crate::store) fn found(row: &Row) -> Result<(SubscriptionId, Arc<EventSubscription>), StoreError> {
    let subscription = read(row)?;
    Ok((subscription.id, Arc::new(subscription)))
}

/// The subscribers that go with these subscriptions, as each was and is.
pub(in crate::store) fn follow<'s>(
    writes: &mut Writes,
    changed: impl Iterator<Item = (Option<&'s EventSubscription>, &'s EventSubscription)>,
) {
    let (mut new, mut woken, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (before, after) in changed {
        let name = vec![after.id.to_string().into()];
        match (before, after.state) {
            (None, _) => new.push(name),
            (Some(_), SubscriptionState::Deleted) => gone.push(name),
            (Some(_), SubscriptionState::Enabled | SubscriptionState::Disabled) => woken.push(name),
        }
    }
    writes.put(&BEGIN_SUBSCRIBERS, new);
    writes.put(&WAKE_SUBSCRIBERS, woken);
    writes.put(&RETIRE_SUBSCRIBERS, gone);
}

/// Statements about them that are sent to be written.
#[cfg(test)]
pub(in crate::store) fn all() -> Vec<&'static FixedStatement> {
    vec![&SUBSCRIPTIONS, &LOCK_SUBSCRIPTIONS, &BEGIN_SUBSCRIBERS, &RETIRE_SUBSCRIBERS]
}
