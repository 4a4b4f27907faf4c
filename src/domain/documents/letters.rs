//! Letters to the customer, from the templates in `letters/`.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::domain::documents::address::written;
use crate::domain::model::check::{Check, Rule, Verdict};
use crate::domain::model::courier::CourierNames;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::message::{Message, MessageKind, Unsent};
use crate::domain::model::method::Method;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::refund::RefundState;
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::{Clock, TimeZone};
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};

/// A message ready to be sent, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// A [`super::Recipient`] in writing: the customer's e-mail address, or the phone number if there is no other.
    pub to: String,
    /// One line.
    pub subject: String,
    pub body: String,
}

/// Writes a message out, or says what it cannot be written without.
pub fn letter(
    message: &Message,
    order: &Order,
    rules: &Rules,
    couriers: &CourierNames,
) -> Result<Letter, Unsent> {
    let to = order.recipient().map_err(Unsent::Suppressed)?.to_string();
    let (subject, body) = text(message, order, rules, couriers).map_err(Unsent::Later)?;
    Ok(Letter { to, subject, body })
}

fn text(
    message: &Message,
    order: &Order,
    rules: &Rules,
    couriers: &CourierNames,
) -> Result<(String, String), String> {
    let mut facts = facts(message, order, rules)?;
    facts.courier = facts.courier.map(|code| {
        let named = couriers.iter().find(|it| it.0.as_str() == code);
        named.and_then(|it| plain(it.1)).unwrap_or(code)
    });
    let template = TEMPLATES.get_template(message.kind.as_str()).map_err(|it| it.to_string())?;
    let text = template.render(Serde(&facts)).map_err(|it| format!("{it:#}"))?;

    let (subject, body) = text.split_once('\n').ok_or_else(|| "the template has no body".to_owned())?;
    Ok((subject.trim().to_owned(), body.trim_start_matches('\n').to_owned()))
}

/// The first line of a template is the subject. A value that a template names and no caller gives is an error, never a
/// gap in a sentence.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters, with blocks on lines of their own"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for kind in MessageKind::ALL {
        environment.add_template(kind.as_str(), source(*kind)).expect("a test renders every template");
    }
    environment
});

fn source(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::OrderReceived => include_str!("letters/order_received.txt"),
        MessageKind::OnHold => include_str!("letters/on_hold.txt"),
        MessageKind::AwaitingStock => include_str!("letters/awaiting_stock.txt"),
        MessageKind::InvoiceIssued => include_str!("letters/invoice_issued.txt"),
        MessageKind::PaymentReceived => include_str!("letters/payment_received.txt"),
        MessageKind::Shipped => include_str!("letters/shipped.txt"),
        MessageKind::OutForDelivery => include_str!("letters/out_for_delivery.txt"),
        MessageKind::DeliveryDelayed => include_str!("letters/delivery_delayed.txt"),
        MessageKind::DeliveryException => include_str!("letters/delivery_exception.txt"),
        MessageKind::DeliveryAttempted => include_str!("letters/delivery_attempted.txt"),
        MessageKind::ReadyForPickup => include_str!("letters/ready_for_pickup.txt"),
        MessageKind::DeliveryConfirmed => include_str!("letters/delivery_confirmed.txt"),
        MessageKind::OrderCancelled => include_str!("letters/order_cancelled.txt"),
        MessageKind::OrderExpired => include_str!("letters/order_expired.txt"),
        MessageKind::OrderRejected => include_str!("letters/order_rejected.txt"),
        MessageKind::RefundIssued => include_str!("letters/refund_issued.txt"),
        MessageKind::LocationChanged => include_str!("letters/location_changed.txt"),
        MessageKind::DeliveryRearranged => include_str!("letters/delivery_rearranged.txt"),
        MessageKind::EstimateMoved => include_str!("letters/estimate_moved.txt"),
        MessageKind::PromiseMissed => include_str!("letters/promise_missed.txt"),
    }
}

