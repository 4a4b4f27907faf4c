//! Stock levels, their movements, and what is to be bought.

use sea_orm::{ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};

use crate::domain::{
    Actor, LocationCode, Movement, MovementId, MovementKind, OrderId, Replenishment, ReplenishmentId,
    ReplenishmentState, ReservationId, ShipmentId, Sku, StockLevel, Timestamp,
};
use crate::store::connection::bound_rows::{padded, text, with_rows};
use crate::store::connection::error::StoreError;
use crate::store::connection::lookup::Lookup;
use crate::store::connection::session::Session;
use crate::store::rows::read::{Lock, find, sorted};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Writes, insert, save_versioned};

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
    }
}

/// Stock of these products at every location, in the order of product and location.
pub(in crate::store) fn levels(backend: DbBackend, skus: &[Sku], lock: Lock) -> Lookup<StockLevel> {
    use stock_levels::{Column, Entity};

    let mut query = Entity::find().filter(Column::Sku.is_in(padded(sorted(skus))));
    query = query.order_by_asc(Column::Sku).order_by_asc(Column::Location);
    if lock == Lock::Update {
        query = query.lock_exclusive();
    }
    Lookup::about(backend, query, |row| Ok(level_from_row(stock_levels::Model::from_query_result(row, "")?)))
}

pub(in crate::store) fn save_levels(writes: &mut Writes, levels: &[Saved<'_, StockLevel>]) {
    let rows = levels.iter().map(|it| it.rows(level_to_row));
    save_versioned::<stock_levels::Entity>(writes, stock_levels::Column::Version, rows);
}

pub(in crate::store) fn append_movements(writes: &mut Writes, movements: &[Movement]) {
    insert::<stock_movements::Entity>(writes, movements.iter().map(movement_to_row).collect());
}

/// Replenishments in the order of their ids.
pub(in crate::store) async fn load_replenishments(
    db: &Session,
    ids: &[ReplenishmentId],
    lock: Lock,
) -> Result<Vec<Replenishment>, StoreError> {
    use replenishments::{Column, Entity};

    let rows = find::<Entity, _>(db, Column::Id, ids, &[Column::Id], lock).await?;
    Ok(rows.into_iter().map(replenishment_from_row).collect())
}

/// The replenishment of each product and location that is not over.
pub(in crate::store) fn open_replenishments(
    backend: DbBackend,
    skus: &[Sku],
) -> Lookup<((Sku, LocationCode), ReplenishmentId)> {
    // In the statement itself: the index holds no others, and a planner does not look at parameters. Looked up product
    // by product, so that none thinks of reading all that are open while they are few.
    let open = ReplenishmentState::ALL.iter().copied().filter(|it| it.is_open());
    let open: Vec<_> = open.map(|it| format!("'{it}'")).collect();
    let sql = format!(
        "SELECT replenishments.sku, location, id FROM bound JOIN replenishments \
        ON replenishments.sku = bound.sku AND state IN ({})",
        open.join(", ")
    );
    let rows = sorted(skus).into_iter().map(|it| vec![it.into()]).collect();
    Lookup {
        statement: with_rows(backend, &[text("sku")], rows, &sql),
        read: |row| {
            let key = (row.try_get_by("sku")?, row.try_get_by("location")?);
            Ok((key, row.try_get_by("id")?))
        },
    }
}

pub(in crate::store) fn save_replenishments(
    writes: &mut Writes,
    replenishments: &[Saved<'_, Replenishment>],
) {
    // One is open per product and location: those that are over make room first.
    let (over, open): (Vec<Saved<_>>, Vec<Saved<_>>) =
        replenishments.iter().copied().partition(|it| !it.after.state.is_open());
    for some in [over, open] {
        let rows = some.into_iter().map(|it| it.rows(replenishment_to_row));
        save_versioned::<replenishments::Entity>(writes, replenishments::Column::Version, rows);
    }
}

fn level_to_row(level: &StockLevel) -> stock_levels::Model {
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
    }
}

pub(super) fn movement_to_row(movement: &Movement) -> stock_movements::Model {
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
        reason: reason.clone(),
        actor: actor.clone(),
        at: *at,
    }
}

fn replenishment_to_row(replenishment: &Replenishment) -> replenishments::Model {
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
    }
}
