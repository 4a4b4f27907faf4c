//! Lists: one page of any resource, along a key, filtered by named fields and nothing else.
//!
//! A page is found in the order of creation. Ids are made of the moment they are made in, so the primary key is in
//! that order too: where no index leads with a creation time, pages go along the id.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use sea_orm::QueryResult;
use sea_orm::sea_query::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::find::{self, all};
use super::given;
use super::rows::{self, Lock};
use super::session::Session;
use super::{Store, StoreError};
use crate::domain::{
    ApprovalId, ApprovalState, Channel, Courier, Gate, Invalid, InvoiceId, InvoiceState, Location, MessageId,
    MessageKind, MessageState, Method, Movement, MovementKind, Order, OrderId, OrderState, PaymentId,
    PaymentState, Problems, Product, RefundId, RefundState, Refusal, Replenishment, ReplenishmentId,
    ReplenishmentState, Reservation, ReservationId, ReservationState, ShipmentId, ShipmentState, Sku,
    StockLevel, Timestamp, TrackingEvent, TrackingStatus,
};

/// Rows of a page at most, whatever is asked for.
const SIZE_MAX: u64 = 1_000;

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
    ) -> Result<Page<Order>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = if show_archived {
            both_pages(&db, listing).await?
        } else {
            page(&db, &ORDERS, listing, None).await?
        };
        let ids: Vec<_> = rows.iter().map(|it| OrderId(it.id())).collect();
        Ok((find::orders(&db, &ids).await?, next))
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
        let (rows, next) = page(&db, &RESERVATIONS, listing, None).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReservationId(it.id())).collect();
        let found = find::reservations(&db, &ids).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_replenishments(&self, listing: &Listing) -> Result<Page<Replenishment>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &REPLENISHMENTS, listing, None).await?;
        let ids: Vec<_> = rows.iter().map(|it| ReplenishmentId(it.id())).collect();
        let found = rows::load_replenishments(&db, &ids, Lock::No).await?;
        Ok((in_order(&ids, found, |it| it.id), next))
    }

    pub async fn list_products(&self, listing: &Listing) -> Result<Page<Product>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &PRODUCTS, listing, None).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let found = rows::load_products(&db, &skus).await?;
        Ok((in_order(&skus, found, |it| it.sku.clone()), next))
    }

    pub async fn list_locations(&self, listing: &Listing) -> Result<Page<Location>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &LOCATIONS, listing, None).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = rows::load_locations(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_couriers(&self, listing: &Listing) -> Result<Page<Courier>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &COURIERS, listing, None).await?;
        let codes: Vec<_> = rows.iter().map(|it| it.text(0).to_owned()).collect();
        let found = rows::load_couriers(&db).await?;
        Ok((in_order(&codes, found, |it| it.code.to_string()), next))
    }

    pub async fn list_stock_levels(&self, listing: &Listing) -> Result<Page<StockLevel>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &STOCK_LEVELS, listing, None).await?;
        let skus = rows.iter().map(Row::sku).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = rows.iter().map(|it| (it.text(0).to_owned(), it.text(1).to_owned())).collect();
        let found = rows::load_levels(&db, &skus, Lock::No).await?;
        Ok((in_order(&keys, found, |it| (it.sku.to_string(), it.location.to_string())), next))
    }

    pub async fn list_movements(&self, listing: &Listing) -> Result<Page<Movement>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &MOVEMENTS, listing, None).await?;
        if rows.is_empty() {
            return Ok((Vec::new(), next));
        }

        let ids: Vec<_> = rows.iter().map(Row::id).collect();
        let (within, values) = given::listed(db.backend(), ids.iter().copied());
        let found =
            all(&db, &format!("SELECT * FROM stock_movements WHERE id IN ({within})"), values).await?;
        let found = found.iter().map(movement).collect::<Result<Vec<_>, _>>()?;
        Ok((in_order(&ids, found, |it| it.id.0), next))
    }

    /// What was recorded about one shipment.
    pub async fn list_tracking_events(
        &self,
        shipment: ShipmentId,
        listing: &Listing,
    ) -> Result<Page<TrackingEvent>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, &TRACKING, listing, Some(shipment.0)).await?;
        let sequences: Vec<_> = rows.iter().map(|it| it.whole(0)).collect();
        let sql = "SELECT * FROM tracking_events WHERE shipment_id = $1";
        let found = all(&db, sql, vec![shipment.0.into()]).await?;
        let found = found.iter().map(find::tracking_event).collect::<Result<Vec<_>, _>>()?;
        Ok((in_order(&sequences, found, |it| it.sequence), next))
    }

    /// A page of parts of orders, each with its order.
    async fn parts<I: From<Uuid>>(
        &self,
        resource: &Resource,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, I)>, StoreError> {
        let db = self.snapshot().await?;
        let (rows, next) = page(&db, resource, listing, None).await?;
        let orders = orders_of(&db, &rows).await?;
        let part = |row: &Row| Some((Arc::clone(orders.get(&row.order()?)?), row.id().into()));
        Ok((rows.iter().filter_map(part).collect(), next))
    }
}