/// Everything a template may name. What can be missing is asked for with `if` there.
#[derive(Debug, Default, Serialize)]
struct Facts {
    greeting: String,
    farewell: String,
    number: i64,
    bill: String,
    /// What is not there yet.
    goods: String,
    invoice: Option<String>,
    held_until: Option<String>,
    paid: Option<String>,
    owed_back: bool,
    refund: Option<String>,
    /// How a person gave it back, if not the way the payment came.
    refund_way: Option<&'static str>,
    hold: Option<&'static str>,
    problems: Vec<String>,
    /// What the customer is asked to do about a hold.
    wish: Option<&'static str>,
    shipment_number: i32,
    shipment_count: usize,
    contents: String,
    /// The courier's own where it gave some, one after the other.
    tracking_number: Option<String>,
    courier: Option<String>,
    /// Where a parcel goes instead.
    address: Option<String>,
    delivery_date: Option<String>,
    /// The date that the customer was told before.
    told_date: Option<String>,
    /// Whether delivery is expected before it.
    sooner: bool,
    location: Option<String>,
    description: Option<String>,
    trouble: Option<&'static str>,
    feedback_until: Option<String>,
    discount: Option<String>,
    discount_code: Option<String>,
}

fn facts(message: &Message, order: &Order, rules: &Rules) -> Result<Facts, String> {
    let clock = clock_of(order);
    let mut facts = common(order, rules);
    match message.kind {
        MessageKind::OrderReceived => facts.delivery_date = order.promised_by.map(|it| date(&clock, it)),
        MessageKind::OnHold => add_hold(&mut facts, order)?,
        MessageKind::InvoiceIssued => {
            facts.invoice = Some(last_invoice(order).ok_or("the order has no numbered invoice")?);
            let held_until = order.reservations.last().and_then(|it| it.expires_at);
            facts.held_until = held_until.map(|it| date_and_time(&clock, it));
        }
        MessageKind::PaymentReceived => {
            facts.paid.as_ref().ok_or("nothing has been paid")?;
            facts.invoice = last_invoice(order);
        }
        MessageKind::Shipped => {
            let shipment = shipment_of(message, order)?;
            facts.delivery_date = expected(shipment).map(|it| date(&clock, it));
            add_shipment(&mut facts, order, shipment);
            facts.tracking_number.as_ref().ok_or("the shipment has no tracking number")?;
        }
        MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryException
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup => {
            let shipment = shipment_of(message, order)?;
            add_shipment(&mut facts, order, shipment);
            add_event(&mut facts, event_of(message, shipment)?, &clock);
        }
        MessageKind::LocationChanged => {
            let shipment = shipment_of(message, order)?;
            add_shipment(&mut facts, order, shipment);
            add_event(&mut facts, event_of(message, shipment)?, &clock);
            facts.location.as_ref().ok_or("the tracking event names no place")?;
            facts.delivery_date = expected(shipment).map(|it| date(&clock, it));
        }
        MessageKind::DeliveryRearranged => {
            let shipment = shipment_of(message, order)?;
            add_shipment(&mut facts, order, shipment);
            let lines = shipment.new_address().map(|it| written(it, order));
            let indented = |it: &String| plain(it).map(|it| format!("  {it}"));
            facts.address = lines.map(|it| it.iter().filter_map(indented).collect::<Vec<_>>().join("\n"));
        }
        MessageKind::EstimateMoved => add_estimate(&mut facts, message, order, &clock)?,
        MessageKind::PromiseMissed => add_missed(&mut facts, message, order, &clock)?,
        MessageKind::DeliveryConfirmed => add_feedback(&mut facts, order, rules),
        MessageKind::RefundIssued => add_refund(&mut facts, message, order)?,
        MessageKind::AwaitingStock
        | MessageKind::OrderCancelled
        | MessageKind::OrderExpired
        | MessageKind::OrderRejected => {}
    }
    Ok(facts)
}

