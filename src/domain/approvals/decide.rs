//! A person decides about an approval, or its time runs out.

use crate::domain::model::action::Action;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ApprovalId;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// The calls that decide an approval.
const DECIDING: [Action; 2] = [Action::ApproveRequest, Action::RejectRequest];

impl Order {
    /// A person's yes or no to a gate. Who had a hand in what it is about may not decide.
    pub fn decide_approval(
        &mut self,
        unit: &mut UnitOfWork,
        id: ApprovalId,
        decision: Decision,
        comment: &str,
    ) -> Result<(), Refusal> {
        let index = self
            .approvals
            .iter()
            .position(|it| it.id == id)
            .ok_or_else(|| Refusal::not_found("approval", id))?;
        let approval = &self.approvals[index];
        if approval.state != ApprovalState::Pending {
            let message = format!("the approval is {} already", approval.state);
            return Err(self.unmet_part(Reason::ApprovalDecided, approval.state.as_str(), message));
        }
        if let Some(why) = self.why_not_to_decide(unit, approval) {
            return Err(self.unmet(Reason::SelfApproval, why).without(&DECIDING));
        }
        if approval.expires_at.is_some_and(|it| it <= unit.now) {
            let refusal = self.unmet(Reason::ApprovalDecided, "the approval has expired");
            return Err(refusal.without(&DECIDING));
        }
        let (gate, change) = (approval.gate, approval.change);
        if decision == Decision::Approve {
            self.must_be_free()?;
        }
        if decision == Decision::Approve
            && gate == Gate::Reservation
            && change.is_none()
            && self.current_reservation().is_none_or(|it| it.is_expired(unit.now))
        {
            let refusal = self.unmet(Reason::ReservationExpired, "the reservation has expired");
            return Err(refusal.without(&[Action::ApproveRequest]));
        }

        let (to, kind) = match decision {
            Decision::Approve => (ApprovalState::Approved, EventKind::ApprovalGranted),
            Decision::Reject => (ApprovalState::Rejected, EventKind::ApprovalRejected),
        };
        self.end_approval(unit, index, to, kind, comment)?;
        match decision {
            Decision::Approve => {
                if gate == Gate::Reservation {
                    self.extend_reservation(unit);
                }
                self.promise_anew(unit, PromiseOccasion::Approval);
                if let Some(change) = change {
                    self.tell_supplement(unit, change);
                }
                Ok(())
            }
            Decision::Reject if change.is_some() => self.take_back(unit, change, "not approved"),
            Decision::Reject => {
                let text = format!("{} rejected", gate.as_str().to_lowercase());
                self.reject(unit, &text)
            }
        }
    }

    pub(in crate::domain) fn end_approval(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: ApprovalState,
        kind: EventKind,
        comment: &str,
    ) -> Result<(), Refusal> {
        let approval = &mut self.approvals[index];
        let step = step_between(approval.id.0, approval.state, to)?;
        approval.state = to;
        approval.decided_by = Some(unit.actor.clone());
        approval.decided_principal = unit.acting_principal();
        approval.decided_event = Some(self.last_event + 1);
        approval.decided_at = Some(unit.now);
        approval.comment = comment.to_owned();
        let text = format!("{} approval {} {to}", approval.gate.as_str().to_lowercase(), approval.id);
        self.record(unit, kind, Some(step), text);
        Ok(())
    }
}

/// A person's decision on an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Reject,
}

/// A named person's yes or no to a gate; what follows from it is part of the same change.
#[derive(Debug, Clone)]
pub struct DecideApproval {
    pub target: Target,
    pub approval: ApprovalId,
    pub decision: Decision,
    pub comment: String,
}

impl OrderCommand for DecideApproval {
    const NAME: &'static str = "DecideApproval";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.decide_approval(unit, self.approval, self.decision, &self.comment)
    }
}
