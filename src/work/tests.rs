//! The loops over a real store in a file, with a clock that the tests move.

mod awaiting_stock;
mod letters;
mod money;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::{
    self, Address, Channel, CreateOrder, Customer, Location, LocationCode, MessageKind, MessageState, Method,
    Money, NewLine, NewOrder, NewPayment, NewReservation, OnLate, OnOrder, OnShortage, Order, OrderId,
    OrderState, PaymentId, PaymentState, Product, ProviderAnswer, ProviderRequest, ReadSet, RefundId,
    Refusal, Reservation, ReservationId, ReservationState, Rules, ServiceLevel, Timestamp, UnitOfWork,
    Unsent,
};
use crate::outside::{Email, FileMail, Mail, OutsideCalls, PaymentProvider, Sandbox};
use crate::store::{Codec, Database, JobKind, Options, Store, StoreError, View};
use crate::work::jobs::run_jobs;
use crate::work::outbound::{Caller, Pending, Subject, settle};
use crate::work::{App, Drawings, KeptFor, KnownSubscribers, context, start};

/// How long the loops may take for what they do within a second.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    app: App,
    sandbox: Arc<Sandbox>,
    clock: Arc<AtomicI64>,
    folder: tempfile::TempDir,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
}

impl Scene {
    /// A shop with ten units on the shelf whose workers have not begun.
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mail = FileMail::new(folder.path().join("mail"), "orders@shop.example".parse().unwrap()).unwrap();
        Self::set_with(folder, Arc::new(mail)).await
    }

    async fn set_with(folder: tempfile::TempDir, mail: Arc<dyn Mail>) -> Self {
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000_000));
        let (rules, ticking) = (Arc::new(Rules::default()), Arc::clone(&clock));
        let now = Arc::new(move || Timestamp::from_unix_micros(ticking.load(Ordering::Relaxed)));
        let database = Database::Sqlite(folder.path().join("consign.db"));
        let store = Store::open(Options::new(database, Arc::clone(&rules), now)).await.unwrap();
        store.migrate().await.unwrap();

        let sandbox = Arc::new(Sandbox::in_memory());
        let provider: Arc<dyn PaymentProvider> = Arc::<Sandbox>::clone(&sandbox);
        let app = App {
            store,
            provider,
            mail,
            couriers: Arc::default(),
            letters: Arc::default(),
            subscribers: KnownSubscribers::default(),
            drawings: Drawings::new(2),
            outside_calls: OutsideCalls::default(),
            rules,
            kept_for: KeptFor { requests: Duration::from_secs(86_400), texts: None, deliveries: None },
            lease: Duration::from_secs(30),
        };
        let scene =
            Self { app, sandbox, clock, folder, stop: watch::Sender::new(false), loops: JoinSet::new() };
        scene.stock_up().await;
        scene
    }

    fn begin_work(&mut self) {
        self.loops = start(&self.app, &self.stop.subscribe());
    }

    async fn end_work(&mut self) {
        self.stop.send_replace(true);
        let ending = async { while self.loops.join_next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ending).await.expect("the loops end");
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    async fn change<T: Clone + Send + 'static>(
        &self,
        reads: ReadSet,
        decide: impl Fn(&mut UnitOfWork<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        let codec = Codec::unkept();
        self.app.store.decide(context(), reads, decide, |it, _| it.clone(), codec).await
    }

    async fn stock_up(&self) {
        let reads =
            ReadSet { products: vec![sku()], locations: true, skus: vec![sku()], ..ReadSet::default() };
        self.change(reads.clone(), |unit| {
            let at = unit.now;
            domain::create_location(unit, &Location::new(berlin(), "EUROPE".parse().unwrap(), "DE", at))?;
            let product = Product {
                unit_price: Some(eur(1_000)),
                weight_grams: 500,
                ..Product::new(sku(), "A lamp", at)
            };
            domain::create_product(unit, &product)
        })
        .await
        .unwrap();
        self.receive_stock(10).await;
    }

    async fn receive_stock(&self, units: i64) {
        let reads = ReadSet { skus: vec![sku()], ..ReadSet::default() };
        self.change(reads, move |unit| {
            domain::receive_stock(unit, &sku(), &berlin(), units, "delivery", None)
        })
        .await
        .unwrap();
    }

    async fn create_order(&self, name: &str, units: i64) -> OrderId {
        let new = new_order(name, units);
        let reply = |created: &OnOrder<()>, _: &View<'_>| created.order;
        let changed =
            self.app.store.change(context(), CreateOrder { new, cart: None }, reply, Codec::unkept());
        changed.await.unwrap().into_answer()
    }

    /// Decides to charge the order's total and, as after a crash, never asks.
    async fn begin_payment(&self, order: OrderId, token: &'static str) -> PaymentId {
        let reads = ReadSet { orders: vec![order], ..ReadSet::default() };
        self.change(reads, move |unit| {
            let mut it = unit.take_order(order)?;
            let new = NewPayment {
                method: Method::Card,
                token: token.to_owned(),
                amount: None,
                request: ProviderRequest::Charge,
                provider: "sandbox".to_owned(),
            };
            let payment = it.begin_payment(unit, &new)?;
            unit.keep_order(it);
            Ok(payment)
        })
        .await
        .unwrap()
    }

    async fn order(&self, id: OrderId) -> Order {
        self.app.store.order(id).await.unwrap().as_deref().cloned().expect("the order")
    }

    /// The order, as soon as the condition holds.
    async fn until(&self, id: OrderId, is_so: impl Fn(&Order) -> bool) -> Order {
        let begun = Instant::now();
        loop {
            let order = self.order(id).await;
            if is_so(&order) {
                return order;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came about: {order:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn letters(&self) -> Vec<String> {
        let mailboxes = std::fs::read_dir(self.folder.path().join("mail")).unwrap();
        let texts = mailboxes.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap());
        let letters =
            |it: String| it.split("From MAILER-DAEMON ").skip(1).map(str::to_owned).collect::<Vec<_>>();
        texts.flat_map(letters).collect()
    }
}

fn sku() -> domain::Sku {
    "LAMP".parse().unwrap()
}

fn berlin() -> LocationCode {
    "BERLIN".parse().unwrap()
}

fn eur(minor: i64) -> Money {
    Money { currency: "EUR".parse().unwrap(), minor }
}

fn new_order(name: &str, units: i64) -> NewOrder {
    NewOrder {
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
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
        currency: eur(0).currency,
        lines: vec![NewLine {
            sku: sku(),
            quantity: units,
            unit_price: None,
            discount: None,
            description: String::new(),
        }],
        discount: None,
        discount_code: None,
        prices_include_tax: true,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage: OnShortage::Wait,
        allocation: None,
        reservation_lifetime_seconds: None,
        requested_by: None,
        on_late: OnLate::Accept,
        wait_until: None,
        labels: Default::default(),
        named: None,
    }
}

fn all_told(order: &Order) -> bool {
    order.messages.iter().all(|it| it.state != MessageState::Queued)
}

/// An order that was not read before.
fn unread(id: OrderId) -> Subject {
    Subject { id, stored: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_sent_once() {
    let mut scene = Scene::set().await;
    scene.begin_work();
    let id = scene.create_order("ann", 1).await;
    scene.pass(1);

    let order = scene.until(id, all_told).await;
    assert!(order.messages.iter().all(|it| it.state == MessageState::Sent && it.attempts == 1), "{order:#?}");
    // Other drivers of the same loops, and the same again later.
    scene.loops.spawn(run_jobs(scene.app.clone(), scene.stop.subscribe()));
    scene.pass(60);
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.end_work().await;
    assert_eq!(scene.letters().len(), order.messages.len());
    assert_eq!(scene.order(id).await, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_about_receipt_invoice_and_payment_go_together() {
    let scene = Scene::set().await;
    let unpaid = scene.create_order("ann", 1).await;
    let paid = scene.create_order("bob", 1).await;
    let payment = scene.begin_payment(paid, "tok_success").await;
    assert!(
        scene.order(paid).await.outbound_tasks(scene.app.store.now()).is_empty(),
        "they wait for company"
    );

    settle(&scene.app, unread(paid), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    let order = scene.order(paid).await;
    let told: Vec<_> = order.messages.iter().map(|it| it.kind).collect();
    assert_eq!(
        told,
        [MessageKind::OrderReceived, MessageKind::InvoiceIssued, MessageKind::PaymentReceived],
        "{order:#?}"
    );
    assert_eq!(order.outbound_tasks(scene.app.store.now()).len(), 3, "the last one takes the others along");

    assert!(scene.order(unpaid).await.outbound_tasks(scene.app.store.now()).is_empty());
    scene.pass(1);
    assert_eq!(
        scene.order(unpaid).await.outbound_tasks(scene.app.store.now()).len(),
        2,
        "nor longer than a second"
    );
}

/// Fails as often as it was told to.
struct Faltering {
    failures: Mutex<u32>,
    sent: Mutex<Vec<Email>>,
}

#[async_trait]
impl Mail for Faltering {
    async fn send(&self, email: &Email) -> Result<(), Unsent> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if *failures > 0 {
            *failures -= 1;
            return Err(Unsent::Later("the post is on strike".to_owned()));
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(email.clone());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_sent_is_sent_later() {
    let mail = Arc::new(Faltering { failures: Mutex::new(1), sent: Mutex::default() });
    let mut scene =
        Scene::set_with(tempfile::tempdir().unwrap(), Arc::<Faltering>::clone(&mail) as Arc<dyn Mail>).await;
    scene.begin_work();
    let id = scene.create_order("ann", 1).await;
    scene.pass(1);

    let order = scene
        .until(id, |it| it.messages.iter().any(|it| it.attempts == 1 && it.state == MessageState::Queued))
        .await;
    let late = order.messages.iter().find(|it| !it.failure.is_empty()).expect("the failed one");
    assert_eq!(late.failure, "the post is on strike");
    scene.pass(10);
    let order = scene.until(id, all_told).await;
    scene.end_work().await;
    assert!(order.messages.iter().all(|it| it.state == MessageState::Sent), "{order:#?}");
    assert_eq!(mail.sent.lock().unwrap().len(), order.messages.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_pays_expires_and_gives_its_stock_back() {
    let mut scene = Scene::set().await;
    let id = scene.create_order("ann", 10).await;
    assert_eq!(scene.order(id).await.state, OrderState::Invoiced);
    // Nobody was working all that time: the customer is not asked to pay for what has expired.
    scene.pass(1_801);
    scene.begin_work();

    let order = scene.until(id, |it| it.state == OrderState::Expired && all_told(it)).await;
    scene.end_work().await;
    let told: Vec<_> =
        order.messages.iter().filter(|it| it.state == MessageState::Sent).map(|it| it.kind).collect();
    assert_eq!(told, [MessageKind::OrderExpired]);
    assert_eq!(scene.letters().len(), 1);
    scene.create_order("bob", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_callers_reservation_expires() {
    let mut scene = Scene::set().await;
    let reads = ReadSet { skus: vec![sku()], own_reservations: true, ..ReadSet::default() };
    let id: ReservationId = scene
        .change(reads, |unit| {
            let new = NewReservation {
                region: "EUROPE".parse().unwrap(),
                location: None,
                lines: vec![(sku(), 4)],
                lifetime: Some(Duration::from_secs(5)),
                reference: "basket".to_owned(),
                allocation: None,
            };
            domain::reserve_stock(unit, &new)
        })
        .await
        .unwrap();
    scene.begin_work();
    scene.pass(6);

    let begun = Instant::now();
    let read = || async {
        let reads = ReadSet { reservations: vec![id], ..ReadSet::default() };
        scene.change(reads, move |unit| unit.reservation(id).cloned()).await.unwrap()
    };
    let mut reservation: Reservation = read().await;
    while reservation.state != ReservationState::Expired {
        assert!(begun.elapsed() < PATIENCE, "it never expired: {reservation:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        reservation = read().await;
    }
    assert!(reservation.items.iter().all(|it| it.open() == 0), "{reservation:?}");
    scene.end_work().await;
}

/// Takes its time.
struct Slow;

#[async_trait]
impl PaymentProvider for Slow {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn request(
        &self,
        _: ProviderRequest,
        _: PaymentId,
        _: &str,
        _: Option<&str>,
        _: Money,
    ) -> ProviderAnswer {
        tokio::time::sleep(Duration::from_millis(400)).await;
        ProviderAnswer::Done("late but done".to_owned())
    }

    async fn refund(&self, _: RefundId, _: &str, _: Money) -> ProviderAnswer {
        ProviderAnswer::Unknown("closed".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_the_job_in_hand_end_and_begins_no_other() {
    let mut scene = Scene::set().await;
    scene.app.provider = Arc::new(Slow);
    let id = scene.create_order("ann", 1).await;
    scene.pass(1);
    scene.begin_work();
    scene.until(id, all_told).await;
    scene.begin_payment(id, "tok_success").await;
    scene.pass(11);
    tokio::time::sleep(Duration::from_millis(800)).await;
    scene.end_work().await;
    assert_eq!(scene.order(id).await.payments[0].state, PaymentState::Captured);

    let later = scene.create_order("bob", 1).await;
    scene.pass(1);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(scene.order(later).await.messages.iter().all(|it| it.state == MessageState::Queued));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_loses_no_answer() {
    let mut scene = Scene::set().await;
    scene.app.provider = Arc::new(Slow);
    let id = scene.create_order("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_success").await;
    let hung_up = tokio::time::timeout(
        Duration::from_millis(100),
        settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody()),
    )
    .await;
    assert!(hung_up.is_err());
    scene.until(id, |it| it.payments[0].state == PaymentState::Captured).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_completes_nothing() {
    let scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    scene.pass(1);
    let jobs = scene.app.store.claim_jobs(10, Duration::from_secs(30)).await.unwrap();
    assert_eq!(jobs.iter().map(|it| (it.kind, it.subject)).collect::<Vec<_>>(), [(JobKind::Order, id.0)]);
    scene.pass(31);
    let again = scene.app.store.claim_jobs(10, Duration::from_secs(30)).await.unwrap();
    assert!(again[0].lease.token > jobs[0].lease.token);

    let reads = ReadSet { orders: vec![id], lease: Some(jobs[0].lease), ..ReadSet::default() };
    let refused = scene.change(reads, |_| Ok(())).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refusal::LeaseLost(_)))), "{refused:?}");
}
