//! Messages that are wrong in every way that bytes can be: each gets an answer that says whose fault it is, soon.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::pb;
use fastrand::Rng;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::child::{Process, Site, scale};
use crate::server::{Engine, TestServer, patient};
use crate::shop::{create_courier, draft, pay_by_card, place, stocked};
use crate::warehouse::Warehouse;

/// Calls under way at once.
const ABREAST: usize = 8;
/// Every run sends the same.
const SEED: u64 = 20;
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
    let mut heard: HashMap<Code, usize> = HashMap::new();
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
            *heard.entry(code).or_default() += 1;
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
    println!("{engine:?}: {sent} messages, answers {heard:?}, kept {kept} KiB");
    println!("slowest {:?}: {}", slowest.0, slowest.1.chars().take(200).collect::<String>());
    // Some read well and are even done: else only the surface was touched.
    assert!(heard.contains_key(&Code::Ok) && heard.contains_key(&Code::FailedPrecondition));
    assert!(heard.contains_key(&Code::InvalidArgument) && heard.contains_key(&Code::NotFound));
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
        for path in [path, "/consign.v1.OrderService/ListOrders", "/consign.v1.OrderService/WatchOrders"] {
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

    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
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

/// One method of the API.
#[derive(Debug, Clone)]
struct Method {
    path: String,
    request: MessageDescriptor,
    is_stream: bool,
}

/// Every method, those that change something last: what they leave behind would slow down the others.
fn methods() -> Vec<Method> {
    let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).expect("written by our own build");
    let mut methods = Vec::new();
    for service in pool.services().filter(|it| it.package_name() == "consign.v1") {
        for method in service.methods() {
            methods.push(Method {
                path: format!("/{}/{}", service.full_name(), method.name()),
                request: method.input(),
                is_stream: method.is_server_streaming(),
            });
        }
    }
    assert!(methods.len() > 60, "the API has more than {} methods", methods.len());
    methods.sort_by_key(|it| it.request.get_field_by_name("request_id").is_some());
    methods
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
            place(&server, draft(&format!("{what}{number}"), "A-1", quantity)).await.expect("an order").id
        };
        ordered("new", 1).await;
        // For a person to approve.
        ordered("large", 70).await;
        let waits = pb::OnShortage::Wait as i32;
        let short = pb::OrderDraft { on_shortage: waits, ..draft(&format!("short{number}"), "A-2", 1) };
        place(&server, short).await.expect("an order that waits");
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

/// What exists at the server, so that wrong messages get past the first look.
#[derive(Default)]
struct Known {
    /// By their prefix, such as `ord`.
    ids: HashMap<String, Vec<String>>,
    tracking_numbers: Vec<String>,
    skus: Vec<String>,
}

impl Known {
    /// All that the lists show.
    async fn at(server: &Process) -> Self {
        let mut known = Self::default();
        for method in methods().iter().filter(|it| it.path.contains("/List")) {
            let mut answer = Vec::new();
            let codec = Raw;
            let mut client = tonic::client::Grpc::new(server.channel());
            client.ready().await.expect("the server is up");
            let path: PathAndQuery = method.path.parse().expect("a path");
            if let Ok(got) = client.unary(Request::new(Vec::new()), path, codec).await {
                answer = got.into_inner();
            }
            known.learn(&answer);
        }
        assert!(known.ids.len() > 5, "only {:?}", known.ids.keys());
        assert!(!known.skus.is_empty() && !known.tracking_numbers.is_empty());
        known
    }

