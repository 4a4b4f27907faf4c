//! Step 9: the picked units are checked.

use std::collections::BTreeMap;

use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{Actor, ShipmentId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct RecordQualityCheck {
    pub target: Target,
    pub shipment: ShipmentId,
    pub checks: Vec<LineCheck>,
}

impl OrderCommand for RecordQualityCheck {
    const NAME: &'static str = "RecordQualityCheck";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.record_quality_check(unit, self.shipment, &self.checks)
    }
}

/// Result of the check of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCheck {
    pub line: i32,
    pub passed: i64,
    pub failed: i64,
    /// What is wrong with the failed units.
    pub defect: String,
}

impl Order {
    /// Every picked unit passes or fails. Failed ones go to quality hold, and others are picked in their place: from the same
    /// location, or from another of the region that has them.
    pub fn record_quality_check(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        checks: &[LineCheck],
    ) -> Result<(), Refusal> {
        let index = self.workable(id)?;
        self.shipment_must_be(index, ShipmentState::Picked, "record a check")?;

        let mut problems = Problems::default();
        let by_line: BTreeMap<i32, &LineCheck> = checks.iter().map(|it| (it.line, it)).collect();
        if by_line.len() != checks.len() {
            problems.add("checks", "name a line twice");
        }
        for (check, number) in checks.iter().zip(0..) {
            if !self.shipments[index].items.iter().any(|it| it.line == check.line) {
                problems.add(
                    format!("checks[{number}].line_number"),
                    format!("the shipment has no line {}", check.line),
                );
            }
        }
        for item in &self.shipments[index].items {
            let check = by_line.get(&item.line);
            let seen = check.map_or(0, |it| it.passed.saturating_add(it.failed));
            if seen != item.quantity || check.is_some_and(|it| it.passed < 0 || it.failed < 0) {
                let message =
                    format!("line {} has {} units to check, {seen} were named", item.line, item.quantity);
                problems.add("checks", message);
            }
        }
        problems.into_result()?;

        let (mut defects, mut failed) = (Vec::new(), Vec::new());
        for number in 0..self.shipments[index].items.len() {
            let item = &mut self.shipments[index].items[number];
            let check = by_line[&item.line];
            item.checked = check.passed;
            item.picked = check.passed;
            if check.failed > 0 {
                defects.push(format!("line {}: {} × {}", check.line, check.failed, check.defect));
                failed.push(format!("{} of line {}", check.failed, check.line));
                self.set_apart(unit, index, number, check.failed, &check.defect);
            }
        }

        let number = self.shipments[index].number;
        if defects.is_empty() {
            let text = format!("every unit of shipment {number} passed");
            return self.move_shipment(unit, index, ShipmentState::QcPassed, EventKind::QualityPassed, text);
        }
        for item in &mut self.shipments[index].items {
            item.checked = 0;
        }
        let text = format!("shipment {number} failed: {}", failed.join(", "));
        self.move_shipment(unit, index, ShipmentState::QcFailed, EventKind::QualityFailed, text)?;
        if !self.could_replace(unit, index)? && !self.replace_elsewhere(unit, index)? {
            let note = format!(
                "no stock of the region replaces what failed at {}: {}",
                self.shipments[index].location,
                defects.join("; ")
            );
            self.hold(unit, Actor::system(), HoldReason::QualityFailure, note);
        }
        Ok(())
    }

    /// Takes failed units out of the reservation into quality hold, where a person looks at them.
    fn set_apart(&mut self, unit: &mut UnitOfWork, index: usize, number: usize, failed: i64, defect: &str) {
        let mut level = self.take_out(unit, index, number, failed);
        level.quality_hold += failed;
        let (sku, location) = (level.sku.clone(), level.location.clone());
        unit.keep_level(level);
        let entry = Posting::of(&sku, &location, MovementKind::QualityHold);
        let (order, shipment) = (Some(self.id), Some(self.shipments[index].id));
        let reason = format!("failed the quality check: {defect}");
        post(unit, Posting { quality_hold: failed, order, shipment, reason, ..entry });
    }
}
