//! Events in a stream of a real NATS server: each once and in order, whoever of the two is killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, stream};
use consign::pb;
use consign::settings::{Password, Settings, SubscriberSettings};
use serde_json::Value;

use crate::child::Site;
use crate::postgres::say;
use crate::server::{Clients, Engine, TestServer, patient};
use crate::shop::{every_law_holds, stocked};
use crate::subscribers::{buy, feed, is_whole_and_in_order, place, quiet};

const STREAM: &str = "ORDERS";

const TOKEN: &str = "a token of the test's own";

/// What it is asked for by a server that asks nobody for anything; the seed is that of NATS' own documentation.
const CREDENTIALS: &str = "\
-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJqd3QiLCJhbGciOiJlZDI1NTE5In0
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
SUAIO3FHUX5PNV2LQIIP7TZ3N4L7TX3W53MQGEIVYFIGA635OZCKEYHFLM
------END USER NKEY SEED------
";

const PATIENCE: Duration = Duration::from_secs(90);

/// A NATS server with JetStream. What it keeps outlives its process, and goes with this value.
struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    arguments: &'static [&'static str],
    process: Child,
}

/// One message of the stream.
#[derive(Debug)]
struct Kept {
    subject: String,
    id: String,
    content_type: String,
    event: Value,
}

