//! The twenty steps, and which step an event or a message belongs to.

use crate::domain::model::approval::Gate;
use crate::domain::model::event::{Event, EventKind};
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::order::Order;
use crate::domain::model::scalars::{Actor, MessageId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// The steps of the process; their order is the process.
    pub enum Step {
        ReceiveOrder = "RECEIVE_ORDER",
        VerifyCustomer = "VERIFY_CUSTOMER",
        CheckAvailability = "CHECK_AVAILABILITY",
        ReserveInventory = "RESERVE_INVENTORY",
        ApproveReservation = "APPROVE_RESERVATION",
        GenerateInvoice = "GENERATE_INVOICE",
        CapturePayment = "CAPTURE_PAYMENT",
        ApprovePayment = "APPROVE_PAYMENT",
        PrepareOrder = "PREPARE_ORDER",
        PackageProducts = "PACKAGE_PRODUCTS",
        CreateLabel = "CREATE_LABEL",
        AssignCourier = "ASSIGN_COURIER",
        ConfirmPickup = "CONFIRM_PICKUP",
        NotifyShipment = "NOTIFY_SHIPMENT",
        TrackShipment = "TRACK_SHIPMENT",
        ConfirmDelivery = "CONFIRM_DELIVERY",
        ConfirmToCustomer = "CONFIRM_TO_CUSTOMER",
        CloseOrder = "CLOSE_ORDER",
        ArchiveOrder = "ARCHIVE_ORDER",
        PrepareNextOrder = "PREPARE_NEXT_ORDER",
    }
}

string_enum! {
    pub enum StepState {
        /// Its turn has not come.
        Pending = "PENDING",
        /// It may be done now.
        Ready = "READY",
        /// Begun, not finished.
        InProgress = "IN_PROGRESS",
        /// Stopped by a hold, an approval or missing stock.
        Blocked = "BLOCKED",
        Done = "DONE",
        /// Not needed.
        Skipped = "SKIPPED",
        /// Tried in vain; it may be tried again unless the order is over.
        Failed = "FAILED",
        /// Was done, and undone when the order ended early.
        Compensated = "COMPENSATED",
    }
}

/// One step of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    pub step: Step,
    pub state: StepState,
    /// By when it is planned to be done; None: that cannot be said.
    pub planned_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    /// Who did it; [`Actor::system`] when it was automatic.
    pub actor: Option<Actor>,
    /// Steps 5 and 8: who approved; [`Actor::system`] when the policy did.
    pub approver: Option<Actor>,
    /// What shows that it is done, beginning with the resource's id where there is one.
    pub evidence: Vec<String>,
    /// What it sent to the customer.
    pub messages: Vec<MessageId>,
    /// Done, or still open, after its planned time.
    pub late: bool,
    /// Why it is blocked, skipped, failed or undone; of an open step, what it waits for.
    pub note: String,
}

impl Step {
    /// 1 to 20.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether it is about stock or about what is shipped.
    pub(super) fn is_about_goods(self) -> bool {
        match self {
            Self::CheckAvailability
            | Self::ReserveInventory
            | Self::ApproveReservation
            | Self::PrepareOrder
            | Self::PackageProducts
            | Self::CreateLabel
            | Self::AssignCourier
            | Self::ConfirmPickup
            | Self::NotifyShipment
            | Self::TrackShipment
            | Self::ConfirmDelivery
            | Self::PrepareNextOrder => true,
            Self::ReceiveOrder
            | Self::VerifyCustomer
            | Self::GenerateInvoice
            | Self::CapturePayment
            | Self::ApprovePayment
            | Self::ConfirmToCustomer
            | Self::CloseOrder
            | Self::ArchiveOrder => false,
        }
    }

    /// What happens on the road and at the door happens whatever a hold says.
    pub(in crate::domain::process) fn waits_for_holds(self) -> bool {
        !(Self::NotifyShipment..=Self::ConfirmToCustomer).contains(&self)
    }
}

impl StepLine {
    pub(super) fn new(step: Step, state: StepState) -> Self {
        Self {
            step,
            state,
            planned_at: None,
            started_at: None,
            done_at: None,
            actor: None,
            approver: None,
            evidence: Vec::new(),
            messages: Vec::new(),
            late: false,
            note: String::new(),
        }
    }

