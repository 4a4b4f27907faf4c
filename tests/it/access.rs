//! Who calls: keys, roles, and in whose name.

use std::future::ready;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::access::{ApiKey, KeyHash, PERMISSIONS, Role};
use consign::pb;
use consign::pb::inventory_service_client::InventoryServiceClient;
use consign::settings::{KeySettings, Moment, Settings};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;
use tower::service_fn;

use crate::masked::{a_key_for_every_role, secret as key_of};
use crate::server::{Engine, TestServer, on_both_engines};
use crate::shop::{LEIPZIG, draft};
use crate::tokens::{bad_tokens, take_tokens, token};

/// Keys as callers have them; their hashes are among the settings.
pub(crate) const ADMIN: &str = "consign_admin";
const READER: &str = "consign_reader";
const SHOP: &str = "consign_shop";
const OLD: &str = "consign_old";

pub(crate) fn key(settings: &mut Settings, name: &str, key: &str, role: Role) {
    let sha256 = vec![KeyHash::of(key)];
    let known = KeySettings { sha256, roles: vec![role.into()], expires: None, names_persons: false };
    settings.access.keys.insert(name.to_owned(), known);
}

pub(crate) async fn until_it_ends(mut open: tonic::Streaming<pb::WatchEventsResponse>) -> Status {
    loop {
        match open.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream ends with a reason"),
            Err(status) => return status,
        }
    }
}

on_both_engines!(
    a_stream_ends_when_its_key_does,
    |it| {
        key(it, "reader", READER, Role::Reader);
        let soon = Moment(consign::clock::now().plus(Duration::from_secs(8)));
        it.access.keys.get_mut("reader").expect("it is there").expires = Some(soon);
    },
    async |server| {
        let request = with_key(READER, pb::WatchEventsRequest::default());
        let open = server.events.clone().watch_events(request).await.expect("it may still read");
        let ended = tokio::time::timeout(Duration::from_secs(60), until_it_ends(open.into_inner()));
        let ended = ended.await.expect("the key ends in seconds");
        assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "KEY_EXPIRED"));
        server.stop().await;
    }
);

fn four_callers(settings: &mut Settings) {
    take_tokens(settings);
    key(settings, "admin", ADMIN, Role::Admin);
    key(settings, "reader", READER, Role::Reader);
    key(settings, "shop", SHOP, Role::Storefront);
    key(settings, "old", OLD, Role::Admin);
    let long_ago = Moment::try_from("2001-01-01T00:00:00Z".to_owned()).expect("a time");
    for (name, key) in &mut settings.access.keys {
        key.names_persons = name == "shop";
        key.expires = (name == "old").then_some(long_ago);
    }
}

pub(crate) fn with_key<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {key}").parse().expect("a header");
    request.metadata_mut().insert("authorization", value);
    request
}

pub(crate) fn named<T>(key: &str, actor: &'static str, message: T) -> Request<T> {
    let mut request = with_key(key, message);
    request.metadata_mut().insert("consign-actor", MetadataValue::from_static(actor));
    request
}

/// An empty message to a method, whatever it takes.
pub(crate) async fn call(channel: &Channel, method: &str, request: Request<()>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the server listens");
    let path = format!("/{method}").parse().expect("a path");
    client.unary(request, path, ProstCodec::<(), ()>::default()).await.map(drop)
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|it| it.reason).unwrap_or_default()
}

on_both_engines!(terms_are_granted_by_who_may, four_callers, async |server| {
    let customers = || server.customers.clone();
    let contact =
        pb::Customer { name: "Ada".to_owned(), email: "ada@example.com".to_owned(), ..Default::default() };
    let plain = pb::CustomerAccount { contact: Some(contact), ..Default::default() };
    let exempt = pb::CustomerAccount { tax_exempt: true, ..plain.clone() };
    let creating = |it: &pb::CustomerAccount| pb::CreateCustomerRequest {
        customer: Some(it.clone()),
        ..Default::default()
    };
    let refused = customers().create_customer(with_key(SHOP, creating(&exempt))).await.expect_err("no terms");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PERMISSION_MISSING"));
    let created =
        customers().create_customer(with_key(SHOP, creating(&plain))).await.expect("no terms asked");
    let created = created.into_inner().customer.expect("a customer");

    let updating = |path: &str| pb::UpdateCustomerRequest {
        customer: Some(pb::CustomerAccount {
            payment_terms_days: Some(30),
            tax_number: "DE1".to_owned(),
            ..created.clone()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec![path.to_owned()] }),
        ..Default::default()
    };
    for path in ["tax_exempt", "payment_terms_days"] {
        let refused =
            customers().update_customer(with_key(SHOP, updating(path))).await.expect_err("no terms");
        assert_eq!(reason(&refused), "PERMISSION_MISSING", "{path}");
        customers().update_customer(with_key(ADMIN, updating(path))).await.expect("an admin may");
    }
    customers().update_customer(with_key(SHOP, updating("tax_number"))).await.expect("no terms");
    server.stop().await;
});

