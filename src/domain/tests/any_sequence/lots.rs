//! Products that track lots in any sequence: of which lot units are, what pick lists take first, and days that pass.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::catalogue::product::UpdateProduct;
use crate::domain::inventory::count::settle_count;
use crate::domain::model::day::Day;
use crate::domain::model::lot::{Lot, LotName, LotNamed};
use crate::domain::model::product::ProductChange;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::ReturnDisposition;
use crate::domain::model::scalars::{Actor, LocationCode, OrderId, Sku};
use crate::domain::model::shipment::{Shipment, ShipmentItem};
use crate::domain::model::stock::StockLevel;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{in_house, location_code, sku};
use crate::domain::tests::lots::steps::{NAMES, all_of_one_lot, known_day, nth_lot, receipt, to_pick};
use crate::domain::unit::command::Command;

/// In how many days each lot expires when it first comes in: the first one today.
const DAYS: [i32; NAMES.len()] = [0, 1, 2, 40];

/// These products track lots from now on, the first one until they expire, the others until a day before that; this stock
/// of them comes in, some of it of lots that are sold for an hour.
pub(super) fn begin_lots(bench: &mut Bench, skus: &[&str], stock: &[(&str, &str, i64)]) {
    if skus.is_empty() {
        return;
    }
    for place in ["NYC", "LAX"] {
        let location = bench.snapshot.locations.get_mut(&location_code(place)).expect("a location");
        // There a day ends an hour after the shop opens.
        Arc::make_mut(location).calendar.time_zone = "America/Anchorage".parse().expect("a zone");
    }
    for (code, days) in skus.iter().zip([0, 1, 1]) {
        for change in [ProductChange::TracksLots(true), ProductChange::ShortestLifeDays(days)] {
            let update = UpdateProduct { sku: sku(code), changes: vec![change], etag: String::new() };
            bench.decide(|unit| update.decide(unit)).expect("nothing is on hand");
        }
    }
    for (code, place, units) in stock {
        let (code, at) = (sku(code), location_code(place));
        for (number, quantity) in [(0, units / 3), (1, units / 3), (3, units - 2 * (units / 3))] {
            receive(bench, &code, &at, quantity, number);
        }
    }
}

/// This many days after today, as the clock of New York's shelves says.
fn day(bench: &Bench, days: i32) -> Day {
    let zone = &bench.snapshot.locations[&location_code("NYC")].calendar.time_zone;
    zone.clock().day_of(bench.now).plus(days)
}

/// The nth lot, if the product tracks lots.
pub(super) fn lot_for(bench: &Bench, code: &Sku, number: usize) -> Option<LotNamed> {
    let tracks_lots = bench.snapshot.products.get(code).is_some_and(|it| it.tracks_lots);
    tracks_lots.then(|| nth_lot(bench, code, number, day(bench, DAYS[number % DAYS.len()])))
}

/// The nth lot of those on a shelf, first such as have units that `of` counts; on an empty shelf it is one that is not there.
pub(super) fn lot_on(
    bench: &Bench,
    (code, at): (&Sku, &LocationCode),
    number: usize,
    of: impl Fn(&Lot) -> i64,
) -> Option<LotNamed> {
    let any = lot_for(bench, code, number)?;
    let found = bench.snapshot.stock.get(&(code.clone(), at.clone())).map_or(&[][..], |it| &it.lots);
    let counted: Vec<&LotName> = found.iter().filter(|&it| of(it) > 0).map(|it| &it.name).collect();
    let name = counted.get(number % counted.len().max(1)).map(|it| (*it).clone());
    Some(name.map_or(any, |name| LotNamed { name, expires_on: None }))
}

/// Goods of the nth lot arrive.
pub(super) fn receive(bench: &mut Bench, code: &Sku, at: &LocationCode, quantity: i64, number: usize) {
    let lot = lot_for(bench, code, number).expect("it tracks lots");
    let receipt = receipt(code, at, quantity, lot);
    bench.decide(|unit| receipt.decide(unit)).expect("goods arrive");
}

/// Goods arrive; of a product with lots they are good for a long time.
pub(super) fn stock_to_last(bench: &mut Bench, code: &str, at: &str, units: i64) {
    if lot_for(bench, &sku(code), 0).is_none() {
        bench.stock(code, at, units);
        return;
    }
    let expires_on = day(bench, 90);
    let name = format!("G-{}", expires_on.number()).parse().expect("the name of a lot");
    let lot = LotNamed { name, expires_on: Some(expires_on) };
    let receipt = receipt(&sku(code), &location_code(at), units, lot);
    bench.decide(|unit| receipt.decide(unit)).expect("goods arrive");
}

