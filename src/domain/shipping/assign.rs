//! Step 12: a courier is assigned and the pickup is scheduled.

use std::time::Duration;

use crate::domain::model::courier::{LiveRates, Quote};
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, ServiceLevel, ShipmentId};
use crate::domain::model::shipment::{Assignment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::promise::full::{Counted, full_days};
use crate::domain::promise::offer::{HAS_REFUSED, next_pickup};
use crate::domain::shipping::quote::Decline;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How far ahead a pickup may be chosen.
const PICKUP_AHEAD_MAX: Duration = Duration::from_secs(30 * 86_400);

/// How many pickups are named to a caller that asked for one that there is not.
const PICKUPS_TOLD: usize = 5;

/// Gives a shipment to a courier.
#[derive(Debug, Clone)]
pub struct AssignCourier {
    pub target: Target,
    pub shipment: ShipmentId,
    /// None: the one that the quotes prefer.
    pub courier: Option<CourierCode>,
    pub service: Option<ServiceLevel>,
    /// The pickup that is wanted; None: the courier's next one.
    pub pickup_at: Option<Timestamp>,
    /// What couriers' interfaces answered when they were asked for their rates.
    pub live: LiveRates,
}

impl OrderCommand for AssignCourier {
    const NAME: &'static str = "AssignCourier";
    type Output = ShipmentId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { couriers: true, courier_records: true, locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ShipmentId, Refusal> {
        let (courier, service) = (self.courier.as_ref(), self.service);
        match self.pickup_at {
            Some(at) => order.assign_pickup(unit, self.shipment, courier, service, &self.live, at),
            None => order.assign_courier(unit, self.shipment, courier, service, &self.live),
        }
        .map(|()| self.shipment)
    }
}

impl Order {
    /// Chooses the courier, for its next pickup: the one that was named, or the cheapest that keeps the promise.
    pub fn assign_courier(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        courier: Option<&CourierCode>,
        service: Option<ServiceLevel>,
        live: &LiveRates,
    ) -> Result<(), Refusal> {
        let index = self.assignable(unit, id, courier)?;
        let (mut offers, declines) = self.quotes(unit, id, service, live)?;
        offers.retain(|it| self.shipments[index].may_go_with(&it.courier, courier));
        self.assign_one_of(unit, index, (&offers, declines), courier, service)
    }

    /// The same for one pickup: only couriers that come at that time are chosen among.
    pub fn assign_pickup(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        courier: Option<&CourierCode>,
        service: Option<ServiceLevel>,
        live: &LiveRates,
        pickup_at: Timestamp,
    ) -> Result<(), Refusal> {
        let index = self.assignable(unit, id, courier)?;
        let ready_at = pickup_at.clamp(unit.now, unit.now.plus(PICKUP_AHEAD_MAX));
        let (mut offers, declines) = self.quotes_from(unit, id, service, live, ready_at)?;
        offers.retain(|it| self.shipments[index].may_go_with(&it.courier, courier));
        let comes = |it: &Quote| it.pickup_at == pickup_at;
        if !offers.is_empty() && (pickup_at > unit.now.plus(PICKUP_AHEAD_MAX) || !offers.iter().any(comes)) {
            return Err(self.no_such_pickup(unit, index, &offers));
        }
        offers.retain(comes);
        self.assign_one_of(unit, index, (&offers, declines), courier, service)
    }

    /// The shipment, if a courier may be assigned to it now.
    fn assignable(
        &self,
        unit: &UnitOfWork,
        id: ShipmentId,
        courier: Option<&CourierCode>,
    ) -> Result<usize, Refusal> {
        let index = self.workable(id)?;
        self.must_be_here(index, "assign a courier")?;
        let is_assigned = self.shipments[index].state == ShipmentState::CourierAssigned;
        if !is_assigned {
            self.shipment_must_be(index, ShipmentState::Labelled, "assign a courier")?;
        }
        self.must_have_room_to_book(index)?;
        let Some(code) = courier else { return Ok(index) };
        let named = unit.courier(code).ok_or_else(|| Refusal::not_found("courier", code))?;
        if named.active {
            Ok(index)
        } else {
            let message = format!("courier {code} is out of use; ReactivateCourier brings it back");
            Err(self.unmet_shipment(Reason::Inactive, &self.shipments[index], message))
        }
    }

    fn assign_one_of(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        (offers, refusals): (&[Quote], Vec<Decline>),
        courier: Option<&CourierCode>,
        service: Option<ServiceLevel>,
    ) -> Result<(), Refusal> {
        let Some((offer, reason)) = self.preferred(offers, service) else {
            let refused_by = self.shipments[index].refused_by.iter().filter(|_| courier.is_none());
            let refused = refused_by.map(|code| format!("{code}: {HAS_REFUSED}"));
            let declined = refusals.iter().map(|(code, why)| format!("{code}: {why}"));
            let why: Vec<String> = declined.chain(refused).collect();
            let why = match (offers.first(), why.as_slice()) {
                (Some(slower), _) => format!(
                    "{} offers {} only, which is slower than ordered; name the service_level to take it",
                    slower.courier, slower.service
                ),
                (None, []) => "no courier has a rate for it".to_owned(),
                (None, why) => why.join("; "),
            };
            let message = format!("no courier carries this shipment: {why}");
            return Err(self.unmet_shipment(Reason::NoCourier, &self.shipments[index], message));
        };
        let reason = match courier {
            Some(_) => format!("named by {}; {reason}", unit.actor),
            None => reason,
        };
        let reason = match offer.pickup_note.as_str() {
            "" => reason,
            note => format!("{reason}; {note}"),
        };
        let assignment = Assignment {
            courier: offer.courier.clone(),
            service: offer.service,
            service_name: offer.service_name.clone(),
            price: offer.currency.of(offer.price_minor),
            pickup_at: offer.pickup_at,
            delivery_at: offer.delivery_at,
            reason: reason.clone(),
            assigned_by: unit.actor.clone(),
            assigned_at: unit.now,
            time_zone: unit.courier(&offer.courier).map_or_else(TimeZone::utc, |it| it.time_zone.clone()),
        };
        if self.shipments[index].state == ShipmentState::CourierAssigned {
            let text = "courier released to be chosen again".to_owned();
            self.release_courier(unit, index, EventKind::CourierReleased, text)?;
        }
        let text = format!("{} {}: {reason}", assignment.courier, assignment.service);
        let shipment = &mut self.shipments[index];
        shipment.estimated_at = Some(assignment.delivery_at);
        shipment.refused_by.remove(&assignment.courier);
        shipment.assignment = Some(assignment);
        shipment.courier_refusal = None;
        self.move_shipment(unit, index, ShipmentState::CourierAssigned, EventKind::CourierAssigned, text)?;
        self.promise_shipment_anew(unit, index, PromiseOccasion::CourierAssigned);
        self.book(unit, index);
        Ok(())
    }

    /// Takes a shipment back from a courier that has not got it yet, with all that is known from that courier.
    pub(super) fn release_courier(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        kind: EventKind,
        text: String,
    ) -> Result<(), Refusal> {
        self.call_off(unit, index);
        self.move_shipment(unit, index, ShipmentState::Labelled, kind, text)?;
        let shipment = &mut self.shipments[index];
        shipment.assignment = None;
        shipment.estimated_at = None;
        shipment.carrier_labels.clear();
        Ok(())
    }

    /// Computes the dates of a shipment anew after it lost its courier. The date that the customer was told last stands until
    /// another courier is assigned.
    pub(super) fn expect_another_courier(&mut self, unit: &mut UnitOfWork, index: usize) {
        let shipment = &mut self.shipments[index];
        shipment.estimated_at = shipment.told.last().copied();
        self.promise_shipment_anew(unit, index, PromiseOccasion::CourierReleased);
    }

    /// The refusal of a pickup that none of these couriers offers: it says if that day is full, and names those that they
    /// do offer next.
    fn no_such_pickup(&self, unit: &UnitOfWork, index: usize, offers: &[Quote]) -> Refusal {
        let shipment = &self.shipments[index];
        let location = unit.location(&shipment.location);
        let full = full_days(unit, location, Some(Counted { order: self.id, shipment: Some(shipment.id) }));
        let calendar = location.map(|it| &it.calendar);
        let mut couriers: Vec<&CourierCode> = offers.iter().map(|it| &it.courier).collect();
        couriers.sort();
        couriers.dedup();
        let mut pickups = Vec::new();
        for courier in couriers.into_iter().filter_map(|it| unit.courier(it)) {
            let mut from = unit.now;
            let last = unit.now.plus(PICKUP_AHEAD_MAX);
            let next = |from| next_pickup(courier, calendar, &full, from).ok().map(|it| it.0);
            while let Some(at) = next(from).filter(|_| from < last) {
                pickups.push((at, &courier.code));
                from = at.plus(Duration::from_micros(1));
            }
        }
        pickups.sort();
        let next: Vec<String> =
            pickups.iter().take(PICKUPS_TOLD).map(|(at, courier)| format!("{at} ({courier})")).collect();
        let days = PICKUP_AHEAD_MAX.as_secs() / 86_400;
        let note = offers.iter().map(|it| it.pickup_note.as_str()).find(|it| !it.is_empty());
        let note = note.map_or(String::new(), |it| format!("{it}; "));
        let next = match next.as_slice() {
            [] => "none has room".to_owned(),
            next => format!("the next are {}", next.join(", ")),
        };
        let message = format!("must be a pickup within {days} days; {note}{next}");
        Refusal::invalid("pickup_time", message)
    }
}
