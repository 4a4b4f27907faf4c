//! Values of the domain into replies, named by what they become. Every struct of the domain is taken apart in full:
//! a new field has to be shown or left out on purpose.

use crate::domain::{
    Actor, Address, Currency, Customer, Dimensions, Discount, Erased, LegalHold, Money, Slip, Timestamp,
    UnavailableAction, Use,
};
use crate::pb;
use crate::rpc::enums;

pub(crate) fn unavailable_action(it: UnavailableAction) -> pb::UnavailableAction {
    let UnavailableAction { action, reason } = it;
    pb::UnavailableAction { action: action.to_string(), reason }
}

/// Grams and millimetres that were parsed out of 32 bits.
pub(super) fn measure(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(crate) fn dimensions(dimensions: Dimensions) -> pb::Dimensions {
    let Dimensions { length_mm, width_mm, height_mm } = dimensions;
    pb::Dimensions {
        length_mm: measure(length_mm),
        width_mm: measure(width_mm),
        height_mm: measure(height_mm),
    }
}

pub(crate) fn money(money: Money) -> pb::Money {
    let Money { currency, minor } = money;
    let minor_per_unit = 10_i64.pow(currency.exponent());
    let nanos = (minor % minor_per_unit) * (1_000_000_000 / minor_per_unit);
    pb::Money {
        currency_code: currency.to_string(),
        units: minor / minor_per_unit,
        nanos: i32::try_from(nanos).expect("less than a unit, so less than 10^9 nanos"),
    }
}

/// An amount as it stands in rows: minor units beside their currency.
pub(crate) fn minor(currency: Currency, minor: i64) -> Option<pb::Money> {
    Some(money(currency.of(minor)))
}

pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.unix_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("less than a second"),
    }
}

/// The text of an id that may be missing.
pub(crate) fn text_of(id: Option<impl ToString>) -> String {
    id.map(|it| it.to_string()).unwrap_or_default()
}

pub(crate) fn actor(actor: &Actor) -> String {
    actor.as_str().to_owned()
}

/// A rate in parts per million; the wire has them signed.
pub(crate) fn ppm(ppm: u32) -> i32 {
    i32::try_from(ppm).unwrap_or(i32::MAX)
}

pub(crate) fn open_use(it: &Use) -> pb::OpenUse {
    match it.clone() {
        Use::Stock { sku, location, on_hand, reserved } => pb::OpenUse {
            kind: pb::OpenUseKind::Stock.into(),
            sku: sku.into(),
            location: location.into(),
            units: on_hand,
            reserved,
            ..Default::default()
        },
        Use::Waiting { sku, region, units } => pb::OpenUse {
            kind: pb::OpenUseKind::WaitingOrders.into(),
            sku: sku.into(),
            region: region.into(),
            units,
            ..Default::default()
        },
        Use::Replenishment { id, sku, location } => pb::OpenUse {
            kind: pb::OpenUseKind::Replenishment.into(),
            sku: sku.into(),
            location: location.into(),
            replenishment_id: id.to_string(),
            ..Default::default()
        },
        Use::Shipment(id) => pb::OpenUse {
            kind: pb::OpenUseKind::Shipment.into(),
            shipment_id: id.to_string(),
            ..Default::default()
        },
    }
}

pub(crate) fn customer(customer: &Customer) -> pb::Customer {
    let Customer { name, email, phone, locale, phone_extension } = customer.clone();
    pb::Customer { name, email, phone, locale, phone_extension }
}

pub(crate) fn address(address: &Address) -> pb::Address {
    let Address { recipient, organization, lines, city, area, postal_code, country } = address.clone();
    pb::Address { recipient, company: organization, street: lines, city, state: area, postal_code, country }
}

pub(crate) fn discount(currency: Currency, discount: Discount) -> pb::Discount {
    let value = match discount {
        Discount::Amount(amount) => pb::discount::Value::Amount(money(currency.of(amount))),
        Discount::Percent(rate) => pb::discount::Value::RatePpm(ppm(rate)),
    };
    pb::Discount { value: Some(value) }
}

pub(crate) fn slip(slip: &Slip) -> pb::Slip {
    let Slip { kind, subject, about, since } = *slip;
    pb::Slip {
        kind: enums::slip_kind(kind),
        subject_id: subject.to_string(),
        about_time: Some(timestamp(about)),
        since_time: Some(timestamp(since)),
    }
}

pub(crate) fn legal_hold(hold: &LegalHold) -> pb::LegalHold {
    let LegalHold { reason, by, at, until } = hold;
    pb::LegalHold {
        reason: reason.clone(),
        actor: actor(by),
        time: Some(timestamp(*at)),
        until_time: until.map(timestamp),
    }
}

pub(crate) fn erasure(erased: &Erased) -> pb::DataErasure {
    let Erased { at, by, kept_until } = erased;
    pb::DataErasure {
        time: Some(timestamp(*at)),
        actor: actor(by),
        kept_until_time: kept_until.map(timestamp),
    }
}
