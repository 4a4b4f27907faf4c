//! API keys that calls made.

use std::sync::Arc;

use sea_orm::EntityTrait;

use crate::domain::{Actor, IssuedKey, KeyId, Revocation, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

/// The counter of changes of keys: processes look there for whether they have missed one.
pub(in crate::store) const KEY_CHANGES: &str = "api_keys";

table! {
    "api_keys" as api_keys (id: KeyId) {
        version: i64,
        principal: Actor,
        hash: Vec<u8>,
        roles: String,
        names_persons: bool,
        note: String,
        expires_at: Option<Timestamp>,
        created_by: Actor,
        created_at: Timestamp,
        revoked: bool,
        revoked_by: Option<Actor>,
        revoked_at: Option<Timestamp>,
        revoke_reason: Option<String>,
    }
}

pub(in crate::store) fn to_row(key: &IssuedKey) -> Result<api_keys::Model, StoreError> {
    let IssuedKey {
        id,
        version,
        principal,
        hash,
        roles,
        names_persons,
        note,
        expires_at,
        created_by,
        created_at,
        revoked,
    } = key;
    let by = revoked.as_ref().map(|it| it.by.clone());
    Ok(api_keys::Model {
        id: *id,
        version: *version,
        principal: principal.clone(),
        hash: hash.to_vec(),
        roles: roles.join(" "),
        names_persons: *names_persons,
        note: note.clone(),
        expires_at: *expires_at,
        created_by: created_by.clone(),
        created_at: *created_at,
        revoked: revoked.is_some(),
        revoked_by: by,
        revoked_at: revoked.as_ref().map(|it| it.at),
        revoke_reason: revoked.as_ref().map(|it| it.reason.clone()),
    })
}

pub(in crate::store) fn read(row: &Row) -> Result<IssuedKey, StoreError> {
    let api_keys::Model {
        id,
        version,
        principal,
        hash,
        roles,
        names_persons,
        note,
        expires_at,
        created_by,
        created_at,
        revoked: _,
        revoked_by,
        revoked_at,
        revoke_reason,
    } = api_keys::Model::read(row)?;
    let hash = <[u8; 32]>::try_from(hash.as_slice())
        .map_err(|_| StoreError::corrupt("api_keys", format!("a hash of {} bytes", hash.len())))?;
    let revoked = match (revoked_by, revoked_at, revoke_reason) {
        (Some(by), Some(at), Some(reason)) => Some(Revocation { by, at, reason }),
        _ => None,
    };
    Ok(IssuedKey {
        id,
        version,
        principal,
        hash,
        roles: roles.split_whitespace().map(str::to_owned).collect(),
        names_persons,
        note,
        expires_at,
        created_by,
        created_at,
        revoked,
    })
}

/// The same with its id, as a decision finds it.
pub(in crate::store) fn found(row: &Row) -> Result<(KeyId, Arc<IssuedKey>), StoreError> {
    let key = read(row)?;
    Ok((key.id, Arc::new(key)))
}
