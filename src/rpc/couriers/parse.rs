//! Parses requests about couriers.

use std::collections::HashMap;

use crate::domain::{
    Courier, CourierChange, CreateCourier, DeactivateCourier, DeliveryArea, DeliveryZone, Money, PostalCodes,
    Problems, Rate, RateArea, ReactivateCourier, TimeZone, Timestamp, UpdateCourier, WeightBand, postal_key,
};
use crate::pb;
use crate::rpc::calendar::{
    holidays, optional_time_of_day, shipments_per_day, time_of_day, time_zone, weekdays,
};
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{
    NAME_MAX, WEIGHT_MAX_GRAMS, country, entries, id, if_in_use, number, one_line, paths, price, required,
    required_line, required_word,
};

/// Heaviest shipment of a rate.
const SHIPMENT_MAX_GRAMS: i64 = 100 * WEIGHT_MAX_GRAMS;

const ZONES_MAX: usize = 100;

const ZONE_NAME_MAX: usize = 64;

/// Areas of one zone at most.
const AREAS_MAX: usize = 200;

const POSTAL_CODE_MAX: usize = 10;

/// Weight bands of one rate at most.
const BANDS_MAX: usize = 20;

const SERVICE_NAME_MAX: usize = 60;

/// Lines of one rate card at most.
const RATES_MAX: usize = 100;

list_requests! {
    list_couriers: ListCouriersRequest,
}

pub(crate) fn new_courier(request: pb::CreateCourierRequest, bad: &mut Problems) -> Option<CreateCourier> {
    let pb::CreateCourierRequest { courier, request_id: _, validate_only: _ } = request;
    let courier = required("courier", courier, bad)?;
    let code = id("courier.courier", &courier.courier, bad);
    let changes = courier_changes(courier, &COURIER_FIELDS, bad);
    let courier = Courier::new(code?, Vec::new(), Timestamp::MIN);
    Some(CreateCourier { courier: changes.into_iter().fold(courier, Courier::with) })
}

pub(crate) fn update_courier(request: pb::UpdateCourierRequest, bad: &mut Problems) -> Option<UpdateCourier> {
    let pb::UpdateCourierRequest { courier, update_mask, etag, request_id: _, validate_only: _ } = request;
    let paths = paths(update_mask, &COURIER_FIELDS, bad);
    let courier = required("courier", courier, bad)?;
    let code = id("courier.courier", &courier.courier, bad);
    let changes = courier_changes(courier, &paths?, bad);
    Some(UpdateCourier { code: code?, changes, etag })
}

/// The fields of a courier that a person enters, beside its code.
const COURIER_FIELDS: [&str; 10] = [
    "name",
    "rates",
    "daily_cutoff",
    "time_zone",
    "pickup_weekdays",
    "delivery_weekdays",
    "holidays",
    "zones",
    "takes_dangerous_goods",
    "shipments_per_day",
];

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
        time_zone: zone,
        pickup_weekdays,
        delivery_weekdays,
        holidays: free_days,
        zones,
        create_time: _,
        etag: _,
        record: _,
        active: _,
        update_time: _,
        takes_dangerous_goods,
        shipments_per_day: capacity,
    } = courier;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let mut changes = Vec::new();
    if named("name") {
        changes.push(CourierChange::Name(required_line("courier.name", name, NAME_MAX, bad)));
    }
    let zones = named("zones").then(|| delivery_zones("courier.zones", zones, bad));
    if named("rates") {
        changes.extend(rate_card(rates, zones.as_deref(), bad).map(CourierChange::Rates));
    }
    changes.extend(zones.map(CourierChange::Zones));
    if named("daily_cutoff") {
        changes.extend(time_of_day("courier.daily_cutoff", &daily_cutoff, bad).map(CourierChange::Cutoff));
    }
    if named("time_zone") {
        let zone = time_zone("courier.time_zone", &zone, bad);
        changes.push(CourierChange::TimeZone(zone.unwrap_or_else(TimeZone::utc)));
    }
    if named("pickup_weekdays") {
        let days = weekdays("courier.pickup_weekdays", pickup_weekdays, bad);
        changes.push(CourierChange::PickupWeekdays(days));
    }
    if named("delivery_weekdays") {
        let days = weekdays("courier.delivery_weekdays", delivery_weekdays, bad);
        changes.push(CourierChange::DeliveryWeekdays(days));
    }
    if named("holidays") {
        changes.push(CourierChange::Holidays(holidays("courier.holidays", free_days, bad)));
    }
    if named("takes_dangerous_goods") {
        changes.push(CourierChange::TakesDangerousGoods(takes_dangerous_goods));
    }
    if named("shipments_per_day") {
        let shipments = shipments_per_day("courier.shipments_per_day", capacity, bad);
        changes.push(CourierChange::ShipmentsPerDay(shipments));
    }
    changes
}

