//! Subscribers of events: each event of an order once and in order, however often they refuse or fall silent, and the
//! server that tells them is killed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consign::pb;
use consign::settings::{Settings, SubscriberSettings};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::child::{Site, scale};
use crate::server::{Clients, Engine, TestServer, patient};
use crate::shop::{by, create_order, draft, every_law_holds, stocked};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a subscriber does with a call, by the number of times that it has heard of this event.
type Temper = Arc<dyn Fn(i64, usize) -> Answer + Send + Sync>;

#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Take,
    Refuse,
    /// Neither takes the event nor answers, until the other side hangs up.
    Stall,
    /// Hangs up without an answer, after it has taken the event.
    TakeSilently,
    /// Says that it has taken the event, and then never ends its answer.
    TakeAndTalkOn,
}

const TALKS_ON: &str = "200 OK";

/// No status: nothing is answered.
const STALLS: &str = "";

/// A server that takes events as Standard Webhooks asks: each is looked at by its id, and only the first counts.
pub(crate) struct Receiver {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// Events in the order in which they first counted.
    taken: Vec<Value>,
    times: HashMap<i64, usize>,
    /// The secret that has to sign; the one that all know, if none is set.
    secret: Option<String>,
    /// How many signatures the last call had.
    signatures: usize,
    /// Under which ids each was sent.
    ids: HashMap<i64, BTreeSet<String>>,
    faults: Vec<String>,
}

impl Receiver {
    /// `temper` gets an event's position, and how often it was sent by now.
    pub(crate) async fn start(temper: impl Fn(i64, usize) -> Answer + Send + Sync + 'static) -> Self {
        let temper: Temper = Arc::new(temper);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let shared = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared), Arc::clone(&temper)));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}/events", self.address)
    }

    pub(crate) fn settings(&self) -> SubscriberSettings {
        SubscriberSettings {
            secrets: vec![SECRET.parse().expect("a secret")],
            private_addresses: true,
            ..SubscriberSettings::at(self.address())
        }
    }

    pub(crate) fn taken(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(heard.faults.is_empty(), "{:?}", heard.faults);
        heard.taken.clone()
    }

    /// From now on this secret has to sign.
    pub(crate) fn expect(&self, secret: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.secret = Some(secret.to_owned());
    }

    pub(crate) fn signatures(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).signatures
    }

    pub(crate) fn times(&self, position: i64) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.times.get(&position).copied().unwrap_or(0)
    }

    pub(crate) fn ids(&self, position: i64) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.ids.get(&position).cloned().unwrap_or_default()
    }

    pub(crate) async fn until_taken(&self, events: usize) -> Vec<Value> {
        self.until_taken_within(events, Duration::from_secs(90)).await
    }

    async fn until_taken_within(&self, events: usize, within: Duration) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let taken = self.taken();
            if taken.len() >= events {
                return taken;
            }
            assert!(started.elapsed() < within, "{} of {events} were taken", taken.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn answer(mut stream: TcpStream, heard: Arc<Mutex<Heard>>, temper: Temper) {
    let mut received = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4_096];
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        received.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&received).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length == Some(body.len()) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let status = {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        take(&mut heard, &head, &body, &temper)
    };
    if status == Some(STALLS) {
        let _ = stream.read(&mut [0; 1]).await;
    } else if status == Some(TALKS_ON) {
        let head = format!("HTTP/1.1 {TALKS_ON}\r\ncontent-length: 9000000\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        // Until the other side hangs up.
        let _ = stream.read(&mut [0; 1]).await;
    } else if let Some(status) = status {
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
    }
}

fn take(heard: &mut Heard, head: &str, body: &str, temper: &Temper) -> Option<&'static str> {
    let header = |name: &str| {
        let found =
            head.lines().find_map(|it| it.split_once(": ").filter(|it| it.0.eq_ignore_ascii_case(name)));
        found.map(|it| it.1.to_owned()).unwrap_or_default()
    };
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let secret = heard.secret.as_deref().unwrap_or(SECRET).trim_start_matches("whsec_");
    let secret = STANDARD.decode(secret).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signatures = header("webhook-signature");
    heard.signatures = signatures.split(' ').count();
    if !signatures.split(' ').any(|it| it == expected) || !head.starts_with("POST /events HTTP/1.1") {
        heard.faults.push(format!("{head}\n\n{body}"));
        return Some("400 Bad Request");
    }
    let event: Value = serde_json::from_str(body).expect("JSON");
    let position: i64 = event["data"]["position"].as_str().expect("a text").parse().expect("a number");
    assert!(id.starts_with(&format!("evt_{position}_")), "{id}");
    let times = heard.times.entry(position).or_default();
    *times += 1;
    let answer = temper(position, *times);
    heard.ids.entry(position).or_default().insert(id);
    match answer {
        Answer::Refuse => Some("503 Service Unavailable"),
        Answer::Stall => Some(STALLS),
        Answer::Take | Answer::TakeSilently | Answer::TakeAndTalkOn => {
            let known = heard.taken.iter().any(|it| it["data"]["position"] == event["data"]["position"]);
            if !known {
                heard.taken.push(event);
            }
            match answer {
                Answer::TakeAndTalkOn => Some(TALKS_ON),
                Answer::Take => Some("204 No Content"),
                Answer::TakeSilently | Answer::Refuse | Answer::Stall => None,
            }
        }
    }
}

