//! Automatic steps of an order, up to the next gate.

use crate::domain::model::approval::Gate;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Runs automatic steps until one leaves the state as it is: a gate is shut, or somebody outside has to act. `conclude`
    /// calls it after every command about an order, and the proposal of a change on a trial copy. A refusal of a step
    /// refuses the whole command. A hold stops it anywhere.
    pub(in crate::domain) fn advance(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        loop {
            let before = self.state;
            if self.on_hold() {
                return Ok(());
            }
            // In any state from the payment on: what a confirmed change added is paid once nothing is due.
            self.settle_supplements(unit)?;
            self.settle_service(unit)?;
            match self.state {
                OrderState::Verified if self.has_only_services() => self.issue_invoice(unit)?,
                OrderState::Verified => self.reserve(unit)?,
                OrderState::Reserved => self.pass_gate(unit, Gate::Reservation)?,
                OrderState::ReservationApproved => self.issue_invoice(unit)?,
                // A change asked for an approval again: nothing is paid off until it is decided.
                OrderState::Invoiced if self.awaits_approval_of_a_change() => {}
                OrderState::Invoiced => self.settle_invoice(unit)?,
                OrderState::PaymentCaptured => self.pass_gate(unit, Gate::Payment)?,
                OrderState::PaymentApproved if self.has_only_services() => self.begin_services(unit)?,
                // Paid, but nothing that is set aside is left to plan: the rest waits for stock.
                OrderState::PaymentApproved if self.only_waits_for_stock() => {}
                OrderState::PaymentApproved => self.plan_shipments(unit)?,
                // What a change added later, or kept back until now, gets shipments of its own.
                OrderState::Fulfilling | OrderState::PartiallyShipped | OrderState::PartiallyDelivered => {
                    self.plan_additions(unit);
                }
                // Moved on by others, with a verification, stock that arrives, couriers' reports, a close or the archive;
                // or over.
                OrderState::Received
                | OrderState::AwaitingStock
                | OrderState::Shipped
                | OrderState::Delivered
                | OrderState::Closed
                | OrderState::Archived
                | OrderState::Rejected
                | OrderState::Cancelled
                | OrderState::Expired => {}
            }
            if self.state == before {
                return Ok(());
            }
        }
    }
}