pub(crate) fn deactivate_courier(
    request: pb::DeactivateCourierRequest,
    bad: &mut Problems,
) -> Option<DeactivateCourier> {
    let pb::DeactivateCourierRequest { courier, even_if_in_use, etag, request_id: _, validate_only: _ } =
        request;
    let code = id("courier", &courier, bad)?;
    Some(DeactivateCourier { code, if_in_use: if_in_use(even_if_in_use), etag })
}

pub(crate) fn reactivate_courier(
    request: pb::ReactivateCourierRequest,
    bad: &mut Problems,
) -> Option<ReactivateCourier> {
    let pb::ReactivateCourierRequest { courier, etag, request_id: _, validate_only: _ } = request;
    Some(ReactivateCourier { code: id("courier", &courier, bad)?, etag })
}

/// The zones that rates may name.
fn delivery_zones(field: &str, given: Vec<pb::DeliveryZone>, bad: &mut Problems) -> Vec<DeliveryZone> {
    let mut zones: Vec<DeliveryZone> = Vec::new();
    for (index, zone) in entries(field, given, 0..=ZONES_MAX, bad) {
        let at = format!("{field}[{index}]");
        let pb::DeliveryZone { zone: name, areas } = zone;
        let name = required_line(&format!("{at}.zone"), name, ZONE_NAME_MAX, bad);
        if zones.iter().any(|it| it.name == name) {
            bad.add(format!("{at}.zone"), "is named twice");
        }
        let areas = entries(&format!("{at}.areas"), areas, 1..=AREAS_MAX, bad);
        let areas: Vec<_> = areas.collect();
        let area = |(index, it)| delivery_area(&format!("{at}.areas[{index}]"), it, bad);
        zones.push(DeliveryZone { name, areas: areas.into_iter().map(area).collect() });
    }
    zones
}

fn delivery_area(at: &str, area: pb::DeliveryArea, bad: &mut Problems) -> DeliveryArea {
    let pb::DeliveryArea { country: code, postal_code_prefix, postal_code_from, postal_code_to } = area;
    let country = country(&format!("{at}.country"), code, bad);
    let mut key = |field: &str, text: String| {
        let field = format!("{at}.{field}");
        let key = postal_key(&text);
        if !text.is_empty() && (key.is_empty() || key.len() > POSTAL_CODE_MAX) {
            bad.add(field, format!("must have 1 to {POSTAL_CODE_MAX} letters and digits"));
        }
        key
    };
    let prefix = key("postal_code_prefix", postal_code_prefix);
    let first = key("postal_code_from", postal_code_from);
    let last = key("postal_code_to", postal_code_to);
    let postal_codes = match (prefix.is_empty(), first.is_empty() && last.is_empty()) {
        (true, true) => PostalCodes::All,
        (false, true) => PostalCodes::BeginWith(prefix),
        (is_range, false) => {
            if !is_range {
                bad.add(format!("{at}.postal_code_prefix"), "must be empty where there is a range");
            }
            if first.len() != last.len() || first > last {
                let why = "must be as long as postal_code_from and not before it";
                bad.add(format!("{at}.postal_code_to"), why);
            }
            PostalCodes::Between(first, last)
        }
    };
    DeliveryArea { country, postal_codes }
}

