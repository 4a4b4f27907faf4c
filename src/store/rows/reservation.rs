//! Reservations, those of orders and those of other callers.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::domain::{
    Actor, LocationCode, Order, OrderId, Reservation, ReservationId, ReservationState, ReservedItem, Sku,
    Timestamp,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::bound_rows::padded;
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::order_tables::order_lines;
use crate::store::rows::read::{Lock, Of, find, gather, take};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes, save_versioned};

/// How many expired reservations one group takes along. A change that is short for that is decided again when they are
/// gone.
const EXPIRED_MAX: usize = 64;

table! {
    "reservations" as reservations (id: ReservationId) {
        order_id: Option<OrderId>,
        place: i32,
        version: i64,
        reference: String,
        state: ReservationState,
        expires_at: Option<Timestamp>,
        plan: String,
        created_by: Actor,
        created_at: Timestamp,
    }
}

table! {
    "reservation_items" as reservation_items (reservation_id: ReservationId, number: i32) {
        line: i32,
        sku: Sku,
        location: LocationCode,
        quantity: i64,
        consumed: i64,
        released: i64,
    }
}

/// Reservations in the order of their ids. To be changed, only other callers' are given: those of orders
/// change with their order.
pub(in crate::store) async fn load_reservations(
    db: &Session,
    ids: &[ReservationId],
    lock: Lock,
) -> Result<Vec<Reservation>, StoreError> {
    use reservations::{Column, Entity};

    let mut rows = find::<Entity, _>(db, Column::Id, ids, &[Column::Id], lock).await?;
    if lock == Lock::Update {
        rows.retain(|it| it.order_id.is_none());
    }
    let mut items = load_items(db, &rows).await?;
    Ok(rows.into_iter().map(|it| with_items(it, &mut items)).collect())
}

/// Other callers' reservations; those of orders are saved with their order.
pub(in crate::store) fn save_reservations(writes: &mut Writes, reservations: &[Saved<'_, Reservation>]) {
    let rows = reservations.iter().map(|it| it.rows(|it| to_row(0, it)));
    save_versioned::<reservations::Entity>(writes, reservations::Column::Version, rows);

    let mut items = Difference::<reservation_items::Entity>::new();
    for reservation in reservations {
        compare_items(&mut items, *reservation);
    }
    items.write(writes);
}

/// Reservations past their end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct ExpiredReservations {
    pub(in crate::store) orders: Vec<OrderId>,
    /// Other callers'.
    pub(in crate::store) others: Vec<ReservationId>,
    /// There are more than these.
    pub(in crate::store) more: bool,
}

/// Expired reservations of these products, or of the products of these orders, the oldest first.
pub(in crate::store) async fn expired_reservations(
    db: &Session,
    skus: &[Sku],
    wanted_by: &[OrderId],
    now: Timestamp,
) -> Result<ExpiredReservations, StoreError> {
    use {order_lines as lines, reservation_items as items, reservations::Column};

    let of_orders = lines::Entity::find()
        .select_only()
        .column(lines::Column::Sku)
        .filter(lines::Column::OrderId.is_in(padded(wanted_by.to_vec())))
        .into_query();
    // Few reservations are expired at any time, while a product may be in very many of them.
    let of_skus = items::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(
            Expr::col((items::Entity, items::Column::ReservationId))
                .equals((reservations::Entity, Column::Id)),
        )
        .filter(
            Condition::any()
                .add(items::Column::Sku.is_in(padded(skus.to_vec())))
                .add(items::Column::Sku.in_subquery(of_orders)),
        )
        .into_query();
    // The state is written out, or the index on reservations that expire would not be used.
    let mut found = reservations::Entity::find()
        .select_only()
        .columns([Column::Id, Column::OrderId])
        .filter(Expr::cust("reservations.state = 'HELD'"))
        .filter(Column::ExpiresAt.lte(now))
        .filter(Expr::exists(of_skus))
        .order_by_asc(Column::ExpiresAt)
        .limit(EXPIRED_MAX as u64 + 1)
        .into_tuple::<(ReservationId, Option<OrderId>)>()
        .all(db)
        .await?;

    let mut expired =
        ExpiredReservations { more: found.len() > EXPIRED_MAX, ..ExpiredReservations::default() };
    found.truncate(EXPIRED_MAX);
    for (reservation, order) in found {
        match order {
            Some(order) => expired.orders.push(order),
            None => expired.others.push(reservation),
        }
    }
    Ok(expired)
}

