//! PlanAllocation: where stock would come from, and why from nowhere else. Nothing is set aside.

use std::collections::BTreeMap;

use crate::domain::inventory::allocate::{Need, Take, passed_over, plan, supply_near};
use crate::domain::inventory::availability::{Destination, regions_of, somewhere_in};
use crate::domain::inventory::expire::release_expired;
use crate::domain::inventory::fewest::Supply;
use crate::domain::inventory::known::{must_be_goods, must_be_in_use, must_exist};
use crate::domain::model::location::Location;
use crate::domain::model::policy::Allocation;
use crate::domain::model::refusal::{Problems, Refusal, Shortage};
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Plans where the stock for an order would come from now.
#[derive(Debug, Clone)]
pub struct PlanAllocation {
    /// One region, or one country.
    pub destination: Destination,
    pub lines: Vec<(Sku, i64)>,
    /// None: as settings say for the region.
    pub allocation: Option<Allocation>,
}

/// The plan, or what is short, with every location that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocationPlan {
    pub region: RegionCode,
    pub allocation: Allocation,
    pub items: Vec<PlannedItem>,
    /// Why these locations; empty if something is short.
    pub reason: String,
    pub shortages: Vec<Shortage>,
    pub candidates: Vec<Candidate>,
}

/// Units that one location would send for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedItem {
    /// 1…n in the order asked.
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
}

/// A location that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub location: LocationCode,
    pub priority: i32,
    /// What it has of the products that are asked for, beyond what nobody may take.
    pub available: Vec<(Sku, i64)>,
    /// Whether the plan takes something there.
    pub chosen: bool,
    /// Why it is passed over; empty if it is chosen.
    pub reason: String,
}

impl Command for PlanAllocation {
    const NAME: &'static str = "PlanAllocation";
    type Output = AllocationPlan;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: self.lines.iter().map(|it| it.0.clone()).collect(), ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<AllocationPlan, Refusal> {
        let mut problems = Problems::default();
        must_exist(unit, &self.lines, &mut problems);
        must_be_goods(unit, &self.lines, &mut problems);
        let region = regions_of(unit, &self.destination, &mut problems).into_iter().next();
        problems.into_result()?;
        must_be_in_use(unit, self.lines.iter().map(|it| &it.0))?;
        let region = region.ok_or_else(|| Refusal::invalid("destination", "names no region"))?;

        release_expired(unit)?;
        let allocation = self.allocation.unwrap_or(unit.rules.allocation_in(&region));
        let to = somewhere_in(unit, &region, &self.destination);
        let near = (allocation == Allocation::Nearest).then_some(&to);
        let need = |(line, (sku, quantity)): (i32, &(Sku, i64))| Need {
            line,
            sku: sku.clone(),
            quantity: *quantity,
        };
        let needs: Vec<Need> = (1..).zip(&self.lines).map(need).collect();
        let supply_of = |sku: &Sku| supply_near(unit, &region, sku, unit.awaited(&region, sku), near);
        let supplies: BTreeMap<Sku, Supply> =
            needs.iter().map(|it| (it.sku.clone(), supply_of(&it.sku))).collect();
        let (takes, reason, shortages) = match plan(&needs, &supplies, allocation) {
            Ok((takes, reason)) => (takes, reason, Vec::new()),
            Err(short) => (Vec::new(), String::new(), short),
        };
        let candidates = candidates(unit, &region, &needs, &supplies, &takes);
        let item = |it: Take| PlannedItem {
            line: it.line,
            sku: it.sku,
            location: it.location,
            quantity: it.quantity,
        };
        let items = takes.into_iter().map(item).collect();
        Ok(AllocationPlan { region, allocation, items, reason, shortages, candidates })
    }
}

/// How many locations a plan tells of, those first that are chosen or have some of what is asked for.
const CANDIDATES_MAX: usize = 100;

/// Every location with some stock of these products, wherever it is, and every other one of the region.
fn candidates(
    unit: &UnitOfWork,
    region: &RegionCode,
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    takes: &[Take],
) -> Vec<Candidate> {
    let mut there: BTreeMap<LocationCode, Vec<(Sku, i64)>> = BTreeMap::new();
    for sku in supplies.keys() {
        for level in unit.levels(sku) {
            let available = level.available(unit.now);
            let stock = there.entry(level.location.clone()).or_default();
            if available > 0 {
                stock.push((sku.clone(), available));
            }
        }
    }
    let told: BTreeMap<LocationCode, String> =
        passed_over(needs, supplies, takes).into_iter().map(|it| (it.location, it.reason)).collect();
    let mut candidates: Vec<Candidate> = there
        .into_iter()
        .filter_map(|(code, available)| {
            let location = unit.location(&code)?;
            let chosen = takes.iter().any(|it| it.location == code);
            let reason = match (chosen, told.get(&code)) {
                (true, _) => String::new(),
                (false, Some(reason)) => reason.clone(),
                (false, None) => why_not(location, region, available.is_empty()),
            };
            Some(Candidate { priority: location.priority, location: code, available, chosen, reason })
        })
        .collect();
    candidates.sort_by_key(|it| (!it.chosen, it.available.is_empty(), it.priority, it.location.clone()));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

fn why_not(location: &Location, region: &RegionCode, is_empty: bool) -> String {
    if location.region != *region {
        return format!("serves {}, not {region}", location.region);
    }
    match (location.active, is_empty) {
        (false, _) => "is out of use".to_owned(),
        (true, true) => "has nothing available of it".to_owned(),
        (true, false) => "comes later".to_owned(),
    }
}
