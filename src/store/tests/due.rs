//! The laws after a time in which nothing was served, and over rows that somebody else wrote.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::OnShortage;
use crate::store::tests::shop::{Scene, create_order, on_both_engines, order_for};

on_both_engines! {
    what_is_merely_due_breaks_no_law_and_what_nobody_is_to_do_breaks_one
    what_is_held_needs_a_job_that_ends_it_in_time
    who_approved_under_another_spelling_breaks_a_law
}

const DAY: Duration = Duration::from_secs(86_400);

async fn what_is_merely_due_breaks_no_law_and_what_nobody_is_to_do_breaks_one(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    create_order(&scene.store, None, order_for(&[("A-1", 2)], OnShortage::Refuse)).await.expect("an order");
    assert_eq!(broken(scene).await, BTreeSet::new());
    scene.later(DAY);
    assert_eq!(broken(scene).await, BTreeSet::new(), "nobody was there to do it");

    set_jobs(scene, "run_at = NULL").await;
    assert_eq!(broken(scene).await, BTreeSet::from(["E2", "S6"]));
    let never = i64::MAX;
    set_jobs(scene, &format!("run_at = 1, lease_until = {never}")).await;
    assert_eq!(broken(scene).await, BTreeSet::from(["E1"]));
}

async fn what_is_held_needs_a_job_that_ends_it_in_time(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    create_order(&scene.store, None, order_for(&[("A-1", 2)], OnShortage::Refuse)).await.expect("an order");
    set_jobs(scene, "run_at = run_at + 86400000000").await;
    assert_eq!(broken(scene).await, BTreeSet::from(["S6"]));
    // It failed and is tried again.
    set_jobs(scene, "attempts = 1").await;
    assert_eq!(broken(scene).await, BTreeSet::new());
}

async fn who_approved_under_another_spelling_breaks_a_law(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    create_order(&scene.store, None, order_for(&[("A-1", 2)], OnShortage::Refuse)).await.expect("an order");
    let approved = |by: &str| {
        format!(
            "UPDATE approvals SET state = 'APPROVED', requested_by = 'ann', decided_by = '{by}', decided_at = 1"
        )
    };
    scene.sql(&approved("boss")).await;
    assert!(!broken(scene).await.contains("T4"));
    for same in ["Ann", "ann._", "ANN.-"] {
        scene.sql(&approved(same)).await;
        assert!(broken(scene).await.contains("T4"), "{same}");
    }
    // Names of nothing but marks are compared as they are.
    scene.sql("UPDATE approvals SET requested_by = '...', decided_by = '--'").await;
    assert!(!broken(scene).await.contains("T4"));
}

async fn broken(scene: &Scene) -> BTreeSet<&'static str> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    laws.iter().filter(|it| it.broken > 0).map(|it| it.id).collect()
}

/// Changes the jobs of all orders.
async fn set_jobs(scene: &Scene, values: &str) {
    scene.sql(&format!("UPDATE orders SET {values}")).await;
}
