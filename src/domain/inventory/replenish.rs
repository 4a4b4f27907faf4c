//! When and how much to buy again.

use std::collections::BTreeSet;

use crate::domain::inventory::known::{level_of, location_must_be_in_use, must_be_in_use};
use crate::domain::model::etag::check_etag;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, OrderId, ReplenishmentId, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// When and how far to buy again; no point switches that off.
#[derive(Debug, Clone)]
pub struct SetReorderRule {
    pub sku: Sku,
    pub location: LocationCode,
    pub point: Option<i64>,
    pub up_to: Option<i64>,
    /// The level's; empty: any version.
    pub etag: String,
}

impl Command for SetReorderRule {
    const NAME: &'static str = "SetReorderRule";
    type Output = Option<StockLevel>;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Option<StockLevel>, Refusal> {
        let Self { sku, location, point, up_to, etag } = self;
        set_reorder_rule(unit, sku, location, *point, *up_to, etag)?;
        Ok(unit.level(sku, location).cloned())
    }
}

/// Approves, rejects, orders or cancels what is to be bought again.
#[derive(Debug, Clone)]
pub struct DecideReplenishment {
    pub replenishment: ReplenishmentId,
    pub to: ReplenishmentState,
    /// None: as proposed.
    pub quantity: Option<i64>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DecideReplenishment {
    const NAME: &'static str = "DecideReplenishment";
    type Output = Replenishment;

    fn reads(&self) -> ReadSet {
        ReadSet { replenishments: vec![self.replenishment], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Replenishment, Refusal> {
        let Self { replenishment, to, quantity, etag } = self;
        decide_replenishment(unit, *replenishment, *to, *quantity, etag)?;
        unit.replenishment(*replenishment).cloned()
    }
}

impl Order {
    /// Step 20: what this order took below its reorder point is proposed to be bought again.
    pub(in crate::domain) fn restock(&mut self, unit: &mut UnitOfWork) {
        let places: BTreeSet<(Sku, LocationCode)> = self
            .reservations
            .iter()
            .flat_map(|it| &it.items)
            .filter(|it| it.consumed > 0)
            .map(|it| (it.sku.clone(), it.location.clone()))
            .collect();
        let mut proposed = 0;
        for (sku, location) in &places {
            if let Some(id) = propose_replenishment(unit, sku, location, Some(self.id)) {
                proposed += 1;
                let step = opened(id.0, ReplenishmentState::Proposed);
                let text = format!("{id}: {sku} at {location} is below its reorder point");
                self.record_automatic(unit, EventKind::ReplenishmentProposed, Some(step), text);
            }
        }
        let text = format!("{} shelves looked after, {proposed} replenishments proposed", places.len());
        self.record_automatic(unit, EventKind::RestockChecked, None, text);
    }
}

/// Proposes to buy a product again if too little of it is available and nothing is on its way.
fn propose_replenishment(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    order: Option<OrderId>,
) -> Option<ReplenishmentId> {
    unit.location(location).filter(|it| it.active)?;
    let level = unit.level(sku, location)?;
    let point = level.reorder_point?;
    let available = level.available();
    if available >= point || unit.open_replenishment(sku, location).is_some() {
        return None;
    }

    let target = level.reorder_up_to.unwrap_or(point).max(point);
    let id: ReplenishmentId = unit.ids.fresh();
    unit.changes.open_replenishments.insert((sku.clone(), location.clone()), Some(id));
    unit.keep_replenishment(Replenishment {
        id,
        version: 0,
        sku: sku.clone(),
        location: location.clone(),
        quantity: target - available,
        received: 0,
        state: ReplenishmentState::Proposed,
        order,
        reason: format!("{available} available, reorder point {point}, up to {target}"),
        created_at: unit.now,
        updated_at: unit.now,
        decided_by: None,
    });
    Some(id)
}

/// When and how far to buy again. `None` for both switches proposals off.
pub fn set_reorder_rule(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    point: Option<i64>,
    up_to: Option<i64>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut level = level_of(unit, sku, location)?;
    check_etag(etag, level.version)?;
    if let (Some(point), Some(up_to)) = (point, up_to)
        && up_to < point
    {
        return Err(Refusal::invalid(
            "rule.order_up_to",
            format!("must be at least the reorder point {point}"),
        ));
    }
    if point.is_some() {
        must_be_in_use(unit, std::iter::once(sku))?;
        location_must_be_in_use(unit, location)?;
    }
    level.reorder_point = point;
    level.reorder_up_to = up_to;
    unit.keep_level(level);
    propose_replenishment(unit, sku, location, None);
    Ok(())
}

/// A person's word on a proposal to buy.
pub fn decide_replenishment(
    unit: &mut UnitOfWork,
    id: ReplenishmentId,
    to: ReplenishmentState,
    quantity: Option<i64>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut replenishment: Replenishment = unit.replenishment(id)?.clone();
    check_etag(etag, replenishment.version)?;
    step_between(id.0, replenishment.state, to)
        .map_err(|it| it.instead(|| replenishment.available_actions()))?;
    replenishment.state = to;
    replenishment.quantity = quantity.unwrap_or(replenishment.quantity);
    replenishment.decided_by = Some(unit.actor.clone());
    if !to.is_open() {
        let key = (replenishment.sku.clone(), replenishment.location.clone());
        unit.changes.open_replenishments.insert(key, None);
    }
    unit.keep_replenishment(replenishment);
    Ok(())
}
