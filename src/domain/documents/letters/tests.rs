//! Tests of `letters`.

use super::*;
use proptest::prelude::*;

use uuid::Uuid;

use crate::domain::model::availability::{AvailabilityFound, LineAvailability};
use crate::domain::model::hold::Hold;
use crate::domain::model::message::MessageState;
use crate::domain::model::refund::HandedBack;
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::Actor;
use crate::domain::tests::sample::{NOW, sample};

fn order() -> Order {
    let mut order = sample().0;
    order.holds.push(Hold {
        id: Uuid::from_u128(9).into(),
        reason: HoldReason::VerificationFailed,
        note: "internal".to_owned(),
        state: HoldState::Active,
        placed_by: Actor::system(),
        placed_at: NOW,
        released_by: None,
        released_at: None,
        release_note: String::new(),
    });
    order.checks.push(Check {
        rule: Rule::Address,
        verdict: Verdict::Failed,
        detail: "shipping address: the city is missing; shipping address: the postal code is missing"
            .to_owned(),
    });
    order
}

fn message(kind: MessageKind) -> Message {
    Message {
        id: Uuid::from_u128(8).into(),
        kind,
        state: MessageState::Queued,
        key: kind.to_string(),
        shipment: Some(Uuid::from_u128(4).into()),
        sequence: 1,
        attempts: 0,
        due_at: NOW,
        created_at: NOW,
        sent_at: None,
        failure: String::new(),
        suppressed: None,
        failed_at: None,
        resends: 0,
        resent_at: None,
    }
}

fn written(kind: MessageKind, order: &Order) -> Letter {
    let falcon = CourierNames::from([("FALCON".parse().expect("a courier"), "Falcon Air".to_owned())]);
    let written = letter(&message(kind), order, &Rules::default(), &falcon);
    written.unwrap_or_else(|unsent| panic!("{kind}: {unsent:?}"))
}

#[test]
fn a_date_is_the_one_on_the_calendar_where_the_goods_go_to() {
    let mut order = order();
    // 2026-12-04T17:30:00Z
    let evening = Timestamp::from_unix_micros(1_796_405_400_000_000);
    order.shipments[0].estimated_at = Some(evening);
    order.reservations = vec![held_until(evening)];
    let mut both = |country: &str, area: &str| {
        order.shipping_address.country = country.to_owned();
        order.shipping_address.area = area.to_owned();
        let line = |kind, begins: &str| {
            let body = written(kind, &order).body;
            body.lines().find(|it| it.contains(begins)).unwrap_or_else(|| panic!("{body}")).to_owned()
        };
        (line(MessageKind::Shipped, "Expected delivery"), line(MessageKind::InvoiceIssued, "December"))
    };
    let (delivery, held) = both("MY", "");
    assert_eq!(delivery, "Expected delivery: Saturday, 5 December 2026");
    assert!(held.contains("5 December 2026, 01:30 UTC+08"), "{held}");
    let (delivery, held) = both("US", "CA");
    assert_eq!(delivery, "Expected delivery: Friday, 4 December 2026");
    assert!(held.contains("4 December 2026, 09:30 PST"), "{held}");
}

fn held_until(at: Timestamp) -> Reservation {
    Reservation {
        id: Uuid::from_u128(10).into(),
        version: 1,
        order: None,
        reference: String::new(),
        state: ReservationState::Held,
        expires_at: Some(at),
        items: Vec::new(),
        plan: String::new(),
        created_by: Actor::system(),
        created_at: NOW,
    }
}

fn refused(message: &Message, order: &Order) -> Unsent {
    letter(message, order, &Rules::default(), &CourierNames::new()).expect_err("a refusal")
}

fn has(kind: MessageKind, order: &Order, parts: &[&str]) {
    let Letter { subject, body, .. } = written(kind, order);
    for part in parts {
        assert!(body.contains(part), "{part:?} is missing in {kind}:\n{subject}\n{body}");
    }
}

