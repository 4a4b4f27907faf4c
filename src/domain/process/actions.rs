//! The actions that are legal now, by the name of the RPC, and refusals that list them.

use crate::domain::model::action::Action;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::booking::Booking;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::hold::{Hold, HoldState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::OrderChangeState;
use crate::domain::model::payment::PaymentState;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::reservation::Reservation;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::transfer::{Transfer, TransferState};
use crate::domain::ordering::order_change::CHANGES_MAX;
use crate::domain::shipping::tracking_state::has_left;

impl Order {
    /// The calls that would not be refused for the order's state.
    pub fn available_actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.erased.is_some() {
            return actions;
        }
        let held = self.on_hold();
        self.add_actions_of_state(&mut actions);
        if !held && self.is_open_to_payments() {
            self.add_payment_actions(&mut actions);
        }
        if !held && self.is_open_to_services() && self.open_services().any(|it| !self.awaits_its_change(it)) {
            actions.push(Action::CompleteServiceLine);
        }
        if self.has_pending_approval() {
            actions.push(Action::RejectRequest);
            if !held {
                actions.push(Action::ApproveRequest);
            }
        }
        actions.extend(self.live_shipments().flat_map(|it| self.actions_of(it)));
        self.add_feedback_actions(&mut actions);
        if self.state != OrderState::Invoiced
            && self.payments.iter().any(|it| it.refundable_minor() > 0 || it.owed_by_hand().is_some())
        {
            actions.push(Action::RefundPayment);
        }
        if self.goods().any(|it| self.returnable_units(it.number) > 0) {
            actions.push(Action::CreateReturn);
        }
        if !self.is_over() {
            actions.extend([Action::PlaceHold, Action::RecordVerification, Action::RecordRiskAssessment]);
        }
        if self.is_open_to_corrections() {
            actions.push(Action::UpdateOrder);
        }
        let by_a_word = |it: &Hold| it.state == HoldState::Active && !self.is_ended_by_verifying(it);
        if self.holds.iter().any(by_a_word) {
            actions.push(Action::ReleaseHold);
        }
        if self.state.may_become(OrderState::Cancelled) && !self.has_left_in_part() {
            actions.push(Action::CancelOrder);
        }
        if self.may_cancel_lines() {
            actions.push(Action::CancelOrderLines);
        }
        self.add_change_actions(&mut actions);
        actions.sort();
        actions.dedup();
        actions
    }

    fn add_change_actions(&self, actions: &mut Vec<Action>) {
        let changes = [
            Action::CreateOrderChange,
            Action::ProposeOrderChange,
            Action::ConfirmOrderChange,
            Action::DeclineOrderChange,
            Action::CancelOrderChange,
        ];
        actions.extend(changes.into_iter().filter(|it| self.why_not_changed(*it).is_none()));
    }

    /// Why a call about a change would be refused for the state of the order or of its change. None: it would not.
    pub(super) fn why_not_changed(&self, action: Action) -> Option<String> {
        let open = self.open_change();
        if action == Action::CreateOrderChange {
            return match open {
                _ if !self.is_open_to_changes() => Some(self.why_no_change()),
                Some(open) => Some(format!("change {} is {}", open.id, open.state)),
                None if self.changes.len() >= CHANGES_MAX => {
                    Some(format!("the order was changed {CHANGES_MAX} times"))
                }
                None => None,
            };
        }
        let Some(open) = open else { return Some("no change of the order is open".to_owned()) };
        let is_proposed = open.state == OrderChangeState::Proposed;
        let not_proposed =
            || Some(format!("change {} is {}: ProposeOrderChange is next", open.id, open.state));
        match action {
            Action::CancelOrderChange => None,
            Action::DeclineOrderChange if is_proposed => None,
            Action::DeclineOrderChange => not_proposed(),
            _ if !self.is_open_to_changes() => Some(self.why_no_change()),
            Action::ConfirmOrderChange if !is_proposed => not_proposed(),
            _ if open.items.iter().any(|it| self.adds(it)) => self.why_nothing_is_added(),
            _ => None,
        }
    }

    fn add_feedback_actions(&self, actions: &mut Vec<Action>) {
        if self.has_open_follow_up() {
            actions.push(Action::CloseFollowUp);
        }
        if self.is_archived() {
            return;
        }
        if self.awaits_feedback() {
            actions.push(Action::SubmitFeedback);
        }
        let asked = self.feedback.as_ref().map(|it| it.state);
        if matches!(asked, Some(FeedbackState::Requested | FeedbackState::Expired)) {
            actions.push(Action::OptOutFeedback);
        }
        if self.why_not_asked_again().is_none() {
            actions.push(Action::RequestFeedback);
        }
    }

    fn add_actions_of_state(&self, actions: &mut Vec<Action>) {
        match self.state {
            OrderState::Received => actions.push(Action::VerifyOrder),
            OrderState::Invoiced => {}
            OrderState::Shipped | OrderState::PartiallyDelivered | OrderState::Delivered => {
                if self.why_open().is_empty() {
                    actions.push(Action::CloseOrder);
                }
            }
            OrderState::Closed | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
                if self.why_not_archivable().is_empty() {
                    actions.push(Action::ArchiveOrder);
                }
            }
            OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped => {}
            OrderState::Archived => actions.push(Action::RestoreOrder),
        }
    }

    /// The calls that would not be refused for the state of one of its shipments. What people add to an archived order
    /// they add once it is restored; couriers do not know, and their reports are recorded.
    pub fn actions_of(&self, shipment: &Shipment) -> Vec<Action> {
        let mut actions = shipment.available_actions();
        if self.erased.is_some() {
            actions.clear();
        }
        if self.is_archived() {
            actions.retain(|it| *it == Action::RecordTrackingEvents);
        }
        if self.on_hold() {
            actions.retain(|it| !IN_THE_HOUSE.contains(it));
        }
        actions
    }

    pub(super) fn has_pending_approval(&self) -> bool {
        let of_gates = [Gate::Reservation, Gate::Payment]
            .into_iter()
            .any(|gate| self.approval(gate).is_some_and(|it| it.state == ApprovalState::Pending));
        of_gates || self.awaits_approval_of_a_change()
    }

    fn add_payment_actions(&self, actions: &mut Vec<Action>) {
        if self.payments.iter().any(|it| it.request.is_some()) {
            return;
        }
        if self.awaits_approval_of_a_change() {
            if self.payments.iter().any(|it| it.state == PaymentState::Authorized) {
                actions.push(Action::VoidPayment);
            }
            return;
        }
        if self.due_minor() > self.authorized_minor() {
            actions.extend([Action::AuthorizePayment, Action::CapturePayment, Action::RecordPayment]);
        }
        if self.payments.iter().any(|it| it.state == PaymentState::Authorized) {
            actions.extend([Action::CapturePayment, Action::VoidPayment]);
        }
    }
}

