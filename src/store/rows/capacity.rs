//! How many shipments the days of locations and couriers have: the sum of what orders take of them.

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;

use crate::domain::{CAPACITY_DAYS, CapacityOf, DailyShipments, Day};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

table! {
    "daily_shipments" as daily_shipments (kind: String, code: String, day: i32) {
        shipments: i64,
    }
}

const LOCATION: &str = "LOCATION";

const COURIER: &str = "COURIER";

fn key(of: &CapacityOf) -> (&'static str, &str) {
    match of {
        CapacityOf::Location(code) => (LOCATION, code.as_str()),
        CapacityOf::Courier(code) => (COURIER, code.as_str()),
    }
}

/// For people: `LOCATION LEIPZIG`.
pub(in crate::store) fn words(of: &CapacityOf) -> String {
    let (kind, code) = key(of);
    format!("{kind} {code}")
}

/// The row that asks for the days of one, from this day on.
pub(in crate::store) fn days_from(of: &CapacityOf, first: Day) -> Vec<Value> {
    let (kind, code) = key(of);
    vec![kind.into(), code.into(), first.number().into(), first.plus(CAPACITY_DAYS).number().into()]
}

pub(in crate::store) fn day(row: &Row) -> Result<((CapacityOf, Day), i64), StoreError> {
    let daily_shipments::Model { kind, code, day, shipments } = daily_shipments::Model::read(row)?;
    let corrupt = || StoreError::corrupt("daily_shipments", format!("nobody is called {kind} {code}"));
    let of = match kind.as_str() {
        LOCATION => CapacityOf::Location(code.parse().map_err(|_| corrupt())?),
        COURIER => CapacityOf::Courier(code.parse().map_err(|_| corrupt())?),
        _ => return Err(corrupt()),
    };
    Ok(((of, Day::from_number(day.into())), shipments))
}

/// Rows of what days get, and of what they lose; days that keep what they have are in neither.
pub(in crate::store) fn differences(days: DailyShipments) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let row = |((of, day), shipments): ((CapacityOf, Day), i64)| {
        let (kind, code) = key(&of);
        let (kind, code) = (kind.to_owned(), code.to_owned());
        daily_shipments::Model { kind, code, day: day.number(), shipments: shipments.abs() }.values()
    };
    let (more, less): (Vec<_>, Vec<_>) = days.into_iter().filter(|it| it.1 != 0).partition(|it| it.1 > 0);
    (more.into_iter().map(row).collect(), less.into_iter().map(row).collect())
}
