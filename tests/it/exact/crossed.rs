//! Orders whose lines cross each other over a few hot products: nobody deadlocks, and the sums are exact.

use std::collections::BTreeMap;
use std::sync::Arc;

use consign::pb;
use tonic::Code;

use super::stage::{Stage, crowd, everywhere};
use crate::child::scale;
use crate::shop::{draft, level, reason, stocked};

const PRODUCTS: usize = 40;
const CLIENTS: usize = 32;

everywhere!(orders_over_the_same_products_in_any_order_never_deadlock, crossed);

async fn crossed(stage: Arc<Stage>) {
    let orders = scale(400, 20_000);
    // Enough for some two thirds of what will be ordered.
    let units = i64::try_from(orders / 10).expect("a few");
    for product in 0..PRODUCTS {
        stocked(&stage.door(product), &sku(product), units).await;
    }

    let placed = crowd(CLIENTS, orders, |number| {
        let stage = Arc::clone(&stage);
        async move { stage.create_order(number, crossing(number)).await }
    })
    .await;

    let mut sold: BTreeMap<String, i64> = BTreeMap::new();
    let (mut accepted, mut refused) = (0, 0);
    for outcome in placed {
        match outcome {
            Ok(order) => {
                accepted += 1;
                for line in order.lines {
                    *sold.entry(line.sku).or_default() += line.quantity;
                }
            }
            Err(status) => {
                refused += 1;
                let refusal = (status.code(), reason(&status));
                assert_eq!(
                    refusal,
                    (Code::FailedPrecondition, "INSUFFICIENT_STOCK".to_owned()),
                    "{status:?}"
                );
            }
        }
    }
    for product in 0..PRODUCTS {
        let sku = sku(product);
        let level = level(&stage.door(product), &sku).await;
        let sold = sold.get(&sku).copied().unwrap_or(0);
        assert_eq!((level.on_hand, level.reserved, level.available), (units, sold, units - sold), "{sku}");
    }
    assert!(
        accepted > 0 && refused > 0,
        "{accepted} accepted, {refused} refused: there was nothing to fight for"
    );
    let deadlocks = stage.deadlocks().await;
    let sold: i64 = sold.values().sum();
    println!(
        "{stage}: {orders} orders, {accepted} accepted with {sold} units, {refused} refused, {deadlocks} deadlocks"
    );
    assert_eq!(deadlocks, 0, "locks are taken out of order");
}

fn sku(product: usize) -> String {
    format!("HOT-{product:02}")
}

/// Two to five lines in any order; the same product may come twice.
fn crossing(number: usize) -> pb::OrderDraft {
    let mut chance = fastrand::Rng::with_seed(number as u64);
    let lines = (0..chance.usize(2..=5)).map(|_| pb::OrderLineDraft {
        sku: sku(chance.usize(..PRODUCTS)),
        quantity: chance.i64(1..=3),
        ..Default::default()
    });
    let lines = lines.collect();
    pb::OrderDraft { lines, ..draft(&format!("buyer{number}"), "", 0) }
}
