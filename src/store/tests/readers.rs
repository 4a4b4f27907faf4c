//! Connections to read with: which are lent again, and which are not.

use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::DbBackend;
use sea_orm::sqlx::{self, Connection, Executor, PgConnection};
use tokio::time::timeout;

use crate::domain::OnShortage;
use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::connection::readers::TRUSTED_FOR;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::tests::shop::{Scene, count, create_order, on_both_engines, order_for};

on_both_engines! {
    a_reader_that_is_done_leaves_its_connection_free
    a_reader_writes_nothing
    a_connection_comes_free_when_what_nobody_heard_is_over
    a_question_that_failed_costs_no_connection
    there_are_no_more_readers_than_connections
    a_first_call_finds_everything_prepared
    a_connection_that_does_not_know_the_statements_learns_them_again
    connections_that_died_while_nobody_used_them_are_replaced
    a_store_closes_when_its_last_reader_is_done
}

fn free(store: &Store) -> usize {
    store.inner.pools.readers.how_many_are_free()
}

async fn one_comes_free(store: &Store) {
    let coming = async {
        while free(store) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), coming).await.expect("it was not thrown away");
}

/// Makes the connection known again, by a setting that means nothing to anybody.
async fn mark(db: &Session) {
    let sql = match db.backend() {
        DbBackend::Postgres => "SET application_name = 'marked'",
        _ => "PRAGMA cache_size = -1234",
    };
    db.script(sql).await.expect("a mark");
}

async fn is_marked(db: &Session) -> bool {
    let sql = match db.backend() {
        DbBackend::Postgres => "SELECT current_setting('application_name') = 'marked'",
        _ => "SELECT cache_size = -1234 FROM pragma_cache_size",
    };
    let row = db.query_one(sql, Vec::new()).await.expect("a look");
    row.expect("a row").get(0).expect("yes or no")
}

async fn a_reader_that_is_done_leaves_its_connection_free(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    mark(&db).await;
    drop(db);
    assert_eq!(free(&scene.store), 1);
    assert!(is_marked(&scene.store.look().await.expect("a connection")).await);

    // A snapshot ends first, in the background.
    let db = scene.store.snapshot().await.expect("a connection");
    assert!(is_marked(&db).await);
    drop(db);
    one_comes_free(&scene.store).await;
    assert_eq!(count(&scene.store, "SELECT CAST(1 AS BIGINT)").await, 1);
}

async fn a_reader_writes_nothing(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    let refused = db.script("DELETE FROM locations").await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

async fn a_connection_comes_free_when_what_nobody_heard_is_over(scene: &Scene) {
    // SQLite has answered when the call returns. PostgreSQL answers when this test lets it: another connection holds
    // the lock that the question waits for.
    let Database::Postgres(url) = &scene.database else { return };
    let mut holder = PgConnection::connect(url).await.expect("the server");
    holder.execute("SELECT pg_advisory_lock(1)").await.expect("the lock");
    let db = scene.store.look().await.expect("a connection");
    mark(&db).await;
    {
        let waits = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let asked = async {
            while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut holder).await.expect("a look") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = db.query("SELECT 1 FROM pg_advisory_lock(1)", Vec::new()) => panic!("it waits for the lock"),
            () = asked => {}
        }
    }
    drop(db);
    assert_eq!(free(&scene.store), 0);
    holder.execute("SELECT pg_advisory_unlock(1)").await.expect("the lock is free");
    one_comes_free(&scene.store).await;
    assert!(is_marked(&scene.store.look().await.expect("a connection")).await);
}

async fn a_question_that_failed_costs_no_connection(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    mark(&db).await;
    db.script("SELECT nothing_of_the_kind").await.expect_err("no such column");
    drop(db);
    one_comes_free(&scene.store).await;
    assert!(is_marked(&scene.store.look().await.expect("a connection")).await);
}

async fn there_are_no_more_readers_than_connections(scene: &Scene) {
    let mut options = scene.options();
    options.readers = 1;
    let store = Store::open(options).await.expect("a store");
    let db = store.look().await.expect("a connection");
    mark(&db).await;

    let second = store.look();
    tokio::pin!(second);
    assert!(second.as_mut().now_or_never().is_none());
    drop(db);
    assert!(is_marked(&second.await.expect("the connection of the first")).await);
    store.close().await;
}

async fn a_first_call_finds_everything_prepared(scene: &Scene) {
    scene.stocked(&["A-1"], 1).await;
    let mut options = scene.options();
    options.lanes = 1;
    let store = Store::open(options).await.expect("a store");
    store.warm_up().await.expect("it is warm");
    one_comes_free(&store).await;
    let prepared = store.statements_prepared();
    assert_eq!(prepared > 100, matches!(&scene.database, Database::Postgres(_)), "{prepared}");

    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(&store, None, new).await.expect("an order");
    assert!(store.order(id).await.expect("a look").is_some());
    assert_eq!(store.statements_prepared(), prepared);
    store.close().await;
}

async fn a_connection_that_does_not_know_the_statements_learns_them_again(scene: &Scene) {
    let Database::Postgres(_) = &scene.database else { return };
    scene.stocked(&["A-1"], 1).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");
    let store = scene.another().await;
    let db = store.look().await.expect("a connection");
    db.script("DEALLOCATE ALL").await.expect("it forgets");
    drop(db);

    let unread = store.order(id).await;
    assert!(matches!(&unread, Err(StoreError::Unavailable(_))), "{unread:?}");
    one_comes_free(&store).await;
    assert!(store.order(id).await.expect("a look").is_some());

    // So it does when a table gives other columns to a statement than when it was prepared.
    let db = store.look().await.expect("a connection");
    let everything = async || db.query("SELECT * FROM locations", Vec::new()).await;
    everything().await.expect("all columns");
    scene.sql("ALTER TABLE locations ADD COLUMN origin TEXT").await;
    let stale = everything().await;
    assert!(matches!(&stale, Err(StoreError::Unavailable(_))), "{stale:?}");
    everything().await.expect("all columns of today");
    drop(db);
    store.close().await;
}

async fn connections_that_died_while_nobody_used_them_are_replaced(scene: &Scene) {
    let Database::Postgres(url) = &scene.database else { return };
    let both = (scene.store.look().await.expect("a connection"), scene.store.look().await.expect("another"));
    drop(both);
    assert_eq!(free(&scene.store), 2);

    let mut server = PgConnection::connect(url).await.expect("the server");
    let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    server.execute(killed).await.expect("connections less");
    tokio::time::sleep(TRUSTED_FOR + Duration::from_millis(1)).await;
    assert_eq!(count(&scene.store, "SELECT CAST(7 AS BIGINT)").await, 7);
    assert_eq!(free(&scene.store), 1);
}

async fn a_store_closes_when_its_last_reader_is_done(scene: &Scene) {
    let store = scene.another().await;
    let db = store.look().await.expect("a connection");
    drop(store.look().await.expect("another"));

    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    let refused = loop {
        match store.look().await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(&refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(!closing.is_finished());
    drop(db);
    closing.await.expect("a closed store");
    assert_eq!(free(&store), 0);
}
