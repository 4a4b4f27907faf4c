//! The store on both engines: PostgreSQL when TEST_DATABASE_URL names a server, each test in a database of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::recent::Edition;
use super::{
    Call, Changed, Codec, Compare, Database, Direction, EventFilter, JobKind, Listing, Options, RequestKey,
    RequestMode, Store, StoreError, Term, TimeSource, View,
};
use crate::domain::{
    self, Actor, Address, Ask, CancelOrder, Channel, Command, CreateOrder, Customer, Desk, FillOrder, Lease,
    Location, LocationCode, Method, NewLine, NewOrder, NewPayment, OnOrder, OnShortage, Order, OrderId,
    OrderState, Part, Product, ProviderAnswer, Refusal, Rules, RunDue, ServiceLevel, Sku, Target, Timestamp,
    Touch,
};

const START: i64 = 1_760_000_000_000_000;

/// A database of a test's own, and a clock that only the test moves.
struct Shop {
    database: Database,
    clock: Arc<AtomicI64>,
    rules: Arc<Rules>,
    store: Store,
    /// Removed with it.
    directory: Option<tempfile::TempDir>,
    server: Option<(String, String)>,
}

impl Shop {
    async fn on_sqlite() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::Sqlite(directory.path().join("data/consign.db"));
        Some(Self::open(database, Some(directory), None).await)
    }

    async fn on_postgres() -> Option<Self> {
        let (database, server) = fresh_database(&std::env::var("TEST_DATABASE_URL").ok()?).await;
        Some(Self::open(database, None, Some(server)).await)
    }

    async fn open(
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
    async fn another(&self) -> Store {
        Store::open(self.options()).await.expect("another store")
    }

    fn options(&self) -> Options {
        options(&self.database, &self.rules, &self.clock)
    }

    fn later(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a short time");
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    async fn gone(self) {
        self.store.close().await;
        drop(self.directory);
        drop_database(self.server).await;
    }

    /// `skus` products of which `units` each lie in one European warehouse.
    async fn stocked(&self, skus: &[&str], units: i64) {
        let location = Location {
            code: code("BER"),
            version: 0,
            name: "Berlin".to_owned(),
            region: "EUROPE".parse().expect("a region"),
            country: "DE".to_owned(),
            priority: 1,
            created_at: Timestamp::from_unix_micros(START),
        };
        let touch = Touch { locations: true, ..Touch::default() };
        self.do_it(touch, move |desk| domain::create_location(desk, &location)).await.expect("a location");
        for text in skus {
            let product = product(text);
            let touch = Touch { skus: vec![sku(text)], locations: true, ..Touch::default() };
            let stocking = move |desk: &mut Desk<'_>| {
                domain::create_product(desk, &product)?;
                domain::receive_stock(desk, &product.sku, &code("BER"), units, "delivery note 1", None)
            };
            self.do_it(touch, stocking).await.expect("a stocked product");
        }
    }

    async fn do_it<T: Send + 'static>(
        &self,
        touch: Touch,
        decide: impl Fn(&mut Desk<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.store.decide(call(None), touch, decide, |_, _| (), Codec::unkept()).await
    }

    /// A command whose answer nobody looks at.
    async fn order<C: Command>(&self, command: C) -> Result<(), StoreError> {
        self.store.change(call(None), command, |_, _| (), Codec::unkept()).await.map(Changed::into_answer)
    }

    async fn units(&self, text: &str) -> (i64, i64) {
        let level = self.store.level(&sku(text), &code("BER")).await.expect("a look").expect("a level");
        (level.on_hand, level.reserved)
    }
}

/// An empty database, and where and under which name it is to be dropped.
async fn fresh_database(url: &str) -> (Database, (String, String)) {
    let name = format!("consign_{:016x}", fastrand::u64(..));
    let mut server = PgConnection::connect(url).await.expect("the server");
    server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    let (base, _) = url.rsplit_once('/').expect("a database in the URL");
    (Database::Postgres(format!("{base}/{name}")), (url.to_owned(), name))
}

async fn drop_database(server: Option<(String, String)>) {
    if let Some((url, name)) = server {
        let mut server = PgConnection::connect(&url).await.expect("the server");
        let sql = format!("DROP DATABASE {name} WITH (FORCE)");
        server.execute(AssertSqlSafe(sql)).await.expect("a database less");
    }
}

fn options(database: &Database, rules: &Arc<Rules>, clock: &Arc<AtomicI64>) -> Options {
    let clock = Arc::clone(clock);
    let read = move || Timestamp::from_unix_micros(clock.load(Ordering::Relaxed));
    let mut options = Options::new(database.clone(), Arc::clone(rules), Arc::new(read));
    options.lanes = 2;
    // The test server runs without, to spare the disk.
    options.allow_unsafe_durability = true;
    options.time = TimeSource::Given;
    options
}

fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

fn code(text: &str) -> LocationCode {
    text.parse().expect("a code")
}

fn product(text: &str) -> Product {
    Product {
        sku: sku(text),
        version: 0,
        name: format!("Product {text}"),
        tax_category: "STANDARD".to_owned(),
        unit_price: Some("EUR".parse::<domain::Currency>().expect("a currency").of(1_000)),
        weight_grams: 500,
        created_at: Timestamp::from_unix_micros(START),
    }
}

fn order_for(lines: &[(&str, i64)], on_shortage: OnShortage) -> NewOrder {
    let who = fastrand::u64(..);
    NewOrder {
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: "Ada Lovelace".to_owned(),
            email: format!("ada{who}@example.com"),
            phone: String::new(),
            locale: "en".to_owned(),
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
        discount_code: String::new(),
        prices_include_tax: false,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage,
        reservation_lifetime_seconds: None,
        requested_by: None,
    }
}

fn call(request: Option<RequestKey>) -> Call {
    Call { actor: Actor::stored("ann".to_owned()), request, deadline: None }
}

fn request(id: &str, content: u8) -> Option<RequestKey> {
    Some(RequestKey {
        actor: Actor::stored("ann".to_owned()),
        method: "CreateOrder",
        id: id.to_owned(),
        fingerprint: [content; 32],
        mode: RequestMode::Claim,
    })
}

/// The reply: order number, id and state, kept as text.
type Placed = (i64, OrderId, OrderState);

