//! Commands about approvals.

use super::{OrderCommand, Target, with_stock};
use crate::domain::{ApprovalId, Decision, Desk, Order, Refusal, Touch};

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

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.decide_approval(desk, self.approval, self.decision, &self.comment)
    }
}
