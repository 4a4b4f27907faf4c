//! Callers who are known by their certificates.

use std::sync::Arc;

use consign::access::{PERMISSIONS, Role};
use consign::pb;
use consign::pb::access_service_client::AccessServiceClient;
use consign::pb::inventory_service_client::InventoryServiceClient;
use consign::pb::order_service_client::OrderServiceClient;
use consign::settings::{CertificateSettings, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::access::{ADMIN, call, client_config, key, reason, secret, with_key, with_tls};
use crate::server::TestServer;

/// The alternative name of the tests' client, and its common name.
const CHECKOUT: &str = "spiffe://shop.example/checkout";
const COMMON: &str = "a client of the tests";

fn known(subject: &str, name: &str, role: Role) -> CertificateSettings {
    CertificateSettings {
        subject: subject.to_owned(),
        name: name.to_owned(),
        roles: vec![role.into()],
        names_persons: false,
    }
}

/// A server that knows callers by these certificates, and an admin by its key; and the connection of a client.
async fn with_certificates(
    certificates: Vec<CertificateSettings>,
    more: impl FnOnce(&mut Settings),
) -> (TestServer, Channel, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = with_tls(folder.path(), true);
    let server = TestServer::start_secret(|it| {
        tls(it);
        key(it, "admin", ADMIN, Role::Admin);
        it.access.certificates = certificates;
        more(it);
    });
    let server = server.await;
    let (channel, _) = secret(&server, true).await.expect("a handshake");
    (server, channel, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_who_calls_unless_a_key_does() {
    let (server, channel, _folder) =
        with_certificates(vec![known(CHECKOUT, "checkout", Role::Operator)], |_| {}).await;
    let orders = || OrderServiceClient::new(channel.clone());
    let noting = async |request: Request<pb::ListOrdersRequest>| orders().list_orders(request).await;
    noting(Request::new(pb::ListOrdersRequest::default())).await.expect("its role reads orders");

    let location = |code: &str| {
        let location = pb::StockLocation {
            location: code.to_owned(),
            name: code.to_owned(),
            region: "EUROPE".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        };
        pb::CreateStockLocationRequest {
            stock_location: Some(location),
            request_id: format!("request-{code}"),
            ..Default::default()
        }
    };
    let inventory = || InventoryServiceClient::new(channel.clone());
    inventory().create_stock_location(location("DE-1")).await.expect("its role keeps the catalogue");
    let list = Request::new(pb::ListApiKeysRequest::default());
    let refused = AccessServiceClient::new(channel.clone()).list_api_keys(list).await;
    let refused = refused.expect_err("an admin's alone");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PERMISSION_MISSING"));
    assert!(refused.message().starts_with("checkout has no role"), "{}", refused.message());

    // A key says more than the certificate of its connection, a wrong one too.
    let list = with_key(ADMIN, pb::ListApiKeysRequest::default());
    AccessServiceClient::new(channel.clone()).list_api_keys(list).await.expect("the admin's key");
    let refused = noting(with_key("consign_nobody", pb::ListOrdersRequest::default())).await;
    assert_eq!(reason(&refused.expect_err("nobody's key")), "KEY_UNKNOWN");
    let mut request = Request::new(pb::ListOrdersRequest::default());
    request.metadata_mut().insert("consign-actor", "dana".parse().expect("a name"));
    let refused = noting(request).await.expect_err("it acts for nobody");
    assert_eq!(reason(&refused), "ACTOR_NOT_ALLOWED");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_no_caller_has_lets_nobody_call_any_method() {
    // The common name is not asked of a certificate that has a URI.
    for subject in ["spiffe://shop.example/other", COMMON] {
        let certificates = vec![known(subject, "other", Role::Admin)];
        let (server, channel, _folder) = with_certificates(certificates, |_| {}).await;
        for (method, _) in PERMISSIONS {
            let refused = call(&channel, method, Request::new(())).await.expect_err(method);
            let found = (refused.code(), reason(&refused));
            assert_eq!(found, (Code::Unauthenticated, "CERTIFICATE_UNKNOWN".to_owned()), "{method}");
            assert!(refused.message().contains(CHECKOUT), "{}", refused.message());
            assert!(refused.message().contains("is nobody's here"), "{}", refused.message());
        }
        let list = with_key(ADMIN, pb::ListApiKeysRequest::default());
        AccessServiceClient::new(channel).list_api_keys(list).await.expect("the admin's key");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_opens_the_operators_port_too() {
    let (server, _, _folder) = with_certificates(vec![known(CHECKOUT, "prometheus", Role::Monitor)], |it| {
        it.operations.listen = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let port = server.server.operations.expect("it is asked for");
    let ask = async |path: &str| {
        let plain = TcpStream::connect(port).await.expect("it listens");
        let mut config = client_config(true);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = "localhost".try_into().expect("a name");
        let mut stream =
            TlsConnector::from(Arc::new(config)).connect(name, plain).await.expect("a handshake");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let metrics = ask("/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("consign_ready"), "{metrics}");
    // Those of the tests are good until 2120.
    let century = 100.0 * 365.0 * 86_400.0;
    for of in ["server", "client_authorities"] {
        let series = format!("consign_certificate_expires_seconds{{of=\"{of}\"}} ");
        let told = metrics.lines().find_map(|it| it.strip_prefix(&series)).expect("it is told");
        let left: f64 = told.parse().expect("a number");
        assert!(left > 0.5 * century && left < century, "{of}: {left}");
    }
    server.stop().await;
}
