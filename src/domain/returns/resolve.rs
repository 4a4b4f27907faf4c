//! What the customer gets for goods that came back: money, a code for the next order, other goods, a repair, or nothing.

use std::collections::BTreeMap;

use crate::domain::billing::refund_lines::{PaidBack, Share};
use crate::domain::discounts::offer::fresh_code;
use crate::domain::model::action::Action;
use crate::domain::model::discount::{DiscountCode, DiscountKey, Gives, StoreCredit};
use crate::domain::model::event::EventKind;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::Money;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::returns::{ResolvedUnits, Return, ReturnResolution, ReturnState};
use crate::domain::model::scalars::{RefundId, ReturnId};
use crate::domain::returns::create::restocking_fee;
use crate::domain::returns::exchange::{Wish, wishes};
use crate::domain::returns::receive::{line_of, not_in_it};
use crate::domain::unit::command::{FURTHER_READS_MAX, OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How often customers are answered by one return: the last time for all units that are left. It bounds the size of an order,
/// and promises nothing to anybody (decision 35).
pub(crate) const RESOLUTIONS_MAX: u32 = 2;

/// Answers the customer, for all units or some.
#[derive(Debug, Clone)]
pub struct ResolveReturn {
    pub target: Target,
    pub id: ReturnId,
    pub resolutions: Vec<ResolvedUnits>,
    pub reason: String,
}

impl OrderCommand for ResolveReturn {
    const NAME: &'static str = "ResolveReturn";
    type Output = ReturnId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        let exchanged = wishes(&self.resolutions);
        if exchanged.is_empty() {
            return ReadSet::default();
        }
        // Products that are named. Those exchanged for the same, and the customer, are known once the order is read.
        let skus = exchanged.iter().filter_map(|it| it.instead.sku.clone()).collect();
        ReadSet { skus, further_reads: FURTHER_READS_MAX, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ReturnId, Refusal> {
        order.resolve_return(unit, self.id, &self.resolutions, &self.reason).map(|()| self.id)
    }
}

impl Order {
    pub fn resolve_return(
        &mut self,
        unit: &mut UnitOfWork,
        id: ReturnId,
        resolutions: &[ResolvedUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        let index = self.return_index(id, Action::ResolveReturn, "resolve")?;
        check_resolved(&self.returns[index], resolutions).into_result()?;
        self.must_be_answered_in_time(index, resolutions)?;

        let before = self.returns[index].units_paid_before();
        self.returns[index].resolutions += 1;
        let paid_back = self.count_answered(index, resolutions, ReturnResolution::Refund);
        self.pay_return_back(unit, index, &paid_back, reason)?;
        let credited = self.count_answered(index, resolutions, ReturnResolution::StoreCredit);
        self.give_store_credit(unit, index, &credited, reason)?;
        let exchanged = self.count_answered(index, resolutions, ReturnResolution::Exchange);
        must_be_unpaid(resolutions, &exchanged)?;
        self.exchange_units(unit, index, &exchanged, resolutions, reason)?;
        self.count_answered(index, resolutions, ReturnResolution::Repair);
        self.count_answered(index, resolutions, ReturnResolution::Reject);

        let is_done = self.returns[index].lines.iter().all(|it| it.unresolved() == 0);
        let to = if is_done { ReturnState::Resolved } else { ReturnState::Inspected };
        let units: i64 = resolutions.iter().map(|it| it.quantity).sum();
        let text = match self.returns[index].units_paid_before() - before {
            0 => format!("{units} units answered"),
            paid => format!("{units} units answered, {paid} of them paid back before"),
        };
        self.turn_return(unit, index, to, EventKind::ReturnResolved, &text)?;
        if is_done {
            self.tell_of_return(unit, index, MessageKind::ReturnResolved);
        }
        Ok(())
    }

    /// Counts the units with this resolution. Returns them, without those whose money went back before.
    fn count_answered(
        &mut self,
        index: usize,
        resolutions: &[ResolvedUnits],
        resolution: ReturnResolution,
    ) -> Vec<RefundedUnits> {
        let mut counted = units_of(resolutions, resolution);
        for it in &mut counted {
            let pays = match resolution {
                ReturnResolution::Refund | ReturnResolution::StoreCredit | ReturnResolution::Exchange => {
                    match self.returns[index].of_shipment {
                        Some(shipment) => self.unpaid_units_of_shipment(shipment, it.line, it.quantity),
                        None => self.unpaid_units(it.line, it.quantity),
                    }
                }
                ReturnResolution::Repair | ReturnResolution::Reject => it.quantity,
            };
            let line = line_of(&mut self.returns[index], it.line);
            line.paid_before += it.quantity - pays;
            *line.resolved(resolution) += pays;
            it.quantity = pays;
        }
        counted.retain(|it| it.quantity > 0);
        counted
    }

    /// The last answer has to be for all that is left: so their number is bounded, and no unit is left without one.
    fn must_be_answered_in_time(&self, index: usize, resolutions: &[ResolvedUnits]) -> Result<(), Refusal> {
        let it = &self.returns[index];
        let left: i64 = it.lines.iter().map(|it| it.unresolved()).sum();
        let answered: i64 = resolutions.iter().map(|it| it.quantity).sum();
        if answered == left || it.resolutions + 1 < RESOLUTIONS_MAX {
            return Ok(());
        }
        let message =
            format!("a return is resolved {RESOLUTIONS_MAX} times at most: resolve all {left} units left");
        Err(self.unmet_return(Reason::LimitReached, it, message))
    }

    /// The share of these units in a return, the fee on it, and what is left to pay of it.
    fn share_of_return(&self, unit: &UnitOfWork, index: usize, units: &[RefundedUnits]) -> (Share, i64, i64) {
        let rules = unit.rules;
        let share = self.share_of(&rules.returns, units);
        let lines = &self.returns[index].lines;
        let reason = |line: i32| lines.iter().find(|it| it.line == line).map(|it| it.reason);
        let fee = restocking_fee(&rules.returns, &share.lines, reason);
        let payable = self.payable_for(index, &share, fee);
        (share, fee, payable)
    }

    fn pay_return_back(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        units: &[RefundedUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        let (share, fee, payable) = self.share_of_return(unit, index, units);
        if share.lines.is_empty() {
            return Ok(());
        }
        let mut refunds: Vec<RefundId> = Vec::new();
        let amount = self.amounts.currency.of(payable);
        for (payment, part) in self.spread(0, amount) {
            let payment = self.payment_index(payment)?;
            refunds.push(self.begin_refund(unit, payment, part, reason)?);
        }
        self.returns[index].fee_minor += fee;
        let id = self.returns[index].id;
        self.credit_paid_back(
            unit,
            PaidBack {
                share,
                reason,
                retained_minor: fee,
                of_return: Some(id),
                of_shipment: None,
                exchanged_for: None,
            },
            refunds,
        )
    }

    /// The money stays here, and the customer gets a code for it.
    fn give_store_credit(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        units: &[RefundedUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        let (share, fee, payable) = self.share_of_return(unit, index, units);
        if share.lines.is_empty() {
            return Ok(());
        }
        if payable > 0 {
            let code = self.issue_store_credit(unit, self.amounts.currency.of(payable), index);
            self.returns[index].store_credits.push(code);
        }
        self.returns[index].fee_minor += fee;
        let id = self.returns[index].id;
        let retained_minor = fee + payable;
        self.credit_paid_back(
            unit,
            PaidBack {
                share,
                reason,
                retained_minor,
                of_return: Some(id),
                of_shipment: None,
                exchanged_for: None,
            },
            Vec::new(),
        )
    }

    /// A code with a balance, good for ever: for the customer alone whom the order names.
    fn issue_store_credit(&self, unit: &mut UnitOfWork, amount: Money, index: usize) -> DiscountKey {
        let code = fresh_code(unit, "CREDIT");
        let issued = DiscountCode {
            code: code.clone(),
            version: 1,
            gives: Gives::Credit(StoreCredit {
                worth: amount,
                of_return: self.returns[index].id,
                customer: self.named.as_ref().map(|it| it.id),
                exchange: None,
            }),
            starts_at: None,
            ends_at: None,
            minimums: Vec::new(),
            uses_max: None,
            uses_per_customer_max: None,
            description: format!(
                "store credit for return {} of order {}",
                self.returns[index].number, self.number
            ),
            offered_by: None,
            created_at: unit.now,
            updated_at: unit.now,
            active: true,
        };
        unit.changes.discount_codes.insert(code.clone(), issued.into());
        code
    }
}

/// What was paid back already is not exchanged as well.
fn must_be_unpaid(resolutions: &[ResolvedUnits], exchanged: &[RefundedUnits]) -> Result<(), Refusal> {
    let mut problems = Problems::default();
    for RefundedUnits { line, quantity } in units_of(resolutions, ReturnResolution::Exchange) {
        let left = exchanged.iter().find(|it| it.line == line).map_or(0, |it| it.quantity);
        let is_it = |it: &&Wish<'_>| it.line == line && left < quantity;
        for wish in wishes(resolutions).iter().filter(is_it) {
            let message = format!(
                "{} of the units of line {line} were paid back before: {left} can be exchanged",
                quantity - left
            );
            problems.add(format!("resolutions[{}].quantity", wish.entry), message);
        }
    }
    problems.into_result()
}

/// The units that are answered so, line by line.
fn units_of(resolutions: &[ResolvedUnits], resolution: ReturnResolution) -> Vec<RefundedUnits> {
    let mut units: BTreeMap<i32, i64> = BTreeMap::new();
    for it in resolutions.iter().filter(|it| it.resolution == resolution) {
        *units.entry(it.line).or_default() += it.quantity;
    }
    units.into_iter().map(|(line, quantity)| RefundedUnits { line, quantity }).collect()
}

/// Every fault of what the customer is to get.
fn check_resolved(it: &Return, resolutions: &[ResolvedUnits]) -> Problems {
    let mut problems = Problems::default();
    let mut taken: BTreeMap<i32, i64> = BTreeMap::new();
    for (resolved, index) in resolutions.iter().zip(0..) {
        let Some(line) = it.lines.iter().find(|it| it.line == resolved.line) else {
            problems.add(format!("resolutions[{index}].line_number"), not_in_it(it, resolved.line));
            continue;
        };
        if resolved.quantity < 1 {
            problems.add(format!("resolutions[{index}].quantity"), "must be at least 1");
            continue;
        }
        let used = taken.entry(resolved.line).or_default();
        *used = used.saturating_add(resolved.quantity);
        if *used > line.unresolved() {
            let message = format!(
                "{} units of line {} are to be answered, not {used}",
                line.unresolved(),
                resolved.line
            );
            problems.add(format!("resolutions[{index}].quantity"), message);
        }
    }
    if resolutions.is_empty() {
        problems.add("resolutions", "must name at least one line");
    }
    problems
}
