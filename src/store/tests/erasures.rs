//! Persons are erased, whoever else uses the database.

use std::time::{Duration, Instant};

use sea_orm::DbBackend;

use crate::domain::{Actor, DataSubject, OnShortage};
use crate::store::tests::shop::{Scene, create_order, on_both_engines, order_for};
use crate::store::writer::chore::{ChoreResult, Wish};
use crate::store::writer::erasing::ErasingWish;

on_both_engines! {
    a_log_that_somebody_reads_holds_up_nobody
    every_erasure_that_is_not_over_has_its_turn
}

/// What a try may take; SQLite would wait for five seconds for a reader.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn a_log_that_somebody_reads_holds_up_nobody(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let reader = scene.store.snapshot().await.expect("a connection");
    reader.query("SELECT COUNT(*) FROM decisions", Vec::new()).await.expect("a look");
    create_order(&scene.store, None, order_for(&[("A-1", 2)], OnShortage::Refuse)).await.expect("an order");

    let began = Instant::now();
    let tried = scene.store.run_chore(Wish::Erasing(ErasingWish::EmptyLog)).await.expect("a try");
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    let needs_no_try = reader.backend() == DbBackend::Postgres;
    assert!(matches!(tried, ChoreResult::Rows(rows) if rows == u64::from(needs_no_try)));

    drop(reader);
    scene.store.erase_traces(None, |_| Box::pin(async { Ok(()) })).await.expect("nobody reads");
}

async fn every_erasure_that_is_not_over_has_its_turn(scene: &Scene) {
    let officer = Actor::stored("officer".to_owned());
    for number in 0..101 {
        let subject = DataSubject::Email(format!("ada{number}@example.com"));
        scene.store.begin_erasure(subject, officer.clone()).await.expect("begun");
    }
    let first = scene.store.erasures(None).await.expect("a look");
    let others = scene.store.erasures(first.last()).await.expect("a look");
    assert_eq!((first.len(), others.len()), (100, 1), "however many of the oldest cannot go on");
    assert!(first.iter().all(|it| it.id < others[0].id));
}