    /// Whether something is still to be done for it.
    pub fn is_open(&self) -> bool {
        match self.state {
            StepState::Pending
            | StepState::Ready
            | StepState::InProgress
            | StepState::Blocked
            | StepState::Failed => true,
            StepState::Done | StepState::Skipped | StepState::Compensated => false,
        }
    }
}

impl MessageKind {
    /// The step that sends it.
    pub fn step(self) -> Step {
        match self {
            Self::OrderReceived | Self::OrderUpdated | Self::OrderLinesCancelled | Self::ChangeProposed => {
                Step::ReceiveOrder
            }
            Self::OnHold | Self::HoldReleased => Step::VerifyCustomer,
            Self::AwaitingStock | Self::PromiseChanged => Step::ReserveInventory,
            Self::InvoiceIssued => Step::GenerateInvoice,
            Self::PaymentReceived | Self::RefundIssued => Step::CapturePayment,
            Self::Shipped => Step::NotifyShipment,
            Self::OutForDelivery
            | Self::DeliveryDelayed
            | Self::DeliveryException
            | Self::DeliveryAttempted
            | Self::ReadyForPickup
            | Self::LocationChanged
            | Self::DeliveryRearranged
            | Self::EstimateMoved
            | Self::PromiseMissed => Step::TrackShipment,
            Self::DeliveryConfirmed | Self::FeedbackRequested => Step::ConfirmToCustomer,
            Self::ReturnAuthorized | Self::ReturnDeclined | Self::ReturnReceived | Self::ReturnResolved => {
                Step::CloseOrder
            }
            Self::OrderCancelled | Self::OrderExpired | Self::OrderRejected => Step::CloseOrder,
        }
    }
}

