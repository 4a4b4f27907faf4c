//! Step 15: a person decides about a shipment that went wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::billing::refund_lines::{PaidBack, Share};
use crate::domain::model::address::Address;
use crate::domain::model::event::EventKind;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::Money;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::{RefundId, ShipmentId};
use crate::domain::model::shipment::{Resolution, ResolutionKind, Shipment, ShipmentState};
use crate::domain::model::tracking::{ReportOrigin, TrackingReport, TrackingStatus};
use crate::domain::ordering::checks::address_faults;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Decides what becomes of a shipment that was not delivered.
#[derive(Debug, Clone)]
pub struct ResolveException {
    pub target: Target,
    pub shipment: ShipmentId,
    pub way: Way,
    pub reason: String,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The courier tries again.
    Redeliver,
    /// The courier delivers to another address.
    NewAddress(Box<Address>),
    /// The money goes back; None: what the goods cost, with the shipping if nothing else of the order is left.
    Refund(Option<Money>),
}

impl OrderCommand for ResolveException {
    const NAME: &'static str = "ResolveException";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.resolve_exception(unit, self.shipment, &self.way, &self.reason)
    }
}

/// How often one shipment may be sent out anew. What is not delivered then is paid back.
const NEW_DELIVERIES_MAX: usize = 20;

