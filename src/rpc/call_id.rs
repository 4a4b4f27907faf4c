//! The id of a call, under which its answer, its line in the log and the cause of a fault are found together.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use tokio::task::futures::TaskLocalFuture;
use uuid::Builder;

use crate::clock;

/// The metadata in which a caller may send an id of its own, and in which every answer has it.
pub(super) const HEADER: &str = "x-request-id";

/// Length of an id that is taken from a caller.
const LENGTH: RangeInclusive<usize> = 1..=128;

tokio::task_local! {
    static CURRENT: CallId;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallId(Arc<str>);

impl CallId {
    /// The caller's, if it is visible ASCII without blanks, of a sensible length; otherwise a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(HEADER).and_then(|it| it.to_str().ok());
        match sent.filter(|it| LENGTH.contains(&it.len()) && it.bytes().all(|it| it.is_ascii_graphic())) {
            Some(sent) => Self(sent.into()),
            None => Self::fresh(),
        }
    }

    /// It tells calls apart and is no secret, so it asks the operating system for nothing.
    fn fresh() -> Self {
        let millis = u64::try_from(clock::now().unix_micros() / 1_000).unwrap_or_default();
        let mut random = [0; 10];
        random.copy_from_slice(&fastrand::u128(..).to_be_bytes()[..10]);
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string().into())
    }

    /// Of the call that this task answers, if there is one.
    pub(super) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Makes this the current id while the future runs.
    pub(super) fn within<F: Future>(self, answering: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self, answering)
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &[u8]) -> CallId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).expect("a header"));
        CallId::of(&headers)
    }

    #[test]
    fn an_id_that_could_spoil_a_log_is_replaced() {
        for good in ["1", "0192-abc", &"x".repeat(128)] {
            assert_eq!(sent(good.as_bytes()).to_string(), good);
        }
        for bad in [&b""[..], b"two words", b"tab\there", "umlaut-ü".as_bytes(), &[b'x'; 129]] {
            let made = sent(bad).to_string();
            assert_eq!(uuid::Uuid::parse_str(&made).expect("a UUID").get_version_num(), 7, "{made}");
        }
        assert_ne!(CallId::of(&HeaderMap::new()), CallId::of(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn it_is_known_while_the_call_is_answered() {
        assert_eq!(CallId::current(), None);
        let id = sent(b"one");
        assert_eq!(id.clone().within(async { CallId::current() }).await, Some(id));
        assert_eq!(CallId::current(), None);
    }
}
