//! The loops over a real store in a file, with a clock that the tests move.

mod relay;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::{
    self, Address, Amounts, Ask, Channel, CreateOrder, Customer, Desk, Letter, Location, LocationCode,
    MessageId, MessageKind, MessageState, Method, Money, NewLine, NewOrder, NewPayment, NewReservation,
    OnOrder, OnShortage, Order, OrderId, OrderState, Part, PaymentId, PaymentState, Product, ProviderAnswer,
    RefundId, RefundState, Refusal, Reservation, ReservationId, ReservationState, Rules, ServiceLevel,
    Target, Timestamp, Touch, Unsent, VerifyOrder, Waive,
};
use crate::outside::{FileMail, Mail, PaymentProvider, Sandbox};
use crate::store::{Codec, Database, JobKind, Options, Store, StoreError, View};
use crate::work::due::work_off;
use crate::work::outside::{Caller, Pending, Subject, settle};
use crate::work::{Shop, call, start};

/// How long the loops may take for what they do within a second.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    shop: Shop,
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
        let shop = Shop {
            store,
            provider,
            mail,
            rules,
            requests_kept_for: Duration::from_secs(86_400),
            lease: Duration::from_secs(30),
        };
        let scene =
            Self { shop, sandbox, clock, folder, stop: watch::Sender::new(false), loops: JoinSet::new() };
        scene.stock_up().await;
        scene
    }

    fn begin_work(&mut self) {
        self.loops = start(&self.shop, &self.stop.subscribe());
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
        touch: Touch,
        decide: impl Fn(&mut Desk<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        let codec = Codec::unkept();
        self.shop.store.decide(call(), touch, decide, |it, _| it.clone(), codec).await
    }

    async fn stock_up(&self) {
        let touch = Touch { products: vec![sku()], locations: true, skus: vec![sku()], ..Touch::default() };
        self.change(touch.clone(), |desk| {
            let at = desk.now;
            domain::create_location(
                desk,
                &Location {
                    code: berlin(),
                    version: 0,
                    name: "Berlin".to_owned(),
                    region: "EUROPE".parse().unwrap(),
                    country: "DE".to_owned(),
                    priority: 1,
                    created_at: at,
                },
            )?;
            let product = Product {
                sku: sku(),
                version: 0,
                name: "A lamp".to_owned(),
                tax_category: "STANDARD".to_owned(),
                unit_price: Some(eur(1_000)),
                weight_grams: 500,
                created_at: at,
            };
            domain::create_product(desk, &product)
        })
        .await
        .unwrap();
        self.receive_stock(10).await;
    }

    async fn receive_stock(&self, units: i64) {
        let touch = Touch { skus: vec![sku()], ..Touch::default() };
        self.change(touch, move |desk| {
            domain::receive_stock(desk, &sku(), &berlin(), units, "delivery", None)
        })
        .await
        .unwrap();
    }

    async fn place(&self, name: &str, units: i64) -> OrderId {
        let new = new_order(name, units);
        let reply = |created: &OnOrder<()>, _: &View<'_>| created.order;
        let changed = self.shop.store.change(call(), CreateOrder { new }, reply, Codec::unkept());
        changed.await.unwrap().into_answer()
    }

    /// Decides to charge the order's total and, as after a crash, never asks.
    async fn begin_payment(&self, order: OrderId, token: &'static str) -> PaymentId {
        let touch = Touch { orders: vec![order], ..Touch::default() };
        self.change(touch, move |desk| {
            let mut it = desk.take_order(order)?;
            let new = NewPayment {
                method: Method::Card,
                token: token.to_owned(),
                amount: None,
                ask: Ask::Charge,
                provider: "sandbox".to_owned(),
            };
            let payment = it.begin_payment(desk, &new)?;
            desk.keep_order(it);
            Ok(payment)
        })
        .await
        .unwrap()
    }

    async fn order(&self, id: OrderId) -> Order {
        self.shop.store.order(id).await.unwrap().as_deref().cloned().expect("the order")
    }

    /// The order, as soon as it is as it shall be.
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
        discount_code: String::new(),
        prices_include_tax: true,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage: OnShortage::Wait,
        reservation_lifetime_seconds: None,
        requested_by: None,
    }
}

