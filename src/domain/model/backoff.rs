//! How long something that failed rests before it is tried again.

use std::time::Duration;

/// The pause after so many failed attempts: 2, 4, 8 … seconds, and never more than `longest`. One second before any.
pub fn backoff(attempts: u32, longest: Duration) -> Duration {
    let seconds = 1_u64.checked_shl(attempts).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONGEST: Duration = Duration::from_secs(300);

    #[test]
    fn every_pause_is_twice_the_one_before_up_to_the_longest() {
        let pauses = (1..=10).map(|it| backoff(it, LONGEST).as_secs());
        assert_eq!(pauses.collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    proptest! {
        #[test]
        fn no_pause_is_shorter_than_the_one_before_or_longer_than_the_longest(attempts in 0..u32::MAX) {
            let (pause, next) = (backoff(attempts, LONGEST), backoff(attempts + 1, LONGEST));
            prop_assert!(Duration::ZERO < pause && pause <= next && next <= LONGEST);
        }
    }
}
