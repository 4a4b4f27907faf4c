//! Whatever happens to a product with lots, the laws hold, which the bench checks after every decision.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::inventory::adjust::AdjustReason;
use crate::domain::inventory::transfer::{ReceiveTransfer, TransferStock};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, one_package, order, sku};
use crate::domain::tests::lots::steps::{NAMES, all_of_one_lot, checks_by_lots, nth_lot, to_pick};
use crate::domain::tests::lots::{A_DAY, adjust, by_lots, count, in_days, lot, named, settle, try_receive};
use crate::domain::unit::command::Command;

#[derive(Debug, Clone, Copy)]
enum Act {
    Receive {
        lot: usize,
        units: i64,
        at: usize,
    },
    Adjust {
        lot: usize,
        delta: i64,
        why: usize,
    },
    Count {
        lot: usize,
        counted: i64,
    },
    /// With so many units of a product without lots beside it.
    Order {
        units: i64,
        others: i64,
    },
    /// The next step of a shipment in the house; `odd` picks short, or of another lot, or fails a unit.
    Work {
        shipment: usize,
        odd: usize,
    },
    Cancel {
        order: usize,
        line: i32,
        units: i64,
    },
    Send {
        lot: usize,
        units: i64,
    },
    Pass {
        hours: u64,
    },
    Settle,
}

fn some_act() -> impl Strategy<Value = Act> {
    let lot = 0..NAMES.len();
    prop_oneof![
        3 => (lot.clone(), 1..6_i64, 0..2_usize).prop_map(|(lot, units, at)| Act::Receive { lot, units, at }),
        1 => (lot.clone(), -3..4_i64, 0..5_usize).prop_map(|(lot, delta, why)| Act::Adjust { lot, delta, why }),
        1 => (lot.clone(), 0..6_i64).prop_map(|(lot, counted)| Act::Count { lot, counted }),
        3 => (1..5_i64, 0..3_i64).prop_map(|(units, others)| Act::Order { units, others }),
        9 => (0..6_usize, 0..6_usize).prop_map(|(shipment, odd)| Act::Work { shipment, odd }),
        2 => (0..5_usize, 1..3_i32, 1..5_i64)
            .prop_map(|(order, line, units)| Act::Cancel { order, line, units }),
        1 => (lot, 1..3_i64).prop_map(|(lot, units)| Act::Send { lot, units }),
        1 => (1..40_u64).prop_map(|hours| Act::Pass { hours }),
        2 => Just(Act::Settle),
    ]
}

fn nth_shipment(bench: &Bench, which: usize) -> Option<(OrderId, Shipment)> {
    let mut all: Vec<_> = bench.snapshot.orders.values().collect();
    all.sort_by_key(|it| it.number);
    let in_house = |it: &&Shipment| it.handover.is_none() && it.state != ShipmentState::Cancelled;
    let open: Vec<_> =
        all.iter().flat_map(|it| it.shipments.iter().filter(in_house).map(|s| (it.id, s.clone()))).collect();
    let count = open.len();
    open.into_iter().nth(which % count.max(1))
}

