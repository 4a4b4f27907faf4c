//! The calls that are not legal now, each with the reason in words, so that a page can grey a button and say why.

use crate::domain::customers::feedback::why_not_open;
use crate::domain::model::action::Action;
use crate::domain::model::hold::HoldState;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::PaymentState;
use crate::domain::model::refusal::Reason;
use crate::domain::model::returns::Return;
use crate::domain::model::shipment::Shipment;
use crate::domain::returns::turn::OF_RETURNS;

/// A call that would be refused for the state of its order or shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnavailableAction {
    pub action: Action,
    pub reason: String,
}

const ERASED: &str = "the customer's data was erased";

impl Order {
    /// Every call about the order itself that is not among its available actions.
    pub fn unavailable_actions(&self) -> Vec<UnavailableAction> {
        let available = self.available_actions();
        let others = Action::ALL.iter().filter(|it| !available.contains(it));
        let named = others.filter_map(|action| {
            let reason = self.why_not_order_call(*action)?;
            let reason = if self.erased.is_some() { ERASED.to_owned() } else { reason };
            Some(UnavailableAction { action: *action, reason })
        });
        named.collect()
    }

    /// Every call about a shipment that is not among its available actions.
    pub fn unavailable_actions_of(&self, shipment: &Shipment) -> Vec<UnavailableAction> {
        let available = self.actions_of(shipment);
        let others = OF_SHIPMENTS.iter().filter(|it| !available.contains(it));
        let reason = match (self.is_archived(), shipment.next_call()) {
            (true, _) => "the order is ARCHIVED".to_owned(),
            (false, Some(next)) => format!("the shipment is {}: {next} is next", shipment.state),
            (false, None) => format!("the shipment is {}", shipment.state),
        };
        let held = self.active_hold();
        let would_be = shipment.available_actions();
        let why = |action: &Action| match &held {
            Some(hold) if would_be.contains(action) && !self.is_archived() => hold.clone(),
            Some(_) | None => reason.clone(),
        };
        others.map(|action| UnavailableAction { action: *action, reason: why(action) }).collect()
    }

    /// Every call about a return that is not among its available actions.
    pub fn unavailable_actions_of_return(&self, it: &Return) -> Vec<UnavailableAction> {
        let available = it.available_actions();
        let others = OF_RETURNS.iter().filter(|action| !available.contains(action));
        let next: Vec<String> = available.iter().map(ToString::to_string).collect();
        let reason = match next.is_empty() {
            true => format!("the return is {}", it.state),
            false => format!("the return is {}: {} is next", it.state, next.join(" or ")),
        };
        others.map(|action| UnavailableAction { action: *action, reason: reason.clone() }).collect()
    }

    /// None: it is not a call about an order itself.
    fn why_not_order_call(&self, action: Action) -> Option<String> {
        let state = format!("the order is {}", self.state);
        let reason = match action {
            Action::UpdateOrder if !self.is_over() => "a part of the order has left".to_owned(),
            Action::VerifyOrder if !self.is_over() => "the order has been verified".to_owned(),
            Action::CancelOrder if !self.is_over() => self.why_not_cancelled(),
            Action::CancelOrderLines if !self.is_over() => self.why_no_line_cancelled(),
            Action::UpdateOrder
            | Action::VerifyOrder
            | Action::CancelOrder
            | Action::CancelOrderLines
            | Action::RecordVerification
            | Action::RecordRiskAssessment
            | Action::PlaceHold => state,
            Action::CreateOrderChange
            | Action::ProposeOrderChange
            | Action::ConfirmOrderChange
            | Action::DeclineOrderChange
            | Action::CancelOrderChange => self.why_not_changed(action).unwrap_or(state),
            Action::ReleaseHold => self.why_no_hold_released(),
            Action::ApproveRequest | Action::RejectRequest => self.why_nothing_approved(action),
            Action::AuthorizePayment | Action::CapturePayment | Action::RecordPayment => {
                self.why_no_payment().unwrap_or(state)
            }
            Action::VoidPayment => self.why_no_payment_voided().unwrap_or(state),
            Action::RefundPayment if self.state == OrderState::Invoiced => {
                "an order that is not paid in full is cancelled, not refunded".to_owned()
            }
            Action::RefundPayment => "no payment holds money that could be paid back".to_owned(),
            Action::CreateReturn => {
                "nothing can be sent back: no unit has arrived that is not in a return already".to_owned()
            }
            Action::SubmitFeedback | Action::OptOutFeedback => match self.is_archived() {
                true => state,
                false => why_not_open(self.feedback.as_ref().map(|it| it.state)).to_owned(),
            },
            Action::RequestFeedback => self.why_no_feedback_requested().unwrap_or(state),
            Action::CloseFollowUp => "no rating of this order is to be followed up".to_owned(),
            Action::CompleteServiceLine => self.why_no_service_completed().unwrap_or(state),
            Action::CloseOrder => match self.state.may_become(OrderState::Closed) {
                true => self.why_open().join("; "),
                false => state,
            },
            Action::ArchiveOrder => match self.state.may_become(OrderState::Archived) {
                true => self.why_not_archivable().join("; "),
                false => state,
            },
            Action::RestoreOrder => "the order is not archived".to_owned(),
            Action::StartPicking
            | Action::RecordPick
            | Action::RecordQualityCheck
            | Action::PackShipment
            | Action::CreateShippingLabel
            | Action::VoidShippingLabel
            | Action::AssignCourier
            | Action::ConfirmPickup
            | Action::RecordTrackingEvents
            | Action::ConfirmDelivery
            | Action::RecordCarrierLabel
            | Action::ResolveException
            | Action::ReserveStock
            | Action::AuthorizeReturn
            | Action::DeclineReturn
            | Action::CancelReturn
            | Action::RecordReturnTransit
            | Action::ReceiveReturn
            | Action::InspectReturn
            | Action::ResolveReturn
            | Action::CloseReturn
            | Action::ReleaseReservation
            | Action::ConfirmReservation
            | Action::ExtendReservation
            | Action::ReceiveStock
            | Action::ApproveReplenishment
            | Action::RejectReplenishment
            | Action::PlaceReplenishment
            | Action::UpdateReplenishment
            | Action::CancelReplenishment
            | Action::TransferStock
            | Action::ReceiveTransfer
            | Action::CancelTransfer => return None,
        };
        Some(reason)
    }

