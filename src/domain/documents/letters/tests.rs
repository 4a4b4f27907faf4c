//! Tests of `letters`.

mod changes;
mod golden;
mod invoices;
mod named;
mod services;

use super::*;

use uuid::Uuid;

use crate::domain::documents::letters::links::LinkPattern;
use crate::domain::model::availability::{AvailabilityFound, LineAvailability};
use crate::domain::model::check::{Check, Rule, Verdict};
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::message::MessageState;
use crate::domain::model::method::Method;
use crate::domain::model::order::OrderState;
use crate::domain::model::refund::HandedBack;
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::Actor;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::tests::returns::one_return;
use crate::domain::tests::sample::{self, NOW, days_later, sample};

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
    order.promises_told = vec![days_later(5)];
    order.returns = vec![one_return(&order)];
    order.changes = vec![changes::proposed()];
    order.checks.push(Check {
        rule: Rule::Address,
        verdict: Verdict::Failed,
        detail: "shipping address: the city is missing; shipping address: the postal code is missing"
            .to_owned(),
        faults: Vec::new(),
    });
    order
}

/// The order's invoice over its lines and amounts as they are.
fn invoice_anew(order: &mut Order) {
    order.invoices = vec![sample::invoice(&order.lines, order.amounts.clone())];
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
        failed_at: None,
        resends: 0,
        resent_at: None,
        suppressed: None,
        text_kept: false,
    }
}

/// Blanks that do not break are written as blanks here.
fn said(text: MessageText) -> MessageText {
    let plain = |text: String| text.replace('\u{a0}', " ");
    let MessageText { locale, subject, body, html } = text;
    MessageText { locale, subject: plain(subject), body: plain(body), html: plain(html) }
}

fn falcon() -> CourierNames {
    CourierNames::from([("FALCON".parse().expect("a courier"), "Falcon Air".to_owned())])
}

fn written(kind: MessageKind, order: &Order) -> MessageText {
    let written = Letters::default().text(&message(kind), order, &Rules::default(), &falcon());
    said(written.unwrap_or_else(|why| panic!("{kind}: {why}")))
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
            let body = written(kind, &order).body.replace("until\n", "until ");
            body.lines().find(|it| it.contains(begins)).unwrap_or_else(|| panic!("{body}")).to_owned()
        };
        (line(MessageKind::Shipped, "Expected delivery"), line(MessageKind::InvoiceIssued, "December 2026"))
    };
    let (delivery, held) = both("MY", "");
    assert_eq!(delivery, "- Expected delivery: Saturday, 5 December 2026");
    assert!(held.contains("5 December 2026, 01:30 UTC+8"), "{held}");
    let (delivery, held) = both("US", "CA");
    assert_eq!(delivery, "- Expected delivery: Friday, 4 December 2026");
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
        allocation: None,
        passed_over: Vec::new(),
        created_by: Actor::system(),
        created_at: NOW,
        taken_over_by: None,
        taken_over_from: None,
        confirmed_at: None,
        created_through: None,
        reallocations: Vec::new(),
    }
}

fn refused(message: &Message, order: &Order) -> String {
    Letters::default().text(message, order, &Rules::default(), &CourierNames::new()).expect_err("a refusal")
}

/// Wherever lines end: all words of a part are there, one after the other.
fn has(kind: MessageKind, order: &Order, parts: &[&str]) {
    let MessageText { subject, body, .. } = written(kind, order);
    let words = joined(&body);
    for part in parts {
        assert!(words.contains(&joined(part)), "{part:?} is missing in {kind}:\n{subject}\n{body}");
    }
}

