//! The loop over orders that wait for goods on order: when a delivery of these is placed, moves, or does not come, they
//! are promised anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::domain::{OrderId, Part, RedateOrder, Sku, Target};
use crate::store::{Codec, OnOrderVersion, StoreError};
use crate::work::{App, context, stop_requested};

/// Products read at once.
const PRODUCTS_AT_ONCE: u64 = 256;

/// Orders looked at in one group.
const ORDERS_AT_ONCE: u64 = 64;

/// How long until the next look: people hear of it by letter.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long until the next one after a fault.
const AFTER_FAULT: Duration = Duration::from_secs(10);

/// What was on order of each product that orders wait for, when these were last looked at. It is not kept: a process that
/// starts looks at all of them once, so that none is forgotten that moved while no process ran.
type Looked = BTreeMap<Sku, OnOrderVersion>;

/// Any number of processes may look: the first one moves the promise, and the others find that nothing has moved.
pub(super) async fn redate_orders(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut looked = Looked::new();
    let mut failing = false;
    while !*shutdown.borrow() {
        let pause = match look(&app, &mut looked, &shutdown).await {
            Ok(()) => {
                failing = false;
                LOOK_EVERY
            }
            Err(error) => {
                // An outage is logged once.
                if !failing {
                    tracing::warn!(%error, "could not promise waiting orders anew; trying on");
                }
                failing = true;
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One pass over the products that orders wait for. One that fails is looked at again with the next pass, and does not keep
/// those behind it from being looked at.
async fn look(app: &App, looked: &mut Looked, shutdown: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let (mut awaited, mut last, mut failed) = (Looked::new(), None, None);
    loop {
        let products = app.store.awaited_supplies(last.as_ref(), PRODUCTS_AT_ONCE).await?;
        let Some((end, _)) = products.last().cloned() else { break };
        last = Some(end);
        for (sku, supply) in products {
            if looked.get(&sku) != Some(&supply) {
                let done = redate_all(app, &sku, shutdown).await;
                if *shutdown.borrow() {
                    return Ok(());
                }
                if let Err(error) = done {
                    failed = Some(error);
                    continue;
                }
                looked.insert(sku.clone(), supply);
            }
            awaited.insert(sku, supply);
        }
    }
    // Nobody waits for the others any more.
    *looked = awaited;
    failed.map_or(Ok(()), Err)
}

/// All that wait for a product, first come first, with breaks in which callers have the writer.
async fn redate_all(app: &App, sku: &Sku, shutdown: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let (mut last, mut failed) = (None, None);
    while !*shutdown.borrow() {
        let begun = Instant::now();
        let waiting = app.store.orders_awaiting(sku, last.as_ref(), ORDERS_AT_ONCE).await?;
        let Some((_, region, number)) = waiting.last().cloned() else { break };
        last = Some((region, number));
        for done in join_all(waiting.iter().map(|(id, ..)| redate(app, *id))).await {
            // One that cannot be decided must not block the ones behind it.
            failed = done.err().or(failed);
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
    failed.map_or(Ok(()), Err)
}

async fn redate(app: &App, id: OrderId) -> Result<(), StoreError> {
    let redate = RedateOrder { target: Target::latest(Part::Order(id)) };
    match app.store.change(context(), redate, |_, _| (), Codec::unkept()).await {
        Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
