//! What letters tell: the facts of an order, in the words and numbers of one language.

mod changed;
mod money;
mod returned;

use serde::Serialize;

use crate::domain::billing::tax_rows;
use crate::domain::documents::address::written;
use crate::domain::documents::letters::countries::in_language;
use crate::domain::documents::letters::links::Links;
use crate::domain::documents::letters::locale::Locale;
use crate::domain::documents::text::line;
use crate::domain::model::address::Address;
use crate::domain::model::amounts::Amounts;
use crate::domain::model::check::{Check, Rule, Verdict};
use crate::domain::model::courier::CourierNames;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::{Clock, TimeZone};
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};

/// Everything a template may name. What can be missing is asked for with `if` there: without a value it is an error,
/// never a gap in a sentence.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Facts {
    /// The customer's.
    pub name: Option<String>,
    /// Who writes.
    pub company: Option<String>,
    pub number: i64,
    /// Whether nothing of the order is ever sent.
    pub only_services: bool,
    /// Services that are not done yet.
    pub services_to_come: Vec<Item>,

    pub lines: Vec<Item>,
    pub discount: Option<String>,
    /// None: nothing is sent, and nothing is charged for it.
    pub shipping: Option<String>,
    /// The tax, where prices are without it.
    pub tax: Option<String>,
    /// The tax in the total, where prices are with it.
    pub tax_included: Option<String>,
    pub total: String,
    /// One row per rate; they add up to the tax.
    pub taxes: Vec<TaxRow>,
    /// What of the total store credit pays.
    pub by_credit: Option<String>,
    /// What of the total goods pay that came back.
    pub by_exchange: Option<String>,
    /// The order whose goods came back, if this one was made in exchange.
    pub exchange_of: Option<i64>,
    pub invoice: Option<String>,
    /// Whether the invoice is only for what a change added.
    pub of_change: bool,
    /// Whether the invoice goes with the letter as a file.
    pub invoice_attached: bool,
    pub held_until: Option<String>,
    pub paid: Option<String>,
    pub owed_back: bool,
    pub refund: Option<String>,
    /// How a person gave it back, if not the way the payment came.
    pub refund_way: Option<RefundWay>,

    /// Why the order has to wait.
    pub hold: Option<HoldReason>,
    pub problems: ToCorrect,
    /// What is not there yet.
    pub goods: Vec<Item>,
    /// Whether the others go now, and only these wait.
    pub rest_waits: bool,
    /// When it is called off if it has not come by then.
    pub waits_until: Option<String>,
    /// What was cancelled, and what it cost.
    pub cancelled: Vec<Item>,
    pub cancelled_value: Option<String>,
    pub credit_note: Option<String>,
    /// What credit notes have taken off the invoice, what was paid before it pays for, and what is still to be paid.
    pub credited: Option<String>,
    pub covered: Option<String>,
    pub due: Option<String>,
    /// The last day for it; None: at once. And the reference for a transfer.
    pub pay_by: Option<String>,
    pub payment_reference: Option<String>,

    /// Zero: it is about none.
    pub shipment_number: usize,
    pub shipment_count: usize,
    pub packages: usize,
    pub contents: Vec<Item>,
    /// The courier's own where it gave some, one after the other.
    pub tracking_number: Option<String>,
    pub courier: Option<String>,
    /// Where the goods go to, line by line.
    pub address: Vec<String>,
    pub delivery_date: Option<String>,
    /// The date that the customer was told before.
    pub told_date: Option<String>,
    /// Whether delivery is expected before it.
    pub sooner: bool,
    pub location: Option<String>,
    pub description: Option<String>,
    pub trouble: Option<Trouble>,

    /// Whether the customer wants to be asked.
    pub asks_for_feedback: bool,
    pub feedback_until: Option<String>,
    pub discount_offer: Option<String>,
    pub discount_code: Option<String>,
    pub discount_until: Option<String>,

    pub returned: Option<Returned>,
    pub change: Option<Change>,

    pub tracking_url: Option<String>,
    pub feedback_url: Option<String>,
    pub review_url: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Item {
    pub quantity: i64,
    pub name: String,
    /// Before discounts.
    pub amount: String,
}

