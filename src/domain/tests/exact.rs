//! Exactly so many, exactly then: figures, amounts and instants at their limits, by example.

use std::time::Duration;

use crate::domain::billing::pay::ReceivedMoney;
use crate::domain::inventory::availability::{Destination, Inquiry, check_availability};
use crate::domain::inventory::expire::release_expired;
use crate::domain::inventory::reserve_for_others::{NewReservation, reserve_stock};
use crate::domain::model::amounts::Discount;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::etag::check_etag;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;
use crate::domain::model::method::Method;
use crate::domain::model::money::Currency;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::model::payment::{Means, ProviderRequest};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::ServiceLevel;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::receive::take_in;
use crate::domain::process::status::{FulfillmentStatus, LineProgress, PaymentStatus};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{by_card, cash, declined, done, order, reason, sku, unknown, usd, waiting};
use crate::domain::unit::command::conclude;

// Stock.
fn inquiry(lines: &[(&str, i64)], requested_by: Option<Timestamp>) -> Inquiry {
    Inquiry {
        destination: Destination::Country("US".to_owned(), String::new()),
        lines: lines.iter().map(|(code, units)| (sku(code), *units)).collect(),
        service: ServiceLevel::Express,
        requested_by,
    }
}

#[test]
fn lines_for_one_product_do_not_find_the_same_units_twice() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let asked = inquiry(&[("A-1", 3), ("A-1", 2), ("A-1", 1), ("C-3", 1)], None);
    let found =
        bench.decide(|unit| check_availability(unit, &asked)).expect("an answer").best().found.clone();
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
        let found =
            bench.decide(|unit| check_availability(unit, &asked)).expect("an answer").best().found.clone();
        found.lines.into_iter().map(|it| it.shortage).collect::<Vec<_>>()
    };
    assert_eq!(shortages(&[("A-1", 3)]), ["2 of 3 available: orders that wait come first"]);
    assert_eq!(shortages(&[("A-1", 2), ("A-1", 1)]), ["", "0 of 1 available: orders that wait come first"]);
    assert_eq!(shortages(&[("A-1", 8), ("A-1", 1)])[1], "0 of 1 available");
}

#[test]
fn a_date_is_feasible_when_handling_and_the_road_leave_time_for_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.snapshot.couriers.clear();
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
        let outlook = bench.decide(|unit| check_availability(unit, &asked)).expect("an answer");
        assert_eq!(outlook.best().found.requested_date_feasible, feasible, "{units} by {by:?}");
        let all_there = units == 5;
        assert_eq!(outlook.best().found.earliest_ship_at, all_there.then_some(ship_at));
        assert_eq!(
            outlook.best().promise.as_ref().and_then(|it| it.delivery_at()),
            all_there.then_some(there_at)
        );
    }
}

fn basket(units: i64, seconds: u64) -> NewReservation {
    NewReservation {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        location: None,
        lines: vec![(sku("A-1"), units)],
        lifetime: Some(Duration::from_secs(seconds)),
        reference: "basket 7".to_owned(),
        allocation: None,
    }
}

#[test]
fn releasing_expired_reservations_says_whether_there_were_any() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let held = bench.decide(|unit| reserve_stock(unit, &basket(2, 30))).expect("in stock");
    assert_eq!(bench.decide(release_expired), Ok(false));
    bench.pass(30);
    assert_eq!(bench.decide(release_expired), Ok(true));
    assert_eq!(bench.decide(release_expired), Ok(false));
    assert_eq!(bench.snapshot.reservations[&held].state, ReservationState::Expired);
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 0, 0));
}

#[test]
fn an_expired_reservation_is_in_the_way_of_no_other_caller() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    bench.decide(|unit| reserve_stock(unit, &basket(2, 30))).expect("in stock");
    bench.pass(30);
    let asked = inquiry(&[("A-1", 2)], None);
    let outlook = bench.decide(|unit| check_availability(unit, &asked)).expect("an answer");
    assert_eq!(outlook.best().found.lines[0].available, 2);
    bench.decide(|unit| reserve_stock(unit, &basket(2, 30))).expect("nobody holds them");
    assert_eq!(bench.shelf("A-1", "NYC"), (2, 2, 0));
}

