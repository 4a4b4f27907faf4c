//! The fewest locations that have everything together.

use std::collections::BTreeMap;

use crate::domain::inventory::supply::Supply;
use crate::domain::model::scalars::{LocationCode, Sku};

/// Up to so many locations every choice is tried. Above, the location that has most of what is still missing is taken, again
/// and again, which need not find the fewest.
pub(super) const TRIED_MAX: usize = 12;

/// Fewer than `than` locations that have everything wanted together, in order of priority; None: there are none, or none
/// were found. Of equally few, those come first that come first by priority.
pub(super) fn fewer_locations(
    wanted: &BTreeMap<&Sku, i64>,
    supplies: &BTreeMap<Sku, Supply>,
    than: usize,
) -> Option<Vec<LocationCode>> {
    let mut by_location: BTreeMap<(i32, &LocationCode), Vec<i64>> = BTreeMap::new();
    for (index, (sku, units)) in wanted.iter().enumerate() {
        for spot in supplies.get(*sku).map(|it| it.by_location.as_slice()).unwrap_or_default() {
            if spot.units > 0 {
                let here = by_location
                    .entry((spot.priority, &spot.location))
                    .or_insert_with(|| vec![0; wanted.len()]);
                here[index] = spot.units.min(*units);
            }
        }
    }
    let (names, units): (Vec<&LocationCode>, Vec<Vec<i64>>) =
        by_location.into_iter().map(|((_, location), units)| (location, units)).unzip();
    let missing: Vec<i64> = wanted.values().copied().collect();

    let chosen = match names.len() <= TRIED_MAX {
        true => (1..than).find_map(|count| try_all(&units, 0, count, &missing)),
        false => greedily(&units, missing),
    };
    let chosen = chosen.filter(|it| it.len() < than)?;
    Some(chosen.into_iter().map(|it| names[it].clone()).collect())
}

/// The first choice of `count` of the locations from `first` on that have all that is missing.
fn try_all(units: &[Vec<i64>], first: usize, count: usize, missing: &[i64]) -> Option<Vec<usize>> {
    if count == 0 {
        return missing.iter().all(|it| *it == 0).then(Vec::new);
    }
    (first..units.len()).find_map(|index| {
        let left = without(missing, &units[index]);
        let mut rest = try_all(units, index + 1, count - 1, &left)?;
        rest.insert(0, index);
        Some(rest)
    })
}

/// The location with most of what is missing, again and again, without those that the later ones make needless.
fn greedily(units: &[Vec<i64>], wanted: Vec<i64>) -> Option<Vec<usize>> {
    let mut missing = wanted.clone();
    let mut chosen: Vec<usize> = Vec::new();
    while missing.iter().any(|it| *it > 0) {
        let helps = |index: &usize| {
            let both = units[*index].iter().zip(&missing);
            both.map(|(here, missing)| i128::from(*here.min(missing))).sum::<i128>()
        };
        let open = (0..units.len()).filter(|it| !chosen.contains(it));
        let best = open.rev().max_by_key(helps).filter(|it| helps(it) > 0)?;
        missing = without(&missing, &units[best]);
        chosen.push(best);
    }
    let enough = |chosen: &[usize]| {
        let left = chosen.iter().fold(wanted.clone(), |left, it| without(&left, &units[*it]));
        left.iter().all(|it| *it == 0)
    };
    for index in chosen.clone() {
        let rest: Vec<usize> = chosen.iter().copied().filter(|it| *it != index).collect();
        if enough(&rest) {
            chosen = rest;
        }
    }
    chosen.sort_unstable();
    Some(chosen)
}

fn without(missing: &[i64], here: &[i64]) -> Vec<i64> {
    missing.iter().zip(here).map(|(missing, here)| (missing - here).max(0)).collect()
}
