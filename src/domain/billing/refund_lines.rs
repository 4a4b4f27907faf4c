//! Money is paid back for units of lines: their frozen shares, with a credit note.

use std::collections::BTreeSet;

use crate::domain::model::amounts::Amounts;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::InvoiceLine;
use crate::domain::model::line_refund::{LineRefund, RefundedUnits};
use crate::domain::model::money::Money;
use crate::domain::model::order::Order;
use crate::domain::model::policy::{ReturnRules, ReturnShipping};
use crate::domain::model::refund::HandedBack;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::{OrderId, PaymentId, RefundId, ReturnId, ShipmentId};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How often money is paid back by line. A call that takes all that is left is allowed beyond that.
pub(crate) const LINE_REFUNDS_MAX: usize = 20;

/// Why a dearer shipping service is not waited for any more.
const ALL_PAID_BACK: &str = "all goods were paid back";

/// What a refund would pay back, and what it would credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundQuote {
    /// The units with their shares. Empty: money alone, without a credit note.
    pub lines: Vec<InvoiceLine>,
    /// The fee as priced: with its tax when prices include tax, else without.
    pub shipping_minor: i64,
    pub shipping_tax_minor: i64,
    /// What the units come to, with shipping and taxes.
    pub value: Money,
    /// What is paid back in all.
    pub amount: Money,
    /// What each payment pays back of it.
    pub parts: Vec<(PaymentId, Money)>,
    /// What the payments of the order could pay back, before this.
    pub refundable: Money,
}

/// The shares of some units, with shipping if it goes back with them.
pub(in crate::domain) struct Share {
    pub(in crate::domain) lines: Vec<InvoiceLine>,
    /// The order's amounts, without its shipping if that does not go back.
    base: Amounts,
    pub(in crate::domain) value_minor: i64,
}

/// What a refund by line is to be recorded with.
pub(in crate::domain) struct PaidBack<'a> {
    pub(in crate::domain) share: Share,
    pub(in crate::domain) reason: &'a str,
    pub(in crate::domain) retained_minor: i64,
    /// The return that it answers.
    pub(in crate::domain) of_return: Option<ReturnId>,
    /// The shipment whose goods it pays back.
    pub(in crate::domain) of_shipment: Option<ShipmentId>,
    /// The order that the units are exchanged for.
    pub(in crate::domain) exchanged_for: Option<OrderId>,
}

impl Share {
    /// The fee as priced.
    pub(in crate::domain) fn shipping_minor(&self) -> i64 {
        self.base.shipping_minor
    }
}

impl Order {
    /// What RefundPayment would pay back; refused as it would be.
    pub fn quote_refund(
        &self,
        rules: &ReturnRules,
        id: PaymentId,
        lines: &[RefundedUnits],
        amount: Option<Money>,
    ) -> Result<RefundQuote, Refusal> {
        let index = self.giving_index(id)?;
        if lines.is_empty() {
            return self.quote_amount(index, amount);
        }
        if self.payments[index].owed_by_hand().is_some() || self.ended_early().is_some() {
            let message =
                format!("must be left out: the order is {}, and its money goes back whole", self.state);
            return Err(Refusal::invalid("lines", message));
        }
        self.check_refunded_units(lines).into_result()?;
        let share = self.share_of(rules, lines);
        let currency = self.amounts.currency;
        let (value, refundable) = (currency.of(share.value_minor), currency.of(self.payable_minor()));
        let amount = self.amount_of_share(value, refundable, amount)?;
        Ok(RefundQuote {
            shipping_minor: share.base.shipping_minor,
            shipping_tax_minor: share.base.shipping_tax_minor,
            lines: share.lines,
            value,
            amount,
            parts: self.spread(index, amount),
            refundable,
        })
    }

