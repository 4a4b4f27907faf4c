//! Lists: one page of any resource, along a key, filtered by named fields and nothing else.
//!
//! A page is found in the order of creation. Ids are made of the moment they are made in, so they are in that order
//! too: pages go along the id, and an index that leads to a filter's rows goes on with the id.
//!
//! A state or another word of a closed set needs no index of its own. One index goes along all such words of a
//! resource; what the filter leaves open of them is said word by word, one arm of a UNION each, and each arm gives at
//! most a page. So a page costs the same whether its rows are the rule or the exception.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use sea_orm::QueryResult;
use sea_orm::sea_query::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::find::all;
use super::given;
use super::load::{For, load_orders};
use super::rows::{self, Lock};
use super::session::Session;
use super::{Store, StoreError};
use crate::domain::{
    ApprovalId, ApprovalState, Channel, Courier, Gate, Invalid, InvoiceId, InvoiceState, Location, MessageId,
    MessageKind, MessageState, Method, Movement, MovementKind, Order, OrderId, OrderState, PaymentId,
    PaymentState, Problems, Product, RefundId, RefundState, Refusal, Replenishment, ReplenishmentId,
    ReplenishmentState, Reservation, ReservationId, ReservationState, ShipmentId, ShipmentState, Sku,
    StockLevel, Timestamp,
};

/// Rows of a page at most, whatever is asked for.
const SIZE_MAX: u64 = 1_000;

/// How much of a wrong word is repeated to the caller, in characters.
const VALUE_SHOWN: usize = 60;

/// One page that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// All must hold.
    pub filter: Vec<Term>,
    /// None: in the resource's own order.
    pub order_by: Option<(String, Direction)>,
    pub size: u64,
    /// Where the page before this one ended.
    pub after: Option<Cursor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub field: String,
    pub compare: Compare,
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Where a page ended; good only for the next page of the same list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

type Page<T> = (Vec<T>, Option<Cursor>);

impl Store {
    pub async fn list_orders(
        &self,
        listing: &Listing,
        show_archived: bool,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) =
            if show_archived { both_pages(&db, listing).await? } else { page(&db, &ORDERS, listing).await? };
        let ids: Vec<_> = rows.iter().map(|it| OrderId(it.id())).collect();
        let orders = load_orders(&db, &self.inner.recent, &ids, For::Listing).await?;
        Ok((in_order(&ids, orders, |it| it.id), next))
    }

    /// Parts of orders come with their order: what is shown of a part is not all in it.
    pub async fn list_invoices(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, InvoiceId)>, StoreError> {
        self.parts(&INVOICES, listing).await
    }

    pub async fn list_payments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, PaymentId)>, StoreError> {
        self.parts(&PAYMENTS, listing).await
    }

    pub async fn list_refunds(&self, listing: &Listing) -> Result<Page<(Arc<Order>, RefundId)>, StoreError> {
        self.parts(&REFUNDS, listing).await
    }

    pub async fn list_shipments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ShipmentId)>, StoreError> {
        self.parts(&SHIPMENTS, listing).await
    }

    pub async fn list_approvals(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ApprovalId)>, StoreError> {
        self.parts(&APPROVALS, listing).await
    }

    pub async fn list_messages(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, MessageId)>, StoreError> {
        self.parts(&MESSAGES, listing).await
    }

    /// Orders' reservations and other callers'.
    pub async fn list_reservations(&self, listing: &Listing) -> Result<Page<Reservation>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &RESERVATIONS, listing).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReservationId(it.id())).collect();
        let found = self.reservations(&db, &ids).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_replenishments(&self, listing: &Listing) -> Result<Page<Replenishment>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &REPLENISHMENTS, listing).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReplenishmentId(it.id())).collect();
        let found = rows::load_replenishments(&db, &ids, Lock::No).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_products(&self, listing: &Listing) -> Result<Page<Product>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &PRODUCTS, listing).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let found = rows::products(db.backend(), &skus).alone(&db).await?;
        Ok((in_order(&skus, found, |it| it.sku.clone()), next))
    }

    pub async fn list_locations(&self, listing: &Listing) -> Result<Page<Location>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &LOCATIONS, listing).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = rows::locations(db.backend()).alone(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_couriers(&self, listing: &Listing) -> Result<Page<Courier>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &COURIERS, listing).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = rows::load_couriers(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_stock_levels(&self, listing: &Listing) -> Result<Page<StockLevel>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &STOCK_LEVELS, listing).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = rows.iter().map(|it| (it.text(0).to_owned(), it.text(1).to_owned())).collect();
        let found = rows::levels(db.backend(), &skus, Lock::No).alone(&db).await?;
        Ok((in_order(&keys, found, |it| (it.sku.to_string(), it.location.to_string())), next))
    }

    pub async fn list_movements(&self, listing: &Listing) -> Result<Page<Movement>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &MOVEMENTS, listing).await?;
        if rows.is_empty() {
            return Ok((Vec::new(), next));
        }

        let ids: Vec<_> = rows.iter().map(Row::id).collect();
        let (within, values) = given::one_of(db.backend(), ids.clone());
        let found = all(&db, &format!("SELECT * FROM stock_movements WHERE id {within}"), values).await?;
        let found = found.iter().map(movement).collect::<Result<Vec<_>, _>>()?;
        Ok((in_order(&ids, found, |it| it.id.0), next))
    }

    /// A page of parts of orders, each with its order.
    async fn parts<I: From<Uuid>>(
        &self,
        resource: &Resource,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, I)>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, resource, listing).await?;
        let orders = self.orders_of(&db, &rows).await?;
        let part = |row: &Row| Some((Arc::clone(orders.get(&row.order()?)?), row.id().into()));
        Ok((rows.iter().filter_map(part).collect(), next))
    }

    async fn orders_of(
        &self,
        db: &Session,
        rows: &[Row],
    ) -> Result<HashMap<OrderId, Arc<Order>>, StoreError> {
        let ids: BTreeSet<_> = rows.iter().filter_map(Row::order).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let orders = load_orders(db, &self.inner.recent, &ids, For::Listing).await?;
        Ok(orders.into_iter().map(|it| (it.id, it)).collect())
    }
}

