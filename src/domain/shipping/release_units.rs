//! Units that are cancelled leave the reservation and the shipments that have not left.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::domain::inventory::ledger::give_back_units;
use crate::domain::model::event::EventKind;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::order::Order;
use crate::domain::model::promise::{Promise, PromiseOccasion};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::{ReservationState, ReservedItem};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::shipping::lots::free_items;
use crate::domain::shipping::tracking_state::has_left;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Shipment {
    /// Whether a courier has it, confirmed or by its own report.
    pub(in crate::domain) fn has_left_the_house(&self) -> bool {
        self.handover.is_some() || has_left(&self.tracking)
    }

    fn is_in_the_house(&self) -> bool {
        self.state != ShipmentState::Cancelled && !self.has_left_the_house()
    }
}

impl Order {
    /// Whether all of it is with couriers.
    pub(in crate::domain) fn has_left_whole(&self) -> bool {
        let mut live = self.live_shipments().peekable();
        live.peek().is_some() && live.all(|it| it.has_left_the_house()) && self.is_planned_whole()
    }

    /// Takes units of goods from what is set aside and planned: first those that are in the house, then those of
    /// shipments that went astray. The order follows its shipments.
    pub(in crate::domain) fn release_units(
        &mut self,
        unit: &mut UnitOfWork,
        units: &[CancelledUnits],
    ) -> Result<(), Refusal> {
        let is_planned = |line: i32| self.live_shipments().flat_map(|it| &it.items).any(|it| it.line == line);
        let (planned, unplanned): (Vec<CancelledUnits>, Vec<CancelledUnits>) =
            units.iter().partition(|it| is_planned(it.line));
        if !unplanned.is_empty() {
            self.release_unplanned(unit, &unplanned);
        }
        if self.live_shipments().next().is_none() {
            return Ok(());
        }

        let mut shrinking: BTreeMap<usize, BTreeMap<i32, i64>> = BTreeMap::new();
        for CancelledUnits { line, quantity } in &planned {
            let mut left = *quantity;
            for index in self.shipments_to_shrink(*line) {
                let taken = left.min(self.shipments[index].units_of(*line));
                if taken > 0 {
                    left -= taken;
                    shrinking.entry(index).or_default().insert(*line, taken);
                }
            }
            self.give_up_astray(unit, *line, left);
        }
        for (index, less) in shrinking {
            self.shrink_shipment(unit, index, &less)?;
        }
        // Whoever is given what this leaves sees the shelf as it is.
        self.settle_lots(unit);
        self.forget_empty_legs(unit);
        self.finish_reservation(unit)?;
        self.progress(unit)
    }

    /// Of lines that no shipment has: units that nothing is set aside for go first, then those of the locations that were
    /// planned last.
    fn release_unplanned(&mut self, unit: &mut UnitOfWork, units: &[CancelledUnits]) {
        let order = self.id;
        let wanted: BTreeMap<i32, i64> =
            self.wanted_goods().map(|it| (it.number, it.ready_quantity())).collect();
        let Some(reservation) = self.open_reservation() else { return };
        let id = reservation.id;
        for CancelledUnits { line, quantity: _ } in units {
            let open = reservation.items.iter().filter(|it| it.line == *line).map(ReservedItem::open);
            let mut left = open.sum::<i64>() - wanted.get(line).copied().unwrap_or(0);
            for item in reservation.items.iter_mut().rev().filter(|it| it.line == *line) {
                let units = left.min(item.open());
                if units > 0 {
                    left -= units;
                    give_back_units(unit, item, units, MovementKind::Release, id, Some(order));
                }
            }
        }
        reservation.version += 1;
        if self.live_shipments().next().is_none() {
            self.promise_anew(unit, PromiseOccasion::LinesCancelled);
        }
    }

    /// The shipments in the house with units of this line: first where some have no stock, then where the least work is
    /// lost.
    fn shipments_to_shrink(&self, line: i32) -> Vec<usize> {
        let here = |it: &Shipment| it.is_in_the_house() && it.units_of(line) > 0;
        let mut found: Vec<usize> =
            (0..self.shipments.len()).filter(|it| here(&self.shipments[*it])).collect();
        found.sort_by_key(|it| {
            let shipment = &self.shipments[*it];
            let waits = self.units_set_aside(shipment, line) < shipment.units_of(line);
            (!waits, shipment.state, Reverse(shipment.number))
        });
        found
    }

    fn units_set_aside(&self, shipment: &Shipment, line: i32) -> i64 {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let here = items.iter().filter(|it| it.line == line && it.location == shipment.location);
        here.map(ReservedItem::open).sum()
    }

