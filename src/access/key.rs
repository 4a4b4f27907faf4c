//! API keys: random, shown once, and known by their hash only.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::crypto::ring;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::Invalid;

/// What every key begins with, so that scanners for leaked secrets can find it.
const PREFIX: &str = "consign_";

/// Random bytes of a key: 256 bits, which nobody guesses, so that a plain hash of it may be kept.
const RANDOM_BYTES: usize = 32;

/// A key in the clear, for the one who is to have it. It is never logged.
pub struct ApiKey(String);

impl ApiKey {
    /// A new key; None: the operating system gives no random numbers.
    pub fn generate() -> Option<Self> {
        let mut random = [0; RANDOM_BYTES];
        ring::default_provider().secure_random.fill(&mut random).ok()?;
        Some(Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random))))
    }

    /// To be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

/// The SHA-256 of a key, as 64 hexadecimal digits: what settings and database have of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    pub fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    pub fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

impl FromStr for KeyHash {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad =
            || Invalid::new("must be the SHA-256 of a key, 64 hexadecimal digits: `consign key` prints it");
        if text.len() != 64 || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for KeyHash {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}