pub(super) fn table_reads() -> Vec<TableRead> {
    vec![
        TableRead::rows::<reservations::Entity>("order_id {ids}", "place"),
        TableRead::rows::<reservation_items::Entity>(
            "reservation_id IN (SELECT id FROM reservations WHERE order_id {ids})",
            "number",
        ),
    ]
}

pub(super) fn read(answers: &mut ResultSets) -> Result<Of<Reservation>, StoreError> {
    let rows = answers.rows::<reservations::Entity>()?;
    let items = answers.rows::<reservation_items::Entity>()?;
    let mut items = gather(items.into_iter().map(|it| Ok(item_from_row(it))))?;
    let of_order = |row: reservations::Model| Some(Ok((row.order_id?, with_items(row, &mut items))));
    gather(rows.into_iter().filter_map(of_order))
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut reservations = Difference::<reservations::Entity>::new();
    let mut items = Difference::<reservation_items::Entity>::new();
    for order in orders {
        let (before, after) = order.parts(|it| &it.reservations);
        reservations.compare((before, after), |it| it.id, to_row);
        for reservation in after {
            let old = before.iter().find(|it| it.id == reservation.id);
            compare_items(&mut items, Saved { before: old, after: reservation });
        }
    }

    // One is open per order: those that are over make room first.
    reservations.write_in_turn(writes, |it| it.state.is_open());
    items.write(writes);
}

type Items = HashMap<ReservationId, Vec<ReservedItem>>;

async fn load_items(db: &Session, rows: &[reservations::Model]) -> Result<Items, StoreError> {
    use reservation_items::{Column, Entity};

    let ids: Vec<ReservationId> = rows.iter().map(|it| it.id).collect();
    let rows = find::<Entity, _>(db, Column::ReservationId, &ids, &[Column::Number], Lock::No).await?;
    gather(rows.into_iter().map(|it| Ok(item_from_row(it))))
}

fn compare_items(items: &mut Difference<reservation_items::Entity>, reservation: Saved<'_, Reservation>) {
    let id = reservation.after.id;
    items.compare(reservation.parts(|it| &it.items), |it| (id, it.number), |_, it| item_to_row(id, it));
}

fn to_row(place: i32, reservation: &Reservation) -> reservations::Model {
    let Reservation {
        id,
        version,
        order,
        reference,
        state,
        expires_at,
        items: _,
        plan,
        created_by,
        created_at,
    } = reservation;

    reservations::Model {
        id: *id,
        order_id: *order,
        place,
        version: *version,
        reference: reference.clone(),
        state: *state,
        expires_at: *expires_at,
        plan: plan.clone(),
        created_by: created_by.clone(),
        created_at: *created_at,
    }
}

fn with_items(row: reservations::Model, items: &mut Items) -> Reservation {
    let reservations::Model {
        id,
        order_id,
        place: _,
        version,
        reference,
        state,
        expires_at,
        plan,
        created_by,
        created_at,
    } = row;

    let items = take(items, &id);
    Reservation {
        id,
        version,
        order: order_id,
        reference,
        state,
        expires_at,
        items,
        plan,
        created_by,
        created_at,
    }
}

fn item_to_row(reservation: ReservationId, item: &ReservedItem) -> reservation_items::Model {
    let ReservedItem { number, line, sku, location, quantity, consumed, released } = item;

    reservation_items::Model {
        reservation_id: reservation,
        number: *number,
        line: *line,
        sku: sku.clone(),
        location: location.clone(),
        quantity: *quantity,
        consumed: *consumed,
        released: *released,
    }
}

fn item_from_row(row: reservation_items::Model) -> (ReservationId, ReservedItem) {
    let reservation_items::Model {
        reservation_id,
        number,
        line,
        sku,
        location,
        quantity,
        consumed,
        released,
    } = row;

    (reservation_id, ReservedItem { number, line, sku, location, quantity, consumed, released })
}
