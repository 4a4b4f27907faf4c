//! Goods that arrive.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Goods arrive. With a replenishment they count towards it.
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
    pub replenishment: Option<Replenishment>,
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
        receive_stock(unit, sku, location, *quantity, note, *replenishment)?;
        let replenishment = replenishment.map(|it| unit.replenishment(it).cloned()).transpose()?;
        Ok(ReceivedStock { posted: Posted::of(unit, sku, location), replenishment })
    }
}

/// Goods arrive. With a replenishment they count towards it.
pub fn receive_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
    reason: &str,
    replenishment: Option<ReplenishmentId>,
) -> Result<(), Refusal> {
    let mut level = level_of(unit, sku, location)?;
    level.on_hand = bounded_sum(level.on_hand, quantity, "quantity")?;
    if let Some(id) = replenishment {
        receive_replenishment(unit, id, sku, location, quantity)?;
    }
    unit.keep_level(level);
    let entry = Posting::of(sku, location, MovementKind::Receipt);
    post(unit, Posting { on_hand: quantity, reason: reason.to_owned(), ..entry });
    Ok(())
}

/// More than a million million units of anything is a mistake.
const UNITS_MAX: i64 = 1_000_000_000_000;

pub(super) fn bounded_sum(have: i64, more: i64, field: &str) -> Result<i64, Refusal> {
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
    if to == ReplenishmentState::Received {
        unit.changes.open_replenishments.insert((sku.clone(), location.clone()), None);
    }
    unit.keep_replenishment(replenishment);
    Ok(())
}
