//! Messages to the customer, one per occasion.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::model::scalars::{MessageId, ShipmentId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum MessageKind {
        OrderReceived = "ORDER_RECEIVED",
        OnHold = "ON_HOLD",
        AwaitingStock = "AWAITING_STOCK",
        InvoiceIssued = "INVOICE_ISSUED",
        PaymentReceived = "PAYMENT_RECEIVED",
        Shipped = "SHIPPED",
        OutForDelivery = "OUT_FOR_DELIVERY",
        DeliveryDelayed = "DELIVERY_DELAYED",
        DeliveryException = "DELIVERY_EXCEPTION",
        DeliveryAttempted = "DELIVERY_ATTEMPTED",
        ReadyForPickup = "READY_FOR_PICKUP",
        /// Delivered: thanks, asks for feedback, offers the next discount, invites a review.
        DeliveryConfirmed = "DELIVERY_CONFIRMED",
        OrderCancelled = "ORDER_CANCELLED",
        OrderExpired = "ORDER_EXPIRED",
        OrderRejected = "ORDER_REJECTED",
        RefundIssued = "REFUND_ISSUED",
        /// The parcel has reached another place on its way.
        LocationChanged = "LOCATION_CHANGED",
        /// A person has the parcel delivered again, or elsewhere.
        DeliveryRearranged = "DELIVERY_REARRANGED",
        /// Delivery is expected on another day than the customer was told.
        EstimateMoved = "ESTIMATE_MOVED",
        /// The day that the customer was told is over.
        PromiseMissed = "PROMISE_MISSED",
        /// The order goes on after a hold that the customer was told of.
        HoldReleased = "HOLD_RELEASED",
        /// The order was corrected.
        OrderUpdated = "ORDER_UPDATED",
        /// Before there are shipments: the order is promised for another day than the customer was told, or for the first one.
        PromiseChanged = "PROMISE_CHANGED",
        /// Asks for feedback once more.
        FeedbackRequested = "FEEDBACK_REQUESTED",
        /// A part of the order is cancelled.
        OrderLinesCancelled = "ORDER_LINES_CANCELLED",
        /// The customer may send goods back; with the form and the label.
        ReturnAuthorized = "RETURN_AUTHORIZED",
        ReturnDeclined = "RETURN_DECLINED",
        /// All of it has arrived.
        ReturnReceived = "RETURN_RECEIVED",
        /// What the customer gets for it.
        ReturnResolved = "RETURN_RESOLVED",
        /// A change of the order is proposed: what it would be like, and that nothing has happened yet.
        ChangeProposed = "CHANGE_PROPOSED",
    }
}

/// How long a letter waits for others that usually follow at once.
const COMPANY_WITHIN: Duration = Duration::from_secs(1);

impl MessageKind {
    /// How long after its occasion it is due: receipt, invoice and payment are often the matter of a moment, and then
    /// their letters go together.
    pub(in crate::domain) fn waits(self) -> Duration {
        match self {
            Self::OrderReceived
            | Self::OrderUpdated
            | Self::OnHold
            | Self::HoldReleased
            | Self::InvoiceIssued
            | Self::ChangeProposed => COMPANY_WITHIN,
            Self::PromiseChanged
            | Self::AwaitingStock
            | Self::PaymentReceived
            | Self::Shipped
            | Self::OutForDelivery
            | Self::DeliveryDelayed
            | Self::DeliveryException
            | Self::DeliveryAttempted
            | Self::ReadyForPickup
            | Self::DeliveryConfirmed
            | Self::OrderLinesCancelled
            | Self::OrderCancelled
            | Self::OrderExpired
            | Self::OrderRejected
            | Self::RefundIssued
            | Self::LocationChanged
            | Self::DeliveryRearranged
            | Self::EstimateMoved
            | Self::PromiseMissed
            | Self::FeedbackRequested
            | Self::ReturnAuthorized
            | Self::ReturnDeclined
            | Self::ReturnReceived
            | Self::ReturnResolved => Duration::ZERO,
        }
    }
}

impl MessageKind {
    /// Whether customers may do without it. They may not where the law or the contract has them told: of what they owe
    /// and get back, of the end of their order, and of what it waits for from them.
    pub fn may_be_unwanted(self) -> bool {
        match self {
            Self::InvoiceIssued
            | Self::RefundIssued
            | Self::OnHold
            | Self::OrderLinesCancelled
            | Self::OrderCancelled
            | Self::OrderExpired
            | Self::OrderRejected
            | Self::ReturnAuthorized
            | Self::ReturnDeclined
            | Self::ReturnResolved
            | Self::ChangeProposed => false,
            Self::OrderReceived
            | Self::OrderUpdated
            | Self::HoldReleased
            | Self::PromiseChanged
            | Self::AwaitingStock
            | Self::PaymentReceived
            | Self::Shipped
            | Self::OutForDelivery
            | Self::DeliveryDelayed
            | Self::DeliveryException
            | Self::DeliveryAttempted
            | Self::ReadyForPickup
            | Self::DeliveryConfirmed
            | Self::LocationChanged
            | Self::DeliveryRearranged
            | Self::EstimateMoved
            | Self::PromiseMissed
            | Self::FeedbackRequested
            | Self::ReturnReceived => true,
        }
    }