fn in_order<K: Eq + Hash, V>(keys: &[K], found: Vec<V>, key: impl Fn(&V) -> K) -> Vec<V> {
    let mut found: HashMap<K, V> = found.into_iter().map(|it| (key(&it), it)).collect();
    keys.iter().filter_map(|it| found.remove(it)).collect()
}

/// What can be listed, and by what.
struct Resource {
    name: &'static str,
    from: &'static str,
    /// What tells rows apart; pages go along it when nothing else is asked for.
    key: &'static [Column],
    /// The column with the order that the row is a part of.
    order: Option<&'static str>,
    /// Whether the key is an id made when the row was.
    keyed_by_time: bool,
    fields: &'static [Field],
    /// The indexes that go on with the key.
    indexes: &'static [Index],
    /// What pages can go along, besides `create_time`.
    sorts: &'static [(&'static str, Column)],
}

/// An index over these columns and then the key.
struct Index {
    columns: &'static [&'static str],
    /// The word of the first column whose rows it leaves out: they have an index of their own, or most rows have it, so
    /// that the key alone leads to them.
    without: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    name: &'static str,
    is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Id,
    Text,
    Whole,
}

struct Field {
    name: &'static str,
    column: &'static str,
    kind: Kind,
    /// A value has a few rows at most, and an index leads to them.
    few: bool,
    /// A condition that follows from an equal value that is not empty, and lets an index be used.
    implies: &'static str,
    /// What pages go along when rows are found by this field and no order is asked for.
    sorted_by: Option<Column>,
}

enum Kind {
    Text,
    /// One of a closed set: what the API writes before each word, and all of them.
    Word(&'static str, fn() -> Vec<&'static str>),
    Whole,
    Time,
    /// The time at which the row and its id were made.
    Created,
    Id(fn(&str) -> Result<Uuid, Invalid>),
}

const fn field(name: &'static str, column: &'static str, kind: Kind) -> Field {
    Field { name, column, kind, few: false, implies: "", sorted_by: None }
}

const fn narrow(name: &'static str, column: &'static str, kind: Kind) -> Field {
    Field { name, column, kind, few: true, implies: "", sorted_by: None }
}

const fn along(columns: &'static [&'static str]) -> Index {
    Index { columns, without: None }
}

const fn id(name: &'static str) -> Column {
    Column { name, is: Is::Id }
}

const fn text(name: &'static str) -> Column {
    Column { name, is: Is::Text }
}

const fn whole(name: &'static str) -> Column {
    Column { name, is: Is::Whole }
}

/// A closed set of words with the prefix that they have in the API; the parser of an id.
macro_rules! word {
    ($type:ty, $prefix:literal) => {
        Kind::Word($prefix, || <$type>::ALL.iter().map(|it| it.as_str()).collect())
    };
}
macro_rules! id_of {
    ($type:ty) => {
        Kind::Id(|text| text.parse::<$type>().map(|it| it.0))
    };
}

const EVERY_CHANNEL: &str = "channel IN ('ONLINE', 'PHONE', 'IN_PERSON') AND external_reference <> ''";

