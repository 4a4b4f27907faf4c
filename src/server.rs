//! One running server: the store, the workers and the gRPC door before them, started and stopped as one.

mod callers;
mod error;
mod first_line;
mod open_services;
mod outside;
mod service_manager;
mod signals;
mod token_keys;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport;
use tonic_health::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response};
use tonic_health::server::HealthReporter;
use tower::util::{MapRequestLayer, option_layer};

use crate::access::Access;
use crate::client::{self, TlsOptions};
use crate::clock::{self, Clock};
use crate::console::{self, Desk, Facts};
use crate::domain::{Actor, Rules, Seller};
use crate::log;
use crate::operations::{self, Connections, Metrics, Port, Readiness};
use crate::outside::OutsideCalls;
use crate::pb;
use crate::rpc::{self, CallGate, Certificates, Http1};
use crate::server::callers::{access, follow};
use crate::server::first_line::tell_start;
use crate::server::open_services::with_open_services;
use crate::server::outside::{couriers, kept_for, known_subscribers, letters, mail, seller, subscribers};
use crate::server::service_manager::ServiceManager;
use crate::server::signals::hangups;
use crate::settings::{self, AccessSettings, Limits, Settings};
use crate::store::{self, ArchiveKeys, Store, StoreError, TimeSource};
use crate::webhook;
use crate::work::{self, App, Drawings, KnownSubscribers, stop_requested};

pub use crate::server::error::ServeError;
pub(crate) use crate::server::outside::payment_provider;
pub(crate) use crate::server::signals::signals;

/// How often the database is pinged.
const PING_EVERY: Duration = Duration::from_secs(1);
/// How long the last bytes may take to be sent after the last call was answered.
const LAST_BYTES: Duration = Duration::from_millis(200);
/// How long a server may take to say whether it serves.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The services with a health status; the empty name stands for the server.
const SERVICES: [&str; 15] = [
    "",
    pb::order_service_server::SERVICE_NAME,
    pb::inventory_service_server::SERVICE_NAME,
    pb::shipping_service_server::SERVICE_NAME,
    pb::billing_service_server::SERVICE_NAME,
    pb::approval_service_server::SERVICE_NAME,
    pb::discount_service_server::SERVICE_NAME,
    pb::order_change_service_server::SERVICE_NAME,
    pb::return_service_server::SERVICE_NAME,
    pb::feedback_service_server::SERVICE_NAME,
    pb::customer_service_server::SERVICE_NAME,
    pb::import_service_server::SERVICE_NAME,
    pb::access_service_server::SERVICE_NAME,
    pb::event_service_server::SERVICE_NAME,
    pb::privacy_service_server::SERVICE_NAME,
];

/// A server that is up. Dropped without [`Server::stop`], it is torn down as by a crash.
pub struct Server {
    /// The address it listens on, with the actual port if the configured one was 0.
    pub address: SocketAddr,
    /// Where couriers report over HTTP, if the settings say so; with the actual port.
    pub webhooks: Option<SocketAddr>,
    /// The operators' port, likewise.
    pub operations: Option<SocketAddr>,
    pub store: Store,
    access: Arc<Access>,
    stopping: watch::Sender<bool>,
    /// Ends the operators' port, which answers while calls are finished.
    closing: watch::Sender<bool>,
    readiness: Readiness,
    serving: JoinHandle<Result<(), transport::Error>>,
    workers: JoinSet<()>,
    health: HealthReporter,
    gate: CallGate,
    stop_within: Duration,
}

impl Server {
    pub async fn start(settings: Settings) -> Result<Self, ServeError> {
        Self::start_by(settings, clock::wall()).await
    }