    /// Whether what it says may be otherwise before it is sent for the first time.
    pub fn ages(self) -> bool {
        match self {
            Self::OrderUpdated
            | Self::OnHold
            | Self::HoldReleased
            | Self::AwaitingStock
            | Self::PromiseChanged
            | Self::EstimateMoved
            | Self::PromiseMissed
            | Self::DeliveryConfirmed
            | Self::FeedbackRequested
            | Self::ReturnAuthorized
            | Self::ChangeProposed => true,
            Self::OrderReceived
            | Self::InvoiceIssued
            | Self::PaymentReceived
            | Self::Shipped
            | Self::OutForDelivery
            | Self::DeliveryDelayed
            | Self::DeliveryException
            | Self::DeliveryAttempted
            | Self::ReadyForPickup
            | Self::OrderLinesCancelled
            | Self::OrderCancelled
            | Self::OrderExpired
            | Self::OrderRejected
            | Self::RefundIssued
            | Self::LocationChanged
            | Self::DeliveryRearranged
            | Self::ReturnDeclined
            | Self::ReturnReceived
            | Self::ReturnResolved => false,
        }
    }
}

string_enum! {
    pub enum MessageState {
        Queued = "QUEUED",
        Sent = "SENT",
        /// Not to be sent: there is no address for it, it is not true any more, or the customer does not want it.
        Suppressed = "SUPPRESSED",
        /// Refused for good, or given up after trying for as long as the rules say.
        Failed = "FAILED",
    }
}

string_enum! {
    pub enum SuppressionReason {
        /// The customer left no e-mail address.
        NoAddress = "NO_ADDRESS",
        /// The address did not pass verification: it may be a stranger's.
        AddressNotVerified = "ADDRESS_NOT_VERIFIED",
        /// What it tells is not so any more.
        Outdated = "OUTDATED",
        /// The customer does not want messages of this kind.
        NotWanted = "NOT_WANTED",
    }
}

/// Why a message is not to be sent, as a word and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub reason: SuppressionReason,
    pub why: String,
}

impl Suppression {
    pub fn new(reason: SuppressionReason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }

    pub fn outdated(why: impl Into<String>) -> Self {
        Self::new(SuppressionReason::Outdated, why)
    }
}

/// Why a message was not sent, without the customer's data, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// It waits for its next turn: the mail system is away or busy and was not given the message, so this is no attempt.
    NotTried(String),
    /// It is tried again: the mail system does not take it now, or the outcome is unknown.
    Later(String),
    /// It fails: the mail system refused it for good.
    Refused(String),
    Suppressed(Suppression),
}

impl Unsent {
    pub fn why(&self) -> &str {
        match self {
            Self::NotTried(why) | Self::Later(why) | Self::Refused(why) => why,
            Self::Suppressed(suppression) => &suppression.why,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub kind: MessageKind,
    pub state: MessageState,
    /// One message per key, ever: `SHIPPED/shp_…`, `DELIVERY_DELAYED/shp_…/2`.
    pub key: String,
    pub shipment: Option<ShipmentId>,
    /// The tracking event it tells of; 0: none. Of an estimate or a missed promise: which of the dates told it is about.
    pub sequence: i64,
    /// How often it was tried since it was queued, or was queued again.
    pub attempts: u32,
    /// Not before this; a first try is made sooner when another letter of the order goes.
    pub due_at: Timestamp,
    pub created_at: Timestamp,
    /// When it was sent, the last time if it was sent again.
    pub sent_at: Option<Timestamp>,
    /// Why the latest try failed, or why it was suppressed, in words.
    pub failure: String,
    /// Whether what it says is kept, as it was at its first try.
    #[serde(default)]
    pub text_kept: bool,
    /// Why it was suppressed, if it was.
    #[serde(default)]
    pub suppressed: Option<SuppressionReason>,
    /// When it failed, if it stands there.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
    /// How often people have had it sent again, and when last.
    #[serde(default)]
    pub resends: u32,
    #[serde(default)]
    pub resent_at: Option<Timestamp>,
}

impl Message {
    /// A message that was never queued, to be looked at.
    pub(in crate::domain) fn unqueued(
        kind: MessageKind,
        shipment: Option<ShipmentId>,
        sequence: i64,
        at: Timestamp,
    ) -> Self {
        Self {
            id: Uuid::nil().into(),
            kind,
            state: MessageState::Queued,
            key: String::new(),
            shipment,
            sequence,
            attempts: 0,
            due_at: at,
            created_at: at,
            sent_at: None,
            failure: String::new(),
            text_kept: false,
            suppressed: None,
            failed_at: None,
            resends: 0,
            resent_at: None,
        }
    }

    /// Since when it is to be sent.
    pub fn queued_at(&self) -> Timestamp {
        self.resent_at.unwrap_or(self.created_at)
    }

    /// Whether what it says may have become untrue while it waited. If so, that is checked before it is sent.
    pub fn may_be_old(&self) -> bool {
        self.attempts > 0 || self.resends > 0 || !self.failure.is_empty() || self.kind.ages()
    }
}
