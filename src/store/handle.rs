//! The store for its callers: opened, asked for changes, closed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::domain::{Actor, Command, OrderId, Rules, Timestamp, UnitOfWork, WarmUp};
#[cfg(test)]
use crate::domain::{ReadSet, Refusal};
use crate::store::connection::clock::StoreClock;
use crate::store::connection::database_file::{Claim, Found};
use crate::store::connection::error::StoreError;
use crate::store::connection::open::{self, Pools, Prepared};
use crate::store::connection::options::{Engine, Options};
use crate::store::connection::session::Session;
use crate::store::query::integrity::{self as laws, LawResult};
use crate::store::query::order_cache::OrderCache;
use crate::store::query::series::LastCount;
use crate::store::query::single_flight::{Ended, SingleFlight, Waiter};
use crate::store::rows::{decision, lookup, subscribers, writes};
use crate::store::writer::chance::fresh_ids;
#[cfg(test)]
use crate::store::writer::change::Closure;
use crate::store::writer::change::{Changed, Codec, Effect, Queued, RequestContext, View};
use crate::store::writer::counts::WriterCounts;
use crate::store::writer::group::Writer;
use crate::store::writer::queue::{Queue, Task};
use crate::store::writer::wanted::Wanted;

#[cfg(test)]
impl Store {
    /// A change whose decision a test writes down as a closure; it is run as it stands, without what follows a command.
    pub(crate) async fn decide<T, M>(
        &self,
        context: RequestContext,
        reads: ReadSet,
        decide: impl Fn(&mut UnitOfWork<'_>) -> Result<T, Refusal> + Send + 'static,
        reply: impl Fn(&T, &View<'_>) -> M + Send + 'static,
        codec: Codec<M>,
    ) -> Result<M, StoreError>
    where
        T: Send + 'static,
        M: Send + 'static,
    {
        self.change(context, Closure { reads, decide }, reply, codec).await.map(Changed::into_answer)
    }
}

/// How long a health check waits for the database.
const HEALTH_WITHIN: Duration = Duration::from_secs(2);

/// The company's orders, stock and all that belongs to them, on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) pools: Pools,
    pub(super) queue: Arc<Queue>,
    pub(super) rules: Arc<Rules>,
    pub(super) clock: StoreClock,
    pub(super) bell: Arc<watch::Sender<u64>>,
    pub(super) order_cache: Arc<OrderCache>,
    pub(super) groups: Arc<AtomicU64>,
    pub(super) counts: WriterCounts,
    /// When the laws were last checked, and how many rows broke one.
    pub(super) last_check: RwLock<Option<(Timestamp, u64)>>,
    /// How the last weeks went, as last counted.
    pub(super) series: Mutex<Option<LastCount>>,
    pub(super) lanes: Mutex<Vec<JoinHandle<()>>>,
    pub(super) checks: SingleFlight<Result<Vec<LawResult>, StoreError>>,
    /// That this process alone serves the file of an embedded database.
    pub(super) claim: Mutex<Option<Claim>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Store {
    /// Connects, checks what the database promises, and starts the writer.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let writer = [lookup::all(), writes::all(), decision::all(), subscribers::all()].concat();
        let counts = WriterCounts::default();
        let counted = counts.prepared.clone();
        let prepared = Prepared { writer, reader: lookup::of_readers(), counted };
        let pools = Pools::open(&options, prepared).await?;
        let clock = StoreClock::new(&options, pools.time().await?);
        let writer = Writer {
            pools: pools.clone(),
            queue: Arc::new(Queue::new(options.group_max, options.queue_max)),
            rules: Arc::clone(&options.rules),
            clock,
            bell: Arc::new(watch::Sender::new(0)),
            order_cache: Arc::new(OrderCache::new(options.recent_orders).with_keys(options.archive_keys)),
            groups: Arc::default(),
            counts,
            callers: Handle::current(),
        };

        let lanes = (0..pools.lanes(options.lanes)).map(|_| tokio::spawn(keep_running(writer.clone())));
        let inner = Inner {
            lanes: Mutex::new(lanes.collect()),
            checks: SingleFlight::new(),
            claim: Mutex::new(None),
            pools,
            queue: writer.queue,
            rules: writer.rules,
            clock: writer.clock,
            bell: writer.bell,
            order_cache: writer.order_cache,
            groups: writer.groups,
            counts: writer.counts,
            last_check: RwLock::default(),
            series: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Queues a command and waits for its outcome. Dropping the returned future does not take it back.
    ///
    /// It may be decided more than once, as a group that lost a race is repeated; `reply` is called when it was
    /// accepted and numbered.
    pub async fn change<C, M>(
        &self,
        context: RequestContext,
        command: C,
        reply: impl Fn(&C::Output, &View<'_>) -> M + Send + 'static,
        codec: Codec<M>,
    ) -> Result<Changed<C::Output, M>, StoreError>
    where
        C: Command,
        M: Send + 'static,
    {
        let deadline = context.deadline;
        let (caller, answer) = oneshot::channel();
        self.enqueue(Task::Change(Box::new(Queued::new(context, command, reply, codec, caller))))?;

        let answer = match deadline {
            Some(deadline) => timeout_at(Instant::from_std(deadline), answer)
                .await
                .map_err(|_| StoreError::DeadlineExceeded)?,
            None => answer.await,
        };
        answer.unwrap_or_else(|_| Err(StoreError::Internal("the writer dropped a change".to_owned())))
    }

    /// Output of a command on the present state. Nothing is changed.
    pub async fn preview<C: Command>(&self, actor: &Actor, command: &C) -> Result<C::Output, StoreError> {
        let mut wanted = Wanted::default();
        let reads = command.reads();
        wanted.add(&reads, actor);
        let db = self.snapshot().await?;
        let snapshot = wanted.look(&db, &self.inner.order_cache, self.now()).await?.snapshot;
        drop(db);

        let now = snapshot.time_for(&reads, self.now());
        let ids = fresh_ids(now);
        let mut unit = UnitOfWork::new(&snapshot, &self.inner.rules, now, actor.clone(), ids);
        let output = command.decide(&mut unit);
        let not_loaded = unit.not_loaded();
        if !not_loaded.is_empty() {
            let what = format!("{} reads keys that it does not name: {not_loaded:?}", C::NAME);
            debug_assert!(false, "{what}");
            return Err(StoreError::Internal(what));
        }
        Ok(output?)
    }

    /// Makes the connections that the first caller would wait for.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let context = RequestContext {
            actor: Actor::system(),
            principal: None,
            request: None,
            deadline: None,
            effect: Effect::Commit,
        };
        self.change(context, WarmUp, |(), _| (), Codec::unkept()).await?;
        self.order(OrderId(Uuid::nil())).await.map(|_| ())
    }

    /// Brings the schema up to date, and on SQLite sees to it that no other process serves the same file.
    pub async fn begin_serving(&self) -> Result<(), StoreError> {
        let claim = self.inner.pools.claim().await?;
        self.migrate().await?;
        let newer = self.inner.pools.compare_schema().await?.newer;
        if !newer.is_empty() {
            tracing::warn!(
                steps = newer.join(", "),
                "the database is newer than this program, which can serve it until it is upgraded"
            );
        }
        let Some(claim) = claim else { return Ok(()) };
        for loss in self.losses().await? {
            tracing::error!("{loss}");
        }
        claim.mark_served()?;
        *self.inner.claim.lock().await = Some(claim);
        Ok(())
    }

    /// What the file of an embedded database has evidently lost: its tail, or all that came after it was copied. Its
    /// schema is up to date.
    pub async fn losses(&self) -> Result<Vec<String>, StoreError> {
        let found = self.inner.pools.found;
        if found == Found::default() {
            return Ok(Vec::new());
        }
        Ok(found.losses(self.last_position().await?))
    }

    /// Whether no change was ever recorded.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let db = self.look().await?;
        Ok(db.query_one("SELECT 1 FROM decisions LIMIT 1", Vec::new()).await?.is_none())
    }

    /// Brings the schema up to date; several processes may do so at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.inner.pools.migrate().await
    }

