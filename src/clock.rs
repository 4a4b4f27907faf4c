//! The one place that reads the wall clock.

use std::sync::Arc;

use crate::domain::Timestamp;

/// The time for code that must not read the clock itself; tests hand out their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let now = time::OffsetDateTime::now_utc();
    Timestamp::from_date_time(now)
}

/// The clock on the wall.
pub fn wall() -> Clock {
    Arc::new(now)
}