#[test]
fn an_order_that_ended_after_it_was_found_expired_does_not_expire_as_well() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let mut brief = order("ada", &[("A-1", 1)]);
    brief.reservation_lifetime_seconds = Some(60);
    let first = bench.placed(&brief);
    bench.pass(60);
    let second = bench.decide(|unit| {
        let mut ended = unit.take_order(first)?;
        ended.cancel(unit, "changed her mind")?;
        conclude(ended, unit)?;
        assert!(matches!(take_in(unit, &order("bob", &[("A-1", 3)])), Err(Refusal::Short(_))));
        take_in(unit, &order("eve", &[("A-1", 2)]))
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

// Money.

#[test]
fn a_payment_keeps_what_proves_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let asked = by_card(ProviderRequest::Charge, Some(500));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &declined());
    let kept = &bench.order(id).payments[0];
    let at = kept.at_provider().expect("a card");
    assert_eq!((&at.provider, &at.token, &at.reference), (&asked.provider, &asked.token, &None));
    assert_eq!(kept.failure.as_deref(), Some("insufficient funds"));

    let record = |bench: &mut Bench, money: &ReceivedMoney| {
        bench.on(id, |order, unit| order.record_payment(unit, money)).map(|_| ())
    };
    let euro = "EUR".parse::<Currency>().expect("a currency").of(700);
    let mut handed = ReceivedMoney { tendered: Some(euro), ..cash(Some(700)) };
    assert_eq!(record(&mut bench, &handed), Err(Refusal::invalid("tendered", "must be in USD")));
    handed.tendered = Some(usd(699));
    assert_eq!(record(&mut bench, &handed), Err(Refusal::invalid("tendered", "must be at least USD 7.00")));
    handed.tendered = Some(usd(700));
    record(&mut bench, &handed).expect("exactly that much");
    let means = Means::ByHand { reference: String::new(), tendered_minor: Some(700) };
    assert_eq!(bench.order(id).payments[1].means, means);

    let reference = "RF18 5390".to_owned();
    record(&mut bench, &ReceivedMoney { method: Method::BankTransfer, reference, ..cash(None) })
        .expect("the rest by transfer");
    let means = Means::ByHand { reference: "RF18 5390".to_owned(), tendered_minor: None };
    assert_eq!(bench.order(id).payments[2].means, means);
    assert_eq!(bench.order(id).payments[2].amount, usd(1_300));
}

#[test]
fn what_is_authorised_is_captured_only_while_its_stock_is_held_but_given_up_at_any_time() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let ends = |bench: &Bench, id| bench.order(id).reservations[0].expires_at;
    let [kept, late] = ["ada", "bob"].map(|name| {
        let id = bench.placed(&order(name, &[("A-1", 1)]));
        let payment = bench
            .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
            .expect("a card");
        assert_eq!(ends(&bench, id), None, "pinned while the provider is asked");
        bench.answer(id, payment, ProviderRequest::Authorize, &done("a"));
        (id, payment)
    });
    let lifetime = Duration::from_secs(bench.rules.reservation_lifetime_seconds);
    assert_eq!(ends(&bench, kept.0), Some(bench.now.plus(lifetime)));

    bench.pass(bench.rules.reservation_lifetime_seconds - 1);
    bench.on(kept.0, |order, unit| order.begin_capture(unit, kept.1)).expect("its stock is held");
    assert_eq!(ends(&bench, kept.0), None, "pinned while the money is on its way");
    bench.pass(1);
    let capture = bench.on(late.0, |order, unit| order.begin_capture(unit, late.1));
    assert_eq!(reason(capture), Reason::ReservationExpired);
    let before = ends(&bench, late.0);
    bench.on(late.0, |order, unit| order.begin_void(unit, late.1)).expect("nothing needs its stock");
    assert_eq!(ends(&bench, late.0), before, "nothing is pinned for money that is not wanted");
    bench.settle(kept.0);
    assert_eq!(bench.state(kept.0), OrderState::Fulfilling);
}