    fn why_not_cancelled(&self) -> String {
        match self.has_left_in_part() {
            true => "a part of the order has left; CancelOrderLines takes what is still here".to_owned(),
            false => format!("the order is {}", self.state),
        }
    }

    fn why_no_line_cancelled(&self) -> String {
        match self.is_open_to_line_cancellations() {
            true => {
                "no line has a unit that could be cancelled by itself; CancelOrder ends the order".to_owned()
            }
            false => format!("the order is {}", self.state),
        }
    }

    fn active_hold(&self) -> Option<String> {
        let hold = self.holds.iter().find(|it| it.state == HoldState::Active)?;
        Some(format!("hold {} ({}) is active", hold.id, hold.reason))
    }

    fn why_no_hold_released(&self) -> String {
        match self.holds.iter().any(|it| self.is_ended_by_verifying(it)) {
            true => "a failed verification is released by UpdateOrder and VerifyOrder".to_owned(),
            false => "no hold is active".to_owned(),
        }
    }

    fn why_nothing_approved(&self, action: Action) -> String {
        match self.active_hold() {
            Some(hold) if action == Action::ApproveRequest && self.has_pending_approval() => hold,
            Some(_) | None => "no approval is pending".to_owned(),
        }
    }

    /// None: its state does not allow it. Which messages the customer wants, and where they would go, is not said: who may
    /// not see personal data reads this too.
    fn why_no_feedback_requested(&self) -> Option<String> {
        let (reason, why) = self.why_not_asked_again().filter(|_| !self.is_archived())?;
        Some(if reason == Reason::NotSendable { "no letter can ask for it".to_owned() } else { why })
    }

    /// None: its state does not allow payments.
    fn why_no_payment(&self) -> Option<String> {
        if !self.is_open_to_payments() {
            return None;
        }
        if let Some(hold) = self.active_hold() {
            return Some(hold);
        }
        if self.awaits_approval_of_a_change() {
            return Some("an approval that a change asked for is pending".to_owned());
        }
        match self.payments.iter().any(|it| it.request.is_some()) {
            true => Some("a payment is under way".to_owned()),
            false => Some("all that is due is authorized".to_owned()),
        }
    }

    /// None: its state does not allow it.
    fn why_no_payment_voided(&self) -> Option<String> {
        let has_authorized = self.payments.iter().any(|it| it.state == PaymentState::Authorized);
        match self.is_open_to_payments() && !has_authorized {
            true => Some("no payment is authorized".to_owned()),
            false => self.why_no_payment(),
        }
    }

    /// None: its state does not allow it.
    fn why_no_service_completed(&self) -> Option<String> {
        if self.services().next().is_none() {
            return Some("the order has no services".to_owned());
        }
        if !self.is_open_to_services() {
            return None;
        }
        let left = match self.open_services().next() {
            Some(_) => "what is to be done was added by a change that is not paid or approved yet",
            None => "all services of the order are done",
        };
        Some(self.active_hold().unwrap_or_else(|| left.to_owned()))
    }
}

/// The calls about a shipment.
const OF_SHIPMENTS: [Action; 12] = [
    Action::StartPicking,
    Action::RecordPick,
    Action::RecordQualityCheck,
    Action::PackShipment,
    Action::CreateShippingLabel,
    Action::VoidShippingLabel,
    Action::AssignCourier,
    Action::ConfirmPickup,
    Action::RecordTrackingEvents,
    Action::ConfirmDelivery,
    Action::RecordCarrierLabel,
    Action::ResolveException,
];
