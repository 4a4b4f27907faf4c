//! Counters while the clients work: operations, latencies, refusals and their reasons.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tonic::Status;
use tonic_types::StatusExt;

/// Latencies are kept to one part in a thousand, up to this many microseconds; what took longer counts as this.
const LONGEST_MICROS: u64 = 600_000_000;

/// Shared by all clients of a measurement. Its size does not grow with the number of operations.
#[derive(Default)]
pub(super) struct Tally {
    done: AtomicU64,
    found: Mutex<Found>,
}

/// Result of a measurement.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// By what was timed: a whole operation, or one of its calls.
    pub(super) latencies: BTreeMap<&'static str, Latencies>,
    /// How often by reason, such as `ResourceExhausted/OVERLOADED`.
    pub(super) refusals: BTreeMap<String, u64>,
}

impl Tally {
    /// Waits for the answer; how long that took counts if it was good.
    pub(super) async fn time<T>(
        &self,
        what: &'static str,
        asking: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let began = Instant::now();
        let answer = asking.await?;
        self.took(what, began.elapsed());
        Ok(answer)
    }

    pub(super) fn took(&self, what: &'static str, time: Duration) {
        self.found().latencies.entry(what).or_default().add(time);
    }

    /// An operation came to its end.
    pub(super) fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, status: &Status) {
        *self.found().refusals.entry(reason(status)).or_default() += 1;
    }

    /// Operations that came to their end.
    pub(super) fn operations(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn snapshot(&self) -> Found {
        self.found().clone()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // A panic inside leaves at worst one figure uncounted.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code, and what kind of it: `FailedPrecondition/INSUFFICIENT_STOCK`.
fn reason(status: &Status) -> String {
    match status.get_details_error_info() {
        Some(info) => format!("{:?}/{}", status.code(), info.reason),
        None => format!("{:?}", status.code()),
    }
}

/// How long things took.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Histogram<u64>);

/// Milliseconds, each the least that so many were done within.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(LONGEST_MICROS, 3);
        Self(histogram.expect("three digits up to ten minutes are within its bounds"))
    }
}

impl Latencies {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        let millis = |micros: u64| micros as f64 / 1_000.0;
        Quantiles {
            count: self.0.len(),
            p50: millis(self.0.value_at_quantile(0.50)),
            p95: millis(self.0.value_at_quantile(0.95)),
            p99: millis(self.0.value_at_quantile(0.99)),
            max: millis(self.0.max()),
        }
    }
}

/// The middle one, or the mean of the two in the middle; zero of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied();
    let lower = sorted.len().checked_sub(1).and_then(|last| sorted.get(last / 2)).copied();
    match (lower, upper) {
        (Some(lower), Some(upper)) => (lower + upper) / 2.0,
        _ => 0.0,
    }
}

/// None where there is nothing to divide by.
pub(super) fn ratio(one: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| one / other)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn quantiles_are_the_least_that_so_many_were_done_within() {
        let mut latencies = Latencies::default();
        (1..=1_000).for_each(|it| latencies.add(Duration::from_micros(it * 100)));
        let Quantiles { count, p50, p95, p99, max } = latencies.quantiles();
        assert_eq!(count, 1_000);
        for (found, right) in [(p50, 50.0), (p95, 95.0), (p99, 99.0), (max, 100.0)] {
            assert!((found - right).abs() <= right / 1_000.0, "{found} is not {right}");
        }
    }

    #[test]
    fn nothing_takes_no_time_and_an_hour_counts_as_the_longest() {
        assert_eq!(Latencies::default().quantiles().max, 0.0);
        let mut latencies = Latencies::default();
        latencies.add(Duration::from_secs(3_600));
        assert!((latencies.quantiles().p50 - 600_000.0).abs() < 1_000.0);
    }

    #[test]
    fn the_median_does_not_care_for_one_that_is_far_off() {
        assert_eq!(median([9.0, 1_000.0, 11.0]), 11.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median([]), 0.0);
        assert_eq!((ratio(6.0, 4.0), ratio(6.0, 0.0)), (Some(1.5), None));
    }

    #[test]
    fn refusals_are_counted_by_code_and_reason() {
        let tally = Tally::default();
        let details = ErrorDetails::with_error_info("OVERLOADED", "consign", HashMap::new());
        let refusal = Status::with_error_details(Code::ResourceExhausted, "full", details);
        tally.refused(&refusal);
        tally.refused(&refusal);
        tally.refused(&Status::unavailable("gone"));
        let refusals: Vec<_> = tally.snapshot().refusals.into_iter().collect();
        let expected = [("ResourceExhausted/OVERLOADED".to_owned(), 2), ("Unavailable".to_owned(), 1)];
        assert_eq!(refusals, expected);
    }
}
