//! An API key is created and revoked. What its roles allow is said by `src/access`.

use crate::domain::model::issued_key::{IssuedKey, LIVE_KEYS_MAX, Revocation};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, KeyId};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// A key that was made, of which only the hash is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateApiKey {
    pub principal: Actor,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    pub roles: Vec<String>,
    pub names_persons: bool,
    pub note: String,
    pub expires_at: Option<Timestamp>,
}

impl Command for CreateApiKey {
    const NAME: &'static str = "CreateApiKey";
    type Output = IssuedKey;

    fn reads(&self) -> ReadSet {
        ReadSet { live_api_keys: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<IssuedKey, Refusal> {
        if self.expires_at.is_some_and(|it| it <= unit.now) {
            return Err(Refusal::invalid("api_key.expire_time", "must be in the future"));
        }
        if unit.live_keys() >= LIVE_KEYS_MAX {
            let message = format!("there are {LIVE_KEYS_MAX} API keys; revoke those that nobody uses");
            return Err(Refusal::unmet(Reason::LimitReached, message));
        }

        let key = IssuedKey {
            id: unit.ids.fresh(),
            version: 1,
            principal: self.principal.clone(),
            hash: self.hash,
            roles: self.roles.clone(),
            names_persons: self.names_persons,
            note: self.note.clone(),
            expires_at: self.expires_at,
            created_by: unit.actor.clone(),
            created_at: unit.now,
            revoked: None,
        };
        unit.changes.api_keys.insert(key.id, key.clone().into());
        Ok(key)
    }
}

/// A key lets nobody in any more, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeApiKey {
    pub id: KeyId,
    pub reason: String,
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "RevokeApiKey";
    type Output = IssuedKey;

    fn reads(&self) -> ReadSet {
        ReadSet { api_keys: vec![self.id], ..ReadSet::default() }
    }

    /// Who revoked it first, and why, stays.
    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<IssuedKey, Refusal> {
        let key = unit.issued_key(self.id).cloned().ok_or_else(|| Refusal::not_found("API key", self.id))?;
        if key.revoked.is_some() {
            return Ok(key);
        }
        let revoked = Revocation {
            by: unit.actor.clone(),
            at: unit.now.max(key.created_at),
            reason: self.reason.clone(),
        };
        let key = IssuedKey { version: key.version + 1, revoked: Some(revoked), ..key };
        unit.changes.api_keys.insert(key.id, key.clone().into());
        Ok(key)
    }
}
