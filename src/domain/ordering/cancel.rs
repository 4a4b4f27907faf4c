//! An order ends early: cancelled, rejected or expired, with everything undone.

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::Actor;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::{cut, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How long the reason of an early end may be, in characters.
const END_REASON_MAX: usize = 1_000;

/// Ends an order before any shipment was handed over to a courier.
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

    fn also_reads(&self) -> ReadSet {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.cancel(unit, &self.reason)
    }
}

/// One way in which an order ends early.
struct EarlyEnd {
    state: OrderState,
    event: EventKind,
    letter: MessageKind,
    /// The end of a reservation that was still HELD.
    held_reservation: ReservationState,
}

const CANCELLED: EarlyEnd = EarlyEnd {
    state: OrderState::Cancelled,
    event: EventKind::OrderCancelled,
    letter: MessageKind::OrderCancelled,
    held_reservation: ReservationState::Released,
};

const REJECTED: EarlyEnd = EarlyEnd {
    state: OrderState::Rejected,
    event: EventKind::OrderRejected,
    letter: MessageKind::OrderRejected,
    held_reservation: ReservationState::Released,
};

const EXPIRED: EarlyEnd = EarlyEnd {
    state: OrderState::Expired,
    event: EventKind::OrderExpired,
    letter: MessageKind::OrderExpired,
    held_reservation: ReservationState::Expired,
};

impl Order {
    /// Ends the order before any shipment was handed over to a courier, undoing stock, money, labels and messages in
    /// one plan. A hold keeps an order from going on, not from ending.
    pub fn cancel(&mut self, unit: &mut UnitOfWork, reason: &str) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Cancelled)
            || self.live_shipments().any(|it| it.handover.is_some())
        {
            return Err(self.out_of_turn("cancel"));
        }
        // Nor with goods that a courier reports to have, although nobody confirmed that they left.
        for index in 0..self.shipments.len() {
            self.must_be_here(index, "cancel")?;
        }
        self.undo(unit, &CANCELLED, reason, "cancelled")
    }

    /// It has waited for stock as long as it was to: what waits is called off. With nothing else left of it, the order is.
    pub(in crate::domain) fn end_wait(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let reason = "its stock did not come in time";
        let rest = self.waiting_rest();
        if self.must_leave_an_order(&rest).is_err() && self.last_service_at().is_some() {
            // A service that was done is not paid back unasked: a person cancels the rest, or all of it. Neither the caller's
            // wish nor the settings end the wait any more.
            (self.wait_until, self.waits_until) = (None, None);
            let words = format!("{reason}; a service of the order is done");
            self.hold(unit, Actor::system(), HoldReason::InventoryOutOfStock, words);
            return Ok(());
        }
        match rest.is_empty() || self.must_leave_an_order(&rest).is_err() {
            true => self.undo(unit, &CANCELLED, reason, reason),
            false => self.take_off(unit, &rest, reason),
        }
    }

    /// An approval was refused, or not decided in time.
    pub(in crate::domain) fn reject(&mut self, unit: &mut UnitOfWork, reason: &str) -> Result<(), Refusal> {
        self.undo(unit, &REJECTED, reason, reason)
    }

    /// The reservation expired before the order was paid. One that is not even verified stays: it reserves when it is, as
    /// an order does that took over no cart.
    pub(in crate::domain) fn expire(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        // The system expires the order, not the caller that needed the stock.
        let caller = std::mem::replace(&mut unit.actor, Actor::system());
        let reason = "not paid while stock was held";
        let done = if self.state == OrderState::Received {
            self.release_reservation(unit, ReservationState::Expired)
        } else {
            self.undo(unit, &EXPIRED, reason, reason)
        };
        unit.actor = caller;
        done
    }

    /// The steps that all early ends share. Voids and refunds are queued here; a worker has them done later. The reason may
    /// have the words of people, `told` stands in the history and has none.
    fn undo(
        &mut self,
        unit: &mut UnitOfWork,
        end: &EarlyEnd,
        reason: &str,
        told: &str,
    ) -> Result<(), Refusal> {
        // Before the state moves, from which follows what it waits for.
        self.stop_waiting(unit);
        self.cancel_reason = cut(reason.to_owned(), END_REASON_MAX);
        self.transition(unit, end.state, end.event, told)?;
        self.give_code_back(unit);
        self.lapse_change(unit)?;

        let held = self.current_reservation().is_some_and(|it| it.state == ReservationState::Held);
        self.release_reservation(unit, if held { end.held_reservation } else { ReservationState::Released })?;
        self.release_holds(unit, |_| true, "the order is over")?;
        for index in 0..self.approvals.len() {
            if self.approvals[index].state == ApprovalState::Pending {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(unit, index, ApprovalState::Withdrawn, kind, "the order is over")?;
            }
        }
        for index in 0..self.invoices.len() {
            let invoice = &mut self.invoices[index];
            if invoice.state == InvoiceState::Open {
                let step = step_between(invoice.id.0, invoice.state, InvoiceState::Void)?;
                invoice.state = InvoiceState::Void;
                invoice.settled_at = Some(unit.now);
                self.record(unit, EventKind::InvoiceVoided, Some(step), "void: nothing is to be paid");
            }
        }
        // Open invoices are void by now, and are not credited.
        let why = self.cancel_reason.clone();
        self.credit_all_that_is_invoiced(unit, &why);
        for index in 0..self.shipments.len() {
            if self.shipments[index].state != ShipmentState::Cancelled {
                self.cancel_shipment(unit, index)?;
            }
        }
        self.pay_back(unit)?;
        // Before the letter that tells of the end, which goes.
        self.suppress_messages(unit)?;
        self.notify(unit, end.letter, None, 0);
        Ok(())
    }
}