impl Order {
    pub fn resolve_exception(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        way: &Way,
        reason: &str,
    ) -> Result<(), Refusal> {
        let index = self.shipment_index(id)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("resolve an exception"));
        }
        let shipment = &self.shipments[index];
        let is_with_courier =
            matches!(shipment.state, ShipmentState::Exception | ShipmentState::DeliveryAttempted);
        let is_astray = matches!(shipment.state, ShipmentState::Returned | ShipmentState::Lost);
        let (kind, is_possible) = match way {
            Way::Redeliver => (ResolutionKind::Redeliver, is_with_courier),
            Way::NewAddress(_) => (ResolutionKind::NewAddress, is_with_courier),
            Way::Refund(_) => (ResolutionKind::Refund, is_with_courier || is_astray),
        };
        if !is_possible {
            let message = format!("cannot resolve it by {kind}: the shipment is {}", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let (address, refunds) = match way {
            Way::Redeliver => {
                self.deliver_again(unit, index, "to be delivered again")?;
                (None, Vec::new())
            }
            Way::NewAddress(address) => {
                self.check_new_address(address)?;
                self.deliver_again(unit, index, "to be delivered to another address")?;
                (Some(Address::clone(address)), Vec::new())
            }
            Way::Refund(amount) => (None, self.refund_goods(unit, index, *amount, reason)?),
        };
        self.shipments[index].resolutions.push(Resolution {
            kind,
            reason: reason.to_owned(),
            address,
            refunds,
            decided_by: unit.actor.clone(),
            decided_at: unit.now,
        });
        self.touch_shipment(unit, index);
        self.record(unit, EventKind::ExceptionResolved, None, format!("{id}: {kind}"));
        Ok(())
    }

    /// Another house, but not another country: taxes, customs and the courier's rate are those of this one.
    fn check_new_address(&self, address: &Address) -> Result<(), Refusal> {
        let mut bad = Problems::default();
        let country = &self.shipping_address.country;
        if address.country != *country {
            bad.add("new_address.country", format!("must be {country}: the parcel stays in its country"));
        } else {
            for fault in address_faults("new_address", "new address", address) {
                bad.add(fault.field, fault.text);
            }
        }
        bad.into_result()
    }

    /// The decision becomes a report beside the courier's, so that the state goes on following from the reports alone.
    fn deliver_again(&mut self, unit: &mut UnitOfWork, index: usize, what: &str) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        let (id, known) = (shipment.id, shipment.tracking.len());
        let earlier = shipment.tracking.iter().filter(|it| it.origin == ReportOrigin::Resolution).count();
        if earlier >= NEW_DELIVERIES_MAX {
            let message = format!("a shipment is sent out anew {NEW_DELIVERIES_MAX} times at most");
            return Err(self.unmet_shipment(Reason::LimitReached, shipment, message));
        }

        // It comes after what is known, also of a courier whose clock is ahead.
        let latest = shipment.tracking.iter().map(|it| it.occurred_at.plus(Duration::from_micros(1))).max();
        let report = TrackingReport {
            package: 0,
            event_id: String::new(),
            status: TrackingStatus::InTransit,
            incident: String::new(),
            location: String::new(),
            occurred_at: latest.map_or(unit.now, |it| it.max(unit.now)),
            estimated_at: None,
            raw_code: format!("RESOLVED-{}", earlier + 1),
            description: what.to_owned(),
            received_by: String::new(),
        };
        self.add_report(unit, index, &report, ReportOrigin::Resolution);
        self.follow_reports(unit, index, known)?;
        let sequence = i64::try_from(known).unwrap_or(i64::MAX - 1) + 1;
        self.notify(unit, MessageKind::DeliveryRearranged, Some(id), sequence);
        Ok(())
    }

    /// Whether the return that the shipment opened by itself gave something for its goods.
    fn return_has_paid_for(&self, shipment: &Shipment) -> bool {
        let opened = self.returns.iter().filter(|it| it.of_shipment == Some(shipment.id));
        let mut lines = opened.flat_map(|it| &it.lines);
        lines.any(|it| it.paid() + it.paid_before > 0)
    }

    /// Pays the units of a shipment back, and credits them, so that they are not paid again when it is found. What was paid
    /// back for them by an earlier resolution is not paid twice, unless the provider refused it then.
    fn refund_goods(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        amount: Option<Money>,
        reason: &str,
    ) -> Result<Vec<RefundId>, Refusal> {
        let shipment = &self.shipments[index];
        let stands = |id: &RefundId| {
            let mut refunds = self.payments.iter().flat_map(|it| &it.refunds);
            refunds.any(|it| it.id == *id && it.state != RefundState::Failed)
        };
        if shipment.resolutions.iter().flat_map(|it| &it.refunds).any(stands)
            || self.return_has_paid_for(shipment)
        {
            let message = "the goods of this shipment are paid back already; use RefundPayment for more";
            return Err(self.unmet_shipment(Reason::RefundExceedsCapture, shipment, message));
        }

        let units = self.unpaid_goods_of(shipment);
        let share = self.share_of(&unit.rules.returns, &units);
        let currency = self.amounts.currency;
        let refundable = currency.of(self.refundable_minor());
        let asked = match amount {
            Some(it) if it.currency != currency => {
                return Err(Refusal::invalid("refund.amount", format!("must be in {currency}")));
            }
            Some(it) => it,
            None => currency.of(self.worth_of(&share, shipment).min(self.payable_minor())),
        };
        if asked.minor <= 0 {
            let message =
                "nothing is left to pay back for the goods of this shipment; use RefundPayment for more";
            return Err(self.unmet_shipment(Reason::RefundExceedsCapture, shipment, message));
        }
        if asked.minor > refundable.minor {
            let message = format!("{asked} is more than the {refundable} that can be paid back");
            return Err(self.unmet_shipment(Reason::RefundExceedsCapture, shipment, message));
        }

        // What is asked for beyond the goods' own value is paid back as an amount alone: it credits no units.
        let of_shipment = Some(shipment.id);
        let of_goods = currency.of(asked.minor.min(share.value_minor));
        let mut refunds = Vec::new();
        if of_goods.minor > 0 {
            self.must_have_room_to_refund_lines(&units)?;
            refunds = self.refund_from_any(unit, of_goods, reason)?;
            let retained_minor = self.retained_of(&share, of_goods.minor);
            let paid_back =
                PaidBack { share, reason, retained_minor, of_return: None, of_shipment, exchanged_for: None };
            self.credit_paid_back(unit, paid_back, refunds.clone())?;
        }
        refunds.extend(self.refund_from_any(unit, currency.of(asked.minor - of_goods.minor), reason)?);
        Ok(refunds)
    }

    /// The units of a shipment that nobody has paid back.
    fn unpaid_goods_of(&self, shipment: &Shipment) -> Vec<RefundedUnits> {
        let lines: BTreeSet<i32> = shipment.items.iter().map(|it| it.line).collect();
        let unpaid = lines.into_iter().map(|line| {
            let quantity = self.unpaid_units_of_shipment(shipment.id, line, shipment.units_of(line));
            RefundedUnits { line, quantity }
        });
        unpaid.filter(|it| it.quantity > 0).collect()
    }

    /// What is to be paid back for goods: their value, and what a provider refused to pay back for them before.
    fn worth_of(&self, share: &Share, shipment: &Shipment) -> i64 {
        let refused: i64 = shipment
            .resolutions
            .iter()
            .flat_map(|it| &it.refunds)
            .filter_map(|it| self.refund_of(*it))
            .filter(|it| it.state == RefundState::Failed)
            .map(|it| it.amount.minor)
            .sum();
        share.value_minor + refused.min(self.surplus_minor())
    }

    /// Pays back from one payment after the other.
    fn refund_from_any(
        &mut self,
        unit: &mut UnitOfWork,
        amount: Money,
        reason: &str,
    ) -> Result<Vec<RefundId>, Refusal> {
        let mut refunds = Vec::new();
        for (payment, share) in self.spread(0, amount) {
            refunds.push(self.refund(unit, payment, Some(share), reason)?);
        }
        Ok(refunds)
    }
}
