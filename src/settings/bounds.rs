//! What values of settings are held against, and read as.

use std::fmt;
use std::time::Duration;

use crate::domain::Problems;

/// Two capital letters, as in ISO 3166.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|it| it.is_ascii_uppercase())
}

pub(super) fn within<T: Copy + PartialOrd + fmt::Display>(
    bad: &mut Problems,
    key: &str,
    value: T,
    least: T,
    most: T,
) {
    if value < least || value > most {
        bad.add(key, format!("{value} is not between {least} and {most}"));
    }
}

pub(super) fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}
