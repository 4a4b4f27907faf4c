//! An order that ships what is there: the rest waits, and is set aside together as soon as there is all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::allocate::{Need, TAKES_MAX, as_far_as_there, passed_over, plan, supply_by};
use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::ledger::set_aside;
use crate::domain::inventory::reserve::add_item;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::event::EventKind;
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal, Shortage};
use crate::domain::model::scalars::{LocationCode, OnLate, Sku};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Sets aside what is there; the rest waits. An order of which nothing is there waits as a whole.
    pub(super) fn reserve_available(
        &mut self,
        unit: &mut UnitOfWork,
        needs: &[Need],
        supplies: &BTreeMap<Sku, Supply>,
        short: &[Shortage],
    ) -> Result<(), Refusal> {
        let there = as_far_as_there(needs, supplies);
        if there.is_empty() && self.current_reservation().is_none() {
            return self.wait_for_all(unit, short);
        }
        let (takes, reason) = plan(&there, supplies, self.allocation(unit)).map_err(Refusal::Short)?;
        if takes.len() + self.items_reserved() > TAKES_MAX {
            let message = format!("an order takes its stock from at most {TAKES_MAX} shelves");
            return Err(self.unmet(Reason::LimitReached, message));
        }

        for need in needs {
            let is_there = there.iter().find(|it| it.line == need.line).map_or(0, |it| it.quantity);
            if let Some(line) = self.lines.iter_mut().find(|it| it.number == need.line) {
                line.waiting_quantity = need.quantity - is_there;
            }
        }
        let late = self.requested_date_feasible() == Some(false);
        let passed_over = passed_over(&there, supplies, &takes);
        self.reserve_stock(unit, &takes, reason, passed_over)?;
        self.count_awaited(unit, 1);
        self.record_automatic(unit, EventKind::StockAwaited, None, self.rest_words());
        // What was noted is of all of it; what is promised is of what is there.
        self.promise = None;
        self.promise_anew(unit, PromiseOccasion::Availability);
        self.tell_waiting(unit);
        if late && self.on_late != OnLate::Accept {
            self.hold_for_date(unit);
        }
        Ok(())
    }

    /// `3 units wait for stock: 2 of line 1, 1 of line 4`. None of it: empty.
    pub(in crate::domain) fn rest_words(&self) -> String {
        let rest = self.waiting_rest();
        let units: i64 = rest.iter().map(|it| it.quantity).sum();
        let lines: Vec<String> =
            rest.iter().map(|it| format!("{} of line {}", it.quantity, it.line)).collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!("{units} units wait for stock: {}", lines.join(", ")),
        }
    }

    /// Units of a line that wait for stock.
    pub fn units_awaited_of(&self, line: i32) -> i64 {
        self.awaited_units().find(|it| it.0.number == line).map_or(0, |it| it.1)
    }

    /// When what waits of a line could arrive, as it was when stock was last looked at; None: nobody knows.
    pub fn line_expected_at(&self, line: i32) -> Option<Timestamp> {
        let found = self.availability.as_ref().filter(|_| self.units_awaited_of(line) > 0)?;
        found.lines.iter().find(|it| it.line == line)?.delivery_at
    }

    /// When all that waits could arrive; None: of some of it nobody knows.
    pub fn rest_expected_at(&self) -> Option<Timestamp> {
        let expected: Option<Vec<Timestamp>> =
            self.awaited_units().map(|(it, _)| self.line_expected_at(it.number)).collect();
        expected.and_then(|it| it.into_iter().max())
    }

    /// The units of each line that wait while others are set aside or on their way.
    pub(in crate::domain) fn waiting_rest(&self) -> Vec<CancelledUnits> {
        let waits = self.lines.iter().filter(|it| it.waiting_quantity > 0);
        waits.map(|it| CancelledUnits { line: it.number, quantity: it.waiting_quantity }).collect()
    }

    /// Takes units that are cancelled from those that wait; returns those that have to come from elsewhere.
    pub(in crate::domain) fn take_off_rest(
        &mut self,
        unit: &mut UnitOfWork,
        units: &[CancelledUnits],
    ) -> Vec<CancelledUnits> {
        let (mut waiting, mut others) = (Vec::new(), Vec::new());
        for CancelledUnits { line, quantity } in units {
            let Some(found) = self.lines.iter_mut().find(|it| it.number == *line) else { continue };
            let waits = found.waiting_quantity.min(*quantity);
            found.waiting_quantity -= waits;
            waiting.push(CancelledUnits { line: *line, quantity: waits });
            others.push(CancelledUnits { line: *line, quantity: quantity - waits });
        }
        waiting.retain(|it| it.quantity > 0);
        others.retain(|it| it.quantity > 0);
        self.wait_for_fewer(unit, &waiting);
        others
    }

    /// Sets the rest aside if there is all of it and it is its turn; returns whether it did. It is sent at once if the
    /// others are.
    pub(super) fn fill_rest(&mut self, unit: &mut UnitOfWork) -> Result<bool, Refusal> {
        let Some(reservation) = self.current_reservation().filter(|it| !it.is_expired(unit.now)) else {
            return Ok(false);
        };
        let held = reservation.items.len();
        let need =
            |(line, quantity): (&OrderLine, i64)| Need { line: line.number, sku: line.sku.clone(), quantity };
        let needs: Vec<Need> = self.awaited_units().map(need).collect();
        let allocation = self.allocation(unit);
        let mut planned = plan(&needs, &self.supplies_of_rest(unit, &needs), allocation);
        if planned.is_err() && release_expired_of(unit, needs.iter().map(|it| &it.sku), Some(self.id))? {
            planned = plan(&needs, &self.supplies_of_rest(unit, &needs), allocation);
        }
        let Ok((takes, why)) = planned else { return Ok(false) };
        if held + takes.len() > TAKES_MAX {
            return Ok(false);
        }

        self.stop_waiting(unit);
        let order = self.id;
        let reservation = self.open_reservation().expect("it was there a few lines up");
        set_aside(unit, &takes, reservation.id, Some(order));
        takes.iter().for_each(|it| add_item(&mut reservation.items, it));
        reservation.version += 1;
        let units: i64 = takes.iter().map(|it| it.quantity).sum();
        let text = format!("{units} units that waited are set aside: {why}");
        self.record_automatic(unit, EventKind::InventoryReserved, None, text);
        match self.shipments.is_empty() {
            true => self.promise_anew(unit, PromiseOccasion::Availability),
            false => self.send_rest(unit, &takes),
        }
        Ok(true)
    }

    /// What there is for the rest. A location that is at work for the order sends nothing more before that has left: two
    /// shipments of one line from there would not be told apart.
    fn supplies_of_rest(&self, unit: &UnitOfWork, needs: &[Need]) -> BTreeMap<Sku, Supply> {
        let region = self.region.clone().expect("a verified order has a region");
        let at_work: BTreeSet<&LocationCode> = self
            .live_shipments()
            .filter(|it| it.handover.is_none() && it.state != ShipmentState::Planned)
            .map(|it| &it.location)
            .collect();
        let ranking = self.ranking(unit);
        let supply_of = |sku: &Sku| {
            let before = unit.awaited_before(self.id, sku);
            let mut found = supply_by(unit, &region, sku, before, ranking.as_ref());
            found.by_location.retain(|it| !at_work.contains(&it.location));
            found.total = found.total.min(found.by_location.iter().map(|it| it.units).sum());
            found
        };
        needs.iter().map(|it| (it.sku.clone(), supply_of(&it.sku))).collect()
    }

    /// Whether nothing of it can be planned although it is paid: all that is left of it waits for stock.
    pub(in crate::domain) fn only_waits_for_stock(&self) -> bool {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let is_ready =
            |number: i32| self.lines.iter().any(|it| it.number == number && !self.awaits_its_change(it));
        self.waits_for_rest() && !items.iter().any(|it| it.open() > 0 && is_ready(it.line))
    }
}