    /// Ids are plain text in any message.
    fn learn(&mut self, message: &[u8]) {
        let text = String::from_utf8_lossy(message);
        for word in text.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_')) {
            if let Some((prefix, rest)) = word.split_once('_')
                && prefix.len() == 3
                && rest.len() == 26
            {
                let ids = self.ids.entry(prefix.to_owned()).or_default();
                if ids.len() < 50 {
                    ids.push(word.to_owned());
                }
            }
        }
        let words = text.split(|it: char| !(it.is_ascii_alphanumeric() || it == '-'));
        for word in words.filter(|it| it.len() < 40) {
            let kept = match word {
                _ if word.starts_with("CN") && word.len() == 15 => &mut self.tracking_numbers,
                _ if ["A-1", "A-2"].contains(&word) => &mut self.skus,
                _ => continue,
            };
            if kept.len() < 50 {
                kept.push(word.to_owned());
            }
        }
    }

    fn id(&self, rng: &mut Rng, prefix: &str) -> Option<String> {
        rng.choice(self.ids.get(prefix)?).cloned()
    }
}

/// Writes messages that could be meant, and wrong ones.
struct Writer<'a> {
    rng: Rng,
    known: &'a Known,
    /// Of a hundred values, how many are wrong.
    wrong: u32,
}

