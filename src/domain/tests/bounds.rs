//! Everything inside an order is bounded, and no bound strands the order or its money.

use std::time::Duration;

use crate::domain::billing::pay::{FAILURE_MAX, PARTS_MAX, REFUND_PARTS_MAX, REFUSED_REFUNDS_MAX, TRIES_MAX};
use crate::domain::billing::refund_lines::LINE_REFUNDS_MAX;
use crate::domain::documents::letters::Letters;
use crate::domain::inventory::allocate::{LOCATIONS_NOTED_MAX, TAKES_MAX};
use crate::domain::model::account::NamedCustomer;
use crate::domain::model::amounts::Discount;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::check::{Risk, Rule};
use crate::domain::model::courier::CourierNames;
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::discount::{RedeemingCustomer, Redemption};
use crate::domain::model::erasure::LegalHold;
use crate::domain::model::evidence::{Evidence, Finding, RiskAssessment};
use crate::domain::model::exchange::ExchangeOf;
use crate::domain::model::feedback::{FeedbackReason, FollowUp, FollowUpEnd, LineFeedback};
use crate::domain::model::hold::HoldReason;
use crate::domain::model::invoice::{Invoice, InvoiceLine};
use crate::domain::model::labels::{LABEL_VALUE_MAX, LABELS_MAX};
use crate::domain::model::line_cancellation::{CancelledUnits, LineCancellation};
use crate::domain::model::line_refund::{LineRefund, RefundedUnits};
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::method::Method;
use crate::domain::model::note::OrderNote;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{Means, ProviderRequest};
use crate::domain::model::promise::Promise;
use crate::domain::model::refund::HandedBack;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, LocationCode, OrderId, PaymentId, RefundId, Sku};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::slip::{Slip, SlipKind, SlipSubject};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingReport, TrackingStatus};
use crate::domain::ordering::cancel_lines::LINE_CANCELLATIONS_MAX;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::evidence::EVIDENCE_MAX;
use crate::domain::ordering::notes::NOTES_MAX;
use crate::domain::ordering::order_change::CHANGES_MAX;
use crate::domain::ordering::receive::{ENTRIES_TO_CORRECT_MAX, HOLD_NOTE_MAX, HOLDS_BY_HAND_MAX};
use crate::domain::ordering::verify::Waive;
use crate::domain::promise::leg::WHY_MAX;
use crate::domain::returns::create::RETURNS_MAX;
use crate::domain::shipping::progress::CONTENTS_MAX;
use crate::domain::shipping::track::TRACKING_EVENTS_MAX;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{
    Recorded, by_card, cash, declined, done, most_reallocations, order, reason, report, usd,
};
use crate::domain::tests::persons::full_hands;
use crate::domain::tests::returns::bring_all_back;

const DAY: u64 = 86_400;

#[test]
fn twenty_declined_cards_leave_room_for_cash() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    for _ in 0..TRIES_MAX {
        let payment = bench.charge(id);
        bench.answer(id, payment, ProviderRequest::Charge, &declined());
    }

    let one_more =
        bench.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)));
    assert_eq!(reason(one_more), Reason::LimitReached);
    bench.pay_cash(id);
    assert_eq!(bench.state(id), OrderState::Fulfilling);
    assert_eq!(bench.order(id).payments.len(), TRIES_MAX + 1);
}

#[test]
fn an_order_paid_in_cents_takes_all_the_rest_at_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let pay = |bench: &mut Bench, minor: Option<i64>| {
        bench.on(id, |order, unit| order.record_payment(unit, &cash(minor))).map(|_| ())
    };
    for _ in 0..PARTS_MAX {
        pay(&mut bench, Some(1)).expect("a cent");
    }

    assert_eq!(reason(pay(&mut bench, Some(1))), Reason::LimitReached);
    let card =
        bench.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, Some(1))));
    assert_eq!(reason(card), Reason::LimitReached);
    pay(&mut bench, None).expect("the rest");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

fn charged(bench: &mut Bench) -> (OrderId, PaymentId) {
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    (id, payment)
}

fn refund(
    bench: &mut Bench,
    (id, payment): (OrderId, PaymentId),
    cents: Option<i64>,
) -> Result<RefundId, Refusal> {
    bench.on(id, |order, unit| order.refund(unit, payment, cents.map(usd), "late"))
}

