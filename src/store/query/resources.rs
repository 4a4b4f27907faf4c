//! What can be listed, by which fields, along which index.

use crate::domain::{
    ApprovalState, Channel, FollowUpState, FulfillmentStatus, Gate, HoldReason, InvoiceId, InvoiceState,
    MessageKind, MessageState, Method, MovementKind, OrderChangeState, OrderId, OrderState, PaymentId,
    PaymentState, PaymentStatus, RefundState, ReplenishmentState, ReservationState, ReturnState,
    ShipmentState, Step, TransferState, caseless, phone_searched,
};
use crate::store::query::resource::{
    ARCHIVED, Column, Field, FieldKind, Index, Resource, Shown, TRUTH, Terms, along, field, id, narrow, text,
    whole,
};
use crate::store::rows::order::NO_STEP;
use crate::store::rows::statements::names;
use crate::store::rows::stock::{replenishments, stock_levels, stock_lots, stock_movements};
use crate::store::rows::terms;

/// A closed set of words with the prefix that they have in the API; the parser of an id.
macro_rules! word {
    ($type:ty, $prefix:literal) => {
        FieldKind::Word($prefix, || <$type>::ALL.iter().map(|it| it.as_str()).collect())
    };
}

macro_rules! id_of {
    ($type:ty) => {
        FieldKind::Id(|text| text.parse::<$type>().map(|it| it.0))
    };
}

/// When a row last changed.
const UPDATED: Column = whole("updated_at");

/// The numbers of one series are in the order in which its papers were made.
const SERIES: Field = Field {
    name: "series",
    column: "series",
    kind: FieldKind::Text,
    few: false,
    implies: "",
    sorted_by: Some(whole("number")),
};

/// The number within a series, and what every series is one of.
const fn in_series(implies: &'static str) -> Field {
    Field { name: "number", column: "number", kind: FieldKind::Whole, few: true, implies, sorted_by: None }
}

const IS_ARCHIVED: Field = field(ARCHIVED, ARCHIVED, FieldKind::Word("", || TRUTH.to_vec()));

/// The steps that may come next; and the word where none does.
fn steps() -> Vec<&'static str> {
    Step::ALL.iter().map(|it| it.as_str()).chain([NO_STEP]).collect()
}

fn open_changes() -> Vec<&'static str> {
    OrderChangeState::ALL.iter().filter(|it| it.is_open()).map(|it| it.as_str()).collect()
}

fn waits() -> Vec<&'static str> {
    terms::WAITS.to_vec()
}

fn hold_reasons() -> Vec<&'static str> {
    HoldReason::ALL.iter().map(|it| it.as_str()).collect()
}

const EVERY_CHANNEL: &str = "channel IN ('ONLINE', 'PHONE', 'IN_PERSON') AND external_reference <> ''";

