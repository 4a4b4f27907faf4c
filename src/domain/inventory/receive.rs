//! Goods that arrive.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::replenish::must_be_from_supplier;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Goods arrive. They count towards the replenishment that is named, or the oldest that are on order.
#[derive(Debug, Clone)]
pub struct ReceiveStock {
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub replenishment: Option<ReplenishmentId>,
    pub note: String,
}

#[derive(Debug, Clone)]
pub struct ReceivedStock {
    pub posted: Posted,
    /// What the goods were counted towards.
    pub replenishments: Vec<Replenishment>,
}

impl Command for ReceiveStock {
    const NAME: &'static str = "ReceiveStock";
    type Output = ReceivedStock;

    fn reads(&self) -> ReadSet {
        let replenishments = self.replenishment.into_iter().collect();
        ReadSet { skus: vec![self.sku.clone()], replenishments, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<ReceivedStock, Refusal> {
        let Self { sku, location, quantity, replenishment, note } = self;
        let counted = receive_stock(unit, sku, location, *quantity, note, *replenishment)?;
        let counted = counted.into_iter().map(|it| unit.replenishment(it).cloned());
        let replenishments = counted.collect::<Result<_, _>>()?;
        Ok(ReceivedStock { posted: Posted::of(unit, sku, location), replenishments })
    }
}

/// Goods arrive, and count towards the replenishment that is named. Without one they count towards the oldest that are on
/// order for the shelf, as far as those go. Gives back which.
pub fn receive_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
    reason: &str,
    replenishment: Option<ReplenishmentId>,
) -> Result<Vec<ReplenishmentId>, Refusal> {
    let mut level = level_of(unit, sku, location)?;
    level.on_hand = bounded_sum(level.on_hand, quantity, "quantity")?;
    unit.keep_level(level);
    let counted = match replenishment {
        Some(id) => vec![(id, quantity)],
        None => shares(unit, sku, location, quantity),
    };
    for (id, units) in &counted {
        receive_replenishment(unit, *id, sku, location, *units)?;
    }
    let entry = Posting::of(sku, location, MovementKind::Receipt);
    post(unit, Posting { on_hand: quantity, reason: reason.to_owned(), ..entry });
    Ok(counted.into_iter().map(|it| it.0).collect())
}

/// How many of these units each replenishment gets that is on order for the shelf, the oldest first.
fn shares(
    unit: &UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
) -> Vec<(ReplenishmentId, i64)> {
    let mut left = quantity;
    let mut shares = Vec::new();
    let from_suppliers =
        unit.open_replenishments(sku, location).into_iter().filter(|it| it.is_from_supplier());
    for it in from_suppliers {
        let units = left.min(it.on_order());
        if units > 0 {
            shares.push((it.id, units));
            left -= units;
        }
    }
    shares
}

/// More than a million million units of anything is a mistake.
const UNITS_MAX: i64 = 1_000_000_000_000;

pub(in crate::domain) fn bounded_sum(have: i64, more: i64, field: &str) -> Result<i64, Refusal> {
    have.checked_add(more)
        .filter(|it| *it <= UNITS_MAX)
        .ok_or_else(|| Refusal::invalid(field, format!("a stock level is at most {UNITS_MAX} units")))
}

fn receive_replenishment(
    unit: &mut UnitOfWork,
    id: ReplenishmentId,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
) -> Result<(), Refusal> {
    let mut replenishment = unit.replenishment(id)?.clone();
    if replenishment.sku != *sku || replenishment.location != *location {
        let message = format!("{id} is for {} at {}", replenishment.sku, replenishment.location);
        return Err(Refusal::invalid("replenishment_id", message));
    }
    must_be_from_supplier(&replenishment)?;
    replenishment.received = bounded_sum(replenishment.received, quantity, "quantity")?;
    let to = match replenishment.received >= replenishment.quantity {
        true => ReplenishmentState::Received,
        false => ReplenishmentState::PartiallyReceived,
    };
    if replenishment.state != to || to == ReplenishmentState::Received {
        step_between(id.0, replenishment.state, to)
            .map_err(|it| it.instead(|| replenishment.available_actions()))?;
        replenishment.state = to;
    }
    unit.keep_replenishment(replenishment);
    Ok(())
}
