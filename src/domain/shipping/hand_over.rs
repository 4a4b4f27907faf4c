//! Step 13: the courier takes the packages; stock leaves here.

use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::model::counted;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{ReservationState, ReservedItem};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Handover, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{ReportOrigin, TrackingReport, TrackingStatus};
use crate::domain::shipping::lots::{by_lot, next_of};
use crate::domain::shipping::tracking_state::left_at;
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
        let have = self.shipments[index].packages.len();
        if usize::try_from(packages) != Ok(have) {
            let message = format!("the shipment has {}, handed over: {packages}", counted::packages(have));
            return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[index], message));
        }
        let at = self.leaves_at(unit, index, at);
        let shipment = &self.shipments[index];
        let (location, estimated_at) = (shipment.location.to_string(), shipment.estimated_at);
        self.must_not_be_expired(index, at)?;

        let text = format!("{} handed over", counted::packages(have));
        self.hand_over(unit, index, at, driver, text)?;
        // It is a tracking event, so that what follows is a function of the events alone.
        let report = TrackingReport {
            package: 0,
            event_id: String::new(),
            status: TrackingStatus::PickedUp,
            incident: String::new(),
            location,
            occurred_at: at,
            estimated_at,
            raw_code: "HANDOVER".to_owned(),
            description: "handed over to the courier".to_owned(),
            received_by: String::new(),
        };
        self.add_report(unit, index, &report, ReportOrigin::Pickup);
        self.follow_reports(unit, index, 0)
    }

    /// When goods leave that somebody says were handed over then, or now. The courier's reports may have been quicker, and
    /// it cannot have had the goods before it got them.
    pub(super) fn leaves_at(&self, unit: &UnitOfWork, index: usize, said: Option<Timestamp>) -> Timestamp {
        let at = said.unwrap_or(unit.now).min(unit.now);
        left_at(&self.shipments[index].tracking).map_or(at, |it| it.min(at))
    }

    /// The same, when the courier's report says that it has the goods and nobody has confirmed the pickup. They have
    /// left, so a hold on the order does not stop it; the history says that there was one.
    pub(super) fn hand_over_by_report(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        let at = left_at(&shipment.tracking).unwrap_or(unit.now).min(unit.now);
        let held = if self.on_hold() { ", while the order is on hold" } else { "" };
        let text = format!(
            "{} handed over, as the courier reports{held}",
            counted::packages(shipment.packages.len())
        );
        self.hand_over(unit, index, at, "the courier's report", text)
    }

    /// All packages leave.
    fn hand_over(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        at: Timestamp,
        driver: &str,
        text: String,
    ) -> Result<(), Refusal> {
        self.consume_stock(unit, index)?;
        self.has_left_on(unit, index, at);
        let shipment = &mut self.shipments[index];
        let id = shipment.id;
        shipment.handover = Some(Handover {
            at,
            driver: driver.to_owned(),
            packages: i32::try_from(shipment.packages.len()).unwrap_or(i32::MAX),
            confirmed_by: unit.actor.clone(),
        });
        self.move_shipment(unit, index, ShipmentState::PickedUp, EventKind::ShipmentPickedUp, text)?;
        self.notify(unit, MessageKind::Shipped, Some(id), 0);
        self.progress(unit)
    }

    fn consume_stock(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let shipment = self.shipments[index].clone();
        let order = self.id;
        let last = self.live_shipments().all(|it| it.id == shipment.id || it.handover.is_some())
            && self.is_planned_whole();
        let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
        for packed in &shipment.items {
            let (mut left, mut lots) = (packed.packed, packed.lots.clone());
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
                level.reserved -= units;
                let of_lots = next_of(&mut lots, units);
                if of_lots.is_empty() {
                    level.on_hand -= units;
                }
                for (name, units) in &of_lots {
                    level.change_lot(name, |it| {
                        it.on_hand -= units;
                        it.allotted -= units;
                    });
                }
                unit.keep_level(level);
                for (lot, units) in by_lot(of_lots, units) {
                    let entry = Posting::of(&item.sku, &item.location, MovementKind::Ship);
                    post(
                        unit,
                        Posting {
                            on_hand: -units,
                            reserved: -units,
                            reservation: Some(reservation.id),
                            order: Some(order),
                            shipment: Some(shipment.id),
                            lot,
                            ..entry
                        },
                    );
                }
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
