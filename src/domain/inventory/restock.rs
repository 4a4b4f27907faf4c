//! What is proposed to be bought, so that no shelf stays below its reorder point.
//!
//! Measured is a shelf's inventory position: what new orders may take of it, and what is proposed or on order for it,
//! without what waiting orders want. It is looked at at the end of every command, so that no command can forget it. The
//! stock falls when units are reserved; the handover of reserved units changes nothing in it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::model::counted::counted;
use crate::domain::model::event::EventKind;
use crate::domain::model::location::Location;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, OrderId, RegionCode, ReplenishmentId, Sku};
use crate::domain::model::stock::{MovementKind, StockLevel};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How long nothing is proposed for a shelf after a person declined, unless it was full again meanwhile.
const DECLINED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

type Shelf = (Sku, LocationCode);

/// Proposes what the changes so far left too little of, and notes with each order that was handed over how its shelves
/// stand.
pub(in crate::domain) fn look_after_shelves(unit: &mut UnitOfWork) {
    for (sku, location) in changed_shelves(unit) {
        if let Some((proposal, proposed)) = propose(unit, &sku, &location) {
            note_proposal(unit, proposal, proposed);
        }
    }
    note_handovers(unit);
}

/// What a shelf has for new orders, and will have, without what waiting orders want.
struct InventoryPosition {
    available: i64,
    /// Proposed or on order.
    to_come: i64,
    awaited: i64,
}

impl InventoryPosition {
    fn of(unit: &UnitOfWork, level: &StockLevel) -> Self {
        let open = unit.open_replenishments(&level.sku, &level.location);
        Self {
            available: level.free(unit.now) - level.safety_stock,
            to_come: open.iter().map(|it| it.outstanding()).sum(),
            awaited: awaited_from(unit, level),
        }
    }

    fn units(&self) -> i64 {
        self.available + self.to_come - self.awaited
    }

    fn words(&self) -> String {
        let mut words = format!("{} available", self.available.max(0));
        if self.available < 0 {
            words.push_str(&format!(", {} of the safety stock missing", -self.available));
        }
        if self.to_come > 0 {
            words.push_str(&format!(", {} to come", self.to_come));
        }
        if self.awaited > 0 {
            words.push_str(&format!(", {} wanted by waiting orders", self.awaited));
        }
        words
    }
}

/// Units below the reorder point, None if there are none or the shelf has no such point.
#[cfg(test)]
pub(in crate::domain) fn missing(unit: &UnitOfWork, level: &StockLevel) -> Option<i64> {
    let missing = level.reorder_point? - InventoryPosition::of(unit, level).units();
    (missing > 0).then_some(missing)
}

/// Units that waiting orders of the region want: they are bought for one shelf of the region, or each would buy them.
fn awaited_from(unit: &UnitOfWork, level: &StockLevel) -> i64 {
    let Some(location) = unit.location(&level.location) else { return 0 };
    match unit.awaited(&location.region, &level.sku) {
        0 => 0,
        units => {
            let buyer = shelf_of_waiting(unit, &location.region, &level.sku);
            if buyer.as_ref() == Some(&level.location) { units } else { 0 }
        }
    }
}

/// Where a region buys for its waiting orders: the first by priority that is in use and has a reorder rule.
fn shelf_of_waiting(unit: &UnitOfWork, region: &RegionCode, sku: &Sku) -> Option<LocationCode> {
    let levels = unit.levels(sku).into_iter().filter(|it| it.reorder_point.is_some());
    let buys = |it: &&Location| it.active && it.region == *region;
    let here = levels.filter_map(|it| unit.location(&it.location)).filter(buys);
    here.min_by_key(|it| (it.priority, &it.code)).map(|it| it.code.clone())
}

/// The shelves whose position may have changed.
fn changed_shelves(unit: &UnitOfWork) -> BTreeSet<Shelf> {
    let levels = unit.changes.stock.values().filter(|it| it.reorder_point.is_some());
    let mut shelves: BTreeSet<Shelf> = levels.map(|it| (it.sku.clone(), it.location.clone())).collect();
    let replenishments = unit.changes.replenishments.values();
    shelves.extend(replenishments.map(|it| (it.sku.clone(), it.location.clone())));
    let awaited = unit.changes.awaited.iter().filter(|it| *it.1 != 0);
    let bought_for = awaited
        .filter_map(|((region, sku), _)| Some((sku.clone(), shelf_of_waiting(unit, region, sku)?)))
        .collect::<Vec<_>>();
    shelves.extend(bought_for);
    shelves
}

/// How a proposal came about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proposed {
    New,
    /// It was there, nobody has decided on it yet, and it is for more units now.
    Raised,
}