#[test]
fn a_payment_is_given_back_in_some_parts_and_a_last_one_that_always_has_room() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let paid = charged(&mut bench);
    for _ in 0..REFUND_PARTS_MAX {
        refund(&mut bench, paid, Some(1)).expect("a cent");
        bench.settle(paid.0);
    }

    assert_eq!(reason(refund(&mut bench, paid, Some(1))), Reason::LimitReached);
    refund(&mut bench, paid, None).expect("all the rest");
    bench.settle(paid.0);
    assert_eq!(bench.order(paid.0).payments[0].refundable_minor(), 0);
}

#[test]
fn a_provider_that_refuses_refunds_again_and_again_leaves_them_to_a_person() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let paid = charged(&mut bench);
    for _ in 0..REFUSED_REFUNDS_MAX {
        let refund = refund(&mut bench, paid, None).expect("asked for");
        bench.on(paid.0, |order, unit| order.answer_refund(unit, refund, &declined())).expect("an answer");
    }

    assert_eq!(reason(refund(&mut bench, paid, None)), Reason::LimitReached);
    let handed = HandedBack { method: Method::Cash, reference: String::new() };
    bench
        .on(paid.0, |order, unit| order.refund_by_hand(unit, paid.1, None, "closed", &handed))
        .expect("over the counter");
    assert_eq!(bench.order(paid.0).payments[0].refundable_minor(), 0);
}

fn refund_letters(bench: &Bench, id: OrderId) -> Vec<Message> {
    let all = bench.order(id).messages.iter();
    all.filter(|it| it.kind == MessageKind::RefundIssued).cloned().collect()
}

/// What a worker does that wakes now.
fn send_what_is_due(bench: &mut Bench, id: OrderId) {
    let due: Vec<_> =
        bench.order(id).messages.iter().filter(|it| it.due_at <= bench.now).map(|it| it.id).collect();
    for message in due {
        bench.on(id, |order, unit| order.answer_message(unit, message, Ok(()))).expect("sent");
    }
}

#[test]
fn letters_about_refunds_keep_a_pace_and_tell_of_all_the_money_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let paid = charged(&mut bench);
    for _ in 0..12 {
        refund(&mut bench, paid, Some(100)).expect("a part");
        bench.settle(paid.0);
        send_what_is_due(&mut bench, paid.0);
        bench.pass(300);
    }
    let letters = refund_letters(&bench, paid.0);
    assert_eq!(letters.len(), 6, "five at once, and one that waits");
    assert_eq!(letters[5].due_at, letters[4].due_at.plus(Duration::from_secs(DAY)));
    let waits_alone = bench.order(paid.0).outbound_tasks(bench.now);
    assert!(waits_alone.is_empty(), "no other letter takes it along: {waits_alone:?}");

    bench.pass(DAY);
    send_what_is_due(&mut bench, paid.0);
    refund(&mut bench, paid, None).expect("the rest");
    bench.settle(paid.0);
    let letters = refund_letters(&bench, paid.0);
    let order = bench.order(paid.0);
    let told = |letter_of: &Message| {
        let text = Letters::default().text(letter_of, order, &bench.rules, &CourierNames::new());
        text.expect("a letter").body
    };
    assert_eq!(letters.len(), 7);
    for early in &letters[..5] {
        assert!(told(early).contains("We have refunded $1.00"), "{}", told(early));
    }
    assert!(told(&letters[5]).contains("We have refunded $7.00"), "{}", told(&letters[5]));
    let rest = order.payments[0].refunds.last().expect("the rest").amount;
    assert!(
        told(&letters[6]).contains(&format!(
            "We have refunded ${}.{:02} ",
            rest.minor / 100,
            rest.minor % 100
        )),
        "{}",
        told(&letters[6])
    );
}

#[test]
fn for_a_customer_without_address_some_letters_stand_for_all() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let paid = charged(&mut bench);
    let mut order = bench.order(paid.0).clone();
    order.customer.email.clear();
    order.customer.phone.clear();
    bench.snapshot.orders.insert(paid.0, std::sync::Arc::new(order));
    for _ in 0..REFUND_PARTS_MAX {
        refund(&mut bench, paid, Some(1)).expect("a cent");
        bench.settle(paid.0);
    }
    assert_eq!(refund_letters(&bench, paid.0).len(), 6);
}

