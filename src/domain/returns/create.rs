//! A return is asked for: only what arrived comes back, once, and in time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::model::event::{EventKind, Transition};
use crate::domain::model::invoice::InvoiceLine;
use crate::domain::model::money::part;
use crate::domain::model::order::Order;
use crate::domain::model::policy::{ReturnRules, Rules};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::returns::{Return, ReturnLine, ReturnReason, ReturnState};
use crate::domain::model::scalars::ReturnId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many returns an order has at most, declined ones included.
pub(crate) const RETURNS_MAX: usize = 10;

/// Units of a line that a customer wants to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedUnits {
    pub line: i32,
    pub quantity: i64,
    pub reason: ReturnReason,
    pub note: String,
}

/// Asks for a return.
#[derive(Debug, Clone)]
pub struct CreateReturn {
    pub target: Target,
    pub lines: Vec<ReturnedUnits>,
    /// Why it is taken although the time for it is over. Empty: only in time.
    pub override_reason: String,
}

impl OrderCommand for CreateReturn {
    const NAME: &'static str = "CreateReturn";
    type Output = ReturnId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ReturnId, Refusal> {
        order.create_return(unit, &self.lines, &self.override_reason)
    }
}

impl Order {
    pub fn create_return(
        &mut self,
        unit: &mut UnitOfWork,
        lines: &[ReturnedUnits],
        override_reason: &str,
    ) -> Result<ReturnId, Refusal> {
        self.check_returnable(unit.rules, unit.now, lines, override_reason)?;
        let line = |it: &ReturnedUnits| ReturnLine::new(it.line, it.quantity, it.reason, &it.note);
        let mut opened = self.new_return(unit, lines.iter().map(line).collect());
        opened.override_reason = override_reason.to_owned();
        let id = opened.id;
        let text = opened.in_words();
        self.returns.push(opened);
        self.record(unit, EventKind::ReturnRequested, Some(born(id)), text);
        Ok(id)
    }

    pub(super) fn new_return(&self, unit: &mut UnitOfWork, lines: Vec<ReturnLine>) -> Return {
        Return {
            id: unit.ids.fresh(),
            order: self.id,
            number: i32::try_from(self.returns.len() + 1).unwrap_or(i32::MAX),
            state: ReturnState::Requested,
            of_shipment: None,
            lines,
            override_reason: String::new(),
            end_reason: String::new(),
            transit: None,
            location: None,
            resolutions: 0,
            fee_minor: 0,
            store_credits: Vec::new(),
            requested_by: unit.actor.clone(),
            created_at: unit.now,
            updated_at: unit.now,
            closed_at: None,
            exchanges: Vec::new(),
            awaited_until: None,
        }
    }

    /// Every fault of what is to come back.
    pub(super) fn check_returnable(
        &self,
        rules: &Rules,
        now: Timestamp,
        lines: &[ReturnedUnits],
        override_reason: &str,
    ) -> Result<(), Refusal> {
        if self.goods().all(|it| self.returnable_units(it.number) == 0) {
            let message = "nothing can be sent back: no unit has arrived that is not in a return already";
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        self.check_returned_lines(rules, now, lines, override_reason).into_result()?;
        if self.returns.len() >= RETURNS_MAX {
            let message =
                format!("an order has {RETURNS_MAX} returns at most; RefundPayment pays back by line");
            return Err(self.unmet(Reason::LimitReached, message));
        }
        Ok(())
    }

    fn check_returned_lines(
        &self,
        rules: &Rules,
        now: Timestamp,
        lines: &[ReturnedUnits],
        override_reason: &str,
    ) -> Problems {
        let window = Duration::from_secs(u64::from(rules.returns.window_days) * 86_400);
        let mut problems = Problems::default();
        let mut named = BTreeSet::new();
        let mut late = Vec::new();
        for (it, index) in lines.iter().zip(0..) {
            let line = it.line;
            if !self.lines.iter().any(|it| it.number == line) {
                let message = format!("the order has no line {line}, but {}", self.lines.len());
                problems.add(format!("lines[{index}].line_number"), message);
                continue;
            }
            if !named.insert(line) {
                problems.add(format!("lines[{index}].line_number"), format!("names line {line} again"));
                continue;
            }
            let left = self.returnable_units(line);
            if it.quantity < 1 {
                problems.add(format!("lines[{index}].quantity"), "must be at least 1");
            } else if it.quantity > left {
                let message = format!(
                    "{left} can be sent back, not {}: {} arrived, {} are in returns",
                    it.quantity,
                    self.delivered_units(line),
                    self.returned_units(line)
                );
                problems.add(format!("lines[{index}].quantity"), message);
            }
            if self.line_delivered_at(line).is_some_and(|at| at.plus(window) < now) {
                late.push(line.to_string());
            }
        }
        if lines.is_empty() {
            problems.add("lines", "must name at least one line");
        }
        if !late.is_empty() && override_reason.is_empty() {
            let days = rules.returns.window_days;
            let message = format!(
                "is required: the {days} days in which line {} could be sent back are over",
                late.join(", ")
            );
            problems.add("override_reason", message);
        }
        problems
    }
}

pub(super) fn born(id: ReturnId) -> Transition {
    opened(id.0, ReturnState::Requested)
}

impl Return {
    pub(super) fn in_words(&self) -> String {
        format!("return {}: {} units of {} lines", self.number, self.units(), self.lines.len())
    }
}

/// What is kept of the shares of units that came back for the customer's own reasons.
pub(super) fn restocking_fee(
    rules: &ReturnRules,
    shares: &[InvoiceLine],
    reason: impl Fn(i32) -> Option<ReturnReason>,
) -> i64 {
    let of_line = |it: &InvoiceLine| match reason(it.line).is_some_and(ReturnReason::is_the_customers) {
        true => part(it.amounts.total_minor, rules.restocking_fee_ppm),
        false => 0,
    };
    shares.iter().map(of_line).sum()
}
