//! Units that were set aside for an order and are not there: others are set aside elsewhere, or the order waits or is held.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::allocate::{
    Need, TAKES_MAX, Take, as_far_as_there, passed_over, plan, supply_by,
};
use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::ledger::{give_back_units, set_aside};
use crate::domain::inventory::reserve::add_item;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal, Shortage};
use crate::domain::model::reservation::Reallocation;
use crate::domain::model::scalars::{Actor, LocationCode, OnShortage, Sku};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::shipping::lots::free_items;
use crate::domain::unit::journal::cut;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many shipments an order may have that still moves units to others: each of them is shown with it for good.
const SHIPMENTS_TO_MOVE_TO_MAX: usize = 40;

/// How long the reason of a re-allocation and its plan are as they are noted, in characters, and how many locations are noted
/// that were passed over.
const REASON_MAX: usize = 200;
const PLAN_MAX: usize = 500;
const PASSED_OVER_NOTED_MAX: usize = 5;

/// How near the units of a shelf are to the courier, the furthest first: those go first when a shelf has too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::domain) enum Nearness {
    Unpaid,
    Paid,
    Planned,
    BeingPicked,
    /// They are in people's hands: a count does not take them.
    Picked,
}

/// How much of what is lacking is set aside elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    AllOrNone,
    AsFarAsThere,
}

impl Order {
    /// How far this order's units of a shelf have come.
    pub(in crate::domain) fn nearness(&self, location: &LocationCode) -> Nearness {
        if self.shipments.is_empty() {
            return match self.state {
                OrderState::PaymentCaptured | OrderState::PaymentApproved => Nearness::Paid,
                OrderState::Received
                | OrderState::Verified
                | OrderState::AwaitingStock
                | OrderState::Reserved
                | OrderState::ReservationApproved
                | OrderState::Invoiced
                | OrderState::Fulfilling
                | OrderState::PartiallyShipped
                | OrderState::Shipped
                | OrderState::PartiallyDelivered
                | OrderState::Delivered
                | OrderState::Closed
                | OrderState::Archived
                | OrderState::Rejected
                | OrderState::Cancelled
                | OrderState::Expired => Nearness::Unpaid,
            };
        }
        match self.unpicked_shipment(location).map(|it| self.shipments[it].state) {
            Some(ShipmentState::Planned) => Nearness::Planned,
            Some(_) => Nearness::BeingPicked,
            None => Nearness::Picked,
        }
    }

    /// The shipment from there that units can still be taken out of.
    fn unpicked_shipment(&self, location: &LocationCode) -> Option<usize> {
        let is_open = |it: &Shipment| matches!(it.state, ShipmentState::Planned | ShipmentState::Picking);
        self.shipments.iter().position(|it| it.location == *location && is_open(it))
    }

    /// Units of a shelf that are set aside for each line and that nobody has picked.
    fn unpicked_at(&self, sku: &Sku, location: &LocationCode) -> BTreeMap<i32, i64> {
        let mut units: BTreeMap<i32, i64> = BTreeMap::new();
        if self.nearness(location) == Nearness::Picked {
            return units;
        }
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        for item in items.iter().filter(|it| it.sku == *sku && it.location == *location) {
            *units.entry(item.line).or_default() += item.open();
        }
        if let Some(index) = self.unpicked_shipment(location) {
            // What a change added is sent on its own.
            let items = &self.shipments[index].items;
            units.retain(|line, _| items.iter().any(|it| it.line == *line));
            for item in items {
                units.entry(item.line).and_modify(|it| *it -= item.picked);
            }
        }
        units.retain(|_, it| *it > 0);
        units
    }

    /// Takes up to so many units of a shelf out of the order's reservation because they are not there. Others are set aside
    /// for it elsewhere in its region; if nobody has them, it waits again before its invoice, and is held after it. Gives back
    /// how many units it took, at the least.
    pub(in crate::domain) fn reallocate(
        &mut self,
        unit: &mut UnitOfWork,
        sku: &Sku,
        location: &LocationCode,
        units: i64,
        why: &str,
    ) -> Result<i64, Refusal> {
        let shipment = self.unpicked_shipment(location).filter(|_| !self.shipments.is_empty());
        let mut left = units;
        let mut needs = Vec::new();
        for (line, here) in self.unpicked_at(sku, location) {
            let quantity = left.min(here);
            if quantity > 0 {
                left -= quantity;
                needs.push(Need { line, sku: sku.clone(), quantity });
            }
        }
        let taken = units - left;
        if taken == 0 {
            return Ok(0);
        }
        needs.iter().for_each(|it| self.give_up(unit, it, location));
        let lines: Vec<String> =
            needs.iter().map(|it| format!("line {}: {}", it.line, it.quantity)).collect();
        let text = format!("{why}; not there for {}", lines.join("; "));
        self.record_automatic(unit, EventKind::InventoryMissing, None, text);

        match self.set_aside_elsewhere(unit, shipment, &needs, (Extent::AllOrNone, why))? {
            Ok(()) => {}
            // What it held of a cart is looked for again when it is verified.
            Err(_) if self.state == OrderState::Received => {}
            Err(_) if self.state == OrderState::Reserved => self.wait_again(unit, why)?,
            Err(_) => self.go_without(unit, shipment, location, why)?,
        }
        Ok(taken)
    }