fn on_the_road(bench: &mut Bench) -> OrderId {
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    bench.pass(30 * DAY);
    id
}

/// So many different reports of one status.
fn reports(bench: &Bench, status: TrackingStatus, count: u64, from_minute: u64) -> Vec<TrackingReport> {
    let at = |minute| bench.now.minus(Duration::from_secs(20 * DAY - (from_minute + minute) * 60));
    (0..count).map(|minute| report(status, at(minute))).collect()
}

fn record(bench: &mut Bench, id: OrderId, reports: &[TrackingReport]) -> Recorded {
    let shipment = bench.shipment(id, 0).id;
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, reports)).expect("never refused")
}

#[test]
fn a_flood_of_reports_hides_neither_where_a_parcel_is_nor_that_it_arrived() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = on_the_road(&mut bench);
    let notices = reports(&bench, TrackingStatus::Unknown, 1_000, 0);
    let recorded = record(&mut bench, id, &notices);
    assert_eq!(recorded, Recorded { new: 499, updated: 0, left_out: 501 });
    let again = record(&mut bench, id, &notices);
    assert_eq!(again, Recorded { new: 0, updated: 0, left_out: 501 });

    let scans = reports(&bench, TrackingStatus::InTransit, 1_000, 0);
    assert_eq!(record(&mut bench, id, &scans).new, 400);
    for minute in 0..200 {
        let status = if minute % 2 == 0 { TrackingStatus::Exception } else { TrackingStatus::InTransit };
        let news = reports(&bench, status, 1, 2_000 + minute);
        record(&mut bench, id, &news);
    }
    assert_eq!(bench.shipment(id, 0).tracking.len(), TRACKING_EVENTS_MAX);

    let collect = reports(&bench, TrackingStatus::AvailableForPickup, 2, 3_000);
    assert_eq!(record(&mut bench, id, &collect), Recorded { new: 1, updated: 0, left_out: 1 });
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::AvailableForPickup);
    let mixed = [notices[999].clone(), reports(&bench, TrackingStatus::Delivered, 1, 4_000).remove(0)];
    assert_eq!(record(&mut bench, id, &mixed), Recorded { new: 1, updated: 0, left_out: 1 });
    assert_eq!(bench.state(id), OrderState::Delivered);
    bench.deliver(id, 0);
    assert_eq!(bench.shipment(id, 0).tracking.len(), TRACKING_EVENTS_MAX + 3);
}

#[test]
fn a_delivery_that_is_confirmed_has_room_on_a_full_shipment() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = on_the_road(&mut bench);
    let scans = reports(&bench, TrackingStatus::InTransit, 1_200, 0);
    record(&mut bench, id, &scans);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
}

#[test]
fn a_courier_that_repeats_a_delay_sends_some_letters_and_the_return_is_told() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = on_the_road(&mut bench);
    for (status, minute) in [(TrackingStatus::Delayed, 0), (TrackingStatus::Exception, 100)] {
        let flood = reports(&bench, status, 50, minute);
        flood.chunks(1).for_each(|one| {
            record(&mut bench, id, one);
        });
    }
    let back = reports(&bench, TrackingStatus::Returned, 3, 200);
    record(&mut bench, id, &back);

    let letters = |kind: MessageKind| bench.order(id).messages.iter().filter(|it| it.kind == kind).count();
    assert_eq!(letters(MessageKind::DeliveryDelayed), 10);
    assert_eq!(letters(MessageKind::DeliveryException), 11);
}

#[test]
fn callers_place_so_many_holds_and_the_order_still_ends() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let hold = |bench: &mut Bench| {
        bench.on(id, |order, unit| order.place_hold(unit, HoldReason::Other, "x".repeat(500)))
    };
    for _ in 0..HOLDS_BY_HAND_MAX {
        let placed = hold(&mut bench).expect("a hold");
        bench.on(id, |order, unit| order.release_hold(unit, placed, "")).expect("released");
    }

    assert_eq!(reason(hold(&mut bench)), Reason::LimitReached);
    bench.pay_cash(id);
    let shipment = bench.shipment(id, 0).clone();
    bench.pick(id, 0);
    bench.check_quality(id, 0, 2);
    assert_eq!(bench.shipment(id, 0).id, shipment.id);
    bench.on(id, |order, unit| order.cancel(unit, "gone")).expect("cancelled");
}

