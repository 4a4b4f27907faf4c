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

/// The pause before the next attempt when the database was away, and before the next look when something was sealed.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The pause before the next look when nothing was sealed: a process that was not restarted yet goes on sealing under the key
/// before.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// The outcome of going through the archive once.
#[derive(Debug, Clone, Copy, Default)]
struct Pass {
    sealed: usize,
    /// Those that could not be sealed: their key is not here, or they cannot be read.
    left: usize,
}

/// Goes through the archive until nothing is left to seal, and looks again from time to time. What this process archives itself
/// is sealed there and then.
pub(super) async fn seal_archive(app: App, mut shutdown: watch::Receiver<bool>) {
    let Some(version) = app.rules.archive_key else {
        return stop_requested(&mut shutdown).await;
    };
    let mut is_told = false;
    loop {
        let pass = tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            pass = seal_all(&app.store, version) => pass,
        };
        let Pass { sealed, left } = pass;
        if left > 0 {
            tracing::warn!(
                version,
                left,
                "archived orders are not sealed under this version of the master key"
            );
        } else if sealed == 0 && !is_told {
            tracing::info!(version, "the archive is sealed under this version of the master key");
        }
        is_told = left == 0 && sealed == 0;
        tokio::select! {
            () = stop_requested(&mut shutdown) => return,
            () = sleep(if sealed > 0 { AGAIN_AFTER } else { LOOK_EVERY }) => {}
        }
    }
}

async fn seal_all(store: &Store, version: u32) -> Pass {
    let (mut pass, mut after) = (Pass::default(), None);
    loop {
        match seal_next(store, version, after, &mut pass).await {
            Ok(Some(last)) => after = Some(last),
            Ok(None) => return pass,
            Err(error) => {
                tracing::warn!(%error, "archived orders are not sealed yet");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

/// Seals what is to be sealed among the next archived orders, and returns the last one looked at. None: there are no further ones.
async fn seal_next(
    store: &Store,
    version: u32,
    after: Option<OrderId>,
    pass: &mut Pass,
) -> Result<Option<OrderId>, StoreError> {
    let archived = store.archived_and_sealed(version, after).await?;
    let to_seal: Vec<OrderId> = archived.iter().filter(|it| !it.1).map(|it| it.0).collect();
    for ids in to_seal.chunks(ORDERS_AT_ONCE) {
        for sealed in join_all(ids.iter().map(|it| seal(store, *it))).await {
            match sealed {
                Ok(()) => pass.sealed += 1,
                // One whose key is not here, or that cannot be read, holds up no other. `consign check` names it.
                Err(error @ (StoreError::Refused(_) | StoreError::Corrupt { .. })) => {
                    pass.left += 1;
                    if pass.left == 1 {
                        tracing::warn!(%error, "an archived order stays as it is");
                    }
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
