//! Messages that are wrong in every way that bytes can be: each gets an answer that says whose fault it is, soon.

pub(crate) mod wire;
mod writer;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use consign::pb;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::child::{Process, Site, scale};
use crate::malformed::wire::{Answer, send, send_all, send_body};
use crate::malformed::writer::{Known, SEED, methods, unfolding};
use crate::server::{Engine, TestServer, patient};
use crate::shop::{create_courier, create_order, draft, pay_by_card, stocked};
use crate::warehouse::Warehouse;

/// Calls under way at once.
const ABREAST: usize = 8;

/// What the server may keep of it all.
const KEPT_KIB: u64 = 20 * 1_024;

/// What SQLite's connections may come to keep besides, as the shop grows under these messages: 32 MiB of its pages the
/// writer's, 2 each of eight readers'.
const PAGES_KIB: u64 = (32 + 8 * 2) * 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_any_bytes_without_a_fault_of_its_own_on_sqlite() {
    any_bytes(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_any_bytes_without_a_fault_of_its_own_on_postgres() {
    any_bytes(Engine::Postgres).await;
}

async fn any_bytes(engine: Engine) {
    let Some(mut site) = a_shop_at_work(engine).await else { return };
    // A huge page counts as two MiB, however little of it is in use.
    site.set("MIMALLOC_ALLOW_THP", 0);
    let server = site.start().await;
    let known = Known::at(&server).await;
    let each = scale(60, 20_000);

    let channels: Vec<_> = (0..ABREAST).map(|_| server.channel()).collect();
    // Caches and pools are full before memory is looked at.
    for method in methods() {
        send_all(&method, &known, each / 2, &channels, SEED + 1).await;
    }
    let before = server.resident_kib();
    let mut received: HashMap<Code, usize> = HashMap::new();
    let (mut sent, mut slowest) = (0, (Duration::ZERO, String::new()));
    for method in methods() {
        let answers = send_all(&method, &known, each, &channels, SEED).await;
        for Answer { bytes, took, result } in answers {
            let code = match &result {
                Ok(()) => Code::Ok,
                Err(status) => status.code(),
            };
            let faulty = matches!(
                code,
                Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::Cancelled
            );
            let unexplained = result.as_ref().is_err_and(|it| it.get_details_error_info().is_none());
            assert!(
                !faulty && !unexplained,
                "{} answers {result:?} to {}\n{}",
                method.path,
                hex(&bytes),
                site.log().lines().filter(|it| it.contains("panicked")).collect::<String>()
            );
            *received.entry(code).or_default() += 1;
            sent += 1;
            if took > slowest.0 {
                slowest = (took, format!("{} with {}", method.path, hex(&bytes)));
            }
        }
    }

    let log = site.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.contains("fault of our own"), "{log}");
    let may_keep = match engine {
        Engine::Sqlite => KEPT_KIB + PAGES_KIB,
        Engine::Postgres => KEPT_KIB,
    };
    let kept = settled(&server, before + may_keep).await.saturating_sub(before);
    println!("{engine:?}: {sent} messages, answers {received:?}, kept {kept} KiB");
    println!("slowest {:?}: {}", slowest.0, slowest.1.chars().take(200).collect::<String>());
    // Some read well and are even done: else only the surface was touched.
    assert!(received.contains_key(&Code::Ok) && received.contains_key(&Code::FailedPrecondition));
    assert!(received.contains_key(&Code::InvalidArgument) && received.contains_key(&Code::NotFound));
    assert!(slowest.0 < scale(Duration::from_secs(30), Duration::from_secs(1)), "{slowest:?}");
    assert!(kept <= scale(2 * KEPT_KIB, may_keep), "{kept} KiB are not given back");
    assert_eq!(site.broken_laws(), "");
}

/// What comes before the message may be wrong too. These answers are tonic's own, but for their code and reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_even_a_message_is_the_callers_fault_too() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let server = site.start().await;
    let path = "/consign.v1.OrderService/GetOrder";
    let framed = |flag: u8, length: u32, bytes: &[u8]| {
        let mut frame = vec![flag];
        frame.extend(length.to_be_bytes());
        frame.extend(bytes);
        frame
    };
    let too_large = vec![0; 64 * 1_024 + 1];
    let packed = gzipped_megabyte();
    let unreadable = [
        (vec![], None, "Missing request message."),
        (vec![0, 0], None, "Unexpected EOF decoding stream."),
        (framed(0, 10, b"123"), None, "Unexpected EOF decoding stream."),
        (
            framed(1, 3, b"123"),
            None,
            "protocol error: received message with compressed-flag but no grpc-encoding was specified",
        ),
        (
            framed(7, 3, b"123"),
            None,
            "protocol error: received message with invalid compression flag: 7 (valid flags are 0 and 1), while sending request",
        ),
        (
            framed(1, 3, b"123"),
            Some("gzip"),
            "Error decompressing: unexpected end of file, while sending request",
        ),
        (
            framed(1, packed.len() as u32, &packed),
            Some("gzip"),
            "Error decompressing: size limit, of 65536 bytes, exceeded while decompressing message",
        ),
        (
            framed(0, 4_000_000_000, b""),
            None,
            "Error, decoded message length too large: found 4000000000 bytes, the limit is: 65536 bytes",
        ),
        (framed(0, too_large.len() as u32, &too_large), None, "it is larger than 65536 bytes"),
        (framed(0, 1, &[0]), None, "failed to decode Protobuf message: invalid tag value: 0"),
        (
            framed(0, 2, &[0x0a, 0x05]),
            None,
            "failed to decode Protobuf message: GetOrderRequest.key: buffer underflow",
        ),
    ];
    for (body, encoding, why) in unreadable {
        let status = send_body(&server, path, body, encoding).await;
        let reason = status.get_details_error_info().map(|it| it.reason);
        assert_eq!(
            (status.code(), reason.as_deref()),
            (Code::InvalidArgument, Some("INVALID_FIELD")),
            "{why}"
        );
        assert_eq!(status.message(), format!("the request cannot be read: {why}"));
    }

    // One message is what every method takes: of two it would be anybody's guess which one is meant.
    let one = framed(0, 2, b"\x12\x00");
    for behind in [framed(0, 0, b""), one.clone(), framed(0, 9, b""), vec![0], vec![0, 0, 0, 0, 9]] {
        for path in [path, "/consign.v1.OrderService/ListOrders", "/consign.v1.EventService/WatchEvents"] {
            let status = send_body(&server, path, [one.clone(), behind.clone()].concat(), None).await;
            let why = "more than one message was sent, or something behind it";
            assert_eq!(status.code(), Code::InvalidArgument, "{path} {behind:?}");
            assert_eq!(status.message(), format!("the request cannot be read: {why}"));
        }
    }

    let whole = framed(0, 0, b"");
    let unknown = send_body(&server, "/consign.v1.OrderService/NoSuchCall", whole.clone(), None).await;
    assert_eq!(unknown.code(), Code::Unimplemented);
    let packed_otherwise = send_body(&server, path, whole, Some("zstd")).await;
    assert_eq!(packed_otherwise.code(), Code::Unimplemented);
    assert!(!site.log().contains("fault of our own"));
}

