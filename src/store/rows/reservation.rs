//! Reservations, those of orders and those of other callers.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Difference, Lock, Saved, StoreError, find, gather, list, put_versioned, take};
use crate::domain::{
    Actor, LocationCode, Order, OrderId, Reservation, ReservationId, ReservationState, ReservedItem, Sku,
    Timestamp,
};

/// How many overdue reservations one group takes along; the others are found by the next one.
const OVERDUE_MAX: u64 = 64;

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
pub(in crate::store) async fn load_reservations<C: ConnectionTrait>(
    conn: &C,
    ids: &[ReservationId],
    lock: Lock,
) -> Result<Vec<Reservation>, StoreError> {
    use reservations::{Column, Entity};

    let mut rows = find::<Entity, _, _>(conn, Column::Id, ids, &[Column::Id], lock).await?;
    if lock == Lock::Update {
        rows.retain(|it| it.order_id.is_none());
    }
    let mut items = load_items(conn, &rows).await?;
    Ok(rows.into_iter().map(|it| with_items(it, &mut items)).collect())
}

/// Other callers' reservations; those of orders are saved with their order.
pub(in crate::store) async fn save_reservations<C: ConnectionTrait>(
    conn: &C,
    reservations: &[Saved<'_, Reservation>],
) -> Result<(), StoreError> {
    let rows =
        reservations.iter().map(|it| (it.before.map_or(0, |it| it.version), to_row(0, it.after))).collect();
    put_versioned::<reservations::Entity, _>(conn, reservations::Column::Version, rows).await?;

    let mut items = Difference::<reservation_items::Entity>::new();
    for reservation in reservations {
        compare_items(&mut items, *reservation);
    }
    items.write(conn).await
}

/// Who holds stock of these products past the end of the hold, longest first: orders, and other callers.
pub(in crate::store) async fn overdue<C: ConnectionTrait>(
    conn: &C,
    skus: &[Sku],
    now: Timestamp,
) -> Result<(Vec<OrderId>, Vec<ReservationId>), StoreError> {
    use {reservation_items as items, reservations::Column};

    if skus.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    // Asked of each overdue one: there are few of those, but any number of reservations of a product.
    let of_skus = items::Entity::find()
        .select_only()
        .column(items::Column::Number)
        .filter(items::Column::ReservationId.into_expr().eq(Column::Id.into_expr()))
        .filter(items::Column::Sku.is_in(list(skus)))
        .into_query();
    let found = reservations::Entity::find()
        .select_only()
        .columns([Column::Id, Column::OrderId])
        .filter(Expr::cust(format!("state = '{}'", ReservationState::Held)))
        .filter(Column::ExpiresAt.lte(now))
        .filter(Expr::exists(of_skus))
        .order_by_asc(Column::ExpiresAt)
        .limit(OVERDUE_MAX)
        .into_tuple::<(ReservationId, Option<OrderId>)>()
        .all(conn)
        .await?;

    let (mut orders, mut others) = (Vec::new(), Vec::new());
    for (reservation, order) in found {
        match order {
            Some(order) => orders.push(order),
            None => others.push(reservation),
        }
    }
    Ok((orders, others))
}

pub(super) async fn load<C: ConnectionTrait>(
    conn: &C,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Reservation>>, StoreError> {
    use reservations::{Column, Entity};

    let rows = find::<Entity, _, _>(conn, Column::OrderId, orders, &[Column::Place], Lock::No).await?;
    let mut items = load_items(conn, &rows).await?;
    let of_order = |row: reservations::Model| Some(Ok((row.order_id?, with_items(row, &mut items))));
    gather(rows.into_iter().filter_map(of_order))
}

pub(super) async fn save<C: ConnectionTrait>(
    conn: &C,
    orders: &[Saved<'_, Order>],
) -> Result<(), StoreError> {
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
    reservations.put.sort_by_key(|it| is_open(it.state));
    reservations.write(conn).await?;
    items.write(conn).await
}

fn is_open(state: ReservationState) -> bool {
    match state {
        ReservationState::Held | ReservationState::Confirmed | ReservationState::PartiallyConsumed => true,
        ReservationState::Consumed | ReservationState::Released | ReservationState::Expired => false,
    }
}

type Items = HashMap<ReservationId, Vec<ReservedItem>>;

async fn load_items<C: ConnectionTrait>(conn: &C, rows: &[reservations::Model]) -> Result<Items, StoreError> {
    use reservation_items::{Column, Entity};

    let ids: Vec<ReservationId> = rows.iter().map(|it| it.id).collect();
    let rows = find::<Entity, _, _>(conn, Column::ReservationId, &ids, &[Column::Number], Lock::No).await?;
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