fn placed(created: &OnOrder<()>, view: &View<'_>) -> Placed {
    number_of(&created.order, view)
}

fn number_of(id: &OrderId, view: &View<'_>) -> Placed {
    let order = view.order(*id).expect("the order just decided");
    (order.number, order.id, order.state)
}

const TEXT: Codec<Placed> = Codec {
    encode: |(number, id, state)| format!("{number} {id} {state}").into_bytes(),
    decode: |bytes| {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut parts = text.split(' ');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    },
    size: |_| 0,
    size_max: usize::MAX,
};

async fn place(store: &Store, key: Option<RequestKey>, new: NewOrder) -> Result<Placed, StoreError> {
    store.change(call(key), CreateOrder { new }, placed, TEXT).await.map(Changed::into_answer)
}

fn cancel(id: OrderId) -> CancelOrder {
    CancelOrder { target: Target::latest(Part::Order(id)), reason: "changed my mind".to_owned() }
}

fn fill(id: OrderId) -> FillOrder {
    FillOrder { target: Target::latest(Part::Order(id)) }
}

/// Declares each test once for each engine.
macro_rules! on_both_engines {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let shop = super::Shop::on_sqlite().await.expect("SQLite is always there");
                super::$name(&shop).await;
                shop.gone().await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(shop) = super::Shop::on_postgres().await else { return };
                super::$name(&shop).await;
                shop.gone().await;
            })+
        }
    };
}

mod answers;
mod clocks;
mod due;
mod plans;
mod readers;
mod reads;

use answers::*;
use clocks::*;
use due::*;
use readers::*;
use reads::*;

on_both_engines! {
    an_order_is_stored_whole
    what_is_remembered_of_an_order_is_what_is_stored
    an_archived_order_is_not_remembered
    an_order_of_a_list_is_not_remembered
    a_replay_gives_the_stored_answer
    a_used_request_id_with_other_content_is_refused
    a_refused_change_leaves_no_trace_in_its_group
    concurrent_twins_have_one_effect
    each_request_id_of_a_group_is_answered_for_itself
    an_amended_answer_takes_the_place_of_the_first
    a_dropped_caller_tears_nothing
    however_many_holds_are_overdue_their_stock_is_there_for_the_next_buyer
    a_waiting_order_is_filled_from_holds_that_nobody_has_swept
    a_full_queue_says_so_at_once
    a_late_change_is_never_decided
    a_panic_fails_only_its_own_change
    an_answer_that_is_too_large_refuses_only_its_own_change
    a_row_that_breaks_a_law_fails_only_its_own_change
    what_is_merely_due_breaks_no_law_and_what_nobody_is_to_do_breaks_one
    what_is_held_needs_a_job_that_ends_it_in_time
    the_last_units_are_sold_once
    two_stores_sell_the_last_units_once
    crossed_lines_stand_in_nobodys_way
    numbers_and_positions_have_no_gap
    a_group_of_orders_costs_few_statements
    a_job_is_leased_to_one_worker
    stock_that_arrives_finds_those_who_wait
    old_answers_are_reaped
    lists_go_page_by_page
    the_feed_is_read_from_a_position
    several_stores_bring_the_schema_up_at_once
    a_closed_store_has_done_what_was_queued
    a_reader_that_is_done_leaves_its_connection_at_hand
    a_connection_comes_to_hand_when_what_nobody_heard_is_over
    a_question_that_failed_costs_no_connection
    an_answer_that_was_cut_short_costs_its_connection
    there_are_no_more_readers_than_connections
    a_connection_that_does_not_know_the_questions_makes_way
    connections_that_died_while_nobody_used_them_are_replaced
    a_store_closes_when_its_last_reader_is_done
    clocks_that_differ_break_no_law
    an_hour_ahead_is_over_when_the_clock_is_right_again
    the_machines_clock_is_not_the_databases
    a_verification_sees_the_stock_of_goods_that_were_just_corrected
    a_verification_sees_the_order_that_a_corrected_one_looks_like
}

async fn an_order_is_stored_whole(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 10).await;
    let new = order_for(&[("A-1", 2), ("A-2", 1)], OnShortage::Refuse);
    let (number, id, _) = place(&shop.store, None, new).await.expect("an order");

    let order = shop.store.order(id).await.expect("a look").expect("the order");
    assert_eq!(order.number, number);
    assert_eq!(order.lines.len(), 2);
    assert_eq!(shop.units("A-1").await, (10, 2));
    assert_eq!(shop.store.order_by_number(number).await.expect("a look"), Some(order.clone()));
    let events = shop.store.events_of(id).await.expect("a look");
    let sequences: Vec<_> = events.iter().map(|it| it.1.sequence).collect();
    assert_eq!(sequences, (1..=order.last_event).collect::<Vec<_>>());
}

async fn what_is_remembered_of_an_order_is_what_is_stored(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 10).await;
    let new = order_for(&[("A-1", 2), ("A-2", 1)], OnShortage::Refuse);
    let (_, id, _) = place(&shop.store, None, new).await.expect("an order");
    let asking = NewPayment {
        method: Method::Card,
        token: "tok_success".to_owned(),
        amount: None,
        ask: Ask::Charge,
        provider: "test".to_owned(),
    };
    on_order(&shop.store, id, move |order, desk| order.begin_payment(desk, &asking).map(|_| ())).await;
    let other = shop.another().await;
    assert_eq!(shop.store.order(id).await.expect("a look"), other.order(id).await.expect("a look"));

    on_order(&other, id, |order, desk| {
        let payment = order.payments[0].id;
        order
            .answer_payment(desk, payment, Ask::Charge, &ProviderAnswer::Done("ref 1".to_owned()))
            .map(|_| ())
    })
    .await;
    let (ours, theirs) = (shop.store.order(id).await, other.order(id).await);
    let (ours, theirs) = (ours.expect("a look").expect("the order"), theirs.expect("a look"));
    assert_eq!(ours.state, OrderState::Fulfilling);
    assert_eq!(Some(&ours), theirs.as_ref());
    other.close().await;

    // A database that failed over may have counted the same version for something else.
    let stored = Edition { version: ours.version, updated_at: ours.updated_at };
    let another = Edition { updated_at: stored.updated_at.plus(Duration::from_micros(1)), ..stored };
    let remembered = |edition| shop.store.inner.recent.get(id, edition);
    assert_eq!((remembered(stored), remembered(another)), (Some(Arc::clone(&ours)), None));

    let fresh = shop.another().await;
    assert_eq!(Some(ours), fresh.order(id).await.expect("a look"));
    fresh.close().await;
}

