//! The keys of an issuer of tokens, as a JSON Web Key Set (RFC 7517) has them, and the algorithms that they are for.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Size of a key set, in bytes, and how many keys are taken from it.
const SET_MAX: usize = 262_144;
const KEYS_MAX: usize = 100;

/// The bytes of a point of P-256, and of a key of Ed25519.
const COORDINATE: usize = 32;

/// How a token is signed. All have a key that is secret and one that is not: with a shared secret (`HS256`), whoever can check
/// a token could make one; `none` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
    /// RSA with SHA-256, PKCS #1 v1.5; keys of 2,048 to 8,192 bits.
    RS256,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::ES256, Self::EdDSA, Self::RS256];

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.to_string() == word)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
        })
    }
}

/// What tells a key from every other one, whatever it is called.
pub type KeyPrint = [u8; 32];

/// A key that tokens are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    id: Option<String>,
    public: Public,
    print: KeyPrint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    /// The point, uncompressed.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    /// Modulus and exponent, without zeros before them.
    Rsa(Vec<u8>, Vec<u8>),
}

impl Public {
    fn print(&self) -> KeyPrint {
        let (kind, first, second): (u8, &[u8], &[u8]) = match self {
            Self::P256(point) => (1, point, &[]),
            Self::Ed25519(key) => (2, key, &[]),
            Self::Rsa(n, e) => (3, n, e),
        };
        Sha256::new().chain_update([kind]).chain_update(first).chain_update(second).finalize().into()
    }
}

impl TokenKey {
    fn algorithm(&self) -> Algorithm {
        match &self.public {
            Public::P256(_) => Algorithm::ES256,
            Public::Ed25519(_) => Algorithm::EdDSA,
            Public::Rsa(..) => Algorithm::RS256,
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match &self.public {
            Public::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Public::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Public::Rsa(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        checked.is_ok()
    }

    pub(super) fn print(&self) -> KeyPrint {
        self.print
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<TokenKey>);

/// Why a set of keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    #[error("it has more than {SET_MAX} bytes")]
    TooLarge,
    #[error("it is no JSON Web Key Set: an object with a list `keys`")]
    Form,
    /// Of a file at the start; later it is an issuer that has withdrawn its keys.
    #[error("it has no key for ES256, EdDSA or RS256")]
    Empty,
}

impl KeySet {
    /// Keys that are for something else, such as for encrypting, or of a kind that is not known here, are passed over. A set
    /// may be left without any: whatever its issuer signed is not taken any more.
    pub fn read(json: &[u8]) -> Result<Self, BadKeySet> {
        if json.len() > SET_MAX {
            return Err(BadKeySet::TooLarge);
        }
        let set: Value = serde_json::from_slice(json).map_err(|_| BadKeySet::Form)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(BadKeySet::Form)?;
        Ok(Self(keys.iter().filter_map(key).take(KEYS_MAX).collect()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of that name. Without a name, the only one for the algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&TokenKey> {
        let mut fit = self.0.iter().filter(|it| it.algorithm() == algorithm);
        match id {
            Some(id) => fit.find(|it| it.id.as_deref() == Some(id)),
            None => fit.next().filter(|_| fit.next().is_none()),
        }
    }

    pub(super) fn has(&self, print: &KeyPrint) -> bool {
        self.0.iter().any(|it| it.print == *print)
    }
}

fn key(jwk: &Value) -> Option<TokenKey> {
    let word = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(word(name)?).ok();
    let number = |name: &str| bytes(name).map(without_leading_zeros);
    let signs = jwk.get("use").is_none_or(|it| it == "sig");
    let verifies = jwk.get("key_ops").is_none_or(names_verify);
    if !signs || !verifies {
        return None;
    }
    let public = match (word("kty")?, word("crv")) {
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let is_whole = x.len() == COORDINATE && y.len() == COORDINATE;
            Public::P256(is_whole.then(|| [&[4], x.as_slice(), y.as_slice()].concat())?)
        }
        ("OKP", Some("Ed25519")) => Public::Ed25519(bytes("x").filter(|it| it.len() == COORDINATE)?),
        ("RSA", _) => Public::Rsa(number("n")?, number("e")?),
        _ => return None,
    };
    let key = TokenKey { id: word("kid").map(str::to_owned), print: public.print(), public };
    let is_for = jwk.get("alg").is_none_or(|it| it.as_str() == Some(&key.algorithm().to_string()));
    is_for.then_some(key)
}

fn without_leading_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|it| *it == 0).collect()
}

fn names_verify(operations: &Value) -> bool {
    operations.as_array().is_some_and(|several| several.iter().any(|it| it == "verify"))
}
