//! Exactly so many, exactly then: figures, amounts and instants at their limits, by example.

use super::bench::{Bench, done, order, sku, usd, waiting};
use crate::domain::{
    Ask, Destination, EventKind, Inquiry, MessageKind, NewReservation, OrderState, Refusal, ReservationState,
    ServiceLevel, Timestamp, TrackingStatus, check_availability, check_etag, free_overdue, receive,
    reserve_stock,
};
use std::time::Duration;

// Stock.

fn inquiry(lines: &[(&str, i64)], requested_by: Option<Timestamp>) -> Inquiry {
    Inquiry {
        destination: Destination::Country("US".to_owned()),
        lines: lines.iter().map(|(code, units)| (sku(code), *units)).collect(),
        service: ServiceLevel::Express,
        requested_by,
    }
}

#[test]
fn lines_for_one_product_do_not_find_the_same_units_twice() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let asked = inquiry(&[("A-1", 3), ("A-1", 2), ("A-1", 1), ("C-3", 1)], None);
    let found = bench.decide(|desk| check_availability(desk, &asked)).expect("an answer").found;
    let lines: Vec<_> = found.lines.iter().map(|it| (it.available, it.shortage.as_str())).collect();
    assert_eq!(
        lines,
        [(5, ""), (2, ""), (0, "0 of 1 available"), (0, "not stocked at any location of the region"),]
    );
}

#[test]
fn units_on_the_shelf_that_others_wait_for_are_no_common_shortage() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.placed(&waiting(order("ada", &[("A-1", 6)])));
    bench.stock("A-1", "LAX", 3);
    let mut shortages = |lines: &[(&str, i64)]| {
        let asked = inquiry(lines, None);
        let found = bench.decide(|desk| check_availability(desk, &asked)).expect("an answer").found;
        found.lines.into_iter().map(|it| it.shortage).collect::<Vec<_>>()
    };
    assert_eq!(shortages(&[("A-1", 3)]), ["2 of 3 available: orders that wait come first"]);
    assert_eq!(shortages(&[("A-1", 2), ("A-1", 1)]), ["", "0 of 1 available: orders that wait come first"]);
    assert_eq!(shortages(&[("A-1", 8), ("A-1", 1)])[1], "0 of 1 available");
}

#[test]
fn a_date_is_feasible_when_handling_and_the_road_leave_time_for_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.rules.handling_hours = 30;
    let ship_at = bench.now.plus(Duration::from_secs(30 * 3_600));
    let there_at = ship_at.plus(Duration::from_secs(2 * 86_400));
    let just_before = there_at.minus(Duration::from_micros(1));

    for (units, by, feasible) in [
        (5, None, None),
        (5, Some(there_at), Some(true)),
        (5, Some(just_before), Some(false)),
        (6, Some(there_at), Some(false)),
    ] {
        let asked = inquiry(&[("A-1", units)], by);
        let outlook = bench.decide(|desk| check_availability(desk, &asked)).expect("an answer");
        assert_eq!(outlook.found.requested_date_feasible, feasible, "{units} by {by:?}");
        let all_there = units == 5;
        assert_eq!(outlook.found.earliest_ship_at, all_there.then_some(ship_at));
        assert_eq!(outlook.delivery_at, all_there.then_some(there_at));
    }
}

fn basket(units: i64, seconds: u64) -> NewReservation {
    NewReservation {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        location: None,
        lines: vec![(sku("A-1"), units)],
        lifetime: Some(Duration::from_secs(seconds)),
        reference: "basket 7".to_owned(),
    }
}

#[test]
fn whoever_frees_overdue_holds_is_told_whether_there_were_any() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let held = bench.decide(|desk| reserve_stock(desk, &basket(2, 30))).expect("in stock");
    assert_eq!(bench.decide(free_overdue), Ok(false));
    bench.pass(30);
    assert_eq!(bench.decide(free_overdue), Ok(true));
    assert_eq!(bench.decide(free_overdue), Ok(false));
    assert_eq!(bench.world.reservations[&held].state, ReservationState::Expired);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 0));
}

#[test]
fn an_overdue_hold_is_in_the_way_of_no_other_caller() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    bench.decide(|desk| reserve_stock(desk, &basket(2, 30))).expect("in stock");
    bench.pass(30);
    let asked = inquiry(&[("A-1", 2)], None);
    let outlook = bench.decide(|desk| check_availability(desk, &asked)).expect("an answer");
    assert_eq!(outlook.found.lines[0].available, 2);
    bench.decide(|desk| reserve_stock(desk, &basket(2, 30))).expect("nobody holds them");
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn an_order_that_ended_after_it_was_found_overdue_does_not_expire_as_well() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let mut brief = order("ada", &[("A-1", 1)]);
    brief.reservation_lifetime_seconds = Some(60);
    let first = bench.placed(&brief);
    bench.pass(60);
    let second = bench.decide(|desk| {
        let mut ended = desk.take_order(first)?;
        ended.cancel(desk, "changed her mind")?;
        desk.keep_order(ended);
        assert!(matches!(receive(desk, &order("bob", &[("A-1", 3)])), Err(Refusal::Short(_))));
        receive(desk, &order("eve", &[("A-1", 2)]))
    });
    assert_eq!(bench.state(first), OrderState::Cancelled);
    assert_eq!(bench.state(second.expect("both are free")), OrderState::Invoiced);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn an_order_that_waits_says_for_what() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.placed(&waiting(order("ada", &[("A-1", 5), ("C-3", 1)])));
    let told = bench.history(id).iter().find(|it| it.kind == EventKind::StockAwaited).expect("told");
    assert_eq!(told.text, "waits for stock: 2 of 5 A-1 available; 0 of 1 C-3 available");
}

// Etags and keys.

#[test]
fn an_etag_stands_for_one_version() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let (etag, version) = (bench.order(id).etag(), bench.order(id).version);
    assert_eq!(check_etag(&etag, version), Ok(()));
    assert_eq!(check_etag("", version), Ok(()));
    bench.pay_cash(id);
    assert_eq!(check_etag(&etag, bench.order(id).version), Err(Refusal::StaleEtag));
    assert_ne!(bench.order(id).etag(), etag);
}

/// The keys are stored, and what is known under a key is not sent again: their form has to stay.
#[test]
fn every_letter_is_queued_once_under_a_key_that_says_what_it_is_about() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, Ask::Charge, &done("c"));
    for _ in 0..2 {
        bench.on(id, |order, desk| order.refund(desk, payment, Some(usd(100)), "late")).expect("captured");
        bench.settle(id);
    }
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.pass(60);
    bench.report(id, 1, TrackingStatus::Exception);

    let (first, second) = (bench.shipment(id, 0).id, bench.shipment(id, 1).id);
    let reported = bench.shipment(id, 1).tracking.last().expect("a report").sequence;
    let keys: Vec<_> = bench.order(id).messages.iter().map(|it| it.key.clone()).collect();
    assert_eq!(
        keys,
        [
            MessageKind::OrderReceived.to_string(),
            MessageKind::InvoiceIssued.to_string(),
            MessageKind::PaymentReceived.to_string(),
            format!("{}/1", MessageKind::RefundIssued),
            format!("{}/2", MessageKind::RefundIssued),
            format!("{}/{first}", MessageKind::Shipped),
            format!("{}/{second}", MessageKind::Shipped),
            format!("{}/{second}/{reported}", MessageKind::DeliveryException),
        ]
    );
}
