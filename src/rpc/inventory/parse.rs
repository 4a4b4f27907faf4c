//! Parses requests about stock.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::{
    ADJUSTMENTS_MAX, AdjustStock, Arrival, BatchAdjustStock, CancelTransfer, CheckAvailability,
    ConfirmReservation, CountStock, DecideReplenishment, Destination, ExtendReservation, HeldUnits, Inquiry,
    Invalid, LocationCode, LotName, PlaceReplenishment, PlanAllocation, Problems, ReadTo, ReceiveStock,
    ReceiveTransfer, ReleaseQualityHold, ReleaseReservation, ReorderRule, ReplenishmentState, ReserveStock,
    ScrapStock, ServiceLevel, SetReorderRule, Sku, StockSource, TRANSFER_ITEMS_MAX, TransferStock,
    UpdateReplenishment,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::lots::{lot, lot_named};
use crate::rpc::parse::{
    LIFETIME_SECONDS, LINES_MAX, country, entries, id, number, one_line, optional_id, quantity, required,
    required_word, seconds, text, timestamp, word,
};
use crate::rpc::streams::levels::Followed;

/// Longest note in the stock ledger, in characters.
pub(crate) const NOTE_MAX: usize = 200;

/// Most units that a count finds.
const COUNTED_MAX: i64 = 1_000_000_000;

/// Longest name of a supplier, in characters.
const SUPPLIER_MAX: usize = 200;

/// How long another caller's own name for a reservation may be.
const RESERVATION_REFERENCE_MAX: usize = 128;

/// Products, and locations, that one stream follows at most.
const FOLLOWED_MAX: usize = 100;

/// Longest postal code of an inquiry, in characters.
const POSTAL_CODE_MAX: usize = 20;

const NOT_WITHOUT_COUNTRY: &str = "says where in a country: give `country`, or leave it out";

/// Regions of one inquiry at most.
const REGIONS_MAX: usize = 100;

/// One product at one location.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) sku: Sku,
    pub(crate) location: LocationCode,
}

list_requests! {
    list_stock_levels: ListStockLevelsRequest,
    list_lots: ListLotsRequest,
    list_stock_movements: ListStockMovementsRequest,
    list_reservations: ListReservationsRequest,
    list_replenishments: ListReplenishmentsRequest,
    list_transfers: ListTransfersRequest,
}

pub(crate) fn shelf(sku: &str, location: &str, bad: &mut Problems) -> Option<Shelf> {
    let sku = id("sku", sku, bad);
    let location = id("location", location, bad);
    Some(Shelf { sku: sku?, location: location? })
}

pub(crate) fn inquiry(
    request: pb::CheckAvailabilityRequest,
    bad: &mut Problems,
) -> Option<CheckAvailability> {
    use pb::check_availability_request::Destination as Wanted;

    let pb::CheckAvailabilityRequest {
        lines,
        requested_delivery_date,
        shipping_service,
        destination,
        postal_code,
    } = request;
    let postal_code = one_line("postal_code", postal_code, POSTAL_CODE_MAX, bad);
    if !postal_code.is_empty() && !matches!(destination, Some(Wanted::Country(_)) | None) {
        bad.add("postal_code", NOT_WITHOUT_COUNTRY);
    }
    let lines = stock_lines(lines, bad);
    let requested_by = timestamp("requested_delivery_date", requested_delivery_date, bad);
    let service = word("shipping_service", shipping_service, enums::to_service_level, bad);
    let destination = match required("destination", destination, bad)? {
        Wanted::Region(region) => Destination::Region(id("region", &region, bad)?),
        Wanted::Country(code) => Destination::Country(country("country", code, bad), postal_code),
        Wanted::Regions(pb::RegionSet { regions }) => {
            Destination::Regions(different("regions.regions", regions, 0..=REGIONS_MAX, bad))
        }
    };
    let service = service.unwrap_or(ServiceLevel::Standard);
    Some(CheckAvailability { inquiry: Inquiry { destination, lines, service, requested_by } })
}

