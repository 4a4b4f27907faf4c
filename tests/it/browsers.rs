//! Pages in browsers, which call over HTTP/1 as gRPC-Web; and callers that speak something else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use consign::pb;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use prost::Message;
use prost::bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::{Engine, TestServer};
use crate::shop::{draft, open_location, stocked};

const PAGE: &str = "https://shop.example";

const ALLOWED: &str = "access-control-allow-origin";

/// A server that pages of [`PAGE`] may call.
async fn for_pages() -> TestServer {
    let open = |it: &mut consign::settings::Settings| it.browsers.origins = vec![PAGE.to_owned()];
    TestServer::start_with(Engine::Sqlite, open).await.expect("it is embedded")
}

async fn without_pages() -> TestServer {
    TestServer::start(Engine::Sqlite).await.expect("it is embedded")
}

/// One request over a connection of its own.
async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1");
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
    Response::from_parts(head, body.collect().await.expect("the whole answer").to_bytes())
}

fn post(address: SocketAddr, method: &str, content: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(format!("/consign.v1.OrderService/{method}"))
        .header("host", address.to_string())
        .header("origin", PAGE)
        .header("content-type", content)
        .header("x-grpc-web", "1")
        .header("consign-actor", "storefront")
        .body(Full::new(body.into()))
        .expect("a request")
}

/// A message as gRPC-Web frames it.
fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// The messages of an answer, and the trailers behind them.
fn unframed(mut body: &[u8]) -> (Vec<&[u8]>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while !body.is_empty() {
        let (head, rest) = body.split_at(5);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (inner, rest) = rest.split_at(length);
        match head[0] {
            0x80 => trailers.push_str(std::str::from_utf8(inner).expect("text")),
            _ => messages.push(inner),
        }
        body = rest;
    }
    (messages, trailers)
}

fn of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|it| it.to_str().expect("text"))
}

