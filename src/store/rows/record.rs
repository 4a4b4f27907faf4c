//! Couriers' records: the sum of what orders say of each courier.

use sea_orm::EntityTrait;

use crate::domain::{CourierCode, CourierRecord, CourierRecords, Order};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

table! {
    "courier_records" as courier_records (courier: CourierCode) {
        carried: i64,
        delivered: i64,
        late: i64,
        damaged: i64,
        rated: i64,
        rating_sum: i64,
    }
}

pub(in crate::store) fn record(row: &Row) -> Result<(CourierCode, CourierRecord), StoreError> {
    let courier_records::Model { courier, carried, delivered, late, damaged, rated, rating_sum } =
        courier_records::Model::read(row)?;
    Ok((courier, CourierRecord { carried, delivered, late, damaged, rated, rating_sum }))
}

/// Rows that add these to what is there. Records that nothing is added to have none.
pub(in crate::store) fn additions(records: CourierRecords) -> Vec<courier_records::Model> {
    let row = |(courier, record): (CourierCode, CourierRecord)| {
        let CourierRecord { carried, delivered, late, damaged, rated, rating_sum } = record;
        courier_records::Model { courier, carried, delivered, late, damaged, rated, rating_sum }
    };
    records.into_iter().filter(|it| it.1 != CourierRecord::default()).map(row).collect()
}

/// Adds what an order says of its couriers (`sign` 1), or takes it off (−1).
pub(in crate::store) fn count(records: &mut CourierRecords, order: &Order, sign: i64) {
    for (courier, record) in order.courier_records() {
        records.entry(courier).or_default().add(&record, sign);
    }
}
