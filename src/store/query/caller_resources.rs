//! What can be listed of who calls and who is told: API keys, subscriptions to events, who was shown customers' data.

use crate::domain::{CustomerId, OrderId, SubscriptionState};
use crate::store::query::resource::{FieldKind, Resource, Shown, TRUTH, along, field, id};
use crate::store::rows::api_key::api_keys;
use crate::store::rows::data_read::data_reads;
use crate::store::rows::statements::names;
use crate::store::rows::subscription::event_subscriptions;

pub(super) static API_KEYS: Resource = Resource {
    name: "API keys",
    from: "api_keys",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(names::<api_keys::Entity>),
    keyed_by_time: true,
    fields: &[
        field("principal", "principal", FieldKind::Text),
        field("revoked", "revoked", FieldKind::Word("", || TRUTH.to_vec())),
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["principal"]), along(&["revoked"])],
    sorts: &[],
    terms: None,
};

pub(super) static EVENT_SUBSCRIPTIONS: Resource = Resource {
    name: "event subscriptions",
    from: "event_subscriptions",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(names::<event_subscriptions::Entity>),
    keyed_by_time: true,
    fields: &[
        field(
            "state",
            "state",
            FieldKind::Word("EVENT_SUBSCRIPTION_STATE_", || {
                SubscriptionState::ALL.iter().map(|it| it.as_str()).collect()
            }),
        ),
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["state"])],
    sorts: &[],
    terms: None,
};

pub(super) static DATA_READS: Resource = Resource {
    name: "data reads",
    from: "data_reads",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(names::<data_reads::Entity>),
    keyed_by_time: true,
    fields: &[
        field("principal", "principal", FieldKind::Text),
        field("order_id", "order_id", FieldKind::Id(|text| text.parse::<OrderId>().map(|it| it.0))),
        field("customer_id", "customer_id", FieldKind::Id(|text| text.parse::<CustomerId>().map(|it| it.0))),
        field("create_time", "at", FieldKind::Created),
    ],
    indexes: &[along(&["principal"]), along(&["order_id"]), along(&["customer_id"])],
    sorts: &[],
    terms: None,
};
