//! What waits for subscribers: whose turn it is, what people have told once more, and the feed both ways.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{DeliveryState, EventKind, OnShortage, OrderId, RedeliverEvents, Timestamp};
use crate::store::query::deliveries::{Lag, ToRedeliver};
use crate::store::query::listing::{Compare, Direction, Listing, Term};
use crate::store::tests::found::fields;
use crate::store::tests::shop::{Scene, count, create_order, on_both_engines, order_for};
use crate::store::writer::subscribers::{Claimed, Failed, Retold, Told, Untold, Waiting};

on_both_engines! {
    what_waits_behind_another_is_not_looked_at_before_its_turn
    what_was_given_up_is_told_once_more_when_somebody_asks
    what_somebody_asks_for_while_it_is_being_told_stays_to_be_done
    an_event_that_waits_behind_none_breaks_a_law
    what_a_subscriber_was_not_told_is_counted
    the_feed_is_read_page_by_page_both_ways
}

const SHOP: &str = "shop";

const LEASE: Duration = Duration::from_secs(30);

/// An order, and the position of its first event; the others follow.
type Placed = (OrderId, i64);

/// Two orders, and a subscriber that was told nothing of them yet.
async fn two_orders(scene: &Scene) -> (Placed, Placed) {
    scene.store.begin_subscriber(SHOP).await.expect("a subscriber");
    scene.stocked(&["A-1"], 10).await;
    let mut placed = Vec::new();
    for _ in 0..2 {
        let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");
        let events = scene.store.events_of(id).await.expect("a look");
        assert!(events.len() > 3, "{events:?}");
        placed.push((id, events[0].0));
    }
    (placed[0], placed[1])
}

fn untold(position: i64, order: OrderId, run_at: Option<Timestamp>) -> Untold {
    let attempts = u32::from(run_at.is_some());
    Untold { position, order, attempts, run_at, error: "it answered 503".to_owned(), status: Some(503) }
}

fn retold(waiting: &Waiting, failed: Option<Failed>) -> Retold {
    let Waiting { position, order, attempts: _, since } = *waiting;
    Retold { position, order, since, failed }
}

fn failed(again: Option<Timestamp>) -> Failed {
    Failed { again, error: "no answer".to_owned(), status: None }
}

async fn claimed(scene: &Scene) -> Claimed {
    scene.store.claim_subscriber(SHOP, LEASE).await.expect("a look").expect("nobody else has it")
}

async fn settle(scene: &Scene, untold: Vec<Untold>, retold: Vec<Retold>) {
    let position = scene.store.last_position().await.expect("a look");
    let told = Told { position, untold, retold, attempts: 0, pause: None };
    let claimed = claimed(scene).await;
    assert!(scene.store.settle_subscriber(claimed, told).await.expect("written"));
}

/// What is to be told again by now.
async fn due(scene: &Scene) -> Vec<Waiting> {
    let mut due = scene.store.events_to_retell(SHOP, 100).await.expect("a look");
    due.sort_by_key(|it| it.position);
    due
}

fn positions(waiting: &[Waiting]) -> Vec<i64> {
    waiting.iter().map(|it| it.position).collect()
}

async fn broken(scene: &Scene) -> BTreeSet<&'static str> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    laws.iter().filter(|it| it.broken > 0).map(|it| it.id).collect()
}

async fn what_a_subscriber_was_not_told_is_counted(scene: &Scene) {
    let ((one, first), _) = two_orders(scene).await;
    scene.store.begin_subscriber("removed").await.expect("a subscriber");
    let told = ["new", SHOP].map(str::to_owned);
    let lag = async || {
        let lags = scene.store.lags(&told).await.expect("a look");
        let [lag] = lags.as_slice() else { panic!("{lags:?}") };
        lag.clone()
    };
    let before = lag().await;
    assert!(before.name == SHOP && before.behind > 6 && before.given_up == 0, "{before:?}");

    settle(scene, vec![untold(first, one, Some(scene.store.now()))], Vec::new()).await;
    let told_all = Lag { behind: 0, ..before };
    assert_eq!(lag().await, told_all, "what waits is not given up");
    let found = due(scene).await;
    settle(scene, Vec::new(), vec![retold(&found[0], Some(failed(None)))]).await;
    assert_eq!(lag().await, Lag { given_up: 1, ..told_all });
    assert_eq!(scene.store.lags(&[]).await.expect("a look"), []);
}

