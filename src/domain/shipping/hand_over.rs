//! Step 13: the courier takes the packages; stock leaves here.

use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{ReservationState, ReservedItem};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Handover, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};
use crate::domain::shipping::tracking_state::key;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Records the handover: packages, driver and time. Stock leaves here.
#[derive(Debug, Clone)]
pub struct ConfirmPickup {
    pub target: Target,
    pub shipment: ShipmentId,
    pub packages: i32,
    pub driver: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl OrderCommand for ConfirmPickup {
    const NAME: &'static str = "ConfirmPickup";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.confirm_pickup(unit, self.shipment, &self.driver, self.packages, self.at)
    }
}

impl Order {
    /// The handover: from here on the goods are on the road, and out of stock.
    pub fn confirm_pickup(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        driver: &str,
        packages: i32,
        at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::CourierAssigned, "confirm the pickup")?;
        self.must_have_its_label(index)?;
        let have = i32::try_from(self.shipments[index].packages.len()).unwrap_or(i32::MAX);
        if packages != have {
            let message = format!("the shipment has {have} packages, {packages} were handed over");
            return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[index], message));
        }
        let at = at.unwrap_or(unit.now).min(unit.now);

        self.consume_stock(unit, index)?;
        let shipment = &mut self.shipments[index];
        shipment.handover =
            Some(Handover { at, driver: driver.to_owned(), packages, confirmed_by: unit.actor.clone() });
        let text = format!("{packages} packages handed over");
        self.move_shipment(unit, index, ShipmentState::PickedUp, EventKind::ShipmentPickedUp, text)?;
        self.add_handover_scan(unit, index, at);
        self.notify(unit, MessageKind::Shipped, Some(id), 0);
        self.progress(unit)
    }

    /// The handover is the first tracking event, so that what follows is a function of the events alone.
    fn add_handover_scan(&mut self, unit: &UnitOfWork, index: usize, at: Timestamp) {
        let shipment = &mut self.shipments[index];
        let where_from = shipment.location.to_string();
        let status = TrackingStatus::PickedUp;
        shipment.tracking.push(TrackingEvent {
            sequence: i64::try_from(shipment.tracking.len()).unwrap_or(i64::MAX - 1) + 1,
            status,
            incident: String::new(),
            key: key(status, at, &where_from, "HANDOVER", ""),
            location: where_from,
            occurred_at: at,
            recorded_at: unit.now,
            estimated_at: shipment.estimated_at,
            source: unit.actor.clone(),
            raw_code: "HANDOVER".to_owned(),
            description: "handed over to the courier".to_owned(),
        });
    }

    fn consume_stock(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let shipment = self.shipments[index].clone();
        let order = self.id;
        let last = self.live_shipments().all(|it| it.id == shipment.id || it.handover.is_some());
        let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
        for packed in &shipment.items {
            let mut left = packed.packed;
            let here = |it: &&mut ReservedItem| it.line == packed.line && it.location == shipment.location;
            for item in reservation.items.iter_mut().filter(here) {
                let units = left.min(item.open());
                if units == 0 {
                    continue;
                }
                left -= units;
                item.consumed += units;
                let mut level =
                    unit.level(&item.sku, &item.location).cloned().expect("reserved stock has a level");
                level.on_hand -= units;
                level.reserved -= units;
                unit.keep_level(level);
                let entry = Posting::of(&item.sku, &item.location, MovementKind::Ship);
                post(
                    unit,
                    Posting {
                        on_hand: -units,
                        reserved: -units,
                        reservation: Some(reservation.id),
                        order: Some(order),
                        shipment: Some(shipment.id),
                        ..entry
                    },
                );
            }
            assert!(left == 0, "a shipment never packs more than is reserved for it");
        }

        // With units of another shipment set apart by its check, nothing may be left and still something be to come.
        let to = if last { ReservationState::Consumed } else { ReservationState::PartiallyConsumed };
        reservation.version += 1;
        if reservation.state == to {
            return Ok(());
        }
        let step = step_between(reservation.id.0, reservation.state, to)?;
        reservation.state = to;
        self.record(unit, EventKind::ReservationConsumed, Some(step), "shipped units left the reservation");
        Ok(())
    }
}
