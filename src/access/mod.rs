//! Who calls, and what they may do: callers show an API key, a token or a certificate, these are of somebody with roles,
//! roles have permissions, and each method asks for one.
//!
//! | file | what it has |
//! |---|---|
//! | `certificate` | clients' certificates: the names in them |
//! | `denied` | why somebody is not let in |
//! | `grant` | what a caller is given: roles, and couriers that it carries for |
//! | `holders` | those who may call, by what they show |
//! | `key` | API keys: made once, recognised by their hash |
//! | `role` | what each role may do |
//! | `token` | tokens of an issuer: whether one is good, as a pure function |
//! | `token_keys` | the keys that they are signed with |
//! | `tokens` | the keys as they are now, and tokens that were good |
//!
//! Where calls are held against it: `src/rpc/admission.rs` (let in, and asked again while a stream lasts),
//! `src/rpc/mask.rs` (what it may see of an answer), `src/rpc/identity.rs` (the caller inside a handler),
//! `src/server/callers.rs` (who is named in the settings).

mod certificate;
mod denied;
mod grant;
mod holders;
mod key;
mod role;
#[cfg(test)]
mod tests;
mod token;
mod token_keys;
mod tokens;

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};

use crate::access::holders::{Holders, Known, Sources};
use crate::access::token::looks_like_token;
use crate::access::tokens::TokenHolder;
use crate::clock::Clock;
use crate::domain::{Actor, Carriers, Invalid, KeyId, Timestamp};
use crate::pb::Permission;

pub use certificate::Certificate;
pub use denied::{Denied, NobodyLeft, name_of};
pub use grant::{GRANTS_MAX, Grant};
pub use holders::{CertificateHolder, IssuedHolder, KeyHolder, Named, Principal};
pub use key::{ApiKey, KeyHash};
pub use role::Role;
pub use token::{TokenFault, TokenRules};
pub use token_keys::{Algorithm, BadKeySet, KeySet};
pub use tokens::Tokens;

pub use crate::pb::{PERMISSIONS, SCOPED_PERMISSIONS};

/// The metadata key under which callers name themselves, or the person on whose behalf they act.
pub const ACTOR: &str = "consign-actor";

/// The actor of a call that names none, while callers are believed.
pub use crate::domain::ANONYMOUS;

/// What a call that lasts shows only to who has these: once one is taken away, it ends.
const SHOWN_TO: [Permission; 2] = [Permission::ReadPersonalData, Permission::ReadMoney];

/// Whether a name is that of callers who name nobody, in small or large letters.
pub fn is_anonymous(name: &str) -> bool {
    name.eq_ignore_ascii_case(ANONYMOUS)
}

/// What the other end of a connection has proved about itself. Among the extensions of every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// None: it showed no certificate, or one that names nobody.
    pub certificate: Option<Arc<Certificate>>,
}

/// What a call shows of who makes it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    authorization: Option<&'a HeaderValue>,
    certificate: Option<&'a Arc<Certificate>>,
}

impl<'a> Shown<'a> {
    pub fn of(headers: &'a HeaderMap, extensions: &'a Extensions) -> Self {
        Self::over(headers, extensions.get())
    }

    pub fn over(headers: &'a HeaderMap, peer: Option<&'a Peer>) -> Self {
        let certificate = peer.and_then(|it| it.certificate.as_ref());
        Self { authorization: headers.get(AUTHORIZATION), certificate }
    }
}

impl<'a> From<&'a HeaderMap> for Shown<'a> {
    fn from(headers: &'a HeaderMap) -> Self {
        Self::over(headers, None)
    }
}

/// What let a call in, so that one that lasts can be asked about again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    pub principal: Arc<Principal>,
    pub scope: Scope,
    proof: Proof,
}

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// The shipments of these couriers.
    Carried(Carriers),
}

impl Scope {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Carried(_), Self::Everything) => false,
            (Self::Carried(carriers), Self::Carried(others)) => carriers.cover(others),
        }
    }
}

/// What says who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Key(KeyHash),
    Token(Arc<TokenHolder>),
    Certificate(Arc<Certificate>),
}

