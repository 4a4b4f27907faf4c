//! The loops that tell subscribers what happened to orders: each event at least once, and those of an order in their order.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::{Event, EventKind, OrderId, Timestamp, backoff};
use crate::outside::{CallOutcome, Called, EventReceiver, Notice, OutsideCalls};
use crate::store::{Claimed, EventFilter, Failed, Retold, Store, StoreError, Told, Untold, Waiting};
use crate::traces;
use crate::work::jobs::spread;
use crate::work::stop_requested;

/// How long one worker may tell a subscriber before another takes over: a round, the call that is under way at its end, of
/// ten seconds at most, and time to write down the outcome.
const LEASE: Duration = Duration::from_secs(30);

/// After this a round begins no further call.
const ROUND: Duration = Duration::from_secs(10);

/// Events of one round.
const PAGE: u64 = 64;

/// Events that are told again in one round.
const RETOLD_AT_ONCE: u64 = 32;

/// Calls at a time to one subscriber, each about another order.
const AT_ONCE: usize = 8;

/// After so many rounds in a row in which a subscriber took nothing, the events at which it stopped are put aside: it may be
/// they that it cannot take.
const PUT_ASIDE_AFTER: u32 = 5;

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// How long an event is told again and again, to a subscriber that takes others, before it is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// How often the outcome of a round is offered to a writer that has no room for it, and how long it rests in between.
const SETTLED_AT_MOST: u32 = 5;

const SETTLED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Without a ring, how long until the next look: other processes' commits do not ring here.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a look rests that the database did not answer.
const REST: Duration = Duration::from_secs(5);

/// Somebody who is told of events.
pub struct Subscriber {
    /// Its name in the settings, or the id of its subscription: under which it is known what it has been told.
    pub name: String,
    pub receiver: Arc<dyn EventReceiver>,
    /// Of these kinds; none: of all.
    pub kinds: Vec<EventKind>,
    /// How long it may take to answer; at most ten seconds.
    pub answer_within: Duration,
    /// Where calls of it are counted.
    pub calls: OutsideCalls,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Missed {
    error: String,
    /// HTTP status of the answer, if there was one.
    status: Option<u16>,
}

impl Missed {
    fn without_answer(error: String) -> Self {
        Self { error, status: None }
    }
}

/// The time for one look at what there is to tell.
struct Round<'a> {
    end: Instant,
    /// Raised when the server stops, and when the subscriber has another address or secret, or is told nothing any more.
    stop: &'a watch::Receiver<bool>,
}

impl Round<'_> {
    /// Whether no further call may begin.
    fn is_over(&self) -> bool {
        *self.stop.borrow() || Instant::now() >= self.end
    }
}

/// Outcome of the events of one order in a round.
#[derive(Default)]
struct OfOrder {
    taken: usize,
    untold: Vec<Untold>,
    refused: Option<String>,
}

