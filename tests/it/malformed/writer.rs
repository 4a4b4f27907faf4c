//! Messages that are wrong in every way that a schema allows, and in some that it does not.

use std::collections::HashMap;

use consign::pb;
use fastrand::Rng;
use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use tonic::Request;
use tonic::codegen::http::uri::PathAndQuery;

use crate::child::Process;
use crate::malformed::wire::Raw;

/// Every run sends the same.
pub(super) const SEED: u64 = 20;

/// One method of the API.
#[derive(Debug, Clone)]
pub(super) struct Method {
    pub(super) path: String,
    pub(super) request: MessageDescriptor,
    pub(super) is_stream: bool,
}

/// Every method, those that change something last: what they leave behind would slow down the others.
pub(super) fn methods() -> Vec<Method> {
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
    let changes = |it: &MessageDescriptor| {
        ["request_id", "row_key"].iter().any(|of| it.get_field_by_name(of).is_some())
    };
    methods.sort_by_key(|it| changes(&it.request));
    methods
}

/// What exists at the server, so that wrong messages get past the first look.
#[derive(Default)]
pub(super) struct Known {
    /// By their prefix, such as `ord`.
    ids: HashMap<String, Vec<String>>,
    tracking_numbers: Vec<String>,
    skus: Vec<String>,
}

impl Known {
    /// All that the lists show.
    pub(super) async fn at(server: &Process) -> Self {
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

    pub(super) fn id(&self, rng: &mut Rng, prefix: &str) -> Option<String> {
        rng.choice(self.ids.get(prefix)?).cloned()
    }
}

/// Writes messages that could be meant, and wrong ones.
pub(super) struct Writer<'a> {
    pub(super) rng: Rng,
    pub(super) known: &'a Known,
    /// Of a hundred values, how many are wrong.
    pub(super) wrong: u32,
}

impl Writer<'_> {
    pub(super) fn message(&mut self, described: &MessageDescriptor, depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let chosen: Vec<_> = described.oneofs().map(|it| self.rng.usize(0..it.fields().len())).collect();
        for field in described.fields() {
            // Mostly one field of a oneof is set.
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
            // Of a field that comes twice, the last value holds.
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
    pub(super) fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
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
pub(super) fn unfolding(method: &Method) -> impl Iterator<Item = (String, Vec<u8>)> + use<> {
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