/// Those who may call.
pub struct Access {
    sources: Mutex<Sources>,
    /// What follows from the sources.
    holders: RwLock<Arc<Holders>>,
    /// None: nobody is known by a token.
    tokens: Option<Arc<Tokens>>,
    permissions: HashMap<&'static str, Permission>,
    /// What is enough for a caller's own scope.
    scoped: HashMap<&'static str, Permission>,
    clock: Clock,
}

impl Access {
    /// With those whom the settings name.
    pub fn new(named: impl Into<Named>, clock: Clock) -> Self {
        let sources = Sources { settings: named.into(), ..Sources::default() };
        let holders = RwLock::new(Arc::new(sources.holders()));
        let permissions = PERMISSIONS.iter().copied().collect();
        let scoped = SCOPED_PERMISSIONS.iter().copied().collect();
        Self { sources: Mutex::new(sources), holders, tokens: None, permissions, scoped, clock }
    }

    /// The same, and nobody is ever believed.
    pub fn requiring_keys(named: impl Into<Named>, clock: Clock) -> Self {
        let access = Self::new(named, clock);
        access.replace_issued(Vec::new(), true);
        access
    }

    /// The same, and who shows one of these tokens is let in too; nobody is believed then.
    #[must_use]
    pub fn taking(self, tokens: Option<Arc<Tokens>>) -> Self {
        if tokens.is_some() {
            self.replace_issued(Vec::new(), true);
        }
        Self { tokens, ..self }
    }

    /// Puts others in the place of those whom the settings name; streams that are open are asked about again within
    /// seconds. Nobody at all is refused, because then everybody would be believed.
    pub fn replace(&self, named: impl Into<Named>) -> Result<(), NobodyLeft> {
        let named = named.into();
        let mut sources = self.sources();
        if named.is_empty() && !sources.asks_anyway && !self.believes_callers() {
            return Err(NobodyLeft);
        }
        sources.settings = named;
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

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Keys of the database that were used since this was last asked.
    pub fn take_used(&self) -> Vec<KeyId> {
        let sources = self.sources();
        let used = sources.used.iter().filter(|it| it.1.swap(false, Ordering::Relaxed));
        used.map(|it| *it.0).collect()
    }

    /// Whether the settings have a caller of that name, in small or large letters.
    pub fn is_in_settings(&self, name: &Actor) -> bool {
        self.sources().settings.names().any(|it| it.is_same_person(name))
    }

    /// Who may call; nobody: callers are believed.
    pub fn names(&self) -> BTreeSet<Actor> {
        self.holders().names()
    }

    /// Whether nobody has to show who they are.
    pub fn believes_callers(&self) -> bool {
        !self.holders().asks
    }

    /// The name under which a caller acts that is believed.
    pub fn name_of_believed(text: &str) -> Result<Actor, Invalid> {
        text.parse()
    }

    /// Lets in who may call `method` (`consign.v1.OrderService/GetOrder`); None: callers are believed. A method that the
    /// API does not have asks only who it is.
    pub fn admit<'a>(&self, method: &str, shown: impl Into<Shown<'a>>) -> Result<Option<Pass>, Denied> {
        let holders = self.holders();
        if !holders.asks {
            return Ok(None);
        }
        let proof = self.proof_of(&holders, shown.into())?;
        let (principal, scope) = self.may_call(&holders, method, &proof)?;
        Ok(Some(Pass { principal, scope, proof }))
    }

    /// Whether a call that was let in would be let in now; None: it was believed.
    pub fn still_admits(&self, method: &str, pass: Option<&Pass>) -> Result<(), Denied> {
        let holders = self.holders();
        match pass {
            _ if !holders.asks => Ok(()),
            None => Err(Denied::NoKey),
            Some(pass) => {
                let (principal, scope) = self.may_call(&holders, method, &pass.proof)?;
                let taken = SHOWN_TO.iter().find(|it| {
                    pass.principal.permissions.contains(*it) && !principal.permissions.contains(*it)
                });
                if let Some(taken) = taken {
                    return Err(Denied::Lacks(principal.name.clone(), *taken));
                }
                match scope.covers(&pass.scope) {
                    true => Ok(()),
                    false => Err(Denied::OtherScope(principal.name.clone())),
                }
            }
        }
    }

