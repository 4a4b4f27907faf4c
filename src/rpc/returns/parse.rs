//! Parses requests about returns.

use crate::domain::{
    ArrivedUnits, CreateReturn, DecideReturn, InspectReturn, InspectedUnits, Instead, Part, Problems,
    ReceiveReturn, ResolveReturn, ResolvedUnits, ReturnDecision, ReturnId, ReturnResolution, ReturnedUnits,
    SimulateReturn, Target,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::lots::lot_named;
use crate::rpc::ordering::parse::target as order_target;
use crate::rpc::parse::{
    LINES_MAX, NAME_MAX, REASON_MAX, REFERENCE_MAX, UNITS, entries, id, number, one_line, optional_id, price,
    required_text, required_word, text,
};

list_requests! {
    list_returns: ListReturnsRequest,
}

/// Entries that decide about units: each line with every word.
const INSPECTIONS_MAX: usize = 5 * LINES_MAX;

const RESOLUTIONS_MAX: usize = 5 * LINES_MAX;

/// The return of a request that changes it.
fn target(return_id: &str, etag: String, bad: &mut Problems) -> Option<(Target, ReturnId)> {
    let id = id("return_id", return_id, bad)?;
    Some((Target { part: Part::Return(id), etag }, id))
}

pub(crate) fn get_return(request: pb::GetReturnRequest, bad: &mut Problems) -> Option<ReturnId> {
    let pb::GetReturnRequest { return_id } = request;
    id("return_id", &return_id, bad)
}

fn returned_units(lines: Vec<pb::ReturnLineRequest>, bad: &mut Problems) -> Option<Vec<ReturnedUnits>> {
    let mut read = Vec::new();
    for (index, it) in entries("lines", lines, 1..=LINES_MAX, bad) {
        let pb::ReturnLineRequest { line_number: line, quantity, reason, note } = it;
        let at = format!("lines[{index}]");
        let reason = required_word(&format!("{at}.reason"), reason, enums::to_return_reason, bad);
        let note = text(&format!("{at}.note"), note, REASON_MAX, bad);
        read.extend(reason.map(|reason| ReturnedUnits { line, quantity, reason, note }));
    }
    Some(read)
}

pub(crate) fn create_return(request: pb::CreateReturnRequest, bad: &mut Problems) -> Option<CreateReturn> {
    let pb::CreateReturnRequest { order_id, lines, override_reason, etag, request_id: _, validate_only: _ } =
        request;
    let target = order_target(&order_id, etag, bad);
    let lines = returned_units(lines, bad);
    let override_reason = text("override_reason", override_reason, REASON_MAX, bad);
    Some(CreateReturn { target: target?, lines: lines?, override_reason })
}

pub(crate) fn simulate_return(
    request: pb::SimulateReturnRequest,
    bad: &mut Problems,
) -> Option<SimulateReturn> {
    let pb::SimulateReturnRequest { order_id, lines, override_reason, exchanges } = request;
    let order = id("order_id", &order_id, bad);
    let lines = returned_units(lines, bad);
    let override_reason = text("override_reason", override_reason, REASON_MAX, bad);
    let mut exchanged = Vec::new();
    for (index, it) in entries("exchanges", exchanges, 0..=LINES_MAX, bad) {
        let pb::SimulatedExchange { line_number: line, quantity, exchange } = it;
        let at = format!("exchanges[{index}]");
        number(&format!("{at}.quantity"), quantity, UNITS, bad);
        let instead = instead(&format!("{at}.exchange"), exchange, bad);
        let resolution = ReturnResolution::Exchange;
        exchanged.push(ResolvedUnits { line, resolution, quantity, instead });
    }
    Some(SimulateReturn { order: order?, lines: lines?, override_reason, exchanged, skus: Vec::new() })
}

/// What units are exchanged for; what is left out is that of the units.
fn instead(field: &str, wanted: Option<pb::ExchangeFor>, bad: &mut Problems) -> Instead {
    let Some(pb::ExchangeFor { sku, quantity, unit_price }) = wanted else { return Instead::default() };
    let sku = optional_id(&format!("{field}.sku"), &sku, bad);
    let unit_price = price(&format!("{field}.unit_price"), unit_price, bad);
    if quantity != 0 {
        number(&format!("{field}.quantity"), quantity, UNITS, bad);
    }
    Instead { sku, quantity: (quantity != 0).then_some(quantity), unit_price }
}

pub(crate) fn authorize_return(
    request: pb::AuthorizeReturnRequest,
    bad: &mut Problems,
) -> Option<DecideReturn> {
    let pb::AuthorizeReturnRequest { return_id, etag, request_id: _, validate_only: _ } = request;
    let (target, id) = target(&return_id, etag, bad)?;
    Some(DecideReturn { target, id, decision: ReturnDecision::Authorize })
}

pub(crate) fn decline_return(request: pb::DeclineReturnRequest, bad: &mut Problems) -> Option<DecideReturn> {
    let pb::DeclineReturnRequest { return_id, reason, etag, request_id: _, validate_only: _ } = request;
    let target = target(&return_id, etag, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let (target, id) = target?;
    Some(DecideReturn { target, id, decision: ReturnDecision::Decline(reason) })
}

pub(crate) fn cancel_return(request: pb::CancelReturnRequest, bad: &mut Problems) -> Option<DecideReturn> {
    let pb::CancelReturnRequest { return_id, reason, etag, request_id: _, validate_only: _ } = request;
    let target = target(&return_id, etag, bad);
    let reason = text("reason", reason, REASON_MAX, bad);
    let (target, id) = target?;
    Some(DecideReturn { target, id, decision: ReturnDecision::Cancel(reason) })
}

pub(crate) fn record_return_transit(
    request: pb::RecordReturnTransitRequest,
    bad: &mut Problems,
) -> Option<DecideReturn> {
    let pb::RecordReturnTransitRequest {
        return_id,
        courier,
        tracking_number,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let target = target(&return_id, etag, bad);
    let courier = one_line("courier", courier, REFERENCE_MAX, bad);
    let tracking_number = one_line("tracking_number", tracking_number, REFERENCE_MAX, bad);
    let (target, id) = target?;
    Some(DecideReturn { target, id, decision: ReturnDecision::Transit { courier, tracking_number } })
}

pub(crate) fn receive_return(request: pb::ReceiveReturnRequest, bad: &mut Problems) -> Option<ReceiveReturn> {
    let pb::ReceiveReturnRequest { return_id, location, lines, etag, request_id: _, validate_only: _ } =
        request;
    let target = target(&return_id, etag, bad);
    let location = id("location", &location, bad);
    let units = |(_, it): (usize, pb::LineUnits)| {
        let pb::LineUnits { line_number: line, quantity } = it;
        ArrivedUnits { line, quantity }
    };
    let lines = entries("lines", lines, 1..=LINES_MAX, bad).map(units).collect();
    let (target, id) = target?;
    Some(ReceiveReturn { target, id, location: location?, lines })
}

pub(crate) fn inspect_return(request: pb::InspectReturnRequest, bad: &mut Problems) -> Option<InspectReturn> {
    let pb::InspectReturnRequest { return_id, inspections, etag, request_id: _, validate_only: _ } = request;
    let target = target(&return_id, etag, bad);
    let mut read = Vec::new();
    for (index, it) in entries("inspections", inspections, 1..=INSPECTIONS_MAX, bad) {
        let pb::ReturnInspection { line_number: line, disposition, quantity, lot, expire_date } = it;
        let lot = lot_named(&format!("inspections[{index}]."), &lot, expire_date, bad);
        let field = format!("inspections[{index}].disposition");
        let disposition = required_word(&field, disposition, enums::to_return_disposition, bad);
        read.extend(disposition.map(|disposition| InspectedUnits { line, disposition, quantity, lot }));
    }
    let (target, id) = target?;
    Some(InspectReturn { target, id, inspections: read })
}

pub(crate) fn resolve_return(request: pb::ResolveReturnRequest, bad: &mut Problems) -> Option<ResolveReturn> {
    let pb::ResolveReturnRequest { return_id, resolutions, reason, etag, request_id: _, validate_only: _ } =
        request;
    let target = target(&return_id, etag, bad);
    let mut read = Vec::new();
    for (index, it) in entries("resolutions", resolutions, 1..=RESOLUTIONS_MAX, bad) {
        let pb::ReturnLineResolution { line_number: line, resolution, quantity, exchange } = it;
        let at = format!("resolutions[{index}]");
        let resolution =
            required_word(&format!("{at}.resolution"), resolution, enums::to_return_resolution, bad);
        if exchange.is_some() && resolution.is_some_and(|it| it != ReturnResolution::Exchange) {
            bad.add(format!("{at}.exchange"), "must be left out: the units are not exchanged");
        }
        let instead = instead(&format!("{at}.exchange"), exchange, bad);
        read.extend(resolution.map(|resolution| ResolvedUnits { line, resolution, quantity, instead }));
    }
    let reason = required_text("reason", reason, NAME_MAX, bad);
    let (target, id) = target?;
    Some(ResolveReturn { target, id, resolutions: read, reason })
}

pub(crate) fn close_return(request: pb::CloseReturnRequest, bad: &mut Problems) -> Option<DecideReturn> {
    let pb::CloseReturnRequest { return_id, etag, request_id: _, validate_only: _ } = request;
    let (target, id) = target(&return_id, etag, bad)?;
    Some(DecideReturn { target, id, decision: ReturnDecision::Close })
}
