//! Units set aside for an order or for another caller.

use serde::{Deserialize, Serialize};

use crate::domain::model::policy::Allocation;
use crate::domain::model::scalars::{Actor, LocationCode, OrderId, ReservationId, Sku, string_enum};
use crate::domain::model::time::Timestamp;

impl Reservation {
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Who has it open as one of its own: the caller that made it with ReserveStock, until it is over.
    pub fn open_for(&self) -> Option<&Actor> {
        (self.order.is_none() && self.is_open()).then_some(&self.created_by)
    }

    pub fn has_units_from(&self, location: &LocationCode) -> bool {
        self.items.iter().any(|it| it.location == *location)
    }

    /// Past its end and not pinned.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Held && self.expires_at.is_some_and(|it| it <= now)
    }

    /// The oldest goes where there is no more room.
    pub(in crate::domain) fn note_reallocation(&mut self, it: Reallocation) {
        if self.reallocations.len() >= REALLOCATIONS_MAX {
            self.reallocations.remove(0);
        }
        self.reallocations.push(it);
    }

    /// When a worker has to look at another caller's reservation again.
    pub fn due_at(&self) -> Option<Timestamp> {
        if self.state == ReservationState::Held { self.expires_at } else { None }
    }
}

impl ReservedItem {
    /// Units still set aside.
    pub fn open(&self) -> i64 {
        self.quantity - self.consumed - self.released
    }
}

string_enum! {
    /// HELD expires; CONFIRMED does not.
    pub enum ReservationState {
        Held = "HELD",
        Confirmed = "CONFIRMED",
        PartiallyConsumed = "PARTIALLY_CONSUMED",
        Consumed = "CONSUMED",
        Released = "RELEASED",
        Expired = "EXPIRED",
    }
}

/// Units set aside, all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub id: ReservationId,
    pub version: i64,
    /// None: another caller's reservation, named by `reference`.
    pub order: Option<OrderId>,
    pub reference: String,
    pub state: ReservationState,
    /// When the reservation expires unless confirmed. None once confirmed, and while a payment is being captured
    /// (pinned).
    pub expires_at: Option<Timestamp>,
    pub items: Vec<ReservedItem>,
    /// Why these locations.
    pub plan: String,
    /// How they were chosen. None: of a reservation from one location only.
    #[serde(default)]
    pub allocation: Option<Allocation>,
    /// Which locations had some of it too, and why nothing was taken there: at most 20.
    #[serde(default)]
    pub passed_over: Vec<PassedOver>,
    pub created_by: Actor,
    pub created_at: Timestamp,
    /// The order that has taken another caller's reservation over.
    pub taken_over_by: Option<OrderId>,
    /// The other caller's reservation that an order took over with this one.
    pub taken_over_from: Option<ReservationId>,
    /// When another caller said that its cart is in checkout. It expires all the same, but not soon.
    pub confirmed_at: Option<Timestamp>,
    /// The key or certificate that named who set another caller's reservation aside, where that is another.
    #[serde(default)]
    pub created_through: Option<Actor>,
    /// How units came from elsewhere later, because those set aside first were not there: the newest last, at most
    /// [`REALLOCATIONS_MAX`].
    #[serde(default)]
    pub reallocations: Vec<Reallocation>,
}

/// How many re-allocations a reservation keeps; its order's history has all of them.
pub const REALLOCATIONS_MAX: usize = 5;

/// The plan by which units were set aside elsewhere, in the place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reallocation {
    pub at: Timestamp,
    /// Why those that were set aside are not there. At most 200 characters.
    pub why: String,
    /// Which units come from where instead, and why from there. At most 500 characters.
    pub plan: String,
    pub allocation: Allocation,
    /// Which locations had some of it too, and why nothing was taken there: at most 5.
    pub passed_over: Vec<PassedOver>,
}

/// A location that had something of what was reserved, and was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    pub location: LocationCode,
    pub reason: String,
}

/// Law: `0 ≤ consumed + released ≤ quantity`, equal once the reservation is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedItem {
    /// 1…n within the reservation.
    pub number: i32,
    /// The order line this is for; 0 in another caller's reservation.
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub consumed: i64,
    pub released: i64,
}
