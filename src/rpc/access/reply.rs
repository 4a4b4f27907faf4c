//! API keys as the API shows them, never the key itself nor its hash; and who was shown customers' data.

use crate::domain::{DataRead, Day, IssuedKey, Revocation};
use crate::pb;
use crate::rpc::reply::{actor, text_of, timestamp};

pub(super) fn api_key(key: &IssuedKey, last_used: Option<Day>) -> pb::ApiKey {
    let IssuedKey {
        id,
        version: _,
        principal,
        hash: _,
        roles,
        names_persons,
        note,
        expires_at,
        created_by,
        created_at,
        revoked,
    } = key;
    pb::ApiKey {
        id: id.to_string(),
        principal: actor(principal),
        roles: roles.clone(),
        names_persons: *names_persons,
        expire_time: expires_at.map(timestamp),
        note: note.clone(),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        last_used_date: text_of(last_used),
        revocation: revoked.as_ref().map(revocation),
    }
}

fn revocation(it: &Revocation) -> pb::ApiKeyRevocation {
    let Revocation { by, at, reason } = it;
    pb::ApiKeyRevocation { actor: actor(by), time: Some(timestamp(*at)), reason: reason.clone() }
}

pub(super) fn data_access(it: &DataRead) -> pb::DataAccess {
    let DataRead { at, principal, actor: person, method, order, customer } = it;
    pb::DataAccess {
        principal: actor(principal),
        actor: actor(person),
        method: method.clone(),
        order_id: text_of(*order),
        customer_id: text_of(*customer),
        time: Some(timestamp(*at)),
    }
}
