//! Seals archived orders that are not under the master key in use: those from before there was one, and those of an earlier one.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::domain::{OrderId, Part, SealOrder, Target};
use crate::store::{Codec, Store, StoreError};
use crate::work::{App, context, stop_requested};

/// Orders that are sealed at once: few, so that callers wait briefly.
const ORDERS_AT_ONCE: usize = 8;

/// How long until it is tried again, where the database was away.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Goes through the archive once: which key is in use is known from the start on, and what is archived later is sealed there and
/// then.
pub(super) async fn seal_archive(app: App, mut shutdown: watch::Receiver<bool>) {
    if let Some(version) = app.rules.archive_key {
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = seal_all(&app.store, version) => {}
        }
    }
    stop_requested(&mut shutdown).await;
}

async fn seal_all(store: &Store, version: u32) {
    let mut after = None;
    loop {
        match seal_next(store, version, after).await {
            Ok(Some(last)) => after = Some(last),
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "archived orders are not sealed yet");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
    tracing::info!(version, "the archive is sealed under this version of the master key");
}

/// The last order that was looked at. None: there is no further one.
async fn seal_next(
    store: &Store,
    version: u32,
    after: Option<OrderId>,
) -> Result<Option<OrderId>, StoreError> {
    let archived = store.archived_and_sealed(version, after).await?;
    let to_seal: Vec<OrderId> = archived.iter().filter(|it| !it.1).map(|it| it.0).collect();
    for ids in to_seal.chunks(ORDERS_AT_ONCE) {
        for sealed in join_all(ids.iter().map(|it| seal(store, *it))).await {
            match sealed {
                Ok(()) => {}
                // One whose key is not here, or that cannot be read, holds up no other. `consign check` names it.
                Err(error @ (StoreError::Refused(_) | StoreError::Corrupt { .. })) => {
                    tracing::warn!(%error, "an archived order stays as it is");
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(archived.last().map(|it| it.0))
}

async fn seal(store: &Store, id: OrderId) -> Result<(), StoreError> {
    let command = SealOrder { target: Target::latest(Part::Order(id)) };
    store.change(context(), command, |_, _| (), Codec::unkept()).await.map(drop)
}