#[test]
fn every_message_reads_well() {
    for kind in MessageKind::ALL.iter().copied() {
        let Letter { to, subject, body } = written(kind, &order());
        let shown = format!("{kind}:\n{subject}\n\n{body}");
        assert_eq!(to, "ada@example.com");
        assert!(subject.contains("100042") && !subject.contains('\n'), "{shown}");
        assert!(body.starts_with("Dear Ada Byron,\n\n"), "{shown}");
        assert!(body.ends_with("\n\nKind regards\nYour order team\n"), "{shown}");
        assert!(body.contains("100042"), "{shown}");
        for flaw in ["none", "undefined", "{{", "{%", "\n\n\n", " \n", " ,", " .", "..", "internal"] {
            assert!(!body.contains(flaw), "{flaw:?} in {shown}");
        }
    }
}

#[test]
fn a_bill_lists_lines_and_sums() {
    has(
        MessageKind::OrderReceived,
        &order(),
        &[
            "  2 x Mug, blue  EUR 25.00\n",
            "  1 x Pen         EUR 3.00\n",
            "  Shipping        EUR 4.90\n",
            "  Total          EUR 32.90\n",
            "  of this, tax    EUR 5.25\n",
            "by Saturday, 7 March 2026",
        ],
    );
    let mut with_discount = order();
    with_discount.amounts.prices_include_tax = false;
    with_discount.amounts.discount_minor = 500;
    has(
        MessageKind::InvoiceIssued,
        &with_discount,
        &["invoice INV-000007", "Discount", "EUR -5.00", "  Tax "],
    );
}

#[test]
fn a_shipped_order_names_number_courier_and_day() {
    has(
        MessageKind::Shipped,
        &order(),
        &[
            "2 x Mug, blue",
            "Tracking number: CNK3F07XQ2M91TX",
            "Carried by: Falcon Air\n",
            "Expected delivery: Friday, 6 March 2026",
        ],
    );
    assert!(!written(MessageKind::Shipped, &order()).body.contains("part 1"));
    let mut two = order();
    two.shipments.push(two.shipments[0].clone());
    has(MessageKind::Shipped, &two, &["Good news: part 1 of 2 of your order"]);
}

#[test]
fn a_date_that_moved_is_told_beside_the_one_told_before() {
    has(
        MessageKind::EstimateMoved,
        &order(),
        &[
            "We are sorry: your parcel with order 100042 is expected later than we told you.\n",
            "New expected delivery: Wednesday, 11 March 2026\nTold before: Saturday, 7 March 2026\n",
            "Carried by: Falcon Air\n",
        ],
    );
    let mut sooner = order();
    sooner.shipments[0].told = vec![NOW];
    has(MessageKind::EstimateMoved, &sooner, &["Good news", "New expected delivery: Monday, 2 March 2026\n"]);
    // Each letter names its own dates, whatever was told after it.
    sooner.shipments[0].told.push(sooner.created_at);
    has(MessageKind::EstimateMoved, &sooner, &["Told before: Saturday, 7 March 2026\n"]);
    let third = Message { sequence: 3, ..message(MessageKind::EstimateMoved) };
    assert!(matches!(refused(&third, &sooner), Unsent::Later(_)));
}

#[test]
fn a_date_that_was_missed_is_named_with_the_next_one_if_there_is_one() {
    has(MessageKind::PromiseMissed, &order(), &["should have been with you by Wednesday, 11 March 2026,"]);
    assert!(!written(MessageKind::PromiseMissed, &order()).body.contains("Expected delivery now"));
    let mut late = order();
    late.shipments[0].told = vec![NOW];
    has(MessageKind::PromiseMissed, &late, &["Expected delivery now: Friday, 6 March 2026\n"]);
}

#[test]
fn news_of_the_journey_carry_what_the_courier_said() {
    has(
        MessageKind::DeliveryDelayed,
        &order(),
        &[
            "What the courier says: the storm keeps the aircraft on the ground (Leipzig hub).",
            "New expected delivery: Friday, 6 March 2026",
            "CNK3F07XQ2M91TX",
        ],
    );
    let mut lost = order();
    lost.shipments[0].tracking[0].status = TrackingStatus::Lost;
    has(
        MessageKind::DeliveryException,
        &lost,
        &["We are sorry: the courier cannot find your parcel (order 100042)"],
    );
    has(MessageKind::ReadyForPickup, &order(), &["waiting for you here: Leipzig hub."]);
    has(
        MessageKind::LocationChanged,
        &order(),
        &["Your parcel with order 100042 has reached Leipzig hub.", "Expected delivery: ", "CNK3F07XQ2M91TX"],
    );
}

