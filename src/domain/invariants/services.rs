//! Invariants of an order of services only.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::order::{Order, OrderState};

impl Order {
    /// It never has stock or shipments, and its state follows from its invoice and from what was done.
    pub(super) fn check_state_of_services(&self, found: &mut Findings) {
        let mut ensure =
            |holds: bool, expected: &str| found.ensure("T7", self.id, holds, expected, self.state);
        ensure(
            self.current_reservation().is_none() && self.shipments.is_empty(),
            "neither stock nor shipments",
        );
        let invoice = self.main_invoice().map(|it| it.state);
        let done = self.open_services().next().is_none();
        match self.state {
            OrderState::Received | OrderState::Verified => ensure(invoice.is_none(), "nothing invoiced"),
            OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered => ensure(false, "no state of goods"),
            OrderState::Invoiced => ensure(invoice == Some(InvoiceState::Open), "an open invoice"),
            OrderState::PaymentCaptured | OrderState::PaymentApproved => {
                ensure(invoice == Some(InvoiceState::Paid), "a paid invoice");
            }
            OrderState::Fulfilling => ensure(!done, "a service to be done"),
            OrderState::Delivered => {
                ensure(done, "every service done");
                ensure(
                    self.delivered_at.is_some() && self.feedback.is_some(),
                    "when, and asked for feedback",
                );
            }
            OrderState::Closed => {
                ensure(done && self.closed_at.is_some(), "every service done, and when closed")
            }
            OrderState::Archived => {}
            OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
                ensure(invoice != Some(InvoiceState::Open), "no open invoice");
            }
        }
    }
}