fn all_told(order: &Order) -> bool {
    order.messages.iter().all(|it| it.state != MessageState::Queued)
}

/// An order that nobody has read.
fn unread(id: OrderId) -> Subject {
    Subject { id, stored: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_sent_once() {
    let mut scene = Scene::set().await;
    scene.begin_work();
    let id = scene.place("ann", 1).await;
    scene.pass(1);

    let order = scene.until(id, all_told).await;
    assert!(order.messages.iter().all(|it| it.state == MessageState::Sent && it.attempts == 1), "{order:#?}");
    // Other drivers of the same loops, and the same again later.
    scene.loops.spawn(work_off(scene.shop.clone(), scene.stop.subscribe()));
    scene.pass(60);
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.end_work().await;
    assert_eq!(scene.letters().len(), order.messages.len());
    assert_eq!(scene.order(id).await, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_about_receipt_invoice_and_payment_go_together() {
    let scene = Scene::set().await;
    let unpaid = scene.place("ann", 1).await;
    let paid = scene.place("bob", 1).await;
    let payment = scene.begin_payment(paid, "tok_success").await;
    assert!(scene.order(paid).await.errands(scene.shop.store.now()).is_empty(), "they wait for company");

    settle(&scene.shop, unread(paid), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    let order = scene.order(paid).await;
    let told: Vec<_> = order.messages.iter().map(|it| it.kind).collect();
    assert_eq!(
        told,
        [MessageKind::OrderReceived, MessageKind::InvoiceIssued, MessageKind::PaymentReceived],
        "{order:#?}"
    );
    assert_eq!(order.errands(scene.shop.store.now()).len(), 3, "the last one takes the others along");

    assert!(scene.order(unpaid).await.errands(scene.shop.store.now()).is_empty());
    scene.pass(1);
    assert_eq!(
        scene.order(unpaid).await.errands(scene.shop.store.now()).len(),
        2,
        "nor longer than a second"
    );
}

/// Fails as often as it was told to.
struct Faltering {
    failures: Mutex<u32>,
    sent: Mutex<Vec<(MessageId, Letter)>>,
}

#[async_trait]
impl Mail for Faltering {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if *failures > 0 {
            *failures -= 1;
            return Err(Unsent::Later("the post is on strike".to_owned()));
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push((id, letter.clone()));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_sent_is_sent_later() {
    let mail = Arc::new(Faltering { failures: Mutex::new(1), sent: Mutex::default() });
    let mut scene =
        Scene::set_with(tempfile::tempdir().unwrap(), Arc::<Faltering>::clone(&mail) as Arc<dyn Mail>).await;
    scene.begin_work();
    let id = scene.place("ann", 1).await;
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
    let id = scene.place("ann", 10).await;
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
    scene.place("bob", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_callers_reservation_expires() {
    let mut scene = Scene::set().await;
    let touch = Touch { skus: vec![sku()], ..Touch::default() };
    let id: ReservationId = scene
        .change(touch, |desk| {
            let new = NewReservation {
                region: "EUROPE".parse().unwrap(),
                location: None,
                lines: vec![(sku(), 4)],
                lifetime: Some(Duration::from_secs(5)),
                reference: "basket".to_owned(),
            };
            domain::reserve_stock(desk, &new)
        })
        .await
        .unwrap();
    scene.begin_work();
    scene.pass(6);

    let begun = Instant::now();
    let read = || async {
        let touch = Touch { reservations: vec![id], ..Touch::default() };
        scene.change(touch, move |desk| desk.reservation(id).cloned()).await.unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_timed_out_is_settled_with_one_charge() {
    let mut scene = Scene::set().await;
    let id = scene.place("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_timeout").await;
    scene.begin_work();
    // The caller that asked has its time; then it is taken to be dead.
    scene.pass(9);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(scene.sandbox.charges(), []);
    scene.pass(2);
    let order = scene.until(id, |it| it.payments[0].attempts == 1).await;
    assert_eq!(order.payments[0].state, PaymentState::Pending);

    scene.pass(3);
    let order = scene.until(id, |it| it.payments[0].state == PaymentState::Captured && all_told(it)).await;
    scene.end_work().await;
    assert_eq!(order.payments.len(), 1);
    let Amounts { total_minor, .. } = order.amounts;
    assert_eq!(order.payments[0].captured_minor, total_minor);
    let charges = scene.sandbox.charges();
    assert_eq!(charges.len(), 1);
    assert_eq!((charges[0].payment, charges[0].calls, charges[0].effects), (payment, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_settles_and_a_worker_have_one_effect() {
    let scene = Scene::set().await;
    let id = scene.place("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_success").await;
    let (one, two) = tokio::join!(
        settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody()),
        settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody())
    );
    one.and(two).unwrap();
    settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();

    let order = scene.order(id).await;
    assert_eq!(order.payments[0].state, PaymentState::Captured);
    assert_eq!(order.captured_minor(), order.total_minor());
    let charges = scene.sandbox.charges();
    assert_eq!((charges.len(), charges[0].effects), (1, 1));
    assert!(charges[0].calls <= 2, "an answered ask is not asked again: {charges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_a_cancelled_order_is_paid_back_once() {
    let mut scene = Scene::set().await;
    let id = scene.place("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_refund_timeout").await;
    settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    let touch = Touch { orders: vec![id], order_stock: true, ..Touch::default() };
    let refund: RefundId = scene
        .change(touch, move |desk| {
            let mut order = desk.take_order(id)?;
            order.cancel(desk, "changed their mind")?;
            let refund = order.payments[0].refunds[0].id;
            desk.keep_order(order);
            Ok(refund)
        })
        .await
        .unwrap();

    settle(&scene.shop, unread(id), Pending::Refund(refund), Caller::nobody()).await.unwrap();
    assert_eq!(scene.order(id).await.payments[0].refunds[0].attempts, 1);
    scene.begin_work();
    scene.pass(5);
    let settled = |it: &Order| it.payments[0].refunds[0].state == RefundState::Succeeded && all_told(it);
    let order = scene.until(id, settled).await;
    scene.end_work().await;
    assert!(
        order
            .messages
            .iter()
            .any(|it| it.kind == MessageKind::RefundIssued && it.state == MessageState::Sent)
    );
    let charges = scene.sandbox.charges();
    assert_eq!(charges.iter().map(|it| it.effects).collect::<Vec<_>>(), [1, 1], "{charges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_orders_are_filled_in_the_order_in_which_they_came() {
    let mut scene = Scene::set().await;
    scene.place("zoe", 10).await;
    let mut waiting = Vec::new();
    for (name, units) in [("ann", 3), ("bob", 5), ("cyd", 1)] {
        waiting.push(scene.place(name, units).await);
    }
    scene.begin_work();
    let states = async |scene: &Scene| {
        let mut states = Vec::new();
        for id in &waiting {
            states.push(scene.order(*id).await.state);
        }
        states
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(states(&scene).await, [OrderState::AwaitingStock; 3]);

    // Enough for the first; the third would fit, but the second is before it.
    scene.receive_stock(4).await;
    scene.until(waiting[0], |it| it.state == OrderState::Invoiced).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        states(&scene).await,
        [OrderState::Invoiced, OrderState::AwaitingStock, OrderState::AwaitingStock]
    );

    scene.receive_stock(5).await;
    scene.until(waiting[2], |it| it.state == OrderState::Invoiced).await;
    assert_eq!(states(&scene).await, [OrderState::Invoiced; 3]);
    scene.end_work().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_hold_is_lifted_is_filled_before_the_newer_ones_that_wait() {
    let mut scene = Scene::set().await;
    scene.place("zoe", 6).await;
    scene.place("ann", 2).await;
    let again = scene.place("ann", 2).await;
    assert_eq!(
        scene.order(again).await.state,
        OrderState::Received,
        "a duplicate, until somebody says it is not"
    );
    let newer = scene.place("bob", 5).await;
    scene.begin_work();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let verify = VerifyOrder { target: Target::latest(Part::Order(again)), waive: Waive::Duplicate };
    let reply = move |_: &OnOrder<()>, view: &View<'_>| view.order(again).unwrap().state;
    let verified = scene.shop.store.change(call(), verify, reply, Codec::unkept());
    let state = verified.await.unwrap().into_answer();
    assert_eq!(state, OrderState::AwaitingStock, "what is there is spoken for");
    scene.until(again, |it| it.state == OrderState::Invoiced).await;
    assert_eq!(scene.order(newer).await.state, OrderState::AwaitingStock);
    scene.end_work().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_have_its_turn_does_not_keep_the_loops_busy() {
    let mut scene = Scene::set().await;
    scene.place("zoe", 8).await;
    scene.place("ann", 5).await;
    scene.begin_work();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let before = scene.shop.store.groups();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let groups = scene.shop.store.groups() - before;
    scene.end_work().await;
    assert!(groups <= 6, "{groups} groups although nothing happened");
}

/// Takes its time.
struct Slow;

#[async_trait]
impl PaymentProvider for Slow {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn ask(&self, _: Ask, _: PaymentId, _: &str, _: Money) -> ProviderAnswer {
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
    scene.shop.provider = Arc::new(Slow);
    let id = scene.place("ann", 1).await;
    scene.pass(1);
    scene.begin_work();
    scene.until(id, all_told).await;
    scene.begin_payment(id, "tok_success").await;
    scene.pass(11);
    tokio::time::sleep(Duration::from_millis(800)).await;
    scene.end_work().await;
    assert_eq!(scene.order(id).await.payments[0].state, PaymentState::Captured);

    let later = scene.place("bob", 1).await;
    scene.pass(1);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(scene.order(later).await.messages.iter().all(|it| it.state == MessageState::Queued));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_loses_no_answer() {
    let mut scene = Scene::set().await;
    scene.shop.provider = Arc::new(Slow);
    let id = scene.place("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_success").await;
    let hung_up = tokio::time::timeout(
        Duration::from_millis(100),
        settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody()),
    )
    .await;
    assert!(hung_up.is_err());
    scene.until(id, |it| it.payments[0].state == PaymentState::Captured).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_providers_payment_is_not_asked_of_this_one() {
    let scene = Scene::set().await;
    let id = scene.place("ann", 1).await;
    let touch = Touch { orders: vec![id], ..Touch::default() };
    let payment = scene
        .change(touch, move |desk| {
            let mut order = desk.take_order(id)?;
            let new = NewPayment {
                method: Method::Card,
                token: "tok_success".to_owned(),
                amount: None,
                ask: Ask::Charge,
                provider: "yesterdays-bank".to_owned(),
            };
            let payment = order.begin_payment(desk, &new)?;
            desk.keep_order(order);
            Ok(payment)
        })
        .await
        .unwrap();
    settle(&scene.shop, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    assert_eq!(scene.sandbox.charges(), []);
    assert_eq!(scene.order(id).await.payments[0].state, PaymentState::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_completes_nothing() {
    let scene = Scene::set().await;
    let id = scene.place("ann", 1).await;
    scene.pass(1);
    let jobs = scene.shop.store.claim_jobs(10, Duration::from_secs(30)).await.unwrap();
    assert_eq!(jobs.iter().map(|it| (it.kind, it.subject)).collect::<Vec<_>>(), [(JobKind::Order, id.0)]);
    scene.pass(31);
    let again = scene.shop.store.claim_jobs(10, Duration::from_secs(30)).await.unwrap();
    assert!(again[0].lease.token > jobs[0].lease.token);

    let touch = Touch { orders: vec![id], lease: Some(jobs[0].lease), ..Touch::default() };
    let refused = scene.change(touch, |_| Ok(())).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refusal::LeaseLost(_)))), "{refused:?}");
}
