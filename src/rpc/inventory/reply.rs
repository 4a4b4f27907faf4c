//! Stock, reservations and replenishments as the API shows them.

use crate::domain::{
    self, AllocationPlan, AvailabilityFound, Candidate, Counted, Currency, LineAvailability, LocationCode,
    Lot, Movement, PassedOver, PlannedItem, Posted, Promise, PromiseLeg, Reallocation, RegionCode,
    RegionOutlook, Replenishment, Reservation, ReservedItem, Shortage, Sku, StockLevel, Transfer,
    TransferItem,
};
use crate::pb;
use crate::rpc::calendar::date;
use crate::rpc::enums;
use crate::rpc::reply::{actor, measure, money, text_of, timestamp};

pub(crate) fn stock_level(level: &StockLevel) -> pb::StockLevel {
    // The day of a lot that passes is booked, so that the level's own time tells which lots are sold.
    let available = level.available(level.updated_at);
    let lots = level.lots.iter().map(|it| stock_lot(&level.sku, &level.location, it)).collect();
    let StockLevel {
        sku,
        location,
        version,
        on_hand,
        reserved,
        damaged,
        quality_hold,
        safety_stock,
        reorder_point,
        reorder_up_to,
        updated_at,
        incoming,
        lead_time_days,
        declined_at: _,
        missing,
        lots: _,
    } = level.clone();
    let rule = |reorder_point| pb::ReorderRule {
        reorder_point,
        order_up_to: reorder_up_to.unwrap_or(reorder_point),
        lead_time_days: measure(lead_time_days.unwrap_or(0)),
    };
    pb::StockLevel {
        sku: sku.into(),
        location: location.into(),
        on_hand,
        reserved,
        damaged,
        quality_hold,
        safety_stock,
        available,
        reorder_rule: reorder_point.map(rule),
        update_time: (version > 0).then(|| timestamp(updated_at)),
        etag: domain::etag(version),
        incoming,
        missing,
        lots,
    }
}

pub(crate) fn stock_lot(sku: &Sku, location: &LocationCode, lot: &Lot) -> pb::StockLot {
    let Lot { name, expires_on, sold_until, expires_at, on_hand, damaged, quality_hold, missing, allotted } =
        lot.clone();
    pb::StockLot {
        sku: sku.to_string(),
        location: location.to_string(),
        lot: name.into(),
        expire_date: Some(date(expires_on)),
        sold_until: Some(timestamp(sold_until)),
        expire_time: Some(timestamp(expires_at)),
        on_hand,
        damaged,
        quality_hold,
        missing,
        allotted,
    }
}

pub(crate) fn adjusted(Posted { level, movement }: &Posted) -> pb::AdjustedStock {
    pb::AdjustedStock {
        stock_level: level.as_ref().map(stock_level),
        movement: movement.as_ref().map(stock_movement),
    }
}

