//! Goods that came back are exchanged: the customer gets an order with others in their place, which their value pays for.
//! The same product is exchanged for what it was sold for, whatever it costs by now, and is sent without a fee. What the
//! value is beyond the new order is paid back as a refund would be, less the restocking fee on that part; what the new order
//! costs beyond the value is asked for on its own invoice.

use crate::domain::billing::refund_lines::{PaidBack, Share};
use crate::domain::model::amounts::LineAmounts;
use crate::domain::model::event::EventKind;
use crate::domain::model::exchange::{
    EXCHANGES_DEEP_MAX, Exchange, ExchangeLine, ExchangeOf, InExchange, Instead,
};
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::order::Order;
use crate::domain::model::policy::{ReturnRules, ReturnShipping};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::returns::ResolvedUnits;
use crate::domain::model::returns::{Return, ReturnResolution};
use crate::domain::model::scalars::RefundId;
use crate::domain::returns::create::restocking_fee;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many lines the order that is made in exchange has at most.
const LINES_MAX: usize = 100;

/// Units of one line that are exchanged, and what for.
pub(super) struct Wish<'a> {
    pub(super) line: i32,
    pub(super) quantity: i64,
    pub(super) instead: &'a Instead,
    /// Which of the caller's entries it is.
    pub(super) entry: usize,
}

/// The entries that ask for an exchange.
pub(super) fn wishes(resolutions: &[ResolvedUnits]) -> Vec<Wish<'_>> {
    let all = resolutions.iter().enumerate();
    let exchanged = all.filter(|(_, it)| it.resolution == ReturnResolution::Exchange);
    exchanged
        .map(|(entry, it)| Wish { line: it.line, quantity: it.quantity, instead: &it.instead, entry })
        .collect()
}

/// What is kept of the value of units that came back for the customer's own reasons, if only a part of it is paid back: as
/// much of the fee as this is of the value.
pub(super) fn fee_on(fee_minor: i64, paid_back_minor: i64, value_minor: i64) -> i64 {
    if value_minor <= 0 {
        return 0;
    }
    let (fee, back, value) = (i128::from(fee_minor), i128::from(paid_back_minor), i128::from(value_minor));
    i64::try_from((2 * fee * back + value) / (2 * value)).unwrap_or(fee_minor).min(paid_back_minor)
}

/// Shipping stays with the first order: the customer goes on having its goods, or others for them.
pub(super) fn goods_only(rules: &ReturnRules) -> ReturnRules {
    ReturnRules { shipping: ReturnShipping::Never, ..*rules }
}

