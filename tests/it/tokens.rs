//! Callers who show a token of an issuer, whose keys are in a file or told by its server.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign::pb;
use consign::settings::{Settings, TokenSettings};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tonic::{Code, Status};

use crate::access::{ADMIN, key, reason, until_it_ends, with_key};
use crate::server::{Clients, Engine, TestServer, on_both_engines};

const JWKS: &str = "tests/it/tokens/jwks.json";
const ISSUER: &str = "https://login.example";
const PATIENCE: Duration = Duration::from_secs(60);

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The issuer whose key is in [`JWKS`].
fn known_issuer() -> Ed25519KeyPair {
    let key = PrivatePkcs8KeyDer::from_pem_file("tests/it/tokens/issuer.key.pem").expect("a key");
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).expect("a key")
}

fn signed(by: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    format!("{text}.{}", base64(by.sign(text.as_bytes())))
}

/// Good for `seconds` from now on, by the key of that name.
fn token_by(by: &Ed25519KeyPair, kid: &str, name: &str, roles: &[&str], seconds: i64) -> String {
    let now = consign::clock::now().unix_micros() / 1_000_000;
    let claims = json!({"iss": ISSUER, "aud": ["consign", "other"], "sub": name, "roles": roles, "exp": now + seconds});
    signed(by, &json!({"alg": "EdDSA", "kid": kid}), &claims)
}

/// A good one of the known issuer.
pub(crate) fn token(name: &str, roles: &[&str]) -> String {
    token_by(&known_issuer(), "first", name, roles, 600)
}

/// Tokens of the known issuer that are not good, each with the reason that its caller hears.
pub(crate) fn bad_tokens() -> Vec<(String, &'static str)> {
    let issuer = known_issuer();
    let now = consign::clock::now().unix_micros() / 1_000_000;
    let good = json!({"iss": ISSUER, "aud": "consign", "sub": "dana", "roles": ["admin"], "exp": now + 600});
    let header = json!({"alg": "EdDSA", "kid": "first"});
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&issuer, &header, &claims)
    };
    let other = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let other = Ed25519KeyPair::from_pkcs8(other.as_ref()).expect("a key");
    let none = format!("{}.{}.", base64(json!({"alg": "none"}).to_string()), base64(good.to_string()));
    vec![
        (but("exp", json!(now - 60)), "TOKEN_EXPIRED"),
        (but("aud", json!("another")), "TOKEN_INVALID"),
        (but("iss", json!("https://login.other")), "TOKEN_INVALID"),
        (none, "TOKEN_INVALID"),
        (signed(&issuer, &json!({"alg": "HS256", "kid": "first"}), &good), "TOKEN_INVALID"),
        (signed(&issuer, &json!({"alg": "EdDSA", "kid": "unknown"}), &good), "TOKEN_INVALID"),
        (signed(&other, &header, &good), "TOKEN_INVALID"),
        // The settings have an admin of that name.
        (but("sub", json!("admin")), "TOKEN_INVALID"),
    ]
}

fn of_issuer() -> TokenSettings {
    TokenSettings {
        issuer: Some(ISSUER.to_owned()),
        audience: Some("consign".to_owned()),
        leeway_seconds: 0,
        ..TokenSettings::default()
    }
}

/// Takes tokens of the known issuer.
pub(crate) fn take_tokens(settings: &mut Settings) {
    settings.access.tokens = TokenSettings { jwks_file: Some(JWKS.into()), ..of_issuer() };
}

async fn list(server: &Clients, token: &str) -> Result<(), Status> {
    let request = with_key(token, pb::ListOrdersRequest::default());
    server.orders.clone().list_orders(request).await.map(drop)
}

async fn refused(server: &Clients, token: &str) -> (Code, String) {
    let status = list(server, token).await.expect_err("it is not let in");
    assert!(!status.message().contains(token), "{}", status.message());
    (status.code(), reason(&status))
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "TOKEN_INVALID".to_owned())
}

on_both_engines!(
    a_token_says_who_acts_and_its_end_ends_streams,
    |it| {
        key(it, "admin", ADMIN, consign::access::Role::Admin);
        take_tokens(it);
    },
    async |server| {
        crate::access::stock(&server).await;
        let shop = token("dana", &["storefront", "of-another-program"]);
        let order = pb::CreateOrderRequest {
            order: Some(crate::shop::draft("ada", "A-1", 1)),
            request_id: "request-1".to_owned(),
            ..Default::default()
        };
        let create = async |token: &str| {
            let created = server.orders.clone().create_order(with_key(token, order.clone())).await;
            created.expect("an order").into_inner().order.expect("an order")
        };
        let first = create(&shop).await;
        assert_eq!(first.created_by, "dana");
        // The request id is the caller's, whichever token it shows.
        let again = create(&token("dana", &["storefront"])).await;
        assert_eq!(again.id, first.id);
        assert_ne!(create(&token("erik", &["storefront"])).await.id, first.id);
        let nothing = list(&server, &token("dana", &[])).await.expect_err("no role");
        assert_eq!(
            (nothing.code(), reason(&nothing).as_str()),
            (Code::PermissionDenied, "PERMISSION_MISSING")
        );

        let short = token_by(&known_issuer(), "first", "fred", &["reader"], 4);
        let request = with_key(&short, pb::WatchEventsRequest::default());
        let open = server.events.clone().watch_events(request).await.expect("it may read").into_inner();
        let ended = tokio::time::timeout(PATIENCE, until_it_ends(open)).await.expect("it ends in seconds");
        assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));
        assert_eq!(refused(&server, &short).await.1, "TOKEN_EXPIRED");
        server.stop().await;
    }
);

