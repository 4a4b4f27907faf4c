//! A lane of the writer: takes a group from the queue, runs its transaction, and retries after lost races.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::domain::{Actor, ReadSet, ReleaseExpired};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::decision::{FIND_ANSWERS, IdempotencyKey, StoredAnswer};
use crate::store::writer::change::{
    Change, Changed, Codec, Effect, Outcome, Queued, RequestContext, RequestMode, View,
};
use crate::store::writer::chore::{Chore, ChoreResult};
use crate::store::writer::group::{Undecided, Writer, outcomes_of, request_of, with_missing_keys};
use crate::store::writer::outcome::{
    ChangeState, Freeing, GroupFailure, ShortOfStock, fail, refuse, refuse_late,
};
use crate::store::writer::queue::Batch;
use crate::traces;

/// How long a group may take, repetitions included; then its connection is thrown away.
const GROUP_WITHIN: Duration = Duration::from_secs(10);

/// How long a group and all that is decided again or alone because of it may take together.
const ALL_WITHIN: Duration = Duration::from_secs(20);

/// How often a group is repeated that lost a race, within GROUP_WITHIN. As PostgreSQL is set up usually, groups wait for each
/// other's rows, and hardly one is repeated; where every transaction is SERIALIZABLE, all but one of those that meet are.
const REPEATS_MAX: u32 = 60;

/// From this repeat on the pause before the next one does not grow any more.
const JITTER_GROWS_UNTIL: u32 = 8;

/// How often a group is repeated because a row with its key existed already, beside REPEATS_MAX; then it is a fault.
const DUPLICATES_MAX: u32 = 2;

/// How often expired reservations are released for one group before changes that are still short are refused as
/// retryable.
const FREEING_ROUNDS_MAX: u32 = 8;

/// How often a chore is repeated.
const CHORE_REPEATS_MAX: u32 = 20;

/// How long the writer tries to learn the outcome of a group whose COMMIT was not answered.
const FIND_OUT_WITHIN: Duration = Duration::from_secs(5);

impl Writer {
    /// Serves the queue until it is closed and empty.
    pub(in crate::store) async fn run(self) {
        let mut lane = Lane { writer: self, session: None };
        while let Some(batch) = lane.writer.queue.take().await {
            match batch {
                Batch::Group(group) => lane.serve(group, Instant::now() + ALL_WITHIN).await,
                Batch::Chore(chore) => lane.run_chore(chore).await,
            }
        }
    }
}

struct Lane {
    writer: Writer,
    /// None: to be connected when next needed.
    session: Option<Session>,
}

/// Whether a change had its group to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    InGroup,
}

impl Lane {
    /// Decides changes again that read keys which were not loaded. Those that expect this (further_reads) get the keys and
    /// share a group. Any other runs alone as it is; only one that was alone already gets the keys, as its read set is wrong
    /// then, or orders made in exchange (returns) led to more.
    async fn serve_incomplete(
        &mut self,
        incomplete: Vec<(Box<dyn Change>, Box<ReadSet>)>,
        company: Company,
        last: Instant,
    ) {
        let mut following = Vec::new();
        for (change, keys) in incomplete {
            if change.reads().further_reads > 0 {
                following.extend(with_missing_keys(change, *keys));
                continue;
            }
            let again = match company {
                Company::Alone => with_missing_keys(change, *keys),
                Company::InGroup => Some(change),
            };
            if let Some(again) = again {
                Box::pin(self.serve(vec![again], last)).await;
            }
        }
        if !following.is_empty() {
            Box::pin(self.serve(following, last)).await;
        }
    }

