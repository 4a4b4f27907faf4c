//! How much there is for an order, and which locations it comes from. Nothing is changed here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::cheapest::cheapest_locations;
use crate::domain::inventory::fewest::fewer_locations;
use crate::domain::inventory::ranking::{LASTING, Ranking, UNQUOTED};
use crate::domain::inventory::supply::{Spot, Supply};
use crate::domain::model::availability::LineAvailability;
use crate::domain::model::location::Location;
use crate::domain::model::policy::Allocation;
use crate::domain::model::refusal::Shortage;
use crate::domain::model::reservation::PassedOver;
use crate::domain::model::scalars::{LocationCode, RegionCode, Sku};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many (line, location) pairs one order takes its stock from: a hundred lines from twenty locations each. One that
/// needs more is refused, or goes on waiting if it waits, until a larger delivery comes.
pub(crate) const TAKES_MAX: usize = 2_000;

/// How many locations are noted: with each line of an order, and among those passed over. Those taken first come first.
pub(crate) const LOCATIONS_NOTED_MAX: usize = 20;

/// One demand on stock: a line of an order or of another caller's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Need {
    pub line: i32,
    pub sku: Sku,
    pub quantity: i64,
}

/// Units of one need that come from one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Take {
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
}

/// The units of a product in a region, by the locations' priority. `awaited`: how many units are wanted by waiting orders
/// that come first. Nothing is set aside for these orders, so their units have no location yet: they come off the region's
/// total, and off no shelf in `by_location`.
pub(in crate::domain) fn supply(unit: &UnitOfWork, region: &RegionCode, sku: &Sku, awaited: i64) -> Supply {
    supply_by(unit, region, sku, awaited, None)
}

/// The same; with a ranking the lowest rank comes first (nearest, cheapest, or expiring first), and priority decides among
/// equals.
pub(in crate::domain) fn supply_by(
    unit: &UnitOfWork,
    region: &RegionCode,
    sku: &Sku,
    awaited: i64,
    ranking: Option<&Ranking>,
) -> Supply {
    let mut by_location: Vec<Spot> = unit
        .levels(sku)
        .into_iter()
        .filter_map(|level| {
            let serves = |it: &&Location| it.active && it.region == *region;
            let location = unit.location(&level.location).filter(serves)?;
            let rank = ranking.map_or(0, |it| it.of(unit, location, level));
            let (priority, units) = (location.priority, level.available(unit.now));
            Some(Spot { rank, priority, location: level.location.clone(), units })
        })
        .collect();
    by_location.sort();

    let on_shelves: i64 = by_location.iter().map(|it| it.units).sum();
    Supply { total: (on_shelves - awaited).max(0), awaited, by_location }
}

/// Units of a product that these lines want together.
pub(super) fn wanted_of(lines: &[(Sku, i64)], sku: &Sku) -> i64 {
    lines.iter().filter(|it| it.0 == *sku).fold(0, |sum, it| i64::saturating_add(sum, it.1))
}

/// How much of each need there is, and why not all of it. `ship_at`, `delivery_at` and `expected` are filled in by `dates.rs`.
pub(in crate::domain) fn availability(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
) -> Vec<LineAvailability> {
    let mut taken: BTreeMap<&Sku, i64> = BTreeMap::new();
    // `earlier`: units that earlier lines of the same product want.
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
            expected: None,
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

/// These needs as far as there are units for them, line by line; the others are what nobody has.
pub(in crate::domain) fn as_far_as_there(needs: &[Need], supplies: &BTreeMap<Sku, Supply>) -> Vec<Need> {
    let found = availability(needs, supplies);
    let there =
        |(need, units): (&Need, i64)| Need { quantity: units.clamp(0, need.quantity), ..need.clone() };
    let there = needs.iter().zip(found.iter().map(|it| it.available)).map(there);
    there.filter(|it| it.quantity > 0).collect()
}

/// Chooses locations for all needs, and says why in words; or says what is short. By cost, if quotes are known: a split that
/// is cheaper goes before one location that has everything. Else one location that has everything, then the fewest or the
/// first by rank.
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

    let spots = || supplies.values().flat_map(|it| &it.by_location);
    if allocation == Allocation::LeastCost && spots().any(|it| it.rank > 0) {
        return Ok(plan_by_cost(needs, supplies, &wanted));
    }
    // LEAST_COST without ranks: no address is known to ask couriers about, or none asks anything. It goes on as
    // FEWEST_SHIPMENTS.
    if let Some((location, why)) = single_location(needs, supplies, &wanted, allocation) {
        let takes = take_in_order(needs, supplies, |it| it == location);
        return Ok((takes, format!("{location} has every line and {why}")));
    }

    let in_order = take_in_order(needs, supplies, |_| true);
    let locations = locations_of(&in_order).len();
    // Where nobody knows what it costs, fewer parcels are cheaper.
    if matches!(allocation, Allocation::FewestShipments | Allocation::LeastCost)
        && let Some(fewest) = fewer_locations(&wanted, supplies, locations)
    {
        let takes = take_in_order(needs, supplies, |it| fewest.contains(it));
        let names: Vec<&str> = fewest.iter().map(LocationCode::as_str).collect();
        let reason = format!(
            "{} have every line together: {} shipments, where the order of priority takes {locations}",
            names.join(", "),
            fewest.len()
        );
        return Ok((takes, reason));
    }
    let order = match allocation {
        Allocation::Nearest => "the nearest locations first",
        Allocation::Fefo => "in the order in which what the locations have expires",
        Allocation::FewestShipments | Allocation::Priority | Allocation::LeastCost => {
            "in order of the locations' priority"
        }
    };
    Ok((in_order, format!("no single location has every line: split {order}")))
}

