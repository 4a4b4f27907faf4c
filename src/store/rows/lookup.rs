//! Everything that is read by keys, as fixed statements.

use sea_orm::sea_query::Value;

use crate::domain::{OrderId, Part, ReplenishmentState, ShipmentState, TOUCHED_MAX, Timestamp, USES_MAX};
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::account::customers;
use crate::store::rows::api_key::api_keys;
use crate::store::rows::callers::WAITING_ORDERS;
use crate::store::rows::capacity::daily_shipments;
use crate::store::rows::catalogue::{couriers, locations, products};
use crate::store::rows::decision::EVENTS_OF_ORDERS;
use crate::store::rows::discount::{discount_codes, discount_uses};
use crate::store::rows::record::courier_records;
use crate::store::rows::reservation::open_reservations;
use crate::store::rows::statements::{
    Fixed, Locked, names, select, select_all, select_column, select_column_of_all,
};
use crate::store::rows::stock::{replenishments, stock_levels};
use crate::store::rows::transfer::transfers;

/// How many expired reservations one group takes along. A change that is short for that is decided again when they are
/// gone.
pub(in crate::store) const EXPIRED_MAX: usize = 64;

/// Every statement that the writer reads by, to be prepared when its connection is made.
pub(in crate::store) fn all() -> Vec<&'static FixedStatement> {
    vec![
        &LOCK_ORDERS,
        &LOCK_RESERVATIONS,
        &LOCK_LEVELS,
        &REPLENISHMENTS,
        &LOCK_REPLENISHMENTS,
        &EXPIRED,
        &AWAITED,
        &AWAITED_BEFORE,
        &WAITING_ORDERS,
        &OPEN_REPLENISHMENTS,
        &PRODUCTS,
        &LOCATIONS,
        &COURIERS,
        &COURIER_RECORDS,
        &LOCK_LOCATIONS,
        &LOCK_COURIERS,
        &DAILY_SHIPMENTS,
        &RECEIVED_ALIKE,
        &EXTERNAL_REFERENCES,
        &BANK_REFERENCES,
        &LOCK_DISCOUNT_CODES,
        &DISCOUNT_USES,
        &LOCK_OPEN_RESERVATIONS,
    ]
}

/// The statements of readers.
pub(in crate::store) fn of_readers() -> Vec<&'static FixedStatement> {
    vec![&DOCUMENTS, &EVENTS_OF_ORDERS]
}

/// A part as the statements below know it: its kind, its id, or courier and number.
fn part_values(part: &Part) -> (i32, Value, Value, Value) {
    let id = |kind: i32, id: uuid::Uuid| (kind, id.into(), Value::String(None), Value::String(None));
    match part {
        Part::Order(it) => id(0, it.0),
        Part::Shipment(it) => id(1, it.0),
        Part::Payment(it) => id(2, it.0),
        Part::Refund(it) => id(3, it.0),
        Part::Invoice(it) => id(4, it.0),
        Part::Approval(it) => id(5, it.0),
        Part::Hold(it) => id(6, it.0),
        Part::Reservation(it) => id(7, it.0),
        Part::Message(it) => id(8, it.0),
        Part::FollowUp(it) => id(10, it.0),
        Part::Tracked { courier, number } => {
            (9, Value::Uuid(None), courier.clone().into(), number.clone().into())
        }
        Part::CreditNote(it) => id(11, it.0),
        Part::Return(it) => id(12, it.0),
    }
}

/// Which order a part belongs to.
fn owner(mark: &str) -> String {
    let tables =
        ["shipments", "payments", "refunds", "invoices", "approvals", "holds", "reservations", "messages"];
    let cases = (1..)
        .zip(tables)
        .map(|(kind, table)| format!("WHEN {kind} THEN (SELECT order_id FROM {table} WHERE id = {mark}2)"));
    format!(
        "CASE {mark}1 WHEN 0 THEN {mark}2 {} \
        WHEN 10 THEN (SELECT order_id FROM follow_ups WHERE id = {mark}2) \
        WHEN 11 THEN (SELECT order_id FROM credit_notes WHERE id = {mark}2) \
        WHEN 12 THEN (SELECT order_id FROM returns WHERE id = {mark}2) \
        WHEN 9 THEN COALESCE( \
          (SELECT order_id FROM shipments WHERE tracking_number = {mark}4 AND courier = {mark}3), \
          (SELECT order_id FROM tracking_numbers WHERE courier = {mark}3 AND number = {mark}4)) END",
        cases.collect::<Vec<_>>().join(" ")
    )
}