/// A change that is proposed, and what follows from it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Change {
    pub added: Vec<Item>,
    /// Lines of which fewer units stay, with those that there were.
    pub fewer: Vec<Fewer>,
    pub removed: Vec<Item>,
    pub instructions: Option<String>,
    /// Whether there are none any more.
    pub without_instructions: bool,
    /// Where the goods would go to, line by line.
    pub address: Vec<String>,
    /// The word of the shipping service that they would go by.
    pub service: Option<String>,
    /// Whether there would be a discount, or another one.
    pub discount: bool,
    pub without_discount: bool,
    pub total: String,
    /// None: it stays as it is.
    pub total_before: Option<String>,
    pub to_pay: Option<String>,
    pub paid_back: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Fewer {
    pub quantity: i64,
    pub before: i64,
    pub name: String,
}

/// A return, and what the customer gets for it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Returned {
    /// As it stands on its papers: `100042-R1`.
    pub number: String,
    pub goods: Vec<Item>,
    /// Until when it has to arrive.
    pub awaited_until: Option<String>,
    /// Why it was declined.
    pub reason: Option<String>,
    pub refund: Option<String>,
    pub credit: Option<String>,
    /// The codes, which are as good as money: the customer gets them, and the API shows their ends where it shows the letter.
    pub codes: Option<String>,
    /// What was kept for putting it back on the shelf.
    pub fee: Option<String>,
    pub exchanged: Vec<Item>,
    pub repaired: Vec<Item>,
    pub rejected: Vec<Item>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TaxRow {
    pub rate: String,
    /// What is taxed, without the tax.
    pub base: String,
    pub tax: String,
}

/// What the customer can put right, a point for each rule that failed.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ToCorrect {
    pub any: bool,
    pub contact: bool,
    pub address: bool,
    pub region: bool,
    pub duplicate: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RefundWay {
    Cash,
    Transfer,
    /// On the store credit that paid.
    Credit,
    Several,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Trouble {
    Customs,
    Returning,
    Returned,
    Lost,
    Other,
}

/// Where facts come from, and how they are said.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub order: &'a Order,
    pub rules: &'a Rules,
    pub couriers: &'a CourierNames,
    pub links: &'a Links,
    pub locale: Locale,
}