async fn orders_of(db: &Session, rows: &[Row]) -> Result<HashMap<OrderId, Arc<Order>>, StoreError> {
    let mut ids: Vec<_> = rows.iter().filter_map(Row::order).collect();
    ids.sort_unstable();
    ids.dedup();
    let orders = rows::load_orders(db, &ids, Lock::No).await?;
    Ok(orders.into_iter().map(|it| (it.id, Arc::new(it))).collect())
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
    /// When the row was made, if its key is an id made at that moment.
    created: Option<Created>,
    fields: &'static [Field],
    /// What pages can go along, besides `create_time`.
    sorts: &'static [(&'static str, Column)],
    /// The column that has the value that every page of this list is bound to.
    bound: Option<&'static str>,
}

struct Created {
    column: &'static str,
    /// Whether an index begins with it.
    indexed: bool,
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
    /// An index goes along this column and then along the time of creation.
    leads: bool,
    /// A condition that follows from an equal value and lets an index be used.
    implies: &'static str,
}

enum Kind {
    Text,
    /// One of a closed set.
    Word(fn(&str) -> Result<(), Invalid>),
    Whole,
    Time,
    /// The time at which the row and its id were made.
    Created,
    Id(fn(&str) -> Result<Uuid, Invalid>),
}

const fn field(name: &'static str, column: &'static str, kind: Kind) -> Field {
    Field { name, column, kind, leads: false, implies: "" }
}