static ORDERS: Resource = Resource {
    name: "orders",
    from: "orders",
    key: &[id("id")],
    order: None,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(OrderState, "ORDER_STATE_")),
        field("channel", "channel", word!(Channel, "CHANNEL_")),
        field("region", "region", Kind::Text),
        field("customer_email", "customer_email", Kind::Text),
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: Kind::Text,
            few: true,
            implies: EVERY_CHANNEL,
            sorted_by: None,
        },
        Field {
            name: "number",
            column: "number",
            kind: Kind::Whole,
            few: true,
            implies: "",
            sorted_by: Some(whole("number")),
        },
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["channel", "state"]), along(&["region"]), along(&["customer_email"])],
    sorts: &[("number", whole("number"))],
};

/// What is known of archived orders without opening them.
static ARCHIVED: Resource = Resource {
    name: "archived orders",
    from: "archived_orders",
    key: &[id("order_id")],
    order: None,
    keyed_by_time: true,
    fields: &[
        field("channel", "channel", word!(Channel, "CHANNEL_")),
        field("customer_email", "customer_email", Kind::Text),
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: Kind::Text,
            few: true,
            implies: EVERY_CHANNEL,
            sorted_by: None,
        },
        Field {
            name: "number",
            column: "number",
            kind: Kind::Whole,
            few: true,
            implies: "",
            sorted_by: Some(whole("number")),
        },
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["channel"]), along(&["customer_email"])],
    sorts: &[("number", whole("number"))],
};

static INVOICES: Resource = Resource {
    name: "invoices",
    from: "invoices",
    key: &[id("id")],
    order: Some("order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(InvoiceState, "INVOICE_STATE_")),
        // The numbers of one series are in the order in which its invoices were made.
        Field {
            name: "series",
            column: "series",
            kind: Kind::Text,
            few: false,
            implies: "",
            sorted_by: Some(whole("number")),
        },
        Field {
            name: "number",
            column: "number",
            kind: Kind::Whole,
            few: true,
            implies: "series IN (SELECT substr(name, 10) FROM counters WHERE name LIKE 'invoices/%')",
            sorted_by: None,
        },
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "issued_at", Kind::Created),
    ],
    indexes: &[along(&["state"])],
    sorts: &[],
};

static PAYMENTS: Resource = Resource {
    name: "payments",
    from: "payments",
    key: &[id("id")],
    order: Some("order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(PaymentState, "PAYMENT_STATE_")),
        field("method", "method", word!(Method, "PAYMENT_METHOD_")),
        Field {
            name: "reference",
            column: "reference",
            kind: Kind::Text,
            few: true,
            implies: "reference <> ''",
            sorted_by: None,
        },
        narrow("invoice_id", "invoice_id", id_of!(InvoiceId)),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["method", "state"])],
    sorts: &[],
};

static REFUNDS: Resource = Resource {
    name: "refunds",
    from: "refunds JOIN payments ON payments.id = refunds.payment_id",
    key: &[id("refunds.id")],
    order: Some("payments.order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "refunds.state", word!(RefundState, "REFUND_STATE_")),
        narrow("payment_id", "refunds.payment_id", id_of!(PaymentId)),
        narrow("order_id", "payments.order_id", id_of!(OrderId)),
        field("create_time", "refunds.created_at", Kind::Created),
    ],
    indexes: &[along(&["refunds.state"])],
    sorts: &[],
};

static SHIPMENTS: Resource = Resource {
    name: "shipments",
    from: "shipments",
    key: &[id("id")],
    order: Some("order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ShipmentState, "SHIPMENT_STATE_")),
        field("location", "location", Kind::Text),
        field("courier", "courier", Kind::Text),
        narrow("tracking_number", "tracking_number", Kind::Text),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["state"]), along(&["location", "state"]), along(&["courier"])],
    sorts: &[],
};

