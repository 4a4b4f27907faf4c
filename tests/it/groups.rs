//! What a group costs: messages to the database are counted, not timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use consign::domain::{
    self, Actor, Command, CreateLocation, CreateOrder, CreateProduct, ReadSet, ReceiveStock, Refusal,
    UnitOfWork,
};
use consign::store::{Codec, Database, Effect, Options, RequestContext, Store};
use futures_util::future::{FutureExt, join_all};

use crate::postgres::TestDatabase;

/// The most messages that a group of this many placed orders may cost, BEGIN and COMMIT included.
const MESSAGES_MAX: u64 = 30;
const ORDERS: usize = 64;

#[tokio::test]
async fn sixty_four_placed_orders_cost_at_most_thirty_messages_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    count(Database::Sqlite(folder.path().join("consign.db"))).await;
}

#[tokio::test]
async fn sixty_four_placed_orders_cost_at_most_thirty_messages_on_postgresql() {
    let Some(database) = TestDatabase::create().await else { return };
    count(Database::Postgres(database.url.clone())).await;
}

#[tokio::test]
async fn one_client_alone_gets_a_group_of_its_own_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(Database::Sqlite(folder.path().join("consign.db"))).await;

    let groups = store.groups();
    for number in 0..5 {
        create_order(&store, number).await;
    }
    assert_eq!(store.groups() - groups, 5);
}

/// One thread, so that all of it is queued before the writer gets to run.
#[tokio::test]
async fn who_waits_for_one_product_is_not_kept_waiting_by_expired_reservations_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(Database::Sqlite(folder.path().join("consign.db"))).await;
    stock_up(&store, "NONE", 0).await;
    let short = |it: domain::NewOrder| domain::NewOrder { reservation_lifetime_seconds: Some(1), ..it };
    let placed = Instant::now();
    join_all((0..80).map(|number| order(&store, short(new_order(number, &["LEFT"]))))).await;
    while placed.elapsed() < Duration::from_millis(2_500) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let waiting = domain::NewOrder { on_shortage: domain::OnShortage::Wait, ..new_order(100, &["NONE"]) };
    let groups = store.groups();
    tokio::join!(order(&store, waiting), order(&store, new_order(101, &["LEFT"])));
    assert!(store.groups() - groups > 1, "there were holds to free first");
    store.close().await;
}

/// Everything is queued while the writer is held up in a decision: one group takes it all.
async fn count(database: Database) {
    let store = open(database).await;
    create_order(&store, 1_000).await;

    let groups = store.groups();
    let (begins, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let (all_queued, queued) = std::sync::mpsc::channel();
    let queued = std::sync::Mutex::new(queued);
    let (counting, before) = (store.clone(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&before);
    let hold_up = HoldUp(Box::new(move || {
        begins.send(()).expect("the test waits for it");
        queued.lock().expect("nobody panics").recv().expect("all are queued");
        counted.store(counting.messages(), Ordering::Relaxed);
    }));
    let placed = async {
        begun.recv().await.expect("the writer is held up");
        let mut placed = (0..ORDERS).map(|number| Box::pin(create_order(&store, number))).collect::<Vec<_>>();
        for order in &mut placed {
            assert!(order.as_mut().now_or_never().is_none(), "it waits for the writer");
        }
        all_queued.send(()).expect("the writer waits");
        join_all(placed).await;
    };
    tokio::join!(change(&store, hold_up), placed);
    let groups = store.groups() - groups;
    // What held it up is committed first.
    let statements = store.messages() - before.load(Ordering::Relaxed) - 1;

    println!("{statements} messages for a group of {ORDERS} placed orders");
    assert_eq!(groups, 2, "one that held it up, and one of all");
    assert!(statements <= MESSAGES_MAX, "{statements} messages");
    store.close().await;
}

/// A decision that keeps the writer waiting.
struct HoldUp(Box<dyn Fn() + Send>);

impl Command for HoldUp {
    const NAME: &'static str = "HoldUp";
    type Output = ();

    fn reads(&self) -> ReadSet {
        ReadSet::default()
    }

    fn decide(&self, _: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        (self.0)();
        Ok(())
    }
}

async fn open(database: Database) -> Store {
    let clock = Arc::new(consign::clock::now);
    let mut options = Options::new(database, Arc::default(), clock);
    options.lanes = 1;
    let store = Store::open(options).await.expect("the database opens");
    store.migrate().await.expect("the schema is made");

    let region = "EUROPE".parse().expect("a region");
    let location =
        domain::Location::new("HERE".parse().expect("a code"), region, "DE", consign::clock::now());
    change(&store, CreateLocation { location }).await;
    for sku in ["LEFT", "RIGHT"] {
        stock_up(&store, sku, 100_000).await;
    }
    store
}

async fn stock_up(store: &Store, sku: &str, units: i64) {
    let at = consign::clock::now();
    let product = domain::Product {
        unit_price: Some("EUR".parse::<domain::Currency>().expect("a currency").of(1_990)),
        weight_grams: 300,
        ..domain::Product::new(sku.parse().expect("a sku"), sku.to_lowercase(), at)
    };
    let sku = product.sku.clone();
    change(store, CreateProduct { product }).await;
    if units > 0 {
        let location = "HERE".parse().expect("a code");
        let note = String::new();
        change(store, ReceiveStock { sku, location, quantity: units, replenishment: None, note, lot: None })
            .await;
    }
}

async fn change<C: Command>(store: &Store, command: C) {
    let actor: Actor = "clerk".parse().expect("an actor");
    let call =
        RequestContext { actor, principal: None, request: None, deadline: None, effect: Effect::Commit };
    store.change(call, command, |_, _| (), Codec::unkept()).await.expect("the change is accepted");
}

/// One order of two products by a customer of its own.
async fn create_order(store: &Store, number: usize) {
    order(store, new_order(number, &["LEFT", "RIGHT"])).await;
}

async fn order(store: &Store, new: domain::NewOrder) {
    change(store, CreateOrder { new, cart: None }).await;
}

fn new_order(number: usize, skus: &[&str]) -> domain::NewOrder {
    let line = |sku: &str| domain::NewLine {
        sku: sku.parse().expect("a sku"),
        quantity: 1,
        unit_price: None,
        discount: None,
        description: String::new(),
    };
    domain::NewOrder {
        channel: domain::Channel::Online,
        external_reference: format!("order {number}"),
        customer: domain::Customer {
            name: "Ada Morris".to_owned(),
            email: format!("ada{number}@example.com"),
            phone: String::new(),
            locale: String::new(),
            phone_extension: String::new(),
        },
        shipping_address: domain::Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["Invalidenstraße 117".to_owned()],
            city: "Berlin".to_owned(),
            area: String::new(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
        },
        billing_address: None,
        currency: "EUR".parse().expect("a currency"),
        lines: skus.iter().map(|it| line(it)).collect(),
        discount: None,
        discount_code: None,
        prices_include_tax: false,
        shipping_fee: None,
        special_instructions: String::new(),
        service: domain::ServiceLevel::Standard,
        on_shortage: domain::OnShortage::Refuse,
        allocation: None,
        reservation_lifetime_seconds: None,
        requested_by: None,
        on_late: domain::OnLate::Accept,
        wait_until: None,
        labels: Default::default(),
        named: None,
    }
}
