//! Decisions: events without gaps, and answers under their keys.

use std::time::Duration;

use crate::domain::{Event, Ids, JobId, Machine, OrderId, Timestamp, Transition};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::decision::{
    self, AMEND_ANSWERS, Decision, FIND_ANSWERS, IdempotencyKey, StoredAnswer,
};
use crate::store::rows::order::JobFields;
use crate::store::rows::statements::Writes;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{
    AT, code, later, nothing, orders, recorded, rows_of, save_with_jobs, stocked, then, write,
};
use crate::store::rows::writes::SET_ORDER_JOBS;
use crate::store::tests::shop::{Scene, on_both_engines};
use crate::store::writer::before::Jobs;

on_both_engines! {
    events_have_positions_without_gap_and_read_back
    an_answer_is_kept_under_its_key_and_replaced_under_the_same_content
    a_job_keeps_its_token_whatever_is_written_of_its_order
}

fn decided(events: Vec<Event>, key: Option<&str>) -> Decision {
    let key = key.map(|it| (key_of(it), answer(1, b"first")));
    Decision { at: AT, actor: code("ann"), method: "CreateOrder", events, key }
}

fn key_of(id: &str) -> IdempotencyKey {
    IdempotencyKey { actor: "ann".to_owned(), method: "CreateOrder".to_owned(), id: id.to_owned() }
}

fn answer(content: u8, bytes: &[u8]) -> StoredAnswer {
    StoredAnswer { fingerprint: [content; 32], answer: bytes.into() }
}

async fn add(db: &Session, decisions: Vec<Decision>) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    decision::add(&mut writes, decisions).expect("events");
    write(db, writes.into_asks()).await
}

async fn answers(db: &Session, ids: &[&str]) -> Vec<(String, StoredAnswer)> {
    let rows = ids.iter().map(|it| key_of(it).values()).collect();
    let found = db.exchange(vec![FIND_ANSWERS.about(rows)]).await.expect("answers").concat();
    let read = found.iter().map(IdempotencyKey::read).collect::<Result<Vec<_>, _>>().expect("answers");
    read.into_iter().map(|(key, stored)| (key.id, stored)).collect()
}

async fn events_have_positions_without_gap_and_read_back(scene: &Scene) {
    let db = scene.writer().await;
    let mut ids = Ids::seeded(AT, 3);
    let (one, other): (OrderId, OrderId) = (ids.fresh(), ids.fresh());
    let moved = Transition {
        machine: Machine::Order,
        subject: one.0,
        from: String::new(),
        to: "RECEIVED".to_owned(),
    };
    let first = vec![recorded(one, 1, Some(moved)), recorded(one, 2, None)];
    // One decision about two orders, another with nothing to tell but its answer, one with nothing at all.
    let both = vec![recorded(one, 3, None), recorded(other, 1, None), recorded(one, 4, None)];
    let alone = vec![recorded(other, 2, None)];
    add(&db, vec![decided(first.clone(), Some("request-1"))]).await.expect("a decision");
    add(
        &db,
        vec![
            decided(both.clone(), Some("request-2")),
            decided(Vec::new(), Some("request-3")),
            decided(Vec::new(), None),
            decided(alone.clone(), None),
        ],
    )
    .await
    .expect("decisions");

    let of_one = [(1, &first[0]), (2, &first[1]), (3, &both[0]), (4, &both[2])];
    let of_other = [(5, &both[1]), (6, &alone[0])];
    let read = async |order| scene.store.events_of(order).await.expect("a look");
    let expected = |all: &[(i64, &Event)]| all.iter().map(|it| (it.0, it.1.clone())).collect::<Vec<_>>();
    assert_eq!(read(one).await, expected(&of_one));
    assert_eq!(read(other).await, expected(&of_other));
    assert_eq!(scene.store.last_position().await.expect("a look"), 6);
    assert_eq!(rows_of(&db, "decisions").await, 5);
    let page = scene.store.events_after(2, &Default::default(), 2).await.expect("a page");
    assert_eq!((page.events, page.position, page.is_end), (expected(&of_one[2..]), 4, false));

    // A sequence that is there is a race that was lost, and takes no position.
    let lost = add(&db, vec![decided(alone, None)]).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    let counted = db.query_one("SELECT value FROM counters WHERE name = 'events'", Vec::new()).await;
    assert_eq!(counted.expect("a look").expect("a counter").get::<i64>(0).expect("a number"), 6);
}

