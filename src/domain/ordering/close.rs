//! Step 18: an order is closed when nothing is open any more.

use std::collections::BTreeMap;

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ReturnId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Step 18.
#[derive(Debug, Clone)]
pub struct CloseOrder {
    pub target: Target,
}

impl OrderCommand for CloseOrder {
    const NAME: &'static str = "CloseOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.close(unit)
    }
}

impl Order {
    /// Step 18, asked for by a person: everything is done and nothing is owed.
    pub fn close(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Closed) {
            return Err(self.out_of_turn("close"));
        }
        let open = self.why_open();
        if !open.is_empty() {
            let message = format!("the order is not finished: {}", open.join("; "));
            return Err(self.unmet(Reason::OrderNotClosable, message));
        }
        self.expire_feedback(unit, "closed without feedback")?;
        self.lapse_change(unit)?;
        self.end_losses(unit)?;
        self.closed_at = Some(unit.now);
        self.transition(unit, OrderState::Closed, EventKind::OrderClosed, "nothing is open any more")
    }

    /// What still keeps a delivered order open, in words. They name no amount: who may not see amounts reads them too.
    pub fn why_open(&self) -> Vec<String> {
        let mut open = Vec::new();
        if self.on_hold() {
            open.push("a hold is active".to_owned());
        }
        if self.approvals.iter().any(|it| it.state == ApprovalState::Pending) {
            open.push("an approval is pending".to_owned());
        }
        if self.waits_for_rest() {
            open.push(self.rest_words());
        }
        if self.has_open_money() {
            open.push("a payment or refund is under way".to_owned());
        }
        if self.due_minor() > 0 {
            open.push("an amount is due".to_owned());
        }
        if self.surplus_minor() > 0 {
            open.push("amounts for what came back or was cancelled are to be paid back".to_owned());
        }
        if self.open_services().next().is_some() {
            open.push(format!("services are not done: {}", self.open_services_named()));
        }
        // A loss that is paid for otherwise needs no answer.
        for it in self.returns.iter().filter(|it| it.is_open() && !it.is_loss()) {
            open.push(format!("return {} is {}", it.number, it.state));
        }
        for shipment in self.live_shipments() {
            match shipment.state {
                ShipmentState::Delivered => {}
                ShipmentState::Returned | ShipmentState::Lost => {}
                state => open.push(format!("shipment {} is {state}", shipment.number)),
            }
        }
        let lost = self.undelivered_value_minor();
        let paid_back = self.paid_back_by_amount_minor();
        if lost > paid_back {
            open.push("returned or lost goods are not paid back".to_owned());
        }
        open
    }

    /// What was paid back as an amount: beyond what was taken off the order's total, for cancelled units and for units that
    /// were named.
    fn paid_back_by_amount_minor(&self) -> i64 {
        let refunds = self.payments.iter().flat_map(|it| &it.refunds);
        let succeeded = refunds.filter(|it| it.state == RefundState::Succeeded);
        let paid_back = succeeded.fold(0_i64, |sum, it| sum.saturating_add(it.amount.minor));
        let owed = self.total_minor().saturating_add(self.retained_minor());
        owed.saturating_add(paid_back).saturating_sub(self.captured_minor()).max(0)
    }

    /// What the customer paid for goods that ended returned or lost, and that are neither cancelled nor paid back by line,
    /// to the minor unit below.
    fn undelivered_value_minor(&self) -> i64 {
        let astray = self.live_shipments().filter(|it| it.is_astray()).flat_map(|it| &it.items);
        let mut units: BTreeMap<i32, i64> = BTreeMap::new();
        for item in astray {
            let astray = units.entry(item.line).or_default();
            *astray = astray.saturating_add(item.remaining());
        }
        let values = self.lines.iter().map(|line| {
            let astray = units.get(&line.number).copied().unwrap_or(0);
            paid_for_units_minor(line, astray.saturating_sub(self.refunded_undelivered(line.number)).max(0))
        });
        values.fold(0, i64::saturating_add)
    }

    /// Units of a line that were paid back or credited by line although they had not arrived; also those of which it turned
    /// out later that they had not, when a report came late.
    fn refunded_undelivered(&self, line: i32) -> i64 {
        let undelivered =
            |id: ReturnId| self.returns.iter().any(|it| it.id == id && it.of_shipment.is_some());
        let units_of = |of_delivered: bool| {
            let refunds = self.line_refunds.iter();
            let meant = refunds.filter(|it| it.of_return.is_none_or(undelivered) != of_delivered);
            let units = meant.flat_map(|it| &it.units).filter(|it| it.line == line);
            units.fold(0_i64, |sum, it| sum.saturating_add(it.quantity))
        };
        let late = units_of(true).saturating_sub(self.delivered_units(line)).max(0);
        // Units that came back after they were paid back had arrived.
        let came_back = self.returns.iter().filter(|it| it.of_shipment.is_none() && it.counts());
        let came_back = came_back.flat_map(|it| &it.lines).filter(|it| it.line == line);
        let arrived = came_back.fold(0_i64, |sum, it| sum.saturating_add(it.paid_before));
        units_of(false).saturating_sub(arrived).max(0).saturating_add(late)
    }
}

fn paid_for_units_minor(line: &OrderLine, units: i64) -> i64 {
    let share = i128::from(line.amounts.total_minor) * i128::from(units) / i128::from(line.quantity.max(1));
    i64::try_from(share).unwrap_or(i64::MAX)
}