    /// A shipment that nobody has begun to pick is re-counted. One that was worked on is cancelled as a whole, and what
    /// stays of it is planned anew from the same location: its packages, its label and its courier are for other goods.
    pub(super) fn shrink_shipment(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        less: &BTreeMap<i32, i64>,
    ) -> Result<(), Refusal> {
        let kept = |it: &ShipmentItem| it.quantity - less.get(&it.line).copied().unwrap_or(0);
        for number in 0..self.shipments[index].items.len() {
            let shipment = &self.shipments[index];
            let item = &shipment.items[number];
            let given_back = self.units_set_aside(shipment, item.line) - kept(item);
            if given_back > 0 {
                self.take_out(unit, index, number, given_back);
            }
        }

        let shipment = &mut self.shipments[index];
        let untouched =
            shipment.state == ShipmentState::Planned && shipment.items.iter().all(|it| it.picked == 0);
        let mut items: Vec<ShipmentItem> = shipment
            .items
            .iter()
            .filter(|it| kept(it) > 0)
            .map(|it| ShipmentItem { quantity: kept(it), picked: 0, checked: 0, packed: 0, ..it.clone() })
            .collect();
        if untouched && !items.is_empty() {
            let units: i64 = items.iter().map(|it| it.quantity).sum();
            let text = format!("shipment {} re-counted: {units} units to send", shipment.number);
            let location = shipment.location.clone();
            let before = std::mem::replace(&mut shipment.items, items);
            let stays = |it: &ShipmentItem| shipment.items.iter().any(|kept| kept.line == it.line);
            free_items(unit, &location, before.into_iter().filter(|it| !stays(it)));
            self.touch_shipment(unit, index);
            self.promise_shipment_anew(unit, index, PromiseOccasion::LinesCancelled);
            self.record_automatic(unit, EventKind::ShipmentPlanned, None, text);
            return Ok(());
        }

        // What is planned anew is on no pick list yet.
        items.iter_mut().for_each(|it| it.lots.clear());
        let location = shipment.location.clone();
        self.cancel_shipment(unit, index)?;
        if !items.is_empty() {
            self.plan_instead(unit, index, location, items);
            let last = self.shipments.len() - 1;
            self.promise_shipment_anew(unit, last, PromiseOccasion::LinesCancelled);
        }
        Ok(())
    }

    /// Cancels a shipment that has not left: its label is void, and what is booked with a courier is called off.
    pub(in crate::domain) fn cancel_shipment(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
    ) -> Result<(), Refusal> {
        let shipment = &mut self.shipments[index];
        let step = step_between(shipment.id.0, shipment.state, ShipmentState::Cancelled)?;
        shipment.state = ShipmentState::Cancelled;
        let text = format!("shipment {} cancelled, its label is void", shipment.number);
        self.touch_shipment(unit, index);
        self.record(unit, EventKind::ShipmentCancelled, Some(step), text);
        self.call_off(unit, index);
        Ok(())
    }

    /// Notes units of shipments that were lost or returned as not wanted any more. What is in a return stays: the customer
    /// gets an answer for that.
    fn give_up_astray(&mut self, unit: &mut UnitOfWork, line: i32, mut left: i64) {
        for index in 0..self.shipments.len() {
            let id = self.shipments[index].id;
            let returns = self.returns.iter().filter(|it| it.of_shipment == Some(id));
            let kept = returns.filter(|it| it.counts() && !it.is_unanswered_loss());
            let mut kept: i64 =
                kept.flat_map(|it| &it.lines).filter(|it| it.line == line).map(|it| it.quantity).sum();
            let shipment = &mut self.shipments[index];
            if left == 0 || !shipment.is_astray() {
                continue;
            }
            let before = left;
            for item in shipment.items.iter_mut().filter(|it| it.line == line) {
                let stays = kept.min(item.remaining());
                kept -= stays;
                let units = left.min(item.remaining() - stays);
                item.cancelled += units;
                left -= units;
            }
            if left < before {
                self.touch_shipment(unit, index);
            }
        }
        assert!(left == 0, "no more is cancelled than is left of a line");
    }

    /// The promise has no part any more for a location that ships nothing.
    fn forget_empty_legs(&mut self, unit: &mut UnitOfWork) {
        let Some(promise) = &self.promise else { return };
        let mut legs = promise.legs.clone();
        legs.retain(|leg| self.live_shipments().any(|it| it.location == leg.location));
        if legs.len() < promise.legs.len() && !legs.is_empty() {
            self.note_promise(unit, Promise::new(unit.now, PromiseOccasion::LinesCancelled, legs));
        }
    }

    /// With nothing left to hand over, the reservation is used up.
    fn finish_reservation(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.live_shipments().any(|it| it.handover.is_none()) || !self.is_planned_whole() {
            return Ok(());
        }
        let Some(reservation) = self.open_reservation() else { return Ok(()) };
        let step = step_between(reservation.id.0, reservation.state, ReservationState::Consumed)?;
        reservation.state = ReservationState::Consumed;
        reservation.version += 1;
        self.record_automatic(unit, EventKind::ReservationConsumed, Some(step), "nothing is left to be sent");
        Ok(())
    }
}