/// The zones that rates may name are given where they are in the same request; else the courier has them.
fn rate_card(
    rates: Vec<pb::CourierRate>,
    zones: Option<&[DeliveryZone]>,
    bad: &mut Problems,
) -> Option<Vec<Rate>> {
    let rates = entries("courier.rates", rates, 1..=RATES_MAX, bad);
    let mut seen = HashMap::new();
    let mut card = Vec::new();
    for (index, rate) in rates {
        let at = format!("courier.rates[{index}]");
        let Some(rate) = rate_of(&at, rate, zones, bad) else { continue };
        let key = (rate.area.clone(), rate.service, rate.service_name.clone(), rate.currency);
        if let Some(earlier) = seen.insert(key, index) {
            bad.add(at, format!("has the area, service and currency of courier.rates[{earlier}]"));
        }
        card.push(rate);
    }
    Some(card)
}

fn rate_of(
    at: &str,
    rate: pb::CourierRate,
    zones: Option<&[DeliveryZone]>,
    bad: &mut Problems,
) -> Option<Rate> {
    let pb::CourierRate {
        region,
        service_level,
        base_price,
        price_per_kg,
        transit_days,
        weight_max_grams,
        zone,
        service_name,
        weight_bands,
        volumetric_divisor,
        deliver_by,
    } = rate;
    let area = rate_area(at, &region, zone, zones, bad);
    let service = required_word(&format!("{at}.service_level"), service_level, enums::to_service_level, bad);
    let base_field = format!("{at}.base_price");
    let base = required(&base_field, base_price, bad).and_then(|it| price(&base_field, Some(it), bad));
    let same_currency = |field: &str, other: Option<Money>, bad: &mut Problems| {
        if let (Some(base), Some(other)) = (base, other)
            && base.currency != other.currency
        {
            bad.add(field, format!("must be in {}, as base_price is", base.currency));
        }
    };
    let per_kg_field = format!("{at}.price_per_kg");
    let per_kg = price(&per_kg_field, price_per_kg, bad);
    same_currency(&per_kg_field, per_kg, bad);
    let transit_days = number(&format!("{at}.transit_days"), transit_days.into(), 0..=60, bad);
    let weight_max_grams =
        number(&format!("{at}.weight_max_grams"), weight_max_grams.into(), 0..=SHIPMENT_MAX_GRAMS, bad);
    let service_name = one_line(&format!("{at}.service_name"), service_name, SERVICE_NAME_MAX, bad);
    let mut bands: Vec<WeightBand> = Vec::new();
    for (index, band) in entries(&format!("{at}.weight_bands"), weight_bands, 0..=BANDS_MAX, bad) {
        let at = format!("{at}.weight_bands[{index}]");
        let pb::WeightBand { up_to_grams, price: given } = band;
        let least = bands.last().map_or(0, |it| it.up_to_grams).min(SHIPMENT_MAX_GRAMS - 1) + 1;
        let up_to_grams =
            number(&format!("{at}.up_to_grams"), up_to_grams.into(), least..=SHIPMENT_MAX_GRAMS, bad);
        let field = format!("{at}.price");
        let of_band = required(&field, given, bad).and_then(|it| price(&field, Some(it), bad));
        same_currency(&field, of_band, bad);
        bands.push(WeightBand { up_to_grams, price_minor: of_band.map_or(0, |it| it.minor) });
    }
    let divisor = format!("{at}.volumetric_divisor");
    let volumetric_divisor = number(&divisor, volumetric_divisor.into(), 0..=100_000, bad);
    let deliver_by = optional_time_of_day(&format!("{at}.deliver_by"), &deliver_by, bad);
    let base = base?;
    Some(Rate {
        area: area?,
        service: service?,
        service_name,
        currency: base.currency,
        base_minor: base.minor,
        bands,
        per_kg_minor: per_kg.map_or(0, |it| it.minor),
        volumetric_divisor,
        transit_days: u32::try_from(transit_days).unwrap_or(0),
        deliver_by,
        weight_max_grams,
    })
}

/// A region or one of the courier's own zones.
fn rate_area(
    at: &str,
    region: &str,
    zone: String,
    zones: Option<&[DeliveryZone]>,
    bad: &mut Problems,
) -> Option<RateArea> {
    if zone.is_empty() {
        return id(&format!("{at}.region"), region, bad).map(RateArea::Region);
    }
    if !region.is_empty() {
        bad.add(format!("{at}.region"), "must be empty where there is a zone");
    }
    if zones.is_some_and(|it| !it.iter().any(|it| it.name == zone)) {
        bad.add(format!("{at}.zone"), "must be the name of one of courier.zones");
    }
    Some(RateArea::Zone(zone))
}
