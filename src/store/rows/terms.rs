//! What an order or a product is found by that it may have several of, each a row of its own.

use std::collections::BTreeSet;

use sea_orm::EntityTrait;

use crate::domain::{HoldState, Order, OrderId};
use crate::store::rows::order::orders;
use crate::store::rows::table::table;

table! {
    "order_terms" as order_terms (order_id: OrderId, field: String, term: String)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        archived: bool,
    }
}

/// What a term is: the word in the column `field`.
pub(in crate::store) const SKU: &str = "sku";

pub(in crate::store) const HOLD_REASON: &str = "hold_reason";

/// The products of an order's lines and the reasons of its active holds.
pub(in crate::store) fn of_order(order: &Order) -> Vec<order_terms::Model> {
    let skus: BTreeSet<&str> = order.lines.iter().map(|it| it.sku.as_str()).collect();
    let active = order.holds.iter().filter(|it| it.state == HoldState::Active);
    let reasons: BTreeSet<&str> = active.map(|it| it.reason.as_str()).collect();
    let skus = skus.into_iter().map(|it| (SKU, it.to_owned()));
    let reasons = reasons.into_iter().map(|it| (HOLD_REASON, it.to_owned()));
    let row = |(field, term): (&str, String)| order_terms::Model {
        order_id: order.id,
        field: field.to_owned(),
        term,
        archived: order.is_archived(),
    };
    skus.chain(reasons).map(row).collect()
}