pub(super) static ORDERS: Resource = Resource {
    name: "orders",
    from: "orders",
    key: &[id("id")],
    order: None,
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(OrderState, "ORDER_STATE_")),
        field("channel", "channel", word!(Channel, "CHANNEL_")),
        field("region", "region", FieldKind::Text),
        field("customer_email", "customer_email", FieldKind::Compared(|it| Ok(caseless(it)))),
        Field {
            name: "customer_name",
            column: "customer_name",
            kind: FieldKind::Name,
            few: false,
            implies: "",
            sorted_by: Some(text("customer_name")),
        },
        Field {
            name: "customer_phone",
            column: "customer_phone",
            kind: FieldKind::Compared(phone_searched),
            few: false,
            implies: "customer_phone <> ''",
            sorted_by: None,
        },
        field("sku", "", FieldKind::Terms(terms::SKU, None)),
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: FieldKind::Text,
            few: true,
            implies: EVERY_CHANNEL,
            sorted_by: None,
        },
        Field {
            name: "number",
            column: "number",
            kind: FieldKind::Whole,
            few: true,
            implies: "",
            sorted_by: Some(whole("number")),
        },
        field("payment_status", "payment_status", word!(PaymentStatus, "PAYMENT_STATUS_")),
        field("fulfillment_status", "fulfillment_status", word!(FulfillmentStatus, "FULFILLMENT_STATUS_")),
        field("next_step", "next_step", FieldKind::Word("STEP_", steps)),
        field("on_hold", "on_hold", FieldKind::Word("", || TRUTH.to_vec())),
        field("hold_reason", "", FieldKind::Terms(terms::HOLD_REASON, Some(("HOLD_REASON_", hold_reasons)))),
        field(
            "open_change",
            "",
            FieldKind::Terms(terms::OPEN_CHANGE, Some(("ORDER_CHANGE_STATE_", open_changes))),
        ),
        field("waiting", "", FieldKind::Terms(terms::WAITING, Some(("", waits)))),
        field("customer_id", "", FieldKind::Terms(terms::CUSTOMER, None)),
        field("labels.KEY", "", FieldKind::Labels),
        field("late", "late", FieldKind::Word("", || TRUTH.to_vec())),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
        Field {
            name: "update_time",
            column: "updated_at",
            kind: FieldKind::Time,
            few: false,
            implies: "",
            sorted_by: Some(UPDATED),
        },
    ],
    indexes: &[
        along(&["archived"]),
        along(&["channel", "state", "archived"]),
        along(&["region", "archived"]),
        along(&["customer_email", "archived"]),
        along(&["customer_phone", "archived"]),
        along(&["customer_name", "archived"]),
        along(&["payment_status", "archived"]),
        along(&["fulfillment_status", "archived"]),
        along(&["next_step", "archived"]),
        along(&["on_hold", "archived"]),
        along(&["late", "archived"]),
    ],
    sorts: &[("number", whole("number")), ("update_time", UPDATED)],
    terms: Some(Terms { table: "order_terms", key: "order_id", listed: "listed" }),
};

pub(super) static INVOICES: Resource = Resource {
    name: "invoices",
    from: "invoices",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(InvoiceState, "INVOICE_STATE_")),
        SERIES,
        in_series("series IN (SELECT substr(name, 10) FROM counters WHERE name LIKE 'invoices/%')"),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "issued_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["state", "archived"]), along(&["series"])],
    sorts: &[],
    terms: None,
};

pub(super) static CREDIT_NOTES: Resource = Resource {
    name: "credit notes",
    from: "credit_notes",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        SERIES,
        in_series("series IN (SELECT substr(name, 14) FROM counters WHERE name LIKE 'credit_notes/%')"),
        narrow("invoice_id", "invoice_id", id_of!(InvoiceId)),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "issued_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["series"])],
    sorts: &[],
    terms: None,
};

pub(super) static PAYMENTS: Resource = Resource {
    name: "payments",
    from: "payments",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(PaymentState, "PAYMENT_STATE_")),
        field("method", "method", word!(Method, "PAYMENT_METHOD_")),
        Field {
            name: "reference",
            column: "reference",
            kind: FieldKind::Text,
            few: true,
            implies: "reference <> ''",
            sorted_by: None,
        },
        narrow("invoice_id", "invoice_id", id_of!(InvoiceId)),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["method", "state", "archived"])],
    sorts: &[],
    terms: None,
};

pub(super) static REFUNDS: Resource = Resource {
    name: "refunds",
    from: "refunds",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(RefundState, "REFUND_STATE_")),
        narrow("payment_id", "payment_id", id_of!(PaymentId)),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["state", "archived"])],
    sorts: &[],
    terms: None,
};

pub(super) static RETURNS: Resource = Resource {
    name: "returns",
    from: "returns",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ReturnState, "RETURN_STATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["state", "archived"])],
    sorts: &[],
    terms: None,
};

/// Our number of a shipment, or one of its courier's.
const NUMBERED: &[&str] = &[
    "SELECT id FROM shipments WHERE tracking_number = ?",
    "SELECT shipment_id FROM tracking_numbers WHERE number = ?",
];

