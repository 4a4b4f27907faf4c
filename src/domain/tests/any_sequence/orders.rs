//! Orders as any sequence of commands leaves them, for tests of what keeps them.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::model::order::Order;
use crate::domain::tests::any_sequence::acts::{apply, some_act};
use crate::domain::tests::bench::Bench;

/// One order before a command (None: there was none yet) and after it.
pub(crate) type OrderStep = (Option<Arc<Order>>, Arc<Order>);

/// All that a sequence of commands changes of orders, step by step.
pub(crate) fn some_steps() -> impl Strategy<Value = Vec<OrderStep>> {
    vec(some_act(), 1..60).prop_map(|acts| {
        let mut bench =
            Bench::with_stock(&[("A-1", "NYC", 6), ("A-1", "LAX", 3), ("B-2", "LAX", 4), ("C-3", "BER", 5)]);
        let mut steps = Vec::new();
        for act in &acts {
            let before = bench.snapshot.orders.clone();
            apply(&mut bench, act);
            for (id, after) in &bench.snapshot.orders {
                let before = before.get(id);
                if before != Some(after) {
                    steps.push((before.cloned(), Arc::clone(after)));
                }
            }
        }
        steps
    })
}
