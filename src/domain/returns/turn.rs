//! Where a return stands: the calls that are open, the units that may still come back, and refusals that say so.

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{Return, ReturnLine, ReturnState};
use crate::domain::model::scalars::ReturnId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The calls about a return.
pub(in crate::domain) const OF_RETURNS: [Action; 8] = [
    Action::AuthorizeReturn,
    Action::DeclineReturn,
    Action::CancelReturn,
    Action::RecordReturnTransit,
    Action::ReceiveReturn,
    Action::InspectReturn,
    Action::ResolveReturn,
    Action::CloseReturn,
];

impl Return {
    /// The calls that would not be refused for its state.
    pub fn available_actions(&self) -> Vec<Action> {
        let mut actions = match self.state {
            ReturnState::Requested => {
                vec![Action::AuthorizeReturn, Action::DeclineReturn, Action::CancelReturn]
            }
            ReturnState::Authorized => {
                vec![Action::CancelReturn, Action::RecordReturnTransit, Action::ReceiveReturn]
            }
            ReturnState::InTransit => {
                vec![Action::RecordReturnTransit, Action::ReceiveReturn, Action::InspectReturn]
            }
            ReturnState::PartiallyReceived => vec![Action::ReceiveReturn, Action::InspectReturn],
            ReturnState::Received => vec![Action::InspectReturn],
            ReturnState::Inspected => vec![Action::ResolveReturn],
            ReturnState::Resolved => vec![Action::CloseReturn],
            ReturnState::Closed | ReturnState::Declined | ReturnState::Cancelled => Vec::new(),
        };
        if self.lines.iter().all(|it| it.expected() == 0) {
            actions.retain(|it| *it != Action::ReceiveReturn);
        }
        actions
    }
}

impl Order {
    pub fn return_of(&self, id: ReturnId) -> Result<&Return, Refusal> {
        self.returns.iter().find(|it| it.id == id).ok_or_else(|| Refusal::not_found("return", id))
    }

    /// The return if the call is open in its state.
    pub(super) fn return_index(&self, id: ReturnId, action: Action, what: &str) -> Result<usize, Refusal> {
        let found = self.returns.iter().position(|it| it.id == id);
        let index = found.ok_or_else(|| Refusal::not_found("return", id))?;
        let it = &self.returns[index];
        if !it.available_actions().contains(&action) {
            let message = format!("cannot {what}: the return is {}", it.state);
            return Err(self.unmet_return(Reason::IllegalTransition, it, message));
        }
        Ok(index)
    }

    /// A refusal about one of its returns: its own calls, or the order's when it is over.
    pub(super) fn unmet_return(&self, reason: Reason, it: &Return, message: impl Into<String>) -> Refusal {
        let (state, legal) = (Some(it.state.as_str()), it.available_actions());
        let refusal = Refusal::Unmet { reason, message: message.into(), state, legal };
        refusal.instead(|| self.available_actions())
    }

    /// Moves a return to a state, or leaves it there, and writes down what the caller did.
    pub(super) fn turn_return(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: ReturnState,
        kind: EventKind,
        text: &str,
    ) -> Result<(), Refusal> {
        let it = &mut self.returns[index];
        let step = match it.state == to {
            true => None,
            false => Some(step_between(it.id.0, it.state, to)?),
        };
        it.state = to;
        it.updated_at = unit.now;
        it.wait_anew(&unit.rules.returns, unit.now);
        let text = format!("return {}: {text}", it.number);
        self.record(unit, kind, step, text);
        Ok(())
    }

    /// Writes to the customer about a return, once of each kind.
    pub(super) fn tell_of_return(&mut self, unit: &mut UnitOfWork, index: usize, kind: MessageKind) {
        let number = i64::from(self.returns[index].number);
        self.notify(unit, kind, None, number);
    }

    /// Units of a line that arrived at the customer.
    pub(in crate::domain) fn delivered_units(&self, line: i32) -> i64 {
        self.units_of_shipments(line, |it| it.state == ShipmentState::Delivered)
    }

    pub(super) fn units_of_shipments(&self, line: i32, are_meant: impl Fn(&Shipment) -> bool) -> i64 {
        let meant = self.live_shipments().filter(|it| are_meant(it));
        let items = meant.flat_map(|it| &it.items).filter(|it| it.line == line);
        items.fold(0, |sum, it| sum.saturating_add(it.remaining()))
    }

    /// When the last units of a line arrived.
    pub(super) fn line_delivered_at(&self, line: i32) -> Option<Timestamp> {
        let has = |it: &&Shipment| it.items.iter().any(|item| item.line == line);
        let arrived = self.live_shipments().filter(|it| it.state == ShipmentState::Delivered).filter(has);
        arrived.map(|it| it.proof.as_ref().map_or(it.updated_at, |proof| proof.at)).max()
    }

    /// Units of a line that may still be sent back: those that arrived, without those of returns. A shipment that came back
    /// undelivered has a return of its own.
    pub fn returnable_units(&self, line: i32) -> i64 {
        let came_back = |it: &Shipment| self.has_return_of(it);
        let apart = |it: &Shipment| it.state == ShipmentState::Delivered && !came_back(it);
        let of_customer = self.returns.iter().filter(|it| it.counts() && it.of_shipment.is_none());
        let units = of_customer.flat_map(|it| &it.lines).filter(|it| it.line == line);
        (self.units_of_shipments(line, apart) - units.map(|it| it.quantity).sum::<i64>()).max(0)
    }

    /// Whether a shipment opened a return by itself.
    pub(super) fn has_return_of(&self, shipment: &Shipment) -> bool {
        self.returns.iter().any(|it| it.of_shipment == Some(shipment.id) && it.counts())
    }

    pub fn has_open_return(&self) -> bool {
        self.returns.iter().any(Return::is_open)
    }

    /// The lines of returns that count.
    pub fn returned_lines(&self) -> impl Iterator<Item = &ReturnLine> {
        self.returns.iter().filter(|it| it.counts()).flat_map(|it| &it.lines)
    }
}
