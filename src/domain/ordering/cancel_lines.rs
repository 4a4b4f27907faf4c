//! Units of an order's lines are cancelled, before they are handed over or after they went astray.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::{CancelledUnits, LineCancellation};
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::returns::Return;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Cancels units of lines; what is left of the order goes on.
#[derive(Debug, Clone)]
pub struct CancelOrderLines {
    pub target: Target,
    pub lines: Vec<CancelledUnits>,
    pub reason: String,
}

impl OrderCommand for CancelOrderLines {
    const NAME: &'static str = "CancelOrderLines";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.cancel_lines(unit, &self.lines, &self.reason)
    }
}

/// How often parts of an order are cancelled. A call that leaves nothing to cancel is allowed beyond that, so that
/// no order is stranded.
pub(crate) const LINE_CANCELLATIONS_MAX: usize = 20;

/// How many lines are named in one event; the rest is counted.
const LINES_NAMED: usize = 10;

/// Where the units of one line are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct OfLine {
    /// With a courier, or on the way.
    shipped: i64,
    /// Of a service: done.
    delivered: i64,
    /// In returns of customers: they had arrived, whatever a courier said later, and are none of those on the way.
    returned: i64,
    /// Of shipments that went astray: in their returns, or paid for.
    apart: i64,
}

/// Where the units of an order's lines are, those that have left or are done.
pub(super) struct Whereabouts(BTreeMap<i32, OfLine>);

impl Whereabouts {
    fn of(&self, line: i32) -> OfLine {
        self.0.get(&line).copied().unwrap_or_default()
    }

    /// Units of a line that can be cancelled.
    pub(super) fn cancellable(&self, line: &OrderLine) -> i64 {
        let there = self.of(line.number);
        let arrived = there.delivered.max(there.returned);
        (line.remaining_quantity() - there.apart - there.shipped - arrived).max(0)
    }
}

