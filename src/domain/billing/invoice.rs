//! Step 6: the invoice is issued, and settled when it is paid.

use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::InvoiceId;
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Step 6: the lines as priced at receipt, without what was called off since, under the next number of the series.
    pub(in crate::domain) fn issue_invoice(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let id: InvoiceId = unit.ids.fresh();
        self.invoices.push(Invoice {
            id,
            order: self.id,
            series: unit.rules.invoice_series.clone(),
            number: 0,
            state: InvoiceState::Open,
            amounts: self.amounts.clone(),
            lines: self
                .lines
                .iter()
                .filter(|it| it.is_wanted())
                .map(|it| InvoiceLine {
                    line: it.number,
                    sku: it.sku.clone(),
                    description: it.description.clone(),
                    quantity: it.remaining_quantity(),
                    unit_price_minor: it.unit_price_minor,
                    amounts: it.remaining_amounts(),
                })
                .collect(),
            issued_at: unit.now,
            settled_at: None,
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
        )
    }

    /// What tells the letters about a later invoice from those about the first, which is 0.
    fn nth_invoice(&self) -> i64 {
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
        let invoice = self.invoices.last_mut().expect("an INVOICED order has an invoice");
        let step = step_between(invoice.id.0, invoice.state, InvoiceState::Paid)?;
        invoice.state = InvoiceState::Paid;
        invoice.settled_at = Some(unit.now);
        self.record_automatic(unit, EventKind::InvoicePaid, Some(step), "paid in full");
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
