//! Who may call, and whether it is written down what they are shown: as the settings say.

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::clock::Clock;
use crate::rpc;
use crate::settings::Settings;
use crate::traces;

/// Follows the changes of keys, and sends traces of calls, until the server stops. If the settings say so, notes of whose data callers are shown are
/// taken too, until the last call is answered.
pub(super) fn follow(
    keys: &rpc::KnownKeys,
    settings: &Settings,
    workers: &mut JoinSet<()>,
    stop: &watch::Receiver<bool>,
    closed: &watch::Receiver<bool>,
) -> Option<rpc::Reads> {
    workers.spawn(keys.clone().follow(stop.clone()));
    traces::start(settings.operations.otlp_endpoint.as_deref(), workers, stop);
    let kept_for = settings.access.reads_kept_for();
    settings.access.audit_reads.then(|| {
        let (reads, unwritten) = rpc::Reads::new(keys.store().clone());
        workers.spawn(unwritten.write(keys.store().clone(), kept_for, closed.clone()));
        reads
    })
}

/// Who may call, as far as the settings say it.
pub(super) fn access(settings: &Settings, clock: Clock) -> Access {
    let holders = settings.access.holders();
    if settings.access.require_keys {
        return Access::requiring_keys(holders, clock);
    }
    Access::new(holders, clock)
}
