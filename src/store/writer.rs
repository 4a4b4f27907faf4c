//! The writer: groups of changes, each group one transaction, each change decided in memory.
//!
//! While a transaction is open nothing but the database is awaited, and no caller's future runs in here: whoever
//! hangs up tears nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::StoreError;
use super::before::Before;
use super::change::{Call, Change, Changed, Codec, Queued, RequestKey, RequestMode, View, Word};
use super::clock::StoreClock;
use super::jobs::{Chore, JobKind};
use super::load::Wanted;
use super::numbers::Unnumbered;
use super::open::Pools;
use super::queue::{Batch, Queue};
use super::recent::Recent;
use super::requests::{self, Kept, Key};
use super::rows::{self, Jobs, Lock, Writes};
use super::session::Session;
use crate::domain::{
    Actor, Changes, Desk, Event, FreeExpired, Ids, JobId, Lease, Movement, OrderState, Refusal, Rules,
    Timestamp, Touch, World,
};

/// How long a group may take, repetitions included; then its connection is thrown away.
const GROUP_WITHIN: Duration = Duration::from_secs(10);
/// How often a group is repeated that lost a race.
const REPEATS_MAX: u32 = 5;
/// How often of these because a row existed already; after that it is not a race.
const DUPLICATES_MAX: u32 = 2;
/// How often overdue holds are freed for one group before those that are still short are asked to come again.
const FREEING_ROUNDS_MAX: u32 = 8;
/// How long it is tried to find out what became of a group whose COMMIT was not answered.
const FIND_OUT_WITHIN: Duration = Duration::from_secs(5);
/// A job that was done without changing anything is not due again sooner.
const IDLE_JOB_AFTER: Duration = Duration::from_secs(5);

/// One writing connection and the loop that feeds it.
#[derive(Clone)]
pub(in crate::store) struct Writer {
    pub(in crate::store) pools: Pools,
    pub(in crate::store) queue: Arc<Queue>,
    pub(in crate::store) rules: Arc<Rules>,
    pub(in crate::store) clock: StoreClock,
    pub(in crate::store) bell: Arc<watch::Sender<u64>>,
    pub(in crate::store) recent: Arc<Recent>,
    pub(in crate::store) statements: Arc<AtomicU64>,
    pub(in crate::store) groups: Arc<AtomicU64>,
}

/// Where a change of a group stands.
enum Verdict {
    Open,
    Accepted {
        changes: Box<Changes>,
        answer: Option<Arc<[u8]>>,
        /// A final answer was given before: the caller hears that one.
        given: Option<Arc<[u8]>>,
    },
    /// Asked for the same as the change at this place in the group, which was accepted.
    Twin(usize),
    Stored(Arc<[u8]>),
    Refused(StoreError),
    /// Short, while more holds are overdue than were loaded: it is decided again when they are gone.
    Starved(StoreError),
    /// The decision read keys that were not loaded, so what it said counts for nothing: it is decided again.
    Incomplete(Box<Touch>),
}

/// Whether holds past their end may still be freed for those that are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freeing {
    Possible,
    Done,
}

/// Why a group did not go through.
enum Trouble {
    Race,
    Duplicate(String),
    /// The connection is gone; nothing was committed. `stale`: it may have died long before this group came.
    Severed {
        error: StoreError,
        stale: bool,
    },
    /// The connection went silent in COMMIT.
    Unknown,
    /// The reply of the change at this place panicked.
    Panicked(usize),
    /// The reply of the change at this place is too large to be sent.
    TooLarge(usize, Refusal),
    Fault(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LostRace => Self::Race,
            StoreError::Unavailable(_) => Self::Severed { error, stale: false },
            other => Self::Fault(other),
        }
    }
}

