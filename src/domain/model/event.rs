//! Events in order: the history and the feed in one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::model::scalars::{
    Actor, ApprovalId, FollowUpId, HoldId, InvoiceId, MessageId, OrderChangeId, OrderId, PaymentId, RefundId,
    ReplenishmentId, ReservationId, ReturnId, ShipmentId, TransferId, string_enum,
};
use crate::domain::model::seal::Seal;
use crate::domain::model::time::Timestamp;

string_enum! {
    /// The machines whose transitions are logged.
    pub enum Machine {
        Order = "ORDER",
        Hold = "HOLD",
        Approval = "APPROVAL",
        Reservation = "RESERVATION",
        Invoice = "INVOICE",
        Payment = "PAYMENT",
        Refund = "REFUND",
        Shipment = "SHIPMENT",
        Message = "MESSAGE",
        Feedback = "FEEDBACK",
        FollowUp = "FOLLOW_UP",
        Replenishment = "REPLENISHMENT",
        Transfer = "TRANSFER",
        OrderChange = "ORDER_CHANGE",
        Return = "RETURN",
    }
}

/// One step of one machine. `from` is empty for the first state of a new subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub machine: Machine,
    pub subject: Uuid,
    pub from: String,
    pub to: String,
}

impl Transition {
    /// The id of what changed, as people read it: `shp_...`; feedback is its order's.
    pub fn subject_id(&self) -> String {
        let subject = self.subject;
        match self.machine {
            Machine::Order | Machine::Feedback => OrderId(subject).to_string(),
            Machine::FollowUp => FollowUpId(subject).to_string(),
            Machine::Hold => HoldId(subject).to_string(),
            Machine::Approval => ApprovalId(subject).to_string(),
            Machine::Reservation => ReservationId(subject).to_string(),
            Machine::Invoice => InvoiceId(subject).to_string(),
            Machine::Payment => PaymentId(subject).to_string(),
            Machine::Refund => RefundId(subject).to_string(),
            Machine::Shipment => ShipmentId(subject).to_string(),
            Machine::Message => MessageId(subject).to_string(),
            Machine::Replenishment => ReplenishmentId(subject).to_string(),
            Machine::Transfer => TransferId(subject).to_string(),
            Machine::OrderChange => OrderChangeId(subject).to_string(),
            Machine::Return => ReturnId(subject).to_string(),
        }
    }
}

/// One entry of an order's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub order: OrderId,
    /// 1…n within the order, without gap.
    pub sequence: i64,
    pub at: Timestamp,
    pub actor: Actor,
    /// What happened, as a stable word: `ORDER_RECEIVED`, `SHIPMENT_PICKED_UP`.
    pub kind: EventKind,
    pub transition: Option<Transition>,
    /// For people: the facts in one sentence, without personal data.
    pub text: String,
    /// The key or certificate that named the actor, where that is another.
    #[serde(default)]
    pub principal: Option<Actor>,
    /// What links it to the event before it.
    #[serde(default)]
    pub seal: Seal,
}