static APPROVALS: Resource = Resource {
    name: "approvals",
    from: "approvals",
    key: &[id("id")],
    order: Some("order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ApprovalState, "APPROVAL_STATE_")),
        field("gate", "gate", word!(Gate, "GATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "requested_at", Kind::Created),
    ],
    indexes: &[along(&["gate", "state"])],
    sorts: &[],
};

static MESSAGES: Resource = Resource {
    name: "messages",
    from: "messages",
    key: &[id("id")],
    order: Some("order_id"),
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(MessageState, "MESSAGE_STATE_")),
        field("kind", "kind", word!(MessageKind, "MESSAGE_KIND_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["kind", "state"])],
    sorts: &[],
};

static RESERVATIONS: Resource = Resource {
    name: "reservations",
    from: "reservations",
    key: &[id("id")],
    order: None,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ReservationState, "RESERVATION_STATE_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[Index { columns: &["state"], without: Some("HELD") }],
    sorts: &[],
};

static REPLENISHMENTS: Resource = Resource {
    name: "replenishments",
    from: "replenishments",
    key: &[id("id")],
    order: None,
    keyed_by_time: true,
    fields: &[
        field("state", "state", word!(ReplenishmentState, "REPLENISHMENT_STATE_")),
        field("sku", "sku", Kind::Text),
        field("location", "location", Kind::Text),
        field("create_time", "created_at", Kind::Created),
    ],
    indexes: &[along(&["state"]), along(&["sku"]), along(&["location"])],
    sorts: &[],
};

static PRODUCTS: Resource = Resource {
    name: "products",
    from: "products",
    key: &[text("sku")],
    order: None,
    keyed_by_time: false,
    fields: &[
        field("sku", "sku", Kind::Text),
        field("name", "name", Kind::Text),
        field("tax_category", "tax_category", Kind::Text),
        field("create_time", "created_at", Kind::Time),
    ],
    indexes: &[along(&["name"]), along(&["tax_category"])],
    sorts: &[("sku", text("sku"))],
};

static LOCATIONS: Resource = Resource {
    name: "locations",
    from: "locations",
    key: &[text("code")],
    order: None,
    keyed_by_time: false,
    fields: &[
        field("location", "code", Kind::Text),
        field("region", "region", Kind::Text),
        field("country", "country", Kind::Text),
    ],
    indexes: &[],
    sorts: &[("location", text("code")), ("priority", whole("priority"))],
};

static COURIERS: Resource = Resource {
    name: "couriers",
    from: "couriers",
    key: &[text("code")],
    order: None,
    keyed_by_time: false,
    fields: &[field("courier", "code", Kind::Text), field("name", "name", Kind::Text)],
    indexes: &[],
    sorts: &[("courier", text("code"))],
};

static STOCK_LEVELS: Resource = Resource {
    name: "stock levels",
    from: "stock_levels",
    key: &[text("sku"), text("location")],
    order: None,
    keyed_by_time: false,
    fields: &[field("sku", "sku", Kind::Text), field("location", "location", Kind::Text)],
    indexes: &[along(&["location"])],
    sorts: &[("sku", text("sku"))],
};

static MOVEMENTS: Resource = Resource {
    name: "stock movements",
    from: "stock_movements",
    key: &[id("id")],
    order: None,
    keyed_by_time: true,
    fields: &[
        field("sku", "sku", Kind::Text),
        field("location", "location", Kind::Text),
        field("kind", "kind", word!(MovementKind, "MOVEMENT_KIND_")),
        narrow("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "at", Kind::Created),
    ],
    indexes: &[along(&["sku"]), along(&["location"]), Index { columns: &["kind"], without: Some("RESERVE") }],
    sorts: &[],
};

#[cfg(test)]
static EVERYTHING: [&Resource; 15] = [
    &ORDERS,
    &ARCHIVED,
    &INVOICES,
    &PAYMENTS,
    &REFUNDS,
    &SHIPMENTS,
    &APPROVALS,
    &MESSAGES,
    &RESERVATIONS,
    &REPLENISHMENTS,
    &PRODUCTS,
    &LOCATIONS,
    &COURIERS,
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
    Word(Vec<&'static str>),
    Whole,
    Time,
    Id,
}

#[cfg(test)]
pub(in crate::store) fn documented() -> Vec<Documented> {
    let takes = |field: &Field| match field.kind {
        Kind::Text => Takes::Text,
        Kind::Word(_, all) => Takes::Word(all()),
        Kind::Whole => Takes::Whole,
        Kind::Time | Kind::Created => Takes::Time,
        Kind::Id(_) => Takes::Id,
    };
    let documented = |it: &&Resource| Documented {
        name: it.name,
        fields: it.fields.iter().map(|field| (field.name, takes(field))).collect(),
        orders: it.sorts.iter().map(|it| it.0).chain(it.keyed_by_time.then_some("create_time")).collect(),
    };
    EVERYTHING.iter().map(documented).collect()
}

/// One value that pages go along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id(Uuid),
    Text(String),
    Whole(i64),
}

/// A row of a page: what it is sorted by, what tells it apart, and its order if it is a part of one.
struct Row {
    sorted_by: Vec<Key>,
    key: Vec<Key>,
    order: Option<OrderId>,
}

impl Row {
    fn id(&self) -> Uuid {
        match self.key.first() {
            Some(Key::Id(id)) => *id,
            _ => Uuid::nil(),
        }
    }

    fn text(&self, place: usize) -> &str {
        match self.key.get(place) {
            Some(Key::Text(text)) => text,
            _ => "",
        }
    }

    fn sku(&self) -> Result<Sku, StoreError> {
        self.text(0).parse().map_err(|it: Invalid| StoreError::corrupt("products", it.0))
    }

    fn order(&self) -> Option<OrderId> {
        self.order
    }
}

/// A listing that was understood.
struct Plan<'a> {
    resource: &'a Resource,
    conditions: Vec<String>,
    /// Conditions of which exactly one holds for each row that is wanted; empty: there is nothing to tell apart.
    arms: Vec<String>,
    values: Vec<Value>,
    along: Vec<Column>,
    direction: Direction,
    size: u64,
    /// Tells lists apart: a cursor of one is not good for another.
    mark: [u8; 8],
}

/// What the filter leaves of a closed set of words.
struct Left {
    column: &'static str,
    words: Vec<&'static str>,
    is_narrowed: bool,
}

async fn page(db: &Session, resource: &Resource, listing: &Listing) -> Result<Page<Row>, StoreError> {
    let mut plan = plan(resource, &resource.spelled(listing))?;
    if let Some(cursor) = &listing.after {
        let from = plan.open(cursor)?;
        plan.start_after(from);
    }
    let mut rows = plan.run(db).await?;
    let next = plan.cut(&mut rows);
    Ok((rows, next))
}

/// A page out of the orders at hand and the archived ones, which keep less to be found by.
async fn both_pages(db: &Session, listing: &Listing) -> Result<Page<Row>, StoreError> {
    let listing = &ORDERS.spelled(listing);
    let mut at_hand = plan(&ORDERS, listing)?;
    at_hand.mark = marked("all orders", listing);
    let mut rest = listing.clone();
    let is_archived = |it: &Term| it.value == OrderState::Archived.as_str();
    let fits = rest.filter.iter().filter(|it| it.field == "state").all(|it| match it.compare {
        Compare::Equal => is_archived(it),
        Compare::NotEqual => !is_archived(it),
        Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual => false,
    });
    rest.filter.retain(|it| it.field != "state");
    let mut archived = if fits { Some(plan(&ARCHIVED, &rest)?) } else { None };

    if let Some(cursor) = &listing.after {
        let from = at_hand.open(cursor)?;
        if let Some(archived) = &mut archived {
            archived.start_after(from.clone());
        }
        at_hand.start_after(from);
    }

    let mut rows = at_hand.run(db).await?;
    if let Some(archived) = &archived {
        rows.extend(archived.run(db).await?);
    }
    rows.sort_by(|one, other| match at_hand.direction {
        Direction::Ascending => one.sorted_by.cmp(&other.sorted_by),
        Direction::Descending => other.sorted_by.cmp(&one.sorted_by),
    });
    let next = at_hand.cut(&mut rows);
    Ok((rows, next))
}

/// Every problem of a listing is named, not only the first.
fn plan<'a>(resource: &'a Resource, listing: &Listing) -> Result<Plan<'a>, Refusal> {
    let mut problems = Problems::default();
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut left = resource.words();
    for term in &listing.filter {
        match condition(resource, term, &mut values, &mut left) {
            Ok(condition) => conditions.extend(condition),
            Err(message) => problems.add("filter", message),
        }
    }

    let own_direction = if resource.keyed_by_time { Direction::Descending } else { Direction::Ascending };
    let (name, direction) = match &listing.order_by {
        Some((name, direction)) => (Some(name.as_str()), *direction),
        None => (None, own_direction),
    };
    let along = sorting(resource, name, &listing.filter).unwrap_or_else(|message| {
        problems.add("order_by", message);
        Vec::new()
    });

    problems.into_result()?;
    let arms = match resource.index_for(&listing.filter, &left) {
        Some(index) => arms(index, &mut left),
        None => Vec::new(),
    };
    conditions.extend(left.iter().filter(|it| it.is_narrowed).map(Left::condition));
    let size = listing.size.clamp(1, SIZE_MAX);
    let mark = marked(resource.name, listing);
    Ok(Plan { resource, conditions, arms, values, along, direction, size, mark })
}

fn sorting(resource: &Resource, name: Option<&str>, filter: &[Term]) -> Result<Vec<Column>, String> {
    let by = resource.sorts.iter().find(|(it, _)| Some(*it) == name);
    let mut along: Vec<Column> = Vec::new();
    match (name, by) {
        (Some(_), Some((_, column))) => along.push(*column),
        (Some("create_time"), None) if resource.keyed_by_time => {}
        (Some(_), None) => {
            let mut names: Vec<_> = resource.sorts.iter().map(|(it, _)| *it).collect();
            names.extend(resource.keyed_by_time.then_some("create_time"));
            return Err(format!("{} can be sorted by {}", resource.name, names.join(", ")));
        }
        (None, _) => along.extend(filter.iter().filter_map(|it| resource.own_order(it)).next()),
    }

    let rest: Vec<_> = resource.key.iter().filter(|it| !along.contains(it)).copied().collect();
    along.extend(rest);
    Ok(along)
}

impl Resource {
    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|it| it.name == name)
    }

    /// The listing with each word as rows have it: `invoiced` and `ORDER_STATE_INVOICED` are `INVOICED`. What is no word
    /// stays, to be refused by name.
    fn spelled(&self, listing: &Listing) -> Listing {
        let mut listing = listing.clone();
        for term in &mut listing.filter {
            if let Some(Field { kind: Kind::Word(prefix, all), .. }) = self.field(&term.field) {
                let capitals = term.value.to_ascii_uppercase();
                let word = capitals.strip_prefix(prefix).unwrap_or(&capitals);
                if all().contains(&word) {
                    term.value = word.to_owned();
                }
            }
        }
        listing
    }

    fn own_order(&self, term: &Term) -> Option<Column> {
        let field = self.field(&term.field)?;
        let is_found_by = term.compare == Compare::Equal || matches!(field.kind, Kind::Whole);
        field.sorted_by.filter(|_| is_found_by)
    }

    /// The closed sets among the fields, with all their words.
    fn words(&self) -> Vec<Left> {
        let words = |field: &Field| match field.kind {
            Kind::Word(_, all) => Some(Left { column: field.column, words: all(), is_narrowed: false }),
            Kind::Text | Kind::Whole | Kind::Time | Kind::Created | Kind::Id(_) => None,
        };
        self.fields.iter().filter_map(words).collect()
    }

    /// The index that tells most of what the filter asks for, in the fewest arms; none where the filter leads to a few
    /// rows by itself.
    fn index_for(&self, filter: &[Term], left: &[Left]) -> Option<&Index> {
        let fixed = |term: &&Term| term.compare == Compare::Equal && !term.value.is_empty();
        let fixed: Vec<&Field> = filter.iter().filter(fixed).filter_map(|it| self.field(&it.field)).collect();
        if fixed.iter().any(|it| it.few) {
            return None;
        }

        let rank = |index: &Index| -> Option<(usize, Reverse<usize>)> {
            let (mut told, mut arms) = (0, 1);
            for column in index.columns {
                match left.iter().find(|it| it.column == *column) {
                    Some(words) => {
                        told += usize::from(words.is_narrowed);
                        arms *= words.words.len();
                    }
                    None if fixed.iter().any(|it| it.column == *column) => told += 1,
                    None => return None,
                }
            }
            (told > 0).then_some((told, Reverse(arms)))
        };
        let ranked = self.indexes.iter().filter_map(|it| Some((rank(it)?, it)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, it)| it)
    }
}