pub(super) static SHIPMENTS: Resource = Resource {
    name: "shipments",
    from: "shipments",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ShipmentState, "SHIPMENT_STATE_")),
        field("location", "location", FieldKind::Text),
        field("courier", "courier", FieldKind::Text),
        narrow("tracking_number", "tracking_number", FieldKind::Keyed(NUMBERED)),
        field("late", "late", FieldKind::Word("", || TRUTH.to_vec())),
        narrow("lot", "lot", FieldKind::Keyed(&["SELECT shipment_id FROM shipment_lots WHERE lot = ?"])),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[
        along(&["archived"]),
        along(&["state", "archived"]),
        along(&["location", "state", "archived"]),
        along(&["courier", "archived"]),
        along(&["late", "archived"]),
    ],
    sorts: &[],
    terms: None,
};

pub(super) static APPROVALS: Resource = Resource {
    name: "approvals",
    from: "approvals",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ApprovalState, "APPROVAL_STATE_")),
        field("gate", "gate", word!(Gate, "GATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "requested_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["gate", "state", "archived"])],
    sorts: &[],
    terms: None,
};

pub(super) static MESSAGES: Resource = Resource {
    name: "messages",
    from: "messages",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(MessageState, "MESSAGE_STATE_")),
        field("kind", "kind", word!(MessageKind, "MESSAGE_KIND_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["kind", "state", "archived"])],
    sorts: &[],
    terms: None,
};

pub(super) static FOLLOW_UPS: Resource = Resource {
    name: "follow-ups",
    from: "follow_ups",
    key: &[id("id")],
    order: Some("order_id"),
    shown: Shown::Document,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(FollowUpState, "FOLLOW_UP_STATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "raised_at", FieldKind::Created),
    ],
    indexes: &[along(&["archived"]), along(&["state", "archived"])],
    sorts: &[],
    terms: None,
};

pub(super) static RESERVATIONS: Resource = Resource {
    name: "reservations",
    from: "reservations",
    key: &[id("id")],
    order: None,
    shown: Shown::Reservation,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ReservationState, "RESERVATION_STATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[Index { columns: &["state"], without: Some("HELD") }],
    sorts: &[],
    terms: None,
};

pub(super) static REPLENISHMENTS: Resource = Resource {
    name: "replenishments",
    from: "replenishments",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(names::<replenishments::Entity>),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ReplenishmentState, "REPLENISHMENT_STATE_")),
        field("sku", "sku", FieldKind::Text),
        field("location", "location", FieldKind::Text),
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["state"]), along(&["sku"]), along(&["location"])],
    sorts: &[],
    terms: None,
};

pub(super) static TRANSFERS: Resource = Resource {
    name: "transfers",
    from: "transfers",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(|| "transfers.document".to_owned()),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(TransferState, "TRANSFER_STATE_")),
        field("from_location", "from_location", FieldKind::Text),
        field("to_location", "to_location", FieldKind::Text),
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[along(&["state"]), along(&["from_location"]), along(&["to_location"])],
    sorts: &[],
    terms: None,
};

pub(super) static PRODUCTS: Resource = Resource {
    name: "products",
    from: "products",
    key: &[text("sku")],
    order: None,
    shown: Shown::Row(|| "products.document".to_owned()),
    keyed_by_time: false,
    fields: &[
        field("sku", "sku", FieldKind::Text),
        field("name", "name", FieldKind::Text),
        field("tax_category", "tax_category", FieldKind::Text),
        Field {
            name: "gtin",
            column: "gtin",
            kind: FieldKind::Text,
            few: true,
            implies: "gtin <> ''",
            sorted_by: None,
        },
        Field {
            name: "create_time",
            column: "created_at",
            kind: FieldKind::Time,
            few: false,
            implies: "",
            sorted_by: Some(whole("created_at")),
        },
        field("active", "active", FieldKind::Word("", || TRUTH.to_vec())),
        field("labels.KEY", "", FieldKind::Labels),
    ],
    indexes: &[along(&["name"]), along(&["tax_category"]), along(&["active"])],
    sorts: &[("sku", text("sku"))],
    terms: Some(Terms { table: "product_terms", key: "sku", listed: "sku" }),
};

pub(super) static LOCATIONS: Resource = Resource {
    name: "locations",
    from: "locations",
    key: &[text("code")],
    order: None,
    shown: Shown::Row(|| "locations.document".to_owned()),
    keyed_by_time: false,
    fields: &[
        field("location", "code", FieldKind::Text),
        field("region", "region", FieldKind::Text),
        field("country", "country", FieldKind::Text),
        field("active", "active", FieldKind::Flag),
    ],
    indexes: &[],
    sorts: &[("location", text("code")), ("priority", whole("priority"))],
    terms: None,
};