/// Every event of every order, and those of each order in their order.
pub(crate) fn is_whole_and_in_order(taken: &[Value], feed: &[pb::OrderEvent]) {
    let mut by_order: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for it in taken {
        let (order, sequence) = (it["data"]["orderId"].as_str(), it["data"]["sequence"].as_str());
        let sequence = sequence.expect("a text").parse().expect("a number");
        by_order.entry(order.expect("a text")).or_default().push(sequence);
    }
    let mut expected: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for it in feed {
        expected.entry(&it.order_id).or_default().push(it.sequence);
    }
    assert_eq!(by_order, expected);
}

pub(crate) async fn feed(server: &Clients) -> Vec<pb::OrderEvent> {
    let mut open =
        server.events.clone().watch_events(pb::WatchEventsRequest::default()).await.expect("a stream");
    let mut events = Vec::new();
    while let Some(message) = open.get_mut().message().await.expect("a message") {
        match message.update {
            Some(pb::watch_events_response::Update::Event(event)) => events.push(*event),
            Some(pb::watch_events_response::Update::Heartbeat(_)) | None => break,
        }
    }
    events
}

/// A feed is read up to its first heartbeat: by then nothing has happened for so long.
pub(crate) fn quiet(settings: &mut Settings) {
    settings.limits.heartbeat_seconds = 5;
}

pub(crate) async fn buy(server: &Clients, orders: usize) {
    stocked(server, "EVT", 10_000).await;
    place(server, "buyer", orders).await;
}

/// Every other order is cancelled.
pub(crate) async fn place(server: &Clients, name: &str, orders: usize) {
    for index in 0..orders {
        let buyer = format!("{name}{index}");
        let placed = create_order(server, draft(&buyer, "EVT", 1)).await.expect("there is stock");
        if index % 2 == 0 {
            let request = pb::CancelOrderRequest {
                order_id: placed.id,
                reason: "changed their mind".to_owned(),
                ..Default::default()
            };
            server.orders.clone().cancel_order(by("clerk", request)).await.expect("not paid");
        }
    }
}

pub(crate) async fn server_telling(
    engine: Engine,
    receiver: &Receiver,
    types: &[&str],
) -> Option<TestServer> {
    let types = types.iter().map(|it| it.parse().expect("a kind")).collect();
    let subscriber = SubscriberSettings { types, ..receiver.settings() };
    let change = |it: &mut Settings| {
        patient(it);
        quiet(it);
        it.events.subscribers.insert("shop".to_owned(), subscriber);
    };
    TestServer::start_with(engine, change).await
}

/// One in three is refused at first, one in ten taken without an answer, and one in seven with one that has no end.
fn moody(position: i64, heard: usize) -> Answer {
    match (position % 3, position % 10, heard) {
        (0, _, 1) => Answer::Refuse,
        (_, 0, 1) => Answer::TakeSilently,
        (_, _, 1) if position % 7 == 0 => Answer::TakeAndTalkOn,
        _ => Answer::Take,
    }
}

