//! Who is told of events: the subscribers of the settings, and those that calls made, which every process knows and tells
//! while they are enabled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::domain::{EventKind, EventSubscription, Invalid, SigningSecret, SubscriptionState};
use crate::outside::{Endpoint, EventKey, EventReceiver, OutsideCalls};
use crate::store::{LiveSubscriptions, Store, StoreError};
use crate::work::publish::Subscriber;
use crate::work::{App, stop_requested};

/// How often other processes' changes are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a subscriber that a call made may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Random bytes of a secret: as many as the hash that it signs with has.
const SECRET_BYTES: usize = 32;

/// What people may know of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSubscriber {
    /// Where it is called.
    pub address: String,
    /// None: of all kinds.
    pub kinds: Vec<EventKind>,
}

/// The subscribers that this process knows. Cheap to clone.
#[derive(Clone, Default)]
pub struct KnownSubscribers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    of_settings: BTreeMap<String, KnownSubscriber>,
    /// Whether those that calls made may be in a network that only this server reaches.
    allows_private: bool,
    calls: OutsideCalls,
    live: RwLock<Arc<Vec<EventSubscription>>>,
    /// The number of changes that are known; held while they are read, so that nothing older is put in their place.
    changes: Mutex<i64>,
    changed: Notify,
    /// How many changes those that are told right now go by.
    told_by: watch::Sender<i64>,
}

/// A subscriber that is being told, as it was when its loop began.
struct Told {
    version: i64,
    /// How many secrets sign: the one before ends by itself.
    secrets: usize,
    stop: watch::Sender<bool>,
    running: AbortHandle,
}

/// Tells those that the settings name, and those that calls made, until the server stops. Those that are new hear of what
/// happens from now on.
pub async fn tell(
    subscribers: Vec<Subscriber>,
    app: &App,
    stop: &watch::Receiver<bool>,
    workers: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    let (store, known) = (&app.store, &app.subscribers);
    for subscriber in subscribers {
        store.begin_subscriber(&subscriber.name).await?;
        workers.spawn(subscriber.follow(store.clone(), stop.clone()));
    }
    known.read_again(store).await?;
    workers.spawn(known.clone().follow(store.clone(), stop.clone()));
    Ok(())
}

/// A new secret; None: the operating system gives no random numbers.
pub fn new_secret() -> Option<SigningSecret> {
    let mut random = [0; SECRET_BYTES];
    ring::default_provider().secure_random.fill(&mut random).ok()?;
    Some(SigningSecret::new(format!("whsec_{}", STANDARD.encode(random))))
}

impl KnownSubscribers {
    pub fn new(
        of_settings: BTreeMap<String, KnownSubscriber>,
        allows_private: bool,
        calls: OutsideCalls,
    ) -> Self {
        Self(Arc::new(Inner { of_settings, allows_private, calls, ..Inner::default() }))
    }

    /// None: nobody of this name is told of events, now or once it is enabled.
    pub fn get(&self, name: &str) -> Option<KnownSubscriber> {
        if let Some(known) = self.0.of_settings.get(name) {
            return Some(known.clone());
        }
        let live = self.live();
        let found = live.iter().find(|it| it.id.to_string() == name)?;
        let address = self.endpoint(&found.url, Vec::new()).map(|it| it.address()).unwrap_or_default();
        Some(KnownSubscriber { address, kinds: found.kinds.clone() })
    }

    /// The names of those that are told of events now, in their order.
    pub fn told_now(&self) -> Vec<String> {
        let live = self.live();
        let enabled = live.iter().filter(|it| it.state == SubscriptionState::Enabled);
        let of_calls = enabled.map(|it| it.id.to_string());
        let names: BTreeSet<String> = self.0.of_settings.keys().cloned().chain(of_calls).collect();
        names.into_iter().collect()
    }

    /// Whether a subscriber may be there.
    pub fn check_url(&self, url: &str) -> Result<(), Invalid> {
        self.endpoint(url, Vec::new()).map(drop)
    }

    /// Knows what the database names now.
    pub async fn read_again(&self, store: &Store) -> Result<(), StoreError> {
        let mut known = self.0.changes.lock().await;
        let LiveSubscriptions { changes, subscriptions } = store.live_subscriptions().await?;
        if changes != *known {
            *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(subscriptions);
            *known = changes;
            self.0.changed.notify_one();
        }
        Ok(())
    }

    /// The same, and waits until they are told by that here; not for ever.
    pub async fn know(&self, store: &Store) -> Result<(), StoreError> {
        self.read_again(store).await?;
        let changes = *self.0.changes.lock().await;
        let mut told_by = self.0.told_by.subscribe();
        let _ = timeout(LOOK_EVERY, told_by.wait_for(|it| *it >= changes)).await;
        Ok(())
    }

