//! Credit notes: what was sold and is not wanted any more is credited, and what was paid for it goes back. Codes given as
//! store credit are in `src/domain/discounts/credit.rs`.

use crate::domain::model::amounts::Amounts;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::order::Order;
use crate::domain::model::payment::{Payment, PaymentState, ProviderRequest};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{CreditNoteId, InvoiceId};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// What it means in money that units are cancelled.
pub(in crate::domain) struct Credited {
    pub(in crate::domain) value_minor: i64,
    /// One of each invoice that had some of the units. Empty: nothing was invoiced.
    pub(in crate::domain) notes: Vec<CreditNoteId>,
}

impl Order {
    /// Takes units off the lines, and their shares off what the order comes to. What was invoiced is credited.
    pub(in crate::domain) fn credit_units(
        &mut self,
        unit: &mut UnitOfWork,
        units: &[CancelledUnits],
        reason: &str,
    ) -> Credited {
        let mut credited: Vec<InvoiceLine> = Vec::with_capacity(units.len());
        for CancelledUnits { line, quantity } in units {
            let Some(line) = self.lines.iter_mut().find(|it| it.number == *line) else { continue };
            // What was paid back by line is credited already.
            let units = (*quantity).min(line.sold_quantity());
            let amounts = line.next_amounts(units);
            line.cancelled_quantity += quantity;
            if units == 0 {
                continue;
            }
            credited.push(InvoiceLine {
                line: line.number,
                sku: line.sku.clone(),
                description: line.description.clone(),
                quantity: units,
                unit_price_minor: line.unit_price_minor,
                amounts,
            });
        }
        self.amounts = self.amounts.over(self.lines.iter().map(|it| it.remaining_amounts()));
        self.set_aside_no_more_than_needed();
        let left = self.amounts.currency.of(self.total_minor());
        for approval in self.approvals.iter_mut().filter(|it| it.state == ApprovalState::Pending) {
            approval.amount = left;
        }

        let value_minor = credited.iter().map(|it| it.amounts.total_minor).sum();
        let notes = self.issue_credit_notes(unit, &credited, reason);
        Credited { value_minor, notes }
    }

    /// Credits all that its invoices still have, units and shipping: nothing of an order that ended early is sold. An invoice
    /// that is void asks for nothing, and is credited nothing. The lines go on saying what was ordered.
    pub(in crate::domain) fn credit_all_that_is_invoiced(&mut self, unit: &mut UnitOfWork, reason: &str) {
        let sold = self.lines.iter().filter(|it| it.sold_quantity() > 0);
        // The amounts of a line leave refunded units out already, its quantity does not.
        let left: Vec<InvoiceLine> =
            sold.map(|it| InvoiceLine { quantity: it.sold_quantity(), ..InvoiceLine::of(it) }).collect();
        let standing = self.invoices.iter().filter(|it| it.state != InvoiceState::Void);
        let (fee, tax) = standing
            .map(|it| self.uncredited_shipping(it))
            .fold((0, 0), |(fees, taxes), (fee, tax)| (fees + fee, taxes + tax));
        let base = self.amounts.with_shipping(fee, tax);
        self.issue_credit_notes_over(unit, &left, &base, reason);
    }

    /// The credit notes of units that were invoiced: a note corrects one invoice, the last one first.
    pub(in crate::domain) fn issue_credit_notes(
        &mut self,
        unit: &mut UnitOfWork,
        units: &[InvoiceLine],
        reason: &str,
    ) -> Vec<CreditNoteId> {
        let base = self.amounts.without_shipping();
        self.issue_credit_notes_over(unit, units, &base, reason)
    }

