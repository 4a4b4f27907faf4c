//! Labels: a caller's own words on an order or a product, by which it is found again. They mean nothing to the rules.

use std::collections::BTreeMap;

/// Values by keys.
pub type Labels = BTreeMap<String, String>;

/// How many labels one thing may have.
pub const LABELS_MAX: usize = 32;

/// How long a key may be, and a value, in characters.
pub const LABEL_KEY_MAX: usize = 63;

pub const LABEL_VALUE_MAX: usize = 63;

/// Whether this may be a key: 1 to 63 lower-case letters, digits, `_`, `.` and `-`.
pub fn is_label_key(text: &str) -> bool {
    let is_legal = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_.-".contains(&it);
    (1..=LABEL_KEY_MAX).contains(&text.len()) && text.bytes().all(is_legal)
}
