//! A group of changes: one transaction, from the first read to the commit.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sea_query::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::domain::{
    ChangeSet, Event, JobId, LabelFile, Lease, MessageId, MessageText, Movement, ReadSet, Redelivery,
    Refusal, Rules, Snapshot, Timestamp, UnitOfWork,
};
use crate::store::connection::clock::StoreClock;
use crate::store::connection::error::StoreError;
use crate::store::connection::open::Pools;
use crate::store::connection::session::Session;
use crate::store::connection::statement::Ask;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::decision::{
    self, AMEND_ANSWERS, Decision, ERASED_ANSWER, IdempotencyKey, StoredAnswer,
};
use crate::store::rows::order::JobFields;
use crate::store::rows::parts::{label_file, message_text};
use crate::store::rows::projection::values;
use crate::store::rows::statements::Writes;
use crate::store::rows::writes;
use crate::store::rows::{stock, subscribers};
use crate::store::writer::before::{Before, Jobs};
use crate::store::writer::chance::fresh_ids;
use crate::store::writer::change::{Change, Effect, Outcome, RequestContext, RequestKey, RequestMode};
use crate::store::writer::counts::WriterCounts;
use crate::store::writer::loaded::LoadedGroup;
use crate::store::writer::outcome::{ChangeState, Freeing, GroupFailure, ShortOfStock, reply};
use crate::store::writer::queue::Queue;
use crate::store::writer::sequences::Unnumbered;
use crate::store::writer::wanted::Wanted;
use crate::traces;

/// The least time until a job that changed nothing runs again, so that an order which stays due does not keep a worker
/// busy.
const IDLE_JOB_AFTER: Duration = Duration::from_secs(5);

/// What the lanes of the writer share.
#[derive(Clone)]
pub(in crate::store) struct Writer {
    pub(in crate::store) pools: Pools,
    pub(in crate::store) queue: Arc<Queue>,
    pub(in crate::store) rules: Arc<Rules>,
    pub(in crate::store) clock: StoreClock,
    pub(in crate::store) bell: Arc<watch::Sender<u64>>,
    pub(in crate::store) order_cache: Arc<OrderCache>,
    pub(in crate::store) counts: WriterCounts,
    /// How many groups were committed, or ended without a change.
    pub(in crate::store) groups: Arc<AtomicU64>,
    /// The runtime of the callers, which answers them while the lane begins its next group.
    pub(in crate::store) callers: Handle,
}

impl Writer {
    /// One group in one transaction, from the first read to the commit. `committing` is set when the commit is sent: from
    /// then on a failure may have been committed. `freeing` says whether expired reservations may still be released for
    /// what comes out short; after that, short is short.
    pub(super) async fn transact(
        &self,
        db: &Session,
        group: &mut [Box<dyn Change>],
        states: &mut [ChangeState],
        committing: &AtomicBool,
        freeing: Freeing,
    ) -> Result<(), GroupFailure> {
        let mut wanted = Wanted::default();
        for change in group.iter() {
            wanted.add(change.reads(), &change.context().actor);
            if let Some((key, _, _)) = request_of(change.as_ref()) {
                wanted.add_key(key);
            }
        }
        let LoadedGroup { mut snapshot, jobs, answers } =
            wanted.lock(db, &self.order_cache, &self.clock).await?;
        snapshot.more_expired &= freeing == Freeing::Possible;
        replay(group, states, &answers);

        let now = self.clock.now();
        let before = self.decide(group, states, &mut snapshot, now);
        if !states.iter().any(|it| matches!(it, ChangeState::Accepted { .. })) {
            db.rollback().await?;
            return Ok(());
        }

        let mut unnumbered = Unnumbered::default();
        accepted(states).for_each(|it| unnumbered.add(it));
        let numbers = unnumbered.number(db).await?;
        accepted(states).for_each(|it| numbers.put_into(it, &mut snapshot));
        reply(group, states, &snapshot)?;
        // The queue hands such a change out alone, so nothing else is rolled back with it.
        if let [change] = group
            && change.context().effect == Effect::ValidateOnly
        {
            db.rollback().await?;
            states.fill_with(|| ChangeState::Validated);
            return Ok(());
        }
        let writes = self.writes(group, states, &snapshot, &before, (jobs, answers), now)?;
        committing.store(true, Ordering::Relaxed);
        let whose: Vec<_> = group.iter().map(|it| it.name()).collect();
        db.commit(writes, &whose).await?;
        Ok(())
    }

