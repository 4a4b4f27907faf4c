//! Prepares a server, with clients, products and stored orders, and runs one scenario against it.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::canned::CannedServer;
use super::catalogue::{Catalogue, Reach, refused};
use super::cost::Reading;
use super::counters::{Counted, count, rows_written};
use super::driver::{Operation, drive, drive_at};
use super::error::BenchError;
use super::measured_server::{MeasuredServer, MeasuredServers};
use super::options::{Options, Scenario, Until};
use super::progress::Progress;
use super::report::{Beside, Followed, Readings, Round, Sale, quantiles};
use super::round_trips::writer_messages;
use super::scenarios::flash::Flash;
use super::scenarios::lists::{Lists, values_of};
use super::scenarios::past::{Archive, Ended, Past};
use super::scenarios::place::{Lifecycle, Place, place, send_off};
use super::scenarios::read::Read;
use super::scenarios::track::{Followers, ReportTracking, shipments_for};
use super::tally::Tally;
use super::work::Work;
use crate::clock;
use crate::domain::Timestamp;

/// Clients that store orders before the measurement.
const PRELOADERS: u64 = 64;
/// Customers with an e-mail address whose orders are looked for.
const CUSTOMERS_TO_READ: u64 = 20;
/// Orders of the day in the archive's company: one for so many that are over.
const ARCHIVED_TO_ONE: u64 = 10;
/// How often each list and filter is asked for.
const PAGES_OF_EACH: u64 = 200;
/// How often what could not be stored under this load is stored anew.
const STORING_TRIES: u32 = 3;
/// How long letters may take to be sent.
const LETTERS_WITHIN: Duration = Duration::from_secs(300);
/// How often the bench looks whether they are sent.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A server with products on sale and orders in its books.
pub(super) struct Setup {
    server: MeasuredServer,
    /// One for each client.
    callers: Vec<Caller>,
    catalogue: Arc<Catalogue>,
    preload: u64,
    /// Ids of orders that are there to be read.
    stored: Vec<String>,
    /// Ids of orders that were delivered and are in the archive.
    archived: Vec<String>,
    /// Rows that were written before the first operation; None where they are not counted.
    rows_before: Option<i64>,
    /// Operations of all turns, their warming up included.
    operations: AtomicU64,
}

/// What is read when a measurement begins.
struct Begun {
    since: Timestamp,
    counted: Option<Counted>,
    /// Messages of the server's writer so far.
    messages: Option<u64>,
    reading: Reading,
}

impl Setup {
    pub(super) async fn prepare(
        options: &Options,
        run: &str,
        server: MeasuredServer,
        preload: u64,
    ) -> Result<Self, BenchError> {
        let callers = connect(&server.address, server.key, options).await?;
        let catalogue = Arc::new(Catalogue::open(first(&callers)?, run).await?);
        let (stored, archived) = (Vec::new(), Vec::new());
        let operations = AtomicU64::new(0);
        let mut setup =
            Self { server, callers, catalogue, preload, stored, archived, rows_before: None, operations };
        let of_the_day = if options.archived { preload.div_ceil(ARCHIVED_TO_ONE) } else { preload };
        if options.archived {
            setup.archived = setup.fill_archive(preload).await?;
        }
        setup.stored = store(&setup.callers, &setup.catalogue, of_the_day).await?;
        Ok(setup)
    }

    /// Stores orders that are over, and archives them; returns ids of those that were delivered.
    async fn fill_archive(&self, count: u64) -> Result<Vec<String>, BenchError> {
        let clients: Vec<Caller> = self.callers.iter().cycle().take(PRELOADERS as usize).cloned().collect();
        let since = clock::now();
        let past = Past::new(&self.catalogue);
        let tally: Arc<Tally> = Arc::default();
        for _ in 0..STORING_TRIES {
            let _progress = Progress::show("storing orders", &tally);
            let missing = count.saturating_sub(tally.operations());
            drive(&clients, Until::Count(missing), &past, &tally).await?;
        }
        all_stored(&tally, count)?;
        if self.until_letters_are_sent(since).await? == Some(false) {
            return Err(BenchError::Wrong("letters keep orders out of the archive".to_owned()));
        }

        let Ended { delivered, cancelled } = past.ended();
        let archive = Arc::new(Archive { orders: delivered.iter().cloned().chain(cancelled).collect() });
        let tally: Arc<Tally> = Arc::default();
        let _progress = Progress::show("archiving orders", &tally);
        drive(&clients, Until::Count(count), &archive, &tally).await?;
        all_stored(&tally, count)?;
        Ok(delivered)
    }