#[test]
fn the_systems_own_holds_have_room_beside_a_hundred_of_callers() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    for _ in 0..HOLDS_BY_HAND_MAX {
        let placed = bench
            .on(id, |order, unit| order.place_hold(unit, HoldReason::Other, String::new()))
            .expect("a hold");
        bench.on(id, |order, unit| order.release_hold(unit, placed, "")).expect("released");
    }
    bench.pick(id, 0);
    bench.check_quality(id, 0, 1);
    let last = bench.order(id).holds.last().expect("a hold").clone();
    assert_eq!(
        (last.reason, bench.order(id).holds.len()),
        (HoldReason::QualityFailure, HOLDS_BY_HAND_MAX + 1)
    );
}

#[test]
fn an_order_that_never_passes_is_corrected_for_a_while_and_can_be_cancelled() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.customer.email = "not an address".to_owned();
    let id = bench.placed(&new);
    let mut refused = None;
    for _ in 0..ENTRIES_TO_CORRECT_MAX {
        let correction = Correction::default();
        let corrected = bench.on(id, |order, unit| order.correct(unit, &correction));
        refused = corrected
            .and_then(|()| bench.on(id, |order, unit| order.verify_again(unit, Waive::Nothing)))
            .err();
        if refused.is_some() {
            break;
        }
    }

    assert_eq!(reason::<()>(Err(refused.expect("a bound"))), Reason::LimitReached);
    let entries = i64::try_from(bench.history(id).len()).expect("some");
    assert!(entries < ENTRIES_TO_CORRECT_MAX + 5, "{entries} entries");
    bench.on(id, |order, unit| order.cancel(unit, "given up")).expect("cancelled");
}

/// A text as large as so many characters can be.
fn long(characters: usize) -> String {
    "𝒜".repeat(characters)
}