pub(super) static COURIERS: Resource = Resource {
    name: "couriers",
    from: "couriers",
    key: &[text("code")],
    order: None,
    shown: Shown::Row(|| "couriers.document".to_owned()),
    keyed_by_time: false,
    fields: &[
        field("courier", "code", FieldKind::Text),
        field("name", "name", FieldKind::Text),
        field("active", "active", FieldKind::Flag),
    ],
    indexes: &[],
    sorts: &[("courier", text("code"))],
    terms: None,
};

pub(super) static CUSTOMERS: Resource = Resource {
    name: "customers",
    from: "customers",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(|| "customers.document".to_owned()),
    keyed_by_time: true,
    fields: &[
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: FieldKind::Text,
            few: true,
            implies: "",
            sorted_by: None,
        },
        field("email", "email", FieldKind::Compared(|it| Ok(caseless(it)))),
        field("name", "name", FieldKind::Compared(|it| Ok(caseless(it)))),
        field("blocked", "blocked", FieldKind::Word("", || TRUTH.to_vec())),
        field("create_time", "created_at", FieldKind::Created),
        field("labels.KEY", "", FieldKind::Labels),
    ],
    indexes: &[along(&["email"]), along(&["name"]), along(&["blocked"])],
    sorts: &[],
    terms: Some(Terms { table: "customer_terms", key: "customer_id", listed: "customer_id" }),
};

pub(super) static DISCOUNT_CODES: Resource = Resource {
    name: "discount codes",
    from: "discount_codes",
    key: &[text("code")],
    order: None,
    shown: Shown::Row(|| "discount_codes.document".to_owned()),
    keyed_by_time: false,
    fields: &[
        narrow("code_prefix", "code", FieldKind::Beginning),
        field("active", "active", FieldKind::Word("", || TRUTH.to_vec())),
        field("offered", "offered", FieldKind::Word("", || TRUTH.to_vec())),
    ],
    indexes: &[along(&["offered", "active"])],
    sorts: &[("code", text("code"))],
    terms: None,
};

pub(super) static STOCK_LEVELS: Resource = Resource {
    name: "stock levels",
    from: "stock_levels",
    key: &[text("sku"), text("location")],
    order: None,
    shown: Shown::Row(names::<stock_levels::Entity>),
    keyed_by_time: false,
    fields: &[field("sku", "sku", FieldKind::Text), field("location", "location", FieldKind::Text)],
    indexes: &[along(&["location"])],
    sorts: &[("sku", text("sku"))],
    terms: None,
};

pub(super) static LOTS: Resource = Resource {
    name: "lots",
    from: "stock_lots",
    key: &[text("sku"), text("location"), text("lot")],
    order: None,
    shown: Shown::Row(names::<stock_lots::Entity>),
    keyed_by_time: false,
    fields: &[
        field("sku", "sku", FieldKind::Text),
        field("location", "location", FieldKind::Text),
        field("lot", "lot", FieldKind::Text),
        Field {
            name: "expire_time",
            column: "expires_at",
            kind: FieldKind::Time,
            few: false,
            implies: "",
            sorted_by: Some(whole("expires_at")),
        },
    ],
    indexes: &[along(&["location"]), along(&["lot"])],
    sorts: &[("sku", text("sku")), ("expire_time", whole("expires_at"))],
    terms: None,
};

pub(super) static MOVEMENTS: Resource = Resource {
    name: "stock movements",
    from: "stock_movements",
    key: &[id("id")],
    order: None,
    shown: Shown::Row(names::<stock_movements::Entity>),
    keyed_by_time: true,
    fields: &[
        field("sku", "sku", FieldKind::Text),
        field("location", "location", FieldKind::Text),
        field("kind", "kind", word!(MovementKind, "MOVEMENT_KIND_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "at", FieldKind::Created),
    ],
    indexes: &[along(&["sku"]), along(&["location"]), Index { columns: &["kind"], without: Some("RESERVE") }],
    sorts: &[],
    terms: None,
};
