//! The record of who was shown customers' personal data.

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{Actor, CustomerId, DataRead, OrderId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

table! {
    "data_reads" as data_reads (id: Uuid) {
        at: Timestamp,
        principal: Actor,
        actor: Actor,
        method: String,
        order_id: Option<OrderId>,
        customer_id: Option<CustomerId>,
    }
}

/// The row under a fresh id.
pub(in crate::store) fn to_row(id: Uuid, read: &DataRead) -> Vec<Value> {
    let DataRead { at, principal, actor, method, order, customer } = read;
    data_reads::Model {
        id,
        at: *at,
        principal: principal.clone(),
        actor: actor.clone(),
        method: method.clone(),
        order_id: *order,
        customer_id: *customer,
    }
    .values()
}

pub(in crate::store) fn read(row: &Row) -> Result<DataRead, StoreError> {
    let data_reads::Model { id: _, at, principal, actor, method, order_id, customer_id } =
        data_reads::Model::read(row)?;
    Ok(DataRead { at, principal, actor, method, order: order_id, customer: customer_id })
}