    /// Serves a group by `last`, with those of its changes that have to be decided again or alone.
    async fn serve(&mut self, mut group: Vec<Box<dyn Change>>, last: Instant) {
        let ends = last.min(Instant::now() + GROUP_WITHIN);
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
            if Instant::now() >= last {
                return refuse(group, &too_slow());
            }

            let mut states: Vec<_> = group.iter().map(|_| ChangeState::Open).collect();
            match self.attempt(&mut group, &mut states, ends, freeing).await {
                Ok(()) => {
                    let company = if group.len() == 1 { Company::Alone } else { Company::InGroup };
                    let Undecided { short, incomplete } = self.finish(group, states);
                    self.serve_incomplete(incomplete, company, last).await;
                    if short.is_empty() {
                        return;
                    }
                    // Other groups wait behind this one: a change that needs more rounds is refused as retryable.
                    rounds += 1;
                    let further = match rounds < FREEING_ROUNDS_MAX && Instant::now() < ends {
                        true => Freeing::Possible,
                        false => Freeing::Done,
                    };
                    (group, freeing) = self.release_expired(short, further, last).await;
                }
                Err(GroupFailure::Race) if races < REPEATS_MAX && Instant::now() < ends => {
                    races += 1;
                    self.writer.counts.races.inc();
                    sleep(jitter(races)).await;
                }
                Err(GroupFailure::Race) => return refuse(group, &StoreError::LostRace),
                Err(GroupFailure::Duplicate(_)) if duplicates < DUPLICATES_MAX && Instant::now() < ends => {
                    duplicates += 1;
                    sleep(jitter(duplicates)).await;
                }
                Err(GroupFailure::Severed { stale: true, .. }) if !reconnected && Instant::now() < ends => {
                    reconnected = true;
                }
                Err(GroupFailure::Severed { error, .. }) => return refuse(group, &error),
                Err(GroupFailure::Unknown) => return self.find_out(group, states).await,
                Err(GroupFailure::Panicked(index)) => {
                    tracing::error!("a reply panicked; its change is refused");
                    let error = StoreError::Internal("the reply could not be made".to_owned());
                    group.remove(index).answer(Outcome::No(error));
                }
                Err(GroupFailure::TooLarge(changes)) => {
                    // From the back, so that the indexes before stay right.
                    for (index, refusal) in changes.into_iter().rev() {
                        group.remove(index).answer(Outcome::No(refusal.into()));
                    }
                }
                Err(GroupFailure::Fault(StoreError::StorageFull)) => {
                    return refuse(group, &StoreError::StorageFull);
                }
                // One change is at fault: each runs alone, so that only that one fails.
                Err(GroupFailure::Fault(_) | GroupFailure::Duplicate(_)) if group.len() > 1 => {
                    for change in group {
                        Box::pin(self.serve(vec![change], last)).await;
                    }
                    return;
                }
                Err(GroupFailure::Duplicate(what)) => {
                    return fail(
                        group,
                        &StoreError::Internal(format!("a row with the same key exists: {what}")),
                    );
                }
                // It reads an order that is sealed under a key that is not here.
                Err(GroupFailure::Fault(error @ StoreError::Refused(_))) => return refuse(group, &error),
                Err(GroupFailure::Fault(error)) => return fail(group, &error),
            }
        }
    }

    /// A connection of its own, if the database gives one by then.
    async fn connect(&self, ends: Instant) -> Result<Session, StoreError> {
        let connecting = self.writer.pools.writer(&self.writer.counts.messages);
        timeout_at(ends, connecting).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn attempt(
        &mut self,
        group: &mut [Box<dyn Change>],
        states: &mut [ChangeState],
        ends: Instant,
        freeing: Freeing,
    ) -> Result<(), GroupFailure> {
        let kept = self.session.take();
        let stale = kept.is_some();
        let mut session = match kept {
            Some(session) => session,
            None => self.connect(ends).await?,
        };

        let committing = AtomicBool::new(false);
        let changes = states.len();
        let transacting = self.writer.transact(&session, group, states, &committing, freeing);
        let transacting = traces::group(transacting, changes);
        let began = Instant::now();
        let ended = timeout_at(ends, transacting).await;
        // While the connection lives, an error is the database's word that nothing was committed.
        let is_silent = ended.is_err() || session.is_closed();
        let is_unknown = committing.into_inner() && is_silent;
        let failure = match ended {
            Ok(Ok(())) => {
                self.writer.counts.group(states.len(), began.elapsed());
                self.session = Some(session);
                return Ok(());
            }
            Ok(Err(GroupFailure::Severed { error, .. })) => GroupFailure::Severed { error, stale },
            // An existing key comes as a lost race too (Session::heard); the key says that it was not one.
            Ok(Err(GroupFailure::Race)) => match session.take_existing_key() {
                Some(key) => GroupFailure::Duplicate(key),
                None => GroupFailure::Race,
            },
            Ok(Err(failure)) => failure,
            Err(_) => GroupFailure::Severed { error: too_slow(), stale: false },
        };

        if matches!(failure, GroupFailure::Severed { .. }) {
            session.discard();
            return Err(if is_unknown { GroupFailure::Unknown } else { failure });
        }
        match session.rollback().await {
            Ok(()) => self.session = Some(session),
            Err(_) => session.discard(),
        }
        Err(failure)
    }

    /// After the commit: every caller gets its answer, and followers of the events are woken. Returns the changes that
    /// are to be decided again.
    fn finish(&mut self, group: Vec<Box<dyn Change>>, states: Vec<ChangeState>) -> Undecided {
        self.writer.groups.fetch_add(1, Ordering::Relaxed);
        let mut rings = false;
        for state in &states {
            let ChangeState::Accepted { changes, .. } = state else { continue };
            rings = true;
            changes.orders.values().for_each(|it| self.writer.order_cache.keep(it));
        }

        let (mut undecided, mut outcomes) = (Undecided::default(), Vec::new());
        for ((change, state), outcome) in group.into_iter().zip(&states).zip(outcomes_of(&states)) {
            match state {
                ChangeState::ShortOfStock(error) => undecided.short.push((change, error.clone())),
                ChangeState::Incomplete(keys) => undecided.incomplete.push((change, keys.clone())),
                _ => outcomes.push((change, outcome)),
            }
        }
        // In the background: the next group does not wait until every caller has its answer and the changes are
        // dropped.
        self.writer.callers.spawn(async move {
            outcomes.into_iter().for_each(|(change, outcome)| change.answer(outcome));
            drop(states);
        });
        if rings {
            self.writer.bell.send_modify(|it| *it += 1);
        }
        undecided
    }

    /// Releases the oldest expired reservations of the stock that these changes lack, in a group of its own, so that
    /// one transaction stays bounded however many have expired. Returns the changes to decide again, and whether more
    /// may be released for them.
    async fn release_expired(
        &mut self,
        short: Vec<ShortOfStock>,
        further: Freeing,
        last: Instant,
    ) -> (Vec<Box<dyn Change>>, Freeing) {
        let mut reads = ReadSet::default();
        for (change, _) in &short {
            let ReadSet { skus, orders, parts, reserves, .. } = change.reads();
            reads.skus.extend(skus.iter().cloned());
            if *reserves {
                reads.orders.extend(orders);
                reads.parts.extend(parts.iter().cloned());
                reads.reserves = true;
            }
        }

        let context = RequestContext {
            actor: Actor::system(),
            principal: None,
            request: None,
            deadline: None,
            effect: Effect::Commit,
        };
        let reply = |freed: &bool, _: &View<'_>| *freed;
        let (caller, answer) = oneshot::channel();
        let queued = Queued::new(context, ReleaseExpired { short: reads }, reply, Codec::unkept(), caller);
        Box::pin(self.serve(vec![Box::new(queued)], last)).await;

        let again = |short: Vec<ShortOfStock>| short.into_iter().map(|it| it.0).collect();
        let freed = answer.await.map(|it| it.map(Changed::into_answer));
        let error = match freed {
            Ok(Ok(true)) if further == Freeing::Possible => return (again(short), Freeing::Possible),
            // The expired reservations had other stock.
            Ok(Ok(false)) => return (again(short), Freeing::Done),
            // Whether the stock suffices is not known yet.
            Ok(Ok(true)) | Err(_) => StoreError::LostRace,
            Ok(Err(error)) => error,
        };
        for (change, _) in short {
            change.answer(Outcome::No(error.clone()));
        }
        (Vec::new(), Freeing::Done)
    }

    /// COMMIT was not answered. A group is committed whole or not at all, so one stored request id proves all of it;
    /// without request ids the outcome stays unknown.
    async fn find_out(&mut self, group: Vec<Box<dyn Change>>, states: Vec<ChangeState>) {
        let mut ours = HashMap::new();
        for (change, state) in group.iter().zip(&states) {
            if let (Some((key, RequestMode::Claim, _)), ChangeState::Accepted { answer: Some(answer), .. }) =
                (request_of(change.as_ref()), state)
            {
                ours.insert(key, Arc::clone(answer));
            }
        }

        let found = self.look_up(ours.keys().cloned().collect()).await;
        let is_there = |(key, answer): (&IdempotencyKey, &Arc<[u8]>)| {
            found.get(key).is_some_and(|it| it.answer == *answer)
        };
        if !ours.is_empty() && ours.iter().all(is_there) {
            let Undecided { short, incomplete } = self.finish(group, states);
            // None of these is decided: expired stock was not released for them, or keys were not loaded.
            let short = short.into_iter().map(|it| it.0);
            let undecided = short.chain(incomplete.into_iter().map(|it| it.0));
            undecided.for_each(|change| change.answer(Outcome::No(StoreError::LostRace)));
            return;
        }
        let error =
            StoreError::Unavailable("the outcome is unknown; ask again with the same request id".to_owned());
        refuse(group, &error);
    }

    async fn look_up(&mut self, keys: Vec<IdempotencyKey>) -> HashMap<IdempotencyKey, StoredAnswer> {
        let ends = Instant::now() + FIND_OUT_WITHIN;
        while !keys.is_empty() && Instant::now() < ends {
            let looking = async {
                let session = self.writer.pools.writer(&self.writer.counts.messages).await?;
                let keys = keys.iter().map(IdempotencyKey::values).collect();
                let found = session.exchange(vec![FIND_ANSWERS.about(keys)]).await?;
                let found = found.iter().flatten().map(IdempotencyKey::read).collect::<Result<_, _>>()?;
                Ok::<_, StoreError>((session, found))
            };
            match timeout_at(ends, looking).await {
                Ok(Ok((session, found))) => {
                    self.session = Some(session);
                    return found;
                }
                // The longest pause after a lost race; nothing is counted here.
                Ok(Err(_)) => sleep(jitter(JITTER_GROWS_UNTIL)).await,
                Err(_) => break,
            }
        }
        HashMap::new()
    }

    async fn run_chore(&mut self, chore: Chore) {
        let ends = Instant::now() + GROUP_WITHIN;
        let mut repeats = 0;
        loop {
            let result = self.try_chore(&chore, ends).await;
            repeats += 1;
            match result {
                Err(StoreError::LostRace | StoreError::Unavailable(_))
                    if repeats <= CHORE_REPEATS_MAX && Instant::now() < ends =>
                {
                    sleep(jitter(repeats)).await;
                }
                result => return chore.answer(result),
            }
        }
    }

    async fn try_chore(&mut self, chore: &Chore, ends: Instant) -> Result<ChoreResult, StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.connect(ends).await?,
        };

        let ended = timeout_at(ends, chore.run(&session, &self.writer.clock)).await;
        let result = ended.unwrap_or_else(|_| Err(too_slow()));
        // Nothing to roll back if the chore has committed.
        if matches!(result, Err(StoreError::Unavailable(_))) || session.rollback().await.is_err() {
            session.discard();
        } else {
            self.session = Some(session);
        }
        result
    }
}

fn jitter(attempt: u32) -> Duration {
    Duration::from_micros(fastrand::u64(500..5_000) * u64::from(attempt.min(JITTER_GROWS_UNTIL)))
}

fn too_slow() -> StoreError {
    StoreError::Unavailable("the database took too long".to_owned())
}
