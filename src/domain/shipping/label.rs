//! Step 11: the label is made and voided.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Label, ShipmentState};
use crate::domain::shipping::tracking_number::tracking_number;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct CreateShippingLabel {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for CreateShippingLabel {
    const NAME: &'static str = "CreateShippingLabel";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.create_label(unit, self.shipment)
    }
}

#[derive(Debug, Clone)]
pub struct VoidShippingLabel {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for VoidShippingLabel {
    const NAME: &'static str = "VoidShippingLabel";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { couriers: true, locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.void_label(unit, self.shipment)
    }
}

impl Order {
    /// The label gets a tracking number of our own. Its paper is made when it is asked for.
    pub fn create_label(&mut self, unit: &mut UnitOfWork, id: ShipmentId) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::Packed, "create a label")?;

        // Each label carries a number of its own: the paper of a voided one may still be around.
        let number = tracking_number(unit.ids.fresh());
        let label =
            Label { tracking_number: number.clone(), created_at: unit.now, created_by: unit.actor.clone() };
        self.shipments[index].label = Some(label);
        let text = format!("label {number}");
        self.move_shipment(unit, index, ShipmentState::Labelled, EventKind::LabelCreated, text)
    }

    /// Takes the label back, and the courier with it, so that the shipment can be packed anew. Its dates are those of the
    /// courier no more.
    pub fn void_label(&mut self, unit: &mut UnitOfWork, id: ShipmentId) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.void_label_of(unit, index)
    }

    /// The same whatever holds there are: the label says what is no longer true.
    pub(in crate::domain) fn void_label_of(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
    ) -> Result<(), Refusal> {
        self.must_be_here(index, "void the label")?;
        let had_courier = self.shipments[index].state == ShipmentState::CourierAssigned;
        if had_courier {
            let text = "courier released with its label".to_owned();
            self.release_courier(unit, index, EventKind::LabelVoided, text)?;
        }
        self.shipment_must_be(index, ShipmentState::Labelled, "void the label")?;

        let number = self.shipments[index].label.take().map(|it| it.tracking_number).unwrap_or_default();
        let text = format!("label {number} voided");
        self.move_shipment(unit, index, ShipmentState::Packed, EventKind::LabelVoided, text)?;
        // Packed anew, or for another address, it may be what that courier takes.
        let was_refused = !std::mem::take(&mut self.shipments[index].refused_by).is_empty();
        if had_courier || was_refused {
            self.expect_another_courier(unit, index);
        }
        Ok(())
    }
}