impl Subscriber {
    pub(super) async fn follow(self, store: Store, mut stop: watch::Receiver<bool>) {
        let mut commits = store.bell();
        loop {
            commits.mark_unchanged();
            // Whatever else has happened: its place in the feed may be another loop's by now.
            if *stop.borrow() {
                return;
            }
            let rest = match self.round(&store, &stop).await {
                Ok(true) if *stop.borrow() => return,
                Ok(true) => continue,
                Ok(false) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(subscriber = %self.name, %error, "could not look for events to tell");
                    REST
                }
            };
            tokio::select! {
                () = stop_requested(&mut stop) => return,
                rung = commits.changed() => if rung.is_err() { sleep(rest).await },
                () = sleep(rest) => {}
            }
        }
    }

    /// Tells what there is to tell; whether there may be more.
    async fn round(&self, store: &Store, stop: &watch::Receiver<bool>) -> Result<bool, StoreError> {
        if !store.has_news_for(&self.name).await? {
            return Ok(false);
        }
        let Some(claimed) = store.claim_subscriber(&self.name, LEASE).await? else { return Ok(false) };
        let round = Round { end: Instant::now() + ROUND, stop };

        let waiting = store.events_to_retell(&self.name, RETOLD_AT_ONCE).await?;
        let retold: Vec<Retold> = stream::iter(waiting)
            .map(|it| self.retell(store, it, &round))
            .buffer_unordered(AT_ONCE)
            .filter_map(async |it| it)
            .collect()
            .await;
        // If retelling took the whole round, what is new waits for the next one.
        let room = if round.is_over() { 0 } else { PAGE };
        let (position, told, unread) = match self.tell_page(store, claimed.position, room, &round).await {
            Ok((position, told)) => (position, told, None),
            Err(error) => (claimed.position, Vec::new(), Some(error)),
        };

        let before = (claimed.position, claimed.attempts);
        let told = self.outcome(before, position, retold, told, store.now());
        let goes_on = told.pause.is_none() && (told.position > claimed.position || !told.retold.is_empty());
        let stood = settle(store, claimed, told).await?;
        if !stood {
            tracing::warn!(subscriber = %self.name, "another worker took over; some events are told twice");
        }
        match unread {
            Some(error) => Err(error),
            None => Ok(stood && goes_on),
        }
    }

    /// Tells the events after a position; up to which one, and how it went order by order.
    async fn tell_page(
        &self,
        store: &Store,
        after: i64,
        room: u64,
        round: &Round<'_>,
    ) -> Result<(i64, Vec<OfOrder>), StoreError> {
        let filter = EventFilter::of_kinds(&self.kinds);
        let page = store.events_after(after, &filter, room).await?;
        let orders: HashSet<OrderId> = page.events.iter().map(|(_, it)| it.order).collect();
        let untold = store.orders_untold(&self.name, orders).await?;
        let mut by_order: BTreeMap<OrderId, Vec<(i64, Event)>> = BTreeMap::new();
        for (position, event) in page.events {
            by_order.entry(event.order).or_default().push((position, event));
        }
        let told = stream::iter(by_order)
            .map(|(order, events)| self.tell_of(store, events, untold.contains(&order), round))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok((page.position, told))
    }

    /// While a subscriber takes nothing, its position stays, and none of its events is given up.
    fn outcome(
        &self,
        (position_before, attempts_before): (i64, u32),
        position: i64,
        mut retold: Vec<Retold>,
        told: Vec<OfOrder>,
        now: Timestamp,
    ) -> Told {
        let took_some = told.iter().any(|it| it.taken > 0) || retold.iter().any(|it| it.failed.is_none());
        let of_retold = retold.iter().find_map(|it| Some(it.failed.as_ref()?.error.clone()));
        let refused = told.iter().find_map(|it| it.refused.clone()).or(of_retold);
        let untold = told.into_iter().flat_map(|it| it.untold).collect();
        let Some(why) = refused.filter(|_| !took_some) else {
            for Retold { position, failed, .. } in &retold {
                if let Some(Failed { again: None, error, status: _ }) = failed {
                    tracing::error!(subscriber = %self.name, position, why = %error, "an event is given up");
                }
            }
            let attempts = if took_some { 0 } else { attempts_before };
            return Told { position, untold, retold, attempts, pause: None };
        };

        let attempts = attempts_before.saturating_add(1);
        let again = now.plus(spread(backoff(attempts, PAUSE_MAX)));
        tracing::warn!(subscriber = %self.name, attempts, %why, "a subscriber takes no events");
        for failed in retold.iter_mut().filter_map(|it| it.failed.as_mut()) {
            failed.again.get_or_insert(again);
        }
        let pause = Some((again, why));
        if attempts_before < PUT_ASIDE_AFTER {
            return Told { position: position_before, untold: Vec::new(), retold, attempts, pause };
        }
        Told { position, untold, retold, attempts, pause }
    }

    /// Tells the events of one order, up to the first that is not taken; the rest waits behind it.
    async fn tell_of(
        &self,
        store: &Store,
        events: Vec<(i64, Event)>,
        waits_already: bool,
        round: &Round<'_>,
    ) -> OfOrder {
        let mut outcome = OfOrder::default();
        let mut waits = waits_already;
        for (position, event) in events {
            let untold = |attempts, run_at, Missed { error, status }: Missed| Untold {
                position,
                order: event.order,
                attempts,
                run_at,
                error,
                status,
            };
            if waits || round.is_over() {
                let (run_at, why) = match waits {
                    true => (None, "an event before it was not taken yet"),
                    false => (Some(store.now()), "there was no time for it yet"),
                };
                waits = true;
                outcome.untold.push(untold(0, run_at, Missed::without_answer(why.to_owned())));
                continue;
            }
            match self.call(&Notice::new(position, &event), store.now()).await {
                Ok(()) => outcome.taken += 1,
                Err(missed) => {
                    waits = true;
                    let again = store.now().plus(spread(backoff(1, PAUSE_MAX)));
                    outcome.refused = Some(missed.error.clone());
                    outcome.untold.push(untold(1, Some(again), missed));
                }
            }
        }
        outcome
    }

    /// Tells an event once more. None: there was no time for it.
    async fn retell(&self, store: &Store, waiting: Waiting, round: &Round<'_>) -> Option<Retold> {
        let Waiting { position, order, attempts, since } = waiting;
        if round.is_over() {
            return None;
        }
        let now = store.now();
        let missed = match event_at(store, position, order).await {
            Ok(event) => self.call(&Notice::new(position, &event), now).await.err(),
            Err(error) => {
                tracing::warn!(subscriber = %self.name, position, %error, "an event to tell again cannot be read");
                Some(Missed::without_answer(error))
            }
        };
        let is_overdue = attempts > 0 && now >= since.plus(GIVEN_UP_AFTER);
        let again = now.plus(spread(backoff(attempts.saturating_add(1), PAUSE_MAX)));
        let again = (!is_overdue).then_some(again);
        let failed = missed.map(|Missed { error, status }| Failed { again, error, status });
        Some(Retold { position, order, since, failed })
    }

    async fn call(&self, notice: &Notice, now: Timestamp) -> Result<(), Missed> {
        let seconds = now.unix_micros() / 1_000_000;
        let began = Instant::now();
        let telling = traces::outside(self.receiver.tell(notice, seconds), "subscribers");
        let (taken, outcome) = match timeout(self.answer_within, telling).await {
            Ok(Ok(())) => (Ok(()), CallOutcome::Done),
            Ok(Err(why)) => {
                let outcome = if why.is_refusal() { CallOutcome::Refused } else { CallOutcome::Unanswered };
                (Err(Missed { error: why.to_string(), status: why.status() }), outcome)
            }
            Err(_) => {
                let error = format!("no answer within {} seconds", self.answer_within.as_secs());
                (Err(Missed::without_answer(error)), CallOutcome::Unanswered)
            }
        };
        self.calls.ended(Called::Subscribers, outcome, began.elapsed());
        taken
    }
}

