//! Tokens of an issuer, by which callers are known.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::access::{Algorithm, TokenRules};
use crate::domain::Problems;

/// Length of an issuer, an audience or the name of a claim, in characters.
const WORD_MAX: usize = 500;

/// How far an issuer's clock may be off, in seconds.
const LEEWAY_MAX: u32 = 300;

/// Callers who show a signed token (JWT) of an issuer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenSettings {
    /// What `iss` of a token has to be. None: no token is taken.
    pub issuer: Option<String>,
    /// What `aud` of a token has to be, or to have among others.
    pub audience: Option<String>,
    /// A file with the issuer's keys, a JSON Web Key Set. It is read again when it changes.
    pub jwks_file: Option<PathBuf>,
    /// Where the issuer tells its keys: `https://`, or `http://` on this machine.
    pub jwks_url: Option<String>,
    /// How tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off.
    pub leeway_seconds: u32,
    /// The claim that names the caller. Claims within others are named with dots.
    pub name_claim: String,
    /// The claim that has its roles.
    pub roles_claim: String,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            jwks_file: None,
            jwks_url: None,
            algorithms: Algorithm::ALL.to_vec(),
            leeway_seconds: 30,
            name_claim: "sub".to_owned(),
            roles_claim: "roles".to_owned(),
        }
    }
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    File(PathBuf),
    Url(String),
}

impl TokenSettings {
    pub(super) fn check(&self, bad: &mut Problems) {
        let Self {
            issuer,
            audience,
            jwks_file,
            jwks_url,
            algorithms,
            leeway_seconds,
            name_claim,
            roles_claim,
        } = self;
        let given = [
            ("audience", audience.is_some()),
            ("jwks_file", jwks_file.is_some()),
            ("jwks_url", jwks_url.is_some()),
        ];
        if issuer.is_none() {
            for (name, _) in given.into_iter().filter(|it| it.1) {
                bad.add(
                    format!("access.tokens.{name}"),
                    "is for tokens of access.tokens.issuer, which is not set",
                );
            }
        } else {
            if audience.is_none() {
                bad.add(
                    "access.tokens.audience",
                    "has to be set too: a token for another service is not for this one",
                );
            }
            if jwks_file.is_some() == jwks_url.is_some() {
                bad.add("access.tokens.jwks_url", "or jwks_file has to be set, one of them");
            }
        }
        if jwks_url.as_deref().is_some_and(|it| !is_safe(it)) {
            bad.add(
                "access.tokens.jwks_url",
                "must be https://..., or http://... on this machine (localhost)",
            );
        }
        if algorithms.is_empty() {
            bad.add("access.tokens.algorithms", "must name one of ES256, EdDSA, RS256");
        }
        if *leeway_seconds > LEEWAY_MAX {
            bad.add("access.tokens.leeway_seconds", format!("must be 0 to {LEEWAY_MAX}"));
        }
        let words = [
            ("issuer", issuer.as_ref()),
            ("audience", audience.as_ref()),
            ("name_claim", Some(name_claim)),
            ("roles_claim", Some(roles_claim)),
        ];
        for (name, word) in words {
            if word.is_some_and(|it| !(1..=WORD_MAX).contains(&it.chars().count())) {
                bad.add(format!("access.tokens.{name}"), format!("must have 1 to {WORD_MAX} characters"));
            }
        }
    }

    /// What is expected of a token, and where the keys are; None: no token is taken.
    pub fn rules(&self) -> Option<(TokenRules, KeySource)> {
        let source = match (&self.jwks_file, &self.jwks_url) {
            (Some(file), _) => KeySource::File(file.clone()),
            (None, url) => KeySource::Url(url.clone()?),
        };
        let rules = TokenRules {
            issuer: self.issuer.clone()?,
            audience: self.audience.clone()?,
            algorithms: self.algorithms.clone(),
            leeway: Duration::from_secs(u64::from(self.leeway_seconds)),
            name_claim: self.name_claim.clone(),
            roles_claim: self.roles_claim.clone(),
        };
        Some((rules, source))
    }
}

/// Whether nobody on the way can put keys of their own in the place of the issuer's.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    let names_somebody = uri.authority().is_some_and(|it| it.as_str().contains('@'));
    !names_somebody && (uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && is_here)
}