    /// Decides in order of arrival, each on what the accepted ones before it left.
    fn decide(
        &self,
        group: &mut [Box<dyn Change>],
        states: &mut [ChangeState],
        snapshot: &mut Snapshot,
        now: Timestamp,
    ) -> Before {
        let mut before = Before::default();
        // The first change of the group under each request id, with what it asks.
        let mut firsts: HashMap<IdempotencyKey, (usize, [u8; 32])> = HashMap::new();
        for (index, (change, state)) in group.iter_mut().zip(states).enumerate() {
            if !matches!(state, ChangeState::Open) {
                continue;
            }

            let claim = request_of(change.as_ref()).filter(|(_, mode, _)| matches!(mode, RequestMode::Claim));
            if let Some((key, _, fingerprint)) = &claim
                && let Some((first, content)) = firsts.get(key)
            {
                *state = if content == fingerprint {
                    ChangeState::Duplicate(*first)
                } else {
                    ChangeState::Refused(StoreError::RequestIdReused)
                };
                continue;
            }

            let deciding = traces::command(change.name(), change.origin());
            let (decided, not_loaded) = self.decide_one(change.as_mut(), snapshot, now);
            *state = match decided {
                // What was not loaded was taken for missing, so what was decided counts for nothing.
                _ if !not_loaded.is_empty() => ChangeState::Incomplete(Box::new(not_loaded)),
                Ok(changes) if snapshot.more_expired && begins_to_wait(snapshot, &changes) => {
                    // Its caller hears that only if the expired stock cannot be released.
                    ChangeState::ShortOfStock(StoreError::LostRace)
                }
                Ok(changes) => {
                    before.remember(snapshot, &changes);
                    snapshot.apply(&changes);
                    if let Some((key, _, fingerprint)) = claim {
                        firsts.insert(key, (index, fingerprint));
                    }
                    ChangeState::Accepted {
                        changes: Box::new(changes),
                        answer: None,
                        earlier_final_answer: None,
                    }
                }
                Err(error @ StoreError::Refused(Refusal::Short(_))) if snapshot.more_expired => {
                    ChangeState::ShortOfStock(error)
                }
                Err(error) => ChangeState::Refused(error),
            };
            deciding.ended(|| state.told());
        }
        before
    }

