//! Goods that arrive.

use crate::domain::inventory::known::{bounded_sum, level_of};
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::lots::{Delta, LotFields, book};
use crate::domain::inventory::replenish::must_be_from_supplier;
use crate::domain::model::lot::LotNamed;
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
    /// Of a product with lots: the one that arrives.
    pub lot: Option<LotNamed>,
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
        let counted = self.book(unit)?;
        let counted = counted.into_iter().map(|it| unit.replenishment(it).cloned());
        let replenishments = counted.collect::<Result<_, _>>()?;
        Ok(ReceivedStock { posted: Posted::of(unit, &self.sku, &self.location), replenishments })
    }
}

impl ReceiveStock {
    /// Goods arrive, and count towards the replenishment that is named. Without one they count towards the oldest that are
    /// on order for the shelf, as far as those go. Gives back which.
    fn book(&self, unit: &mut UnitOfWork) -> Result<Vec<ReplenishmentId>, Refusal> {
        let Self { sku, location, quantity, replenishment, note, lot } = self;
        let quantity = *quantity;
        let mut level = level_of(unit, sku, location)?;
        let arrives = Delta { on_hand: quantity, ..Delta::default() };
        book(unit, &mut level, lot.as_ref(), arrives, LotFields::beside("quantity"))?;
        unit.keep_level(level);
        let counted = match replenishment {
            Some(id) => vec![(*id, quantity)],
            None => shares(unit, sku, location, quantity),
        };
        for (id, units) in &counted {
            receive_replenishment(unit, *id, sku, location, *units)?;
        }
        let entry = Posting::of(sku, location, MovementKind::Receipt);
        let (reason, lot) = (note.clone(), lot.as_ref().map(|it| it.name.clone()));
        post(unit, Posting { on_hand: quantity, reason, lot, ..entry });
        Ok(counted.into_iter().map(|it| it.0).collect())
    }
}

/// Goods without lots arrive.
#[cfg(test)]
pub fn receive_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
    reason: &str,
    replenishment: Option<ReplenishmentId>,
) -> Result<Vec<ReplenishmentId>, Refusal> {
    let (sku, location, note) = (sku.clone(), location.clone(), reason.to_owned());
    ReceiveStock { sku, location, quantity, replenishment, note, lot: None }.book(unit)
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