/// What to plan, and where to.
pub(crate) fn plan_allocation(
    request: pb::PlanAllocationRequest,
    bad: &mut Problems,
) -> Option<PlanAllocation> {
    use pb::plan_allocation_request::Destination as Wanted;

    let pb::PlanAllocationRequest { lines, postal_code, allocation_strategy, destination, currency } =
        request;
    let currency = optional_id("currency", &currency, bad);
    let lines = stock_lines(lines, bad);
    let allocation = word("allocation_strategy", allocation_strategy, enums::to_allocation, bad);
    let postal_code = one_line("postal_code", postal_code, POSTAL_CODE_MAX, bad);
    let destination = match required("destination", destination, bad)? {
        Wanted::Region(region) => {
            if !postal_code.is_empty() {
                bad.add("postal_code", NOT_WITHOUT_COUNTRY);
            }
            Destination::Region(id("region", &region, bad)?)
        }
        Wanted::Country(code) => Destination::Country(country("country", code, bad), postal_code),
    };
    Some(PlanAllocation { destination, lines, allocation, currency })
}

/// Products and locations to follow, and the position after which.
pub(crate) fn watch_levels(
    request: pb::WatchStockLevelsRequest,
    bad: &mut Problems,
) -> Option<(Followed, ReadTo)> {
    let pb::WatchStockLevelsRequest { skus, locations, after_position, history_id } = request;
    let skus = different("skus", skus, 1..=FOLLOWED_MAX, bad);
    let locations = different("locations", locations, 0..=FOLLOWED_MAX, bad);
    let position = number("after_position", after_position, 0..=i64::MAX, bad);
    let history = optional_id("history_id", &history_id, bad);
    Some((Followed { skus, locations }, ReadTo { position, history }))
}

/// Names that are each there once.
fn different<T: PartialEq + FromStr<Err = Invalid>>(
    field: &str,
    given: Vec<String>,
    bounds: RangeInclusive<usize>,
    bad: &mut Problems,
) -> Vec<T> {
    let mut names = Vec::new();
    for (index, name) in entries(field, given, bounds, bad) {
        let field = format!("{field}[{index}]");
        match id(&field, &name, bad) {
            Some(name) if names.contains(&name) => bad.add(field, "is named twice"),
            Some(name) => names.push(name),
            None => {}
        }
    }
    names
}

fn stock_lines(lines: Vec<pb::StockLine>, bad: &mut Problems) -> Vec<(Sku, i64)> {
    lines_of("lines", lines, LINES_MAX, bad)
}

fn lines_of(field: &str, lines: Vec<pb::StockLine>, max: usize, bad: &mut Problems) -> Vec<(Sku, i64)> {
    let lines = entries(field, lines, 1..=max, bad);
    let read = |(index, line)| {
        let pb::StockLine { sku, quantity: units } = line;
        let units = quantity(&format!("{field}[{index}].quantity"), units, bad);
        Some((id(&format!("{field}[{index}].sku"), &sku, bad)?, units))
    };
    lines.filter_map(read).collect()
}

pub(crate) fn receipt(request: pb::ReceiveStockRequest, bad: &mut Problems) -> Option<ReceiveStock> {
    let pb::ReceiveStockRequest {
        sku,
        location,
        quantity: units,
        replenishment_id,
        note,
        request_id: _,
        lot,
        expire_date,
        validate_only: _,
    } = request;
    let quantity = quantity("quantity", units, bad);
    let lot = lot_named("", &lot, expire_date, bad);
    let replenishment = optional_id("replenishment_id", &replenishment_id, bad);
    let note = text("note", note, NOTE_MAX, bad);
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(ReceiveStock { sku, location, quantity, replenishment, note, lot })
}

pub(crate) fn adjustment(request: pb::AdjustStockRequest, bad: &mut Problems) -> Option<AdjustStock> {
    let pb::AdjustStockRequest {
        sku,
        location,
        reason,
        delta,
        note,
        etag,
        request_id: _,
        lot,
        expire_date,
        validate_only: _,
    } = request;
    let lot = lot_named("", &lot, expire_date, bad);
    number("delta", delta, -1_000_000..=1_000_000, bad);
    if delta == 0 {
        bad.add("delta", "must not be 0");
    }
    let note = text("note", note, NOTE_MAX, bad);
    let reason = required_word("reason", reason, enums::to_adjust_reason, bad);
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(AdjustStock { sku, location, reason: reason?, delta, note, etag, lot })
}

pub(crate) fn good(request: pb::ReleaseQualityHoldRequest, bad: &mut Problems) -> Option<ReleaseQualityHold> {
    let pb::ReleaseQualityHoldRequest {
        sku,
        location,
        quantity: units,
        note,
        etag,
        request_id: _,
        lot,
        validate_only: _,
    } = request;
    let quantity = quantity("quantity", units, bad);
    let lot = optional_id("lot", &lot, bad);
    let note = text("note", note, NOTE_MAX, bad);
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(ReleaseQualityHold(HeldUnits { sku, location, quantity, note, etag, lot }))
}

