//! Step 15: a person decides about a shipment that went wrong.

use std::time::Duration;

use crate::domain::model::address::Address;
use crate::domain::model::event::EventKind;
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
    /// The courier delivers there.
    NewAddress(Box<Address>),
    /// The money goes back; None: what was paid for the goods.
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

    /// The decision is a tracking event, so that the state goes on following from the events alone.
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
        lines.any(|it| it.refunded + it.credited + it.paid_before > 0)
    }

    /// Pays back, from one payment after the other. Goods that this was decided of before are not paid back twice,
    /// unless the provider refused it.
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

        let currency = self.amounts.currency;
        let given_back = self.payments.iter().map(|it| it.refundable_minor()).fold(0, i64::saturating_add);
        let mut left = match amount {
            Some(it) if it.currency != currency => {
                return Err(Refusal::invalid("refund.amount", format!("must be in {currency}")));
            }
            Some(it) => it.minor,
            None => self.paid_for_minor(shipment).min(given_back),
        };
        if left <= 0 {
            let message =
                "nothing is left to pay back for the goods of this shipment; use RefundPayment for more";
            return Err(self.unmet_shipment(Reason::RefundExceedsCapture, shipment, message));
        }
        if left > given_back {
            let message = format!(
                "{} is more than the {} that can be paid back",
                currency.of(left),
                currency.of(given_back)
            );
            return Err(self.unmet_shipment(Reason::RefundExceedsCapture, shipment, message));
        }

        let mut refunds = Vec::new();
        let payments: Vec<_> = self.payments.iter().map(|it| (it.id, it.refundable_minor())).collect();
        for (payment, refundable) in payments {
            let share = left.min(refundable);
            if share > 0 {
                refunds.push(self.refund(unit, payment, Some(currency.of(share)), reason)?);
                left -= share;
            }
        }
        Ok(refunds)
    }
}