/// What is done with goods that have not left: a hold on the order stops it.
const IN_THE_HOUSE: [Action; 8] = [
    Action::StartPicking,
    Action::RecordPick,
    Action::RecordQualityCheck,
    Action::PackShipment,
    Action::CreateShippingLabel,
    Action::VoidShippingLabel,
    Action::AssignCourier,
    Action::ConfirmPickup,
];

impl Shipment {
    /// The same whatever its order says.
    pub(in crate::domain) fn available_actions(&self) -> Vec<Action> {
        match self.state {
            ShipmentState::Planned | ShipmentState::QcFailed => vec![Action::StartPicking],
            ShipmentState::Picking => vec![Action::RecordPick],
            ShipmentState::Picked => vec![Action::RecordQualityCheck],
            ShipmentState::QcPassed => vec![Action::PackShipment],
            ShipmentState::Packed => vec![Action::PackShipment, Action::CreateShippingLabel],
            ShipmentState::Labelled => vec![Action::VoidShippingLabel, Action::AssignCourier],
            ShipmentState::CourierAssigned if has_left(&self.tracking) => {
                vec![Action::ConfirmPickup, Action::RecordCarrierLabel, Action::RecordTrackingEvents]
            }
            ShipmentState::CourierAssigned if self.booking.as_ref().is_some_and(Booking::awaits_label) => {
                vec![
                    Action::VoidShippingLabel,
                    Action::AssignCourier,
                    Action::RecordCarrierLabel,
                    Action::RecordTrackingEvents,
                ]
            }
            ShipmentState::CourierAssigned => vec![
                Action::VoidShippingLabel,
                Action::AssignCourier,
                Action::ConfirmPickup,
                Action::RecordCarrierLabel,
                Action::RecordTrackingEvents,
            ],
            ShipmentState::PickedUp
            | ShipmentState::InTransit
            | ShipmentState::OutForDelivery
            | ShipmentState::AvailableForPickup
            | ShipmentState::Returning
            | ShipmentState::Delivered => {
                vec![Action::RecordTrackingEvents, Action::ConfirmDelivery, Action::RecordCarrierLabel]
            }
            ShipmentState::DeliveryAttempted
            | ShipmentState::Exception
            | ShipmentState::Lost
            | ShipmentState::Returned => vec![
                Action::RecordTrackingEvents,
                Action::ConfirmDelivery,
                Action::RecordCarrierLabel,
                Action::ResolveException,
            ],
            ShipmentState::Cancelled => Vec::new(),
        }
    }