pub(crate) fn scrapped(request: pb::ScrapStockRequest, bad: &mut Problems) -> Option<ScrapStock> {
    let pb::ScrapStockRequest {
        sku,
        location,
        quantity: units,
        note,
        etag,
        request_id: _,
        lot,
        validate_only: _,
    } = request;
    let quantity = quantity("quantity", units, bad);
    let lot = optional_id("lot", &lot, bad);
    let note = text("note", note, NOTE_MAX, bad);
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(ScrapStock(HeldUnits { sku, location, quantity, note, etag, lot }))
}

pub(crate) fn adjustments(
    request: pb::BatchAdjustStockRequest,
    bad: &mut Problems,
) -> Option<BatchAdjustStock> {
    let pb::BatchAdjustStockRequest { adjustments, request_id: _, validate_only: _ } = request;
    let mut read = Vec::new();
    for (index, it) in entries("adjustments", adjustments, 1..=ADJUSTMENTS_MAX, bad) {
        let pb::StockAdjustment { sku, location, reason, delta, note, lot, expire_date } = it;
        let etag = String::new();
        let one = pb::AdjustStockRequest {
            sku,
            location,
            reason,
            delta,
            note,
            etag,
            request_id: String::new(),
            lot,
            expire_date,
            validate_only: false,
        };
        let mut found = Problems::default();
        read.extend(adjustment(one, &mut found));
        for problem in found.0 {
            bad.add(format!("adjustments[{index}].{}", problem.field), problem.message);
        }
    }
    Some(BatchAdjustStock { adjustments: read })
}

pub(crate) fn count(request: pb::CountStockRequest, bad: &mut Problems) -> Option<CountStock> {
    let pb::CountStockRequest {
        sku,
        location,
        counted,
        note,
        etag,
        request_id: _,
        lot,
        expire_date,
        validate_only: _,
    } = request;
    let lot = lot_named("", &lot, expire_date, bad);
    let counted = match counted {
        Some(counted) => number("counted", counted, 0..=COUNTED_MAX, bad),
        None => {
            bad.add("counted", "must be given; 0 if nothing is there");
            0
        }
    };
    let note = text("note", note, NOTE_MAX, bad);
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(CountStock { sku, location, counted, note, etag, lot })
}

/// A row of an import.
pub(crate) fn imported_count(stock: Option<pb::StockCount>, bad: &mut Problems) -> Option<CountStock> {
    let pb::StockCount { sku, location, counted, note, lot, expire_date } = required("stock", stock, bad)?;
    let request =
        pb::CountStockRequest { sku, location, counted, note, lot, expire_date, ..Default::default() };
    let mut found = Problems::default();
    let command = count(request, &mut found);
    for problem in found.0 {
        bad.add(format!("stock.{}", problem.field), problem.message);
    }
    command
}

pub(crate) fn transfer(request: pb::TransferStockRequest, bad: &mut Problems) -> Option<TransferStock> {
    let pb::TransferStockRequest {
        from_location,
        to_location,
        items,
        expected_time,
        note,
        request_id: _,
        lots,
        validate_only: _,
    } = request;
    let mut sent: Vec<(Sku, LotName)> = Vec::new();
    for (index, it) in entries("lots", lots, 0..=TRANSFER_ITEMS_MAX, bad) {
        let at = format!("lots[{index}].");
        let (sku, lot) = (id(&format!("{at}sku"), &it.sku, bad), lot(&at, &it.lot, bad));
        let (Some(sku), Some(lot)) = (sku, lot) else { continue };
        match sent.iter().any(|it| it.0 == sku) {
            true => bad.add(format!("{at}sku"), "is named twice"),
            false => sent.push((sku, lot)),
        }
    }
    each_once(items.iter().map(|it| it.sku.as_str()), bad);
    let items = lines_of("items", items, TRANSFER_ITEMS_MAX, bad);
    let expected_at = timestamp("expected_time", expected_time, bad);
    let note = text("note", note, NOTE_MAX, bad);
    let from = id("from_location", &from_location, bad);
    let to = id("to_location", &to_location, bad);
    Some(TransferStock { from: from?, to: to?, items, expected_at, note, lots: sent })
}

