//! What of an order is goods, and what is services.

use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::scalars::Sku;
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

    /// Whether it waits for stock: all of it, or the rest that was not there with the others.
    pub fn waits_for_stock(&self) -> bool {
        self.state == OrderState::AwaitingStock || self.waits_for_rest()
    }

    /// Whether a part of it is set aside or on its way, and the rest waits for stock.
    pub fn waits_for_rest(&self) -> bool {
        self.lines.iter().any(|it| it.waiting_quantity > 0)
    }

    /// The lines that it waits for, each with the units of it.
    pub fn awaited_units(&self) -> impl Iterator<Item = (&OrderLine, i64)> {
        let waits_whole = self.state == OrderState::AwaitingStock;
        let units =
            move |it: &OrderLine| if waits_whole { it.remaining_quantity() } else { it.waiting_quantity };
        self.wanted_goods().map(move |it| (it, units(it))).filter(|it| it.1 > 0)
    }

    /// Whether it waits for units of a product.
    pub fn awaits_units_of(&self, sku: &Sku) -> bool {
        self.awaited_units().any(|(it, _)| it.sku == *sku)
    }

    /// Whether it waits for more units of a product than it did.
    pub fn waits_for_more(&self, before: Option<&Self>) -> bool {
        let units_of = |order: &Self, sku: &Sku| {
            order.awaited_units().filter(|it| it.0.sku == *sku).map(|it| it.1).sum::<i64>()
        };
        self.awaited_units()
            .any(|(it, _)| units_of(self, &it.sku) > before.map_or(0, |order| units_of(order, &it.sku)))
    }

    /// Whether every unit that is wanted has its shipment: none waits for stock, and none of a change for its payment.
    pub fn is_planned_whole(&self) -> bool {
        !self.waits_for_rest() && self.unplanned_goods().next().is_none()
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
