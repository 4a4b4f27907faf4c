//! What is asked of a courier with an interface of its own for one shipment, and its answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::model::address::Address;
use crate::domain::model::courier::Courier;
use crate::domain::model::location::Location;
use crate::domain::model::money::Currency;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::{BookingId, CourierCode, ServiceLevel, string_enum};
use crate::domain::model::shipment::{Package, Shipment};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// The open request to the courier.
    pub enum BookingRequest {
        /// Buy the label.
        Label = "LABEL",
        /// Have the courier come for it.
        Pickup = "PICKUP",
        /// Give back the label, and call off the pickup.
        Cancel = "CANCEL",
    }
}

string_enum! {
    /// What is booked at a courier that has an interface.
    pub enum BookedParts {
        /// The label; the courier comes by itself.
        Label = "LABEL",
        /// The label, and a pickup for each shipment.
        LabelAndPickup = "LABEL_AND_PICKUP",
    }
}

/// The couriers whose labels are bought from an interface of theirs. All others are booked by telling them, and have
/// rate cards only.
pub type BookedCouriers = BTreeMap<CourierCode, BookedParts>;

/// One shipment's booking with one courier. Its id is the key of every call, so that a call that is repeated has one
/// effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    pub id: BookingId,
    pub courier: CourierCode,
    pub service: ServiceLevel,
    pub parts: BookedParts,
    pub pickup_at: Timestamp,
    /// The call that is out.
    pub request: Option<OpenBookingRequest>,
    /// How often that call was left without an answer.
    pub attempts: u32,
    /// Why it had no answer, or why the pickup was refused, in words.
    pub failure: Option<String>,
    pub label: Option<BoughtLabel>,
    /// The courier's own name for the pickup.
    pub pickup: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBookingRequest {
    pub kind: BookingRequest,
    /// When the call was last decided or retried.
    pub requested_at: Timestamp,
}

/// A label that the courier has sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoughtLabel {
    /// The courier's own name for what was bought, by which it is given back.
    pub reference: String,
    /// The courier's own number for the shipment.
    pub number: String,
}

impl Booking {
    pub fn open_request(&self) -> Option<BookingRequest> {
        self.request.map(|it| it.kind)
    }

    /// Whether the courier's label is still to come.
    pub fn awaits_label(&self) -> bool {
        self.label.is_none()
    }
}

/// A courier's word on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CourierAnswer<T> {
    Done(T),
    /// Refused for good, with the reason.
    Refused(String),
    /// No answer, or "ask again": what happened is not known.
    Unknown(String),
}

impl<T> CourierAnswer<T> {
    fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Done(_) | Self::Refused(_) => false,
        }
    }
}

/// A label and its file, as the courier gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldLabel {
    /// The courier's own name for what was bought.
    pub reference: String,
    /// The courier's own number for the shipment.
    pub number: String,
    /// None: it gave no file.
    pub file: Option<SoldFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldFile {
    pub media_type: String,
    pub content: Vec<u8>,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingAnswer {
    Label(CourierAnswer<SoldLabel>),
    /// With the courier's own name for the pickup.
    Pickup(CourierAnswer<String>),
    Cancel(CourierAnswer<()>),
}

impl BookingAnswer {
    /// What it answers.
    pub fn request(&self) -> BookingRequest {
        match self {
            Self::Label(_) => BookingRequest::Label,
            Self::Pickup(_) => BookingRequest::Pickup,
            Self::Cancel(_) => BookingRequest::Cancel,
        }
    }

    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Label(it) => it.is_unknown(),
            Self::Pickup(it) => it.is_unknown(),
            Self::Cancel(it) => it.is_unknown(),
        }
    }

    /// The answer to a request whose outcome is not known.
    pub fn unknown(request: BookingRequest, why: impl Into<String>) -> Self {
        let why = why.into();
        match request {
            BookingRequest::Label => Self::Label(CourierAnswer::Unknown(why)),
            BookingRequest::Pickup => Self::Pickup(CourierAnswer::Unknown(why)),
            BookingRequest::Cancel => Self::Cancel(CourierAnswer::Unknown(why)),
        }
    }
}

/// A shipment as a courier is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// The key of every call about it.
    pub key: BookingId,
    pub service: ServiceLevel,
    pub sender: Origin,
    pub recipient: Party,
    pub packages: Vec<Package>,
    pub currency: Currency,
    /// When the courier is to come, by its own clock: the day, and from when to when in minutes after midnight.
    pub pickup_day: Date,
    pub ready_minutes: i32,
    pub closing_minutes: i32,
}

/// The location that it leaves from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub company: String,
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// None: not said.
    pub address: Option<Address>,
}

/// Who gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub name: String,
    pub email: String,
    pub phone: String,
    pub address: Address,
}

/// How long before its cut-off the courier may come.
const PICKUP_MINUTES: i32 = 120;

impl Consignment {
    pub fn of(
        order: &Order,
        shipment: &Shipment,
        booking: &Booking,
        courier: &Courier,
        location: &Location,
        company: &str,
    ) -> Self {
        let address = order.shipping_address.clone();
        let named = !address.recipient.trim().is_empty();
        let name = if named { &address.recipient } else { &order.customer.name };
        Self {
            key: booking.id,
            service: booking.service,
            sender: Origin {
                company: company.to_owned(),
                name: location.name.clone(),
                country: location.country.clone(),
                address: location.address.clone(),
            },
            recipient: Party {
                name: name.clone(),
                email: order.customer.email.clone(),
                phone: order.customer.phone.clone(),
                address,
            },
            packages: shipment.packages.clone(),
            currency: order.amounts.currency,
            pickup_day: courier.day_of(booking.pickup_at),
            ready_minutes: (courier.cutoff_minutes - PICKUP_MINUTES).max(0),
            closing_minutes: courier.cutoff_minutes,
        }
    }
}
