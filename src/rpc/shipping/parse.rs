//! Parses requests about shipments.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::{
    AssignCourier, ConfirmDelivery, ConfirmPickup, CreateShippingLabel, Delivery, HistoryId, LabelFile,
    LineCheck, LineUnits, LiveRates, NewCarrierLabel, PackShipment, Package, PackedItem, Part, PickedLot,
    Problems, QuoteCouriers, RecordCarrierLabel, RecordPick, RecordQualityCheck, RecordTracking,
    ResolveException, ShipmentId, StartPicking, Target, Timestamp, TrackingReport, VoidShippingLabel, Way,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::{Wanted, list_requests, listing};
use crate::rpc::lots::lot;
use crate::rpc::parse::{
    LINE_NUMBERS, LINES_MAX, NAME_MAX, REASON_MAX, REFERENCE_MAX, SIDE_MM, WEIGHT_MAX_GRAMS, address, amount,
    entries, id, number, one_line, optional_id, quantity, required, required_line, required_text,
    required_word, text, timestamp, word,
};
use crate::settings::Limits;
use crate::store::Listing;

const PACKAGES_MAX: usize = 100;

/// Reports of one call at most.
const REPORTS_MAX: usize = 100;

const DEFECT_MAX: usize = 200;

const TRACKING_NUMBER_MAX: usize = 100;

/// The file of a courier's label at most, in bytes.
const LABEL_FILE_MAX: usize = 512 * 1_024;

const MEDIA_TYPE_MAX: usize = 100;

const INCIDENT_MAX: usize = 60;

const PACKAGE_NUMBERS: RangeInclusive<i64> = 1..=100;

/// 2000-01-01T00:00:00Z: nothing that is reported happened before.
const HAPPENED_FIRST: Timestamp = Timestamp::from_unix_micros(946_684_800_000_000);

/// Clocks of couriers and warehouses may be ahead of ours, and off by a time zone, but not more.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);

/// Families of incidents: the word begins with one of them.
const INCIDENT_FAMILIES: [&str; 7] =
    ["CARRIER", "CONSIGNEE", "CUSTOMS", "WEATHER", "ADDRESS", "DAMAGE", "OTHER"];

list_requests! {
    list_shipments: ListShipmentsRequest,
}

/// The shipment of a request that works on it.
fn target(shipment_id: &str, etag: String, bad: &mut Problems) -> Option<(Target, ShipmentId)> {
    let shipment = id("shipment_id", shipment_id, bad)?;
    Some((Target { part: Part::Shipment(shipment), etag }, shipment))
}

