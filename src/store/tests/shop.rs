//! A store of a test's own, on either engine, with a clock that only the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::domain::{
    self, Actor, Address, CancelOrder, Channel, Command, CreateOrder, Customer, FillOrder, Location,
    LocationCode, NewLine, NewOrder, OnLate, OnOrder, OnShortage, Order, OrderId, OrderState, Part, Product,
    ReadSet, Refusal, Rules, ServiceLevel, Sku, Target, Timestamp, UnitOfWork,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::{Database, Options, TimeSource};
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::writer::change::{Changed, Codec, Effect, RequestContext, RequestKey, RequestMode, View};

pub(super) const START: i64 = 1_760_000_000_000_000;

/// A database of a test's own, and a clock that only the test moves.
pub(in crate::store) struct Scene {
    pub(super) database: Database,
    pub(super) clock: Arc<AtomicI64>,
    pub(super) rules: Arc<Rules>,
    pub(in crate::store) store: Store,
    /// Removed with it.
    pub(super) directory: Option<tempfile::TempDir>,
    pub(in crate::store) server: Option<(String, String)>,
}

impl Scene {
    pub(in crate::store) async fn on_sqlite() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::Sqlite(directory.path().join("data/consign.db"));
        Some(Self::open(database, Some(directory), None).await)
    }

    pub(in crate::store) async fn on_postgres() -> Option<Self> {
        let (database, server) = fresh_database(&std::env::var("TEST_DATABASE_URL").ok()?).await;
        Some(Self::open(database, None, Some(server)).await)
    }

    pub(super) async fn open(
        database: Database,
        directory: Option<tempfile::TempDir>,
        server: Option<(String, String)>,
    ) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let rules = Arc::new(Rules::default());
        let options = options(&database, &rules, &clock);
        let store = Store::open(options).await.expect("a store");
        store.migrate().await.expect("a schema");
        Self { database, clock, rules, store, directory, server }
    }

    /// Another process, as far as the database can tell.
    pub(in crate::store) async fn another(&self) -> Store {
        Store::open(self.options()).await.expect("another store")
    }

    /// A connection to write with beside the store's own.
    pub(in crate::store) async fn writer(&self) -> Session {
        self.store.inner.pools.writer(&Counter::default()).await.expect("a connection")
    }

    /// Changes rows as nobody but a test does.
    pub(in crate::store) async fn sql(&self, sql: &str) {
        self.writer().await.script(sql).await.unwrap_or_else(|refused| panic!("{sql}: {refused}"));
    }

    pub(super) fn options(&self) -> Options {
        options(&self.database, &self.rules, &self.clock)
    }

    pub(super) fn later(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a short time");
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    pub(in crate::store) async fn gone(self) {
        self.store.close().await;
        drop(self.directory);
        drop_database(self.server).await;
    }

    /// `skus` products of which `units` each lie in one European warehouse.
    pub(in crate::store) async fn stocked(&self, skus: &[&str], units: i64) {
        let at = Timestamp::from_unix_micros(START);
        let location = Location::new(code("BER"), "EUROPE".parse().expect("a region"), "DE", at);
        let reads = ReadSet { locations: true, ..ReadSet::default() };
        self.do_it(reads, move |unit| domain::create_location(unit, &location)).await.expect("a location");
        for text in skus {
            let product = product(text);
            let reads = ReadSet { skus: vec![sku(text)], locations: true, ..ReadSet::default() };
            let stocking = move |unit: &mut UnitOfWork<'_>| {
                domain::create_product(unit, &product)?;
                domain::receive_stock(unit, &product.sku, &code("BER"), units, "delivery note 1", None)
            };
            self.do_it(reads, stocking).await.expect("a stocked product");
        }
    }

    pub(super) async fn do_it<T: Send + 'static>(
        &self,
        reads: ReadSet,
        decide: impl Fn(&mut UnitOfWork<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.store.decide(context(None), reads, decide, |_, _| (), Codec::unkept()).await
    }

    /// A command whose answer is ignored.
    pub(super) async fn order<C: Command>(&self, command: C) -> Result<(), StoreError> {
        self.store.change(context(None), command, |_, _| (), Codec::unkept()).await.map(Changed::into_answer)
    }

    pub(in crate::store) async fn units(&self, text: &str) -> (i64, i64) {
        let level = self.store.level(&sku(text), &code("BER")).await.expect("a look").expect("a level");
        (level.on_hand, level.reserved)
    }
}

/// An empty database, and where and under which name it is to be dropped.
pub(super) async fn fresh_database(url: &str) -> (Database, (String, String)) {
    let name = format!("consign_{:016x}", fastrand::u64(..));
    let mut server = PgConnection::connect(url).await.expect("the server");
    server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    let (base, _) = url.rsplit_once('/').expect("a database in the URL");
    (Database::Postgres(format!("{base}/{name}")), (url.to_owned(), name))
}

pub(super) async fn drop_database(server: Option<(String, String)>) {
    if let Some((url, name)) = server {
        let mut server = PgConnection::connect(&url).await.expect("the server");
        let sql = format!("DROP DATABASE {name} WITH (FORCE)");
        server.execute(AssertSqlSafe(sql)).await.expect("a database less");
    }
}

