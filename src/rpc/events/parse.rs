//! Parses requests about events and their subscribers.

use crate::domain::{DeliveryState, Problems};
use crate::pb;
use crate::pb::redeliver_events_request::Events;
use crate::rpc::enums;
use crate::rpc::listing::{Wanted, list_requests, listing};
use crate::rpc::parse::{number, required, required_line, timestamp, word};
use crate::settings::Limits;
use crate::store::{Listing, Term, ToRedeliver};

/// How long a subscriber's name may be, in characters.
const NAME_MAX: usize = 64;

list_requests! {
    list_events: ListEventsRequest,
}

/// The start of a stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Now,
    After(i64),
}

/// Start and filter of a watch.
pub(crate) fn watch_events(
    request: pb::WatchEventsRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Begin, Vec<Term>)> {
    let pb::WatchEventsRequest { after_position, filter } = request;
    let begin = match after_position {
        -1 => Begin::Now,
        position => Begin::After(number("after_position", position, -1..=i64::MAX, bad)),
    };
    let listing = listing(Wanted { filter, ..Wanted::default() }, limits, bad);
    Some((begin, listing.filter))
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
