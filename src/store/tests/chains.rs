//! The chains of events in the rows of both engines: what somebody does to these rows is found.

use crate::domain::{
    Actor, EraseOrder, Event, EventKind, Link, OnShortage, OrderId, Part, PersonNames, Target, Unsent,
    erase_from_events,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::listing::{Cursor, Listing};
use crate::store::rows::document;
use crate::store::tests::shop::{Scene, count_events, create_order, on_both_engines, on_order, order_for};

on_both_engines! {
    two_hundred_edits_deletions_and_swaps_of_archived_rows_are_all_found
    what_rows_say_beside_their_events_is_compared_with_them
    an_erased_order_has_its_chain_and_no_other_may_lose_its_words
    chains_go_on_over_processes_and_rebuilds_and_are_verified_page_by_page
}

/// An archived order with a handful of decisions, the last of them made by this store.
async fn archived_by(scene: &Scene, last: &Store) -> OrderId {
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");
    on_order(&scene.store, id, |order, unit| order.cancel(unit, "changed my mind")).await;
    let order = scene.store.order(id).await.expect("a look").expect("the order");
    for message in order.messages.iter().map(|it| it.id) {
        on_order(last, id, move |order, unit| {
            order.answer_message(unit, message, Err(Unsent::Refused("no such mailbox".to_owned())))
        })
        .await;
    }
    on_order(last, id, |order, unit| order.archive(unit)).await;
    id
}

async fn archived(scene: &Scene) -> OrderId {
    archived_by(scene, &scene.store).await
}

/// The rows of an order's history, in their order.
async fn stored(db: &Session, id: OrderId) -> Vec<(i64, Vec<Event>)> {
    let sql = "SELECT id, events FROM decisions WHERE order_id = $1 ORDER BY last_sequence";
    let rows = db.query(sql, vec![id.into()]).await.expect("a look");
    let read = |row: &Row| {
        let events = document::decode("decisions", row.bytes(1).expect("bytes")).expect("events");
        (row.get(0).expect("a number"), events)
    };
    rows.iter().map(read).collect()
}

async fn write(db: &Session, row: i64, events: &[Event]) {
    let events = document::encode("decisions", &events).expect("bytes");
    write_bytes(db, row, events).await;
}

async fn write_bytes(db: &Session, row: i64, events: Vec<u8>) {
    let sql = "UPDATE decisions SET events = $2 WHERE id = $1";
    assert_eq!(db.execute(sql, vec![row.into(), events.into()]).await.expect("written"), 1);
}

/// As for somebody who owns the database; all decisions are kept aside.
async fn unguarded(scene: &Scene) {
    let on = if scene.server.is_some() { " ON decisions" } else { "" };
    for change in ["update", "delete"] {
        scene.sql(&format!("DROP TRIGGER decisions_refuse_{change}{on}")).await;
    }
    scene.sql("CREATE TABLE as_before AS SELECT * FROM decisions").await;
}

async fn restore(scene: &Scene, db: &Session) {
    let how = if scene.server.is_some() { "OVERRIDING SYSTEM VALUE " } else { "" };
    let sql = format!("DELETE FROM decisions; INSERT INTO decisions {how}SELECT * FROM as_before");
    db.script(&sql).await.expect("as before");
}

/// The first event that is not as it was.
async fn broken(scene: &Scene, id: OrderId) -> Option<i64> {
    let (verified, _) = scene.store.verify_chain(id).await.expect("a look").expect("the order");
    assert_eq!(verified.orders, 1);
    assert!(verified.breaks.iter().all(|it| it.0 == id));
    verified.breaks.first().map(|it| it.1.sequence)
}

/// How many orders break the law.
async fn law(scene: &Scene) -> u64 {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    laws.iter().find(|it| it.id == "L6").expect("the law").broken
}

async fn two_hundred_edits_deletions_and_swaps_of_archived_rows_are_all_found(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let id = archived(scene).await;
    unguarded(scene).await;
    assert_eq!((broken(scene, id).await, law(scene).await), (None, 0));

    let db = scene.writer().await;
    let rows = stored(&db, id).await;
    assert!(rows.len() >= 4, "{} rows", rows.len());
    let mut chance = fastrand::Rng::with_seed(64);
    for number in 0..200 {
        let row = chance.usize(..rows.len());
        let (key, events) = &rows[row];
        let first = match number % 4 {
            0 | 1 => {
                let mut events = events.clone();
                let at = chance.usize(..events.len());
                edit(&mut events[at], chance.u8(..4));
                write(&db, *key, &events).await;
                events[at].sequence
            }
            2 => {
                let sql = "DELETE FROM decisions WHERE id = $1";
                assert_eq!(db.execute(sql, vec![(*key).into()]).await.expect("gone"), 1);
                events[0].sequence
            }
            _ => {
                let (other_key, others) = &rows[(row + chance.usize(1..rows.len())) % rows.len()];
                write(&db, *key, others).await;
                write(&db, *other_key, events).await;
                events[0].sequence.min(others[0].sequence)
            }
        };
        assert_eq!(broken(scene, id).await, Some(first), "number {number}, row {row}");
        if number % 20 < 4 {
            assert_eq!(law(scene).await, 1, "number {number}, row {row}");
        }
        restore(scene, &db).await;
    }
    assert_eq!((broken(scene, id).await, law(scene).await), (None, 0));
}

fn edit(event: &mut Event, field: u8) {
    match field {
        0 => event.text.push('!'),
        1 => event.actor = Actor::stored(format!("{}x", event.actor)),
        2 => event.at = event.at.plus(std::time::Duration::from_micros(1)),
        _ => {
            let is_archived = event.kind == EventKind::OrderArchived;
            event.kind = if is_archived { EventKind::OrderClosed } else { EventKind::OrderArchived };
        }
    }
}

async fn what_rows_say_beside_their_events_is_compared_with_them(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let (one, other) = (archived(scene).await, archived(scene).await);
    unguarded(scene).await;
    let db = scene.writer().await;
    let rows = stored(&db, one).await;
    let (first, second, last) = (&rows[0], &rows[1], &rows[rows.len() - 1]);
    let found = async |sequence: i64, what: &str| {
        assert_eq!(broken(scene, one).await, Some(sequence), "{what}");
        assert!(law(scene).await >= 1, "{what}");
        restore(scene, &db).await;
    };

    let set = async |what: &str, row: i64| {
        let sql = format!("UPDATE decisions SET {what} WHERE id = {row}");
        db.script(&sql).await.expect("changed");
    };
    set("at = at + 1", second.0).await;
    found(second.1[0].sequence, "the time in a column").await;
    set("first_position = first_position + 1000, last_position = last_position + 1000", first.0).await;
    found(second.1[0].sequence, "another place in the feed").await;
    write_bytes(&db, second.0, vec![1, 2, 3]).await;
    found(second.1[0].sequence, "no events at all").await;

    // A row that is another order's now is missing here, and strange there.
    let sql = "UPDATE decisions SET order_id = $2, first_sequence = first_sequence + 1000, \
        last_sequence = last_sequence + 1000 WHERE id = $1";
    assert_eq!(db.execute(sql, vec![last.0.into(), other.into()]).await.expect("moved"), 1);
    assert!(broken(scene, other).await.is_some());
    found(last.1[0].sequence, "another order's").await;

    let sql = "SELECT document FROM orders WHERE id = $1";
    let row = db.query_one(sql, vec![one.into()]).await.expect("a look").expect("the order");
    let mut order = document::order(row.bytes(0).expect("bytes")).expect("an order");
    order.last_link = Link([7; 32]);
    let bytes = document::encode("orders", &order).expect("bytes");
    let sql = "UPDATE orders SET document = $2 WHERE id = $1";
    assert_eq!(db.execute(sql, vec![one.into(), bytes.into()]).await.expect("written"), 1);
    found(order.last_event + 1, "another end").await;
}

async fn an_erased_order_has_its_chain_and_no_other_may_lose_its_words(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let (id, other) = (archived(scene).await, archived(scene).await);
    let before = scene.store.events_of(id).await.expect("a look");
    let erase = EraseOrder { target: Target::latest(Part::Order(id)) };
    scene.order(erase).await.expect("it is over");
    assert_eq!((broken(scene, id).await, law(scene).await), (None, 0), "the words are there still");
    scene.store.erase_traces(None, |_| Box::pin(async { Ok(()) })).await.expect("erased");
    assert_eq!((broken(scene, id).await, law(scene).await), (None, 0));
    let after = scene.store.events_of(id).await.expect("a look");
    assert_eq!(after.len(), before.len() + 1);
    for ((_, after), (_, before)) in after.iter().zip(&before) {
        assert!(after.text.is_empty() && after.seal.text.is_erased(), "{after:?}");
        assert_eq!((after.seal.link, &after.actor), (before.seal.link, &before.actor));
    }

    unguarded(scene).await;
    let db = scene.writer().await;
    let rows = stored(&db, id).await;
    let (key, mut events) = rows[1].clone();
    events[0].text = "what nobody said".to_owned();
    write(&db, key, &events).await;
    assert_eq!(broken(scene, id).await, Some(events[0].sequence));
    restore(scene, &db).await;

    let rows = stored(&db, other).await;
    let (key, mut events) = rows[1].clone();
    erase_from_events(&mut events[..1], &PersonNames::default());
    write(&db, key, &events).await;
    assert_eq!(broken(scene, other).await, Some(events[0].sequence), "nobody was erased there");
    restore(scene, &db).await;
    assert_eq!(law(scene).await, 0);
}

async fn chains_go_on_over_processes_and_rebuilds_and_are_verified_page_by_page(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let another = scene.another().await;
    let mut ids = Vec::new();
    for last in [&scene.store, &another, &another, &scene.store, &another] {
        ids.push(archived_by(scene, last).await);
    }
    another.close().await;
    scene.store.rebuild(|_| ()).await.expect("made anew");
    for id in ids {
        let found = scene.store.verify_chain(id).await.expect("a look").expect("the order");
        let order = scene.store.order(id).await.expect("a look").expect("the order");
        assert_eq!((found.0.events, found.0.breaks.len()), (order.last_event as u64, 0));
        assert_eq!(found.1, order.last_link);
    }

    let (mut orders, mut events) = (0, 0);
    let mut listing = Listing { size: 2, ..Listing::default() };
    loop {
        let (page, next) = scene.store.verify_chains(&listing).await.expect("a page");
        assert!(page.orders <= 2 && page.breaks.is_empty(), "{page:?}");
        orders += page.orders;
        events += page.events;
        listing.after = next;
        if listing.after.is_none() {
            break;
        }
    }
    assert_eq!((orders, events), (5, count_events(&scene.store).await as u64));
    let wrong = Listing { after: Some(Cursor(vec![1, 2, 3])), ..listing };
    let refused = scene.store.verify_chains(&wrong).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let nobody = scene.store.verify_chain(OrderId(uuid::Uuid::nil())).await.expect("a look");
    assert_eq!(nobody, None);
}