impl Source<'_> {
    /// The facts of a message, or what it cannot be written without.
    pub(super) fn facts(&self, message: &Message) -> Result<Facts, String> {
        let mut facts = self.common();
        match message.kind {
            MessageKind::OrderReceived | MessageKind::OrderUpdated => {
                facts.delivery_date = self.order.promised_by.map(|it| self.date(it));
                facts.address = self.address(&self.order.shipping_address);
            }
            MessageKind::OnHold => self.add_hold(&mut facts, message)?,
            MessageKind::AwaitingStock => self.add_awaited(&mut facts),
            MessageKind::InvoiceIssued => self.add_invoice(&mut facts, message)?,
            MessageKind::PaymentReceived => self.add_payment(&mut facts, message)?,
            MessageKind::Shipped => {
                let shipment = self.add_shipment(&mut facts, message)?;
                facts.delivery_date = expected(shipment).map(|it| self.date(it));
                facts.tracking_number.as_ref().ok_or("the shipment has no tracking number")?;
            }
            MessageKind::OutForDelivery
            | MessageKind::DeliveryDelayed
            | MessageKind::DeliveryException
            | MessageKind::DeliveryAttempted
            | MessageKind::ReadyForPickup => {
                let shipment = self.add_shipment(&mut facts, message)?;
                self.add_event(&mut facts, event_of(message, shipment)?);
            }
            MessageKind::LocationChanged => {
                let shipment = self.add_shipment(&mut facts, message)?;
                self.add_event(&mut facts, event_of(message, shipment)?);
                facts.location.as_ref().ok_or("the tracking event names no place")?;
                facts.delivery_date = expected(shipment).map(|it| self.date(it));
            }
            MessageKind::DeliveryRearranged => {
                let shipment = self.add_shipment(&mut facts, message)?;
                facts.address = shipment.new_address().map(|it| self.address(it)).unwrap_or_default();
            }
            MessageKind::PromiseChanged => self.add_promise(&mut facts, message)?,
            MessageKind::EstimateMoved => self.add_estimate(&mut facts, message)?,
            MessageKind::PromiseMissed => self.add_missed(&mut facts, message)?,
            MessageKind::DeliveryConfirmed => self.add_feedback(&mut facts),
            MessageKind::FeedbackRequested => self.add_question(&mut facts),
            MessageKind::RefundIssued => self.add_refund(&mut facts, message)?,
            MessageKind::OrderLinesCancelled => self.add_cancelled(&mut facts, message)?,
            MessageKind::ChangeProposed => self.add_change(&mut facts, message)?,
            MessageKind::ReturnAuthorized
            | MessageKind::ReturnDeclined
            | MessageKind::ReturnReceived
            | MessageKind::ReturnResolved => self.add_return(&mut facts, message)?,
            MessageKind::HoldReleased
            | MessageKind::OrderCancelled
            | MessageKind::OrderExpired
            | MessageKind::OrderRejected => {}
        }
        Ok(facts)
    }

    fn common(&self) -> Facts {
        let order = self.order;
        let captured = order.payments.iter().map(|it| it.captured_minor).fold(0, i64::saturating_add);
        let given_back = done_refunds(order).map(|it| it.amount.minor).fold(0, i64::saturating_add);
        let line = |it: &OrderLine| Item {
            amount: self.money(it.remaining_amounts().gross_minor),
            ..self.item(it.sold_quantity(), &it.description, it.sku.as_str())
        };
        let mut facts = Facts {
            name: plain(&order.customer.name),
            company: plain(&self.rules.company_name),
            number: order.number,
            only_services: order.has_only_services(),
            services_to_come: self.items(order.open_services()),
            lines: order.lines.iter().filter(|it| it.sold_quantity() > 0).map(line).collect(),
            paid: (captured > 0).then(|| self.money(captured)),
            owed_back: captured > given_back,
            ..Facts::default()
        };
        self.set_sums(&mut facts, &order.amounts, order.tax_rows());
        facts.exchange_of = order.exchange_of.as_ref().map(|it| it.order_number);
        self.set_paid_otherwise(&mut facts, order.credit_held_minor());
        facts
    }

    /// What lines come to.
    fn set_sums(&self, facts: &mut Facts, amounts: &Amounts, rows: Vec<tax_rows::TaxRow>) {
        let discount = amounts.discount_minor;
        facts.discount = (discount > 0).then(|| self.money(discount.saturating_neg()));
        facts.shipping = (amounts.shipping_minor > 0 || !self.order.has_only_services())
            .then(|| self.money(amounts.shipping_minor));
        facts.tax = (!amounts.prices_include_tax).then(|| self.money(amounts.tax_minor));
        facts.tax_included =
            (amounts.prices_include_tax && amounts.tax_minor != 0).then(|| self.money(amounts.tax_minor));
        facts.total = self.money(amounts.total_minor);
        facts.taxes = self.taxes(rows);
    }

    /// One row per rate, the highest first, shipping with the others of its rate.
    fn taxes(&self, rows: Vec<tax_rows::TaxRow>) -> Vec<TaxRow> {
        let row = |it: tax_rows::TaxRow| TaxRow {
            rate: self.locale.percent(it.rate_ppm),
            base: self.money(it.base_minor),
            tax: self.money(it.tax_minor),
        };
        tax_rows::by_rate(rows).into_iter().map(row).collect()
    }

    /// The nth hold; of a message that names none the active one, or the last.
    fn add_hold(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let holds = &self.order.holds;
        let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
        let active = || holds.iter().rfind(|it| it.state == HoldState::Active).or(holds.last());
        let hold: Option<&Hold> = nth.map_or_else(active, |it| holds.get(it));
        let reason = hold.ok_or("the order has no hold")?.reason;
        facts.problems = to_correct(self.order);
        // Who cannot put anything right is not asked to: a blocked customer is told nothing of the block.
        facts.hold = Some(match reason {
            HoldReason::VerificationFailed if !facts.problems.any => HoldReason::Other,
            HoldReason::VerificationFailed
            | HoldReason::IncorrectAddress
            | HoldReason::HighRiskOfFraud
            | HoldReason::Compliance
            | HoldReason::UnknownDeliveryDate
            | HoldReason::QualityFailure
            | HoldReason::InventoryOutOfStock
            | HoldReason::CustomerRequest
            | HoldReason::Other => reason,
        });
        Ok(())
    }

    /// Missing units as of the last check, all of them if that is not known; and when the order could be there, if that
    /// is known of every line.
    fn add_awaited(&self, facts: &mut Facts) {
        let order = self.order;
        let found = order.availability.as_ref();
        facts.waits_until = order.wait_ends().map(|it| self.locale.moment(&self.clock(), it));
        if order.waits_for_rest() {
            facts.rest_waits = true;
            let item = |(it, units): (&OrderLine, i64)| self.item(units, &it.description, it.sku.as_str());
            facts.goods = order.awaited_units().map(item).collect();
            facts.delivery_date = order.rest_expected_at().map(|it| self.date(it));
            return;
        }
        let is_short = |line: i32| found.is_some_and(|it| it.is_short_of(line));
        let is_any_short = order.lines.iter().any(|it| is_short(it.number));
        facts.goods = self.items(order.wanted_goods().filter(|it| !is_any_short || is_short(it.number)));
        let expected: Option<Vec<Timestamp>> =
            found.and_then(|it| it.lines.iter().map(|line| line.delivery_at).collect());
        let last = expected.and_then(|it| it.into_iter().max());
        facts.delivery_date = last.map(|it| self.date(it));
    }

    fn add_shipment(&self, facts: &mut Facts, message: &Message) -> Result<&Shipment, String> {
        let shipment = self.shipment_of(message)?;
        let items = shipment.items.iter();
        facts.contents = items.map(|it| self.item(it.quantity, &it.description, it.sku.as_str())).collect();
        // Of the parts that come: the numbers of cancelled shipments are not used again.
        let before = self.order.live_shipments().take_while(|it| it.id != shipment.id).count();
        facts.shipment_number = before + 1;
        // The rest comes in a part of its own.
        facts.shipment_count = self.order.live_shipments().count() + usize::from(self.order.waits_for_rest());
        facts.packages = shipment.packages.len();
        let numbers = shipment.courier_numbers().join(", ");
        facts.tracking_number = (!numbers.is_empty()).then_some(numbers);
        facts.courier = shipment.assignment.as_ref().map(|it| {
            let named = self.couriers.get(&it.courier).and_then(|name| plain(name));
            named.unwrap_or_else(|| it.courier.to_string())
        });
        facts.tracking_url = self.links.tracking(self.order, shipment);
        Ok(shipment)
    }

    fn add_event(&self, facts: &mut Facts, event: &TrackingEvent) {
        facts.location = plain(&event.location);
        facts.description = plain(event.description.trim_end_matches(['.', ' ']));
        // Only a date that comes with the news: an older one may be what the news is about.
        facts.delivery_date = event.estimated_at.map(|it| self.date(it));
        facts.trouble = Some(match event.status {
            TrackingStatus::CustomsHold => Trouble::Customs,
            TrackingStatus::Returning => Trouble::Returning,
            // Told only of what was delivered to us.
            TrackingStatus::Returned | TrackingStatus::Delivered => Trouble::Returned,
            TrackingStatus::Lost => Trouble::Lost,
            TrackingStatus::InfoReceived
            | TrackingStatus::PickedUp
            | TrackingStatus::InTransit
            | TrackingStatus::Delayed
            | TrackingStatus::OutForDelivery
            | TrackingStatus::DeliveryAttempted
            | TrackingStatus::AvailableForPickup
            | TrackingStatus::Exception
            | TrackingStatus::Unknown => Trouble::Other,
        });
    }

    /// The nth new promise of the order, and the one before it, if the customer has read any.
    fn add_promise(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let nth = usize::try_from(message.sequence).map_err(|_| "the message tells of no date")?;
        let promise = self.order.nth_promise_told(nth).ok_or("the order has no such date")?;
        let before = nth.checked_sub(1).filter(|it| self.order.promise_read(*it).is_some());
        let told = before.and_then(|it| self.order.nth_promise_told(it));
        self.add_dates(facts, promise, told);
        Ok(())
    }

    /// The nth new date of the shipment, and the one before it.
    fn add_estimate(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let shipment = self.add_shipment(facts, message)?;
        let nth = usize::try_from(message.sequence).map_err(|_| "the message tells of no date")?;
        let estimate = self.order.delivery_told(shipment, nth).ok_or("the shipment has no such date")?;
        let told = nth.checked_sub(1).and_then(|it| self.order.delivery_told(shipment, it));
        self.add_dates(facts, estimate, told);
        Ok(())
    }

    fn add_dates(&self, facts: &mut Facts, expected: Timestamp, told: Option<Timestamp>) {
        facts.delivery_date = Some(self.date(expected));
        facts.told_date = told.map(|it| self.date(it));
        facts.sooner = told.is_some_and(|it| expected < it);
    }

    /// The date that is over: of a shipment, or of an order that has none.
    fn add_missed(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let nth = usize::try_from(message.sequence).map_err(|_| "the message tells of no date")?;
        if message.shipment.is_none() {
            let told = self.order.nth_promise_told(nth).ok_or("the order has no such date")?;
            facts.told_date = Some(self.date(told));
            facts.delivery_date = self.order.promised_by.filter(|it| *it > told).map(|it| self.date(it));
            return Ok(());
        }
        let shipment = self.add_shipment(facts, message)?;
        let told = self.order.delivery_told(shipment, nth).ok_or("the shipment has no such date")?;
        facts.told_date = Some(self.date(told));
        facts.delivery_date = shipment.estimated_at.filter(|it| *it > told).map(|it| self.date(it));
        Ok(())
    }

    /// Until when and where the customer can answer; nothing if they do not want to be asked.
    fn add_question(&self, facts: &mut Facts) {
        let window = std::time::Duration::from_secs(self.rules.close_after_seconds);
        let feedback = self.order.feedback.as_ref();
        facts.asks_for_feedback = feedback.is_none_or(|it| it.state != FeedbackState::OptedOut);
        if !facts.asks_for_feedback {
            return;
        }
        let again = feedback.and_then(|it| it.asked_again_at);
        let asked_at = again.max(self.order.delivered_at);
        facts.feedback_until = asked_at.map(|it| self.date(it.plus(window)));
        facts.feedback_url = self.links.feedback(self.order);
    }

    /// The discount is given with the question, never for an answer.
    fn add_feedback(&self, facts: &mut Facts) {
        self.add_question(facts);
        facts.review_url = self.links.review(self.order);
        if let Some(feedback) = &self.order.feedback
            && feedback.discount_ppm > 0
            && !feedback.discount_code.is_empty()
        {
            facts.discount_offer = Some(self.locale.percent(feedback.discount_ppm));
            facts.discount_code = Some(feedback.discount_code.clone());
            let until = feedback.discount_until.map(|it| self.clock().day_of(it));
            facts.discount_until = until.map(|it| self.locale.date(it));
        }
    }

    fn shipment_of(&self, message: &Message) -> Result<&Shipment, String> {
        let id = message.shipment.ok_or("the message names no shipment")?;
        let found = self.order.shipments.iter().find(|it| it.id == id);
        found.ok_or_else(|| format!("the order has no shipment {id}"))
    }

    fn items<'l>(&self, lines: impl Iterator<Item = &'l OrderLine>) -> Vec<Item> {
        lines.map(|it| self.item(it.remaining_quantity(), &it.description, it.sku.as_str())).collect()
    }

    fn item(&self, quantity: i64, description: &str, sku: &str) -> Item {
        let name = plain(description).unwrap_or_else(|| sku.to_owned());
        Item { quantity, name, amount: String::new() }
    }

    /// As it stands on the label, with the country in the customer's language.
    fn address(&self, address: &Address) -> Vec<String> {
        in_language(written(address, self.order), self.locale.language, &address.country)
    }

    fn money(&self, minor: i64) -> String {
        self.locale.money(self.order.amounts.currency.of(minor))
    }

    /// The clock on the customer's wall: where the goods go to.
    fn clock(&self) -> Clock {
        TimeZone::of_address(&self.order.shipping_address).unwrap_or_else(TimeZone::utc).clock()
    }

    fn date(&self, at: Timestamp) -> String {
        self.locale.day(self.clock().day_of(at))
    }
}

