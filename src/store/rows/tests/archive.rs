//! An archived order stays where it is, and so do the rows of its parts: each says that it is archived.

use crate::domain::{Order, OrderState, Part};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::query::order_cache::OrderCache;
use crate::store::query::whole::load_orders;
use crate::store::rows::document;
use crate::store::rows::projection::{Changes, Projection};
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{
    disagreements, id_of_nobody, later, nothing, only_order, orders, rows_of, save, save_with_keys, stocked,
    then,
};
use crate::store::tests::shop::{Scene, on_both_engines};
use crate::store::writer::before::Jobs;

on_both_engines! {
    an_archived_order_and_its_parts_stay_and_say_so
    an_archived_order_comes_back_as_it_was
    the_rows_of_archived_orders_are_made_anew_like_others
    a_sealed_order_with_every_part_has_rows_that_name_nobody_and_comes_back_as_it_was
}

/// Tables whose rows say whether their order is archived.
const SAYING: [&str; 10] = [
    "orders",
    "returns",
    "approvals",
    "messages",
    "feedback",
    "invoices",
    "credit_notes",
    "payments",
    "refunds",
    "shipments",
];

fn closed() -> Order {
    then(&full(1), |it| it.state = OrderState::Closed)
}

fn archived(order: &Order) -> Order {
    then(order, |it| {
        it.state = OrderState::Archived;
        it.archived_from = Some(OrderState::Closed);
        it.archived_at = Some(later(30));
    })
}

async fn all_say(scene: &Scene, archived: &str) {
    let db = scene.writer().await;
    for table in SAYING {
        let others = format!("{table} WHERE archived <> {archived}");
        assert_eq!(rows_of(&db, &others).await, 0, "{table}");
        assert!(rows_of(&db, table).await > 0, "{table}");
    }
}

async fn an_archived_order_and_its_parts_stay_and_say_so(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = closed();
    save(&db, &nothing(), &orders([&order])).await.expect("a closed order");
    drop(db);
    all_say(scene, "FALSE").await;

    let db = scene.writer().await;
    let archived = archived(&order);
    save(&db, &orders([&order]), &orders([&archived])).await.expect("archived");
    assert_eq!(only_order(&db, order.id).await, archived);
    drop(db);
    all_say(scene, "TRUE").await;
    assert_eq!(disagreements(scene).await, Vec::<String>::new());

    // It is found by each of its parts, as before.
    let parts = [
        Part::Order(order.id),
        Part::Shipment(order.shipments[1].id),
        Part::Payment(order.payments[0].id),
        Part::Refund(order.payments[1].refunds[0].id),
        Part::Invoice(order.invoices[0].id),
        Part::CreditNote(order.credit_notes[0].id),
        Part::Return(order.returns[0].id),
        Part::Approval(order.approvals[1].id),
        Part::Hold(order.holds[0].id),
        Part::Reservation(order.reservations[2].id),
        Part::Message(order.messages[1].id),
        Part::FollowUp(order.follow_up.as_ref().expect("raised").id),
    ];
    for part in parts {
        assert_eq!(scene.store.order_of(&part).await.expect("a look"), Some(order.id), "{part:?}");
    }
    let reserved = scene.store.reservation(order.reservations[2].id).await.expect("a look");
    assert_eq!(reserved.as_ref(), Some(&order.reservations[2]));
}

async fn an_archived_order_comes_back_as_it_was(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = closed();
    let archived = archived(&order);
    save(&db, &nothing(), &orders([&archived])).await.expect("archived at once");
    let back = then(&archived, |it| {
        it.state = OrderState::Closed;
        (it.archived_from, it.archived_at) = (None, None);
    });
    save(&db, &orders([&archived]), &orders([&back])).await.expect("brought back");
    assert_eq!(only_order(&db, order.id).await, back);
    drop(db);
    all_say(scene, "FALSE").await;
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
}

async fn the_rows_of_archived_orders_are_made_anew_like_others(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    save(&db, &nothing(), &orders([&archived(&full(1))])).await.expect("archived at once");
    drop(db);
    // An older release did not say it of these, and lost some.
    scene.sql("UPDATE payments SET archived = FALSE; UPDATE shipments SET archived = FALSE").await;
    scene.sql("DELETE FROM messages; DELETE FROM feedback").await;
    assert!(!disagreements(scene).await.is_empty());
    assert_eq!(scene.store.rebuild(|_| ()).await.expect("made anew"), 1);
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    all_say(scene, "TRUE").await;
}

async fn a_sealed_order_with_every_part_has_rows_that_name_nobody_and_comes_back_as_it_was(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (order, keys) = (closed(), ArchiveKeys::new([(1, [7; 32])]));
    save(&db, &nothing(), &orders([&order])).await.expect("a new order");
    let sealed = Order { sealed: Some(1), ..archived(&order) };
    let (before, after) = (orders([&order]), orders([&sealed]));
    save_with_keys(&db, &before, &after, &Jobs::default(), &keys).await.expect("sealed");

    let reading = OrderCache::new(0).with_keys(keys.clone());
    let read = load_orders(&db, &reading, &[order.id]).await.expect("it opens");
    assert_eq!(read.first().map(|it| &**it), Some(&sealed));
    let row = db.query_one("SELECT document FROM orders", Vec::new()).await.expect("a look").expect("a row");
    let open = document::order(row.bytes(0).expect("bytes")).expect("the open part");
    assert_eq!(open.customer.name, "");
    assert!(document::whole_order(id_of_nobody(), row.bytes(0).expect("bytes"), &keys).is_err());
    let said = |it: &Order| Projection::of(it).feedback.into_iter().map(|it| it.comment).collect::<Vec<_>>();
    assert_eq!((said(&order), said(&open)), (vec!["good".to_owned()], vec![String::new()]));
    assert_eq!(disagreements(scene).await, Vec::<String>::new(), "the tables have what stands in the open");

    let back = then(&sealed, |it| {
        it.state = OrderState::Closed;
        (it.archived_from, it.archived_at, it.sealed) = (None, None, None);
    });
    let (before, after) = (after, orders([&back]));
    save_with_keys(&db, &before, &after, &Jobs::default(), &keys).await.expect("brought back");
    assert_eq!(only_order(&db, order.id).await, back);
    assert_eq!(rows_of(&db, "payment_references").await, 1, "no reference is registered twice");
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
}

/// A part whose row does not say it is not written again.
#[test]
fn archiving_writes_only_rows_that_say_so() {
    let order = closed();
    let mut changes = Changes::default();
    changes.add(Some(&order), &archived(&order));
    let rows = Projection::of(&archived(&order));
    let expected = Projection {
        terms: rows.terms,
        approvals: rows.approvals,
        messages: rows.messages,
        feedback: rows.feedback,
        follow_ups: rows.follow_ups,
        invoices: rows.invoices,
        credit_notes: rows.credit_notes,
        returns: rows.returns,
        payments: rows.payments,
        refunds: rows.refunds,
        shipments: rows.shipments,
        ..Projection::default()
    };
    assert_eq!(changes.rows, expected);
    assert!(changes.numbers.is_empty() && changes.references.is_empty());
}