impl Order {
    /// Makes the order that the customer gets in exchange, credits the units, and pays back what they are worth beyond it.
    pub(super) fn exchange_units(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        units: &[RefundedUnits],
        resolutions: &[ResolvedUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        let wishes = wishes(resolutions);
        if wishes.is_empty() {
            return Ok(());
        }
        let of = self.exchange_of_return(&self.returns[index])?;
        let share = self.share_of(&goods_only(&unit.rules.returns), units);
        let value_minor = self.payable_for(index, &share, 0).max(0);
        let lines = self.exchange_lines("resolutions", &wishes)?;
        let entries: Vec<usize> = lines.iter().map(|it| it.entry).collect();
        let value = self.amounts.currency.of(value_minor);
        let made = self
            .order_in_exchange(unit, InExchange { lines, of, value })
            .map_err(|it| self.told_of(it, index, &entries))?;
        let held_minor = unit.order(made)?.credit_held_minor();

        let lines = &self.returns[index].lines;
        let reason_of = |line: i32| lines.iter().find(|it| it.line == line).map(|it| it.reason);
        let whole_fee = restocking_fee(&unit.rules.returns, &share.lines, reason_of);
        let fee = fee_on(whole_fee, value_minor - held_minor, share.value_minor);
        let back = self.amounts.currency.of(value_minor - held_minor - fee);
        let mut refunds: Vec<RefundId> = Vec::new();
        for (payment, part) in self.spread(0, back) {
            let payment = self.payment_index(payment)?;
            refunds.push(self.begin_refund(unit, payment, part, reason)?);
        }
        let it = &mut self.returns[index];
        it.fee_minor += fee;
        it.exchanges.push(Exchange { order: made, value_minor: held_minor });
        let (id, number) = (it.id, it.number);
        let worth = self.amounts.currency.of(share.value_minor);
        let text = format!("return {number}: goods worth {worth} exchanged for order {made}");
        self.record(unit, EventKind::ReturnExchanged, None, text);
        let paid_back = PaidBack {
            share,
            reason,
            retained_minor: held_minor + fee,
            of_return: Some(id),
            of_shipment: None,
            exchanged_for: Some(made),
        };
        self.credit_paid_back(unit, paid_back, refunds)
    }

    /// What an order for a return of this one is made in exchange for.
    fn exchange_of_return(&self, it: &Return) -> Result<ExchangeOf, Refusal> {
        let depth = self.exchange_of.as_ref().map_or(0, |it| it.depth) + 1;
        if depth > EXCHANGES_DEEP_MAX {
            let message =
                format!("goods are exchanged {EXCHANGES_DEEP_MAX} times in a row at most: pay them back");
            return Err(self.unmet_return(Reason::LimitReached, it, message));
        }
        Ok(ExchangeOf {
            order: self.id,
            order_number: self.number,
            of_return: it.id,
            return_number: it.number,
            depth,
        })
    }

    /// The lines of the order that is made in exchange, and every fault of what is wished.
    pub(super) fn exchange_lines(
        &self,
        field: &str,
        wishes: &[Wish<'_>],
    ) -> Result<Vec<ExchangeLine>, Refusal> {
        let mut problems = Problems::default();
        let mut lines = Vec::with_capacity(wishes.len());
        for (nth, wish) in wishes.iter().enumerate() {
            let Some(sold) = self.lines.iter().find(|it| it.number == wish.line) else { continue };
            let Instead { sku, quantity, unit_price } = wish.instead;
            let quantity = quantity.unwrap_or(wish.quantity);
            if quantity < 1 {
                problems.add(format!("{field}[{}].exchange.quantity", wish.entry), "must be at least 1");
                continue;
            }
            let sku = sku.as_ref().unwrap_or(&sold.sku);
            let line = |quantity, unit_price, description: &str| NewLine {
                sku: sku.clone(),
                quantity,
                unit_price,
                discount: None,
                description: description.to_owned(),
            };
            let mut add = |new, share| lines.push(ExchangeLine { new, share, entry: wish.entry });
            let alike = match *sku == sold.sku && unit_price.is_none() {
                true => quantity.min(wish.quantity),
                false => 0,
            };
            if alike > 0 {
                let earlier = wishes[..nth].iter().filter(|it| it.line == wish.line);
                let before = sold.credited_quantity() + earlier.map(|it| it.quantity).sum::<i64>();
                let share = sold.amounts.of_next(alike, before, sold.quantity);
                let price = self.amounts.currency.of(sold.unit_price_minor);
                add(line(alike, Some(price), &sold.description), Some(without_shares(share)));
            }
            if quantity > alike {
                add(line(quantity - alike, *unit_price, ""), None);
            }
        }
        if lines.len() > LINES_MAX {
            let message =
                format!("an order has {LINES_MAX} lines at most, and this one would have {}", lines.len());
            problems.add(field, message);
        }
        problems.into_result()?;
        Ok(lines)
    }

    /// A refusal of the new order, in the words of the call that asks for it.
    fn told_of(&self, refusal: Refusal, index: usize, entries: &[usize]) -> Refusal {
        match refusal {
            Refusal::Unmet { reason, message, state: None, legal: _ } => {
                self.unmet_return(reason, &self.returns[index], message)
            }
            other => at_entries(other, "resolutions", entries),
        }
    }

    /// What of a share is to be paid, once a fee is kept.
    pub(super) fn payable_for(&self, index: usize, share: &Share, fee: i64) -> i64 {
        let mut payable = (share.value_minor - fee).min(self.payable_minor());
        if self.returns[index].of_shipment.is_some() {
            // What was paid back as an amount is not paid again. What is due was never paid.
            let kept = self.captured_minor() - self.refunded_minor() - self.retained_minor();
            let owed = kept - (self.total_minor() - self.due_minor() - share.value_minor) - fee;
            payable = payable.min(owed.max(0));
        }
        payable
    }
}

/// The new order has no discount of its own: what its units had of the old one's is theirs.
fn without_shares(share: LineAmounts) -> LineAmounts {
    LineAmounts {
        discount_minor: share.discount_minor + share.discount_share_minor,
        discount_share_minor: 0,
        ..share
    }
}

/// The same refusal, with the fields of the new order's lines named as the caller's entries ask for them.
pub(super) fn at_entries(refusal: Refusal, field: &str, entries: &[usize]) -> Refusal {
    let Refusal::Invalid(mut problems) = refusal else { return refusal };
    for problem in &mut problems.0 {
        let line = problem.field.strip_prefix("lines[").and_then(|it| it.split_once(']'));
        let entry = line.and_then(|(index, rest)| {
            let index: usize = index.parse().ok()?;
            Some(format!("{field}[{}].exchange{rest}", entries.get(index)?))
        });
        problem.field = entry.unwrap_or_else(|| field.to_owned());
    }
    Refusal::Invalid(problems)
}
