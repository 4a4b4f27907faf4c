//! What of an order is goods, and what is services.

use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::time::Timestamp;

impl Order {
    /// The lines that stock is reserved for, and that are shipped.
    pub fn goods(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|it| !it.is_service())
    }

    /// The goods that are not cancelled whole.
    pub fn wanted_goods(&self) -> impl Iterator<Item = &OrderLine> {
        self.goods().filter(|it| it.is_wanted())
    }

    /// The goods that a change added and that no shipment has yet.
    pub fn unplanned_goods(&self) -> impl Iterator<Item = &OrderLine> {
        let is_planned = |line: i32| self.live_shipments().flat_map(|it| &it.items).any(|it| it.line == line);
        self.wanted_goods().filter(move |it| it.added_by_change.is_some() && !is_planned(it.number))
    }

    pub fn services(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|it| it.is_service())
    }

    /// The services that are to be done.
    pub fn open_services(&self) -> impl Iterator<Item = &OrderLine> {
        self.services().filter(|it| it.done.is_none() && it.is_wanted())
    }

    /// Whether nothing of it is ever reserved or shipped.
    pub fn has_only_services(&self) -> bool {
        self.goods().next().is_none()
    }

    /// When the last of its services so far was done.
    pub fn last_service_at(&self) -> Option<Timestamp> {
        self.services().filter_map(|it| it.done.as_ref()).map(|it| it.at).max()
    }

    /// Whether its services may be done now, as far as its state goes: it is paid, that is approved, and it is not over.
    pub fn is_open_to_services(&self) -> bool {
        match self.state {
            OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered => true,
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }
}