impl Writer {
    /// Serves the queue until it is closed and empty.
    pub(in crate::store) async fn run(self) {
        let mut lane = Lane { writer: self, session: None };
        while let Some(batch) = lane.writer.queue.take().await {
            match batch {
                Batch::Group(group) => lane.serve(group).await,
                Batch::Chore(chore) => lane.run(chore).await,
            }
        }
    }
}

struct Lane {
    writer: Writer,
    /// None: to be connected when next needed.
    session: Option<Session>,
}

impl Lane {
    async fn serve(&mut self, mut group: Vec<Box<dyn Change>>) {
        let ends = Instant::now() + GROUP_WITHIN;
        let mut races = 0;
        let mut duplicates = 0;
        let mut reconnected = false;
        let mut freeing = Freeing::Possible;
        let mut rounds = 0;

        loop {
            group = refuse_late(group);
            if group.is_empty() {
                return;
            }

            let mut verdicts: Vec<_> = group.iter().map(|_| Verdict::Open).collect();
            match self.attempt(&mut group, &mut verdicts, ends, freeing).await {
                Ok(()) => {
                    let alone = group.len() == 1;
                    let Undecided { starved, incomplete } = self.finish(group, verdicts);
                    for (change, keys) in incomplete {
                        let again = if alone { reading_more(change, *keys) } else { change };
                        Box::pin(self.serve(vec![again])).await;
                    }
                    if starved.is_empty() {
                        return;
                    }
                    // Others wait behind this: who needs more than that is asked to come again.
                    rounds += 1;
                    let further = match rounds < FREEING_ROUNDS_MAX && Instant::now() < ends {
                        true => Freeing::Possible,
                        false => Freeing::Done,
                    };
                    (group, freeing) = self.free_overdue(starved, further).await;
                }
                Err(Trouble::Race) if races < REPEATS_MAX && Instant::now() < ends => {
                    races += 1;
                    sleep(jitter(races)).await;
                }
                Err(Trouble::Race) => return refuse(group, &StoreError::LostRace),
                Err(Trouble::Duplicate(_)) if duplicates < DUPLICATES_MAX && Instant::now() < ends => {
                    duplicates += 1;
                    sleep(jitter(duplicates)).await;
                }
                Err(Trouble::Severed { stale: true, .. }) if !reconnected && Instant::now() < ends => {
                    reconnected = true;
                }
                Err(Trouble::Severed { error, .. }) => return refuse(group, &error),
                Err(Trouble::Unknown) => return self.find_out(group, verdicts).await,
                Err(Trouble::Panicked(place)) => {
                    tracing::error!("a reply panicked; its change is refused");
                    let error = StoreError::Internal("the reply could not be made".to_owned());
                    group.remove(place).tell(Word::No(error));
                }
                Err(Trouble::TooLarge(place, refusal)) => {
                    group.remove(place).tell(Word::No(refusal.into()));
                }
                Err(Trouble::Fault(StoreError::StorageFull)) => {
                    return refuse(group, &StoreError::StorageFull);
                }
                // Somebody's fault: each alone, so that only the culprit fails.
                Err(Trouble::Fault(_) | Trouble::Duplicate(_)) if group.len() > 1 => {
                    for change in group {
                        Box::pin(self.serve(vec![change])).await;
                    }
                    return;
                }
                Err(Trouble::Duplicate(what)) => {
                    return fail(
                        group,
                        &StoreError::Internal(format!("a row with the same key exists: {what}")),
                    );
                }
                Err(Trouble::Fault(error)) => return fail(group, &error),
            }
        }
    }

