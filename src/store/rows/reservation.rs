//! Reservations: those of orders are part of these, other callers' are documents of their own.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;

use crate::domain::{
    Actor, LocationCode, OrderId, Reservation, ReservationId, ReservationState, ReservedItem, Sku, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::document;
use crate::store::rows::order::{JobFields, orders};
use crate::store::rows::table::{Record, table};

table! {
    "reservations" as reservations (id: ReservationId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: Option<OrderId>,
        version: i64,
        reference: String,
        state: ReservationState,
        expires_at: Option<Timestamp>,
        created_at: Timestamp,
        run_at: Option<Timestamp>,
        attempts: i64,
        lease_token: i64,
        lease_until: Option<Timestamp>,
        caller: Option<Actor>,
        taken_over_by: Option<OrderId>,
        taken_over_from: Option<ReservationId>,
        document: Option<Vec<u8>>,
    }
}

table! {
    "reservation_items" as reservation_items (reservation_id: ReservationId, number: i32)
    belongs to reservations by "Column::ReservationId" = "super::reservations::Column::Id"
    {
        line: i32,
        sku: Sku,
        location: LocationCode,
        quantity: i64,
        consumed: i64,
        released: i64,
    }
}

table! {
    "open_reservations" as open_reservations (caller: String) {
        open: i64,
    }
}

/// How many reservations of its own a caller has open.
pub(in crate::store) fn open(row: &Row) -> Result<(Actor, i64), StoreError> {
    let open_reservations::Model { caller, open } = open_reservations::Model::read(row)?;
    Ok((Actor::stored(caller), open))
}

/// Rows that raise what callers have open, and rows that lower it. PostgreSQL checks the row that it would add before it looks
/// for the one that is there, so the two are different statements.
pub(in crate::store) fn differences(moved: BTreeMap<Actor, i64>) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let (more, less): (Vec<_>, Vec<_>) = moved.into_iter().filter(|it| it.1 != 0).partition(|it| it.1 > 0);
    let row = |(caller, open): (Actor, i64)| {
        open_reservations::Model { caller: caller.as_str().to_owned(), open }.values()
    };
    (more.into_iter().map(row).collect(), less.into_iter().map(row).collect())
}

/// The row of an order's reservation.
pub(super) fn of_order(reservation: &Reservation) -> reservations::Model {
    with_document(reservation, JobFields::default(), None)
}

/// The row of another caller's.
pub(in crate::store) fn of_caller(
    reservation: &Reservation,
    job: JobFields,
) -> Result<reservations::Model, StoreError> {
    Ok(with_document(reservation, job, Some(document::encode("reservations", reservation)?)))
}

/// Its row, with its document as it was encoded; an order's has none of its own.
pub(in crate::store) fn with_document(
    reservation: &Reservation,
    job: JobFields,
    document: Option<Vec<u8>>,
) -> reservations::Model {
    reservations::Model {
        id: reservation.id,
        order_id: reservation.order,
        version: reservation.version,
        reference: reservation.reference.clone(),
        state: reservation.state,
        expires_at: reservation.expires_at,
        created_at: reservation.created_at,
        run_at: job.run_at,
        attempts: job.attempts,
        lease_token: job.lease_token,
        lease_until: job.lease_until,
        caller: reservation.order.is_none().then(|| reservation.created_by.clone()),
        taken_over_by: reservation.taken_over_by,
        taken_over_from: reservation.taken_over_from,
        document,
    }
}

pub(in crate::store) fn item(reservation: ReservationId, item: &ReservedItem) -> reservation_items::Model {
    reservation_items::Model {
        reservation_id: reservation,
        number: item.number,
        line: item.line,
        sku: item.sku.clone(),
        location: item.location.clone(),
        quantity: item.quantity,
        consumed: item.consumed,
        released: item.released,
    }
}
