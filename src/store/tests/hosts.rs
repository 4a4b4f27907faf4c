//! Several hosts in the address of PostgreSQL: the one that takes writes is found.

use crate::store::connection::error::StoreError;
use crate::store::connection::options::Database;
use crate::store::handle::Store;
use crate::store::tests::shop::{Scene, count, options};

/// A store over the same database by another address.
async fn open(scene: &Scene, url: String) -> Result<Store, StoreError> {
    Store::open(options(&Database::Postgres(url), &scene.rules, &scene.clock)).await
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
