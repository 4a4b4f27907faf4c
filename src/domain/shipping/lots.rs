//! Which lots the units of a shipment are of: bound when its pick list is handed out, the soonest expiring first, and
//! freed when they do not leave with it.

use std::collections::BTreeMap;

use crate::domain::model::lot::{Lot, LotName, LotUnits};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal, Shortage};
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Picked units of one line that are of this lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickedLot {
    pub line: i32,
    pub lot: LotName,
    pub units: i64,
}

impl ShipmentItem {
    /// Units that are bound to lots.
    fn of_lots(&self) -> i64 {
        self.lots.iter().map(|it| it.quantity).sum()
    }

    /// Units of one lot that it has.
    pub(super) fn lot_mut(&mut self, name: &LotName) -> Option<&mut LotUnits> {
        self.lots.iter_mut().find(|it| it.name == *name)
    }

    /// Binds more units of a lot.
    pub(super) fn bind(&mut self, lot: &Lot, units: i64) {
        match self.lot_mut(&lot.name) {
            Some(it) => it.quantity += units,
            None => self.lots.push(LotUnits {
                name: lot.name.clone(),
                expires_on: lot.expires_on,
                expires_at: lot.expires_at,
                quantity: units,
                picked: 0,
            }),
        }
        self.lots.sort_by(|one, other| (one.expires_on, &one.name).cmp(&(other.expires_on, &other.name)));
    }

    /// Notes so many units as picked, of the lots of the pick list in their order.
    pub(super) fn pick_in_order(&mut self, units: i64) {
        let mut left = units;
        for lot in &mut self.lots {
            let taken = left.min(lot.unpicked());
            lot.picked += taken;
            left -= taken;
        }
    }

    /// Takes units that are not picked off its lots, in the order of the pick list; gives back of which they were.
    pub(super) fn unbind_in_order(&mut self, units: i64) -> Vec<(LotName, i64)> {
        let mut left = units;
        let mut taken = Vec::new();
        for lot in &mut self.lots {
            let off = left.min(lot.unpicked());
            if off > 0 {
                lot.quantity -= off;
                left -= off;
                taken.push((lot.name.clone(), off));
            }
        }
        self.lots.retain(|it| it.quantity > 0);
        taken
    }

    /// Takes unpicked units off the other lots, of the last to expire first.
    pub(super) fn unbind_others(&mut self, name: &LotName, units: i64) -> Vec<(LotName, i64)> {
        let mut left = units;
        let mut taken = Vec::new();
        for lot in self.lots.iter_mut().rev().filter(|it| it.name != *name) {
            let off = left.min(lot.unpicked());
            lot.quantity -= off;
            left -= off;
            taken.push((lot.name.clone(), off));
        }
        self.lots.retain(|it| it.quantity > 0);
        taken.into_iter().filter(|it| it.1 > 0).collect()
    }

    /// Takes units off its lots: the unpicked ones of the last to expire first, and picked ones after these.
    fn unbind(&mut self, units: i64) -> Vec<(LotName, i64)> {
        let mut left = units;
        let mut taken: BTreeMap<LotName, i64> = BTreeMap::new();
        for lot in self.lots.iter_mut().rev() {
            let off = left.min(lot.unpicked());
            lot.quantity -= off;
            left -= off;
            *taken.entry(lot.name.clone()).or_default() += off;
        }
        for lot in self.lots.iter_mut().rev() {
            let off = left.min(lot.quantity);
            lot.quantity -= off;
            lot.picked -= off;
            left -= off;
            *taken.entry(lot.name.clone()).or_default() += off;
        }
        self.lots.retain(|it| it.quantity > 0);
        taken.into_iter().filter(|it| it.1 > 0).collect()
    }
}

impl Order {
    /// Binds the units of a shipment that are of no lot yet: first those that expire first, of lots that are sold.
    pub(super) fn bind_lots(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        self.free_expired(unit, index);
        let location = self.shipments[index].location.clone();
        let mut short = Vec::new();
        for number in 0..self.shipments[index].items.len() {
            let item = &mut self.shipments[index].items[number];
            let Some(level) = unit.level(&item.sku, &location).filter(|it| !it.lots.is_empty()) else {
                continue;
            };
            let (mut level, mut left) = (level.clone(), item.quantity - item.of_lots());
            for lot in level.lots.iter_mut().filter(|it| it.is_sold_at(unit.now)) {
                let units = left.min(lot.unallotted());
                if units > 0 {
                    lot.allotted += units;
                    left -= units;
                    item.bind(lot, units);
                }
            }
            if left > 0 {
                let (wanted, available) = (item.quantity, item.quantity - left);
                short.push(Shortage { sku: item.sku.clone(), wanted, available });
                continue;
            }
            unit.keep_level(level);
        }
        if short.is_empty() { Ok(()) } else { Err(Refusal::Short(short)) }
    }

    /// Takes expired units off a pick list that is handed out once more; picked ones go back to the shelf.
    fn free_expired(&mut self, unit: &mut UnitOfWork, index: usize) {
        let now = unit.now;
        let location = self.shipments[index].location.clone();
        for item in &mut self.shipments[index].items {
            let (gone, kept): (Vec<LotUnits>, Vec<LotUnits>) =
                std::mem::take(&mut item.lots).into_iter().partition(|it| it.expires_at <= now);
            item.lots = kept;
            item.picked -= gone.iter().map(|it| it.picked).sum::<i64>();
            let gone: Vec<_> = gone.into_iter().map(|it| (it.name, it.quantity)).collect();
            free(unit, &item.sku, &location, &gone);
        }
    }