async fn an_archived_order_is_not_remembered(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = place(&shop.store, None, new).await.expect("an order");
    let order = shop.store.order(id).await.expect("a look").expect("the order");
    let stored = Edition { version: order.version, updated_at: order.updated_at };
    assert!(shop.store.inner.recent.get(id, stored).is_some());

    on_order(&shop.store, id, |order, desk| {
        order.cancel(desk, "changed my mind")?;
        for message in order.messages.iter().map(|it| it.id).collect::<Vec<_>>() {
            order.answer_message(desk, message, Ok(()))?;
        }
        order.archive(desk)
    })
    .await;
    assert!(shop.store.inner.recent.get(id, stored).is_none());
    let archived = shop.store.order(id).await.expect("a look").expect("the order");
    assert_eq!(archived.state, OrderState::Archived);
}

async fn an_order_of_a_list_is_not_remembered(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = place(&shop.store, None, new).await.expect("an order");

    let other = shop.another().await;
    let (listed, _) =
        other.list_orders(&Listing { size: 5, ..Listing::default() }, false).await.expect("a page");
    assert_eq!(listed.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    assert!(!other.inner.recent.knows(id));
    other.order(id).await.expect("a look").expect("the order");
    assert!(other.inner.recent.knows(id));
    other.close().await;
}

/// Does something to an order.
async fn on_order(
    store: &Store,
    id: OrderId,
    act: impl Fn(&mut Order, &mut Desk<'_>) -> Result<(), Refusal> + Send + 'static,
) {
    let touch = Touch { orders: vec![id], order_stock: true, ..Touch::default() };
    let act = move |desk: &mut Desk<'_>| {
        let mut order = desk.take_order(id)?;
        act(&mut order, desk)?;
        domain::conclude(order, desk)
    };
    store.decide(call(None), touch, act, |(), _| (), Codec::unkept()).await.expect("the change is accepted");
}

async fn a_replay_gives_the_stored_answer(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let first = place(&shop.store, request("request-1", 1), new.clone()).await.expect("an order");
    let second = place(&shop.store, request("request-1", 1), new).await.expect("its answer");

    assert_eq!(first, second);
    assert_eq!(shop.units("A-1").await, (10, 1));
}

async fn a_used_request_id_with_other_content_is_refused(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    place(&shop.store, request("request-1", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("one");
    let other =
        place(&shop.store, request("request-1", 2), order_for(&[("A-1", 2)], OnShortage::Refuse)).await;

    assert!(matches!(other, Err(StoreError::RequestIdReused)));
    assert_eq!(shop.units("A-1").await, (10, 1));
}

async fn a_refused_change_leaves_no_trace_in_its_group(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let before = shop.store.last_position().await.expect("a look");
    let wants = [3, 8, 4, 20, 3];
    let placing = wants.iter().enumerate().map(|(place_in_group, units)| {
        let store = shop.store.clone();
        let key = request(&format!("request-{place_in_group}"), 1);
        let new = order_for(&[("A-1", *units)], OnShortage::Refuse);
        tokio::spawn(async move { place(&store, key, new).await })
    });
    let mut refused = 0;
    let mut taken = 0;
    for (handle, units) in placing.collect::<Vec<_>>().into_iter().zip(wants) {
        match handle.await.expect("no panic") {
            Ok(_) => taken += units,
            Err(StoreError::Refused(Refusal::Short(_))) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }

    assert_eq!(shop.units("A-1").await, (10, taken));
    let kept = count(&shop.store, "SELECT COUNT(*) AS n FROM requests").await;
    assert_eq!(kept, 5 - refused);
    assert_eq!(count(&shop.store, "SELECT COUNT(*) AS n FROM orders").await, 5 - refused);
    let events = count(&shop.store, "SELECT COUNT(*) AS n FROM events").await;
    assert_eq!(shop.store.last_position().await.expect("a look") - before, events);
    // A refused id can be used again, also for something else.
    let again = place(&shop.store, request("request-3", 2), order_for(&[("A-1", 1)], OnShortage::Wait)).await;
    assert!(again.is_ok());
}

async fn concurrent_twins_have_one_effect(shop: &Shop) {
    shop.stocked(&["A-1"], 1_000).await;
    let stores = [shop.store.clone(), shop.another().await];
    let mut handles = Vec::new();
    for key in 0..20 {
        let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        for twin in 0..8 {
            let store = stores[twin % 2].clone();
            let new = new.clone();
            let key = request(&format!("request-{key}"), 1);
            handles.push(tokio::spawn(async move { place(&store, key, new).await }));
        }
    }
    let mut answers = BTreeSet::new();
    for handle in handles {
        answers.insert(handle.await.expect("no panic").expect("an answer").1);
    }

    assert_eq!(answers.len(), 20);
    assert_eq!(shop.units("A-1").await, (1_000, 20));
    stores[1].close().await;
}

async fn each_request_id_of_a_group_is_answered_for_itself(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let before = place(&shop.store, request("request-0", 1), new).await.expect("an order");
    let (began, deciding) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let mut options = shop.options();
    options.lanes = 1;
    let alone = Store::open(options).await.expect("a store");
    let store = alone.clone();
    let first = tokio::spawn(async move {
        let decide = move |_: &mut Desk<'_>| {
            let _ = began.send(());
            let _ = wait.recv();
            Ok(())
        };
        store.decide(call(None), Touch::default(), decide, |(), _| (), Codec::unkept()).await
    });
    deciding.recv().expect("the writer is at work");

    // What comes meanwhile makes one group, in this order.
    let ask = |id: &str, content, units| {
        place(&alone, request(id, content), order_for(&[("A-1", units)], OnShortage::Refuse))
    };
    let later = |id: &OrderId, _: &View<'_>| (0, *id, OrderState::Cancelled);
    let (one, twin, reused, used_before, short, short_once, anew, early, late, ()) = tokio::join!(
        ask("request-1", 1, 1),
        ask("request-1", 1, 1),
        ask("request-1", 2, 1),
        ask("request-0", 2, 1),
        ask("request-2", 1, 20),
        ask("request-3", 1, 20),
        ask("request-3", 2, 2),
        ask("request-4", 1, 1),
        alone.decide(amending("request-4"), Touch::default(), move |_| Ok(before.1), later, TEXT),
        async { go.send(()).expect("the writer waits") },
    );
    first.await.expect("no panic").expect("accepted");
    let (one, anew) = (one.expect("an order"), anew.expect("an order"));
    assert_eq!(twin.expect("the same answer"), one);
    for refused in [reused, used_before] {
        assert!(matches!(refused, Err(StoreError::RequestIdReused)), "{refused:?}");
    }
    for refused in [short, short_once] {
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::Short(_)))), "{refused:?}");
    }
    let (_, late) = (early.expect("an order"), late.expect("its later phase"));
    assert_eq!(shop.units("A-1").await, (10, 5));
    assert_eq!(count(&shop.store, "SELECT COUNT(*) AS n FROM requests").await, 4);

    assert_eq!(ask("request-0", 1, 1).await.expect("its answer"), before);
    assert_eq!(ask("request-1", 1, 1).await.expect("its answer"), one);
    assert_eq!(ask("request-3", 2, 2).await.expect("its answer"), anew);
    assert_eq!(ask("request-4", 1, 1).await.expect("the last answer"), late);
    assert!(matches!(ask("request-3", 1, 20).await, Err(StoreError::RequestIdReused)));
    ask("request-2", 2, 1).await.expect("the id of what was refused is free");
    assert_eq!(shop.units("A-1").await, (10, 6));
    alone.close().await;
}