    /// Counts the rows that are written from now on, where the operation is all that writes. The server is started
    /// anew for it: PostgreSQL's sessions report their last rows when they end.
    pub(super) async fn count_rows(
        &mut self,
        options: &Options,
        servers: &mut MeasuredServers,
    ) -> Result<(), BenchError> {
        let Some(url) = self.server.database_url.clone() else { return Ok(()) };
        match options.scenario {
            Scenario::Place | Scenario::Lifecycle | Scenario::Flash => {}
            Scenario::Read | Scenario::Lists | Scenario::Track | Scenario::Ceiling => return Ok(()),
        }
        servers.stop(&self.server).await;
        self.rows_before = Some(rows_written(&url).await?);
        servers.start(&mut self.server).await?;
        self.callers = connect(&self.server.address, self.server.key, options).await?;
        Ok(())
    }

    /// Adds the rows that an operation wrote to each turn; the server is stopped for it.
    pub(super) async fn add_rows_written(
        &self,
        turns: &mut [Round],
        servers: &mut MeasuredServers,
    ) -> Result<(), BenchError> {
        let (Some(url), Some(before)) = (&self.server.database_url, self.rows_before) else { return Ok(()) };
        servers.stop(&self.server).await;
        let rows = rows_written(url).await? - before;
        let operations = self.operations.load(Ordering::Relaxed);
        for turn in turns {
            turn.work = turn.work.with_rows(rows, operations);
        }
        Ok(())
    }

    /// One measurement.
    pub(super) async fn play(&self, options: &Options) -> Result<Round, BenchError> {
        match options.scenario {
            Scenario::Place => self.measure(options, &Place::new(&self.catalogue, Reach::Email)).await,
            Scenario::Lifecycle => {
                self.measure(options, &Arc::new(Lifecycle(Arc::clone(&self.catalogue)))).await
            }
            Scenario::Read => self.read(options).await,
            Scenario::Lists => self.lists(options).await,
            Scenario::Flash => self.flash(options).await,
            Scenario::Track => self.track(options).await,
            Scenario::Ceiling => self.ceiling(options).await,
        }
    }

    /// Warms up, lets the clients do it over and over, and waits for the letters that follow.
    async fn measure<O: Operation>(
        &self,
        options: &Options,
        operation: &Arc<O>,
    ) -> Result<Round, BenchError> {
        self.measure_beside(options, operation, std::future::pending()).await
    }

    /// The same, while something else goes on beside, which is over before the letters are waited for.
    async fn measure_beside<O: Operation>(
        &self,
        options: &Options,
        operation: &Arc<O>,
        beside: impl Future<Output = ()>,
    ) -> Result<Round, BenchError> {
        if let Some(time) = options.warm_up() {
            let since = clock::now();
            let aside: Arc<Tally> = Arc::default();
            let _progress = Progress::show("warming up", &aside);
            drive(&self.callers, Until::Elapsed(time), operation, &aside).await?;
            self.until_letters_are_sent(since).await?;
            self.operations.fetch_add(aside.operations(), Ordering::Relaxed);
        }

        let _watch = self.server.meter.watch();
        let tally = Arc::default();
        let begun = self.begin().await?;
        let took = {
            let _progress = Progress::show(O::NAME, &tally);
            tokio::select! {
                took = drive(&self.callers, options.until(), operation, &tally) => took?,
                () = beside => return Err(BenchError::Wrong("what went on beside came to its end".to_owned())),
            }
        };
        let after = self.server.meter.read();
        self.conclude(options, begun, took, &tally, after).await
    }

    async fn begin(&self) -> Result<Begun, BenchError> {
        let counted = self.count().await?;
        let messages = self.messages().await;
        Ok(Begun { since: clock::now(), counted, messages, reading: self.server.meter.read() })
    }

    async fn messages(&self) -> Option<u64> {
        writer_messages(self.server.operations.as_deref()?).await
    }

