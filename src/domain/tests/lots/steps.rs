//! What sequences do with lots: units of one of four come in, pick lists are worked off by lots, and failed units are of one.

use crate::domain::inventory::receive::ReceiveStock;
use crate::domain::model::day::Day;
use crate::domain::model::lot::{LotName, LotNamed};
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::shipment::Shipment;
use crate::domain::shipping::check::LineCheck;
use crate::domain::shipping::lots::PickedLot;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::checks_of;
use crate::domain::tests::lots::lot;

pub(in crate::domain::tests) const NAMES: [&str; 4] = ["L-1", "L-2", "L-3", "L-4"];

/// The day of a lot that is on any shelf.
pub(in crate::domain::tests) fn known_day(bench: &Bench, code: &Sku, name: &LotName) -> Option<Day> {
    let shelves = bench.snapshot.stock.values().filter(|it| it.sku == *code);
    shelves.flat_map(|it| &it.lots).find(|it| it.name == *name).map(|it| it.expires_on)
}

/// One of the four with its day: what the shelves know of it, or else this one.
pub(in crate::domain::tests) fn nth_lot(bench: &Bench, code: &Sku, number: usize, day: Day) -> LotNamed {
    let name = lot(NAMES[number % NAMES.len()]);
    let expires_on = known_day(bench, code, &name).unwrap_or(day);
    LotNamed { name, expires_on: Some(expires_on) }
}

pub(in crate::domain::tests) fn receipt(
    code: &Sku,
    at: &LocationCode,
    quantity: i64,
    lot: LotNamed,
) -> ReceiveStock {
    ReceiveStock {
        sku: code.clone(),
        location: at.clone(),
        quantity,
        replenishment: None,
        note: "note 7".to_owned(),
        lot: Some(lot),
    }
}

/// All that is left to pick of a shipment.
pub(in crate::domain::tests) fn to_pick(shipment: &Shipment) -> Vec<LineUnits> {
    let left = shipment.items.iter().map(|it| LineUnits { line: it.line, units: it.quantity - it.picked });
    left.filter(|it| it.units > 0).collect()
}

/// The same, of one of the four lots whatever the pick list says.
pub(in crate::domain::tests) fn all_of_one_lot(shipment: &Shipment, number: usize) -> Vec<PickedLot> {
    let left = shipment.items.iter().filter(|it| it.picked < it.quantity && !it.lots.is_empty());
    let name = lot(NAMES[number % NAMES.len()]);
    left.map(|it| PickedLot { line: it.line, lot: name.clone(), units: it.quantity - it.picked }).collect()
}

/// A check in which so many units fail; of a product with lots it says of which they are.
pub(in crate::domain::tests) fn checks_by_lots(shipment: &Shipment, failed: i64) -> Vec<LineCheck> {
    let mut checks = checks_of(shipment, failed);
    for (check, item) in checks.iter_mut().zip(&shipment.items) {
        let mut left = check.failed;
        for lot in &item.lots {
            let units = left.min(lot.picked);
            if units > 0 {
                left -= units;
                check.failed_lots.push((lot.name.clone(), units));
            }
        }
    }
    checks
}