const fn leading(name: &'static str, column: &'static str, kind: Kind) -> Field {
    Field { name, column, kind, leads: true, implies: "" }
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

/// The parser of a closed set of words, of an id.
macro_rules! word {
    ($type:ty) => {
        Kind::Word(|text| text.parse::<$type>().map(|_| ()))
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
    created: Some(Created { column: "created_at", indexed: true }),
    fields: &[
        leading("state", "state", word!(OrderState)),
        field("channel", "channel", word!(Channel)),
        field("region", "region", Kind::Text),
        leading("customer_email", "customer_email", Kind::Text),
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: Kind::Text,
            leads: false,
            implies: EVERY_CHANNEL,
        },
        field("number", "number", Kind::Whole),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[("number", whole("number"))],
    bound: None,
};

/// What is known of archived orders without opening them.
static ARCHIVED: Resource = Resource {
    name: "archived orders",
    from: "archived_orders",
    key: &[id("order_id")],
    order: None,
    created: Some(Created { column: "created_at", indexed: true }),
    fields: &[
        field("channel", "channel", word!(Channel)),
        leading("customer_email", "customer_email", Kind::Text),
        Field {
            name: "external_reference",
            column: "external_reference",
            kind: Kind::Text,
            leads: false,
            implies: EVERY_CHANNEL,
        },
        field("number", "number", Kind::Whole),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[("number", whole("number"))],
    bound: None,
};

static INVOICES: Resource = Resource {
    name: "invoices",
    from: "invoices",
    key: &[id("id")],
    order: Some("order_id"),
    created: Some(Created { column: "issued_at", indexed: false }),
    fields: &[
        leading("state", "state", word!(InvoiceState)),
        field("series", "series", Kind::Text),
        Field {
            name: "number",
            column: "number",
            kind: Kind::Whole,
            leads: false,
            implies: "series IN (SELECT substr(name, 10) FROM counters WHERE name LIKE 'invoices/%')",
        },
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "issued_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static PAYMENTS: Resource = Resource {
    name: "payments",
    from: "payments",
    key: &[id("id")],
    order: Some("order_id"),
    created: Some(Created { column: "created_at", indexed: false }),
    fields: &[
        leading("state", "state", word!(PaymentState)),
        field("method", "method", word!(Method)),
        Field {
            name: "reference",
            column: "reference",
            kind: Kind::Text,
            leads: false,
            implies: "method IN ('CARD', 'PAYPAL', 'BANK_TRANSFER', 'CASH') AND reference <> ''",
        },
        field("invoice_id", "invoice_id", id_of!(InvoiceId)),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static REFUNDS: Resource = Resource {
    name: "refunds",
    from: "refunds JOIN payments ON payments.id = refunds.payment_id",
    key: &[id("refunds.id")],
    order: Some("payments.order_id"),
    created: Some(Created { column: "refunds.created_at", indexed: false }),
    fields: &[
        leading("state", "refunds.state", word!(RefundState)),
        field("payment_id", "refunds.payment_id", id_of!(PaymentId)),
        field("order_id", "payments.order_id", id_of!(OrderId)),
        field("create_time", "refunds.created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static SHIPMENTS: Resource = Resource {
    name: "shipments",
    from: "shipments",
    key: &[id("id")],
    order: Some("order_id"),
    created: Some(Created { column: "created_at", indexed: true }),
    fields: &[
        leading("state", "state", word!(ShipmentState)),
        field("location", "location", Kind::Text),
        field("courier", "courier", Kind::Text),
        field("tracking_number", "tracking_number", Kind::Text),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static APPROVALS: Resource = Resource {
    name: "approvals",
    from: "approvals",
    key: &[id("id")],
    order: Some("order_id"),
    created: Some(Created { column: "requested_at", indexed: false }),
    fields: &[
        leading("state", "state", word!(ApprovalState)),
        field("gate", "gate", word!(Gate)),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "requested_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static MESSAGES: Resource = Resource {
    name: "messages",
    from: "messages",
    key: &[id("id")],
    order: Some("order_id"),
    created: Some(Created { column: "created_at", indexed: false }),
    fields: &[
        field("state", "state", word!(MessageState)),
        field("kind", "kind", word!(MessageKind)),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static RESERVATIONS: Resource = Resource {
    name: "reservations",
    from: "reservations",
    key: &[id("id")],
    order: None,
    created: Some(Created { column: "created_at", indexed: false }),
    fields: &[
        field("state", "state", word!(ReservationState)),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static REPLENISHMENTS: Resource = Resource {
    name: "replenishments",
    from: "replenishments",
    key: &[id("id")],
    order: None,
    created: Some(Created { column: "created_at", indexed: false }),
    fields: &[
        leading("state", "state", word!(ReplenishmentState)),
        field("sku", "sku", Kind::Text),
        field("location", "location", Kind::Text),
        field("create_time", "created_at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static PRODUCTS: Resource = Resource {
    name: "products",
    from: "products",
    key: &[text("sku")],
    order: None,
    created: None,
    fields: &[
        field("sku", "sku", Kind::Text),
        field("name", "name", Kind::Text),
        field("tax_category", "tax_category", Kind::Text),
        field("create_time", "created_at", Kind::Time),
    ],
    sorts: &[("sku", text("sku"))],
    bound: None,
};

static LOCATIONS: Resource = Resource {
    name: "locations",
    from: "locations",
    key: &[text("code")],
    order: None,
    created: None,
    fields: &[
        field("location", "code", Kind::Text),
        field("region", "region", Kind::Text),
        field("country", "country", Kind::Text),
    ],
    sorts: &[("location", text("code")), ("priority", whole("priority"))],
    bound: None,
};

static COURIERS: Resource = Resource {
    name: "couriers",
    from: "couriers",
    key: &[text("code")],
    order: None,
    created: None,
    fields: &[field("courier", "code", Kind::Text), field("name", "name", Kind::Text)],
    sorts: &[("courier", text("code"))],
    bound: None,
};

static STOCK_LEVELS: Resource = Resource {
    name: "stock levels",
    from: "stock_levels",
    key: &[text("sku"), text("location")],
    order: None,
    created: None,
    fields: &[field("sku", "sku", Kind::Text), field("location", "location", Kind::Text)],
    sorts: &[("sku", text("sku"))],
    bound: None,
};

static MOVEMENTS: Resource = Resource {
    name: "stock movements",
    from: "stock_movements",
    key: &[id("id")],
    order: None,
    created: Some(Created { column: "at", indexed: false }),
    fields: &[
        field("sku", "sku", Kind::Text),
        field("location", "location", Kind::Text),
        field("kind", "kind", word!(MovementKind)),
        field("order_id", "order_id", id_of!(OrderId)),
        field("create_time", "at", Kind::Created),
    ],
    sorts: &[],
    bound: None,
};

static TRACKING: Resource = Resource {
    name: "tracking events",
    from: "tracking_events",
    key: &[whole("sequence")],
    order: None,
    created: None,
    fields: &[
        field("status", "status", word!(TrackingStatus)),
        field("occur_time", "occurred_at", Kind::Time),
        field("record_time", "recorded_at", Kind::Time),
    ],
    sorts: &[("sequence", whole("sequence"))],
    bound: Some("shipment_id"),
};

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

    fn whole(&self, place: usize) -> i64 {
        match self.key.get(place) {
            Some(Key::Whole(number)) => *number,
            _ => 0,
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
    values: Vec<Value>,
    along: Vec<Column>,
    direction: Direction,
    size: u64,
    /// Tells lists apart: a cursor of one is not good for another.
    mark: [u8; 8],
}

async fn page(
    db: &Session,
    resource: &Resource,
    listing: &Listing,
    bound: Option<Uuid>,
) -> Result<Page<Row>, StoreError> {
    let mut plan = plan(resource, listing, bound)?;
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
    let mut at_hand = plan(&ORDERS, listing, None)?;
    at_hand.mark = marked("all orders", listing, None);
    let mut rest = listing.clone();
    let is_archived = |it: &Term| it.value == OrderState::Archived.as_str();
    let fits = rest.filter.iter().filter(|it| it.field == "state").all(|it| match it.compare {
        Compare::Equal => is_archived(it),
        Compare::NotEqual => !is_archived(it),
        Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual => false,
    });
    rest.filter.retain(|it| it.field != "state");
    let mut archived = if fits { Some(plan(&ARCHIVED, &rest, None)?) } else { None };

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
fn plan<'a>(resource: &'a Resource, listing: &Listing, bound: Option<Uuid>) -> Result<Plan<'a>, Refusal> {
    let mut problems = Problems::default();
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut leads = false;
    if let (Some(column), Some(bound)) = (resource.bound, bound) {
        values.push(bound.into());
        conditions.push(format!("{column} = ${}", values.len()));
    }
    for term in &listing.filter {
        match condition(resource, term, &mut values) {
            Ok((condition, field_leads)) => {
                conditions.push(condition);
                leads |= field_leads;
            }
            Err(message) => problems.add("filter", message),
        }
    }

    let own_direction = if resource.created.is_some() { Direction::Descending } else { Direction::Ascending };
    let (name, direction) = match &listing.order_by {
        Some((name, direction)) => (Some(name.as_str()), *direction),
        None => (None, own_direction),
    };
    let along = sorting(resource, name, leads).unwrap_or_else(|message| {
        problems.add("order_by", message);
        Vec::new()
    });

    problems.into_result()?;
    let size = listing.size.clamp(1, SIZE_MAX);
    let mark = marked(resource.name, listing, bound);
    Ok(Plan { resource, conditions, values, along, direction, size, mark })
}

fn sorting(resource: &Resource, name: Option<&str>, leads: bool) -> Result<Vec<Column>, String> {
    let by = resource.sorts.iter().find(|(it, _)| Some(*it) == name);
    let mut along: Vec<Column> = Vec::new();
    match (&resource.created, name, by) {
        (_, Some(_), Some((_, column))) => along.push(*column),
        (Some(created), None | Some("create_time"), None) => {
            if created.indexed || leads {
                along.push(whole(created.column));
            }
        }
        (None, None, None) => {}
        _ => {
            let mut names: Vec<_> = resource.sorts.iter().map(|(it, _)| *it).collect();
            names.extend(resource.created.as_ref().map(|_| "create_time"));
            return Err(format!("{} can be sorted by {}", resource.name, names.join(", ")));
        }
    }

    let rest: Vec<_> = resource.key.iter().filter(|it| !along.contains(it)).copied().collect();
    along.extend(rest);
    Ok(along)
}

/// A term as SQL, and whether an index leads with it.
fn condition(resource: &Resource, term: &Term, values: &mut Vec<Value>) -> Result<(String, bool), String> {
    let Some(field) = resource.fields.iter().find(|it| it.name == term.field) else {
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
        // In the statement itself, so that an index over some of the words can be used.
        Kind::Word(parse) if is_equality => match parse(&term.value) {
            Ok(()) => format!("{} {sign} '{}'", field.column, term.value),
            Err(Invalid(why)) => return wrong(&why),
        },
        Kind::Id(parse) if term.compare == Compare::Equal => match parse(&term.value) {
            Ok(id) => {
                values.push(id.into());
                format!("{} = ${}", field.column, values.len())
            }
            Err(Invalid(why)) => return wrong(&why),
        },
        Kind::Text | Kind::Word(_) => return wrong("can only be compared with = and !="),
        Kind::Id(_) => return wrong("can only be compared with ="),
        Kind::Whole => match term.value.parse::<i64>() {
            Ok(number) => {
                values.push(number.into());
                format!("{} {sign} ${}", field.column, values.len())
            }
            Err(_) => return wrong("must be a whole number"),
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

    let implied = if term.compare == Compare::Equal && !field.implies.is_empty() {
        format!("{sql} AND {}", field.implies)
    } else {
        sql
    };
    Ok((implied, field.leads && term.compare == Compare::Equal))
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

fn instant(text: &str) -> Option<Timestamp> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(Timestamp::from_date_time(at))
}

fn marked(name: &str, listing: &Listing, bound: Option<Uuid>) -> [u8; 8] {
    let Listing { filter, order_by, size: _, after: _ } = listing;
    let digest = Sha256::digest(format!("{name} {filter:?} {order_by:?} {bound:?}"));
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
        let Self { resource, conditions, values, along, direction, size, mark: _ } = self;
        let columns = along.iter().chain(resource.key).map(|it| it.name).chain(resource.order);
        let columns: Vec<_> = columns.enumerate().map(|(place, it)| format!("{it} AS c{place}")).collect();
        let filter = match conditions.as_slice() {
            [] => String::new(),
            conditions => format!("WHERE {}", conditions.join(" AND ")),
        };
        let direction = match direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        let order: Vec<_> = along.iter().map(|it| format!("{} {direction}", it.name)).collect();
        let sql = format!(
            "SELECT {} FROM {} {filter} ORDER BY {} LIMIT {}",
            columns.join(", "),
            resource.from,
            order.join(", "),
            size + 1
        );

        let found = all(db, &sql, values.clone()).await?;
        found.iter().map(|row| self.read(row)).collect()
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