async fn an_amended_answer_takes_the_place_of_the_first(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = place(&shop.store, request("request-1", 1), new.clone()).await.expect("an order");

    let amending = amending("request-1");
    let reply = |cancelled: &OnOrder<()>, view: &View<'_>| number_of(&cancelled.order, view);
    let changing = shop.store.change(amending.clone(), cancel(id), reply, TEXT);
    let cancelled = changing.await.expect("a cancelled order").into_answer();

    let again = place(&shop.store, request("request-1", 1), new.clone()).await.expect("the answer");
    assert_eq!((again.1, again.2), (id, OrderState::Cancelled));
    assert_eq!(again, cancelled);

    // The final answer stands, whatever a later phase of a repeat would say.
    let later = shop.store.decide(
        amending,
        Touch::default(),
        move |_| Ok(id),
        |id, _| (0, *id, OrderState::Closed),
        TEXT,
    );
    assert_eq!(later.await.expect("the final answer"), cancelled);
    let again = place(&shop.store, request("request-1", 1), new).await.expect("the answer");
    assert_eq!(again, cancelled);
}

/// A later phase of what was asked for under this id.
fn amending(id: &str) -> Call {
    let later = |it: RequestKey| RequestKey { mode: RequestMode::Amend { is_final }, ..it };
    Call { request: request(id, 1).map(later), ..call(None) }
}

fn is_final(answer: &[u8]) -> bool {
    (TEXT.decode)(answer).is_some_and(|it| it.2 == OrderState::Cancelled)
}

/// Sets one unit aside for other callers, `units` times, for a minute.
async fn held_one_by_one(shop: &Shop, text: &'static str, units: u8) {
    for _ in 0..units {
        let new = others(text, 1, Duration::from_secs(60));
        let touch = Touch { skus: vec![sku(text)], ..Touch::default() };
        shop.do_it(touch, move |desk| domain::reserve_stock(desk, &new)).await.expect("there is stock");
    }
}

fn others(text: &str, units: i64, lifetime: Duration) -> domain::NewReservation {
    domain::NewReservation {
        region: "EUROPE".parse().expect("a region"),
        location: None,
        lines: vec![(sku(text), units)],
        lifetime: Some(lifetime),
        reference: "basket".to_owned(),
    }
}

async fn however_many_holds_are_overdue_their_stock_is_there_for_the_next_buyer(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 70).await;
    held_one_by_one(shop, "A-1", 70).await;
    held_one_by_one(shop, "A-2", 70).await;
    let short = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    shop.later(Duration::from_secs(61));
    let new = order_for(&[("A-1", 66)], OnShortage::Refuse);
    place(&shop.store, request("request-1", 1), new.clone()).await.expect("what nobody holds any more");
    assert_eq!(shop.units("A-1").await, (70, 66));
    place(&shop.store, request("request-1", 1), new).await.expect("the same answer, nothing more reserved");
    assert_eq!(shop.units("A-1").await, (70, 66));
    let short = place(&shop.store, None, order_for(&[("A-1", 5)], OnShortage::Refuse)).await;
    assert!(matches!(short, Err(StoreError::Refused(Refusal::Short(_)))), "{short:?}");

    let new = order_for(&[("A-2", 66)], OnShortage::Wait);
    let (_, _, state) = place(&shop.store, None, new).await.expect("it need not wait");
    assert_ne!(state, OrderState::AwaitingStock);
    assert_eq!(shop.units("A-2").await, (70, 66));
}

async fn a_waiting_order_is_filled_from_holds_that_nobody_has_swept(shop: &Shop) {
    shop.stocked(&["A-1"], 2).await;
    held_one_by_one(shop, "A-1", 2).await;
    let new = order_for(&[("A-1", 2)], OnShortage::Wait);
    let (_, id, state) = place(&shop.store, None, new).await.expect("it waits");
    assert_eq!(state, OrderState::AwaitingStock);

    shop.later(Duration::from_secs(61));
    shop.order(fill(id)).await.expect("a filled order");
    assert_eq!(shop.units("A-1").await, (2, 2));
}

async fn a_dropped_caller_tears_nothing(shop: &Shop) {
    shop.stocked(&["A-1"], 1_000).await;
    for _ in 0..50 {
        let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        let placing = place(&shop.store, None, new);
        let given = Duration::from_micros(fastrand::u64(0..3_000));
        let _ = tokio::time::timeout(given, placing).await;
    }
    // Behind everything that was queued.
    place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    tokio::time::sleep(Duration::from_millis(300)).await;

    let orders = count(&shop.store, "SELECT COUNT(*) AS n FROM orders").await;
    let lines = count(&shop.store, "SELECT COUNT(*) AS n FROM order_lines").await;
    assert_eq!(orders, lines);
    assert_eq!(shop.units("A-1").await, (1_000, orders));
    assert!(orders > 0);
}

