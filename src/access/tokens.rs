//! Tokens as a server takes them: the issuer's keys as they are now, and the tokens that were good, which are not checked
//! anew with every call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hashlink::LruCache;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::access::denied::Denied;
use crate::access::grant::Grant;
use crate::access::holders::Principal;
use crate::access::token::{Claims, TokenFault, TokenRules, verify};
use crate::access::token_keys::{KeyPrint, KeySet};
use crate::domain::Timestamp;

/// How many good tokens are remembered; then the one that was used longest ago is checked anew.
const REMEMBERED_MAX: usize = 10_000;

/// Who calls, as a token said that was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenHolder {
    pub(super) principal: Arc<Principal>,
    expires: Timestamp,
    key: KeyPrint,
}

/// Takes tokens of one issuer.
pub struct Tokens {
    rules: TokenRules,
    keys: RwLock<Arc<KeySet>>,
    /// By the hash of the token, so that no token stays in memory.
    remembered: Mutex<LruCache<[u8; 32], Arc<TokenHolder>>>,
    missing: Notify,
}

impl Tokens {
    pub fn new(rules: TokenRules, keys: KeySet) -> Self {
        let remembered = Mutex::new(LruCache::new(REMEMBERED_MAX));
        Self { rules, keys: RwLock::new(Arc::new(keys)), remembered, missing: Notify::new() }
    }

    /// Takes tokens that these keys have signed, and no others any more. Returns whether they are others than before.
    pub fn use_keys(&self, keys: KeySet) -> bool {
        if *self.keys() == keys {
            return false;
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.remembered().clear();
        true
    }

    /// Waits until a token names a key that is not known. Several before the next look are one.
    pub async fn key_is_missing(&self) {
        self.missing.notified().await;
    }

    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remembered(&self) -> MutexGuard<'_, LruCache<[u8; 32], Arc<TokenHolder>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who shows this token.
    pub(super) fn holder(&self, token: &str, now: Timestamp) -> Result<Arc<TokenHolder>, Denied> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.remembered().get(&hash) {
            return Ok(Arc::clone(known));
        }
        let keys = self.keys();
        let claims = verify(token, &keys, &self.rules, now).map_err(|fault| self.refused(fault))?;
        let Claims { name, grants, expires, key } = claims;
        let principal = Principal {
            name,
            permissions: Grant::permissions_of(&grants),
            names_persons: false,
            carriers: Grant::carriers_of(&grants),
        };
        let holder = Arc::new(TokenHolder { principal: Arc::new(principal), expires, key });
        let mut remembered = self.remembered();
        // If the keys were replaced meanwhile, what the old ones say is not kept.
        if Arc::ptr_eq(&keys, &self.keys()) {
            remembered.insert(hash, Arc::clone(&holder));
        }
        Ok(holder)
    }

    /// Whether a token that was good still is: it may be over, or its key taken away.
    pub(super) fn still_takes(&self, holder: &TokenHolder, now: Timestamp) -> Result<(), Denied> {
        if holder.expires <= now {
            return Err(self.refused(TokenFault::Expired));
        }
        if !self.keys().has(&holder.key) {
            return Err(self.refused(TokenFault::UnknownKey));
        }
        Ok(())
    }

    /// The log hears why, and the caller whether a new token would do.
    pub(super) fn refused(&self, fault: TokenFault) -> Denied {
        tracing::info!(why = %fault, "a token is refused");
        match fault {
            TokenFault::Expired => Denied::ExpiredToken,
            TokenFault::UnknownKey => {
                self.missing.notify_one();
                Denied::BadToken
            }
            TokenFault::Form
            | TokenFault::Algorithm
            | TokenFault::Header
            | TokenFault::Signature
            | TokenFault::Claims
            | TokenFault::Issuer
            | TokenFault::Audience
            | TokenFault::NotYet
            | TokenFault::Name
            | TokenFault::Grants
            | TokenFault::NameTaken => Denied::BadToken,
        }
    }
}
