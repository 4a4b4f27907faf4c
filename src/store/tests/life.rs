//! Jobs, schema, checks and the end of a store.

use std::time::Duration;

use sea_orm::sqlx::{Connection, Executor, PgConnection};

use crate::domain::{Lease, OnShortage, Part, Refusal, RunDue, Target};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{
    Scene, count, create_order, drop_database, fresh_database, on_both_engines, options, order_for,
};
use crate::store::writer::job::JobKind;

on_both_engines! {
    a_job_is_leased_to_one_worker
    several_stores_bring_the_schema_up_at_once
    a_closed_store_has_done_what_was_queued
}

async fn a_job_is_leased_to_one_worker(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let (_, id, _) = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse))
        .await
        .expect("an order");
    let lease_for = Duration::from_secs(30);
    scene.later(Duration::from_secs(10 * 24 * 3_600));
    let jobs = scene.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.iter().map(|it| (it.kind, it.subject)).collect::<Vec<_>>(), [(JobKind::Order, id.0)]);
    assert!(scene.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());

    // The first worker sleeps for too long; another takes over.
    scene.later(2 * lease_for);
    let again = scene.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].attempts, 2);
    let run_due =
        |lease: Lease| scene.order(RunDue { target: Target::latest(Part::Order(id)), lease: Some(lease) });
    let stale = run_due(jobs[0].lease).await;
    assert!(matches!(stale, Err(StoreError::Refused(Refusal::LeaseLost(_)))));
    run_due(again[0].lease).await.expect("an expired order");
    assert_eq!(scene.units("A-1").await, (10, 0));

    // A failed one comes back when it was told to.
    scene.later(Duration::from_secs(365 * 24 * 3_600));
    let jobs = scene.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.len(), 1);
    let retry_at = scene.store.now().plus(Duration::from_secs(5));
    scene.store.job_failed(jobs[0].lease, retry_at).await.expect("noted");
    assert!(scene.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());
    scene.later(Duration::from_secs(6));
    assert_eq!(scene.store.claim_jobs(10, lease_for).await.expect("jobs").len(), 1);
}

async fn several_stores_bring_the_schema_up_at_once(scene: &Scene) {
    let (empty, server) = match &scene.server {
        Some((url, _)) => {
            let (database, server) = fresh_database(url).await;
            (database, Some(server))
        }
        None => {
            let directory = scene.directory.as_ref().expect("a directory");
            (Database::Sqlite(directory.path().join("empty.db")), None)
        }
    };
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let options = options(&empty, &scene.rules, &scene.clock);
            tokio::spawn(async move {
                let store = Store::open(options).await?;
                store.migrate().await?;
                let pending = store.pending_migrations().await?;
                store.close().await;
                Ok::<_, StoreError>(pending)
            })
        })
        .collect();
    for handle in handles {
        assert!(handle.await.expect("no panic").expect("a schema").is_empty());
    }
    drop_database(server).await;
}

async fn a_closed_store_has_done_what_was_queued(scene: &Scene) {
    scene.stocked(&["A-1"], 100).await;
    let store = scene.another().await;
    let handles: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { create_order(&store, None, new).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(2)).await;
    store.close().await;

    let mut done = 0;
    for handle in handles {
        match handle.await.expect("no panic") {
            Ok(_) => done += 1,
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(scene.units("A-1").await, (100, done));
    let after = create_order(&store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(after, Err(StoreError::Unavailable(_))));
}

/// One who asks and leaves gives no other check room beside the one that has begun, and a store that closes waits for
/// none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_the_only_one_until_the_database_has_stopped_and_ends_with_the_store() {
    const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";

    let Some(scene) = Scene::on_postgres().await else { return };
    let Database::Postgres(url) = &scene.database else { return };
    let mut holding = PgConnection::connect(url).await.expect("a connection");
    let ask = || {
        let store = scene.store.clone();
        tokio::spawn(async move { store.check_integrity(None).await })
    };
    let hold_up = async |holding: &mut PgConnection| {
        holding.execute("BEGIN").await.expect("a transaction");
        holding.execute("LOCK TABLE stock_levels").await.expect("a lock");
    };
    let is_held_up = async || {
        while count(&scene.store, WAITING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    hold_up(&mut holding).await;
    let left = ask();
    is_held_up().await;
    left.abort();
    assert!(left.await.is_err());
    let mut next = Box::pin(scene.store.check_integrity(None));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut next).await.is_err());
    assert_eq!(count(&scene.store, WAITING).await, 1, "the first has not ended");
    holding.execute("ROLLBACK").await.expect("unlocked rows");
    assert!(next.await.expect("the laws").iter().all(|it| it.broken == 0));

    hold_up(&mut holding).await;
    let cut_off = ask();
    is_held_up().await;
    let closing = tokio::time::timeout(Duration::from_secs(5), scene.store.close()).await;
    closing.expect("it waits for no check");
    assert!(matches!(cut_off.await.expect("no panic"), Err(StoreError::Unavailable(_))));
    holding.close().await.expect("unlocked rows");
    scene.gone().await;
}
