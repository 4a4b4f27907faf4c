//! Any sequence of commands, in any order and currency, with lots and without, keeps every law.

use proptest::prelude::*;

use proptest::collection::vec;
use proptest::sample::{select, subsequence};

use crate::domain::model::scalars::OrderId;
use crate::domain::tests::any_sequence::SKUS;
use crate::domain::tests::any_sequence::actions::{a_desk, bring_home};
use crate::domain::tests::any_sequence::acts::{Act, all, apply, some_act_by_lots};
use crate::domain::tests::any_sequence::disturbances::Disturbance;
use crate::domain::tests::any_sequence::placed::{CURRENCIES, Style, a_shop_by_lots, a_shop_in};
use crate::domain::tests::bench::Bench;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_keeps_every_law(
        currency in select(CURRENCIES.to_vec()),
        by_lots in subsequence(SKUS.to_vec(), 0..=SKUS.len()),
        acts in vec(some_act_by_lots(), 1..60),
    ) {
        let mut bench = a_shop_by_lots(currency, &by_lots);
        for act in &acts {
            apply(&mut bench, act);
            for id in all(&bench) {
                deadlines_are_kept(&bench, id);
            }
            for it in bench.snapshot.reservations.values() {
                assert_eq!(it.due_at().is_some_and(|due| due <= bench.now), it.is_expired(bench.now), "{it:?}");
            }
        }
        for id in all(&bench) {
            bring_home(&mut bench, id);
        }
    }
}

/// What is left waits for its payment, and not for the warehouse.
#[test]
fn all_but_what_a_change_added_can_be_called_off() {
    let mut bench = a_shop_in("USD");
    let style = Style { waits: false, in_parts: false, abroad: false, price: 1, seconds: None };
    for act in [
        Act::SetAside { sku: 0, units: 1, seconds: 1 },
        Act::CheckOut { which: 0, name: 0, lines: vec![(0, 1)], style },
        Act::Proceed { order: 0, choices: vec![0] },
        Act::Disturb { order: 0, what: Disturbance::Change, amount: 3_991 },
        Act::Disturb { order: 0, what: Disturbance::CancelLines, amount: 3_004 },
    ] {
        apply(&mut bench, &act);
    }
    for id in all(&bench) {
        bring_home(&mut bench, id);
    }
}

/// A worker that wakes at `due_at` finds something to do, and before that nothing: it neither sleeps over a
/// deadline nor spins.
fn deadlines_are_kept(bench: &Bench, id: OrderId) {
    let order = bench.order(id);
    let mut unit = a_desk(bench, "worker");
    let mut tended = order.clone();
    tended.run_due(&mut unit).expect("tending never fails");
    let changed = tended != *order;
    let due = order.due_at(&bench.rules).is_some_and(|it| it <= bench.now);
    let outbound_tasks = !order.outbound_tasks(bench.now).is_empty();
    assert_eq!(
        due,
        changed || outbound_tasks,
        "{} due {:?} at {}",
        order.state,
        order.due_at(&bench.rules),
        bench.now
    );
}
