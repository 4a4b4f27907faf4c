//! Requests of ShippingService.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::inventory::WEIGHT_MAX_GRAMS;
use super::{
    LINES_MAX, NAME_MAX, REASON_MAX, REFERENCE_MAX, digits, entries, id, number, optional_id, price,
    quantity, required, required_text, required_word, text, timestamp, word,
};
use crate::domain::{
    AssignCourier, ConfirmDelivery, ConfirmPickup, Courier, CreateCourier, CreateShippingLabel, Delivery,
    LineCheck, LineUnits, PackShipment, Package, PackedItem, Part, Problems, QuoteCouriers, Rate, RecordPick,
    RecordQualityCheck, RecordTracking, Report, ShipmentId, StartPicking, Target, Timestamp,
    VoidShippingLabel,
};
use crate::pb;
use crate::rpc::listing::{Wanted, list_requests, listing};
use crate::rpc::to_proto::shipping::to_tracking_status;
use crate::rpc::words::to_service_level;
use crate::settings::Limits;
use crate::store::Listing;

const PACKAGES_MAX: usize = 100;
/// Reports of one call at most.
const REPORTS_MAX: usize = 100;
/// Lines of one rate card at most.
const RATES_MAX: usize = 100;
const DEFECT_MAX: usize = 200;
const TRACKING_NUMBER_MAX: usize = 100;
const INCIDENT_MAX: usize = 60;
const LINE_NUMBERS: RangeInclusive<i64> = 1..=100;
const SIDE_MM: RangeInclusive<i64> = 1..=10_000;
/// 2000-01-01T00:00:00Z: nothing that is reported happened before.
const HAPPENED_FIRST: Timestamp = Timestamp::from_unix_micros(946_684_800_000_000);
/// Clocks of couriers and warehouses may be ahead of ours, and off by a time zone, but not more.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);
/// What an incident's word may begin with.
const INCIDENT_FAMILIES: [&str; 6] = ["CARRIER", "CONSIGNEE", "CUSTOMS", "WEATHER", "ADDRESS", "OTHER"];

list_requests! {
    list_shipments: ListShipmentsRequest,
    list_couriers: ListCouriersRequest,
}

/// The shipment of a request that works on it.
fn target(shipment_id: &str, etag: String, bad: &mut Problems) -> Option<(Target, ShipmentId)> {
    let shipment = id("shipment_id", shipment_id, bad)?;
    Some((Target { part: Part::Shipment(shipment), etag }, shipment))
}

