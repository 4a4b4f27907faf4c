//! Step 10: the checked units are packed.

use std::collections::BTreeMap;

use crate::domain::model::counted;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Package, ShipmentState};
use crate::domain::shipping::progress::CONTENTS_MAX;
use crate::domain::shipping::weight::{weigh, weight_warning};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct PackShipment {
    pub target: Target,
    pub shipment: ShipmentId,
    pub packages: Vec<Package>,
}

impl OrderCommand for PackShipment {
    const NAME: &'static str = "PackShipment";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { couriers: true, locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.pack(unit, self.shipment, self.packages.clone())
    }
}

impl Order {
    /// Every checked unit goes into exactly one package. Packing again replaces what was packed. The dates are looked at anew.
    pub fn pack(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        packages: Vec<Package>,
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        let is_packed = self.shipments[index].state == ShipmentState::Packed;
        if !is_packed {
            self.shipment_must_be(index, ShipmentState::QcPassed, "pack")?;
        }

        let contents: usize = packages.iter().map(|it| it.contents.len()).sum();
        if contents > CONTENTS_MAX {
            let message = format!("the packages of a shipment list at most {CONTENTS_MAX} lines together");
            return Err(self.unmet_shipment(Reason::LimitReached, &self.shipments[index], message));
        }

        let mut problems = Problems::default();
        let mut packed: BTreeMap<i32, i64> = BTreeMap::new();
        for (package, number) in packages.iter().zip(0..) {
            for (content, position) in package.contents.iter().zip(0..) {
                if !self.shipments[index].items.iter().any(|it| it.line == content.line) {
                    let field = format!("packages[{number}].contents[{position}].line_number");
                    problems.add(field, format!("the shipment has no line {}", content.line));
                }
                if content.quantity < 1 {
                    let field = format!("packages[{number}].contents[{position}].quantity");
                    problems.add(field, "must be at least 1");
                }
                let sum = packed.entry(content.line).or_default();
                *sum = sum.saturating_add(content.quantity);
            }
        }
        problems.into_result()?;
        for item in &self.shipments[index].items {
            let units = packed.get(&item.line).copied().unwrap_or(0);
            if units != item.checked {
                let message = format!(
                    "line {} has {} checked units, the packages contain {units}",
                    item.line, item.checked
                );
                return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[index], message));
            }
        }

        if is_packed {
            let text = "unpacked to be packed again";
            self.move_shipment(unit, index, ShipmentState::QcPassed, EventKind::ShipmentUnpacked, text)?;
        }
        let shipment = &mut self.shipments[index];
        for item in &mut shipment.items {
            item.packed = item.checked;
        }
        let weight: i64 = packages.iter().map(|it| it.weight_grams).sum();
        let text = format!("{}, {weight} g", counted::packages(packages.len()));
        shipment.packages = packages;
        weigh(shipment, &unit.rules.package_weight);
        let warning = weight_warning(shipment);
        self.move_shipment(unit, index, ShipmentState::Packed, EventKind::ShipmentPacked, text)?;
        if let Some(text) = warning {
            self.record(unit, EventKind::WeightDeviates, None, text);
        }
        // Nothing is left to be done before it leaves, and couriers go by what was packed.
        self.promise_shipment_anew(unit, index, PromiseOccasion::Packed);
        Ok(())
    }
}
