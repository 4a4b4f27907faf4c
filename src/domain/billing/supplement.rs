//! What changes add to an order that is invoiced: supplementary invoices, each with payments of its own.

use crate::domain::billing::pay::SECOND_CHANCE;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::PaymentState;
use crate::domain::model::policy::Rules;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{InvoiceId, OrderChangeId};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

impl InvoiceLine {
    /// What is left of a line, as an invoice has it.
    pub(in crate::domain) fn of(line: &OrderLine) -> Self {
        Self {
            line: line.number,
            sku: line.sku.clone(),
            description: line.description.clone(),
            quantity: line.remaining_quantity(),
            unit_price_minor: line.unit_price_minor,
            amounts: line.remaining_amounts(),
        }
    }
}

impl Order {
    /// Invoices the lines that a change added, and what its shipping costs more with the tax of that, under the next number of
    /// their series; tell_supplement tells of it. None: there is no invoice that could be supplemented; the one to come has
    /// them.
    pub(in crate::domain) fn issue_supplement(
        &mut self,
        unit: &mut UnitOfWork,
        change: OrderChangeId,
        shipping: Option<(i64, i64)>,
    ) -> Option<InvoiceId> {
        let main = self.main_invoice().filter(|it| it.state != InvoiceState::Void)?.id;
        let added = self.lines.iter().filter(|it| it.added_by_change == Some(change));
        let lines: Vec<InvoiceLine> = added.map(InvoiceLine::of).collect();
        let own = lines.iter().map(|it| it.amounts);
        let amounts = match shipping {
            Some((fee, tax)) => self.amounts.with_shipping(fee, tax).over(own),
            None => self.amounts.of_lines_only(own),
        };
        let id: InvoiceId = unit.ids.fresh();
        let total = amounts.currency.of(amounts.total_minor);
        self.invoices.push(Invoice {
            id,
            order: self.id,
            series: unit.rules.supplement_series.clone(),
            // The writer numbers it before the commit (store/writer/sequences.rs).
            number: 0,
            state: InvoiceState::Open,
            amounts,
            lines,
            issued_at: unit.now,
            settled_at: None,
            seller: unit.rules.seller,
            due_at: self.due_at_latest(unit),
            buyer: None,
            supplements: Some(main),
            change: Some(change),
        });
        let text = format!("supplementary invoice {id} over {total}");
        self.record_automatic(unit, EventKind::InvoiceIssued, Some(opened(id.0, InvoiceState::Open)), text);
        Some(id)
    }

    /// Tells the customer of what a change added, once no approval that it asked for is pending: until then nothing of it can
    /// be paid, and it may be taken off again. The time to pay counts from the approval.
    pub(in crate::domain) fn tell_supplement(&mut self, unit: &mut UnitOfWork, change: OrderChangeId) {
        let is_its = |it: &Invoice| it.change == Some(change) && it.state != InvoiceState::Void;
        let found = self.invoices.iter().position(is_its);
        let Some(index) = found.filter(|_| !self.has_pending_approval_of(change)) else { return };
        let was_asked = self.approvals.iter().any(|it| it.change == Some(change));
        if was_asked && self.invoices[index].state == InvoiceState::Open {
            let due_at = self.due_at_latest(unit);
            self.invoices[index].due_at = due_at;
        }
        let nth = i64::try_from(index + 1).unwrap_or(i64::MAX);
        self.notify(unit, MessageKind::InvoiceIssued, None, nth);
    }

    /// Marks all open invoices as paid, the main one too.
    pub(super) fn mark_open_invoices_paid(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.invoices.len() {
            let invoice = &mut self.invoices[index];
            if invoice.state != InvoiceState::Open {
                continue;
            }
            let step = step_between(invoice.id.0, invoice.state, InvoiceState::Paid)?;
            invoice.state = InvoiceState::Paid;
            invoice.settled_at = Some(unit.now);
            self.record_automatic(unit, EventKind::InvoicePaid, Some(step), "paid in full");
        }
        Ok(())
    }