fn common(order: &Order, rules: &Rules) -> Facts {
    let currency = order.amounts.currency;
    let captured = order.payments.iter().map(|it| it.captured_minor).fold(0, i64::saturating_add);
    let refunds = order.payments.iter().flat_map(|it| &it.refunds);
    let given_back = refunds
        .filter(|it| it.state == RefundState::Succeeded)
        .map(|it| it.amount.minor)
        .fold(0, i64::saturating_add);
    let name = plain(&order.customer.name);
    Facts {
        greeting: name.map_or_else(|| "Hello,".to_owned(), |it| format!("Dear {it},")),
        farewell: format!(
            "Kind regards\n{}",
            plain(&rules.company_name).unwrap_or_else(|| "Your order team".to_owned())
        ),
        number: order.number,
        bill: bill(order),
        goods: goods(order),
        paid: (captured > 0).then(|| currency.of(captured).to_string()),
        owed_back: captured > given_back,
        ..Facts::default()
    }
}

/// The lines and sums of an order, so that they add up: subtotal − discount + shipping (+ tax) = total.
fn bill(order: &Order) -> String {
    let amounts = &order.amounts;
    let money = |minor| amounts.currency.of(minor).to_string();
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in &order.lines {
        rows.push((
            what(line.quantity, &line.description, line.sku.as_str()),
            money(line.amounts.gross_minor),
        ));
    }
    if amounts.discount_minor > 0 {
        rows.push(("Discount".to_owned(), money(amounts.discount_minor.saturating_neg())));
    }
    rows.push(("Shipping".to_owned(), money(amounts.shipping_minor)));
    if !amounts.prices_include_tax {
        rows.push(("Tax".to_owned(), money(amounts.tax_minor)));
    }
    rows.push(("Total".to_owned(), money(amounts.total_minor)));
    if amounts.prices_include_tax {
        rows.push(("of this, tax".to_owned(), money(amounts.tax_minor)));
    }

    let width =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|it| it.chars().count()).max().unwrap_or(0);
    let left = width(&mut rows.iter().map(|it| &it.0)).min(60);
    let right = width(&mut rows.iter().map(|it| &it.1));
    let row = |(text, sum): &(String, String)| format!("  {text:<left$}  {sum:>right$}");
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// Missing units as of the last check; all of them if that is not known.
fn goods(order: &Order) -> String {
    let is_short = |line: i32| {
        let found = order.availability.as_ref();
        found.is_some_and(|it| it.lines.iter().any(|it| it.line == line && !it.shortage.is_empty()))
    };
    let short: Vec<_> = order.lines.iter().filter(|it| is_short(it.number)).collect();
    let listed = if short.is_empty() { order.lines.iter().collect() } else { short };
    let row = |it: &&OrderLine| format!("  {}", what(it.quantity, &it.description, it.sku.as_str()));
    listed.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn what(quantity: i64, description: &str, sku: &str) -> String {
    format!("{quantity} x {}", plain(description).unwrap_or_else(|| sku.to_owned()))
}

fn last_invoice(order: &Order) -> Option<String> {
    let invoice = order.invoices.last()?;
    (invoice.number > 0).then(|| invoice.full_number())
}

/// The refunds in this message: from the n-th successful one up to the one where the next message begins; all of them
/// if the message names none.
fn add_refund(facts: &mut Facts, message: &Message, order: &Order) -> Result<(), String> {
    let all = order.payments.iter().flat_map(|it| &it.refunds);
    let mut done: Vec<_> = all.filter(|it| it.state == RefundState::Succeeded).collect();
    done.sort_by_key(|it| (it.updated_at, it.id));
    let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
    let told = match nth {
        Some(nth) => {
            let letters = order.messages.iter().filter(|it| it.kind == MessageKind::RefundIssued);
            let next = letters.map(|it| it.sequence).filter(|it| *it > message.sequence).min();
            let end = next.and_then(|it| usize::try_from(it - 1).ok()).unwrap_or(done.len());
            let told = done.get(nth..end).filter(|it| !it.is_empty());
            told.ok_or("the order has no such refund")?.to_vec()
        }
        None if done.is_empty() => return Err("nothing has been paid back".to_owned()),
        None => done,
    };
    let minor = told.iter().map(|it| it.amount.minor).fold(0, i64::saturating_add);
    facts.refund = Some(order.amounts.currency.of(minor).to_string());
    let way = told.last().and_then(|it| it.handed_by());
    facts.refund_way = match way {
        _ if told.iter().any(|it| it.handed_by() != way) => Some("in several ways"),
        None => None,
        Some(Method::Cash) => Some("in cash"),
        Some(Method::BankTransfer | Method::Card | Method::Paypal) => Some("by bank transfer"),
    };
    Ok(())
}

fn add_hold(facts: &mut Facts, order: &Order) -> Result<(), String> {
    let active = order.holds.iter().rev().find(|it| it.state == HoldState::Active);
    let hold = active.or(order.holds.last()).ok_or("the order has no hold")?;
    let nothing = "You need not do anything.";
    let (why, wish) = match hold.reason {
        HoldReason::VerificationFailed => {
            ("we could not confirm all of its details", "Please get in touch, and name the order's number.")
        }
        HoldReason::IncorrectAddress => {
            ("we could not use the address", "Please send us the right one, and name the order's number.")
        }
        HoldReason::CustomerRequest => ("you asked us to wait", "Tell us when to go on."),
        HoldReason::UnknownDeliveryDate => ("we do not know yet when we can deliver it", nothing),
        HoldReason::QualityFailure => ("something did not pass our quality check", nothing),
        // The customer is not told about a suspicion of fraud.
        HoldReason::HighRiskOfFraud | HoldReason::Compliance | HoldReason::Other => {
            ("we have to look at it once more", nothing)
        }
    };
    facts.hold = Some(why);
    facts.wish = Some(wish);
    match hold.reason {
        HoldReason::VerificationFailed | HoldReason::IncorrectAddress => {
            facts.problems = order.checks.iter().filter_map(told_of_check).collect();
        }
        HoldReason::CustomerRequest
        | HoldReason::UnknownDeliveryDate
        | HoldReason::QualityFailure
        | HoldReason::HighRiskOfFraud
        | HoldReason::Compliance
        | HoldReason::Other => {}
    }
    Ok(())
}

/// What the customer can correct: one point per rule.
fn told_of_check(check: &Check) -> Option<String> {
    match check.verdict {
        Verdict::Passed | Verdict::Warned | Verdict::Attested => return None,
        Verdict::Failed => {}
    }
    match check.rule {
        Rule::Contact | Rule::ContactDetails | Rule::Address | Rule::AddressDetails => {
            Some(check.detail.clone())
        }
        Rule::RegionServed => Some("we do not deliver to this country yet".to_owned()),
        Rule::DuplicateOrder => {
            Some("we received the same order shortly before; please tell us whether you want both".to_owned())
        }
        Rule::BlockedCustomer => None,
    }
}

fn shipment_of<'a>(message: &Message, order: &'a Order) -> Result<&'a Shipment, String> {
    let id = message.shipment.ok_or("the message names no shipment")?;
    order.shipments.iter().find(|it| it.id == id).ok_or_else(|| format!("the order has no shipment {id}"))
}