impl Writer<'_> {
    fn message(&mut self, described: &MessageDescriptor, depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let chosen: Vec<_> = described.oneofs().map(|it| self.rng.usize(0..it.fields().len())).collect();
        for field in described.fields() {
            // Of a choice mostly one is taken.
            let is_chosen = match field.containing_oneof() {
                Some(oneof) => {
                    let place = described.oneofs().position(|it| it == oneof).expect("its own");
                    oneof.fields().nth(chosen[place]).is_some_and(|it| it == field)
                }
                None => self.rng.u32(0..100) >= 15,
            };
            if is_chosen || self.is_wrong() {
                self.field(&field, depth, &mut bytes);
            }
        }
        bytes
    }

    fn is_wrong(&mut self) -> bool {
        self.rng.u32(0..100) < self.wrong
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize, bytes: &mut Vec<u8>) {
        let times = match (field.is_list(), self.is_wrong()) {
            (true, false) => self.rng.usize(1..=2),
            (true, true) => *self.rng.choice(&[0, 2, 101, 1_000]).expect("some"),
            (false, false) => 1,
            // Said twice, the last one holds.
            (false, true) => 2,
        };
        for _ in 0..times {
            if bytes.len() > 60_000 {
                return;
            }
            self.value(field, depth, bytes);
        }
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize, bytes: &mut Vec<u8>) {
        let number = field.number();
        match field.kind() {
            Kind::String => {
                let text = if self.is_wrong() { self.wrong_text() } else { self.text(field.name()).into() };
                lengthy(number, &text, bytes);
            }
            Kind::Bytes => {
                let length = self.rng.usize(0..64);
                let noise: Vec<u8> = (0..length).map(|_| self.rng.u8(..)).collect();
                lengthy(number, &noise, bytes);
            }
            Kind::Message(inner) => {
                let inner = match (inner.full_name(), self.is_wrong()) {
                    (_, true) if depth > 0 => self.nested(number, depth),
                    ("google.protobuf.Timestamp", wrong) => self.timestamp(wrong),
                    ("google.type.Money", wrong) => self.money(wrong),
                    ("google.protobuf.Duration", false) => varint_fields(&[(1, 600)]),
                    ("google.protobuf.FieldMask", false) => self.mask(),
                    _ if depth > 6 => Vec::new(),
                    _ => self.message(&inner, depth + 1),
                };
                lengthy(number, &inner, bytes);
            }
            Kind::Enum(words) => {
                let wrong = self.is_wrong();
                let word = if wrong {
                    *self.rng.choice(&NUMBERS).expect("some")
                } else {
                    let place = self.rng.usize(0..words.values().len());
                    u64::from(words.values().nth(place).map_or(0, |it| it.number()).unsigned_abs())
                };
                varint(number, word, bytes);
            }
            Kind::Bool => varint(number, u64::from(self.rng.bool()), bytes),
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
                encode_key(number, WireType::SixtyFourBit, bytes);
                bytes.put_f64_le(*self.rng.choice(&[0.5, f64::NAN, f64::INFINITY, -1e300]).expect("some"));
            }
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => {
                encode_key(number, WireType::ThirtyTwoBit, bytes);
                bytes.put_f32_le(*self.rng.choice(&[0.5, f32::NAN, f32::INFINITY, -1e30]).expect("some"));
            }
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 | Kind::Sint64 => {
                let wrong = self.is_wrong();
                let value =
                    if wrong { *self.rng.choice(&NUMBERS).expect("some") } else { self.rng.u64(1..4) };
                varint(number, value, bytes);
            }
        }
    }

    /// What a caller would write there.
    fn text(&mut self, name: &str) -> String {
        let id = |writer: &mut Self, prefix| writer.known.id(&mut writer.rng, prefix).unwrap_or_default();
        match name {
            "order_id" => id(self, "ord"),
            "shipment_id" => id(self, "shp"),
            "approval_id" => id(self, "apr"),
            "payment_id" => id(self, "pay"),
            "refund_id" => id(self, "ref"),
            "invoice_id" => id(self, "inv"),
            "reservation_id" => id(self, "rsv"),
            "hold_id" => id(self, "hld"),
            "message_id" => id(self, "msg"),
            "replenishment_id" => id(self, "rpl"),
            "sku" => match self.rng.bool() {
                true => self.rng.choice(&self.known.skus).cloned().unwrap_or_default(),
                false => format!("SKU-{}", self.rng.u32(0..50)),
            },
            "location" => self.pick(&["DE-LEIPZIG", "US-NEWARK", "SOMEWHERE"]),
            "courier" => self.pick(&["swift", "harbour", "meteor", "nobody"]),
            "tracking_number" => self.rng.choice(&self.known.tracking_numbers).cloned().unwrap_or_default(),
            "currency" | "currency_code" => self.pick(&["EUR", "USD"]),
            "region" => self.pick(&["EUROPE", "NORTH_AMERICA"]),
            "country" => self.pick(&["DE", "US"]),
            "state" => self.pick(&["", "NY"]),
            "tax_category" => "STANDARD".to_owned(),
            "token" => self.pick(&["tok_success", "tok_decline", "tok_error", "tok_timeout"]),
            "email" | "customer_email" => format!("m{}@example.com", self.rng.u32(0..100)),
            "phone" => self.pick(&["+49 30 901820", ""]),
            "daily_cutoff" => "16:00".to_owned(),
            "etag" | "page_token" | "received_by" => String::new(),
            "filter" => self.pick(&[
                "",
                "state = PENDING",
                "state = RESERVED AND create_time > \"2026-01-01T00:00:00Z\"",
            ]),
            "order_by" => self.pick(&["", "create_time desc"]),
            "request_id" => match self.rng.bool() {
                true => String::new(),
                false => format!("request-{}", self.rng.u64(..)),
            },
            _ => format!("text {}", self.rng.u16(..)),
        }
    }

    fn pick(&mut self, texts: &[&str]) -> String {
        self.rng.choice(texts).map(|it| (*it).to_owned()).unwrap_or_default()
    }

    fn wrong_text(&mut self) -> Vec<u8> {
        const TEXTS: &[&[u8]] = &[
            b"",
            b" ",
            b"\0",
            b"\xff\xfe",
            b"\xc3\x28",
            b"\xed\xa0\x80",
            "\u{202e}\u{feff}\u{1f468}\u{200d}\u{1f469}".as_bytes(),
            b"a\nb\r\nc\x1b[31m",
            b"4111 1111 1111 1111",
            b"5555555555554444",
            b"ord_01h455vb4pex5vsknk084sn02q",
            b"shp_01h455vb4pex5vsknk084sn02q",
            b"ord_zzzzzzzzzzzzzzzzzzzzzzzzzz",
            b"ord_",
            b"00000000-0000-0000-0000-000000000000",
            b"'; DROP TABLE orders; --",
            b"%s%n%x{}{{7*7}}${7*7}",
            b"../../../../etc/passwd",
            b"state = ",
            b"AND AND",
            b"state = \"unfinished",
            b"total > 99999999999999999999999999",
            b"create_time < \"0000-00-00\"",
            b"-1",
            b"1e400",
            b"25:61",
            b"NaN",
            b"zz",
            b"0",
            b"ff",
        ];
        match self.rng.u32(0..10) {
            0 => vec![b'x'; self.rng.usize(100..20_000)],
            1 => "ä€😀".repeat(self.rng.usize(1..2_000)).into_bytes(),
            2 => {
                let ids: Vec<_> = self.known.ids.values().flatten().collect();
                self.rng.choice(&ids).map(|it| it.as_bytes().to_vec()).unwrap_or_default()
            }
            3 => (0..self.rng.usize(1..80)).map(|_| self.rng.u8(..)).collect(),
            _ => self.rng.choice(TEXTS).map(|it| it.to_vec()).unwrap_or_default(),
        }
    }

    /// The same field within itself, over and over.
    fn nested(&mut self, number: u32, depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.rng.usize(1..200) + depth {
            let mut outer = Vec::new();
            lengthy(number, &bytes, &mut outer);
            bytes = outer;
        }
        bytes
    }

    fn timestamp(&mut self, wrong: bool) -> Vec<u8> {
        if wrong {
            let seconds = *self.rng.choice(&NUMBERS).expect("some");
            let nanos = *self.rng.choice(&NUMBERS).expect("some");
            return varint_fields(&[(1, seconds), (2, nanos)]);
        }
        let now = consign::clock::now().unix_micros().unsigned_abs() / 1_000_000;
        varint_fields(&[(1, now - self.rng.u64(0..1_000))])
    }

    fn money(&mut self, wrong: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        lengthy(1, if wrong { b"XXX" } else { b"EUR" }, &mut bytes);
        let units = if wrong { *self.rng.choice(&NUMBERS).expect("some") } else { self.rng.u64(0..500) };
        varint(2, units, &mut bytes);
        let nanos = if wrong { *self.rng.choice(&NUMBERS).expect("some") } else { 10_000_000 };
        varint(3, nanos, &mut bytes);
        bytes
    }

    fn mask(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let path = self.pick(&["customer", "shipping_address", "lines", "special_instructions", "id"]);
        lengthy(1, path.as_bytes(), &mut bytes);
        bytes
    }

    /// Bytes that are not what was written.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.rng.usize(1..4) {
            if bytes.is_empty() {
                return vec![self.rng.u8(..)];
            }
            let at = self.rng.usize(0..bytes.len());
            match self.rng.u32(0..7) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << self.rng.u32(0..8),
                2 => bytes[at] = self.rng.u8(..),
                3 => drop(bytes.remove(at)),
                4 => bytes.insert(at, self.rng.u8(..)),
                // Another wire type than the schema's.
                5 => bytes[0] = (bytes[0] & !7) | self.rng.u8(0..8),
                _ => {
                    let tail = bytes.split_off(at);
                    bytes.extend([0xff; 11]);
                    bytes.extend(tail);
                }
            }
        }
        bytes
    }
}

