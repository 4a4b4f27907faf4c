//! Invariants of what comes back.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::order::Order;
use crate::domain::model::returns::{ReturnLine, ReturnState};
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};

impl Order {
    /// No more comes back than was sold and sent, no unit twice, and a return that is over has an answer for every unit.
    pub(super) fn check_returns(&self, found: &mut Findings) {
        for line in &self.lines {
            let (returned, most) = (self.returned_units(line.number), line.remaining_quantity());
            let key = format!("{} line {}", self.id, line.number);
            let fits = returned == 0 || (!line.is_service() && returned <= most);
            found.ensure("R1", &key, fits, &format!("at most {most} in returns"), returned);
            let ended = self.units_that_ended(line.number);
            let expected = format!("at most {ended}, that arrived or went astray, in returns");
            found.ensure("R1", &key, returned <= ended, &expected, returned);
        }
        for line in &self.lines {
            self.check_paid_once(found, line.number);
        }
        let numbered = self.returns.iter().zip(1..).all(|(it, number)| it.number == number);
        found.ensure("R1", self.id, numbered, "returns numbered 1…n", "others");
        for it in &self.returns {
            let fits = it.lines.iter().all(is_whole);
            found.ensure("R2", it.id, fits, "units inspected as they arrived, none twice", "others");
            let over =
                it.lines.iter().all(|it| it.expected() == 0 && it.uninspected() == 0 && it.unresolved() == 0);
            let closed = it.state == ReturnState::Closed;
            found.ensure("R2", it.id, !closed || over, "every unit accounted for", it.state);
            let when = it.closed_at.is_some() == closed;
            found.ensure("R2", it.id, when, "a time of closing if and only if it is closed", it.state);
            let waits = it.awaited_until.is_none() || it.is_awaited();
            found.ensure("R2", it.id, waits, "an end of the wait only while goods are awaited", it.state);
        }
    }
}

impl Order {
    /// Units of a line in shipments that arrived or went astray at some time, those included that were called off since:
    /// what is in returns is among them.
    fn units_that_ended(&self, line: i32) -> i64 {
        let ended = self.live_shipments().filter(|it| has_ended(it));
        let items = ended.flat_map(|it| &it.items).filter(|it| it.line == line);
        items.fold(0, |sum, it| sum.saturating_add(it.quantity))
    }

    /// No unit is paid for twice: what a return paid for is what was credited by it; and before a return paid for a unit,
    /// each that RefundPayment had paid back had come back, gone astray or been called off. No shipment is paid for twice.
    fn check_paid_once(&self, found: &mut Findings, line: i32) {
        let key = format!("{} line {line}", self.id);
        let (mut apart, mut named, mut by_returns, mut named_earlier) = (0, 0, 0, 0);
        for refund in &self.line_refunds {
            let units: i64 = refund.units.iter().filter(|it| it.line == line).map(|it| it.quantity).sum();
            match (refund.of_return, refund.of_shipment) {
                (None, None) => (apart, named) = (apart + units, named + units),
                // A shipment that was paid for may arrive later.
                (None, Some(_)) => apart += units,
                (Some(_), _) if units > 0 => {
                    by_returns += units;
                    named_earlier = named;
                }
                (Some(_), _) => {}
            }
        }
        let paid: i64 = self.returned_lines().filter(|it| it.line == line).map(ReturnLine::paid).sum();
        found.ensure(
            "R3",
            &key,
            paid == by_returns,
            &format!("{by_returns} units paid for by returns"),
            paid,
        );

        let (most, before) = (self.units_paid_apart(line), self.units_paid_before(line));
        found.ensure("R3", &key, before <= most, &format!("at most {most} paid back before"), before);
        let is_end = |it| matches!(it, TrackingStatus::Returned | TrackingStatus::Lost);
        let ever_astray = |it: &Shipment| it.tracking.iter().any(|it| is_end(it.status));
        let elsewhere = apart - most + self.unpaid_astray_units(line, ever_astray);
        let least = (named_earlier - elsewhere).max(0);
        found.ensure("R3", &key, before >= least, &format!("at least {least} paid back before"), before);
        for shipment in &self.shipments {
            let units = shipment.items.iter().filter(|it| it.line == line).map(|it| it.quantity);
            let own = self.returns.iter().filter(|it| it.counts() && it.of_shipment == Some(shipment.id));
            let own = own.flat_map(|it| &it.lines).filter(|it| it.line == line);
            let paid: i64 = own.map(ReturnLine::paid).sum();
            let (paid, most) = (paid + self.claimed_units(shipment.id, line), units.sum());
            let fits = paid <= most;
            found.ensure("R3", shipment.id, fits, &format!("at most {most} of line {line} paid for"), paid);
        }
    }
}

/// Whether it was ever reported that the journey of a shipment, or of a package of it, is over. Another end may be told
/// later, but never that there is none.
fn has_ended(shipment: &Shipment) -> bool {
    let is_end = |it: &TrackingEvent| {
        matches!(it.status, TrackingStatus::Delivered | TrackingStatus::Returned | TrackingStatus::Lost)
    };
    shipment.state == ShipmentState::Delivered || shipment.is_astray() || shipment.tracking.iter().any(is_end)
}

fn is_whole(line: &ReturnLine) -> bool {
    let parts = [
        line.received,
        line.restocked,
        line.quarantined,
        line.scrapped,
        line.missing,
        line.sent_back,
        line.refunded,
        line.credited,
        line.paid_before,
        line.repaired,
        line.rejected,
        line.exchanged,
    ];
    let left = [line.expected(), line.uninspected(), line.unresolved()];
    line.quantity > 0 && parts.iter().chain(&left).all(|it| *it >= 0)
}