    /// With a clock of the caller's own for the machine's.
    pub async fn start_by(settings: Settings, clock: Clock) -> Result<Self, ServeError> {
        tell_start(&settings);
        let (access, tokens) = access(&settings, Arc::clone(&clock)).await?;
        let certificates = Certificates::read(&settings.tls).map_err(ServeError::Tls)?.map(Arc::new);
        let (listener, address) = listen(settings.listen).await?;
        let webhooks = listen_if(settings.webhooks.listen).await?;
        let operators = listen_if(settings.operations.listen).await?;

        let (store, rules) = ready_store(&settings, clock).await?;
        let keys = rpc::KnownKeys::read(store.clone(), Arc::clone(&access)).await?;
        tell_of_callers(&access);
        let (stopping, stop) = watch::channel(false);
        let app = app(&settings, &store, rules)?;
        let mut workers = work::start(&app, &stop);
        let (calls, told) = (app.outside_calls.clone(), app.subscribers.clone());
        work::tell(subscribers(&settings.events, &calls), &app, &stop, &mut workers).await?;

        let (health, readiness) = (HealthReporter::new(), Readiness::default());
        report(&health, ServingStatus::Serving).await;
        workers.spawn(watch_health(store.clone(), health.clone(), readiness.clone(), stop.clone()));

        let limits = settings.limits.clone();
        let couriers_address = webhooks.as_ref().map(|it| it.1);
        let operators_address = operators.as_ref().map(|it| it.1);
        if let Some((listener, _)) = webhooks {
            let (store, settings) = (store.clone(), settings.webhooks.clone());
            let door = webhook::Door { store, settings, deadline: limits.deadline() };
            workers.spawn(webhook::serve(listener, door, stop.clone()));
        }
        let (closing, closed) = watch::channel(false);
        let notes = follow((&keys, tokens), &settings, &mut workers, &stop, &closed);
        let gate = CallGate::new(&limits, Arc::clone(&access)).noting(notes);
        let api = rpc::Api::new(app, limits.clone(), keys, stop.clone());
        let api = rpc::protect(rpc::routes(api), &gate);
        let inside = api.clone();
        let routes = with_open_services(api, &settings.access, &access, health.clone())?;
        let port = port(&store, &access, &readiness, (calls, told), certificates.clone());
        let metrics = Metrics::new(&port, &gate);
        operations::push(&settings.operations, &metrics, &mut workers, &stop);
        if let Some((listener, _)) = operators {
            let facts = facts(&settings, &store);
            let pages = operations::routes(port, metrics).merge(console(inside, &access, facts)?);
            let connections = Connections::new(settings.operations, certificates.clone(), limits.deadline());
            workers.spawn(operations::serve(listener, pages, connections, closed));
        }
        if let Some(certificates) = &certificates {
            workers.spawn(Arc::clone(certificates).follow(stop.clone()));
        }
        let open = gate.counted().connections.clone();
        let browsers = rpc::browsers(&settings.browsers.headers());
        let serving =
            tokio::spawn(serve(listener, certificates, routes, limits.clone(), open, browsers, stop));

        tracing::info!(%address, webhooks = ?couriers_address, operations = ?operators_address, "serving");
        Ok(Self {
            address,
            webhooks: couriers_address,
            operations: operators_address,
            store,
            access,
            stopping,
            closing,
            readiness,
            serving,
            workers,
            health,
            gate,
            stop_within: limits.shutdown(),
        })
    }

    /// Starts and serves until a stop signal (SIGTERM, SIGINT), then stops. A second signal ends the process at once, and
    /// so does one that comes while the server starts. On a hangup (SIGHUP), which a lost terminal or a rotated log sends
    /// too, it serves on with what `settings_again` says of callers and of the log.
    pub async fn serve(
        settings: Settings,
        settings_again: impl Fn() -> Result<Settings, settings::SettingsError>,
    ) -> Result<(), ServeError> {
        // From before the first answer on: who got it may send the signal.
        let mut stop_signals = signals().map_err(ServeError::Signal)?;
        let (manager, started_with) = (ServiceManager::of_environment(), settings.clone());
        let hangups = hangups().map_err(ServeError::Signal)?;
        tokio::select! {
            started = Self::start(settings) => {
                started?.run((stop_signals, hangups), manager, &started_with, settings_again).await
            }
            Some(()) = stop_signals.recv() => {
                tracing::info!("received a stop signal while starting");
                Ok(())
            }
        }
    }

