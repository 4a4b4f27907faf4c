//! Invariants of what was cancelled and credited.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::amounts::LineAmounts;
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::Order;

impl Order {
    /// What is left of each line is what was invoiced of it, less what was credited.
    pub(super) fn check_credits(&self, found: &mut Findings) {
        for line in &self.lines {
            let key = format!("{} line {}", self.id, line.number);
            let cancelled = self.cancelled_units(line);
            let known = (0..=line.quantity).contains(&cancelled) && cancelled == line.cancelled_quantity;
            found.ensure(
                "M10",
                &key,
                known,
                &format!("{cancelled} units cancelled"),
                line.cancelled_quantity,
            );
            self.check_paid_back_units(found, &key, line);
            self.check_credited_line(found, &key, line);
        }
        self.check_line_refunds(found);
        for note in &self.credit_notes {
            self.check_credit_note(found, note);
        }
        if let Some(invoice) = self.main_invoice().filter(|it| !self.is_called_off(it)) {
            let invoiced: i64 = self.current_invoices().map(|it| it.amounts.total_minor).sum();
            let left = self.total_minor() + self.credited_minor();
            found.ensure("M10", invoice.id, invoiced == left, &format!("{left} left and credited"), invoiced);
        }
        for invoice in self.current_invoices() {
            let (total, credited) = (invoice.amounts.total_minor, self.credited_of(invoice));
            let whole = !self.is_called_off(invoice) || credited == total;
            found.ensure(
                "M10",
                invoice.id,
                whole,
                &format!("{total} credited: the order ended early"),
                credited,
            );
            found.ensure(
                "M10",
                invoice.id,
                credited <= total,
                &format!("at most {total} credited"),
                credited,
            );
        }
    }

    fn cancelled_units(&self, line: &OrderLine) -> i64 {
        let units = self.line_cancellations.iter().flat_map(|it| &it.units);
        units.filter(|it| it.line == line.number).map(|it| it.quantity).sum()
    }

    fn check_paid_back_units(&self, found: &mut Findings, key: &str, line: &OrderLine) {
        let units = self.line_refunds.iter().flat_map(|it| &it.units).filter(|it| it.line == line.number);
        let refunded: i64 = units.map(|it| it.quantity).sum();
        let known = (0..=line.quantity).contains(&refunded) && refunded == line.refunded_quantity;
        found.ensure("M11", key, known, &format!("{refunded} units paid back"), line.refunded_quantity);
    }

    /// What was paid back by line is at most what was credited for it, and every part is there.
    fn check_line_refunds(&self, found: &mut Findings) {
        for refund in &self.line_refunds {
            let notes = self.credit_notes.iter().filter(|it| refund.credit_notes.contains(&it.id));
            let credited: i64 = notes.map(|it| it.amounts.total_minor).sum();
            let value = refund.value_minor;
            found.ensure("M11", self.id, credited == value, &format!("{value} credited"), credited);
            let paid = refund.refunds.iter().filter_map(|it| self.refund_of(*it));
            let paid: i64 = paid.map(|it| it.amount.minor).sum();
            let most = value - refund.retained_minor;
            found.ensure(
                "M11",
                self.id,
                (0..=most).contains(&paid),
                &format!("at most {most} paid back"),
                paid,
            );
        }
    }

    fn check_credited_line(&self, found: &mut Findings, key: &str, line: &OrderLine) {
        if self.main_invoice().is_none() {
            return;
        }
        let invoiced: Vec<_> =
            self.current_invoices().flat_map(|it| &it.lines).filter(|it| it.line == line.number).collect();
        let mut its = self.current_invoices().filter(|it| it.lines.iter().any(|of| of.line == line.number));
        let is_called_off = its.any(|it| self.is_called_off(it));
        found.ensure("M10", key, invoiced.len() <= 1, "on one invoice", invoiced.len());
        let notes = self.credit_notes.iter().flat_map(|it| &it.lines).filter(|it| it.line == line.number);
        let mut left = invoiced.first().map(|it| it.amounts);
        let mut units = invoiced.iter().map(|it| it.quantity).sum::<i64>();
        for credited in notes {
            units -= credited.quantity;
            left = left.map(|it| match credited.quantity {
                // A discount that was given later.
                0 => it.reduced_by(&credited.amounts),
                _ => it.less(&credited.amounts),
            });
        }
        let remaining = if is_called_off { 0 } else { line.sold_quantity() };
        found.ensure(
            "M10",
            key,
            units == remaining,
            &format!("{remaining} units invoiced and not credited"),
            units,
        );
        let amounts = match is_called_off {
            true => LineAmounts { tax_rate_ppm: line.amounts.tax_rate_ppm, ..LineAmounts::default() },
            false => line.remaining_amounts(),
        };
        let fits = left.is_none_or(|it| it == amounts);
        found.ensure(
            "M10",
            key,
            fits,
            &format!("{amounts:?} invoiced and not credited"),
            format!("{left:?}"),
        );
    }

    fn check_credit_note(&self, found: &mut Findings, note: &CreditNote) {
        let lines: Vec<_> = note.lines.iter().map(|it| it.amounts).collect();
        if let Err(why) = note.amounts.check_sums(&lines) {
            found.ensure("M1", note.id, false, "amounts that follow from the lines", why);
        }
        found.ensure("M7", note.id, note.number > 0, "a number above zero", note.number);
        let of_invoice =
            self.invoices.iter().any(|it| it.id == note.invoice && it.issued_at <= note.issued_at);
        found.ensure("M10", note.id, of_invoice, "an invoice issued before it", note.invoice);
        let rows = self.tax_rows_of_credit(note).iter().map(|it| it.tax_minor).sum::<i64>();
        found.ensure(
            "M10",
            note.id,
            rows == note.amounts.tax_minor,
            &format!("rows of {rows} tax"),
            note.amounts.tax_minor,
        );
    }
}
