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
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::clock::Clock;
use crate::domain::{Actor, Invalid, IssuedKey, KeyId, Timestamp};
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

/// A principal with a key of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedHolder {
    pub id: KeyId,
    pub holder: KeyHolder,
}

impl IssuedHolder {
    pub fn of(key: &IssuedKey) -> Self {
        let roles: Vec<Role> = key.roles.iter().filter_map(|it| Role::named(it)).collect();
        let principal = Principal {
            name: key.principal.clone(),
            permissions: Role::permissions_of(&roles),
            names_persons: key.names_persons,
        };
        let (principal, keys) = (Arc::new(principal), vec![KeyHash::from_bytes(key.hash)]);
        Self { id: key.id, holder: KeyHolder { principal, keys, expires: key.expires_at } }
    }
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
    #[error(
        "callers are believed here, so keys are not asked for; make the first one with `consign keys create --first`, or \
         in the settings"
    )]
    FirstKey,
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
    sources: Mutex<Sources>,
    /// What follows from the sources.
    holders: RwLock<Arc<Holders>>,
    permissions: HashMap<&'static str, Permission>,
    clock: Clock,
}

/// Where keys come from.
#[derive(Default)]
struct Sources {
    settings: Vec<KeyHolder>,
    issued: Vec<IssuedHolder>,
    /// Whether everybody has to show a key even if there is none: the settings say so, or the database ever had one.
    asks_anyway: bool,
    /// By the id of the key: whether it was used since this was last asked.
    used: HashMap<KeyId, Arc<AtomicBool>>,
}

impl Access {
    /// With those whom the settings name.
    pub fn new(holders: Vec<KeyHolder>, clock: Clock) -> Self {
        let sources = Sources { settings: holders, ..Sources::default() };
        let holders = RwLock::new(Arc::new(sources.holders()));
        let permissions = PERMISSIONS.iter().copied().collect();
        Self { sources: Mutex::new(sources), holders, permissions, clock }
    }

    /// The same, and nobody is ever believed.
    pub fn requiring_keys(holders: Vec<KeyHolder>, clock: Clock) -> Self {
        let access = Self::new(holders, clock);
        access.replace_issued(Vec::new(), true);
        access
    }

    /// Puts others in the place of those whom the settings name; streams that are open are asked about again within
    /// seconds. Nobody at all is refused, because then everybody would be believed.
    pub fn replace(&self, holders: Vec<KeyHolder>) -> Result<(), NobodyLeft> {
        let mut sources = self.sources();
        if holders.is_empty() && !sources.asks_anyway && !self.believes_callers() {
            return Err(NobodyLeft);
        }
        sources.settings = holders;
        self.use_sources(&sources);
        Ok(())
    }

    /// Puts others in the place of those who have a key of the database; `ever_issued` says whether it ever had one.
    pub fn replace_issued(&self, issued: Vec<IssuedHolder>, ever_issued: bool) {
        let mut sources = self.sources();
        let mut used = mem::take(&mut sources.used);
        let ids = issued.iter().map(|it| it.id);
        sources.used = ids.map(|id| (id, used.remove(&id).unwrap_or_default())).collect();
        sources.issued = issued;
        sources.asks_anyway |= ever_issued;
        self.use_sources(&sources);
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn use_sources(&self, sources: &Sources) {
        *self.holders.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources.holders());
    }

    fn holders(&self) -> Arc<Holders> {
        Arc::clone(&self.holders.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keys of the database that were used since this was last asked.
    pub fn take_used(&self) -> Vec<KeyId> {
        let sources = self.sources();
        let used = sources.used.iter().filter(|it| it.1.swap(false, Ordering::Relaxed));
        used.map(|it| *it.0).collect()
    }

    /// Whether the settings have a key of that name.
    pub fn is_in_settings(&self, name: &Actor) -> bool {
        self.sources().settings.iter().any(|it| it.principal.name == *name)
    }

    /// Who may call; nobody: callers are believed.
    pub fn names(&self) -> BTreeSet<Actor> {
        self.holders().by_key.values().map(|it| it.holder.principal.name.clone()).collect()
    }

    /// Whether nobody has to show a key.
    pub fn believes_callers(&self) -> bool {
        !self.holders().asks
    }

    /// The name under which a caller acts that is believed.
    pub fn name_of_believed(text: &str) -> Result<Actor, Invalid> {
        text.parse()
    }

    /// Lets in who may call `method` (`consign.v1.OrderService/GetOrder`); None: callers are believed. A method that the
    /// API does not have asks for a key only.
    pub fn admit(&self, method: &str, headers: &HeaderMap) -> Result<Option<Pass>, Denied> {
        let holders = self.holders();
        if !holders.asks {
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
            _ if !holders.asks => Ok(()),
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
        let Known { holder, used } = holders.by_key.get(key).ok_or(Denied::UnknownKey)?;
        if let Some(expired) = holder.expires.filter(|it| *it <= (self.clock)()) {
            return Err(Denied::ExpiredKey(holder.principal.name.clone(), expired));
        }
        // Most of the time it is set already: then nobody else's cache is disturbed.
        if let Some(used) = used.as_ref().filter(|it| !it.load(Ordering::Relaxed)) {
            used.store(true, Ordering::Relaxed);
        }
        Ok(Arc::clone(&holder.principal))
    }

    /// Whose key this is. None: callers are believed.
    pub fn holder(&self, key: &str) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if !holders.asks {
            return Ok(None);
        }
        self.holder_of(&holders, &KeyHash::of(key)).map(Some)
    }

    /// The same of the key that a call shows.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if !holders.asks {
            return Ok(None);
        }
        self.holder_of(&holders, &sent_key(headers)?).map(Some)
    }
}

/// Who may call, by the hashes of their keys.
struct Holders {
    by_key: HashMap<KeyHash, Known>,
    /// False: everybody is believed to be who they say.
    asks: bool,
}

struct Known {
    holder: KeyHolder,
    /// Of a key of the database: set when it is used.
    used: Option<Arc<AtomicBool>>,
}

impl Sources {
    /// A name that the settings have is theirs: keys of the database under that name let nobody in.
    fn holders(&self) -> Holders {
        let mut by_key = HashMap::new();
        let of_settings: BTreeSet<&Actor> = self.settings.iter().map(|it| &it.principal.name).collect();
        for IssuedHolder { id, holder } in &self.issued {
            let name = &holder.principal.name;
            if of_settings.contains(name) {
                tracing::error!(key = %id, %name, "access.keys has this name: the key of the database lets nobody in");
                continue;
            }
            let used = self.used.get(id).cloned();
            let known = |key: &KeyHash| (*key, Known { holder: holder.clone(), used: used.clone() });
            by_key.extend(holder.keys.iter().map(known));
        }
        for holder in &self.settings {
            let known = |key: &KeyHash| (*key, Known { holder: holder.clone(), used: None });
            by_key.extend(holder.keys.iter().map(known));
        }
        Holders { by_key, asks: self.asks_anyway || !self.settings.is_empty() }
    }
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