/// The event at a position, or why there is none.
async fn event_at(store: &Store, position: i64, order: OrderId) -> Result<Event, String> {
    let filter = EventFilter::of_order(order).within(position..=position);
    let page = store.events_after(position - 1, &filter, 1).await.map_err(|it| it.to_string())?;
    let found = page.events.into_iter().find(|it| it.0 == position);
    found.map(|it| it.1).ok_or_else(|| format!("there is no event {position}"))
}

/// Writes down the outcome of a round: what was taken is not told again because the writer was busy.
async fn settle(store: &Store, claimed: Claimed, told: Told) -> Result<bool, StoreError> {
    let mut tries = 1;
    loop {
        match store.settle_subscriber(claimed.clone(), told.clone()).await {
            Err(_) if tries < SETTLED_AT_MOST => tries += 1,
            outcome => return outcome,
        }
        sleep(SETTLED_AGAIN_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::Endpoint;

    const NOW: Timestamp = Timestamp::from_unix_micros(1_000_000);

    fn subscriber() -> Subscriber {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let endpoint = Endpoint::new("https://shop.example.com/", vec![key], false).expect("an address");
        let answer_within = Duration::from_secs(10);
        Subscriber {
            name: "shop".to_owned(),
            receiver: Arc::new(endpoint),
            kinds: Vec::new(),
            answer_within,
            calls: OutsideCalls::default(),
        }
    }

    fn refused(position: i64) -> OfOrder {
        let order = OrderId(uuid::Uuid::nil());
        let error = "it answered 503".to_owned();
        let error_again = error.clone();
        let untold =
            Untold { position, order, attempts: 1, run_at: Some(NOW), error: error_again, status: Some(503) };
        OfOrder { taken: 0, untold: vec![untold], refused: Some(error) }
    }

    fn retold(position: i64, again: Option<Timestamp>) -> Retold {
        let failed = Failed { again, error: "no answer".to_owned(), status: None };
        Retold { failed: Some(failed), ..taken(position) }
    }

    fn taken(position: i64) -> Retold {
        Retold { position, order: OrderId(uuid::Uuid::nil()), since: NOW, failed: None }
    }

    #[test]
    fn one_that_takes_nothing_is_left_alone_and_misses_nothing() {
        let told = subscriber().outcome((7, 0), 9, Vec::new(), vec![refused(8)], NOW);
        assert_eq!((told.position, told.attempts, told.untold.len()), (7, 1, 0));
        assert!(told.pause.is_some_and(|it| it.0 > NOW));
    }

    #[test]
    fn events_at_which_it_stopped_too_often_are_put_aside() {
        let told = subscriber().outcome((7, PUT_ASIDE_AFTER), 9, Vec::new(), vec![refused(8)], NOW);
        assert_eq!((told.position, told.untold.len()), (9, 1));
        assert!(told.pause.is_some());
    }

    #[test]
    fn an_event_is_given_up_only_by_one_that_takes_others() {
        let told = subscriber().outcome((7, 6), 7, vec![retold(3, None)], Vec::new(), NOW);
        let failed = told.retold[0].failed.as_ref().expect("not taken");
        assert!(failed.again.is_some_and(|it| it > NOW) && told.pause.is_some(), "{told:?}");
        assert_eq!(told.attempts, 7);

        let told = subscriber().outcome((7, 6), 7, vec![retold(3, None), taken(4)], Vec::new(), NOW);
        assert_eq!(told.retold[0].failed.as_ref().map(|it| it.again), Some(None));
        assert_eq!((told.attempts, told.pause), (0, None));
    }

    #[test]
    fn a_round_in_which_nothing_was_told_changes_no_count() {
        let told = subscriber().outcome((7, 3), 7, Vec::new(), Vec::new(), NOW);
        assert_eq!((told.position, told.attempts, told.pause), (7, 3, None));
    }
}
