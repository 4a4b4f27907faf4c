//! The table of returns: what is listed and constrained of them. All of a return is in the document of its order.

use crate::domain::{Order, OrderId, Return, ReturnId, ReturnLine, ReturnState, Timestamp};
use crate::store::rows::order::orders;
use crate::store::rows::table::table;

table! {
    "returns" as returns (id: ReturnId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        number: i32,
        state: ReturnState,
        archived: bool,
        units: i64,
        received: i64,
        missing: i64,
        inspected: i64,
        resolved: i64,
        paid_before: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

pub(super) fn row(order: &Order, it: &Return) -> returns::Model {
    let sum = |units: fn(&ReturnLine) -> i64| it.lines.iter().map(units).sum();
    returns::Model {
        id: it.id,
        order_id: it.order,
        number: it.number,
        state: it.state,
        archived: order.is_archived(),
        units: it.units(),
        received: sum(|it| it.received),
        missing: sum(|it| it.missing),
        inspected: sum(|it| it.received - it.uninspected()),
        resolved: sum(|it| it.quantity - it.unresolved()),
        paid_before: it.units_paid_before(),
        created_at: it.created_at,
        updated_at: it.updated_at,
    }
}
