//! Step 16: delivery is confirmed.

use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::Proof;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::shipping::track::TrackingReport;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// A proof of delivery as the caller gives it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub received_by: String,
    pub location: String,
    /// 64 hexadecimal digits; empty: none.
    pub signature_sha256: String,
    /// 64 hexadecimal digits; empty: none.
    pub photo_sha256: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl Delivery {
    pub(super) fn proof(&self, unit: &UnitOfWork<'_>) -> Proof {
        let Self { received_by, location, signature_sha256, photo_sha256, at } = self.clone();
        let recorded_by = unit.actor.clone();
        Proof {
            received_by,
            location,
            signature_sha256,
            photo_sha256,
            at: at.unwrap_or(unit.now),
            recorded_by,
        }
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

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let proof = self.delivery.proof(unit);
        order.confirm_delivery(unit, self.shipment, proof)
    }
}

impl Order {
    /// Confirms the delivery with its proof. It counts as a tracking report, and a later report of a return does not undo
    /// it.
    pub fn confirm_delivery(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        proof: Proof,
    ) -> Result<(), Refusal> {
        let index = self.shipment_index(id)?;
        // Who has a proof by hand can bring the order back first: then the customer hears of it.
        if self.is_archived() {
            return Err(self.out_of_turn("confirm the delivery"));
        }
        let shipment = &self.shipments[index];
        if !shipment.state.is_handed_over() {
            let message = format!("cannot confirm the delivery: the shipment is {}", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let report = TrackingReport {
            status: TrackingStatus::Delivered,
            incident: String::new(),
            location: proof.location.clone(),
            occurred_at: proof.at,
            estimated_at: None,
            raw_code: "CONFIRMED".to_owned(),
            description: "delivery confirmed".to_owned(),
            received_by: proof.received_by.clone(),
        };
        self.shipments[index].proof = Some(proof);
        // Without room there is a delivery already: the proof is what is new.
        self.add_report(unit, index, &report);
        self.follow_reports(unit, index)
    }
}
