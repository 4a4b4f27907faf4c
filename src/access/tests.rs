//! Keys, roles and what they let in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, HeaderValue};

use crate::access::{
    Access, ApiKey, Certificate, CertificateHolder, Denied, Grant, IssuedHolder, KeyHash, KeyHolder, Named,
    NobodyLeft, PERMISSIONS, Peer, Principal, Role, SCOPED_PERMISSIONS, Scope, Shown,
};
use crate::clock::Clock;
use crate::domain::{Actor, Carriers, IssuedKey, KeyId, Timestamp};
use crate::pb::Permission;

const NOW: Timestamp = Timestamp::from_unix_micros(1_000);

fn holder(name: &str, key: &ApiKey, roles: &[Role], expires: Option<Timestamp>) -> KeyHolder {
    let principal = Principal {
        name: name.parse().expect("a name"),
        permissions: Role::permissions_of(roles),
        names_persons: false,
        carriers: Carriers::default(),
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
    // GRANT_TERMS is asked for by fields of customers, and READ_PERSONAL_DATA by fields of answers, beside what their
    // methods ask for.
    let by_methods = PERMISSIONS.iter().chain(SCOPED_PERMISSIONS).map(|it| it.1);
    let asked: BTreeSet<Permission> =
        by_methods.chain([Permission::GrantTerms, Permission::ReadPersonalData]).collect();
    let every: BTreeSet<Permission> = Role::permissions_of(&[Role::Admin]);
    assert_eq!(asked, every);
    let others: Vec<Role> = Role::ALL.into_iter().filter(|it| *it != Role::Admin).collect();
    let courier = Grant::Courier("SWIFT".parse().expect("a code"));
    let theirs: BTreeSet<Permission> =
        &Role::permissions_of(&others) | &Grant::permissions_of(std::slice::from_ref(&courier));
    let of_admins: Vec<_> = every.difference(&theirs).collect();
    assert_eq!(of_admins, [&Permission::ManageAccess], "what is the admin's alone");
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
fn a_call_that_lasts_ends_once_its_caller_may_not_see_persons_or_amounts_any_more() {
    let key = ApiKey::generate().expect("a key");
    let with = |role| vec![holder("desk", &key, &[role], None)];
    let access = Access::new(with(Role::Finance), Arc::new(|| NOW));
    let pass = access.admit(GET_ORDER, &with_key(&format!("Bearer {}", key.reveal()))).expect("it may");
    for (role, taken) in
        [(Role::Reader, Permission::ReadPersonalData), (Role::Warehouse, Permission::ReadMoney)]
    {
        access.replace(with(role)).expect("another role");
        let denied = access.still_admits(GET_ORDER, pass.as_ref());
        assert!(matches!(denied, Err(Denied::Lacks(_, it)) if it == taken), "{denied:?}");
    }
    access.replace(with(Role::Operator)).expect("more than before");
    assert_eq!(access.still_admits(GET_ORDER, pass.as_ref()), Ok(()));
}

#[test]
fn who_was_believed_is_not_any_more_once_there_are_keys() {
    let access = Access::new(Vec::new(), Arc::new(|| NOW));
    assert_eq!(access.still_admits(GET_ORDER, None), Ok(()));
    let key = ApiKey::generate().expect("a key");
    access.replace(vec![holder("shop", &key, &[Role::Reader], None)]).expect("somebody");
    assert_eq!(access.still_admits(GET_ORDER, None), Err(Denied::NoKey));
}

fn issued(number: u128, name: &str, key: &ApiKey, roles: &[&str]) -> IssuedKey {
    IssuedKey {
        id: KeyId(uuid::Uuid::from_u128(number)),
        version: 1,
        principal: name.parse().expect("a name"),
        hash: key.hash().bytes(),
        roles: roles.iter().map(|it| (*it).to_owned()).collect(),
        names_persons: false,
        note: String::new(),
        expires_at: None,
        created_by: Actor::system(),
        created_at: NOW,
        revoked: None,
    }
}

#[test]
fn keys_of_the_database_let_in_beside_those_of_the_settings_which_own_their_names() {
    let [own, given, stolen, spelt] = [(); 4].map(|()| ApiKey::generate().expect("a key"));
    let access = Access::new(vec![holder("shop", &own, &[Role::Reader], None)], Arc::new(|| NOW));
    let keys = [
        issued(1, "till", &given, &["finance", "a role of later"]),
        issued(2, "shop", &stolen, &["admin"]),
        issued(3, "Shop", &spelt, &["admin"]),
    ];
    access.replace_issued(keys.iter().map(IssuedHolder::of).collect(), true);

    let shows = |key: &ApiKey| with_key(&format!("Bearer {}", key.reveal()));
    assert!(access.admit(GET_ORDER, &shows(&own)).is_ok());
    assert!(access.take_used().is_empty());
    assert!(access.admit(REFUND, &shows(&given)).is_ok());
    assert_eq!(access.admit(REFUND, &shows(&stolen)), Err(Denied::UnknownKey));
    assert_eq!(access.admit(REFUND, &shows(&spelt)), Err(Denied::UnknownKey));
    assert!(access.is_in_settings(&"SHOP".parse().expect("a name")));
    assert_eq!(access.take_used(), [keys[0].id]);
    assert!(access.take_used().is_empty(), "it was not used since");

    access.replace_issued(Vec::new(), true);
    assert_eq!(access.admit(REFUND, &shows(&given)), Err(Denied::UnknownKey));
}

#[test]
fn once_the_database_had_a_key_nobody_is_believed_again() {
    let (key, shown) = (ApiKey::generate().expect("a key"), HeaderMap::new());
    let access = Access::new(Vec::new(), Arc::new(|| NOW));
    assert!(access.believes_callers());
    access.replace_issued(vec![IssuedHolder::of(&issued(1, "till", &key, &["admin"]))], true);
    assert_eq!(access.admit(GET_ORDER, &shown), Err(Denied::NoKey));
    access.replace_issued(Vec::new(), true);
    assert_eq!(access.admit(GET_ORDER, &shown), Err(Denied::NoKey));
    access.replace(Vec::new()).expect("nobody is believed");
    assert_eq!(access.admit(GET_ORDER, &shown), Err(Denied::NoKey));

    let strict = Access::requiring_keys(Vec::new(), Arc::new(|| NOW));
    assert_eq!(strict.admit(GET_ORDER, &shown), Err(Denied::NoKey));
}

#[test]
fn the_word_of_a_role_is_that_of_the_settings() {
    for role in Role::ALL {
        assert_eq!(Role::named(role.word()), Some(role));
        assert_eq!(toml::Value::try_from(role).expect("a word").as_str(), Some(role.word()));
    }
}

fn named_by(subject: &str, name: &str, role: Role) -> CertificateHolder {
    let principal =
        Arc::unwrap_or_clone(holder(name, &ApiKey::generate().expect("a key"), &[role], None).principal);
    CertificateHolder { principal: Arc::new(principal), subject: subject.to_owned() }
}

fn certificate(names: &[&str], expires: Timestamp) -> Peer {
    let names = names.iter().map(|it| (*it).to_owned()).collect();
    Peer { certificate: Some(Arc::new(Certificate { names, expires })) }
}

#[test]
fn a_certificate_is_its_callers_if_nothing_else_is_shown_and_for_as_long_as_it_lasts() {
    let later = NOW.plus(std::time::Duration::from_secs(1));
    let key = ApiKey::generate().expect("a key");
    let certificates = vec![
        named_by("spiffe://shop/warehouse", "warehouse-1", Role::Warehouse),
        named_by("warehouse.shop", "warehouse-1", Role::Warehouse),
        named_by("the till", "till", Role::Finance),
    ];
    let named = Named { keys: vec![holder("shop", &key, &[Role::Reader], None)], certificates };
    let access = Access::new(named, Arc::new(|| NOW));
    assert!(access.is_in_settings(&"till".parse().expect("a name")));

    let none = HeaderMap::new();
    let admit = |method: &str, headers: &HeaderMap, peer: &Peer| {
        access
            .admit(method, Shown::over(headers, Some(peer)))
            .map(|it| it.expect("a pass").principal.name.to_string())
    };
    let two = certificate(&["spiffe://shop/warehouse", "warehouse.shop", "unsaid"], later);
    assert_eq!(admit(GET_ORDER, &none, &two), Ok("warehouse-1".to_owned()));
    assert!(matches!(admit(REFUND, &none, &two), Err(Denied::Lacks(..))));
    assert_eq!(admit(GET_ORDER, &with_key(&format!("Bearer {}", key.reveal())), &two), Ok("shop".to_owned()));
    assert_eq!(admit(GET_ORDER, &with_key("Bearer consign_"), &two), Err(Denied::UnknownKey));

    let refused = |names: &[&str], expires| admit(GET_ORDER, &none, &certificate(names, expires));
    assert!(matches!(refused(&["The till"], later), Err(Denied::UnknownCertificate(it)) if it == "The till"));
    assert!(matches!(refused(&[], later), Err(Denied::UnknownCertificate(_))));
    assert!(matches!(refused(&["the till", "warehouse.shop"], later), Err(Denied::SharedCertificate(_))));
    assert!(matches!(refused(&["the till"], NOW), Err(Denied::ExpiredCertificate(_))));
    assert_eq!(admit(GET_ORDER, &none, &Peer::default()), Err(Denied::NoKey));
}

#[test]
fn a_call_of_a_certificate_that_lasts_is_asked_about_again() {
    let key = ApiKey::generate().expect("a key");
    let till = |role| Named { keys: Vec::new(), certificates: vec![named_by("the till", "till", role)] };
    let access = Access::new(till(Role::Finance), Arc::new(|| NOW));
    let (headers, peer) = (HeaderMap::new(), certificate(&["the till"], Timestamp::MAX));
    let pass = access.admit(REFUND, Shown::over(&headers, Some(&peer))).expect("it may");
    assert!(access.still_admits(REFUND, pass.as_ref()).is_ok());
    access.replace(till(Role::Reader)).expect("another role");
    assert!(matches!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::Lacks(..))));
    let other = Named { keys: Vec::new(), certificates: vec![named_by("a shop", "shop", Role::Reader)] };
    access.replace(other).expect("somebody else");
    assert!(matches!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::UnknownCertificate(_))));
    // Where certificates name nobody at all, a key is what is missing.
    access.replace(vec![holder("shop", &key, &[Role::Reader], None)]).expect("somebody else");
    assert_eq!(access.still_admits(REFUND, pass.as_ref()), Err(Denied::NoKey));
    assert_eq!(access.replace(Vec::new()), Err(NobodyLeft));
}