pub(crate) fn counted(counted: &Counted) -> pb::CountStockResponse {
    let Counted { posted: Posted { level, movement }, orders, released } = counted;
    pb::CountStockResponse {
        stock_level: level.as_ref().map(stock_level),
        movement: movement.as_ref().map(stock_movement),
        order_ids: orders.iter().map(ToString::to_string).collect(),
        released_reservation_ids: released.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn stock_movement(movement: &Movement) -> pb::StockMovement {
    let Movement {
        id,
        sku,
        location,
        kind,
        on_hand,
        reserved,
        damaged,
        quality_hold,
        reservation,
        order,
        shipment,
        transfer,
        reason,
        actor: by,
        at,
        lot,
    } = movement.clone();
    pb::StockMovement {
        id: id.to_string(),
        sku: sku.into(),
        location: location.into(),
        kind: enums::movement_kind(kind),
        on_hand_delta: on_hand,
        reserved_delta: reserved,
        damaged_delta: damaged,
        quality_hold_delta: quality_hold,
        order_id: text_of(order),
        reservation_id: text_of(reservation),
        shipment_id: text_of(shipment),
        reason,
        actor: actor(&by),
        create_time: Some(timestamp(at)),
        transfer_id: text_of(transfer),
        lot: text_of(lot),
    }
}

pub(crate) fn reservation(reservation: &Reservation) -> pb::Reservation {
    let Reservation {
        id,
        version,
        order,
        reference,
        state,
        expires_at,
        items,
        plan,
        allocation,
        passed_over,
        created_by,
        created_at,
        taken_over_by,
        taken_over_from,
        confirmed_at,
        created_through: _,
        reallocations,
    } = reservation.clone();
    pb::Reservation {
        id: id.to_string(),
        state: enums::reservation_state(state),
        order_id: text_of(order),
        reference,
        items: items.into_iter().map(reserved_item).collect(),
        expire_time: expires_at.map(timestamp),
        explanation: plan,
        created_by: actor(&created_by),
        create_time: Some(timestamp(created_at)),
        etag: domain::etag(version),
        taken_over_by_order_id: text_of(taken_over_by),
        taken_over_from_reservation_id: text_of(taken_over_from),
        confirm_time: confirmed_at.map(timestamp),
        allocation_strategy: allocation.map_or(0, enums::allocation),
        passed_over: passed_over.into_iter().map(location_passed_over).collect(),
        reallocations: reallocations.into_iter().map(reallocation).collect(),
    }
}

fn location_passed_over(it: PassedOver) -> pb::PassedOverLocation {
    let PassedOver { location, reason } = it;
    pb::PassedOverLocation { location: location.into(), reason }
}

fn reallocation(it: Reallocation) -> pb::Reallocation {
    let Reallocation { at, why, plan, allocation, passed_over } = it;
    pb::Reallocation {
        time: Some(timestamp(at)),
        reason: why,
        explanation: plan,
        allocation_strategy: enums::allocation(allocation),
        passed_over: passed_over.into_iter().map(location_passed_over).collect(),
    }
}

pub(crate) fn allocation_plan(plan: AllocationPlan) -> pb::PlanAllocationResponse {
    let AllocationPlan { region, allocation, currency, items, reason, shortages, candidates } = plan;
    let item = |it: PlannedItem| pb::PlannedItem {
        line_number: it.line,
        sku: it.sku.into(),
        location: it.location.into(),
        quantity: it.quantity,
    };
    let shortage =
        |it: Shortage| pb::PlanShortage { sku: it.sku.into(), wanted: it.wanted, available: it.available };
    pb::PlanAllocationResponse {
        region: region.into(),
        allocation_strategy: enums::allocation(allocation),
        items: items.into_iter().map(item).collect(),
        explanation: reason,
        shortages: shortages.into_iter().map(shortage).collect(),
        candidates: candidates.into_iter().map(|it| candidate(it, currency)).collect(),
    }
}

fn candidate(candidate: Candidate, currency: Option<Currency>) -> pb::AllocationCandidate {
    let Candidate { location, priority, available, chosen, reason, cost_minor } = candidate;
    let available = available.into_iter().map(|(sku, quantity)| pb::StockLine { sku: sku.into(), quantity });
    pb::AllocationCandidate {
        location: location.into(),
        priority,
        available: available.collect(),
        chosen,
        reason,
        cost: currency.zip(cost_minor).map(|(currency, minor)| money(currency.of(minor))),
    }
}

fn reserved_item(item: ReservedItem) -> pb::ReservationItem {
    let ReservedItem { number: _, line, sku, location, quantity, consumed, released } = item;
    pb::ReservationItem {
        line_number: line,
        sku: sku.into(),
        location: location.into(),
        quantity,
        consumed,
        released,
    }
}

/// Availability, for an order or an inquiry; an order that no region serves has none.
pub(crate) fn availability(found: &AvailabilityFound, region: Option<&RegionCode>) -> pb::Availability {
    let AvailabilityFound { at, lines, earliest_ship_at, requested_date_feasible } = found.clone();
    pb::Availability {
        region: text_of(region),
        fulfillable: lines.iter().all(|it| it.shortage.is_empty()),
        lines: lines.into_iter().map(line_availability).collect(),
        earliest_ship_time: earliest_ship_at.map(timestamp),
        requested_date_feasible,
        check_time: Some(timestamp(at)),
    }
}

fn line_availability(line: LineAvailability) -> pb::LineAvailability {
    let LineAvailability {
        line,
        sku,
        wanted,
        available,
        by_location,
        shortage,
        ship_at,
        delivery_at,
        // The shortage says it in words.
        expected: _,
    } = line;
    let at = |(location, available): (LocationCode, i64)| pb::LocationAvailability {
        location: location.into(),
        available,
    };
    pb::LineAvailability {
        line_number: line,
        sku: sku.into(),
        requested: wanted,
        available,
        shortage,
        locations: by_location.into_iter().map(at).collect(),
        earliest_ship_time: ship_at.map(timestamp),
        earliest_delivery_time: delivery_at.map(timestamp),
    }
}

pub(crate) fn outlook(outlook: &domain::Outlook) -> pb::CheckAvailabilityResponse {
    let pb::RegionAvailability { availability, earliest_delivery_time, promise: _ } =
        region_outlook(outlook.best());
    let regions = outlook.regions.iter().map(region_outlook).collect();
    pb::CheckAvailabilityResponse { availability, earliest_delivery_time, regions }
}

fn region_outlook(outlook: &RegionOutlook) -> pb::RegionAvailability {
    let RegionOutlook { region, found, promise: promised } = outlook;
    pb::RegionAvailability {
        availability: Some(availability(found, Some(region))),
        earliest_delivery_time: promised.as_ref().and_then(Promise::delivery_at).map(timestamp),
        promise: promised.as_ref().map(promise),
    }
}

pub(crate) fn promise(promise: &Promise) -> pb::Promise {
    let Promise { at, occasion, legs } = promise;
    pb::Promise {
        ship_time: promise.ship_at().map(timestamp),
        delivery_time: promise.delivery_at().map(timestamp),
        legs: legs.iter().map(promise_leg).collect(),
        check_time: Some(timestamp(*at)),
        occasion: occasion.to_string(),
    }
}

fn promise_leg(leg: &PromiseLeg) -> pb::PromiseLeg {
    let PromiseLeg {
        location,
        lines,
        stock_at,
        ready_at,
        courier,
        service,
        service_name,
        ship_at,
        delivery_at,
        cheapest_at,
        why,
        ship_day: _,
    } = leg.clone();
    pb::PromiseLeg {
        location: location.into(),
        line_numbers: lines,
        stock_time: stock_at.map(timestamp),
        ready_time: ready_at.map(timestamp),
        courier: text_of(courier),
        service_level: enums::service_level(service),
        service_name,
        ship_time: ship_at.map(timestamp),
        delivery_time: delivery_at.map(timestamp),
        reason: why,
        cheapest_delivery_time: cheapest_at.map(timestamp),
    }
}

pub(crate) fn transfer(transfer: &Transfer) -> pb::Transfer {
    let Transfer {
        id,
        version,
        from,
        to,
        state,
        items,
        expected_at,
        note,
        created_by,
        created_at,
        updated_at,
    } = transfer.clone();
    pb::Transfer {
        id: id.to_string(),
        state: enums::transfer_state(state),
        from_location: from.into(),
        to_location: to.into(),
        items: items.into_iter().map(transfer_item).collect(),
        expected_time: expected_at.map(timestamp),
        note,
        created_by: actor(&created_by),
        create_time: Some(timestamp(created_at)),
        update_time: Some(timestamp(updated_at)),
        etag: domain::etag(version),
    }
}

fn transfer_item(item: TransferItem) -> pb::TransferItem {
    let in_transit = item.in_transit();
    let TransferItem { sku, quantity, received, lost, returned, lot } = item;
    let expire_date = lot.as_ref().map(|it| date(it.expires_on));
    let (sku, lot) = (sku.into(), text_of(lot.map(|it| it.name)));
    pb::TransferItem { sku, quantity, received, missing: lost, returned, in_transit, lot, expire_date }
}

pub(crate) fn replenishment(replenishment: &Replenishment) -> pb::Replenishment {
    let outstanding = replenishment.outstanding();
    let Replenishment {
        id,
        version,
        sku,
        location,
        quantity,
        received,
        state,
        order,
        reason,
        created_at,
        updated_at,
        decided_by,
        supplier,
        expected_at,
        transfer,
    } = replenishment.clone();
    pb::Replenishment {
        id: id.to_string(),
        sku: sku.into(),
        location: location.into(),
        state: enums::replenishment_state(state),
        quantity,
        received,
        order_id: text_of(order),
        reason,
        decided_by: text_of(decided_by),
        create_time: Some(timestamp(created_at)),
        update_time: Some(timestamp(updated_at)),
        etag: domain::etag(version),
        supplier,
        expected_time: expected_at.map(timestamp),
        transfer_id: text_of(transfer),
        outstanding,
    }
}