    async fn run(
        mut self,
        (mut stop_signals, mut hangups): (mpsc::Receiver<()>, mpsc::Receiver<()>),
        mut manager: ServiceManager,
        started_with: &Settings,
        settings_again: impl Fn() -> Result<Settings, settings::SettingsError>,
    ) -> Result<(), ServeError> {
        manager.ready();
        loop {
            tokio::select! {
                Some(()) = stop_signals.recv() => break,
                Some(()) = hangups.recv() => self.read_again(settings_again(), started_with),
                ended = &mut self.serving => return ended_by_itself(ended),
                () = manager.lives() => {}
            }
        }
        manager.stopping();
        tokio::select! {
            stopped = self.stop() => stopped,
            Some(()) = stop_signals.recv() => {
                tracing::warn!("received a second stop signal: leaving at once");
                Ok(())
            }
        }
    }

    /// Goes by what can change while it serves; by what was, if the settings cannot be used.
    fn read_again(&self, settings: Result<Settings, settings::SettingsError>, started_with: &Settings) {
        tracing::info!("received SIGHUP: reading again who may call and what is logged, and serving on");
        match settings {
            Ok(settings) => {
                self.know_callers(&settings.access);
                log::use_filter(&settings.log.filter);
                let waiting = settings.waiting_for_a_restart(started_with);
                if !waiting.is_empty() {
                    let waiting = waiting.join(", ");
                    tracing::warn!(
                        "these settings have changed, and are used when the server starts again: {waiting}"
                    );
                }
            }
            Err(error) => {
                tracing::error!(%error, "the settings cannot be used; who may call, and what is logged, stays as it is");
            }
        }
    }

    /// Lets in whom the settings name now.
    fn know_callers(&self, settings: &AccessSettings) {
        let before = self.access.names();
        match self.access.replace(settings.named()) {
            Ok(()) => {
                let (after, told) = (self.access.names(), |it: Vec<&Actor>| format!("{it:?}"));
                let gone = told(before.difference(&after).collect());
                let come = told(after.difference(&before).collect());
                tracing::info!(callers = after.len(), %come, %gone, "the callers of the settings are in use");
            }
            Err(error) => tracing::error!(%error, "who may call stays as it is"),
        }
    }

    /// Takes no more calls, finishes those under way, ends the streams, and closes the store last.
    pub async fn stop(self) -> Result<(), ServeError> {
        let Self {
            address: _,
            webhooks: _,
            operations: _,
            store,
            access: _,
            stopping,
            closing,
            readiness,
            mut serving,
            mut workers,
            health,
            gate,
            stop_within,
        } = self;
        let began = Instant::now();
        let end = began + stop_within;
        tracing::info!("stopping");

        readiness.stopping();
        report(&health, ServingStatus::NotServing).await;
        stopping.send_replace(true);

        // A connection that says nothing, or follows health, would keep tonic waiting for ever (hyper issue 4170).
        tokio::select! {
            _ = &mut serving => {}
            () = gate.idle_for(LAST_BYTES) => {}
            () = sleep_until(end - stop_within / 4) => tracing::warn!("calls under way are cut off"),
        }
        serving.abort();
        closing.send_replace(true);

        let finished = async { while workers.join_next().await.is_some() {} };
        if timeout_at(end - stop_within / 8, finished).await.is_err() {
            tracing::warn!("workers are cut off; their jobs are taken up again");
            workers.abort_all();
        }
        if timeout_at(end, store.close()).await.is_err() {
            tracing::warn!("the store did not close in time; what was committed stays");
        }
        tracing::info!(ms = began.elapsed().as_millis() as u64, "stopped");
        Ok(())
    }
}