fn apply(bench: &mut Bench, act: Act) {
    let reasons = [
        AdjustReason::Found,
        AdjustReason::Lost,
        AdjustReason::Damage,
        AdjustReason::Scrap,
        AdjustReason::QualityHold,
    ];
    match act {
        Act::Receive { lot, units, at } => {
            let day = in_days(bench, i32::try_from(lot).expect("few") * 2);
            let of = nth_lot(bench, &sku("A-1"), lot, day);
            let _ = try_receive(bench, ["NYC", "LAX"][at], units, Some(of));
        }
        // No caller may ask for a change of nothing.
        Act::Adjust { delta: 0, .. } => {}
        Act::Adjust { lot, delta, why } => {
            let _ = adjust(bench, reasons[why], delta, Some(named(NAMES[lot], None)));
        }
        Act::Count { lot, counted } => {
            let _ = count(bench, counted, Some(named(NAMES[lot], None)));
        }
        Act::Order { units, others } => {
            let lines = [("A-1", units), ("B-2", others)];
            let lines = if others > 0 { &lines[..] } else { &lines[..1] };
            let buyer = format!("buyer-{}", bench.snapshot.orders.len());
            if let Ok(id) = bench.create_order(&order(&buyer, lines)) {
                bench.pay_cash(id);
            }
        }
        Act::Work { shipment, odd } => {
            if let Some((id, shipment)) = nth_shipment(bench, shipment) {
                work(bench, id, &shipment, odd);
            }
        }
        Act::Cancel { order, line, units } => {
            let mut ids: Vec<_> = bench.snapshot.orders.values().map(|it| (it.number, it.id)).collect();
            ids.sort();
            let Some((_, id)) = ids.get(order % ids.len().max(1)).copied() else { return };
            let less = [CancelledUnits { line, quantity: units }];
            let _ = bench.on(id, |order, unit| order.cancel_lines(unit, &less, "called off").map(drop));
        }
        Act::Send { lot: which, units } => {
            let transfer = TransferStock {
                from: location_code("NYC"),
                to: location_code("LAX"),
                items: vec![(sku("A-1"), units)],
                expected_at: None,
                note: String::new(),
                lots: vec![(sku("A-1"), lot(NAMES[which]))],
            };
            if let Ok(sent) = bench.decide(|unit| transfer.decide(unit)) {
                let (note, etag) = (String::new(), String::new());
                let all = ReceiveTransfer { transfer: sent.id, arrivals: Vec::new(), note, etag };
                let _ = bench.decide(|unit| all.decide(unit));
            }
        }
        Act::Pass { hours } => bench.pass(hours * A_DAY / 24),
        Act::Settle => {
            let _ = settle(bench);
        }
    }
}

fn work(bench: &mut Bench, id: OrderId, shipment: &Shipment, odd: usize) {
    let to_pick = to_pick(shipment);
    match shipment.state {
        ShipmentState::Planned | ShipmentState::QcFailed => {
            let _ = bench.on(id, |order, unit| order.start_picking(unit, shipment.id));
        }
        ShipmentState::Picking if odd == 0 => {
            let line = to_pick.last().map_or(1, |it| it.line);
            let missing = [LineUnits { line, units: 1 }];
            let _ = bench.on(id, |order, unit| order.record_short_pick(unit, shipment.id, &[], &missing));
        }
        ShipmentState::Picking if odd < 4 => {
            let taken = all_of_one_lot(shipment, odd);
            let _ = bench.on(id, |order, unit| {
                order.take_lots(unit, shipment.id, &to_pick, &taken)?;
                order.record_pick(unit, shipment.id, &to_pick)
            });
        }
        ShipmentState::Picking => {
            let _ = bench.on(id, |order, unit| order.record_pick(unit, shipment.id, &to_pick));
        }
        ShipmentState::Picked => {
            let checks = checks_by_lots(shipment, i64::from(odd == 0));
            let _ = bench.on(id, |order, unit| order.record_quality_check(unit, shipment.id, &checks));
        }
        ShipmentState::QcPassed => {
            let packages = one_package(shipment);
            let _ = bench.on(id, |order, unit| order.pack(unit, shipment.id, packages));
        }
        ShipmentState::Packed => {
            let _ = bench.on(id, |order, unit| order.create_label(unit, shipment.id));
        }
        ShipmentState::Labelled => {
            let _ = bench.on(id, |order, unit| {
                order.assign_courier(unit, shipment.id, None, None, &Default::default())
            });
        }
        _ => {
            let _ = bench.on(id, |order, unit| order.confirm_pickup(unit, shipment.id, "driver 7", 1, None));
        }
    }
}

#[test]
fn the_laws_of_lots_hold_whatever_happens() {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(acts in vec(some_act(), 1..80))| {
        let mut bench = by_lots();
        bench.stock("B-2", "NYC", 9);
        for act in acts {
            apply(&mut bench, act);
        }
    });
}
