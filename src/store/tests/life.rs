//! Jobs, schema, checks and the end of a store.

use std::time::Duration;

use sea_orm::sqlx::{Connection, Executor, PgConnection};

use crate::domain::{Lease, OnShortage, Part, Refusal, RunDue, Target};
use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{
    Shop, count, drop_database, fresh_database, on_both_engines, options, order_for, place,
};
use crate::store::writer::job::JobKind;

on_both_engines! {
    a_job_is_leased_to_one_worker
    several_stores_bring_the_schema_up_at_once
    a_closed_store_has_done_what_was_queued
}

async fn a_job_is_leased_to_one_worker(shop: &Shop) {
    shop.stocked(&["A-1"], 10).await;
    let (_, id, _) =
        place(&shop.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("an order");
    let lease_for = Duration::from_secs(30);
    shop.later(Duration::from_secs(10 * 24 * 3_600));
    let jobs = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.iter().map(|it| (it.kind, it.subject)).collect::<Vec<_>>(), [(JobKind::Order, id.0)]);
    assert!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());

    // The first worker sleeps for too long; another takes over.
    shop.later(2 * lease_for);
    let again = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].attempts, 2);
    let tend =
        |lease: Lease| shop.order(RunDue { target: Target::latest(Part::Order(id)), lease: Some(lease) });
    let stale = tend(jobs[0].lease).await;
    assert!(matches!(stale, Err(StoreError::Refused(Refusal::LeaseLost(_)))));
    tend(again[0].lease).await.expect("an expired order");
    assert_eq!(shop.units("A-1").await, (10, 0));

    // A failed one comes back when it was told to.
    shop.later(Duration::from_secs(365 * 24 * 3_600));
    let jobs = shop.store.claim_jobs(10, lease_for).await.expect("jobs");
    assert_eq!(jobs.len(), 1);
    let retry_at = shop.store.now().plus(Duration::from_secs(5));
    shop.store.job_failed(jobs[0].lease, retry_at).await.expect("noted");
    assert!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").is_empty());
    shop.later(Duration::from_secs(6));
    assert_eq!(shop.store.claim_jobs(10, lease_for).await.expect("jobs").len(), 1);
}

async fn several_stores_bring_the_schema_up_at_once(shop: &Shop) {
    let (empty, server) = match &shop.server {
        Some((url, _)) => {
            let (database, server) = fresh_database(url).await;
            (database, Some(server))
        }
        None => {
            let directory = shop.directory.as_ref().expect("a directory");
            (Database::Sqlite(directory.path().join("empty.db")), None)
        }
    };
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let options = options(&empty, &shop.rules, &shop.clock);
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

async fn a_closed_store_has_done_what_was_queued(shop: &Shop) {
    shop.stocked(&["A-1"], 100).await;
    let store = shop.another().await;
    let handles: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
            tokio::spawn(async move { place(&store, None, new).await })
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
    assert_eq!(shop.units("A-1").await, (100, done));
    let after = place(&store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;
    assert!(matches!(after, Err(StoreError::Unavailable(_))));
}

/// One who asks and leaves gives no other check room beside the one that has begun, and a store that closes waits for
/// none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_the_only_one_until_the_database_has_stopped_and_ends_with_the_store() {
    const WAITING: &str = "SELECT COUNT(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";

    let Some(shop) = Shop::on_postgres().await else { return };
    let Database::Postgres(url) = &shop.database else { return };
    let mut holding = PgConnection::connect(url).await.expect("a connection");
    let ask = || {
        let store = shop.store.clone();
        tokio::spawn(async move { store.check_integrity(None).await })
    };
    let hold_up = async |holding: &mut PgConnection| {
        holding.execute("BEGIN").await.expect("a transaction");
        holding.execute("LOCK TABLE stock_levels").await.expect("a lock");
    };
    let is_held_up = async || {
        while count(&shop.store, WAITING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    hold_up(&mut holding).await;
    let left = ask();
    is_held_up().await;
    left.abort();
    assert!(left.await.is_err());
    let mut next = Box::pin(shop.store.check_integrity(None));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut next).await.is_err());
    assert_eq!(count(&shop.store, WAITING).await, 1, "the first has not ended");
    holding.execute("ROLLBACK").await.expect("unlocked rows");
    assert!(next.await.expect("the laws").iter().all(|it| it.broken == 0));

    hold_up(&mut holding).await;
    let cut_off = ask();
    is_held_up().await;
    let closing = tokio::time::timeout(Duration::from_secs(5), shop.store.close()).await;
    closing.expect("it waits for no check");
    assert!(matches!(cut_off.await.expect("no panic"), Err(StoreError::Unavailable(_))));
    holding.close().await.expect("unlocked rows");
    shop.gone().await;
}
