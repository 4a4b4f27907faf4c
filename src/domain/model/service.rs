//! Goods and services: what a line of an order is, and what became of a service.

use serde::{Deserialize, Serialize};

use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::scalars::{Actor, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What a product is, for ever.
    #[derive(Default)]
    pub enum ProductKind {
        /// On shelves; it is reserved, picked and shipped.
        #[default]
        Goods = "GOODS",
        /// Done for the customer: neither stocked nor shipped.
        Service = "SERVICE",
    }
}

/// A service that was done: all units of its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDone {
    pub by: Actor,
    pub at: Timestamp,
    /// What was done; may be empty.
    pub note: String,
    /// Where the proof is kept, such as the number of a signed report; may be empty.
    pub evidence: String,
}

impl OrderLine {
    pub fn is_service(&self) -> bool {
        match self.kind {
            ProductKind::Service => true,
            ProductKind::Goods => false,
        }
    }
}

impl Order {
    /// The lines that stock is reserved for, and that are shipped.
    pub fn goods(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|it| !it.is_service())
    }

    pub fn services(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|it| it.is_service())
    }

    /// The services that are not done.
    pub fn open_services(&self) -> impl Iterator<Item = &OrderLine> {
        self.services().filter(|it| it.done.is_none())
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
