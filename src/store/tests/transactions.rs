//! Transactions that end otherwise than they should.

use sea_orm::sea_query::Value;

use crate::store::connection::error::StoreError;
use crate::store::rows::decision::{ADD_TO_COUNTERS, TAKE_NUMBERS};
use crate::store::tests::shop::{Scene, count, on_both_engines};

on_both_engines! {
    a_commit_that_could_not_be_sent_leaves_nothing_behind
}

async fn a_commit_that_could_not_be_sent_leaves_nothing_behind(scene: &Scene) {
    let db = scene.writer().await;
    db.begin(Vec::new()).await.expect("a transaction");
    let taken = vec![vec!["orders".into(), 1_i64.into()]];
    db.exchange(vec![TAKE_NUMBERS.about(taken)]).await.expect("a number");
    // A value that no statement takes.
    let unsent = vec![vec!["events".into(), Value::Double(Some(1.5))]];
    let refused = db.commit(vec![ADD_TO_COUNTERS.about(unsent)], &[]).await;
    assert!(matches!(&refused, Err(StoreError::Internal(_))), "{refused:?}");

    db.rollback().await.expect("the end of it");
    db.begin(Vec::new()).await.expect("another one");
    db.commit(Vec::new(), &[]).await.expect("it commits what is its own");
    assert_eq!(count(&scene.store, "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM counters").await, 0);
}