    async fn attempt(
        &mut self,
        group: &mut [Box<dyn Change>],
        verdicts: &mut [Verdict],
        ends: Instant,
        freeing: Freeing,
    ) -> Result<(), Trouble> {
        let kept = self.session.take();
        let stale = kept.is_some();
        let session = match kept {
            Some(session) => session,
            None => self.writer.pools.writer(&self.writer.statements).await?,
        };

        let committing = AtomicBool::new(false);
        let transacting = self.writer.transact(&session, group, verdicts, &committing, freeing);
        let ended = timeout_at(ends, transacting).await;
        let committing = committing.into_inner();
        let trouble = match ended {
            Ok(Ok(())) => {
                self.session = Some(session);
                return Ok(());
            }
            Ok(Err(Trouble::Severed { error, .. })) => Trouble::Severed { error, stale },
            Ok(Err(Trouble::Race)) => match session.take_existing_key() {
                Some(key) => Trouble::Duplicate(key),
                None => Trouble::Race,
            },
            Ok(Err(trouble)) => trouble,
            Err(_) => {
                let error = StoreError::Unavailable("the database took too long".to_owned());
                Trouble::Severed { error, stale: false }
            }
        };

        if matches!(trouble, Trouble::Severed { .. }) {
            session.discard();
            return Err(if committing { Trouble::Unknown } else { trouble });
        }
        match session.rollback().await {
            Ok(()) => self.session = Some(session),
            Err(_) => session.discard(),
        }
        Err(trouble)
    }

    /// Committed: everybody gets their answer, and whoever follows the events is woken. Gives back those that are to
    /// be decided again.
    fn finish(&mut self, group: Vec<Box<dyn Change>>, verdicts: Vec<Verdict>) -> Undecided {
        self.writer.groups.fetch_add(1, Ordering::Relaxed);
        let mut rings = false;
        for verdict in &verdicts {
            let Verdict::Accepted { changes, .. } = verdict else { continue };
            rings = true;
            for order in changes.orders.values() {
                match order.state {
                    OrderState::Archived => self.writer.recent.forget(order.id),
                    _ => self.writer.recent.keep(order),
                }
            }
        }

        let (mut undecided, mut words) = (Undecided::default(), Vec::new());
        for ((change, verdict), word) in group.into_iter().zip(&verdicts).zip(words_of(&verdicts)) {
            match verdict {
                Verdict::Starved(error) => undecided.starved.push((change, error.clone())),
                Verdict::Incomplete(keys) => undecided.incomplete.push((change, keys.clone())),
                _ => words.push((change, word)),
            }
        }
        // The next group does not wait until everybody has heard, and what was changed is cleared away.
        tokio::spawn(async move {
            words.into_iter().for_each(|(change, word)| change.tell(word));
            drop(verdicts);
        });
        if rings {
            self.writer.bell.send_modify(|it| *it += 1);
        }
        undecided
    }

    /// Ends the oldest overdue holds on what these changes are short of, in a group of its own, so that the work of
    /// one transaction stays bounded however many are overdue. Gives back those that are to be decided again, and
    /// whether there may be more to free for them.
    async fn free_overdue(
        &mut self,
        starved: Vec<Starved>,
        further: Freeing,
    ) -> (Vec<Box<dyn Change>>, Freeing) {
        let mut touch = Touch::default();
        for (change, _) in &starved {
            let Touch { skus, orders, parts, reserves, .. } = change.reads();
            touch.skus.extend(skus.iter().cloned());
            if *reserves {
                touch.orders.extend(orders);
                touch.parts.extend(parts.iter().cloned());
                touch.reserves = true;
            }
        }

        let call = Call { actor: Actor::system(), request: None, deadline: None };
        let reply = |freed: &bool, _: &View<'_>| *freed;
        let (caller, answer) = oneshot::channel();
        let queued = Queued::new(call, FreeExpired { short: touch }, reply, Codec::unkept(), caller);
        Box::pin(self.serve(vec![Box::new(queued)])).await;

        let again = |starved: Vec<Starved>| starved.into_iter().map(|it| it.0).collect();
        let freed = answer.await.map(|it| it.map(Changed::into_answer));
        let error = match freed {
            Ok(Ok(true)) if further == Freeing::Possible => return (again(starved), Freeing::Possible),
            // What was overdue is others' stock.
            Ok(Ok(false)) => return (again(starved), Freeing::Done),
            // Whether there is enough is not known yet.
            Ok(Ok(true)) | Err(_) => StoreError::LostRace,
            Ok(Err(error)) => error,
        };
        for (change, _) in starved {
            change.tell(Word::No(error.clone()));
        }
        (Vec::new(), Freeing::Done)
    }

