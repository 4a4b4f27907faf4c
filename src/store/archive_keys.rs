//! The master keys of the archive, and what is sealed with them: AES-256-GCM under a data key that seals one text and stands
//! before it, wrapped by a master key. Both are bound to where the text belongs.

use std::collections::BTreeMap;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

const KEY_BYTES: usize = 32;

/// A data key with the tag that proves it.
const WRAPPED_BYTES: usize = KEY_BYTES + MAX_TAG_LEN;

/// Master keys by their versions; the last is the one in use. Without any, archived orders stay in the open.
#[derive(Clone, Default)]
pub struct ArchiveKeys(Arc<BTreeMap<u32, MasterKey>>);

struct MasterKey {
    wrapping: LessSafeKey,
    index: hmac::Key,
}

/// Why something is not sealed, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum SealFault {
    /// The master key of this version is not here.
    NoKey(u32),
    /// It was changed, belongs to another place, or is another key's.
    Broken,
}

impl ArchiveKeys {
    /// Of 256 bits each.
    pub fn new(keys: impl IntoIterator<Item = (u32, [u8; KEY_BYTES])>) -> Self {
        let keys = keys.into_iter().map(|(version, bytes)| (version, MasterKey::new(&bytes)));
        Self(Arc::new(keys.collect()))
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What orders of this e-mail address are found by that are sealed under any of the keys. `email` in its caseless form.
    pub(in crate::store) fn blind_indexes(&self, email: &str) -> Vec<String> {
        self.0.iter().map(|(version, it)| it.blind_index(*version, email)).collect()
    }

    /// The one of those that are sealed under this key. None: it is not here.
    pub(in crate::store) fn blind_index(&self, version: u32, email: &str) -> Option<String> {
        self.0.get(&version).map(|it| it.blind_index(version, email))
    }

    /// Where the indexes stand, byte by byte, of orders that are sealed under keys that are not here: from one text on, up to
    /// before the other.
    pub(in crate::store) fn ranges_of_others(&self) -> Vec<(String, String)> {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut from = "sealed:".to_owned();
        for version in self.0.keys() {
            let own = beginning_of_index(*version);
            ranges.push((from, format!("{own}:")));
            // The byte that follows a colon.
            from = format!("{own};");
        }
        ranges.push((from, "sealed;".to_owned()));
        ranges
    }

    /// Seals a text under a key of its own.
    pub(in crate::store) fn seal(
        &self,
        version: u32,
        bound_to: &[u8],
        mut text: Vec<u8>,
    ) -> Result<Vec<u8>, SealFault> {
        let master = self.0.get(&version).ok_or(SealFault::NoKey(version))?;
        let (mut data_key, mut nonce) = ([0_u8; KEY_BYTES], [0_u8; NONCE_LEN]);
        let random = SystemRandom::new();
        random.fill(&mut data_key).map_err(|_| SealFault::Broken)?;
        random.fill(&mut nonce).map_err(|_| SealFault::Broken)?;

        gcm(&data_key)
            .seal_in_place_append_tag(only_nonce(), Aad::from(bound_to), &mut text)
            .map_err(|_| SealFault::Broken)?;
        let mut wrapped = data_key.to_vec();
        master
            .wrapping
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut wrapped)
            .map_err(|_| SealFault::Broken)?;

        let mut sealed = nonce.to_vec();
        sealed.extend(wrapped);
        sealed.extend(text);
        Ok(sealed)
    }

    /// The text that was sealed under this key, bound to this place.
    pub(in crate::store) fn open(
        &self,
        version: u32,
        bound_to: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealFault> {
        let master = self.0.get(&version).ok_or(SealFault::NoKey(version))?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealFault::Broken)?;
        let (wrapped, text) = rest.split_first_chunk::<WRAPPED_BYTES>().ok_or(SealFault::Broken)?;

        let (mut wrapped, mut text) = (*wrapped, text.to_vec());
        let data_key = master
            .wrapping
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound_to), &mut wrapped)
            .map_err(|_| SealFault::Broken)?;
        let opened = gcm(data_key)
            .open_in_place(only_nonce(), Aad::from(bound_to), &mut text)
            .map_err(|_| SealFault::Broken)?;
        let length = opened.len();
        text.truncate(length);
        Ok(text)
    }
}

