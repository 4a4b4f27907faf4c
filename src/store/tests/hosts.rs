//! Several hosts in the address of PostgreSQL: the one that takes writes is found.

use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{Scene, count, drop_database, fresh_database, options};

/// A store over the same database by another address.
async fn open(scene: &Scene, url: String) -> Result<Store, StoreError> {
    Store::open(options(&Database::Postgres(url), &scene.rules, &scene.clock)).await
}

/// The address with another host before the one it has. Nothing listens there.
fn after_a_closed_one(url: &str) -> String {
    let (before, place) = match url.rsplit_once('@') {
        Some((user, place)) => (format!("{user}@"), place),
        None => {
            let (scheme, place) = url.split_once("://").expect("a postgres:// address");
            (format!("{scheme}://"), place)
        }
    };
    format!("{before}127.0.0.1:9,{place}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_a_host_that_takes_writes_reads_there_too() {
    let Some(scene) = Scene::on_postgres().await else { return };
    let Database::Postgres(url) = &scene.database else { return };
    let store = open(&scene, format!("{url}?target_session_attrs=read-write")).await.expect("a store");
    scene.stocked(&["A-1"], 1).await;
    assert_eq!(count(&store, "SELECT COUNT(*) FROM products").await, 1);
    store.close().await;
    scene.gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_made_on_the_host_that_answers() {
    let Some(scene) = Scene::on_postgres().await else { return };
    let (server, _) = scene.server.clone().expect("a server");
    let (Database::Postgres(empty), server) = fresh_database(&server).await else { return };
    let store = open(&scene, after_a_closed_one(&empty)).await.expect("a store");
    store.migrate().await.expect("a schema");
    assert!(store.pending_migrations().await.expect("a look").is_empty());
    assert_eq!(count(&store, "SELECT COUNT(*) FROM products").await, 0);
    store.warm_up().await.expect("writing and reading");
    store.close().await;
    drop_database(Some(server)).await;
    scene.gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_one_that_takes_no_writes_is_not_taken() {
    let Some(scene) = Scene::on_postgres().await else { return };
    let Database::Postgres(url) = &scene.database else { return };
    let (_, name) = scene.server.clone().expect("a server");
    // To who connects from here on it looks like a standby.
    scene.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let refused =
        open(&scene, after_a_closed_one(url)).await.err().expect("no host takes writes").to_string();
    assert!(refused.contains("database does not allow writes"), "{refused}");
    scene.gone().await;
}