/// The lot of units that came back and go on the shelf: one that the line was sent of.
pub(super) fn lot_back(
    bench: &Bench,
    id: OrderId,
    line: i32,
    disposition: ReturnDisposition,
) -> Option<LotNamed> {
    match disposition {
        ReturnDisposition::Restock | ReturnDisposition::Quarantine => {}
        ReturnDisposition::Scrap | ReturnDisposition::Missing | ReturnDisposition::BackToCustomer => {
            return None;
        }
    }
    let order = bench.order(id);
    let code = &order.lines.iter().find(|it| it.number == line)?.sku;
    lot_for(bench, code, 0)?;
    let items = order.shipments.iter().filter(|it| it.handover.is_some()).flat_map(|it| &it.items);
    let sent = items.filter(|it| it.line == line).flat_map(|it| &it.lots).next();
    let sent = sent.expect("what left of a product with lots is of some");
    let expires_on = known_day(bench, code, &sent.name).unwrap_or(sent.expires_on);
    Some(LotNamed { name: sent.name.clone(), expires_on: Some(expires_on) })
}

/// A pick list is handed out: it gets what expires first of what is sold.
pub(super) fn start_picking(bench: &mut Bench, id: OrderId, shipment: &Shipment) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.start_picking(unit, shipment.id))?;
    let after = bench.order(id).shipments.iter().find(|it| it.id == shipment.id).expect("it stays");
    for item in &after.items {
        let Some(level) = bench.snapshot.stock.get(&(item.sku.clone(), after.location.clone())) else {
            continue;
        };
        let before = shipment.items.iter().find(|it| it.line == item.line);
        for lot in item.lots.iter().filter(|it| it.quantity > units_of(before, &it.name)) {
            let last = (lot.expires_on, &lot.name);
            let sooner = level.lots.iter().filter(|it| it.is_sold_at(bench.now) && it.order() < last);
            let left: i64 = sooner.map(Lot::unallotted).sum();
            assert_eq!(left, 0, "FEFO: {lot:?} is on the list, and {:?} was there", level.lots);
        }
    }
    Ok(())
}

/// Units of a lot that the pick list had already.
fn units_of(item: Option<&ShipmentItem>, name: &LotName) -> i64 {
    let lots = item.map_or(&[][..], |it| &it.lots);
    lots.iter().find(|it| it.name == *name).map_or(0, |it| it.quantity)
}

/// All that is left to pick of the first shipment in the house is taken of the nth lot.
pub(super) fn take_lot(bench: &mut Bench, id: OrderId, number: usize) {
    let order = bench.order(id);
    let Some(shipment) = in_house(order).first().map(|it| order.shipments[it.0].clone()) else { return };
    let (picks, lots) = (to_pick(&shipment), all_of_one_lot(&shipment, number));
    let _ = bench.on(id, |order, unit| {
        order.take_lots(unit, shipment.id, &picks, &lots)?;
        order.record_pick(unit, shipment.id, &picks)
    });
}

/// What the worker does about shelves on which a lot is sold no more, or has expired.
pub(super) fn book_days(bench: &mut Bench) {
    let now = bench.now;
    let is_due = |it: &&StockLevel| it.lots_due_at().is_some_and(|at| at <= now);
    let due = bench.snapshot.stock.values().filter(is_due);
    let due: Vec<(Sku, LocationCode)> = due.map(|it| (it.sku.clone(), it.location.clone())).collect();
    let before = std::mem::replace(&mut bench.actor, Actor::system());
    for (code, at) in due {
        let _ = bench.decide(|unit| settle_count(unit, &code, &at));
    }
    bench.actor = before;
}

/// How long the first lots are sold that a shop begins with.
#[test]
fn a_day_ends_an_hour_after_the_shop_opens() {
    let mut bench = Bench::with_stock(&[]);
    begin_lots(&mut bench, &["A-1", "B-2"], &[("A-1", "NYC", 6), ("B-2", "LAX", 6)]);
    let sold = |bench: &Bench| {
        [bench.level("A-1", "NYC").available(bench.now), bench.level("B-2", "LAX").available(bench.now)]
    };
    assert_eq!(sold(&bench), [6, 4]);
    bench.now = bench.now.plus(Duration::from_secs(3_600));
    assert_eq!(sold(&bench), [4, 2]);
}
