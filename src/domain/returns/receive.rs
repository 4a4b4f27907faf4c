//! Goods of a return arrive, and somebody looks at them: the shelf gets what can be sold, or looked at closer.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::ledger::{Posting, post};
use crate::domain::inventory::lots::{Delta, LotFields, book};
use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::lot::LotNamed;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::returns::{Return, ReturnDisposition, ReturnLine, ReturnState};
use crate::domain::model::scalars::{LocationCode, ReturnId, Sku};
use crate::domain::model::stock::{MovementKind, StockLevel};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Units of one line that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedUnits {
    pub line: i32,
    pub quantity: i64,
}

/// Goods arrive, all or a part.
#[derive(Debug, Clone)]
pub struct ReceiveReturn {
    pub target: Target,
    pub id: ReturnId,
    pub location: LocationCode,
    pub lines: Vec<ArrivedUnits>,
}

impl OrderCommand for ReceiveReturn {
    const NAME: &'static str = "ReceiveReturn";
    type Output = ReturnId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ReturnId, Refusal> {
        order.receive_return(unit, self.id, &self.location, &self.lines).map(|()| self.id)
    }
}

/// What becomes of some units of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedUnits {
    pub line: i32,
    pub disposition: ReturnDisposition,
    pub quantity: i64,
    /// Of a product with lots: the lot of these units, if they go on the shelf.
    pub lot: Option<LotNamed>,
}

/// Decides what becomes of units that arrived, or did not.
#[derive(Debug, Clone)]
pub struct InspectReturn {
    pub target: Target,
    pub id: ReturnId,
    pub inspections: Vec<InspectedUnits>,
}

impl OrderCommand for InspectReturn {
    const NAME: &'static str = "InspectReturn";
    type Output = ReturnId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { order_stock: true, order_products: true, locations: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<ReturnId, Refusal> {
        order.inspect_return(unit, self.id, &self.inspections).map(|()| self.id)
    }
}

impl Order {
    pub fn receive_return(
        &mut self,
        unit: &mut UnitOfWork,
        id: ReturnId,
        location: &LocationCode,
        lines: &[ArrivedUnits],
    ) -> Result<(), Refusal> {
        let index = self.return_index(id, Action::ReceiveReturn, "receive")?;
        if unit.location(location).is_none() {
            return Err(Refusal::not_found("stock location", location));
        }
        check_arrived(&self.returns[index], location, lines).into_result()?;

        let it = &mut self.returns[index];
        it.location = Some(location.clone());
        for arrived in lines {
            line_of(it, arrived.line).received += arrived.quantity;
        }
        let to = match it.lines.iter().all(|it| it.expected() == 0) {
            true => ReturnState::Received,
            false => ReturnState::PartiallyReceived,
        };
        let units: i64 = lines.iter().map(|it| it.quantity).sum();
        let text = format!("{units} units arrived at {location}");
        self.turn_return(unit, index, to, EventKind::ReturnReceived, &text)?;
        if to == ReturnState::Received {
            self.tell_of_return(unit, index, MessageKind::ReturnReceived);
        }
        Ok(())
    }

    pub fn inspect_return(
        &mut self,
        unit: &mut UnitOfWork,
        id: ReturnId,
        inspections: &[InspectedUnits],
    ) -> Result<(), Refusal> {
        let index = self.return_index(id, Action::InspectReturn, "inspect")?;
        check_inspected(&self.returns[index], inspections).into_result()?;

        for (it, number) in inspections.iter().zip(0..) {
            let sku = self.lines.iter().find(|line| line.number == it.line).map(|line| line.sku.clone());
            let at = self.returns[index].location.clone();
            *line_of(&mut self.returns[index], it.line).count_mut(it.disposition) += it.quantity;
            // No location: nothing has arrived. All of these are MISSING then, and none goes on the shelf.
            if let (Some(sku), Some(at)) = (sku, at) {
                self.put_away(unit, &sku, &at, (it, number), id)?;
            }
        }
        let left = &self.returns[index].lines;
        let arrived = left.iter().all(|it| it.expected() == 0);
        let to = match (arrived, left.iter().all(|it| it.uninspected() == 0)) {
            (true, true) => ReturnState::Inspected,
            (true, false) => ReturnState::Received,
            // Some have not arrived yet: it stays where it is.
            (false, _) => self.returns[index].state,
        };
        let units: i64 = inspections.iter().map(|it| it.quantity).sum();
        let text = format!("{units} units inspected");
        self.turn_return(unit, index, to, EventKind::ReturnInspected, &text)
    }