#[test]
fn every_message_reads_well() {
    let all = MessageKind::ALL.iter().map(|it| (*it, order()));
    let of_services = services::KINDS.iter().map(|it| (*it, services::order_of_services()));
    for (kind, order) in all.chain(of_services) {
        let MessageText { locale, subject, body, html } = written(kind, &order);
        let shown = format!("{kind}:\n{subject}\n\n{body}");
        assert_eq!(locale, "en");
        assert!(subject.contains("100042") && !subject.contains('\n'), "{shown}");
        assert!(body.starts_with("Dear Ada Byron,\n\n"), "{shown}");
        assert!(body.ends_with("\n\nKind regards\nYour order team\n"), "{shown}");
        assert!(body.contains("100042"), "{shown}");
        for flaw in ["none", "undefined", "{{", "{%", "\n\n\n", " \n", " ,", " .", "..", "internal", "_"] {
            assert!(!body.contains(flaw), "{flaw:?} in {shown}");
        }
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
        assert!(html.contains("<p>Dear Ada Byron,</p>") && html.ends_with("</html>\n"), "{html}");
        assert!(!html.contains("src=") && !html.contains("{{"), "{html}");
    }
}

#[test]
fn a_bill_lists_lines_and_sums() {
    let bill = "Item             Amount
-----------------------
2 × Mug, blue    €25.00
1 × Pen           €3.00
Shipping          €4.90
Total            €32.90
Includes tax of   €5.25
";
    let body = written(MessageKind::OrderReceived, &order()).body;
    assert!(body.contains(bill), "{body}");
    has(MessageKind::OrderReceived, &order(), &["We plan to deliver it by Saturday, 7 March 2026."]);
    assert!(body.contains("Delivery address:\n\n") && body.contains("\n10115 Berlin\n"), "{body}");
    let mut with_discount = order();
    with_discount.amounts.prices_include_tax = false;
    with_discount.amounts.discount_minor = 500;
    invoice_anew(&mut with_discount);
    has(MessageKind::InvoiceIssued, &with_discount, &["invoice INV-000007", "Discount -€5.00", "Tax €5.25"]);
}

#[test]
fn an_invoice_has_a_row_for_each_rate_and_the_rows_sum_to_the_tax() {
    has(MessageKind::InvoiceIssued, &order(), &["19% €27.65 €5.25"]);
    // Books at 7 %, and shipping at a rate that no line has.
    let mut mixed = order();
    mixed.lines[1].amounts.tax_rate_ppm = 70_000;
    mixed.lines[1].amounts.tax_minor = 20;
    mixed.amounts.shipping_tax_minor = 41;
    mixed.amounts.shipping_tax_rate_ppm = 90_000;
    mixed.amounts.tax_minor = 399 + 20 + 41;
    invoice_anew(&mut mixed);
    has(
        MessageKind::InvoiceIssued,
        &mixed,
        &["19% €21.01 €3.99 9% €4.49 €0.41 7% €2.80 €0.20", "Includes tax of €4.60"],
    );
}

#[test]
fn a_letter_is_written_in_the_language_of_the_customer_or_of_the_shop() {
    let mut order = order();
    let letters = |language| Letters::new(language, Links::default(), &BTreeMap::new()).expect("templates");
    for (locale, shop, language) in [
        ("de-AT", Language::English, "de"),
        ("ru-RU", Language::English, "ru"),
        ("en-US", Language::German, "en"),
        ("fr-FR", Language::German, "de"),
        ("", Language::Russian, "ru"),
        ("ms-MY", Language::English, "en"),
    ] {
        order.customer.locale = locale.to_owned();
        let message = message(MessageKind::Shipped);
        let text = letters(shop).text(&message, &order, &Rules::default(), &falcon()).expect("written");
        assert_eq!(text.locale, language, "{locale}");
        let begins = match language {
            "de" => "Guten Tag Ada Byron,\n",
            "ru" => "Здравствуйте, Ada Byron!\n",
            _ => "Dear Ada Byron,\n",
        };
        assert!(text.body.starts_with(begins), "{}", text.body);
        assert!(text.html.contains(&format!("<html lang=\"{language}\">")), "{}", text.html);
    }
}