async fn a_moody_subscriber_hears_all(engine: Engine) {
    let receiver = Receiver::start(moody).await;
    let Some(server) = server_telling(engine, &receiver, &[]).await else { return };
    buy(&server, 12).await;
    let feed = feed(&server).await;
    assert!(feed.len() > 60, "{}", feed.len());
    let taken = receiver.until_taken(feed.len()).await;
    is_whole_and_in_order(&taken, &feed);
    assert_eq!((receiver.times(7), receiver.times(14)), (1, 1), "the status is enough");
    let first = &taken[0]["data"];
    assert_eq!(first["type"], taken[0]["type"]);
    assert_eq!(first["time"], taken[0]["timestamp"]);
    every_law_holds(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_refuses_and_hangs_up_hears_every_event_in_order_on_sqlite() {
    a_moody_subscriber_hears_all(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_refuses_and_hangs_up_hears_every_event_in_order_on_postgres() {
    a_moody_subscriber_hears_all(Engine::Postgres).await;
}

/// The first order's first event is never taken.
async fn what_is_never_taken_holds_up_its_order_only(engine: Engine) {
    fn stubborn(position: i64, _: usize) -> Answer {
        if position == 1 { Answer::Refuse } else { Answer::Take }
    }
    let receiver = Receiver::start(stubborn).await;
    let kinds = ["ORDER_RECEIVED", "ORDER_CANCELLED"];
    let Some(server) = server_telling(engine, &receiver, &kinds).await else { return };
    buy(&server, 6).await;
    let feed = feed(&server).await;
    assert_eq!((feed[0].position, feed[0].r#type.as_str()), (1, "ORDER_RECEIVED"));
    let is_wanted = |it: &pb::OrderEvent| kinds.contains(&it.r#type.as_str());
    let others = |it: &&pb::OrderEvent| is_wanted(it) && it.order_id != feed[0].order_id;
    let wanted: Vec<pb::OrderEvent> = feed.iter().filter(others).cloned().collect();
    let taken = receiver.until_taken(wanted.len()).await;
    is_whole_and_in_order(&taken, &wanted);
    assert!(receiver.times(1) >= 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_taken_holds_up_its_order_only_on_sqlite() {
    what_is_never_taken_holds_up_its_order_only(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_taken_holds_up_its_order_only_on_postgres() {
    what_is_never_taken_holds_up_its_order_only(Engine::Postgres).await;
}

/// How long a letter may take to be sent whose sender was killed.
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// A server that is killed again and again forgets nothing of what it has to tell.
async fn killed_while_telling(engine: Engine) {
    let receiver = Receiver::start(moody).await;
    let Some(server) = TestServer::start(engine).await else { return };
    stocked(&server, "EVT", 1_000).await;
    let mut site = Site::of(server.stop().await);
    let variable = |it: &str| format!("CONSIGN_EVENTS__SUBSCRIBERS__shop__{it}");
    site.set(&variable("URL"), format!("http://{}/events", receiver.address));
    site.set(&variable("SECRETS"), format!("[{SECRET}]"));
    site.set(&variable("PRIVATE_ADDRESSES"), true);
    for round in 0..4 {
        let process = site.start().await;
        let orders = Clients::over(process.channel());
        for index in 0..5 {
            let new = draft(&format!("buyer{round}-{index}"), "EVT", 1);
            create_order(&orders, new).await.expect("there is stock");
        }
        drop(process);
    }
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    // What was killed on its way to the mail is sent, and recorded, later.
    clients.until_quiet(QUIET_WITHIN).await;
    let feed = feed(&clients).await;
    let taken = receiver.until_taken(feed.len()).await;
    is_whole_and_in_order(&taken, &feed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_tells_everything_on_sqlite() {
    killed_while_telling(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_tells_everything_on_postgres() {
    killed_while_telling(Engine::Postgres).await;
}

/// Of all calls 30 % are refused and 10 % never answered, an event's first three; from then on it is taken.
fn hostile(position: i64, heard: usize) -> Answer {
    let mixed = (position as u64 * 7 + heard as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    match mixed % 100 {
        0..30 if heard <= 3 => Answer::Refuse,
        30..40 if heard <= 3 => Answer::Stall,
        _ => Answer::Take,
    }
}

/// Two subscribers that refuse and stall, while the process that tells them is killed at evenly spread moments: each event
/// counts once, in the order of its order, and none is lost.
async fn killed_while_telling_the_hostile(engine: Engine) {
    let (events, kills) = scale((1_000, 3), (10_000, 20));
    let receivers = [Receiver::start(hostile).await, Receiver::start(hostile).await];
    let Some(server) = TestServer::start(engine).await else { return };
    let mut site = Site::of(server.stop().await);
    for (receiver, name) in receivers.iter().zip(["shop", "books"]) {
        let variable = |it: &str| format!("CONSIGN_EVENTS__SUBSCRIBERS__{name}__{it}");
        site.set(&variable("URL"), receiver.address());
        site.set(&variable("SECRETS"), format!("[{SECRET}]"));
        site.set(&variable("PRIVATE_ADDRESSES"), true);
        site.set(&variable("ANSWER_WITHIN_SECONDS"), 1);
    }
    let mut process = site.start().await;
    let clients = Clients::over(process.channel());
    // Each has more than ten events in the mean.
    buy(&clients, events / 10).await;
    let placed = feed(&clients).await.len();
    assert!(placed >= events, "{placed}");

    let within = scale(Duration::from_secs(300), Duration::from_secs(3_600));
    for kill in 1..=kills {
        receivers[0].until_taken_within(placed * kill / (kills + 1), within).await;
        drop(process);
        process = site.start().await;
    }
    let clients = Clients::over(process.channel());
    clients.until_quiet(QUIET_WITHIN).await;
    let feed = feed(&clients).await;
    for receiver in &receivers {
        let taken = receiver.until_taken_within(feed.len(), within).await;
        is_whole_and_in_order(&taken, &feed);
        let calls: usize = feed.iter().map(|it| receiver.times(it.position)).sum();
        println!("{} events in {calls} calls, over {kills} kills", taken.len());
        assert!(feed.iter().all(|it| receiver.ids(it.position).len() == 1), "an id is an event's own");
    }
    drop(process);
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_that_refuse_and_stall_hear_everything_over_kills_on_sqlite() {
    killed_while_telling_the_hostile(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_that_refuse_and_stall_hear_everything_over_kills_on_postgres() {
    killed_while_telling_the_hostile(Engine::Postgres).await;
}
