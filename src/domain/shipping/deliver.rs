//! Step 16: delivery is confirmed.

use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::Proof;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::shipping::track::Report;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::Desk;

/// A proof of delivery before anybody vouched for it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub received_by: String,
    pub place: String,
    /// 64 hexadecimal digits; empty: none.
    pub signature_sha256: String,
    /// 64 hexadecimal digits; empty: none.
    pub photo_sha256: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl Delivery {
    pub(super) fn proof(&self, desk: &Desk<'_>) -> Proof {
        let Self { received_by, place, signature_sha256, photo_sha256, at } = self.clone();
        let recorded_by = desk.actor.clone();
        Proof { received_by, place, signature_sha256, photo_sha256, at: at.unwrap_or(desk.now), recorded_by }
    }
}

#[derive(Debug, Clone)]
pub struct ConfirmDelivery {
    pub target: Target,
    pub shipment: ShipmentId,
    pub delivery: Delivery,
}

impl OrderCommand for ConfirmDelivery {
    const NAME: &'static str = "ConfirmDelivery";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let proof = self.delivery.proof(desk);
        order.confirm_delivery(desk, self.shipment, proof)
    }
}

impl Order {
    /// Somebody confirms the delivery with proof; counts as a report of its own, and stands against a return.
    pub fn confirm_delivery(&mut self, desk: &mut Desk, id: ShipmentId, proof: Proof) -> Result<(), Refusal> {
        let place = self.shipment_place(id)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("confirm the delivery"));
        }
        let shipment = &self.shipments[place];
        if !shipment.state.is_handed_over() {
            let message = format!("cannot confirm the delivery: the shipment is {}", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let report = Report {
            status: TrackingStatus::Delivered,
            incident: String::new(),
            place: proof.place.clone(),
            occurred_at: proof.at,
            estimated_at: None,
            raw_code: "CONFIRMED".to_owned(),
            description: "delivery confirmed".to_owned(),
            received_by: proof.received_by.clone(),
        };
        self.shipments[place].proof = Some(proof);
        // Without room there is a delivery already: the proof is what is new.
        self.add_report(desk, place, &report);
        self.follow_reports(desk, place)
    }
}
