//! What can be listed of customers' feedback.

use crate::domain::{FeedbackState, OrderId};
use crate::store::query::resource::{
    ARCHIVED, Field, FieldKind, Resource, Shown, TRUTH, Terms, along, field, id, narrow, whole,
};
use crate::store::rows::terms;

/// Of an answer, and 0 before there is one.
const RATINGS: [&str; 6] = ["0", "1", "2", "3", "4", "5"];

/// Of one order each, so that it is found by the order's id and has no other.
pub(super) static FEEDBACK: Resource = Resource {
    name: "feedback",
    from: "feedback",
    key: &[id("order_id")],
    order: None,
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field(
            "state",
            "state",
            FieldKind::Word("FEEDBACK_STATE_", || FeedbackState::ALL.iter().map(|it| it.as_str()).collect()),
        ),
        field("delivery_rating", "delivery_rating", FieldKind::Word("", || RATINGS.to_vec())),
        field("product_rating", "product_rating", FieldKind::Word("", || RATINGS.to_vec())),
        field("courier", "", FieldKind::Terms(terms::FEEDBACK_COURIER, None)),
        narrow("order_id", "order_id", FieldKind::Id(|text| text.parse::<OrderId>().map(|it| it.0))),
        field(ARCHIVED, ARCHIVED, FieldKind::Word("", || TRUTH.to_vec())),
        Field {
            name: "submit_time",
            column: "submitted_at",
            kind: FieldKind::Time,
            few: false,
            implies: "",
            sorted_by: Some(whole("submitted_at")),
        },
    ],
    indexes: &[
        along(&["archived"]),
        along(&["state", "archived"]),
        along(&["delivery_rating", "archived"]),
        along(&["product_rating", "archived"]),
    ],
    sorts: &[],
    terms: Some(Terms { table: "order_terms", key: "order_id", listed: "listed" }),
};
