//! The operators' port: probes for everybody, the rest for who has the key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::settings::{Secret, Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::postgres::TestDatabase;
use crate::proxy::Proxy;
use crate::server::{Engine, Places, TestServer, on_both_engines};

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
    let answer = String::from_utf8(answer).unwrap();
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
