//! What happens to shelves: deliveries, counts, corrections, transfers, reservations of others.

use crate::domain::inventory::adjust::{AdjustReason, AdjustStock};
use crate::domain::inventory::count::{CountStock, settle_count};
use crate::domain::inventory::expire::{expire_reservation, release_reservation};
use crate::domain::inventory::extend::{confirm_cart, extend_cart};
use crate::domain::inventory::quality::{self, HeldUnits, Verdict};
use crate::domain::inventory::receive::ReceiveStock;
use crate::domain::inventory::replenish::set_reorder_rule;
use crate::domain::inventory::reserve_for_others::{NewReservation, reserve_stock};
use crate::domain::inventory::transfer::{
    Arrival, CancelTransfer, ReceiveTransfer, TransferStock, cancel_transfer, receive_transfer,
    transfer_stock,
};
use crate::domain::model::lot::Lot;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::scalars::ReservationId;
use crate::domain::model::transfer::Transfer;
use crate::domain::ordering::receive::take_cart_in;
use crate::domain::tests::any_sequence::lots::{lot_for, lot_on, receive};
use crate::domain::tests::any_sequence::{PLACES, SKUS};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, rule, sku};
use crate::domain::tests::restock::decide_on;
use crate::domain::unit::command::Command;

/// Which lot an act is about, by its own numbers.
fn nth(units: i64, at: usize) -> usize {
    usize::try_from(units.unsigned_abs()).expect("a few") + at
}

/// Goods arrive, of some lot if the product tracks lots.
pub(super) fn stock(bench: &mut Bench, code: usize, at: usize, units: i64) {
    let (sku, location) = (sku(SKUS[code]), location_code(PLACES[at]));
    match lot_for(bench, &sku, 0) {
        Some(_) => receive(bench, &sku, &location, units, nth(units, at)),
        None => bench.stock(SKUS[code], PLACES[at], units),
    }
}

pub(super) fn adjust(bench: &mut Bench, code: usize, at: usize, delta: i64, why: AdjustReason) {
    let (sku, location) = (sku(SKUS[code]), location_code(PLACES[at]));
    let figure = |it: &Lot| if why == AdjustReason::Scrap { it.damaged } else { it.on_hand };
    let lot = lot_on(bench, (&sku, &location), nth(delta, at), figure);
    // Lots have no safety stock of their own.
    let lot = lot.filter(|_| why != AdjustReason::SafetyStock);
    let (note, etag) = (String::new(), String::new());
    let adjustment = AdjustStock { sku, location, reason: why, delta, note, etag, lot };
    let _ = bench.decide(|unit| adjustment.decide(unit));
}

pub(super) fn count(bench: &mut Bench, code: usize, at: usize, counted: i64) {
    let (sku, location) = (sku(SKUS[code]), location_code(PLACES[at]));
    let lot = lot_for(bench, &sku, nth(counted, at));
    let (note, etag) = ("sheet 7".to_owned(), String::new());
    let count = CountStock { sku, location, counted, note, etag, lot };
    let _ = bench.decide(|unit| count.decide(unit));
    let _ = bench.decide(|unit| settle_count(unit, &count.sku, &count.location));
}

pub(super) fn inspect(bench: &mut Bench, [code, at]: [usize; 2], quantity: i64, good: bool) {
    let (sku, location) = (sku(SKUS[code]), location_code(PLACES[at]));
    let lot = lot_on(bench, (&sku, &location), nth(quantity, at), |it| it.quality_hold).map(|it| it.name);
    let held = HeldUnits { sku, location, quantity, note: String::new(), etag: String::new(), lot };
    let verdict = if good { Verdict::Good } else { Verdict::Bad };
    let _ = bench.decide(|unit| quality::inspect(unit, &held, verdict));
}

pub(super) fn reorder(bench: &mut Bench, code: usize, at: usize, point: i64) {
    let (code, at) = (sku(SKUS[code]), location_code(PLACES[at]));
    let _ = bench.decide(|unit| set_reorder_rule(unit, &code, &at, rule(point, None), ""));
}

pub(super) fn set_aside(bench: &mut Bench, code: usize, units: i64, seconds: u64) {
    let new = NewReservation {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        location: None,
        lines: vec![(sku(SKUS[code]), units)],
        lifetime: Some(std::time::Duration::from_secs(seconds)),
        reference: String::new(),
        allocation: None,
    };
    let _ = bench.decide(|unit| reserve_stock(unit, &new));
}