/// The words that are left of the index's columns, each combination an arm. What is said by them need not be said
/// again.
fn arms(index: &Index, left: &mut Vec<Left>) -> Vec<String> {
    let mut arms: Vec<String> = Vec::new();
    for column in index.columns {
        let Some(place) = left.iter().position(|it| it.column == *column) else { continue };
        let Left { column, words, is_narrowed: _ } = left.remove(place);
        let says = |word: &&str| match index.without {
            Some(without) if without != *word => format!("{column} = '{word}' AND {column} <> '{without}'"),
            Some(_) | None => format!("{column} = '{word}'"),
        };
        let of_word: Vec<String> = words.iter().map(says).collect();
        arms = match (arms.as_slice(), of_word.as_slice()) {
            (_, []) => return vec!["1 = 0".to_owned()],
            ([], _) => of_word,
            (so_far, further) => so_far
                .iter()
                .flat_map(|one| further.iter().map(move |other| format!("{one} AND {other}")))
                .collect(),
        };
    }
    arms
}

impl Left {
    fn condition(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|it| format!("'{it}'")).collect();
        match words.as_slice() {
            [] => "1 = 0".to_owned(),
            [word] => format!("{} = {word}", self.column),
            words => format!("{} IN ({})", self.column, words.join(", ")),
        }
    }
}