    /// The call that takes it on from where it stands in the warehouse or on the road; None: its way is over.
    pub(super) fn next_call(&self) -> Option<&'static str> {
        match self.state {
            ShipmentState::Planned | ShipmentState::QcFailed => Some("StartPicking"),
            ShipmentState::Picking => Some("RecordPick"),
            ShipmentState::Picked => Some("RecordQualityCheck"),
            ShipmentState::QcPassed => Some("PackShipment"),
            ShipmentState::Packed => Some("CreateShippingLabel"),
            ShipmentState::Labelled => Some("AssignCourier"),
            ShipmentState::CourierAssigned => Some("ConfirmPickup"),
            ShipmentState::PickedUp
            | ShipmentState::InTransit
            | ShipmentState::OutForDelivery
            | ShipmentState::DeliveryAttempted
            | ShipmentState::AvailableForPickup
            | ShipmentState::Exception
            | ShipmentState::Returning => Some("RecordTrackingEvents or ConfirmDelivery"),
            ShipmentState::Lost
            | ShipmentState::Returned
            | ShipmentState::Delivered
            | ShipmentState::Cancelled => None,
        }
    }
}

impl Reservation {
    /// The calls that may follow; an order's own goes with its order.
    pub(in crate::domain) fn available_actions(&self) -> Vec<Action> {
        match (self.order, self.is_open()) {
            (Some(_), _) => vec![Action::CancelOrder],
            (None, true) => {
                vec![Action::ReleaseReservation, Action::ConfirmReservation, Action::ExtendReservation]
            }
            (None, false) => vec![Action::ReserveStock],
        }
    }
}

impl Replenishment {
    /// The calls that may follow: goods that come once it is over are received without it.
    pub(in crate::domain) fn available_actions(&self) -> Vec<Action> {
        match self.state {
            ReplenishmentState::Proposed => {
                vec![
                    Action::ApproveReplenishment,
                    Action::RejectReplenishment,
                    Action::CancelReplenishment,
                    Action::UpdateReplenishment,
                ]
            }
            ReplenishmentState::Approved => {
                vec![Action::PlaceReplenishment, Action::CancelReplenishment, Action::UpdateReplenishment]
            }
            ReplenishmentState::Ordered | ReplenishmentState::PartiallyReceived => {
                vec![Action::ReceiveStock, Action::CancelReplenishment, Action::UpdateReplenishment]
            }
            ReplenishmentState::Received | ReplenishmentState::Rejected | ReplenishmentState::Cancelled => {
                vec![Action::ReceiveStock]
            }
        }
    }
}

impl Transfer {
    /// The calls that may follow: once it is over, goods are moved by another one.
    pub(in crate::domain) fn available_actions(&self) -> Vec<Action> {
        match self.state {
            TransferState::InTransit | TransferState::PartiallyReceived => {
                vec![Action::ReceiveTransfer, Action::CancelTransfer]
            }
            TransferState::Received | TransferState::Cancelled => vec![Action::TransferStock],
        }
    }
}
