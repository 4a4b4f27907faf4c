//! The refusals that all steps share: the order is on hold, or in another state.

use crate::domain::model::action::Action;
use crate::domain::model::hold::HoldState;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::shipment::Shipment;

/// The calls that begin or capture a payment.
pub(in crate::domain) const PAYING: [Action; 3] =
    [Action::AuthorizePayment, Action::CapturePayment, Action::RecordPayment];

impl Order {
    /// A refusal that says where the order stands and what may be done with it instead.
    pub(in crate::domain) fn unmet(&self, reason: Reason, message: impl Into<String>) -> Refusal {
        self.unmet_part(reason, self.state.as_str(), message)
    }

    /// The same about a part of the order that no call of its own is open for.
    pub(in crate::domain) fn unmet_part(
        &self,
        reason: Reason,
        state: &'static str,
        message: impl Into<String>,
    ) -> Refusal {
        let legal = self.available_actions();
        Refusal::Unmet { reason, message: message.into(), state: Some(state), legal }
    }

    /// The same about one of its shipments: its own calls, or the order's when it is done with.
    pub(in crate::domain) fn unmet_shipment(
        &self,
        reason: Reason,
        shipment: &Shipment,
        message: impl Into<String>,
    ) -> Refusal {
        let (state, legal) = (Some(shipment.state.as_str()), self.actions_of(shipment));
        let refusal = Refusal::Unmet { reason, message: message.into(), state, legal };
        refusal.instead(|| self.available_actions())
    }
}

impl Order {
    /// Refuses a forward move of an order on hold.
    pub(in crate::domain) fn must_be_free(&self) -> Result<(), Refusal> {
        let Some(hold) = self.holds.iter().find(|it| it.state == HoldState::Active) else { return Ok(()) };
        let message = format!("hold {} ({}) is active; release it first", hold.id, hold.reason);
        Err(self.unmet(Reason::HoldActive, message))
    }

    /// Refuses a step that belongs to other states, saying what may be done now.
    pub(in crate::domain) fn out_of_turn(&self, what: &str) -> Refusal {
        self.unmet(Reason::IllegalTransition, format!("cannot {what}: the order is {}", self.state))
    }
}