/// A term as SQL; words are only struck off what is left of theirs.
fn condition(
    resource: &Resource,
    term: &Term,
    values: &mut Vec<Value>,
    left: &mut [Left],
) -> Result<Option<String>, String> {
    let Some(field) = resource.field(&term.field) else {
        let names: Vec<_> = resource.fields.iter().map(|it| it.name).collect();
        return Err(format!("{} can be filtered by {}", resource.name, names.join(", ")));
    };

    let sign = match term.compare {
        Compare::Equal => "=",
        Compare::NotEqual => "<>",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
    };
    let is_equality = matches!(term.compare, Compare::Equal | Compare::NotEqual);
    let wrong = |why: &str| Err(format!("{} {why}", field.name));
    let sql = match &field.kind {
        Kind::Text if is_equality => {
            values.push(term.value.as_str().into());
            format!("{} {sign} ${}", field.column, values.len())
        }
        Kind::Word(_, all) if is_equality => {
            let words = all();
            if !words.contains(&term.value.as_str()) {
                let given: String = term.value.chars().take(VALUE_SHOWN).collect();
                return wrong(&format!("`{given}` must be one of {}", words.join(", ")));
            }
            for left in left.iter_mut().filter(|it| it.column == field.column) {
                left.words.retain(|it| (*it == term.value) == (term.compare == Compare::Equal));
                left.is_narrowed = true;
            }
            return Ok(None);
        }
        Kind::Id(parse) if term.compare == Compare::Equal => match parse(&term.value) {
            Ok(id) => {
                values.push(id.into());
                format!("{} = ${}", field.column, values.len())
            }
            Err(Invalid(why)) => return wrong(&why),
        },
        Kind::Text | Kind::Word(..) => return wrong("can only be compared with = and !="),
        Kind::Id(_) => return wrong("can only be compared with ="),
        Kind::Whole => match whole_number(&term.value) {
            Some(number) => {
                values.push(number.into());
                format!("{} {sign} ${}", field.column, values.len())
            }
            None => return wrong("must be a whole number"),
        },
        Kind::Time | Kind::Created => match instant(&term.value) {
            Some(at) => {
                values.push(at.unix_micros().into());
                let mut sql = format!("{} {sign} ${}", field.column, values.len());
                if let (Kind::Created, [key]) = (&field.kind, resource.key) {
                    sql.push_str(&along_ids(key.name, term.compare, at, values));
                }
                sql
            }
            None => return wrong("must be a time like 2026-01-31T12:00:00Z"),
        },
    };

    if term.compare == Compare::Equal && !term.value.is_empty() && !field.implies.is_empty() {
        return Ok(Some(format!("{sql} AND {}", field.implies)));
    }
    Ok(Some(sql))
}