    /// Marks open supplementary invoices as paid, once nothing is due any more and no approval of a change is pending.
    pub(in crate::domain) fn settle_supplements(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let awaited = self.is_open_to_supplements() && self.has_open_supplements();
        if !awaited || self.due_minor() > 0 || self.awaits_approval_of_a_change() {
            return Ok(());
        }
        let is_open = |id| self.open_supplements().any(|it| it.id == id);
        let came_in = self.payments.iter().any(|it| it.captured_minor > 0 && is_open(it.invoice));
        self.mark_open_invoices_paid(unit)?;
        // What was taken off may have paid for all that was added: then no money came in to be told of.
        if came_in {
            self.notify(unit, MessageKind::PaymentReceived, None, self.nth_invoice());
        }
        Ok(())
    }

    /// The change whose units are the first to be sold to others, and when: a supplementary invoice is open for the lifetime
    /// of a reservation, from its issue, from the end of a hold, or from the last answer about it of an approver or a
    /// provider. None: there is none, the order is on hold and takes no payment, or money is under way.
    pub(in crate::domain) fn next_unpaid_change(&self, rules: &Rules) -> Option<(Timestamp, OrderChangeId)> {
        if !self.is_open_to_supplements()
            || self.on_hold()
            || self.payments.iter().any(|it| it.request.is_some())
        {
            return None;
        }
        let ends = self.open_supplements().filter_map(|it| {
            let change = it.change.filter(|change| !self.has_pending_approval_of(*change))?;
            Some((self.supplement_ends(it, change, rules), change))
        });
        // What has left the house cannot be sold to others.
        let is_left = |it: OrderChangeId| {
            !self.still_in_the_house(it).is_empty() || self.service_once_paid().is_some_and(|of| of.0 == it)
        };
        ends.filter(|(_, change)| is_left(*change)).min()
    }

    /// The latest of: a lifetime after issue, approval or the end of a hold; SECOND_CHANCE (or a shorter lifetime) after a
    /// failed or voided try; a lifetime (at least SECOND_CHANCE) after an authorisation, as pay.rs gives its reservation.
    fn supplement_ends(&self, supplement: &Invoice, change: OrderChangeId, rules: &Rules) -> Timestamp {
        let lifetime = self.reservation_lifetime(rules);
        let approved = self.approvals.iter().filter(|it| it.change == Some(change));
        let released = self.holds.iter().filter_map(|it| it.released_at);
        let answered = approved.filter_map(|it| it.decided_at).chain(released);
        let since = answered.fold(supplement.issued_at, Timestamp::max);
        let tries = self.payments.iter().filter(|it| it.invoice == supplement.id);
        let after_tries = tries.filter_map(|it| match it.state {
            PaymentState::Failed | PaymentState::Voided => {
                Some(it.updated_at.plus(lifetime.min(SECOND_CHANCE)))
            }
            PaymentState::Authorized => Some(it.updated_at.plus(lifetime.max(SECOND_CHANCE))),
            PaymentState::Pending | PaymentState::Captured => None,
        });
        after_tries.fold(since.plus(lifetime), Timestamp::max)
    }

    /// Whether the order is paid and not over yet: only then can what a change adds be paid by an invoice of its own.
    pub(super) fn is_open_to_supplements(&self) -> bool {
        match self.state {
            OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered => true,
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }

    /// Whether its state lets money be asked for: it is invoiced, or something that was added later is.
    pub(in crate::domain) fn is_open_to_payments(&self) -> bool {
        self.state == OrderState::Invoiced || (self.is_open_to_supplements() && self.has_open_supplements())
    }

    /// Whether a line waits for its own invoice to be paid, or for an approval of the change that added it.
    pub(in crate::domain) fn awaits_its_change(&self, line: &OrderLine) -> bool {
        let Some(change) = line.added_by_change else { return false };
        let is_unpaid = |it: &Invoice| it.change == Some(change) && it.state == InvoiceState::Open;
        self.invoices.iter().any(is_unpaid) || self.has_pending_approval_of(change)
    }
}
