//! Step 9: the picked units are checked.

use std::collections::BTreeMap;

use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::lot::LotName;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{Actor, ShipmentId};
use crate::domain::model::shipment::{ShipmentItem, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::shipping::lots::by_lot;
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
    /// Of a product with lots: of which the failed units are. Empty: of the only one that is picked.
    pub failed_lots: Vec<(LotName, i64)>,
}

impl Order {
    /// Every picked unit passes or fails. Failed ones go to quality hold, and others are picked in their place: from the same
    /// location, or from others of the region as far as these have some. What nobody has holds the order, or waits if it
    /// ships what is there.
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
        let mut of_lots = lots_by_line(&self.shipments[index].items, checks, &mut problems);
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
                let lots = of_lots.remove(&check.line).unwrap_or_default();
                self.set_apart(unit, index, number, check, lots);
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
        self.replace_failed(unit, index, &failed.join(", "), &defects.join("; "))
    }

    /// Others in the place of units that failed: from the same shelf when they are picked, or from elsewhere.
    fn replace_failed(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        failed: &str,
        defects: &str,
    ) -> Result<(), Refusal> {
        if self.could_replace(unit, index)? {
            return Ok(());
        }
        let location = self.shipments[index].location.clone();
        let why = format!("failed the check at {location}: {failed}");
        if let Some(lacking) = self.replace_elsewhere(unit, index, &why)? {
            let note = format!(
                "no stock of the region replaces what failed at {location}: {lacking}; found: {defects}"
            );
            self.hold(unit, Actor::system(), HoldReason::QualityFailure, note);
        }
        Ok(())
    }

    /// Takes failed units out of the reservation into quality hold, where a person looks at them.
    fn set_apart(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        number: usize,
        check: &LineCheck,
        lots: Vec<(LotName, i64)>,
    ) {
        let mut level = self.take_out(unit, index, number, check.failed);
        if level.lots.is_empty() {
            level.quality_hold += check.failed;
        }
        let item = &mut self.shipments[index].items[number];
        for (name, failed) in &lots {
            level.change_lot(name, |it| {
                it.quality_hold += failed;
                it.allotted -= failed;
            });
            for it in item.lots.iter_mut().filter(|it| it.name == *name) {
                it.quantity -= failed;
                it.picked -= failed;
            }
        }
        item.lots.retain(|it| it.quantity > 0);
        let (sku, location) = (level.sku.clone(), level.location.clone());
        unit.keep_level(level);
        let (order, shipment) = (Some(self.id), Some(self.shipments[index].id));
        for (lot, quality_hold) in by_lot(lots, check.failed) {
            let entry = Posting::of(&sku, &location, MovementKind::QualityHold);
            let reason = format!("failed the quality check: {}", check.defect);
            post(unit, Posting { quality_hold, order, shipment, reason, lot, ..entry });
        }
    }
}

/// Of which lots the failed units of each line are.
fn lots_by_line(
    items: &[ShipmentItem],
    checks: &[LineCheck],
    problems: &mut Problems,
) -> BTreeMap<i32, Vec<(LotName, i64)>> {
    let mut of_lots = BTreeMap::new();
    for (check, number) in checks.iter().zip(0..) {
        if let Some(item) = items.iter().find(|it| it.line == check.line) {
            let lots = failed_lots(item, check, &format!("checks[{number}]"), problems);
            of_lots.insert(check.line, lots);
        }
    }
    of_lots
}

/// Of which lots failed units are; what cannot be told is a problem of the check.
fn failed_lots(
    item: &ShipmentItem,
    check: &LineCheck,
    at: &str,
    problems: &mut Problems,
) -> Vec<(LotName, i64)> {
    let field = format!("{at}.failed_lots");
    let LineCheck { failed, failed_lots: named, .. } = check;
    match (item.lots.as_slice(), named.as_slice()) {
        (_, []) if *failed == 0 => Vec::new(),
        ([], []) => Vec::new(),
        ([only], []) => vec![(only.name.clone(), *failed)],
        (_, []) => {
            let names: Vec<&str> = item.lots.iter().map(|it| it.name.as_str()).collect();
            problems.add(field, format!("must say how many units of which lot failed: {}", names.join(", ")));
            Vec::new()
        }
        ([], _) => {
            problems.add(field, format!("must be left out: {} is not stocked by lots", item.sku));
            Vec::new()
        }
        (lots, named) => {
            let sum = named.iter().fold(0_i64, |sum, it| sum.saturating_add(it.1));
            if sum != *failed {
                problems.add(&*field, format!("names {sum} units, and {failed} failed"));
            }
            for (number, (name, units)) in named.iter().enumerate() {
                let picked = lots.iter().find(|it| it.name == *name).map_or(0, |it| it.picked);
                let again = named[..number].iter().any(|it| it.0 == *name);
                if again || !(1..=picked).contains(units) {
                    problems.add(
                        format!("{field}[{number}]"),
                        format!("{picked} units of lot {name} are picked; each lot is named once"),
                    );
                }
            }
            named.to_vec()
        }
    }
}