pub(crate) fn start_picking(request: pb::StartPickingRequest, bad: &mut Problems) -> Option<StartPicking> {
    let pb::StartPickingRequest { shipment_id, etag, request_id: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(StartPicking { target, shipment })
}

pub(crate) fn record_pick(request: pb::RecordPickRequest, bad: &mut Problems) -> Option<RecordPick> {
    let pb::RecordPickRequest { shipment_id, picks, etag, request_id: _, missing } = request;
    let target = target(&shipment_id, etag, bad);
    let least = usize::from(missing.is_empty());
    let mut read = |field: &str, units: Vec<pb::LineUnits>, least: usize| -> Vec<LineUnits> {
        let mut read = Vec::new();
        for (place, it) in entries(field, units, least..=LINES_MAX, bad) {
            let (line, units) = line_units(&format!("{field}[{place}]"), it, bad);
            read.push(LineUnits { line, units });
        }
        read
    };
    let (picks, missing) = (read("picks", picks, least), read("missing", missing, 0));
    let (target, shipment) = target?;
    Some(RecordPick { target, shipment, picks, missing })
}

fn line_units(at: &str, units: pb::LineUnits, bad: &mut Problems) -> (i32, i64) {
    let pb::LineUnits { line_number, quantity: units } = units;
    number(&format!("{at}.line_number"), line_number.into(), LINE_NUMBERS, bad);
    (line_number, quantity(&format!("{at}.quantity"), units, bad))
}

pub(crate) fn record_quality_check(
    request: pb::RecordQualityCheckRequest,
    bad: &mut Problems,
) -> Option<RecordQualityCheck> {
    let pb::RecordQualityCheckRequest { shipment_id, checks, etag, request_id: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let checks = entries("checks", checks, 1..=LINES_MAX, bad);
    let checks = checks.map(|(place, it)| line_check(&format!("checks[{place}]"), it, bad));
    let checks = checks.collect();
    let (target, shipment) = target?;
    Some(RecordQualityCheck { target, shipment, checks })
}

fn line_check(at: &str, check: pb::LineCheck, bad: &mut Problems) -> LineCheck {
    let pb::LineCheck { line_number, passed, failed, defect } = check;
    number(&format!("{at}.line_number"), line_number.into(), LINE_NUMBERS, bad);
    number(&format!("{at}.passed"), passed, 0..=1_000_000, bad);
    number(&format!("{at}.failed"), failed, 0..=1_000_000, bad);
    let field = format!("{at}.defect");
    let defect = match failed {
        0 => text(&field, defect, DEFECT_MAX, bad),
        _ => required_text(&field, defect, DEFECT_MAX, bad),
    };
    LineCheck { line: line_number, passed, failed, defect }
}

pub(crate) fn pack_shipment(request: pb::PackShipmentRequest, bad: &mut Problems) -> Option<PackShipment> {
    let pb::PackShipmentRequest { shipment_id, packages, etag, request_id: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let packages = entries("packages", packages, 1..=PACKAGES_MAX, bad).zip(0..);
    let packages = packages.map(|((_, it), place)| package(place, it, bad)).collect();
    let (target, shipment) = target?;
    Some(PackShipment { target, shipment, packages })
}

fn package(place: i32, package: pb::Package, bad: &mut Problems) -> Package {
    let pb::Package { number: _, weight_grams, length_mm, width_mm, height_mm, contents } = package;
    let at = format!("packages[{place}]");
    let contents = entries(&format!("{at}.contents"), contents, 1..=LINES_MAX, bad);
    Package {
        number: place.saturating_add(1),
        weight_grams: number(&format!("{at}.weight_grams"), weight_grams.into(), 1..=WEIGHT_MAX_GRAMS, bad),
        length_mm: number(&format!("{at}.length_mm"), length_mm.into(), SIDE_MM, bad),
        width_mm: number(&format!("{at}.width_mm"), width_mm.into(), SIDE_MM, bad),
        height_mm: number(&format!("{at}.height_mm"), height_mm.into(), SIDE_MM, bad),
        contents: contents
            .map(|(place, it)| {
                let (line, quantity) = line_units(&format!("{at}.contents[{place}]"), it, bad);
                PackedItem { line, quantity }
            })
            .collect(),
    }
}

pub(crate) fn create_label(
    request: pb::CreateShippingLabelRequest,
    bad: &mut Problems,
) -> Option<CreateShippingLabel> {
    let pb::CreateShippingLabelRequest { shipment_id, etag, request_id: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(CreateShippingLabel { target, shipment })
}

pub(crate) fn void_label(
    request: pb::VoidShippingLabelRequest,
    bad: &mut Problems,
) -> Option<VoidShippingLabel> {
    let pb::VoidShippingLabelRequest { shipment_id, etag, request_id: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(VoidShippingLabel { target, shipment })
}

pub(crate) fn quote_couriers(request: pb::QuoteCouriersRequest, bad: &mut Problems) -> Option<QuoteCouriers> {
    let pb::QuoteCouriersRequest { shipment_id, service_level } = request;
    let service = word("service_level", service_level, to_service_level, bad);
    Some(QuoteCouriers { shipment: id("shipment_id", &shipment_id, bad)?, service })
}

pub(crate) fn assign_courier(request: pb::AssignCourierRequest, bad: &mut Problems) -> Option<AssignCourier> {
    let pb::AssignCourierRequest { shipment_id, courier, service_level, etag, request_id: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let courier = optional_id("courier", &courier, bad);
    let service = word("service_level", service_level, to_service_level, bad);
    let (target, shipment) = target?;
    Some(AssignCourier { target, shipment, courier, service })
}

pub(crate) fn confirm_pickup(
    request: pb::ConfirmPickupRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<ConfirmPickup> {
    let pb::ConfirmPickupRequest { shipment_id, package_count, driver, time, etag, request_id: _ } = request;
    let target = target(&shipment_id, etag, bad);
    number("package_count", package_count.into(), 1..=100, bad);
    let driver = required_text("driver", driver, NAME_MAX, bad);
    let at = happened("time", time, now, bad);
    let (target, shipment) = target?;
    Some(ConfirmPickup { target, shipment, packages: package_count, driver, at })
}

/// When something happened that somebody reports.
fn happened(
    field: &str,
    at: Option<prost_types::Timestamp>,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<Timestamp> {
    let at = timestamp(field, at, bad)?;
    if at < HAPPENED_FIRST {
        bad.add(field, "must not be before the year 2000");
    }
    if at > now.plus(AHEAD_MAX) {
        bad.add(field, "must not be more than 24 hours ahead");
    }
    Some(at)
}

pub(crate) fn record_tracking(
    request: pb::RecordTrackingEventsRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<RecordTracking> {
    let pb::RecordTrackingEventsRequest { shipment_id, courier, tracking_number, events, request_id: _ } =
        request;
    let parcel = parcel(&shipment_id, &courier, tracking_number, bad);
    let events = entries("events", events, 1..=REPORTS_MAX, bad);
    let reports: Vec<_> =
        events.map(|(place, it)| report(&format!("events[{place}]"), it, now, bad)).collect();
    let reports = reports.into_iter().collect::<Option<_>>()?;
    Some(RecordTracking { target: Target::latest(parcel?), reports })
}

/// Couriers and warehouses name a shipment by its id or by its tracking number.
fn parcel(shipment_id: &str, courier: &str, tracking_number: String, bad: &mut Problems) -> Option<Part> {
    if shipment_id.is_empty() {
        let number = required_text("tracking_number", tracking_number, TRACKING_NUMBER_MAX, bad);
        return Some(Part::Tracked { courier: id("courier", courier, bad)?, number });
    }
    for (field, text) in [("courier", courier), ("tracking_number", &tracking_number)] {
        if !text.is_empty() {
            bad.add(field, "must be left out when shipment_id is given");
        }
    }
    id("shipment_id", shipment_id, bad).map(Part::Shipment)
}

fn report(at: &str, report: pb::TrackingReport, now: Timestamp, bad: &mut Problems) -> Option<Report> {
    let pb::TrackingReport {
        status,
        incident,
        place,
        occurred_time,
        raw_code,
        description,
        estimated_delivery_time,
        received_by,
    } = report;
    let status = required_word(&format!("{at}.status"), status, to_tracking_status, bad);
    let incident = incident_of(&format!("{at}.incident"), incident, bad);
    let place = text(&format!("{at}.place"), place, NAME_MAX, bad);
    let field = format!("{at}.occurred_time");
    let occurred_at =
        required(&field, occurred_time, bad).and_then(|it| happened(&field, Some(it), now, bad));
    let raw_code = text(&format!("{at}.raw_code"), raw_code, REFERENCE_MAX, bad);
    let description = text(&format!("{at}.description"), description, REASON_MAX, bad);
    let estimated_at = timestamp(&format!("{at}.estimated_delivery_time"), estimated_delivery_time, bad);
    let received_by = text(&format!("{at}.received_by"), received_by, NAME_MAX, bad);
    Some(Report {
        status: status?,
        incident,
        place,
        occurred_at: occurred_at?,
        estimated_at,
        raw_code,
        description,
        received_by,
    })
}

/// A family of incidents, alone or with a detail behind `_`; empty: none.
fn incident_of(field: &str, incident: String, bad: &mut Problems) -> String {
    let legal = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    let in_family = INCIDENT_FAMILIES.iter().any(|family| {
        incident.strip_prefix(family).is_some_and(|detail| detail.is_empty() || detail.starts_with('_'))
    });
    let well_formed = in_family && incident.len() <= INCIDENT_MAX && incident.chars().all(legal);
    if !incident.is_empty() && !well_formed {
        let families = INCIDENT_FAMILIES.join(", ");
        let message = format!(
            "must be one of {families}, alone or with a detail such as WEATHER_STORM, at most {INCIDENT_MAX} characters"
        );
        bad.add(field, message);
    }
    incident
}

pub(crate) fn list_tracking_events(
    request: pb::ListTrackingEventsRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(ShipmentId, Listing)> {
    let pb::ListTrackingEventsRequest { shipment_id, page_size, page_token } = request;
    let shipment = id("shipment_id", &shipment_id, bad);
    let wanted = Wanted { page_size, page_token, ..Wanted::default() };
    let listing = listing(wanted, limits, bad);
    Some((shipment?, listing))
}

pub(crate) fn confirm_delivery(
    request: pb::ConfirmDeliveryRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<ConfirmDelivery> {
    let pb::ConfirmDeliveryRequest { shipment_id, proof, etag, request_id: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let proof = required("proof", proof, bad)?;
    let pb::ProofOfDelivery { received_by, place, signature_sha256, photo_sha256, time, recorded_by: _ } =
        proof;
    let delivery = Delivery {
        received_by: required_text("proof.received_by", received_by, NAME_MAX, bad),
        place: text("proof.place", place, NAME_MAX, bad),
        signature_sha256: sha256("proof.signature_sha256", signature_sha256, bad),
        photo_sha256: sha256("proof.photo_sha256", photo_sha256, bad),
        at: happened("proof.time", time, now, bad),
    };
    let (target, shipment) = target?;
    Some(ConfirmDelivery { target, shipment, delivery })
}

/// 64 hexadecimal digits, kept in lower case; empty: none.
fn sha256(field: &str, digest: String, bad: &mut Problems) -> String {
    let well_formed = digest.len() == 64 && digest.chars().all(|it| it.is_ascii_hexdigit());
    if !digest.is_empty() && !well_formed {
        bad.add(field, "must be 64 hexadecimal digits");
    }
    digest.to_ascii_lowercase()
}

pub(crate) fn new_courier(request: pb::CreateCourierRequest, bad: &mut Problems) -> Option<CreateCourier> {
    let pb::CreateCourierRequest { courier, request_id: _ } = request;
    let pb::Courier {
        courier: code,
        name,
        rates,
        daily_cutoff,
        utc_offset_minutes,
        pickup_weekdays,
        create_time: _,
        etag: _,
    } = required("courier", courier, bad)?;
    let code = id("courier.courier", &code, bad);
    let name = required_text("courier.name", name, NAME_MAX, bad);
    let rates = rate_card(rates, bad);
    let cutoff_minutes = time_of_day("courier.daily_cutoff", &daily_cutoff, bad);
    number("courier.utc_offset_minutes", utc_offset_minutes.into(), -720..=840, bad);
    let pickup_weekdays = weekdays(pickup_weekdays, bad);
    let courier = Courier {
        code: code?,
        version: 0,
        name,
        cutoff_minutes: cutoff_minutes?,
        utc_offset_minutes,
        pickup_weekdays,
        rates: rates?,
        created_at: Timestamp::MIN,
    };
    Some(CreateCourier { courier })
}

/// Minutes after midnight of a time such as `17:00`.
fn time_of_day(field: &str, text: &str, bad: &mut Problems) -> Option<i32> {
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
fn weekdays(given: Vec<i32>, bad: &mut Problems) -> Vec<u8> {
    if given.is_empty() {
        return (1..=5).collect();
    }
    let mut days = Vec::new();
    for (place, day) in entries("courier.pickup_weekdays", given, 0..=7, bad) {
        let field = format!("courier.pickup_weekdays[{place}]");
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
    for (place, rate) in rates {
        let at = format!("courier.rates[{place}]");
        let Some(rate) = rate_of(&at, rate, bad) else { continue };
        if let Some(earlier) = seen.insert((rate.region.clone(), rate.service, rate.currency), place) {
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
    let service = required_word(&format!("{at}.service_level"), service_level, to_service_level, bad);
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

pub(crate) fn track(request: pb::TrackShipmentRequest, bad: &mut Problems) -> Option<(ShipmentId, i64)> {
    let pb::TrackShipmentRequest { shipment_id, after_sequence } = request;
    if after_sequence < 0 {
        bad.add("after_sequence", "must not be negative");
    }
    Some((id("shipment_id", &shipment_id, bad)?, after_sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_micros(1_800_000_000_000_000);
    const SHIPMENT: &str = "shp_01h455vb4pex5vsknk084sn02q";

    fn fields(bad: Problems) -> Vec<String> {
        bad.0.into_iter().map(|it| it.field).collect()
    }

    fn seconds(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    fn euros(units: i64) -> Option<pb::Money> {
        Some(pb::Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
    }

    #[test]
    fn every_bad_field_of_a_packing_is_named_as_it_was_written() {
        let good = pb::LineUnits { line_number: 1, quantity: 2 };
        let request = pb::PackShipmentRequest {
            shipment_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
            packages: vec![
                pb::Package {
                    number: 7,
                    weight_grams: 0,
                    length_mm: 10_001,
                    width_mm: -1,
                    height_mm: 1,
                    contents: vec![good, pb::LineUnits { line_number: 0, quantity: 1_000_001 }],
                },
                pb::Package {
                    number: 0,
                    weight_grams: 1_000_001,
                    length_mm: 1,
                    width_mm: 1,
                    height_mm: 0,
                    contents: Vec::new(),
                },
            ],
            etag: "v1".to_owned(),
            request_id: String::new(),
        };
        let mut bad = Problems::default();
        assert!(pack_shipment(request, &mut bad).is_none());
        assert_eq!(
            fields(bad),
            [
                "shipment_id",
                "packages[0].weight_grams",
                "packages[0].length_mm",
                "packages[0].width_mm",
                "packages[0].contents[1].line_number",
                "packages[0].contents[1].quantity",
                "packages[1].contents",
                "packages[1].weight_grams",
                "packages[1].height_mm",
            ]
        );
    }

    #[test]
    fn packages_are_numbered_as_they_come() {
        let package = pb::Package {
            number: 9,
            weight_grams: 800,
            length_mm: 300,
            width_mm: 200,
            height_mm: 100,
            contents: vec![pb::LineUnits { line_number: 1, quantity: 2 }],
        };
        let request = pb::PackShipmentRequest {
            shipment_id: SHIPMENT.to_owned(),
            packages: vec![package.clone(), package],
            ..pb::PackShipmentRequest::default()
        };
        let mut bad = Problems::default();
        let pack = pack_shipment(request, &mut bad).expect("a good request");
        assert!(bad.0.is_empty());
        assert_eq!(pack.packages.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn every_bad_field_of_a_courier_is_named_as_it_was_written() {
        let good = pb::CourierRate {
            region: "EUROPE".to_owned(),
            service_level: pb::ServiceLevel::Standard.into(),
            base_price: euros(5),
            price_per_kg: euros(1),
            transit_days: 3,
            weight_max_grams: 0,
        };
        let courier = pb::Courier {
            courier: "no blanks".to_owned(),
            name: " ".to_owned(),
            rates: vec![
                good.clone(),
                pb::CourierRate {
                    region: String::new(),
                    service_level: 9,
                    base_price: None,
                    price_per_kg: euros(-1),
                    transit_days: 61,
                    weight_max_grams: -1,
                },
                pb::CourierRate { transit_days: 1, ..good.clone() },
                pb::CourierRate {
                    service_level: pb::ServiceLevel::Express.into(),
                    price_per_kg: Some(pb::Money { currency_code: "USD".to_owned(), units: 1, nanos: 0 }),
                    ..good
                },
            ],
            daily_cutoff: "24:00".to_owned(),
            utc_offset_minutes: 841,
            pickup_weekdays: vec![1, 0, 8, 1],
            create_time: None,
            etag: String::new(),
        };
        let request = pb::CreateCourierRequest { courier: Some(courier), request_id: String::new() };
        let mut bad = Problems::default();
        new_courier(request, &mut bad);
        assert_eq!(
            fields(bad),
            [
                "courier.courier",
                "courier.name",
                "courier.rates[1].region",
                "courier.rates[1].service_level",
                "courier.rates[1].base_price",
                "courier.rates[1].price_per_kg",
                "courier.rates[1].transit_days",
                "courier.rates[1].weight_max_grams",
                "courier.rates[2]",
                "courier.rates[3].price_per_kg",
                "courier.daily_cutoff",
                "courier.utc_offset_minutes",
                "courier.pickup_weekdays[1]",
                "courier.pickup_weekdays[2]",
                "courier.pickup_weekdays[3]",
            ]
        );
    }

    #[test]
    fn a_time_of_day_has_two_digits_on_both_sides() {
        let mut bad = Problems::default();
        assert_eq!(time_of_day("cutoff", "17:05", &mut bad), Some(17 * 60 + 5));
        assert_eq!(time_of_day("cutoff", "00:00", &mut bad), Some(0));
        assert!(bad.0.is_empty());
        for text in ["", "7:00", "17", "17:60", "+7:00", "17:0 ", "17:000"] {
            assert_eq!(time_of_day("cutoff", text, &mut bad), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_the_week_has_its_iso_number() {
        let mut bad = Problems::default();
        let all = [
            pb::Weekday::Sunday,
            pb::Weekday::Monday,
            pb::Weekday::Tuesday,
            pb::Weekday::Wednesday,
            pb::Weekday::Thursday,
            pb::Weekday::Friday,
            pb::Weekday::Saturday,
        ];
        assert_eq!(weekdays(all.map(i32::from).to_vec(), &mut bad), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(weekdays(Vec::new(), &mut bad), [1, 2, 3, 4, 5]);
        assert!(bad.0.is_empty());
        assert!(pb::Weekday::try_from(8).is_err());
    }

    #[test]
    fn a_report_is_from_this_century_and_at_most_a_day_ahead() {
        let mut bad = Problems::default();
        happened("time", seconds(946_684_800), NOW, &mut bad);
        happened("time", seconds(1_800_000_000 + 86_400), NOW, &mut bad);
        assert!(bad.0.is_empty());
        happened("early", seconds(946_684_799), NOW, &mut bad);
        happened("late", seconds(1_800_000_000 + 86_401), NOW, &mut bad);
        assert_eq!(fields(bad), ["early", "late"]);
    }

    #[test]
    fn a_report_names_its_shipment_in_one_way() {
        let read = |shipment: &str, courier: &str, number: &str| {
            let mut bad = Problems::default();
            let parcel = parcel(shipment, courier, number.to_owned(), &mut bad);
            (parcel, fields(bad))
        };
        assert!(matches!(read(SHIPMENT, "", ""), (Some(Part::Shipment(_)), bad) if bad.is_empty()));
        assert!(matches!(read("", "swift", "CN1"), (Some(Part::Tracked { .. }), bad) if bad.is_empty()));
        assert_eq!(read(SHIPMENT, "swift", "CN1").1, ["courier", "tracking_number"]);
        assert_eq!(read("", "", "").1, ["tracking_number", "courier"]);
    }

    #[test]
    fn an_incident_is_of_a_known_family() {
        let mut bad = Problems::default();
        for good in ["", "WEATHER", "ADDRESS_INCOMPLETE", "CARRIER_MISROUTED_2"] {
            incident_of("incident", good.to_owned(), &mut bad);
        }
        assert!(bad.0.is_empty());
        for wrong in ["storm", "WEATHERMAN", "WEATHER storm", "LOST", "WEATHER_ä"] {
            incident_of("incident", wrong.to_owned(), &mut bad);
        }
        assert_eq!(bad.0.len(), 5);
    }

    #[test]
    fn a_report_with_a_card_number_is_refused() {
        let request = pb::RecordTrackingEventsRequest {
            shipment_id: SHIPMENT.to_owned(),
            events: vec![pb::TrackingReport {
                status: pb::TrackingStatus::InTransit.into(),
                occurred_time: seconds(1_800_000_000),
                description: "paid with 4111 1111 1111 1111".to_owned(),
                ..pb::TrackingReport::default()
            }],
            ..pb::RecordTrackingEventsRequest::default()
        };
        let mut bad = Problems::default();
        record_tracking(request, NOW, &mut bad);
        assert_eq!(fields(bad), ["events[0].description"]);
    }
}