#[test]
fn links_lead_to_the_shop_s_pages_if_the_settings_name_them() {
    let pattern = |it: &str| Some(it.parse::<LinkPattern>().expect("a pattern"));
    let links = Links {
        tracking: pattern("https://shop.example/track/{order_number}?p={tracking_number}"),
        feedback: pattern("https://shop.example/feedback/{order_number}"),
        review: pattern("https://shop.example/review"),
    };
    let letters = Letters::new(Language::English, links, &BTreeMap::new()).expect("templates");
    let text = |kind| letters.text(&message(kind), &order(), &Rules::default(), &falcon()).expect("written");
    let shipped = text(MessageKind::Shipped);
    let url = "https://shop.example/track/100042?p=CNK3F07XQ2M91TX";
    assert!(shipped.body.contains(&format!("- Track your parcel: {url}\n")), "{}", shipped.body);
    assert!(shipped.html.contains(&format!("<a href=\"{url}\">Track your parcel</a>")), "{}", shipped.html);
    let delivered = text(MessageKind::DeliveryConfirmed).body;
    assert!(delivered.contains("Rate your order: https://shop.example/feedback/100042\n"), "{delivered}");
    assert!(delivered.contains("Write a review: https://shop.example/review\n"), "{delivered}");
    for kind in [MessageKind::Shipped, MessageKind::DeliveryConfirmed] {
        let without = written(kind, &order());
        assert!(!without.body.contains("http") && !without.html.contains("href"), "{}", without.body);
    }
}

#[test]
fn templates_of_the_shop_s_own_replace_single_files() {
    let own = |files: &[(&str, &str)]| {
        let own = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Letters::new(Language::English, Links::default(), &own)
    };
    let letters =
        own(&[("en/shipped.md", "# Gone: {{ number }}\n\nIt left with {{ courier or \"us\" }}.\n")]);
    let letters = letters.expect("templates");
    let text = letters
        .text(&message(MessageKind::Shipped), &order(), &Rules::default(), &falcon())
        .expect("written");
    assert_eq!(text.subject, "Gone: 100042");
    assert_eq!(text.body, "Dear Ada Byron,\n\nIt left with Falcon Air.\n\nKind regards\nYour order team\n");

    let faults = |files: &[(&str, &str)]| own(files).err().unwrap_or_default();
    assert_eq!(
        faults(&[("fr/shipped.md", "# A\n\nB"), ("en/shiped.md", "# A\n\nB")]),
        [
            "en/shiped.md: no letter is written from a file of this name",
            "fr/shipped.md: no letter is written from a file of this name"
        ]
    );
    for (name, text, words) in [
        ("de/shipped.md", "# A {{ number }}\n\nB {{ trackingnumber }}\n", "de/shipped.md, line 3: "),
        (
            "de/shipped.md",
            "# A\n\n{{ courier }}",
            "de/shipped.md, line 3: this may be missing: ask for it with if",
        ),
        ("ru/bill.md", "{% for line in lines %}", "ru/bill.md, line 1: "),
        (
            "ru/shipped.md",
            "# A\n\n{{ packages | plural(\"x\", \"y\") }}",
            "ru/shipped.md, line 3: plural takes 3 forms here, not 2",
        ),
        ("en/shipped.md", "No subject", "en/shipped.md: the first line has to be the subject, behind a #"),
        ("en/shipped.md", "# A\n\n<b>B</b>", "en/shipped.md: a letter has no HTML of its own: <b>"),
        ("layout.html", "<p>{{ contents }}</p>", "layout.html, line 1: "),
    ] {
        let faults = faults(&[(name, text)]);
        assert!(!faults.is_empty() && faults.iter().all(|it| it.starts_with(words)), "{words}: {faults:?}");
    }
}