    /// The decision, and the keys that it read without their being loaded.
    fn decide_one(
        &self,
        change: &mut dyn Change,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> (Result<ChangeSet, StoreError>, ReadSet) {
        let lease = change.reads().lease;
        if let Some(lease) = lease
            && snapshot.leases.get(&lease.job) != Some(&lease.token)
        {
            return (Err(Refusal::LeaseLost(lease.job).into()), ReadSet::default());
        }

        let now = snapshot.time_for(change.reads(), now);
        let ids = fresh_ids(now);
        let RequestContext { actor, principal, .. } = change.context();
        let unit = UnitOfWork::new(snapshot, &self.rules, now, actor.clone(), ids);
        let mut unit = unit.named_by(principal.clone());
        let decided = catch_unwind(AssertUnwindSafe(|| change.decide(&mut unit)));
        let not_loaded = unit.not_loaded();
        let decided = match decided {
            Ok(Ok(())) => Ok(ChangeSet { lease, ..unit.changes }),
            Ok(Err(refusal)) => Err(refusal.into()),
            Err(_) => {
                tracing::error!(method = change.name(), "a decision panicked; it is refused");
                Err(StoreError::Internal("the decision could not be made".to_owned()))
            }
        };
        (decided, not_loaded)
    }

    /// Everything that the group writes.
    fn writes(
        &self,
        group: &[Box<dyn Change>],
        states: &mut [ChangeState],
        snapshot: &Snapshot,
        before: &Before,
        (loaded, mut answers): (Jobs, HashMap<IdempotencyKey, StoredAnswer>),
        now: Timestamp,
    ) -> Result<Vec<Ask>, StoreError> {
        let amended = amend(group, states, &mut answers);
        let mut movements: Vec<Movement> = Vec::new();
        let mut label_files: Vec<LabelFile> = Vec::new();
        let mut texts: Vec<(MessageId, MessageText)> = Vec::new();
        let mut redeliveries: Vec<Redelivery> = Vec::new();
        let mut leases: Vec<Lease> = Vec::new();
        let mut decisions = Vec::new();
        for (change, state) in group.iter().zip(states) {
            let ChangeState::Accepted { changes, answer, .. } = state else { continue };
            movements.append(&mut changes.movements);
            label_files.append(&mut changes.label_files);
            texts.append(&mut changes.message_texts);
            redeliveries.append(&mut changes.redeliveries);
            leases.extend(changes.lease.filter(|it| !leases.contains(it)));
            let claim = request_of(change.as_ref()).filter(|(_, mode, _)| matches!(mode, RequestMode::Claim));
            let key = claim.zip(answer.as_ref()).map(|((key, _, fingerprint), answer)| {
                (key, StoredAnswer { fingerprint, answer: Arc::clone(answer) })
            });
            let events: Vec<Event> = std::mem::take(&mut changes.events);
            let at = events.first().map_or(now, |it| it.at);
            let actor = change.context().actor.clone();
            decisions.push(Decision { at, actor, method: change.name(), events, key });
        }

        let mut writes = Writes::default();
        let jobs = self.jobs(before, snapshot, &loaded, &leases, now);
        before.save(&mut writes, snapshot, &jobs, self.order_cache.keys())?;
        save_idle_jobs(&mut writes, before, snapshot, &jobs, &leases);
        writes.put(&writes::ADD_MOVEMENTS, values(movements.iter().map(stock::movement_to_row).collect()));
        writes.put(&writes::ADD_CARRIER_LABELS, values(label_files.iter().map(label_file).collect()));
        let texts = texts.iter().map(message_text).collect::<Result<Vec<_>, _>>()?;
        writes.put(&writes::ADD_MESSAGE_TEXTS, values(texts));
        subscribers::add(&mut writes, &redeliveries);
        decision::add(&mut writes, decisions)?;
        // After what they may amend.
        writes.put(&AMEND_ANSWERS, amended);
        Ok(writes.into_asks())
    }

    /// When each order and each reservation of other callers that this group changed, or did the job of, needs a worker
    /// next. A job that was due and changed nothing is not due again at once.
    fn jobs(
        &self,
        before: &Before,
        snapshot: &Snapshot,
        loaded: &Jobs,
        leases: &[Lease],
        now: Timestamp,
    ) -> Jobs {
        let orders = before.orders.keys().map(|it| JobId(it.0));
        let reservations = before.reservations.keys().map(|it| JobId(it.0));
        let mut jobs = Jobs::new();
        for id in orders.chain(reservations).chain(leases.iter().map(|it| it.job)) {
            let run_at = if let Some(order) = snapshot.orders.get(&id.0.into()) {
                order.due_at(&self.rules)
            } else if let Some(reservation) = snapshot.reservations.get(&id.0.into()) {
                reservation.due_at()
            } else {
                continue;
            };
            let mut job = JobFields { run_at, ..loaded.get(&id).copied().unwrap_or_default() };
            if leases.iter().any(|it| it.job == id) {
                let changed = before.orders.contains_key(&id.0.into())
                    || before.reservations.contains_key(&id.0.into());
                let later = |it: Timestamp| if it <= now && !changed { now.plus(IDLE_JOB_AFTER) } else { it };
                job = JobFields { run_at: run_at.map(later), attempts: 0, lease_until: None, ..job };
            }
            jobs.insert(id, job);
        }
        jobs
    }
}

/// Jobs that are done and changed nothing else of their rows. Rows that changed are written with their jobs by
/// `Before::save`.
fn save_idle_jobs(writes: &mut Writes, before: &Before, snapshot: &Snapshot, jobs: &Jobs, leases: &[Lease]) {
    let (mut orders, mut reservations) = (Vec::new(), Vec::new());
    for Lease { job: id, .. } in leases {
        let Some(job) = jobs.get(id) else { continue };
        let row = vec![id.0.into(), job.run_at.into(), job.attempts.into(), job.lease_until.into()];
        let changed =
            before.orders.contains_key(&id.0.into()) || before.reservations.contains_key(&id.0.into());
        match snapshot.orders.get(&id.0.into()) {
            _ if changed => {}
            Some(_) => orders.push(row),
            None => reservations.push(row),
        }
    }
    writes.put(&writes::SET_ORDER_JOBS, orders);
    writes.put(&writes::SET_RESERVATION_JOBS, reservations);
}

/// Whether the changes let an order begin to wait for stock.
fn begins_to_wait(snapshot: &Snapshot, changes: &ChangeSet) -> bool {
    changes.orders.values().any(|it| {
        let waited = snapshot.orders.get(&it.id).is_some_and(|before| before.waits_for_stock());
        it.waits_for_stock() && !waited
    })
}

fn accepted(states: &mut [ChangeState]) -> impl Iterator<Item = &mut ChangeSet> {
    states.iter_mut().filter_map(|it| match it {
        ChangeState::Accepted { changes, .. } => Some(changes.as_mut()),
        ChangeState::Open
        | ChangeState::Validated
        | ChangeState::Duplicate(_)
        | ChangeState::Stored(_)
        | ChangeState::Refused(_)
        | ChangeState::ShortOfStock(_)
        | ChangeState::Incomplete(_) => None,
    })
}

pub(super) fn request_of(change: &dyn Change) -> Option<(IdempotencyKey, RequestMode, [u8; 32])> {
    let RequestKey { actor, method, id, fingerprint, mode } = change.context().request.as_ref()?;
    let key =
        IdempotencyKey { actor: actor.as_str().to_owned(), method: (*method).to_owned(), id: id.clone() };
    Some((key, *mode, *fingerprint))
}

/// Replaces answers that were not final, in order; a change that comes after a final answer gets that one.
fn amend(
    group: &[Box<dyn Change>],
    states: &mut [ChangeState],
    stored: &mut HashMap<IdempotencyKey, StoredAnswer>,
) -> Vec<Vec<Value>> {
    let mut amended = BTreeMap::new();
    for (change, state) in group.iter().zip(states) {
        let Some((key, RequestMode::Amend { is_final }, fingerprint)) = request_of(change.as_ref()) else {
            continue;
        };
        let ChangeState::Accepted { answer: Some(answer), earlier_final_answer, .. } = state else {
            continue;
        };
        match stored.get(&key) {
            Some(it) if it.fingerprint == fingerprint && is_final(&it.answer) => {
                *earlier_final_answer = Some(Arc::clone(&it.answer));
            }
            _ => {
                let later = StoredAnswer { fingerprint, answer: Arc::clone(answer) };
                stored.insert(key.clone(), later.clone());
                amended.insert(key, later);
            }
        }
    }
    let row = |(key, stored): (IdempotencyKey, StoredAnswer)| {
        let mut values = key.values();
        values.extend([stored.fingerprint.to_vec().into(), stored.answer.to_vec().into()]);
        values
    };
    amended.into_iter().map(row).collect()
}

/// Requests that were answered before are not decided again.
fn replay(
    group: &[Box<dyn Change>],
    states: &mut [ChangeState],
    used: &HashMap<IdempotencyKey, StoredAnswer>,
) {
    for (change, state) in group.iter().zip(states) {
        let Some((key, RequestMode::Claim, fingerprint)) = request_of(change.as_ref()) else { continue };
        let Some(kept) = used.get(&key) else { continue };
        *state = if *kept.answer == *ERASED_ANSWER {
            ChangeState::Refused(StoreError::AnswerErased)
        } else if kept.fingerprint == fingerprint {
            ChangeState::Stored(Arc::clone(&kept.answer))
        } else {
            ChangeState::Refused(StoreError::RequestIdReused)
        };
    }
}

/// Changes of a finished group that are to be decided again.
#[derive(Default)]
pub(super) struct Undecided {
    pub(super) short: Vec<ShortOfStock>,
    /// With the keys that were not loaded.
    pub(super) incomplete: Vec<(Box<dyn Change>, Box<ReadSet>)>,
}

/// A change that was alone in its group and still read keys that were not loaded. That is a mistake in its read set, on which
/// a test build stops, unless it says that further keys follow from what it reads. None: naming the keys does not help, so
/// the change is refused.
pub(super) fn with_missing_keys(mut change: Box<dyn Change>, keys: ReadSet) -> Option<Box<dyn Change>> {
    let method = change.name();
    if change.reads().further_reads == 0 && !keys.follows_from_exchanges() {
        tracing::error!(method, "a decision reads keys that it does not name");
        debug_assert!(false, "{method} reads keys that it does not name: {keys:?}");
    }
    let before = change.reads().clone();
    change.also_reads(keys);
    if *change.reads() != before {
        return Some(change);
    }
    change.answer(Outcome::No(StoreError::Internal(format!("{method} reads a key that cannot be loaded"))));
    None
}

/// Outcome of each change of a group.
pub(super) fn outcomes_of(states: &[ChangeState]) -> impl Iterator<Item = Outcome> {
    states.iter().map(|state| match state {
        ChangeState::Accepted { earlier_final_answer: None, .. } => Outcome::Done,
        ChangeState::Validated => Outcome::Validated,
        ChangeState::Accepted { earlier_final_answer: Some(answer), .. } | ChangeState::Stored(answer) => {
            Outcome::Stored(Arc::clone(answer))
        }
        ChangeState::Refused(error) | ChangeState::ShortOfStock(error) => Outcome::No(error.clone()),
        ChangeState::Duplicate(first) => match states.get(*first) {
            Some(ChangeState::Accepted { answer: Some(answer), .. }) => Outcome::Stored(Arc::clone(answer)),
            _ => Outcome::No(StoreError::Internal("a claimed change has no answer".to_owned())),
        },
        // Never answered: `Lane::finish` takes these out.
        ChangeState::Incomplete(_) => Outcome::No(StoreError::LostRace),
        ChangeState::Open => Outcome::No(StoreError::Internal("a change was not decided".to_owned())),
    })
}