on_both_engines!(every_method_lets_in_who_may_and_nobody_else, four_callers, async |server| {
    assert!(PERMISSIONS.len() > 100, "every method of the API");
    let reads = Role::Reader.permissions();
    let (bad_tokens, reader) = (bad_tokens(), token("ada", &["reader"]));
    for (method, permission) in PERMISSIONS {
        let nobody = [
            (Request::new(()), "KEY_MISSING"),
            (with_key("consign_", ()), "KEY_UNKNOWN"),
            (with_key(&KeyHash::of(ADMIN).to_string(), ()), "KEY_UNKNOWN"),
            (named("consign_nobody", "admin", ()), "KEY_UNKNOWN"),
            (with_key(OLD, ()), "KEY_EXPIRED"),
        ];
        let bad = bad_tokens.iter().map(|(token, why)| (with_key(token, ()), *why));
        for (request, why) in nobody.into_iter().chain(bad) {
            let refused = call(&server.channel, method, request).await.expect_err(method);
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, why), "{method}");
        }
        let other = call(&server.channel, method, named(ADMIN, "boss", ())).await.expect_err(method);
        assert_eq!((other.code(), reason(&other).as_str()), (Code::PermissionDenied, "ACTOR_NOT_ALLOWED"));
        if !reads.contains(permission) {
            for reader in [READER, &reader] {
                let refused = call(&server.channel, method, with_key(reader, ())).await.expect_err(method);
                assert_eq!(refused.code(), Code::PermissionDenied, "{method}");
                let info = refused.get_details_error_info().expect("a reason");
                assert_eq!(info.reason, "PERMISSION_MISSING");
                let asked = permission.as_str_name().trim_start_matches("PERMISSION_");
                assert_eq!(info.metadata.get("permission").map(String::as_str), Some(asked), "{method}");
            }
        }
        // A stream that is let in has no end.
        let is_stream = ["Watch", "Import", "Track"].iter().any(|it| method.contains(&format!("/{it}")));
        if !is_stream && let Err(refused) = call(&server.channel, method, with_key(ADMIN, ())).await {
            let denied = [Code::Unauthenticated, Code::PermissionDenied].contains(&refused.code());
            assert!(!denied || reason(&refused) == "ACTOR_REQUIRED", "{method}: {refused:?}");
        }
    }
    let unknown = call(&server.channel, "consign.v1.OrderService/NoMethod", Request::new(())).await;
    assert_eq!(unknown.expect_err("no key").code(), Code::Unauthenticated);
    server.stop().await;
});

on_both_engines!(every_role_is_let_in_for_what_it_may_and_no_further, a_key_for_every_role, async |server| {
    for role in Role::ALL {
        let (may, key) = (role.permissions(), key_of(role));
        for (method, asked) in PERMISSIONS {
            let asked_for = asked.as_str_name().trim_start_matches("PERMISSION_");
            // A stream that is let in has no end.
            let is_stream = ["Watch", "Import", "Track"].iter().any(|it| method.contains(&format!("/{it}")));
            if may.contains(asked) && is_stream {
                continue;
            }
            let answer = call(&server.channel, method, with_key(&key, ())).await;
            let denied = answer.as_ref().err().filter(|it| reason(it) == "PERMISSION_MISSING");
            let missing = denied
                .and_then(|it| it.get_details_error_info())
                .and_then(|it| it.metadata.get("permission").cloned());
            match may.contains(asked) {
                // What it asks for beside that is its own affair.
                true => assert_ne!(missing.as_deref(), Some(asked_for), "{method} for {role:?}"),
                false => {
                    assert_eq!(missing.as_deref(), Some(asked_for), "{method} for {role:?}: {answer:?}");
                    assert_eq!(answer.expect_err(method).code(), Code::PermissionDenied, "{method}");
                }
            }
        }
    }
    server.stop().await;
});

pub(crate) async fn stock(server: &TestServer) {
    let location = pb::StockLocation {
        location: LEIPZIG.to_owned(),
        name: LEIPZIG.to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    };
    let request = pb::CreateStockLocationRequest { stock_location: Some(location), ..Default::default() };
    let mut inventory = server.inventory.clone();
    inventory.create_stock_location(with_key(ADMIN, request)).await.expect("a location");
    let product = pb::Product {
        sku: "A-1".to_owned(),
        name: "Thing".to_owned(),
        unit_price: Some(crate::shop::eur(1_000)),
        ..Default::default()
    };
    let request = pb::CreateProductRequest { product: Some(product), ..Default::default() };
    inventory.create_product(with_key(ADMIN, request)).await.expect("a product");
    let request = pb::ReceiveStockRequest {
        sku: "A-1".to_owned(),
        location: LEIPZIG.to_owned(),
        quantity: 9,
        ..Default::default()
    };
    inventory.receive_stock(with_key(ADMIN, request)).await.expect("stock");
}

