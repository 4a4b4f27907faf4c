//! What a return would bring the customer, and what an exchange would cost. Nothing is changed.

use std::collections::BTreeMap;

use crate::domain::model::invoice::InvoiceLine;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::money::Money;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::returns::ResolvedUnits;
use crate::domain::model::returns::ReturnReason;
use crate::domain::model::scalars::{OrderId, Sku};
#[cfg(test)]
use crate::domain::model::time::Timestamp;
use crate::domain::returns::create::{ReturnedUnits, restocking_fee};
use crate::domain::returns::exchange::{Wish, at_entries, fee_on, goods_only, wishes};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Asks what a return would bring.
#[derive(Debug, Clone)]
pub struct SimulateReturn {
    pub order: OrderId,
    pub lines: Vec<ReturnedUnits>,
    pub override_reason: String,
    /// Units that are exchanged, and what for; the others are paid back.
    pub exchanged: Vec<ResolvedUnits>,
    /// The products of the order, as far as an exchange may be for them.
    pub skus: Vec<Sku>,
}

/// What a return would bring the customer, if all of it is paid back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnQuote {
    /// The units with their shares, without what is paid back already.
    pub lines: Vec<InvoiceLine>,
    /// What the units come to, with shipping if it goes back.
    pub value: Money,
    pub shipping_minor: i64,
    /// What is kept for putting it back on the shelf.
    pub fee: Money,
    /// What would be paid back.
    pub refund: Money,
    /// Of the units that are exchanged; the others are above.
    pub exchange: Option<ExchangeQuote>,
}

/// What an exchange would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeQuote {
    pub lines: Vec<InvoiceLine>,
    pub total: Money,
    /// What the units are worth that are exchanged.
    pub value: Money,
    pub to_pay: Money,
    pub fee: Money,
    /// What would be paid back of the value.
    pub refund: Money,
}

impl SimulateReturn {
    /// The same, with the products that the order's lines are of.
    #[must_use]
    pub fn with_products_of(mut self, order: &Order) -> Self {
        if !self.exchanged.is_empty() {
            self.skus = order.lines.iter().map(|it| it.sku.clone()).collect();
        }
        self
    }

    fn reason_of(&self, line: i32) -> Option<ReturnReason> {
        self.lines.iter().find(|it| it.line == line).map(|it| it.reason)
    }

    /// Every fault of the units that are to be exchanged; how many these are, line by line.
    fn exchanged_units(&self, order: &Order) -> Result<BTreeMap<i32, i64>, Refusal> {
        let mut problems = Problems::default();
        let mut units: BTreeMap<i32, i64> = BTreeMap::new();
        for (it, index) in self.exchanged.iter().zip(0..) {
            let Some(asked) = self.lines.iter().find(|line| line.line == it.line) else {
                let message = format!("line {} does not come back", it.line);
                problems.add(format!("exchanges[{index}].line_number"), message);
                continue;
            };
            let sum = units.entry(it.line).or_default();
            *sum = sum.saturating_add(it.quantity);
            let unpaid = order.unpaid_units(it.line, asked.quantity);
            let kept = (asked.quantity - *sum).max(0);
            let most = unpaid - order.unpaid_units(it.line, kept);
            if *sum > asked.quantity || *sum > most {
                let message =
                    format!("{} units come back, of which {unpaid} are not paid back", asked.quantity);
                problems.add(format!("exchanges[{index}].quantity"), message);
            }
        }
        problems.into_result().map(|()| units)
    }
}

impl Command for SimulateReturn {
    const NAME: &'static str = "SimulateReturn";
    type Output = ReturnQuote;

