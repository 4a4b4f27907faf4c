//! The operators' port: probes for everybody, the rest for who has the key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::access::{KeyHash, Role};
use consign::pb;
use consign::settings::{KeySettings, Secret, Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::postgres::TestDatabase;
use crate::proxy::Proxy;
use crate::server::{Engine, Places, TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, stocked};

pub(crate) fn with_port(settings: &mut Settings) {
    settings.operations.listen = Some(([127, 0, 0, 1], 0).into());
    settings.operations.request_seconds = 1;
}

/// Sends a request as it stands and returns the status, the head and the body of the answer.
pub(crate) async fn send(server: &TestServer, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server.server.operations.expect("the port is on")).await.unwrap();
    // What is refused before it has arrived may be cut off.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    (status.unwrap_or_default(), head.to_owned(), body.to_owned())
}

/// GETs a page, with more lines of the head if wanted.
pub(crate) async fn get(server: &TestServer, path: &str, more: &str) -> (u16, String, String) {
    send(server, &format!("GET {path} HTTP/1.1\r\nhost: consign\r\nconnection: close\r\n{more}\r\n")).await
}

on_both_engines!(everybody_may_ask_whether_the_server_lives_and_what_it_is, with_port, async |server| {
    for page in ["/livez", "/readyz"] {
        let (status, head, body) = get(&server, page, "").await;
        assert_eq!((status, body.as_str()), (200, "ok\n"), "{page}");
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
    let (status, _, body) = get(&server, "/version", "").await;
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, said["version"].as_str()), (200, Some(env!("CARGO_PKG_VERSION"))));
    let engine = if server.database().is_some() { "PostgreSQL" } else { "SQLite" };
    assert_eq!(said["engine"].as_str(), Some(engine));
    assert_eq!(said["schema"].as_str(), consign::store::Store::migrations().last().map(String::as_str));

    let (status, _, body) = get(&server, "/nothing", "").await;
    assert_eq!(status, 404);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["reason"], "NOT_FOUND");
    let post = "POST /livez HTTP/1.1\r\nhost: consign\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(send(&server, post).await.0, 405);
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_or_too_slow_is_cut_off_and_others_are_served() {
    let change = |it: &mut Settings| {
        with_port(it);
        it.operations.connections = 2;
        it.operations.request_seconds = 5;
    };
    let server = TestServer::start_with(Engine::Sqlite, change).await.unwrap();
    let long = format!("x-long: {}\r\n", "x".repeat(64 * 1_024));
    assert_eq!(get(&server, "/livez", &long).await.0, 431);
    let many: String = (0..100).map(|it| format!("x-{it}: 1\r\n")).collect();
    assert_eq!(get(&server, "/livez", &many).await.0, 431);
    assert_eq!(send(&server, "\u{1}\u{2}\r\n\r\n").await.0, 400);

    // Two who say nothing take all the room there is, for as long as a request may take.
    let address = server.server.operations.unwrap();
    let mut silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    assert_eq!(get(&server, "/livez", "").await.0, 0, "a third one is closed at once");
    let mut byte = [0];
    for stream in &mut silent {
        // The port answers what did not arrive in time, or only hangs up.
        let ended = timeout(Duration::from_secs(20), stream.read(&mut byte)).await;
        assert!(ended.is_ok(), "it is still open");
    }
    let mut status = 0;
    for _ in 0..200 {
        status = get(&server, "/livez", "").await.0;
        if status == 200 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status, 200);
    server.stop().await;
}