    /// COMMIT was not answered. A group is committed whole or not at all, so its request ids speak for all; without
    /// any, nobody can say.
    async fn find_out(&mut self, group: Vec<Box<dyn Change>>, verdicts: Vec<Verdict>) {
        let mut ours = HashMap::new();
        for (change, verdict) in group.iter().zip(&verdicts) {
            if let (Some((key, RequestMode::Claim, _)), Verdict::Accepted { answer: Some(answer), .. }) =
                (request_of(change.as_ref()), verdict)
            {
                ours.insert(key, Arc::clone(answer));
            }
        }

        let found = self.look_up(ours.keys().cloned().collect()).await;
        let is_there =
            |(key, answer): (&Key, &Arc<[u8]>)| found.get(key).is_some_and(|it| it.answer == *answer);
        if !ours.is_empty() && ours.iter().all(is_there) {
            let Undecided { starved, incomplete } = self.finish(group, verdicts);
            starved.into_iter().for_each(|(change, error)| change.tell(Word::No(error)));
            incomplete.into_iter().for_each(|(change, _)| change.tell(Word::No(StoreError::LostRace)));
            return;
        }
        let error =
            StoreError::Unavailable("the outcome is unknown; ask again with the same request id".to_owned());
        refuse(group, &error);
    }

    async fn look_up(&mut self, keys: Vec<Key>) -> HashMap<Key, Kept> {
        let ends = Instant::now() + FIND_OUT_WITHIN;
        while !keys.is_empty() && Instant::now() < ends {
            let looking = async {
                let session = self.writer.pools.writer(&self.writer.statements).await?;
                let found = requests::find(&session, &keys).await;
                Ok::<_, StoreError>((session, found?))
            };
            match timeout_at(ends, looking).await {
                Ok(Ok((session, found))) => {
                    self.session = Some(session);
                    return found;
                }
                Ok(Err(_)) => sleep(jitter(REPEATS_MAX)).await,
                Err(_) => break,
            }
        }
        HashMap::new()
    }

    async fn run(&mut self, chore: Chore) {
        let ends = Instant::now() + GROUP_WITHIN;
        let mut repeats = 0;
        loop {
            let result = self.try_chore(&chore, ends).await;
            repeats += 1;
            match result {
                Err(StoreError::LostRace | StoreError::Unavailable(_))
                    if repeats <= 2 && Instant::now() < ends =>
                {
                    sleep(jitter(repeats)).await;
                }
                result => return chore.tell(result),
            }
        }
    }

    async fn try_chore(&mut self, chore: &Chore, ends: Instant) -> Result<super::jobs::Outcome, StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.writer.pools.writer(&self.writer.statements).await?,
        };

        let ended = timeout_at(ends, chore.run(&session, &self.writer.clock)).await;
        let late = |_| Err(StoreError::Unavailable("the database took too long".to_owned()));
        let result = ended.unwrap_or_else(late);
        if matches!(result, Err(StoreError::Unavailable(_))) || session.rollback().await.is_err() {
            session.discard();
        } else {
            self.session = Some(session);
        }
        result
    }
}