    async fn count(&self) -> Result<Option<Counted>, BenchError> {
        match &self.server.database_url {
            Some(url) => count(url).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(&self, options: &Options) -> Result<Round, BenchError> {
        let since = clock::now();
        let aside = Arc::default();
        let known = Place::new(&self.catalogue, Reach::Email);
        drive(&self.callers, Until::Count(CUSTOMERS_TO_READ), &known, &aside).await?;
        let mut customers = Vec::new();
        for id in known.placed() {
            let order = first(&self.callers)?.order(&id).await.map_err(refused("GetOrder"))?;
            customers.extend(order.customer.map(|it| it.email));
        }
        self.until_letters_are_sent(since).await?;
        let orders = self.stored.iter().cloned().chain(known.placed()).collect();
        self.measure_while_placing(options, &Read::of(orders, customers)).await
    }

    /// Each list and filter as often as the others, after each was asked twice.
    async fn lists(&self, options: &Options) -> Result<Round, BenchError> {
        let since = clock::now();
        let aside: Arc<Tally> = Arc::default();
        let (by_email, by_phone) =
            (Place::new(&self.catalogue, Reach::Email), Place::new(&self.catalogue, Reach::PhoneOnly));
        for known in [&by_email, &by_phone] {
            drive(&self.callers, Until::Count(CUSTOMERS_TO_READ), known, &aside).await?;
        }
        self.until_letters_are_sent(since).await?;

        let caller = first(&self.callers)?;
        let (mut day, mut archive) = (Vec::new(), Vec::new());
        for (order, other) in by_email.placed().iter().zip(&by_phone.placed()) {
            let other = caller.order(other).await.map_err(refused("GetOrder"))?;
            let phone = other.customer.map(|it| it.phone).unwrap_or_default();
            day.push(values_of(caller, order, &phone, since).await.map_err(refused("an order"))?);
        }
        for order in self.archived.iter().take(CUSTOMERS_TO_READ as usize) {
            archive.push(values_of(caller, order, "", since).await.map_err(refused("an archived order"))?);
        }

        let lists = Lists::of(day, archive);
        drive(&self.callers, Until::Count(lists.count().saturating_mul(2)), &lists, &aside).await?;
        let pages = NonZeroU64::new(lists.count().saturating_mul(PAGES_OF_EACH));
        let options = Options { orders: options.orders.or(pages), ..options.clone() };
        self.measure_while_placing(&options, &lists).await
    }

    /// Where the options say so, orders are placed meanwhile.
    async fn measure_while_placing<O: Operation>(
        &self,
        options: &Options,
        reading: &Arc<O>,
    ) -> Result<Round, BenchError> {
        let Some(rate) = options.while_placing else { return self.measure(options, reading).await };
        let beside: Arc<Tally> = Arc::default();
        let placing = Place::new(&self.catalogue, Reach::Email);
        let going_on = drive_at(rate.get(), u64::MAX, &self.callers, &placing, &beside);
        let mut round = self.measure_beside(options, reading, going_on).await?;
        let found = beside.snapshot();
        round.beside = Some(Beside {
            rate: rate.get(),
            operations: beside.operations(),
            latency_ms: quantiles(&found),
            refusals: found.refusals,
        });
        Ok(round)
    }

    async fn flash(&self, options: &Options) -> Result<Round, BenchError> {
        let stock = options.stock.get();
        let units = i64::try_from(stock).unwrap_or(i64::MAX);
        let sku = self.catalogue.offer(first(&self.callers)?, units).await?;
        let sale = Arc::new(Flash {
            catalogue: Arc::clone(&self.catalogue),
            sku,
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let buyers = match options.until() {
            Until::Count(buyers) => buyers,
            Until::Elapsed(_) => 0,
        };
        let mut round = self.measure(options, &sale).await?;
        let (accepted, refused) =
            (sale.accepted.load(Ordering::Relaxed), sale.refused.load(Ordering::Relaxed));
        round.sale = Some(Sale { stock, orders: buyers, accepted, refused });
        Ok(round)
    }

    async fn track(&self, options: &Options) -> Result<Round, BenchError> {
        let rate = options.rate.get();
        let events = match options.until() {
            Until::Elapsed(time) => rate.saturating_mul(time.as_secs()),
            Until::Count(events) => events,
        };
        let aside = Tally::default();
        let mut shipments = Vec::new();
        let since = clock::now();
        for _ in 0..shipments_for(events) {
            let caller = first(&self.callers)?;
            let order = place(&self.catalogue, Reach::Email, caller, &aside).await;
            let order = order.map_err(refused("an order to follow"))?;
            let shipment = send_off(&order, caller, &aside).await;
            shipments.push(shipment.map_err(refused("a shipment to follow"))?);
        }
        self.until_letters_are_sent(since).await?;

        let _watch = self.server.meter.watch();
        let tally: Arc<Tally> = Arc::default();
        let report = Arc::new(ReportTracking::on(shipments));
        let followers = Followers::start(&self.callers, &report, &tally).await;
        let followers = followers.map_err(refused("TrackShipment"))?;
        let begun = self.begin().await?;
        let began = Instant::now();
        {
            let _progress = Progress::show("track", &tally);
            drive_at(rate, events, &self.callers, &report, &tally).await;
        }
        let subscribers = self.callers.len() as u64;
        let expected = report.expected(subscribers);
        let arrived = followers.until_arrived(expected).await;
        let took = began.elapsed();
        let after = self.server.meter.read();

        let mut round = self.conclude(options, begun, took, &tally, after).await?;
        let shipments = shipments_for(events);
        round.followed = Some(Followed { subscribers, shipments, rate, expected, arrived });
        Ok(round)
    }

    async fn ceiling(&self, options: &Options) -> Result<Round, BenchError> {
        let caller = first(&self.callers)?;
        let request = self.catalogue.order_for_two(Reach::Email);
        let order = caller.create_order(request).await.map_err(refused("CreateOrder"))?;
        let payment = caller.capture_payment(&order.id).await.map_err(refused("CapturePayment"))?;
        let server = CannedServer::start(order, payment).await?;

        let against_it = Self {
            server: MeasuredServer::elsewhere(&server.address.to_string(), "none"),
            callers: connect(&server.address.to_string(), None, options).await?,
            catalogue: Arc::clone(&self.catalogue),
            preload: 0,
            stored: Vec::new(),
            archived: Vec::new(),
            rows_before: None,
            operations: AtomicU64::new(0),
        };
        against_it.measure(options, &Place::new(&self.catalogue, Reach::Email)).await
    }

    async fn conclude(
        &self,
        options: &Options,
        begun: Begun,
        took: Duration,
        tally: &Tally,
        after: Reading,
    ) -> Result<Round, BenchError> {
        let Begun { since, counted, messages, reading: before } = begun;
        let waiting = Instant::now();
        let letters_sent = self.until_letters_are_sent(since).await?;
        let waited = waiting.elapsed();
        let readings = Readings { before, after, drained: self.server.meter.read() };
        let spent = self.count().await?.zip(counted).map(|(after, before)| after.since(&before));
        let round_trips =
            self.messages().await.zip(messages).map(|(after, before)| after.saturating_sub(before));

        let found = tally.snapshot();
        let operations = tally.operations();
        self.operations.fetch_add(operations, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        let [server, database, driver] = readings.costs(operations);
        Ok(Round {
            scenario: options.scenario,
            engine: self.server.engine,
            clients: options.clients.get(),
            connections: options.connections(),
            preload: self.preload,
            seconds,
            operations,
            operations_per_second: operations as f64 / seconds,
            latency_ms: quantiles(&found),
            within_ms: options.within.map(NonZeroU64::get),
            refusals: found.refusals,
            server,
            database,
            driver,
            work: Work::of(spent, readings.switches(), operations).with_round_trips(round_trips, operations),
            peak_memory_mib: self.server.meter.peak_memory_mib(),
            letters_sent,
            seconds_until_letters_sent: letters_sent.map(|_| waited.as_secs_f64()),
            sale: None,
            followed: None,
            beside: None,
        })
    }

    /// Waits for the letters written since; false if some are not sent in time. None for a server that the bench did not
    /// start: its letters are not waited for.
    async fn until_letters_are_sent(&self, since: Timestamp) -> Result<Option<bool>, BenchError> {
        if !self.server.is_own {
            return Ok(None);
        }
        let ends = Instant::now() + LETTERS_WITHIN;
        let filter = format!("state = QUEUED AND create_time >= \"{since}\"");
        loop {
            let queued = first(&self.callers)?.messages(filter.clone(), 1).await;
            if queued.map_err(refused("ListMessages"))?.is_empty() {
                return Ok(Some(true));
            }
            if Instant::now() > ends {
                return Ok(Some(false));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

/// One caller for each client; they share the connections evenly.
async fn connect(address: &str, key: Option<&str>, options: &Options) -> Result<Vec<Caller>, BenchError> {
    let mut connections = Vec::new();
    for _ in 0..options.connections() {
        connections.push(Caller::connect(address, key).await?);
    }
    Ok(connections.iter().cycle().take(options.clients.get() as usize).cloned().collect())
}

fn first(callers: &[Caller]) -> Result<&Caller, BenchError> {
    callers.first().ok_or_else(|| BenchError::Wrong("there are no clients".to_owned()))
}

/// Stores paid orders as fast as it goes; returns ids of them.
async fn store(
    callers: &[Caller],
    catalogue: &Arc<Catalogue>,
    count: u64,
) -> Result<Vec<String>, BenchError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let tally: Arc<Tally> = Arc::default();
    let _progress = Progress::show("storing orders", &tally);
    let placing = Place::new(catalogue, Reach::PhoneOnly);
    let clients: Vec<Caller> = callers.iter().cycle().take(PRELOADERS as usize).cloned().collect();
    drive(&clients, Until::Count(count), &placing, &tally).await?;
    all_stored(&tally, count)?;
    Ok(placing.placed())
}

fn all_stored(tally: &Tally, count: u64) -> Result<(), BenchError> {
    if tally.operations() < count {
        let refusals = tally.snapshot().refusals;
        return Err(BenchError::Wrong(format!("orders could not be stored before: {refusals:?}")));
    }
    Ok(())
}