async fn a_full_queue_says_so_at_once(shop: &Shop) {
    shop.stocked(&["A-1"], 1_000).await;
    let mut options = shop.options();
    options.queue_max = 4;
    options.group_max = 1;
    let narrow = Store::open(options).await.expect("a store");
    let handles: Vec<_> = (0..200)
        .map(|_| {
            let store = narrow.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, None, new).await })
        })
        .collect();
    let (mut done, mut full) = (0, 0);
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => done += 1,
            Err(StoreError::Overloaded) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }

    assert!(full > 0, "{done} done, none refused");
    assert_eq!(shop.units("A-1").await, (1_000, done));
    narrow.close().await;
}

async fn a_late_change_is_never_decided(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let late = Call { deadline: Some(Instant::now()), ..call(None) };
    let placed = shop.store.change(late, CreateOrder { new }, placed, TEXT).await;

    assert!(matches!(placed, Err(StoreError::DeadlineExceeded)));
    assert_eq!(shop.units("A-1").await, (10, 0));
}

async fn a_panic_fails_only_its_own_change(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let store = shop.store.clone();
    let deciding = tokio::spawn(async move {
        let decide = |_: &mut Desk<'_>| -> Result<(), Refusal> { panic!("in a decision") };
        store.decide(call(None), Touch::default(), decide, |(), _| (), Codec::unkept()).await
    });
    let store = shop.store.clone();
    let replying = tokio::spawn(async move {
        let new = order_for(&[("A-1", 5)], OnShortage::Refuse);
        let reply = |_: &OnOrder<()>, _: &View<'_>| panic!("in a reply");
        store.change(call(None), CreateOrder { new }, reply, Codec::<()>::unkept()).await
    });
    let good = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;

    assert!(matches!(deciding.await.expect("no panic"), Err(StoreError::Internal(_))));
    assert!(matches!(replying.await.expect("no panic"), Err(StoreError::Internal(_))));
    assert!(good.is_ok());
    assert_eq!(shop.units("A-1").await, (10, 1));
}

async fn a_row_that_breaks_a_law_fails_only_its_own_change(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 10).await;
    let bad = {
        let store = shop.store.clone();
        tokio::spawn(async move {
            let touch = Touch { skus: vec![sku("A-2")], ..Touch::default() };
            let decide = |desk: &mut Desk<'_>| {
                let mut level = desk.level(&sku("A-2"), &code("BER")).expect("a level").clone();
                level.reserved = level.on_hand + 1;
                desk.keep_level(level);
                Ok(())
            };
            store.decide(call(None), touch, decide, |(), _| (), Codec::unkept()).await
        })
    };
    let good: Vec<_> = (0..5)
        .map(|_| {
            let store = shop.store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, None, new).await })
        })
        .collect();

    assert!(matches!(bad.await.expect("no panic"), Err(StoreError::Internal(_))));
    for handle in good {
        assert!(handle.await.expect("no panic").is_ok());
    }
    assert_eq!(shop.units("A-1").await, (10, 5));
    assert_eq!(shop.units("A-2").await, (10, 0));
}

async fn the_last_units_are_sold_once(shop: &Shop) {
    shop.stocked(&["A-1"], 25).await;
    let accepted = rush(std::slice::from_ref(&shop.store), 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(shop.units("A-1").await, (25, 25));
}

async fn two_stores_sell_the_last_units_once(shop: &Shop) {
    shop.stocked(&["A-1"], 25).await;
    let other = shop.another().await;
    let accepted = rush(&[shop.store.clone(), other.clone()], 100).await;
    assert_eq!(accepted, 25);
    assert_eq!(shop.units("A-1").await, (25, 25));
    other.close().await;
}

/// So many buyers of one unit each at once; how many get it. Everybody else hears that there is none.
async fn rush(stores: &[Store], buyers: usize) -> i64 {
    let handles: Vec<_> = (0..buyers)
        .map(|buyer| {
            let store = stores[buyer % stores.len()].clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, None, new).await })
        })
        .collect();
    let mut accepted = 0;
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => accepted += 1,
            Err(StoreError::Refused(Refusal::Short(_))) => {}
            Err(other) => panic!("{other}"),
        }
    }
    accepted
}

async fn crossed_lines_stand_in_nobodys_way(shop: &Shop) {
    let names: Vec<String> = (0..12).map(|it| format!("A-{it}")).collect();
    let skus: Vec<&str> = names.iter().map(String::as_str).collect();
    shop.stocked(&skus, 40).await;
    let stores = [shop.store.clone(), shop.another().await];
    let handles: Vec<_> = (0..120)
        .map(|buyer| {
            let store = stores[buyer % 2].clone();
            let mut chosen = skus.clone();
            fastrand::shuffle(&mut chosen);
            let lines: Vec<_> = chosen[..5].iter().map(|it| (*it, 1)).collect();
            let new = order_for(&lines, OnShortage::Refuse);
            tokio::spawn(async move {
                let (_, id, _) = place(&store, None, new).await?;
                let touch = Touch { orders: vec![id], order_stock: true, ..Touch::default() };
                let cancel = move |desk: &mut Desk<'_>| {
                    let mut order = desk.take_order(id)?;
                    order.cancel(desk, "changed my mind")?;
                    desk.keep_order(order);
                    Ok(())
                };
                store.decide(call(None), touch, cancel, |(), _| (), Codec::unkept()).await
            })
        })
        .collect();
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(()) | Err(StoreError::Refused(Refusal::Short(_))) => {}
            Err(other) => panic!("{other}"),
        }
    }

    for sku in skus {
        assert_eq!(shop.units(sku).await, (40, 0));
    }
    let broken = shop.store.check_integrity(None).await.expect("the laws");
    let broken: Vec<_> = broken.into_iter().filter(|it| it.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:?}");
    stores[1].close().await;
}

