//! Subscriptions to events that calls make and change.

use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::event_subscription::{
    EventSubscription, SUBSCRIPTIONS_MAX, SigningSecret, SubscriptionState,
};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::SubscriptionId;
use crate::domain::process::subscribe::{
    BOTH_SIGN_FOR, ChangeEventSubscription, CreateEventSubscription, SubscriptionChange,
};
use crate::domain::tests::bench::Bench;
use crate::domain::unit::command::Command;

fn secret(text: &str) -> SigningSecret {
    SigningSecret::new(text.to_owned())
}

fn create(bench: &mut Bench) -> Result<EventSubscription, Refusal> {
    let command = CreateEventSubscription {
        url: "https://shop.example.com/events".to_owned(),
        kinds: vec![EventKind::OrderReceived],
        description: "the shop".to_owned(),
        secret: secret("first"),
    };
    bench.decide(|unit| command.decide(unit))
}

fn change(
    bench: &mut Bench,
    id: SubscriptionId,
    change: SubscriptionChange,
    etag: &str,
) -> Result<EventSubscription, Refusal> {
    let command = ChangeEventSubscription { id, change, etag: etag.to_owned() };
    bench.decide(|unit| command.decide(unit))
}

fn update(url: Option<&str>) -> SubscriptionChange {
    SubscriptionChange::Update { url: url.map(str::to_owned), kinds: None, description: None }
}

fn revealed(subscription: &EventSubscription, bench: &Bench) -> Vec<String> {
    subscription.signing(bench.now).into_iter().map(|it| it.reveal().to_owned()).collect()
}

#[test]
fn what_is_named_changes_and_the_rest_stays() {
    let mut bench = Bench::with_stock(&[]);
    let made = create(bench.by("ann")).expect("a subscription");
    assert_eq!((made.version, made.state, made.created_by.as_str()), (1, SubscriptionState::Enabled, "ann"));
    let moved =
        change(bench.by("bob"), made.id, update(Some("https://other.example.com/")), "v1").expect("moved");
    let changed_by = moved.changed_by.clone();
    assert_eq!(changed_by.as_str(), "bob");
    let expected = EventSubscription {
        url: "https://other.example.com/".to_owned(),
        version: 2,
        changed_by,
        changed_at: moved.changed_at,
        ..made.clone()
    };
    assert_eq!(moved, expected);
    let same = change(bench.by("ann"), made.id, update(Some("https://other.example.com/")), "v2");
    assert_eq!(same, Ok(moved), "nothing of it is new");
    let stale = change(&mut bench, made.id, update(None), "v1");
    assert_eq!(stale, Err(Refusal::StaleEtag { current: "v2".to_owned() }));
}

#[test]
fn the_secret_before_signs_for_a_day_beside_the_new_one() {
    let mut bench = Bench::with_stock(&[]);
    let made = create(&mut bench).expect("a subscription");
    assert_eq!(revealed(&made, &bench), ["first"]);
    let rotated =
        change(&mut bench, made.id, SubscriptionChange::Rotate(secret("second")), "").expect("rotated");
    assert_eq!(revealed(&rotated, &bench), ["second", "first"]);
    bench.now = bench.now.plus(BOTH_SIGN_FOR - Duration::from_secs(60));
    assert_eq!(revealed(&rotated, &bench), ["second", "first"]);
    bench.now = bench.now.plus(Duration::from_secs(120));
    assert_eq!(revealed(&rotated, &bench), ["second"]);

    // Two sign at most.
    let again =
        change(&mut bench, made.id, SubscriptionChange::Rotate(secret("third")), "").expect("rotated");
    let again =
        change(&mut bench, again.id, SubscriptionChange::Rotate(secret("fourth")), "").expect("rotated");
    assert_eq!(revealed(&again, &bench), ["fourth", "third"]);
    assert!(!format!("{again:?}").contains("third"), "{again:?}");
}

#[test]
fn one_is_disabled_and_enabled_as_often_as_wanted() {
    let mut bench = Bench::with_stock(&[]);
    let id = create(&mut bench).expect("a subscription").id;
    let disable = |why: &str| SubscriptionChange::Disable(why.to_owned());
    let first = change(&mut bench, id, disable("it moves"), "").expect("disabled");
    assert_eq!((first.state, first.reason.as_str()), (SubscriptionState::Disabled, "it moves"));
    assert_eq!(change(&mut bench, id, disable("another reason"), ""), Ok(first), "why it was first stays");
    let enabled = change(&mut bench, id, SubscriptionChange::Enable, "").expect("enabled");
    assert_eq!((enabled.state, enabled.reason.as_str()), (SubscriptionState::Enabled, ""));
    assert_eq!(change(&mut bench, id, SubscriptionChange::Enable, ""), Ok(enabled));
}

#[test]
fn a_deleted_one_has_no_secret_and_is_there_no_more() {
    let mut bench = Bench::with_stock(&[]);
    let id = create(&mut bench).expect("a subscription").id;
    change(&mut bench, id, SubscriptionChange::Rotate(secret("second")), "").expect("rotated");
    let delete = SubscriptionChange::Delete("nobody listens".to_owned());
    let deleted = change(&mut bench, id, delete.clone(), "").expect("deleted");
    assert_eq!((deleted.state, deleted.reason.as_str()), (SubscriptionState::Deleted, "nobody listens"));
    assert_eq!((revealed(&deleted, &bench), &deleted.previous), (Vec::new(), &None));
    for more in
        [update(None), SubscriptionChange::Rotate(secret("third")), SubscriptionChange::Enable, delete]
    {
        let refused = change(&mut bench, id, more, "");
        assert_eq!(refused, Err(Refusal::not_found("event subscription", id)));
    }
}

#[test]
fn so_many_are_told_and_one_more_once_another_is_deleted() {
    let mut bench = Bench::with_stock(&[]);
    let all: Vec<_> = (0..SUBSCRIPTIONS_MAX).map(|_| create(&mut bench).expect("a subscription")).collect();
    let refused = create(&mut bench).expect_err("there are enough");
    assert!(matches!(refused, Refusal::Unmet { reason: Reason::LimitReached, .. }), "{refused:?}");
    change(&mut bench, all[0].id, SubscriptionChange::Disable("away".to_owned()), "").expect("disabled");
    create(&mut bench).expect_err("a disabled one has its place");
    change(&mut bench, all[0].id, SubscriptionChange::Delete("gone".to_owned()), "").expect("deleted");
    create(&mut bench).expect("there is room");
}
