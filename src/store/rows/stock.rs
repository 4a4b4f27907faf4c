//! Stock levels, their movements, and what is to be bought.

use sea_orm::EntityTrait;

use crate::domain::{
    Actor, LocationCode, Movement, MovementId, MovementKind, OrderId, Replenishment, ReplenishmentId,
    ReplenishmentState, ReservationId, ShipmentId, Sku, StockLevel, Timestamp, TransferId,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

table! {
    "stock_levels" as stock_levels (sku: Sku, location: LocationCode) {
        version: i64,
        on_hand: i64,
        reserved: i64,
        damaged: i64,
        quality_hold: i64,
        safety_stock: i64,
        reorder_point: Option<i64>,
        reorder_up_to: Option<i64>,
        updated_at: Timestamp,
        incoming: i64,
        lead_time_days: Option<i64>,
        declined_at: Option<Timestamp>,
        missing: i64,
    }
}

table! {
    "stock_movements" as stock_movements (id: MovementId) {
        sku: Sku,
        location: LocationCode,
        kind: MovementKind,
        on_hand: i64,
        reserved: i64,
        damaged: i64,
        quality_hold: i64,
        reservation_id: Option<ReservationId>,
        order_id: Option<OrderId>,
        shipment_id: Option<ShipmentId>,
        transfer_id: Option<TransferId>,
        reason: String,
        actor: Actor,
        at: Timestamp,
    }
}

table! {
    "replenishments" as replenishments (id: ReplenishmentId) {
        version: i64,
        sku: Sku,
        location: LocationCode,
        quantity: i64,
        received: i64,
        state: ReplenishmentState,
        order_id: Option<OrderId>,
        reason: String,
        created_at: Timestamp,
        updated_at: Timestamp,
        decided_by: Option<Actor>,
        supplier: String,
        expected_at: Option<Timestamp>,
        transfer_id: Option<TransferId>,
    }
}

pub(in crate::store) fn level(row: &Row) -> Result<StockLevel, StoreError> {
    Ok(level_from_row(stock_levels::Model::read(row)?))
}

pub(in crate::store) fn replenishment(row: &Row) -> Result<Replenishment, StoreError> {
    Ok(replenishment_from_row(replenishments::Model::read(row)?))
}

pub(in crate::store) fn movement(row: &Row) -> Result<Movement, StoreError> {
    let stock_movements::Model {
        id,
        sku,
        location,
        kind,
        on_hand,
        reserved,
        damaged,
        quality_hold,
        reservation_id,
        order_id,
        shipment_id,
        transfer_id,
        reason,
        actor,
        at,
    } = stock_movements::Model::read(row)?;

    Ok(Movement {
        id,
        sku,
        location,
        kind,
        on_hand,
        reserved,
        damaged,
        quality_hold,
        reservation: reservation_id,
        order: order_id,
        shipment: shipment_id,
        transfer: transfer_id,
        reason,
        actor,
        at,
    })
}

pub(in crate::store) fn level_to_row(level: &StockLevel) -> stock_levels::Model {
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
        declined_at,
        missing,
    } = level;

    stock_levels::Model {
        sku: sku.clone(),
        location: location.clone(),
        version: *version,
        on_hand: *on_hand,
        reserved: *reserved,
        damaged: *damaged,
        quality_hold: *quality_hold,
        safety_stock: *safety_stock,
        reorder_point: *reorder_point,
        reorder_up_to: *reorder_up_to,
        updated_at: *updated_at,
        incoming: *incoming,
        lead_time_days: *lead_time_days,
        declined_at: *declined_at,
        missing: *missing,
    }
}

fn level_from_row(row: stock_levels::Model) -> StockLevel {
    let stock_levels::Model {
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
        declined_at,
        missing,
    } = row;

    StockLevel {
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
        declined_at,
        missing,
    }
}

pub(in crate::store) fn movement_to_row(movement: &Movement) -> stock_movements::Model {
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
        actor,
        at,
    } = movement;

    stock_movements::Model {
        id: *id,
        sku: sku.clone(),
        location: location.clone(),
        kind: *kind,
        on_hand: *on_hand,
        reserved: *reserved,
        damaged: *damaged,
        quality_hold: *quality_hold,
        reservation_id: *reservation,
        order_id: *order,
        shipment_id: *shipment,
        transfer_id: *transfer,
        reason: reason.clone(),
        actor: actor.clone(),
        at: *at,
    }
}

pub(in crate::store) fn replenishment_to_row(replenishment: &Replenishment) -> replenishments::Model {
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
    } = replenishment;

    replenishments::Model {
        id: *id,
        version: *version,
        sku: sku.clone(),
        location: location.clone(),
        quantity: *quantity,
        received: *received,
        state: *state,
        order_id: *order,
        reason: reason.clone(),
        created_at: *created_at,
        updated_at: *updated_at,
        decided_by: decided_by.clone(),
        supplier: supplier.clone(),
        expected_at: *expected_at,
        transfer_id: *transfer,
    }
}

fn replenishment_from_row(row: replenishments::Model) -> Replenishment {
    let replenishments::Model {
        id,
        version,
        sku,
        location,
        quantity,
        received,
        state,
        order_id,
        reason,
        created_at,
        updated_at,
        decided_by,
        supplier,
        expected_at,
        transfer_id,
    } = row;

    Replenishment {
        id,
        version,
        sku,
        location,
        quantity,
        received,
        state,
        order: order_id,
        reason,
        created_at,
        updated_at,
        decided_by,
        supplier,
        expected_at,
        transfer: transfer_id,
    }
}