async fn numbers_and_positions_have_no_gap(shop: &Shop) {
    shop.stocked(&["A-1"], 1_000).await;
    let other = shop.another().await;
    assert_eq!(rush(&[shop.store.clone(), other.clone()], 60).await, 60);

    let invoices = count(&shop.store, "SELECT COUNT(*) AS n FROM invoice_numbers").await;
    assert_eq!(
        count(&shop.store, "SELECT COALESCE(MAX(number), 0) AS n FROM invoice_numbers").await,
        invoices
    );
    assert_eq!(count(&shop.store, "SELECT MAX(number) AS n FROM orders").await, 60);
    let events = count(&shop.store, "SELECT COUNT(*) AS n FROM events").await;
    assert_eq!(shop.store.last_position().await.expect("a look"), events);
    other.close().await;
}

async fn a_group_of_orders_costs_few_statements(shop: &Shop) {
    shop.stocked(&["A-1", "A-2"], 1_000).await;
    // Something for the writer to do while the rest queues up.
    let mut options = shop.options();
    options.lanes = 1;
    let store = Store::open(options).await.expect("a store");
    let first = {
        let store = store.clone();
        tokio::spawn(async move { place(&store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await })
    };
    while store.statements() == 0 {
        tokio::task::yield_now().await;
    }
    let handles: Vec<_> = (0..64)
        .map(|number| {
            let store = store.clone();
            let key = request(&format!("request-{number}"), 1);
            let new = order_for(&[("A-1", 1), ("A-2", 2)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, key, new).await })
        })
        .collect();
    first.await.expect("no panic").expect("an order");
    let before = store.statements();
    for handle in handles {
        handle.await.expect("no panic").expect("an order");
    }
    let statements = store.statements() - before;
    let groups = store.groups() - 1;

    assert!(statements <= 30 * groups, "{statements} statements in {groups} groups");
    assert!(groups <= 8, "{groups} groups");
    store.close().await;
}

async fn a_job_is_leased_to_one_worker(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let (_, id, _) =
        place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    let lease_for = Duration::from_secs(30);
    shop.later(Duration::from_secs(10 * 24 * 3_600));
    let jobs = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.iter().map(|it| (it.kind, it.subject)).collect::<Vec<_>>(), [(JobKind::Order, id.0)]);
    assert!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());

    // The first worker sleeps for too long; another takes over.
    shop.later(2 * lease_for);
    let again = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].attempts, 2);
    let tend =
        |lease: Lease| shop.order(RunDue { target: Target::latest(Part::Order(id)), lease: Some(lease) });
    let stale = tend(jobs[0].lease).await;
    assert!(matches!(stale, Err(StoreError::Refused(Refusal::LeaseLost(_)))));
    tend(again[0].lease).await.expect("an expired order");
    assert_eq!(shop.units("A-1").await, (10, 0));

    // A failed one comes back when it was told to.
    shop.later(Duration::from_secs(365 * 24 * 3_600));
    let jobs = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.len(), 1);
    let retry_at = shop.store.now().plus(Duration::from_secs(5));
    shop.store.job_failed(jobs[0].lease, retry_at).await.expect("noted");
    assert!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());
    shop.later(Duration::from_secs(6));
    assert_eq!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").len(), 1);
}

async fn stock_that_arrives_finds_those_who_wait(shop: &Shop) {
    shop.stocked(&["A-1"], 1).await;
    let mut waiting = Vec::new();
    for units in [3, 2] {
        let new = order_for(&[("A-1", units)], OnShortage::Wait);
        let (_, id, state) = place(&shop.store, None, new).await.expect("an order");
        assert_eq!(state, OrderState::AwaitingStock);
        waiting.push(id);
    }
    // There is one unit, which the older one wants.
    assert_eq!(shop.store.waiting_orders(10).await.expect("a look"), waiting[..1]);
    let newer = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(newer, Err(StoreError::Refused(Refusal::Short(_)))));

    let touch = Touch { skus: vec![sku("A-1")], locations: true, ..Touch::default() };
    shop.do_it(touch, |desk| domain::receive_stock(desk, &sku("A-1"), &code("BER"), 4, "note 2", None))
        .await
        .expect("stock");
    assert_eq!(shop.store.waiting_orders(10).await.expect("a look"), waiting);
    for id in waiting {
        shop.order(fill(id)).await.expect("a filled order");
    }
    assert_eq!(shop.units("A-1").await, (5, 5));
    assert!(shop.store.waiting_orders(10).await.expect("a look").is_empty());
}

async fn old_answers_are_reaped(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    place(&shop.store, request("request-1", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("one");
    shop.later(Duration::from_secs(73 * 3_600));
    place(&shop.store, request("request-2", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("two");
    let older_than = shop.store.now().minus(Duration::from_secs(72 * 3_600));

    assert_eq!(shop.store.reap_requests(older_than).await.expect("reaped"), 1);
    assert_eq!(count(&shop.store, "SELECT COUNT(*) AS n FROM requests").await, 1);
}

async fn lists_go_page_by_page(shop: &Shop) {
    shop.stocked(&["A-1"], 1_000).await;
    for number in 0..7 {
        let mut new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        new.external_reference = format!("web-{number}");
        new.customer.email = format!("customer{}@example.com", number % 2);
        place(&shop.store, None, new).await.expect("an order");
        shop.later(Duration::from_secs(601));
    }
    let by = |field: &str, compare: Compare, value: &str| Term {
        field: field.to_owned(),
        compare,
        value: value.to_owned(),
    };

    let mut listing = Listing { size: 3, ..Listing::default() };
    let mut numbers = Vec::new();
    for show_archived in [false, true] {
        numbers.clear();
        listing.after = None;
        loop {
            let (orders, next) = shop.store.list_orders(&listing, show_archived).await.expect("a page");
            numbers.extend(orders.iter().map(|it| it.number));
            listing.after = next;
            if listing.after.is_none() {
                break;
            }
        }
        assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    }

    listing.filter = vec![by("customer_email", Compare::Equal, "customer1@example.com")];
    listing.order_by = Some(("number".to_owned(), Direction::Ascending));
    let (orders, next) = shop.store.list_orders(&listing, false).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 4, 6]);
    assert_eq!(next, None);
    listing = Listing { size: 2, ..Listing::default() };
    listing.filter = vec![by("external_reference", Compare::Equal, "web-3")];
    let (orders, _) = shop.store.list_orders(&listing, true).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [4]);
    let since = orders[0].created_at.to_string();
    listing.filter = vec![by("create_time", Compare::GreaterOrEqual, &since)];
    let (_, next) = shop.store.list_orders(&listing, false).await.expect("a page");
    listing.after = next.clone();
    let (orders, _) = shop.store.list_orders(&listing, false).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [5, 4]);

    // A cursor of another list, and everything else that is wrong, by name.
    listing.filter.clear();
    let wrong = shop.store.list_orders(&listing, false).await;
    assert_eq!(fields(wrong), ["page_token"]);
    let wrong = Listing {
        filter: vec![
            by("colour", Compare::Equal, "red"),
            by("state", Compare::Equal, "SLEEPING"),
            by("number", Compare::Less, "many"),
        ],
        order_by: Some(("customer_email".to_owned(), Direction::Ascending)),
        size: 1,
        after: None,
    };
    let wrong = shop.store.list_orders(&wrong, false).await;
    assert_eq!(fields(wrong), ["filter", "filter", "filter", "order_by"]);

    every_list_can_be_read(shop, &by).await;
}