#[test]
fn a_silent_courier_leaves_no_gap() {
    let mut silent = order();
    let event = &mut silent.shipments[0].tracking[0];
    event.location = " ".to_owned();
    event.description = String::new();
    event.estimated_at = None;
    silent.shipments[0].label = None;
    silent.shipments[0].assignment = None;
    for kind in [
        MessageKind::OutForDelivery,
        MessageKind::DeliveryDelayed,
        MessageKind::DeliveryException,
        MessageKind::DeliveryAttempted,
        MessageKind::ReadyForPickup,
    ] {
        let body = written(kind, &silent).body;
        for flaw in ["none", "()", "says", "\n\n\n", " .", "Tracking number"] {
            assert!(!body.contains(flaw), "{flaw:?} in {kind}:\n{body}");
        }
    }
}

#[test]
fn a_delivery_asks_for_feedback_offers_the_discount_anyway_and_invites_a_review() {
    has(
        MessageKind::DeliveryConfirmed,
        &order(),
        &[
            "from 1 to 5 until Friday, 20 March 2026;",
            "For your next purchase, whether or not you answer: 5 % off with the code NEXT-ABCD1234.",
            "write a product review",
        ],
    );
    let mut without = order();
    without.feedback.as_mut().expect("asked for").discount_ppm = 0;
    assert!(!written(MessageKind::DeliveryConfirmed, &without).body.contains("next purchase"));
}

#[test]
fn a_hold_says_what_the_customer_can_put_right_and_nothing_of_a_suspicion() {
    has(
        MessageKind::OnHold,
        &order(),
        &["  - shipping address: the city is missing\n", "Please get in touch"],
    );
    let mut suspected = order();
    suspected.holds[0].reason = HoldReason::HighRiskOfFraud;
    let body = written(MessageKind::OnHold, &suspected).body;
    assert!(
        !body.contains("raud") && !body.contains("city") && body.contains("need not do anything"),
        "{body}"
    );
}

#[test]
fn only_what_is_short_is_waited_for() {
    let mut waiting = order();
    waiting.availability = Some(AvailabilityFound {
        at: NOW,
        lines: vec![LineAvailability {
            line: 2,
            sku: "PEN-1".parse().expect("a sku"),
            wanted: 1,
            available: 0,
            by_location: Vec::new(),
            ship_at: None,
            delivery_at: None,
            shortage: "out of stock".to_owned(),
        }],
        earliest_ship_at: None,
        requested_date_feasible: None,
    });
    let body = written(MessageKind::AwaitingStock, &waiting).body;
    assert!(body.contains("  1 x Pen\n") && !body.contains("Mug"), "{body}");
    has(MessageKind::AwaitingStock, &order(), &["  2 x Mug, blue\n"]);
}

#[test]
fn a_refund_is_the_one_the_message_tells_of() {
    has(MessageKind::RefundIssued, &order(), &["We have paid back EUR 3.00"]);
    let second = Message { sequence: 2, ..message(MessageKind::RefundIssued) };
    assert_eq!(refused(&second, &order()), Unsent::Later("the order has no such refund".to_owned()));
}

#[test]
fn a_refund_says_which_way_it_goes() {
    has(MessageKind::RefundIssued, &order(), &["It goes the way your payment came"]);
    let mut handed = order();
    handed.payments[0].refunds[0].handed_back =
        Some(HandedBack { method: Method::BankTransfer, reference: "RF18".to_owned() });
    has(MessageKind::RefundIssued, &handed, &["We have sent it by bank transfer."]);
    assert!(!written(MessageKind::RefundIssued, &handed).body.contains("the way your payment came"));
}

