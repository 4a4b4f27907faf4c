//! Those who may call, by what they show, and where that is known from: the settings and the database.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::access::certificate::Certificate;
use crate::access::denied::Denied;
use crate::access::grant::Grant;
use crate::access::key::KeyHash;
use crate::domain::{Actor, Carriers, IssuedKey, KeyId, Timestamp};
use crate::pb::Permission;

/// Who calls, as what it shows says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: Actor,
    pub permissions: BTreeSet<Permission>,
    /// Whether it is trusted to act for persons that it names.
    pub names_persons: bool,
    /// Whose shipments it sees where it may not see all.
    pub carriers: Carriers,
}

/// A principal as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    pub principal: Arc<Principal>,
    /// More than one while a key is replaced.
    pub keys: Vec<KeyHash>,
    pub expires: Option<Timestamp>,
}

/// A principal who is known by a name of its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateHolder {
    pub principal: Arc<Principal>,
    pub subject: String,
}

/// A principal with a key of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedHolder {
    pub id: KeyId,
    pub holder: KeyHolder,
}

impl IssuedHolder {
    pub fn of(key: &IssuedKey) -> Self {
        let grants: Vec<Grant> = key.roles.iter().filter_map(|it| it.parse().ok()).collect();
        let principal = Principal {
            name: key.principal.clone(),
            permissions: Grant::permissions_of(&grants),
            names_persons: key.names_persons,
            carriers: Grant::carriers_of(&grants),
        };
        let (principal, keys) = (Arc::new(principal), vec![KeyHash::from_bytes(key.hash)]);
        Self { id: key.id, holder: KeyHolder { principal, keys, expires: key.expires_at } }
    }
}

/// Those whom the settings name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    pub keys: Vec<KeyHolder>,
    pub certificates: Vec<CertificateHolder>,
}

impl From<Vec<KeyHolder>> for Named {
    fn from(keys: Vec<KeyHolder>) -> Self {
        Self { keys, certificates: Vec::new() }
    }
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = &Actor> {
        let by_certificate = self.certificates.iter().map(|it| &it.principal.name);
        self.keys.iter().map(|it| &it.principal.name).chain(by_certificate)
    }
}

/// Where callers are known from.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) settings: Named,
    pub(super) issued: Vec<IssuedHolder>,
    /// Whether everybody has to show who they are even if nobody is known: the settings say so, or the database ever had a
    /// key.
    pub(super) asks_anyway: bool,
    /// By the id of the key: whether it was used since this was last asked.
    pub(super) used: HashMap<KeyId, Arc<AtomicBool>>,
}

impl Sources {
    /// A name that the settings have is theirs, in small and large letters: keys of the database under that name let nobody in.
    pub(super) fn holders(&self) -> Holders {
        let mut by_key = HashMap::new();
        let of_settings: Vec<Actor> = self.settings.names().cloned().collect();
        for IssuedHolder { id, holder } in &self.issued {
            let name = &holder.principal.name;
            if of_settings.iter().any(|it| it.is_same_person(name)) {
                tracing::error!(key = %id, %name, "the settings have this name: the key of the database lets nobody in");
                continue;
            }
            let used = self.used.get(id).cloned();
            let known = |key: &KeyHash| (*key, Known { holder: holder.clone(), used: used.clone() });
            by_key.extend(holder.keys.iter().map(known));
        }
        for holder in &self.settings.keys {
            let known = |key: &KeyHash| (*key, Known { holder: holder.clone(), used: None });
            by_key.extend(holder.keys.iter().map(known));
        }
        let certificates = self.settings.certificates.iter();
        Holders {
            by_key,
            by_subject: certificates.map(|it| (it.subject.clone(), Arc::clone(&it.principal))).collect(),
            of_settings,
            asks: self.asks_anyway || !self.settings.is_empty(),
        }
    }
}

/// Who may call, by the hashes of their keys and the names of their certificates.
pub(super) struct Holders {
    pub(super) by_key: HashMap<KeyHash, Known>,
    by_subject: HashMap<String, Arc<Principal>>,
    of_settings: Vec<Actor>,
    /// False: everybody is believed to be who they say.
    pub(super) asks: bool,
}

pub(super) struct Known {
    pub(super) holder: KeyHolder,
    /// Of a key of the database: set when it is used.
    pub(super) used: Option<Arc<AtomicBool>>,
}

impl Holders {
    /// Whether the settings have this name, in small or large letters.
    pub(super) fn is_in_settings(&self, name: &Actor) -> bool {
        self.of_settings.iter().any(|it| it.is_same_person(name))
    }

    pub(super) fn names(&self) -> BTreeSet<Actor> {
        let by_certificate = self.by_subject.values().map(|it| it.name.clone());
        self.by_key.values().map(|it| it.holder.principal.name.clone()).chain(by_certificate).collect()
    }

    /// Whose certificate it is. It stays good for as long as it says itself, on a connection that is open too.
    pub(super) fn of_certificate(
        &self,
        certificate: &Certificate,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Denied> {
        if self.by_subject.is_empty() {
            return Err(Denied::NoKey);
        }
        let mut found = certificate.names.iter().filter_map(|it| self.by_subject.get(it));
        let principal = found.next().ok_or_else(|| Denied::UnknownCertificate(certificate.told()))?;
        if found.any(|it| it.name != principal.name) {
            return Err(Denied::SharedCertificate(certificate.told()));
        }
        if certificate.expires <= now {
            return Err(Denied::ExpiredCertificate(certificate.told()));
        }
        Ok(Arc::clone(principal))
    }
}
