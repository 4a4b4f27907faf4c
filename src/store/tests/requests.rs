//! Request ids: one effect, one answer.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::sqlx::{Connection, Executor, PgConnection};

use crate::domain::{OnOrder, OnShortage, OrderId, OrderState, ReadSet, Refusal, UnitOfWork};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{
    Scene, TEXT, cancel, context, count, count_keys, create_order, number_of, on_both_engines, order_for,
    request,
};
use crate::store::writer::change::{Codec, RequestContext, RequestKey, RequestMode, View};

on_both_engines! {
    a_replay_gives_the_stored_answer
    a_used_request_id_with_other_content_is_refused
    concurrent_twins_have_one_effect
    each_request_id_of_a_group_is_answered_for_itself
    an_amended_answer_takes_the_place_of_the_first
    old_answers_are_reaped
}

async fn a_replay_gives_the_stored_answer(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let first = create_order(&scene.store, request("request-1", 1), new.clone()).await.expect("an order");
    let second = create_order(&scene.store, request("request-1", 1), new).await.expect("its answer");

    assert_eq!(first, second);
    assert_eq!(scene.units("A-1").await, (10, 1));
}

async fn a_used_request_id_with_other_content_is_refused(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    create_order(&scene.store, request("request-1", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("one");
    let other =
        create_order(&scene.store, request("request-1", 2), order_for(&[("A-1", 2)], OnShortage::Refuse))
            .await;

    assert!(matches!(other, Err(StoreError::RequestIdReused)));
    assert_eq!(scene.units("A-1").await, (10, 1));
}

async fn concurrent_twins_have_one_effect(scene: &Scene) {
    scene.stocked(&["A-1"], 1_000).await;
    let stores = [scene.store.clone(), scene.another().await];
    let mut handles = Vec::new();
    for key in 0..20 {
        let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        for twin in 0..8 {
            let store = stores[twin % 2].clone();
            let new = new.clone();
            let key = request(&format!("request-{key}"), 1);
            handles.push(tokio::spawn(async move { create_order(&store, key, new).await }));
        }
    }
    let mut answers = BTreeSet::new();
    for handle in handles {
        answers.insert(handle.await.expect("no panic").expect("an answer").1);
    }

    assert_eq!(answers.len(), 20);
    assert_eq!(scene.units("A-1").await, (1_000, 20));
    stores[1].close().await;
}

async fn each_request_id_of_a_group_is_answered_for_itself(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let before = create_order(&scene.store, request("request-0", 1), new).await.expect("an order");
    let (began, deciding) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let mut options = scene.options();
    options.lanes = 1;
    let alone = Store::open(options).await.expect("a store");
    let store = alone.clone();
    let first = tokio::spawn(async move {
        let decide = move |_: &mut UnitOfWork<'_>| {
            let _ = began.send(());
            let _ = wait.recv();
            Ok(())
        };
        store.decide(context(None), ReadSet::default(), decide, |(), _| (), Codec::unkept()).await
    });
    deciding.recv().expect("the writer is at work");

    // What comes meanwhile makes one group, in this order.
    let ask = |id: &str, content, units| {
        create_order(&alone, request(id, content), order_for(&[("A-1", units)], OnShortage::Refuse))
    };
    let later = |id: &OrderId, _: &View<'_>| (0, *id, OrderState::Cancelled);
    let (one, twin, reused, used_before, short, short_once, anew, early, late, ()) = tokio::join!(
        ask("request-1", 1, 1),
        ask("request-1", 1, 1),
        ask("request-1", 2, 1),
        ask("request-0", 2, 1),
        ask("request-2", 1, 20),
        ask("request-3", 1, 20),
        ask("request-3", 2, 2),
        ask("request-4", 1, 1),
        alone.decide(amending("request-4"), ReadSet::default(), move |_| Ok(before.1), later, TEXT),
        async { go.send(()).expect("the writer waits") },
    );
    first.await.expect("no panic").expect("accepted");
    let (one, anew) = (one.expect("an order"), anew.expect("an order"));
    assert_eq!(twin.expect("the same answer"), one);
    for refused in [reused, used_before] {
        assert!(matches!(refused, Err(StoreError::RequestIdReused)), "{refused:?}");
    }
    for refused in [short, short_once] {
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::Short(_)))), "{refused:?}");
    }
    let (_, late) = (early.expect("an order"), late.expect("its later phase"));
    assert_eq!(scene.units("A-1").await, (10, 5));
    assert_eq!(count_keys(&scene.store).await, 4);

    assert_eq!(ask("request-0", 1, 1).await.expect("its answer"), before);
    assert_eq!(ask("request-1", 1, 1).await.expect("its answer"), one);
    assert_eq!(ask("request-3", 2, 2).await.expect("its answer"), anew);
    assert_eq!(ask("request-4", 1, 1).await.expect("the last answer"), late);
    assert!(matches!(ask("request-3", 1, 20).await, Err(StoreError::RequestIdReused)));
    ask("request-2", 2, 1).await.expect("the id of what was refused is free");
    assert_eq!(scene.units("A-1").await, (10, 6));
    alone.close().await;
}