async fn every_list_can_be_read(shop: &Shop, by: &impl Fn(&str, Compare, &str) -> Term) {
    let all = Listing { size: 200, ..Listing::default() };
    let pages = Listing { size: 4, ..Listing::default() };
    let store = &shop.store;
    let (movements, next) = store.list_movements(&pages).await.expect("a page");
    assert_eq!(movements.len(), 4);
    let second = Listing { after: next, ..pages.clone() };
    assert!(!store.list_movements(&second).await.expect("a page").0.is_empty());
    let of_sku = Listing { filter: vec![by("sku", Compare::Equal, "A-1")], ..all.clone() };
    assert_eq!(store.list_movements(&of_sku).await.expect("a page").0.len(), 8);
    assert_eq!(store.list_stock_levels(&of_sku).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_products(&of_sku).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_locations(&all).await.expect("a page").0.len(), 1);
    let (reservations, _) = store.list_reservations(&pages).await.expect("a page");
    assert_eq!(reservations.len(), 4);
    let one = store.reservation(reservations[0].id).await.expect("a look");
    assert_eq!(one.as_ref(), reservations.first());
    let by_state = |state: &str| Listing { filter: vec![by("state", Compare::Equal, state)], ..all.clone() };
    let (invoices, _) = store.list_invoices(&by_state("OPEN")).await.expect("a page");
    let second_invoice = Listing { filter: vec![by("number", Compare::Equal, "2")], ..all.clone() };
    let (found, _) = store.list_invoices(&second_invoice).await.expect("a page");
    assert_eq!(found.len(), usize::from(invoices.len() > 1));
    let (approvals, _) = store.list_approvals(&by_state("AUTO_APPROVED")).await.expect("a page");
    assert!(!approvals.is_empty());
    assert!(!store.list_messages(&by_state("QUEUED")).await.expect("a page").0.is_empty());
    store.list_payments(&by_state("CAPTURED")).await.expect("a page");
    store.list_refunds(&by_state("PENDING")).await.expect("a page");
    store.list_shipments(&by_state("PLANNED")).await.expect("a page");
    store.list_replenishments(&by_state("PROPOSED")).await.expect("a page");
    store.list_couriers(&all).await.expect("a page");
    let shipment = domain::ShipmentId(uuid::Uuid::nil());
    let (since, until) = (Timestamp::from_unix_micros(0), Timestamp::MAX);
    store.feedback_report(since, until, 10).await.expect("a report");
    let order_of = store.order_of(&Part::Invoice(invoices[0].1)).await.expect("a look");
    assert_eq!(order_of, Some(invoices[0].0.id));
    for child in [
        Part::Shipment(shipment),
        Part::Payment(shipment.0.into()),
        Part::Refund(shipment.0.into()),
        Part::Approval(approvals[0].1),
        Part::Hold(shipment.0.into()),
        Part::Reservation(shipment.0.into()),
        Part::Message(shipment.0.into()),
    ] {
        store.order_of(&child).await.expect("a look");
    }
    let tracked = Part::Tracked { courier: "SNAIL".parse().expect("a code"), number: "none".to_owned() };
    assert_eq!(store.order_of(&tracked).await.expect("a look"), None);
    assert_eq!(store.availability(&[sku("A-1")]).await.expect("a look").levels.len(), 1);
    store.ping().await.expect("an answer");
    assert!(store.pending_migrations().await.expect("a look").is_empty());
}

async fn the_feed_is_read_from_a_position(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let mut bell = shop.store.bell();
    bell.mark_unchanged();
    let (_, id, _) =
        place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("one");
    bell.changed().await.expect("it rings");
    place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("two");

    let filter = EventFilter { order: Some(id), ..EventFilter::default() };
    let mut position = 0;
    let mut seen = Vec::new();
    loop {
        let page = shop.store.events_after(position, &filter, 2).await.expect("a page");
        position = page.position;
        seen.extend(page.events.into_iter().map(|it| it.1.sequence));
        if page.is_end {
            break;
        }
    }
    let all: Vec<_> =
        shop.store.events_of(id).await.expect("a look").iter().map(|it| it.1.sequence).collect();
    assert_eq!(seen, all);
    assert_eq!(position, shop.store.last_position().await.expect("a look"));
    let order: Arc<Order> = shop.store.order(id).await.expect("a look").expect("the order");
    let filter = EventFilter {
        customer_email: Some(order.customer.email.clone()),
        kinds: vec![domain::EventKind::OrderReceived],
        ..EventFilter::default()
    };
    assert_eq!(shop.store.events_after(0, &filter, 100).await.expect("a page").events.len(), 1);
}

async fn several_stores_bring_the_schema_up_at_once(shop: &Shop) {
    let (empty, server) = match &shop.server {
        Some((url, _)) => {
            let (database, server) = fresh_database(url).await;
            (database, Some(server))
        }
        None => {
            let directory = shop.directory.as_ref().expect("a directory");
            (Database::Sqlite(directory.path().join("empty.db")), None)
        }
    };
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let options = options(&empty, &shop.rules, &shop.clock);
            tokio::spawn(async move {
                let store = Store::open(options).await?;
                store.migrate().await?;
                let pending = store.pending_migrations().await?;
                store.close().await;
                Ok::<_, StoreError>(pending)
            })
        })
        .collect();
    for handle in handles {
        assert!(handle.await.expect("no panic").expect("a schema").is_empty());
    }
    drop_database(server).await;
}