/// An issuer's key of any name, and its key set.
fn new_issuer(kid: &str) -> (Ed25519KeyPair, String) {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(key.public_key())});
    (key, json!({ "keys": [jwk] }).to_string())
}

async fn comes_to(server: &Clients, token: &str, is_let_in: bool) {
    let began = Instant::now();
    while list(server, token).await.is_ok() != is_let_in {
        assert!(began.elapsed() < PATIENCE, "let in: {}", !is_let_in);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn started(change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::start_with(Engine::Sqlite, change).await.expect("it is embedded")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_file_are_those_that_it_has_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jwks.json");
    let write = |text: &str| {
        // Whole or not at all, as whoever writes such a file should.
        let new = Path::new(&file).with_extension("new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &file)).expect("written");
    };
    let ((first, first_set), (second, second_set)) = (new_issuer("1"), new_issuer("2"));
    write(&first_set);
    let server = started(|it| {
        it.access.tokens = TokenSettings { jwks_file: Some(file.clone()), ..of_issuer() };
    });
    let server = server.await;
    let (old, new) =
        (token_by(&first, "1", "a", &["reader"], 600), token_by(&second, "2", "b", &["reader"], 600));
    list(&server, &old).await.expect("it is let in");
    assert_eq!(refused(&server, &new).await, invalid());

    write("{}");
    sleep(Duration::from_secs(3)).await;
    list(&server, &old).await.expect("what cannot be read changes nothing");
    write(&second_set);
    comes_to(&server, &new, true).await;
    assert_eq!(refused(&server, &old).await, invalid());

    // The last key is withdrawn.
    write(r#"{"keys":[]}"#);
    comes_to(&server, &new, false).await;
    assert_eq!(refused(&server, &new).await, invalid());
    server.stop().await;
}

/// A server that answers every request with `answer`; None: with an error.
async fn issuers_server(answer: Arc<Mutex<Option<String>>>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("a port");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let body = answer.lock().unwrap().clone();
            let (status, body) = body.map_or(("500 Oops", String::new()), |it| ("200 OK", it));
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (format!("http://{address}/keys?of=consign"), asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_again_when_a_token_names_another_but_not_for_each() {
    let ((first, first_set), (second, second_set)) = (new_issuer("1"), new_issuer("2"));
    let answer = Arc::new(Mutex::new(Some(first_set)));
    let (url, asked) = issuers_server(Arc::clone(&answer)).await;
    let server = started(|it| it.access.tokens = TokenSettings { jwks_url: Some(url), ..of_issuer() }).await;
    let (old, new) =
        (token_by(&first, "1", "a", &["reader"], 600), token_by(&second, "2", "b", &["reader"], 600));
    list(&server, &old).await.expect("it is let in");
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    // The issuer is away: its old keys go on, and a flood of unknown ones asks for few.
    *answer.lock().unwrap() = None;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(12) {
        assert_eq!(refused(&server, &new).await, invalid());
        sleep(Duration::from_millis(20)).await;
    }
    list(&server, &old).await.expect("it is let in");
    let count = asked.load(Ordering::Relaxed);
    assert!((2..=4).contains(&count), "{count} fetches");

    *answer.lock().unwrap() = Some(second_set);
    comes_to(&server, &new, true).await;
    assert_eq!(refused(&server, &old).await, invalid());

    // The last key is withdrawn; a token that names an unknown one lets that be heard soon.
    *answer.lock().unwrap() = Some(r#"{"keys":[]}"#.to_owned());
    assert_eq!(refused(&server, &old).await, invalid());
    comes_to(&server, &new, false).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_keeps_no_server_from_starting() {
    let (issuer, set) = new_issuer("1");
    let answer = Arc::new(Mutex::new(None));
    let (url, _) = issuers_server(Arc::clone(&answer)).await;
    let server = started(|it| it.access.tokens = TokenSettings { jwks_url: Some(url), ..of_issuer() }).await;
    let token = token_by(&issuer, "1", "a", &["reader"], 600);
    assert_eq!(refused(&server, &token).await, invalid());
    let nobody = server.orders.clone().list_orders(pb::ListOrdersRequest::default()).await;
    assert_eq!(reason(&nobody.expect_err("nobody is believed")), "KEY_MISSING");
    *answer.lock().unwrap() = Some(set);
    comes_to(&server, &token, true).await;
    server.stop().await;
}
