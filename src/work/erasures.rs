//! Erases persons: what is begun is done to its end, by whoever is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::domain::{
    Actor, CustomerId, EraseCustomer, EraseOrder, Order, OrderId, Part, Reason, Refusal, Rules, Target,
    Timestamp,
};
use crate::store::{Codec, Effect, Erasure, Person, RequestContext, Store, StoreError};
use crate::work::{App, stop_requested};

/// How often it is looked whether something is left.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Orders that are looked at, or erased, at once.
const ORDERS_AT_ONCE: usize = 16;

/// How many reasons a refusal names.
const NAMED_MAX: usize = 25;

/// What came of it, or would come of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasedPerson {
    pub customers: usize,
    pub orders: usize,
    /// Orders whose invoices go on naming the person.
    pub kept_orders: usize,
    /// When the last of that is erased.
    pub kept_until: Option<Timestamp>,
}

/// Everything that keeps a person from being erased, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotErasable(Vec<String>);

impl NotErasable {
    pub fn into_refusal(self) -> Refusal {
        let Self(mut reasons) = self;
        let more = reasons.len().saturating_sub(NAMED_MAX);
        reasons.truncate(NAMED_MAX);
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        Refusal::unmet(Reason::NotErasable, format!("the person cannot be erased: {}", reasons.join("; ")))
    }
}

/// Looks through everything of a person: what would come of erasing them, or all that prevents it.
pub async fn why_not_erasable(
    store: &Store,
    rules: &Rules,
    person: &Person,
) -> Result<Result<ErasedPerson, NotErasable>, StoreError> {
    let now = store.now();
    let mut found = ErasedPerson::default();
    let mut reasons = Vec::new();
    let mut named: BTreeSet<CustomerId> = BTreeSet::new();
    for customer in person.customers.iter().filter(|it| it.erased.is_none()) {
        found.customers += 1;
        reasons.extend(customer.why_not_erasable(now));
    }
    for ids in person.orders.chunks(ORDERS_AT_ONCE) {
        let orders = store.orders(ids).await?;
        for order in ids.iter().filter_map(|it| orders.get(it)) {
            let open = order.why_not_erasable(now);
            reasons
                .extend((!open.is_empty()).then(|| format!("order {}: {}", order.number, open.join(", "))));
            found.count(order, rules, now);
            named.extend(order.named.as_ref().filter(|_| order.erased.is_none()).map(|it| it.id));
        }
    }
    // A customer with another address, whose order is under this one, may be held too.
    named.retain(|id| person.customers.iter().all(|it| it.id != *id));
    for id in named {
        let customer = store.customer(id).await?;
        reasons.extend(customer.and_then(|it| it.why_not_erasable(now)));
    }
    Ok(if reasons.is_empty() { Ok(found) } else { Err(NotErasable(reasons)) })
}

impl ErasedPerson {
    fn count(&mut self, order: &Arc<Order>, rules: &Rules, now: Timestamp) {
        let kept_until = match &order.erased {
            None => {
                self.orders += 1;
                order.invoices_kept_until(rules, now)
            }
            Some(erased) => erased.kept_until,
        };
        self.kept_orders += usize::from(kept_until.is_some());
        self.kept_until = self.kept_until.max(kept_until);
    }
}

/// Erases a person. Their customers come last: as long as they are there, what is left is found by them.
pub async fn erase_person(app: &App, erasure: &Erasure) -> Result<(), StoreError> {
    let store = &app.store;
    let person = store.person(&erasure.subject).await?.unwrap_or_default();
    for ids in person.orders.chunks(ORDERS_AT_ONCE) {
        let orders = store.orders(ids).await?;
        let theirs = ids.iter().filter(|it| {
            orders.get(*it).is_some_and(|it| it.erased.is_none() && it.created_at <= erasure.at)
        });
        for erased in join_all(theirs.map(|it| erase_order(store, &erasure.actor, *it))).await {
            erased?;
        }
    }
    for customer in person.customers {
        let context = context(&erasure.actor);
        store.change(context, EraseCustomer { id: customer.id }, |(), _| (), Codec::unkept()).await?;
    }
    store.erase_traces(Some(erasure), letters(app)).await
}

/// Erases the letters of orders from where the mail of this server keeps them.
fn letters(
    app: &App,
) -> impl Fn(Vec<OrderId>) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + use<> {
    let (store, mail) = (app.store.clone(), Arc::clone(&app.mail));
    move |ids| {
        let (store, mail) = (store.clone(), Arc::clone(&mail));
        async move {
            let mut messages = Vec::new();
            for ids in ids.chunks(ORDERS_AT_ONCE) {
                let orders = store.orders(ids).await?;
                messages.extend(orders.values().flat_map(|it| it.messages.iter().map(|it| it.id)));
            }
            if messages.is_empty() {
                return Ok(());
            }
            let erased = mail.erase(&messages).await;
            erased.map_err(|why| StoreError::Unavailable(format!("letters are not erased yet: {why}")))
        }
        .boxed()
    }
}

async fn erase_order(store: &Store, actor: &Actor, id: OrderId) -> Result<(), StoreError> {
    let command = EraseOrder { target: Target::latest(Part::Order(id)) };
    store.change(context(actor), command, |_, _| (), Codec::unkept()).await.map(drop)
}

fn context(actor: &Actor) -> RequestContext {
    RequestContext {
        actor: actor.clone(),
        principal: None,
        request: None,
        deadline: None,
        effect: Effect::Commit,
    }
}

/// Goes on with what a process began that is gone, and with what the law does not keep any longer.
pub(super) async fn finish_erasures(app: App, mut shutdown: watch::Receiver<bool>) {
    loop {
        if let Err(error) = finish(&app).await {
            tracing::warn!(%error, "what is to be erased of a person is not erased yet");
        }
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// One that cannot go on holds up no other: it comes again the next time.
async fn finish(app: &App) -> Result<(), StoreError> {
    let store = &app.store;
    if store.has_traces().await?
        && let Err(error) = store.erase_traces(None, letters(app)).await
    {
        tracing::warn!(%error, "what erased persons left beside their documents is not erased yet");
    }

    let mut last: Option<Erasure> = None;
    loop {
        let erasures = store.erasures(last.as_ref()).await?;
        if erasures.is_empty() {
            return Ok(());
        }
        for erasure in &erasures {
            match erase_person(app, erasure).await {
                Ok(()) => tracing::info!(erasure = %erasure.id, "a person was erased"),
                Err(error) => {
                    tracing::warn!(%error, erasure = %erasure.id, "a person is not erased yet");
                }
            }
        }
        last = erasures.last().cloned();
    }
}