impl Nats {
    /// None where there is no nats-server: said aloud, and a failure when `CI` is set.
    async fn start(arguments: &'static [&'static str]) -> Option<Self> {
        let found = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            say("SKIPPED publishing to NATS: there is no nats-server");
            assert!(std::env::var_os("CI").is_none(), "CI has nats-server");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let process = run(&folder, port, arguments);
        let nats = Self { folder, port, arguments, process };
        nats.answers().await;
        Some(nats)
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// kill -9.
    fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    async fn start_again(&mut self) {
        self.process = run(&self.folder, self.port, self.arguments);
        self.answers().await;
    }

    async fn answers(&self) {
        let began = Instant::now();
        while self.context().await.is_none() {
            assert!(began.elapsed() < PATIENCE, "nats-server does not come up: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A connection of its own; None while nobody answers.
    async fn context(&self) -> Option<Context> {
        let client = ConnectOptions::with_token(TOKEN.to_owned()).connect(self.url()).await.ok()?;
        // Asked in the raw: what older servers say of an account has fewer fields than the client reads.
        client.request("$JS.API.INFO", "".into()).await.ok()?;
        Some(jetstream::new(client))
    }

    async fn make_stream(&self, name: &str) {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec!["consign.events.>".to_owned()],
            ..Default::default()
        };
        self.context().await.expect("it is up").create_stream(config).await.expect("a stream");
    }

    async fn remove_stream(&self, name: &str) {
        self.context().await.expect("it is up").delete_stream(name).await.expect("it was there");
    }

    /// Everything that the stream has, from the first to the last.
    async fn kept(&self) -> Vec<Kept> {
        let Some(context) = self.context().await else { return Vec::new() };
        let Ok(stream) = context.get_stream(STREAM).await else { return Vec::new() };
        let last = stream.get_info().await.expect("its state").state.last_sequence;
        let mut kept = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.expect("nothing was removed");
            let header = |name: &str| message.headers.get(name).expect(name).as_str().to_owned();
            kept.push(Kept {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id"),
                content_type: header("content-type"),
                event: serde_json::from_slice(&message.payload).expect("JSON"),
            });
        }
        kept
    }

    async fn until_kept(&self, events: usize) -> Vec<Kept> {
        let began = Instant::now();
        loop {
            let kept = self.kept().await;
            if kept.len() >= events {
                return kept;
            }
            assert!(began.elapsed() < PATIENCE, "{} of {events} are kept", kept.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn settings(&self) -> SubscriberSettings {
        SubscriberSettings {
            stream: Some(STREAM.parse().expect("a name")),
            make_stream: true,
            private_addresses: true,
            ..SubscriberSettings::at(self.url())
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &tempfile::TempDir, port: u16, arguments: &[&str]) -> Child {
    let log = folder.path().join("log");
    let log = File::options().create(true).append(true).open(log).expect("a log");
    Command::new("nats-server")
        .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"])
        .arg(folder.path().join("streams"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("nats-server")
}

async fn server_publishing(engine: Engine, subscriber: SubscriberSettings) -> Option<TestServer> {
    let change = |it: &mut Settings| {
        patient(it);
        quiet(it);
        it.events.subscribers.insert("bus".to_owned(), subscriber);
    };
    TestServer::start_with(engine, change).await
}

/// Each event of the feed once, those of an order in their order, each as it has to look.
fn is_the_feed(kept: &[Kept], feed: &[pb::OrderEvent]) {
    let ids: BTreeSet<&str> = kept.iter().map(|it| it.id.as_str()).collect();
    assert_eq!((kept.len(), ids.len()), (feed.len(), feed.len()), "none is lost, none is there twice");
    let events: Vec<Value> = kept.iter().map(|it| it.event.clone()).collect();
    is_whole_and_in_order(&events, feed);
    for Kept { subject, id, content_type, event } in kept {
        let text = |it: &Value| it.as_str().expect("a text").to_owned();
        let (order, kind) = (text(&event["data"]["orderId"]), text(&event["data"]["type"]));
        assert_eq!(*subject, format!("consign.events.{order}.{kind}"));
        assert_eq!(content_type, "application/cloudevents+json");
        assert_eq!((text(&event["specversion"]), text(&event["id"])), ("1.0".to_owned(), id.clone()));
        assert_eq!(text(&event["source"]), "consign");
        assert_eq!((text(&event["type"]), text(&event["subject"])), (format!("consign.v1.{kind}"), order));
        assert_eq!(event["time"], event["data"]["time"]);
    }
}

/// NATS is killed between orders, and while their events are published.
async fn kept_once_while_nats_is_killed(engine: Engine) {
    let Some(mut nats) = Nats::start(&["--auth", TOKEN]).await else { return };
    let subscriber = SubscriberSettings { token: Password::new(TOKEN), ..nats.settings() };
    let Some(server) = server_publishing(engine, subscriber).await else { return };
    buy(&server, 6).await;
    nats.until_kept(1).await;
    for round in 0..3 {
        place(&server, &format!("before{round}"), 3).await;
        nats.kill();
        place(&server, &format!("without{round}"), 2).await;
        nats.start_again().await;
    }
    let feed = feed(&server).await;
    assert!(feed.len() > 60, "{}", feed.len());
    is_the_feed(&nats.until_kept(feed.len()).await, &feed);
    every_law_holds(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_each_event_once_and_in_order_over_kills_of_nats_on_sqlite() {
    kept_once_while_nats_is_killed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_each_event_once_and_in_order_over_kills_of_nats_on_postgres() {
    kept_once_while_nats_is_killed(Engine::Postgres).await;
}

/// The server is killed, and the next one knows nothing of what the last one has published.
async fn kept_once_while_the_server_is_killed(engine: Engine) {
    let Some(nats) = Nats::start(&[]).await else { return };
    let Some(server) = TestServer::start(engine).await else { return };
    stocked(&server, "EVT", 1_000).await;
    let mut site = Site::of(server.stop().await);
    let credentials = site.folder.path().join("consign.creds");
    std::fs::write(&credentials, CREDENTIALS).expect("it is written");
    let variable = |it: &str| format!("CONSIGN_EVENTS__SUBSCRIBERS__bus__{it}");
    site.set(&variable("URL"), nats.url());
    site.set(&variable("STREAM"), STREAM);
    site.set(&variable("MAKE_STREAM"), true);
    site.set(&variable("PRIVATE_ADDRESSES"), true);
    site.set(&variable("CREDENTIALS_FILE"), credentials.display());
    for round in 0..3 {
        let process = site.start().await;
        place(&Clients::over(process.channel()), &format!("buyer{round}"), 4).await;
        nats.until_kept(10 * (round + 1)).await;
        drop(process);
        // As if it had been killed before it could write down anything.
        site.sql("DELETE FROM untold_events WHERE subscriber = 'bus'").await;
        site.sql("UPDATE event_subscribers SET position = 0, lease_until = NULL WHERE name = 'bus'").await;
    }
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.until_quiet(PATIENCE).await;
    let feed = feed(&clients).await;
    let last = feed.last().expect("events").position;
    until("all is told again", &clients, |it| it.position >= last && it.waiting_count == 0).await;
    is_the_feed(&nats.until_kept(feed.len()).await, &feed);
    drop(process);
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_publishes_once_more_is_there_once_on_sqlite() {
    kept_once_while_the_server_is_killed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_publishes_once_more_is_there_once_on_postgres() {
    kept_once_while_the_server_is_killed(Engine::Postgres).await;
}

/// Waits for what ListEventSubscribers says of the only one.
async fn until(what: &str, clients: &Clients, holds: impl Fn(&pb::EventSubscriber) -> bool) {
    let began = Instant::now();
    loop {
        let request = pb::ListEventSubscribersRequest {};
        let found = clients.events.clone().list_event_subscribers(request).await.expect("a list");
        let subscriber = found.into_inner().subscribers.pop().expect("one subscriber");
        if holds(&subscriber) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {subscriber:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_stream_that_is_missing_and_say_so() {
    let Some(nats) = Nats::start(&[]).await else { return };
    nats.make_stream("OTHER").await;
    let subscriber = SubscriberSettings { make_stream: false, ..nats.settings() };
    let server = server_publishing(Engine::Sqlite, subscriber).await.expect("SQLite is always there");
    buy(&server, 2).await;
    let says = |words: &'static str| move |it: &pb::EventSubscriber| it.last_error.contains(words);
    until("another stream", &server, says("belongs to another stream than ORDERS")).await;
    nats.remove_stream("OTHER").await;
    until("no stream", &server, says("there is no stream ORDERS for consign.events.ord_")).await;
    assert!(nats.kept().await.is_empty(), "nobody has made it");

    nats.make_stream(STREAM).await;
    let feed = feed(&server).await;
    is_the_feed(&nats.until_kept(feed.len()).await, &feed);
    until("nothing waits", &server, |it| it.last_error.is_empty() && it.waiting_count == 0).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_let_in_keeps_its_events_and_says_so() {
    let Some(nats) = Nats::start(&["--auth", TOKEN]).await else { return };
    let subscriber = SubscriberSettings { token: Password::new("another"), ..nats.settings() };
    let server = server_publishing(Engine::Sqlite, subscriber).await.expect("SQLite is always there");
    buy(&server, 1).await;
    until("not let in", &server, |it| it.last_error.contains("authorization violation")).await;
    until("the token is not shown", &server, |it| {
        !it.last_error.contains("another") && it.address == nats.url() && it.behind > 0
    })
    .await;
    server.stop().await;
}