on_both_engines!(a_key_says_who_acts_and_a_trusted_one_for_whom, four_callers, async |server| {
    stock(&server).await;
    let request = |request_id: &str| pb::CreateOrderRequest {
        order: Some(draft("ada", "A-1", 1)),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let mut orders = server.orders.clone();
    let mut create = async |request| {
        orders.create_order(request).await.expect("an order").into_inner().order.expect("an order")
    };
    let own = create(with_key(SHOP, request(""))).await;
    assert_eq!(own.created_by, "shop");
    let for_dana = create(named(SHOP, "dana", request("request-1"))).await;
    assert_eq!(for_dana.created_by, "dana");
    // The id belongs to the shop, whoever it acts for; another caller has ids of its own.
    let again = create(named(SHOP, "erik", request("request-1"))).await;
    assert_eq!(again.id, for_dana.id);
    let others = create(with_key(ADMIN, request("request-1"))).await;
    assert_ne!(others.id, for_dana.id);
    assert_eq!(others.created_by, "admin");
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_closed_to_who_has_no_key_where_the_settings_say_so() {
    const REFLECTION: &str = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for open in [true, false] {
        let server = TestServer::start_with(Engine::Sqlite, |it| {
            four_callers(it);
            it.access.open_reflection = open;
        });
        let server = server.await.expect("it is embedded");
        let asked = call(&server.channel, REFLECTION, Request::new(())).await;
        let denied = asked.is_err_and(|it| it.code() == Code::Unauthenticated);
        assert_eq!(denied, !open);
        let known = call(&server.channel, REFLECTION, with_key(READER, ())).await;
        assert!(!known.is_err_and(|it| it.code() == Code::Unauthenticated));
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_closed_to_who_has_no_key_where_the_settings_say_so() {
    const HEALTH: &str = "grpc.health.v1.Health/Check";
    for open in [true, false] {
        let server = TestServer::start_with(Engine::Sqlite, |it| {
            four_callers(it);
            it.access.open_health = open;
        });
        let server = server.await.expect("it is embedded");
        let asked = call(&server.channel, HEALTH, Request::new(())).await;
        let denied = asked.is_err_and(|it| it.code() == Code::Unauthenticated);
        assert_eq!(denied, !open);
        let known = call(&server.channel, HEALTH, with_key(READER, ())).await;
        assert!(!known.is_err_and(|it| it.code() == Code::Unauthenticated));
        server.stop().await;
    }
}

#[test]
fn a_new_key_is_known_by_the_hash_that_is_printed_with_it() {
    let key = ApiKey::generate().expect("random numbers");
    assert_eq!(KeyHash::of(key.reveal()), key.hash());
}

pub(crate) const AUTHORITY: &str = "tests/it/tls/authority.pem";

/// A connection with TLS, and the serial number of the certificate that the server showed; as a client with a certificate
/// of its own, or without.
pub(crate) async fn secret(server: &TestServer, as_client: bool) -> Result<(Channel, u8), String> {
    let mut config = client_config(as_client);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let plain = TcpStream::connect(server.server.address).await.map_err(|it| it.to_string())?;
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, plain).await;
    let stream = stream.map_err(|it| it.to_string())?;
    let shown = stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone();
    // The number stands behind the version: [2] INTEGER, one byte long.
    let at = shown.windows(2).position(|it| it == [2, 1]).expect("a version") + 5;
    let serial = shown[at];
    let mut stream = Some(TokioIo::new(stream));
    let connector =
        service_fn(move |_| ready(stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))));
    let connected = Endpoint::from_static("http://localhost").connect_with_connector(connector).await;
    Ok((connected.map_err(|it| it.to_string())?, serial))
}

/// A client that trusts the tests' authority; with a certificate of its own, or without.
pub(crate) fn client_config(as_client: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(AUTHORITY).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots);
    match as_client {
        true => {
            let own = CertificateDer::from_pem_file("tests/it/tls/client.pem").expect("a certificate");
            let key = PrivateKeyDer::from_pem_file("tests/it/tls/client.key.pem").expect("a key");
            config.with_client_auth_cert(vec![own], key).expect("they belong together")
        }
        false => config.with_no_client_auth(),
    }
}

fn copy_certificate(server: &str, folder: &Path) {
    for (from, to) in [(".pem", "shown.pem"), (".key.pem", "shown.key.pem")] {
        std::fs::copy(format!("tests/it/tls/{server}{from}"), folder.join(to)).expect("copied");
    }
}

pub(crate) fn with_tls(folder: &Path, clients: bool) -> impl FnOnce(&mut Settings) + use<> {
    copy_certificate("server", folder);
    let (certificate, key) = (folder.join("shown.pem"), folder.join("shown.key.pem"));
    move |settings| {
        settings.tls.certificate = Some(certificate);
        settings.tls.key = Some(key);
        settings.tls.client_authorities = clients.then(|| AUTHORITY.into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_read_again_and_open_connections_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = with_tls(folder.path(), false);
    let server = TestServer::start_secret(settings).await;
    let (first, serial) = secret(&server, false).await.expect("a handshake");
    assert_eq!(serial, 2);
    let list = pb::ListProductsRequest::default;
    let ask = async |channel: &Channel| {
        InventoryServiceClient::new(channel.clone()).list_products(list()).await.map(drop)
    };
    ask(&first).await.expect("an answer");

    copy_certificate("renewed", folder.path());
    let by = Instant::now() + Duration::from_secs(30);
    while secret(&server, false).await.expect("a handshake").1 != 3 {
        assert!(Instant::now() < by, "the old certificate is still shown");
        sleep(Duration::from_millis(100)).await;
    }
    ask(&first).await.expect("it goes on");

    // Who does not speak TLS gets nothing.
    let mut plain = TcpStream::connect(server.server.address).await.expect("a connection");
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.windows(3).any(|it| it == [0, 0, 4]), "no HTTP/2 settings: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_certificate_is_not_let_in_where_one_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = TestServer::start_secret(with_tls(folder.path(), true)).await;
    let (channel, _) = secret(&server, true).await.expect("a handshake");
    let list = pb::ListProductsRequest::default;
    InventoryServiceClient::new(channel).list_products(list()).await.expect("an answer");
    // TLS 1.3 tells a client that it is not let in only after its own handshake.
    if let Ok((channel, _)) = secret(&server, false).await {
        InventoryServiceClient::new(channel).list_products(list()).await.expect_err("it is not let in");
    }
}

/// Half of what a client says first.
fn half_a_hello() -> Vec<u8> {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::new(client_config(false)), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("it is written to memory");
    hello.truncate(hello.len() / 2);
    hello
}

/// Waits until the server closes a connection, which it does without a word.
async fn closed(mut stream: TcpStream) {
    let mut received = [0; 64];
    // One that was turned away with something unread may be reset.
    let read = stream.read(&mut received).await.unwrap_or(0);
    assert_eq!(read, 0, "nothing is said before a handshake");
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_are_given_up_and_hold_no_caller_up() {
    const ROOM: u32 = 8;
    const GREETING_SECONDS: u32 = 5;

    let folder = tempfile::tempdir().expect("a folder");
    let tls = with_tls(folder.path(), false);
    let server = TestServer::start_secret(|it| {
        tls(it);
        it.limits.connections = ROOM;
        it.limits.greeting_seconds = GREETING_SECONDS;
    });
    let server = server.await;
    let ask = async |channel: &Channel| {
        let list = pb::ListProductsRequest::default();
        InventoryServiceClient::new(channel.clone()).list_products(list).await.map(drop)
    };
    let (good, _) = secret(&server, false).await.expect("a handshake");
    ask(&good).await.expect("an answer");

    // One place of the room is taken. Every other stranger says nothing, and the rest say half of a hello.
    let (began, hello) = (Instant::now(), half_a_hello());
    let mut open = JoinSet::new();
    for number in 0..3 * ROOM {
        let mut stream = TcpStream::connect(server.server.address).await.expect("a connection");
        if number % 2 == 1 {
            // One that is turned away may be closed by now.
            let _ = stream.write_all(&hello).await;
        }
        open.spawn(async move {
            closed(stream).await;
            began.elapsed()
        });
    }
    let mut closed_after = Vec::new();
    while let Some(after) = timeout(Duration::from_secs(60), open.join_next()).await.expect("they are closed")
    {
        closed_after.push(after.expect("it is closed without a word"));
        ask(&good).await.expect("it is answered meanwhile");
        if closed_after.len() == 1 {
            // There is no room for it, so there is none for another either.
            secret(&server, false).await.expect_err("all places are taken");
        }
    }
    let greeting = Duration::from_secs(GREETING_SECONDS.into());
    assert!(closed_after[0] < greeting, "one too many is closed at once: {closed_after:?}");
    let given_time = closed_after.iter().filter(|it| **it >= greeting).count();
    assert!(given_time >= ROOM as usize - 1, "each that had a place had its time: {closed_after:?}");

    // A place is free a moment after its connection was closed.
    let by = Instant::now() + Duration::from_secs(30);
    let another = loop {
        match secret(&server, false).await {
            Ok((channel, _)) => break channel,
            Err(why) => assert!(Instant::now() < by, "{why}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    ask(&another).await.expect("there is room again");
    server.stop().await;
}