    fn quote_amount(&self, index: usize, amount: Option<Money>) -> Result<RefundQuote, Refusal> {
        let payment = &self.payments[index];
        let refundable = self.amounts.currency.of(self.refundable_minor());
        let amount = match self.owed_by_hand(index, amount)? {
            Some(owed) => self.refund_of(owed).map_or(refundable, |it| it.amount),
            None => self.amount_of_payment(index, amount)?,
        };
        Ok(RefundQuote {
            lines: Vec::new(),
            shipping_minor: 0,
            shipping_tax_minor: 0,
            value: self.amounts.currency.of(0),
            amount,
            parts: vec![(payment.id, amount)],
            refundable,
        })
    }

    /// What all its payments could pay back.
    pub fn refundable_minor(&self) -> i64 {
        self.payments.iter().map(|it| it.refundable_minor()).sum()
    }

    /// What was captured and is neither paid back nor retained.
    pub(in crate::domain) fn payable_minor(&self) -> i64 {
        (self.refundable_minor() - self.retained_minor()).max(0)
    }

    /// How much of the share is paid back: all of it, unless the caller says less.
    fn amount_of_share(
        &self,
        value: Money,
        refundable: Money,
        asked: Option<Money>,
    ) -> Result<Money, Refusal> {
        if let Some(asked) = asked {
            if asked.currency != value.currency {
                return Err(Refusal::invalid("amount", format!("must be in {}", value.currency)));
            }
            if asked.minor <= 0 {
                return Err(Refusal::invalid("amount", "must be more than zero"));
            }
            if asked.minor > value.minor {
                let message = format!("{asked} is more than the {value} that these units cost");
                return Err(Refusal::invalid("amount", message));
            }
        } else if value.minor == 0 {
            return Err(Refusal::invalid("lines", "these units cost nothing: there is nothing to pay back"));
        }
        let amount = asked.unwrap_or(value);
        if amount.minor > refundable.minor {
            let message = format!(
                "{amount} is more than the {refundable} that can be paid back of this order; with an amount, less is \
                 paid back for the same units"
            );
            return Err(self.unmet(Reason::RefundExceedsCapture, message));
        }
        Ok(amount)
    }

    /// From the named payment first, then from the others, the oldest first.
    pub(in crate::domain) fn spread(&self, first: usize, amount: Money) -> Vec<(PaymentId, Money)> {
        let named = self.payments.get(first).into_iter();
        let others = self.payments.iter().enumerate().filter(|it| it.0 != first).map(|it| it.1);
        let mut left = amount.minor;
        let mut parts = Vec::new();
        for payment in named.chain(others) {
            let share = payment.refundable_minor().min(left);
            if share > 0 {
                parts.push((payment.id, amount.currency.of(share)));
                left -= share;
            }
        }
        parts
    }

    /// Every fault of the units that are to be paid back.
    fn check_refunded_units(&self, lines: &[RefundedUnits]) -> Problems {
        let mut problems = Problems::default();
        let mut named = BTreeSet::new();
        for (RefundedUnits { line, quantity }, index) in lines.iter().zip(0..) {
            let Some(found) = self.lines.iter().find(|it| it.number == *line) else {
                let message = format!("the order has no line {line}, but {}", self.lines.len());
                problems.add(format!("lines[{index}].line_number"), message);
                continue;
            };
            if !named.insert(*line) {
                problems.add(format!("lines[{index}].line_number"), format!("names line {line} again"));
                continue;
            }
            let left = found.sold_quantity();
            if self.awaits_its_change(found) {
                let message =
                    "is of a change that is not paid, or not approved: CancelOrderLines takes units off it";
                problems.add(format!("lines[{index}].line_number"), message);
            } else if *quantity < 1 {
                problems.add(format!("lines[{index}].quantity"), "must be at least 1");
            } else if *quantity > left {
                let message = format!(
                    "{left} of {} can be paid back, not {quantity}: {} cancelled, {} paid back already",
                    found.quantity, found.cancelled_quantity, found.refunded_quantity
                );
                problems.add(format!("lines[{index}].quantity"), message);
            }
        }
        problems
    }

