//! What an order or a product is found by that it may have several of, each a row of its own.

use std::collections::BTreeSet;

use sea_orm::EntityTrait;

use crate::domain::{HoldState, Labels, Order, OrderId};
use crate::store::rows::order::orders;
use crate::store::rows::table::table;

table! {
    "order_terms" as order_terms (field: String, term: String, archived: bool, listed: OrderId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
    }
}

/// What a term is: the word in the column `field`.
pub(in crate::store) const SKU: &str = "sku";

pub(in crate::store) const HOLD_REASON: &str = "hold_reason";

/// The state of its open change.
pub(in crate::store) const OPEN_CHANGE: &str = "open_change";

/// How much of it waits for stock.
pub(in crate::store) const WAITING: &str = "waiting";

/// All of it, or the rest while a part is set aside, or has been sent.
pub(in crate::store) const WAITS: [&str; 2] = [ALL_WAITS, REST_WAITS];

const ALL_WAITS: &str = "ALL";
const REST_WAITS: &str = "REST";

/// The customer that it names.
pub(in crate::store) const CUSTOMER: &str = "customer";

/// A courier of the order, once its customer was asked what they say.
pub(in crate::store) const FEEDBACK_COURIER: &str = "feedback_courier";

/// A label, `key=value`; no key has that sign.
pub(in crate::store) const LABEL: &str = "label";

/// The key of a label.
pub(in crate::store) const LABEL_KEY: &str = "label_key";

/// The term that a label is found by.
pub(in crate::store) fn label(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

/// Both terms of each label.
pub(in crate::store) fn of_labels(labels: &Labels) -> impl Iterator<Item = (&'static str, String)> {
    labels.iter().flat_map(|(key, value)| [(LABEL, label(key, value)), (LABEL_KEY, key.clone())])
}

/// The products of an order's lines, the reasons of its active holds, the state of its open change, how much of it waits for
/// stock, the customer that it names, the couriers that its feedback is about, and its labels.
pub(in crate::store) fn of_order(order: &Order) -> Vec<order_terms::Model> {
    let skus: BTreeSet<&str> = order.lines.iter().map(|it| it.sku.as_str()).collect();
    let active = order.holds.iter().filter(|it| it.state == HoldState::Active);
    let reasons: BTreeSet<&str> = active.map(|it| it.reason.as_str()).collect();
    let skus = skus.into_iter().map(|it| (SKU, it.to_owned()));
    let reasons = reasons.into_iter().map(|it| (HOLD_REASON, it.to_owned()));
    let row = |(field, term): (&str, String)| order_terms::Model {
        listed: order.id,
        order_id: order.id,
        field: field.to_owned(),
        term,
        archived: order.is_archived(),
    };
    let customer = order.named.iter().map(|it| (CUSTOMER, it.id.to_string()));
    let change = order.open_change().map(|it| (OPEN_CHANGE, it.state.to_string()));
    let asked = order.shipments.iter().filter(|_| order.feedback.is_some());
    let couriers: BTreeSet<&str> =
        asked.filter_map(|it| it.assignment.as_ref()).map(|it| it.courier.as_str()).collect();
    let couriers = couriers.into_iter().map(|it| (FEEDBACK_COURIER, it.to_owned()));
    let waiting = order.waits_for_stock().then(|| match order.waits_for_rest() {
        true => (WAITING, REST_WAITS.to_owned()),
        false => (WAITING, ALL_WAITS.to_owned()),
    });
    let all = skus.chain(reasons).chain(change).chain(waiting).chain(customer).chain(couriers);
    all.chain(of_labels(&order.labels)).map(row).collect()
}
