//! How much there is for an order, and which locations it comes from. Nothing is changed here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::fewest::{Spot, Supply, fewer_locations};
use crate::domain::model::availability::LineAvailability;
use crate::domain::model::location::Location;
use crate::domain::model::policy::Allocation;
use crate::domain::model::refusal::Shortage;
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many shelves one order takes its stock from: a hundred lines from twenty locations each. One that needs more goes
/// on waiting if it waits, until a larger delivery comes.
pub(crate) const ITEMS_MAX: usize = 2_000;

/// How many locations are noted with each line of an order, those first that come first by priority.
pub(crate) const LOCATIONS_NOTED_MAX: usize = 20;

/// One demand on stock: a line of an order or of another caller's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Need {
    pub line: i32,
    pub sku: Sku,
    pub quantity: i64,
}

/// The location that serves one need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Take {
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
}

pub(in crate::domain) fn supply(unit: &UnitOfWork, region: &RegionCode, sku: &Sku, awaited: i64) -> Supply {
    let mut by_location: Vec<Spot> = unit
        .levels(sku)
        .into_iter()
        .filter_map(|level| {
            let serves = |it: &&Location| it.active && it.region == *region;
            let location = unit.location(&level.location).filter(serves)?;
            let (priority, units) = (location.priority, level.available());
            Some(Spot { priority, location: level.location.clone(), units })
        })
        .collect();
    by_location.sort();

    let total: i64 = by_location.iter().map(|it| it.units).sum();
    Supply { total: (total - awaited).max(0), awaited, by_location }
}

/// How much of each need there is, and why not all of it. Dates come later.
pub(in crate::domain) fn availability(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
) -> Vec<LineAvailability> {
    let mut taken: BTreeMap<&Sku, i64> = BTreeMap::new();
    let line = |need: &'_ Need, earlier: i64| {
        let Supply { total, by_location, .. } = supplies.get(&need.sku).cloned().unwrap_or(Supply {
            total: 0,
            awaited: 0,
            by_location: Vec::new(),
        });
        let available = (total - earlier).max(0);
        let on_shelves = by_location.iter().map(|it| it.units).sum::<i64>() - earlier;
        let shortage = if available >= need.quantity {
            String::new()
        } else if by_location.is_empty() {
            "not stocked at any location of the region".to_owned()
        } else if on_shelves > available {
            format!("{available} of {} available: orders that wait come first", need.quantity)
        } else {
            format!("{available} of {} available", need.quantity)
        };
        LineAvailability {
            line: need.line,
            sku: need.sku.clone(),
            wanted: need.quantity,
            available,
            by_location: by_location.into_iter().map(|it| (it.location, it.units)).collect(),
            shortage,
            ship_at: None,
            delivery_at: None,
        }
    };
    let mut lines = Vec::with_capacity(needs.len());
    for need in needs {
        let earlier = taken.entry(&need.sku).or_default();
        lines.push(line(need, *earlier));
        *earlier = earlier.saturating_add(need.quantity);
    }
    lines
}

/// Chooses locations for all needs, or says what is short. One location that has everything is preferred; then it is as few
/// locations as possible, or those that come first by priority.
pub(in crate::domain) fn plan(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    allocation: Allocation,
) -> Result<(Vec<Take>, String), Vec<Shortage>> {
    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    for need in needs {
        *wanted.entry(&need.sku).or_default() += need.quantity;
    }
    let total = |sku: &Sku| supplies.get(sku).map_or(0, |it| it.total);
    let short: Vec<Shortage> = wanted
        .iter()
        .filter(|(sku, units)| total(sku) < **units)
        .map(|(sku, units)| Shortage { sku: (*sku).clone(), wanted: *units, available: total(sku) })
        .collect();
    if !short.is_empty() {
        return Err(short);
    }

    let units_at = |sku: &Sku, location: &LocationCode| {
        let spots = supplies.get(sku).map(|it| it.by_location.as_slice()).unwrap_or_default();
        spots.iter().find(|it| it.location == *location).map_or(0, |it| it.units)
    };
    let candidates = needs.first().and_then(|it| supplies.get(&it.sku)).map(|it| it.by_location.as_slice());
    let single = candidates
        .unwrap_or_default()
        .iter()
        .map(|it| &it.location)
        .find(|location| wanted.iter().all(|(sku, units)| units_at(sku, location) >= *units));
    if let Some(location) = single {
        let takes = take_in_order(needs, supplies, |it| it == location);
        return Ok((takes, format!("{location} has every line and comes first by priority")));
    }

    let by_priority = take_in_order(needs, supplies, |_| true);
    let parcels = locations_of(&by_priority).len();
    if allocation == Allocation::FewestShipments
        && let Some(fewest) = fewer_locations(&wanted, supplies, parcels)
    {
        let takes = take_in_order(needs, supplies, |it| fewest.contains(it));
        let names: Vec<&str> = fewest.iter().map(LocationCode::as_str).collect();
        let reason = format!(
            "{} have every line together: {} shipments, where the order of priority takes {parcels}",
            names.join(", "),
            fewest.len()
        );
        return Ok((takes, reason));
    }
    Ok((
        by_priority,
        "no single location has every line: split in order of the locations' priority".to_owned(),
    ))
}

/// Every need from these locations, those first that come first by priority.
fn take_in_order(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    from: impl Fn(&LocationCode) -> bool,
) -> Vec<Take> {
    let mut left: BTreeMap<&Sku, Vec<Spot>> =
        supplies.iter().map(|(sku, supply)| (sku, supply.by_location.clone())).collect();
    let mut takes = Vec::new();
    for need in needs {
        let mut open = need.quantity;
        let spots = left.get_mut(&need.sku).map(Vec::as_mut_slice).unwrap_or_default();
        for Spot { location, units, .. } in spots.iter_mut().filter(|it| from(&it.location)) {
            let taken = open.min(*units);
            if taken > 0 {
                *units -= taken;
                open -= taken;
                takes.push(Take {
                    line: need.line,
                    sku: need.sku.clone(),
                    location: location.clone(),
                    quantity: taken,
                });
            }
        }
        assert!(open == 0, "the sum over the locations was checked above");
    }
    takes
}

fn locations_of(takes: &[Take]) -> BTreeSet<&LocationCode> {
    takes.iter().map(|it| &it.location).collect()
}
