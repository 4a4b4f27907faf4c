//! Subscribers of events, and what they have not taken, as the API shows them.

use crate::domain::{self, ChainBreak, EventSubscription, Link, OrderId};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::page_token;
use crate::rpc::reply::{actor, text_of, timestamp};
use crate::store::{Cursor, Delivery, Failing, Followed, Redelivered, VerifiedChains};
use crate::work::KnownSubscriber;

/// A subscriber with what the settings say of it, if they name it still.
pub(crate) fn subscriber(followed: Followed, known: Option<&KnownSubscriber>) -> pb::EventSubscriber {
    let Followed { name, position, behind, waiting, given_up, failing, redeliveries } = followed;
    let (failing_since, last_error, again) = match failing {
        None => (None, String::new(), None),
        Some(Failing { since, error, again }) => (Some(timestamp(since)), error, Some(timestamp(again))),
    };
    pb::EventSubscriber {
        name,
        address: known.map(|it| it.address.clone()).unwrap_or_default(),
        types: known.map(|it| it.kinds.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        position,
        behind,
        waiting_count: waiting,
        given_up_count: given_up,
        failing_since_time: failing_since,
        last_error,
        next_attempt_time: again,
        redeliveries: redeliveries.into_iter().map(redelivery).collect(),
    }
}

fn redelivery(redelivered: Redelivered) -> pb::EventRedelivery {
    let Redelivered { by, at, events, first_position, last_position } = redelivered;
    pb::EventRedelivery {
        actor: by,
        time: Some(timestamp(at)),
        event_count: events,
        first_position,
        last_position,
    }
}

pub(crate) fn delivery(delivery: Delivery) -> pb::EventDelivery {
    let Delivery { position, order, state, attempts, status, error, tried, next } = delivery;
    let number = |it: i64| i32::try_from(it).unwrap_or(i32::MAX);
    pb::EventDelivery {
        position,
        order_id: order.to_string(),
        state: enums::delivery_state(state),
        attempts: number(attempts),
        last_status: status.map_or(0, number),
        last_error: error,
        first_attempt_time: tried.map(|it| timestamp(it.0)),
        last_attempt_time: tried.map(|it| timestamp(it.1)),
        next_attempt_time: next.map(timestamp),
    }
}

/// What was found of chains of events: of one order with the last link that it knows, or of a page with its cursor.
pub(crate) fn verified(
    verified: VerifiedChains,
    last_link: Option<Link>,
    next: Option<Cursor>,
) -> pb::VerifyEventChainResponse {
    let VerifiedChains { orders, events, breaks } = verified;
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    let broken = |(order, ChainBreak { sequence, what }): (OrderId, ChainBreak)| pb::EventChainBreak {
        order_id: order.to_string(),
        sequence,
        problem: what.to_owned(),
    };
    pb::VerifyEventChainResponse {
        order_count: number(orders),
        event_count: number(events),
        breaks: breaks.into_iter().map(broken).collect(),
        last_link: text_of(last_link.as_ref()),
        next_page_token: page_token(next),
    }
}

/// A subscription that a call made, never its secrets.
pub(crate) fn subscription(subscription: &EventSubscription) -> pb::EventSubscription {
    let EventSubscription {
        id,
        version,
        url,
        kinds,
        description,
        state,
        reason,
        secret: _,
        previous,
        created_by,
        created_at,
        changed_by,
        changed_at,
    } = subscription;
    pb::EventSubscription {
        id: id.to_string(),
        url: url.clone(),
        types: kinds.iter().map(ToString::to_string).collect(),
        description: description.clone(),
        state: enums::subscription_state(*state),
        state_reason: reason.clone(),
        previous_secret_expire_time: previous.as_ref().map(|it| timestamp(it.1)),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        updated_by: actor(changed_by),
        update_time: Some(timestamp(*changed_at)),
        etag: domain::etag(*version),
    }
}
