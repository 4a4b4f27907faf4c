//! Archived orders: one document each, beside what they can be found by.

use crate::domain::{Channel, Order, OrderId, OrderState, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::read::{Lock, find, from_json};
use crate::store::rows::saved::{Saved, to_json};
use crate::store::rows::table::table;
use crate::store::rows::write::{Writes, save_versioned};

const TABLE: &str = "archived_orders";

table! {
    "archived_orders" as archived_orders (order_id: OrderId) {
        number: i64,
        version: i64,
        channel: Channel,
        external_reference: String,
        customer_email: String,
        archived_from: OrderState,
        created_at: Timestamp,
        archived_at: Timestamp,
        document: String,
    }
}

/// Archived orders in the order of their ids, as they were when they left.
pub(in crate::store) async fn load_archived(db: &Session, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    use archived_orders::{Column, Entity};

    let rows = find::<Entity, _>(db, Column::OrderId, ids, &[Column::OrderId], Lock::No).await?;
    rows.into_iter().map(|it| from_json(TABLE, &it.document)).collect()
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) -> Result<(), StoreError> {
    let rows = orders.iter().map(|it| {
        let archived_before = it.before.filter(|it| it.state == OrderState::Archived);
        Ok((archived_before.map(to_row).transpose()?, to_row(it.after)?))
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    save_versioned::<archived_orders::Entity>(writes, archived_orders::Column::Version, rows);
    Ok(())
}

fn to_row(order: &Order) -> Result<archived_orders::Model, StoreError> {
    let missing = |what| StoreError::Corrupt { table: TABLE, detail: format!("{} has no {what}", order.id) };

    Ok(archived_orders::Model {
        order_id: order.id,
        number: order.number,
        version: order.version,
        channel: order.channel,
        external_reference: order.external_reference.clone(),
        customer_email: order.customer.email.clone(),
        archived_from: order.archived_from.ok_or_else(|| missing("state before archiving"))?,
        created_at: order.created_at,
        archived_at: order.archived_at.ok_or_else(|| missing("time of archiving"))?,
        document: to_json(TABLE, order)?,
    })
}
