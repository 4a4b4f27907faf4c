//! Step 6: the invoice is issued, and settled when it is paid.

use std::time::Duration;

use crate::domain::model::address::Address;
use crate::domain::model::customer::Customer;
use crate::domain::model::day::Day;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::{Buyer, Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::InvoiceId;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Step 6: the lines as priced at receipt, without what was cancelled since, under the next number of the series.
    pub(in crate::domain) fn issue_invoice(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let id: InvoiceId = unit.ids.fresh();
        self.invoices.push(Invoice {
            id,
            order: self.id,
            series: unit.rules.invoice_series.clone(),
            number: 0,
            state: InvoiceState::Open,
            amounts: self.amounts.clone(),
            lines: self.lines.iter().filter(|it| it.is_wanted()).map(InvoiceLine::of).collect(),
            issued_at: unit.now,
            settled_at: None,
            seller: unit.rules.seller,
            due_at: self.due_at_latest(unit),
            buyer: None,
            supplements: None,
            change: None,
        });
        let total = self.amounts.currency.of(self.total_minor());
        let step = opened(id.0, InvoiceState::Open);
        self.record_automatic(
            unit,
            EventKind::InvoiceIssued,
            Some(step),
            format!("invoice {id} over {total}"),
        );
        self.notify(unit, MessageKind::InvoiceIssued, None, self.nth_invoice());
        self.transition_automatic(
            unit,
            OrderState::Invoiced,
            EventKind::InvoiceIssued,
            format!("{total} to be paid"),
        )?;
        self.pay_by_credit(unit)
    }

    /// The end of the terms of payment, but not after the goods are sold to others; without terms, until then. None: at once,
    /// since there are neither.
    pub(super) fn due_at_latest(&self, unit: &UnitOfWork) -> Option<Timestamp> {
        let of_customer = self.named.as_ref().and_then(|it| it.payment_terms_days);
        let of_customer = of_customer.and_then(|it| u32::try_from(it).ok());
        let days = Some(of_customer.unwrap_or(unit.rules.payment_terms_days)).filter(|it| *it > 0);
        let ends = days.map(|it| unit.now.plus(Duration::from_secs(u64::from(it) * 86_400)));
        let kept_until = match self.is_open_to_supplements() {
            true => Some(unit.now.plus(self.reservation_lifetime(unit.rules))),
            false => self.current_reservation().and_then(|it| it.expires_at),
        };
        ends.into_iter().chain(kept_until).min()
    }

    /// The last day on which an invoice is to be paid, on the calendar where its goods were to go; None: at once. Its paper and
    /// its letter name this one.
    pub(in crate::domain) fn pay_by(&self, invoice: &Invoice) -> Option<Day> {
        let zone = TimeZone::of_address(self.invoiced_shipping_address(invoice));
        let clock = zone.unwrap_or_else(TimeZone::utc).clock();
        invoice.due_at.map(|it| clock.day_of(it))
    }

    /// Invoices go on naming those whom they were issued to: called before the order's customer or an address changes.
    pub(in crate::domain) fn keep_buyers(&mut self) {
        if self.invoices.iter().all(|it| it.buyer.is_some()) {
            return;
        }
        let buyer = Box::new(Buyer {
            customer: self.customer.clone(),
            billing_address: self.billing_address.clone(),
            shipping_address: self.shipping_address.clone(),
        });
        for invoice in self.invoices.iter_mut().filter(|it| it.buyer.is_none()) {
            invoice.buyer = Some(buyer.clone());
        }
    }

    /// Who one of its invoices was issued to.
    pub fn invoiced_customer<'a>(&'a self, invoice: &'a Invoice) -> &'a Customer {
        invoice.buyer.as_ref().map_or(&self.customer, |it| &it.customer)
    }

    /// Where the goods were to go when the invoice was issued.
    pub fn invoiced_shipping_address<'a>(&'a self, invoice: &'a Invoice) -> &'a Address {
        invoice.buyer.as_ref().map_or(&self.shipping_address, |it| &it.shipping_address)
    }

    /// Where the invoice went: to the same, if the customer named no other address.
    pub fn invoiced_billing_address<'a>(&'a self, invoice: &'a Invoice) -> &'a Address {
        let own = match &invoice.buyer {
            Some(it) => it.billing_address.as_ref(),
            None => self.billing_address.as_ref(),
        };
        own.unwrap_or_else(|| self.invoiced_shipping_address(invoice))
    }

    /// Where the invoice that counts stands among its invoices.
    pub fn main_invoice_index(&self) -> Result<usize, Refusal> {
        let message = || format!("the order is {} and has no invoice", self.state);
        let last = self.invoices.iter().rposition(|it| it.supplements.is_none());
        last.ok_or_else(|| self.unmet(Reason::IllegalTransition, message()))
    }

    /// The invoice that a letter with this sequence is about.
    pub fn nth_invoice_told(&self, sequence: i64) -> Option<&Invoice> {
        let index = usize::try_from(sequence.max(1) - 1).ok()?;
        self.invoices.get(index)
    }

    /// The invoices that a letter about a payment is about: those since the letter before it.
    pub fn invoices_paid(&self, message: &Message) -> &[Invoice] {
        let index = |it: i64| usize::try_from(it.max(1)).unwrap_or(usize::MAX).min(self.invoices.len());
        let letters = self.messages.iter().filter(|it| it.kind == MessageKind::PaymentReceived);
        let before = letters.map(|it| it.sequence).filter(|it| *it < message.sequence).max();
        self.invoices.get(before.map_or(0, index)..index(message.sequence)).unwrap_or_default()
    }

    /// What tells the letters about a later invoice from those about the first, which is 0.
    pub(super) fn nth_invoice(&self) -> i64 {
        match self.invoices.len() {
            0 | 1 => 0,
            nth => i64::try_from(nth).unwrap_or(i64::MAX),
        }
    }

    /// Step 7's end: captured is what is due.
    pub(in crate::domain) fn settle_invoice(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.due_minor() > 0 {
            return Ok(());
        }
        self.mark_open_invoices_paid(unit)?;
        self.confirm_reservation(unit)?;
        let total = self.amounts.currency.of(self.captured_minor());
        if total.minor > 0 {
            self.notify(unit, MessageKind::PaymentReceived, None, self.nth_invoice());
        }
        self.transition_automatic(
            unit,
            OrderState::PaymentCaptured,
            EventKind::OrderPaid,
            format!("{total} captured"),
        )
    }
}
