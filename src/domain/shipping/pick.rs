//! Step 9: units are picked; what is missing is replaced or holds the order.

use std::collections::BTreeMap;

use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::ledger::{Posting, give_back_units, post};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Problems, Refusal, Shortage};
use crate::domain::model::reservation::ReservedItem;
use crate::domain::model::scalars::{Actor, LocationCode, ShipmentId, Sku};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::model::stock::{MovementKind, StockLevel};
use crate::domain::shipping::lots::{PickedLot, by_lot};
use crate::domain::shipping::progress::id_of;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve, with_stock};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Begins to pick a shipment; what was cancelled of its stock is reserved again first.
#[derive(Debug, Clone)]
pub struct StartPicking {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for StartPicking {
    const NAME: &'static str = "StartPicking";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.start_picking(unit, self.shipment)
    }
}

/// What was taken from the shelf, and what was not there.
#[derive(Debug, Clone)]
pub struct RecordPick {
    pub target: Target,
    pub shipment: ShipmentId,
    pub picks: Vec<LineUnits>,
    pub missing: Vec<LineUnits>,
    /// Where picked units are of other lots than the pick list says: of which, for all that are picked now of a line.
    pub lots: Vec<PickedLot>,
}

impl OrderCommand for RecordPick {
    const NAME: &'static str = "RecordPick";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        match (self.missing.is_empty(), self.lots.is_empty()) {
            (true, true) => ReadSet::default(),
            (true, false) => with_stock(),
            (false, _) => to_reserve(),
        }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        if !self.lots.is_empty() {
            order.take_lots(unit, self.shipment, &self.picks, &self.lots)?;
        }
        match self.missing.is_empty() {
            true => order.record_pick(unit, self.shipment, &self.picks),
            false => order.record_short_pick(unit, self.shipment, &self.picks, &self.missing),
        }
    }
}

/// Units of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineUnits {
    pub line: i32,
    pub units: i64,
}

impl Order {
    /// Hands out the pick list. After a failed check, what was set aside for the failed units is reserved anew.
    pub fn start_picking(&mut self, unit: &mut UnitOfWork, id: ShipmentId) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        let number = self.shipments[index].number;
        let text = format!("picking of shipment {number} started");
        self.move_shipment(unit, index, ShipmentState::Picking, EventKind::PickingStarted, text)?;
        self.reserve_missing(unit, index)?;
        self.bind_lots(unit, index)?;
        self.end_picking_if_done(unit, index)?;