/// Notes products that are named twice. What cannot be read is noted elsewhere.
fn each_once<'s>(skus: impl Iterator<Item = &'s str>, bad: &mut Problems) {
    let mut named = BTreeSet::new();
    for (index, sku) in skus.enumerate() {
        if sku.parse::<Sku>().is_ok_and(|it| !named.insert(it)) {
            bad.add(format!("items[{index}].sku"), "is named twice");
        }
    }
}

pub(crate) fn arrival(request: pb::ReceiveTransferRequest, bad: &mut Problems) -> Option<ReceiveTransfer> {
    let pb::ReceiveTransferRequest { transfer_id, items, note, etag, request_id: _, validate_only: _ } =
        request;
    let mut arrivals = Vec::new();
    each_once(items.iter().map(|it| it.sku.as_str()), bad);
    for (index, item) in entries("items", items, 0..=TRANSFER_ITEMS_MAX, bad) {
        let pb::TransferArrival { sku, received, missing } = item;
        let received = number(&format!("items[{index}].received"), received, 0..=1_000_000, bad);
        let lost = number(&format!("items[{index}].missing"), missing, 0..=1_000_000, bad);
        if received == 0 && lost == 0 {
            bad.add(format!("items[{index}]"), "says of no unit that it arrived or is missing");
        }
        let sku = id(&format!("items[{index}].sku"), &sku, bad);
        arrivals.extend(sku.map(|sku| Arrival { sku, received, lost }));
    }
    let note = text("note", note, NOTE_MAX, bad);
    Some(ReceiveTransfer { transfer: id("transfer_id", &transfer_id, bad)?, arrivals, note, etag })
}

pub(crate) fn turn_back(request: pb::CancelTransferRequest, bad: &mut Problems) -> Option<CancelTransfer> {
    let pb::CancelTransferRequest { transfer_id, note, etag, request_id: _, validate_only: _ } = request;
    let note = text("note", note, NOTE_MAX, bad);
    Some(CancelTransfer { transfer: id("transfer_id", &transfer_id, bad)?, note, etag })
}

pub(crate) fn reorder_wish(request: pb::SetReorderRuleRequest, bad: &mut Problems) -> Option<SetReorderRule> {
    let pb::SetReorderRuleRequest { sku, location, rule, etag, request_id: _, validate_only: _ } = request;
    let rule = rule.map(|it| reorder_rule(it, bad));
    let Shelf { sku, location } = shelf(&sku, &location, bad)?;
    Some(SetReorderRule { sku, location, rule, etag })
}

fn reorder_rule(rule: pb::ReorderRule, bad: &mut Problems) -> ReorderRule {
    let pb::ReorderRule { reorder_point, order_up_to, lead_time_days } = rule;
    number("rule.reorder_point", reorder_point, 0..=1_000_000, bad);
    number("rule.order_up_to", order_up_to, reorder_point.clamp(0, 1_000_000)..=1_000_000, bad);
    let lead_time_days = number("rule.lead_time_days", lead_time_days.into(), 0..=365, bad);
    ReorderRule {
        point: reorder_point,
        up_to: Some(order_up_to),
        lead_time_days: (lead_time_days > 0).then_some(lead_time_days),
    }
}

pub(crate) fn reservation_wish(request: pb::ReserveStockRequest, bad: &mut Problems) -> Option<ReserveStock> {
    use pb::reserve_stock_request::Source as Wanted;

    let pb::ReserveStockRequest {
        lines,
        lifetime,
        reference,
        request_id: _,
        source,
        allocation_strategy,
        validate_only: _,
    } = request;
    let allocation = word("allocation_strategy", allocation_strategy, enums::to_allocation, bad);
    let lines = stock_lines(lines, bad);
    let lifetime = seconds("lifetime", lifetime, LIFETIME_SECONDS, bad).map(Duration::from_secs);
    let reference = one_line("reference", reference, RESERVATION_REFERENCE_MAX, bad);
    let source = match required("source", source, bad)? {
        Wanted::Region(region) => StockSource::Region(id("region", &region, bad)?),
        Wanted::Location(location) => StockSource::Location(id("location", &location, bad)?),
    };
    Some(ReserveStock { source, lines, lifetime, reference, allocation })
}

pub(crate) fn release(
    request: pb::ReleaseReservationRequest,
    bad: &mut Problems,
) -> Option<ReleaseReservation> {
    let pb::ReleaseReservationRequest { reservation_id, etag, request_id: _, validate_only: _ } = request;
    Some(ReleaseReservation { reservation: id("reservation_id", &reservation_id, bad)?, etag })
}

