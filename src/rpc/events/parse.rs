//! Parses requests about events and their subscribers.

use crate::domain::{
    ChangeEventSubscription, CreateEventSubscription, DeliveryState, EventKind, OrderId, Problems, ReadTo,
    SigningSecret, SubscriptionChange,
};
use crate::pb;
use crate::pb::redeliver_events_request::Events;
use crate::rpc::enums;
use crate::rpc::listing::{Wanted, list_requests, listing};
use crate::rpc::parse::{
    REASON_MAX, entries, id, number, optional_id, paths, required, required_line, required_text, text,
    timestamp, word,
};
use crate::settings::Limits;
use crate::store::{Listing, Term, ToRedeliver};
use crate::work::KnownSubscribers;

/// How long a subscriber's name may be, in characters.
const NAME_MAX: usize = 64;

/// How long the address of a subscriber may be, and what is said of it, in characters.
const URL_MAX: usize = 2_000;
const DESCRIPTION_MAX: usize = 500;

/// The fields of a subscription that a person enters.
const SUBSCRIPTION_FIELDS: [&str; 3] = ["url", "types", "description"];

list_requests! {
    list_events: ListEventsRequest,
    list_event_subscriptions: ListEventSubscriptionsRequest,
}

/// The start of a stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Now,
    After(ReadTo),
}

/// Start and filter of a watch.
pub(crate) fn watch_events(
    request: pb::WatchEventsRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Begin, Vec<Term>)> {
    let pb::WatchEventsRequest { after_position, filter, history_id } = request;
    let history = optional_id("history_id", &history_id, bad);
    let begin = match after_position {
        -1 => Begin::Now,
        position => {
            let position = number("after_position", position, -1..=i64::MAX, bad);
            Begin::After(ReadTo { position, history })
        }
    };
    let listing = listing(Wanted { filter, ..Wanted::default() }, limits, bad);
    Some((begin, listing.filter))
}

/// The order whose chain is to be verified, or none: all of the page.
pub(crate) fn verify_event_chain(
    request: pb::VerifyEventChainRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Option<OrderId>, Listing)> {
    let pb::VerifyEventChainRequest { order_id, page_size, page_token } = request;
    let order = optional_id("order_id", &order_id, bad);
    if !order_id.is_empty() && !page_token.is_empty() {
        bad.add("page_token", "must be empty where one order is named");
    }
    Some((order, listing(Wanted { page_size, page_token, ..Wanted::default() }, limits, bad)))
}

