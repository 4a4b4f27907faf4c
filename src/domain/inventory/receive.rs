//! Goods that arrive.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::moved;
use crate::domain::unit::unit_of_work::{Desk, Touch};

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

    fn reads(&self) -> Touch {
        let replenishments = self.replenishment.into_iter().collect();
        Touch { skus: vec![self.sku.clone()], replenishments, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<ReceivedStock, Refusal> {
        let Self { sku, location, quantity, replenishment, note } = self;
        receive_stock(desk, sku, location, *quantity, note, *replenishment)?;
        let replenishment = replenishment.map(|it| desk.replenishment(it).cloned()).transpose()?;
        Ok(ReceivedStock { posted: Posted::of(desk, sku, location), replenishment })
    }
}

/// Goods arrive. With a replenishment they count towards it.
pub fn receive_stock(
    desk: &mut Desk,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
    reason: &str,
    replenishment: Option<ReplenishmentId>,
) -> Result<(), Refusal> {
    let mut level = level_of(desk, sku, location)?;
    level.on_hand = bounded_sum(level.on_hand, quantity, "quantity")?;
    if let Some(id) = replenishment {
        receive_replenishment(desk, id, sku, location, quantity)?;
    }
    desk.keep_level(level);
    let entry = Posting::of(sku, location, MovementKind::Receipt);
    post(desk, Posting { on_hand: quantity, reason: reason.to_owned(), ..entry });
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
    desk: &mut Desk,
    id: ReplenishmentId,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
) -> Result<(), Refusal> {
    let mut replenishment = desk.replenishment(id)?.clone();
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
        moved(id.0, replenishment.state, to)
            .map_err(|it| it.instead(|| replenishment.available_actions()))?;
        replenishment.state = to;
    }
    if to == ReplenishmentState::Received {
        desk.changes.open_replenishments.insert((sku.clone(), location.clone()), None);
    }
    desk.keep_replenishment(replenishment);
    Ok(())
}
