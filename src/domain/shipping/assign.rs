//! Step 12: a courier is assigned and the pickup is scheduled.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, ServiceLevel, ShipmentId};
use crate::domain::model::shipment::{Assignment, ShipmentState};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Gives a shipment to a courier.
#[derive(Debug, Clone)]
pub struct AssignCourier {
    pub target: Target,
    pub shipment: ShipmentId,
    /// None: the one that the quotes prefer.
    pub courier: Option<CourierCode>,
    pub service: Option<ServiceLevel>,
}

impl OrderCommand for AssignCourier {
    const NAME: &'static str = "AssignCourier";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { couriers: true, locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.assign_courier(unit, self.shipment, self.courier.as_ref(), self.service)
    }
}

impl Order {
    /// Chooses the courier: the one that was named, or the cheapest that keeps the promise.
    pub fn assign_courier(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        courier: Option<&CourierCode>,
        service: Option<ServiceLevel>,
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        let is_assigned = self.shipments[index].state == ShipmentState::CourierAssigned;
        if !is_assigned {
            self.shipment_must_be(index, ShipmentState::Labelled, "assign a courier")?;
        }
        if let Some(code) = courier {
            let named = unit.courier(code).ok_or_else(|| Refusal::not_found("courier", code))?;
            if !named.active {
                let message = format!("courier {code} is out of use");
                return Err(self.unmet_shipment(Reason::Inactive, &self.shipments[index], message));
            }
        }

        let (mut offers, refusals) = self.quotes(unit, id, service)?;
        offers.retain(|it| courier.is_none_or(|code| it.courier == *code));
        let Some((offer, reason)) = self.preferred(&offers, service) else {
            let why: Vec<String> = refusals.iter().map(|(code, why)| format!("{code}: {why}")).collect();
            let why = if why.is_empty() { "no courier has a rate for it".to_owned() } else { why.join("; ") };
            let message = format!("no courier carries this shipment: {why}");
            return Err(self.unmet_shipment(Reason::NoCourier, &self.shipments[index], message));
        };
        let reason = match courier {
            Some(_) => format!("named by {}; {reason}", unit.actor),
            None => reason,
        };
        let assignment = Assignment {
            courier: offer.courier.clone(),
            service: offer.service,
            price: offer.currency.of(offer.price_minor),
            pickup_at: offer.pickup_at,
            delivery_at: offer.delivery_at,
            reason: reason.clone(),
            assigned_by: unit.actor.clone(),
            assigned_at: unit.now,
        };
        if is_assigned {
            let text = "courier released to be chosen again";
            self.move_shipment(unit, index, ShipmentState::Labelled, EventKind::CourierReleased, text)?;
        }
        let text = format!("{} {}: {reason}", assignment.courier, assignment.service);
        let shipment = &mut self.shipments[index];
        shipment.estimated_at = Some(assignment.delivery_at);
        shipment.assignment = Some(assignment);
        self.move_shipment(unit, index, ShipmentState::CourierAssigned, EventKind::CourierAssigned, text)
    }
}
