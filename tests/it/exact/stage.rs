//! Where these tests play: one server process, or several over one database, and a crowd of callers before them.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use consign::outside::{Charge, Sandbox};
use consign::pb;
use futures_util::StreamExt;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};
use tonic::{Code, Status};

use crate::child::{Process, Site};
use crate::server::{Clients, Engine};
use crate::shop::{by, reason};

/// How long a caller goes on asking a server that was killed and comes back.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Stage {
    // Before the site, so that they are gone when it goes.
    servers: Mutex<Vec<(Process, Clients)>>,
    site: Site,
    engine: Engine,
    /// Calls that a killed server left without an answer.
    cut: AtomicUsize,
}

impl Stage {
    async fn open(engine: Engine, processes: usize, settings: &[(&str, &str)]) -> Option<Arc<Self>> {
        let mut site = Site::prepare(engine).await?;
        // What is late is not what these tests are about: a busy machine may take its time.
        site.set("CONSIGN_LIMITS__DEADLINE_SECONDS", 30);
        for (variable, value) in settings {
            site.set(variable, value);
        }
        let mut servers = Vec::new();
        for _ in 0..processes {
            let process = site.start().await;
            let clients = Clients::over(process.channel());
            servers.push((process, clients));
        }
        Some(Arc::new(Self { servers: Mutex::new(servers), site, engine, cut: AtomicUsize::default() }))
    }

    /// One of the servers; callers that count themselves up are spread over all.
    pub(super) fn door(&self, number: usize) -> Clients {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers[number % servers.len()].1.clone()
    }

    pub(super) fn processes(&self) -> usize {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// kill -9, and another process in its place, up before this returns.
    pub(super) async fn kill(&self, number: usize) {
        let clients = {
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            let place = number % servers.len();
            servers[place].0.kill();
            let process = self.site.spawn();
            let clients = Clients::over(process.channel());
            servers[place] = (process, clients.clone());
            clients
        };
        let began = Instant::now();
        let asked = || pb::ListOrdersRequest { page_size: 1, ..Default::default() };
        while clients.orders.clone().list_orders(asked()).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks until a server has answered, as a caller with a request id may: kills cut calls off, and some come too late
    /// to be answered in time.
    pub(super) async fn insist<T, F: Future<Output = Result<T, Status>>>(
        &self,
        number: usize,
        call: impl Fn(Clients) -> F,
    ) -> Result<T, Status> {
        let began = Instant::now();
        loop {
            match call(self.door(number)).await {
                Err(status) if is_unanswered(&status) => {
                    self.cut.fetch_add(usize::from(reason(&status).is_empty()), Ordering::Relaxed);
                    assert!(began.elapsed() < PATIENCE, "no answer in time: {status:?}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answered => return answered,
            }
        }
    }

    /// Places an order under a request id of that number.
    pub(super) async fn create_order(
        &self,
        number: usize,
        draft: pb::OrderDraft,
    ) -> Result<pb::Order, Status> {
        let request = pb::CreateOrderRequest {
            reservation_id: String::new(),
            order: Some(draft),
            request_id: format!("order {number:05}"),
            validate_only: false,
        };
        let answer = self.insist(number, |clients| {
            let request = by("storefront", request.clone());
            async move { clients.orders.clone().create_order(request).await }
        });
        Ok(answer.await?.into_inner().order.expect("an order"))
    }

    pub(super) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }

    /// What the payment provider has in its books.
    pub(super) fn charges(&self) -> Vec<Charge> {
        Sandbox::open(&self.site.data().join("sandbox-payments")).expect("the sandbox's ledger").charges()
    }

    pub(super) fn every_law_holds(&self) {
        assert_eq!(self.site.broken_laws(), "", "on {self}");
    }

    /// Deadlocks that PostgreSQL had to break in this database.
    pub(super) async fn deadlocks(&self) -> i64 {
        let Some(database) = &self.site.database else { return 0 };
        let mut options = ConnectOptions::new(&database.url);
        options.max_connections(1).sqlx_logging(false);
        let connection = Database::connect(options).await.expect("the database");
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let found = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let deadlocks =
            found.expect("statistics").expect("one row").try_get_by("deadlocks").expect("a number");
        connection.close().await.expect("closed");
        deadlocks
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.engine, self.processes()) {
            (Engine::Sqlite, _) => f.write_str("SQLite"),
            (Engine::Postgres, 1) => f.write_str("PostgreSQL"),
            (Engine::Postgres, processes) => write!(f, "PostgreSQL, {processes} processes"),
        }
    }
}

/// Plays a test on a stage of its own, not at all where there is no such engine, and looks at the laws afterwards.
pub(super) async fn play(
    engine: Engine,
    processes: usize,
    settings: &[(&str, &str)],
    test: impl AsyncFnOnce(Arc<Stage>),
) {
    if let Some(stage) = Stage::open(engine, processes, settings).await {
        let _teller = Teller(&stage);
        test(Arc::clone(&stage)).await;
        stage.every_law_holds();
    }
}

/// Every answer of a server has its reason, and only these leave open what became of a call.
fn is_unanswered(status: &Status) -> bool {
    reason(status).is_empty() || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

/// Shows what the servers complained of when a test fails.
struct Teller<'a>(&'a Stage);

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.0.site.log();
            let complaints = log.lines().filter(|it| it.contains(" WARN ") || it.contains("ERROR "));
            println!("{}", complaints.take(100).collect::<Vec<_>>().join("\n"));
        }
    }
}