/// The store with its schema as it has to be, ready for the first call.
async fn ready_store(settings: &Settings, clock: Clock) -> Result<(Store, Arc<Rules>), ServeError> {
    let seller = seller(settings)?;
    let rules = Arc::new(Rules {
        seller: seller.as_ref().map(Seller::id),
        sends_invoices: seller.as_ref().is_some_and(Seller::is_complete),
        ..settings.rules()
    });
    let store = open_store_by(settings, Arc::clone(&rules), clock).await?;
    store.begin_serving().await?;
    keep_seller(&store, seller.as_ref()).await?;
    store.warm_up().await?;
    if let Err(error @ StoreError::ClockOff { .. }) = store.ping().await {
        return Err(error.into());
    }
    Ok((store, rules))
}

/// Whether callers are believed, as settings and database have it together.
fn tell_of_callers(access: &Access) {
    if access.believes_callers() {
        tracing::warn!(
            "callers are believed to be who they say: the settings name no caller, and the database has no API key"
        );
    }
}

/// What workers and calls work with.
fn app(settings: &Settings, store: &Store, rules: Arc<Rules>) -> Result<App, ServeError> {
    let outside_calls = OutsideCalls::default();
    Ok(App {
        store: store.clone(),
        provider: payment_provider(settings)?,
        mail: mail(settings)?,
        couriers: Arc::new(couriers(settings)?),
        letters: Arc::new(letters(&settings.letters)?),
        subscribers: known_subscribers(&settings.events, &outside_calls),
        drawings: Drawings::new(settings.limits.drawings),
        outside_calls,
        rules,
        kept_for: kept_for(settings),
        lease: settings.limits.lease(),
    })
}

/// What the operators' port works with.
fn port(
    store: &Store,
    access: &Arc<Access>,
    readiness: &Readiness,
    (calls, subscribers): (OutsideCalls, KnownSubscribers),
    certificates: Option<Arc<Certificates>>,
) -> Port {
    let (store, access, readiness) = (store.clone(), Arc::clone(access), readiness.clone());
    Port { store, access, readiness, calls, subscribers, certificates }
}

/// The console, a client of the API within the process.
fn console(api: Routes, access: &Arc<Access>, facts: Facts) -> Result<axum::Router, ServeError> {
    Ok(console::routes(Desk::new(api, Arc::clone(access), facts).ok_or(ServeError::Console)?))
}

