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
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::clock::Clock;
use crate::domain::{Actor, Invalid, Timestamp};
use crate::pb::Permission;

pub use key::{ApiKey, KeyHash};
pub use role::Role;

pub use crate::pb::PERMISSIONS;

/// The metadata key under which callers name themselves, or the person on whose behalf they act.
pub const ACTOR: &str = "consign-actor";

/// The actor of a call that names none, while callers are believed.
pub const ANONYMOUS: &str = "anonymous";

/// Who calls, as its key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: Actor,
    pub permissions: BTreeSet<Permission>,
    /// Whether it is trusted to act for persons that it names.
    pub names_persons: bool,
}

/// What let a call in, so that one that lasts can be asked about again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    pub principal: Arc<Principal>,
    key: KeyHash,
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

/// Why the callers cannot be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("access.keys is empty: everybody would be believed, which takes a restart")]
pub struct NobodyLeft;

/// `READ_ORDERS` for [`Permission::ReadOrders`].
pub fn name_of(permission: Permission) -> &'static str {
    let name = permission.as_str_name();
    name.strip_prefix("PERMISSION_").unwrap_or(name)
}

/// Those who may call.
pub struct Access {
    /// Empty: everybody is believed to be who they say.
    holders: RwLock<Arc<Holders>>,
    permissions: HashMap<&'static str, Permission>,
    clock: Clock,
}

impl Access {
    pub fn new(holders: Vec<KeyHolder>, clock: Clock) -> Self {
        let holders = RwLock::new(Arc::new(by_key(holders)));
        Self { holders, permissions: PERMISSIONS.iter().copied().collect(), clock }
    }

    /// Puts others in the place of those who may call; streams that are open are asked about again within seconds. Nobody
    /// at all is refused, because then everybody would be believed.
    pub fn replace(&self, holders: Vec<KeyHolder>) -> Result<(), NobodyLeft> {
        let holders = by_key(holders);
        if holders.is_empty() && !self.believes_callers() {
            return Err(NobodyLeft);
        }
        *self.holders.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(holders);
        Ok(())
    }

    fn holders(&self) -> Arc<Holders> {
        Arc::clone(&self.holders.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who may call; nobody: callers are believed.
    pub fn names(&self) -> BTreeSet<Actor> {
        self.holders().values().map(|it| it.principal.name.clone()).collect()
    }

    /// Whether nobody has to show a key.
    pub fn believes_callers(&self) -> bool {
        self.holders().is_empty()
    }

    /// The name under which a caller acts that is believed.
    pub fn name_of_believed(text: &str) -> Result<Actor, Invalid> {
        text.parse()
    }

    /// Lets in who may call `method` (`consign.v1.OrderService/GetOrder`); None: callers are believed. A method that the
    /// API does not have asks for a key only.
    pub fn admit(&self, method: &str, headers: &HeaderMap) -> Result<Option<Pass>, Denied> {
        let holders = self.holders();
        if holders.is_empty() {
            return Ok(None);
        }
        let key = sent_key(headers)?;
        let principal = self.may_call(&holders, method, &key)?;
        Ok(Some(Pass { principal, key }))
    }

    /// Whether a call that was let in would be let in now; None: it was believed.
    pub fn still_admits(&self, method: &str, pass: Option<&Pass>) -> Result<(), Denied> {
        let holders = self.holders();
        match pass {
            _ if holders.is_empty() => Ok(()),
            Some(pass) => self.may_call(&holders, method, &pass.key).map(drop),
            None => Err(Denied::NoKey),
        }
    }

    fn may_call(&self, holders: &Holders, method: &str, key: &KeyHash) -> Result<Arc<Principal>, Denied> {
        let principal = self.holder_of(holders, key)?;
        match self.permissions.get(method) {
            Some(permission) if !principal.permissions.contains(permission) => {
                Err(Denied::Lacks(principal.name.clone(), *permission))
            }
            Some(_) | None => Ok(principal),
        }
    }

    fn holder_of(&self, holders: &Holders, key: &KeyHash) -> Result<Arc<Principal>, Denied> {
        let holder = holders.get(key).ok_or(Denied::UnknownKey)?;
        match holder.expires.filter(|it| *it <= (self.clock)()) {
            Some(expired) => Err(Denied::ExpiredKey(holder.principal.name.clone(), expired)),
            None => Ok(Arc::clone(&holder.principal)),
        }
    }

    /// Whose key this is. None: callers are believed.
    pub fn holder(&self, key: &str) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if holders.is_empty() {
            return Ok(None);
        }
        self.holder_of(&holders, &KeyHash::of(key)).map(Some)
    }

    /// The same of the key that a call shows.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if holders.is_empty() {
            return Ok(None);
        }
        self.holder_of(&holders, &sent_key(headers)?).map(Some)
    }
}

type Holders = HashMap<KeyHash, KeyHolder>;

fn by_key(holders: Vec<KeyHolder>) -> Holders {
    let by_key = holders.into_iter().flat_map(|it| {
        let keys = it.keys.clone();
        keys.into_iter().map(move |key| (key, it.clone()))
    });
    by_key.collect()
}

/// What is looked up is a hash of what was sent: how long that takes says nothing about a key.
fn sent_key(headers: &HeaderMap) -> Result<KeyHash, Denied> {
    let sent = headers.get(AUTHORIZATION).ok_or(Denied::NoKey)?;
    let sent = sent.to_str().ok().and_then(bearer).ok_or(Denied::UnknownKey)?;
    Ok(KeyHash::of(sent))
}

/// The key of `Bearer KEY`; the scheme in any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
