//! The state of a shipment as a function of the set of its reports.

use sha2::{Digest, Sha256};

use crate::domain::model::message::MessageKind;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};

/// Identity of a report: SHA-256 over all of its content, hex.
pub(in crate::domain) fn key(
    status: TrackingStatus,
    occurred_at: Timestamp,
    location: &str,
    raw_code: &str,
    incident: &str,
) -> String {
    let mut hash = Sha256::new();
    for text in [status.as_str(), &occurred_at.unix_micros().to_string(), location, raw_code, incident] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    format!("{:x}", hash.finalize())
}

/// Statuses that end a journey, whatever else is reported; the first of them stands.
///
/// DELIVERED comes first: the customer has the confirmation and the request for feedback, and no report takes them back.
/// RETURNED and LOST leave goods and money open, which a person has to settle.
const ENDS: [ShipmentState; 3] = [ShipmentState::Delivered, ShipmentState::Returned, ShipmentState::Lost];

/// State that follows from the reports; None if they tell nothing.
///
/// The reports are taken as a set: an end stands, as [`ENDS`] has it, and without one the latest report wins, in the
/// order in which things happened. So whatever the order of arrival, a report only ever leads on: nothing leaves
/// DELIVERED, RETURNED can only turn out to be DELIVERED, and LOST to be found.
pub(in crate::domain) fn state_of(events: &[TrackingEvent]) -> Option<ShipmentState> {
    let told: Vec<_> = in_order(events).into_iter().filter_map(|it| moves_to(it.status)).collect();
    ENDS.into_iter().find(|it| told.contains(it)).or(told.last().copied())
}

/// When the courier expects delivery: what the latest report with an estimate said.
pub(super) fn estimate_of(events: &[TrackingEvent]) -> Option<Timestamp> {
    in_order(events).into_iter().rev().find_map(|it| it.estimated_at)
}

/// The letter that a report causes. Pickup and delivery cause none here: their letters are queued once per shipment, at
/// the handover and at the delivery, and not once per report.
pub(super) fn told_to_customer(event: &TrackingEvent) -> Option<MessageKind> {
    match event.status {
        TrackingStatus::OutForDelivery => Some(MessageKind::OutForDelivery),
        TrackingStatus::DeliveryAttempted => Some(MessageKind::DeliveryAttempted),
        TrackingStatus::AvailableForPickup => Some(MessageKind::ReadyForPickup),
        TrackingStatus::Delayed => Some(MessageKind::DeliveryDelayed),
        TrackingStatus::CustomsHold
        | TrackingStatus::Exception
        | TrackingStatus::Returning
        | TrackingStatus::Returned
        | TrackingStatus::Lost => Some(MessageKind::DeliveryException),
        TrackingStatus::InfoReceived
        | TrackingStatus::PickedUp
        | TrackingStatus::InTransit
        | TrackingStatus::Delivered
        | TrackingStatus::Unknown => None,
    }
}

/// The report whose location the customer may be told: the latest of all, if the shipment is in transit and it names a
/// location. A scan that arrives late names a location that was left already.
pub(super) fn moved_on(events: &[TrackingEvent]) -> Option<&TrackingEvent> {
    let latest = in_order(events).last().copied()?;
    let moves_on = latest.status == TrackingStatus::InTransit && !latest.location.trim().is_empty();
    moves_on.then_some(latest)
}

/// Whether two texts name the same place: upper and lower case and blanks make no difference.
pub(super) fn same_location(one: &str, other: &str) -> bool {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    folded(one) == folded(other)
}

/// The reports as things happened; of things that happened at once, what comes later on a journey is later.
/// The key and the estimate only make the order the same for every arrangement of equal reports.
fn in_order(events: &[TrackingEvent]) -> Vec<&TrackingEvent> {
    let mut ordered: Vec<&TrackingEvent> = events.iter().collect();
    ordered.sort_by_key(|it| (it.occurred_at, rank(it.status), it.key.as_str(), it.estimated_at));
    ordered
}

fn rank(status: TrackingStatus) -> u8 {
    match status {
        TrackingStatus::Unknown => 0,
        TrackingStatus::InfoReceived => 1,
        TrackingStatus::PickedUp => 2,
        TrackingStatus::InTransit => 3,
        TrackingStatus::CustomsHold => 4,
        TrackingStatus::Delayed => 5,
        TrackingStatus::OutForDelivery => 6,
        TrackingStatus::DeliveryAttempted => 7,
        TrackingStatus::AvailableForPickup => 8,
        TrackingStatus::Exception => 9,
        TrackingStatus::Returning => 10,
        TrackingStatus::Lost => 11,
        TrackingStatus::Delivered => 12,
        TrackingStatus::Returned => 13,
    }
}