fn creation(request_id: &str) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft("page", "P-1", 1)),
        request_id: request_id.to_owned(),
        validate_only: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_origin_that_may_call_creates_an_order_and_gets_it() {
    let server = for_pages().await;
    let address = server.server.address;
    open_location(&server, "LEJ-2", "EUROPE", "DE").await;
    stocked(&server, "P-1", 10).await;

    let created = post(address, "CreateOrder", "application/grpc-web+proto", framed(&creation("page-one-1")));
    let created = send(address, created).await;
    assert_eq!((created.status(), of(created.headers(), ALLOWED)), (StatusCode::OK, Some(PAGE)));
    let (messages, trailers) = unframed(created.body());
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    let order = pb::CreateOrderResponse::decode(messages[0]).expect("an answer").order.expect("an order");

    let key = Some(pb::get_order_request::Key::OrderId(order.id.clone()));
    let asked = framed(&pb::GetOrderRequest { key, ..Default::default() });
    let found = send(address, post(address, "GetOrder", "application/grpc-web", asked)).await;
    let (messages, _) = unframed(found.body());
    let found = pb::GetOrderResponse::decode(messages[0]).expect("an answer").order.expect("an order");
    assert_eq!(found.id, order.id);

    // A refusal says why, and a page may read it.
    let key = Some(pb::get_order_request::Key::Number("999999".to_owned()));
    let asked = framed(&pb::GetOrderRequest { key, ..Default::default() });
    let refused = send(address, post(address, "GetOrder", "application/grpc-web", asked)).await;
    let (_, trailers) = unframed(refused.body());
    let status = of(refused.headers(), "grpc-status").map_or(trailers, |it| format!("grpc-status:{it}"));
    assert!(status.contains("grpc-status:5"), "{status}");
    let exposed = of(refused.headers(), "access-control-expose-headers").expect("it is exposed");
    assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");

    // Over HTTP/2 the others call as ever.
    let key = Some(pb::get_order_request::Key::OrderId(order.id));
    let request = pb::GetOrderRequest { key, ..Default::default() };
    server.orders.clone().get_order(request).await.expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_the_origins_that_are_set_are_let_in_by_their_browser() {
    let server = for_pages().await;
    let address = server.server.address;
    let preflight = |origin: &str| {
        Request::options("/consign.v1.OrderService/GetOrder")
            .header("host", address.to_string())
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,x-grpc-web")
            .body(Full::default())
            .expect("a request")
    };
    let ours = send(address, preflight(PAGE)).await;
    assert_eq!(ours.status(), StatusCode::OK);
    assert_eq!(of(ours.headers(), ALLOWED), Some(PAGE));
    assert_eq!(of(ours.headers(), "access-control-allow-methods"), Some("POST"));
    let headers = of(ours.headers(), "access-control-allow-headers").expect("they are allowed");
    assert!(headers.contains("authorization") && headers.contains("x-grpc-web"), "{headers}");
    for other in ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"]
    {
        assert_eq!(of(send(address, preflight(other)).await.headers(), ALLOWED), None, "{other}");
        let mut call =
            post(address, "GetOrder", "application/grpc-web", framed(&pb::GetOrderRequest::default()));
        call.headers_mut().insert("origin", other.parse().expect("a header"));
        assert_eq!(send(address, call).await.status(), StatusCode::FORBIDDEN, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_json_or_plain_http_hears_what_is_spoken_here() {
    let server = for_pages().await;
    let address = server.server.address;
    let json = || post(address, "GetOrder", "application/json", b"{}".to_vec());
    let answer = send(address, json()).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(answer.body().starts_with(b"This server speaks gRPC"), "{answer:?}");
    let grpc = post(address, "GetOrder", "application/grpc", framed(&pb::GetOrderRequest::default()));
    assert_eq!(send(address, grpc).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let server = without_pages().await;
    let address = server.server.address;
    let page = post(address, "GetOrder", "application/grpc-web", framed(&pb::GetOrderRequest::default()));
    let get = Request::get("/").header("host", "here").body(Full::default()).expect("a request");
    for request in [post(address, "GetOrder", "application/json", vec![b' '; 20_000]), page, get] {
        let answer = send(address, request).await;
        assert_eq!(answer.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        assert_eq!(of(answer.headers(), "connection"), Some("close"));
        assert!(answer.body().starts_with(b"This server speaks gRPC over HTTP/2"), "{answer:?}");
    }
    // Who speaks TLS to it, or nothing known, hears nothing.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.expect("it is sent");
    let mut heard = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await.expect("it is closed");
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_hold_a_connection_for_nothing_nor_send_without_end() {
    let short = |it: &mut consign::settings::Settings| {
        it.browsers.origins = vec![PAGE.to_owned()];
        it.limits.deadline_seconds = 1;
        it.limits.keepalive_seconds = 1;
        it.limits.keepalive_timeout_seconds = 1;
    };
    let server = TestServer::start_with(Engine::Sqlite, short).await.expect("it is embedded");
    let address = server.server.address;
    let head = b"POST /consign.v1.OrderService/GetOrder HTTP/1.1\r\nhost: here\r\n";

    // A request that drips in.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let began = Instant::now();
    stream.write_all(head).await.expect("it is sent");
    while stream.write_all(b"x-more: 1\r\n").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "it is never given up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() > Duration::from_millis(1_500), "it had its time");

    // One that has been answered, and then says nothing.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let whole = [&head[..], b"content-type: application/json\r\ncontent-length: 0\r\n\r\n"].concat();
    stream.write_all(&whole).await.expect("it is sent");
    let mut heard = Vec::new();
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await.expect("it is closed");
    assert!(heard.starts_with(b"HTTP/1.1 415"), "{}", String::from_utf8_lossy(&heard));

    // One that never ends.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(head).await.expect("it is sent");
    let (mut sent, more) = (0, vec![b'x'; 16_384]);
    stream.write_all(b"x-more: ").await.expect("it is sent");
    while stream.write_all(&more).await.is_ok() {
        sent += more.len();
        assert!(sent < 64 * 1_048_576, "it is never given up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_a_certain_age_is_told_to_go_and_callers_go_on_over_another() {
    let short = |it: &mut consign::settings::Settings| it.limits.connection_age_seconds = 1;
    let server = TestServer::start_with(Engine::Sqlite, short).await.expect("it is embedded");
    let address = server.server.address;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(3_500) {
        let request = pb::ListOrdersRequest { page_size: 1, ..Default::default() };
        // A call that meets the word to go on its way was not taken: it is made again.
        if server.orders.clone().list_orders(request.clone()).await.is_err() {
            server.orders.clone().list_orders(request).await.expect("an answer over another connection");
        }
    }

    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(greeting).await.expect("it is sent");
    // It does not answer the ping that goes along, so the connection stays for a while.
    let mut heard = Vec::new();
    let told = async {
        while !kinds(&heard).contains(&GOAWAY) {
            let read = stream.read_buf(&mut heard).await;
            assert!(read.is_ok_and(|it| it > 0), "closed without a word: {heard:?}");
        }
    };
    timeout(Duration::from_secs(20), told).await.expect("it is told to go");
}

const GOAWAY: u8 = 7;

/// The kinds of the frames that were heard.
fn kinds(mut heard: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while heard.len() >= 9 {
        let length = u32::from_be_bytes([0, heard[0], heard[1], heard[2]]) as usize;
        kinds.push(heard[3]);
        heard = heard.get(9 + length..).unwrap_or_default();
    }
    kinds
}