    pub fn engine(&self) -> Engine {
        self.inner.pools.engine()
    }

    /// The names of all of the schema's steps, in order.
    pub fn migrations() -> Vec<String> {
        open::migrations()
    }

    /// The names of the schema's steps that are missing in the database.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.inner.pools.pending_migrations().await
    }

    /// Whether the database answers now, this machine's clock is near its, and its schema is one that this program serves.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let asking = async {
            let db = self.look().await?;
            self.inner.clock.check(db.time().await?)?;
            open::ensure_compatible(&db).await?;
            drop(db);
            self.note_position().await
        };
        let late = |_| StoreError::Unavailable("no answer to a ping".to_owned());
        timeout(HEALTH_WITHIN, asking).await.map_err(late)?
    }

    /// Writes down, beside an embedded database that this process serves, how far it has come.
    async fn note_position(&self) -> Result<(), StoreError> {
        let mut claim = self.inner.claim.lock().await;
        let Some(claim) = claim.as_mut() else { return Ok(()) };
        let position = self.last_position().await?;
        if let Err(error) = claim.note(position) {
            // The database itself is well.
            tracing::debug!(%error, "the position cannot be written down");
        }
        Ok(())
    }

    /// Checks each law in one snapshot and names each row that breaks it. Writing and reading go on meanwhile: concurrent
    /// callers share one check, which has one connection for the laws that are queries and one for the documents.
    ///
    /// `within` is how long PostgreSQL may take for one query; None: without limit. A check whose last caller has gone
    /// ends before its next query.
    pub async fn check_integrity(&self, within: Option<Duration>) -> Result<Vec<LawResult>, StoreError> {
        let (pools, clock) = (self.inner.pools.clone(), self.inner.clock.clone());
        let keys = self.inner.order_cache.keys().clone();
        let looking = async move |waiter: Waiter<_>| {
            let waiter = Arc::new(waiter);
            let (other_pools, other_waiter) = (pools.clone(), Arc::clone(&waiter));
            let readers = Arc::clone(&pools.readers);
            let queries = on_a_thread(async move || {
                let db = patient_snapshot(&pools, within).await?;
                laws::check_by_queries(&db, clock.now(), || waiter.remains()).await
            });
            let documents = on_a_thread(async move || {
                let db = patient_snapshot(&other_pools, within).await?;
                laws::check_documents(&db, &keys, || other_waiter.remains()).await
            });
            // With fewer readers than three they take turns, and leave one to others, if there are two.
            let (queries, documents) = match readers.size() < 3 {
                true => (queries.await, documents.await),
                false => tokio::join!(queries, documents),
            };
            Ok(laws::all_laws(queries?, documents?))
        };
        let checked = self.inner.checks.run(looking).await.unwrap_or_else(|ended| match ended {
            Ended::Panicked => Err(StoreError::Internal("the check panicked".to_owned())),
            Ended::Stopped => Err(StoreError::Unavailable("the store is closing".to_owned())),
        });
        if let Ok(laws) = &checked {
            let broken = laws.iter().map(|it| it.broken).sum();
            *self.inner.last_check.write().unwrap_or_else(PoisonError::into_inner) =
                Some((self.now(), broken));
        }
        checked
    }

    /// When the laws were last checked through this process, and how many rows broke one.
    pub fn last_check(&self) -> Option<(Timestamp, u64)> {
        *self.inner.last_check.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is counted of the writer.
    pub fn counted(&self) -> &WriterCounts {
        &self.inner.counts
    }

    /// Does what is queued, takes nothing more, and disconnects.
    pub async fn close(&self) {
        self.inner.queue.close();
        self.inner.checks.stop().await;
        for lane in self.inner.lanes.lock().await.drain(..) {
            // A lane that panicked has said so.
            let _ = lane.await;
        }
        let noted = self.note_position().await;
        self.inner.pools.close().await;
        if let Some(claim) = self.inner.claim.lock().await.take()
            && let Err(error) = noted.and_then(|()| claim.end())
        {
            tracing::warn!(%error, "the database stays marked as being served");
        }
    }

    /// Rings after every group that this process committed. It carries no data: read the events behind it.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.inner.bell.subscribe()
    }

    /// The store's time, as near as it is known without asking.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Statements that connections to PostgreSQL have prepared since the process began. 0 on SQLite.
    pub fn statements_prepared(&self) -> u64 {
        self.inner.counts.prepared.get()
    }

    /// Messages that the writer has sent; one may hold several statements.
    pub fn messages(&self) -> u64 {
        self.inner.counts.messages.get()
    }

    /// Groups that the writer has finished.
    pub fn groups(&self) -> u64 {
        self.inner.groups.load(Ordering::Relaxed)
    }

    /// A connection whose statements each see their own moment.
    pub(in crate::store) async fn look(&self) -> Result<Session, StoreError> {
        self.inner.pools.reader().await
    }

    /// A connection whose statements all see the same moment.
    pub(in crate::store) async fn snapshot(&self) -> Result<Session, StoreError> {
        self.inner.pools.snapshot().await
    }

    pub(in crate::store) fn enqueue(&self, task: Task) -> Result<(), StoreError> {
        self.inner.queue.push(task)
    }
}