/// What the console says of the server.
fn facts(settings: &Settings, store: &Store) -> Facts {
    let has_tls = settings.tls.certificate.is_some();
    let found = [
        (!has_tls, "Nothing is encrypted on the way: tls is not set."),
        (settings.insecure_durability, "A power cut may lose orders: insecure_durability is set."),
        (
            settings.payment_provider == settings::PaymentProvider::Sandbox,
            "No money moves: payment_provider is the sandbox.",
        ),
        (
            settings.mail.provider == settings::MailProvider::Folder,
            "Letters go to a folder and to nobody: mail.provider.",
        ),
    ];
    Facts {
        database: store.engine().name().to_owned(),
        schema: Store::migrations().pop().unwrap_or_default(),
        insecure: found.into_iter().filter(|it| it.0).map(|it| it.1.to_owned()).collect(),
        has_tls,
        reached_by_tls: has_tls || settings.operations.behind_tls,
        live_pages: settings.operations.live_pages(),
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listening = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    Ok((listener, address))
}

async fn listen_if(address: Option<SocketAddr>) -> Result<Option<(TcpListener, SocketAddr)>, ServeError> {
    match address {
        Some(address) => Ok(Some(listen(address).await?)),
        None => Ok(None),
    }
}

/// The store as the settings say, not migrated.
pub async fn open_store(settings: &Settings, clock: Clock) -> Result<Store, StoreError> {
    open_store_by(settings, Arc::new(settings.rules()), clock).await
}

async fn open_store_by(settings: &Settings, rules: Arc<Rules>, clock: Clock) -> Result<Store, StoreError> {
    let Limits { group_max, queue, writer_lanes, readers, recent_orders, .. } = settings.limits;
    let database = match &settings.database_url {
        Some(url) => store::Database::Postgres(url.reveal().to_owned()),
        None => store::Database::Sqlite(settings.sqlite_file()),
    };
    let options = store::Options {
        database,
        rules,
        clock,
        time: TimeSource::Database,
        group_max: group_max as usize,
        queue_max: queue as usize,
        lanes: writer_lanes as usize,
        readers,
        recent_orders: recent_orders as usize,
        allow_unsafe_durability: settings.insecure_durability,
        archive_keys: ArchiveKeys::new(settings.archive.master_keys()),
    };
    Store::open(options).await
}

/// Path of the embedded database if the file is missing: opening it would create it.
pub fn missing_database(settings: &Settings) -> Option<PathBuf> {
    let file = settings.sqlite_file();
    (settings.database_url.is_none() && !file.exists()).then_some(file)
}

/// Asks the server at `target` (`host:port`) for its health.
pub async fn is_serving(target: &str) -> Result<bool, ServeError> {
    is_serving_over(target, &TlsOptions::default()).await
}

/// The same, also at `https://host:port`.
pub async fn is_serving_over(target: &str, tls: &TlsOptions) -> Result<bool, ServeError> {
    let silent = || ServeError::Silent(target.to_owned());
    let channel = client::connect(target, tls, ANSWER_WITHIN).await.map_err(|_| silent())?;

    let mut asked = tonic::Request::new(HealthCheckRequest { service: String::new() });
    asked.set_timeout(ANSWER_WITHIN);
    let answer = HealthClient::new(channel).check(asked).await.map_err(|_| silent())?;
    Ok(answer.into_inner().status() == health_check_response::ServingStatus::Serving)
}

/// Keeps the seller for the invoices that name it, and says what they lack.
async fn keep_seller(store: &Store, seller: Option<&Seller>) -> Result<(), StoreError> {
    if let Some(seller) = seller {
        store.keep_seller(seller).await?;
    }
    if !seller.is_some_and(Seller::is_complete) {
        tracing::warn!(
            "the settings name no seller with an address: invoices lack it, and no letter has one attached"
        );
    }
    Ok(())
}

async fn serve(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    routes: Routes,
    limits: Limits,
    open: Gauge,
    browsers: Option<rpc::BrowserLayer>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), transport::Error> {
    let http1 = match browsers {
        None => Http1::Refused,
        Some(_) => Http1::accepted_within(&limits),
    };
    let connections = rpc::connections(listener, &limits, certificates, open, http1);
    let noted: fn(http::Request<Body>) -> http::Request<Body> = rpc::arrived;
    let mut builder = transport::Server::builder().accept_http1(browsers.is_some());
    if let Some(age) = limits.connection_age() {
        builder = builder.max_connection_age(age);
    }
    builder
        .layer(MapRequestLayer::new(noted))
        .layer(option_layer(browsers))
        .max_concurrent_streams(limits.streams_per_connection)
        .http2_keepalive_interval(Some(limits.keepalive()))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout()))
        .http2_max_header_list_size(limits.header_bytes)
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, async move { stop_requested(&mut stop).await })
        .await
}

/// Reports NOT_SERVING while the database does not answer, or its clock is far off this machine's.
async fn watch_health(
    store: Store,
    health: HealthReporter,
    readiness: Readiness,
    mut stop: watch::Receiver<bool>,
) {
    let mut was = ServingStatus::Serving;
    loop {
        tokio::select! {
            () = stop_requested(&mut stop) => break,
            () = sleep(PING_EVERY) => {}
        }
        let found = store.ping().await;
        readiness.found(&found);
        let is = match found {
            Ok(()) => ServingStatus::Serving,
            Err(error) => {
                if was == ServingStatus::Serving {
                    tracing::error!(%error, "cannot serve");
                }
                ServingStatus::NotServing
            }
        };
        if is != was {
            report(&health, is).await;
            tracing::info!(health = %is, "health changed");
            was = is;
        }
    }
    report(&health, ServingStatus::NotServing).await;
}

async fn report(health: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        health.set_service_status(service, status).await;
    }
}

fn ended_by_itself(
    ended: Result<Result<(), transport::Error>, tokio::task::JoinError>,
) -> Result<(), ServeError> {
    match ended {
        Ok(ended) => Ok(ended?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