    /// What goes on the shelf, with its entry in the ledger. What is thrown away, or goes back, was never on it.
    fn put_away(
        &self,
        unit: &mut UnitOfWork,
        sku: &Sku,
        at: &LocationCode,
        (units, number): (&InspectedUnits, usize),
        id: ReturnId,
    ) -> Result<(), Refusal> {
        let quantity = units.quantity;
        let (kind, held) = match units.disposition {
            ReturnDisposition::Restock => (MovementKind::Restock, 0),
            ReturnDisposition::Quarantine => (MovementKind::QualityHold, quantity),
            ReturnDisposition::Scrap | ReturnDisposition::Missing | ReturnDisposition::BackToCustomer => {
                return Ok(());
            }
        };
        let found = unit.level(sku, at).cloned();
        let mut level = found.unwrap_or_else(|| StockLevel::empty(sku.clone(), at.clone(), unit.now));
        let back = Delta { on_hand: quantity, damaged: 0, quality_hold: held };
        let (lot, expire_date) =
            (format!("inspections[{number}].lot"), format!("inspections[{number}].expire_date"));
        let fields = LotFields { lot: &lot, expire_date: &expire_date, units: "inspections" };
        let named = units.lot.as_ref().map(|it| self.with_date_shipped(sku, it));
        book(unit, &mut level, named.as_ref(), back, fields)?;
        unit.keep_level(level);
        let reason = format!("{}: {id}", units.disposition);
        let entry = Posting::of(sku, at, kind);
        let (order, lot) = (Some(self.id), named.map(|it| it.name));
        post(unit, Posting { on_hand: quantity, quality_hold: held, order, reason, lot, ..entry });
        Ok(())
    }

    /// The lot with the day on which it expires, if units of it were sent with this order.
    fn with_date_shipped(&self, sku: &Sku, named: &LotNamed) -> LotNamed {
        let items = self.shipments.iter().flat_map(|it| &it.items);
        let sent = items.filter(|it| it.sku == *sku).flat_map(|it| &it.lots);
        let known = sent.filter(|it| it.name == named.name).map(|it| it.expires_on).next();
        LotNamed { name: named.name.clone(), expires_on: named.expires_on.or(known) }
    }
}

pub(super) fn line_of(it: &mut Return, line: i32) -> &mut ReturnLine {
    it.lines
        .iter_mut()
        .find(|it| it.line == line)
        .expect("check_arrived, check_inspected and check_resolved refuse lines that it has not")
}

/// Every fault of what is said to have arrived.
fn check_arrived(it: &Return, location: &LocationCode, lines: &[ArrivedUnits]) -> Problems {
    let mut problems = Problems::default();
    if let Some(known) = it.location.as_ref().filter(|it| *it != location) {
        problems.add("location", format!("must be {known}, where the first of it arrived"));
    }
    let mut named = BTreeSet::new();
    for (arrived, index) in lines.iter().zip(0..) {
        let Some(line) = it.lines.iter().find(|it| it.line == arrived.line) else {
            problems.add(format!("lines[{index}].line_number"), not_in_it(it, arrived.line));
            continue;
        };
        if !named.insert(arrived.line) {
            problems.add(format!("lines[{index}].line_number"), format!("names line {} again", arrived.line));
        } else if arrived.quantity < 1 {
            problems.add(format!("lines[{index}].quantity"), "must be at least 1");
        } else if arrived.quantity > line.expected() {
            let message = format!(
                "{} are expected, not {}; what came beyond them is booked with AdjustStock",
                line.expected(),
                arrived.quantity
            );
            problems.add(format!("lines[{index}].quantity"), message);
        }
    }
    if lines.is_empty() {
        problems.add("lines", "must name at least one line");
    }
    problems
}

fn goes_on_the_shelf(disposition: ReturnDisposition) -> bool {
    match disposition {
        ReturnDisposition::Restock | ReturnDisposition::Quarantine => true,
        ReturnDisposition::Scrap | ReturnDisposition::Missing | ReturnDisposition::BackToCustomer => false,
    }
}

/// Every fault of what is said to become of the units.
fn check_inspected(it: &Return, inspections: &[InspectedUnits]) -> Problems {
    let mut problems = Problems::default();
    // Units taken so far by line: of those that arrived, and of those that did not.
    let mut taken: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
    for (inspected, index) in inspections.iter().zip(0..) {
        let Some(line) = it.lines.iter().find(|it| it.line == inspected.line) else {
            problems.add(format!("inspections[{index}].line_number"), not_in_it(it, inspected.line));
            continue;
        };
        if inspected.quantity < 1 {
            problems.add(format!("inspections[{index}].quantity"), "must be at least 1");
            continue;
        }
        if inspected.lot.is_some() && !goes_on_the_shelf(inspected.disposition) {
            let message = "must be left out: nothing of it goes on the shelf";
            problems.add(format!("inspections[{index}].lot"), message);
        }
        let (here, away) = taken.entry(inspected.line).or_default();
        let (used, left, what) = match inspected.disposition {
            ReturnDisposition::Missing => (away, line.expected(), "have not arrived"),
            ReturnDisposition::Restock
            | ReturnDisposition::Quarantine
            | ReturnDisposition::Scrap
            | ReturnDisposition::BackToCustomer => {
                (here, line.uninspected(), "have arrived and are to be inspected")
            }
        };
        *used = used.saturating_add(inspected.quantity);
        if *used > left {
            let message = format!("{left} units of line {} {what}, not {used}", inspected.line);
            problems.add(format!("inspections[{index}].quantity"), message);
        }
    }
    if inspections.is_empty() {
        problems.add("inspections", "must name at least one line");
    }
    problems
}

pub(super) fn not_in_it(it: &Return, line: i32) -> String {
    let lines: Vec<String> = it.lines.iter().map(|it| it.line.to_string()).collect();
    format!("line {line} is not in the return: it has {}", lines.join(", "))
}
