//! How long lists take, and what else is read while somebody waits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::domain::{Part, StuckGate};
use crate::store::Among;
use crate::store::query::listing::Listing;
use crate::store::tests::plans::seeded::{Seeded, lists, read};
use crate::store::tests::shop::Scene;

/// How long the slowest but one of so many may take.
const PAGE_WITHIN: Duration = Duration::from_millis(20);

const ASKED: usize = 100;

/// The slowest but one of a hundred pages is quick enough, whatever is asked for. What no index can serve is timed and not
/// held to that, and neither is code that is not optimised.
pub(super) async fn every_list(seeded: &Seeded, scene: &Scene) {
    let mut late = Vec::new();
    let mut worst: BTreeMap<(&str, String), Duration> = BTreeMap::new();
    for list in lists() {
        for (asked, listing) in seeded.listings(&list).into_iter().filter(|it| it.0.order_by.is_none()) {
            let p99 = slowest_but_one(async || drop(read(scene, list.name, &listing).await)).await;
            let slowest = worst.entry((list.name, asked.name())).or_default();
            *slowest = p99.max(*slowest);
            if p99 > PAGE_WITHIN && !asked.may_walk() {
                late.push(format!("{} {asked}: {p99:?}", list.name));
            }
        }
    }
    for (name, p99) in beside_lists(seeded, scene).await {
        worst.insert((name, String::new()), p99);
        if p99 > PAGE_WITHIN {
            late.push(format!("{name}: {p99:?}"));
        }
    }

    for ((list, asked), p99) in worst {
        println!("{list:<18} {asked:<44} p99 {p99:?}");
    }
    let late = late.join("\n");
    println!("later than {PAGE_WITHIN:?}:\n{late}");
    assert!(cfg!(debug_assertions) || late.is_empty(), "later than {PAGE_WITHIN:?}:\n{late}");
}

/// Lists without a filter, those of one order, which are read with it, and the report of what customers said.
async fn beside_lists(seeded: &Seeded, scene: &Scene) -> [(&'static str, Duration); 5] {
    let store = &scene.store;
    let page = Listing { size: 50, ..Listing::default() };
    let stuck = async |gate: Option<StuckGate>| {
        slowest_but_one(async || drop(store.list_stuck_orders(&page, gate).await.expect("a page"))).await
    };
    let shipment = Part::Shipment(seeded.order.shipments[0].id);
    let tracking = slowest_but_one(async || {
        let order = store.order_of(&shipment).await.expect("a look").expect("an order with it");
        drop(store.order(order).await.expect("a look"));
    });
    let changes = slowest_but_one(async || drop(store.order(seeded.order.id).await.expect("a look")));
    // An hour has 360 of the answers.
    let (since, until) = (scene.store.now().minus(Duration::from_secs(3_600)), scene.store.now());
    let report = slowest_but_one(async || {
        drop(store.feedback_report(since, until, Among::All, 50).await.expect("a report"));
    });
    [
        ("stuck orders", stuck(None).await),
        ("stuck at a gate", stuck(Some(StuckGate::Hold)).await),
        ("tracking events", tracking.await),
        ("order changes", changes.await),
        ("feedback report", report.await),
    ]
}

/// Of a hundred times. What is far too slow need not be asked a hundred times.
async fn slowest_but_one(asked: impl AsyncFn()) -> Duration {
    let mut taken = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let begun = Instant::now();
        asked().await;
        taken.push(begun.elapsed());
        if taken.len() >= 5 && taken.iter().min() > Some(&(4 * PAGE_WITHIN)) {
            break;
        }
    }
    taken.sort_unstable();
    taken[taken.len().saturating_sub(2)]
}
