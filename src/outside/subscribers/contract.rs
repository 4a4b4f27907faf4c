//! The contract of somebody who is told of events.

use async_trait::async_trait;
use http::StatusCode;

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

/// Why it is not known whether a subscriber has heard of an event.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("{0}")]
    NoAnswer(String),
    #[error("its name leads to no address that may be called")]
    Address,
    /// It answered in another way than HTTP's.
    #[error("it answered: {0}")]
    Refused(String),
}

impl NotTaken {
    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status.as_u16()),
            Self::NoAnswer(_) | Self::Address | Self::Refused(_) => None,
        }
    }

    /// Whether it has answered that it does not take the event.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Status(_) | Self::Refused(_) => true,
            Self::NoAnswer(_) | Self::Address => false,
        }
    }
}
