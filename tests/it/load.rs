//! Mixed load: callers that place, pay for, cancel and ship orders, repeat calls that got no answer, and remember every
//! answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use consign::pb;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::server::Clients;
use crate::shop::{by, create_courier, draft, stocked};

pub(crate) const SKU: &str = "LOAD";
/// Orders that one caller has on their way at once.
const JOURNEYS_MAX: usize = 3;
/// What a caller waits after a call that went wrong.
const BREATH: Duration = Duration::from_millis(5);

impl Clients {
    /// More than enough of one product, and a courier.
    pub(crate) async fn stock_up(&self) {
        stocked(self, SKU, 1_000_000).await;
        create_courier(self).await;
    }

    pub(crate) async fn order(&self, id: &str) -> Result<pb::Order, Status> {
        let request = pb::GetOrderRequest {
            key: Some(pb::get_order_request::Key::OrderId(id.to_owned())),
            ..Default::default()
        };
        Ok(self.orders.clone().get_order(request).await?.into_inner().order.unwrap_or_default())
    }

    pub(crate) async fn create_order(&self, buyer: &str, request_id: String) -> Result<pb::Order, Status> {
        self.submit(draft(buyer, SKU, 1), request_id).await
    }

    async fn submit(&self, draft: pb::OrderDraft, request_id: String) -> Result<pb::Order, Status> {
        let request = pb::CreateOrderRequest {
            reservation_id: String::new(),
            order: Some(draft),
            request_id,
            validate_only: false,
        };
        let answer = self.orders.clone().create_order(by("storefront", request)).await?;
        Ok(answer.into_inner().order.unwrap_or_default())
    }

