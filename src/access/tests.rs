//! Keys, roles and what they let in.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::access::{Access, ApiKey, Denied, KeyHash, KeyHolder, PERMISSIONS, Principal, Role};
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
    assert_eq!(let_in.name.as_str(), "shop");
    let shop = let_in.name.clone();
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
fn every_permission_is_asked_for_by_a_method_and_given_by_a_role() {
    let asked: BTreeSet<Permission> = PERMISSIONS.iter().map(|it| it.1).collect();
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
