//! What an order waits for: the gate it stands at, what would open it, and who could.

use crate::domain::model::action::Action;
use crate::domain::model::booking::Booking;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::waiting::{Opener, StuckGate, Waiting};
use crate::domain::process::timeline::steps::Step;

/// The gate that an order stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub gate: StuckGate,
    /// At HOLD: why it is on hold.
    pub hold: Option<HoldReason>,
    /// Calls by name, or kinds of events.
    pub opened_by: Vec<&'static str>,
    pub openers: Vec<Opener>,
}

impl Order {
    /// What the order waits for; None: it is over, or goes on by itself. It says the same as [`Order::next_step`].
    pub fn waits_for(&self) -> Option<Wait> {
        let (step, _) = self.next_step()?;
        let gate = self.gate_at(step)?;
        let hold = self.stopping_hold().filter(|_| gate == StuckGate::Hold);
        let (opened_by, openers) = self.way_on(gate, hold);
        Some(Wait { gate, hold, opened_by, openers })
    }

    /// Notes since when the order has stood at its gate.
    pub(super) fn note_gate(&mut self, now: Timestamp) {
        let gate = self.next_step().and_then(|(step, _)| self.gate_at(step));
        if gate != self.waiting.map(|it| it.gate) {
            self.waiting = gate.map(|gate| Waiting { gate, since: now });
        }
    }

    fn stopping_hold(&self) -> Option<HoldReason> {
        let is_active = |it: &&Hold| it.state == HoldState::Active;
        self.holds.iter().find(is_active).map(|it| it.reason)
    }

    fn gate_at(&self, step: Step) -> Option<StuckGate> {
        if self.heeds_holds_at(step) && self.on_hold() {
            return Some(StuckGate::Hold);
        }
        let asks_provider = self.payments.iter().any(|it| it.request.is_some());
        match step {
            Step::VerifyCustomer => Some(StuckGate::Verification),
            Step::CheckAvailability | Step::ReserveInventory => Some(StuckGate::Stock),
            Step::ApproveReservation => Some(StuckGate::ReservationApproval),
            Step::CapturePayment if asks_provider => Some(StuckGate::Provider),
            Step::CapturePayment => Some(StuckGate::Payment),
            Step::ApprovePayment => Some(StuckGate::PaymentApproval),
            Step::PrepareOrder => Some(self.gate_before_picking(asks_provider)),
            Step::PackageProducts => Some(StuckGate::Packing),
            Step::CreateLabel => Some(StuckGate::Label),
            Step::AssignCourier => Some(StuckGate::Courier),
            Step::ConfirmPickup => Some(StuckGate::Pickup),
            Step::ConfirmToCustomer if self.awaits_only_services() => Some(StuckGate::Service),
            Step::ConfirmToCustomer if self.waits_for_rest() => Some(StuckGate::Stock),
            Step::NotifyShipment | Step::ConfirmToCustomer => Some(StuckGate::Letter),
            Step::TrackShipment | Step::ConfirmDelivery if self.is_astray() => Some(StuckGate::Exception),
            Step::TrackShipment | Step::ConfirmDelivery => Some(StuckGate::Delivery),
            // With nothing open it closes by itself.
            Step::CloseOrder if self.why_open().is_empty() => None,
            Step::CloseOrder if self.open_services().next().is_some() => Some(StuckGate::Service),
            Step::CloseOrder => Some(StuckGate::Settlement),
            Step::ReceiveOrder | Step::GenerateInvoice | Step::ArchiveOrder | Step::PrepareNextOrder => None,
        }
    }

    /// Goods that a change added are planned once they are paid. If all others were called off, picking is not what the
    /// order waits for yet.
    fn gate_before_picking(&self, asks_provider: bool) -> StuckGate {
        let is_planned = self.live_shipments().next().is_some();
        match (is_planned, self.awaits_approval_of_a_change()) {
            (true, _) => StuckGate::Picking,
            (false, _) if self.only_waits_for_stock() => StuckGate::Stock,
            (false, true) => StuckGate::ReservationApproval,
            (false, false) if asks_provider => StuckGate::Provider,
            (false, false) if self.due_minor() > 0 => StuckGate::Payment,
            (false, false) => StuckGate::Picking,
        }
    }