fn done_refunds(order: &Order) -> impl Iterator<Item = &Refund> {
    let all = order.payments.iter().flat_map(|it| &it.refunds);
    all.filter(|it| it.state == RefundState::Succeeded)
}

fn to_correct(order: &Order) -> ToCorrect {
    let mut problems = ToCorrect::default();
    // What a service finds wrong of an order that was verified stops it with a warning.
    let is_wrong = |it: &&Check| match it.verdict {
        Verdict::Failed => true,
        Verdict::Warned => order.is_said_to_be_wrong(it.rule),
        Verdict::Passed | Verdict::Attested => false,
    };
    for check in order.checks.iter().filter(is_wrong) {
        match check.rule {
            Rule::Contact | Rule::ContactDetails => problems.contact = true,
            Rule::Address | Rule::AddressDetails => problems.address = true,
            Rule::RegionServed => problems.region = true,
            Rule::DuplicateOrder => problems.duplicate = true,
            // Nothing that the customer could put right.
            Rule::BlockedCustomer => continue,
        }
        problems.any = true;
    }
    problems
}

fn event_of<'a>(message: &Message, shipment: &'a Shipment) -> Result<&'a TrackingEvent, String> {
    let found = shipment.tracking.iter().find(|it| it.sequence == message.sequence);
    found.ok_or_else(|| format!("the shipment has no tracking event {}", message.sequence))
}

fn expected(shipment: &Shipment) -> Option<Timestamp> {
    let by_rate_card = shipment.assignment.as_ref().map(|it| it.delivery_at);
    shipment.estimated_at.or(by_rate_card).or(shipment.promised_by)
}

/// One line without control characters, if there is anything in it.
fn plain(text: &str) -> Option<String> {
    Some(line(text)).filter(|it| !it.is_empty())
}
