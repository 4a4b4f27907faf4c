//! A group of changes: one transaction, from the first read to the commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{
    Changes, Desk, Event, Ids, JobId, Lease, Movement, OrderState, Refusal, Rules, Timestamp, Touch, World,
};
use crate::store::connection::clock::StoreClock;
use crate::store::connection::error::StoreError;
use crate::store::connection::open::Pools;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::Recent;
use crate::store::rows::job::{self, Jobs};
use crate::store::rows::read::Lock;
use crate::store::rows::write::Writes;
use crate::store::rows::{event, stock};
use crate::store::writer::before::Before;
use crate::store::writer::change::{Change, RequestKey, RequestMode, Word};
use crate::store::writer::idempotency::{self as requests, Kept, Key};
use crate::store::writer::job::JobKind;
use crate::store::writer::load::Wanted;
use crate::store::writer::outcome::{Freeing, Starved, Trouble, Verdict, reply};
use crate::store::writer::queue::Queue;
use crate::store::writer::sequences::Unnumbered;

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

impl Writer {
    /// One group in one transaction, from claiming its request ids to the commit.
    pub(super) async fn transact(
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
        stock::append_movements(&mut writes, &movements);
        event::append_events(&mut writes, numbers.first_position, &events);

        let mut jobs = self.jobs(&before, &world, &leases);
        let completed = completed(&leases, &mut jobs, &before, now);
        job::complete_jobs(&mut writes, &completed, now);
        job::save_jobs(&mut writes, &jobs);
        let (kept, unused) = claims_after(group, verdicts);
        requests::release(&mut writes, db.backend(), &unused);
        requests::keep(&mut writes, db.backend(), &kept, now);
        requests::amend(&mut writes, &amended);
        Ok(writes.send(db).await?)
    }

    /// When each order and each other caller's reservation that was changed or looked after needs a worker next. The
    /// archived have left with their jobs.
    pub(super) fn jobs(&self, before: &Before, world: &World, leases: &[Lease]) -> Jobs {
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

pub(super) fn request_of(change: &dyn Change) -> Option<(Key, RequestMode, [u8; 32])> {
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

/// Changes of a finished group that are to be decided again.
#[derive(Default)]
pub(super) struct Undecided {
    pub(super) starved: Vec<Starved>,
    /// With the keys that were not loaded.
    pub(super) incomplete: Vec<(Box<dyn Change>, Box<Touch>)>,
}

/// A change that was alone in its group and still read keys that nobody had loaded: what it says it reads is wrong,
/// which a test build does not let pass.
pub(super) fn reading_more(mut change: Box<dyn Change>, keys: Touch) -> Box<dyn Change> {
    let method = change.name();
    tracing::error!(method, "a decision reads keys that it does not name");
    debug_assert!(false, "{method} reads keys that it does not name: {keys:?}");
    change.also_reads(keys);
    change
}

/// What each change of a group hears.
pub(super) fn words_of(verdicts: &[Verdict]) -> impl Iterator<Item = Word> {
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
