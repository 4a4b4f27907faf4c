//! Tests of `tracking_state`.

use super::*;
use proptest::prelude::*;

use crate::domain::model::scalars::Actor;

fn report(status: TrackingStatus, minute: i64) -> TrackingReport {
    TrackingReport {
        package: 0,
        event_id: String::new(),
        status,
        incident: String::new(),
        location: String::new(),
        occurred_at: Timestamp::from_unix_micros(minute * 60_000_000),
        estimated_at: None,
        raw_code: String::new(),
        description: String::new(),
        received_by: String::new(),
    }
}

fn event(status: TrackingStatus, minute: i64) -> TrackingEvent {
    let occurred_at = Timestamp::from_unix_micros(minute * 60_000_000);
    let report = report(status, minute);
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
        key: key(&report, ReportOrigin::Courier),
        origin: ReportOrigin::Courier,
        package: 0,
        event_id: String::new(),
        received_by: String::new(),
    }
}

fn state(reports: &[(TrackingStatus, i64)]) -> Option<ShipmentState> {
    state_of(&reports.iter().map(|(status, minute)| event(*status, *minute)).collect::<Vec<_>>(), 1)
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
fn a_journey_begins_at_the_handover_whatever_the_couriers_clock_says() {
    use TrackingStatus::*;
    let handover = TrackingEvent { origin: ReportOrigin::Pickup, ..event(PickedUp, 2) };
    assert_eq!(state_of(std::slice::from_ref(&handover), 1), Some(ShipmentState::PickedUp));
    let events = [event(InTransit, 1), event(Exception, 1), handover];
    assert_eq!(state_of(&events, 1), Some(ShipmentState::Exception));
    assert_eq!(news_of(&events, &events[1]), Some(MessageKind::DeliveryException));
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

    // Arrived and departed in one minute: whichever of them says so, the delivery moves.
    let scan = |words: &str, estimate| {
        let said = TrackingReport { description: words.to_owned(), ..report(TrackingStatus::InTransit, 2) };
        let key = key(&said, ReportOrigin::Courier);
        TrackingEvent { estimated_at: at(estimate), key, ..second.clone() }
    };
    for estimates in [(70, 60), (60, 70)] {
        let both = [scan("arrived", estimates.0), scan("departed", estimates.1)];
        assert_eq!(estimate_of(&both), at(70));
    }

    let planned = TrackingEvent {
        estimated_at: at(70),
        origin: ReportOrigin::Pickup,
        ..event(TrackingStatus::PickedUp, 3)
    };
    assert_eq!(estimate_of(std::slice::from_ref(&planned)), at(70));
    assert_eq!(estimate_of(&[planned, second]), at(50), "the courier knows better than the plan");
}

#[test]
fn reports_of_the_same_event_have_equal_keys_and_others_have_not() {
    let one = TrackingReport {
        location: "Hub".to_owned(),
        raw_code: "A1".to_owned(),
        description: "arrived".to_owned(),
        ..report(TrackingStatus::InTransit, 1)
    };
    let key = |it: &TrackingReport| key(it, ReportOrigin::Courier);
    assert_eq!(key(&one).len(), 64);
    let same = [
        TrackingReport { location: "HUB ".to_owned(), ..one.clone() },
        TrackingReport { estimated_at: Some(one.occurred_at), ..one.clone() },
        TrackingReport { received_by: "Ann".to_owned(), ..one.clone() },
    ];
    let others = [
        TrackingReport { description: "departed".to_owned(), ..one.clone() },
        TrackingReport { raw_code: "A".to_owned(), description: "1arrived".to_owned(), ..one.clone() },
        TrackingReport { status: TrackingStatus::Delayed, ..one.clone() },
        TrackingReport { occurred_at: Timestamp::from_unix_micros(1), ..one.clone() },
        TrackingReport { event_id: "A1".to_owned(), description: String::new(), ..one.clone() },
        TrackingReport { package: 1, ..one.clone() },
    ];
    assert!(same.iter().all(|it| key(it) == key(&one)));
    assert!(others.iter().all(|it| key(it) != key(&one)));
    assert_ne!(key(&one), super::key(&one, ReportOrigin::Confirmation), "nobody confirms by a code");

    let named = TrackingReport { event_id: "E-7".to_owned(), ..one.clone() };
    let reworded = TrackingReport { description: "on its way".to_owned(), ..named.clone() };
    assert_eq!(key(&named), key(&reworded), "the courier says that it is the same");
}

#[test]
fn a_delivery_on_the_way_back_is_the_senders() {
    use TrackingStatus::*;
    let back = [(InTransit, 1), (DeliveryAttempted, 2), (Returning, 3), (Delivered, 4)];
    assert_eq!(state(&back), Some(ShipmentState::Returned));
    assert_eq!(state(&[(Delivered, 2), (Returning, 3)]), Some(ShipmentState::Delivered));
    assert_eq!(state(&[(Returning, 3), (Delivered, 3)]), Some(ShipmentState::Delivered), "at once");
    assert_eq!(
        state(&[(Delivered, 2), (Returning, 3), (Delivered, 4)]),
        Some(ShipmentState::Delivered),
        "the customer sent it back"
    );
    assert_eq!(state(&[(Returning, 3), (Returned, 4), (Delivered, 5)]), Some(ShipmentState::Returned));

    let confirmed = TrackingEvent { origin: ReportOrigin::Confirmation, ..event(Delivered, 4) };
    assert_eq!(state_of(&[event(Returning, 3), confirmed], 1), Some(ShipmentState::Delivered));
    let again = |minute| TrackingEvent { origin: ReportOrigin::Resolution, ..event(InTransit, minute) };
    let sent_again = |minute| [event(Returning, 3), again(minute), event(Delivered, 5)];
    assert_eq!(state_of(&sent_again(4), 1), Some(ShipmentState::Delivered), "a person sent it out anew");
    assert_eq!(state_of(&sent_again(2), 1), Some(ShipmentState::Returned), "and it turned back after that");
}

#[test]
fn a_shipment_is_delivered_when_all_of_its_packages_are() {
    use TrackingStatus::*;
    let of = |package, status, minute| TrackingEvent { package, ..event(status, minute) };
    let picked_up = event(PickedUp, 1);
    let first = of(1, Delivered, 5);
    let all = |more: &[TrackingEvent]| state_of(&[&[picked_up.clone(), first.clone()], more].concat(), 2);
    assert_eq!(all(&[]), Some(ShipmentState::PickedUp), "nothing is known of the other");
    assert_eq!(all(&[of(2, OutForDelivery, 4)]), Some(ShipmentState::OutForDelivery));
    assert_eq!(all(&[of(2, Delivered, 6)]), Some(ShipmentState::Delivered));
    assert_eq!(all(&[of(2, Returning, 4), of(2, Delivered, 6)]), Some(ShipmentState::Returned));
    assert_eq!(all(&[of(2, Lost, 6)]), Some(ShipmentState::Lost));
    assert_eq!(all(&[event(Delivered, 6)]), Some(ShipmentState::Delivered), "said of both");
    assert_eq!(state_of(std::slice::from_ref(&first), 2), Some(ShipmentState::PickedUp));
}

#[test]
fn the_proof_is_the_first_that_says_who_took_the_goods_whatever_came_first() {
    use TrackingStatus::*;
    let by = |minute, name: &str| TrackingEvent { received_by: name.to_owned(), ..event(Delivered, minute) };
    let (nameless, ann, ben) = (event(Delivered, 1), by(2, "Ann"), by(3, "Ben"));
    for events in [
        [nameless.clone(), ann.clone(), ben.clone()],
        [ben.clone(), ann.clone(), nameless.clone()],
        [ann.clone(), ben.clone(), nameless.clone()],
    ] {
        assert_eq!(proof_of(&events), Some(&ann));
    }
    assert_eq!(proof_of(std::slice::from_ref(&nameless)), Some(&nameless));
    assert_eq!(proof_of(&[event(Returning, 1), ann]), None, "that was the sender");
}

#[test]
fn what_two_reports_of_an_event_say_is_put_together_in_either_order() {
    let one = TrackingReport {
        location: "NEWARK".to_owned(),
        estimated_at: Some(Timestamp::from_unix_micros(9)),
        ..report(TrackingStatus::InTransit, 1)
    };
    let other = TrackingReport {
        location: "Newark".to_owned(),
        incident: "WEATHER".to_owned(),
        estimated_at: Some(Timestamp::from_unix_micros(7)),
        ..one.clone()
    };
    let bare = event(TrackingStatus::InTransit, 1);
    let both = merged(&merged(&bare, &one), &other);
    assert_eq!(both, merged(&merged(&bare, &other), &one));
    assert_eq!(both, merged(&both, &one), "said again");
    assert_eq!((both.location.as_str(), both.incident.as_str()), ("NEWARK", "WEATHER"));
    assert_eq!(both.estimated_at, Some(Timestamp::from_unix_micros(9)), "the later one");
}

#[test]
fn old_scans_are_no_news() {
    use TrackingStatus::*;
    let ready = event(AvailableForPickup, 5);
    let told = |late: &TrackingEvent| news_of(&[ready.clone(), late.clone()], late);
    assert_eq!(told(&event(OutForDelivery, 4)), None);
    assert_eq!(told(&event(Delayed, 4)), None);
    assert_eq!(told(&event(Delayed, 6)), Some(MessageKind::DeliveryDelayed));
    assert_eq!(told(&event(Lost, 4)), Some(MessageKind::DeliveryException), "an end stands");
    let notice = event(InfoReceived, 9);
    assert_eq!(news_of(&[notice, ready.clone()], &ready), Some(MessageKind::ReadyForPickup));
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
        prop_assert_eq!(state_of(&events, 1), state_of(&otherwise, 1));
        prop_assert_eq!(estimate_of(&events), estimate_of(&otherwise));
    }

    #[test]
    fn nothing_that_happens_after_the_end_changes_it(
        before in prop::collection::vec(some_event(), 0..12),
        after in prop::collection::vec(some_event(), 0..12),
    ) {
        let end = state_of(&before, 1);
        let minute = |it: &TrackingEvent| it.occurred_at.unix_micros() / 60_000_000;
        let later = after.iter().map(|it| event(it.status, minute(it) + 12));
        let all: Vec<TrackingEvent> = before.into_iter().chain(later).collect();
        let ends = [ShipmentState::Delivered, ShipmentState::Returned, ShipmentState::Lost];
            if let Some(end) = end.filter(|it| ends.contains(it)) {
            let after = state_of(&all, 1).unwrap_or(end);
            prop_assert!(after == end || end.may_become(after), "{} to {}", end, after);
        }
    }

    #[test]
    fn every_report_moves_a_shipment_as_the_table_says(
        events in prop::collection::vec(some_event(), 1..12),
        extra in some_event(),
    ) {
        let before = state_of(&events, 1).unwrap_or(ShipmentState::PickedUp);
        let all = [events, vec![extra]].concat();
        let after = state_of(&all, 1).unwrap_or(before);
        prop_assert!(after == before || before.may_be_reported(after), "{} to {}", before, after);
    }
}
