//! The loops that tell subscribers what happened to orders: each event at least once, and those of an order in their order.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::{Event, EventKind, OrderId, Timestamp, backoff};
use crate::outside::{Endpoint, Notice};
use crate::store::{Claimed, EventFilter, Retold, Store, StoreError, Told, Untold, Waiting};
use crate::work::jobs::spread;
use crate::work::stop_requested;

/// How long one worker may tell a subscriber before another takes over: a round, the call that is under way at its end,
/// and time to write down what came of it.
const LEASE: Duration = Duration::from_secs(30);

/// After this a round begins no further call.
const ROUND: Duration = Duration::from_secs(10);

/// How long a subscriber may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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

/// How long an event is told again and again before it is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// Without a ring, how long until the next look: other processes' commits do not ring here.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a look rests that the database did not answer.
const REST: Duration = Duration::from_secs(5);

/// A server that is told of events.
pub struct Subscriber {
    /// Its name in the settings, under which it is known what it has been told.
    pub name: String,
    pub endpoint: Endpoint,
    /// Of these kinds; none: of all.
    pub kinds: Vec<EventKind>,
}

/// Tells each of them, until the server stops. Those that are new hear of what happens from now on.
pub async fn tell(
    subscribers: Vec<Subscriber>,
    store: &Store,
    stop: &watch::Receiver<bool>,
    workers: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    for subscriber in subscribers {
        store.begin_subscriber(&subscriber.name).await?;
        workers.spawn(subscriber.follow(store.clone(), stop.clone()));
    }
    Ok(())
}

/// What is sent, as `docs/webhooks.md` describes it.
#[derive(Serialize)]
struct Body<'e> {
    r#type: &'e str,
    timestamp: String,
    data: Data<'e>,
}

/// The OrderEvent of the API, in the JSON of protobuf.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'e> {
    position: String,
    order_id: String,
    sequence: String,
    r#type: &'e str,
    summary: &'e str,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    from_state: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    to_state: &'e str,
    actor: &'e str,
    time: String,
}