fn event_of<'a>(message: &Message, shipment: &'a Shipment) -> Result<&'a TrackingEvent, String> {
    let found = shipment.tracking.iter().find(|it| it.sequence == message.sequence);
    found.ok_or_else(|| format!("the shipment has no tracking event {}", message.sequence))
}

/// The nth new date, and the one before it.
fn add_estimate(facts: &mut Facts, message: &Message, order: &Order, clock: &Clock) -> Result<(), String> {
    let shipment = shipment_of(message, order)?;
    let nth = usize::try_from(message.sequence).map_err(|_| "the message tells of no date")?;
    let estimate = order.delivery_told(shipment, nth).ok_or("the shipment has no such date")?;
    let told = nth.checked_sub(1).and_then(|it| order.delivery_told(shipment, it));
    add_shipment(facts, order, shipment);
    facts.delivery_date = Some(date(clock, estimate));
    facts.told_date = told.map(|it| date(clock, it));
    facts.sooner = told.is_some_and(|it| estimate < it);
    Ok(())
}

fn add_missed(facts: &mut Facts, message: &Message, order: &Order, clock: &Clock) -> Result<(), String> {
    let shipment = shipment_of(message, order)?;
    let nth = usize::try_from(message.sequence).map_err(|_| "the message tells of no date")?;
    let told = order.delivery_told(shipment, nth).ok_or("the shipment has no such date")?;
    add_shipment(facts, order, shipment);
    facts.told_date = Some(date(clock, told));
    facts.delivery_date = shipment.estimated_at.filter(|it| *it > told).map(|it| date(clock, it));
    Ok(())
}

