//! Over any returns and refunds of a line: no more comes back than was delivered, no more is paid back than was paid.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::returns::{ReturnDisposition, ReturnReason, ReturnResolution};
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::returns::{ask, decide, delivered, inspect, receive, resolve};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each step.
    #[test]
    fn returned_is_at_most_delivered_and_refunded_at_most_captured(
        quantity in 1_i64..6,
        wanted in vec((1_i64..5, 0_usize..8, any::<bool>()), 1..6),
        fee in prop::sample::select(vec![0_u32, 100_000, 333_333, 1_000_000]),
    ) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 90)]);
        bench.rules.returns.restocking_fee_ppm = fee;
        let id = delivered(&mut bench, quantity);
        // Units that the customer has: paid for, and paid back.
        let (mut sold, mut gifts) = (quantity, 0);
        for (units, why, pays) in wanted {
            let why = ReturnReason::ALL[why];
            if pays {
                let payment = bench.order(id).payments[0].id;
                let lines = [RefundedUnits { line: 1, quantity: units }];
                let paid = bench.on(id, |order, unit| order.refund_lines(unit, payment, &lines, None, "sorry", None));
                prop_assert_eq!(paid.is_ok(), units <= sold);
                let paid = if paid.is_ok() { units } else { 0 };
                (sold, gifts) = (sold - paid, gifts + paid);
            } else if ask(&mut bench, id, &[(1, units)], why, "").is_ok() {
                let back = bench.order(id).returns.last().expect("asked for").id;
                decide(&mut bench, id, back, ReturnDecision::Authorize).expect("asked for");
                receive(&mut bench, id, back, units, "NYC").expect("it came back");
                inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, units)]).expect("looked at");
                resolve(&mut bench, id, back, &[(ReturnResolution::Refund, units)]).expect("answered");
                decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
                let free = units.min(gifts);
                (sold, gifts) = (sold - (units - free), gifts - free);
                let line = &bench.order(id).return_of(back).expect("it is there").lines[0];
                prop_assert_eq!((line.refunded, line.paid_before), (units - free, free));
            }
            bench.settle(id);
            let order = bench.order(id);
            prop_assert_eq!(order.lines[0].sold_quantity(), sold, "no unit is paid for twice");
            prop_assert!(order.returned_units(1) <= order.delivered_units(1));
            prop_assert!(order.refunded_minor() <= order.captured_minor());
            let kept = order.captured_minor() - order.refunded_minor();
            prop_assert_eq!(kept, order.total_minor() + order.retained_minor());
        }
    }
}