/// The state of an order that is cached: its document need not come along if it is still that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct CachedState {
    pub(in crate::store) version: i64,
    pub(in crate::store) updated_at: Option<Timestamp>,
}

/// The row that asks for the order of a part; `index` comes back with it.
pub(in crate::store) fn order_of(part: &Part, index: usize, cached: CachedState) -> Vec<Value> {
    let (kind, id, courier, number) = part_values(part);
    vec![
        kind.into(),
        id,
        courier,
        number,
        cached.version.into(),
        cached.updated_at.into(),
        i32::try_from(index).unwrap_or(i32::MAX).into(),
    ]
}

const OF_PART: [Kind; 7] =
    [Kind::Int, Kind::Uuid, Kind::Text, Kind::Text, Kind::BigInt, Kind::BigInt, Kind::Int];

/// The orders of these parts, in the order of their ids: index, id, version, `updated_at`, job fields,
/// document (NULL: as cached).
pub(in crate::store) static LOCK_ORDERS: Fixed =
    Fixed::new(|| orders_of_parts().locking("FOR UPDATE OF orders").together());

pub(in crate::store) static ORDERS: Fixed = Fixed::new(|| orders_of_parts().together());

fn orders_of_parts() -> FixedStatement {
    let columns = |mark: &str| {
        format!(
            "orders.id, orders.version, orders.updated_at, orders.run_at, orders.attempts, orders.lease_token, \
            orders.lease_until, CASE WHEN orders.version = {mark}5 AND orders.updated_at = {mark}6 THEN NULL \
            ELSE orders.document END"
        )
    };
    FixedStatement::new(
        Effect::Read,
        OF_PART,
        format!("SELECT ?7, {} FROM orders WHERE id = {}", columns("?"), owner("?")),
        &format!(
            "SELECT wanted.c7, {} FROM (SELECT c5, c6, c7, {} AS order_id FROM {{bound}} OFFSET 0) AS wanted \
            JOIN orders ON orders.id = wanted.order_id ORDER BY orders.id",
            columns("wanted.c"),
            owner("bound.c")
        ),
    )
}

/// The order of each part: index, id.
pub(in crate::store) static OWNERS: Fixed = Fixed::new(|| {
    FixedStatement::new(
        Effect::Read,
        OF_PART,
        format!("SELECT ?7, {}", owner("?")),
        &format!("SELECT bound.c7, {} FROM {{bound}}", owner("bound.c")),
    )
});

/// Orders: id, document (NULL: as cached).
pub(in crate::store) static DOCUMENTS: Fixed = Fixed::new(|| {
    let columns = |mark: &str| {
        format!(
            "orders.id, CASE WHEN orders.version = {mark}2 AND orders.updated_at = {mark}3 THEN NULL \
            ELSE orders.document END"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid, Kind::BigInt, Kind::BigInt],
        format!("SELECT {} FROM orders WHERE id = ?1", columns("?")),
        &format!("SELECT {} FROM {{bound}} JOIN orders ON orders.id = bound.c1", columns("bound.c")),
    )
});

pub(in crate::store) fn document(id: OrderId, cached: CachedState) -> Vec<Value> {
    vec![id.into(), cached.version.into(), cached.updated_at.into()]
}

/// Other callers' reservations, in the order of their ids: id, job fields, document.
pub(in crate::store) static LOCK_RESERVATIONS: Fixed =
    Fixed::new(|| callers_reservations().locking("FOR UPDATE OF reservations"));

pub(in crate::store) static CALLERS_RESERVATIONS: Fixed = Fixed::new(callers_reservations);

fn callers_reservations() -> FixedStatement {
    let columns = "reservations.id, reservations.run_at, reservations.attempts, reservations.lease_token, \
        reservations.lease_until, reservations.document";
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid],
        format!("SELECT {columns} FROM reservations WHERE id = ?1 AND document IS NOT NULL"),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN reservations ON reservations.id = bound.c1 \
            AND reservations.document IS NOT NULL ORDER BY reservations.id"
        ),
    )
}

/// Reservations of anybody: their order's id and document, their own document.
pub(in crate::store) static RESERVATIONS: Fixed = Fixed::new(|| {
    let from = "reservations LEFT JOIN orders ON orders.id = reservations.order_id";
    let columns = "reservations.id, reservations.document, orders.document";
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid],
        format!("SELECT {columns} FROM {from} WHERE reservations.id = ?1"),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN reservations ON reservations.id = bound.c1 \
            LEFT JOIN orders ON orders.id = reservations.order_id"
        ),
    )
});

