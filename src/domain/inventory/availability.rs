//! Availability of stock, for a caller that has not ordered yet.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::allocate::{Need, availability, supply_by, wanted_of};
use crate::domain::inventory::dates::date_lines;
use crate::domain::inventory::expire::release_expired;
use crate::domain::inventory::known::{must_be_known, must_exist};
use crate::domain::inventory::ranking::ranking_to;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::availability::{AvailabilityFound, LineAvailability};
use crate::domain::model::product::Product;
use crate::domain::model::promise::{Promise, PromiseOccasion};
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{RegionCode, ServiceLevel, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::promise::leg::{Goods, Wish};
use crate::domain::promise::offer::Addressed;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Availability of products, and when they could be with a customer. It changes nothing.
#[derive(Debug, Clone)]
pub struct CheckAvailability {
    pub inquiry: Inquiry,
}

impl Command for CheckAvailability {
    const NAME: &'static str = "CheckAvailability";
    type Output = Outlook;

    fn reads(&self) -> ReadSet {
        let skus = self.inquiry.lines.iter().map(|it| it.0.clone()).collect();
        ReadSet { skus, couriers: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Outlook, Refusal> {
        check_availability(unit, &self.inquiry)
    }
}

/// Where goods are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Region(RegionCode),
    /// ISO 3166-1 alpha-2, and the postal code there as far as it is known.
    Country(String, String),
    /// Each of these regions by itself; none named: every region there is.
    Regions(Vec<RegionCode>),
}

/// An inquiry before ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    pub destination: Destination,
    pub lines: Vec<(Sku, i64)>,
    pub service: ServiceLevel,
    pub requested_by: Option<Timestamp>,
}

/// Availability for an order of it now, region by region, in the order asked; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub regions: Vec<RegionOutlook>,
}

/// Availability in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionOutlook {
    pub region: RegionCode,
    pub found: AvailabilityFound,
    /// When all of it could leave and arrive, and why; None: something is short, and nobody knows when it comes.
    pub promise: Option<Promise>,
}

impl Outlook {
    /// The region that delivers everything first, or else the first.
    pub fn best(&self) -> &RegionOutlook {
        let first = |it: &&RegionOutlook| it.promise.as_ref().and_then(Promise::delivery_at).map(Reverse);
        let best = self.regions.iter().rev().max_by_key(first);
        best.expect("there is at least one region")
    }
}

/// Step 3 without an order. Waiting orders come first; expired reservations are released on the way.
pub fn check_availability(unit: &mut UnitOfWork, inquiry: &Inquiry) -> Result<Outlook, Refusal> {
    let mut problems = Problems::default();
    must_exist(unit, &inquiry.lines, &mut problems);
    let regions = regions_of(unit, &inquiry.destination, &mut problems);
    problems.into_result()?;

    release_expired(unit)?;
    let regions = regions.into_iter().map(|region| outlook_of(unit, inquiry, region));
    Ok(Outlook { regions: regions.collect() })
}

pub(super) fn regions_of(
    unit: &UnitOfWork,
    destination: &Destination,
    problems: &mut Problems,
) -> Vec<RegionCode> {
    match destination {
        Destination::Region(region) => {
            must_be_known(unit, "region", region, problems);
            vec![region.clone()]
        }
        Destination::Country(country, _) => {
            let region = unit.rules.region_of(country);
            if region.is_none() {
                problems.add("country", "is served by no region");
            }
            region.cloned().into_iter().collect()
        }
        Destination::Regions(named) if named.is_empty() => {
            if unit.rules.regions.is_empty() {
                problems.add("regions", "there is no region");
            }
            unit.rules.regions.keys().cloned().collect()
        }
        Destination::Regions(named) => {
            for (index, region) in named.iter().enumerate() {
                must_be_known(unit, &format!("regions.regions[{index}]"), region, problems);
            }
            named.clone()
        }
    }
}

