//! Requests of InventoryService.

use std::time::Duration;

use super::{
    LIFETIME_SECONDS, LINES_MAX, NAME_MAX, country, entries, id, number, optional_id, price, quantity,
    required, required_text, required_word, seconds, text, timestamp, word,
};
use crate::domain::{
    AdjustReason, Destination, Inquiry, Location, LocationCode, Problems, Product, RegionCode,
    ReplenishmentId, ReservationId, ServiceLevel, Sku, Timestamp,
};
use crate::pb;
use crate::rpc::listing::list_requests;
use crate::rpc::to_proto::inventory::to_adjust_reason;
use crate::rpc::words::to_service_level;

/// What the ledger keeps of the caller's words, in characters.
const NOTE_MAX: usize = 200;
/// How long another caller's own name for a reservation may be.
const RESERVATION_REFERENCE_MAX: usize = 128;
pub(super) const WEIGHT_MAX_GRAMS: i64 = 1_000_000;

/// One product at one location.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) sku: Sku,
    pub(crate) location: LocationCode,
}

/// Goods that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) shelf: Shelf,
    pub(crate) quantity: i64,
    pub(crate) replenishment: Option<ReplenishmentId>,
    pub(crate) note: String,
}

/// A correction of a level.
#[derive(Debug, Clone)]
pub(crate) struct Adjustment {
    pub(crate) shelf: Shelf,
    pub(crate) reason: AdjustReason,
    pub(crate) delta: i64,
    pub(crate) note: String,
    pub(crate) etag: String,
}

/// When and how far to buy again; no rule switches that off.
#[derive(Debug, Clone)]
pub(crate) struct ReorderWish {
    pub(crate) shelf: Shelf,
    pub(crate) point: Option<i64>,
    pub(crate) up_to: Option<i64>,
    pub(crate) etag: String,
}

/// Where a reservation takes its stock from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Region(RegionCode),
    Location(LocationCode),
}

/// Stock to set aside.
#[derive(Debug, Clone)]
pub(crate) struct ReservationWish {
    pub(crate) source: Source,
    pub(crate) lines: Vec<(Sku, i64)>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) reference: String,
}

/// A word on a replenishment.
#[derive(Debug, Clone)]
pub(crate) struct ReplenishmentWord {
    pub(crate) id: ReplenishmentId,
    pub(crate) quantity: Option<i64>,
    pub(crate) etag: String,
}

list_requests! {
    list_products: ListProductsRequest,
    list_stock_locations: ListStockLocationsRequest,
    list_stock_levels: ListStockLevelsRequest,
    list_stock_movements: ListStockMovementsRequest,
    list_reservations: ListReservationsRequest,
    list_replenishments: ListReplenishmentsRequest,
}

pub(crate) fn new_product(request: pb::CreateProductRequest, bad: &mut Problems) -> Option<Product> {
    let pb::CreateProductRequest { product, request_id: _ } = request;
    let pb::Product { sku, name, tax_category, unit_price, weight_grams, create_time: _, etag: _ } =
        required("product", product, bad)?;
    let name = required_text("product.name", name, NAME_MAX, bad);
    let tax_category = tax_category_of(tax_category, bad);
    let unit_price = price("product.unit_price", unit_price, bad);
    let weight_grams = number("product.weight_grams", weight_grams.into(), 0..=WEIGHT_MAX_GRAMS, bad);
    Some(Product {
        sku: id("product.sku", &sku, bad)?,
        version: 0,
        name,
        tax_category,
        unit_price,
        weight_grams,
        created_at: Timestamp::MIN,
    })
}

fn tax_category_of(category: String, bad: &mut Problems) -> String {
    if category.is_empty() {
        return "STANDARD".to_owned();
    }
    let legal = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    if category.len() > 40 || !category.chars().all(legal) {
        bad.add("product.tax_category", "must be 1 to 40 capital letters, digits or _");
    }
    category
}

pub(crate) fn new_location(request: pb::CreateStockLocationRequest, bad: &mut Problems) -> Option<Location> {
    let pb::CreateStockLocationRequest { stock_location, request_id: _ } = request;
    let pb::StockLocation { location, name, region, country: code, priority, create_time: _, etag: _ } =
        required("stock_location", stock_location, bad)?;
    let name = required_text("stock_location.name", name, NAME_MAX, bad);
    let country = country("stock_location.country", code, bad);
    number("stock_location.priority", priority.into(), 0..=1_000, bad);
    let region = id("stock_location.region", &region, bad);
    Some(Location {
        code: id("stock_location.location", &location, bad)?,
        version: 0,
        name,
        region: region?,
        country,
        priority,
        created_at: Timestamp::MIN,
    })
}

pub(crate) fn shelf(sku: &str, location: &str, bad: &mut Problems) -> Option<Shelf> {
    let sku = id("sku", sku, bad);
    let location = id("location", location, bad);
    Some(Shelf { sku: sku?, location: location? })
}

pub(crate) fn inquiry(request: pb::CheckAvailabilityRequest, bad: &mut Problems) -> Option<Inquiry> {
    use pb::check_availability_request::Destination as Wanted;

    let pb::CheckAvailabilityRequest { lines, requested_delivery_date, shipping_service, destination } =
        request;
    let lines = stock_lines(lines, bad);
    let requested_by = timestamp("requested_delivery_date", requested_delivery_date, bad);
    let service = word("shipping_service", shipping_service, to_service_level, bad);
    let destination = match required("destination", destination, bad)? {
        Wanted::Region(region) => Destination::Region(id("region", &region, bad)?),
        Wanted::Country(code) => Destination::Country(country("country", code, bad)),
    };
    Some(Inquiry { destination, lines, service: service.unwrap_or(ServiceLevel::Standard), requested_by })
}