/// Stock of these products everywhere, locked in the order of product and location.
pub(in crate::store) static LOCK_LEVELS: Fixed = Fixed::new(|| levels(Locked::Update));

pub(in crate::store) static LEVELS: Fixed = Fixed::new(|| levels(Locked::No));

fn levels(locked: Locked) -> FixedStatement {
    use stock_levels::{Column, Entity};
    select::<Entity>(&Column::Sku, &[Column::Sku, Column::Location], locked)
}

pub(in crate::store) static LOCK_REPLENISHMENTS: Fixed = Fixed::new(|| replenishments_by_id(Locked::Update));

pub(in crate::store) static REPLENISHMENTS: Fixed = Fixed::new(|| replenishments_by_id(Locked::No));

fn replenishments_by_id(locked: Locked) -> FixedStatement {
    use replenishments::{Column, Entity};
    select::<Entity>(&Column::Id, &[Column::Id], locked)
}

/// Documents of these transfers. Few commands are about one, so no connection prepares these beforehand.
pub(in crate::store) static TRANSFERS: Fixed =
    Fixed::new(|| select_column::<transfers::Entity>(&transfers::Column::Document, &transfers::Column::Id));

pub(in crate::store) static LOCK_TRANSFERS: Fixed = Fixed::new(|| {
    select_column::<transfers::Entity>(&transfers::Column::Document, &transfers::Column::Id)
        .locking("FOR UPDATE OF transfers")
});

/// API keys, which few commands are about, too.
pub(in crate::store) static API_KEYS: Fixed =
    Fixed::new(|| select::<api_keys::Entity>(&api_keys::Column::Id, &[api_keys::Column::Id], Locked::No));

pub(in crate::store) static LOCK_API_KEYS: Fixed =
    Fixed::new(|| select::<api_keys::Entity>(&api_keys::Column::Id, &[api_keys::Column::Id], Locked::Update));

/// All that are not revoked.
pub(in crate::store) static LIVE_API_KEYS: Fixed = Fixed::new(|| {
    let sql = format!(
        "SELECT {} FROM api_keys WHERE api_keys.revoked = FALSE ORDER BY id",
        names::<api_keys::Entity>()
    );
    FixedStatement::new(Effect::Read, [], sql.clone(), &sql)
});

/// Reservations of these products that have expired by a time, the oldest first and no more than [`EXPIRED_MAX`] and one:
/// id, order, `expires_at`.
pub(in crate::store) static EXPIRED: Fixed = Fixed::new(|| {
    // Few reservations are expired at any time, while a product may be in very many of them. The state is written out,
    // or the index on reservations that expire would not be used.
    let found = |until: &str, skus: &str| {
        format!(
            "SELECT reservations.id, reservations.order_id, reservations.expires_at FROM reservations \
            WHERE reservations.state = 'HELD' AND reservations.expires_at <= {until} \
            AND EXISTS (SELECT 1 FROM reservation_items WHERE reservation_items.reservation_id = reservations.id \
            AND reservation_items.sku {skus}) ORDER BY reservations.expires_at LIMIT {}",
            EXPIRED_MAX + 1
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::BigInt],
        found("?2", "= ?1"),
        &found("(($2::bigint[])[1])", "= ANY($1::text[])"),
    )
});

/// Open reservations of these shelves that a count may take units from: id, order. Other callers' come first, then orders'
/// that nothing is planned of, those not paid before the others, planned ones, those that are being picked; of these the
/// last reserved first. Only a count
/// asks, so no connection prepares it beforehand.
pub(in crate::store) static HOLDERS: Fixed = Fixed::new(|| {
    let found = |sku: &str, location: &str| {
        format!(
            "SELECT reservations.id, reservations.order_id FROM reservation_items \
            JOIN reservations ON reservations.id = reservation_items.reservation_id \
            LEFT JOIN shipments ON shipments.order_id = reservations.order_id \
            AND shipments.location = reservation_items.location AND shipments.state <> 'CANCELLED' \
            WHERE reservation_items.location = {location} AND reservation_items.sku = {sku} \
            AND reservation_items.quantity > reservation_items.consumed + reservation_items.released \
            AND (shipments.state IS NULL OR shipments.state IN ('PLANNED', 'PICKING')) \
            ORDER BY reservations.order_id IS NOT NULL, shipments.state IS NOT NULL, \
            reservations.state = 'CONFIRMED', shipments.state DESC, \
            reservations.created_at DESC LIMIT {TOUCHED_MAX}"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text],
        found("?1", "?2"),
        &format!(
            "SELECT found.* FROM {{bound}} CROSS JOIN LATERAL ({}) AS found",
            found("bound.c1", "bound.c2")
        ),
    )
});