    /// What a decision has left of the pick lists: a shipment has no more units of lots than are set aside for it, and a
    /// cancelled one none.
    pub(in crate::domain) fn settle_lots(&mut self, unit: &mut UnitOfWork) {
        for index in 0..self.shipments.len() {
            let shipment = &self.shipments[index];
            if shipment.handover.is_some() || shipment.items.iter().all(|it| it.lots.is_empty()) {
                continue;
            }
            let (location, cancelled) =
                (shipment.location.clone(), shipment.state == ShipmentState::Cancelled);
            for number in 0..self.shipments[index].items.len() {
                let shipment = &self.shipments[index];
                let item = &shipment.items[number];
                let kept = if cancelled { 0 } else { item.quantity - self.missing_of(shipment, item).max(0) };
                let over = item.of_lots() - kept;
                if over > 0 {
                    let item = &mut self.shipments[index].items[number];
                    let (sku, freed) = (item.sku.clone(), item.unbind(over));
                    free(unit, &sku, &location, &freed);
                    self.touch_shipment(unit, index);
                }
            }
        }
    }

    /// Whether units of a shelf are on pick lists of this order and have expired.
    pub(in crate::domain) fn has_expired_units(
        &self,
        sku: &Sku,
        location: &LocationCode,
        now: Timestamp,
    ) -> bool {
        self.shipments.iter().any(|it| it.has_expired_units(sku, location, now))
    }

    /// Expired units of a shelf do not leave. A shipment that nobody has begun to pick forgets them, one that was worked on
    /// is cancelled, and what it should bring is planned anew.
    pub(in crate::domain) fn put_expired_back(
        &mut self,
        unit: &mut UnitOfWork,
        sku: &Sku,
        location: &LocationCode,
    ) -> Result<(), Refusal> {
        let now = unit.now;
        let planned = self.shipments.len();
        for index in 0..planned {
            let shipment = &self.shipments[index];
            if !shipment.has_expired_units(sku, location, now) {
                continue;
            }
            match shipment.state == ShipmentState::Planned && shipment.items.iter().all(|it| it.picked == 0) {
                true => {
                    self.free_expired(unit, index);
                    self.touch_shipment(unit, index);
                }
                false => self.shrink_shipment(unit, index, &BTreeMap::new())?,
            }
        }
        Ok(())
    }

    /// Refuses to let expired units leave.
    pub(super) fn must_not_be_expired(&self, index: usize, at: Timestamp) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        let expired = shipment
            .items
            .iter()
            .find_map(|item| item.lots.iter().find(|it| it.expires_at <= at).map(|lot| (item.line, lot)));
        let Some((line, lot)) = expired else { return Ok(()) };
        let message = format!(
            "lot {} of line {line} expired on {}: the shipment is planned anew from other lots by itself, or the line is \
            cancelled",
            lot.name, lot.expires_on
        );
        Err(self.unmet_shipment(Reason::LotExpired, shipment, message))
    }
}

impl Shipment {
    fn has_expired_units(&self, sku: &Sku, location: &LocationCode, now: Timestamp) -> bool {
        self.location == *location
            && !self.has_left_the_house()
            && self.state != ShipmentState::Cancelled
            && self
                .items
                .iter()
                .filter(|it| it.sku == *sku)
                .flat_map(|it| &it.lots)
                .any(|it| it.expires_at <= now)
    }
}

/// Items that a shipment has no more: their units are on no pick list either.
pub(super) fn free_items(
    unit: &mut UnitOfWork,
    location: &LocationCode,
    gone: impl IntoIterator<Item = ShipmentItem>,
) {
    for mut item in gone {
        let units = item.unbind(i64::MAX);
        free(unit, &item.sku, location, &units);
    }
}

/// Units that are on no pick list any more.
pub(super) fn free(unit: &mut UnitOfWork, sku: &Sku, location: &LocationCode, lots: &[(LotName, i64)]) {
    for (name, units) in lots {
        allot(unit, sku, location, name, -units);
    }
}

pub(super) fn allot(unit: &mut UnitOfWork, sku: &Sku, location: &LocationCode, name: &LotName, units: i64) {
    let Some(mut level) = unit.level(sku, location).cloned() else { return };
    level.change_lot(name, |it| it.allotted += units);
    unit.keep_level(level);
}

/// Units by lots, or all of them together where there are none.
pub(super) fn by_lot(lots: Vec<(LotName, i64)>, units: i64) -> Vec<(Option<LotName>, i64)> {
    match lots.is_empty() {
        true => vec![(None, units)],
        false => lots.into_iter().map(|(name, units)| (Some(name), units)).collect(),
    }
}

/// The next so many of these units, by lots.
pub(super) fn next_of(lots: &mut Vec<LotUnits>, units: i64) -> Vec<(LotName, i64)> {
    let mut left = units;
    let mut taken = Vec::new();
    for lot in lots.iter_mut() {
        let off = left.min(lot.quantity);
        if off > 0 {
            lot.quantity -= off;
            left -= off;
            taken.push((lot.name.clone(), off));
        }
    }
    lots.retain(|it| it.quantity > 0);
    taken
}
