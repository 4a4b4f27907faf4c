//! Automatic steps of an order, up to the next gate.

use crate::domain::model::approval::Gate;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Runs automatic steps to the next gate. A hold stops it anywhere.
    pub(in crate::domain) fn advance(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        loop {
            let before = self.state;
            if self.on_hold() {
                return Ok(());
            }
            self.settle_supplements(unit)?;
            match self.state {
                OrderState::Verified if self.has_only_services() => self.issue_invoice(unit)?,
                OrderState::Verified => self.reserve(unit)?,
                OrderState::Reserved => self.pass_gate(unit, Gate::Reservation)?,
                OrderState::ReservationApproved => self.issue_invoice(unit)?,
                OrderState::Invoiced if self.awaits_approval_of_a_change() => {}
                OrderState::Invoiced => self.settle_invoice(unit)?,
                OrderState::PaymentCaptured => self.pass_gate(unit, Gate::Payment)?,
                OrderState::PaymentApproved if self.has_only_services() => self.begin_services(unit)?,
                OrderState::PaymentApproved if self.has_only_its_rest() => {}
                OrderState::PaymentApproved => self.plan_shipments(unit)?,
                OrderState::Fulfilling | OrderState::PartiallyShipped | OrderState::PartiallyDelivered => {
                    self.plan_additions(unit);
                }
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