#[test]
fn money_is_promised_back_only_if_some_is_left_to_give_back() {
    has(MessageKind::OrderCancelled, &order(), &["What you paid goes back to you"]);
    let mut unpaid = order();
    unpaid.payments.clear();
    assert!(!written(MessageKind::OrderCancelled, &unpaid).body.contains("paid"));
    has(MessageKind::OrderExpired, &unpaid, &["and there is nothing to pay."]);
}

#[test]
fn what_a_message_cannot_do_without_is_named() {
    let refused = |kind, order: &Order| match refused(&message(kind), order) {
        Unsent::Later(why) => why,
        other => panic!("{other:?}"),
    };
    let mut bare = order();
    bare.invoices.clear();
    bare.payments.clear();
    bare.holds.clear();
    bare.shipments[0].tracking.clear();
    bare.shipments[0].label = None;
    assert_eq!(refused(MessageKind::InvoiceIssued, &bare), "the order has no numbered invoice");
    assert_eq!(refused(MessageKind::PaymentReceived, &bare), "nothing has been paid");
    assert_eq!(refused(MessageKind::OnHold, &bare), "the order has no hold");
    assert_eq!(refused(MessageKind::Shipped, &bare), "the shipment has no tracking number");
    assert_eq!(refused(MessageKind::OutForDelivery, &bare), "the shipment has no tracking event 1");
    bare.shipments.clear();
    assert!(refused(MessageKind::Shipped, &bare).starts_with("the order has no shipment shp_"));
}

#[test]
fn nothing_is_written_to_an_address_that_does_not_pass_verification() {
    let mut order = order();
    for (email, phone) in [
        ("", ""),
        (" ", "+4930901820"),
        ("", "victim@example.org"),
        ("a@example.com (x, victim@example.org)", "+4930901820"),
    ] {
        order.customer.email = email.to_owned();
        order.customer.phone = phone.to_owned();
        let refused = refused(&message(MessageKind::OrderReceived), &order);
        assert!(matches!(refused, Unsent::Suppressed(_)), "{email}, {phone}: {refused:?}");
    }
}

#[test]
fn a_letter_is_signed_by_the_company_that_writes() {
    let rules = Rules { company_name: "North Wind\nLtd.".to_owned(), ..Rules::default() };
    for kind in MessageKind::ALL {
        let letter = letter(&message(*kind), &order(), &rules, &CourierNames::new()).expect("written");
        assert!(letter.body.ends_with("\n\nKind regards\nNorth Wind Ltd.\n"), "{}", letter.body);
    }
}

#[test]
fn a_letter_about_a_parcel_says_who_carries_it() {
    for kind in [
        MessageKind::Shipped,
        MessageKind::OutForDelivery,
        MessageKind::DeliveryDelayed,
        MessageKind::DeliveryException,
        MessageKind::DeliveryAttempted,
        MessageKind::ReadyForPickup,
        MessageKind::LocationChanged,
    ] {
        has(kind, &order(), &["CNK3F07XQ2M91TX\nCarried by: Falcon Air\n"]);
    }
    let unknown = letter(&message(MessageKind::Shipped), &order(), &Rules::default(), &CourierNames::new());
    assert!(unknown.expect("written").body.contains("Carried by: FALCON\n"));
}

#[test]
fn percentages_are_written_without_idle_zeros() {
    assert_eq!([50_000, 12_500, 1_000_000, 1].map(percent), ["5 %", "1.25 %", "100 %", "0.0001 %"]);
}

proptest! {
    #[test]
    fn no_name_leaves_a_gap_or_a_second_line(name in "[ \\t\\n\\ra-z{}%^.,]{0,12}") {
        let mut order = order();
        order.customer.name = name;
        let body = written(MessageKind::OrderReceived, &order).body;
        let first = body.lines().next().unwrap_or_default();
        let is_named = first.starts_with("Dear ") && first.len() > "Dear ,".len();
        prop_assert!(first == "Hello," || is_named, "{:?}", first);
        prop_assert_eq!(body.lines().nth(1), Some(""));
    }
}