#[test]
fn a_part_by_card_lets_the_hold_run_again() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pass(bench.rules.reservation_lifetime_seconds - 1);
    let payment = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, Some(999))))
        .expect("all but a cent");
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    let ends = bench.now.plus(Duration::from_secs(300));
    assert_eq!(bench.order(id).reservations[0].expires_at, Some(ends));
    bench.pass(300);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert_eq!(bench.order(id).refunded_minor(), 999);
}

#[test]
fn stock_that_is_paid_for_does_not_expire_while_its_order_is_on_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let payment = bench.charge(id);
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, String::new()))
        .expect("a hold");
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench.pass(bench.rules.reservation_lifetime_seconds);
    bench.run_due(id);
    assert_eq!((bench.state(id), bench.shelf("A-1", "NYC")), (OrderState::Invoiced, (5, 1, 0)));
    assert_eq!(bench.order(id).payment_status(), PaymentStatus::Paid);
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn what_a_provider_says_is_kept_with_how_often_it_was_asked() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let payment = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
        .expect("a card");
    for attempts in 1..=2 {
        bench.answer(id, payment, ProviderRequest::Authorize, &unknown());
        let kept = &bench.order(id).payments[0];
        assert_eq!((kept.attempts, kept.failure.as_deref()), (attempts, Some("no answer within 5 s")));
    }
    let reference = |bench: &Bench| {
        let kept = &bench.order(id).payments[0];
        assert_eq!(kept.failure, None);
        kept.at_provider().and_then(|it| it.reference.clone())
    };
    bench.answer(id, payment, ProviderRequest::Authorize, &done("a-1"));
    assert_eq!(reference(&bench).as_deref(), Some("a-1"));
    bench.on(id, |order, unit| order.begin_capture(unit, payment)).expect("authorised");
    assert_eq!(bench.order(id).payments[0].attempts, 0, "another call, asked for the first time");
    bench.answer(id, payment, ProviderRequest::Capture, &done(""));
    assert_eq!(
        reference(&bench).as_deref(),
        Some("a-1"),
        "a capture without a reference of its own keeps it"
    );

    let refund = bench.on(id, |order, unit| order.refund(unit, payment, None, "late")).expect("captured");
    for attempts in 1..=2 {
        bench.on(id, |order, unit| order.answer_refund(unit, refund, &unknown())).expect("an answer");
        let kept = &bench.order(id).payments[0].refunds[0];
        assert_eq!((kept.attempts, kept.failure.as_deref()), (attempts, Some("no answer within 5 s")));
    }
    bench.on(id, |order, unit| order.answer_refund(unit, refund, &done("r-1"))).expect("an answer");
    let kept = &bench.order(id).payments[0].refunds[0];
    assert_eq!((kept.provider_reference.as_deref(), kept.failure.as_deref()), (Some("r-1"), None));
    let other = bench.placed(&order("bob", &[("A-1", 1)]));
    let charged = bench.charge(other);
    bench.answer(other, charged, ProviderRequest::Charge, &done("c-1"));
    let at = bench.order(other).payments[0].at_provider().expect("a card");
    assert_eq!(at.reference.as_deref(), Some("c-1"));
}

#[test]
fn how_far_an_order_is_paid_follows_from_what_was_captured_and_paid_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let status = |bench: &Bench| (bench.order(id).payment_status(), bench.order(id).amount_due_minor());
    assert_eq!(status(&bench), (PaymentStatus::Unpaid, 2_000));
    let part = bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(500)))).expect("a part");
    assert_eq!(status(&bench), (PaymentStatus::PartiallyPaid, 1_500));
    let rest = bench.charge(id);
    bench.answer(id, rest, ProviderRequest::Charge, &done("c"));
    assert_eq!(status(&bench), (PaymentStatus::Paid, 0));

    bench.on(id, |order, unit| order.refund(unit, rest, Some(usd(1)), "late")).expect("captured");
    assert_eq!(status(&bench), (PaymentStatus::Paid, 0), "only asked for");
    bench.settle(id);
    assert_eq!(status(&bench), (PaymentStatus::PartiallyRefunded, 0));
    bench.on(id, |order, unit| order.refund(unit, part, None, "late")).expect("captured");
    bench.on(id, |order, unit| order.refund(unit, rest, None, "late")).expect("captured");
    assert_eq!(status(&bench), (PaymentStatus::PartiallyRefunded, 0));
    bench.settle(id);
    assert_eq!(status(&bench), (PaymentStatus::Refunded, 0));

    let mut free = order("bob", &[("A-1", 1)]);
    free.lines[0].unit_price = Some(usd(0));
    let mut unverified = free.clone();
    unverified.customer.email = "nobody".to_owned();
    let unverified = bench.placed(&unverified);
    assert_eq!(bench.order(unverified).payment_status(), PaymentStatus::Unpaid, "nothing is invoiced yet");
    let free = bench.placed(&free);
    assert_eq!(bench.order(free).payment_status(), PaymentStatus::Paid);
}

