//! The one place that reads the wall clock.

use std::sync::Arc;

use crate::domain::Timestamp;

/// Tells the time to whoever is not allowed to look; tests hand out their own.
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
