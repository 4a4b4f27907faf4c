//! What can be listed, by which fields, along which index.

use uuid::Uuid;

use crate::domain::{
    ApprovalState, Channel, FollowUpState, Gate, Invalid, InvoiceId, InvoiceState, MessageKind, MessageState,
    Method, MovementKind, OrderId, OrderState, PaymentId, PaymentState, RefundState, ReplenishmentState,
    ReservationState, ShipmentState, TransferState,
};
use crate::store::rows::statements::names;
use crate::store::rows::stock::{replenishments, stock_levels, stock_movements};

/// A list: its rows, and the fields to filter and sort by.
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) from: &'static str,
    /// The unique key; the default order of pages.
    pub(super) key: &'static [Column],
    /// The column with the order that the row is a part of.
    pub(super) order: Option<&'static str>,
    pub(super) shown: Shown,
    /// Whether the key is an id made when the row was.
    pub(super) keyed_by_time: bool,
    pub(super) fields: &'static [Field],
    /// The indexes that go on with the key.
    pub(super) indexes: &'static [Index],
    /// The fields to sort by, besides `create_time`.
    pub(super) sorts: &'static [(&'static str, Column)],
}

/// What comes along with each row of a page, in the same statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// The document of the order: the row itself, or the order that the row is a part of.
    Document,
    /// These columns of the row: by name, as there may be more than this release knows.
    Row(fn() -> String),
    /// The document of another caller's reservation, and that of the order of the others.
    Reservation,
}

/// An index over these columns and then the key.
pub(super) struct Index {
    pub(super) columns: &'static [&'static str],
    /// The word of the first column whose rows it leaves out: they have an index of their own, or most rows have it, so
    /// that the key alone leads to them.
    pub(super) without: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Id,
    Text,
    Whole,
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) column: &'static str,
    pub(super) kind: FieldKind,
    /// A value has a few rows at most, and an index leads to them.
    pub(super) few: bool,
    /// A condition that follows from an equal value that is not empty, and lets an index be used.
    pub(super) implies: &'static str,
    /// The order of pages when rows are found by this field and none is asked for.
    pub(super) sorted_by: Option<Column>,
}

pub(super) enum FieldKind {
    Text,
    /// A text in capitals by how it begins; its column is in the order of bytes.
    Beginning,
    /// A text that leads to keys: the statements that find them, where `?` is the text.
    Keyed(&'static [&'static str]),
    /// One of a closed set: what the API writes before each word, and all of them.
    Word(&'static str, fn() -> Vec<&'static str>),
    Whole,
    /// `true` or `false`: whether a column that says so is set.
    Flag,
    Time,
    /// The time at which the row and its id were made.
    Created,
    Id(fn(&str) -> Result<Uuid, Invalid>),
}

pub(super) const fn field(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field { name, column, kind, few: false, implies: "", sorted_by: None }
}

const fn narrow(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field { name, column, kind, few: true, implies: "", sorted_by: None }
}

pub(super) const fn along(columns: &'static [&'static str]) -> Index {
    Index { columns, without: None }
}

pub(super) const fn id(name: &'static str) -> Column {
    Column { name, is: Is::Id }
}

pub(super) const fn text(name: &'static str) -> Column {
    Column { name, is: Is::Text }
}

const fn whole(name: &'static str) -> Column {
    Column { name, is: Is::Whole }
}

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

/// The field, and the column, that tells archived orders and their parts from those of the day.
pub(super) const ARCHIVED: &str = "archived";

/// The words of a field that is true or not.
pub(super) const TRUTH: [&str; 2] = ["FALSE", "TRUE"];

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
        field("customer_email", "customer_email", FieldKind::Text),
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
        narrow("late", "late", FieldKind::Flag),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[
        along(&["archived"]),
        along(&["channel", "state", "archived"]),
        along(&["region", "archived"]),
        along(&["customer_email", "archived"]),
    ],
    sorts: &[("number", whole("number"))],
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
    indexes: &[along(&["archived"]), along(&["state", "archived"])],
    sorts: &[],
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
    indexes: &[along(&["archived"])],
    sorts: &[],
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
        narrow("late", "late", FieldKind::Flag),
        narrow("order_id", "order_id", id_of!(OrderId)),
        IS_ARCHIVED,
        field("create_time", "created_at", FieldKind::Created),
    ],
    indexes: &[
        along(&["archived"]),
        along(&["state", "archived"]),
        along(&["location", "state", "archived"]),
        along(&["courier", "archived"]),
    ],
    sorts: &[],
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
        field("create_time", "created_at", FieldKind::Time),
        field("active", "active", FieldKind::Flag),
    ],
    indexes: &[along(&["name"]), along(&["tax_category"])],
    sorts: &[("sku", text("sku"))],
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
};

#[cfg(test)]
static EVERYTHING: [&Resource; 18] = [
    &ORDERS,
    &INVOICES,
    &CREDIT_NOTES,
    &PAYMENTS,
    &REFUNDS,
    &SHIPMENTS,
    &APPROVALS,
    &MESSAGES,
    &FOLLOW_UPS,
    &RESERVATIONS,
    &REPLENISHMENTS,
    &TRANSFERS,
    &PRODUCTS,
    &LOCATIONS,
    &COURIERS,
    &DISCOUNT_CODES,
    &STOCK_LEVELS,
    &MOVEMENTS,
];

/// A list as its callers know it, for tests of all that can be asked of it.
#[cfg(test)]
pub(in crate::store) struct Documented {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) fields: Vec<(&'static str, Takes)>,
    pub(in crate::store) orders: Vec<&'static str>,
}

#[cfg(test)]
pub(in crate::store) enum Takes {
    Text,
    Beginning,
    Word(Vec<&'static str>),
    Whole,
    Flag,
    Time,
    Id,
}

#[cfg(test)]
pub(in crate::store) fn documented() -> Vec<Documented> {
    let takes = |field: &Field| match field.kind {
        FieldKind::Text | FieldKind::Keyed(_) => Takes::Text,
        FieldKind::Beginning => Takes::Beginning,
        FieldKind::Word(_, all) => Takes::Word(all()),
        FieldKind::Whole => Takes::Whole,
        FieldKind::Flag => Takes::Flag,
        FieldKind::Time | FieldKind::Created => Takes::Time,
        FieldKind::Id(_) => Takes::Id,
    };
    let documented = |it: &&Resource| Documented {
        name: it.name,
        fields: it.fields.iter().map(|field| (field.name, takes(field))).collect(),
        orders: it.sorts.iter().map(|it| it.0).chain(it.keyed_by_time.then_some("create_time")).collect(),
    };
    EVERYTHING.iter().map(documented).collect()
}