    /// Whether something went wrong on the road.
    fn is_astray(&self) -> bool {
        self.live_shipments().any(|it| {
            matches!(
                it.state,
                ShipmentState::Exception
                    | ShipmentState::Returning
                    | ShipmentState::Returned
                    | ShipmentState::Lost
            )
        })
    }

    fn way_on(&self, gate: StuckGate, hold: Option<HoldReason>) -> (Vec<&'static str>, Vec<Opener>) {
        let calls = |actions: &[Action]| actions.iter().map(|it| it.as_str()).collect::<Vec<_>>();
        match gate {
            StuckGate::Verification => {
                (calls(&[Action::UpdateOrder, Action::VerifyOrder]), vec![Opener::Support, Opener::Customer])
            }
            StuckGate::Hold
                if hold == Some(HoldReason::VerificationFailed) && self.state == OrderState::Received =>
            {
                (calls(&[Action::UpdateOrder, Action::VerifyOrder]), vec![Opener::Support, Opener::Customer])
            }
            StuckGate::Hold
                if hold.is_some_and(is_ended_by_a_correction) && self.is_open_to_corrections() =>
            {
                (calls(&[Action::UpdateOrder, Action::ReleaseHold]), vec![Opener::Support, Opener::Customer])
            }
            StuckGate::Hold => (calls(&[Action::ReleaseHold]), hold.map(releasers).unwrap_or_default()),
            StuckGate::Stock => (calls(&[Action::ReceiveStock]), vec![Opener::Warehouse]),
            StuckGate::ReservationApproval | StuckGate::PaymentApproval => {
                (calls(&[Action::ApproveRequest, Action::RejectRequest]), vec![Opener::Approver])
            }
            StuckGate::Payment => (
                calls(&[Action::CapturePayment, Action::RecordPayment]),
                vec![Opener::Customer, Opener::Finance],
            ),
            StuckGate::Provider => (self.answers_awaited(), vec![Opener::Finance]),
            StuckGate::Picking | StuckGate::Packing | StuckGate::Label | StuckGate::Courier => {
                (self.calls_at(gate), vec![Opener::Warehouse])
            }
            StuckGate::Pickup => (self.calls_at(gate), vec![Opener::Courier, Opener::Warehouse]),
            StuckGate::Letter => (self.after_letter(), vec![Opener::Support]),
            StuckGate::Delivery => {
                let collects = self.live_shipments().any(|it| it.state == ShipmentState::AvailableForPickup);
                let first =
                    if collects { vec![Opener::Customer, Opener::Courier] } else { vec![Opener::Courier] };
                (calls(&[Action::RecordTrackingEvents, Action::ConfirmDelivery]), first)
            }
            StuckGate::Exception => {
                let resolve = [Action::ResolveException];
                let can_resolve = |it: &Shipment| it.available_actions().contains(&resolve[0]);
                let resolve = if self.live_shipments().any(can_resolve) { &resolve[..] } else { &[] };
                let open = self.live_shipments().any(|it| it.state.courier_may_report() && !is_gone(it));
                let (further, openers) = match open {
                    true => (
                        [Action::RecordTrackingEvents, Action::ConfirmDelivery],
                        vec![Opener::Support, Opener::Courier],
                    ),
                    false => {
                        let last = match self.open_services().next() {
                            Some(_) => Action::CompleteServiceLine,
                            None => Action::CloseOrder,
                        };
                        ([Action::RefundPayment, last], vec![Opener::Support, Opener::Finance])
                    }
                };
                (calls(&[resolve, &further].concat()), openers)
            }
            StuckGate::Service => (calls(&[Action::CompleteServiceLine]), vec![Opener::Support]),
            StuckGate::Settlement if self.has_open_return() => (
                calls(&[Action::ResolveReturn, Action::RefundPayment, Action::CloseOrder]),
                vec![Opener::Finance],
            ),
            StuckGate::Settlement => {
                (calls(&[Action::RefundPayment, Action::CloseOrder]), vec![Opener::Finance])
            }
        }
    }