/// What was begun before is answered to its end, with the truth.
#[tokio::test(flavor = "multi_thread")]
async fn who_stops_is_not_ready_any_more() {
    let server = TestServer::start_with(Engine::Sqlite, |it| {
        with_port(it);
        it.operations.request_seconds = 60;
    });
    let server = server.await.unwrap();
    let address = server.server.operations.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: consign\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1_024];
    assert!(stream.read(&mut answer).await.unwrap() > 0);
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"GET /readyz HTTP/1.1\r\n").await.unwrap();
    assert_eq!(get(&server, "/readyz", "").await.0, 200);

    let stopping = tokio::spawn(server.stop());
    let began = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "the port stays open");
        sleep(Duration::from_millis(20)).await;
    }
    let mut answer = String::new();
    other.write_all(b"host: consign\r\n\r\n").await.unwrap();
    other.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.ends_with("the server is stopping\n"), "{answer}");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "one that has nothing to say is closed at once");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_named_until_it_is_back() {
    let Some(database) = TestDatabase::create().await else { return };
    let (proxy, url) = Proxy::to(&database.url).await;
    let places = Places { folder: tempfile::tempdir().unwrap(), database: Some(database) };
    let server = TestServer::open(places, |it| {
        with_port(it);
        it.database_url = Some(Secret::new(&url));
    });
    let server = server.await;
    let until = async |wanted: u16| {
        let began = Instant::now();
        loop {
            let (status, _, body) = get(&server, "/readyz", "").await;
            if status == wanted {
                return body;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{status}: {body}");
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(until(200).await, "ok\n");
    proxy.go_dark();
    assert_eq!(until(503).await, "the database does not answer\n");
    assert_eq!(get(&server, "/livez", "").await.0, 200, "the process lives");
    proxy.heal();
    assert_eq!(until(200).await, "ok\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_speaks_tls_where_the_server_has_a_certificate() {
    let server = TestServer::start_secret(|it| {
        with_port(it);
        it.tls.certificate = Some("tests/it/tls/server.pem".into());
        it.tls.key = Some("tests/it/tls/server.key.pem".into());
    });
    let server = server.await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file("tests/it/tls/authority.pem").unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];

    let address = server.server.operations.unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_ne!(get(&server, "/readyz", "").await.0, 200, "nothing is said in the clear");
}

const MONITOR: &str = "consign_monitor";
const READER: &str = "consign_reader";

fn with_keys(settings: &mut Settings) {
    with_port(settings);
    for (name, key, role) in [("prometheus", MONITOR, Role::Monitor), ("reader", READER, Role::Reader)] {
        let sha256 = vec![KeyHash::of(key)];
        let known = KeySettings { sha256, roles: vec![role.into()], expires: None, names_persons: false };
        settings.access.keys.insert(name.to_owned(), known);
    }
}

on_both_engines!(metrics_are_for_who_may_see_them, with_keys, async |server| {
    let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
    assert_eq!(get(&server, "/metrics", &bearer(MONITOR)).await.0, 200);
    let wrong = [
        (String::new(), 401, "KEY_MISSING"),
        (bearer("consign_nobody"), 401, "KEY_UNKNOWN"),
        (bearer(READER), 403, "PERMISSION_MISSING"),
    ];
    for (more, status, reason) in wrong {
        let (told, head, body) = get(&server, "/metrics", &more).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((told, body["reason"].as_str()), (status, Some(reason)), "{body}");
        assert_eq!(status == 401, head.contains("www-authenticate: Bearer"), "{head}");
    }
    // Who may see how the server does sees nothing of its orders.
    let request = with_header(pb::ListOrdersRequest::default(), "authorization", "Bearer consign_monitor");
    let denied = server.orders.clone().list_orders(request).await.expect_err("no permission");
    assert_eq!(denied.code(), Code::PermissionDenied);
    for page in ["/livez", "/readyz", "/version"] {
        assert_eq!(get(&server, page, "").await.0, 200, "{page}");
    }
    server.stop().await;
});

fn with_header<T>(message: T, name: &'static str, value: &'static str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(name, MetadataValue::from_static(value));
    request
}

/// The values of all series, by name and labels.
async fn metrics(server: &TestServer) -> BTreeMap<String, f64> {
    let (status, head, body) = get(server, "/metrics", "").await;
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let lines = body.lines().filter(|it| !it.starts_with('#'));
    let read = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a name and a value");
        (series.to_owned(), value.parse().expect("a number"))
    };
    lines.map(read).collect()
}

/// The names and kinds that are told, and each has a text.
async fn told(server: &TestServer) -> BTreeMap<String, String> {
    let (_, _, body) = get(server, "/metrics", "").await;
    let words = |mark: &str| -> BTreeMap<String, String> {
        let of = body.lines().filter_map(|it| it.strip_prefix(mark)?.split_once(' '));
        of.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    };
    let (help, kinds) = (words("# HELP "), words("# TYPE "));
    assert_eq!(help.keys().collect::<Vec<_>>(), kinds.keys().collect::<Vec<_>>());
    assert!(help.values().all(|it| !it.is_empty()), "{help:?}");
    kinds
}

on_both_engines!(what_happens_is_counted_and_what_waits_is_told, with_port, async |server| {
    let before = metrics(&server).await;
    assert_eq!(before["consign_ready"], 1.0);
    stocked(&server, "T-1", 10).await;
    let key = pb::get_order_request::Key::Number("100001".to_owned());
    let missing = pb::GetOrderRequest { key: Some(key), ..Default::default() };
    server.orders.clone().get_order(missing).await.expect_err("there is none");
    // Names that callers make up are one label.
    for name in ["One", "Two"] {
        let mut client = tonic::client::Grpc::new(server.channel.clone());
        client.ready().await.unwrap();
        let path = format!("/consign.v1.OrderService/{name}").parse().unwrap();
        let codec = ProstCodec::<(), ()>::default();
        client.unary(Request::new(()), path, codec).await.expect_err("there is no such method");
    }

    let after = metrics(&server).await;
    let series =
        r#"consign_calls_total{method="consign.v1.InventoryService/ReceiveStock",code="OK",reason=""}"#;
    assert_eq!((before.get(series), after[series]), (None, 1.0));
    let refused = r#"consign_calls_total{method="consign.v1.OrderService/GetOrder",code="NOT_FOUND",reason="NOT_FOUND"}"#;
    assert_eq!(after.get(refused), Some(&1.0));
    let unknown = r#"consign_calls_total{method="(unknown)",code="UNIMPLEMENTED",reason=""}"#;
    assert_eq!(after[unknown], 2.0);
    let receive = r#"{method="consign.v1.InventoryService/ReceiveStock"}"#;
    assert_eq!(after[&format!("consign_call_duration_seconds_count{receive}")], 1.0);
    assert!(after["consign_connections"] >= 1.0);
    let groups = "consign_writer_group_changes_count";
    assert!(after[groups] > before[groups], "{} {}", after[groups], before[groups]);
    for gauge in [
        r#"consign_calls_under_way{shape="stream"}"#,
        r#"consign_messages{state="FAILED"}"#,
        r#"consign_approvals_waiting{gate="PAYMENT"}"#,
        r#"consign_orders_stuck{gate="HOLD"}"#,
        r#"consign_outside_calls_total{target="mail",outcome="done"}"#,
        r#"consign_outside_call_duration_seconds_count{target="subscribers"}"#,
        "consign_orders_late",
        "consign_writer_queue_changes",
        "consign_payments_unanswered",
        "consign_jobs_oldest_due_seconds",
    ] {
        assert_eq!(after.get(gauge), Some(&0.0), "{gauge}");
    }
    assert_eq!(after.contains_key("consign_sqlite_wal_bytes"), server.database().is_none());
    server.stop().await;
});

on_both_engines!(calls_to_systems_outside_are_counted_by_their_outcome, with_port, async |server| {
    stocked(&server, "T-1", 10).await;
    let order = create_order(&server, draft("ada", "T-1", 1)).await.expect("there is stock");
    let pay = |token: &str| pb::CapturePaymentRequest {
        order_id: order.id.clone(),
        method: pb::PaymentMethod::Card.into(),
        token: token.to_owned(),
        ..Default::default()
    };
    let declined = server.billing.clone().capture_payment(by("shop", pay("tok_decline"))).await;
    declined.expect_err("the issuer declines");
    server.billing.clone().capture_payment(by("shop", pay("tok_success"))).await.expect("an answer");
    let of = |target: &str, outcome: &str| {
        format!(r#"consign_outside_calls_total{{target="{target}",outcome="{outcome}"}}"#)
    };
    let began = Instant::now();
    loop {
        let told = metrics(&server).await;
        let count = |target: &str, outcome: &str| told[&of(target, outcome)];
        if count("mail", "done") >= 1.0 {
            assert_eq!((count("payments", "done"), count("payments", "refused")), (1.0, 1.0));
            assert_eq!(told[r#"consign_outside_call_duration_seconds_count{target="payments"}"#], 2.0);
            assert_eq!((count("payments", "unanswered"), count("couriers", "done")), (0.0, 0.0));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no letter was sent");
        sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
});

on_both_engines!(the_page_names_every_metric_and_rules_and_dashboard_no_others, with_port, async |server| {
    stocked(&server, "T-1", 10).await;
    every_law_holds(&server).await;
    let mut told = told(&server).await;
    // On SQLite only, and with certificates only.
    for name in ["consign_sqlite_wal_bytes", "consign_certificate_expires_seconds"] {
        told.entry(name.to_owned()).or_insert("gauge".to_owned());
    }
    let page = std::fs::read_to_string("docs/operations.md").unwrap();
    let rows = page.lines().filter_map(|it| it.strip_prefix("| `consign_")?.split_once("` | "));
    let named: BTreeMap<String, String> = rows
        .map(|(name, rest)| {
            (format!("consign_{name}"), rest.split(' ').next().unwrap_or_default().to_owned())
        })
        .collect();
    assert_eq!(told, named);

    let is_of_name = |it: char| it.is_ascii_lowercase() || it == '_';
    for file in ["deploy/alerts.yml", "deploy/dashboard.json"] {
        let text = std::fs::read_to_string(file).unwrap();
        let mut names = 0;
        for (at, _) in text.match_indices("consign_") {
            let name: String = text[at..].chars().take_while(|it| is_of_name(*it)).collect();
            let of = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
            let histogram = of.filter(|it| told.get(*it).is_some_and(|kind| kind == "histogram"));
            assert!(told.contains_key(&name) || histogram.is_some(), "{file} names {name}");
            names += 1;
        }
        assert!(names > 10, "{file} names {names} metrics");
    }
    server.stop().await;
});

on_both_engines!(an_answer_has_the_id_of_its_call, with_port, async |server| {
    let ask = async |id: Option<&'static str>| {
        let message = pb::ListOrdersRequest::default();
        let request = match id {
            Some(id) => with_header(message, "x-request-id", id),
            None => Request::new(message),
        };
        let answer = server.orders.clone().list_orders(request).await.unwrap();
        answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(ask(Some("mine-1")).await, "mine-1");
    let (made, other) = (ask(None).await, ask(Some("two words")).await);
    assert!(made != other && made.len() == 36 && other.len() == 36, "{made} {other}");

    let request = with_header(pb::GetOrderRequest::default(), "x-request-id", "mine-2");
    let refused = server.orders.clone().get_order(request).await.expect_err("no id is given");
    assert_eq!(refused.metadata().get("x-request-id").unwrap(), "mine-2");
    server.stop().await;
});