#[test]
fn a_shipped_order_names_number_courier_and_day() {
    has(
        MessageKind::Shipped,
        &order(),
        &[
            "- 2 × Mug, blue",
            "Tracking number: CNK3F07XQ2M91TX",
            "- Carried by: Falcon Air",
            "- Expected delivery: Friday, 6 March 2026",
            "It travels in 2 packages.",
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
            "We are sorry: your parcel from order 100042 is expected later than we told you.\n",
            "- New expected delivery: Wednesday, 11 March 2026\n- Previous date: Saturday, 7 March 2026\n",
            "- Carried by: Falcon Air\n",
        ],
    );
    let mut sooner = order();
    sooner.shipments[0].told = vec![NOW];
    has(MessageKind::EstimateMoved, &sooner, &["Good news", "New expected delivery: Monday, 2 March 2026\n"]);
    // Each letter names its own dates, whatever was told after it.
    sooner.shipments[0].told.push(sooner.created_at);
    has(MessageKind::EstimateMoved, &sooner, &["Previous date: Saturday, 7 March 2026\n"]);
    let third = Message { sequence: 3, ..message(MessageKind::EstimateMoved) };
    assert_eq!(refused(&third, &sooner), "the shipment has no such date");
}

#[test]
fn a_date_that_was_missed_is_named_with_the_next_one_if_there_is_one() {
    has(MessageKind::PromiseMissed, &order(), &["should have been with you by Wednesday, 11 March 2026,"]);
    assert!(!written(MessageKind::PromiseMissed, &order()).body.contains("Expected delivery now"));
    let mut late = order();
    late.shipments[0].told = vec![NOW];
    has(MessageKind::PromiseMissed, &late, &["- Expected delivery now: Friday, 6 March 2026\n"]);
}

#[test]
fn a_date_that_was_missed_before_anything_left_is_the_one_of_the_order() {
    let mut order = order();
    order.shipments.clear();
    order.promised_by = None;
    let letter = Message { shipment: None, ..message(MessageKind::PromiseMissed) };
    let text = Letters::default().text(&letter, &order, &Rules::default(), &falcon());
    let body = joined(&said(text.expect("it can be written")).body);
    let told = format!("your order {} should have been with you by Saturday, 7 March 2026,", order.number);
    assert!(body.contains(&told) && body.contains("it has not left us yet"), "{body}");
    assert!(!body.contains("Tracking number") && !body.contains("Expected delivery now"), "{body}");
    let second = Message { sequence: 2, ..letter };
    assert_eq!(refused(&second, &order), "the order has no such date");
}

#[test]
fn news_of_the_journey_carry_what_the_courier_said() {
    has(
        MessageKind::DeliveryDelayed,
        &order(),
        &[
            "The courier says: “the storm keeps the aircraft on the ground” (Leipzig hub).",
            "New expected delivery: Friday, 6 March 2026",
            "CNK3F07XQ2M91TX",
        ],
    );
    let mut lost = order();
    lost.shipments[0].tracking[0].status = TrackingStatus::Lost;
    has(
        MessageKind::DeliveryException,
        &lost,
        &["We are sorry: the courier cannot find your parcel from order 100042."],
    );
    has(MessageKind::ReadyForPickup, &order(), &["waiting for you here: Leipzig hub."]);
    has(
        MessageKind::LocationChanged,
        &order(),
        &["Your parcel from order 100042 has reached Leipzig hub.", "Expected delivery: ", "CNK3F07XQ2M91TX"],
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
            "from 1 (bad) to 5 (good) by Friday, 20 March 2026.",
            "You get 5% off your next purchase, whether or not you answer. The code is NEXT-ABCD-1234-EFGH, valid until 6 March 2027.",
            "write a product review",
        ],
    );
    let mut without = order();
    without.feedback.as_mut().expect("asked for").discount_ppm = 0;
    assert!(!written(MessageKind::DeliveryConfirmed, &without).body.contains("next purchase"));
}

#[test]
fn a_hold_has_one_point_per_rule_in_a_customer_s_words_and_nothing_of_a_suspicion() {
    let body = written(MessageKind::OnHold, &order()).body;
    assert_eq!(body.matches("\n- ").count(), 1, "{body}");
    has(
        MessageKind::OnHold,
        &order(),
        &["- Your address: something is missing, or the postal code does not match"],
    );
    let mut suspected = order();
    suspected.holds[0].reason = HoldReason::HighRiskOfFraud;
    let body = joined(&written(MessageKind::OnHold, &suspected).body);
    assert!(
        !body.contains("raud") && !body.contains("city") && body.contains("do not need to do anything"),
        "{body}"
    );
}

