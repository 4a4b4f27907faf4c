//! The contract of somebody who is told of events.

use async_trait::async_trait;

use crate::outside::subscribers::endpoint::NotTaken;
use crate::outside::subscribers::notice::Notice;

/// A subscriber's side: a server of its own, or a stream that keeps events for many.
///
/// An event is told again, with the same id and content, until it is taken: whoever takes it knows by the id what it has.
/// A call may be given up at any moment, and must leave nothing behind that could tell of the event much later.
#[async_trait]
pub trait EventReceiver: Send + Sync {
    /// Where it is, as people are shown it: without what may be secret.
    fn address(&self) -> String;

    /// Tells of one event, which is taken if this says so. `now` is in seconds since 1970.
    async fn tell(&self, notice: &Notice, now: i64) -> Result<(), NotTaken>;
}