/// The subscriber, where its events are to stand, and the page.
pub(crate) fn list_event_deliveries(
    request: pb::ListEventDeliveriesRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(String, Option<DeliveryState>, Listing)> {
    let pb::ListEventDeliveriesRequest { subscriber, state, page_size, page_token } = request;
    let subscriber = required_line("subscriber", subscriber, NAME_MAX, bad);
    let state = word("state", state, enums::to_delivery_state, bad);
    let listing = listing(Wanted { page_size, page_token, ..Wanted::default() }, limits, bad);
    Some((subscriber, state, listing))
}

/// The subscriber, and what it is to be told once more.
pub(crate) fn redeliver_events(
    request: pb::RedeliverEventsRequest,
    bad: &mut Problems,
) -> Option<(String, ToRedeliver)> {
    let pb::RedeliverEventsRequest { subscriber, events, request_id: _, validate_only: _ } = request;
    let subscriber = required_line("subscriber", subscriber, NAME_MAX, bad);
    let position = |field: &str, at: i64, bad: &mut Problems| number(field, at, 1..=i64::MAX, bad);
    let wanted = match required("position", events, bad)? {
        Events::Position(at) => {
            let at = position("position", at, bad);
            ToRedeliver::Positions(at, at)
        }
        Events::Positions(pb::PositionRange { first_position, last_position }) => {
            let first = position("positions.first_position", first_position, bad);
            let last = position("positions.last_position", last_position, bad);
            if last < first {
                bad.add("positions.last_position", "must not be before first_position");
            }
            ToRedeliver::Positions(first, last)
        }
        Events::GivenUpSinceTime(since) => {
            ToRedeliver::GivenUpSince(timestamp("given_up_since_time", Some(since), bad)?)
        }
    };
    Some((subscriber, wanted))
}

pub(super) fn create_event_subscription(
    request: pb::CreateEventSubscriptionRequest,
    secret: SigningSecret,
    known: &KnownSubscribers,
    bad: &mut Problems,
) -> Option<CreateEventSubscription> {
    let pb::CreateEventSubscriptionRequest { subscription, request_id: _, validate_only: _ } = request;
    let subscription = required("subscription", subscription, bad)?;
    let wanted = subscription_fields(subscription, &SUBSCRIPTION_FIELDS, known, bad);
    let (url, kinds, description) = (wanted.url?, wanted.kinds?, wanted.description?);
    Some(CreateEventSubscription { url, kinds, description, secret })
}

pub(super) fn update_event_subscription(
    request: pb::UpdateEventSubscriptionRequest,
    known: &KnownSubscribers,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    let pb::UpdateEventSubscriptionRequest {
        subscription,
        update_mask,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let paths = paths(update_mask, &SUBSCRIPTION_FIELDS, bad);
    let subscription = required("subscription", subscription, bad)?;
    let id = id("subscription.id", &subscription.id, bad);
    let SubscriptionFields { url, kinds, description } =
        subscription_fields(subscription, &paths?, known, bad);
    let change = SubscriptionChange::Update { url, kinds, description };
    Some(ChangeEventSubscription { id: id?, change, etag })
}

/// The fields that were named; None: it was not.
struct SubscriptionFields {
    url: Option<String>,
    kinds: Option<Vec<EventKind>>,
    description: Option<String>,
}

fn subscription_fields(
    subscription: pb::EventSubscription,
    named: &[impl AsRef<str>],
    known: &KnownSubscribers,
    bad: &mut Problems,
) -> SubscriptionFields {
    let pb::EventSubscription {
        id: _,
        url,
        types,
        description,
        state: _,
        state_reason: _,
        previous_secret_expire_time: _,
        created_by: _,
        create_time: _,
        updated_by: _,
        update_time: _,
        etag: _,
    } = subscription;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let url = named("url").then(|| {
        let url = required_line("subscription.url", url, URL_MAX, bad);
        if !url.is_empty() {
            bad.take("subscription.url", known.check_url(&url));
        }
        url
    });
    let kinds = named("types").then(|| event_kinds("subscription.types", types, bad));
    let description =
        named("description").then(|| text("subscription.description", description, DESCRIPTION_MAX, bad));
    SubscriptionFields { url, kinds, description }
}

fn event_kinds(field: &str, given: Vec<String>, bad: &mut Problems) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    for (index, word) in entries(field, given, 0..=EventKind::ALL.len(), bad) {
        let field = format!("{field}[{index}]");
        match word.parse() {
            Ok(kind) if kinds.contains(&kind) => bad.add(field, "is named twice"),
            Ok(kind) => kinds.push(kind),
            Err(_) => bad.add(field, "must be a kind of event, such as ORDER_PAID: docs/events.md lists all"),
        }
    }
    kinds
}

pub(super) fn rotate_subscription_secret(
    request: pb::RotateSubscriptionSecretRequest,
    secret: SigningSecret,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    let pb::RotateSubscriptionSecretRequest { subscription_id, etag, request_id: _, validate_only: _ } =
        request;
    changed(&subscription_id, SubscriptionChange::Rotate(secret), etag, bad)
}

pub(super) fn disable_event_subscription(
    request: pb::DisableEventSubscriptionRequest,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    let pb::DisableEventSubscriptionRequest {
        subscription_id,
        reason,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let reason = required_text("reason", reason, REASON_MAX, bad);
    changed(&subscription_id, SubscriptionChange::Disable(reason), etag, bad)
}

pub(super) fn enable_event_subscription(
    request: pb::EnableEventSubscriptionRequest,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    let pb::EnableEventSubscriptionRequest { subscription_id, etag, request_id: _, validate_only: _ } =
        request;
    changed(&subscription_id, SubscriptionChange::Enable, etag, bad)
}

pub(super) fn delete_event_subscription(
    request: pb::DeleteEventSubscriptionRequest,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    let pb::DeleteEventSubscriptionRequest { subscription_id, reason, etag, request_id: _, validate_only: _ } =
        request;
    let reason = required_text("reason", reason, REASON_MAX, bad);
    changed(&subscription_id, SubscriptionChange::Delete(reason), etag, bad)
}

fn changed(
    subscription: &str,
    change: SubscriptionChange,
    etag: String,
    bad: &mut Problems,
) -> Option<ChangeEventSubscription> {
    Some(ChangeEventSubscription { id: id("subscription_id", subscription, bad)?, change, etag })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: pb::RedeliverEventsRequest) -> Vec<String> {
        let mut bad = Problems::default();
        let _ = redeliver_events(request, &mut bad);
        bad.0.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn every_bad_field_of_a_redelivery_is_named_at_once() {
        assert_eq!(refused(pb::RedeliverEventsRequest::default()), ["subscriber", "position"]);
        let of = |events| pb::RedeliverEventsRequest {
            subscriber: "shop".to_owned(),
            events: Some(events),
            ..Default::default()
        };
        let range = |first_position, last_position| {
            refused(of(Events::Positions(pb::PositionRange { first_position, last_position })))
        };
        assert_eq!(range(0, 0), ["positions.first_position", "positions.last_position"]);
        assert_eq!(range(7, 6), ["positions.last_position"]);
        assert_eq!(range(7, 7), Vec::<String>::new());
        assert_eq!(refused(of(Events::Position(-1))), ["position"]);
    }
}