/// The location that has every line and comes first among those that do, and why.
fn single_location<'s>(
    needs: &[Need],
    supplies: &'s BTreeMap<Sku, Supply>,
    wanted: &BTreeMap<&Sku, i64>,
    allocation: Allocation,
) -> Option<(&'s LocationCode, &'static str)> {
    let units_at = |sku: &Sku, location: &LocationCode| {
        let spots = supplies.get(sku).map(|it| it.by_location.as_slice()).unwrap_or_default();
        spots.iter().find(|it| it.location == *location).map_or(0, |it| it.units)
    };
    // A location that has every product has the first one: no other needs to be looked at.
    let candidates = needs.first().and_then(|it| supplies.get(&it.sku)).map(|it| it.by_location.as_slice());
    let mut singles = candidates
        .unwrap_or_default()
        .iter()
        .filter(|it| wanted.iter().all(|(sku, units)| units_at(sku, &it.location) >= *units));
    let single = match allocation {
        // By whatever of the order expires first there, not by its first product alone.
        Allocation::Fefo => {
            singles.min_by_key(|it| (soonest_at(supplies, &it.location), it.priority, &it.location))
        }
        Allocation::FewestShipments | Allocation::Priority | Allocation::Nearest | Allocation::LeastCost => {
            singles.next()
        }
    };
    let location = &single?.location;
    let why = match allocation {
        Allocation::Nearest => "is the nearest that does",
        Allocation::Fefo if soonest_at(supplies, location) < LASTING => {
            "of those that do what it has expires first"
        }
        Allocation::Fefo | Allocation::FewestShipments | Allocation::Priority | Allocation::LeastCost => {
            "comes first by priority"
        }
    };
    Some((location, why))
}

/// The lowest rank of what a location has of these products.
fn soonest_at(supplies: &BTreeMap<Sku, Supply>, location: &LocationCode) -> u64 {
    let spots = supplies.values().flat_map(|it| &it.by_location);
    spots.filter(|it| it.location == *location && it.units > 0).map(|it| it.rank).min().unwrap_or(LASTING)
}

/// From the locations that cost least together.
fn plan_by_cost(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    wanted: &BTreeMap<&Sku, i64>,
) -> (Vec<Take>, String) {
    let cheapest = cheapest_locations(wanted, supplies);
    let takes = take_in_order(needs, supplies, |it| cheapest.contains(it));
    let names: Vec<&str> = cheapest.iter().map(LocationCode::as_str).collect();
    let spots = supplies.values().flat_map(|it| &it.by_location);
    let unquoted = spots.filter(|it| it.rank >= UNQUOTED && cheapest.contains(&it.location)).count();
    let mut reason = match names.as_slice() {
        [one] => format!("{one} has every line and costs least to send from"),
        all => format!("{} have every line together and cost least to send from", all.join(", ")),
    };
    if unquoted > 0 {
        reason.push_str("; no courier carries it from some of them");
    }
    (takes, reason)
}

/// The locations that have some of what is needed and that the plan does not take from, each with the reason; those that
/// come first, at most [LOCATIONS_NOTED_MAX].
pub(in crate::domain) fn passed_over(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    takes: &[Take],
) -> Vec<PassedOver> {
    let chosen = locations_of(takes);
    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    for need in needs {
        *wanted.entry(&need.sku).or_default() += need.quantity;
    }
    let mut others: BTreeSet<&Spot> = BTreeSet::new();
    let mut seen: BTreeSet<&LocationCode> = BTreeSet::new();
    for spot in supplies.values().flat_map(|it| &it.by_location) {
        if spot.units > 0 && !chosen.contains(&spot.location) && seen.insert(&spot.location) {
            others.insert(spot);
        }
    }
    let others = others.into_iter().take(LOCATIONS_NOTED_MAX);
    others
        .map(|it| PassedOver {
            location: it.location.clone(),
            reason: why_passed_over(it, &wanted, supplies),
        })
        .collect()
}

/// How many products are named that a location lacks.
const LACKING_TOLD: usize = 3;

fn why_passed_over(spot: &Spot, wanted: &BTreeMap<&Sku, i64>, supplies: &BTreeMap<Sku, Supply>) -> String {
    let here = |sku: &Sku| {
        let spots = supplies.get(sku).map(|it| it.by_location.as_slice()).unwrap_or_default();
        spots.iter().find(|it| it.location == spot.location).map_or(0, |it| it.units)
    };
    let lacking: Vec<(&Sku, i64, i64)> = wanted
        .iter()
        .map(|(sku, units)| (*sku, here(sku), *units))
        .filter(|(_, here, units)| here < units)
        .collect();
    if lacking.is_empty() {
        return "has every line, and comes later".to_owned();
    }
    let told = lacking.iter().take(LACKING_TOLD);
    let told: Vec<String> = told.map(|(sku, here, units)| format!("has {here} of {units} {sku}")).collect();
    let more = match lacking.len().saturating_sub(LACKING_TOLD) {
        0 => String::new(),
        more => format!(" and lacks {more} more products"),
    };
    format!("{}{more}", told.join(", "))
}

/// Every need from these locations, in the order of their spots. The caller has made sure that they have it all. A spot has
/// all that is on its shelf; that enough is left for the orders that wait follows from the totals, which `plan` looked at.
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
        assert!(open == 0, "the locations chosen have every need");
    }
    takes
}

fn locations_of(takes: &[Take]) -> BTreeSet<&LocationCode> {
    takes.iter().map(|it| &it.location).collect()
}
