//! A return is authorised, declined, cancelled, on its way, or closed.

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::{ReturnState, ReturnTransit};
use crate::domain::model::scalars::ReturnId;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// What a person decides about a return as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnDecision {
    Authorize,
    Decline(String),
    Cancel(String),
    /// It is on its way.
    Transit {
        courier: String,
        tracking_number: String,
    },
    Close,
}

/// Takes a return one step on.
#[derive(Debug, Clone)]
pub struct DecideReturn {
    pub target: Target,
    pub id: ReturnId,
    pub decision: ReturnDecision,
}

impl OrderCommand for DecideReturn {
    const NAME: &'static str = "DecideReturn";
    type Output = ReturnId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ReturnId, Refusal> {
        order.decide_return(unit, self.id, &self.decision).map(|()| self.id)
    }
}

impl Order {
    pub fn decide_return(
        &mut self,
        unit: &mut UnitOfWork,
        id: ReturnId,
        decision: &ReturnDecision,
    ) -> Result<(), Refusal> {
        match decision {
            ReturnDecision::Authorize => {
                let index = self.return_index(id, Action::AuthorizeReturn, "authorise")?;
                let kind = EventKind::ReturnAuthorized;
                self.turn_return(unit, index, ReturnState::Authorized, kind, "authorised")?;
                self.tell_of_return(unit, index, MessageKind::ReturnAuthorized);
                Ok(())
            }
            ReturnDecision::Decline(reason) => {
                let index = self.return_index(id, Action::DeclineReturn, "decline")?;
                self.returns[index].end_reason.clone_from(reason);
                let kind = EventKind::ReturnDeclined;
                self.turn_return(unit, index, ReturnState::Declined, kind, "declined")?;
                self.tell_of_return(unit, index, MessageKind::ReturnDeclined);
                Ok(())
            }
            ReturnDecision::Cancel(reason) => {
                let index = self.return_index(id, Action::CancelReturn, "cancel")?;
                self.returns[index].end_reason.clone_from(reason);
                self.turn_return(unit, index, ReturnState::Cancelled, EventKind::ReturnCancelled, "cancelled")
            }
            ReturnDecision::Transit { courier, tracking_number } => {
                let index = self.return_index(id, Action::RecordReturnTransit, "record its way")?;
                self.returns[index].transit = Some(ReturnTransit {
                    courier: courier.clone(),
                    tracking_number: tracking_number.clone(),
                    at: unit.now,
                });
                self.turn_return(
                    unit,
                    index,
                    ReturnState::InTransit,
                    EventKind::ReturnInTransit,
                    "on its way",
                )
            }
            ReturnDecision::Close => {
                let index = self.return_index(id, Action::CloseReturn, "close")?;
                self.returns[index].closed_at = Some(unit.now);
                let kind = EventKind::ReturnClosed;
                self.turn_return(unit, index, ReturnState::Closed, kind, "every unit is accounted for")
            }
        }
    }
}