fn expected(shipment: &Shipment) -> Option<Timestamp> {
    let by_rate_card = shipment.assignment.as_ref().map(|it| it.delivery_at);
    shipment.estimated_at.or(by_rate_card).or(shipment.promised_by)
}

fn add_shipment(facts: &mut Facts, order: &Order, shipment: &Shipment) {
    let items = shipment.items.iter();
    let rows = items.map(|it| format!("  {}", what(it.quantity, &it.description, it.sku.as_str())));
    facts.contents = rows.collect::<Vec<_>>().join("\n");
    facts.shipment_number = shipment.number;
    facts.shipment_count = order.shipments.len();
    let numbers = shipment.courier_numbers().join(", ");
    facts.tracking_number = (!numbers.is_empty()).then_some(numbers);
    facts.courier = shipment.assignment.as_ref().map(|it| it.courier.to_string());
}

fn add_event(facts: &mut Facts, event: &TrackingEvent, clock: &Clock) {
    facts.location = plain(&event.location);
    facts.description = plain(event.description.trim_end_matches(['.', ' ']));
    // Only a date that comes with the news: an older one may be what the news is about.
    facts.delivery_date = event.estimated_at.map(|it| date(clock, it));
    facts.trouble = Some(match event.status {
        TrackingStatus::CustomsHold => "customs are holding your parcel",
        TrackingStatus::Returning => "your parcel is on its way back to us",
        // Told only of what was delivered to us.
        TrackingStatus::Returned | TrackingStatus::Delivered => "your parcel has come back to us",
        TrackingStatus::Lost => "the courier cannot find your parcel",
        TrackingStatus::InfoReceived
        | TrackingStatus::PickedUp
        | TrackingStatus::InTransit
        | TrackingStatus::Delayed
        | TrackingStatus::OutForDelivery
        | TrackingStatus::DeliveryAttempted
        | TrackingStatus::AvailableForPickup
        | TrackingStatus::Exception
        | TrackingStatus::Unknown => "there is a problem with your parcel",
    });
}

/// The discount is given with the question, never for an answer.
fn add_feedback(facts: &mut Facts, order: &Order, rules: &Rules) {
    let window = std::time::Duration::from_secs(rules.close_after_seconds);
    facts.feedback_until = order.delivered_at.map(|it| date(&clock_of(order), it.plus(window)));
    if let Some(feedback) = &order.feedback
        && feedback.discount_ppm > 0
        && !feedback.discount_code.is_empty()
    {
        facts.discount = Some(percent(feedback.discount_ppm));
        facts.discount_code = Some(feedback.discount_code.clone());
    }
}

/// 50 000 ppm is 5 %, 12 500 ppm is 1.25 %.
fn percent(ppm: u32) -> String {
    let digits = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// One line without control characters, if there is anything in it.
fn plain(text: &str) -> Option<String> {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The clock on the customer's wall: where the goods go to.
fn clock_of(order: &Order) -> Clock {
    TimeZone::of_address(&order.shipping_address).unwrap_or_else(TimeZone::utc).clock()
}

/// The day on that clock: "Friday, 6 March 2026".
fn date(clock: &Clock, at: Timestamp) -> String {
    clock.day_of(at).words()
}

/// "2 March 2026, 11:30 CET", or "2 March 2026, 18:30 UTC+08" where the zone has no name.
fn date_and_time(clock: &Clock, at: Timestamp) -> String {
    let (day, minutes) = (clock.day_of(at).words(), clock.minutes_of(at));
    let day = day.split_once(", ").map_or(day.as_str(), |it| it.1);
    let zone = clock.abbreviation(at);
    let utc = if zone.starts_with(['+', '-']) { "UTC" } else { "" };
    format!("{day}, {:02}:{:02} {utc}{zone}", minutes / 60, minutes % 60)
}