#[test]
fn how_far_an_order_is_on_its_way_follows_its_shipments() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1), ("B-2", "LAX", 3)]);
    let id = bench.placed(&order("ada", &[("A-1", 2), ("B-2", 3)]));
    let look = |bench: &Bench| {
        let order = bench.order(id);
        let [first, second] = [1, 2].map(|line| {
            let LineProgress { reserved, shipped, delivered, cancelled } = order.line_progress(line);
            [reserved, shipped, delivered, cancelled]
        });
        (order.fulfillment_status(), first, second)
    };
    assert_eq!(look(&bench), (FulfillmentStatus::Unfulfilled, [2, 0, 0, 0], [3, 0, 0, 0]));
    bench.pay_cash(id);
    assert_eq!(look(&bench), (FulfillmentStatus::InPreparation, [2, 0, 0, 0], [3, 0, 0, 0]));

    let at = |bench: &Bench, code: &str| {
        bench.order(id).shipments.iter().position(|it| it.location.as_str() == code).expect("a shipment")
    };
    let (east, west) = (at(&bench, "NYC"), at(&bench, "LAX"));
    bench.ship(id, east);
    assert_eq!(look(&bench), (FulfillmentStatus::PartiallyShipped, [1, 1, 0, 0], [3, 0, 0, 0]));
    bench.ship(id, west);
    assert_eq!(look(&bench), (FulfillmentStatus::Shipped, [0, 2, 0, 0], [0, 3, 0, 0]));
    bench.deliver(id, west);
    assert_eq!(look(&bench), (FulfillmentStatus::PartiallyDelivered, [0, 2, 1, 0], [0, 3, 3, 0]));
    bench.deliver(id, east);
    assert_eq!(look(&bench), (FulfillmentStatus::Delivered, [0, 2, 2, 0], [0, 3, 3, 0]));
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
    let current = bench.order(id).etag();
    assert_eq!(check_etag(&etag, bench.order(id).version), Err(Refusal::StaleEtag { current }));
    assert_ne!(bench.order(id).etag(), etag);
}

/// The keys are stored, and what is known under a key is not sent again: their form has to stay.
#[test]
fn every_letter_is_queued_once_under_a_key_that_says_what_it_is_about() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("A-1", "LAX", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    for _ in 0..2 {
        bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(100)), "late")).expect("captured");
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

#[test]
fn goods_that_are_given_away_ask_a_person_as_dear_ones_do() {
    let free = |change: &dyn Fn(&mut NewOrder)| {
        let mut bench = Bench::with_stock(&[("B-2", "NYC", 100)]);
        let mut new = order("ada", &[("B-2", 99)]);
        change(&mut new);
        let id = bench.placed(&new);
        assert_eq!(bench.order(id).total_minor(), 0);
        let approval = &bench.order(id).approvals[0];
        (approval.state, approval.rule.clone())
    };
    let worth = "goods worth USD 2524.50 at list prices, sold for USD 0.00, are above USD 1000.00".to_owned();
    let asked = (ApprovalState::Pending, worth);
    assert_eq!(free(&|it| it.lines[0].unit_price = Some(usd(0))), asked);
    assert_eq!(free(&|it| it.lines[0].discount = Some(Discount::Percent(1_000_000))), asked);
    assert_eq!(free(&|it| it.discount = Some(Discount::Percent(1_000_000))), asked);
}
