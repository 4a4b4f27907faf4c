//! What is kept with an event for the chain of its order's events: its link, and what stands in the chain for its words.
//! Nothing is encrypted here; sealing archived orders is another thing (`src/domain/privacy/seal.rs`).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::domain::model::scalars::{Actor, Ids};

const SALT_BYTES: usize = 16;

/// SHA-256 over an event and the link before it. Zeros: before the first event.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

/// A salted commitment to words that may be erased: what stands in the chain for them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Commitment {
    /// While they are there: what their digest is salted with, so that nobody finds them by trying.
    Salt([u8; SALT_BYTES]),
    /// Once they were erased: their digest. What it was salted with is gone.
    Digest([u8; 32]),
}

/// What is kept with an event for the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub link: Link,
    pub text: Commitment,
    pub actor: Commitment,
    /// None: the event has no principal.
    pub principal: Option<Commitment>,
}

impl Seal {
    /// Of an event that is not linked yet.
    pub(in crate::domain) fn salted(ids: &mut Ids, principal: Option<&Actor>) -> Self {
        let mut commitment = || Commitment::Salt(ids.salt());
        let (text, actor) = (commitment(), commitment());
        Self { link: Link::default(), text, actor, principal: principal.map(|_| commitment()) }
    }
}

impl Commitment {
    /// What stands in the chain for these words.
    pub(in crate::domain) fn digest(&self, words: &str) -> [u8; 32] {
        match self {
            Self::Salt(salt) => Sha256::new().chain_update(salt).chain_update(words).finalize().into(),
            Self::Digest(digest) => *digest,
        }
    }

    /// These words are about to be erased.
    pub(in crate::domain) fn erase(&mut self, words: &str) {
        *self = Self::Digest(self.digest(words));
    }

    pub fn is_erased(&self) -> bool {
        matches!(self, Self::Digest(_))
    }
}

/// Of an event that was never sealed: no words have this digest.
impl Default for Commitment {
    fn default() -> Self {
        Self::Digest([0; 32])
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without the salt.
impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_erased() { "Digest" } else { "Salt" })
    }
}

// Stored as bytes: as an array of numbers they would be half as long again.

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = deserializer.deserialize_bytes(Stored)?;
        exactly(&stored).map(Self)
    }
}

/// Their length tells a salt from a digest.
impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Salt(salt) => serializer.serialize_bytes(salt),
            Self::Digest(digest) => serializer.serialize_bytes(digest),
        }
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = deserializer.deserialize_bytes(Stored)?;
        if stored.len() == SALT_BYTES {
            exactly(&stored).map(Self::Salt)
        } else {
            exactly(&stored).map(Self::Digest)
        }
    }
}

fn exactly<const N: usize, E: de::Error>(bytes: &[u8]) -> Result<[u8; N], E> {
    <[u8; N]>::try_from(bytes).map_err(|_| E::custom(format_args!("{} bytes are no seal", bytes.len())))
}

/// Reads bytes, also where a format has them as a sequence of numbers.
struct Stored;

impl<'de> de::Visitor<'de> for Stored {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut numbers: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_keeps_its_digest_and_loses_its_salt() {
        let mut commitment = Commitment::Salt([7; SALT_BYTES]);
        let digest = commitment.digest("ada@example.com");
        assert_ne!(digest, commitment.digest("bob@example.com"));
        assert_ne!(digest, Commitment::Salt([8; SALT_BYTES]).digest("ada@example.com"));

        commitment.erase("ada@example.com");
        assert_eq!(commitment, Commitment::Digest(digest));
        assert!(commitment.is_erased());
        commitment.erase("");
        assert_eq!(commitment.digest(""), digest, "a second time changes nothing");
    }

    #[test]
    fn a_seal_reads_back_as_it_was_written() {
        for principal in [None, Some(Commitment::Salt([1; SALT_BYTES])), Some(Commitment::Digest([255; 32]))]
        {
            let seal = Seal {
                link: Link([200; 32]),
                text: Commitment::Salt([9; SALT_BYTES]),
                actor: Commitment::Digest([3; 32]),
                principal,
            };
            let packed = rmp_serde::to_vec(&seal).expect("bytes");
            assert_eq!(rmp_serde::from_slice::<Seal>(&packed).expect("a seal"), seal);
            let text = serde_json::to_string(&seal).expect("text");
            assert_eq!(serde_json::from_str::<Seal>(&text).expect("a seal"), seal);
        }
        let short = rmp_serde::to_vec(&(Link([1; 32]),)).expect("bytes");
        assert!(rmp_serde::from_slice::<Seal>(&short).is_err());
    }
}