async fn what_waits_behind_another_is_not_looked_at_before_its_turn(scene: &Scene) {
    let ((one, first), (other, its_first)) = two_orders(scene).await;
    let now = scene.store.now();
    let aside = vec![
        untold(first, one, Some(now)),
        untold(first + 1, one, None),
        untold(first + 2, one, None),
        untold(its_first, other, Some(now)),
        untold(its_first + 1, other, None),
    ];
    settle(scene, aside, Vec::new()).await;
    assert_eq!(positions(&due(scene).await), [first, its_first]);
    let sql = format!("SELECT COUNT(*) FROM untold_events WHERE run_at <= {}", i64::MAX - 1);
    assert_eq!(count(&scene.store, &sql).await, 2, "no other row is gone through");
    assert_eq!(broken(scene).await, BTreeSet::new());

    // The first is taken, the other given up: each lets the next of its order follow.
    let found = due(scene).await;
    settle(scene, Vec::new(), vec![retold(&found[0], None), retold(&found[1], Some(failed(None)))]).await;
    let found = due(scene).await;
    assert_eq!(positions(&found), [first + 1, its_first + 1]);

    // One that fails keeps its place, and what is behind it too.
    let again = Some(scene.store.now().plus(LEASE));
    let outcome = vec![retold(&found[0], Some(failed(again))), retold(&found[1], None)];
    settle(scene, vec![untold(first + 3, one, None)], outcome).await;
    assert_eq!(positions(&due(scene).await), Vec::<i64>::new());
    assert_eq!(broken(scene).await, BTreeSet::new());
    scene.later(LEASE + LEASE);
    assert_eq!(positions(&due(scene).await), [first + 1]);

    let page = scene.store.deliveries(SHOP, None, &Listing { size: 10, ..Listing::default() }).await;
    let (deliveries, _) = page.expect("a page").expect("a subscriber");
    let shown: Vec<_> = deliveries.iter().map(|it| (it.position, it.attempts, it.status)).collect();
    let expected =
        [(first + 1, 1, None), (first + 2, 0, Some(503)), (first + 3, 0, Some(503)), (its_first, 2, None)];
    assert_eq!(shown, expected);
    assert!(deliveries[1].next.is_none() && deliveries[1].state == DeliveryState::Waiting);
    assert_eq!(deliveries[3].state, DeliveryState::GivenUp);
}

async fn what_was_given_up_is_told_once_more_when_somebody_asks(scene: &Scene) {
    let ((one, first), (other, its_first)) = two_orders(scene).await;
    let now = scene.store.now();
    let last = scene.store.last_position().await.expect("a look");
    settle(scene, vec![untold(first, one, Some(now)), untold(its_first, other, Some(now))], Vec::new()).await;
    let given_up = due(scene).await.iter().map(|it| retold(it, Some(failed(None)))).collect();
    settle(scene, Vec::new(), given_up).await;
    assert_eq!(positions(&due(scene).await), Vec::<i64>::new());
    let standing = scene.store.subscribers().await.expect("a look").remove(0);
    assert_eq!((standing.waiting, standing.given_up, standing.position), (0, 2, last));

    let ask = |wanted: ToRedeliver| async move {
        let found = scene.store.events_to_redeliver(SHOP, &wanted, &[], 100).await;
        found.expect("a look").expect("a subscriber").events
    };
    let hour = Duration::from_secs(3_600);
    assert_eq!(ask(ToRedeliver::GivenUpSince(scene.store.now().plus(hour))).await, []);
    let events = ask(ToRedeliver::GivenUpSince(now)).await;
    assert_eq!(events, [(first, one), (its_first, other)]);
    let whole = ask(ToRedeliver::Positions(first, last)).await;
    assert_eq!(whole.len() as i64, last - first + 1, "taken or not");
    let part = scene.store.events_to_redeliver(SHOP, &ToRedeliver::Positions(first, last), &[], 2).await;
    let part = part.expect("a look").expect("a subscriber");
    assert_eq!((part.events.len(), part.last_position, part.is_more), (2, first + 1, true));
    let kinds = [EventKind::OrderArchived];
    let none =
        scene.store.events_to_redeliver(SHOP, &ToRedeliver::Positions(first, last - 1), &kinds, 2).await;
    let none = none.expect("a look").expect("a subscriber");
    assert_eq!((none.events, none.last_position, none.is_more), (Vec::new(), last - 1, false));
    let beyond = ToRedeliver::Positions(last, last + 1);
    assert_eq!(
        fields(scene.store.events_to_redeliver(SHOP, &beyond, &[], 10).await),
        ["positions.last_position"]
    );

    // Also while it is left alone.
    let pause = Some((scene.store.now().plus(hour), "it answered 503".to_owned()));
    let told = Told { position: last, attempts: 1, pause, ..Told::default() };
    let held = claimed(scene).await;
    assert!(scene.store.settle_subscriber(held, told).await.expect("written"));
    assert!(!scene.store.has_news_for(SHOP).await.expect("a look"));
    scene.order(RedeliverEvents { subscriber: SHOP.to_owned(), events }).await.expect("asked for");
    assert!(scene.store.has_news_for(SHOP).await.expect("a look"));
    let found = due(scene).await;
    assert_eq!(positions(&found), [first, its_first]);
    assert!(found.iter().all(|it| it.attempts == 0), "they are told for a day again");
    let standing = scene.store.subscribers().await.expect("a look").remove(0);
    let asked = &standing.redeliveries[0];
    assert_eq!((asked.events, asked.first_position, asked.last_position), (2, first, its_first));
    assert_eq!((standing.waiting, standing.given_up), (2, 0));

    scene.order(RedeliverEvents { subscriber: SHOP.to_owned(), events: whole }).await.expect("asked for");
    assert_eq!(positions(&due(scene).await), [first, its_first], "of each order the first");
    assert_eq!(broken(scene).await, BTreeSet::new());
}

