//! Stock levels, their movements, and what is to be bought.

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;

use crate::domain::{
    Actor, Day, LocationCode, Lot, LotName, Movement, MovementId, MovementKind, OrderId, Replenishment,
    ReplenishmentId, ReplenishmentState, ReservationId, ShipmentId, Sku, StockLevel, Timestamp, TransferId,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::document;
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
        unsold: i64,
        lots_at: Option<Timestamp>,
        lots: Vec<u8>,
    }
}

table! {
    "stock_lots" as stock_lots (sku: Sku, location: LocationCode, lot: String) {
        expires_on: i32,
        sold_until: Timestamp,
        expires_at: Timestamp,
        on_hand: i64,
        damaged: i64,
        quality_hold: i64,
        missing: i64,
        allotted: i64,
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
        lot: Option<String>,
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
    level_from_row(stock_levels::Model::read(row)?)
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
        lot,
    } = stock_movements::Model::read(row)?;
    let lot = lot.map(name_of).transpose()?;

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
        lot,
    })
}

pub(in crate::store) fn level_to_row(level: &StockLevel) -> Result<stock_levels::Model, StoreError> {
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
        lots,
    } = level;
    let document = match lots.is_empty() {
        true => Vec::new(),
        false => document::encode("stock_levels", lots)?,
    };

    Ok(stock_levels::Model {
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
        unsold: level.unsold(*updated_at),
        lots_at: level.lots_due_at(),
        lots: document,
    })
}

fn level_from_row(row: stock_levels::Model) -> Result<StockLevel, StoreError> {
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
        unsold: _,
        lots_at: _,
        lots: document,
    } = row;
    let lots = match document.is_empty() {
        true => Vec::new(),
        false => document::decode("stock_levels", &document)?,
    };

    Ok(StockLevel {
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
        lots,
    })
}

/// The rows of lots that a level has and had not so before, and the keys of those that it has no more, or of another day.
pub(in crate::store) fn lots_that_differ(
    before: Option<&StockLevel>,
    after: &StockLevel,
) -> (Vec<stock_lots::Model>, Vec<Vec<Value>>) {
    let old = before.map(|it| it.lots.as_slice()).unwrap_or_default();
    let new = after.lots.iter().filter(|it| !old.contains(it)).map(|it| lot_to_row(after, it));
    // One of another day has ended and begun again: rows keep their days, which are not written anew.
    let day = |it: &Lot| (it.expires_on, it.expires_at);
    let gone = old.iter().filter(|it| after.lot(&it.name).is_none_or(|new| day(new) != day(it)));
    let key = |it: &Lot| -> Vec<Value> {
        vec![after.sku.clone().into(), after.location.clone().into(), it.name.as_str().into()]
    };
    (new.collect(), gone.map(key).collect())
}

pub(in crate::store) fn lot_to_row(level: &StockLevel, lot: &Lot) -> stock_lots::Model {
    let Lot { name, expires_on, sold_until, expires_at, on_hand, damaged, quality_hold, missing, allotted } =
        lot;
    stock_lots::Model {
        sku: level.sku.clone(),
        location: level.location.clone(),
        lot: name.to_string(),
        expires_on: expires_on.number(),
        sold_until: *sold_until,
        expires_at: *expires_at,
        on_hand: *on_hand,
        damaged: *damaged,
        quality_hold: *quality_hold,
        missing: *missing,
        allotted: *allotted,
    }
}

/// A lot with the shelf that it lies on.
pub(in crate::store) fn lot(row: &Row) -> Result<(Sku, LocationCode, Lot), StoreError> {
    let stock_lots::Model {
        sku,
        location,
        lot,
        expires_on,
        sold_until,
        expires_at,
        on_hand,
        damaged,
        quality_hold,
        missing,
        allotted,
    } = stock_lots::Model::read(row)?;
    let found = Lot {
        name: name_of(lot)?,
        expires_on: Day::from_number(expires_on.into()),
        sold_until,
        expires_at,
        on_hand,
        damaged,
        quality_hold,
        missing,
        allotted,
    };
    Ok((sku, location, found))
}

fn name_of(lot: String) -> Result<LotName, StoreError> {
    LotName::try_from(lot).map_err(|error| StoreError::corrupt("stock_lots", error.to_string()))
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
        lot,
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
        lot: lot.as_ref().map(ToString::to_string),
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
