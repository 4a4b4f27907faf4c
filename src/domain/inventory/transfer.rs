//! Transfers: units leave a location, are in transit, and arrive at another.
//!
//! At their destination they are on order like what suppliers deliver: each product of a transfer is a replenishment of its
//! shelf, so that dates and proposals know of it.

use crate::domain::inventory::known::{bounded_sum, level_of, location_must_be_in_use};
use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::inventory::lots::{
    Delta, LotFields, book, book_from_road, check_lot, must_have_room_for_lot,
};
use crate::domain::inventory::replenish::must_have_room;
use crate::domain::model::etag::check_etag;
use crate::domain::model::lot::{LotName, LotNamed, LotOnTheWay};
use crate::domain::model::product::Product;
use crate::domain::model::refusal::{Problems, Reason, Refusal, rows_named};
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku, TransferId};
use crate::domain::model::stock::{MovementKind, StockLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::transfer::{Transfer, TransferItem, TransferState};
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Products of one transfer at most.
pub(crate) const TRANSFER_ITEMS_MAX: usize = 100;

/// Sends units to another location. They leave at once, and only such that nobody has reserved.
#[derive(Debug, Clone)]
pub struct TransferStock {
    pub from: LocationCode,
    pub to: LocationCode,
    /// Each product once.
    pub items: Vec<(Sku, i64)>,
    pub expected_at: Option<Timestamp>,
    pub note: String,
    /// Of each product with lots: the one that is sent.
    pub lots: Vec<(Sku, LotName)>,
}

impl Command for TransferStock {
    const NAME: &'static str = "TransferStock";
    type Output = Transfer;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: self.items.iter().map(|it| it.0.clone()).collect(), ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Transfer, Refusal> {
        transfer_stock(unit, self)
    }
}

pub(in crate::domain) fn transfer_stock(
    unit: &mut UnitOfWork,
    new: &TransferStock,
) -> Result<Transfer, Refusal> {
    let TransferStock { from, to, items, expected_at, note, lots: _ } = new;
    may_be_sent(unit, new)?;
    let id: TransferId = unit.ids.fresh();
    let mut transfer = Transfer {
        id,
        version: 1,
        from: from.clone(),
        to: to.clone(),
        state: TransferState::InTransit,
        items: Vec::with_capacity(items.len()),
        expected_at: *expected_at,
        note: note.clone(),
        created_by: unit.actor.clone(),
        created_at: unit.now,
        updated_at: unit.now,
    };
    for (sku, quantity) in items {
        let mut level = level_of(unit, sku, from)?;
        let lot = new.lot_of(sku).and_then(|it| level.lot(it));
        let lot = lot.map(|it| LotOnTheWay { name: it.name.clone(), expires_on: it.expires_on });
        if let Some(it) = &lot {
            must_have_room_for_lot(unit, sku, to, &it.name)?;
        }
        let named = lot.as_ref().map(|it| LotNamed { name: it.name.clone(), expires_on: None });
        let fields = LotFields { lot: "items", expire_date: "items", units: "items" };
        let leave = Delta { on_hand: -quantity, ..Delta::default() };
        book(unit, &mut level, named.as_ref(), leave, fields)?;
        unit.keep_level(level);
        let item =
            TransferItem { sku: sku.clone(), quantity: *quantity, received: 0, lost: 0, returned: 0, lot };
        post_transfer(unit, id, &item, from, MovementKind::TransferOut, -quantity, note.clone());
        // The shelf is there before goods are on order for it.
        let there = level_of(unit, sku, to)?;
        bounded_sum(there.on_hand, *quantity, "items")?;
        unit.keep_level(there);
        put_on_order(unit, &transfer, sku, *quantity)?;
        transfer.items.push(item);
    }
    unit.keep_transfer(transfer.clone());
    unit.transfer(id).cloned()
}

impl TransferStock {
    fn lot_of(&self, sku: &Sku) -> Option<&LotName> {
        self.lots.iter().find(|it| it.0 == *sku).map(|it| &it.1)
    }
}

/// Units that nobody has reserved; of a lot that is sold no more, those that are on no pick list.
fn free_of(level: &StockLevel, lot: Option<&LotName>, now: Timestamp) -> i64 {
    let free = match lot.and_then(|it| level.lot(it)) {
        None => level.free(now),
        Some(lot) if lot.is_sold_at(now) => level.free(now).min(lot.unallotted()),
        Some(lot) => lot.unallotted().min(level.unpromised()),
    };
    free.max(0)
}

/// Every item that cannot be sent is named.
fn may_be_sent(unit: &UnitOfWork, new: &TransferStock) -> Result<(), Refusal> {
    let TransferStock { from, to, items, lots, expected_at: _, note: _ } = new;
    let mut problems = Problems::default();
    if from == to {
        problems.add("to_location", "must be another location than from_location");
    }
    for (field, code) in [("from_location", from), ("to_location", to)] {
        if unit.location(code).is_none() {
            problems.add(field, format!("stock location {code} does not exist"));
        }
    }
    for (index, (sku, _)) in items.iter().enumerate() {
        match unit.product(sku) {
            None => problems.add(format!("items[{index}].sku"), format!("product {sku} does not exist")),
            Some(it) if Product::is_service(it) => {
                problems.add(
                    format!("items[{index}].sku"),
                    format!("product {sku} is a service: it is on no shelf"),
                );
            }
            Some(_) => {
                let lot = new.lot_of(sku);
                if let Err(Refusal::Invalid(found)) = check_lot(unit, sku, lot, "lots") {
                    problems.0.extend(found.0);
                }
                let is_there =
                    |it: &LotName| unit.level(sku, from).is_some_and(|level| level.lot(it).is_some());
                if let Some(lot) = lot.filter(|it| !is_there(it)) {
                    problems.add("lots", format!("no unit of lot {lot} of {sku} is at {from}"));
                }
            }
        }
    }
    for (index, (sku, _)) in lots.iter().enumerate() {
        if !items.iter().any(|it| it.0 == *sku) {
            problems.add(format!("lots[{index}].sku"), format!("{sku} is not among the items"));
        }
    }
    problems.into_result()?;
    location_must_be_in_use(unit, to)?;

    let short = items.iter().enumerate().filter_map(|(index, (sku, quantity))| {
        let free = unit.level(sku, from).map_or(0, |it| free_of(it, new.lot_of(sku), unit.now));
        (free < *quantity)
            .then(|| format!("items[{index}]: {free} of {quantity} units of {sku} at {from} are free"))
    });
    let short: Vec<String> = short.collect();
    match short.is_empty() {
        true => Ok(()),
        false => Err(Refusal::unmet(Reason::StockInUse, rows_named(short))),
    }
}

fn put_on_order(unit: &mut UnitOfWork, transfer: &Transfer, sku: &Sku, quantity: i64) -> Result<(), Refusal> {
    let id: ReplenishmentId = unit.ids.fresh();
    let replenishment = Replenishment {
        id,
        version: 0,
        sku: sku.clone(),
        location: transfer.to.clone(),
        quantity,
        received: 0,
        state: ReplenishmentState::Ordered,
        order: None,
        reason: format!("transfer {} from {}", transfer.id, transfer.from),
        created_at: unit.now,
        updated_at: unit.now,
        decided_by: Some(unit.actor.clone()),
        supplier: String::new(),
        expected_at: transfer.expected_at,
        transfer: Some(transfer.id),
    };
    must_have_room(unit, &replenishment)?;
    unit.keep_replenishment(replenishment);
    Ok(())
}

fn post_transfer(
    unit: &mut UnitOfWork,
    transfer: TransferId,
    item: &TransferItem,
    location: &LocationCode,
    kind: MovementKind,
    on_hand: i64,
    reason: String,
) {
    let (entry, lot) = (Posting::of(&item.sku, location, kind), item.lot.as_ref().map(|it| it.name.clone()));
    post(unit, Posting { on_hand, transfer: Some(transfer), reason, lot, ..entry });
}

/// What arrived of one product, and what did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub sku: Sku,
    pub received: i64,
    pub lost: i64,
}

