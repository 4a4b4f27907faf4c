//! A lane: takes a group from the queue, has it written, and tries again after lost races.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::domain::{Actor, FreeExpired, OrderState, Touch};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::writer::change::{Call, Change, Changed, Codec, Queued, RequestMode, View, Word};
use crate::store::writer::chore::{Chore, Outcome};
use crate::store::writer::group::{Undecided, Writer, reading_more, request_of, words_of};
use crate::store::writer::idempotency::{self as requests, Kept, Key};
use crate::store::writer::outcome::{Freeing, Starved, Trouble, Verdict, fail, refuse, refuse_late};
use crate::store::writer::queue::Batch;

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

    async fn try_chore(&mut self, chore: &Chore, ends: Instant) -> Result<Outcome, StoreError> {
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

fn jitter(attempt: u32) -> Duration {
    Duration::from_micros(fastrand::u64(500..5_000) * u64::from(attempt))
}
