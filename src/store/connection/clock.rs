//! The store's time. All who decide on one database go by one clock: otherwise one process would find in the future
//! what another has just written, reservations would end early, and histories would fall.
//!
//! On PostgreSQL that clock is the database's. Each transaction of the writer hears it with the answer to BEGIN, and
//! from then on the time is what was heard plus what this machine's monotonic clock has counted since. So it is never
//! later than the database's, and within a transaction never before what the database said in it. SQLite has no clock
//! but the machine's, which is followed wherever it is set: once it is right again, so is what is decided from then on.
//!
//! Both clocks may be set back, and another server may take over from one that was ahead. A floor under all decisions
//! would make time stand still for everybody until the clock has caught up. What may never fall is the time along the
//! history of one order, and [`Snapshot::time_for`](crate::domain::World::time_for) sees to that, order by order. Along
//! the feed, positions tell the order of events and times do not: several connections decide at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::Timestamp;
use crate::store::connection::error::StoreError;
use crate::store::connection::options::{Clock, Options, TimeSource};

/// A clock that is further off than this, or jumps further, is reported in the log.
const WARN_BEYOND: Duration = Duration::from_secs(5);

/// A process does not serve while its machine's clock is further off the database's: its log and its letters would
/// tell another time than the orders they are about.
const OFF_MAX: Duration = Duration::from_secs(60);

/// For how long a time that was heard is kept when an answer that took longer says less: so long, monotonic clocks
/// agree to within a millisecond.
const KEPT_FOR: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(in crate::store) struct StoreClock {
    inner: Arc<Inner>,
}

pub(in crate::store) struct Inner {
    /// This machine's, or the one that stands for the database's.
    clock: Clock,
    source: Source,
    /// It was reported that this machine's clock is off.
    reported: AtomicBool,
}

pub(in crate::store) enum Source {
    /// The given clock, however it moves.
    Given,
    /// This machine's clock, and when it was last watched.
    Machine(Mutex<Reading>),
    /// The last reading of PostgreSQL's clock.
    Database(Mutex<Reading>),
}

impl StoreClock {
    /// `said` is what PostgreSQL says the time is, now.
    pub(in crate::store) fn new(options: &Options, said: Option<Timestamp>) -> Self {
        let clock = Arc::clone(&options.clock);
        let source = match (options.time, said) {
            (TimeSource::Given, _) => Source::Given,
            (TimeSource::Database, None) => Source::Machine(Reading::now(clock()).into()),
            (TimeSource::Database, Some(said)) => Source::Database(Reading::now(said).into()),
        };
        Self { inner: Arc::new(Inner { clock, source, reported: AtomicBool::new(false) }) }
    }

    pub(in crate::store) fn now(&self) -> Timestamp {
        match &self.inner.source {
            Source::Given | Source::Machine(_) => (self.inner.clock)(),
            Source::Database(last) => lock(last).time_at(Instant::now()),
        }
    }

    /// Goes by what PostgreSQL has just said.
    pub(in crate::store) fn hear(&self, said: Option<Timestamp>) {
        if let (Source::Database(last), Some(said)) = (&self.inner.source, said) {
            lock(last).follow(Reading::now(said));
        }
    }

    /// Whether this machine's clock is near enough to the database's, which says `said`.
    pub(in crate::store) fn check(&self, said: Option<Timestamp>) -> Result<(), StoreError> {
        match (&self.inner.source, said) {
            (Source::Machine(last), _) => lock(last).follow(Reading::now((self.inner.clock)())),
            (Source::Database(_), Some(said)) => {
                self.hear(Some(said));
                return self.compare((self.inner.clock)(), said);
            }
            (Source::Given, _) | (Source::Database(_), None) => {}
        }
        Ok(())
    }

