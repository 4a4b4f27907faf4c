//! What happens to an order by itself, up to the next gate.

use crate::domain::model::approval::Gate;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::unit::unit_of_work::Desk;

impl Order {
    /// Runs automatic steps to the next gate. A hold stops it anywhere.
    pub(in crate::domain) fn advance(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        loop {
            let before = self.state;
            if self.on_hold() {
                return Ok(());
            }
            match self.state {
                OrderState::Verified => self.reserve(desk)?,
                OrderState::Reserved => self.pass_gate(desk, Gate::Reservation)?,
                OrderState::ReservationApproved => self.issue_invoice(desk)?,
                OrderState::Invoiced => self.settle_invoice(desk)?,
                OrderState::PaymentCaptured => self.pass_gate(desk, Gate::Payment)?,
                OrderState::PaymentApproved => self.plan_shipments(desk)?,
                OrderState::Received
                | OrderState::AwaitingStock
                | OrderState::Fulfilling
                | OrderState::PartiallyShipped
                | OrderState::Shipped
                | OrderState::PartiallyDelivered
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
