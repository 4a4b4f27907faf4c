//! The promise of an order, looked at anew whenever something moves it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::{Promise, PromiseLeg, PromiseOccasion};
use crate::domain::model::reservation::ReservedItem;
use crate::domain::model::scalars::LocationCode;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::promise::full::Counted;
use crate::domain::promise::leg::{Goods, Parcel, WHY_MAX, Wish, in_zone, leg, packed_leg, parcels};
use crate::domain::promise::offer::Addressed;
use crate::domain::unit::journal::cut;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The history tells of dates that move by at least this much.
const MOVE_TOLD: Duration = Duration::from_secs(3_600);

impl Order {
    pub(in crate::domain) fn wish(&self) -> Option<Wish> {
        Some(Wish {
            region: self.region.clone()?,
            to: Addressed::to(&self.shipping_address),
            service: self.service,
            currency: Some(self.amounts.currency),
            counted: Some(Counted { order: self.id, shipment: None }),
            refused_by: BTreeSet::new(),
        })
    }

    /// The parcels of these units of its lines, one for each location.
    fn parcels<'i>(&self, items: impl Iterator<Item = (&'i LocationCode, i32, i64)>) -> Vec<Parcel> {
        parcels(items, |line| self.goods_of_line(line))
    }

    /// What counts of one unit.
    pub(in crate::domain) fn goods_of_line(&self, number: i32) -> Goods {
        let line = self.lines.iter().find(|it| it.number == number);
        line.map_or(Goods::default(), |it| Goods::of(it.weight_grams, &it.handling))
    }

    /// Looks at the dates of what is reserved, while nothing is being prepared. What was promised follows. While some of it
    /// has no stock, nobody knows a date: what was noted then stands.
    pub(in crate::domain) fn promise_anew(&mut self, unit: &mut UnitOfWork, occasion: PromiseOccasion) {
        let Some(wish) = self.wish() else { return };
        let Some(reservation) = self.current_reservation() else { return };
        if !self.has_all_set_aside() {
            return;
        }
        let open = reservation.items.iter().filter(|it| it.open() > 0);
        if open.clone().next().is_none() {
            return;
        }
        let items = open.map(|it: &ReservedItem| (&it.location, it.line, it.open()));
        let legs = self.parcels(items).into_iter().map(|it| leg(unit, &wish, it)).collect();
        self.note_promise(unit, Promise::new(unit.now, occasion, legs));
        self.promise_to_customer();
    }

    /// Looks at the dates of one shipment; those of the others stand, and so does what was promised.
    pub(in crate::domain) fn promise_shipment_anew(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        occasion: PromiseOccasion,
    ) {
        let Some(mut wish) = self.wish() else { return };
        let Some(promise) = self.promise.clone() else { return };
        let mut legs = promise.legs;
        let shipment = &self.shipments[index];
        // The day that the released courier kept for this shipment still counts as its own until this is decided.
        wish.counted = Some(Counted { order: self.id, shipment: Some(shipment.id) });
        wish.refused_by = shipment.refused_by.clone();
        // A shipment that is on its way has a courier; nothing else is read for it.
        let is_over = shipment.state.is_over() || shipment.assignment.is_none();
        if occasion == PromiseOccasion::Tracking && is_over {
            return;
        }
        let before = legs.iter().find(|it| it.location == shipment.location);
        let now = match carried(shipment, &wish, before) {
            Some(mut leg) => {
                if occasion != PromiseOccasion::Tracking {
                    leg.leaves(unit.location(&shipment.location), leg.ship_at);
                }
                leg
            }
            // Nothing is left to do for it.
            None if matches!(shipment.state, ShipmentState::Packed | ShipmentState::Labelled) => {
                packed_leg(unit, &wish, self.parcel_of(shipment), &shipment.packages)
            }
            None => leg(unit, &wish, self.parcel_of(shipment)),
        };
        match legs.iter_mut().find(|it| it.location == shipment.location) {
            Some(leg) => *leg = now,
            None => legs.push(now),
        }
        self.note_promise(unit, Promise::new(unit.now, occasion, legs));
    }

    /// Notes the day on which a shipment has left.
    pub(in crate::domain) fn has_left_on(&mut self, unit: &UnitOfWork, index: usize, at: Timestamp) {
        let Some(promise) = &mut self.promise else { return };
        let code = &self.shipments[index].location;
        if let Some(leg) = promise.legs.iter_mut().find(|it| it.location == *code) {
            leg.leaves(unit.location(code), Some(at));
        }
    }

    /// Nobody knows any more when a shipment leaves.
    pub(in crate::domain) fn promise_nothing(&mut self, unit: &mut UnitOfWork, index: usize, why: &str) {
        let location = self.shipments[index].location.clone();
        self.promise_nothing_from(unit, &location, why, PromiseOccasion::ShortPick);
    }

    /// Nobody knows any more when what a location ships leaves.
    pub(in crate::domain) fn promise_nothing_from(
        &mut self,
        unit: &mut UnitOfWork,
        location: &LocationCode,
        why: &str,
        occasion: PromiseOccasion,
    ) {
        let Some(mut promise) = self.promise.clone() else { return };
        for leg in promise.legs.iter_mut().filter(|it| it.location == *location) {
            (leg.ready_at, leg.ship_at, leg.delivery_at, leg.cheapest_at) = (None, None, None, None);
            leg.ship_day = None;
            leg.why = cut(why.to_owned(), WHY_MAX);
        }
        (promise.at, promise.occasion) = (unit.now, occasion);
        self.note_promise(unit, promise);
    }

    fn parcel_of(&self, shipment: &Shipment) -> Parcel {
        let mut all = Goods::default();
        shipment.items.iter().for_each(|it| all.add(Goods::of(it.weight_grams, &it.handling), it.quantity));
        let Goods { weight_grams, volume_mm3, dangerous } = all;
        Parcel {
            location: shipment.location.clone(),
            lines: shipment.items.iter().map(|it| it.line).collect(),
            weight_grams,
            volume_mm3,
            dangerous,
            stock_at: None,
        }
    }

    /// Keeps the promise, and tells the history if its date has moved.
    pub(in crate::domain) fn note_promise(&mut self, unit: &mut UnitOfWork, promise: Promise) {
        let before = self.promise.as_ref().map(Promise::delivery_at);
        let now = promise.delivery_at();
        let zone = Addressed::to(&self.shipping_address).time_zone;
        let said = |at| match (&zone, at) {
            (_, None) => "on an unknown date".to_owned(),
            (Some(zone), Some(at)) => in_zone(zone, at),
            (None, Some(at)) => at.to_string(),
        };
        let moved = match (before, now) {
            (None, _) | (Some(None), None) => false,
            (Some(Some(one)), Some(other)) => one.since(other).max(other.since(one)) >= MOVE_TOLD,
            (Some(Some(_)), None) | (Some(None), Some(_)) => true,
        };
        if let Some(before) = before.filter(|_| moved) {
            let text = format!("delivery {}, not {}: {}", said(now), said(before), promise.words());
            self.record_automatic(unit, EventKind::PromiseMoved, None, text);
        }
        self.promise = Some(promise);
    }

    /// Promises what can be kept: the delivery by the cheapest offer, or the requested one, or the earliest if that is
    /// later.
    pub(in crate::domain) fn promise_to_customer(&mut self) {
        let promise = self.promise.as_ref();
        self.promised_by = match self.requested_by {
            Some(requested) => promise.and_then(Promise::delivery_at).map(|it| requested.max(it)),
            None => promise.and_then(Promise::cheapest_at),
        };
    }

    /// Whether the requested date can be met; None: no date was requested.
    pub(in crate::domain) fn requested_date_feasible(&self) -> Option<bool> {
        let requested = self.requested_by?;
        Some(self.promise.as_ref().and_then(Promise::delivery_at).is_some_and(|it| it <= requested))
    }
}

