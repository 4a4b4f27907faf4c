//! Traces and metrics: what a collector is sent, and that one which is away holds nobody up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use consign::pb;
use consign::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Request};

use crate::operations::{get, with_port};
use crate::server::{Engine, TestServer};
use crate::shop::{create_order, draft, stocked};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const CALLER: u64 = 0x00f0_67aa_0ba9_02b7;

/// A command, its outcome, and the reason of a refusal.
type Decided = (&'static str, &'static str, Option<&'static str>);

/// What the traced caller asks for.
const DECIDED: [Decided; 2] =
    [("CreateOrder", "accepted", None), ("CancelOrder", "refused", Some("NOT_FOUND"))];

/// What of the messages is looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct Exported {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<OfResource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfResource {
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<OfScope>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfScope {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ExportedMetrics {
    #[prost(message, repeated, tag = "1")]
    resource_metrics: Vec<MetricsOfResource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MetricsOfResource {
    #[prost(message, repeated, tag = "2")]
    scope_metrics: Vec<MetricsOfScope>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MetricsOfScope {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

/// One of the three kinds is there.
#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(message, optional, tag = "5")]
    gauge: Option<Numbers>,
    #[prost(message, optional, tag = "7")]
    sum: Option<Numbers>,
    #[prost(message, optional, tag = "9")]
    histogram: Option<Distributions>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Numbers {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Number>,
    #[prost(int32, tag = "2")]
    temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(fixed64, tag = "2")]
    start: u64,
    #[prost(fixed64, tag = "3")]
    at: u64,
    #[prost(double, optional, tag = "4")]
    value: Option<f64>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Distributions {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Distribution>,
    #[prost(int32, tag = "2")]
    temporality: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Distribution {
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, optional, tag = "5")]
    sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    bounds: Vec<f64>,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Text>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

/// All spans, and the metrics as they were sent last.
#[derive(Default)]
struct Sent {
    spans: Vec<Span>,
    metrics: Vec<Metric>,
}

type Taken = Arc<Mutex<Sent>>;

/// A stand-in for a collector; where it is, and what it has taken.
async fn collector() -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let taken = Taken::default();
    let shared = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, Arc::clone(&shared)));
        }
    });
    (address, taken)
}

async fn take(mut stream: TcpStream, taken: Taken) {
    let mut received = Vec::new();
    let (of_metrics, body) = loop {
        let mut buffer = [0; 16_384];
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        received.extend_from_slice(&buffer[..read]);
        let Some(end) = received.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
        let of_metrics = head.starts_with("post /v1/metrics http/1.1");
        assert!(of_metrics || head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if Some(received.len() - end - 4) == length {
            break (of_metrics, received.split_off(end + 4));
        }
    };
    if of_metrics {
        let exported = <ExportedMetrics as prost::Message>::decode(body.as_slice()).expect("an export");
        let scopes = exported.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
        taken.lock().unwrap_or_else(PoisonError::into_inner).metrics =
            scopes.flat_map(|it| it.metrics).collect();
    } else {
        let exported = <Exported as prost::Message>::decode(body.as_slice()).expect("an export");
        let spans = exported.resource_spans.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans);
        taken.lock().unwrap_or_else(PoisonError::into_inner).spans.extend(spans);
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
}

impl Span {
    /// Whether a call of the traced caller was decided in it.
    fn is_decision_of(&self, method: &str) -> bool {
        self.trace_id == TRACE.to_be_bytes() && self.name == format!("command {method}")
    }

    fn is_linked_with(&self, other: &Self) -> bool {
        let is_it = |it: &Link| it.trace_id == other.trace_id && it.span_id == other.span_id;
        self.links.iter().any(is_it)
    }

    /// An attribute that is a text.
    fn told(&self, key: &str) -> Option<&str> {
        let attribute = self.attributes.iter().find(|it| it.key == key)?;
        attribute.value.as_ref().map(|it| it.text.as_str())
    }
}

fn traced<T>(message: T, flags: &str) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("00-{TRACE:032x}-{CALLER:016x}-{flags}");
    request.metadata_mut().insert("traceparent", header.parse().expect("a header"));
    request
}