impl Order {
    /// Undoes stock, plans and money of the units in one decision. Their shares of the line's amounts are taken off the
    /// order, with a credit note once it is invoiced, and what was paid for them goes back.
    pub fn cancel_lines(
        &mut self,
        unit: &mut UnitOfWork,
        lines: &[CancelledUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        if !self.is_open_to_line_cancellations() {
            return Err(self.out_of_turn("cancel lines"));
        }
        let whereabouts = self.whereabouts();
        if self.lines.iter().all(|it| whereabouts.cancellable(it) == 0) {
            let message = "nothing is left to cancel: all of the order is on its way, delivered or cancelled";
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        self.check_units(lines).into_result()?;
        self.must_leave_an_order(lines)?;
        self.must_have_room_to_cancel_lines(lines)?;
        self.take_off(unit, lines, reason)
    }

    /// The same of units that are known to be left, however often that was done.
    pub(super) fn take_off(
        &mut self,
        unit: &mut UnitOfWork,
        lines: &[CancelledUnits],
        reason: &str,
    ) -> Result<(), Refusal> {
        let goods: Vec<CancelledUnits> = lines.iter().filter(|it| self.is_goods(it.line)).copied().collect();
        let set_aside = if self.state == OrderState::AwaitingStock {
            self.wait_for_fewer(unit, &goods);
            goods.clone()
        } else {
            self.take_off_rest(unit, &goods)
        };
        let credited = self.credit_units(unit, lines, reason);
        let value = self.amounts.currency.of(credited.value_minor);
        self.record(unit, EventKind::OrderLinesCancelled, None, format!("{}, worth {value}", words(lines)));
        if !goods.is_empty() {
            self.release_units(unit, &set_aside)?;
            self.let_go_of_lost_units(unit)?;
            self.stop_lacking(unit)?;
        }
        let refund_minor = self.return_surplus(unit)?;

        self.line_cancellations.push(LineCancellation {
            units: lines.to_vec(),
            reason: reason.to_owned(),
            value_minor: credited.value_minor,
            refund_minor,
            credit_notes: credited.notes,
            cancelled_by: unit.actor.clone(),
            cancelled_at: unit.now,
        });
        let nth = i64::try_from(self.line_cancellations.len()).unwrap_or(i64::MAX);
        self.notify(unit, MessageKind::OrderLinesCancelled, None, nth);
        self.follow_services(unit)?;
        self.fill(unit).map(|_| ())
    }

    /// What a count had missed is not wanted any more.
    fn stop_lacking(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let lacks = |it: &Hold| it.reason == HoldReason::InventoryOutOfStock;
        let is_held = self.holds.iter().any(|it| it.state == HoldState::Active && lacks(it));
        if is_held && self.lacks_nothing() {
            self.release_holds(unit, lacks, "what was missing is cancelled")?;
            self.tell_released(unit);
        }
        Ok(())
    }

    fn is_goods(&self, line: i32) -> bool {
        self.goods().any(|it| it.number == line)
    }

    pub(in crate::domain) fn is_open_to_line_cancellations(&self) -> bool {
        match self.state {
            OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered => true,
            OrderState::Received
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }

    /// The units of each line that are on their way, have arrived or are paid back. Other units of shipments that went
    /// astray are not.
    pub(super) fn whereabouts(&self) -> Whereabouts {
        let mut found: BTreeMap<i32, OfLine> = BTreeMap::new();
        let gone = self.live_shipments().filter(|it| it.has_left_the_house() && !it.is_astray());
        for shipment in gone {
            for item in &shipment.items {
                let there = found.entry(item.line).or_default();
                match shipment.state == ShipmentState::Delivered {
                    true => there.delivered += item.remaining(),
                    false => there.shipped += item.remaining(),
                }
            }
        }
        for it in self.returns.iter().filter(|it| it.counts() && !it.is_unanswered_loss()) {
            // A customer's return is of units that were delivered; that of a shipment which went astray is of others.
            let is_apart = self.live_shipments().any(|of| it.of_shipment == Some(of.id) && of.is_astray());
            for line in &it.lines {
                let there = found.entry(line.line).or_default();
                match is_apart {
                    true => there.apart += line.quantity,
                    false => there.returned += line.quantity,
                }
            }
        }
        // What ResolveException paid back is answered by that, unless the return of the shipment has answered it.
        let is_answered = |it: &Return| it.counts() && !it.is_unanswered_loss();
        let astray = self.live_shipments().filter(|it| it.is_astray());
        for shipment in astray
            .filter(|it| !self.returns.iter().any(|of| of.of_shipment == Some(it.id) && is_answered(of)))
        {
            let lines: BTreeSet<i32> = shipment.items.iter().map(|it| it.line).collect();
            for line in lines {
                let claimed = self.claimed_units(shipment.id, line).min(shipment.units_of(line));
                found.entry(line).or_default().apart += claimed;
            }
        }
        for line in self.services().filter(|it| it.done.is_some()) {
            found.entry(line.number).or_default().delivered = line.remaining_quantity();
        }
        Whereabouts(found)
    }

    /// Every fault of what is to be cancelled.
    fn check_units(&self, lines: &[CancelledUnits]) -> Problems {
        let whereabouts = self.whereabouts();
        let mut problems = Problems::default();
        let mut named = BTreeSet::new();
        for (CancelledUnits { line, quantity }, index) in lines.iter().zip(0..) {
            let Some(found) = self.lines.iter().find(|it| it.number == *line) else {
                let message = format!("the order has no line {line}, but {}", self.lines.len());
                problems.add(format!("lines[{index}].line_number"), message);
                continue;
            };
            if !named.insert(*line) {
                problems.add(format!("lines[{index}].line_number"), format!("names line {line} again"));
                continue;
            }
            let OfLine { shipped, delivered, returned: _, apart } = whereabouts.of(*line);
            let left = whereabouts.cancellable(found);
            if *quantity < 1 {
                problems.add(format!("lines[{index}].quantity"), "must be at least 1");
            } else if *quantity > left {
                let cancelled = found.cancelled_quantity;
                let shipped = shipped + apart;
                let message = format!(
                    "{left} of {} can be cancelled, not {quantity}: {shipped} shipped, {delivered} delivered, \
                     {cancelled} cancelled already",
                    found.quantity
                );
                problems.add(format!("lines[{index}].quantity"), message);
            }
        }
        if lines.is_empty() {
            problems.add("lines", "must name at least one line");
        }
        problems
    }

    /// The end of a whole order is another call.
    pub(super) fn must_leave_an_order(&self, lines: &[CancelledUnits]) -> Result<(), Refusal> {
        let taken = |goods: &dyn Fn(i32) -> bool| -> i64 {
            lines.iter().filter(|it| goods(it.line)).map(|it| it.quantity).sum()
        };
        let left = self.remaining_units();
        let goods_after = left.goods - taken(&|line| self.is_goods(line));
        let services_after = left.services - taken(&|line| !self.is_goods(line));
        let message = match self.what_would_be_left(goods_after, services_after) {
            Remainder::AnOrder => return Ok(()),
            Remainder::Nothing => {
                "that is all of the order, and nothing of it has left: cancel the whole order with CancelOrder"
            }
            Remainder::ServicesOnly => {
                "only services would be left of an order of goods: cancel the whole order with CancelOrder"
            }
        };
        Err(self.unmet(Reason::IllegalTransition, message))
    }

    fn remaining_units(&self) -> Remaining {
        let units = |it: &OrderLine| it.remaining_quantity();
        Remaining { goods: self.goods().map(units).sum(), services: self.services().map(units).sum() }
    }

    /// What an order with so many units of goods and services would be. Once some goods have left, the rest may go.
    fn what_would_be_left(&self, goods: i64, services: i64) -> Remainder {
        match (self.has_only_services(), goods, services) {
            (true, _, 0) => Remainder::Nothing,
            (true, _, _) => Remainder::AnOrder,
            (false, 0, _) if self.has_left_in_part() => Remainder::AnOrder,
            (false, 0, 0) => Remainder::Nothing,
            (false, 0, _) => Remainder::ServicesOnly,
            (false, _, _) => Remainder::AnOrder,
        }
    }

    fn must_have_room_to_cancel_lines(&self, lines: &[CancelledUnits]) -> Result<(), Refusal> {
        if self.line_cancellations.len() < LINE_CANCELLATIONS_MAX {
            return Ok(());
        }
        let whereabouts = self.whereabouts();
        let stays = |line: &OrderLine| {
            let taken = lines.iter().find(|it| it.line == line.number).map_or(0, |it| it.quantity);
            whereabouts.cancellable(line) > taken
        };
        if !self.lines.iter().any(stays) {
            return Ok(());
        }
        let message = format!(
            "parts of an order are cancelled {LINE_CANCELLATIONS_MAX} times at most, and a last time all that can be"
        );
        Err(self.unmet(Reason::LimitReached, message))
    }

    /// Whether there is a unit that can be cancelled.
    pub(in crate::domain) fn may_cancel_lines(&self) -> bool {
        if !self.is_open_to_line_cancellations() {
            return false;
        }
        let (whereabouts, left) = (self.whereabouts(), self.remaining_units());
        self.lines.iter().any(|line| {
            let (goods, services) = if line.is_service() { (0, 1) } else { (1, 0) };
            whereabouts.cancellable(line) > 0
                && self.what_would_be_left(left.goods - goods, left.services - services) == Remainder::AnOrder
        })
    }
}

/// Units of an order that are wanted.
#[derive(Clone, Copy)]
struct Remaining {
    goods: i64,
    services: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Remainder {
    AnOrder,
    ServicesOnly,
    Nothing,
}

/// `3 units cancelled: 2 of line 1, 1 of line 4`.
fn words(lines: &[CancelledUnits]) -> String {
    let units: i64 = lines.iter().map(|it| it.quantity).sum();
    let of_line = |it: &CancelledUnits| format!("{} of line {}", it.quantity, it.line);
    let mut named: Vec<String> = lines.iter().take(LINES_NAMED).map(of_line).collect();
    if lines.len() > LINES_NAMED {
        named.push(format!("and of {} more", lines.len() - LINES_NAMED));
    }
    format!("{units} units cancelled: {}", named.join(", "))
}
