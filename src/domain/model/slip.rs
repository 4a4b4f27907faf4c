//! Slips: what goes wrong without anybody saying so, once it is noticed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{ApprovalId, OrderId, PaymentId, ShipmentId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum SlipKind {
        /// Delivery is expected later than was promised, or on another day than the customer was told last.
        EstimateMoved = "ESTIMATE_MOVED",
        /// What was promised can hardly be kept any more.
        PromiseAtRisk = "PROMISE_AT_RISK",
        /// What the customer was told last is over, and the goods are not there.
        PromiseMissed = "PROMISE_MISSED",
        /// The courier did not come.
        PickupMissed = "PICKUP_MISSED",
        /// Nobody reports anything of a parcel on its way.
        NoScan = "NO_SCAN",
        /// Nobody has decided, and time is running out.
        ApprovalExpiring = "APPROVAL_EXPIRING",
        /// The provider does not say what became of a payment or refund.
        PaymentUnknown = "PAYMENT_UNKNOWN",
    }
}

/// What a slip happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlipSubject {
    Shipment(ShipmentId),
    Approval(ApprovalId),
    Payment(PaymentId),
    /// The order itself, as long as it has no shipment.
    Order(OrderId),
}

/// One slip. Kind, subject and the time that it is about tell it from all others: it is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    pub kind: SlipKind,
    pub subject: SlipSubject,
    /// The delivery that is expected or was told; the planned pickup; the last report; the end of the approval; when the
    /// provider was asked first.
    pub about: Timestamp,
    pub since: Timestamp,
}

impl Slip {
    pub(in crate::domain) fn is(&self, other: &Self) -> bool {
        self.about == other.about && self.is_like(other)
    }

    /// Of the same kind, about the same subject: at most one of these stands at a time.
    pub(in crate::domain) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.subject == other.subject
    }

    /// Whether the other one is the same promise, told by then of the order's first shipments, or of the order that has none
    /// any more.
    pub(in crate::domain) fn becomes(&self, other: &Self) -> bool {
        let is_other_subject = matches!(
            (self.subject, other.subject),
            (SlipSubject::Order(_), SlipSubject::Shipment(_))
                | (SlipSubject::Shipment(_), SlipSubject::Order(_))
        );
        is_other_subject && self.kind == other.kind && self.about == other.about
    }
}

impl fmt::Display for SlipSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipment(id) => id.fmt(f),
            Self::Approval(id) => id.fmt(f),
            Self::Payment(id) => id.fmt(f),
            Self::Order(id) => id.fmt(f),
        }
    }
}
