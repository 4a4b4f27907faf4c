//! Letters to the customer: written in a language of the customer's, from the templates in `templates/letters/`.
//!
//! | file | what it does |
//! |---|---|
//! | `countries` | their names |
//! | `facts` | what a letter tells, in the words and numbers of one language |
//! | `language` | plural forms, the words of the calendar |
//! | `links` | addresses of the shop's pages |
//! | `locale` | how a language, and a region that speaks it, writes dates, times and money |
//! | `files`, `templates`, `samples` | the templates, and facts that they are tried with |
//! | `markup` | the small part of Markdown that letters are written in, as text and as HTML |

pub(in crate::domain::documents) mod countries;
mod facts;
mod files;
pub(in crate::domain) mod language;
pub(in crate::domain) mod links;
pub(in crate::domain::documents) mod locale;
mod markup;
mod samples;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::documents::letters::facts::Source;
use crate::domain::documents::letters::language::Language;
use crate::domain::documents::letters::links::Links;
use crate::domain::documents::letters::locale::Locale;
use crate::domain::documents::letters::templates::{Rendered, Templates};
use crate::domain::model::courier::CourierNames;
use crate::domain::model::message::{Message, MessageKind, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::recipient::BareAddress;
use crate::domain::model::shipment::Shipment;

/// A message ready to be sent: the same words as plain text and as an HTML page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The customer's e-mail address.
    pub to: BareAddress,
    /// One line.
    pub subject: String,
    pub body: String,
    /// A whole page without anything from elsewhere. Empty: there is none.
    pub html: String,
}

impl Letter {
    /// A letter to the order's customer that says this.
    pub fn to(order: &Order, text: &MessageText) -> Result<Self, Unsent> {
        let to = order.recipient().map_err(Unsent::Suppressed)?;
        let MessageText { locale: _, subject, body, html } = text.clone();
        Ok(Self { to, subject, body, html })
    }
}

/// Writes letters.
#[derive(Debug)]
pub struct Letters {
    templates: Templates,
    links: Links,
    /// For customers whose own language letters are not written in.
    language: Language,
}

impl Letters {
    /// With files of the shop's own in place of those that are compiled in, by name: `de/shipped.md`. Names every file
    /// that cannot be used.
    pub fn new(
        language: Language,
        links: Links,
        templates: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<String>> {
        Ok(Self { templates: Templates::new(templates)?, links, language })
    }

    /// What a message says to the order's customer, or what it cannot be written without.
    pub fn text(
        &self,
        message: &Message,
        order: &Order,
        rules: &Rules,
        couriers: &CourierNames,
    ) -> Result<MessageText, String> {
        self.text_in(&order.customer.locale, message, order, rules, couriers)
    }

    /// The same in the language of this locale: `de-AT` is German as Austria writes it. A language that letters are not written in gives way
    /// to the shop's.
    pub fn text_in(
        &self,
        locale: &str,
        message: &Message,
        order: &Order,
        rules: &Rules,
        couriers: &CourierNames,
    ) -> Result<MessageText, String> {
        let locale = Locale::of(locale).unwrap_or_else(|| self.language.into());
        let language = locale.language;
        let source = Source { order, rules, couriers, links: &self.links, locale };
        let facts = source.facts(message)?;
        let Rendered { subject, text, html } = self.templates.render(language, message.kind, &facts)?;
        Ok(MessageText { locale: language.to_string(), subject, body: text, html })
    }
}

impl Default for Letters {
    fn default() -> Self {
        let templates = Templates::new(&BTreeMap::new()).expect("a test renders every template");
        Self { templates, links: Links::default(), language: Language::English }
    }
}

/// The message of this kind that is to be shown: the last one that the order has, or one as it would be queued now, about
/// the last shipment.
pub fn message_to_preview(order: &Order, kind: MessageKind) -> Message {
    if let Some(last) = order.messages.iter().rfind(|it| it.kind == kind) {
        return last.clone();
    }
    let shipment = order.live_shipments().last();
    let of_event = |it: &Shipment| it.tracking.iter().map(|it| it.sequence).max().unwrap_or(0);
    let of_date = |it: &Shipment| i64::try_from(it.told.len()).unwrap_or(0);
    let of_promise = || i64::try_from(order.promises_told.len()).unwrap_or(0);
    let sequence = match kind {
        MessageKind::EstimateMoved => shipment.map_or(0, of_date),
        MessageKind::PromiseMissed => shipment.map_or_else(of_promise, of_date),
        MessageKind::PromiseChanged => of_promise(),
        MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryException
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup
        | MessageKind::LocationChanged => shipment.map_or(0, of_event),
        MessageKind::OrderReceived
        | MessageKind::OrderUpdated
        | MessageKind::OnHold
        | MessageKind::HoldReleased
        | MessageKind::AwaitingStock
        | MessageKind::InvoiceIssued
        | MessageKind::PaymentReceived
        | MessageKind::Shipped
        | MessageKind::DeliveryConfirmed
        | MessageKind::FeedbackRequested
        | MessageKind::DeliveryRearranged
        | MessageKind::OrderLinesCancelled
        | MessageKind::OrderCancelled
        | MessageKind::OrderExpired
        | MessageKind::OrderRejected
        | MessageKind::RefundIssued => 0,
    };
    Message::unqueued(kind, shipment.map(|it| it.id), sequence, order.updated_at)
}