async fn an_amended_answer_takes_the_place_of_the_first(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) =
        create_order(&scene.store, request("request-1", 1), new.clone()).await.expect("an order");

    let amending = amending("request-1");
    let reply = |cancelled: &OnOrder<()>, view: &View<'_>| number_of(&cancelled.order, view);
    let changing = scene.store.change(amending.clone(), cancel(id), reply, TEXT);
    let cancelled = changing.await.expect("a cancelled order").into_answer();

    let again = create_order(&scene.store, request("request-1", 1), new.clone()).await.expect("the answer");
    assert_eq!((again.1, again.2), (id, OrderState::Cancelled));
    assert_eq!(again, cancelled);

    // The final answer stands, whatever a later phase of a repeat would say.
    let later = scene.store.decide(
        amending,
        ReadSet::default(),
        move |_| Ok(id),
        |id, _| (0, *id, OrderState::Closed),
        TEXT,
    );
    assert_eq!(later.await.expect("the final answer"), cancelled);
    let again = create_order(&scene.store, request("request-1", 1), new).await.expect("the answer");
    assert_eq!(again, cancelled);
}

/// A later phase of what was asked for under this id.
fn amending(id: &str) -> RequestContext {
    let later = |it: RequestKey| RequestKey { mode: RequestMode::Amend { is_final }, ..it };
    RequestContext { request: request(id, 1).map(later), ..context(None) }
}

fn is_final(answer: &[u8]) -> bool {
    (TEXT.decode)(answer).is_some_and(|it| it.2 == OrderState::Cancelled)
}

async fn old_answers_are_reaped(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    create_order(&scene.store, request("request-1", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("one");
    scene.later(Duration::from_secs(73 * 3_600));
    create_order(&scene.store, request("request-2", 1), order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("two");
    let older_than = scene.store.now().minus(Duration::from_secs(72 * 3_600));

    assert_eq!(scene.store.forget_keys(older_than).await.expect("reaped"), 1);
    assert_eq!(count_keys(&scene.store).await, 1);
}

/// An answer that somebody else is making final is waited for, not written over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_just_becoming_final_stands() {
    let Some(scene) = Scene::on_postgres().await else { return };
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (number, id, _) =
        create_order(&scene.store, request("request-1", 1), new.clone()).await.expect("an order");
    let last = (number, id, OrderState::Cancelled);
    let Database::Postgres(url) = &scene.database else { return };
    let mut other = PgConnection::connect(url).await.expect("a connection");
    other.execute("BEGIN").await.expect("a transaction");
    let amended = sea_orm::sqlx::query("UPDATE decisions SET answer = $1 WHERE request_id IS NOT NULL")
        .bind((TEXT.encode)(&last));
    amended.execute(&mut other).await.expect("a final answer");

    let store = scene.store.clone();
    let later = tokio::spawn(async move {
        let reply = |id: &OrderId, _: &View<'_>| (0, *id, OrderState::Closed);
        store.decide(amending("request-1"), ReadSet::default(), move |_| Ok(id), reply, TEXT).await
    });
    let waits = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while count(&scene.store, waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.execute("COMMIT").await.expect("committed");

    assert_eq!(later.await.expect("no panic").expect("the final answer"), last);
    assert_eq!(create_order(&scene.store, request("request-1", 1), new).await.expect("the answer"), last);
    scene.gone().await;
}
