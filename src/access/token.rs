//! Signed tokens (JWT, RFC 7519), read and checked: a pure function of the token, the keys of its issuer, what is expected
//! of it, and the time. Nothing here is logged: a token lets in whoever has it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::access::grant::{GRANTS_MAX, Grant};
use crate::access::token_keys::{Algorithm, KeyPrint, KeySet};
use crate::domain::{Actor, Timestamp};

/// Length of a token, in bytes: those of the usual issuers have one to two thousand.
const TOKEN_MAX: usize = 16_384;

/// Kinds of tokens that are taken: one that names no kind, and those of RFC 7519 and RFC 9068.
const KINDS: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// What is expected of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    pub issuer: String,
    pub audience: String,
    /// No other algorithm is taken, whatever a token says of itself.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off.
    pub leeway: Duration,
    /// The claim that names the caller.
    pub name_claim: String,
    /// The claim that has its roles: words in a list, or in a text with blanks between them.
    pub roles_claim: String,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub name: Actor,
    /// Each once, [`GRANTS_MAX`] at most. Words of other programs are left out.
    pub grants: Vec<Grant>,
    /// It is good before this moment, leeway included.
    pub expires: Timestamp,
    /// The key that it was signed with.
    pub key: KeyPrint,
}

/// Why a token is not good: for the log. A caller hears only whether a new one would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("it is no signed token of three parts, or too long")]
    Form,
    #[error("its algorithm is not among access.tokens.algorithms")]
    Algorithm,
    #[error("its header asks for what is not understood here: crit, or another typ")]
    Header,
    #[error("it is signed with a key that the issuer's keys do not have")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("its claims are no JSON object, or one of exp, nbf and iat is no time")]
    Claims,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it is not good yet")]
    NotYet,
    #[error("it is over")]
    Expired,
    #[error("access.tokens.name_claim is no name of a caller in it")]
    Name,
    #[error("access.tokens.roles_claim names more than {GRANTS_MAX} roles and couriers")]
    Grants,
    #[error("the settings have another caller of its name")]
    NameTaken,
}

/// Whether this could be a token: three parts with dots between them.
pub(super) fn looks_like_token(text: &str) -> bool {
    text.bytes().filter(|it| *it == b'.').count() == 2
}

/// What the token says, if it is good now. Nothing of its claims is looked at before its signature is.
pub fn verify(token: &str, keys: &KeySet, rules: &TokenRules, now: Timestamp) -> Result<Claims, TokenFault> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenFault::Form)?;
    if token.len() > TOKEN_MAX || claims.contains('.') {
        return Err(TokenFault::Form);
    }
    let header = object(header).ok_or(TokenFault::Form)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::Form)?;

    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
    let algorithm = algorithm.filter(|it| rules.algorithms.contains(it)).ok_or(TokenFault::Algorithm)?;
    if header.contains_key("crit") || !header.get("typ").is_none_or(is_known_kind) {
        return Err(TokenFault::Header);
    }
    let id = match header.get("kid") {
        None => None,
        Some(id) => Some(id.as_str().ok_or(TokenFault::Header)?),
    };
    let key = keys.find(id, algorithm).ok_or(TokenFault::UnknownKey)?;
    if !key.has_signed(signed.as_bytes(), &signature) {
        return Err(TokenFault::Signature);
    }

    let claims = object(claims).ok_or(TokenFault::Claims)?;
    let expires = expected(&claims, rules, now)?;
    let name = find(&claims, &rules.name_claim).and_then(Value::as_str).ok_or(TokenFault::Name)?;
    let name: Actor = name.parse().map_err(|_| TokenFault::Name)?;
    if name.is_anonymous() {
        return Err(TokenFault::Name);
    }
    let grants = grants(find(&claims, &rules.roles_claim));
    if grants.len() > GRANTS_MAX {
        return Err(TokenFault::Grants);
    }
    Ok(Claims { name, grants, expires, key: key.print() })
}

/// Checks issuer, audience and times (RFC 7519, section 4.1). Returns when the token is over.
fn expected(
    claims: &Map<String, Value>,
    rules: &TokenRules,
    now: Timestamp,
) -> Result<Timestamp, TokenFault> {
    if claims.get("iss").and_then(Value::as_str) != Some(&rules.issuer) {
        return Err(TokenFault::Issuer);
    }
    let is_ours = |it: &Value| it.as_str() == Some(&rules.audience);
    match claims.get("aud") {
        Some(Value::Array(several)) if several.iter().any(is_ours) => {}
        Some(one) if is_ours(one) => {}
        _ => return Err(TokenFault::Audience),
    }
    // A time that is no number is a fault, not a time that was left out.
    let time = |name: &str| claims.get(name).map(|it| instant(it).ok_or(TokenFault::Claims)).transpose();
    let (expires, begins, _) = (time("exp")?.ok_or(TokenFault::Claims)?, time("nbf")?, time("iat")?);
    if begins.is_some_and(|it| it > now.plus(rules.leeway)) {
        return Err(TokenFault::NotYet);
    }
    let expires = expires.plus(rules.leeway);
    if expires <= now { Err(TokenFault::Expired) } else { Ok(expires) }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn is_known_kind(kind: &Value) -> bool {
    kind.as_str().is_some_and(|it| KINDS.contains(&it.to_ascii_lowercase().as_str()))
}

/// Seconds since 1970, maybe with a fraction. What is beyond all times is the first or the last of them.
fn instant(value: &Value) -> Option<Timestamp> {
    let micros = value.as_f64().filter(|it| it.is_finite())? * 1_000_000.0;
    let (least, most) = (Timestamp::MIN.unix_micros(), Timestamp::MAX.unix_micros());
    Some(Timestamp::from_unix_micros((micros as i64).clamp(least, most)))
}

/// The claim of that name, which may have dots; or the one inside others, named with dots between them.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (outer, inner) = name.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

/// The words of a claim; those of other programs are not ours.
fn grants(claim: Option<&Value>) -> Vec<Grant> {
    let grants: BTreeSet<Grant> = words(claim).iter().filter_map(|it| it.parse().ok()).collect();
    grants.into_iter().collect()
}

fn words(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
