//! Every list as its callers know it, for tests of all that can be asked of it.

use crate::store::query::caller_resources::{API_KEYS, DATA_READS, EVENT_SUBSCRIPTIONS};
use crate::store::query::feedback_resource::FEEDBACK;
use crate::store::query::resource::{Field, FieldKind, Resource};
use crate::store::query::resources::{
    APPROVALS, COURIERS, CREDIT_NOTES, CUSTOMERS, DISCOUNT_CODES, FOLLOW_UPS, INVOICES, LOCATIONS, LOTS,
    MESSAGES, MOVEMENTS, ORDERS, PAYMENTS, PRODUCTS, REFUNDS, REPLENISHMENTS, RESERVATIONS, RETURNS,
    SHIPMENTS, STOCK_LEVELS, TRANSFERS,
};

static EVERYTHING: [&Resource; 25] = [
    &ORDERS,
    &INVOICES,
    &CREDIT_NOTES,
    &PAYMENTS,
    &REFUNDS,
    &RETURNS,
    &SHIPMENTS,
    &APPROVALS,
    &MESSAGES,
    &FEEDBACK,
    &FOLLOW_UPS,
    &RESERVATIONS,
    &REPLENISHMENTS,
    &TRANSFERS,
    &PRODUCTS,
    &LOCATIONS,
    &COURIERS,
    &CUSTOMERS,
    &DISCOUNT_CODES,
    &STOCK_LEVELS,
    &LOTS,
    &MOVEMENTS,
    &API_KEYS,
    &DATA_READS,
    &EVENT_SUBSCRIPTIONS,
];

/// A list.
pub(in crate::store) struct Documented {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) fields: Vec<(&'static str, Takes)>,
    pub(in crate::store) orders: Vec<&'static str>,
}

pub(in crate::store) enum Takes {
    Text,
    Label,
    Beginning,
    Word(Vec<&'static str>),
    Whole,
    Flag,
    Time,
    Id,
}

pub(in crate::store) fn documented() -> Vec<Documented> {
    let takes = |field: &Field| match field.kind {
        FieldKind::Text | FieldKind::Compared(_) | FieldKind::Name | FieldKind::Keyed(_) => Takes::Text,
        FieldKind::Terms(_, None) => Takes::Text,
        FieldKind::Terms(_, Some((_, all))) => Takes::Word(all()),
        FieldKind::Labels => Takes::Label,
        FieldKind::Beginning => Takes::Beginning,
        FieldKind::Word(_, all) => Takes::Word(all()),
        FieldKind::Whole => Takes::Whole,
        FieldKind::Flag => Takes::Flag,
        FieldKind::Time | FieldKind::Created => Takes::Time,
        FieldKind::Id(_) => Takes::Id,
    };
    let named = |field: &Field| match field.kind {
        FieldKind::Labels => "labels.color",
        _ => field.name,
    };
    let documented = |it: &&Resource| Documented {
        name: it.name,
        fields: it.fields.iter().map(|field| (named(field), takes(field))).collect(),
        orders: it.sorts.iter().map(|it| it.0).chain(it.keyed_by_time.then_some("create_time")).collect(),
    };
    EVERYTHING.iter().map(documented).collect()
}