impl Event {
    /// The step that it belongs to.
    pub fn step(&self, order: &Order) -> Step {
        match self.kind {
            EventKind::OrderReceived
            | EventKind::OrderUpdated
            | EventKind::OrderLinesCancelled
            | EventKind::OrderChangeCreated
            | EventKind::OrderChangeProposed
            | EventKind::OrderChangeConfirmed
            | EventKind::OrderChangeDeclined
            | EventKind::OrderChangeCancelled
            | EventKind::OrderChangeLapsed
            | EventKind::OrderLabelsSet
            | EventKind::OrderNoteAdded
            | EventKind::NotificationPreferenceSet => Step::ReceiveOrder,
            EventKind::OrderVerified
            | EventKind::VerificationFailed
            | EventKind::VerificationWarned
            | EventKind::VerificationRecorded
            | EventKind::RuleAttested
            | EventKind::RiskAssessed => Step::VerifyCustomer,
            EventKind::HoldPlaced | EventKind::HoldReleased => Step::VerifyCustomer,
            EventKind::StockAwaited
            | EventKind::InventoryReserved
            | EventKind::InventoryMissing
            | EventKind::InventoryReallocated
            | EventKind::ReservationConfirmed
            | EventKind::ReservationReleased
            | EventKind::ReservationExpired => Step::ReserveInventory,
            EventKind::ApprovalRequested
            | EventKind::ApprovalGranted
            | EventKind::ApprovalRejected
            | EventKind::ApprovalExpired
            | EventKind::ApprovalWithdrawn => step_of(self.gate(order)),
            EventKind::ReservationApproved => Step::ApproveReservation,
            EventKind::InvoiceIssued | EventKind::InvoiceVoided | EventKind::CreditNoteIssued => {
                Step::GenerateInvoice
            }
            EventKind::InvoicePaid
            | EventKind::PaymentRequested
            | EventKind::PaymentAuthorized
            | EventKind::PaymentCaptured
            | EventKind::PaymentFailed
            | EventKind::PaymentVoided
            | EventKind::OrderPaid
            | EventKind::RefundRequested
            | EventKind::OrderLinesRefunded
            | EventKind::RefundSucceeded
            | EventKind::RefundFailed => Step::CapturePayment,
            EventKind::ReturnRequested
            | EventKind::ReturnAuthorized
            | EventKind::ReturnDeclined
            | EventKind::ReturnCancelled
            | EventKind::ReturnInTransit
            | EventKind::ReturnReceived
            | EventKind::ReturnInspected
            | EventKind::ReturnResolved
            | EventKind::ReturnExchanged
            | EventKind::ExchangeHandedBack
            | EventKind::ReturnClosed => Step::CloseOrder,
            EventKind::PaymentApproved => Step::ApprovePayment,
            EventKind::FulfillmentStarted
            | EventKind::ShipmentPlanned
            | EventKind::PickingStarted
            | EventKind::ItemsPicked
            | EventKind::QualityPassed
            | EventKind::QualityFailed
            | EventKind::ShipmentCancelled => Step::PrepareOrder,
            EventKind::ShipmentPacked | EventKind::ShipmentUnpacked | EventKind::WeightDeviates => {
                Step::PackageProducts
            }
            EventKind::LabelCreated | EventKind::LabelVoided => Step::CreateLabel,
            EventKind::CourierAssigned
            | EventKind::CourierReleased
            | EventKind::CarrierLabelRecorded
            | EventKind::BookingRequested
            | EventKind::BookingConfirmed
            | EventKind::BookingFailed
            | EventKind::BookingCancelled => Step::AssignCourier,
            EventKind::ShipmentPickedUp | EventKind::ReservationConsumed | EventKind::OrderShipped => {
                Step::ConfirmPickup
            }
            EventKind::TrackingRecorded
            | EventKind::ExceptionResolved
            | EventKind::EstimateMoved
            | EventKind::PromiseAtRisk
            | EventKind::PromiseMissed
            | EventKind::NoScan => Step::TrackShipment,
            EventKind::PickupMissed => Step::ConfirmPickup,
            EventKind::PaymentUnknown => Step::CapturePayment,
            EventKind::ApprovalExpiring => step_of(self.gate_then(order)),
            EventKind::ShipmentDelivered | EventKind::OrderDelivered | EventKind::DeliveryTakenBack => {
                Step::ConfirmDelivery
            }
            EventKind::ServiceCompleted if order.has_only_services() => Step::ConfirmToCustomer,
            EventKind::ServiceCompleted => Step::CloseOrder,
            EventKind::MessageQueued
            | EventKind::MessageSent
            | EventKind::MessageFailed
            | EventKind::MessageSuppressed => {
                self.message(order).map_or(Step::ReceiveOrder, |it| it.kind.step())
            }
            EventKind::FeedbackRequested
            | EventKind::FeedbackSubmitted
            | EventKind::FeedbackExpired
            | EventKind::FeedbackOptedOut
            | EventKind::FollowUpRaised
            | EventKind::FollowUpClosed => Step::ConfirmToCustomer,
            EventKind::OrderClosed
            | EventKind::OrderCancelled
            | EventKind::OrderExpired
            | EventKind::OrderRejected => Step::CloseOrder,
            EventKind::OrderArchived
            | EventKind::OrderRestored
            | EventKind::LegalHoldSet
            | EventKind::LegalHoldReleased
            | EventKind::CustomerDataErased => Step::ArchiveOrder,
            EventKind::PromiseMoved => Step::CheckAvailability,
            EventKind::ReplenishmentProposed | EventKind::RestockChecked => Step::PrepareNextOrder,
        }
    }

    fn gate(&self, order: &Order) -> Gate {
        let subject = self.transition.as_ref().map(|it| it.subject);
        let found = order.approvals.iter().find(|it| Some(it.id.0) == subject);
        found.map_or(Gate::Reservation, |it| it.gate)
    }

    /// The gate whose approval was asked for last when it happened.
    fn gate_then(&self, order: &Order) -> Gate {
        let asked = order.approvals.iter().rfind(|it| it.requested_at <= self.at);
        asked.map_or(Gate::Reservation, |it| it.gate)
    }

    fn message<'a>(&self, order: &'a Order) -> Option<&'a Message> {
        let subject = self.transition.as_ref().map(|it| it.subject)?;
        order.messages.iter().find(|it| it.id.0 == subject)
    }
}

fn step_of(gate: Gate) -> Step {
    match gate {
        Gate::Reservation => Step::ApproveReservation,
        Gate::Payment => Step::ApprovePayment,
    }
}

/// How much of a line is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    WithEvidence,
    StateOnly,
}
