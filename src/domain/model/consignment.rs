//! A shipment as a courier with an interface of its own is told about it.

use time::Date;

use crate::domain::model::address::Address;
use crate::domain::model::booking::Booking;
use crate::domain::model::courier::Courier;
use crate::domain::model::location::Location;
use crate::domain::model::money::Currency;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::{BookingId, ServiceLevel};
use crate::domain::model::shipment::{Package, Shipment};

/// A shipment as a courier is told about it that has been chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// The key of every call about it.
    pub key: BookingId,
    pub service: ServiceLevel,
    pub load: Load,
    /// When the courier is to come, by its own clock: the day, and from when to when in minutes after midnight.
    pub pickup_day: Date,
    pub ready_minutes: i32,
    pub closing_minutes: i32,
}

/// What is to be carried, from whom to whom: all that a courier has to know to name its rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    pub sender: Origin,
    pub recipient: Party,
    pub packages: Vec<Package>,
    /// Whether dangerous goods are in one of them, which every courier wants declared.
    pub dangerous: bool,
    pub currency: Currency,
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

impl Load {
    pub fn of(order: &Order, shipment: &Shipment, location: &Location, company: &str) -> Self {
        let address = order.shipping_address.clone();
        let named = !address.recipient.trim().is_empty();
        let name = if named { &address.recipient } else { &order.customer.name };
        Self {
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
            dangerous: shipment.has_dangerous_goods(),
            currency: order.amounts.currency,
        }
    }
}

impl Consignment {
    pub fn of(booking: &Booking, load: Load, courier: &Courier) -> Self {
        Self {
            key: booking.id,
            service: booking.service,
            load,
            pickup_day: courier.day_of(booking.pickup_at),
            ready_minutes: (courier.cutoff_minutes - PICKUP_MINUTES).max(0),
            closing_minutes: courier.cutoff_minutes,
        }
    }
}
