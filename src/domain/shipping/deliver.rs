//! Step 16: delivery is confirmed.

use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, ShipmentId};
use crate::domain::model::shipment::{Proof, Shipment};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{ReportOrigin, TrackingReport, TrackingStatus};
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
            origin: ReportOrigin::Confirmation,
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

    fn may_be_a_carriers(&self, order: &Order, carrier: &Actor) -> Result<(), Refusal> {
        let shipment = &order.shipments[order.shipment_index(self.shipment)?];
        if shipment.is_confirmable_by(Some(carrier)) {
            return Ok(());
        }
        let why = match shipment.is_astray() {
            true => format!("the shipment is {}, which its sender has to correct", shipment.state),
            false => "somebody else has confirmed it".to_owned(),
        };
        let message = format!("cannot confirm the delivery: {why}");
        Err(order.unmet_shipment(Reason::IllegalTransition, shipment, message))
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let proof = self.delivery.proof(unit);
        order.confirm_delivery(unit, self.shipment, proof)
    }
}

impl Shipment {
    /// Whether who carries it may confirm its delivery. To find again what was lost or has gone back is for our people,
    /// and another person's confirmation stands.
    pub fn is_confirmable_by(&self, carrier: Option<&Actor>) -> bool {
        let confirmed = self.proof.as_ref().filter(|it| it.origin == ReportOrigin::Confirmation);
        !self.is_astray() && confirmed.is_none_or(|it| Some(&it.recorded_by) == carrier)
    }
}

impl Order {
    /// Confirms the delivery with its proof. It counts as a tracking report that means the customer whatever couriers
    /// say, and the proof counts more than theirs.
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
            package: 0,
            event_id: String::new(),
            status: TrackingStatus::Delivered,
            incident: String::new(),
            location: proof.location.clone(),
            occurred_at: proof.at,
            estimated_at: None,
            raw_code: "CONFIRMED".to_owned(),
            description: "delivery confirmed".to_owned(),
            received_by: proof.received_by.clone(),
        };
        let known = shipment.tracking.len();
        self.shipments[index].proof = Some(proof);
        // Without room there is a confirmation already: the proof is what is new.
        self.add_report(unit, index, &report, ReportOrigin::Confirmation);
        self.follow_reports(unit, index, known)
    }
}