    /// Tells those that calls made, and follows the changes of every process, until the server stops.
    async fn follow(self, store: Store, mut stop: watch::Receiver<bool>) {
        let (mut told, mut loops) = (BTreeMap::new(), JoinSet::new());
        let mut reads = true;
        loop {
            let looked = self.look(&store).await;
            if let (Err(error), true) = (&looked, reads) {
                tracing::warn!(%error, "changes of subscriptions cannot be looked for; those that were known are told");
            }
            reads = looked.is_ok();
            let changes = *self.0.changes.lock().await;
            self.begin_and_end(&store, &mut told, &mut loops);
            self.0.told_by.send_replace(changes);
            tokio::select! {
                () = stop_requested(&mut stop) => break,
                () = self.0.changed.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
        told.values().for_each(Told::end);
        while loops.join_next().await.is_some() {}
    }

    async fn look(&self, store: &Store) -> Result<(), StoreError> {
        if store.subscription_changes().await? == *self.0.changes.lock().await {
            return Ok(());
        }
        self.read_again(store).await
    }

    /// Ends the loops of those that changed or are told no more, and begins those of the others. A loop ends after its round;
    /// the one that follows it waits for that, as for another process.
    fn begin_and_end(&self, store: &Store, told: &mut BTreeMap<String, Told>, loops: &mut JoinSet<()>) {
        while loops.try_join_next().is_some() {}
        let live = self.live();
        let enabled = live.iter().filter(|it| it.state == SubscriptionState::Enabled);
        let mut wanted: BTreeMap<String, &EventSubscription> =
            enabled.map(|it| (it.id.to_string(), it)).collect();
        let now = store.now();
        told.retain(|name, it| {
            let same = |found: &&EventSubscription| {
                found.version == it.version
                    && found.signing(now).len() == it.secrets
                    && !it.running.is_finished()
            };
            let goes_on = wanted.get(name).is_some_and(same);
            if goes_on {
                wanted.remove(name);
            } else {
                it.end();
            }
            goes_on
        });

        for (name, subscription) in wanted {
            let signing = subscription.signing(now);
            let keys = signing.iter().map(|it| it.reveal().parse()).collect::<Result<Vec<EventKey>, _>>();
            let endpoint = keys.and_then(|keys| self.endpoint(&subscription.url, keys));
            let endpoint = match endpoint {
                Ok(endpoint) => endpoint,
                // As the settings have changed; it is said once more by every look.
                Err(why) => {
                    tracing::debug!(subscription = %name, %why, "a subscriber is not told");
                    continue;
                }
            };
            let kinds = subscription.kinds.clone();
            let subscriber = Subscriber {
                name: name.clone(),
                receiver: Arc::new(endpoint),
                kinds,
                answer_within: ANSWER_WITHIN,
                calls: self.0.calls.clone(),
            };
            let (stop, stopped) = watch::channel(false);
            let running = loops.spawn(subscriber.follow(store.clone(), stopped));
            let (version, secrets) = (subscription.version, signing.len());
            told.insert(name, Told { version, secrets, stop, running });
        }
    }

    fn endpoint(&self, url: &str, keys: Vec<EventKey>) -> Result<Endpoint, Invalid> {
        Endpoint::new(url, keys, self.0.allows_private)
    }

    fn live(&self) -> Arc<Vec<EventSubscription>> {
        Arc::clone(&self.0.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Told {
    fn end(&self) {
        self.stop.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Actor, Timestamp};

    #[test]
    fn those_are_told_now_that_the_settings_name_or_a_call_left_enabled() {
        let shop = KnownSubscriber { address: "https://shop.example.com".to_owned(), kinds: Vec::new() };
        let of_settings = BTreeMap::from([("shop".to_owned(), shop)]);
        let known = KnownSubscribers::new(of_settings, false, OutsideCalls::default());
        assert_eq!(known.told_now(), ["shop"]);

        let subscription = |id: u128, state: SubscriptionState| EventSubscription {
            id: Uuid::from_u128(id).into(),
            version: 1,
            url: "https://crm.example.com/events".to_owned(),
            kinds: Vec::new(),
            description: String::new(),
            state,
            reason: String::new(),
            secret: None,
            previous: None,
            created_by: Actor::system(),
            created_at: Timestamp::from_unix_micros(0),
            changed_by: Actor::system(),
            changed_at: Timestamp::from_unix_micros(0),
        };
        let live = vec![
            subscription(1, SubscriptionState::Enabled),
            subscription(2, SubscriptionState::Disabled),
            subscription(3, SubscriptionState::Deleted),
        ];
        let enabled = live[0].id.to_string();
        *known.0.live.write().expect("nobody panicked") = Arc::new(live);
        assert_eq!(known.told_now(), ["shop".to_owned(), enabled]);
    }

    #[test]
    fn a_secret_is_new_each_time_and_one_that_signs() {
        let (one, other) = (new_secret().expect("a secret"), new_secret().expect("another"));
        assert_ne!(one, other);
        assert!(one.reveal().parse::<EventKey>().is_ok());
        assert_eq!(format!("{one:?}"), "***");
    }

    #[test]
    fn a_subscriber_of_a_call_is_on_the_public_internet_unless_allowed() {
        let (open, closed) = (
            KnownSubscribers::new(BTreeMap::new(), true, OutsideCalls::default()),
            KnownSubscribers::new(BTreeMap::new(), false, OutsideCalls::default()),
        );
        for private in
            ["https://127.0.0.1/", "https://[fe80::1]/", "https://169.254.169.254/latest", "http://10.0.0.1/"]
        {
            assert!(closed.check_url(private).is_err(), "{private}");
            assert!(open.check_url(private).is_ok(), "{private}");
        }
        assert!(closed.check_url("https://shop.example.com/events").is_ok());
        assert!(closed.check_url("https://1.1.1.1/events").is_ok());
    }
}
