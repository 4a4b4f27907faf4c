//! Traces: what a collector is sent, and that one which is away holds nobody up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use consign::pb;
use consign::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::Request;

use crate::server::{Engine, TestServer};
use crate::shop::{create_order, draft, stocked};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const CALLER: u64 = 0x00f0_67aa_0ba9_02b7;

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
}

type Taken = Arc<Mutex<Vec<Span>>>;

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
    let body = loop {
        let mut buffer = [0; 16_384];
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        received.extend_from_slice(&buffer[..read]);
        let Some(end) = received.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if Some(received.len() - end - 4) == length {
            break received.split_off(end + 4);
        }
    };
    let exported = <Exported as prost::Message>::decode(body.as_slice()).expect("an export");
    let spans = exported.resource_spans.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans);
    taken.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
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
    server.orders.clone().list_orders(traced(pb::ListOrdersRequest::default(), "00")).await.expect("a page");
    server.orders.clone().list_orders(traced(pb::ListOrdersRequest::default(), "01")).await.expect("a page");

    let began = Instant::now();
    let spans = loop {
        let spans = taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_there = |name: &str| spans.iter().any(|it| it.name.contains(name));
        // Servers of other tests send theirs too.
        if spans.iter().any(|it| it.parent_span_id == CALLER.to_be_bytes())
            && is_there("writer group")
            && is_there("call mail")
        {
            break spans;
        }
        let names: Vec<_> = spans.iter().map(|it| it.name.as_str()).collect();
        assert!(began.elapsed() < Duration::from_secs(60), "{names:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let listed: Vec<_> = spans.iter().filter(|it| it.parent_span_id == CALLER.to_be_bytes()).collect();
    assert_eq!(listed.len(), 1, "the other was not to be recorded");
    assert_eq!(listed[0].trace_id, TRACE.to_be_bytes());
    assert!(listed[0].name.ends_with("OrderService/ListOrders"), "{listed:?}");
    let inner: Vec<_> = spans.iter().filter(|it| it.parent_span_id == listed[0].span_id).collect();
    assert!(!inner.is_empty() && inner.iter().all(|it| it.name == "statements"), "{inner:?}");
    assert!(inner.iter().all(|it| it.trace_id == TRACE.to_be_bytes()));
    assert!(inner.iter().all(|it| it.start >= listed[0].start && it.end <= listed[0].end + 1_000_000));
    let group = spans.iter().find(|it| it.name == "writer group").expect("a group");
    assert!(group.parent_span_id.is_empty() && group.end > group.start, "{group:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sent_to_a_collector_on_sqlite() {
    spans_are_sent(Engine::Sqlite).await;
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
