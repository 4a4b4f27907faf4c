//! PlanAllocation: where stock would come from, and why from nowhere else. Nothing is set aside.

use std::collections::BTreeMap;

use crate::domain::inventory::allocate::{Need, Take, passed_over, plan, supply_by, wanted_of};
use crate::domain::inventory::availability::{Destination, regions_of, somewhere_in};
use crate::domain::inventory::expire::release_expired;
use crate::domain::inventory::known::{must_be_goods, must_be_in_use, must_exist};
use crate::domain::inventory::ranking::{Carriage, Ranking, UNQUOTED, ranking_to};
use crate::domain::inventory::supply::Supply;
use crate::domain::model::location::Location;
use crate::domain::model::money::Currency;
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
    /// In which couriers' quotes are compared where these decide. None: any.
    pub currency: Option<Currency>,
}

/// The plan, or what is short, with every location that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocationPlan {
    pub region: RegionCode,
    pub allocation: Allocation,
    /// In which costs are told.
    pub currency: Option<Currency>,
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
    /// What the cheapest courier asks for all goods from there, where that decides.
    pub cost_minor: Option<i64>,
}

impl Command for PlanAllocation {
    const NAME: &'static str = "PlanAllocation";
    type Output = AllocationPlan;

    fn reads(&self) -> ReadSet {
        let skus = self.lines.iter().map(|it| it.0.clone()).collect();
        ReadSet { skus, couriers: true, ..ReadSet::default() }
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
        if allocation == Allocation::LeastCost && self.currency.is_none() {
            let message = "is required: locations are compared by what couriers ask";
            return Err(Refusal::invalid("currency", message));
        }
        let to = somewhere_in(unit, &region, &self.destination);
        let need = |(line, (sku, quantity)): (i32, &(Sku, i64))| Need {
            line,
            sku: sku.clone(),
            quantity: *quantity,
        };
        let needs: Vec<Need> = (1..).zip(&self.lines).map(need).collect();
        let ranking = ranking_to(unit, &to, allocation, &self.lines, self.currency);
        let supply_of = |sku: &Sku| {
            let ahead = unit.awaited_ahead(&region, sku, wanted_of(&self.lines, sku));
            supply_by(unit, &region, sku, ahead, ranking.as_ref())
        };
        let supplies: BTreeMap<Sku, Supply> =
            needs.iter().map(|it| (it.sku.clone(), supply_of(&it.sku))).collect();
        let (takes, reason, shortages) = match plan(&needs, &supplies, allocation) {
            Ok((takes, reason)) => (takes, reason, Vec::new()),
            Err(short) => (Vec::new(), String::new(), short),
        };
        let mut candidates = candidates(unit, &region, &needs, &supplies, &takes);
        match &ranking {
            Some(Ranking::Cost(carriage)) => {
                candidates.iter_mut().for_each(|it| it.price(unit, &region, carriage));
            }
            Some(Ranking::Expiry) => candidates.iter_mut().for_each(|it| it.tell_expiry(unit)),
            Some(Ranking::Near(_)) | None => {}
        }
        let item = |it: Take| PlannedItem {
            line: it.line,
            sku: it.sku,
            location: it.location,
            quantity: it.quantity,
        };
        let items = takes.into_iter().map(item).collect();
        Ok(AllocationPlan {
            region,
            allocation,
            currency: self.currency,
            items,
            reason,
            shortages,
            candidates,
        })
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
            Some(Candidate {
                priority: location.priority,
                location: code,
                available,
                chosen,
                reason,
                cost_minor: None,
            })
        })
        .collect();
    candidates.sort_by_key(|it| (!it.chosen, it.available.is_empty(), it.priority, it.location.clone()));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

impl Candidate {
    /// What it costs from there, as far as the region is served from it.
    fn price(&mut self, unit: &UnitOfWork, region: &RegionCode, carriage: &Carriage) {
        let Some(location) = unit.location(&self.location).filter(|it| it.active && it.region == *region)
        else {
            return;
        };
        let cost = carriage.cost(unit, location);
        self.cost_minor = i64::try_from(cost).ok().filter(|_| cost < UNQUOTED);
        let told = match self.cost_minor {
            Some(_) => "and no choice with it costs less",
            None => "and no courier carries it from there",
        };
        if !self.chosen && !self.available.is_empty() {
            self.reason = format!("{}, {told}", self.reason.replace(", and comes later", ""));
        }
    }
}

impl Candidate {
    /// On which day the first of what is passed over there expires.
    fn tell_expiry(&mut self, unit: &UnitOfWork) {
        let levels = self.available.iter().filter_map(|(sku, _)| unit.level(sku, &self.location));
        let lots = levels.filter_map(|it| it.first_to_expire(unit.now));
        let day = lots.map(|it| it.expires_on).min();
        if let Some(day) = day.filter(|_| !self.chosen) {
            self.reason = format!("{}; what it has expires {day} at the earliest", self.reason);
        }
    }
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
