//! Approvals: who let an order pass a gate, under which policy.

use serde::{Deserialize, Serialize};

use crate::domain::model::money::Money;
use crate::domain::model::scalars::{Actor, ApprovalId, OrderChangeId, OrderId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// Step 5 and step 8.
    pub enum Gate {
        Reservation = "RESERVATION",
        Payment = "PAYMENT",
    }
}

string_enum! {
    pub enum ApprovalState {
        Pending = "PENDING",
        Approved = "APPROVED",
        Rejected = "REJECTED",
        Expired = "EXPIRED",
        Withdrawn = "WITHDRAWN",
        AutoApproved = "AUTO_APPROVED",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub id: ApprovalId,
    pub order: OrderId,
    pub gate: Gate,
    pub state: ApprovalState,
    pub amount: Money,
    /// The version of the policy (`approval.version` in settings) that decided, or asked for a person.
    pub policy_version: String,
    /// The rule of the policy that approved or asked, in words.
    pub rule: String,
    /// The actor that caused the request. Neither it nor whoever else had a hand in the order may decide it.
    pub requested_by: Actor,
    pub requested_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub decided_by: Option<Actor>,
    pub decided_at: Option<Timestamp>,
    pub comment: String,
    /// The change that asked for it again. None: it is one of the two gates of the order's way.
    #[serde(default)]
    pub change: Option<OrderChangeId>,
    /// The key or certificate that named who decided, where that is another.
    #[serde(default)]
    pub decided_principal: Option<Actor>,
    /// The sequence of the event by which it was decided: a hand that somebody had in the order later is no matter.
    #[serde(default)]
    pub decided_event: Option<i64>,
}