string_enum! {
    pub enum EventKind {
        OrderReceived = "ORDER_RECEIVED",
        OrderUpdated = "ORDER_UPDATED",
        OrderLinesCancelled = "ORDER_LINES_CANCELLED",
        OrderLinesRefunded = "ORDER_LINES_REFUNDED",
        OrderVerified = "ORDER_VERIFIED",
        VerificationFailed = "VERIFICATION_FAILED",
        VerificationWarned = "VERIFICATION_WARNED",
        VerificationRecorded = "VERIFICATION_RECORDED",
        RuleAttested = "RULE_ATTESTED",
        RiskAssessed = "RISK_ASSESSED",
        HoldPlaced = "HOLD_PLACED",
        HoldReleased = "HOLD_RELEASED",
        StockAwaited = "STOCK_AWAITED",
        InventoryReserved = "INVENTORY_RESERVED",
        InventoryMissing = "INVENTORY_MISSING",
        InventoryReallocated = "INVENTORY_REALLOCATED",
        ReservationConfirmed = "RESERVATION_CONFIRMED",
        ReservationReleased = "RESERVATION_RELEASED",
        ReservationExpired = "RESERVATION_EXPIRED",
        ReservationConsumed = "RESERVATION_CONSUMED",
        ApprovalRequested = "APPROVAL_REQUESTED",
        ApprovalGranted = "APPROVAL_GRANTED",
        ApprovalRejected = "APPROVAL_REJECTED",
        ApprovalExpired = "APPROVAL_EXPIRED",
        ApprovalWithdrawn = "APPROVAL_WITHDRAWN",
        ReservationApproved = "RESERVATION_APPROVED",
        InvoiceIssued = "INVOICE_ISSUED",
        InvoicePaid = "INVOICE_PAID",
        InvoiceVoided = "INVOICE_VOIDED",
        CreditNoteIssued = "CREDIT_NOTE_ISSUED",
        PaymentRequested = "PAYMENT_REQUESTED",
        PaymentAuthorized = "PAYMENT_AUTHORIZED",
        PaymentCaptured = "PAYMENT_CAPTURED",
        PaymentFailed = "PAYMENT_FAILED",
        PaymentVoided = "PAYMENT_VOIDED",
        OrderPaid = "ORDER_PAID",
        PaymentApproved = "PAYMENT_APPROVED",
        RefundRequested = "REFUND_REQUESTED",
        RefundSucceeded = "REFUND_SUCCEEDED",
        RefundFailed = "REFUND_FAILED",
        ReturnRequested = "RETURN_REQUESTED",
        ReturnAuthorized = "RETURN_AUTHORIZED",
        ReturnDeclined = "RETURN_DECLINED",
        ReturnCancelled = "RETURN_CANCELLED",
        ReturnInTransit = "RETURN_IN_TRANSIT",
        ReturnReceived = "RETURN_RECEIVED",
        ReturnInspected = "RETURN_INSPECTED",
        ReturnResolved = "RETURN_RESOLVED",
        ReturnClosed = "RETURN_CLOSED",
        FulfillmentStarted = "FULFILLMENT_STARTED",
        ShipmentPlanned = "SHIPMENT_PLANNED",
        PickingStarted = "PICKING_STARTED",
        ItemsPicked = "ITEMS_PICKED",
        QualityPassed = "QUALITY_PASSED",
        QualityFailed = "QUALITY_FAILED",
        ShipmentPacked = "SHIPMENT_PACKED",
        ShipmentUnpacked = "SHIPMENT_UNPACKED",
        WeightDeviates = "WEIGHT_DEVIATES",
        LabelCreated = "LABEL_CREATED",
        LabelVoided = "LABEL_VOIDED",
        CourierAssigned = "COURIER_ASSIGNED",
        CourierReleased = "COURIER_RELEASED",
        BookingRequested = "BOOKING_REQUESTED",
        BookingConfirmed = "BOOKING_CONFIRMED",
        BookingFailed = "BOOKING_FAILED",
        BookingCancelled = "BOOKING_CANCELLED",
        CarrierLabelRecorded = "CARRIER_LABEL_RECORDED",
        ShipmentPickedUp = "SHIPMENT_PICKED_UP",
        TrackingRecorded = "TRACKING_RECORDED",
        ShipmentDelivered = "SHIPMENT_DELIVERED",
        ExceptionResolved = "EXCEPTION_RESOLVED",
        ShipmentCancelled = "SHIPMENT_CANCELLED",
        OrderShipped = "ORDER_SHIPPED",
        OrderDelivered = "ORDER_DELIVERED",
        DeliveryTakenBack = "DELIVERY_TAKEN_BACK",
        ServiceCompleted = "SERVICE_COMPLETED",
        MessageQueued = "MESSAGE_QUEUED",
        MessageSent = "MESSAGE_SENT",
        MessageFailed = "MESSAGE_FAILED",
        MessageSuppressed = "MESSAGE_SUPPRESSED",
        FeedbackRequested = "FEEDBACK_REQUESTED",
        FeedbackSubmitted = "FEEDBACK_SUBMITTED",
        FeedbackExpired = "FEEDBACK_EXPIRED",
        FeedbackOptedOut = "FEEDBACK_OPTED_OUT",
        FollowUpRaised = "FOLLOW_UP_RAISED",
        FollowUpClosed = "FOLLOW_UP_CLOSED",
        OrderClosed = "ORDER_CLOSED",
        OrderArchived = "ORDER_ARCHIVED",
        OrderRestored = "ORDER_RESTORED",
        OrderCancelled = "ORDER_CANCELLED",
        OrderExpired = "ORDER_EXPIRED",
        OrderRejected = "ORDER_REJECTED",
        ReplenishmentProposed = "REPLENISHMENT_PROPOSED",
        RestockChecked = "RESTOCK_CHECKED",
        EstimateMoved = "ESTIMATE_MOVED",
        PromiseAtRisk = "PROMISE_AT_RISK",
        PromiseMissed = "PROMISE_MISSED",
        PickupMissed = "PICKUP_MISSED",
        NoScan = "NO_SCAN",
        ApprovalExpiring = "APPROVAL_EXPIRING",
        PaymentUnknown = "PAYMENT_UNKNOWN",
        PromiseMoved = "PROMISE_MOVED",
        NotificationPreferenceSet = "NOTIFICATION_PREFERENCE_SET",
        OrderLabelsSet = "ORDER_LABELS_SET",
        OrderNoteAdded = "ORDER_NOTE_ADDED",
        OrderChangeCreated = "ORDER_CHANGE_CREATED",
        OrderChangeProposed = "ORDER_CHANGE_PROPOSED",
        OrderChangeConfirmed = "ORDER_CHANGE_CONFIRMED",
        OrderChangeDeclined = "ORDER_CHANGE_DECLINED",
        OrderChangeCancelled = "ORDER_CHANGE_CANCELLED",
        OrderChangeLapsed = "ORDER_CHANGE_LAPSED",
        ReturnExchanged = "RETURN_EXCHANGED",
        ExchangeHandedBack = "EXCHANGE_HANDED_BACK",
        LegalHoldSet = "LEGAL_HOLD_SET",
        LegalHoldReleased = "LEGAL_HOLD_RELEASED",
        CustomerDataErased = "CUSTOMER_DATA_ERASED",
    }
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    #[test]
    fn every_kind_stands_on_the_page_for_subscribers() {
        let page = include_str!("../../../docs/events.md");
        let (_, kinds) = page.split_once("## Kinds of events").expect("their table");
        let (kinds, _) = kinds.split_once("\n## ").expect("another part of the page");
        let missing: Vec<_> =
            EventKind::ALL.iter().filter(|it| !kinds.contains(&format!("`{it}`"))).collect();
        assert!(missing.is_empty(), "docs/events.md lacks {missing:?}");
    }
}
