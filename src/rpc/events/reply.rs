//! Subscribers of events, and what they have not taken, as the API shows them.

use crate::pb;
use crate::rpc::enums;
use crate::rpc::reply::timestamp;
use crate::store::{Delivery, Failing, Followed, Redelivered};
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
