//! The chance in decisions: fresh ids, and what nobody can guess.

use std::sync::LazyLock;

use rustls::crypto::ring;

use crate::domain::{Ids, Timestamp};

/// What a decision of this time makes its ids of.
pub(in crate::store) fn fresh_ids(now: Timestamp) -> Ids {
    Ids::seeded(now, fastrand::u64(..)).keyed(*KEY)
}

/// From the operating system, once: what is made of it is found from nothing that anybody gets to see.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut key = [0; 32];
    let source = ring::default_provider().secure_random;
    source.fill(&mut key).expect("the operating system gives random numbers");
    key
});