impl MasterKey {
    /// A key has one purpose, so each is derived from the master key.
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let wrapping = hmac::sign(&master, b"consign archive: data keys");
        let index = hmac::sign(&master, b"consign archive: e-mail addresses");
        Self { wrapping: gcm(wrapping.as_ref()), index: hmac::Key::new(hmac::HMAC_SHA256, index.as_ref()) }
    }

    /// HMAC-SHA-256 of the address: who does not have the key cannot try addresses. No address has no index.
    fn blind_index(&self, version: u32, email: &str) -> String {
        if email.is_empty() {
            return String::new();
        }
        let tag = hmac::sign(&self.index, email.as_bytes());
        let digits: String = tag.as_ref().iter().map(|it| format!("{it:02x}")).collect();
        format!("{}:{digits}", beginning_of_index(version))
    }
}

/// In as many digits as the highest version has, so that texts and versions have one order.
fn beginning_of_index(version: u32) -> String {
    format!("sealed:{version:010}")
}

/// The version of the key that such an index was made with.
pub(in crate::store) fn version_of_index(index: &str) -> Option<u32> {
    index.strip_prefix("sealed:")?.split(':').next()?.parse().ok()
}

fn gcm(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("every key here has 256 bits"))
}

/// A data key seals one text, so that its nonce is used once, whatever it is.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(versions: &[u32]) -> ArchiveKeys {
        ArchiveKeys::new(versions.iter().map(|it| (*it, [it.to_le_bytes()[0]; KEY_BYTES])))
    }

    #[test]
    fn a_sealed_text_opens_where_it_belongs_and_under_its_key_only() {
        let text = b"Ada Lovelace, 12 St James's Square".to_vec();
        let both = keys(&[1, 2]);
        let sealed = both.seal(2, b"here", text.clone()).expect("sealed");
        assert!(!sealed.windows(8).any(|it| text.starts_with(it)), "it is not in the open");
        assert_eq!(both.open(2, b"here", &sealed), Ok(text.clone()));
        assert_eq!(keys(&[2]).open(2, b"here", &sealed), Ok(text.clone()));

        assert_eq!(both.open(2, b"there", &sealed), Err(SealFault::Broken));
        assert_eq!(both.open(1, b"here", &sealed), Err(SealFault::Broken));
        assert_eq!(keys(&[1]).open(2, b"here", &sealed), Err(SealFault::NoKey(2)));
        assert_eq!(keys(&[1]).seal(2, b"here", text.clone()), Err(SealFault::NoKey(2)));
        let again = both.seal(2, b"here", text).expect("sealed");
        assert_ne!(again, sealed, "each has a key of its own");
    }

    #[test]
    fn whatever_byte_of_it_is_changed_or_missing_is_noticed() {
        let keys = keys(&[1]);
        let sealed = keys.seal(1, b"here", b"a text".to_vec()).expect("sealed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(keys.open(1, b"here", &changed), Err(SealFault::Broken), "byte {at}");
            assert_eq!(keys.open(1, b"here", &sealed[..at]), Err(SealFault::Broken), "cut at {at}");
        }
    }

    #[test]
    fn an_address_has_one_index_under_each_key() {
        let both = keys(&[1, 2]);
        let indexes = both.blind_indexes("ada@example.com");
        assert_eq!(indexes.len(), 2);
        assert_ne!(indexes[0], indexes[1]);
        assert_eq!(both.blind_index(2, "ada@example.com").as_ref(), Some(&indexes[1]));
        assert_ne!(both.blind_index(2, "bob@example.com").as_ref(), Some(&indexes[1]));
        assert!(indexes.iter().all(|it| !it.contains('@') && it.starts_with("sealed:")));
        assert_eq!(both.blind_index(1, ""), Some(String::new()));
        assert_eq!(both.blind_index(3, "ada@example.com"), None);
        assert_eq!(indexes.iter().map(|it| version_of_index(it)).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert_eq!(version_of_index("ada@example.com"), None);
        assert!(keys(&[]).is_empty() && keys(&[]).blind_indexes("ada@example.com").is_empty());
    }

    #[test]
    fn an_index_stands_in_the_ranges_of_those_who_do_not_have_its_key() {
        let all = keys(&[1, 2, 9, 10, u32::MAX]);
        let cases: [&[u32]; 4] = [&[], &[1], &[2, 10], &[1, 2, 9, 10, u32::MAX]];
        for here in cases {
            let ranges = keys(here).ranges_of_others();
            for version in [1, 2, 9, 10, u32::MAX] {
                let index = all.blind_index(version, "ada@example.com").expect("its key");
                let is_other = ranges.iter().any(|(from, to)| (from..to).contains(&&index));
                assert_eq!(is_other, !here.contains(&version), "{version} among {here:?}");
            }
        }
    }
}