    /// The same with the shipping that is in `base`: the invoices that have it are credited for it too, the last one first.
    /// A line is on one invoice: units that a change adds are a line of their own.
    pub(in crate::domain) fn issue_credit_notes_over(
        &mut self,
        unit: &mut UnitOfWork,
        units: &[InvoiceLine],
        base: &Amounts,
        reason: &str,
    ) -> Vec<CreditNoteId> {
        let has = |invoice: &Invoice, line: i32| invoice.lines.iter().any(|it| it.line == line);
        let (mut fee, mut tax) = (base.shipping_minor, base.shipping_tax_minor);
        let mut by_invoice: Vec<(InvoiceId, Amounts, Vec<InvoiceLine>)> = Vec::new();
        for it in self.invoices.iter().rev().filter(|it| it.state != InvoiceState::Void) {
            let lines: Vec<InvoiceLine> = units.iter().filter(|unit| has(it, unit.line)).cloned().collect();
            let (open_fee, open_tax) = self.uncredited_shipping(it);
            // What one invoice has of the fee is credited whole before the one before it is touched.
            let (own_fee, own_tax) = if open_fee <= fee { (open_fee, open_tax) } else { (fee, tax) };
            (fee, tax) = (fee - own_fee, tax - own_tax);
            let own = match own_fee {
                0 => base.without_shipping(),
                _ => base.with_shipping(own_fee, own_tax),
            };
            if own_fee > 0 || !lines.is_empty() {
                by_invoice.push((it.id, own, lines));
            }
        }
        let issue = |(invoice, base, lines): (InvoiceId, Amounts, Vec<InvoiceLine>)| {
            self.issue_credit_note(unit, invoice, lines, &base, reason)
        };
        by_invoice.into_iter().map(issue).collect()
    }

    /// What of an invoice's shipping is not credited: the fee and its tax.
    pub(in crate::domain) fn uncredited_shipping(&self, invoice: &Invoice) -> (i64, i64) {
        let notes = self.credit_notes.iter().filter(|it| it.invoice == invoice.id);
        let whole = (invoice.amounts.shipping_minor, invoice.amounts.shipping_tax_minor);
        notes.fold(whole, |(fee, tax), it| {
            (fee - it.amounts.shipping_minor, tax - it.amounts.shipping_tax_minor)
        })
    }

    /// The credit note of lines that an invoice has. `base` gives the currency, the way of its taxes and the shipping that is
    /// credited; its other sums are not used.
    fn issue_credit_note(
        &mut self,
        unit: &mut UnitOfWork,
        invoice: InvoiceId,
        lines: Vec<InvoiceLine>,
        base: &Amounts,
        reason: &str,
    ) -> CreditNoteId {
        let id: CreditNoteId = unit.ids.fresh();
        let amounts = base.over(lines.iter().map(|it| it.amounts));
        let text = format!("credit note {id} over {}", amounts.currency.of(amounts.total_minor));
        self.credit_notes.push(CreditNote {
            id,
            order: self.id,
            invoice,
            series: unit.rules.credit_note_series.clone(),
            // The writer numbers it before the commit (store/writer/sequences.rs).
            number: 0,
            amounts,
            lines,
            reason: reason.to_owned(),
            issued_by: unit.actor.clone(),
            issued_at: unit.now,
        });
        self.record_automatic(unit, EventKind::CreditNoteIssued, None, text);
        id
    }

    /// Pays back what was captured beyond what the order comes to now, from one payment after the other, and gives up an
    /// authorisation for an invoice of which nothing is due any more: an authorisation pays for its own invoice alone. What
    /// was paid back before for another reason counts. Returns what goes back.
    pub(in crate::domain) fn return_surplus(&mut self, unit: &mut UnitOfWork) -> Result<i64, Refusal> {
        self.return_surplus_for(unit, "part of the order was cancelled")
    }

    /// The same for another reason.
    pub(in crate::domain) fn return_surplus_for(
        &mut self,
        unit: &mut UnitOfWork,
        why: &str,
    ) -> Result<i64, Refusal> {
        let is_idle = self.payments.iter().all(|it| it.request.is_none());
        let is_in_vain = |it: &Payment| it.state == PaymentState::Authorized && self.due_for(it) == 0;
        let set_aside = self.payments.iter().position(is_in_vain);
        if let Some(index) = set_aside.filter(|_| is_idle) {
            self.request_from_provider(unit, index, ProviderRequest::Void);
        }

        let surplus = self.surplus_minor();
        let mut left = surplus;
        for index in 0..self.payments.len() {
            let share = self.payments[index].refundable_minor().min(left);
            if share > 0 {
                let amount = self.payments[index].amount.currency.of(share);
                self.begin_refund(unit, index, amount, why)?;
                left -= share;
            }
        }
        Ok(surplus - left)
    }

    /// What is due of the invoice that a payment is booked on.
    fn due_for(&self, payment: &Payment) -> i64 {
        let invoice = self.invoices.iter().find(|it| it.id == payment.invoice);
        invoice.map_or(0, |it| self.due_of(it))
    }
}
