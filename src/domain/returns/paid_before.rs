//! Units that were paid back before they came back, by RefundPayment or ResolveException: nothing more is paid for them.

use crate::domain::model::line_refund::LineRefund;
use crate::domain::model::order::Order;
use crate::domain::model::returns::{Return, ReturnLine};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};

impl Order {
    /// How many of these units the return of a customer has to pay for. What ResolveException paid back for a shipment
    /// comes back first if the shipment arrived after all; then what RefundPayment paid back, but for units that never
    /// arrived: those are not what the customer sends.
    pub(super) fn unpaid_units(&self, line: i32, units: i64) -> i64 {
        let claimed = self.claimed_and_arrived(line) - self.before_of(line, None);
        let paid = claimed.max(0) + (self.named_and_open(line) - self.unclaimed_astray_units(line)).max(0);
        self.without_paid(line, units, paid)
    }

    /// The same of the return that a shipment opened by itself.
    pub(in crate::domain) fn unpaid_units_of_shipment(&self, id: ShipmentId, line: i32, units: i64) -> i64 {
        self.without_paid(line, units, self.claim_left(id, line) + self.named_and_open(line).max(0))
    }

    fn without_paid(&self, line: i32, units: i64, paid: i64) -> i64 {
        let Some(found) = self.lines.iter().find(|it| it.number == line) else { return 0 };
        (units - paid.clamp(0, units)).min(found.sold_quantity())
    }

    /// Units of a line that were paid back by themselves, not by returns, without those that were called off later.
    pub(in crate::domain) fn units_paid_apart(&self, line: i32) -> i64 {
        let Some(found) = self.lines.iter().find(|it| it.number == line) else { return 0 };
        let called_off = (found.cancelled_quantity + found.refunded_quantity - found.quantity).max(0);
        self.refunded_by(line, |it| it.of_return.is_none()) - called_off
    }

    /// Of these, units that returns were answered with.
    pub(in crate::domain) fn units_paid_before(&self, line: i32) -> i64 {
        self.returned_lines().filter(|it| it.line == line).map(|it| it.paid_before).sum()
    }

    /// Units of a line that ResolveException paid back for a shipment.
    pub(in crate::domain) fn claimed_units(&self, id: ShipmentId, line: i32) -> i64 {
        self.refunded_by(line, |it| it.of_shipment == Some(id))
    }

    /// Units of a line in shipments that did not arrive, or came back by themselves, without those that the returns of
    /// these shipments have answered.
    pub(in crate::domain) fn unpaid_astray_units(
        &self,
        line: i32,
        is_astray: impl Fn(&Shipment) -> bool,
    ) -> i64 {
        let astray = self.units_of_shipments(line, |it| is_astray(it) || self.has_return_of(it));
        let of_shipments = self.returns.iter().filter(|it| it.of_shipment.is_some());
        let paid = of_shipments.flat_map(|it| &it.lines).filter(|it| it.line == line);
        (astray - paid.map(|it| it.quantity - it.unresolved()).sum::<i64>()).max(0)
    }

    /// The same, shipment by shipment, without those that ResolveException paid back.
    fn unclaimed_astray_units(&self, line: i32) -> i64 {
        let astray = self.live_shipments().filter(|it| it.is_astray() || self.has_return_of(it));
        let left = |it: &Shipment| {
            let answered: i64 =
                self.lines_of(line, Some(it.id)).map(|it| it.quantity - it.unresolved()).sum();
            (it.units_of(line) - answered - self.claim_left(it.id, line)).max(0)
        };
        astray.map(left).sum()
    }

    /// Units that ResolveException paid back for a shipment, without those that its own return was answered with.
    fn claim_left(&self, id: ShipmentId, line: i32) -> i64 {
        (self.claimed_units(id, line) - self.before_of(line, Some(id))).max(0)
    }

    /// The same of all shipments that reached the customer at some time.
    fn claimed_and_arrived(&self, line: i32) -> i64 {
        let arrived = self.live_shipments().filter(|it| it.has_arrived());
        arrived.map(|it| self.claim_left(it.id, line)).sum()
    }

    /// Units that RefundPayment paid back, without those that returns were answered with.
    fn named_and_open(&self, line: i32) -> i64 {
        let claimed = self.refunded_by(line, |it| it.of_shipment.is_some());
        let of_shipments = self
            .live_shipments()
            .map(|it| (self.before_of(line, Some(it.id)) - self.claimed_units(it.id, line)).max(0));
        let of_customer = (self.before_of(line, None) - self.claimed_and_arrived(line)).max(0);
        self.units_paid_apart(line) - claimed - of_shipments.sum::<i64>() - of_customer
    }

    /// Units paid back before that the returns of a shipment were answered with, or of customers, if none is named.
    fn before_of(&self, line: i32, shipment: Option<ShipmentId>) -> i64 {
        self.lines_of(line, shipment).map(|it| it.paid_before).sum()
    }

    /// The lines of the returns of a shipment, or of customers, if none is named.
    pub(super) fn lines_of(
        &self,
        line: i32,
        shipment: Option<ShipmentId>,
    ) -> impl Iterator<Item = &ReturnLine> {
        let meant = move |it: &&Return| it.counts() && it.of_shipment == shipment;
        self.returns.iter().filter(meant).flat_map(|it| &it.lines).filter(move |it| it.line == line)
    }

    fn refunded_by(&self, line: i32, is_meant: impl Fn(&LineRefund) -> bool) -> i64 {
        let units = self.line_refunds.iter().filter(|it| is_meant(it)).flat_map(|it| &it.units);
        units.filter(|it| it.line == line).map(|it| it.quantity).sum()
    }
}

impl Shipment {
    /// Whether the customer has it or had it, as far as was ever reported. What was delivered once it was on its way back
    /// went to the sender.
    pub(in crate::domain) fn has_arrived(&self) -> bool {
        let turned = self.tracking.iter().filter(|it| it.status == TrackingStatus::Returning);
        let turned = turned.map(|it| it.occurred_at).min();
        let is_delivery = |it: &TrackingEvent| {
            it.status == TrackingStatus::Delivered && turned.is_none_or(|turned| it.occurred_at <= turned)
        };
        self.state == ShipmentState::Delivered || self.tracking.iter().any(is_delivery)
    }
}