impl Writer {
    /// One group in one transaction, from claiming its request ids to the commit.
    async fn transact(
        &self,
        db: &Session,
        group: &mut [Box<dyn Change>],
        verdicts: &mut [Verdict],
        committing: &AtomicBool,
        freeing: Freeing,
    ) -> Result<(), Trouble> {
        self.clock.hear(db.begin().await?);
        let asked_at = self.clock.now();
        let known = requests::claim(db, &claims_of(group), &amends_of(group), asked_at).await?;
        replay(group, verdicts, &known.used);

        let wanted = wanted_by(group, verdicts);
        let Some(wanted) = wanted else {
            db.rollback().await?;
            return Ok(());
        };
        let mut world = wanted.load(db, &self.recent, asked_at, Lock::Update).await?;
        world.more_overdue &= freeing == Freeing::Possible;

        let now = self.clock.now();
        let mut before = self.decide(group, verdicts, &mut world, now);
        before.answers = known.answers;
        if !verdicts.iter().any(|it| matches!(it, Verdict::Accepted { .. })) {
            db.rollback().await?;
            return Ok(());
        }

        self.write(db, group, verdicts, world, before, now).await?;
        committing.store(true, Ordering::Relaxed);
        let whose: Vec<_> = group.iter().map(|it| it.name()).collect();
        db.commit(&whose).await?;
        Ok(())
    }

    /// Decides in order of arrival, each on what the accepted ones before it left.
    fn decide(
        &self,
        group: &mut [Box<dyn Change>],
        verdicts: &mut [Verdict],
        world: &mut World,
        now: Timestamp,
    ) -> Before {
        let mut before = Before::default();
        let mut firsts: HashMap<Key, (usize, [u8; 32])> = HashMap::new();
        for (place, (change, verdict)) in group.iter_mut().zip(verdicts).enumerate() {
            if !matches!(verdict, Verdict::Open) {
                continue;
            }

            let claim = request_of(change.as_ref()).filter(|(_, mode, _)| matches!(mode, RequestMode::Claim));
            if let Some((key, _, fingerprint)) = &claim
                && let Some((first, content)) = firsts.get(key)
            {
                *verdict = if content == fingerprint {
                    Verdict::Twin(*first)
                } else {
                    Verdict::Refused(StoreError::RequestIdReused)
                };
                continue;
            }

            let (decided, not_loaded) = self.decide_one(change.as_mut(), world, now);
            *verdict = match decided {
                _ if !not_loaded.is_empty() => Verdict::Incomplete(Box::new(not_loaded)),
                Ok(changes) if world.more_overdue && begins_to_wait(world, &changes) => {
                    Verdict::Starved(StoreError::LostRace)
                }
                Ok(changes) => {
                    before.remember(world, &changes);
                    world.absorb(&changes);
                    if let Some((key, _, fingerprint)) = claim {
                        firsts.insert(key, (place, fingerprint));
                    }
                    Verdict::Accepted { changes: Box::new(changes), answer: None, given: None }
                }
                Err(error @ StoreError::Refused(Refusal::Short(_))) if world.more_overdue => {
                    Verdict::Starved(error)
                }
                Err(error) => Verdict::Refused(error),
            };
        }
        before
    }

    /// What was decided, and the keys that it read without their being loaded.
    fn decide_one(
        &self,
        change: &mut dyn Change,
        world: &World,
        now: Timestamp,
    ) -> (Result<Changes, StoreError>, Touch) {
        let lease = change.reads().lease;
        if let Some(lease) = lease
            && world.leases.get(&lease.job) != Some(&lease.token)
        {
            return (Err(Refusal::LeaseLost(lease.job).into()), Touch::default());
        }

        let now = world.time_for(change.reads(), now);
        let ids = Ids::seeded(now, fastrand::u64(..));
        let mut desk = Desk::new(world, &self.rules, now, change.call().actor.clone(), ids);
        let decided = catch_unwind(AssertUnwindSafe(|| change.decide(&mut desk)));
        let not_loaded = desk.not_loaded();
        let decided = match decided {
            Ok(Ok(())) => Ok(Changes { lease, ..desk.changes }),
            Ok(Err(refusal)) => Err(refusal.into()),
            Err(_) => {
                tracing::error!(method = change.name(), "a decision panicked; it is refused");
                Err(StoreError::Internal("the decision could not be made".to_owned()))
            }
        };
        (decided, not_loaded)
    }

