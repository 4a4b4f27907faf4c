//! What letters tell of money: invoices, how they are paid beside money, what is still due, what came in and went back.

use crate::domain::documents::letters::facts::{Facts, Item, RefundWay, Source};
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::invoice::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::method::Method;
use crate::domain::model::order::OrderState;
use crate::domain::model::refund::Refund;

impl Source<'_> {
    /// The invoice that the message is about: what it says, as its paper does; what was cancelled since is beside it.
    pub(super) fn add_invoice(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let told = order.nth_invoice_told(message.sequence).or_else(|| order.main_invoice());
        let invoice = told.filter(|it| it.number > 0).ok_or("the order has no numbered invoice")?;
        facts.invoice = Some(invoice.full_number());
        facts.pay_by = order.pay_by(invoice).map(|it| self.locale.date(it));
        let checked = invoice.creditor_reference();
        facts.payment_reference = Some(checked.unwrap_or_else(|| invoice.full_number()));
        facts.of_change = invoice.supplements.is_some();
        let line = |it: &InvoiceLine| Item {
            amount: self.money(it.amounts.gross_minor),
            ..self.item(it.quantity, &it.description, it.sku.as_str())
        };
        facts.lines = invoice.lines.iter().map(line).collect();
        self.set_sums(facts, &invoice.amounts, order.tax_rows_of(invoice));
        if facts.of_change && invoice.amounts.shipping_minor == 0 {
            facts.shipping = None;
        }
        self.set_paid_otherwise(facts, order.paid_by_credit(invoice));
        self.set_due(facts, invoice);
        // Of another seller than today's it is not known here whether it is complete.
        let seller = invoice.seller;
        facts.invoice_attached = self.rules.sends_invoices && seller.is_some() && seller == self.rules.seller;
        // What a change added is kept with what was sold before.
        let reservation = order.reservations.last().filter(|_| invoice.supplements.is_none());
        let held_until = reservation.and_then(|it| it.expires_at);
        facts.held_until = held_until.map(|it| self.locale.moment(&self.clock(), it));
        // Who waited for stock is told the date now; anybody else was told it at the receipt.
        let has_waited = order.messages.iter().any(|it| it.kind == MessageKind::AwaitingStock);
        let is_news = has_waited && invoice.supplements.is_none() && !order.waits_for_rest();
        facts.delivery_date = order.promised_by.filter(|_| is_news).map(|it| self.date(it));
        Ok(())
    }

    /// What of an invoice is still to be paid, while it is waited for, and what is not to be paid any more.
    fn set_due(&self, facts: &mut Facts, invoice: &Invoice) {
        let order = self.order;
        let credited = order.credited_of(invoice);
        facts.credited = (credited > 0).then(|| self.money(credited));
        let due = order.due_of(invoice);
        if due == 0 || !order.is_open_to_payments() {
            return;
        }
        facts.due = Some(self.money(due));
        let covered = invoice.amounts.total_minor - order.paid_by_credit(invoice) - credited - due;
        facts.covered = (covered > 0).then(|| self.money(covered));
    }

    /// What came in for the invoices that the message is about.
    pub(super) fn add_payment(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let invoices = self.order.invoices_paid(message);
        let is_for = |id| invoices.iter().any(|it| it.id == id);
        let payments = self.order.payments.iter().filter(|it| is_for(it.invoice));
        let captured = payments.map(|it| it.captured_minor).fold(0, i64::saturating_add);
        if captured == 0 {
            return Err("nothing has been paid".to_owned());
        }
        facts.paid = Some(self.money(captured));
        // What was settled before had cost nothing more.
        let settled_at = invoices.last().and_then(|it| it.settled_at);
        let counts =
            |it: &&Invoice| it.number > 0 && it.state == InvoiceState::Paid && it.settled_at == settled_at;
        let numbers: Vec<String> = invoices.iter().filter(counts).map(Invoice::full_number).collect();
        facts.invoice = (!numbers.is_empty()).then(|| numbers.join(", "));
        Ok(())
    }

    /// What is not paid with money: by store credit, or by what came back for an exchange.
    pub(super) fn set_paid_otherwise(&self, facts: &mut Facts, minor: i64) {
        let paid = (minor > 0).then(|| self.money(minor.saturating_neg()));
        (facts.by_credit, facts.by_exchange) = match facts.exchange_of {
            None => (paid, None),
            Some(_) => (None, paid),
        };
    }

    /// What of the order is still to be paid, before it was paid.
    pub(super) fn due(&self) -> Option<String> {
        let due = self.order.due_minor();
        (self.order.state == OrderState::Invoiced && due > 0).then(|| self.money(due))
    }

    /// The refunds in this message: from the n-th successful one up to the one where the next message begins; all of
    /// them if the message names none.
    pub(super) fn add_refund(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let mut done: Vec<&Refund> = order.told_refunds().collect();
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
        facts.refund = Some(self.money(minor));
        let by_credit = |it: &Refund| {
            let payment = order.payments.iter().find(|payment| payment.id == it.payment);
            payment.filter(|it| it.is_by_credit()).map(|_| Method::StoreCredit)
        };
        let way_of = |it: &Refund| it.handed_by().or_else(|| by_credit(it));
        let way = told.last().and_then(|it| way_of(it));
        facts.refund_way = match way {
            _ if told.iter().any(|it| way_of(it) != way) => Some(RefundWay::Several),
            None => None,
            Some(Method::Cash) => Some(RefundWay::Cash),
            Some(Method::BankTransfer | Method::Card | Method::Paypal) => Some(RefundWay::Transfer),
            Some(Method::StoreCredit) => Some(RefundWay::Credit),
        };
        Ok(())
    }

    /// What one call cancelled: the nth, or the last.
    pub(super) fn add_cancelled(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
        let all = &order.line_cancellations;
        let found = nth.map_or_else(|| all.last(), |it| all.get(it));
        let cancellation = found.ok_or("nothing of the order was cancelled")?;
        for units in &cancellation.units {
            if let Some(line) = order.lines.iter().find(|it| it.number == units.line) {
                facts.cancelled.push(self.item(units.quantity, &line.description, line.sku.as_str()));
            }
        }
        facts.cancelled_value = Some(self.money(cancellation.value_minor));
        facts.due = self.due();
        let refund = cancellation.refund_minor;
        facts.refund = (refund > 0).then(|| self.money(refund));
        let issued = |it: &&CreditNote| cancellation.credit_notes.contains(&it.id) && it.number > 0;
        let numbers: Vec<String> =
            order.credit_notes.iter().filter(issued).map(CreditNote::full_number).collect();
        facts.credit_note = (!numbers.is_empty()).then(|| numbers.join(", "));
        Ok(())
    }
}
