//! Who calls, and what they may do: callers show an API key, keys have roles, roles have permissions, and each method asks
//! for one.
//!
//! | file | what it has |
//! |---|---|
//! | `key` | API keys: made once, recognised by their hash |
//! | `role` | what each role may do |

mod key;
mod role;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::clock::Clock;
use crate::domain::{Actor, Timestamp};
use crate::pb::Permission;

pub use key::{ApiKey, KeyHash};
pub use role::Role;

/// The metadata key under which callers name themselves, or the person on whose behalf they act.
pub const ACTOR: &str = "consign-actor";

/// The actor of a call that names none, while callers are believed.
pub const ANONYMOUS: &str = "anonymous";

/// The permission that each method asks for, as the proto says: `consign.v1.OrderService/GetOrder`.
pub const PERMISSIONS: &[(&str, Permission)] = include!(concat!(env!("OUT_DIR"), "/permissions.rs"));

/// Who calls, as its key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: Actor,
    pub permissions: BTreeSet<Permission>,
    /// Whether it is trusted to act for persons that it names.
    pub names_persons: bool,
}

/// A principal as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    pub principal: Arc<Principal>,
    /// More than one while a key is replaced.
    pub keys: Vec<KeyHash>,
    pub expires: Option<Timestamp>,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("an API key is required: send the metadata `authorization: Bearer KEY`")]
    NoKey,
    #[error("the API key is not known here")]
    UnknownKey,
    #[error("the API key of {0} expired at {1}")]
    ExpiredKey(Actor, Timestamp),
    #[error("{0} has no role with the permission {permission}", permission = name_of(*.1))]
    Lacks(Actor, Permission),
    #[error("{0} may not act for others: leave consign-actor out, or set names_persons for its key")]
    NamesPerson(Actor),
}

/// `READ_ORDERS` for [`Permission::ReadOrders`].
pub fn name_of(permission: Permission) -> &'static str {
    let name = permission.as_str_name();
    name.strip_prefix("PERMISSION_").unwrap_or(name)
}

/// Those who may call. Empty: everybody is believed to be who they say.
pub struct Access {
    holders: HashMap<KeyHash, KeyHolder>,
    permissions: HashMap<&'static str, Permission>,
    clock: Clock,
}

impl Access {
    pub fn new(holders: Vec<KeyHolder>, clock: Clock) -> Self {
        let by_key = holders.into_iter().flat_map(|it| {
            let keys = it.keys.clone();
            keys.into_iter().map(move |key| (key, it.clone()))
        });
        Self { holders: by_key.collect(), permissions: PERMISSIONS.iter().copied().collect(), clock }
    }

    /// Whether nobody has to show a key.
    pub fn believes_callers(&self) -> bool {
        self.holders.is_empty()
    }

    /// Who calls `method` (`consign.v1.OrderService/GetOrder`); None: callers are believed. A method that the API does not
    /// have asks for a key only.
    pub fn admit(&self, method: &str, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Denied> {
        let Some(principal) = self.identify(headers)? else { return Ok(None) };
        match self.permissions.get(method) {
            Some(permission) if !principal.permissions.contains(permission) => {
                Err(Denied::Lacks(principal.name.clone(), *permission))
            }
            Some(_) | None => Ok(Some(principal)),
        }
    }

    /// Whose key it is. None: callers are believed.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Denied> {
        if self.believes_callers() {
            return Ok(None);
        }
        let sent = headers.get(AUTHORIZATION).ok_or(Denied::NoKey)?;
        let sent = sent.to_str().ok().and_then(bearer).ok_or(Denied::UnknownKey)?;
        // What is looked up is a hash of what was sent: how long that takes says nothing about a key.
        let holder = self.holders.get(&KeyHash::of(sent)).ok_or(Denied::UnknownKey)?;
        match holder.expires.filter(|it| *it <= (self.clock)()) {
            Some(expired) => Err(Denied::ExpiredKey(holder.principal.name.clone(), expired)),
            None => Ok(Some(Arc::clone(&holder.principal))),
        }
    }
}

/// The key of `Bearer KEY`; the scheme in any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
