//! Tokens that are good, and every way in which one is not.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Claims, TokenFault, TokenRules, verify};
use crate::access::token_keys::{Algorithm, BadKeySet, KeySet};
use crate::access::tokens::Tokens;
use crate::access::{Access, ApiKey, Denied, GRANTS_MAX, Grant, KeyHolder, Principal, Role};
use crate::domain::{Carriers, Timestamp};

/// Seconds after 1970 at which the tests take place.
const NOW: i64 = 1_900_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(seconds * 1_000_000)
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// An issuer with a key of each kind.
struct Issuer {
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    rsa: RsaKeyPair,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let rsa = PrivatePkcs8KeyDer::from_pem_file("tests/it/tokens/rsa.key.pem").expect("a key");
        Self {
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random)
                .expect("a key"),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key"),
            rsa: RsaKeyPair::from_pkcs8(rsa.secret_pkcs8_der()).expect("a key"),
        }
    }

    fn jwks(&self) -> Value {
        let point = self.p256.public_key().as_ref();
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "ES256", "x": base64(&point[1..33]), "y": base64(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "EdDSA", "alg": "EdDSA", "use": "sig",
             "x": base64(self.ed25519.public_key())},
            {"kty": "RSA", "kid": "RS256", "key_ops": ["verify"],
             "n": base64(rsa.n),
             "e": base64(rsa.e)},
        ]})
    }

    fn keys(&self) -> KeySet {
        KeySet::read(self.jwks().to_string().as_bytes()).expect("a key set")
    }

    fn sign(&self, by: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match by {
            Algorithm::ES256 => self.p256.sign(&random, message).expect("signed").as_ref().to_vec(),
            Algorithm::EdDSA => self.ed25519.sign(message).as_ref().to_vec(),
            Algorithm::RS256 => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
        }
    }

    /// A token with any header, signed by the key of that kind.
    fn token_with(&self, by: Algorithm, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        format!("{signed}.{}", base64(self.sign(by, signed.as_bytes())))
    }

    fn token(&self, by: Algorithm, claims: &Value) -> String {
        self.token_with(by, &json!({"alg": by.to_string(), "kid": by.to_string()}), claims)
    }
}

fn rules() -> TokenRules {
    TokenRules {
        issuer: "https://login.example".to_owned(),
        audience: "consign".to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        leeway: Duration::from_secs(30),
        name_claim: "sub".to_owned(),
        roles_claim: "roles".to_owned(),
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example", "aud": "consign", "sub": "dana", "exp": NOW + 600, "nbf": NOW, "iat": NOW,
        "roles": ["reader", "of another program", "finance", "reader"],
    })
}

/// The claims with one of them put otherwise; null: left out.
fn but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().expect("an object");
    match value {
        Value::Null => drop(object.remove(name)),
        value => drop(object.insert(name.to_owned(), value)),
    }
    claims
}

fn check(issuer: &Issuer, token: &str) -> Result<Claims, TokenFault> {
    verify(token, &issuer.keys(), &rules(), at(NOW))
}

#[test]
fn a_good_token_says_who_calls_however_it_is_signed() {
    let issuer = Issuer::new();
    for by in Algorithm::ALL {
        let Claims { name, grants, expires, key } =
            check(&issuer, &issuer.token(by, &claims())).expect("it is good");
        assert_eq!((name.as_str(), grants), ("dana", vec![Role::Reader.into(), Role::Finance.into()]));
        assert_eq!(expires, at(NOW + 630));
        assert!(issuer.keys().has(&key));
        // The kind may be said, in any case.
        let header = json!({"alg": by.to_string(), "kid": by.to_string(), "typ": "at+JWT"});
        assert!(check(&issuer, &issuer.token_with(by, &header, &claims())).is_ok());
    }
}

#[test]
fn a_token_that_another_has_signed_or_changed_is_refused() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    for by in [Algorithm::ES256, Algorithm::EdDSA] {
        assert_eq!(check(&issuer, &other.token(by, &claims())), Err(TokenFault::Signature));
    }
    for by in Algorithm::ALL {
        let token = issuer.token(by, &claims());
        let parts: Vec<_> = token.split('.').collect();
        let more = base64(but("roles", json!(["admin"])).to_string());
        assert_eq!(check(&issuer, &format!("{}.{more}.{}", parts[0], parts[2])), Err(TokenFault::Signature));
        assert_eq!(check(&issuer, &format!("{}.{}.", parts[0], parts[1])), Err(TokenFault::Signature));
        let signature = BASE64_URL_SAFE_NO_PAD.decode(parts[2]).expect("a signature");
        let short = base64(&signature[..signature.len() - 1]);
        assert_eq!(check(&issuer, &format!("{}.{}.{short}", parts[0], parts[1])), Err(TokenFault::Signature));
    }
}