/// What a time of creation says about the ids made then.
fn along_ids(column: &str, compare: Compare, at: Timestamp, values: &mut Vec<Value>) -> String {
    let first = u128::from(at.unix_millis()) << 80;
    let mut sql = String::new();
    if matches!(compare, Compare::Equal | Compare::Greater | Compare::GreaterOrEqual) {
        values.push(Uuid::from_u128(first).into());
        sql.push_str(&format!(" AND {column} >= ${}", values.len()));
    }
    if matches!(compare, Compare::Equal | Compare::Less | Compare::LessOrEqual) {
        values.push(Uuid::from_u128(first | ((1 << 80) - 1)).into());
        sql.push_str(&format!(" AND {column} <= ${}", values.len()));
    }
    sql
}

/// Digits, with a minus before them or not.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text.parse().ok().filter(|_| digits.bytes().all(|it| it.is_ascii_digit()))
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(Timestamp::from_date_time(at))
}

fn marked(name: &str, listing: &Listing) -> [u8; 8] {
    let Listing { filter, order_by, size: _, after: _ } = listing;
    let digest = Sha256::digest(format!("{name} {filter:?} {order_by:?}"));
    let mut mark = [0; 8];
    mark.copy_from_slice(&digest[..8]);
    mark
}

impl Plan<'_> {
    fn start_after(&mut self, from: Vec<Key>) {
        let columns: Vec<_> = self.along.iter().map(|it| it.name).collect();
        let mut marks = Vec::new();
        for key in from {
            self.values.push(match key {
                Key::Id(id) => id.into(),
                Key::Text(text) => text.into(),
                Key::Whole(number) => number.into(),
            });
            marks.push(format!("${}", self.values.len()));
        }
        let sign = match self.direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        self.conditions.push(format!("({}) {sign} ({})", columns.join(", "), marks.join(", ")));
    }

    /// One row more than the page has, if there is one.
    async fn run(&self, db: &Session) -> Result<Vec<Row>, StoreError> {
        let found = all(db, &self.sql(), self.values.clone()).await?;
        found.iter().map(|row| self.read(row)).collect()
    }

    fn sql(&self) -> String {
        let Self { resource, conditions, arms, values: _, along, direction, size, mark: _ } = self;
        let columns = along.iter().chain(resource.key).map(|it| it.name).chain(resource.order);
        let columns: Vec<_> = columns.enumerate().map(|(place, it)| format!("{it} AS c{place}")).collect();
        let arm = |arm: Option<&String>| {
            let filter: Vec<&str> = conditions.iter().chain(arm).map(String::as_str).collect();
            let filter =
                if filter.is_empty() { String::new() } else { format!(" WHERE {}", filter.join(" AND ")) };
            format!("SELECT {} FROM {}{filter}", columns.join(", "), resource.from)
        };
        let direction = match direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        let order: Vec<_> = (0..along.len()).map(|place| format!("c{place} {direction}")).collect();
        let page = format!("ORDER BY {} LIMIT {}", order.join(", "), size + 1);
        match arms.as_slice() {
            [] => format!("{} {page}", arm(None)),
            [only] => format!("{} {page}", arm(Some(only))),
            // Each arm ends by itself, so that none is read further than the page can reach.
            arms => {
                let arms = arms.iter().enumerate();
                let arms =
                    arms.map(|(place, it)| format!("SELECT * FROM ({} {page}) AS a{place}", arm(Some(it))));
                format!("{} {page}", arms.collect::<Vec<_>>().join(" UNION ALL "))
            }
        }
    }

    fn read(&self, row: &QueryResult) -> Result<Row, StoreError> {
        let key = |(place, column): (usize, &Column)| -> Result<Key, StoreError> {
            Ok(match column.is {
                Is::Id => Key::Id(row.try_get_by_index(place)?),
                Is::Text => Key::Text(row.try_get_by_index(place)?),
                Is::Whole => Key::Whole(number(row, place)?),
            })
        };
        let mut keys = self.along.iter().chain(self.resource.key).enumerate().map(key);
        let sorted_by = keys.by_ref().take(self.along.len()).collect::<Result<Vec<_>, _>>()?;
        let key = keys.collect::<Result<Vec<_>, _>>()?;
        let order = match self.resource.order {
            Some(_) => Some(OrderId(row.try_get_by_index(sorted_by.len() + key.len())?)),
            None => None,
        };
        Ok(Row { sorted_by, key, order })
    }

    /// Cuts what is too much for the page off; if something is, there is a next one.
    fn cut(&self, rows: &mut Vec<Row>) -> Option<Cursor> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return None;
        }

        rows.truncate(size);
        let last = rows.last()?;
        let mut bytes = self.mark.to_vec();
        for key in &last.sorted_by {
            match key {
                Key::Id(id) => bytes.extend(id.as_bytes()),
                Key::Whole(number) => bytes.extend(number.to_be_bytes()),
                Key::Text(text) => {
                    bytes.push(u8::try_from(text.len()).ok()?);
                    bytes.extend(text.as_bytes());
                }
            }
        }
        Some(Cursor(bytes))
    }

    fn open(&self, cursor: &Cursor) -> Result<Vec<Key>, Refusal> {
        let refused =
            || Refusal::invalid("page_token", "is not from this list, with this filter and order_by");
        let mut rest = cursor.0.strip_prefix(&self.mark[..]).ok_or_else(refused)?;
        let mut keys = Vec::new();
        for column in &self.along {
            let read = |bytes: &mut &[u8], length: usize| -> Option<Vec<u8>> {
                let (taken, left) = bytes.split_at_checked(length)?;
                *bytes = left;
                Some(taken.to_vec())
            };
            let key = match column.is {
                Is::Id => read(&mut rest, 16).and_then(|it| Uuid::from_slice(&it).ok()).map(Key::Id),
                Is::Whole => read(&mut rest, 8)
                    .and_then(|it| it.try_into().ok())
                    .map(|it| Key::Whole(i64::from_be_bytes(it))),
                Is::Text => read(&mut rest, 1)
                    .and_then(|it| read(&mut rest, usize::from(*it.first()?)))
                    .and_then(|it| String::from_utf8(it).ok())
                    .filter(|it| !it.chars().any(char::is_control))
                    .map(Key::Text),
            };
            keys.push(key.ok_or_else(refused)?);
        }
        if rest.is_empty() { Ok(keys) } else { Err(refused()) }
    }
}

/// Some whole numbers are kept in four bytes, most in eight.
fn number(row: &QueryResult, place: usize) -> Result<i64, StoreError> {
    match row.try_get_by_index::<i64>(place) {
        Ok(number) => Ok(number),
        Err(_) => Ok(i64::from(row.try_get_by_index::<i32>(place)?)),
    }
}

fn movement(row: &QueryResult) -> Result<Movement, StoreError> {
    Ok(Movement {
        id: row.try_get_by("id")?,
        sku: row.try_get_by("sku")?,
        location: row.try_get_by("location")?,
        kind: row.try_get_by("kind")?,
        on_hand: row.try_get_by("on_hand")?,
        reserved: row.try_get_by("reserved")?,
        damaged: row.try_get_by("damaged")?,
        quality_hold: row.try_get_by("quality_hold")?,
        reservation: row.try_get_by("reservation_id")?,
        order: row.try_get_by("order_id")?,
        shipment: row.try_get_by("shipment_id")?,
        reason: row.try_get_by("reason")?,
        actor: row.try_get_by("actor")?,
        at: row.try_get_by("at")?,
    })
}