/// Units that waiting orders of each region want of these products, by how many each order wants: region, product, units,
/// and what each wants.
pub(in crate::store) static AWAITED: Fixed = Fixed::new(|| {
    let columns = "order_waits.region, order_waits.sku, CAST(SUM(order_waits.quantity) AS BIGINT), order_waits.quantity";
    FixedStatement::new(
        Effect::Read,
        [Kind::Text],
        format!("SELECT {columns} FROM order_waits WHERE sku = ?1 GROUP BY region, sku, quantity"),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN order_waits ON order_waits.sku = bound.c1 \
            GROUP BY order_waits.region, order_waits.sku, order_waits.quantity"
        ),
    )
});

/// Units that orders before these waiting ones want of each product in the same region: order, product, units, and how many
/// of these are wanted by orders that want no more each. Nothing is said of orders that nobody is before.
pub(in crate::store) static AWAITED_BEFORE: Fixed = Fixed::new(|| {
    let found = |from: &str, is: &str| {
        format!(
            "SELECT own.order_id, own.sku, CAST(SUM(earlier.quantity) AS BIGINT), CAST(SUM( \
            CASE WHEN earlier.quantity <= own.quantity THEN earlier.quantity ELSE 0 END) AS BIGINT) \
            FROM {from} order_waits AS own \
            {is} JOIN order_waits AS earlier ON earlier.sku = own.sku AND earlier.region = own.region \
            AND earlier.number < own.number"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid],
        format!("{} WHERE own.order_id = ?1 GROUP BY own.order_id, own.sku", found("", "")),
        &format!("{} GROUP BY own.order_id, own.sku", found("{bound} JOIN", "ON own.order_id = bound.c1")),
    )
});

/// The states of replenishments that are not over. In the statement itself: the index holds no others, and a planner does
/// not look at parameters.
fn open_replenishment_states() -> String {
    let open = ReplenishmentState::ALL.iter().filter(|it| it.is_open());
    open.map(|it| format!("'{it}'")).collect::<Vec<_>>().join(", ")
}

/// The replenishments of these products that are not over.
pub(in crate::store) static OPEN_REPLENISHMENTS: Fixed = Fixed::new(|| {
    let open = open_replenishment_states();
    let columns = names::<replenishments::Entity>();
    FixedStatement::new(
        Effect::Read,
        [Kind::Text],
        format!("SELECT {columns} FROM replenishments WHERE sku = ?1 AND state IN ({open})"),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN replenishments ON replenishments.sku = bound.c1 \
            AND replenishments.state IN ({open})"
        ),
    )
});

// What is open where something is taken out of use. That is rare, so no connection prepares it beforehand. Of each at most
// so many as are told, and one.

/// Shelves of these locations with units on them.
pub(in crate::store) static STOCK_AT: Fixed = Fixed::new(|| {
    let found = |location: &str| {
        format!(
            "SELECT {} FROM stock_levels WHERE stock_levels.location = {location} \
            AND (stock_levels.on_hand > 0 OR stock_levels.reserved > 0) ORDER BY stock_levels.sku LIMIT {}",
            names::<stock_levels::Entity>(),
            USES_MAX + 1
        )
    };
    of_each(found("?1"), &found("bound.c1"))
});

/// Replenishments for these locations that are not over.
pub(in crate::store) static REPLENISHMENTS_AT: Fixed = Fixed::new(|| {
    let found = |location: &str| {
        format!(
            "SELECT {} FROM replenishments WHERE replenishments.location = {location} \
            AND replenishments.state IN ({}) ORDER BY replenishments.id LIMIT {}",
            names::<replenishments::Entity>(),
            open_replenishment_states(),
            USES_MAX + 1
        )
    };
    of_each(found("?1"), &found("bound.c1"))
});