    pub(crate) async fn pay(
        &self,
        order: &str,
        token: &str,
        request_id: String,
    ) -> Result<pb::Payment, Status> {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::Card as i32,
            token: token.to_owned(),
            request_id,
            ..Default::default()
        };
        let answer = self.billing.clone().capture_payment(by("storefront", request)).await?;
        Ok(answer.into_inner().payment.unwrap_or_default())
    }

    /// How many orders this buyer has, however they came about.
    pub(crate) async fn orders_of(&self, buyer: &str) -> Result<usize, Status> {
        let filter = format!("customer_email = \"{buyer}@example.com\"");
        let request = pb::ListOrdersRequest { filter, ..Default::default() };
        Ok(self.orders.clone().list_orders(request).await?.into_inner().orders.len())
    }

    /// The ids of all payments, page by page.
    pub(crate) async fn payments(&self) -> Result<BTreeSet<String>, Status> {
        let mut found = BTreeSet::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListPaymentsRequest { page_size: 200, page_token, ..Default::default() };
            let page = self.billing.clone().list_payments(request).await?.into_inner();
            found.extend(page.payments.into_iter().map(|it| it.id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Waits until nothing is asked of the provider and no letter is left to be sent; returns how long that took.
    pub(crate) async fn until_quiet(&self, at_most: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let open = self.left_open().await.expect("what is left can be listed");
            if open.is_empty() {
                return began.elapsed();
            }
            assert!(began.elapsed() < at_most, "stuck: {open:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is asked of the provider or to be sent.
    pub(crate) async fn left_open(&self) -> Result<Vec<String>, Status> {
        let filter = || "state = PENDING".to_owned();
        let request = pb::ListPaymentsRequest { filter: filter(), ..Default::default() };
        let payments = self.billing.clone().list_payments(request).await?.into_inner().payments;
        let request = pb::ListRefundsRequest { filter: filter(), ..Default::default() };
        let refunds = self.billing.clone().list_refunds(request).await?.into_inner().refunds;
        let request = pb::ListMessagesRequest { filter: "state = QUEUED".to_owned(), ..Default::default() };
        let messages = self.orders.clone().list_messages(request).await?.into_inner().messages;

        let payments = payments.into_iter().map(|it| it.id);
        let refunds = refunds.into_iter().map(|it| it.id);
        Ok(payments.chain(refunds).chain(messages.into_iter().map(|it| it.id)).collect())
    }
}

/// The answers that callers got; no fault may take one back.
#[derive(Default)]
pub(crate) struct Told {
    /// The latest version of each order and shipment that an answer has shown.
    versions: Mutex<BTreeMap<String, i64>>,
    /// Those of them that were shown since the last look.
    fresh: Mutex<BTreeSet<String>>,
    /// Events that a stream has shown: position, order, sequence, type.
    events: Mutex<BTreeMap<i64, (String, i64, String)>>,
    events_checked: AtomicU64,
    /// Captures asked for and not answered.
    pub(crate) capturing: AtomicUsize,
    answers: Mutex<BTreeMap<String, usize>>,
    slowest: Mutex<Duration>,
}

impl Told {
    fn remember(&self, id: &str, etag: &str) {
        let version: i64 = etag.trim_start_matches('v').parse().expect("an etag names a version");
        let mut versions = self.versions.lock().unwrap();
        let known = versions.entry(id.to_owned()).or_default();
        *known = version.max(*known);
        self.fresh.lock().unwrap().insert(id.to_owned());
    }

    fn count<T>(&self, answer: &Result<T, Status>, took: Duration) {
        let code = answer.as_ref().map_or_else(|it| it.code(), |_| Code::Ok);
        *self.answers.lock().unwrap().entry(format!("{code:?}")).or_default() += 1;
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = took.max(*slowest);
    }

    /// How often each code was answered.
    pub(crate) fn answers(&self) -> BTreeMap<String, usize> {
        self.answers.lock().unwrap().clone()
    }

    /// Only these, and good answers.
    pub(crate) fn heard_only(&self, codes: &[Code]) {
        let legal: BTreeSet<String> = codes.iter().chain(&[Code::Ok]).map(|it| format!("{it:?}")).collect();
        let answers = self.answers();
        assert!(answers.keys().all(|it| legal.contains(it)), "{answers:?}");
    }

    /// How long the longest call took since this was last asked.
    pub(crate) fn slowest(&self) -> Duration {
        std::mem::take(&mut self.slowest.lock().unwrap())
    }

    pub(crate) fn accepted(&self) -> usize {
        self.answers().get("Ok").copied().unwrap_or_default()
    }

    pub(crate) fn orders(&self) -> usize {
        self.versions.lock().unwrap().keys().filter(|it| it.starts_with("ord_")).count()
    }

    /// Reads again what was told since the last look, or all of it, and finds it there, as told or changed since.
    pub(crate) async fn still_true(&self, clients: &Clients, which: Which) {
        let mut fresh = std::mem::take(&mut *self.fresh.lock().unwrap());
        let told: Vec<(String, i64)> = {
            let versions = self.versions.lock().unwrap();
            if which == Which::All {
                fresh.extend(versions.keys().cloned());
            }
            fresh.into_iter().map(|it| (it.clone(), versions[&it])).collect()
        };
        let look = |(id, version): (String, i64)| async move {
            let etag = if id.starts_with("shp_") {
                let request = pb::GetShipmentRequest { shipment_id: id.clone() };
                let found = clients.shipping.clone().get_shipment(request).await.expect(&id).into_inner();
                found.shipment.expect("a shipment").etag
            } else {
                clients.order(&id).await.expect(&id).etag
            };
            let found: i64 = etag.trim_start_matches('v').parse().expect("an etag names a version");
            assert!(found >= version, "{id} was told as version {version} and is version {found}");
        };
        stream::iter(told).map(look).buffer_unordered(16).collect::<Vec<_>>().await;
        self.events_still_true(clients, which).await;
    }

    async fn events_still_true(&self, clients: &Clients, which: Which) {
        let from = match which {
            Which::Fresh => self.events_checked.load(Ordering::Relaxed) as i64,
            Which::All => 0,
        };
        let told = self.events.lock().unwrap().clone();
        let Some((&last, _)) = told.last_key_value() else { return };
        let request = pb::WatchEventsRequest { after_position: from, ..Default::default() };
        let mut found = clients.events.clone().watch_events(request).await.expect("a stream").into_inner();
        let mut place = from;
        while place < last {
            let message = found.message().await.expect("the stream goes on").expect("it does not end");
            let Some(pb::watch_events_response::Update::Event(event)) = message.update else { continue };
            assert_eq!(event.position, place + 1, "positions have no gap");
            place = event.position;
            if let Some(told) = told.get(&place) {
                assert_eq!(*told, (event.order_id, event.sequence, event.r#type));
            }
        }
        self.events_checked.store(last as u64, Ordering::Relaxed);
    }

    pub(crate) fn events(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Fresh,
    All,
}

/// Callers at work.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    callers: JoinSet<Caller>,
    watcher: tokio::task::JoinHandle<()>,
}

impl Load {
    /// Over a few connections, which the callers share.
    pub(crate) fn begin(
        callers: Vec<Caller>,
        connect: impl Fn() -> Channel,
        told: &Arc<Told>,
        rest: Duration,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let connections: Vec<Clients> = (0..4).map(|_| Clients::over(connect())).collect();
        let watcher = tokio::spawn(watch_events(connections[0].clone(), Arc::clone(told)));
        let mut working = JoinSet::new();
        for (number, caller) in callers.into_iter().enumerate() {
            let clients = connections[number % connections.len()].clone();
            working.spawn(caller.work(clients, Arc::clone(told), stop.subscribe(), rest));
        }
        Self { stop, callers: working, watcher }
    }

    /// Once every call under way is answered; the callers can go on from where they are.
    pub(crate) async fn end(self) -> Vec<Caller> {
        self.stop.send_replace(true);
        let callers = self.callers.join_all().await;
        self.watcher.abort();
        callers
    }
}

/// Remembers every event that comes, from the last one told on, until the stream ends.
async fn watch_events(clients: Clients, told: Arc<Told>) {
    let after_position = told.events.lock().unwrap().last_key_value().map_or(0, |(it, _)| *it);
    let request = pb::WatchEventsRequest { after_position, ..Default::default() };
    let Ok(stream) = clients.events.clone().watch_events(request).await else { return };
    let mut stream = stream.into_inner();
    while let Ok(Some(message)) = stream.message().await {
        if let Some(pb::watch_events_response::Update::Event(event)) = message.update {
            let said = (event.order_id, event.sequence, event.r#type);
            told.events.lock().unwrap().insert(event.position, said);
        }
    }
}

/// A caller with a few orders on their way. The same seed does the same, as far as the answers allow.
pub(crate) struct Caller {
    name: String,
    random: fastrand::Rng,
    begun: usize,
    journeys: Vec<Journey>,
    pub(crate) buyers: Vec<String>,
}

pub(crate) fn callers(count: usize, seed: u64) -> Vec<Caller> {
    let caller = |number: usize| Caller {
        name: format!("caller{number}"),
        random: fastrand::Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(number as u64)),
        begun: 0,
        journeys: Vec::new(),
        buyers: Vec::new(),
    };
    (0..count).map(caller).collect()
}

impl Caller {
    async fn work(
        mut self,
        clients: Clients,
        told: Arc<Told>,
        stop: watch::Receiver<bool>,
        rest: Duration,
    ) -> Self {
        while !*stop.borrow() {
            if self.journeys.is_empty() || (self.journeys.len() < JOURNEYS_MAX && self.random.u8(..4) == 0) {
                self.begin_journey();
            }
            let place = self.random.usize(..self.journeys.len());
            let journey = &mut self.journeys[place];

            let began = Instant::now();
            let captures = journey.step == Step::Pay;
            told.capturing.fetch_add(usize::from(captures), Ordering::SeqCst);
            let answer = journey.go_on(&clients, &told).await;
            told.capturing.fetch_sub(usize::from(captures), Ordering::SeqCst);
            told.count(&answer, began.elapsed());

            if answer.is_err() {
                tokio::time::sleep(BREATH).await;
            } else if journey.step == Step::Over {
                self.journeys.swap_remove(place);
            }
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
        }
        self
    }

    fn begin_journey(&mut self) {
        self.begun += 1;
        let buyer = format!("{}.{}", self.name, self.begun);
        // Many of the provider's answers get lost, so that captures stay open for a while.
        let tokens = ["tok_success", "tok_success", "tok_timeout", "tok_duplicate", "tok_error"];
        let token = tokens[self.random.usize(..tokens.len())];
        let cancels = self.random.u8(..6) == 0;
        self.buyers.push(buyer.clone());
        let ends = if cancels { Ends::Cancelled } else { Ends::Delivered };
        self.journeys.push(Journey { buyer, token, ends, ..Journey::default() });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    #[default]
    Place,
    Pay,
    Cancel,
    Expire,
    FindShipment,
    StartPicking,
    Pick,
    Check,
    Pack,
    Label,
    Assign,
    HandOver,
    Deliver,
    Rate,
    Close,
    Over,
}

/// One order on its way. A step that got no answer is repeated under the same request id.
#[derive(Debug, Default)]
pub(crate) struct Journey {
    buyer: String,
    token: &'static str,
    ends: Ends,
    id: String,
    shipment: String,
    step: Step,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ends {
    #[default]
    Delivered,
    Cancelled,
    /// Nobody pays for it.
    Expired,
}

/// One order that is delivered, one whose payment is unclear for a while, one that is cancelled, one that expires.
pub(crate) fn journeys() -> [Journey; 4] {
    let journey = |buyer: &str, token, ends| Journey {
        buyer: format!("traveller.{buyer}"),
        token,
        ends,
        ..Journey::default()
    };
    [
        journey("one", "tok_success", Ends::Delivered),
        journey("two", "tok_timeout", Ends::Delivered),
        journey("three", "tok_success", Ends::Cancelled),
        journey("four", "", Ends::Expired),
    ]
}

impl Journey {
    pub(crate) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// Takes the next step, if the answer allows.
    pub(crate) async fn go_on(&mut self, clients: &Clients, told: &Told) -> Result<(), Status> {
        let request_id = format!("{}.{:?}", self.buyer, self.step);
        let shipment_id = self.shipment.clone();
        let mut shipping = clients.shipping.clone();
        let units = vec![pb::LineUnits { line_number: 1, quantity: 1 }];

        let shipment = match self.step {
            Step::Place => {
                let mut draft = draft(&self.buyer, SKU, 1);
                let expires = self.ends == Ends::Expired;
                draft.reservation_lifetime =
                    expires.then_some(prost_types::Duration { seconds: 1, nanos: 0 });
                let order = clients.submit(draft, request_id).await?;
                told.remember(&order.id, &order.etag);
                self.id = order.id;
                self.step = if expires { Step::Expire } else { Step::Pay };
                return Ok(());
            }
            Step::Pay => {
                let payment = clients.pay(&self.id, self.token, request_id).await?;
                told.remember(&self.id, &payment.etag);
                if payment.state() == pb::PaymentState::Captured {
                    let cancels = self.ends == Ends::Cancelled;
                    self.step = if cancels { Step::Cancel } else { Step::FindShipment };
                }
                return Ok(());
            }
            Step::Expire => {
                let key = Some(pb::get_order_request::Key::OrderId(self.id.clone()));
                let answer = clients
                    .orders
                    .clone()
                    .get_order(pb::GetOrderRequest { key, ..Default::default() })
                    .await?;
                let order = answer.into_inner().order.unwrap_or_default();
                if order.state() != pb::OrderState::Expired {
                    return Err(Status::unavailable("it has not expired yet"));
                }
                told.remember(&order.id, &order.etag);
                self.step = Step::Over;
                return Ok(());
            }
            Step::Cancel => {
                let request = pb::CancelOrderRequest {
                    order_id: self.id.clone(),
                    reason: "changed their mind".to_owned(),
                    request_id,
                    ..Default::default()
                };
                let answer = clients.orders.clone().cancel_order(by("clerk", request)).await?;
                let order = answer.into_inner().order.unwrap_or_default();
                told.remember(&order.id, &order.etag);
                self.step = Step::Over;
                return Ok(());
            }
            Step::FindShipment => {
                let order = clients.order(&self.id).await?;
                told.remember(&order.id, &order.etag);
                self.shipment = order.shipment_ids.first().cloned().unwrap_or_default();
                if !self.shipment.is_empty() {
                    self.step = Step::StartPicking;
                }
                return Ok(());
            }
            Step::StartPicking => {
                let request = pb::StartPickingRequest { shipment_id, request_id, ..Default::default() };
                shipping.start_picking(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Pick => {
                let request =
                    pb::RecordPickRequest { shipment_id, picks: units, request_id, ..Default::default() };
                shipping.record_pick(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Check => {
                let checks = vec![pb::LineCheck { line_number: 1, passed: 1, ..Default::default() }];
                let request =
                    pb::RecordQualityCheckRequest { shipment_id, checks, request_id, ..Default::default() };
                shipping.record_quality_check(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Pack => {
                let packages = vec![crate::warehouse::package(1)];
                let request =
                    pb::PackShipmentRequest { shipment_id, packages, request_id, ..Default::default() };
                shipping.pack_shipment(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Label => {
                let request =
                    pb::CreateShippingLabelRequest { shipment_id, request_id, ..Default::default() };
                shipping.create_shipping_label(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Assign => {
                let request = pb::AssignCourierRequest { shipment_id, request_id, ..Default::default() };
                shipping.assign_courier(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::HandOver => {
                let request = pb::ConfirmPickupRequest {
                    shipment_id,
                    package_count: 1,
                    driver: "driver 12".to_owned(),
                    request_id,
                    ..Default::default()
                };
                shipping.confirm_pickup(by("warehouse", request)).await?.into_inner().shipment
            }
            Step::Deliver => {
                let proof =
                    pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
                let request = pb::ConfirmDeliveryRequest {
                    shipment_id,
                    proof: Some(proof),
                    request_id,
                    ..Default::default()
                };
                shipping.confirm_delivery(by("courier", request)).await?.into_inner().shipment
            }
            Step::Rate => {
                let request = pb::SubmitFeedbackRequest {
                    order_id: self.id.clone(),
                    delivery_rating: 5,
                    product_rating: 4,
                    request_id,
                    ..Default::default()
                };
                let answer = clients.feedback.clone().submit_feedback(by("storefront", request)).await?;
                let feedback = answer.into_inner().feedback.unwrap_or_default();
                told.remember(&feedback.order_id, &feedback.etag);
                self.step = Step::Close;
                return Ok(());
            }
            Step::Close => {
                let request =
                    pb::CloseOrderRequest { order_id: self.id.clone(), request_id, ..Default::default() };
                let answer = clients.orders.clone().close_order(by("clerk", request)).await?;
                let order = answer.into_inner().order.unwrap_or_default();
                told.remember(&order.id, &order.etag);
                self.step = Step::Over;
                return Ok(());
            }
            Step::Over => return Ok(()),
        };
        let shipment = shipment.unwrap_or_default();
        told.remember(&shipment.id, &shipment.etag);
        self.step = self.step.next();
        Ok(())
    }
}

impl Step {
    fn next(self) -> Self {
        match self {
            Self::StartPicking => Self::Pick,
            Self::Pick => Self::Check,
            Self::Check => Self::Pack,
            Self::Pack => Self::Label,
            Self::Label => Self::Assign,
            Self::Assign => Self::HandOver,
            Self::HandOver => Self::Deliver,
            Self::Deliver => Self::Rate,
            Self::Rate => Self::Close,
            Self::Place
            | Self::Pay
            | Self::Cancel
            | Self::Expire
            | Self::FindShipment
            | Self::Close
            | Self::Over => Self::Over,
        }
    }
}

/// Asks again until every order placed by these callers is there exactly once.
pub(crate) async fn one_order_each(callers: &[Caller], clients: &Clients) {
    let each = |buyer: String| async move {
        let first =
            clients.create_order(&buyer, format!("{buyer}.{:?}", Step::Place)).await.expect("an answer");
        let again =
            clients.create_order(&buyer, format!("{buyer}.{:?}", Step::Place)).await.expect("an answer");
        assert_eq!(first, again);
        assert_eq!(clients.orders_of(&buyer).await.expect("a list"), 1, "{buyer}");
    };
    let buyers: Vec<String> = callers.iter().flat_map(|it| it.buyers.clone()).collect();
    stream::iter(buyers).map(each).buffer_unordered(16).collect::<Vec<_>>().await;
}