#[test]
fn every_hold_has_a_reason_of_its_own_in_its_letter() {
    let mut order = order();
    let first = order.holds[0].clone();
    order.holds = HoldReason::ALL.iter().map(|it| Hold { reason: *it, ..first.clone() }).collect();
    let nth = |sequence| {
        let message = Message { sequence, ..message(MessageKind::OnHold) };
        Letters::default().text(&message, &order, &Rules::default(), &falcon()).expect("written").body
    };
    let bodies: Vec<String> =
        (1..=order.holds.len()).map(|it| nth(i64::try_from(it).expect("few"))).collect();
    for (index, reason) in HoldReason::ALL.iter().enumerate() {
        let same = bodies.iter().filter(|it| **it == bodies[index]).count();
        assert_eq!(same, 1, "{reason}");
    }
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
            expected: None,
        }],
        earliest_ship_at: None,
        requested_date_feasible: None,
    });
    let body = written(MessageKind::AwaitingStock, &waiting).body;
    assert!(body.contains("- 1 × Pen\n") && !body.contains("Mug"), "{body}");
    assert!(body.contains("We do not know yet when the goods will arrive."), "{body}");
    has(MessageKind::AwaitingStock, &order(), &["- 2 × Mug, blue\n"]);
    let line = &mut waiting.availability.as_mut().expect("looked at").lines[0];
    line.delivery_at = Some(NOW);
    has(MessageKind::AwaitingStock, &waiting, &["we can deliver your order by Monday, 2 March 2026."]);
}

#[test]
fn what_is_left_to_pay_stands_below_the_bill_and_not_in_it() {
    let mut unpaid = order();
    unpaid.state = OrderState::Invoiced;
    unpaid.invoices[0].state = crate::domain::model::invoice::InvoiceState::Open;
    unpaid.payments.clear();
    let body = written(MessageKind::OrderLinesCancelled, &unpaid).body;
    assert!(body.contains("\n\nStill to pay: €"), "{body}");
}

#[test]
fn a_refund_is_the_one_the_message_tells_of() {
    has(MessageKind::RefundIssued, &order(), &["We have refunded €3.00"]);
    let second = Message { sequence: 2, ..message(MessageKind::RefundIssued) };
    assert_eq!(refused(&second, &order()), "the order has no such refund");
}

#[test]
fn a_refund_says_which_way_it_goes() {
    has(MessageKind::RefundIssued, &order(), &["It goes back to your original payment method."]);
    let mut handed = order();
    handed.payments[0].refunds[0].handed_back =
        Some(HandedBack { method: Method::BankTransfer, reference: "RF18".to_owned() });
    has(MessageKind::RefundIssued, &handed, &["We have sent it by bank transfer."]);
    assert!(!written(MessageKind::RefundIssued, &handed).body.contains("original payment method"));
}

#[test]
fn money_is_promised_back_only_if_some_is_left_to_give_back() {
    has(MessageKind::OrderCancelled, &order(), &["We will refund what you paid"]);
    let mut unpaid = order();
    unpaid.payments.clear();
    assert!(!written(MessageKind::OrderCancelled, &unpaid).body.contains("paid"));
    has(MessageKind::OrderExpired, &unpaid, &["There is nothing to pay."]);
}

#[test]
fn what_a_message_cannot_do_without_is_named() {
    let refused = |kind, order: &Order| refused(&message(kind), order);
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
fn nothing_is_sent_to_an_address_that_does_not_pass_verification() {
    let mut order = order();
    let text = written(MessageKind::OrderReceived, &order);
    for (email, phone) in [
        ("", ""),
        (" ", "+4930901820"),
        ("", "victim@example.org"),
        ("a@example.com (x, victim@example.org)", "+4930901820"),
    ] {
        order.customer.email = email.to_owned();
        order.customer.phone = phone.to_owned();
        let refused = Letter::to(&order, &text);
        assert!(matches!(refused, Err(Unsent::Suppressed(_))), "{email}, {phone}: {refused:?}");
    }
}