/// The leg of a shipment that a courier has, on the day of the leg before it; None: none has it yet.
fn carried(shipment: &Shipment, wish: &Wish, before: Option<&PromiseLeg>) -> Option<PromiseLeg> {
    let assignment = shipment.assignment.as_ref()?;
    let ship_at = shipment.handover.as_ref().map_or(assignment.pickup_at, |it| it.at);
    let delivery_at = shipment.estimated_at.unwrap_or(assignment.delivery_at);
    let there = |at| wish.to.time_zone.as_ref().map_or_else(|| format!("{at}"), |it| in_zone(it, at));
    let courier = &assignment.courier;
    let why = match &shipment.handover {
        Some(_) => format!("{courier} has it and expects to deliver {}", there(delivery_at)),
        None => format!("{courier} is to pick up {} and to deliver {}", there(ship_at), there(delivery_at)),
    };
    Some(PromiseLeg {
        location: shipment.location.clone(),
        lines: shipment.items.iter().map(|it| it.line).collect(),
        stock_at: None,
        ready_at: before.and_then(|it| it.ready_at),
        courier: Some(assignment.courier.clone()),
        service: assignment.service,
        service_name: assignment.service_name.clone(),
        ship_at: Some(ship_at),
        delivery_at: Some(delivery_at),
        cheapest_at: None,
        why,
        ship_day: before.and_then(|it| it.ship_day),
    })
}
