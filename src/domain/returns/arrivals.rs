//! Goods that were authorised to come back and never arrive. After a while nobody waits for them any more: a return of which
//! nothing came is cancelled, the others go on with what came.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::policy::ReturnRules;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::{Return, ReturnState};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Return {
    /// Waits for its goods anew, if any are awaited, for as long as the settings say now. What was told of the end holds when
    /// the settings change.
    pub(super) fn wait_anew(&mut self, rules: &ReturnRules, now: Timestamp) {
        let patience = Duration::from_secs(rules.arrival_seconds);
        self.awaited_until = (self.is_awaited() && !patience.is_zero()).then(|| now.plus(patience));
    }

    fn is_untouched(&self) -> bool {
        self.lines.iter().all(|it| it.received == 0 && it.missing == 0)
    }
}

impl Order {
    /// When the goods of a return are waited for no longer.
    pub(in crate::domain) fn arrivals_end(&self) -> Option<Timestamp> {
        self.returns.iter().filter_map(|it| it.awaited_until).min()
    }

    /// Ends the wait for goods that have not arrived in time.
    pub(in crate::domain) fn end_arrivals(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.returns.len() {
            if self.returns[index].awaited_until.is_some_and(|it| it <= unit.now) {
                self.end_arrival(unit, index)?;
            }
        }
        Ok(())
    }

    /// If no unit arrived or is missing, the return is cancelled, and its units may be asked for again.
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