    fn give_up(&mut self, unit: &mut UnitOfWork, need: &Need, location: &LocationCode) {
        let order = Some(self.id);
        let reservation = self.open_reservation().expect("units are taken out of an open reservation");
        let id = reservation.id;
        let mut left = need.quantity;
        for item in reservation.items.iter_mut().filter(|it| it.line == need.line && it.location == *location)
        {
            let units = left.min(item.open());
            if units > 0 {
                left -= units;
                give_back_units(unit, item, units, MovementKind::Release, id, order);
            }
        }
        reservation.version += 1;
        assert!(left == 0, "no more is taken than is set aside");
    }

    /// Reserves units that have no stock, wherever the region has them: for the lines of a shipment that is not
    /// picked, which then ships what its own location has, or of an order that has none. Gives back what is short: then
    /// nothing is set aside, or as much as there is.
    fn set_aside_elsewhere(
        &mut self,
        unit: &mut UnitOfWork,
        shipment: Option<usize>,
        needs: &[Need],
        (extent, why): (Extent, &str),
    ) -> Result<Result<(), Vec<Shortage>>, Refusal> {
        let allocation = self.allocation(unit);
        let mut supplies = self.supplies_of(unit, shipment, needs);
        let mut planned = plan(needs, &supplies, allocation);
        if planned.is_err() && release_expired_of(unit, needs.iter().map(|it| &it.sku), Some(self.id))? {
            supplies = self.supplies_of(unit, shipment, needs);
            planned = plan(needs, &supplies, allocation);
        }
        let there = match extent {
            Extent::AllOrNone => Vec::new(),
            Extent::AsFarAsThere => as_far_as_there(needs, &supplies),
        };
        let (takes, reason, short) = match planned {
            Ok((takes, reason)) => (takes, reason, Vec::new()),
            Err(short) if there.is_empty() => return Ok(Err(short)),
            Err(short) => match plan(&there, &supplies, allocation) {
                Ok((takes, reason)) => (takes, reason, short),
                Err(_) => return Ok(Err(short)),
            },
        };
        let order = self.id;
        let reservation = self.open_reservation().expect("it has its reservation");
        if reservation.items.len() + takes.len() > TAKES_MAX {
            return Ok(Err(Vec::new()));
        }

        set_aside(unit, &takes, reservation.id, Some(order));
        takes.iter().for_each(|it| add_item(&mut reservation.items, it));
        reservation.version += 1;
        let told: Vec<String> = takes
            .iter()
            .map(|it| format!("line {}: {} from {}", it.line, it.quantity, it.location))
            .collect();
        let text = format!("{}; {reason}", told.join("; "));
        let mut passed_over = passed_over(needs, &supplies, &takes);
        passed_over.truncate(PASSED_OVER_NOTED_MAX);
        reservation.note_reallocation(Reallocation {
            at: unit.now,
            why: cut(why.to_owned(), REASON_MAX),
            plan: cut(text.clone(), PLAN_MAX),
            allocation,
            passed_over,
        });
        self.record_automatic(unit, EventKind::InventoryReallocated, None, text);
        match shipment {
            Some(index) => self.move_items(unit, index, &takes)?,
            None => self.promise_anew(unit, PromiseOccasion::Reallocated),
        }
        Ok(if short.is_empty() { Ok(()) } else { Err(short) })
    }

    /// Sets aside what a shipment lacks wherever the region has some of it, its own location too; what nobody has waits, if
    /// the order ships what is there. Gives back in words what is still lacking.
    pub(super) fn replace_elsewhere(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        why: &str,
    ) -> Result<Option<String>, Refusal> {
        if self.shipments.len() < SHIPMENTS_TO_MOVE_TO_MAX {
            let needs = self.lacked_by(index);
            let wanted = (Extent::AsFarAsThere, why);
            let short = self.set_aside_elsewhere(unit, Some(index), &needs, wanted)?.is_err();
            if !short || self.let_rest_wait(unit, index)? {
                return Ok(None);
            }
        }
        let lines = self.lacked_by(index);
        let lines: Vec<String> =
            lines.iter().map(|it| format!("line {}: {}", it.line, it.quantity)).collect();
        Ok(Some(lines.join("; ")))
    }

