//! Shipments that did not reach the customer open their returns by themselves: what came back is to be inspected; of what
//! is lost only the answer to the customer is open.

use std::collections::BTreeSet;

use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::returns::{Return, ReturnLine, ReturnReason, ReturnState};
use crate::domain::model::scalars::{Actor, LocationCode, ShipmentId};
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::returns::create::{RETURNS_MAX, born};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// A step that a return takes by itself.
type OwnStep = (ReturnState, EventKind, &'static str);

/// It is back where it left.
const CAME_BACK: [OwnStep; 2] = [
    (ReturnState::Authorized, EventKind::ReturnAuthorized, "authorised: it was not delivered"),
    (ReturnState::Received, EventKind::ReturnReceived, "all of it is back where it left"),
];

/// Nobody has it.
const LOST: [OwnStep; 3] = [
    (ReturnState::Authorized, EventKind::ReturnAuthorized, "authorised: it was lost"),
    (ReturnState::InTransit, EventKind::ReturnInTransit, "the courier had it"),
    (ReturnState::Inspected, EventKind::ReturnInspected, "all of it is missing"),
];

impl Order {
    /// Follows a shipment to another state. It opens one return at a time, however often its reports change their mind; none
    /// beside as many returns as an order may have.
    pub(in crate::domain) fn follow_undelivered(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        before: ShipmentState,
    ) -> Result<(), Refusal> {
        if before == ShipmentState::Lost {
            self.void_loss_that_was_found(unit, index)?;
        }
        let shipment = &self.shipments[index];
        let (state, location) = (shipment.state, shipment.location.clone());
        if state == ShipmentState::Returned {
            let mut lines = self.undelivered_lines(index);
            lines.iter_mut().for_each(|it| it.received = it.quantity);
            self.open_by_itself(unit, index, lines, Some(location), &CAME_BACK)
        } else if state == ShipmentState::Lost {
            let mut lines = self.undelivered_lines(index);
            lines.iter_mut().for_each(|it| it.missing = it.quantity);
            self.open_by_itself(unit, index, lines, None, &LOST)
        } else {
            Ok(())
        }
    }

    /// The units of a shipment, line by line, that are wanted and in no return. Empty if it has its return already, or
    /// the order has no room for one more.
    fn undelivered_lines(&self, index: usize) -> Vec<ReturnLine> {
        let shipment = &self.shipments[index];
        let is_known = self.returns.iter().any(|it| it.of_shipment == Some(shipment.id) && it.counts());
        let mut lines: Vec<ReturnLine> = Vec::new();
        if is_known || self.returns.len() >= RETURNS_MAX {
            return lines;
        }
        let numbers: BTreeSet<i32> = shipment.items.iter().map(|it| it.line).collect();
        for line in numbers {
            let wanted =
                self.lines.iter().find(|it| it.number == line).map_or(0, |it| it.remaining_quantity());
            let here = shipment.units_of(line) - self.units_sent_back_of(shipment, line);
            let units = here.min(wanted - self.returned_units(line));
            if units > 0 {
                lines.push(ReturnLine::new(line, units, ReturnReason::Other, "not delivered"));
            }
        }
        lines
    }

    /// Units of a line that customers sent back, as far as no other shipment that reached them can have had them.
    fn units_sent_back_of(&self, shipment: &Shipment, line: i32) -> i64 {
        let of = |id: Option<ShipmentId>| self.lines_of(line, id).map(|it| it.quantity).sum::<i64>();
        let others = self.live_shipments().filter(|it| it.id != shipment.id && it.has_arrived());
        let others: i64 = others.map(|it| (it.units_of(line) - of(Some(it.id))).max(0)).sum();
        (of(None) - others).max(0)
    }

    fn open_by_itself(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        lines: Vec<ReturnLine>,
        location: Option<LocationCode>,
        steps: &[OwnStep],
    ) -> Result<(), Refusal> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut opened = self.new_return(unit, lines);
        opened.of_shipment = Some(self.shipments[index].id);
        opened.location = location;
        opened.requested_by = Actor::system();
        let (id, text) = (opened.id, opened.in_words());
        self.returns.push(opened);
        self.record_automatic(unit, EventKind::ReturnRequested, Some(born(id)), text);
        let index = self.returns.len() - 1;
        for (to, kind, what) in steps {
            self.turn_by_itself(unit, index, *to, *kind, what)?;
        }
        Ok(())
    }

    pub(super) fn turn_by_itself(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: ReturnState,
        kind: EventKind,
        what: &str,
    ) -> Result<(), Refusal> {
        let it = &mut self.returns[index];
        let step = step_between(it.id.0, it.state, to)?;
        it.state = to;
        it.updated_at = unit.now;
        it.wait_anew(&unit.rules.returns, unit.now);
        let text = format!("return {}: {what}", it.number);
        self.record_automatic(unit, kind, Some(step), text);
        Ok(())
    }

    /// What was lost has turned up: as long as nobody has answered the customer, its return is void.
    fn void_loss_that_was_found(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let id = self.shipments[index].id;
        let lost = self.returns.iter().position(|it| it.of_shipment == Some(id) && it.is_unanswered_loss());
        lost.map_or(Ok(()), |it| self.cancel_by_itself(unit, it, "what was lost was found"))
    }

    pub(super) fn cancel_by_itself(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        why: &str,
    ) -> Result<(), Refusal> {
        why.clone_into(&mut self.returns[index].end_reason);
        self.turn_by_itself(unit, index, ReturnState::Cancelled, EventKind::ReturnCancelled, why)
    }

    /// Units that were called off are answered by that: the returns of lost shipments let go of them.
    pub(in crate::domain) fn let_go_of_lost_units(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.returns.len() {
            if !self.returns[index].is_unanswered_loss() {
                continue;
            }
            let mut lines = self.returns[index].lines.clone();
            for it in &mut lines {
                let left = self.lost_units(&self.returns[index], it.line);
                (it.quantity, it.missing) = (it.quantity.min(left), it.missing.min(left));
            }
            lines.retain(|it| it.quantity > 0);
            if lines.is_empty() {
                self.cancel_by_itself(unit, index, "its units were called off")?;
            } else if lines != self.returns[index].lines {
                self.returns[index].lines = lines;
                self.returns[index].updated_at = unit.now;
            }
        }
        Ok(())
    }

    /// Units of a line in the shipment of a return that are not called off.
    fn lost_units(&self, it: &Return, line: i32) -> i64 {
        let shipments = self.shipments.iter().filter(|shipment| Some(shipment.id) == it.of_shipment);
        let items = shipments.flat_map(|it| &it.items).filter(|it| it.line == line);
        items.map(|it| it.remaining()).sum()
    }

    /// An order that closes has paid for what was lost: nothing more goes to the customer for it.
    pub(in crate::domain) fn end_losses(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.returns.len() {
            if !self.returns[index].is_open() || !self.returns[index].is_loss() {
                continue;
            }
            if self.returns[index].state == ReturnState::Inspected {
                self.answer_without_paying(index);
                let what = "its loss was paid for otherwise";
                self.turn_by_itself(unit, index, ReturnState::Resolved, EventKind::ReturnResolved, what)?;
            }
            self.returns[index].closed_at = Some(unit.now);
            let what = "every unit is accounted for";
            self.turn_by_itself(unit, index, ReturnState::Closed, EventKind::ReturnClosed, what)?;
        }
        Ok(())
    }

    /// What was paid back before is told apart from what nothing was paid for.
    fn answer_without_paying(&mut self, index: usize) {
        let Some(shipment) = self.returns[index].of_shipment else { return };
        for nth in 0..self.returns[index].lines.len() {
            let it = &self.returns[index].lines[nth];
            let units = it.unresolved();
            let unpaid = self.unpaid_units_of_shipment(shipment, it.line, units);
            let it = &mut self.returns[index].lines[nth];
            it.paid_before += units - unpaid;
            it.rejected += unpaid;
        }
    }
}