const GET_SHIPMENT: &str = "consign.v1.ShippingService/GetShipment";

#[test]
fn who_carries_for_a_courier_is_let_in_for_its_shipments_and_for_nothing_else() {
    let [carrier, both] = [(); 2].map(|()| ApiKey::generate().expect("a key"));
    let access = Access::new(Vec::new(), Arc::new(|| NOW));
    let with = |swift: &[&str]| {
        let keys =
            [issued(1, "driver", &carrier, swift), issued(2, "desk", &both, &["courier:SWIFT", "reader"])];
        access.replace_issued(keys.iter().map(IssuedHolder::of).collect(), true);
    };
    let shows = |key: &ApiKey| with_key(&format!("Bearer {}", key.reveal()));
    with(&["courier:SWIFT", "courier:", "courier:two words", "courier"]);
    let pass = access.admit(GET_SHIPMENT, &shows(&carrier)).expect("it may").expect("a pass");
    assert_eq!(pass.scope, Scope::Carried(Carriers::from_iter(["SWIFT".parse().expect("a code")])));
    let desk = access.admit(GET_SHIPMENT, &shows(&both)).expect("it may").expect("a pass");
    assert_eq!(desk.scope, Scope::Everything);

    let scoped: Vec<_> = SCOPED_PERMISSIONS.iter().map(|it| it.0).collect();
    assert!(scoped.len() == 8 && scoped.contains(&GET_SHIPMENT), "{scoped:?}");
    for (method, asked) in PERMISSIONS {
        let admitted = access.admit(method, &shows(&carrier));
        match scoped.contains(method) {
            true => {
                assert!(matches!(admitted, Ok(Some(pass)) if pass.scope != Scope::Everything), "{method}")
            }
            false => assert!(matches!(admitted, Err(Denied::Lacks(_, it)) if it == *asked), "{method}"),
        }
    }

    // What lasts goes on while it sees what it saw.
    with(&["courier:SWIFT", "courier:SLOW"]);
    assert_eq!(access.still_admits(GET_SHIPMENT, Some(&pass)), Ok(()));
    with(&["courier:SLOW"]);
    assert!(matches!(access.still_admits(GET_SHIPMENT, Some(&pass)), Err(Denied::OtherScope(_))));
    with(&["reader"]);
    assert_eq!(access.still_admits(GET_SHIPMENT, Some(&pass)), Ok(()));
}

#[test]
fn a_grant_is_written_as_it_is_read() {
    for word in ["reader", "courier:SWIFT", "courier:DE/swift-1"] {
        assert_eq!(word.parse::<Grant>().map(|it| it.to_string()).as_deref(), Ok(word));
    }
    for wrong in ["", "courier", "courier:", "courier: SWIFT", "Reader", "reader:SWIFT", "courier:a b"] {
        assert!(wrong.parse::<Grant>().is_err(), "{wrong}");
    }
}