/// The id is that of the event, so that who hears it twice knows.
fn notice(position: i64, event: &Event) -> Notice {
    let step = event.transition.as_ref();
    let data = Data {
        position: position.to_string(),
        order_id: event.order.to_string(),
        sequence: event.sequence.to_string(),
        r#type: event.kind.as_str(),
        summary: &event.text,
        subject_id: step.map(|it| it.subject_id()).unwrap_or_default(),
        from_state: step.map_or("", |it| &it.from),
        to_state: step.map_or("", |it| &it.to),
        actor: event.actor.as_str(),
        time: event.at.to_string(),
    };
    let body = Body { r#type: event.kind.as_str(), timestamp: event.at.to_string(), data };
    // Cannot fail: all of it is text.
    let body = serde_json::to_string(&body).unwrap_or_default();
    Notice { id: format!("evt_{position}"), body }
}

/// What came of the events of one order in a round.
#[derive(Default)]
struct OfOrder {
    taken: usize,
    untold: Vec<Untold>,
    refused: Option<String>,
}

impl Subscriber {
    async fn follow(self, store: Store, mut stop: watch::Receiver<bool>) {
        let mut commits = store.bell();
        loop {
            commits.mark_unchanged();
            let rest = match self.round(&store).await {
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
    async fn round(&self, store: &Store) -> Result<bool, StoreError> {
        if !store.has_news_for(&self.name).await? {
            return Ok(false);
        }
        let Some(claimed) = store.claim_subscriber(&self.name, LEASE).await? else { return Ok(false) };
        let end = Instant::now() + ROUND;

        let waiting = store.events_to_retell(&self.name, RETOLD_AT_ONCE).await?;
        let retold: Vec<Retold> = stream::iter(waiting)
            .map(|it| self.retell(store, it, end))
            .buffer_unordered(AT_ONCE)
            .filter_map(async |it| it)
            .collect()
            .await;

        let filter = EventFilter { kinds: self.kinds.clone(), ..EventFilter::default() };
        let page = store.events_after(claimed.position, &filter, PAGE).await?;
        let orders: HashSet<OrderId> = page.events.iter().map(|(_, it)| it.order).collect();
        let untold = store.orders_untold(&self.name, orders).await?;
        let mut by_order: BTreeMap<OrderId, Vec<(i64, Event)>> = BTreeMap::new();
        for (position, event) in page.events {
            by_order.entry(event.order).or_default().push((position, event));
        }
        let told: Vec<OfOrder> = stream::iter(by_order)
            .map(|(order, events)| self.tell_of(store, events, untold.contains(&order), end))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;

        let told = self.outcome(&claimed, page.position, retold, told, store.now());
        let goes_on = told.pause.is_none() && (told.position > claimed.position || !told.retold.is_empty());
        let stood = store.settle_subscriber(claimed, told).await?;
        if !stood {
            tracing::warn!(subscriber = %self.name, "another worker took over; some events are told twice");
        }
        Ok(stood && goes_on)
    }

    fn outcome(
        &self,
        claimed: &Claimed,
        position: i64,
        retold: Vec<Retold>,
        told: Vec<OfOrder>,
        now: Timestamp,
    ) -> Told {
        let took_some = told.iter().any(|it| it.taken > 0) || retold.iter().any(|it| it.failed.is_none());
        let refused = told.iter().find_map(|it| it.refused.clone()).filter(|_| !took_some);
        let pause = refused.map(|why| {
            let attempts = claimed.attempts.saturating_add(1);
            tracing::warn!(subscriber = %self.name, attempts, %why, "a subscriber takes no events");
            (now.plus(spread(backoff(attempts, PAUSE_MAX))), why)
        });
        if pause.is_some() && claimed.attempts < PUT_ASIDE_AFTER {
            return Told { position: claimed.position, untold: Vec::new(), retold, pause };
        }
        let untold = told.into_iter().flat_map(|it| it.untold).collect();
        Told { position, untold, retold, pause }
    }

    /// Tells the events of one order, up to the first that is not taken; the rest waits behind it.
    async fn tell_of(
        &self,
        store: &Store,
        events: Vec<(i64, Event)>,
        waits_already: bool,
        end: Instant,
    ) -> OfOrder {
        let mut outcome = OfOrder::default();
        let mut waits = waits_already;
        for (position, event) in events {
            let untold =
                |attempts, run_at, error| Untold { position, order: event.order, attempts, run_at, error };
            if waits || Instant::now() >= end {
                waits = true;
                let error = "an event before it was not taken yet".to_owned();
                outcome.untold.push(untold(0, store.now(), error));
                continue;
            }
            match self.call(&notice(position, &event), store.now()).await {
                Ok(()) => outcome.taken += 1,
                Err(why) => {
                    waits = true;
                    let again = store.now().plus(spread(backoff(1, PAUSE_MAX)));
                    outcome.untold.push(untold(1, again, why.clone()));
                    outcome.refused = Some(why);
                }
            }
        }
        outcome
    }

    /// Tells an event once more. None: there was no time, or it could not be read.
    async fn retell(&self, store: &Store, waiting: Waiting, end: Instant) -> Option<Retold> {
        let Waiting { position, order, attempts, since } = waiting;
        if Instant::now() >= end {
            return None;
        }
        let filter = EventFilter { order: Some(order), ..EventFilter::default() };
        let page = store.events_after(position - 1, &filter, 1).await.ok()?;
        let (_, event) = page.events.into_iter().find(|it| it.0 == position)?;
        let now = store.now();
        let failed = self.call(&notice(position, &event), now).await.err().map(|why| {
            if now >= since.plus(GIVEN_UP_AFTER) {
                tracing::error!(subscriber = %self.name, position, %why, "an event is given up");
                return (None, why);
            }
            (Some(now.plus(spread(backoff(attempts.saturating_add(1), PAUSE_MAX)))), why)
        });
        Some(Retold { position, failed })
    }

    async fn call(&self, notice: &Notice, now: Timestamp) -> Result<(), String> {
        let seconds = now.unix_micros() / 1_000_000;
        match timeout(ANSWER_WITHIN, self.endpoint.tell(notice, seconds)).await {
            Ok(taken) => taken.map_err(|it| it.to_string()),
            Err(_) => Err(format!("no answer within {} seconds", ANSWER_WITHIN.as_secs())),
        }
    }
}