#[test]
fn no_algorithm_is_taken_but_those_that_are_pinned() {
    let issuer = Issuer::new();
    let body = base64(claims().to_string());
    for alg in ["none", "None", "NONE", "", "HS256", "RS384", "PS256", "ES384", "es256"] {
        let header = base64(json!({"alg": alg, "kid": "RS256"}).to_string());
        assert_eq!(check(&issuer, &format!("{header}.{body}.")), Err(TokenFault::Algorithm), "{alg}");
    }
    // What is no secret is of no use as one.
    let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(issuer.rsa.public()).n;
    let signed = format!("{}.{body}", base64(json!({"alg": "HS256", "kid": "RS256"}).to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(&rsa).expect("any length");
    mac.update(signed.as_bytes());
    let forged = format!("{signed}.{}", base64(mac.finalize().into_bytes()));
    assert_eq!(check(&issuer, &forged), Err(TokenFault::Algorithm));

    let one = TokenRules { algorithms: vec![Algorithm::EdDSA], ..rules() };
    let refused = verify(&issuer.token(Algorithm::RS256, &claims()), &issuer.keys(), &one, at(NOW));
    assert_eq!(refused, Err(TokenFault::Algorithm));
    // A key is for its own algorithm only, whatever a token says.
    let crossed = json!({"alg": "EdDSA", "kid": "ES256"});
    let crossed = issuer.token_with(Algorithm::EdDSA, &crossed, &claims());
    assert_eq!(check(&issuer, &crossed), Err(TokenFault::UnknownKey));
    for header in [json!({"alg": 5}), json!({"kid": "ES256"}), json!({"alg": ["ES256"]})] {
        let token = issuer.token_with(Algorithm::ES256, &header, &claims());
        assert_eq!(check(&issuer, &token), Err(TokenFault::Algorithm), "{header}");
    }
}

#[test]
fn a_header_that_asks_for_more_is_refused_and_a_key_has_to_be_known() {
    let issuer = Issuer::new();
    let with = |header: Value| check(&issuer, &issuer.token_with(Algorithm::ES256, &header, &claims()));
    for header in [
        json!({"alg": "ES256", "kid": "ES256", "crit": ["b64"]}),
        json!({"alg": "ES256", "kid": "ES256", "typ": "logout+jwt"}),
        json!({"alg": "ES256", "kid": "ES256", "typ": 1}),
        json!({"alg": "ES256", "kid": 1}),
    ] {
        assert_eq!(with(header.clone()), Err(TokenFault::Header), "{header}");
    }
    assert_eq!(with(json!({"alg": "ES256", "kid": "another"})), Err(TokenFault::UnknownKey));
    // A key that comes along is nobody's.
    let own = json!({"alg": "ES256", "kid": "mine", "jwk": issuer.jwks()["keys"][0]});
    assert_eq!(with(own), Err(TokenFault::UnknownKey));
    // Without a name it is the only one of its kind.
    assert!(with(json!({"alg": "ES256"})).is_ok());
    let mut two = issuer.jwks();
    let other = Issuer::new().jwks()["keys"][0].clone();
    two["keys"].as_array_mut().expect("a list").push(other);
    let two = KeySet::read(two.to_string().as_bytes()).expect("a key set");
    let nameless = issuer.token_with(Algorithm::ES256, &json!({"alg": "ES256"}), &claims());
    assert_eq!(verify(&nameless, &two, &rules(), at(NOW)), Err(TokenFault::UnknownKey));
}

#[test]
fn what_a_token_claims_has_to_be_right() {
    let issuer = Issuer::new();
    let by = Algorithm::EdDSA;
    for (name, value, fault) in [
        ("iss", json!("https://login.example/"), TokenFault::Issuer),
        ("iss", json!(["https://login.example"]), TokenFault::Issuer),
        ("iss", Value::Null, TokenFault::Issuer),
        ("aud", json!("another"), TokenFault::Audience),
        ("aud", json!(["another", 5]), TokenFault::Audience),
        ("aud", json!([]), TokenFault::Audience),
        ("aud", Value::Null, TokenFault::Audience),
        ("exp", Value::Null, TokenFault::Claims),
        ("exp", json!((NOW + 600).to_string()), TokenFault::Claims),
        ("exp", json!([NOW + 600]), TokenFault::Claims),
        ("exp", json!(NOW - 30), TokenFault::Expired),
        ("exp", json!(-1e300), TokenFault::Expired),
        ("nbf", json!(NOW + 31), TokenFault::NotYet),
        ("nbf", json!("later"), TokenFault::Claims),
        ("iat", json!({}), TokenFault::Claims),
        ("sub", Value::Null, TokenFault::Name),
        ("sub", json!(7), TokenFault::Name),
        ("sub", json!("two words"), TokenFault::Name),
        ("sub", json!("consign"), TokenFault::Name),
        ("sub", json!("Consign"), TokenFault::Name),
        ("sub", json!("consign/relay"), TokenFault::Name),
        ("sub", json!("anonymous"), TokenFault::Name),
        ("sub", json!("Anonymous"), TokenFault::Name),
    ] {
        let refused = check(&issuer, &issuer.token(by, &but(name, value.clone())));
        assert_eq!(refused, Err(fault), "{name} is {value}");
    }
    for (name, value) in [
        ("aud", json!(["another", "consign"])),
        ("exp", json!(NOW - 29)),
        ("exp", json!(NOW as f64 + 0.5)),
        ("exp", json!(1e300)),
        ("nbf", json!(NOW + 30)),
        ("nbf", Value::Null),
        ("iat", Value::Null),
        ("roles", Value::Null),
    ] {
        let taken = check(&issuer, &issuer.token(by, &but(name, value.clone())));
        assert!(taken.is_ok(), "{name} is {value}: {taken:?}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let issuer = Issuer::new();
    let good = issuer.token(Algorithm::EdDSA, &claims());
    for text in ["", ".", "..", "...", "a.b.c", &format!("{good}."), &format!("{good}="), &good[1..]] {
        assert_eq!(check(&issuer, text), Err(TokenFault::Form), "{text}");
    }
    assert_eq!(check(&issuer, &format!("{}.{}.{}", "e30", "e30", "e30")), Err(TokenFault::Algorithm));
    let long = issuer.token(Algorithm::EdDSA, &but("more", json!("x".repeat(16_384))));
    assert_eq!(check(&issuer, &long), Err(TokenFault::Form));
    let list = issuer.token(Algorithm::EdDSA, &json!(["iss"]));
    assert_eq!(check(&issuer, &list), Err(TokenFault::Claims));
}

#[test]
fn names_and_roles_are_where_the_settings_say() {
    let issuer = Issuer::new();
    let mut claims =
        but("realm", json!({"access": {"roles": "approver  courier:SWIFT monitor nobody courier:"}}));
    claims["https://shop.example/name"] = json!("erik");
    let rules = TokenRules {
        name_claim: "https://shop.example/name".to_owned(),
        roles_claim: "realm.access.roles".to_owned(),
        ..rules()
    };
    let token = issuer.token(Algorithm::ES256, &claims);
    let found = verify(&token, &issuer.keys(), &rules, at(NOW)).expect("it is good");
    let courier = Grant::Courier("SWIFT".parse().expect("a code"));
    let given = vec![Role::Approver.into(), Role::Monitor.into(), courier];
    assert_eq!((found.name.as_str(), found.grants), ("erik", given));
}

#[test]
fn a_token_has_no_more_roles_than_a_key_may_have() {
    let issuer = Issuer::new();
    let with = |couriers: usize| {
        let ours = (0..couriers).map(|it| format!("courier:C-{it}"));
        let others = (0..100).map(|it| format!("role {it} of another program"));
        let words: Vec<_> = ours.chain(others).collect();
        check(&issuer, &issuer.token(Algorithm::EdDSA, &but("roles", json!(words))))
    };
    assert_eq!(with(GRANTS_MAX).map(|it| it.grants.len()), Ok(GRANTS_MAX));
    assert_eq!(with(GRANTS_MAX + 1), Err(TokenFault::Grants));
    // A word that is there twice counts once.
    let twice = vec!["reader"; GRANTS_MAX + 1];
    assert!(check(&issuer, &issuer.token(Algorithm::EdDSA, &but("roles", json!(twice)))).is_ok());
}

#[test]
fn of_a_key_set_only_keys_that_sign_are_taken() {
    let issuer = Issuer::new();
    let good = issuer.jwks()["keys"][1].clone();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let read = |keys: Value| KeySet::read(json!({"keys": keys}).to_string().as_bytes());
    for key in [
        json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("alg", json!("ES256")),
        with("crv", json!("X25519")),
        with("x", json!("AA")),
        with("kty", json!(null)),
        json!("key"),
    ] {
        assert_eq!(read(json!([key])), Ok(KeySet::default()), "{key}");
        assert_eq!(read(json!([key, good])).map(|it| it.len()), Ok(1), "{key}");
    }
    assert_eq!(read(json!([])), Ok(KeySet::default()));
    assert_eq!(KeySet::read(b"[]"), Err(BadKeySet::Form));
    assert_eq!(KeySet::read(b"{}"), Err(BadKeySet::Form));
    assert_eq!(KeySet::read(b"not json"), Err(BadKeySet::Form));
    assert_eq!(KeySet::read(&[b' '; 300_000]), Err(BadKeySet::TooLarge));
    let many: Vec<_> = (0..500).map(|it| with("kid", json!(it.to_string()))).collect();
    assert_eq!(read(json!(many)).map(|it| it.len()), Ok(100));
}

const GET_ORDER: &str = "consign.v1.OrderService/GetOrder";
const REFUND: &str = "consign.v1.BillingService/RefundPayment";
const MAKE_KEY: &str = "consign.v1.AccessService/CreateApiKey";

fn sends(text: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {text}")).expect("a header");
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

#[tokio::test]
async fn a_token_lets_in_until_it_is_over_or_its_key_is_taken_away() {
    let issuer = Issuer::new();
    let now = Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let clock: crate::clock::Clock = Arc::new(move || at(clock.load(std::sync::atomic::Ordering::Relaxed)));
    let tokens = Arc::new(Tokens::new(rules(), issuer.keys()));
    let key = ApiKey::generate().expect("a key");
    let principal = Principal {
        name: "till".parse().expect("a name"),
        permissions: Role::permissions_of(&[Role::Finance]),
        names_persons: false,
        carriers: Carriers::default(),
    };
    let holder = KeyHolder { principal: Arc::new(principal), keys: vec![key.hash()], expires: None };
    let access = Access::new(vec![holder], clock).taking(Some(Arc::clone(&tokens)));

    let token = issuer.token(Algorithm::ES256, &claims());
    let pass = access.admit(REFUND, &sends(&token)).expect("its role may");
    assert_eq!(pass.as_ref().map(|it| it.principal.name.as_str()), Some("dana"));
    assert!(matches!(access.admit(MAKE_KEY, &sends(&token)), Err(Denied::Lacks(..))));
    assert!(access.admit(REFUND, &sends(key.reveal())).is_ok(), "keys go on");
    assert_eq!(access.admit(GET_ORDER, &HeaderMap::new()), Err(Denied::NoKey));
    assert_eq!(access.admit(GET_ORDER, &sends("a.b.c")), Err(Denied::BadToken));
    assert_eq!(access.admit(GET_ORDER, &sends("consign_nobody")), Err(Denied::UnknownKey));
    // The settings' names are theirs.
    for name in ["till", "Till"] {
        let till = issuer.token(Algorithm::ES256, &but("sub", json!(name)));
        assert_eq!(access.admit(GET_ORDER, &sends(&till)), Err(Denied::BadToken), "{name}");
    }

    // Other keys, and the old ones again: what was remembered is gone with them.
    assert!(!tokens.use_keys(issuer.keys()));
    assert!(tokens.use_keys(Issuer::new().keys()));
    assert_eq!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::BadToken));
    assert!(access.admit(REFUND, &sends(&token)).is_err());
    tokio::time::timeout(Duration::from_secs(5), tokens.key_is_missing()).await.expect("a key is missing");
    assert!(tokens.use_keys(issuer.keys()));
    assert!(access.still_admits(REFUND, pass.as_ref()).is_ok());
    assert!(access.admit(REFUND, &sends(&token)).is_ok());

    // An issuer that has withdrawn its last key.
    let none = KeySet::read(br#"{"keys":[]}"#).expect("a key set");
    assert!(tokens.use_keys(none));
    assert_eq!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::BadToken));
    assert_eq!(access.admit(REFUND, &sends(&token)), Err(Denied::BadToken));
    assert!(tokens.use_keys(issuer.keys()));

    now.store(NOW + 629, std::sync::atomic::Ordering::Relaxed);
    assert!(access.still_admits(REFUND, pass.as_ref()).is_ok());
    now.store(NOW + 630, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::ExpiredToken));
    assert_eq!(access.admit(REFUND, &sends(&token)), Err(Denied::ExpiredToken));
}

#[test]
fn where_tokens_are_taken_nobody_is_believed() {
    let tokens = Arc::new(Tokens::new(rules(), KeySet::default()));
    let access = Access::new(Vec::new(), Arc::new(|| at(NOW))).taking(Some(tokens));
    assert_eq!(access.admit(GET_ORDER, &HeaderMap::new()), Err(Denied::NoKey));
    assert!(Access::new(Vec::new(), Arc::new(|| at(NOW))).taking(None).believes_callers());
}