async fn what_somebody_asks_for_while_it_is_being_told_stays_to_be_done(scene: &Scene) {
    let ((one, first), _) = two_orders(scene).await;
    settle(scene, vec![untold(first, one, Some(scene.store.now()))], Vec::new()).await;
    let found = due(scene).await;
    let held = claimed(scene).await;
    scene.later(Duration::from_secs(1));
    let events = vec![(first, one)];
    scene.order(RedeliverEvents { subscriber: SHOP.to_owned(), events }).await.expect("asked for");

    // The round under way finds that it takes nothing: that is no reason to leave it alone, as somebody asked since.
    let pause = Some((scene.store.now().plus(LEASE + LEASE), "it answered 503".to_owned()));
    let position = scene.store.last_position().await.expect("a look");
    let retold = vec![retold(&found[0], Some(failed(None)))];
    let told = Told { position, untold: Vec::new(), retold, attempts: 1, pause };
    assert!(scene.store.settle_subscriber(held, told.clone()).await.expect("written"));
    assert_eq!(positions(&due(scene).await), [first]);
    assert!(scene.store.has_news_for(SHOP).await.expect("a look"));

    let held = claimed(scene).await;
    assert!(scene.store.settle_subscriber(held, told).await.expect("written"));
    assert!(!scene.store.has_news_for(SHOP).await.expect("a look"), "nobody asked since");
}

async fn an_event_that_waits_behind_none_breaks_a_law(scene: &Scene) {
    let ((one, first), _) = two_orders(scene).await;
    let aside = vec![untold(first, one, Some(scene.store.now())), untold(first + 1, one, None)];
    settle(scene, aside, Vec::new()).await;
    assert_eq!(broken(scene).await, BTreeSet::new());
    scene.sql(&format!("DELETE FROM untold_events WHERE position = {first}")).await;
    assert_eq!(broken(scene).await, BTreeSet::from(["E3"]));
}

async fn the_feed_is_read_page_by_page_both_ways(scene: &Scene) {
    let ((one, _), _) = two_orders(scene).await;
    let last = scene.store.last_position().await.expect("a look");
    let filters: [Vec<Term>; 5] = [
        Vec::new(),
        vec![Term::equal("order_id", one.to_string())],
        vec![Term::equal("type", "order_received")],
        vec![Term::new("position", Compare::Greater, "2")],
        vec![Term::new("time", Compare::GreaterOrEqual, "2000-01-01")],
    ];
    for filter in filters {
        let mut both = Vec::new();
        for direction in [Direction::Ascending, Direction::Descending] {
            let order_by = Some(("position".to_owned(), direction));
            let mut listing = Listing { filter: filter.clone(), order_by, size: 3, after: None };
            let mut read = Vec::new();
            loop {
                let (page, next) = scene.store.list_events(&listing).await.expect("a page");
                assert!(page.len() <= 3);
                read.extend(page.into_iter().map(|it| it.0));
                let Some(next) = next else { break };
                listing.after = Some(next);
            }
            both.push(read);
        }
        assert!(both[0].is_sorted() && !both[0].is_empty() && both[0].len() as i64 <= last, "{both:?}");
        both[1].reverse();
        assert_eq!(both[0], both[1], "{filter:?}");
    }

    let everything = Listing { size: 500, ..Listing::default() };
    let (all, next) = scene.store.list_events(&everything).await.expect("a page");
    assert_eq!((all.len() as i64, next), (last, None));
    let future = vec![Term::new("time", Compare::Greater, "2999-01-01")];
    let none = scene.store.list_events(&Listing { filter: future, size: 3, ..Listing::default() }).await;
    assert_eq!(none.expect("a page"), (Vec::new(), None));
    let order_by = Some(("time".to_owned(), Direction::Ascending));
    let filter = vec![Term::equal("kind", "x")];
    let wrong = Listing { filter, order_by, ..everything };
    assert_eq!(fields(scene.store.list_events(&wrong).await), ["filter", "order_by"]);
}
