//! Who may call.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::access::{
    CertificateHolder, GRANTS_MAX, Grant, KeyHash, KeyHolder, Named, Principal, is_anonymous,
};
use crate::domain::{Actor, Invalid, Problems, Timestamp};
use crate::settings::tokens::TokenSettings;

/// Length of a certificate's name, in characters.
const SUBJECT_MAX: usize = 500;

/// Who may call, and what they may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSettings {
    /// Whether callers may ask without a key what the API has (gRPC reflection).
    pub open_reflection: bool,
    /// Whether callers may ask without a key whether the server takes calls (gRPC health).
    pub open_health: bool,
    /// Whether callers have to show a key even before there is one, here or in the database.
    pub require_keys: bool,
    /// Whether it is written down who was shown customers' personal data; not while callers are believed.
    pub audit_reads: bool,
    /// How long that is kept.
    pub reads_kept_days: u32,
    /// Callers who are known by a name in the certificate of their connection.
    pub certificates: Vec<CertificateSettings>,
    /// Callers who show a token of an issuer.
    pub tokens: TokenSettings,
    /// Callers by their names. Nobody here nor among `certificates`, and no key in the database: everybody is believed to be
    /// who they say.
    pub keys: BTreeMap<String, KeySettings>,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            open_reflection: true,
            open_health: true,
            require_keys: false,
            audit_reads: false,
            reads_kept_days: 365,
            certificates: Vec::new(),
            tokens: TokenSettings::default(),
            keys: BTreeMap::new(),
        }
    }
}

/// Certificates that the server shows, and asks for. They are read again when the files change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// A PEM file with the server's certificate, and those between it and its authority. None: no TLS.
    pub certificate: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    pub key: Option<PathBuf>,
    /// A PEM file with the authorities of callers' certificates. None: callers need no certificate.
    pub client_authorities: Option<PathBuf>,
}

impl TlsSettings {
    pub(super) fn check(&self, bad: &mut Problems) {
        let Self { certificate, key, client_authorities } = self;
        if certificate.is_some() != key.is_some() {
            let missing = if key.is_none() { "tls.key" } else { "tls.certificate" };
            bad.add(missing, "has to be set too: a certificate and its key belong together");
        }
        if client_authorities.is_some() && certificate.is_none() {
            bad.add("tls.client_authorities", "is for a server that has a certificate itself");
        }
    }
}

/// A caller with a certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSettings {
    /// One of the certificate's alternative names: a URI, or a name in DNS in small letters. Its common name, if it has none
    /// of these.
    pub subject: String,
    /// Who it is, as its calls are recorded.
    pub name: String,
    pub roles: Vec<Grant>,
    /// Whether it may name persons in `consign-actor` on whose behalf it acts.
    #[serde(default)]
    pub names_persons: bool,
}

/// One caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The hashes of its keys: one, or two while a key is replaced.
    pub sha256: Vec<KeyHash>,
    pub roles: Vec<Grant>,
    /// When its keys end, RFC 3339. None: never.
    #[serde(default)]
    pub expires: Option<Moment>,
    /// Whether it may name persons in `consign-actor` on whose behalf it acts.
    #[serde(default)]
    pub names_persons: bool,
}

impl KeySettings {
    /// TOML of the section for a caller of that name.
    pub fn print_as(&self, name: &Actor) -> String {
        let keys = BTreeMap::from([(name.to_string(), self)]);
        let whole = BTreeMap::from([("access", BTreeMap::from([("keys", keys)]))]);
        toml::to_string(&whole).unwrap_or_default()
    }
}

/// An instant as RFC 3339 writes it: `2027-01-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Timestamp);

impl TryFrom<String> for Moment {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let moment = OffsetDateTime::parse(&text, &Rfc3339);
        let moment = moment.map_err(|_| Invalid::new("must be a time such as 2027-01-31T12:00:00Z"))?;
        Ok(Self(Timestamp::from_date_time(moment)))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_string()
    }
}