        // What was missing is there again, and so is a date.
        let location = &self.shipments[index].location;
        let is_unknown = self
            .promise
            .iter()
            .flat_map(|it| &it.legs)
            .any(|it| it.location == *location && it.ready_at.is_none());
        if is_unknown {
            self.promise_shipment_anew(unit, index, PromiseOccasion::ShortPick);
        }
        Ok(())
    }

    /// Units that failed their check or were not found left the reservation; others of the same location take their
    /// place.
    fn reserve_missing(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        self.could_replace(unit, index)?;
        let shipment = self.shipments[index].clone();
        let mut short = Vec::new();
        for item in &shipment.items {
            let missing = self.missing_of(&shipment, item);
            if missing <= 0 {
                continue;
            }

            let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
            let level = unit.level(&item.sku, &shipment.location).cloned();
            let available = level.as_ref().map_or(0, |it| it.available(unit.now));
            let Some(mut level) = level.filter(|_| available >= missing) else {
                short.push(Shortage { sku: item.sku.clone(), wanted: missing, available });
                continue;
            };
            level.reserved += missing;
            unit.keep_level(level);
            let number = i32::try_from(reservation.items.len()).unwrap_or(i32::MAX - 1) + 1;
            reservation.items.push(ReservedItem {
                number,
                line: item.line,
                sku: item.sku.clone(),
                location: shipment.location.clone(),
                quantity: missing,
                consumed: 0,
                released: 0,
            });
            reservation.version += 1;
            let (reservation, order) = (Some(reservation.id), Some(self.id));
            let entry = Posting::of(&item.sku, &shipment.location, MovementKind::Reserve);
            post(
                unit,
                Posting { reserved: missing, reservation, order, shipment: Some(id_of(&shipment)), ..entry },
            );
        }
        if short.is_empty() { Ok(()) } else { Err(Refusal::Short(short)) }
    }

    /// Units of an item that nothing is set aside for any more.
    pub(super) fn missing_of(&self, shipment: &Shipment, item: &ShipmentItem) -> i64 {
        let reserved = self.current_reservation().map_or(&[][..], |it| &it.items);
        let here = reserved.iter().filter(|it| it.line == item.line && it.location == shipment.location);
        item.quantity - here.map(ReservedItem::open).sum::<i64>()
    }

    /// Records the units taken from the shelf; picking is done when every unit is taken.
    pub fn record_pick(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        picks: &[LineUnits],
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::Picking, "record a pick")?;
        self.add_picks(index, picks).into_result()?;

        let (picked, wanted) = self.picked_of(index);
        let text = format!("{picked} of {wanted} units of shipment {} picked", self.shipments[index].number);
        if picked == wanted {
            return self.move_shipment(unit, index, ShipmentState::Picked, EventKind::ItemsPicked, text);
        }
        self.touch_shipment(unit, index);
        self.record(unit, EventKind::ItemsPicked, None, text);
        Ok(())
    }

    /// What was taken from the shelf, and what was not found there: that leaves the books, and the shipment is planned
    /// anew. Starting to pick again reserves others in its place; if the location has too few, other locations of the region send
    /// what they have, and only for the rest, which nobody has, the order is held, or waits for it if it ships what is there;
    /// then its customer is told.
    pub fn record_short_pick(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        picks: &[LineUnits],
        missing: &[LineUnits],
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::Picking, "record a pick")?;
        let mut problems = self.add_picks(index, picks);

        let mut lost: BTreeMap<usize, i64> = BTreeMap::new();
        for (entry, number) in missing.iter().zip(0..) {
            let items = &self.shipments[index].items;
            let Some(found) = items.iter().position(|it| it.line == entry.line) else {
                problems.add(
                    format!("missing[{number}].line_number"),
                    format!("the shipment has no line {}", entry.line),
                );
                continue;
            };
            let before = lost.entry(found).or_default();
            let left = items[found].quantity - items[found].picked - *before;
            if !(1..=left).contains(&entry.units) {
                let message =
                    format!("{left} units of line {} are left to pick, not {}", entry.line, entry.units);
                problems.add(format!("missing[{number}].quantity"), message);
                continue;
            }
            *before += entry.units;
        }
        problems.into_result()?;

        let mut told = Vec::new();
        for (number, units) in lost {
            self.write_off(unit, index, number, units);
            told.push(format!("line {}: {units}", self.shipments[index].items[number].line));
        }
        let (picked, wanted) = self.picked_of(index);
        let told = told.join("; ");
        let number = self.shipments[index].number;
        let text = format!("{picked} of {wanted} units of shipment {number} picked; not found: {told}");
        self.move_shipment(unit, index, ShipmentState::Planned, EventKind::ItemsPicked, text)?;
        if self.could_replace(unit, index)? {
            self.promise_shipment_anew(unit, index, PromiseOccasion::ShortPick);
            return Ok(());
        }
        let why = format!("not found at {}: {told}", self.shipments[index].location);
        if let Some(lacking) = self.replace_elsewhere(unit, index, &why)? {
            let location = &self.shipments[index].location;
            let note = format!("no stock of the region replaces what was not found at {location}: {lacking}");
            self.promise_nothing(unit, index, &note);
            self.hold(unit, Actor::system(), HoldReason::UnknownDeliveryDate, note);
        }
        Ok(())
    }

    /// What is left in it after other units moved to another shipment may be picked already.
    pub(super) fn end_picking_if_done(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let (picked, wanted) = self.picked_of(index);
        if picked < wanted || self.shipments[index].state != ShipmentState::Picking {
            return Ok(());
        }
        let number = self.shipments[index].number;
        let text = format!("{picked} of {wanted} units of shipment {number} picked");
        self.move_shipment(unit, index, ShipmentState::Picked, EventKind::ItemsPicked, text)
    }

    fn picked_of(&self, index: usize) -> (i64, i64) {
        let items = &self.shipments[index].items;
        (items.iter().map(|it| it.picked).sum(), items.iter().map(|it| it.quantity).sum())
    }

    /// Adds what it can; what it cannot are problems.
    fn add_picks(&mut self, index: usize, picks: &[LineUnits]) -> Problems {
        let shipment = &mut self.shipments[index];
        let mut problems = Problems::default();
        for (pick, number) in picks.iter().zip(0..) {
            let Some(item) = shipment.items.iter_mut().find(|it| it.line == pick.line) else {
                problems.add(
                    format!("picks[{number}].line_number"),
                    format!("the shipment has no line {}", pick.line),
                );
                continue;
            };
            let left = item.quantity - item.picked;
            if !(1..=left).contains(&pick.units) {
                let message =
                    format!("{left} units of line {} are left to pick, not {}", pick.line, pick.units);
                problems.add(format!("picks[{number}].quantity"), message);
                continue;
            }
            item.picked += pick.units;
            let noted: i64 = item.lots.iter().map(|it| it.picked).sum();
            item.pick_in_order(item.picked - noted);
        }
        problems
    }

    /// Takes units that are not on the shelf out of the reservation and off the books.
    fn write_off(&mut self, unit: &mut UnitOfWork, index: usize, number: usize, units: i64) {
        let mut level = self.take_out(unit, index, number, units);
        let lots = self.shipments[index].items[number].unbind_in_order(units);
        // Units that a count did not find either are not missing any more.
        if level.lots.is_empty() {
            level.on_hand -= units;
            level.missing = (level.missing - units).max(0);
        }
        for (name, units) in &lots {
            level.change_lot(name, |it| {
                it.on_hand -= units;
                it.allotted -= units;
                it.missing = (it.missing - units).max(0);
            });
        }
        let (sku, location) = (level.sku.clone(), level.location.clone());
        unit.keep_level(level);
        let (order, shipment) = (Some(self.id), Some(self.shipments[index].id));
        for (lot, units) in by_lot(lots, units) {
            let entry = Posting::of(&sku, &location, MovementKind::Adjust);
            let reason = "not found when it was to be picked".to_owned();
            post(unit, Posting { on_hand: -units, order, shipment, reason, lot, ..entry });
        }
    }

    /// Gives units of one item back from the reservation; they are still on the level that this returns.
    pub(super) fn take_out(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        number: usize,
        units: i64,
    ) -> StockLevel {
        let location = self.shipments[index].location.clone();
        let (sku, line) =
            (self.shipments[index].items[number].sku.clone(), self.shipments[index].items[number].line);
        let order = self.id;
        let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
        let id = reservation.id;
        let mut left = units;
        for item in reservation.items.iter_mut().filter(|it| it.line == line && it.location == location) {
            let units = left.min(item.open());
            if units > 0 {
                left -= units;
                give_back_units(unit, item, units, MovementKind::Release, id, Some(order));
            }
        }
        reservation.version += 1;
        assert!(left == 0, "a shipment never picks more than is reserved for it");
        unit.level(&sku, &location).cloned().expect("reserved stock has a level")
    }

    /// Whether the shelf has units for those that nothing is set aside for any more.
    pub(super) fn could_replace(&self, unit: &mut UnitOfWork, index: usize) -> Result<bool, Refusal> {
        let shipment = &self.shipments[index];
        let mut missing: BTreeMap<&Sku, i64> = BTreeMap::new();
        for item in &shipment.items {
            *missing.entry(&item.sku).or_default() += self.missing_of(shipment, item);
        }
        let all_there = |unit: &UnitOfWork| {
            missing.iter().all(|(sku, units)| available_at(unit, sku, &shipment.location) >= *units)
        };
        if all_there(&*unit) {
            return Ok(true);
        }
        Ok(release_expired_of(unit, missing.keys().copied(), Some(self.id))? && all_there(&*unit))
    }
}

/// Units of a product on the shelf of a location that nobody has set aside; zero where it has no shelf.
fn available_at(unit: &UnitOfWork, sku: &Sku, location: &LocationCode) -> i64 {
    unit.level(sku, location).map_or(0, |it| it.available(unit.now))
}