/// Where in the region, as far as it is known: in its only country, if it has one.
pub(super) fn somewhere_in(unit: &UnitOfWork, region: &RegionCode, destination: &Destination) -> Addressed {
    let only = unit.rules.regions.get(region).filter(|it| it.len() == 1).and_then(|it| it.first());
    let (country, postal_code) = match destination {
        Destination::Country(country, postal_code) => (Some(country), postal_code.clone()),
        Destination::Region(_) | Destination::Regions(_) => (only, String::new()),
    };
    Addressed {
        country: country.cloned(),
        postal_code,
        time_zone: country.and_then(|it| TimeZone::of_country(it)),
    }
}

fn outlook_of(unit: &UnitOfWork, inquiry: &Inquiry, region: RegionCode) -> RegionOutlook {
    let wanted = inquiry.lines.iter().zip(1..);
    let wanted = wanted.map(|((sku, quantity), line)| Need { line, sku: sku.clone(), quantity: *quantity });
    let is_service = |it: &Need| unit.product(&it.sku).is_some_and(Product::is_service);
    let (services, needs): (Vec<Need>, Vec<Need>) = wanted.partition(is_service);
    let skus = needs.iter().map(|it| &it.sku);
    let is_sold = |sku: &Sku| unit.product(sku).is_some_and(|it| it.active);
    let allocation = unit.rules.allocation_in(&region);
    let to = somewhere_in(unit, &region, &inquiry.destination);
    let ranking = ranking_to(unit, &to, allocation, &inquiry.lines, None);
    let supply_of = |sku: &Sku| match is_sold(sku) {
        true => {
            let ahead = unit.awaited_ahead(&region, sku, wanted_of(&inquiry.lines, sku));
            supply_by(unit, &region, sku, ahead, ranking.as_ref())
        }
        false => Supply { total: 0, awaited: 0, by_location: Vec::new() },
    };
    let supplies: BTreeMap<Sku, Supply> = skus.map(|it| (it.clone(), supply_of(it))).collect();
    let mut lines = availability(&needs, &supplies);
    let goods = |line: i32| {
        let need = needs.iter().find(|it| it.line == line);
        let product = need.and_then(|it| unit.product(&it.sku));
        product.map_or(Goods::default(), |it| Goods::of(it.weight_grams, &it.handling))
    };
    let wish = Wish {
        to: to.clone(),
        region: region.clone(),
        service: inquiry.service,
        currency: None,
        counted: None,
        refused_by: BTreeSet::new(),
    };
    let legs = date_lines(unit, &wish, &needs, &supplies, allocation, &mut lines, goods);
    let occasion = PromiseOccasion::Availability;
    // Of services only nothing is promised.
    let ships = !needs.is_empty();
    let all_sold = services.iter().all(|it| is_sold(&it.sku));
    let promise = legs.filter(|_| ships && all_sold).map(|legs| Promise::new(unit.now, occasion, legs));
    let delivery_at = promise.as_ref().and_then(Promise::delivery_at);
    lines.extend(services.iter().map(service_line));
    lines.sort_by_key(|it| it.line);
    for line in lines.iter_mut().filter(|it| !is_sold(&it.sku)) {
        line.available = 0;
        line.shortage = "out of use: it is not sold any more".to_owned();
    }
    let found = AvailabilityFound {
        at: unit.now,
        lines,
        earliest_ship_at: promise.as_ref().and_then(Promise::ship_at),
        requested_date_feasible: inquiry
            .requested_by
            .filter(|_| ships)
            .map(|it| delivery_at.is_some_and(|at| at <= it)),
    };
    RegionOutlook { region, found, promise }
}

/// There is always enough of a service, and it ships at no time.
fn service_line(need: &Need) -> LineAvailability {
    let Need { line, sku, quantity } = need.clone();
    LineAvailability {
        line,
        sku,
        wanted: quantity,
        available: quantity,
        by_location: Vec::new(),
        shortage: String::new(),
        ship_at: None,
        delivery_at: None,
        expected: None,
    }
}