    /// What these units come to: shares of what was sold, the last unit with what is left of its line. Units beyond
    /// those that are sold are credited already, and come to nothing.
    pub(in crate::domain) fn share_of(&self, rules: &ReturnRules, units: &[RefundedUnits]) -> Share {
        let mut lines = Vec::with_capacity(units.len());
        for RefundedUnits { line, quantity } in units {
            let Some(line) = self.lines.iter().find(|it| it.number == *line) else { continue };
            let quantity = (*quantity).min(line.sold_quantity());
            if quantity > 0 {
                lines.push(InvoiceLine {
                    line: line.number,
                    sku: line.sku.clone(),
                    description: line.description.clone(),
                    quantity,
                    unit_price_minor: line.unit_price_minor,
                    amounts: line.next_amounts(quantity),
                });
            }
        }
        let base = match rules.shipping {
            ReturnShipping::WhenAllReturned if self.leaves_no_goods(&lines) => self.amounts_given(),
            ReturnShipping::WhenAllReturned | ReturnShipping::Never => self.amounts.without_shipping(),
        };
        let of_lines: i64 = lines.iter().map(|it| it.amounts.total_minor).sum();
        let value_minor = of_lines + base.shipping_total_minor();
        Share { lines, base, value_minor }
    }

    /// The order's amounts, without what a dearer shipping service costs more that waits for its payment.
    fn amounts_given(&self) -> Amounts {
        let waiting = self.service_once_paid().map(|it| it.0);
        let supplement = self.invoices.iter().find(|it| waiting.is_some() && it.change == waiting);
        let (fee, tax) = supplement.map_or((0, 0), |it| self.uncredited_shipping(it));
        let Amounts { shipping_minor, shipping_tax_minor, .. } = self.amounts;
        self.amounts.with_shipping(shipping_minor - fee, shipping_tax_minor - tax)
    }

    /// Whether no goods of the order are sold any more without these units, and none were exchanged: the customer has others
    /// in their place.
    fn leaves_no_goods(&self, units: &[InvoiceLine]) -> bool {
        if self.returns.iter().flat_map(|it| &it.exchanges).any(|it| it.value_minor > 0) {
            return false;
        }
        let taken =
            |line: i32| -> i64 { units.iter().filter(|it| it.line == line).map(|it| it.quantity).sum() };
        let are_goods = units.iter().any(|unit| self.goods().any(|it| it.number == unit.line));
        are_goods && self.goods().all(|it| it.sold_quantity() == taken(it.number))
    }

    /// Pays units back, from the named payment first and the rest from the order's others; credits them.
    pub fn refund_lines(
        &mut self,
        unit: &mut UnitOfWork,
        id: PaymentId,
        lines: &[RefundedUnits],
        amount: Option<Money>,
        reason: &str,
        handed: Option<&HandedBack>,
    ) -> Result<RefundId, Refusal> {
        let rules = unit.rules;
        let quote = self.quote_refund(&rules.returns, id, lines, amount)?;
        self.must_have_room_to_refund_lines(lines)?;
        let mut refunds = Vec::with_capacity(quote.parts.len());
        for (payment, share) in quote.parts {
            let index = self.payment_index(payment)?;
            // What a person owes of it already is settled by itself.
            let owes = payment != id && self.payments[index].owed_by_hand().is_some();
            refunds.push(match handed.filter(|_| payment == id) {
                Some(handed) => self.refund_by_hand(unit, payment, Some(share), reason, handed)?,
                None if owes => self.begin_refund(unit, index, share, reason)?,
                None => self.refund(unit, payment, Some(share), reason)?,
            });
        }
        let first = refunds.first().copied().ok_or_else(|| {
            self.unmet(Reason::RefundExceedsCapture, "nothing can be paid back of this order")
        })?;
        let share = self.share_of(&rules.returns, lines);
        let retained_minor = self.retained_of(&share, quote.amount.minor);
        let paid_back = PaidBack {
            share,
            reason,
            retained_minor,
            of_return: None,
            of_shipment: None,
            exchanged_for: None,
        };
        self.credit_paid_back(unit, paid_back, refunds)?;
        Ok(first)
    }

