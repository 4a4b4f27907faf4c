//! Erases persons: what is begun is done to its end, by whoever is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::domain::{
    Actor, CustomerId, DataSubject, EraseCustomer, EraseOrder, Order, OrderId, Part, Reason, Refusal, Rules,
    Target, Timestamp,
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
    /// Orders that are sealed under a key that is not here: they stay as they are.
    pub closed_orders: usize,
}

/// Says that these many orders stay as they are.
pub fn closed_orders(count: usize) -> Refusal {
    let message = format!(
        "{count} orders of the person are sealed under a master key that is not here, or is another one; they stay as they \
        are until it is"
    );
    Refusal::unmet(Reason::ArchiveKeyMissing, message)
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
        let orders = store.orders_or_closed(ids).await?;
        for read in ids.iter().filter_map(|it| orders.get(it)) {
            // What prevents it stands in the open.
            let order = read.as_ref().unwrap_or_else(|closed| &closed.open);
            let open = order.why_not_erasable(now);
            reasons
                .extend((!open.is_empty()).then(|| format!("order {}: {}", order.number, open.join(", "))));
            match read.is_err() && order.erased.is_none() {
                true => found.closed_orders += 1,
                false => found.count(order, rules, now),
            }
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
///
/// Orders whose key is not here stay as they are, and so does the erasure: another process may have the key. All else is erased,
/// but customers only if it is begun by their id, which finds these orders later too.
pub async fn erase_person(app: &App, erasure: &Erasure) -> Result<(), StoreError> {
    let store = &app.store;
    let person = store.person(&erasure.subject).await?.unwrap_or_default();
    let mut closed = 0_usize;
    for ids in person.orders.chunks(ORDERS_AT_ONCE) {
        let orders = store.orders_or_closed(ids).await?;
        for order in orders.values().filter_map(|it| it.as_ref().err()) {
            closed += usize::from(is_part_of(erasure, &order.open));
        }
        let theirs = ids.iter().filter(|it| match orders.get(*it) {
            Some(Ok(order)) => is_part_of(erasure, order),
            Some(Err(_)) | None => false,
        });
        for erased in join_all(theirs.map(|it| erase_order(store, &erasure.actor, *it))).await {
            erased?;
        }
    }
    if closed == 0 || matches!(erasure.subject, DataSubject::Customer(_)) {
        for customer in person.customers {
            let context = context(&erasure.actor);
            store.change(context, EraseCustomer { id: customer.id }, |(), _| (), Codec::unkept()).await?;
        }
    }
    if closed == 0 {
        return store.erase_traces(Some(erasure), letters(app)).await;
    }
    if store.has_traces().await? {
        store.erase_traces(None, letters(app)).await?;
    }
    Err(closed_orders(closed).into())
}

fn is_part_of(erasure: &Erasure, order: &Order) -> bool {
    order.erased.is_none() && order.created_at <= erasure.at
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
                // Their ids stand in the open.
                for read in store.orders_or_closed(ids).await?.values() {
                    let order = read.as_ref().unwrap_or_else(|closed| &closed.open);
                    messages.extend(order.messages.iter().map(|it| it.id));
                }
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
