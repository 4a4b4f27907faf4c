//! An order ends early: cancelled, rejected or expired, with everything undone.

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::Actor;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::{cut, moved};
use crate::domain::unit::unit_of_work::{Desk, Touch};

/// How long the reason of an early end may be, in characters.
const END_REASON_MAX: usize = 1_000;

/// Ends an order before anything was handed over.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    pub target: Target,
    pub reason: String,
}

impl OrderCommand for CancelOrder {
    const NAME: &'static str = "CancelOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.cancel(desk, &self.reason)
    }
}

impl Order {
    /// Ends the order before anything was handed over, undoing stock, money, labels and messages in one plan.
    pub fn cancel(&mut self, desk: &mut Desk, reason: &str) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Cancelled)
            || self.live_shipments().any(|it| it.handover.is_some())
        {
            return Err(self.out_of_turn("cancel"));
        }
        self.undo(desk, OrderState::Cancelled, reason)
    }

    /// The hold ran out before the order was paid.
    pub(in crate::domain) fn expire(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        // Whoever needed the stock did not expire the order.
        let caller = std::mem::replace(&mut desk.actor, Actor::system());
        let done = self.undo(desk, OrderState::Expired, "not paid while stock was held");
        desk.actor = caller;
        done
    }

    /// One plan for every early end. What the provider still has to do is asked for, not awaited.
    pub(in crate::domain) fn undo(
        &mut self,
        desk: &mut Desk,
        to: OrderState,
        reason: &str,
    ) -> Result<(), Refusal> {
        let (kind, message, reservation_to) = match to {
            OrderState::Expired => {
                (EventKind::OrderExpired, MessageKind::OrderExpired, ReservationState::Expired)
            }
            OrderState::Rejected => {
                (EventKind::OrderRejected, MessageKind::OrderRejected, ReservationState::Released)
            }
            _ => (EventKind::OrderCancelled, MessageKind::OrderCancelled, ReservationState::Released),
        };
        if self.state == OrderState::AwaitingStock {
            self.stop_waiting(desk);
        }
        self.cancel_reason = cut(reason.to_owned(), END_REASON_MAX);
        self.go(desk, to, kind, reason)?;

        let held = self.current_reservation().is_some_and(|it| it.state == ReservationState::Held);
        self.release_reservation(desk, if held { reservation_to } else { ReservationState::Released })?;
        self.release_holds(desk, |_| true, "the order is over")?;
        for place in 0..self.approvals.len() {
            if self.approvals[place].state == ApprovalState::Pending {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(desk, place, ApprovalState::Withdrawn, kind, "the order is over")?;
            }
        }
        for place in 0..self.invoices.len() {
            let invoice = &mut self.invoices[place];
            if invoice.state == InvoiceState::Open {
                let step = moved(invoice.id.0, invoice.state, InvoiceState::Void)?;
                invoice.state = InvoiceState::Void;
                invoice.settled_at = Some(desk.now);
                self.tell(desk, EventKind::InvoiceVoided, Some(step), "void: nothing is to be paid");
            }
        }
        for place in 0..self.shipments.len() {
            let shipment = &mut self.shipments[place];
            if shipment.state != ShipmentState::Cancelled {
                let step = moved(shipment.id.0, shipment.state, ShipmentState::Cancelled)?;
                shipment.state = ShipmentState::Cancelled;
                let text = format!("shipment {} cancelled, its label is void", shipment.number);
                self.touch_shipment(desk, place);
                self.tell(desk, EventKind::ShipmentCancelled, Some(step), text);
            }
        }
        self.pay_back(desk)?;
        self.suppress_messages(desk)?;
        self.notify(desk, message, None, 0);
        Ok(())
    }
}