/// One test per stage: `everywhere!(what_it_shows, test);`, or with settings for the servers:
/// `everywhere!(what_it_shows, &[("CONSIGN_LISTEN", "..")], test);`.
macro_rules! everywhere {
    ($name:ident, $test:expr) => {
        crate::exact::stage::everywhere!($name, &[], $test);
    };
    ($name:ident, $settings:expr, $test:expr) => {
        async fn $name(engine: crate::server::Engine, processes: usize) {
            crate::exact::stage::play(engine, processes, $settings, $test).await;
        }

        mod $name {
            use crate::server::Engine;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(Engine::Sqlite, 1).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$name(Engine::Postgres, 1).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn over_three_processes() {
                super::$name(Engine::Postgres, 3).await;
            }
        }
    };
}
pub(super) use everywhere;

/// Callers number 0 to `count`, so many at once; returns what each came back with, in no order.
pub(super) async fn crowd<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    at_once: usize,
    count: usize,
    call: impl Fn(usize) -> F,
) -> Vec<T> {
    let callers = (0..count).map(|number| tokio::spawn(call(number)));
    let ended = futures_util::stream::iter(callers).buffer_unordered(at_once);
    ended.map(|it| it.expect("a caller ends well")).collect().await
}

/// Aims calls around an instant of the server's clock: at most 20 ms off by chance, and by as much ahead as calls have
/// lately turned out to be under way, so that neither side of the race wins them all.
pub(super) struct Aim {
    at_once: i64,
    ahead_micros: AtomicI64,
    /// How long before its instant each call was decided that was in time.
    early_micros: Mutex<Vec<i64>>,
}

impl Aim {
    const OFF_MICROS: i64 = 20_000;

    /// For so many races at once.
    pub(super) fn of(at_once: usize) -> Self {
        let at_once = i64::try_from(at_once).expect("a few");
        Self { at_once, ahead_micros: AtomicI64::new(Self::OFF_MICROS), early_micros: Mutex::default() }
    }

    /// Gives the moment at which the call was let go.
    pub(super) async fn wait_for(
        &self,
        instant: prost_types::Timestamp,
        chance: &mut fastrand::Rng,
    ) -> Instant {
        let off = chance.i64(-Self::OFF_MICROS..=Self::OFF_MICROS);
        let at = micros(instant) + off - self.ahead_micros.load(Ordering::Relaxed);
        let left = u64::try_from(at - consign::clock::now().unix_micros()).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(left)).await;
        Instant::now()
    }

    /// The call was decided then, before the instant: the next ones may go later.
    pub(super) fn came_early(
        &self,
        took: Duration,
        decided: prost_types::Timestamp,
        instant: prost_types::Timestamp,
    ) {
        let early = micros(instant) - micros(decided);
        assert!(early > 0, "decided {} µs after the end", -early);
        self.early_micros.lock().unwrap_or_else(PoisonError::into_inner).push(early);
        self.ahead_micros.fetch_sub(self.step(took), Ordering::Relaxed);
    }

    pub(super) fn came_late(&self, took: Duration) {
        self.ahead_micros.fetch_add(self.step(took), Ordering::Relaxed);
    }

    /// When all races under way end alike, the next ones shift by as long as a call takes.
    fn step(&self, took: Duration) -> i64 {
        i64::try_from(took.as_micros()).expect("not long") / self.at_once
    }

    /// How many were decided within the last 20 ms.
    pub(super) fn narrow(&self) -> usize {
        let early = self.early_micros.lock().unwrap_or_else(PoisonError::into_inner);
        early.iter().filter(|it| **it <= Self::OFF_MICROS).count()
    }
}

pub(super) fn micros(at: prost_types::Timestamp) -> i64 {
    at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000
}