/// Shipments of these couriers that are not over: courier, id, order.
pub(in crate::store) static SHIPMENTS_OF: Fixed = Fixed::new(|| {
    let with_courier = |it: &&ShipmentState| **it == ShipmentState::CourierAssigned || it.is_handed_over();
    let open = ShipmentState::ALL.iter().filter(with_courier).filter(|it| !it.is_over());
    let open = open.map(|it| format!("'{it}'")).collect::<Vec<_>>().join(", ");
    // Few shipments are open at any time, while a courier may have brought very many: joined to nothing, its code is not
    // looked for in the index that has all of those. Nor is the key for the sake of its order.
    let found = |is_of: &str| {
        format!(
            "SELECT shipments.courier, shipments.id, shipments.order_id FROM shipments \
            WHERE shipments.state IN ({open}) AND {is_of} ORDER BY shipments.id || '' LIMIT {}",
            USES_MAX + 1
        )
    };
    of_each(found("shipments.courier || '' = ?1"), &found("shipments.courier || '' = bound.c1"))
});

/// Of a text, and of each of several.
fn of_each(one: String, each: &str) -> FixedStatement {
    let several = format!("SELECT found.* FROM {{bound}} CROSS JOIN LATERAL ({each}) AS found");
    FixedStatement::new(Effect::Read, [Kind::Text], one, &several)
}

/// Documents of these products.
pub(in crate::store) static PRODUCTS: Fixed =
    Fixed::new(|| select_column::<products::Entity>(&products::Column::Document, &products::Column::Sku));

/// Documents of these customers. Few commands are about one, so no connection prepares these beforehand.
pub(in crate::store) static CUSTOMERS: Fixed =
    Fixed::new(|| select_column::<customers::Entity>(&customers::Column::Document, &customers::Column::Id));

/// Documents of the customers that have these external references.
pub(in crate::store) static CUSTOMERS_BY_REFERENCE: Fixed = Fixed::new(|| {
    use customers::{Column, Entity};
    select_column::<Entity>(&Column::Document, &Column::ExternalReference)
});

/// Documents of all locations.
pub(in crate::store) static LOCATIONS: Fixed = Fixed::new(|| {
    select_column_of_all::<locations::Entity>(&locations::Column::Document, &locations::Column::Code)
});

/// Documents of all couriers.
pub(in crate::store) static COURIERS: Fixed = Fixed::new(|| {
    select_column_of_all::<couriers::Entity>(&couriers::Column::Document, &couriers::Column::Code)
});

pub(in crate::store) static COURIER_RECORDS: Fixed =
    Fixed::new(|| select_all::<courier_records::Entity>(&courier_records::Column::Courier));

/// Locks locations whose days are filled: a decision about the last room of a day waits for the one before it. What points
/// to a location does not wait.
pub(in crate::store) static LOCK_LOCATIONS: Fixed = Fixed::new(|| {
    let code = locations::Column::Code;
    select_column::<locations::Entity>(&code, &code).locking("FOR NO KEY UPDATE OF locations").together()
});

/// The same for couriers.
pub(in crate::store) static LOCK_COURIERS: Fixed = Fixed::new(|| {
    let code = couriers::Column::Code;
    select_column::<couriers::Entity>(&code, &code).locking("FOR NO KEY UPDATE OF couriers").together()
});

/// How many shipments the days of locations and couriers have, from one day to another.
pub(in crate::store) static DAILY_SHIPMENTS: Fixed = Fixed::new(|| {
    let columns = names::<daily_shipments::Entity>();
    let is = |mark: &str| {
        format!(
            "daily_shipments.kind = {mark}1 AND daily_shipments.code = {mark}2 \
            AND daily_shipments.day >= {mark}3 AND daily_shipments.day <= {mark}4"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text, Kind::Int, Kind::Int],
        format!("SELECT {columns} FROM daily_shipments WHERE {}", is("?")),
        &format!("SELECT {columns} FROM {{bound}} JOIN daily_shipments ON {}", is("bound.c")),
    )
});

/// Locks discount codes that are redeemed: who redeems the last use of one waits for the one before. What points to a code
/// does not wait, nor who gives a use back.
pub(in crate::store) static LOCK_DISCOUNT_CODES: Fixed =
    Fixed::new(|| discount_codes_by_key().locking("FOR NO KEY UPDATE OF discount_codes").together());

pub(in crate::store) static DISCOUNT_CODES: Fixed = Fixed::new(discount_codes_by_key);

/// The documents of these codes.
fn discount_codes_by_key() -> FixedStatement {
    use discount_codes::{Column, Entity};
    select_column::<Entity>(&Column::Document, &Column::Code)
}