/// The state that a report puts a shipment in. A delay leaves it where it is; a hold by customs is an
/// exception.
pub(super) fn moves_to(status: TrackingStatus) -> Option<ShipmentState> {
    match status {
        TrackingStatus::InfoReceived | TrackingStatus::Unknown | TrackingStatus::Delayed => None,
        TrackingStatus::PickedUp => Some(ShipmentState::PickedUp),
        TrackingStatus::InTransit => Some(ShipmentState::InTransit),
        TrackingStatus::OutForDelivery => Some(ShipmentState::OutForDelivery),
        TrackingStatus::DeliveryAttempted => Some(ShipmentState::DeliveryAttempted),
        TrackingStatus::AvailableForPickup => Some(ShipmentState::AvailableForPickup),
        TrackingStatus::CustomsHold | TrackingStatus::Exception => Some(ShipmentState::Exception),
        TrackingStatus::Returning => Some(ShipmentState::Returning),
        TrackingStatus::Returned => Some(ShipmentState::Returned),
        TrackingStatus::Lost => Some(ShipmentState::Lost),
        TrackingStatus::Delivered => Some(ShipmentState::Delivered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::domain::model::scalars::Actor;

    fn event(status: TrackingStatus, minute: i64) -> TrackingEvent {
        let occurred_at = Timestamp::from_unix_micros(minute * 60_000_000);
        TrackingEvent {
            sequence: 1,
            status,
            incident: String::new(),
            location: String::new(),
            occurred_at,
            recorded_at: occurred_at,
            estimated_at: None,
            source: Actor::system(),
            raw_code: String::new(),
            description: String::new(),
            key: key(status, occurred_at, "", "", ""),
        }
    }

    fn state(reports: &[(TrackingStatus, i64)]) -> Option<ShipmentState> {
        state_of(&reports.iter().map(|(status, minute)| event(*status, *minute)).collect::<Vec<_>>())
    }

    #[test]
    fn the_latest_report_wins_whenever_it_arrives() {
        use TrackingStatus::*;
        assert_eq!(state(&[]), None);
        assert_eq!(state(&[(PickedUp, 1), (InTransit, 2)]), Some(ShipmentState::InTransit));
        assert_eq!(state(&[(OutForDelivery, 9), (InTransit, 2)]), Some(ShipmentState::OutForDelivery));
        assert_eq!(state(&[(Exception, 1), (InTransit, 2)]), Some(ShipmentState::InTransit));
    }

    #[test]
    fn of_reports_of_the_same_instant_the_later_on_a_journey_wins() {
        use TrackingStatus::*;
        assert_eq!(state(&[(OutForDelivery, 1), (InTransit, 1)]), Some(ShipmentState::OutForDelivery));
        assert_eq!(state(&[(Delivered, 1), (Lost, 1), (PickedUp, 1)]), Some(ShipmentState::Delivered));
    }

    #[test]
    fn notices_move_nothing() {
        use TrackingStatus::*;
        assert_eq!(state(&[(InfoReceived, 1), (Unknown, 2), (Delayed, 3)]), None);
        assert_eq!(state(&[(InTransit, 1), (Delayed, 2), (Unknown, 3)]), Some(ShipmentState::InTransit));
        assert_eq!(state(&[(InTransit, 1), (CustomsHold, 2), (Delayed, 3)]), Some(ShipmentState::Exception));
    }

    #[test]
    fn what_is_lost_can_only_be_found_delivered_or_returned() {
        use TrackingStatus::*;
        assert_eq!(state(&[(Lost, 1), (InTransit, 2)]), Some(ShipmentState::Lost));
        assert_eq!(state(&[(Lost, 1), (InTransit, 2), (Delivered, 3)]), Some(ShipmentState::Delivered));
        assert_eq!(state(&[(Lost, 1), (Returned, 2)]), Some(ShipmentState::Returned));
        assert_eq!(state(&[(Delivered, 1), (Lost, 2)]), Some(ShipmentState::Delivered));
    }

    #[test]
    fn a_delivery_stands_against_a_return_whichever_happened_first() {
        use TrackingStatus::*;
        assert_eq!(state(&[(Delivered, 1), (Returned, 2)]), Some(ShipmentState::Delivered));
        assert_eq!(state(&[(Returned, 1), (Delivered, 2)]), Some(ShipmentState::Delivered));
        assert_eq!(state(&[(Returned, 1), (Lost, 2), (InTransit, 3)]), Some(ShipmentState::Returned));
    }

    #[test]
    fn the_estimate_is_that_of_the_latest_report_that_has_one() {
        let at = |minute| Some(Timestamp::from_unix_micros(minute));
        let first = TrackingEvent { estimated_at: at(100), ..event(TrackingStatus::PickedUp, 1) };
        let second = TrackingEvent { estimated_at: at(50), ..event(TrackingStatus::InTransit, 2) };
        let third = event(TrackingStatus::OutForDelivery, 3);
        assert_eq!(estimate_of(&[second.clone(), third.clone(), first]), at(50));
        assert_eq!(estimate_of(&[third]), None);
    }

    #[test]
    fn equal_reports_have_equal_keys_and_others_have_not() {
        let at = Timestamp::from_unix_micros(1);
        let one = key(TrackingStatus::InTransit, at, "Hub", "A1", "");
        assert_eq!(one, key(TrackingStatus::InTransit, at, "Hub", "A1", ""));
        assert_eq!(one.len(), 64);
        assert_ne!(one, key(TrackingStatus::InTransit, at, "HubA", "1", ""));
        assert_ne!(one, key(TrackingStatus::Delayed, at, "Hub", "A1", ""));
    }

    #[test]
    fn the_customer_gets_letters_about_trouble_and_the_last_mile() {
        let told = |status| told_to_customer(&event(status, 1));
        assert_eq!(told(TrackingStatus::Delayed), Some(MessageKind::DeliveryDelayed));
        assert_eq!(told(TrackingStatus::Lost), Some(MessageKind::DeliveryException));
        assert_eq!(told(TrackingStatus::OutForDelivery), Some(MessageKind::OutForDelivery));
        assert_eq!(told(TrackingStatus::InTransit), None);
        assert_eq!(told(TrackingStatus::Delivered), None);
    }

    fn some_event() -> impl Strategy<Value = TrackingEvent> {
        let statuses = prop::sample::select(TrackingStatus::ALL);
        (statuses, 0_i64..12, prop::option::of(0_i64..1_000)).prop_map(|(status, minute, estimate)| {
            TrackingEvent { estimated_at: estimate.map(Timestamp::from_unix_micros), ..event(status, minute) }
        })
    }

    fn same_events_otherwise() -> impl Strategy<Value = (Vec<TrackingEvent>, Vec<TrackingEvent>)> {
        prop::collection::vec(some_event(), 1..12).prop_flat_map(|events| {
            let again = prop::collection::vec(prop::sample::select(events.clone()), 0..6);
            let shuffled = again.prop_map({
                let events = events.clone();
                move |again| [events.clone(), again].concat()
            });
            (Just(events), shuffled.prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn any_permutation_and_duplication_gives_the_same_state_and_estimate(
            (events, otherwise) in same_events_otherwise(),
        ) {
            prop_assert_eq!(state_of(&events), state_of(&otherwise));
            prop_assert_eq!(estimate_of(&events), estimate_of(&otherwise));
        }

        #[test]
        fn nothing_that_happens_after_the_end_changes_it(
            before in prop::collection::vec(some_event(), 0..12),
            after in prop::collection::vec(some_event(), 0..12),
        ) {
            let end = state_of(&before);
            let minute = |it: &TrackingEvent| it.occurred_at.unix_micros() / 60_000_000;
            let later = after.iter().map(|it| event(it.status, minute(it) + 12));
            let all: Vec<TrackingEvent> = before.into_iter().chain(later).collect();
            if let Some(end) = end.filter(|it| ENDS.contains(it)) {
                let after = state_of(&all).unwrap_or(end);
                prop_assert!(after == end || end.may_become(after), "{} to {}", end, after);
            }
        }

        #[test]
        fn every_report_moves_a_shipment_as_the_table_says(
            events in prop::collection::vec(some_event(), 1..12),
            extra in some_event(),
        ) {
            let before = state_of(&events).unwrap_or(ShipmentState::PickedUp);
            let all = [events, vec![extra]].concat();
            let after = state_of(&all).unwrap_or(before);
            prop_assert!(after == before || before.may_be_reported(after), "{} to {}", before, after);
        }
    }
}