    /// What a shipment lacks leaves it and waits for stock, where the order ships what is there and has something else to
    /// send; its customer is told. Gives back whether it does.
    fn let_rest_wait(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<bool, Refusal> {
        let needs = self.lacked_by(index);
        let lacks = |line: i32| needs.iter().find(|it| it.line == line).map_or(0, |it| it.quantity);
        let keeps_some = self.shipments[index].items.iter().any(|it| it.quantity > lacks(it.line));
        let id = self.shipments[index].id;
        let sends_others = keeps_some || self.live_shipments().any(|it| it.id != id);
        let Some(region) = self.region.clone() else { return Ok(false) };
        if self.on_shortage != OnShortage::ShipAvailable || !sends_others {
            return Ok(false);
        }

        for Need { line, sku: _, quantity } in &needs {
            let items = &mut self.shipments[index].items;
            let item = items.iter_mut().find(|it| it.line == *line).expect("the shipment has the line");
            item.quantity -= quantity;
            let waits = self.lines.iter_mut().find(|it| it.number == *line);
            waits.expect("the order has the line").waiting_quantity += quantity;
        }
        // When these were to come was said of units that are not there.
        let noted = self.availability.iter_mut().flat_map(|it| &mut it.lines);
        noted.filter(|it| needs.iter().any(|need| need.line == it.line)).for_each(|it| it.delivery_at = None);
        // Behind those that wait already, among whom these units are not counted yet.
        self.date_rest(unit);
        for Need { line: _, sku, quantity } in &needs {
            *unit.changes.awaited.entry((region.clone(), sku.clone())).or_default() += quantity;
        }
        self.drop_empty_items(unit, index)?;
        self.record_automatic(unit, EventKind::InventoryMissing, None, self.rest_words());
        self.tell_waiting(unit);
        Ok(true)
    }

    fn lacked_by(&self, index: usize) -> Vec<Need> {
        let shipment = &self.shipments[index];
        let need = |it: &ShipmentItem| Need {
            line: it.line,
            sku: it.sku.clone(),
            quantity: self.missing_of(shipment, it),
        };
        shipment.items.iter().map(need).filter(|it| it.quantity > 0).collect()
    }

    /// What the region has for these needs. The order has had its stock: who waits does not come before it. A location that
    /// is at work for it already ships what it has; a second shipment from there would not be told from the first.
    fn supplies_of(
        &self,
        unit: &UnitOfWork,
        shipment: Option<usize>,
        needs: &[Need],
    ) -> BTreeMap<Sku, Supply> {
        let region = self.region.clone().expect("a verified order has a region");
        let at_work: BTreeSet<&LocationCode> = self
            .live_shipments()
            .filter(|it| it.state != ShipmentState::Planned)
            .filter(|it| shipment.is_none_or(|index| self.shipments[index].id != it.id))
            .map(|it| &it.location)
            .collect();
        let ranking = self.ranking(unit);
        let supply_of = |sku: &Sku| {
            let mut found = supply_by(unit, &region, sku, 0, ranking.as_ref());
            found.by_location.retain(|it| !at_work.contains(&it.location));
            found.total = found.by_location.iter().map(|it| it.units).sum();
            found
        };
        needs.iter().map(|it| (it.sku.clone(), supply_of(&it.sku))).collect()
    }

    /// Units of one shipment that now come from other locations join what is planned there.
    fn move_items(&mut self, unit: &mut UnitOfWork, from: usize, takes: &[Take]) -> Result<(), Refusal> {
        let here = self.shipments[from].location.clone();
        let mut moved: BTreeMap<&LocationCode, Vec<ShipmentItem>> = BTreeMap::new();
        for take in takes.iter().filter(|it| it.location != here) {
            let items = &mut self.shipments[from].items;
            let item = items.iter_mut().find(|it| it.line == take.line).expect("the shipment has the line");
            item.quantity -= take.quantity;
            let item = ShipmentItem {
                quantity: take.quantity,
                picked: 0,
                checked: 0,
                packed: 0,
                lots: Vec::new(),
                ..item.clone()
            };
            moved.entry(&take.location).or_default().push(item);
        }
        self.drop_empty_items(unit, from)?;

        for (location, items) in moved {
            let planned = |it: &Shipment| it.location == *location && it.state == ShipmentState::Planned;
            let index = match self.shipments.iter().position(planned) {
                Some(index) => {
                    items.into_iter().for_each(|it| join(&mut self.shipments[index].items, it));
                    self.touch_shipment(unit, index);
                    index
                }
                None => {
                    self.plan_instead(unit, from, location.clone(), items);
                    self.shipments.len() - 1
                }
            };
            self.promise_shipment_anew(unit, index, PromiseOccasion::Reallocated);
        }
        Ok(())
    }

    /// Lines of which nothing is left leave the shipment, and it is over if none is left.
    fn drop_empty_items(&mut self, unit: &mut UnitOfWork, from: usize) -> Result<(), Refusal> {
        let here = self.shipments[from].location.clone();
        let items = std::mem::take(&mut self.shipments[from].items);
        let (kept, gone) = items.into_iter().partition::<Vec<_>, _>(|it| it.quantity > 0);
        self.shipments[from].items = kept;
        free_items(unit, &here, gone);
        self.touch_shipment(unit, from);
        if self.shipments[from].items.is_empty() {
            let text = format!("shipment {}: nothing of it is left at {here}", self.shipments[from].number);
            self.move_shipment(unit, from, ShipmentState::Cancelled, EventKind::ShipmentCancelled, text)?;
            if let Some(promise) = &mut self.promise {
                promise.legs.retain(|it| it.location != here);
            }
        } else {
            self.end_picking_if_done(unit, from)?;
            self.promise_shipment_anew(unit, from, PromiseOccasion::Reallocated);
        }
        Ok(())
    }

    /// Nobody has the units: a shipment is planned anew, and the order is held until there are some.
    fn go_without(
        &mut self,
        unit: &mut UnitOfWork,
        shipment: Option<usize>,
        location: &LocationCode,
        why: &str,
    ) -> Result<(), Refusal> {
        if let Some(index) = shipment {
            if self.shipments[index].state == ShipmentState::Picking {
                let text = format!("shipment {} waits: {why}", self.shipments[index].number);
                self.move_shipment(unit, index, ShipmentState::Planned, EventKind::InventoryMissing, text)?;
            } else {
                self.touch_shipment(unit, index);
            }
        }
        let note = format!("{why}, and no other location of the region has others");
        self.promise_nothing_from(unit, location, &note, PromiseOccasion::Reallocated);
        let held = |reason| self.holds.iter().any(|it| it.state == HoldState::Active && it.reason == reason);
        if !held(HoldReason::InventoryOutOfStock) {
            self.hold(unit, Actor::system(), HoldReason::InventoryOutOfStock, note);
            // The customer cannot pay while the order is on hold.
            self.keep_for_a_person(unit);
        }
        Ok(())
    }

    /// Whether stock is set aside for all that is to be prepared.
    pub(in crate::domain) fn lacks_nothing(&self) -> bool {
        if self.shipments.is_empty() {
            return self.has_all_set_aside();
        }
        let planned = self.shipments.iter().filter(|it| it.state == ShipmentState::Planned);
        let lacks = |shipment: &Shipment| shipment.items.iter().any(|it| self.missing_of(shipment, it) > 0);
        !planned.into_iter().any(lacks)
    }

    /// Sets aside what nothing is set aside for any more, before the order goes on.
    pub(in crate::domain) fn replace_missing(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.current_reservation().is_none() {
            return Ok(());
        }
        if self.shipments.is_empty() {
            return self.replace(unit, None, self.lacking());
        }
        for index in 0..self.shipments.len() {
            if self.shipments[index].state == ShipmentState::Planned {
                self.replace(unit, Some(index), self.lacked_by(index))?;
            }
        }
        Ok(())
    }

    fn replace(
        &mut self,
        unit: &mut UnitOfWork,
        shipment: Option<usize>,
        mut needs: Vec<Need>,
    ) -> Result<(), Refusal> {
        needs.retain(|it| it.quantity > 0);
        if needs.is_empty() {
            return Ok(());
        }
        let wanted = (Extent::AllOrNone, "what was set aside is not there any more");
        match self.set_aside_elsewhere(unit, shipment, &needs, wanted)? {
            Err(short) if short.is_empty() => {
                let message = format!("its stock would come from more than {TAKES_MAX} shelves");
                Err(self.unmet(Reason::LimitReached, message))
            }
            done => done.map_err(Refusal::Short),
        }
    }
}

fn join(items: &mut Vec<ShipmentItem>, moved: ShipmentItem) {
    match items.iter_mut().find(|it| it.line == moved.line) {
        Some(item) => item.quantity += moved.quantity,
        None => items.push(moved),
    }
}