/// How often codes were redeemed, by a customer each; without a name, by all.
pub(in crate::store) static DISCOUNT_USES: Fixed = Fixed::new(|| {
    let columns = names::<discount_uses::Entity>();
    let is = |mark: &str| format!("discount_uses.code = {mark}1 AND discount_uses.customer = {mark}2");
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text],
        format!("SELECT {columns} FROM discount_uses WHERE {}", is("?")),
        &format!("SELECT {columns} FROM {{bound}} JOIN discount_uses ON {}", is("bound.c")),
    )
});

/// How many reservations of their own these callers have open.
pub(in crate::store) static LOCK_OPEN_RESERVATIONS: Fixed =
    Fixed::new(|| open_reservations_of_callers(Locked::Update));

pub(in crate::store) static OPEN_RESERVATIONS: Fixed =
    Fixed::new(|| open_reservations_of_callers(Locked::No));

fn open_reservations_of_callers(locked: Locked) -> FixedStatement {
    use open_reservations::{Column, Entity};
    select::<Entity>(&Column::Caller, &[Column::Caller], locked)
}

/// The youngest orders with each of these fingerprints, so many of each at most: fingerprint, id, `created_at`. They come
/// from the index, so that however many are alike, no more are looked at.
pub(in crate::store) static RECEIVED_ALIKE: Fixed = Fixed::new(|| {
    let columns = "orders.fingerprint, orders.id, orders.created_at";
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::BigInt],
        format!("SELECT {columns} FROM orders WHERE fingerprint = ?1 ORDER BY created_at DESC LIMIT ?2"),
        &format!(
            "SELECT alike.* FROM {{bound}} CROSS JOIN LATERAL (SELECT {columns} FROM orders \
            WHERE orders.fingerprint = bound.c1 ORDER BY orders.created_at DESC LIMIT bound.c2) AS alike"
        ),
    )
});

/// Which of these references, none of them empty, are taken: channel, reference.
pub(in crate::store) static EXTERNAL_REFERENCES: Fixed = Fixed::new(|| {
    // The condition is said once more for the planner: the index holds no empty references.
    let taken = |mark: &str| {
        format!(
            "(SELECT 1 FROM orders AS taken WHERE taken.channel = {mark}1 \
            AND taken.external_reference = {mark}2 AND taken.external_reference <> '' LIMIT 1) IS NOT NULL"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text],
        format!("SELECT ?1, ?2 WHERE {}", taken("?")),
        &format!("SELECT bound.c1, bound.c2 FROM {{bound}} WHERE {}", taken("bound.c")),
    )
});

/// Which of these references of bank transfers were ever recorded: reference.
pub(in crate::store) static BANK_REFERENCES: Fixed = Fixed::new(|| {
    let noted = |mark: &str| {
        format!(
            "(SELECT 1 FROM payment_references AS noted WHERE noted.method = {mark}1 \
            AND noted.reference = {mark}2 LIMIT 1) IS NOT NULL"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text],
        format!("SELECT ?2 WHERE {}", noted("?")),
        &format!("SELECT bound.c2 FROM {{bound}} WHERE {}", noted("bound.c")),
    )
});

/// The file of a courier's label: its content.
pub(in crate::store) static LABEL_FILES: Fixed = Fixed::new(|| {
    FixedStatement::new(
        Effect::Read,
        [Kind::Text],
        "SELECT content FROM carrier_labels WHERE sha256 = ?1",
        "SELECT content FROM {bound} JOIN carrier_labels ON carrier_labels.sha256 = bound.c1",
    )
});

/// What messages said: their id, and the content.
pub(in crate::store) static MESSAGE_TEXTS: Fixed = Fixed::new(|| {
    FixedStatement::new(
        Effect::Read,
        [Kind::Uuid],
        "SELECT message_id, content FROM message_texts WHERE message_id = ?1",
        "SELECT message_id, content FROM {bound} JOIN message_texts ON message_texts.message_id = bound.c1",
    )
});

/// The row of a statement that takes none.
pub(in crate::store) fn once() -> Vec<Vec<Value>> {
    vec![Vec::new()]
}

/// A row for each of these keys, in their order.
pub(in crate::store) fn keys<K: Clone + Into<Value>>(keys: impl IntoIterator<Item = K>) -> Vec<Vec<Value>> {
    keys.into_iter().map(|it| vec![it.into()]).collect()
}
