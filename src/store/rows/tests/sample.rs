//! One of everything, with every field set.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector, Statement,
};

use crate::domain::{
    Actor, Courier, Currency, Event, EventKind, Ids, Location, Money, Movement, MovementKind, Order, OrderId,
    Product, Rate, ServiceLevel, StockLevel, Timestamp, Transition,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::link::Link;
use crate::store::connection::session::Session;
use crate::store::rows::catalogue::{save_couriers, save_locations, save_products};
use crate::store::rows::order::load_orders;
use crate::store::rows::saved::Saved;
use crate::store::rows::stock::save_levels;
use crate::store::rows::write::Writes;

pub(super) async fn on_both(test: impl AsyncFn(&Session)) {
    on_both_counting(async |db, _| test(db).await).await;
}

pub(super) async fn on_both_counting(test: impl AsyncFn(&Session, &AtomicU64)) {
    migrated(None, async |db, statements, _| test(db, statements).await).await;
}

/// A database with the first `steps` of the schema, or all; the test gets what applies the rest.
pub(super) async fn migrated(
    steps: Option<u32>,
    test: impl AsyncFn(&Session, &AtomicU64, &DatabaseConnection),
) {
    // The second connection is for what is left of the schema.
    let directory = tempfile::tempdir().expect("a directory");
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("rows.db"))
        .create_if_missing(true)
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.expect("a database");
    let rest = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone());
    Migrator::up(&rest, steps).await.expect("a fresh schema");
    let statements = Arc::new(AtomicU64::new(0));
    let link = Link::Sqlite(pool.acquire().await.expect("a connection"));
    test(&Session::new(link, Some(Arc::clone(&statements))), &statements, &rest).await;

    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return };
    let admin = Database::connect(&server).await.expect("the server of TEST_DATABASE_URL");
    let name = format!("consign_rows_{}", uuid::Uuid::now_v7().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database for one test");
    let (base, _) = server.rsplit_once('/').expect("a url with a database");
    let url = format!("{base}/{name}");
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await.expect("the new database");
    let rest = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
    Migrator::up(&rest, steps).await.expect("a fresh schema");
    let link = Link::Postgres(pool.acquire().await.expect("a connection"));
    test(&Session::new(link, Some(Arc::clone(&statements))), &statements, &rest).await;

    admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("no further use");
}

pub(super) const AT: Timestamp = Timestamp::from_unix_micros(1_800_000_000_123_456);

pub(super) fn later(seconds: u64) -> Timestamp {
    AT.plus(std::time::Duration::from_secs(seconds))
}

pub(super) fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a legal code")
}

pub(super) fn euro(minor: i64) -> Money {
    code::<Currency>("EUR").of(minor)
}

pub(super) fn new<T>(after: &T) -> [Saved<'_, T>; 1] {
    [Saved { before: None, after }]
}

pub(super) fn changed<'a, T>(before: &'a T, after: &'a T) -> [Saved<'a, T>; 1] {
    [Saved { before: Some(before), after }]
}

pub(super) fn level(sku: &str) -> StockLevel {
    StockLevel {
        sku: code(sku),
        location: code("KUL-1"),
        version: 1,
        on_hand: 100,
        reserved: 7,
        damaged: 2,
        quality_hold: 1,
        safety_stock: 5,
        reorder_point: Some(20),
        reorder_up_to: Some(80),
        updated_at: AT,
    }
}

pub(super) fn product(sku: &str) -> Product {
    Product {
        sku: code(sku),
        version: 1,
        name: format!("Product {sku} ½"),
        tax_category: "STANDARD".to_owned(),
        unit_price: Some(euro(1_000)),
        weight_grams: 250,
        created_at: AT,
    }
}

pub(super) fn location() -> Location {
    Location {
        code: code("KUL-1"),
        version: 1,
        name: "Kuala Lumpur".to_owned(),
        region: code("MALAYSIA"),
        country: "MY".to_owned(),
        priority: 10,
        created_at: AT,
    }
}

pub(super) fn courier() -> Courier {
    let rate = |service, base_minor| Rate {
        region: code("MALAYSIA"),
        service,
        currency: code("EUR"),
        base_minor,
        per_kg_minor: 50,
        transit_days: 2,
        weight_max_grams: 30_000,
    };
    Courier {
        code: code("PIGEON"),
        version: 1,
        name: "Pigeon Post".to_owned(),
        cutoff_minutes: 960,
        utc_offset_minutes: 480,
        pickup_weekdays: vec![1, 2, 3, 4, 5],
        rates: vec![rate(ServiceLevel::Standard, 500), rate(ServiceLevel::Express, 900)],
        created_at: AT,
    }
}

/// What orders refer to.
pub(in crate::store) async fn stocked(db: &Session) {
    let products = [product("A-1"), product("B-2")];
    let levels = [level("A-1"), level("B-2")];
    write(db, |it| save_products(it, &products.each_ref().map(|after| Saved { before: None, after })))
        .await
        .expect("products");
    write(db, |it| save_locations(it, &new(&location()))).await.expect("a location");
    write(db, |it| save_couriers(it, &new(&courier()))).await.expect("a courier");
    write(db, |it| save_levels(it, &levels.each_ref().map(|after| Saved { before: None, after })))
        .await
        .expect("levels");
}

/// The next version of an order, with something done to it.
pub(super) fn then(order: &Order, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order.clone();
    order.version += 1;
    change(&mut order);
    order
}

pub(super) async fn only_order(db: &Session, id: OrderId) -> Order {
    let mut orders = load_orders(db, &[id, id]).await.expect("readable rows");
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

pub(super) fn id_of_nobody() -> OrderId {
    Ids::seeded(AT, 99).fresh()
}

pub(super) async fn count(db: &Session, table: &str) -> i64 {
    let statement = Statement::from_string(db.backend(), format!("SELECT count(*) FROM {table}"));
    let row = db.query_one_raw(statement).await.expect("a count").expect("one row");
    row.try_get_by_index(0).expect("a number")
}

/// A CHECK or a foreign key says what it is; a unique key may as well be a race that was lost.
/// What collecting writes gives.
pub(in crate::store) trait Collected {
    fn result(self) -> Result<(), StoreError>;
}

impl Collected for () {
    fn result(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Collected for Result<(), StoreError> {
    fn result(self) -> Result<(), StoreError> {
        self
    }
}

pub(in crate::store) async fn write<R: Collected>(
    db: &Session,
    collect: impl FnOnce(&mut Writes) -> R,
) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    collect(&mut writes).result()?;
    writes.send(db).await
}

pub(super) fn is_broken(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Internal(_) | StoreError::LostRace))
}

pub(super) fn recorded(sequence: i64, transition: Option<Transition>) -> Event {
    Event {
        order: Ids::seeded(AT, 1).fresh(),
        sequence,
        at: AT,
        actor: Actor::system(),
        kind: EventKind::OrderReceived,
        transition,
        text: "received".to_owned(),
    }
}

pub(in crate::store) fn movement() -> Movement {
    let mut ids = Ids::seeded(AT, 1);
    Movement {
        id: ids.fresh(),
        sku: code("A-1"),
        location: code("KUL-1"),
        kind: MovementKind::Reserve,
        on_hand: 0,
        reserved: 3,
        damaged: 0,
        quality_hold: 0,
        reservation: Some(ids.fresh()),
        order: Some(ids.fresh()),
        shipment: None,
        reason: "order".to_owned(),
        actor: code("ann"),
        at: AT,
    }
}