/// An order with as many parts as the bounds allow, each text at its longest, as no order ever is.
pub(crate) fn largest() -> Order {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let paid = charged(&mut bench);
    refund(&mut bench, paid, Some(1)).expect("a cent");
    bench.settle(paid.0);
    bench.ship(paid.0, 0);
    let placed = bench
        .on(paid.0, |order, unit| order.place_hold(unit, HoldReason::Other, String::new()))
        .expect("a hold");
    bench.on(paid.0, |order, unit| order.release_hold(unit, placed, "")).expect("released");
    bench.deliver(paid.0, 0);
    let mut order = bench.order(paid.0).clone();

    let longest_actor: Actor = "a".repeat(128).parse().expect("an actor");
    let longest_sku: Sku = "S".repeat(64).parse().expect("a SKU");
    let longest_location: LocationCode = "L".repeat(32).parse().expect("a location");
    for address in [&mut order.shipping_address].into_iter().chain(order.billing_address.as_mut()) {
        address.recipient = long(200);
        address.organization = long(200);
        address.lines = vec![long(200); 4];
        address.city = long(200);
        address.area = long(200);
        address.postal_code = long(200);
    }
    order.customer.name = long(200);
    order.customer.email = long(200);
    order.external_reference = long(100);
    order.redemption = Some(Redemption {
        code: long(50).parse().expect("a code"),
        gives: Discount::Amount(i64::MAX),
        minimum_minor: i64::MAX,
        uses_max: Some(i64::MAX),
        customer: Some(RedeemingCustomer { key: long(64), uses_max: i64::MAX }),
        given_back_at: Some(order.created_at),
    });
    order.special_instructions = long(1_000);
    let (at, until) = (Timestamp::MAX, Some(Timestamp::MAX));
    order.legal_hold = Some(LegalHold { reason: long(500), by: longest_actor.clone(), at, until }.into());
    let note = OrderNote { text: long(1_000), by: longest_actor.clone(), at: Timestamp::MAX };
    order.notes = vec![note; NOTES_MAX];
    order.exchange_of = Some(ExchangeOf {
        order: order.id,
        order_number: i64::MAX,
        of_return: order.id.0.into(),
        return_number: i32::MAX,
        depth: 1,
    });
    order.named = Some(NamedCustomer {
        id: order.id.0.into(),
        tax_number: long(30),
        tax_exempt: true,
        payment_terms_days: Some(i64::MAX),
    });
    order.labels = (0..LABELS_MAX).map(|it| (format!("{it:063}"), long(LABEL_VALUE_MAX))).collect();
    order.cancel_reason = long(1_000);
    order.hands = full_hands();
    order.created_by = longest_actor.clone();
    if let Some(feedback) = &mut order.feedback {
        feedback.comment = String::new();
        feedback.reasons = FeedbackReason::ALL.iter().copied().collect();
        let reasons = feedback.reasons.clone();
        let line = |line| LineFeedback { line, rating: 1, reasons: reasons.clone(), comment: long(20) };
        feedback.lines = (1..=100).map(line).collect();
    }
    order.follow_up = Some(FollowUp {
        id: order.messages[0].id.0.into(),
        raised_at: Timestamp::MAX,
        closed: Some(FollowUpEnd { at: Timestamp::MAX, by: longest_actor.clone(), result: long(500) }),
    });
    for check in &mut order.checks {
        check.detail = long(1_000);
    }

    for line in &mut order.lines {
        line.sku = longest_sku.clone();
        line.description = long(200);
        line.tax_category = long(64);
    }
    order.lines = numbered(&order.lines[0], 100, |it, number| it.number = number);
    let found = order.availability.as_mut().expect("it was looked");
    found.lines[0].sku = longest_sku.clone();
    found.lines[0].shortage = long(200);
    found.lines[0].by_location = vec![(longest_location.clone(), i64::MAX); LOCATIONS_NOTED_MAX];
    found.lines = vec![found.lines[0].clone(); 100];
    let promise = order.promise.as_mut().expect("it was looked");
    let leg = &mut promise.legs[0];
    (leg.location, leg.service_name, leg.why) = (longest_location.clone(), long(60), long(WHY_MAX));
    leg.courier = Some("C".repeat(64).parse().expect("a courier"));
    *promise = Promise::new(promise.at, promise.occasion, vec![leg.clone(); TAKES_MAX]);
    let reservation = order.reservations.last_mut().expect("it was reserved");
    reservation.items[0].sku = longest_sku.clone();
    reservation.reallocations = most_reallocations(&longest_location);
    reservation.items[0].location = longest_location;
    reservation.items = vec![reservation.items[0].clone(); TAKES_MAX];

    let (facts, at) = (vec![long(200); 10], Timestamp::MAX);
    order.evidence = vec![
        Evidence {
            provider: long(100),
            rule: Rule::Address,
            finding: Finding::Failed,
            facts: facts.clone(),
            reference: long(100),
            recorded_by: longest_actor.clone(),
            recorded_at: at,
            outdated_at: Some(at),
        };
        EVIDENCE_MAX
    ];
    order.assessments = vec![
        RiskAssessment {
            provider: long(100),
            level: Risk::High,
            facts,
            reference: long(100),
            recorded_by: longest_actor.clone(),
            recorded_at: at,
        };
        EVIDENCE_MAX
    ];

    let hold = &mut order.holds[0];
    (hold.note, hold.release_note) = (long(HOLD_NOTE_MAX), long(500));
    (hold.placed_by, hold.released_by) = (longest_actor.clone(), Some(longest_actor.clone()));
    let by_verification = usize::try_from(ENTRIES_TO_CORRECT_MAX / 3).expect("some");
    order.holds = vec![hold.clone(); HOLDS_BY_HAND_MAX + by_verification + EVIDENCE_MAX];
    for approval in &mut order.approvals {
        (approval.comment, approval.rule) = (long(500), long(500));
        // While it waits it shows who may not decide it.
        approval.state = ApprovalState::Pending;
    }

    let payment = &mut order.payments[0];
    payment.failure = Some(long(FAILURE_MAX));
    payment.means = Means::ByHand { reference: long(100), tendered_minor: Some(i64::MAX) };
    payment.created_by = longest_actor.clone();
    let refund = &mut payment.refunds[0];
    (refund.reason, refund.failure) = (long(500), Some(long(FAILURE_MAX)));
    refund.handed_back = Some(HandedBack { method: Method::BankTransfer, reference: long(100) });
    refund.created_by = longest_actor;
    // What was asked for at the same time may be refused at the same time.
    payment.refunds = vec![refund.clone(); 2 * (REFUND_PARTS_MAX + REFUSED_REFUNDS_MAX)];
    order.payments = vec![payment.clone(); 2 * (PARTS_MAX + TRIES_MAX)];

    let shipment = &mut order.shipments[0];
    shipment.items[0].sku = longest_sku;
    shipment.items[0].description = long(200);
    shipment.items = numbered(&shipment.items[0], 100, |it, number| it.line = number);
    let package = &mut shipment.packages[0];
    package.contents = numbered(&package.contents[0], 20, |it, number| it.line = number);
    shipment.packages = numbered(package, 100, |it, number| it.number = number);
    assert_eq!(shipment.packages.iter().map(|it| it.contents.len()).sum::<usize>(), CONTENTS_MAX);
    let slip = Slip {
        kind: SlipKind::ApprovalExpiring,
        subject: SlipSubject::Shipment(shipment.id),
        about: Timestamp::MAX,
        since: Timestamp::MAX,
    };
    // An estimate, a promise, and a pickup or a scan.
    shipment.slips = vec![slip; 3];
    // And a promise of the order itself.
    order.slips = vec![slip; order.payments.len() + order.approvals.len() + 1];
    order.shipments = vec![shipment.clone(); TAKES_MAX];
    call_off_lines(&mut order);
    bring_all_back(&mut order);
    order
}

