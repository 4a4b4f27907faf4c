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
use crate::domain::unit::journal::moved;
use crate::domain::unit::unit_of_work::{Desk, Touch};

/// What was handed over, to whom and when. Stock leaves here.
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

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.confirm_pickup(desk, self.shipment, &self.driver, self.packages, self.at)
    }
}

impl Order {
    /// The handover: from here on the goods are on the road, and out of stock.
    pub fn confirm_pickup(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        driver: &str,
        packages: i32,
        at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::CourierAssigned, "confirm the pickup")?;
        let have = i32::try_from(self.shipments[place].packages.len()).unwrap_or(i32::MAX);
        if packages != have {
            let message = format!("the shipment has {have} packages, {packages} were handed over");
            return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[place], message));
        }
        let at = at.unwrap_or(desk.now).min(desk.now);

        self.consume_stock(desk, place)?;
        let shipment = &mut self.shipments[place];
        shipment.handover =
            Some(Handover { at, driver: driver.to_owned(), packages, confirmed_by: desk.actor.clone() });
        let text = format!("{packages} packages handed over");
        self.move_shipment(desk, place, ShipmentState::PickedUp, EventKind::ShipmentPickedUp, text)?;
        self.add_handover_scan(desk, place, at);
        self.notify(desk, MessageKind::Shipped, Some(id), 0);
        self.progress(desk)
    }

    /// The handover is the first tracking event, so that what follows is a function of the events alone.
    fn add_handover_scan(&mut self, desk: &Desk, place: usize, at: Timestamp) {
        let shipment = &mut self.shipments[place];
        let where_from = shipment.location.to_string();
        let status = TrackingStatus::PickedUp;
        shipment.tracking.push(TrackingEvent {
            sequence: i64::try_from(shipment.tracking.len()).unwrap_or(i64::MAX - 1) + 1,
            status,
            incident: String::new(),
            key: key(status, at, &where_from, "HANDOVER", ""),
            place: where_from,
            occurred_at: at,
            recorded_at: desk.now,
            estimated_at: shipment.estimated_at,
            source: desk.actor.clone(),
            raw_code: "HANDOVER".to_owned(),
            description: "handed over to the courier".to_owned(),
        });
    }

    fn consume_stock(&mut self, desk: &mut Desk, place: usize) -> Result<(), Refusal> {
        let shipment = self.shipments[place].clone();
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
                    desk.level(&item.sku, &item.location).cloned().expect("reserved stock has a level");
                level.on_hand -= units;
                level.reserved -= units;
                desk.keep_level(level);
                let entry = Posting::of(&item.sku, &item.location, MovementKind::Ship);
                post(
                    desk,
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
        let step = moved(reservation.id.0, reservation.state, to)?;
        reservation.state = to;
        self.tell(desk, EventKind::ReservationConsumed, Some(step), "shipped units left the reservation");
        Ok(())
    }
}