    fn may_call(
        &self,
        holders: &Holders,
        method: &str,
        proof: &Proof,
    ) -> Result<(Arc<Principal>, Scope), Denied> {
        let principal = self.principal_of(holders, proof)?;
        let Some(asked) = self.permissions.get(method) else { return Ok((principal, Scope::Everything)) };
        if principal.permissions.contains(asked) {
            return Ok((principal, Scope::Everything));
        }
        match self.scoped.get(method) {
            Some(scoped) if principal.permissions.contains(scoped) => {
                let carried = Scope::Carried(principal.carriers.clone());
                Ok((principal, carried))
            }
            Some(_) | None => Err(Denied::Lacks(principal.name.clone(), *asked)),
        }
    }

    fn principal_of(&self, holders: &Holders, proof: &Proof) -> Result<Arc<Principal>, Denied> {
        match proof {
            Proof::Key(key) => self.holder_of(holders, key),
            Proof::Token(token) => {
                let tokens = self.tokens.as_ref().ok_or(Denied::BadToken)?;
                tokens.still_takes(token, self.now())?;
                match holders.is_in_settings(&token.principal.name) {
                    true => Err(tokens.refused(TokenFault::NameTaken)),
                    false => Ok(Arc::clone(&token.principal)),
                }
            }
            Proof::Certificate(certificate) => holders.of_certificate(certificate, self.now()),
        }
    }

    fn holder_of(&self, holders: &Holders, key: &KeyHash) -> Result<Arc<Principal>, Denied> {
        let Known { holder, used } = holders.by_key.get(key).ok_or(Denied::UnknownKey)?;
        if let Some(expired) = holder.expires.filter(|it| *it <= self.now()) {
            return Err(Denied::ExpiredKey(holder.principal.name.clone(), expired));
        }
        // Most of the time it is set already: then nobody else's cache is disturbed.
        if let Some(used) = used.as_ref().filter(|it| !it.load(Ordering::Relaxed)) {
            used.store(true, Ordering::Relaxed);
        }
        Ok(Arc::clone(&holder.principal))
    }

    /// Whose key or token this is. None: callers are believed.
    pub fn holder(&self, key: &str) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if !holders.asks {
            return Ok(None);
        }
        self.principal_of(&holders, &self.proof_by(&holders, key)?).map(Some)
    }

    /// The same of what a call shows.
    pub fn identify<'a>(&self, shown: impl Into<Shown<'a>>) -> Result<Option<Arc<Principal>>, Denied> {
        let holders = self.holders();
        if !holders.asks {
            return Ok(None);
        }
        self.principal_of(&holders, &self.proof_of(&holders, shown.into())?).map(Some)
    }

    /// What a call shows says who makes it: what was sent with the call, or else the certificate of its connection. Wrong
    /// words are not made good by a certificate: their sender believes to be somebody else.
    fn proof_of(&self, holders: &Holders, shown: Shown<'_>) -> Result<Proof, Denied> {
        match (shown.authorization, shown.certificate) {
            (Some(sent), _) => {
                let sent = sent.to_str().ok().and_then(bearer).ok_or(Denied::UnknownKey)?;
                self.proof_by(holders, sent)
            }
            (None, Some(certificate)) => Ok(Proof::Certificate(Arc::clone(certificate))),
            (None, None) => Err(Denied::NoKey),
        }
    }

    /// What is looked up is a hash of what was sent: how long that takes says nothing about a key.
    fn proof_by(&self, holders: &Holders, sent: &str) -> Result<Proof, Denied> {
        let key = KeyHash::of(sent);
        match &self.tokens {
            Some(tokens) if looks_like_token(sent) && !holders.by_key.contains_key(&key) => {
                tokens.holder(sent, self.now()).map(Proof::Token)
            }
            Some(_) | None => Ok(Proof::Key(key)),
        }
    }
}

/// The key or token of `Bearer KEY`; the scheme in any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