pub(crate) fn confirmation(
    request: pb::ConfirmReservationRequest,
    bad: &mut Problems,
) -> Option<ConfirmReservation> {
    let pb::ConfirmReservationRequest { reservation_id, etag, request_id: _, validate_only: _ } = request;
    Some(ConfirmReservation { reservation: id("reservation_id", &reservation_id, bad)?, etag })
}

pub(crate) fn extension(
    request: pb::ExtendReservationRequest,
    bad: &mut Problems,
) -> Option<ExtendReservation> {
    let pb::ExtendReservationRequest { reservation_id, expire_time, etag, request_id: _, validate_only: _ } =
        request;
    let expire_time = required("expire_time", expire_time, bad);
    let until = expire_time.and_then(|it| timestamp("expire_time", Some(it), bad));
    Some(ExtendReservation { reservation: id("reservation_id", &reservation_id, bad)?, until: until?, etag })
}

pub(crate) fn approve(
    request: pb::ApproveReplenishmentRequest,
    bad: &mut Problems,
) -> Option<DecideReplenishment> {
    let pb::ApproveReplenishmentRequest {
        replenishment_id,
        quantity: units,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let units = (units != 0).then(|| quantity("quantity", units, bad));
    let replenishment = id("replenishment_id", &replenishment_id, bad)?;
    Some(DecideReplenishment { replenishment, to: ReplenishmentState::Approved, quantity: units, etag })
}

pub(crate) fn reject(
    request: pb::RejectReplenishmentRequest,
    bad: &mut Problems,
) -> Option<DecideReplenishment> {
    let pb::RejectReplenishmentRequest { replenishment_id, etag, request_id: _, validate_only: _ } = request;
    decision(&replenishment_id, ReplenishmentState::Rejected, etag, bad)
}

pub(crate) fn place_replenishment(
    request: pb::PlaceReplenishmentRequest,
    bad: &mut Problems,
) -> Option<PlaceReplenishment> {
    let pb::PlaceReplenishmentRequest {
        replenishment_id,
        etag,
        request_id: _,
        supplier,
        expected_time,
        validate_only: _,
    } = request;
    let supplier = one_line("supplier", supplier, SUPPLIER_MAX, bad);
    let expected_at = timestamp("expected_time", expected_time, bad);
    let replenishment = id("replenishment_id", &replenishment_id, bad)?;
    Some(PlaceReplenishment { replenishment, supplier, expected_at, etag })
}

/// The fields that UpdateReplenishment may change.
const UPDATABLE: [&str; 2] = ["supplier", "expected_time"];

pub(crate) fn update_replenishment(
    request: pb::UpdateReplenishmentRequest,
    bad: &mut Problems,
) -> Option<UpdateReplenishment> {
    let pb::UpdateReplenishmentRequest {
        replenishment_id,
        supplier,
        expected_time,
        update_mask,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let paths = required("update_mask", update_mask.filter(|it| !it.paths.is_empty()), bad);
    let paths = paths.map(|it| it.paths).unwrap_or_default();
    let named = |path: &str| paths.iter().any(|it| it == path);
    let supplier = named("supplier").then(|| one_line("supplier", supplier, SUPPLIER_MAX, bad));
    let expected_at = named("expected_time").then(|| timestamp("expected_time", expected_time, bad));
    // Unknown paths may be long and many, so the messages do not repeat them.
    let unknown = paths.iter().zip(1..).filter(|(it, _)| !UPDATABLE.contains(&it.as_str()));
    for (_, number) in unknown.take(UPDATABLE.len()) {
        let legal = UPDATABLE.join(", ");
        bad.add("update_mask", format!("path {number} cannot be updated; these can: {legal}"));
    }
    let replenishment = id("replenishment_id", &replenishment_id, bad)?;
    Some(UpdateReplenishment { replenishment, supplier, expected_at, etag })
}

pub(crate) fn cancel(
    request: pb::CancelReplenishmentRequest,
    bad: &mut Problems,
) -> Option<DecideReplenishment> {
    let pb::CancelReplenishmentRequest { replenishment_id, etag, request_id: _, validate_only: _ } = request;
    decision(&replenishment_id, ReplenishmentState::Cancelled, etag, bad)
}

fn decision(
    replenishment_id: &str,
    to: ReplenishmentState,
    etag: String,
    bad: &mut Problems,
) -> Option<DecideReplenishment> {
    let replenishment = id("replenishment_id", replenishment_id, bad)?;
    Some(DecideReplenishment { replenishment, to, quantity: None, etag })
}
