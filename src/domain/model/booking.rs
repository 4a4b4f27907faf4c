//! What is asked of a courier with an interface of its own for one shipment, and its answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::label_file::LabelFile;
use crate::domain::model::scalars::{BookingId, CourierCode, ServiceLevel, string_enum};
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

/// How a courier with an interface is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedCourier {
    pub parts: BookedParts,
    /// How often it is asked where its shipments are; None: its reports come by themselves.
    pub track_every: Option<Duration>,
}

/// The couriers whose labels are bought from an interface of theirs. All others are booked by telling them, and have
/// rate cards only.
pub type BookedCouriers = BTreeMap<CourierCode, BookedCourier>;

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
    /// How often the courier is asked where the shipment is; None: its reports come by themselves.
    pub track_every: Option<Duration>,
    /// When it was last asked that.
    pub tracked_at: Option<Timestamp>,
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

    fn is_refused(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Done(_) | Self::Unknown(_) => false,
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
    pub file: LabelFile,
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

    pub fn is_refused(&self) -> bool {
        match self {
            Self::Label(it) => it.is_refused(),
            Self::Pickup(it) => it.is_refused(),
            Self::Cancel(it) => it.is_refused(),
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