/// 64 KiB that unfold to as much memory as a message can, 64 times at once, at every field that may be repeated.
#[tokio::test(flavor = "multi_thread")]
async fn the_worst_messages_at_once_cost_a_bounded_memory_and_others_are_answered() {
    const AT_ONCE: usize = 64;
    const COST_KIB: u64 = 400 * 1_024;
    const OTHERS_WAIT: Duration = Duration::from_secs(1);

    let mut site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    // None of them is refused unread because others are under way.
    site.set("CONSIGN_LIMITS__IMPORTS", AT_ONCE);
    let server = site.start().await;
    let channels: Vec<_> = (0..4).map(|_| server.channel()).collect();
    warm_up(&channels).await;

    let mut worst = (0, String::new());
    let mut longest = Duration::ZERO;
    let swollen = methods().into_iter().flat_map(|it| {
        unfolding(&it).map(move |(at, bytes)| (it.path.clone(), at, bytes)).collect::<Vec<_>>()
    });
    for (path, at, bytes) in swollen.collect::<Vec<_>>() {
        server.forget_peak();
        let before = server.resident_kib();
        let mut calls = JoinSet::new();
        for number in 0..AT_ONCE {
            let (channel, path, bytes) =
                (channels[number % channels.len()].clone(), path.clone(), bytes.clone());
            calls.spawn(async move { send(channel, &path, bytes, "clerk").await });
        }
        let began = Instant::now();
        let other =
            send(channels[0].clone(), "/consign.v1.InventoryService/ListProducts", Vec::new(), "clerk").await;
        assert!(other.is_ok(), "{other:?}");
        longest = longest.max(began.elapsed());
        while let Some(done) = calls.join_next().await {
            let code = done.expect("no panic").expect_err("nothing is right about it").code();
            assert_eq!(code, Code::InvalidArgument, "{path} {at}");
        }

        let cost = server.peak_kib().saturating_sub(before);
        if cost > worst.0 {
            worst = (cost, format!("{path} {at}"));
        }
    }
    println!("worst: {} KiB by {}; others waited {longest:?} at most", worst.0, worst.1);
    assert!(worst.0 <= COST_KIB, "{worst:?}");
    assert!(longest < scale(30 * OTHERS_WAIT, OTHERS_WAIT), "{longest:?}");
}

