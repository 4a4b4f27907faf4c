//! Units that were picked from other lots than the pick list says.

use std::collections::BTreeSet;

use crate::domain::model::lot::{Lot, LotUnits};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{LocationCode, ShipmentId};
use crate::domain::model::shipment::{ShipmentItem, ShipmentState};
use crate::domain::shipping::lots::{PickedLot, allot, free};
use crate::domain::shipping::pick::LineUnits;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Binds picked units to the lots that they were really taken from, where the pick list names others. Of each line that
    /// is named, all units that are picked now are.
    pub(in crate::domain) fn take_lots(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        picks: &[LineUnits],
        lots: &[PickedLot],
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::Picking, "record a pick")?;
        let location = self.shipments[index].location.clone();
        let mut problems = uneven(picks, lots);
        for (taken, number) in lots.iter().zip(0..) {
            let line = taken.line;
            let Some(item) = self.shipments[index].items.iter_mut().find(|it| it.line == line) else {
                problems
                    .add(format!("lots[{number}].line_number"), format!("the shipment has no line {line}"));
                continue;
            };
            if item.lots.is_empty() {
                let message = format!("must be left out: {} is not stocked by lots (tracks_lots)", item.sku);
                problems.add(format!("lots[{number}].lot"), message);
                continue;
            }
            if let Err((field, message)) = take_lot(unit, item, &location, taken) {
                problems.add(format!("lots[{number}].{field}"), message);
            }
        }
        problems.into_result()
    }
}

/// Notes picked units of one lot; those that the pick list does not have take the place of others that it has.
fn take_lot(
    unit: &mut UnitOfWork,
    item: &mut ShipmentItem,
    location: &LocationCode,
    taken: &PickedLot,
) -> Result<(), (&'static str, String)> {
    let PickedLot { line, lot: name, units } = taken;
    let listed = item.lots.iter().find(|it| it.name == *name).map_or(0, LotUnits::unpicked);
    let unlisted: i64 = item.lots.iter().filter(|it| it.name != *name).map(LotUnits::unpicked).sum();
    let lot = unit.level(&item.sku, location).and_then(|it| it.lot(name)).cloned();
    let there = lot.as_ref().map_or(0, Lot::unallotted);
    let more = units - listed;
    if lot.as_ref().is_some_and(|it| it.is_expired_at(unit.now)) {
        return Err(("lot", format!("lot {name} has expired")));
    }
    if more > there {
        let message =
            format!("{} units of lot {name} are on the books and on no other pick list", there + listed);
        return Err(("quantity", message));
    }
    if more > unlisted {
        let message = format!("{} units of line {line} are left to pick, not {units}", unlisted + listed);
        return Err(("quantity", message));
    }

    if let Some(lot) = lot.filter(|_| more > 0) {
        let given_up = item.unbind_others(name, more);
        item.bind(&lot, more);
        free(unit, &item.sku, location, &given_up);
        allot(unit, &item.sku, location, name, more);
    }
    if let Some(it) = item.lot_mut(name) {
        it.picked += units;
    }
    Ok(())
}

/// Lines of which other numbers of units are picked than their lots say.
fn uneven(picks: &[LineUnits], lots: &[PickedLot]) -> Problems {
    let mut problems = Problems::default();
    let lines: BTreeSet<i32> = lots.iter().map(|it| it.line).collect();
    for line in lines {
        let named = lots.iter().filter(|it| it.line == line);
        let named = named.fold(0_i64, |sum, it| sum.saturating_add(it.units));
        let picked = picks.iter().filter(|it| it.line == line);
        let picked = picked.fold(0_i64, |sum, it| sum.saturating_add(it.units));
        if named != picked {
            problems.add("lots", format!("{named} units of line {line} are named, and {picked} are picked"));
        }
    }
    problems
}