    /// Numbers what is new, makes the replies, and writes what differs.
    async fn write(
        &self,
        db: &Session,
        group: &mut [Box<dyn Change>],
        verdicts: &mut [Verdict],
        mut world: World,
        mut before: Before,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let mut unnumbered = Unnumbered::default();
        accepted(verdicts).for_each(|it| unnumbered.add(it));
        let numbers = unnumbered.number(db).await?;
        accepted(verdicts).for_each(|it| numbers.put_into(it, &mut world));
        reply(group, verdicts, &world)?;
        let amended = amend(group, verdicts, &mut before.answers);

        let mut writes = Writes::default();
        before.save(&mut writes, &world)?;
        let mut movements: Vec<Movement> = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        let mut leases: Vec<Lease> = Vec::new();
        for changes in accepted(verdicts) {
            movements.append(&mut changes.movements);
            events.append(&mut changes.events);
            leases.extend(changes.lease);
        }
        rows::append_movements(&mut writes, &movements);
        rows::append_events(&mut writes, numbers.first_position, &events);

        let mut jobs = self.jobs(&before, &world, &leases);
        let completed = completed(&leases, &mut jobs, &before, now);
        rows::complete_jobs(&mut writes, &completed, now);
        rows::save_jobs(&mut writes, &jobs);
        let (kept, unused) = claims_after(group, verdicts);
        requests::release(&mut writes, db.backend(), &unused);
        requests::keep(&mut writes, db.backend(), &kept, now);
        requests::amend(&mut writes, &amended);
        Ok(writes.send(db).await?)
    }

    /// When each order and each other caller's reservation that was changed or looked after needs a worker next. The
    /// archived have left with their jobs.
    fn jobs(&self, before: &Before, world: &World, leases: &[Lease]) -> Jobs {
        let orders = before.orders.keys().map(|it| JobId(it.0));
        let reservations = before.reservations.keys().map(|it| JobId(it.0));
        let mut jobs = Jobs::new();
        for id in orders.chain(reservations).chain(leases.iter().map(|it| it.job)) {
            if let Some(order) = world.orders.get(&id.0.into()) {
                if order.state != OrderState::Archived {
                    jobs.insert(id, (JobKind::Order, order.due_at(&self.rules)));
                }
            } else if let Some(reservation) = world.reservations.get(&id.0.into()) {
                jobs.insert(id, (JobKind::Reservation, reservation.due_at()));
            }
        }
        jobs
    }
}

/// The jobs of these leases, out of all of them. One that was due and changed nothing is not due again at once.
fn completed(
    leases: &[Lease],
    jobs: &mut Jobs,
    before: &Before,
    now: Timestamp,
) -> Vec<(Lease, Option<Timestamp>)> {
    let completed = leases.iter().filter_map(|lease| {
        let (_, due) = jobs.remove(&lease.job)?;
        let id = lease.job.0;
        let changed = before.orders.contains_key(&id.into()) || before.reservations.contains_key(&id.into());
        let later = |it: Timestamp| if it <= now && !changed { now.plus(IDLE_JOB_AFTER) } else { it };
        Some((*lease, due.map(later)))
    });
    completed.collect()
}

/// The claimed keys with their answers, and those whose changes were refused.
fn claims_after(group: &[Box<dyn Change>], verdicts: &[Verdict]) -> (Vec<(Key, Kept)>, BTreeSet<Key>) {
    let mut kept = Vec::new();
    let mut unused = BTreeSet::new();
    for (change, verdict) in group.iter().zip(verdicts) {
        let Some((key, mode, fingerprint)) = request_of(change.as_ref()) else { continue };
        match (verdict, mode) {
            (Verdict::Accepted { answer: Some(answer), .. }, RequestMode::Claim) => {
                kept.push((key, Kept { fingerprint, answer: Arc::clone(answer) }));
            }
            (Verdict::Refused(StoreError::RequestIdReused), _) => {}
            (Verdict::Refused(_) | Verdict::Starved(_) | Verdict::Incomplete(_), RequestMode::Claim) => {
                unused.insert(key);
            }
            _ => {}
        }
    }
    for (key, _) in &kept {
        unused.remove(key);
    }
    (kept, unused)
}