/// As many parts of it as may be.
fn call_off_lines(order: &mut Order) {
    let numbers = 1..=100;
    let cancellation = LineCancellation {
        units: numbers.map(|line| CancelledUnits { line, quantity: 1 }).collect(),
        reason: long(200),
        value_minor: i64::MAX,
        refund_minor: i64::MAX,
        credit_notes: vec![order.id.0.into()],
        cancelled_by: order.created_by.clone(),
        cancelled_at: Timestamp::MAX,
    };
    // With some for parcels that are lost later, one by one.
    let often = 2 * LINE_CANCELLATIONS_MAX;
    order.line_cancellations = vec![cancellation; often];
    let often_paid_back = pay_back_lines(order);
    let lines = order.lines.iter().map(|it| InvoiceLine {
        line: it.number,
        sku: it.sku.clone(),
        description: it.description.clone(),
        quantity: 1,
        unit_price_minor: it.unit_price_minor,
        amounts: it.amounts,
    });
    let note = CreditNote {
        id: order.id.0.into(),
        order: order.id,
        invoice: order.invoices[0].id,
        series: "C".repeat(20),
        number: i64::MAX,
        amounts: order.amounts.clone(),
        lines: lines.collect(),
        reason: long(500),
        issued_by: order.created_by.clone(),
        issued_at: Timestamp::MAX,
    };
    order.credit_notes = vec![note; often + often_paid_back];
    // Each change may have added something.
    let supplement = Invoice { supplements: Some(order.invoices[0].id), ..order.invoices[0].clone() };
    order.invoices.extend(vec![supplement; CHANGES_MAX]);
}

/// As often as may be, each time of every payment; returns how often.
fn pay_back_lines(order: &mut Order) -> usize {
    // RefundPayment, and two answers of each return with money, with a code and with other goods.
    let often = LINE_REFUNDS_MAX + 1 + 6 * RETURNS_MAX;
    let refund = LineRefund {
        units: (1..=100).map(|line| RefundedUnits { line, quantity: i64::MAX }).collect(),
        reason: long(500),
        value_minor: i64::MAX / 1_000,
        shipping_minor: i64::MAX / 1_000,
        retained_minor: i64::MAX / 1_000,
        refunds: order.payments.iter().flat_map(|it| &it.refunds).map(|it| it.id).collect(),
        credit_notes: vec![order.id.0.into()],
        of_return: None,
        of_shipment: None,
        refunded_by: order.created_by.clone(),
        refunded_at: Timestamp::MAX,
        exchanged_for: Some(order.id),
    };
    let answer = LineRefund { of_return: Some(order.id.0.into()), ..refund.clone() };
    order.line_refunds = vec![refund; often - 4];
    order.line_refunds.extend(vec![answer; 4]);
    often
}

fn numbered<T: Clone>(one: &T, count: i32, number: impl Fn(&mut T, i32)) -> Vec<T> {
    let numbered = (1..=count).map(|it| {
        let mut one = one.clone();
        number(&mut one, it);
        one
    });
    numbered.collect()
}