    fn compare(&self, ours: Timestamp, said: Timestamp) -> Result<(), StoreError> {
        let off = distance(ours, said);
        if off > OFF_MAX {
            let way = if ours > said { "ahead of" } else { "behind" };
            let seconds = off.as_secs();
            return Err(StoreError::ClockOff { seconds, way, seconds_max: OFF_MAX.as_secs() });
        }

        let is_off = off > WARN_BEYOND;
        if is_off && !self.inner.reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(%ours, database = %said, "this machine's clock is off the database's");
        } else if !is_off {
            self.inner.reported.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A reading of a clock, and its moment on this machine's monotonic clock, or a little before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Reading {
    said: Timestamp,
    heard_at: Instant,
}

impl Reading {
    fn now(said: Timestamp) -> Self {
        Self { said, heard_at: Instant::now() }
    }

    fn time_at(self, at: Instant) -> Timestamp {
        self.said.plus(at.saturating_duration_since(self.heard_at))
    }

    /// Takes a later reading of the same clock. Neither says more than the clock does, unless it was set: the one that
    /// says more is nearer.
    fn follow(&mut self, next: Self) {
        let expected = self.time_at(next.heard_at);
        let off = distance(expected, next.said);
        if off > WARN_BEYOND {
            tracing::warn!(%expected, said = %next.said, "the clock that decisions go by has jumped");
        }

        let is_recent = next.heard_at.saturating_duration_since(self.heard_at) <= KEPT_FOR;
        let took_longer = next.said < expected && off <= WARN_BEYOND;
        if !(is_recent && took_longer) {
            *self = next;
        }
    }
}

fn distance(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

fn lock(reading: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    // Nothing panics while it is held.
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::store::connection::options::Database;

    const NOON: Timestamp = Timestamp::from_unix_micros(1_760_000_000_000_000);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// The reading so long after `first`.
    fn after(first: Reading, passed: Duration, said: Timestamp) -> Reading {
        Reading { said, heard_at: first.heard_at + passed }
    }

    #[test]
    fn the_time_goes_on_between_two_readings() {
        let noon = Reading::now(NOON);
        assert_eq!(noon.time_at(noon.heard_at), NOON);
        assert_eq!(noon.time_at(noon.heard_at + seconds(3)), NOON.plus(seconds(3)));
    }

    #[test]
    fn an_answer_that_took_longer_does_not_set_the_time_back() {
        let noon = Reading::now(NOON);
        let mut last = noon;
        last.follow(after(noon, seconds(4), NOON.plus(seconds(2))));
        assert_eq!(last, noon);
        let quick = after(noon, seconds(5), NOON.plus(seconds(6)));
        last.follow(quick);
        assert_eq!(last, quick);
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let noon = Reading::now(NOON);
        let by_an_hour = after(noon, seconds(1), NOON.minus(seconds(3_600)));
        let by_a_second = after(noon, KEPT_FOR + seconds(1), NOON.plus(KEPT_FOR));
        for next in [by_an_hour, by_a_second] {
            let mut last = noon;
            last.follow(next);
            assert_eq!(last, next);
        }
    }

    #[test]
    fn a_machine_is_fit_to_serve_as_long_as_its_clock_is_near() {
        let clock: Clock = Arc::new(|| NOON);
        let options = Options::new(Database::Postgres(String::new()), Arc::default(), clock);
        let clock = StoreClock::new(&options, Some(NOON));
        for near in [NOON, NOON.plus(OFF_MAX), NOON.minus(OFF_MAX)] {
            assert!(clock.check(Some(near)).is_ok(), "{near}");
        }
        let behind = clock.check(Some(NOON.plus(seconds(3_600)))).expect_err("an hour is too much");
        let ahead = clock.check(Some(NOON.minus(seconds(61)))).expect_err("more than a minute is too much");
        assert_eq!(
            [behind.to_string(), ahead.to_string()],
            [
                "this machine's clock is 3600 s behind the database's, where at most 60 s are tolerated",
                "this machine's clock is 61 s ahead of the database's, where at most 60 s are tolerated",
            ]
        );
        assert!(clock.check(Some(NOON)).is_ok(), "it was set right");
    }
}