async fn a_closed_store_has_done_what_was_queued(shop: &Shop) {
    shop.stocked(&["A-1"], 100).await;
    let store = shop.another().await;
    let handles: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, None, new).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(2)).await;
    store.close().await;

    let mut done = 0;
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => done += 1,
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(shop.units("A-1").await, (100, done));
    let after = place(&store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(after, Err(StoreError::Unavailable(_))));
}

/// While the server cuts every connection again and again, callers hear their answer or that nobody knows, and asking
/// again under the same id has one effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_double_nothing() {
    let Some(shop) = Shop::on_postgres().await else { return };
    shop.stocked(&["A-1"], 1_000).await;
    let (url, name) = shop.server.clone().expect("a server");
    let cutting = tokio::spawn(async move {
        let mut server = PgConnection::connect(&url).await.expect("the server");
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..60))).await;
            let sql =
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            server.execute(AssertSqlSafe(sql)).await.expect("cut connections");
        }
    });

    let handles: Vec<_> = (0..100)
        .map(|number| {
            let store = shop.store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(10 * number)).await;
                loop {
                    match place(&store, request(&format!("request-{number}"), 1), new.clone()).await {
                        Err(StoreError::Unavailable(_) | StoreError::LostRace) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        answer => break answer,
                    }
                }
            })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for handle in handles {
        answers.insert(handle.await.expect("no panic").expect("an order").1);
    }
    cutting.await.expect("no panic");

    assert_eq!(answers.len(), 100);
    assert_eq!(count(&shop.store, "SELECT COUNT(*) AS n FROM orders").await, 100);
    assert_eq!(shop.units("A-1").await, (1_000, 100));
    shop.gone().await;
}

/// A lane holds a row for longer than anybody waits: the others hear that they lost, within the time of a group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_given_back_is_a_lost_race() {
    let Some(shop) = Shop::on_postgres().await else { return };
    shop.stocked(&["A-1"], 10).await;
    let Database::Postgres(url) = &shop.database else { return };
    let mut stubborn = PgConnection::connect(url).await.expect("a connection");
    stubborn.execute("BEGIN").await.expect("a transaction");
    stubborn.execute("SELECT 1 FROM stock_levels FOR UPDATE").await.expect("locked rows");

    let began = Instant::now();
    let placing = place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse));
    let answer = tokio::time::timeout(Duration::from_secs(20), placing).await.expect("an answer in time");
    assert!(matches!(answer, Err(StoreError::LostRace | StoreError::Unavailable(_))), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(14));

    stubborn.execute("ROLLBACK").await.expect("unlocked rows");
    place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    shop.gone().await;
}

/// One who asks and leaves gives no other check room beside the one that has begun, and a store that closes waits for
/// none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_the_only_one_until_the_database_has_stopped_and_ends_with_the_store() {
    const WAITING: &str = "SELECT COUNT(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";

    let Some(shop) = Shop::on_postgres().await else { return };
    let Database::Postgres(url) = &shop.database else { return };
    let mut holding = PgConnection::connect(url).await.expect("a connection");
    let ask = || {
        let store = shop.store.clone();
        tokio::spawn(async move { store.check_integrity(None).await })
    };
    let hold_up = async |holding: &mut PgConnection| {
        holding.execute("BEGIN").await.expect("a transaction");
        holding.execute("LOCK TABLE stock_levels").await.expect("a lock");
    };
    let is_held_up = async || {
        while count(&shop.store, WAITING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    hold_up(&mut holding).await;
    let left = ask();
    is_held_up().await;
    left.abort();
    assert!(left.await.is_err());
    let mut next = Box::pin(shop.store.check_integrity(None));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut next).await.is_err());
    assert_eq!(count(&shop.store, WAITING).await, 1, "the first has not ended");
    holding.execute("ROLLBACK").await.expect("unlocked rows");
    assert!(next.await.expect("the laws").iter().all(|it| it.broken == 0));

    hold_up(&mut holding).await;
    let cut_off = ask();
    is_held_up().await;
    let closing = tokio::time::timeout(Duration::from_secs(5), shop.store.close()).await;
    closing.expect("it waits for no check");
    assert!(matches!(cut_off.await.expect("no panic"), Err(StoreError::Unavailable(_))));
    holding.close().await.expect("unlocked rows");
    shop.gone().await;
}

/// An answer that somebody else is making final is waited for, not written over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_just_becoming_final_stands() {
    let Some(shop) = Shop::on_postgres().await else { return };
    shop.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (number, id, _) = place(&shop.store, request("request-1", 1), new.clone()).await.expect("an order");
    let last = (number, id, OrderState::Cancelled);
    let Database::Postgres(url) = &shop.database else { return };
    let mut other = PgConnection::connect(url).await.expect("a connection");
    other.execute("BEGIN").await.expect("a transaction");
    let amended = sea_orm::sqlx::query("UPDATE requests SET answer = $1").bind((TEXT.encode)(&last));
    amended.execute(&mut other).await.expect("a final answer");

    let store = shop.store.clone();
    let later = tokio::spawn(async move {
        let reply = |id: &OrderId, _: &View<'_>| (0, *id, OrderState::Closed);
        store.decide(amending("request-1"), Touch::default(), move |_| Ok(id), reply, TEXT).await
    });
    let waits = "SELECT COUNT(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while count(&shop.store, waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.execute("COMMIT").await.expect("committed");

    assert_eq!(later.await.expect("no panic").expect("the final answer"), last);
    assert_eq!(place(&shop.store, request("request-1", 1), new).await.expect("the answer"), last);
    shop.gone().await;
}

fn fields<T>(result: Result<T, StoreError>) -> Vec<String> {
    match result {
        Err(StoreError::Refused(Refusal::Invalid(problems))) => {
            problems.0.into_iter().map(|it| it.field).collect()
        }
        _ => Vec::new(),
    }
}

async fn count(store: &Store, sql: &str) -> i64 {
    let db = store.look().await.expect("a connection");
    let statement = sea_orm::Statement::from_string(db.backend(), sql);
    let row = db.query_one_raw(statement).await.expect("a look").expect("a row");
    row.try_get_by("n").expect("a number")
}