pub(crate) fn start_picking(request: pb::StartPickingRequest, bad: &mut Problems) -> Option<StartPicking> {
    let pb::StartPickingRequest { shipment_id, etag, request_id: _, validate_only: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(StartPicking { target, shipment })
}

pub(crate) fn record_pick(request: pb::RecordPickRequest, bad: &mut Problems) -> Option<RecordPick> {
    let pb::RecordPickRequest { shipment_id, picks, etag, request_id: _, missing, lots, validate_only: _ } =
        request;
    let target = target(&shipment_id, etag, bad);
    let least = usize::from(missing.is_empty());
    let mut read = |field: &str, units: Vec<pb::LineUnits>, least: usize| -> Vec<LineUnits> {
        let mut read = Vec::new();
        for (index, it) in entries(field, units, least..=LINES_MAX, bad) {
            let (line, units) = line_units(&format!("{field}[{index}]"), it, bad);
            read.push(LineUnits { line, units });
        }
        read
    };
    let (picks, missing) = (read("picks", picks, least), read("missing", missing, 0));
    let mut taken = Vec::new();
    for (index, it) in entries("lots", lots, 0..=PICKED_LOTS_MAX, bad) {
        let pb::PickedLot { line_number: line, lot: name, quantity: units } = it;
        let at = format!("lots[{index}].");
        number(&format!("{at}line_number"), line.into(), LINE_NUMBERS, bad);
        let units = quantity(&format!("{at}quantity"), units, bad);
        taken.extend(lot(&at, &name, bad).map(|lot| PickedLot { line, lot, units }));
    }
    let (target, shipment) = target?;
    Some(RecordPick { target, shipment, picks, missing, lots: taken })
}

/// Entries of one call that say of which lots units are.
const PICKED_LOTS_MAX: usize = 200;

fn line_units(at: &str, units: pb::LineUnits, bad: &mut Problems) -> (i32, i64) {
    let pb::LineUnits { line_number, quantity: units } = units;
    number(&format!("{at}.line_number"), line_number.into(), LINE_NUMBERS, bad);
    (line_number, quantity(&format!("{at}.quantity"), units, bad))
}

pub(crate) fn record_quality_check(
    request: pb::RecordQualityCheckRequest,
    bad: &mut Problems,
) -> Option<RecordQualityCheck> {
    let pb::RecordQualityCheckRequest { shipment_id, checks, etag, request_id: _, validate_only: _ } =
        request;
    let target = target(&shipment_id, etag, bad);
    let checks = entries("checks", checks, 1..=LINES_MAX, bad);
    let checks = checks.map(|(index, it)| line_check(&format!("checks[{index}]"), it, bad));
    let checks = checks.collect();
    let (target, shipment) = target?;
    Some(RecordQualityCheck { target, shipment, checks })
}

fn line_check(at: &str, check: pb::LineCheck, bad: &mut Problems) -> LineCheck {
    let pb::LineCheck { line_number, passed, failed, defect, failed_lots: lots } = check;
    number(&format!("{at}.line_number"), line_number.into(), LINE_NUMBERS, bad);
    number(&format!("{at}.passed"), passed, 0..=1_000_000, bad);
    number(&format!("{at}.failed"), failed, 0..=1_000_000, bad);
    let field = format!("{at}.defect");
    let defect = match failed {
        0 => text(&field, defect, DEFECT_MAX, bad),
        _ => required_text(&field, defect, DEFECT_MAX, bad),
    };
    let mut failed_lots = Vec::new();
    for (index, it) in entries(&format!("{at}.failed_lots"), lots, 0..=PICKED_LOTS_MAX, bad) {
        let at = format!("{at}.failed_lots[{index}].");
        let units = quantity(&format!("{at}quantity"), it.quantity, bad);
        failed_lots.extend(lot(&at, &it.lot, bad).map(|lot| (lot, units)));
    }
    LineCheck { line: line_number, passed, failed, defect, failed_lots }
}

pub(crate) fn pack_shipment(request: pb::PackShipmentRequest, bad: &mut Problems) -> Option<PackShipment> {
    let pb::PackShipmentRequest { shipment_id, packages, etag, request_id: _, validate_only: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let packages = entries("packages", packages, 1..=PACKAGES_MAX, bad).zip(0..);
    let packages = packages.map(|((_, it), index)| package(index, it, bad)).collect();
    let (target, shipment) = target?;
    Some(PackShipment { target, shipment, packages })
}

fn package(index: i32, package: pb::Package, bad: &mut Problems) -> Package {
    let pb::Package { number: _, weight_grams, length_mm, width_mm, height_mm, contents, weight_warning: _ } =
        package;
    let at = format!("packages[{index}]");
    let contents = entries(&format!("{at}.contents"), contents, 1..=LINES_MAX, bad);
    Package {
        number: index.saturating_add(1),
        weight_grams: number(&format!("{at}.weight_grams"), weight_grams.into(), 1..=WEIGHT_MAX_GRAMS, bad),
        length_mm: number(&format!("{at}.length_mm"), length_mm.into(), SIDE_MM, bad),
        width_mm: number(&format!("{at}.width_mm"), width_mm.into(), SIDE_MM, bad),
        height_mm: number(&format!("{at}.height_mm"), height_mm.into(), SIDE_MM, bad),
        contents: contents
            .map(|(index, it)| {
                let (line, quantity) = line_units(&format!("{at}.contents[{index}]"), it, bad);
                PackedItem { line, quantity }
            })
            .collect(),
        deviation_grams: 0,
    }
}

pub(crate) fn create_label(
    request: pb::CreateShippingLabelRequest,
    bad: &mut Problems,
) -> Option<CreateShippingLabel> {
    let pb::CreateShippingLabelRequest { shipment_id, etag, request_id: _, validate_only: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(CreateShippingLabel { target, shipment })
}

pub(crate) fn void_label(
    request: pb::VoidShippingLabelRequest,
    bad: &mut Problems,
) -> Option<VoidShippingLabel> {
    let pb::VoidShippingLabelRequest { shipment_id, etag, request_id: _, validate_only: _ } = request;
    let (target, shipment) = target(&shipment_id, etag, bad)?;
    Some(VoidShippingLabel { target, shipment })
}

pub(crate) fn quote_couriers(request: pb::QuoteCouriersRequest, bad: &mut Problems) -> Option<QuoteCouriers> {
    let pb::QuoteCouriersRequest { shipment_id, service_level } = request;
    let service = word("service_level", service_level, enums::to_service_level, bad);
    let shipment = id("shipment_id", &shipment_id, bad)?;
    Some(QuoteCouriers { shipment, service, live: LiveRates::new() })
}

pub(crate) fn assign_courier(request: pb::AssignCourierRequest, bad: &mut Problems) -> Option<AssignCourier> {
    let pb::AssignCourierRequest {
        shipment_id,
        courier,
        service_level,
        etag,
        request_id: _,
        pickup_time,
        validate_only: _,
    } = request;
    let target = target(&shipment_id, etag, bad);
    let courier = optional_id("courier", &courier, bad);
    let service = word("service_level", service_level, enums::to_service_level, bad);
    let pickup_at = timestamp("pickup_time", pickup_time, bad);
    let (target, shipment) = target?;
    Some(AssignCourier { target, shipment, courier, service, pickup_at, live: LiveRates::new() })
}

pub(crate) fn confirm_pickup(
    request: pb::ConfirmPickupRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<ConfirmPickup> {
    let pb::ConfirmPickupRequest {
        shipment_id,
        package_count,
        driver,
        time,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let target = target(&shipment_id, etag, bad);
    number("package_count", package_count.into(), 1..=100, bad);
    let driver = required_line("driver", driver, NAME_MAX, bad);
    let at = happened("time", time, now, bad);
    let (target, shipment) = target?;
    Some(ConfirmPickup { target, shipment, packages: package_count, driver, at })
}

/// The time of a reported event.
pub(super) fn happened(
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
    let pb::RecordTrackingEventsRequest {
        shipment_id,
        courier,
        tracking_number,
        events,
        request_id: _,
        validate_only: _,
    } = request;
    let parcel = parcel(&shipment_id, &courier, &tracking_number, bad);
    let events = entries("events", events, 1..=REPORTS_MAX, bad);
    let reports: Vec<_> =
        events.map(|(index, it)| report(&format!("events[{index}]"), it, now, bad)).collect();
    let reports = reports.into_iter().collect::<Option<_>>()?;
    Some(RecordTracking { target: Target::latest(parcel?), reports })
}

/// Couriers and warehouses name a shipment by its id or by its tracking number.
fn parcel(shipment_id: &str, courier: &str, tracking_number: &str, bad: &mut Problems) -> Option<Part> {
    if shipment_id.is_empty() {
        let number = self::tracking_number("tracking_number", tracking_number, bad);
        return Some(Part::Tracked { courier: id("courier", courier, bad)?, number: number? });
    }
    for (field, text) in [("courier", courier), ("tracking_number", tracking_number)] {
        if !text.is_empty() {
            bad.add(field, "must be left out when shipment_id is given");
        }
    }
    id("shipment_id", shipment_id, bad).map(Part::Shipment)
}

pub(crate) fn report(
    at: &str,
    report: pb::TrackingReport,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<TrackingReport> {
    let pb::TrackingReport {
        status,
        incident,
        location,
        occurred_time,
        raw_code,
        description,
        estimated_delivery_time,
        received_by,
        event_id,
    } = report;
    let status = required_word(&format!("{at}.status"), status, enums::to_tracking_status, bad);
    let incident = incident_of(&format!("{at}.incident"), incident, bad);
    let location = one_line(&format!("{at}.location"), location, NAME_MAX, bad);
    let field = format!("{at}.occurred_time");
    let occurred_at =
        required(&field, occurred_time, bad).and_then(|it| happened(&field, Some(it), now, bad));
    let raw_code = one_line(&format!("{at}.raw_code"), raw_code, REFERENCE_MAX, bad);
    let description = one_line(&format!("{at}.description"), description, REASON_MAX, bad);
    let estimated_at = timestamp(&format!("{at}.estimated_delivery_time"), estimated_delivery_time, bad);
    let received_by = one_line(&format!("{at}.received_by"), received_by, NAME_MAX, bad);
    let event_id = one_line(&format!("{at}.event_id"), event_id, REFERENCE_MAX, bad);
    Some(TrackingReport {
        package: 0,
        event_id,
        status: status?,
        incident,
        location,
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
    let pb::ConfirmDeliveryRequest { shipment_id, proof, etag, request_id: _, validate_only: _ } = request;
    let target = target(&shipment_id, etag, bad);
    let proof = required("proof", proof, bad)?;
    let pb::ProofOfDelivery { received_by, location, signature_sha256, photo_sha256, time, recorded_by: _ } =
        proof;
    let delivery = Delivery {
        received_by: required_line("proof.received_by", received_by, NAME_MAX, bad),
        location: one_line("proof.location", location, NAME_MAX, bad),
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

/// The parcel, the sequence after which to begin, and the history that told it.
pub(crate) fn track(
    request: pb::TrackShipmentRequest,
    bad: &mut Problems,
) -> Option<(Part, i64, Option<HistoryId>)> {
    let pb::TrackShipmentRequest { shipment_id, after_sequence, courier, tracking_number, history_id } =
        request;
    if after_sequence < 0 {
        bad.add("after_sequence", "must not be negative");
    }
    let history = optional_id("history_id", &history_id, bad);
    Some((parcel(&shipment_id, &courier, &tracking_number, bad)?, after_sequence, history))
}

/// A courier's number or ours. Couriers print theirs in groups, so blanks do not matter; it may have as many digits as a
/// card number.
pub(crate) fn tracking_number(field: &str, number: &str, bad: &mut Problems) -> Option<String> {
    let number: String = number.split_whitespace().collect();
    if number.is_empty() {
        bad.add(field, "is required");
    }
    if number.len() > TRACKING_NUMBER_MAX || !number.chars().all(|it| it.is_ascii_graphic()) {
        bad.add(field, format!("must be at most {TRACKING_NUMBER_MAX} printable ASCII characters"));
        return None;
    }
    Some(number)
}

pub(crate) fn record_carrier_label(
    request: pb::RecordCarrierLabelRequest,
    bad: &mut Problems,
) -> Option<RecordCarrierLabel> {
    let pb::RecordCarrierLabelRequest { shipment_id, courier, labels, etag, request_id: _, validate_only: _ } =
        request;
    let target = target(&shipment_id, etag, bad);
    let courier = id("courier", &courier, bad);
    let labels = entries("labels", labels, 1..=PACKAGES_MAX, bad);
    let labels: Vec<_> =
        labels.map(|(index, it)| carrier_label(&format!("labels[{index}]"), it, bad)).collect();
    let labels: Vec<NewCarrierLabel> = labels.into_iter().collect::<Option<_>>()?;
    for (index, label) in labels.iter().enumerate() {
        let earlier = &labels[..index];
        if earlier.iter().any(|it| it.package == label.package) {
            bad.add(format!("labels[{index}].package_number"), "is there twice");
        }
        if earlier.iter().any(|it| it.number == label.number) {
            bad.add(format!("labels[{index}].tracking_number"), "is there twice");
        }
    }
    let (target, shipment) = target?;
    Some(RecordCarrierLabel { target, shipment, courier: courier?, labels })
}

fn carrier_label(at: &str, label: pb::CarrierLabelDraft, bad: &mut Problems) -> Option<NewCarrierLabel> {
    let pb::CarrierLabelDraft { package_number, tracking_number, media_type, file } = label;
    let package = number(&format!("{at}.package_number"), package_number.into(), PACKAGE_NUMBERS, bad);
    let tracking_number = self::tracking_number(&format!("{at}.tracking_number"), &tracking_number, bad);
    let field = format!("{at}.media_type");
    match (file.is_empty(), media_type.is_empty()) {
        (true, true) => {}
        (true, false) => bad.add(&field, "must be left out when there is no file"),
        (false, _) if media_type.len() > MEDIA_TYPE_MAX || !is_media_type(&media_type) => {
            bad.add(&field, "must be a media type such as application/pdf, at most 100 characters");
        }
        (false, _) => {}
    }
    if file.len() > LABEL_FILE_MAX {
        bad.add(format!("{at}.file"), format!("must be at most {LABEL_FILE_MAX} bytes"));
    }
    let file = (!file.is_empty())
        .then(|| LabelFile { sha256: format!("{:x}", Sha256::digest(&file)), content: file });
    let package = i32::try_from(package).unwrap_or(i32::MAX);
    Some(NewCarrierLabel { package, number: tracking_number?, media_type, file })
}

/// Whether it has the form of `application/pdf`.
fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, form)| is_media_word(kind) && is_media_word(form))
}

fn is_media_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || "-+._".contains(it))
}

pub(crate) fn get_carrier_label(
    request: pb::GetCarrierLabelRequest,
    bad: &mut Problems,
) -> Option<(ShipmentId, i32)> {
    let pb::GetCarrierLabelRequest { shipment_id, package_number } = request;
    number("package_number", package_number.into(), 0..=*PACKAGE_NUMBERS.end(), bad);
    Some((id("shipment_id", &shipment_id, bad)?, package_number))
}

pub(crate) fn resolve_exception(
    request: pb::ResolveExceptionRequest,
    bad: &mut Problems,
) -> Option<ResolveException> {
    use pb::resolve_exception_request::Resolution;

    let pb::ResolveExceptionRequest {
        shipment_id,
        resolution,
        reason,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let target = target(&shipment_id, etag, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let way = match required("resolution", resolution, bad)? {
        Resolution::Redeliver(pb::Redelivery {}) => Way::Redeliver,
        Resolution::NewAddress(it) => Way::NewAddress(Box::new(address("new_address", it, bad))),
        Resolution::Refund(pb::GoodsRefund { amount: it }) => Way::Refund(amount("refund.amount", it, bad)),
    };
    let (target, shipment) = target?;
    Some(ResolveException { target, shipment, way, reason })
}