    /// The events that may come of what a provider was asked.
    fn answers_awaited(&self) -> Vec<&'static str> {
        let asked = self.payments.iter().find_map(|it| it.open_request());
        let good = match asked {
            Some(ProviderRequest::Authorize) => EventKind::PaymentAuthorized,
            Some(ProviderRequest::Void) => EventKind::PaymentVoided,
            Some(ProviderRequest::Charge | ProviderRequest::Capture) | None => EventKind::PaymentCaptured,
        };
        vec![good.as_str(), EventKind::PaymentFailed.as_str()]
    }

    /// The calls, or events, that take the shipments on which stand at this gate.
    fn calls_at(&self, gate: StuckGate) -> Vec<&'static str> {
        let here = self.live_shipments().filter(|it| gate_of(it.state) == Some(gate));
        let awaits_label = |it: &Shipment| it.booking.as_ref().is_some_and(Booking::awaits_label);
        let next = |it: &Shipment| match awaits_label(it) {
            // Without the courier's label it is not handed over.
            true => Some(EventKind::BookingConfirmed.as_str()),
            false => it.next_call(),
        };
        let mut calls: Vec<_> = here.filter_map(next).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// What follows a letter that is not sent yet, or never will be.
    fn after_letter(&self) -> Vec<&'static str> {
        let is_delivered = self.state == OrderState::Delivered;
        let further = if is_delivered { Action::CloseOrder } else { Action::ConfirmDelivery };
        vec![EventKind::MessageSent.as_str(), further.as_str()]
    }
}

/// Whether the right address or contact ends it.
fn is_ended_by_a_correction(reason: HoldReason) -> bool {
    matches!(reason, HoldReason::IncorrectAddress | HoldReason::VerificationFailed)
}

fn releasers(reason: HoldReason) -> Vec<Opener> {
    match reason {
        HoldReason::VerificationFailed | HoldReason::IncorrectAddress | HoldReason::CustomerRequest => {
            vec![Opener::Support, Opener::Customer]
        }
        HoldReason::HighRiskOfFraud | HoldReason::Compliance => vec![Opener::Approver],
        HoldReason::UnknownDeliveryDate | HoldReason::QualityFailure | HoldReason::InventoryOutOfStock => {
            vec![Opener::Warehouse]
        }
        HoldReason::Other => vec![Opener::Support],
    }
}

/// Nothing more is expected of it on the road.
fn is_gone(shipment: &Shipment) -> bool {
    matches!(shipment.state, ShipmentState::Returned | ShipmentState::Lost)
}

/// The gate in the warehouse that a shipment stands at.
fn gate_of(state: ShipmentState) -> Option<StuckGate> {
    match state {
        ShipmentState::Planned | ShipmentState::Picking | ShipmentState::Picked | ShipmentState::QcFailed => {
            Some(StuckGate::Picking)
        }
        ShipmentState::QcPassed => Some(StuckGate::Packing),
        ShipmentState::Packed => Some(StuckGate::Label),
        ShipmentState::Labelled => Some(StuckGate::Courier),
        ShipmentState::CourierAssigned => Some(StuckGate::Pickup),
        ShipmentState::PickedUp
        | ShipmentState::InTransit
        | ShipmentState::OutForDelivery
        | ShipmentState::DeliveryAttempted
        | ShipmentState::AvailableForPickup
        | ShipmentState::Exception
        | ShipmentState::Returning
        | ShipmentState::Returned
        | ShipmentState::Lost
        | ShipmentState::Delivered
        | ShipmentState::Cancelled => None,
    }
}
