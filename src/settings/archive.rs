//! The master keys that archived orders are sealed with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Problems;
use crate::settings::secret::SigningKey;

/// What archived orders are sealed with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveSettings {
    /// Master keys of 256 bits, as 64 hexadecimal digits, by their versions: whole numbers from 1. The last is in use; those
    /// before it open what was sealed under them. None: archived orders stay in the open.
    pub keys: BTreeMap<String, SigningKey>,
}

impl ArchiveSettings {
    /// The keys, once they were checked.
    pub fn master_keys(&self) -> BTreeMap<u32, [u8; 32]> {
        let keys = self.keys.iter();
        keys.filter_map(|(version, key)| Some((version_of(version)?, key_of(key.bytes())?))).collect()
    }

    /// The version of the key in use.
    pub fn key_in_use(&self) -> Option<u32> {
        self.keys.keys().filter_map(|it| version_of(it)).max()
    }

    pub(super) fn check(&self, bad: &mut Problems) {
        for (version, key) in &self.keys {
            let field = format!("archive.keys.{version}");
            if version_of(version).is_none() {
                bad.add(&field, "must be under a version: a whole number from 1");
            }
            if key_of(key.bytes()).is_none() {
                bad.add(field, "must have 64 hexadecimal digits");
            }
        }
    }
}

/// Written in one way only, so that no version is there twice.
fn version_of(text: &str) -> Option<u32> {
    text.parse().ok().filter(|it: &u32| *it > 0 && it.to_string() == text)
}

fn key_of(digits: &[u8]) -> Option<[u8; 32]> {
    let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    };
    let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
    bytes.try_into().ok()
}