/// Whether an order would wait for stock that may be there.
fn begins_to_wait(world: &World, changes: &Changes) -> bool {
    changes.orders.values().any(|it| {
        let waited = world.orders.get(&it.id).is_some_and(|before| before.state == OrderState::AwaitingStock);
        it.state == OrderState::AwaitingStock && !waited
    })
}

fn accepted(verdicts: &mut [Verdict]) -> impl Iterator<Item = &mut Changes> {
    verdicts.iter_mut().filter_map(|it| match it {
        Verdict::Accepted { changes, .. } => Some(changes.as_mut()),
        Verdict::Open
        | Verdict::Twin(_)
        | Verdict::Stored(_)
        | Verdict::Refused(_)
        | Verdict::Starved(_)
        | Verdict::Incomplete(_) => None,
    })
}

fn request_of(change: &dyn Change) -> Option<(Key, RequestMode, [u8; 32])> {
    let RequestKey { actor, method, id, fingerprint, mode } = change.call().request.as_ref()?;
    let key = Key { actor: actor.as_str().to_owned(), method: (*method).to_owned(), id: id.clone() };
    Some((key, *mode, *fingerprint))
}

/// The keys to claim, each with the content of the first that asks.
fn claims_of(group: &[Box<dyn Change>]) -> BTreeMap<Key, [u8; 32]> {
    let mut claims = BTreeMap::new();
    for change in group {
        if let Some((key, RequestMode::Claim, fingerprint)) = request_of(change.as_ref()) {
            claims.entry(key).or_insert(fingerprint);
        }
    }
    claims
}

/// The keys whose answers may have to give way to later ones.
fn amends_of(group: &[Box<dyn Change>]) -> BTreeSet<Key> {
    let requests = group.iter().filter_map(|it| request_of(it.as_ref()));
    requests.filter(|(_, mode, _)| matches!(mode, RequestMode::Amend { .. })).map(|it| it.0).collect()
}

/// Puts answers in the place of those that were not final, in order; whoever comes after a final one hears that.
fn amend(
    group: &[Box<dyn Change>],
    verdicts: &mut [Verdict],
    kept: &mut HashMap<Key, Kept>,
) -> Vec<(Key, Kept)> {
    let mut amended = BTreeMap::new();
    for (change, verdict) in group.iter().zip(verdicts) {
        let Some((key, RequestMode::Amend { is_final }, fingerprint)) = request_of(change.as_ref()) else {
            continue;
        };
        let Verdict::Accepted { answer: Some(answer), given, .. } = verdict else { continue };
        match kept.get(&key) {
            Some(it) if it.fingerprint == fingerprint && is_final(&it.answer) => {
                *given = Some(Arc::clone(&it.answer));
            }
            _ => {
                let later = Kept { fingerprint, answer: Arc::clone(answer) };
                kept.insert(key.clone(), later.clone());
                amended.insert(key, later);
            }
        }
    }
    amended.into_iter().collect()
}

/// What was asked before is not decided again.
fn replay(group: &[Box<dyn Change>], verdicts: &mut [Verdict], used: &HashMap<Key, Kept>) {
    for (change, verdict) in group.iter().zip(verdicts) {
        let Some((key, RequestMode::Claim, fingerprint)) = request_of(change.as_ref()) else { continue };
        let Some(kept) = used.get(&key) else { continue };
        *verdict = if kept.fingerprint == fingerprint {
            Verdict::Stored(Arc::clone(&kept.answer))
        } else {
            Verdict::Refused(StoreError::RequestIdReused)
        };
    }
}