impl AccessSettings {
    pub(super) fn check(&self, bad: &mut Problems) {
        if !(1..=36_500).contains(&self.reads_kept_days) {
            bad.add("access.reads_kept_days", "must be 1 to 36500");
        }
        self.tokens.check(bad);
        let mut known = BTreeMap::new();
        for (name, key) in &self.keys {
            let at = format!("access.keys.{name}");
            check_name(&at, name, bad);
            if !(1..=2).contains(&key.sha256.len()) {
                bad.add(format!("{at}.sha256"), "must have one hash, or two while a key is replaced");
            }
            check_roles(&at, &key.roles, bad);
            for hash in &key.sha256 {
                if let Some(other) = known.insert(hash.to_string(), name.clone()) {
                    bad.add(format!("{at}.sha256"), format!("is the key of {other} too"));
                }
            }
        }
    }

    pub(super) fn check_certificates(&self, tls: &TlsSettings, bad: &mut Problems) {
        if !self.certificates.is_empty() && tls.client_authorities.is_none() {
            bad.add(
                "access.certificates",
                "needs tls.client_authorities: without, nobody shows a certificate",
            );
        }
        let mut known = BTreeMap::new();
        for (index, it) in self.certificates.iter().enumerate() {
            let CertificateSettings { subject, name, roles, names_persons } = it;
            let at = format!("access.certificates.{index}");
            check_name(&format!("{at}.name"), name, bad);
            if !(1..=SUBJECT_MAX).contains(&subject.chars().count()) {
                bad.add(format!("{at}.subject"), format!("must have 1 to {SUBJECT_MAX} characters"));
            }
            if let Some(other) = known.insert(subject, index) {
                bad.add(format!("{at}.subject"), format!("is that of access.certificates.{other} too"));
            }
            check_roles(&at, roles, bad);
            let differs = |roles_too: &[Grant], names_too: bool| {
                set(roles) != set(roles_too) || *names_persons != names_too
            };
            if self.keys.get(name).is_some_and(|it| differs(&it.roles, it.names_persons)) {
                bad.add(&at, format!("must have the roles and names_persons of access.keys.{name}: one caller has one right"));
            }
            let earlier = self.certificates[..index].iter().filter(|it| it.name == *name);
            if earlier.clone().any(|it| differs(&it.roles, it.names_persons)) {
                bad.add(&at, format!("must have the roles and names_persons that {name} has above: one caller has one right"));
            }
        }
    }

    /// Whether somebody is named who has to show who they are.
    pub fn knows_callers(&self) -> bool {
        !self.keys.is_empty() || !self.certificates.is_empty() || self.tokens.issuer.is_some()
    }

    /// How long it is kept who was shown customers' data.
    pub fn reads_kept_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.reads_kept_days) * 86_400)
    }

    /// The callers that are known.
    pub fn named(&self) -> Named {
        let certificates = self.certificates.iter().filter_map(|it| {
            let CertificateSettings { subject, name, roles, names_persons } = it;
            let principal = Principal {
                name: name.parse().ok()?,
                permissions: Grant::permissions_of(roles),
                names_persons: *names_persons,
                carriers: Grant::carriers_of(roles),
            };
            Some(CertificateHolder { principal: Arc::new(principal), subject: subject.clone() })
        });
        Named { keys: self.holders(), certificates: certificates.collect() }
    }

    fn holders(&self) -> Vec<KeyHolder> {
        let holder = |(name, key): (&String, &KeySettings)| {
            let principal = Principal {
                name: name.parse().ok()?,
                permissions: Grant::permissions_of(&key.roles),
                names_persons: key.names_persons,
                carriers: Grant::carriers_of(&key.roles),
            };
            Some(KeyHolder {
                principal: Arc::new(principal),
                keys: key.sha256.clone(),
                expires: key.expires.map(|it| it.0),
            })
        };
        self.keys.iter().filter_map(holder).collect()
    }
}

fn set(grants: &[Grant]) -> BTreeSet<&Grant> {
    grants.iter().collect()
}

fn check_roles(at: &str, roles: &[Grant], bad: &mut Problems) {
    if !(1..=GRANTS_MAX).contains(&roles.len()) {
        bad.add(format!("{at}.roles"), format!("must name 1 to {GRANTS_MAX} roles and couriers"));
    }
}

fn check_name(at: &str, name: &str, bad: &mut Problems) {
    match name.parse::<Actor>() {
        Err(why) => bad.add(at, why.to_string()),
        Ok(_) if is_anonymous(name) => bad.add(at, "is what callers are called who do not say who they are"),
        Ok(_) => {}
    }
}