async fn spans_are_sent(engine: Engine) {
    let (address, taken) = collector().await;
    let change = |it: &mut Settings| it.operations.otlp_endpoint = Some(address);
    let Some(server) = TestServer::start_with(engine, change).await else { return };
    stocked(&server, "T-1", 10).await;
    create_order(&server, draft("ada", "T-1", 1)).await.expect("there is stock");
    let named = pb::CreateOrderRequest { order: Some(draft("bea", "T-1", 1)), ..Default::default() };
    server.orders.clone().create_order(traced(named, "01")).await.expect("there is stock");
    let nowhere = pb::CancelOrderRequest {
        order_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        reason: "it was never placed".to_owned(),
        ..Default::default()
    };
    let refused = server.orders.clone().cancel_order(traced(nowhere, "01")).await.expect_err("no such order");
    assert_eq!(refused.code(), Code::NotFound);
    server.orders.clone().list_orders(traced(pb::ListOrdersRequest::default(), "00")).await.expect("a page");
    server.orders.clone().list_orders(traced(pb::ListOrdersRequest::default(), "01")).await.expect("a page");

    let began = Instant::now();
    let spans = loop {
        let spans = taken.lock().unwrap_or_else(PoisonError::into_inner).spans.clone();
        let is_there = |name: &str| spans.iter().any(|it| it.name.contains(name));
        // Servers of other tests send theirs too. A group ends after its commands.
        let is_decided = |(method, outcome, _): &Decided| {
            let of_method = spans.iter().filter(|it| it.is_decision_of(method));
            let mut decided = of_method.filter(|it| it.told("consign.outcome") == Some(*outcome));
            decided.any(|it| spans.iter().any(|group| it.is_linked_with(group)))
        };
        if spans.iter().filter(|it| it.parent_span_id == CALLER.to_be_bytes()).count() == 3
            && DECIDED.iter().all(is_decided)
            && is_there("call mail")
        {
            break spans;
        }
        let names: Vec<_> = spans.iter().map(|it| it.name.as_str()).collect();
        assert!(began.elapsed() < Duration::from_secs(60), "{names:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let called = |method: &str| -> Vec<_> {
        let is_it = |it: &&Span| it.name.ends_with(method) && it.parent_span_id == CALLER.to_be_bytes();
        spans.iter().filter(is_it).collect()
    };
    let listed = called("OrderService/ListOrders");
    assert_eq!(listed.len(), 1, "the other was not to be recorded");
    assert_eq!(listed[0].trace_id, TRACE.to_be_bytes());
    let inner: Vec<_> = spans.iter().filter(|it| it.parent_span_id == listed[0].span_id).collect();
    assert!(!inner.is_empty() && inner.iter().all(|it| it.name == "statements"), "{inner:?}");
    assert!(inner.iter().all(|it| it.trace_id == TRACE.to_be_bytes()));
    assert!(inner.iter().all(|it| it.start >= listed[0].start && it.end <= listed[0].end + 1_000_000));
    let group = spans.iter().find(|it| it.name == "writer group").expect("a group");
    assert!(group.parent_span_id.is_empty() && group.end > group.start, "{group:?}");

    for (method, outcome, reason) in DECIDED {
        let calls = called(&format!("OrderService/{method}"));
        let [call] = calls[..] else { panic!("{method}: {calls:?}") };
        // A decision that lacked something is made again.
        let decided = spans.iter().filter(|it| it.is_decision_of(method)).max_by_key(|it| it.start);
        let decided = decided.expect("a command");
        assert_eq!(decided.parent_span_id, call.span_id);
        assert!(
            decided.start >= call.start && decided.end <= call.end + 1_000_000,
            "{decided:?} in {call:?}"
        );
        assert_eq!(decided.told("consign.outcome"), Some(outcome), "{decided:?}");
        assert_eq!(decided.told("consign.reason"), reason, "{decided:?}");
        let group = spans.iter().find(|it| decided.is_linked_with(it)).expect("its group");
        assert!(group.name == "writer group" && group.trace_id != call.trace_id, "{group:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_and_metrics_are_sent_to_a_collector_on_sqlite() {
    spans_are_sent(Engine::Sqlite).await;
    // One after the other: spans of all servers of a process go to the collector of the last one.
    metrics_are_sent().await;
    a_collector_that_is_away_holds_nobody_up().await;
}

/// Nobody listens there.
async fn a_collector_that_is_away_holds_nobody_up() {
    let change = |it: &mut Settings| it.operations.otlp_endpoint = Some("http://127.0.0.1:1".to_owned());
    let server = TestServer::start_with(Engine::Sqlite, change).await.expect("SQLite is there");
    stocked(&server, "T-1", 10).await;
    let began = Instant::now();
    for _ in 0..200 {
        server.orders.clone().list_orders(pb::ListOrdersRequest::default()).await.expect("a page");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// Whether these are the labels of what InventoryService/ReceiveStock has counted.
fn is_of_receiving(attributes: &[Attribute]) -> bool {
    let is = |key: &str, value: &str| {
        attributes.iter().any(|it| it.key == key && it.value.as_ref().is_some_and(|it| it.text == value))
    };
    is("method", "consign.v1.InventoryService/ReceiveStock")
}

/// It is sent what Prometheus is given.
async fn metrics_are_sent() {
    let (address, taken) = collector().await;
    let server = TestServer::start_with(Engine::Sqlite, |it: &mut Settings| {
        with_port(it);
        it.operations.otlp_endpoint = Some(address);
        it.operations.otlp_metrics_seconds = 1;
    });
    let server = server.await.expect("SQLite is there");
    stocked(&server, "T-1", 10).await;
    let began = Instant::now();
    let metrics = loop {
        let metrics = taken.lock().unwrap_or_else(PoisonError::into_inner).metrics.clone();
        let counted = metrics.iter().filter_map(|it| it.sum.as_ref()).flat_map(|it| &it.points);
        let taken_time = metrics.iter().filter_map(|it| it.histogram.as_ref()).flat_map(|it| &it.points);
        if counted.map(|it| &it.attributes).any(|it| is_of_receiving(it))
            && taken_time.map(|it| &it.attributes).any(|it| is_of_receiving(it))
        {
            break metrics;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{metrics:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let of = |name: &str| metrics.iter().find(|it| it.name == name).expect("it is sent");
    let calls = of("consign_calls_total").sum.as_ref().expect("it only rises");
    assert!(
        calls.is_monotonic && calls.temporality == 2 && !of("consign_calls_total").description.is_empty()
    );
    let received = calls.points.iter().find(|it| is_of_receiving(&it.attributes)).expect("it was called");
    assert_eq!((received.value, received.attributes.len()), (Some(1.0), 3));
    assert!(received.start > 0 && received.at > received.start, "{received:?}");
    let took = of("consign_call_duration_seconds").histogram.as_ref().expect("it is spread");
    let received = took.points.iter().find(|it| is_of_receiving(&it.attributes)).expect("it took time");
    assert_eq!((received.count, received.counts.iter().sum::<u64>(), took.temporality), (1, 1, 2));
    assert_eq!(received.counts.len(), received.bounds.len() + 1);
    assert!(received.sum.is_some_and(|it| it > 0.0), "{received:?}");
    let ready = of("consign_ready").gauge.as_ref().expect("it rises and falls");
    assert_eq!(ready.points.iter().map(|it| it.value).collect::<Vec<_>>(), [Some(1.0)]);

    let (_, _, page) = get(&server, "/metrics", "").await;
    let shown = page.lines().filter_map(|it| it.strip_prefix("# TYPE ")?.split_once(' '));
    let shown: BTreeSet<&str> = shown.map(|it| it.0).collect();
    assert_eq!(metrics.iter().map(|it| it.name.as_str()).collect::<BTreeSet<_>>(), shown);
    server.stop().await;
}