/// What the changes touch that are still to be decided; None when there are none.
fn wanted_by(group: &[Box<dyn Change>], verdicts: &[Verdict]) -> Option<Wanted> {
    let mut wanted = None;
    for (change, verdict) in group.iter().zip(verdicts) {
        if matches!(verdict, Verdict::Open) {
            wanted.get_or_insert_with(Wanted::default).add(change.reads());
        }
    }
    wanted
}

fn reply(group: &mut [Box<dyn Change>], verdicts: &mut [Verdict], world: &World) -> Result<(), Trouble> {
    for (place, (change, verdict)) in group.iter_mut().zip(verdicts).enumerate() {
        let Verdict::Accepted { changes, answer, .. } = verdict else { continue };
        let view = View { changes, world };
        let replying = || {
            change.reply(&view);
            change.must_fit()?;
            Ok(change.call().request.is_some().then(|| change.encoded().into()))
        };
        let replied = catch_unwind(AssertUnwindSafe(replying)).map_err(|_| Trouble::Panicked(place))?;
        *answer = replied.map_err(|it| Trouble::TooLarge(place, it))?;
    }
    Ok(())
}

/// Changes of a finished group that are to be decided again.
#[derive(Default)]
struct Undecided {
    starved: Vec<Starved>,
    /// With the keys that were not loaded.
    incomplete: Vec<(Box<dyn Change>, Box<Touch>)>,
}

/// A change that is short for want of room, and the refusal that says so.
type Starved = (Box<dyn Change>, StoreError);

/// A change that was alone in its group and still read keys that nobody had loaded: what it says it reads is wrong,
/// which a test build does not let pass.
fn reading_more(mut change: Box<dyn Change>, keys: Touch) -> Box<dyn Change> {
    let method = change.name();
    tracing::error!(method, "a decision reads keys that it does not name");
    debug_assert!(false, "{method} reads keys that it does not name: {keys:?}");
    change.also_reads(keys);
    change
}

/// What each change of a group hears.
fn words_of(verdicts: &[Verdict]) -> impl Iterator<Item = Word> {
    verdicts.iter().map(|verdict| match verdict {
        Verdict::Accepted { given: None, .. } => Word::Done,
        Verdict::Accepted { given: Some(answer), .. } | Verdict::Stored(answer) => {
            Word::Stored(Arc::clone(answer))
        }
        Verdict::Refused(error) | Verdict::Starved(error) => Word::No(error.clone()),
        Verdict::Twin(first) => match verdicts.get(*first) {
            Some(Verdict::Accepted { answer: Some(answer), .. }) => Word::Stored(Arc::clone(answer)),
            _ => Word::No(StoreError::Internal("a claimed change has no answer".to_owned())),
        },
        Verdict::Incomplete(_) => Word::No(StoreError::LostRace),
        Verdict::Open => Word::No(StoreError::Internal("a change was not decided".to_owned())),
    })
}

fn refuse_late(group: Vec<Box<dyn Change>>) -> Vec<Box<dyn Change>> {
    let now = std::time::Instant::now();
    let is_late = |change: &dyn Change| change.call().deadline.is_some_and(|it| it <= now);
    let (late, in_time): (Vec<_>, Vec<_>) = group.into_iter().partition(|it| is_late(it.as_ref()));
    refuse(late, &StoreError::DeadlineExceeded);
    in_time
}

fn refuse(group: Vec<Box<dyn Change>>, error: &StoreError) {
    for change in group {
        change.tell(Word::No(error.clone()));
    }
}

/// Our own fault: said once in the log.
fn fail(group: Vec<Box<dyn Change>>, error: &StoreError) {
    let methods: Vec<_> = group.iter().map(|it| it.name()).collect();
    tracing::error!(?methods, %error, "a change could not be stored");
    refuse(group, error);
}

fn jitter(attempt: u32) -> Duration {
    Duration::from_micros(fastrand::u64(500..5_000) * u64::from(attempt))
}
