//! Keys, roles and what they let in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, HeaderValue};

use crate::access::{Access, ApiKey, Denied, KeyHash, KeyHolder, NobodyLeft, PERMISSIONS, Principal, Role};
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::pb::Permission;

const NOW: Timestamp = Timestamp::from_unix_micros(1_000);

fn holder(name: &str, key: &ApiKey, roles: &[Role], expires: Option<Timestamp>) -> KeyHolder {
    let principal = Principal {
        name: name.parse().expect("a name"),
        permissions: Role::permissions_of(roles),
        names_persons: false,
    };
    KeyHolder { principal: Arc::new(principal), keys: vec![key.hash()], expires }
}

fn with_key(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_str(value).expect("a header"));
    headers
}

const GET_ORDER: &str = "consign.v1.OrderService/GetOrder";
const REFUND: &str = "consign.v1.BillingService/RefundPayment";

#[test]
fn a_key_lets_in_for_what_its_roles_may_and_nobody_without_one() {
    let (reader, late) = (ApiKey::generate().expect("a key"), ApiKey::generate().expect("another"));
    let holders = vec![
        holder("shop", &reader, &[Role::Reader], None),
        holder("gone", &late, &[Role::Admin], Some(NOW)),
    ];
    let access = Access::new(holders, Arc::new(|| NOW));
    let sent = with_key(&format!("Bearer {}", reader.reveal()));
    let let_in = access.admit(GET_ORDER, &sent).expect("it may read").expect("a principal");
    assert_eq!(let_in.principal.name.as_str(), "shop");
    let shop = let_in.principal.name.clone();
    assert_eq!(access.admit(REFUND, &sent), Err(Denied::Lacks(shop, Permission::Refund)));
    assert!(access.admit(GET_ORDER, &with_key(&format!("bearer  {} ", reader.reveal()))).is_ok());

    assert_eq!(access.admit(GET_ORDER, &HeaderMap::new()), Err(Denied::NoKey));
    let hash = reader.hash().to_string();
    for wrong in [reader.reveal(), "Bearer ", "Basic c2hvcA==", &format!("Bearer {hash}"), "Bearer consign_"]
    {
        assert_eq!(access.admit(GET_ORDER, &with_key(wrong)), Err(Denied::UnknownKey), "{wrong}");
    }
    let expired = access.admit(GET_ORDER, &with_key(&format!("Bearer {}", late.reveal())));
    assert!(matches!(expired, Err(Denied::ExpiredKey(_, NOW))), "{expired:?}");
}

#[test]
fn without_keys_everybody_is_believed() {
    let access = Access::new(Vec::new(), Arc::new(|| NOW));
    assert_eq!(access.admit(REFUND, &HeaderMap::new()), Ok(None));
}

#[test]
fn every_permission_is_asked_for_and_given_by_a_role() {
    // GRANT_TERMS is asked for by fields of customers, beside what their methods ask for.
    let by_methods = PERMISSIONS.iter().map(|it| it.1);
    let asked: BTreeSet<Permission> = by_methods.chain([Permission::GrantTerms]).collect();
    let every: BTreeSet<Permission> = Role::permissions_of(&[Role::Admin]);
    assert_eq!(asked, every);
    let others: Vec<Role> = Role::ALL.into_iter().filter(|it| *it != Role::Admin).collect();
    assert_eq!(Role::permissions_of(&others), every, "no permission is the admin's alone");
}

#[test]
fn a_hash_is_written_as_it_is_read() {
    let key = ApiKey::generate().expect("a key");
    assert_eq!(key.hash().to_string().parse(), Ok(key.hash()));
    assert_ne!(ApiKey::generate().expect("another").reveal(), key.reveal());
    for wrong in ["", "00", &"g".repeat(64), &"0".repeat(63)] {
        assert!(wrong.parse::<KeyHash>().is_err(), "{wrong}");
    }
}

#[test]
fn a_call_that_lasts_is_asked_about_again() {
    let (key, other) = (ApiKey::generate().expect("a key"), ApiKey::generate().expect("another"));
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let clock: Clock = Arc::new(move || Timestamp::from_unix_micros(clock.load(Ordering::Relaxed)));
    let access = Access::new(vec![holder("till", &key, &[Role::Finance], Some(NOW))], clock);
    let pass = access.admit(REFUND, &with_key(&format!("Bearer {}", key.reveal()))).expect("it may");
    assert!(access.still_admits(REFUND, pass.as_ref()).is_ok());

    now.store(1_000, Ordering::Relaxed);
    let late = access.still_admits(REFUND, pass.as_ref());
    assert!(matches!(late, Err(Denied::ExpiredKey(_, NOW))), "{late:?}");
    access.replace(vec![holder("till", &key, &[Role::Finance], None)]).expect("a later end");
    assert!(access.still_admits(REFUND, pass.as_ref()).is_ok());
    access.replace(vec![holder("till", &key, &[Role::Reader], None)]).expect("another role");
    assert!(matches!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::Lacks(..))));
    access.replace(vec![holder("till", &other, &[Role::Finance], None)]).expect("another key");
    assert_eq!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::UnknownKey));
    assert_eq!(access.replace(Vec::new()), Err(NobodyLeft));
    assert!(!access.believes_callers());
}

#[test]
fn who_was_believed_is_not_any_more_once_there_are_keys() {
    let access = Access::new(Vec::new(), Arc::new(|| NOW));
    assert_eq!(access.still_admits(GET_ORDER, None), Ok(()));
    let key = ApiKey::generate().expect("a key");
    access.replace(vec![holder("shop", &key, &[Role::Reader], None)]).expect("somebody");
    assert_eq!(access.still_admits(GET_ORDER, None), Err(Denied::NoKey));
}