/// Proposes to buy up to the shelf's target if it is below its reorder point. What is proposed and not decided is raised,
/// so that one proposal is open at a time.
fn propose(unit: &mut UnitOfWork, sku: &Sku, location: &LocationCode) -> Option<(ReplenishmentId, Proposed)> {
    unit.location(location).filter(|it| it.active)?;
    let mut level = unit.level(sku, location)?.clone();
    let point = level.reorder_point?;
    let position = InventoryPosition::of(unit, &level);
    let is_low = position.units() < point;
    if let Some(at) = level.declined_at {
        if is_low && unit.now < at.plus(DECLINED_FOR) {
            return None;
        }
        level.declined_at = None;
        unit.keep_level(level.clone());
    }
    if !is_low {
        return None;
    }

    let target = level.reorder_up_to.unwrap_or(point).max(point);
    let missing = target - position.units();
    let reason = format!("{}, reorder point {point}, up to {target}", position.words());
    let open = unit.open_replenishments(sku, location);
    let undecided = open.into_iter().find(|it| it.state == ReplenishmentState::Proposed).cloned();
    if let Some(undecided) = undecided {
        let id = undecided.id;
        let quantity = undecided.quantity + missing;
        unit.keep_replenishment(Replenishment { quantity, reason, ..undecided });
        return Some((id, Proposed::Raised));
    }
    let id: ReplenishmentId = unit.ids.fresh();
    let order = cause(unit, sku, location);
    unit.keep_replenishment(Replenishment {
        id,
        version: 0,
        sku: sku.clone(),
        location: location.clone(),
        quantity: missing,
        received: 0,
        state: ReplenishmentState::Proposed,
        order,
        reason,
        created_at: unit.now,
        updated_at: unit.now,
        decided_by: None,
        supplier: String::new(),
        expected_at: None,
        transfer: None,
    });
    Some((id, Proposed::New))
}

/// The order whose units took the shelf below its point: the last that moved stock there, or one that began to wait.
fn cause(unit: &UnitOfWork, sku: &Sku, location: &LocationCode) -> Option<OrderId> {
    let here = unit.changes.movements.iter().rev().find(|it| it.sku == *sku && it.location == *location);
    match here {
        Some(movement) => movement.order,
        None => unit.changes.orders.values().find(|it| it.awaits_units_of(sku)).map(|it| it.id),
    }
}

/// Writes down with the order that caused it what is proposed.
fn note_proposal(unit: &mut UnitOfWork, id: ReplenishmentId, proposed: Proposed) {
    let Ok(it) = unit.replenishment(id).cloned() else { return };
    let Replenishment { sku, location, quantity, state, reason, .. } = it;
    let Some(cause) = cause(unit, &sku, &location).filter(|it| unit.changes.orders.contains_key(it)) else {
        return;
    };
    let Ok(mut order) = unit.take_order(cause) else { return };
    let (step, what) = match proposed {
        Proposed::New => (Some(opened(id.0, state)), "proposed"),
        Proposed::Raised => (None, "now"),
    };
    let text = format!("{id}: {quantity} of {sku} for {location} {what}: {reason}");
    order.record_automatic(unit, EventKind::ReplenishmentProposed, step, text);
    unit.keep_order(order);
}

/// Step 20: after a handover, how the shelves that the goods came from stand.
fn note_handovers(unit: &mut UnitOfWork) {
    let shipped = unit.changes.movements.iter().filter(|it| it.kind == MovementKind::Ship);
    let orders: BTreeSet<OrderId> = shipped.filter_map(|it| it.order).collect();
    for id in orders {
        let Ok(mut order) = unit.take_order(id) else { continue };
        let movements = unit.changes.movements.iter();
        let left = movements.filter(|it| it.kind == MovementKind::Ship && it.order == Some(id));
        let shelves: BTreeSet<Shelf> = left.map(|it| (it.sku.clone(), it.location.clone())).collect();
        let words: Vec<String> = shelves.iter().filter_map(|it| shelf_words(unit, it)).collect();
        let text =
            format!("{} looked after: {}", counted(shelves.len(), "shelf", "shelves"), words.join("; "));
        order.record_automatic(unit, EventKind::RestockChecked, None, text);
        unit.keep_order(order);
    }
}

/// How a shelf stands, and what is open to fill it.
fn shelf_words(unit: &UnitOfWork, (sku, location): &Shelf) -> Option<String> {
    let level = unit.level(sku, location)?;
    let words = InventoryPosition::of(unit, level).words();
    let rule = match level.reorder_point {
        Some(point) => format!("reorder point {point}"),
        None => "no reorder rule".to_owned(),
    };
    let open = unit.open_replenishments(sku, location).into_iter();
    let open: Vec<String> = open.map(|it| format!("{} {}", it.id, it.state)).collect();
    let open = if open.is_empty() { String::new() } else { format!(" ({})", open.join(", ")) };
    Some(format!("{sku} at {location} has {words}, {rule}{open}"))
}