/// Goods arrive, all that is in transit or a part, with what is missing for good.
#[derive(Debug, Clone)]
pub struct ReceiveTransfer {
    pub transfer: TransferId,
    /// Each product once; empty: all that is in transit arrived.
    pub arrivals: Vec<Arrival>,
    pub note: String,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReceiveTransfer {
    const NAME: &'static str = "ReceiveTransfer";
    type Output = Transfer;

    fn reads(&self) -> ReadSet {
        ReadSet { transfers: vec![self.transfer], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Transfer, Refusal> {
        receive_transfer(unit, self)
    }
}

pub(in crate::domain) fn receive_transfer(
    unit: &mut UnitOfWork,
    arrived: &ReceiveTransfer,
) -> Result<Transfer, Refusal> {
    let mut transfer = unit.transfer(arrived.transfer)?.clone();
    check_etag(&arrived.etag, transfer.version)?;
    must_be_open(&transfer, "receive")?;
    let arrivals = match arrived.arrivals.is_empty() {
        true => transfer.items.iter().map(all_of).filter(|it| it.received > 0).collect(),
        false => arrived.arrivals.clone(),
    };
    let arrivals = matched(&transfer, &arrivals)?;

    let to = transfer.to.clone();
    for (position, Arrival { sku, received, lost }) in arrivals {
        let item = &mut transfer.items[position];
        item.received += received;
        item.lost += lost;
        let item = item.clone();
        if *received > 0 {
            let mut level = shelf(unit, sku, &to);
            book_from_road(unit, &mut level, item.lot.as_ref(), *received, "items")?;
            unit.keep_level(level);
        }
        let units = received + lost;
        post_transfer(unit, transfer.id, &item, &to, MovementKind::TransferIn, units, arrived.note.clone());
        if *lost > 0 {
            let reason = format!("LOST: did not arrive with transfer {}", transfer.id);
            post_transfer(unit, transfer.id, &item, &to, MovementKind::Adjust, -lost, reason);
        }
        take_off_order(unit, &transfer, sku, units)?;
    }
    let to = match transfer.in_transit() {
        0 => TransferState::Received,
        _ => TransferState::PartiallyReceived,
    };
    step(&mut transfer, to)?;
    unit.keep_transfer(transfer);
    unit.transfer(arrived.transfer).cloned()
}

/// A shelf that goods of a transfer left or go to.
fn shelf(unit: &UnitOfWork, sku: &Sku, location: &LocationCode) -> StockLevel {
    unit.level(sku, location).cloned().expect("a transfer's goods have a level at both ends")
}

fn all_of(item: &TransferItem) -> Arrival {
    Arrival { sku: item.sku.clone(), received: item.in_transit(), lost: 0 }
}

/// The arrivals, each with the position of its item in the transfer. Every one that cannot have arrived so is named.
fn matched<'a>(transfer: &Transfer, arrivals: &'a [Arrival]) -> Result<Vec<(usize, &'a Arrival)>, Refusal> {
    let mut problems = Problems::default();
    let mut found = Vec::with_capacity(arrivals.len());
    for (index, arrival) in arrivals.iter().enumerate() {
        let Arrival { sku, received, lost } = arrival;
        let Some(position) = transfer.items.iter().position(|it| it.sku == *sku) else {
            problems.add(format!("items[{index}].sku"), format!("{} has no {sku}", transfer.id));
            continue;
        };
        let in_transit = transfer.items[position].in_transit();
        if received.saturating_add(*lost) > in_transit {
            let message = format!(
                "{in_transit} units of {sku} are in transit; what came beyond them is booked with AdjustStock"
            );
            problems.add(format!("items[{index}].received"), message);
        }
        found.push((position, arrival));
    }
    problems.into_result()?;
    Ok(found)
}

fn must_be_open(transfer: &Transfer, what: &str) -> Result<(), Refusal> {
    if !transfer.state.is_final() {
        return Ok(());
    }
    Err(Refusal::Unmet {
        reason: Reason::IllegalTransition,
        message: format!("cannot {what} {}: it is {}", transfer.id, transfer.state),
        state: Some(transfer.state.as_str()),
        legal: transfer.available_actions(),
    })
}

fn step(transfer: &mut Transfer, to: TransferState) -> Result<(), Refusal> {
    if transfer.state != to {
        step_between(transfer.id.0, transfer.state, to)?;
        transfer.state = to;
    }
    Ok(())
}

/// The replenishment of a product's shelf that a transfer is; what arrived, was lost or came back is not to come any more.
fn take_off_order(unit: &mut UnitOfWork, transfer: &Transfer, sku: &Sku, units: i64) -> Result<(), Refusal> {
    let open = unit.open_replenishments(sku, &transfer.to).into_iter();
    let mut found: Vec<Replenishment> = open.filter(|it| it.transfer == Some(transfer.id)).cloned().collect();
    let mut replenishment = found.pop().expect("what is in transit is on order at its destination");
    replenishment.received += units;
    let to = match replenishment.received >= replenishment.quantity {
        true => ReplenishmentState::Received,
        false => ReplenishmentState::PartiallyReceived,
    };
    if replenishment.state != to {
        step_between(replenishment.id.0, replenishment.state, to)?;
        replenishment.state = to;
    }
    unit.keep_replenishment(replenishment);
    Ok(())
}

/// What is in transit comes back to where it left.
#[derive(Debug, Clone)]
pub struct CancelTransfer {
    pub transfer: TransferId,
    pub note: String,
    /// Empty: any version.
    pub etag: String,
}

impl Command for CancelTransfer {
    const NAME: &'static str = "CancelTransfer";
    type Output = Transfer;

    fn reads(&self) -> ReadSet {
        ReadSet { transfers: vec![self.transfer], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Transfer, Refusal> {
        cancel_transfer(unit, self)
    }
}

pub(in crate::domain) fn cancel_transfer(
    unit: &mut UnitOfWork,
    cancel: &CancelTransfer,
) -> Result<Transfer, Refusal> {
    let mut transfer = unit.transfer(cancel.transfer)?.clone();
    check_etag(&cancel.etag, transfer.version)?;
    must_be_open(&transfer, "cancel")?;
    let from = transfer.from.clone();
    for index in 0..transfer.items.len() {
        let item = &mut transfer.items[index];
        let (sku, units) = (item.sku.clone(), item.in_transit());
        if units == 0 {
            continue;
        }
        item.returned += units;
        let item = item.clone();
        let mut level = shelf(unit, &sku, &from);
        book_from_road(unit, &mut level, item.lot.as_ref(), units, "transfer_id")?;
        unit.keep_level(level);
        post_transfer(unit, transfer.id, &item, &from, MovementKind::TransferIn, units, cancel.note.clone());
        call_off(unit, &transfer, &sku);
    }
    step(&mut transfer, TransferState::Cancelled)?;
    unit.keep_transfer(transfer);
    unit.transfer(cancel.transfer).cloned()
}

fn call_off(unit: &mut UnitOfWork, transfer: &Transfer, sku: &Sku) {
    let open = unit.open_replenishments(sku, &transfer.to).into_iter();
    let found: Vec<Replenishment> = open.filter(|it| it.transfer == Some(transfer.id)).cloned().collect();
    for it in found {
        unit.keep_replenishment(Replenishment { state: ReplenishmentState::Cancelled, ..it });
    }
}