fn stock_lines(lines: Vec<pb::StockLine>, bad: &mut Problems) -> Vec<(Sku, i64)> {
    let lines = entries("lines", lines, 1..=LINES_MAX, bad);
    let read = |(place, line)| {
        let pb::StockLine { sku, quantity: units } = line;
        let units = quantity(&format!("lines[{place}].quantity"), units, bad);
        Some((id(&format!("lines[{place}].sku"), &sku, bad)?, units))
    };
    lines.filter_map(read).collect()
}

pub(crate) fn receipt(request: pb::ReceiveStockRequest, bad: &mut Problems) -> Option<Receipt> {
    let pb::ReceiveStockRequest { sku, location, quantity: units, replenishment_id, note, request_id: _ } =
        request;
    let quantity = quantity("quantity", units, bad);
    let replenishment = optional_id("replenishment_id", &replenishment_id, bad);
    let note = text("note", note, NOTE_MAX, bad);
    Some(Receipt { shelf: shelf(&sku, &location, bad)?, quantity, replenishment, note })
}

pub(crate) fn adjustment(request: pb::AdjustStockRequest, bad: &mut Problems) -> Option<Adjustment> {
    let pb::AdjustStockRequest { sku, location, reason, delta, note, etag, request_id: _ } = request;
    number("delta", delta, -1_000_000..=1_000_000, bad);
    if delta == 0 {
        bad.add("delta", "must not be 0");
    }
    let note = text("note", note, NOTE_MAX, bad);
    let reason = required_word("reason", reason, to_adjust_reason, bad);
    Some(Adjustment { shelf: shelf(&sku, &location, bad)?, reason: reason?, delta, note, etag })
}

pub(crate) fn reorder_wish(request: pb::SetReorderRuleRequest, bad: &mut Problems) -> Option<ReorderWish> {
    let pb::SetReorderRuleRequest { sku, location, rule, etag, request_id: _ } = request;
    let rule = rule.map(|it| reorder_rule(it, bad));
    let (point, up_to) = rule.unzip();
    Some(ReorderWish { shelf: shelf(&sku, &location, bad)?, point, up_to, etag })
}

fn reorder_rule(rule: pb::ReorderRule, bad: &mut Problems) -> (i64, i64) {
    let pb::ReorderRule { reorder_point, order_up_to } = rule;
    number("rule.reorder_point", reorder_point, 0..=1_000_000, bad);
    number("rule.order_up_to", order_up_to, reorder_point.clamp(0, 1_000_000)..=1_000_000, bad);
    (reorder_point, order_up_to)
}

pub(crate) fn reservation_wish(
    request: pb::ReserveStockRequest,
    bad: &mut Problems,
) -> Option<ReservationWish> {
    use pb::reserve_stock_request::Source as Wanted;

    let pb::ReserveStockRequest { lines, lifetime, reference, request_id: _, source } = request;
    let lines = stock_lines(lines, bad);
    let lifetime = seconds("lifetime", lifetime, LIFETIME_SECONDS, bad).map(Duration::from_secs);
    let reference = text("reference", reference, RESERVATION_REFERENCE_MAX, bad);
    let source = match required("source", source, bad)? {
        Wanted::Region(region) => Source::Region(id("region", &region, bad)?),
        Wanted::Location(location) => Source::Location(id("location", &location, bad)?),
    };
    Some(ReservationWish { source, lines, lifetime, reference })
}

pub(crate) fn release(
    request: pb::ReleaseReservationRequest,
    bad: &mut Problems,
) -> Option<(ReservationId, String)> {
    let pb::ReleaseReservationRequest { reservation_id, etag, request_id: _ } = request;
    Some((id("reservation_id", &reservation_id, bad)?, etag))
}

pub(crate) fn approve(
    request: pb::ApproveReplenishmentRequest,
    bad: &mut Problems,
) -> Option<ReplenishmentWord> {
    let pb::ApproveReplenishmentRequest { replenishment_id, quantity: units, etag, request_id: _ } = request;
    let units = (units != 0).then(|| quantity("quantity", units, bad));
    Some(ReplenishmentWord { id: id("replenishment_id", &replenishment_id, bad)?, quantity: units, etag })
}

pub(crate) fn reject(
    request: pb::RejectReplenishmentRequest,
    bad: &mut Problems,
) -> Option<ReplenishmentWord> {
    let pb::RejectReplenishmentRequest { replenishment_id, etag, request_id: _ } = request;
    replenishment_word(&replenishment_id, etag, bad)
}

pub(crate) fn place(request: pb::PlaceReplenishmentRequest, bad: &mut Problems) -> Option<ReplenishmentWord> {
    let pb::PlaceReplenishmentRequest { replenishment_id, etag, request_id: _ } = request;
    replenishment_word(&replenishment_id, etag, bad)
}

pub(crate) fn cancel(
    request: pb::CancelReplenishmentRequest,
    bad: &mut Problems,
) -> Option<ReplenishmentWord> {
    let pb::CancelReplenishmentRequest { replenishment_id, etag, request_id: _ } = request;
    replenishment_word(&replenishment_id, etag, bad)
}

fn replenishment_word(replenishment_id: &str, etag: String, bad: &mut Problems) -> Option<ReplenishmentWord> {
    Some(ReplenishmentWord { id: id("replenishment_id", replenishment_id, bad)?, quantity: None, etag })
}