async fn an_answer_is_kept_under_its_key_and_replaced_under_the_same_content(scene: &Scene) {
    let db = scene.writer().await;
    let order: OrderId = Ids::seeded(AT, 3).fresh();
    add(
        &db,
        vec![
            decided(vec![recorded(order, 1, None)], Some("request-1")),
            decided(Vec::new(), Some("request-2")),
        ],
    )
    .await
    .expect("decisions");
    let first = |id: &str| (id.to_owned(), answer(1, b"first"));
    assert_eq!(
        answers(&db, &["request-1", "request-2", "request-3"]).await,
        [first("request-1"), first("request-2")]
    );
    let lost = add(&db, vec![decided(Vec::new(), Some("request-2"))]).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");

    let mut writes = Writes::default();
    let amended = [("request-1", 1_u8), ("request-2", 2), ("request-3", 1)].map(|(id, content)| {
        let mut values = key_of(id).values();
        values.extend([vec![content; 32].into(), b"later".to_vec().into()]);
        values
    });
    writes.put(&AMEND_ANSWERS, amended.into());
    write(&db, writes.into_asks()).await.expect("amended");
    let later = ("request-1".to_owned(), answer(1, b"later"));
    assert_eq!(answers(&db, &["request-1", "request-2"]).await, [later, first("request-2")]);

    // What is forgotten is the key; what was decided stays.
    let hour = Duration::from_secs(3_600);
    assert_eq!(scene.store.forget_keys(AT).await.expect("none"), 0);
    assert_eq!(scene.store.forget_keys(AT.plus(hour)).await.expect("both"), 2);
    assert_eq!(answers(&db, &["request-1", "request-2"]).await, []);
    assert_eq!(scene.store.events_of(order).await.expect("a look").len(), 1);
    assert_eq!(rows_of(&db, "decisions").await, 1);
}

async fn a_job_keeps_its_token_whatever_is_written_of_its_order(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    let job = JobId(order.id.0);
    let due = |run_at, attempts, lease_until| {
        Jobs::from([(job, JobFields { run_at: Some(run_at), attempts, lease_token: 0, lease_until })])
    };
    save_with_jobs(&db, &nothing(), &orders([&order]), &due(AT, 0, None)).await.expect("an order");
    // A worker has come since it was loaded.
    scene
        .sql(&format!(
            "UPDATE orders SET lease_token = 3, attempts = 1, lease_until = {}",
            later(9).unix_micros()
        ))
        .await;

    let next = then(&order, |it| it.cancel_reason.clear());
    let jobs = due(later(60), 1, Some(later(9)));
    save_with_jobs(&db, &orders([&order]), &orders([&next]), &jobs).await.expect("put off");
    let read = async || {
        let sql = "SELECT run_at, attempts, lease_token, lease_until FROM orders";
        let row = db.query_one(sql, Vec::new()).await.expect("a look").expect("the order");
        JobFields {
            run_at: row.get(0).expect("a time"),
            attempts: row.get(1).expect("a number"),
            lease_token: row.get(2).expect("a number"),
            lease_until: row.get(3).expect("a time"),
        }
    };
    let kept =
        JobFields { run_at: Some(later(60)), attempts: 1, lease_token: 3, lease_until: Some(later(9)) };
    assert_eq!(read().await, kept);

    let set = |id: JobId| {
        let mut writes = Writes::default();
        let row = vec![id.0.into(), Some(later(70)).into(), 0_i64.into(), None::<Timestamp>.into()];
        writes.put(&SET_ORDER_JOBS, vec![row]);
        writes.into_asks()
    };
    write(&db, set(job)).await.expect("done");
    let done = JobFields { run_at: Some(later(70)), attempts: 0, lease_token: 3, lease_until: None };
    assert_eq!(read().await, done);
    let lost = write(&db, set(JobId(uuid::Uuid::from_u128(1)))).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
}