pub(super) fn give_back(bench: &mut Bench, which: usize) {
    let mut ids: Vec<_> = bench.snapshot.reservations.keys().copied().collect();
    ids.sort();
    if let Some(id) = ids.get(which % ids.len().max(1)).copied() {
        bench.decide(|unit| expire_reservation(unit, id)).ok();
        let _ = bench.decide(|unit| release_reservation(unit, id));
    }
}

/// An order takes the nth open cart over; of carts that are over the last one.
pub(super) fn check_out(bench: &mut Bench, which: usize, new: &NewOrder) {
    if let Some(id) = nth_cart(bench, which) {
        let _ = bench.decide(|unit| take_cart_in(unit, new, id));
    }
}

/// Zero seconds: it is confirmed; else it is kept longer.
pub(super) fn keep_cart(bench: &mut Bench, which: usize, seconds: u64) {
    let Some(id) = nth_cart(bench, which) else { return };
    let until = bench.now.plus(std::time::Duration::from_secs(seconds));
    let _ = match seconds {
        0 => bench.decide(|unit| confirm_cart(unit, id, "")),
        _ => bench.decide(|unit| extend_cart(unit, id, until, "")),
    };
}

fn nth_cart(bench: &Bench, which: usize) -> Option<ReservationId> {
    let mut all: Vec<_> = bench.snapshot.reservations.values().map(|it| (!it.is_open(), it.id)).collect();
    all.sort();
    let open = all.iter().filter(|it| !it.0).count();
    all.get(which % open.max(1)).map(|it| it.1)
}

pub(super) fn transfer(bench: &mut Bench, code: usize, [from, to]: [usize; 2], units: i64) {
    let (sku, location) = (sku(SKUS[code]), location_code(PLACES[from]));
    let lot = lot_on(bench, (&sku, &location), nth(units, to), Lot::unallotted);
    let transfer = TransferStock {
        from: location,
        to: location_code(PLACES[to]),
        items: vec![(sku.clone(), units)],
        expected_at: None,
        note: String::new(),
        lots: lot.map(|it| (sku, it.name)).into_iter().collect(),
    };
    let _ = bench.decide(|unit| transfer_stock(unit, &transfer));
}

pub(super) fn arrive(bench: &mut Bench, which: usize, received: i64, lost: i64) {
    let Some(transfer) = nth_transfer(bench, which) else { return };
    let sku = transfer.items[0].sku.clone();
    let arrivals = match received + lost {
        0 => Vec::new(),
        _ => vec![Arrival { sku, received, lost }],
    };
    let arrived =
        ReceiveTransfer { transfer: transfer.id, arrivals, note: String::new(), etag: String::new() };
    let _ = bench.decide(|unit| receive_transfer(unit, &arrived));
}

pub(super) fn turn_back(bench: &mut Bench, which: usize) {
    let Some(transfer) = nth_transfer(bench, which) else { return };
    let back = CancelTransfer { transfer: transfer.id, note: String::new(), etag: String::new() };
    let _ = bench.decide(|unit| cancel_transfer(unit, &back));
}

pub(super) fn replenish(bench: &mut Bench, which: usize, to: ReplenishmentState) {
    let mut all: Vec<_> = bench.snapshot.replenishments.values().map(AsRef::as_ref).cloned().collect();
    all.sort_by_key(|it| it.id);
    let Some(chosen) = all.get(which % all.len().max(1)) else { return };
    let _ = match to {
        ReplenishmentState::Received | ReplenishmentState::PartiallyReceived => {
            let delivery = ReceiveStock {
                sku: chosen.sku.clone(),
                location: chosen.location.clone(),
                quantity: 2,
                replenishment: Some(chosen.id),
                note: String::new(),
                lot: lot_for(bench, &chosen.sku, which),
            };
            bench.decide(|unit| delivery.decide(unit)).map(drop)
        }
        to => decide_on(bench, chosen.id, to, None),
    };
}

fn nth_transfer(bench: &Bench, which: usize) -> Option<Transfer> {
    let mut all: Vec<_> = bench.snapshot.transfers.values().map(AsRef::as_ref).cloned().collect();
    all.sort_by_key(|it| it.id);
    all.get(which % all.len().max(1)).cloned()
}
