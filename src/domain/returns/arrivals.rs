//! Goods that were authorised to come back and never arrive. After a while nobody waits for them any more: a return of which
//! nothing came is cancelled, the others go on with what came.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::policy::{ReturnRules, Rules};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::{Return, ReturnState};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Return {
    /// Until when more of it has to arrive, or be heard of; None: no more is expected, or it has as long as it takes.
    pub(in crate::domain) fn awaited_until(&self, rules: &ReturnRules) -> Option<Timestamp> {
        let is_awaited = match self.state {
            ReturnState::Authorized | ReturnState::InTransit | ReturnState::PartiallyReceived => true,
            ReturnState::Requested
            | ReturnState::Received
            | ReturnState::Inspected
            | ReturnState::Resolved
            | ReturnState::Closed
            | ReturnState::Declined
            | ReturnState::Cancelled => false,
        };
        let patience = Duration::from_secs(rules.arrival_seconds);
        // While it is awaited, only what is told of its goods changes it.
        (is_awaited && !patience.is_zero()).then(|| self.updated_at.plus(patience))
    }

    fn is_untouched(&self) -> bool {
        self.lines.iter().all(|it| it.received == 0 && it.missing == 0)
    }
}

impl Order {
    /// When the goods of a return are waited for no longer.
    pub(in crate::domain) fn arrivals_end(&self, rules: &Rules) -> Option<Timestamp> {
        self.returns.iter().filter_map(|it| it.awaited_until(&rules.returns)).min()
    }

    /// Ends the wait for goods that have not arrived in time.
    pub(in crate::domain) fn end_arrivals(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.returns.len() {
            let ends = self.returns[index].awaited_until(&unit.rules.returns);
            if ends.is_some_and(|it| it <= unit.now) {
                self.end_arrival(unit, index)?;
            }
        }
        Ok(())
    }

    /// Without a unit that somebody has decided about it is as if the goods were never sent: they may be asked for again.
    fn end_arrival(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        if self.returns[index].is_untouched() {
            return self.cancel_by_itself(unit, index, "nothing of it arrived in time");
        }
        for line in &mut self.returns[index].lines {
            line.missing += line.expected();
        }
        let to = match self.returns[index].lines.iter().all(|it| it.uninspected() == 0) {
            true => ReturnState::Inspected,
            false => ReturnState::Received,
        };
        let what = "what did not arrive in time is missing";
        self.turn_by_itself(unit, index, to, EventKind::ReturnInspected, what)?;
        if to == ReturnState::Received {
            self.tell_of_return(unit, index, MessageKind::ReturnReceived);
        }
        Ok(())
    }
}