    /// What stays with the shop of units of which less is paid back than they cost, once that is asked for: as far as it was
    /// paid for them. What changes added and nobody has paid yet is to be paid whole.
    pub(in crate::domain) fn retained_of(&self, share: &Share, paid_back_minor: i64) -> i64 {
        let stayed = self.captured_minor() - self.refunded_minor() - self.retained_minor();
        let unpaid: i64 = self.open_supplements().map(|it| self.uncaptured_of(it).max(0)).sum();
        let surplus = stayed - (self.total_minor() - unpaid - share.value_minor);
        (share.value_minor - paid_back_minor).min(surplus).max(0)
    }

    pub(in crate::domain) fn must_have_room_to_refund_lines(
        &self,
        lines: &[RefundedUnits],
    ) -> Result<(), Refusal> {
        let asked = self.line_refunds.len();
        let taken =
            |line: i32| -> i64 { lines.iter().filter(|it| it.line == line).map(|it| it.quantity).sum() };
        if asked < LINE_REFUNDS_MAX || self.lines.iter().all(|it| it.sold_quantity() <= taken(it.number)) {
            return Ok(());
        }
        let message = format!(
            "an order is paid back by line {LINE_REFUNDS_MAX} times at most, and a last time all that is left; pay back \
             an amount instead"
        );
        Err(self.unmet(Reason::LimitReached, message))
    }

    /// Takes units that are paid back off what the order comes to, with their credit note. With the shipping of all goods
    /// no dearer one is waited for any more.
    pub(in crate::domain) fn credit_paid_back(
        &mut self,
        unit: &mut UnitOfWork,
        paid_back: PaidBack<'_>,
        refunds: Vec<RefundId>,
    ) -> Result<(), Refusal> {
        let PaidBack { share, reason, retained_minor, of_return, of_shipment, exchanged_for } = paid_back;
        let Share { lines, base, value_minor } = share;
        let shipping_minor = base.shipping_total_minor();
        let waiting = self.service_once_paid().filter(|_| shipping_minor > 0);
        if let Some((change, _)) = waiting {
            self.give_up_service(unit, change, ALL_PAID_BACK)?;
        }
        let mut units = Vec::with_capacity(lines.len());
        for credited in &lines {
            if let Some(line) = self.lines.iter_mut().find(|it| it.number == credited.line) {
                line.refunded_quantity += credited.quantity;
                units.push(RefundedUnits { line: credited.line, quantity: credited.quantity });
            }
        }
        if shipping_minor > 0 {
            self.amounts = self.amounts.with_shipping(0, 0);
        }
        self.amounts = self.amounts.over(self.lines.iter().map(|it| it.remaining_amounts()));
        let left = self.amounts.currency.of(self.total_minor());
        for approval in self.approvals.iter_mut().filter(|it| it.state == ApprovalState::Pending) {
            approval.amount = left;
        }

        let value = self.amounts.currency.of(value_minor);
        let count: i64 = units.iter().map(|it| it.quantity).sum();
        self.record(
            unit,
            EventKind::OrderLinesRefunded,
            None,
            format!("{count} units of {} lines credited, worth {value}", units.len()),
        );
        let credit_notes = self.issue_credit_notes_over(unit, &lines, &base, reason);
        self.line_refunds.push(LineRefund {
            units,
            reason: reason.to_owned(),
            value_minor,
            shipping_minor,
            retained_minor,
            refunds,
            credit_notes,
            of_return,
            of_shipment,
            refunded_by: unit.actor.clone(),
            refunded_at: unit.now,
            exchanged_for,
        });
        // A part of that service may have been paid.
        if waiting.is_some() {
            self.return_surplus_for(unit, ALL_PAID_BACK)?;
        }
        Ok(())
    }

    /// What a refund by line is part of; None: an amount was paid back.
    pub fn line_refund_of(&self, refund: RefundId) -> Option<&LineRefund> {
        self.line_refunds.iter().find(|it| it.refunds.contains(&refund))
    }
}
