//! A whole server of its own for each test: any free port, a fresh database, clients for every service.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::pb::access_service_client::AccessServiceClient;
use consign::pb::approval_service_client::ApprovalServiceClient;
use consign::pb::billing_service_client::BillingServiceClient;
use consign::pb::customer_service_client::CustomerServiceClient;
use consign::pb::discount_service_client::DiscountServiceClient;
use consign::pb::event_service_client::EventServiceClient;
use consign::pb::feedback_service_client::FeedbackServiceClient;
use consign::pb::import_service_client::ImportServiceClient;
use consign::pb::inventory_service_client::InventoryServiceClient;
use consign::pb::order_change_service_client::OrderChangeServiceClient;
use consign::pb::order_service_client::OrderServiceClient;
use consign::pb::privacy_service_client::PrivacyServiceClient;
use consign::pb::return_service_client::ReturnServiceClient;
use consign::pb::shipping_service_client::ShippingServiceClient;
use consign::server::Server;
use consign::settings::{Secret, Settings};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::postgres::TestDatabase;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A server that is up, with everything of it in a directory and a database that go when it goes. Clones are the same
/// server.
#[derive(Clone)]
pub(crate) struct TestServer {
    pub(crate) server: Arc<Server>,
    clients: Clients,
    // Behind the server, so that they go after it.
    places: Arc<Places>,
}

impl Deref for TestServer {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}

/// Clients for every service, over one connection to a server of this process or of another.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) channel: Channel,
    pub(crate) orders: OrderServiceClient<Channel>,
    pub(crate) inventory: InventoryServiceClient<Channel>,
    pub(crate) shipping: ShippingServiceClient<Channel>,
    pub(crate) billing: BillingServiceClient<Channel>,
    pub(crate) approvals: ApprovalServiceClient<Channel>,
    pub(crate) discounts: DiscountServiceClient<Channel>,
    pub(crate) feedback: FeedbackServiceClient<Channel>,
    pub(crate) imports: ImportServiceClient<Channel>,
    pub(crate) changes: OrderChangeServiceClient<Channel>,
    pub(crate) returns: ReturnServiceClient<Channel>,
    pub(crate) customers: CustomerServiceClient<Channel>,
    pub(crate) access: AccessServiceClient<Channel>,
    pub(crate) events: EventServiceClient<Channel>,
    pub(crate) privacy: PrivacyServiceClient<Channel>,
}

impl Clients {
    pub(crate) fn over(channel: Channel) -> Self {
        Self {
            orders: OrderServiceClient::new(channel.clone()),
            inventory: InventoryServiceClient::new(channel.clone()),
            shipping: ShippingServiceClient::new(channel.clone()),
            billing: BillingServiceClient::new(channel.clone()),
            approvals: ApprovalServiceClient::new(channel.clone()),
            discounts: DiscountServiceClient::new(channel.clone()),
            feedback: FeedbackServiceClient::new(channel.clone()),
            imports: ImportServiceClient::new(channel.clone()),
            changes: OrderChangeServiceClient::new(channel.clone()),
            returns: ReturnServiceClient::new(channel.clone()),
            customers: CustomerServiceClient::new(channel.clone()),
            access: AccessServiceClient::new(channel.clone()),
            events: EventServiceClient::new(channel.clone()),
            privacy: PrivacyServiceClient::new(channel.clone()),
            channel,
        }
    }
}

/// Where a server keeps what it must not forget.
pub(crate) struct Places {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) database: Option<TestDatabase>,
}

impl TestServer {
    /// None where there is no PostgreSQL; a note on standard error says so.
    pub(crate) async fn start(engine: Engine) -> Option<Self> {
        Self::start_with(engine, |_| {}).await
    }

    /// With settings of the test's own.
    pub(crate) async fn start_with(engine: Engine, change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TestDatabase::create().await?),
        };
        let places = Places { folder: tempfile::tempdir().unwrap(), database };
        Some(Self::open(places, change).await)
    }

    /// With TLS, on SQLite: its clients reach nothing, a test has connections of its own.
    pub(crate) async fn start_secret(change: impl FnOnce(&mut Settings)) -> Self {
        let places = Places { folder: tempfile::tempdir().unwrap(), database: None };
        let mut settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: places.folder.path().join("data"),
            ..Settings::default()
        };
        change(&mut settings);
        let server = Server::start(settings).await.unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        let clients = Clients::over(endpoint.connect_lazy());
        Self { server: Arc::new(server), clients, places: Arc::new(places) }
    }

    /// On what an earlier server has left.
    pub(crate) async fn open(places: Places, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: places.folder.path().join("data"),
            database_url: places.database.as_ref().map(|it| Secret::new(&it.url)),
            // A cluster made for tests may be told not to care about power cuts.
            insecure_durability: true,
            ..Settings::default()
        };
        change(&mut settings);

        let server = Server::start(settings).await.unwrap();
        let clients = Clients::over(connect(&server).await);
        Self { server: Arc::new(server), clients, places: Arc::new(places) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.places.folder.path()
    }

    /// None: it is embedded.
    pub(crate) fn database_url(&self) -> Option<String> {
        self.places.database.as_ref().map(|it| it.url.clone())
    }

    /// On PostgreSQL, what it works on.
    pub(crate) fn database(&self) -> Option<&TestDatabase> {
        self.places.database.as_ref()
    }

    /// Stops as SIGTERM does, once there is no clone any more, and hands over what the next server can go on from.
    pub(crate) async fn stop(self) -> Places {
        let Self { server, places, .. } = self;
        let server = Arc::into_inner(server).expect("nobody else has a clone");
        server.stop().await.unwrap();
        Arc::into_inner(places).expect("nobody else has a clone")
    }
}

