//! Parses requests about couriers.

use std::collections::HashMap;

use crate::domain::{
    Courier, CourierChange, CreateCourier, DeactivateCourier, Problems, Rate, ReactivateCourier, Timestamp,
    UpdateCourier,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{
    NAME_MAX, WEIGHT_MAX_GRAMS, digits, entries, id, if_in_use, number, paths, price, required,
    required_text, required_word,
};

/// Lines of one rate card at most.
const RATES_MAX: usize = 100;

list_requests! {
    list_couriers: ListCouriersRequest,
}

pub(crate) fn new_courier(request: pb::CreateCourierRequest, bad: &mut Problems) -> Option<CreateCourier> {
    let pb::CreateCourierRequest { courier, request_id: _ } = request;
    let courier = required("courier", courier, bad)?;
    let code = id("courier.courier", &courier.courier, bad);
    let changes = courier_changes(courier, &COURIER_FIELDS, bad);
    let courier = Courier::new(code?, Vec::new(), Timestamp::MIN);
    Some(CreateCourier { courier: changes.into_iter().fold(courier, Courier::with) })
}

pub(crate) fn update_courier(request: pb::UpdateCourierRequest, bad: &mut Problems) -> Option<UpdateCourier> {
    let pb::UpdateCourierRequest { courier, update_mask, etag, request_id: _ } = request;
    let paths = paths(update_mask, &COURIER_FIELDS, bad);
    let courier = required("courier", courier, bad)?;
    let code = id("courier.courier", &courier.courier, bad);
    let changes = courier_changes(courier, &paths?, bad);
    Some(UpdateCourier { code: code?, changes, etag })
}

/// The fields of a courier that a person enters, beside its code.
const COURIER_FIELDS: [&str; 6] =
    ["name", "rates", "daily_cutoff", "utc_offset_minutes", "pickup_weekdays", "takes_dangerous_goods"];

/// The fields that are named, each as a whole.
fn courier_changes(
    courier: pb::Courier,
    named: &[impl AsRef<str>],
    bad: &mut Problems,
) -> Vec<CourierChange> {
    let pb::Courier {
        courier: _,
        name,
        rates,
        daily_cutoff,
        utc_offset_minutes,
        pickup_weekdays,
        create_time: _,
        etag: _,
        active: _,
        update_time: _,
        takes_dangerous_goods,
    } = courier;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let mut changes = Vec::new();
    if named("name") {
        changes.push(CourierChange::Name(required_text("courier.name", name, NAME_MAX, bad)));
    }
    if named("rates") {
        changes.extend(rate_card(rates, bad).map(CourierChange::Rates));
    }
    if named("daily_cutoff") {
        changes.extend(time_of_day("courier.daily_cutoff", &daily_cutoff, bad).map(CourierChange::Cutoff));
    }
    if named("utc_offset_minutes") {
        number("courier.utc_offset_minutes", utc_offset_minutes.into(), -720..=840, bad);
        changes.push(CourierChange::UtcOffset(utc_offset_minutes));
    }
    if named("pickup_weekdays") {
        changes.push(CourierChange::PickupWeekdays(weekdays(pickup_weekdays, bad)));
    }
    if named("takes_dangerous_goods") {
        changes.push(CourierChange::TakesDangerousGoods(takes_dangerous_goods));
    }
    changes
}

pub(crate) fn deactivate_courier(
    request: pb::DeactivateCourierRequest,
    bad: &mut Problems,
) -> Option<DeactivateCourier> {
    let pb::DeactivateCourierRequest { courier, even_if_in_use, etag, request_id: _ } = request;
    let code = id("courier", &courier, bad)?;
    Some(DeactivateCourier { code, if_in_use: if_in_use(even_if_in_use), etag })
}

pub(crate) fn reactivate_courier(
    request: pb::ReactivateCourierRequest,
    bad: &mut Problems,
) -> Option<ReactivateCourier> {
    let pb::ReactivateCourierRequest { courier, etag, request_id: _ } = request;
    Some(ReactivateCourier { code: id("courier", &courier, bad)?, etag })
}

/// Minutes after midnight of a time such as `17:00`.
pub(crate) fn time_of_day(field: &str, text: &str, bad: &mut Problems) -> Option<i32> {
    let text = required(field, Some(text).filter(|it| !it.is_empty()), bad)?;
    let two_digits = |part: &str, max: i32| digits(part).filter(|it: &i32| part.len() == 2 && *it <= max);
    let minutes = text
        .split_once(':')
        .and_then(|(hours, minutes)| Some(two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?));
    if minutes.is_none() {
        bad.add(field, "must be a time of day such as 17:00");
    }
    minutes
}

/// ISO numbers of the days, in their order; Monday to Friday if none is named.
pub(crate) fn weekdays(given: Vec<i32>, bad: &mut Problems) -> Vec<u8> {
    if given.is_empty() {
        return (1..=5).collect();
    }
    let mut days = Vec::new();
    for (index, day) in entries("courier.pickup_weekdays", given, 0..=7, bad) {
        let field = format!("courier.pickup_weekdays[{index}]");
        match u8::try_from(day).ok().filter(|it| (1..=7).contains(it)) {
            Some(day) if days.contains(&day) => bad.add(field, "is named twice"),
            Some(day) => days.push(day),
            None => bad.add(field, "must be a day of the week"),
        }
    }
    days.sort_unstable();
    days
}

fn rate_card(rates: Vec<pb::CourierRate>, bad: &mut Problems) -> Option<Vec<Rate>> {
    let rates = entries("courier.rates", rates, 1..=RATES_MAX, bad);
    let mut seen = HashMap::new();
    let mut card = Vec::new();
    for (index, rate) in rates {
        let at = format!("courier.rates[{index}]");
        let Some(rate) = rate_of(&at, rate, bad) else { continue };
        if let Some(earlier) = seen.insert((rate.region.clone(), rate.service, rate.currency), index) {
            bad.add(at, format!("has the region, service level and currency of courier.rates[{earlier}]"));
        }
        card.push(rate);
    }
    Some(card)
}

fn rate_of(at: &str, rate: pb::CourierRate, bad: &mut Problems) -> Option<Rate> {
    let pb::CourierRate { region, service_level, base_price, price_per_kg, transit_days, weight_max_grams } =
        rate;
    let region = id(&format!("{at}.region"), &region, bad);
    let service = required_word(&format!("{at}.service_level"), service_level, enums::to_service_level, bad);
    let base_field = format!("{at}.base_price");
    let base = required(&base_field, base_price, bad).and_then(|it| price(&base_field, Some(it), bad));
    let per_kg_field = format!("{at}.price_per_kg");
    let per_kg = price(&per_kg_field, price_per_kg, bad);
    if let (Some(base), Some(per_kg)) = (base, per_kg)
        && base.currency != per_kg.currency
    {
        bad.add(per_kg_field, format!("must be in {}, as base_price is", base.currency));
    }
    let transit_days = number(&format!("{at}.transit_days"), transit_days.into(), 0..=60, bad);
    let weight_max_grams =
        number(&format!("{at}.weight_max_grams"), weight_max_grams.into(), 0..=100 * WEIGHT_MAX_GRAMS, bad);
    let base = base?;
    Some(Rate {
        region: region?,
        service: service?,
        currency: base.currency,
        base_minor: base.minor,
        per_kg_minor: per_kg.map_or(0, |it| it.minor),
        transit_days: u32::try_from(transit_days).unwrap_or(0),
        weight_max_grams,
    })
}