/// Orders at every step on the way, each several times.
async fn a_shop_at_work(engine: Engine) -> Option<Site> {
    let server = TestServer::start_with(engine, patient).await?;
    stocked(&server, "A-1", 1_000).await;
    stocked(&server, "A-2", 0).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    for number in 0..4 {
        let ordered = async |what: &str, quantity| {
            create_order(&server, draft(&format!("{what}{number}"), "A-1", quantity))
                .await
                .expect("an order")
                .id
        };
        ordered("new", 1).await;
        // For a person to approve.
        ordered("large", 70).await;
        let waits = pb::OnShortage::Wait as i32;
        let short = pb::OrderDraft { on_shortage: waits, ..draft(&format!("short{number}"), "A-2", 1) };
        create_order(&server, short).await.expect("an order that waits");
        for (what, steps) in [("paid", 0), ("shipped", 1), ("delivered", 2), ("archived", 3)] {
            let id = ordered(what, 2).await;
            pay_by_card(&server, &id, "tok_success").await.expect("a payment");
            match steps {
                0 => {}
                1 => warehouse.ship_all(&id).await,
                _ => warehouse.deliver_all(&id).await,
            }
            if steps == 3 {
                warehouse.close(&id).await;
                warehouse.archive(&id).await;
            }
        }
    }
    Some(Site::of(server.stop().await))
}

/// Connections, caches and pools are there before memory is looked at.
async fn warm_up(channels: &[Channel]) {
    for _ in 0..20 {
        for channel in channels {
            let path = "/consign.v1.OrderService/ListOrders";
            send(channel.clone(), path, Vec::new(), "clerk").await.expect("the list");
        }
    }
}

/// Memory once it is down to what is wished, or else what it stays at.
async fn settled(server: &Process, wished_kib: u64) -> u64 {
    let began = Instant::now();
    loop {
        let resident = server.resident_kib();
        if resident <= wished_kib || began.elapsed() > Duration::from_secs(3) {
            return resident;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// A megabyte of zeros, packed: `head -c 1M /dev/zero | gzip -9n`. That is for the most part zeros again.
fn gzipped_megabyte() -> Vec<u8> {
    let mut bytes = unhex("1f8b08000000000002ffedc13101000000c2a0f54f6d085fa0");
    bytes.resize(bytes.len() + 1016, 0);
    bytes.extend(unhex("3e031cea38a700001000"));
    bytes
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).expect("digits"));
    digits.map(|it| u8::from_str_radix(it, 16).expect("two digits")).collect()
}