/// Each lane has a thread and a runtime of its own, so that its decisions hold up no other task, and that the thread that
/// waits for the database is the one that its answer wakes. A lane that panics loses its group, whose callers get an
/// error, and is replaced.
async fn keep_running(writer: Writer) {
    loop {
        let lane = writer.clone();
        let run = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(lane.run()),
            Err(error) => tracing::error!(%error, "a lane of the writer has no runtime"),
        };
        let ended = tokio::task::spawn_blocking(run).await;
        match ended {
            Err(error) if error.is_panic() => {
                tracing::error!(%error, "a lane of the writer panicked; another takes its place");
            }
            _ => return,
        }
    }
}

/// A snapshot in which PostgreSQL may take so long for each answer.
async fn patient_snapshot(pools: &Pools, within: Option<Duration>) -> Result<Session, StoreError> {
    let mut db = pools.snapshot().await?;
    db.allow_for_answers(within).await?;
    Ok(db)
}

/// Does what takes long on a thread of its own: on SQLite it reads in the thread that asks.
async fn on_a_thread<T: Send + 'static>(
    work: impl AsyncFnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let here = Handle::current();
    let working = tokio::task::spawn_blocking(move || here.block_on(work()));
    working.await.unwrap_or_else(|_| Err(StoreError::Internal("the check panicked".to_owned())))
}
