//! The dates of orders that wait for stock, when what is on order for them moves.

use std::collections::BTreeMap;

use crate::domain::inventory::allocate::{LOCATIONS_NOTED_MAX, Need, availability, supply_by};
use crate::domain::inventory::dates::{date_lines, expected_words};
use crate::domain::inventory::supply::Supply;
use crate::domain::model::availability::LineAvailability;
use crate::domain::model::event::EventKind;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::{Promise, PromiseLeg};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Looks anew at when a waiting order gets its goods. If nothing has moved, that is a refusal: it leaves no trace, however
/// many processes look.
#[derive(Debug, Clone)]
pub struct RedateOrder {
    pub target: Target,
}

impl OrderCommand for RedateOrder {
    const NAME: &'static str = "work/redate";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        match order.redate(unit) {
            true => Ok(()),
            false => Err(Refusal::unmet(Reason::InsufficientStock, "nothing has moved")),
        }
    }
}

/// What the dates of a waiting order follow from: where each part comes from and when its goods arrive there, and what each
/// line that is short lacks, with the day on which it is expected. None: nobody knows that of all of them. The dates
/// themselves follow the clock where goods are overdue, and say nothing about whether something has moved.
type Expected = (Option<Vec<(LocationCode, Vec<i32>, Option<Timestamp>)>>, Vec<(i32, String)>);

impl Order {
    /// Looks at availability and promise of a waiting order anew, and notes them if what it waits for comes from elsewhere,
    /// or at another time; returns whether it does.
    pub fn redate(&mut self, unit: &mut UnitOfWork) -> bool {
        if self.waits_for_rest() {
            return self.redate_rest(unit);
        }
        let waits = self.state == OrderState::AwaitingStock;
        let Some(region) = self.region.clone().filter(|_| waits) else { return false };
        let found = self.dates_by(unit, &self.supplies(unit, &region));
        let noted = self.availability.as_ref().map_or(&[][..], |it| &it.lines);
        let before = expected(self.promise.as_ref().map(|it| &it.legs[..]), noted);
        if expected(found.legs.as_deref(), &found.lines) == before {
            return false;
        }

        let promised = self.promise.as_ref().and_then(Promise::delivery_at);
        self.note_dates(unit, found);
        // A promise that moves is told where it is noted.
        if let (Some(promised), None) = (promised, &self.promise) {
            let text =
                format!("delivery on an unknown date, not {promised}: nobody knows when the goods come");
            self.record_automatic(unit, EventKind::PromiseMoved, None, text);
        }
        true
    }

    /// The same of units that wait while others are set aside or on their way. What was promised of the others stands.
    fn redate_rest(&mut self, unit: &mut UnitOfWork) -> bool {
        let before = self.rest_expected_at();
        if !self.date_rest(unit) {
            return false;
        }

        let now = self.rest_expected_at();
        if now != before {
            let said =
                |at: Option<Timestamp>| at.map_or("on an unknown date".to_owned(), |it| it.to_string());
            let text = format!("what waits for stock: delivery {}, not {}", said(now), said(before));
            self.record_automatic(unit, EventKind::PromiseMoved, None, text);
        }
        true
    }

    /// Notes when the units come that wait while others go; returns whether that is something else than what was noted.
    pub(in crate::domain) fn date_rest(&mut self, unit: &UnitOfWork) -> bool {
        let found = self.dates_of_rest(unit);
        let Some(noted) = &mut self.availability else { return false };
        let mut has_moved = false;
        for mut found in found {
            let Some(line) = noted.lines.iter_mut().find(|it| it.line == found.line) else {
                // A change added it since stock was looked for.
                found.by_location.truncate(LOCATIONS_NOTED_MAX);
                noted.lines.push(found);
                has_moved = true;
                continue;
            };
            let is_dated_anew = line.delivery_at.is_none() != found.delivery_at.is_none();
            if is_dated_anew || line.expected != found.expected {
                has_moved = true;
                note_expected(line, found);
            }
        }
        if has_moved {
            noted.at = unit.now;
        }
        has_moved
    }

    /// When the units of each line that wait could leave and arrive, behind what older orders wait for.
    fn dates_of_rest(&self, unit: &UnitOfWork) -> Vec<LineAvailability> {
        let (Some(region), Some(wish)) = (&self.region, self.wish()) else { return Vec::new() };
        let need =
            |(line, quantity): (&OrderLine, i64)| Need { line: line.number, sku: line.sku.clone(), quantity };
        let needs: Vec<Need> = self.awaited_units().map(need).collect();
        let ranking = self.ranking(unit);
        let supply = |sku: &Sku| {
            let before = self.waited_for_before(unit, region, sku);
            supply_by(unit, region, sku, before, ranking.as_ref())
        };
        let supplies: BTreeMap<Sku, Supply> =
            needs.iter().map(|it| (it.sku.clone(), supply(&it.sku))).collect();
        let mut lines = availability(&needs, &supplies);
        let goods = |it| self.goods_of_line(it);
        date_lines(unit, &wish, &needs, &supplies, self.allocation(unit), &mut lines, goods);
        lines
    }

    /// Units of a product that others come first for. An order that begins to wait for it just now has no place in line yet:
    /// all that wait come first.
    fn waited_for_before(&self, unit: &UnitOfWork, region: &RegionCode, sku: &Sku) -> i64 {
        if unit.order_before(self.id).is_some_and(|it| it.awaits_units_of(sku)) {
            return unit.awaited_before(self.id, sku);
        }
        let own = self.awaited_units().filter(|(line, _)| line.sku == *sku);
        unit.awaited_ahead(region, sku, own.map(|it| it.1).sum())
    }
}

/// Puts what is expected of a line in the place of what was; how much of it there was stands, if that was too little.
fn note_expected(line: &mut LineAvailability, found: LineAvailability) {
    let LineAvailability { ship_at, delivery_at, expected, shortage, .. } = found;
    if let Some((location, at)) = &line.expected {
        let words = expected_words(location, *at);
        let rest = line.shortage.len().saturating_sub(words.len());
        if line.shortage.ends_with(&words) {
            line.shortage.truncate(rest);
        }
    }
    if line.shortage.is_empty() {
        line.shortage = shortage;
    } else if let Some((location, at)) = &expected {
        line.shortage.push_str(&expected_words(location, *at));
    }
    (line.ship_at, line.delivery_at, line.expected) = (ship_at, delivery_at, expected);
}

fn expected(legs: Option<&[PromiseLeg]>, lines: &[LineAvailability]) -> Expected {
    let legs =
        legs.map(|it| it.iter().map(|it| (it.location.clone(), it.lines.clone(), it.stock_at)).collect());
    let short = lines.iter().filter(|it| !it.shortage.is_empty()).map(|it| (it.line, it.shortage.clone()));
    (legs, short.collect())
}
