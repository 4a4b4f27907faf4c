//! API keys that calls create and revoke.

use std::time::Duration;

use crate::domain::access::keys::{CreateApiKey, RevokeApiKey};
use crate::domain::model::issued_key::{IssuedKey, LIVE_KEYS_MAX};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::KeyId;
use crate::domain::model::time::Timestamp;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::MONDAY;
use crate::domain::unit::command::Command;

fn create(bench: &mut Bench, expires_at: Option<Timestamp>) -> Result<IssuedKey, Refusal> {
    let command = CreateApiKey {
        principal: "shop".parse().expect("a name"),
        hash: [7; 32],
        roles: vec!["reader".to_owned()],
        names_persons: false,
        note: "in town".to_owned(),
        expires_at,
    };
    bench.decide(|unit| command.decide(unit))
}

fn revoke(bench: &mut Bench, id: KeyId, reason: &str) -> Result<IssuedKey, Refusal> {
    bench.decide(|unit| RevokeApiKey { id, reason: reason.to_owned() }.decide(unit))
}

#[test]
fn a_key_is_revoked_once_and_what_was_said_of_it_stays() {
    let mut bench = Bench::with_stock(&[]);
    let made = create(bench.by("ann"), None).expect("a key");
    assert_eq!((made.version, made.created_by.as_str(), &made.revoked), (1, "ann", &None));
    let revoked = revoke(bench.by("bob"), made.id, "lost").expect("it is over");
    let told = revoked.revoked.as_ref().expect("it is over");
    assert_eq!((told.by.as_str(), told.reason.as_str()), ("bob", "lost"));
    assert_eq!(revoked, IssuedKey { version: 2, revoked: revoked.revoked.clone(), ..made });
    assert_eq!(revoke(bench.by("ann"), revoked.id, "another reason"), Ok(revoked));
    let nobody = KeyId(uuid::Uuid::nil());
    assert_eq!(revoke(&mut bench, nobody, "lost"), Err(Refusal::not_found("API key", nobody)));
}

#[test]
fn a_key_ends_in_the_future_or_never() {
    let mut bench = Bench::with_stock(&[]);
    let past = MONDAY.minus(Duration::from_secs(86_400));
    assert_eq!(refused_fields(create(&mut bench, Some(past))), ["api_key.expire_time"]);
    assert!(create(&mut bench, Some(MONDAY.plus(Duration::from_secs(86_400 * 365)))).is_ok());
}

#[test]
fn so_many_keys_let_in_and_one_more_once_another_is_revoked() {
    let mut bench = Bench::with_stock(&[]);
    let keys: Vec<_> = (0..LIVE_KEYS_MAX).map(|_| create(&mut bench, None).expect("a key")).collect();
    let refused = create(&mut bench, None).expect_err("there are enough");
    assert!(matches!(refused, Refusal::Unmet { reason: Reason::LimitReached, .. }), "{refused:?}");
    revoke(&mut bench, keys[0].id, "nobody uses it").expect("it is over");
    create(&mut bench, None).expect("there is room");
}
