//! Drives the load: many clients, each doing one operation after the other until the time is over or all are done, or a
//! fixed number of operations each second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::caller::Caller;
use super::error::BenchError;
use super::options::Until;
use super::tally::Tally;

/// How long a client rests after a refusal that asks it to come back later.
const REST: Duration = Duration::from_millis(20);

/// An operation that clients repeat.
pub(super) trait Operation: Send + Sync + 'static {
    /// Name of its latency in the report.
    const NAME: &'static str;

    /// Does it once, the `number`th of the measurement counted from zero; the tally is for times of single calls.
    fn run(
        &self,
        caller: &Caller,
        number: u64,
        tally: &Tally,
    ) -> impl Future<Output = Result<(), Status>> + Send;
}

/// Hands out the turns that are left.
struct Turns {
    next: AtomicU64,
    ends: Option<Instant>,
    count: u64,
}

impl Turns {
    fn until(until: Until) -> Self {
        let (ends, count) = match until {
            Until::Elapsed(time) => (Some(Instant::now() + time), u64::MAX),
            Until::Count(count) => (None, count),
        };
        Self { next: AtomicU64::new(0), ends, count }
    }

    fn take(&self) -> Option<u64> {
        if self.ends.is_some_and(|it| it <= Instant::now()) {
            return None;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.count).then_some(turn)
    }
}

/// Runs one client for each caller; returns the time until the last of them has its last answer.
pub(super) async fn drive<O: Operation>(
    callers: &[Caller],
    until: Until,
    operation: &Arc<O>,
    tally: &Arc<Tally>,
) -> Result<Duration, BenchError> {
    let began = Instant::now();
    let turns = Arc::new(Turns::until(until));
    let mut clients = JoinSet::new();
    for caller in callers {
        let caller = caller.clone();
        let (operation, turns, tally) = (Arc::clone(operation), Arc::clone(&turns), Arc::clone(tally));
        clients.spawn(async move {
            while let Some(number) = turns.take() {
                attempt(operation.as_ref(), &caller, number, &tally).await;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.map_err(|it| BenchError::Wrong(format!("a client broke down: {it}")))?;
    }
    Ok(began.elapsed())
}

/// Begins so many operations each second, answered or not, and waits for the last ones. Dropped, it waits for no
/// answer.
pub(super) async fn drive_at<O: Operation>(
    rate: u64,
    count: u64,
    callers: &[Caller],
    operation: &Arc<O>,
    tally: &Arc<Tally>,
) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1).div_f64(rate as f64));
    let mut under_way = JoinSet::new();
    for (number, caller) in (0..count).zip(callers.iter().cycle()) {
        ticks.tick().await;
        let (operation, caller, tally) = (Arc::clone(operation), caller.clone(), Arc::clone(tally));
        under_way.spawn(async move { attempt(operation.as_ref(), &caller, number, &tally).await });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

async fn attempt<O: Operation>(operation: &O, caller: &Caller, number: u64, tally: &Tally) {
    let began = Instant::now();
    match operation.run(caller, number, tally).await {
        Ok(()) => {
            tally.took(O::NAME, began.elapsed());
            tally.done();
        }
        Err(status) => {
            tally.refused(&status);
            if is_for_later(&status) {
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Whether the refusal asks the caller to come back later.
pub(super) fn is_for_later(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::Unavailable | Code::Aborted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_is_taken_once_and_none_after_the_end() {
        let counted = Turns::until(Until::Count(3));
        let taken: Vec<_> = std::iter::from_fn(|| counted.take()).collect();
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!(Turns::until(Until::Elapsed(Duration::ZERO)).take(), None);
    }
}
