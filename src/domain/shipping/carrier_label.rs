//! Step 12: the courier's own labels and numbers are recorded.

use crate::domain::model::event::EventKind;
use crate::domain::model::label_file::LabelFile;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, ShipmentId};
use crate::domain::model::shipment::{CarrierLabel, Shipment, ShipmentState};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// Records what the courier has labelled packages with.
#[derive(Debug, Clone)]
pub struct RecordCarrierLabel {
    pub target: Target,
    pub shipment: ShipmentId,
    /// The shipment's courier, whose numbers these are.
    pub courier: CourierCode,
    /// Of different packages and under different numbers.
    pub labels: Vec<NewCarrierLabel>,
}

/// The label of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCarrierLabel {
    pub package: i32,
    pub number: String,
    /// Empty: there is no file.
    pub media_type: String,
    pub file: Option<LabelFile>,
}

/// How many labels are recorded for one shipment, replaced ones included, whose files are kept too: ten for each of the 100
/// packages that it may have.
const LABELS_RECORDED_MAX: usize = 1_000;

impl OrderCommand for RecordCarrierLabel {
    const NAME: &'static str = "RecordCarrierLabel";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    /// The orders that have one of these numbers: a number belongs to one parcel.
    fn also_reads(&self) -> ReadSet {
        let named = |it: &NewCarrierLabel| tracked(&self.courier, &it.number);
        ReadSet { parts: self.labels.iter().map(named).collect(), ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.record_carrier_labels(unit, self.shipment, &self.courier, &self.labels)
    }
}

/// The package number of a label that is for all packages of a shipment.
pub(in crate::domain) const ALL_PACKAGES: i32 = 0;

pub(super) fn tracked(courier: &CourierCode, number: &str) -> Part {
    Part::Tracked { courier: courier.clone(), number: number.to_owned() }
}

impl Order {
    /// Notes the courier's numbers, each for one package; a package that has one gets the new one instead. From here on
    /// the shipment is found by them, and letters name them.
    pub fn record_carrier_labels(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        courier: &CourierCode,
        labels: &[NewCarrierLabel],
    ) -> Result<(), Refusal> {
        let index = self.shipment_index(id)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("record a courier's label"));
        }
        let shipment = &self.shipments[index];
        let is_given = shipment.state == ShipmentState::CourierAssigned || shipment.state.is_handed_over();
        let Some(given) = shipment.assignment.as_ref().filter(|_| is_given) else {
            let message = format!(
                "cannot record a courier's label: the shipment is {}, not given to a courier",
                shipment.state
            );
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        };

        let mut bad = Problems::default();
        if given.courier != *courier {
            bad.add("courier", format!("the shipment's courier is {}", given.courier));
        }
        for (number, label) in labels.iter().enumerate() {
            if shipment.packages.iter().all(|it| it.number != label.package) {
                let message = format!("the shipment has packages 1 to {}", shipment.packages.len());
                bad.add(format!("labels[{number}].package_number"), message);
            }
        }
        bad.into_result()?;
        for label in labels {
            self.must_be_free_number(unit, id, &tracked(courier, &label.number), label.package)?;
        }

        let recorded = self.shipments[index].labels_recorded as usize;
        if recorded + labels.len() > LABELS_RECORDED_MAX {
            let message =
                format!("couriers' labels of a shipment are recorded {LABELS_RECORDED_MAX} times at most");
            return Err(self.unmet_shipment(Reason::LimitReached, &self.shipments[index], message));
        }
        self.note_carrier_labels(unit, index, courier, labels);
        Ok(())
    }

    /// The same of labels that are known to be right.
    pub(super) fn note_carrier_labels(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        courier: &CourierCode,
        labels: &[NewCarrierLabel],
    ) {
        let shipment = &mut self.shipments[index];
        for NewCarrierLabel { package, number, media_type, file } in labels.iter().cloned() {
            shipment.carrier_labels.retain(|it| it.package != package);
            shipment.carrier_labels.push(CarrierLabel {
                package,
                courier: courier.clone(),
                number,
                media_type,
                sha256: file.as_ref().map(|it| it.sha256.clone()).unwrap_or_default(),
                recorded_by: unit.actor.clone(),
                recorded_at: unit.now,
            });
            unit.changes.label_files.extend(file);
        }
        let count = u32::try_from(labels.len()).unwrap_or(u32::MAX);
        shipment.labels_recorded = shipment.labels_recorded.saturating_add(count);
        shipment.carrier_labels.sort_by_key(|it| it.package);
        let (id, numbers) = (shipment.id, shipment.courier_numbers().join(", "));
        self.touch_shipment(unit, index);
        self.record(
            unit,
            EventKind::CarrierLabelRecorded,
            None,
            format!("{id}: {courier} calls it {numbers}"),
        );
    }

    /// Refuses a number that this courier has given to something else.
    pub(super) fn must_be_free_number(
        &self,
        unit: &UnitOfWork,
        id: ShipmentId,
        part: &Part,
        package: i32,
    ) -> Result<(), Refusal> {
        let Part::Tracked { courier: _, number } = part else { return Ok(()) };
        let is_same = |it: &Shipment| it.id == id && it.package_numbered(number) == package;
        let is_taken = match unit.order_of(part) {
            Ok(owner) if owner == self.id => self
                .shipment_named(part)
                .is_ok_and(|named| !self.shipments.iter().any(|it| it.id == named && is_same(it))),
            // It may have given the number back since it was looked up.
            Ok(owner) => unit.order(owner).is_ok_and(|it| it.has(part)),
            Err(_) => false,
        };
        if is_taken { Err(Refusal::exists("tracking number", number)) } else { Ok(()) }
    }
}
