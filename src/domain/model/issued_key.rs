//! An API key that a call made, beside those that the settings name. The key itself is nowhere: only its hash is kept.

use crate::domain::model::scalars::{Actor, KeyId};
use crate::domain::model::time::Timestamp;

/// Keys that are not revoked, at most: every process holds them in memory.
pub const LIVE_KEYS_MAX: usize = 1_000;

/// An API key. But for its end it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedKey {
    pub id: KeyId,
    pub version: i64,
    /// Who calls with it. Several keys may be one caller's.
    pub principal: Actor,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// Words of roles. One that is not known any more gives nothing.
    pub roles: Vec<String>,
    /// Whether its caller is trusted to act for persons that it names.
    pub names_persons: bool,
    /// What it is for.
    pub note: String,
    /// None: never.
    pub expires_at: Option<Timestamp>,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub revoked: Option<Revocation>,
}

/// Why a key lets nobody in any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub by: Actor,
    pub at: Timestamp,
    pub reason: String,
}