pub(super) fn options(database: &Database, rules: &Arc<Rules>, clock: &Arc<AtomicI64>) -> Options {
    let clock = Arc::clone(clock);
    let read = move || Timestamp::from_unix_micros(clock.load(Ordering::Relaxed));
    let mut options = Options::new(database.clone(), Arc::clone(rules), Arc::new(read));
    options.lanes = 2;
    // The test server runs without, to spare the disk.
    options.allow_unsafe_durability = true;
    options.time = TimeSource::Given;
    options
}

pub(in crate::store) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

pub(in crate::store) fn code(text: &str) -> LocationCode {
    text.parse().expect("a code")
}

fn product(text: &str) -> Product {
    Product {
        unit_price: Some("EUR".parse::<domain::Currency>().expect("a currency").of(1_000)),
        weight_grams: 500,
        ..Product::new(sku(text), format!("Product {text}"), Timestamp::from_unix_micros(START))
    }
}

pub(in crate::store) fn order_for(lines: &[(&str, i64)], on_shortage: OnShortage) -> NewOrder {
    let who = fastrand::u64(..);
    NewOrder {
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: "Ada Lovelace".to_owned(),
            email: format!("ada{who}@example.com"),
            phone: String::new(),
            locale: "en".to_owned(),
            phone_extension: String::new(),
        },
        shipping_address: Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["Unter den Linden 1".to_owned()],
            city: "Berlin".to_owned(),
            area: String::new(),
            postal_code: "10117".to_owned(),
            country: "DE".to_owned(),
        },
        billing_address: None,
        currency: "EUR".parse().expect("a currency"),
        lines: lines
            .iter()
            .map(|(text, quantity)| NewLine {
                sku: sku(text),
                quantity: *quantity,
                unit_price: None,
                discount: None,
                description: String::new(),
            })
            .collect(),
        discount: None,
        discount_code: None,
        prices_include_tax: false,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage,
        allocation: None,
        reservation_lifetime_seconds: None,
        requested_by: None,
        on_late: OnLate::Accept,
        wait_until: None,
        labels: Default::default(),
        named: None,
    }
}

pub(in crate::store) fn context(request: Option<RequestKey>) -> RequestContext {
    RequestContext {
        actor: Actor::stored("ann".to_owned()),
        principal: None,
        request,
        deadline: None,
        effect: Effect::Commit,
    }
}

pub(in crate::store) fn request(id: &str, content: u8) -> Option<RequestKey> {
    Some(RequestKey {
        actor: Actor::stored("ann".to_owned()),
        method: "CreateOrder",
        id: id.to_owned(),
        fingerprint: [content; 32],
        mode: RequestMode::Claim,
    })
}

/// The reply: order number, id and state, kept as text.
pub(in crate::store) type Placed = (i64, OrderId, OrderState);

pub(super) fn placed(created: &OnOrder<()>, view: &View<'_>) -> Placed {
    number_of(&created.order, view)
}

pub(super) fn number_of(id: &OrderId, view: &View<'_>) -> Placed {
    let order = view.order(*id).expect("the order just decided");
    (order.number, order.id, order.state)
}

pub(super) const TEXT: Codec<Placed> = Codec {
    encode: |(number, id, state)| format!("{number} {id} {state}").into_bytes(),
    decode: |bytes| {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut parts = text.split(' ');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    },
    size: |_| 0,
    size_max: usize::MAX,
};

pub(in crate::store) async fn create_order(
    store: &Store,
    key: Option<RequestKey>,
    new: NewOrder,
) -> Result<Placed, StoreError> {
    store.change(context(key), CreateOrder { new, cart: None }, placed, TEXT).await.map(Changed::into_answer)
}

pub(in crate::store) fn cancel(id: OrderId) -> CancelOrder {
    CancelOrder { target: Target::latest(Part::Order(id)), reason: "changed my mind".to_owned() }
}

pub(super) fn fill(id: OrderId) -> FillOrder {
    FillOrder { target: Target::latest(Part::Order(id)) }
}

/// Declares each test once for each engine.
macro_rules! on_both_engines {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let scene = super::Scene::on_sqlite().await.expect("SQLite is always there");
                super::$name(&scene).await;
                scene.gone().await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(scene) = super::Scene::on_postgres().await else { return };
                super::$name(&scene).await;
                scene.gone().await;
            })+
        }
    };
}
pub(in crate::store) use on_both_engines;

/// Does something to an order.
pub(super) async fn on_order(
    store: &Store,
    id: OrderId,
    act: impl Fn(&mut Order, &mut UnitOfWork<'_>) -> Result<(), Refusal> + Send + 'static,
) {
    let reads = ReadSet { orders: vec![id], order_stock: true, couriers: true, ..ReadSet::default() };
    let act = move |unit: &mut UnitOfWork<'_>| {
        let mut order = unit.take_order(id)?;
        act(&mut order, unit)?;
        domain::conclude(order, unit)
    };
    store
        .decide(context(None), reads, act, |(), _| (), Codec::unkept())
        .await
        .expect("the change is accepted");
}

/// The number that a statement gives.
pub(in crate::store) async fn count(store: &Store, sql: &str) -> i64 {
    let db = store.look().await.expect("a connection");
    db.query_one(sql, Vec::new()).await.expect("a look").expect("a row").get(0).expect("a number")
}

/// Idempotency keys that are stored.
pub(super) async fn count_keys(store: &Store) -> i64 {
    count(store, "SELECT COUNT(*) FROM decisions WHERE request_id IS NOT NULL").await
}

pub(super) async fn count_events(store: &Store) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(last_position - first_position + 1), 0) AS BIGINT) FROM decisions";
    count(store, sql).await
}
