//! What was kept long enough is forgotten, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{MessageId, OnShortage, OrderId, Timestamp};
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{AT, nothing, orders, save, stocked};
use crate::store::tests::shop::{Scene, count, create_order, on_both_engines, order_for};
use crate::store::writer::subscribers::{Told, Untold};

on_both_engines! {
    what_letters_said_is_forgotten_once_their_order_is_archived
    what_subscribers_were_given_up_on_is_forgotten_in_time
}

const DAY: Duration = Duration::from_secs(86_400);

async fn broken(scene: &Scene) -> BTreeSet<&'static str> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    laws.iter().filter(|it| it.broken > 0).map(|it| it.id).collect()
}

async fn what_letters_said_is_forgotten_once_their_order_is_archived(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("an order");
    drop(db);
    // Any content will do.
    let texts = "INSERT INTO message_texts (message_id, content) SELECT messages.id, orders.document \
        FROM messages JOIN orders ON orders.id = messages.order_id";
    scene.sql(texts).await;
    let kept = "SELECT COUNT(*) FROM message_texts WHERE length(content) > 0";
    let all = count(&scene.store, kept).await;
    assert!(all > 0, "no letters");

    let (young, old) = (AT.minus(DAY), AT.plus(DAY));
    assert_eq!(scene.store.forget_texts(old).await.expect("done"), 0, "the order is not archived");
    scene.sql("UPDATE messages SET archived = TRUE").await;
    assert_eq!(scene.store.forget_texts(young).await.expect("done"), 0, "they are young");
    assert_eq!(count(&scene.store, kept).await, all);
    assert_eq!(scene.store.forget_texts(old).await.expect("done"), all.cast_unsigned());
    assert_eq!(count(&scene.store, kept).await, 0);
    assert_eq!(scene.store.forget_texts(old).await.expect("done"), 0, "once");

    let ids: Vec<MessageId> = order.messages.iter().map(|it| it.id).collect();
    let texts = scene.store.message_texts(&ids).await.expect("a look");
    assert!(texts.len() == ids.len() && texts.values().all(|it| it.is_forgotten()), "{texts:?}");
    assert!(!broken(scene).await.contains("L5"), "it is known that they were sent");
    let again = scene.writer().await.script("UPDATE message_texts SET content = message_id").await;
    assert!(again.is_err(), "another text");
}

fn untold(position: i64, order: OrderId, run_at: Option<Timestamp>) -> Untold {
    Untold { position, order, attempts: 1, run_at, error: "it answered 503".to_owned(), status: Some(503) }
}

/// Puts the events from this position on aside for a subscriber; the first is due, the others wait behind it.
async fn put_aside(scene: &Scene, name: &str, first: i64, order: OrderId) {
    scene.store.begin_subscriber(name).await.expect("a subscriber");
    let claimed = scene.store.claim_subscriber(name, DAY).await.expect("a look").expect("it is free");
    let untold = vec![
        untold(first, order, Some(scene.store.now())),
        Untold { attempts: 0, ..untold(first + 1, order, None) },
        Untold { attempts: 0, ..untold(first + 2, order, None) },
    ];
    let told = Told { position: first + 2, untold, ..Told::default() };
    assert!(scene.store.settle_subscriber(claimed, told).await.expect("written"));
}

async fn what_subscribers_were_given_up_on_is_forgotten_in_time(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, order, _) = create_order(&scene.store, None, new).await.expect("an order");
    let first = scene.store.events_of(order).await.expect("a look")[0].0;
    for name in ["shop", "gone", "patient"] {
        put_aside(scene, name, first, order).await;
    }
    let told = "SELECT COUNT(*) FROM untold_events WHERE subscriber = ";
    scene.sql("UPDATE untold_events SET run_at = NULL WHERE subscriber = 'shop'").await;
    scene.sql("UPDATE event_subscribers SET retired = TRUE WHERE name = 'gone'").await;

    let now = scene.store.now();
    assert_eq!(
        scene.store.forget_deliveries(now.minus(DAY)).await.expect("done"),
        3,
        "of the one that is gone"
    );
    assert_eq!(count(&scene.store, &format!("{told}'shop'")).await, 3, "they are young");
    assert_eq!(
        scene.store.forget_deliveries(now.plus(DAY)).await.expect("done"),
        1,
        "what was sent and given up"
    );
    assert_eq!(count(&scene.store, &format!("{told}'patient'")).await, 3, "what waits is told still");
    assert_eq!(broken(scene).await, BTreeSet::new());
}
