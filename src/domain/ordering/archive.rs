//! Step 19: an order goes to the archive, and may be brought back.

use crate::domain::model::event::{EventKind, Machine, Transition};
use crate::domain::model::message::MessageState;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Step 19.
#[derive(Debug, Clone)]
pub struct ArchiveOrder {
    pub target: Target,
}

impl OrderCommand for ArchiveOrder {
    const NAME: &'static str = "ArchiveOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.archive(unit)
    }
}

/// Brings an archived order back to the state in which it had ended.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    pub target: Target,
    pub reason: String,
}

impl OrderCommand for RestoreOrder {
    const NAME: &'static str = "RestoreOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.restore(unit, &self.reason)
    }
}

impl Order {
    /// Step 19: out of the way of the day's work. Money can still go back, and late reports of couriers are recorded.
    pub fn archive(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if let Some(at) = self.archived_at {
            let message = format!("the order is in the archive already, since {at}");
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        if !self.state.may_become(OrderState::Archived) {
            return Err(self.out_of_turn("archive"));
        }
        let open = self.why_not_archivable();
        if !open.is_empty() {
            let message = format!("the order cannot be archived yet: {}", open.join("; "));
            return Err(self.unmet(Reason::NotArchivable, message));
        }

        self.expire_feedback(unit, "archived without feedback")?;
        self.archived_from = Some(self.state);
        self.archived_at = Some(unit.now);
        self.sealed = unit.rules.archive_key;
        self.transition(unit, OrderState::Archived, EventKind::OrderArchived, "moved to the archive")?;
        Ok(())
    }

    /// Back among the orders of the day, as it was before. It goes to the archive again by itself in time, counted from
    /// now.
    pub fn restore(&mut self, unit: &mut UnitOfWork, reason: &str) -> Result<(), Refusal> {
        let Some(to) = self.archived_from.filter(|_| self.is_archived()) else {
            return Err(self.out_of_turn("restore"));
        };
        let step = Transition {
            machine: Machine::Order,
            subject: self.id.0,
            from: self.state.to_string(),
            to: to.to_string(),
        };
        self.state = to;
        (self.archived_from, self.archived_at, self.sealed) = (None, None, None);
        self.restored_at = Some(unit.now);
        self.restore_reason = reason.to_owned();
        self.record(unit, EventKind::OrderRestored, Some(step), "brought back from the archive");
        Ok(())
    }

    /// What still keeps an order that is over out of the archive, in words that name no amount.
    pub fn why_not_archivable(&self) -> Vec<String> {
        let mut open = Vec::new();
        if self.has_open_money() {
            open.push("a payment or refund is under way".to_owned());
        }
        let kept = self.payable_minor();
        if self.archived_from.unwrap_or(self.state) != OrderState::Closed && kept > 0 {
            open.push("an amount of a refused refund is to be paid back".to_owned());
        }
        for it in self.returns.iter().filter(|it| it.is_open()) {
            open.push(format!("return {} is {}", it.number, it.state));
        }
        if self.messages.iter().any(|it| it.state == MessageState::Queued) {
            open.push("a message to the customer is waiting to be sent".to_owned());
        }
        if self.open_bookings().next().is_some() {
            open.push("a courier has not answered yet".to_owned());
        }
        open
    }
}
