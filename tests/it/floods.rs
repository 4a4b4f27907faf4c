//! Connections that abuse HTTP/2, beside a good caller: it is answered all the while, and the server neither grows nor
//! goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use consign::pb;
use consign::pb::inventory_service_client::InventoryServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::child::{Process, Site, scale};
use crate::server::{Engine, TestServer, patient};
use crate::shop::stocked;

/// What the server may need more than before.
const COST_KIB: u64 = 64 * 1_024;
/// How long each attack lasts, unless it is over before.
fn span() -> Duration {
    scale(Duration::from_millis(1_500), Duration::from_secs(10))
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_reset_at_once_over_and_over() {
    beside_a_good_caller("resets", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        for stream in Wire::streams() {
            let mut frames = frame(HEADERS, END_HEADERS, stream, &headers());
            frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            if !wire.sends(&frames, sent).await {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_whole_and_reset_at_once_over_and_over() {
    beside_a_good_caller("whole calls and resets", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        for stream in Wire::streams() {
            let mut frames = frame(HEADERS, END_HEADERS, stream, &headers());
            frames.extend(frame(DATA, END_STREAM, stream, &[0; 5]));
            frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            if !wire.sends(&frames, sent).await {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_arrive_byte_by_byte() {
    beside_a_good_caller("slow headers", scale(100, 500), async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        let headers = headers();
        wire.sends(&frame(HEADERS, 0, 1, &headers[..1]), sent).await;
        for byte in &headers[1..headers.len() - 1] {
            sleep(Duration::from_millis(50)).await;
            if !wire.sends(&frame(CONTINUATION, 0, 1, &[*byte]), sent).await {
                return;
            }
        }
        sleep(span()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing() {
    beside_a_good_caller("silent connections", scale(100, 500), async |address, sent| {
        let Some(_wire) = Wire::silent(address).await else { return };
        sent.fetch_add(1, Ordering::Relaxed);
        sleep(span()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_lists_that_are_too_long() {
    beside_a_good_caller("long header lists", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        let mut headers = headers();
        for number in 0..17 {
            literal(&format!("x-long-{number}"), &"x".repeat(1_000), &mut headers);
        }
        for stream in Wire::streams() {
            let mut frames = frame(HEADERS, 0, stream, &headers[..16_000]);
            frames.extend(frame(CONTINUATION, END_HEADERS, stream, &headers[16_000..]));
            if !wire.sends(&frames, sent).await {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end() {
    beside_a_good_caller("endless headers", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        wire.sends(&frame(HEADERS, 0, 1, &headers()), sent).await;
        let mut more = Vec::new();
        literal("x-more", &"x".repeat(100), &mut more);
        while wire.sends(&frame(CONTINUATION, 0, 1, &more), sent).await {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_in_crumbs_and_in_nothing_at_all() {
    for (what, crumb) in [("crumbs of data", &[0][..]), ("empty data", &[])] {
        beside_a_good_caller(what, 4, async |address, sent| {
            let Some(mut wire) = Wire::greeted(address).await else { return };
            wire.sends(&frame(HEADERS, END_HEADERS, 1, &headers()), sent).await;
            // The length that is announced is never reached.
            wire.sends(&frame(DATA, 0, 1, &[0, 0, 0, 0xff, 0xff]), sent).await;
            let crumbs = frame(DATA, 0, 1, crumb).repeat(50);
            while wire.sends(&crumbs, sent).await {}
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_only_want_an_answer() {
    beside_a_good_caller("pings", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        let pings = frame(PING, 0, 0, &[7; 8]).repeat(50);
        while wire.sends(&pings, sent).await {}
    })
    .await;
    beside_a_good_caller("settings", 4, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        let settings = frame(SETTINGS, 0, 0, &[]).repeat(50);
        while wire.sends(&settings, sent).await {}
    })
    .await;
}

/// A caller that says what it wants and never says the rest takes no place from others.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_never_finished() {
    beside_a_good_caller("unfinished calls", 8, async |address, sent| {
        let Some(mut wire) = Wire::greeted(address).await else { return };
        for stream in Wire::streams().take(200) {
            let mut frames = frame(HEADERS, END_HEADERS, stream, &headers());
            frames.extend(frame(DATA, 0, stream, &[0, 0, 0, 0xff, 0xff]));
            wire.sends(&frames, sent).await;
        }
        sleep(span()).await;
    })
    .await;
}

/// Only those that greet keep their place, and only so many have one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_greet_is_closed_and_so_is_one_too_many() {
    let mut site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    site.set("CONSIGN_LIMITS__CONNECTIONS", 8);
    site.set("CONSIGN_LIMITS__GREETING_SECONDS", 1);
    let server = site.start().await;
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.expect("a connection"));
    }
    let mut closed_at = Vec::new();
    for mut stream in silent {
        timeout(Duration::from_secs(20), closed(&mut stream)).await.expect("it is closed");
        closed_at.push(began.elapsed());
    }
    closed_at.sort();
    println!("closed after {closed_at:?}");
    assert!(closed_at[19] >= Duration::from_millis(900), "those with a place had a second to greet");
    server.serves().await;
}

/// The system has no more files to give: the server waits for better times without spinning, and then goes on.
#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_are_files() {
    const FILES: usize = 100;

    let mut site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    site.set("CONSIGN_LIMITS__GREETING_SECONDS", 300);
    let server = site.start().await;
    let limited = std::process::Command::new("prlimit")
        .args([format!("--pid={}", server.id()), format!("--nofile={FILES}:{FILES}")])
        .status();
    assert!(limited.expect("prlimit is there").success());

    let mut silent = Vec::new();
    for _ in 0..2 * FILES {
        silent.push(TcpStream::connect(server.address).await.expect("the system accepts"));
    }
    sleep(Duration::from_millis(300)).await;
    let busy = server.processor_time();
    sleep(Duration::from_secs(2)).await;
    let busy = server.processor_time() - busy;
    println!("without a file left: {busy:?} of processor time in 2 s");
    assert!(busy < Duration::from_millis(600), "it spins: {busy:?}");

    drop(silent);
    let began = Instant::now();
    while !consign::server::is_serving(&server.address.to_string()).await.unwrap_or(false) {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come back");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Runs an attack on so many connections at once, each anew when it is cut off, and looks at how a good caller fares.
async fn beside_a_good_caller(
    what: &str,
    connections: usize,
    attack: impl AsyncFn(SocketAddr, &AtomicUsize) + Send + Sync + 'static,
) {
    let server = TestServer::start_with(Engine::Sqlite, patient).await.expect("it is embedded");
    stocked(&server, "G-1", 1).await;
    let site = Site::of(server.stop().await);
    let server = site.start().await;
    let attack = Arc::new(attack);
    // A debug build on a busy machine has no usual time: its bound is fixed.
    let bound = match scale(false, true) {
        true => 3 * usual_p99(&server, connections, &attack).await,
        false => Duration::from_secs(30),
    };

    // Connections are open before memory is looked at.
    good_caller(&server, Duration::from_millis(100)).await;
    let before = server.resident_kib();
    let attackers = Attackers::set_on(server.address, connections, &attack);
    let beside = good_caller(&server, span()).await;
    let grown = server.resident_kib().saturating_sub(before);
    let sent = attackers.stop().await;

    println!(
        "{what}: {sent} sent; a good call's p99 {:?}, at most {bound:?}, longest {:?}, of {}; memory +{grown} KiB",
        beside.p99, beside.longest, beside.calls,
    );
    assert!(sent >= connections, "it was no attack");
    assert!(grown <= COST_KIB, "{grown} KiB");
    assert!(beside.p99 <= bound, "{:?}", beside.p99);
    let after = good_caller(&server, Duration::from_millis(100)).await;
    assert!(after.calls > 0);
    assert!(!site.log().contains("panicked"), "{}", site.log());
}

/// A good call's p99 alone or, if that is longer, beside an attack on another server: attackers, attacked and good callers
/// share the processors.
async fn usual_p99(
    server: &Process,
    connections: usize,
    attack: &Arc<impl AsyncFn(SocketAddr, &AtomicUsize) + Send + Sync + 'static>,
) -> Duration {
    let alone = good_caller(server, span() / 2).await;
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let another = site.start().await;
    let attackers = Attackers::set_on(another.address, connections, attack);
    let next_door = good_caller(server, span()).await;
    attackers.stop().await;
    println!(
        "a good call's p99 alone {:?}, beside an attack on another server {:?}",
        alone.p99, next_door.p99
    );
    next_door.p99.max(alone.p99)
}

/// Attackers at work.
struct Attackers {
    sent: Arc<AtomicUsize>,
    going_on: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Attackers {
    /// They have a thread of their own, and what the others leave of the processors: as from another machine, they take
    /// from the good caller only what the server spends on them.
    fn set_on(
        address: SocketAddr,
        connections: usize,
        attack: &Arc<impl AsyncFn(SocketAddr, &AtomicUsize) + Send + Sync + 'static>,
    ) -> Self {
        let (sent, going_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (attack, counted, go_on) = (Arc::clone(attack), Arc::clone(&sent), Arc::clone(&going_on));
        let thread = std::thread::spawn(move || {
            give_way();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let attackers = (0..connections).map(|_| async {
                    while go_on.load(Ordering::Relaxed) {
                        let _ = timeout(span(), attack(address, &counted)).await;
                        sleep(Duration::from_millis(1)).await;
                    }
                });
                futures_util::future::join_all(attackers).await;
            });
        });
        Self { sent, going_on, thread }
    }

    /// How much they have sent.
    async fn stop(self) -> usize {
        self.going_on.store(false, Ordering::Relaxed);
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await.expect("no panic");
        ended.expect("the attack works");
        self.sent.load(Ordering::Relaxed)
    }
}

/// Gives the calling thread the lowest priority.
fn give_way() {
    let thread = std::fs::read_link("/proc/thread-self").expect("the thread's own directory");
    let thread = thread.file_name().expect("its number");
    let renice = std::process::Command::new("renice").args(["-n", "19", "-p"]).arg(thread).output();
    assert!(renice.expect("renice is there").status.success());
}

struct Fared {
    calls: usize,
    p99: Duration,
    longest: Duration,
}

/// Calls one after the other, on a connection of its own; every one has to be answered.
async fn good_caller(server: &Process, span: Duration) -> Fared {
    let mut inventory = InventoryServiceClient::new(server.channel());
    let asked = pb::GetProductRequest { sku: "G-1".to_owned() };
    inventory.get_product(asked.clone()).await.expect("the product is there");

    let began = Instant::now();
    let mut waits = Vec::new();
    while began.elapsed() < span {
        let called = Instant::now();
        inventory.get_product(asked.clone()).await.expect("the product is there");
        waits.push(called.elapsed());
        sleep(Duration::from_millis(2)).await;
    }
    waits.sort();
    Fared { calls: waits.len(), p99: waits[waits.len() * 99 / 100], longest: waits[waits.len() - 1] }
}

/// A connection on which frames are written by hand. What the server says is read and thrown away.
struct Wire {
    writing: tokio::net::tcp::OwnedWriteHalf,
    _reading: JoinSet<()>,
}

impl Wire {
    async fn silent(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (mut reading, writing) = stream.into_split();
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let mut received = vec![0; 65_536];
            while reading.read(&mut received).await.is_ok_and(|it| it > 0) {}
        });
        Some(Self { writing, _reading: reader })
    }

    async fn greeted(address: SocketAddr) -> Option<Self> {
        let mut wire = Self::silent(address).await?;
        let mut greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        greeting.extend(frame(SETTINGS, 0, 0, &[]));
        wire.writing.write_all(&greeting).await.ok()?;
        Some(wire)
    }

    /// The numbers that a client's calls may have.
    fn streams() -> impl Iterator<Item = u32> {
        (1..1_000_000).step_by(2)
    }

    /// Whether the server still takes it.
    async fn sends(&mut self, frames: &[u8], sent: &AtomicUsize) -> bool {
        sent.fetch_add(1, Ordering::Relaxed);
        // Other attackers have their turn too.
        tokio::task::yield_now().await;
        self.writing.write_all(frames).await.is_ok()
    }
}

async fn closed(stream: &mut TcpStream) {
    let mut received = [0; 1_024];
    while stream.read(&mut received).await.is_ok_and(|it| it > 0) {}
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The headers of a call that would be legal.
fn headers() -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/consign.v1.InventoryService/ListProducts"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        literal(name, value, &mut block);
    }
    block
}

/// A header in the plainest form that HPACK has: not indexed, not packed.
fn literal(name: &str, value: &str, block: &mut Vec<u8>) {
    block.push(0);
    for text in [name, value] {
        let length = text.len();
        match length {
            0..127 => block.push(length as u8),
            _ => {
                block.push(127);
                let mut rest = length - 127;
                while rest >= 128 {
                    block.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                block.push(rest as u8);
            }
        }
        block.extend(text.as_bytes());
    }
}
