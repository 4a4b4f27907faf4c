//! Parses requests about API keys.

use crate::access::{ApiKey, GRANTS_MAX, Grant, is_anonymous};
use crate::domain::{Actor, CreateApiKey, Problems, RevokeApiKey};
use crate::pb;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{REASON_MAX, entries, id, required, required_text, text, timestamp};

/// What a key is for, in characters.
const NOTE_MAX: usize = 500;

list_requests! {
    list_api_keys: ListApiKeysRequest,
    list_data_access: ListDataAccessRequest,
}

/// A new key, with the roles that it is for.
pub(super) struct NewKey {
    pub(super) command: CreateApiKey,
    pub(super) roles: Vec<Grant>,
}

pub(super) fn create_api_key(
    request: pb::CreateApiKeyRequest,
    key: &ApiKey,
    is_taken: impl Fn(&Actor) -> bool,
    bad: &mut Problems,
) -> Option<NewKey> {
    let pb::CreateApiKeyRequest { api_key, request_id: _, validate_only: _ } = request;
    let pb::ApiKey {
        id: _,
        principal,
        roles,
        names_persons,
        expire_time,
        note,
        created_by: _,
        create_time: _,
        last_used_date: _,
        revocation: _,
    } = required("api_key", api_key, bad)?;
    let principal = principal_of(&principal, is_taken, bad);
    let roles = key_roles(roles, bad);
    let expires_at = timestamp("api_key.expire_time", expire_time, bad);
    let note = text("api_key.note", note, NOTE_MAX, bad);
    let command = CreateApiKey {
        principal: principal?,
        hash: key.hash().bytes(),
        roles: roles.iter().map(ToString::to_string).collect(),
        names_persons,
        note,
        expires_at,
    };
    Some(NewKey { command, roles })
}

fn principal_of(name: &str, is_taken: impl Fn(&Actor) -> bool, bad: &mut Problems) -> Option<Actor> {
    let field = "api_key.principal";
    let principal: Actor = id(field, name, bad)?;
    if is_anonymous(principal.as_str()) {
        bad.add(field, "is what callers are called who do not say who they are");
    } else if is_taken(&principal) {
        bad.add(field, "has keys in the settings: change them there");
    }
    Some(principal)
}

fn key_roles(given: Vec<String>, bad: &mut Problems) -> Vec<Grant> {
    let mut roles = Vec::new();
    for (index, word) in entries("api_key.roles", given, 1..=GRANTS_MAX, bad) {
        let field = format!("api_key.roles[{index}]");
        match word.parse::<Grant>() {
            Ok(role) if roles.contains(&role) => bad.add(field, "is named twice"),
            Ok(role) => roles.push(role),
            Err(why) => bad.add(field, why.to_string()),
        }
    }
    roles
}

pub(super) fn revoke_api_key(request: pb::RevokeApiKeyRequest, bad: &mut Problems) -> Option<RevokeApiKey> {
    let pb::RevokeApiKeyRequest { api_key_id, reason, request_id: _, validate_only: _ } = request;
    let reason = required_text("reason", reason, REASON_MAX, bad);
    Some(RevokeApiKey { id: id("api_key_id", &api_key_id, bad)?, reason })
}
