//! Who may call, and whether it is written down what they are shown: as the settings say.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::{Access, Tokens};
use crate::clock::Clock;
use crate::rpc;
use crate::server::error::ServeError;
use crate::server::token_keys::{follow_keys, tokens};
use crate::settings::Settings;
use crate::traces;

/// Follows the changes of keys, those of an issuer of tokens too, and sends traces of calls, until the server stops. If the
/// settings say so, notes of whose data callers are shown are
/// taken too, until the last call is answered.
pub(super) fn follow(
    (keys, tokens): (&rpc::KnownKeys, Option<Arc<Tokens>>),
    settings: &Settings,
    workers: &mut JoinSet<()>,
    stop: &watch::Receiver<bool>,
    closed: &watch::Receiver<bool>,
) -> Option<rpc::ReadNotes> {
    workers.spawn(keys.clone().follow(stop.clone()));
    follow_keys(tokens, &settings.access.tokens, workers, stop);
    traces::start(settings.operations.otlp_endpoint.as_deref(), workers, stop);
    let kept_for = settings.access.reads_kept_for();
    settings.access.audit_reads.then(|| {
        let (notes, unwritten) = rpc::ReadNotes::new(keys.store().clone());
        workers.spawn(unwritten.write(keys.store().clone(), kept_for, closed.clone()));
        notes
    })
}

/// Who may call, as far as the settings say it.
pub(super) async fn access(
    settings: &Settings,
    clock: Clock,
) -> Result<(Arc<Access>, Option<Arc<Tokens>>), ServeError> {
    let named = settings.access.named();
    let access = match settings.access.require_keys {
        true => Access::requiring_keys(named, clock),
        false => Access::new(named, clock),
    };
    let tokens = tokens(&settings.access.tokens).await?;
    Ok((Arc::new(access.taking(tokens.clone())), tokens))
}