    fn reads(&self) -> ReadSet {
        let named = self.exchanged.iter().filter_map(|it| it.instead.sku.clone());
        let products = named.chain(self.skus.iter().cloned()).collect();
        ReadSet { orders: vec![self.order], products, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<ReturnQuote, Refusal> {
        let mut order = unit.take_order(self.order)?;
        order.check_returnable(unit.rules, unit.now, &self.lines, &self.override_reason)?;
        let exchanged = self.exchanged_units(&order)?;
        let left = |it: &ReturnedUnits| ReturnedUnits {
            quantity: it.quantity - exchanged.get(&it.line).copied().unwrap_or(0),
            ..it.clone()
        };
        let rest: Vec<_> = self.lines.iter().map(left).collect();
        let quote = order.quote_units(unit.rules, &rest);
        if self.exchanged.is_empty() {
            return Ok(quote);
        }
        // Refunds come first.
        for it in &quote.lines {
            for line in order.lines.iter_mut().filter(|line| line.number == it.line) {
                line.refunded_quantity += it.quantity;
            }
        }
        let payable_minor = (order.payable_minor() - quote.refund.minor - quote.fee.minor).max(0);
        let exchange = Some(self.exchange(unit, &order, &exchanged, payable_minor)?);
        Ok(ReturnQuote { exchange, ..quote })
    }
}

impl SimulateReturn {
    fn exchange(
        &self,
        unit: &UnitOfWork<'_>,
        order: &Order,
        exchanged: &BTreeMap<i32, i64>,
        payable_minor: i64,
    ) -> Result<ExchangeQuote, Refusal> {
        let rules = &unit.rules.returns;
        let units: Vec<_> = exchanged
            .iter()
            .map(|(line, quantity)| RefundedUnits { line: *line, quantity: *quantity })
            .collect();
        let share = order.share_of(&goods_only(rules), &units);
        let value_minor = share.value_minor.min(payable_minor);
        let wishes: Vec<Wish<'_>> = wishes(&self.exchanged);
        let lines = order.exchange_lines("exchanges", &wishes)?;
        let entries: Vec<usize> = lines.iter().map(|it| it.entry).collect();
        let priced = order.price_in_exchange(unit, &lines);
        let (lines, amounts) = priced.map_err(|it| at_entries(it, "exchanges", &entries))?;

        let held_minor = value_minor.min(amounts.total_minor);
        let whole_fee = restocking_fee(rules, &share.lines, |line| self.reason_of(line));
        let fee_minor = fee_on(whole_fee, value_minor - held_minor, share.value_minor);
        let money = |minor| amounts.currency.of(minor);
        Ok(ExchangeQuote {
            lines: lines.iter().map(InvoiceLine::of).collect(),
            total: money(amounts.total_minor),
            value: money(share.value_minor),
            to_pay: money(amounts.total_minor - held_minor),
            fee: money(fee_minor),
            refund: money(value_minor - held_minor - fee_minor),
        })
    }
}

impl Order {
    /// What a return of these units would bring; refused as it would be.
    #[cfg(test)]
    pub fn quote_return(
        &self,
        rules: &Rules,
        now: Timestamp,
        lines: &[ReturnedUnits],
        override_reason: &str,
    ) -> Result<ReturnQuote, Refusal> {
        self.check_returnable(rules, now, lines, override_reason)?;
        Ok(self.quote_units(rules, lines))
    }

    fn quote_units(&self, rules: &Rules, lines: &[ReturnedUnits]) -> ReturnQuote {
        let unpaid = |it: &ReturnedUnits| RefundedUnits {
            line: it.line,
            quantity: self.unpaid_units(it.line, it.quantity),
        };
        let units: Vec<_> = lines.iter().map(unpaid).collect();
        let share = self.share_of(&rules.returns, &units);
        let reason = |line: i32| lines.iter().find(|it| it.line == line).map(|it| it.reason);
        let fee = restocking_fee(&rules.returns, &share.lines, reason);
        let currency = self.amounts.currency;
        let refund = (share.value_minor - fee).min(self.payable_minor());
        ReturnQuote {
            value: currency.of(share.value_minor),
            shipping_minor: share.shipping_minor(),
            fee: currency.of(fee),
            refund: currency.of(refund),
            lines: share.lines,
            exchange: None,
        }
    }
}