/// Where numbers break: the ends of their types, of money, of time and of what is allowed.
const NUMBERS: [u64; 26] = [
    0,
    1,
    99,
    100,
    101,
    200,
    201,
    1_000_000,
    1_000_001,
    999_999_999,
    1_000_000_000,
    i32::MAX as u64,
    i32::MAX as u64 + 1,
    u32::MAX as u64,
    253_402_300_799,
    253_402_300_800,
    i64::MAX as u64 / 1_000_000,
    i64::MAX as u64 / 100,
    i64::MAX as u64 - 1,
    i64::MAX as u64,
    i64::MIN as u64,
    i64::MIN as u64 + 1,
    i32::MIN as i64 as u64,
    -62_135_596_801_i64 as u64,
    -1_i64 as u64,
    u64::MAX - 1,
];

fn varint(number: u32, value: u64, bytes: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, bytes);
    encode_varint(value, bytes);
}

fn varint_fields(fields: &[(u32, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, value) in fields {
        varint(*number, *value, &mut bytes);
    }
    bytes
}

fn lengthy(number: u32, value: &[u8], bytes: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}

/// For each field of the request that may be repeated: as many empty entries as 64 KiB have room for.
fn unfolding(method: &Method) -> impl Iterator<Item = (String, Vec<u8>)> + use<> {
    const ROOM: usize = 65_000;

    let mut found = Vec::new();
    let mut open = vec![(method.request.clone(), Vec::<FieldDescriptor>::new())];
    while let Some((message, way)) = open.pop() {
        for field in message.fields() {
            let is_part = matches!(field.kind(), Kind::Message(_) | Kind::String);
            if field.is_list() && is_part {
                let mut entries = Vec::new();
                while entries.len() < ROOM {
                    lengthy(field.number(), b"", &mut entries);
                }
                for outer in way.iter().rev() {
                    let mut within = Vec::new();
                    lengthy(outer.number(), &entries, &mut within);
                    entries = within;
                }
                found.push((field.full_name().to_owned(), entries));
            }
            if let Kind::Message(inner) = field.kind()
                && way.len() < 4
            {
                let mut way = way.clone();
                way.push(field.clone());
                open.push((inner, way));
            }
        }
    }
    found.into_iter()
}

/// A message and what was said to it.
struct Answer {
    bytes: Vec<u8>,
    took: Duration,
    result: Result<(), Status>,
}

/// Half of the messages are wrong by the schema, a quarter are damaged, and a quarter are right but for one or two
/// values at the ends of what there is.
async fn send_all(
    method: &Method,
    known: &Known,
    each: usize,
    channels: &[Channel],
    seed: u64,
) -> Vec<Answer> {
    let salt = method.path.bytes().fold(0, |sum: u64, it| sum.wrapping_mul(31).wrapping_add(u64::from(it)));
    let mut writer = Writer { rng: Rng::with_seed(seed ^ salt), known, wrong: 0 };
    let room = Arc::new(Semaphore::new(ABREAST));
    let mut calls = JoinSet::new();
    for number in 0..each {
        writer.wrong = [25, 0, 10, 4][number % 4];
        let mut bytes = writer.message(&method.request, 0);
        if number % 4 == 1 {
            bytes = writer.damaged(bytes);
        }
        let permit = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
        let (channel, path) = (channels[number % channels.len()].clone(), method.path.clone());
        let is_stream = method.is_stream;
        calls.spawn(async move {
            let began = Instant::now();
            let result = match is_stream {
                true => open(channel, &path, bytes.clone()).await,
                false => send(channel, &path, bytes.clone(), ["amira", "ben", "clerk"][number % 3]).await,
            };
            drop(permit);
            Answer { bytes, took: began.elapsed(), result: result.map(drop) }
        });
    }
    calls.join_all().await
}

async fn send(channel: Channel, path: &str, bytes: Vec<u8>, actor: &'static str) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|it| Status::unavailable(it.to_string()))?;
    let mut request = Request::new(bytes);
    request.metadata_mut().insert("consign-actor", MetadataValue::from_static(actor));
    let path = path.parse().expect("a path");
    Ok(client.unary(request, path, Raw).await?.into_inner())
}

/// Opens a stream and leaves it.
async fn open(channel: Channel, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|it| Status::unavailable(it.to_string()))?;
    let path = path.parse().expect("a path");
    client.server_streaming(Request::new(bytes), path, Raw).await?;
    Ok(Vec::new())
}

/// A body of any bytes, also such as are no message.
async fn send_body(server: &Process, path: &str, body: Vec<u8>, encoding: Option<&str>) -> Status {
    let mut request = http::Request::post(format!("http://{}{path}", server.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let body = tonic::body::Body::new(tonic::service::AxumBody::from(body));
    let request = request.body(body).expect("a request");
    let answer = tower::ServiceExt::oneshot(server.channel(), request).await.expect("an answer");
    Status::from_header_map(answer.headers()).expect("a status at once, since nothing else is said")
}

/// Bytes as they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
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