/// For tests that ask much of a machine which may be busy with others too: calls are given longer than usual.
pub(crate) fn patient(settings: &mut Settings) {
    settings.limits.deadline_seconds = PATIENT_SECONDS;
}

pub(crate) const PATIENT_SECONDS: u32 = 120;

/// A connection of its own; calls on the same one share its limits.
pub(crate) async fn connect(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    endpoint.connect_timeout(Duration::from_secs(5)).connect().await.unwrap()
}

/// Runs a test on a fresh server of `engine`, or not at all where there is none.
pub(crate) async fn on(
    engine: Engine,
    change: impl FnOnce(&mut Settings),
    test: impl AsyncFnOnce(TestServer),
) {
    if let Some(server) = TestServer::start_with(engine, change).await {
        test(server).await;
    }
}

/// One test per engine, given a fresh server: `on_both_engines!(what_it_shows, async |server| { .. });`, or with
/// settings of its own: `on_both_engines!(what_it_shows, |it| it.limits.calls = 1, async |server| { .. });`.
macro_rules! on_both_engines {
    ($name:ident, $test:expr) => {
        crate::server::on_both_engines!($name, |_| {}, $test);
    };
    ($name:ident, $change:expr, $test:expr) => {
        async fn $name(engine: crate::server::Engine) {
            crate::server::on(engine, $change, $test).await;
        }

        mod $name {
            use crate::server::Engine;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$name(Engine::Postgres).await;
            }
        }
    };
}
pub(crate) use on_both_engines;

async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, tonic::Code> {
    let asked = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel.clone()).check(asked).await.map_err(|it| it.code())?;
    Ok(answer.into_inner().status())
}

on_both_engines!(every_service_is_healthy_once_the_server_is_up, async |server| {
    let services = ["OrderService", "ApprovalService", "DiscountService", "FeedbackService", "ReturnService"];
    for service in services.map(|it| format!("consign.v1.{it}")).iter().map(String::as_str).chain([""]) {
        assert_eq!(health(&server.channel, service).await, Ok(ServingStatus::Serving));
    }
    assert_eq!(health(&server.channel, "consign.v1.NoService").await, Err(tonic::Code::NotFound));
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_silent_connection_nor_one_that_follows_health_keeps_the_server_from_stopping() {
    let server = TestServer::start(Engine::Sqlite).await.unwrap();
    let _silent = tokio::net::TcpStream::connect(server.server.address).await.unwrap();
    let asked = HealthCheckRequest { service: String::new() };
    let mut followed = HealthClient::new(server.channel.clone()).watch(asked).await.unwrap().into_inner();
    let first = followed.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let address = server.server.address;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    let last = followed.message().await.unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

fn consign(arguments: &[&str], environment: &[(&str, &str)]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(arguments).envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn flags_go_before_the_environment_and_it_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("consign.toml");
    std::fs::write(&file, "[limits]\nqueue = 1\ncalls = 1\nstreams = 1\n").unwrap();
    let environment = [
        ("CONSIGN_CONFIG", file.to_str().unwrap()),
        ("CONSIGN_LIMITS__QUEUE", "2"),
        ("CONSIGN_LIMITS__CALLS", "2"),
        ("CONSIGN_LISTEN", "[::1]:2"),
        ("CONSIGN_DATABASE_URL", "postgres://clerk:topsecret@db/consign"),
        ("CONSIGN_SERVICE_HOST", "10.0.0.1"),
    ];

    let printed = consign(&["serve", "--print-settings", "--listen", "127.0.0.1:3"], &environment);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    for line in ["queue = 2", "calls = 2", "streams = 1", "listen = \"127.0.0.1:3\"", "clerk:***@db"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("topsecret"));
}

#[test]
fn every_variable_that_is_no_setting_or_wrong_is_named() {
    let environment =
        [("CONSIGN_LISEN", "x"), ("CONSIGN_LIMITS__QUEUE", "0"), ("CONSIGN_LIMITS__CALLS", "many")];
    let refused = consign(&["serve", "--print-settings"], &environment);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    for variable in ["CONSIGN_LISEN", "limits.queue: 0 is not between", "CONSIGN_LIMITS__CALLS"] {
        assert!(text.contains(variable), "{variable} is not in\n{text}");
    }
}
