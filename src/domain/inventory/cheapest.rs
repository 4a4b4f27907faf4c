//! The locations that have everything together for the lowest sum of couriers' quotes.

use std::collections::BTreeMap;

use crate::domain::inventory::fewest::TRIED_MAX;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::scalars::{LocationCode, Sku};

/// A location with its quote, and what it has of each product wanted.
struct Candidate<'a> {
    rank: u64,
    location: &'a LocationCode,
    units: Vec<i64>,
}

/// Locations that have everything wanted together, as cheaply as possible; of equally cheap choices the fewest, and of these
/// the one whose locations are cheapest and come first by priority. Up to so many locations every choice is tried; above,
/// the cheapest are taken one after the other as long as they help, without those that the later ones make needless, and
/// that is held against the cheapest that has everything alone. Empty: they have not.
pub(super) fn cheapest_locations(
    wanted: &BTreeMap<&Sku, i64>,
    supplies: &BTreeMap<Sku, Supply>,
) -> Vec<LocationCode> {
    let missing: Vec<i64> = wanted.values().copied().collect();
    let mut candidates: BTreeMap<(u64, i32, &LocationCode), Vec<i64>> = BTreeMap::new();
    for (index, (sku, units)) in wanted.iter().enumerate() {
        for spot in supplies.get(*sku).map(|it| it.by_location.as_slice()).unwrap_or_default() {
            if spot.units > 0 {
                let key = (spot.rank, spot.priority, &spot.location);
                candidates.entry(key).or_insert_with(|| vec![0; wanted.len()])[index] =
                    spot.units.min(*units);
            }
        }
    }
    let candidates: Vec<Candidate<'_>> = candidates
        .into_iter()
        .map(|((rank, _, location), units)| Candidate { rank, location, units })
        .collect();
    let chosen = match candidates.len() <= TRIED_MAX {
        true => try_all(&candidates, &missing),
        false => one_by_one(&candidates, &missing),
    };
    chosen.into_iter().map(|it| candidates[it].location.clone()).collect()
}

fn have_all(candidates: &[Candidate<'_>], chosen: &[usize], missing: &[i64]) -> bool {
    let has = |index: usize| chosen.iter().map(|it| i128::from(candidates[*it].units[index])).sum::<i128>();
    missing.iter().enumerate().all(|(index, units)| has(index) >= i128::from(*units))
}

fn cost(candidates: &[Candidate<'_>], chosen: &[usize]) -> u64 {
    chosen.iter().fold(0, |sum: u64, it| sum.saturating_add(candidates[*it].rank))
}

/// Every choice there is.
fn try_all(candidates: &[Candidate<'_>], missing: &[i64]) -> Vec<usize> {
    let choices = (1_u32..1 << candidates.len())
        .map(|mask| (0..candidates.len()).filter(|it| mask & (1 << it) != 0).collect::<Vec<usize>>());
    let enough = choices.filter(|it| have_all(candidates, it, missing));
    enough.min_by_key(|it| (cost(candidates, it), it.len(), it.clone())).unwrap_or_default()
}

fn one_by_one(candidates: &[Candidate<'_>], missing: &[i64]) -> Vec<usize> {
    let mut left = missing.to_vec();
    let mut chosen: Vec<usize> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if left.iter().zip(&candidate.units).any(|(left, here)| *left > 0 && *here > 0) {
            left = left.iter().zip(&candidate.units).map(|(left, here)| (left - here).max(0)).collect();
            chosen.push(index);
        }
    }
    for index in chosen.clone().into_iter().rev() {
        let rest: Vec<usize> = chosen.iter().copied().filter(|it| *it != index).collect();
        if have_all(candidates, &rest, missing) {
            chosen = rest;
        }
    }
    let alone = (0..candidates.len()).find(|it| have_all(candidates, &[*it], missing));
    match alone {
        Some(alone) if candidates[alone].rank <= cost(candidates, &chosen) => vec![alone],
        Some(_) | None if have_all(candidates, &chosen, missing) => chosen,
        Some(alone) => vec![alone],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::inventory::supply::Spot;
    use proptest::prelude::*;

    fn supplies(shelves: &[(u64, Vec<i64>)]) -> BTreeMap<Sku, Supply> {
        let products = shelves.first().map_or(0, |it| it.1.len());
        let of = |index: usize| {
            let mut by_location: Vec<Spot> = shelves
                .iter()
                .zip(1_i32..)
                .map(|((rank, units), number)| Spot {
                    rank: *rank,
                    priority: number,
                    location: format!("L{number}").parse().expect("a code"),
                    units: units[index],
                })
                .collect();
            by_location.sort();
            let total = by_location.iter().map(|it| it.units).sum();
            (format!("P{index}").parse().expect("a SKU"), Supply { total, awaited: 0, by_location })
        };
        (0..products).map(of).collect()
    }

    fn chosen(shelves: &[(u64, Vec<i64>)], wanted: &[i64]) -> Vec<String> {
        let supplies = supplies(shelves);
        let wanted: BTreeMap<&Sku, i64> = supplies.keys().zip(wanted.iter().copied()).collect();
        cheapest_locations(&wanted, &supplies).into_iter().map(|it| it.to_string()).collect()
    }

    #[test]
    fn a_split_is_taken_where_it_costs_less_than_one_parcel() {
        let shelves = [(900, vec![5, 5]), (300, vec![5, 0]), (400, vec![0, 5])];
        assert_eq!(chosen(&shelves, &[2, 2]), ["L2", "L3"]);
        let shelves = [(700, vec![5, 5]), (300, vec![5, 0]), (400, vec![0, 5])];
        assert_eq!(chosen(&shelves, &[2, 2]), ["L1"], "equally cheap: fewer parcels");
    }

    #[test]
    fn beyond_the_choices_that_are_tried_the_cheapest_still_go_first() {
        let mut shelves: Vec<(u64, Vec<i64>)> = (0..20).map(|it| (500 + it, vec![1, 0])).collect();
        shelves.push((100, vec![1, 1]));
        assert_eq!(chosen(&shelves, &[2, 1]), ["L21", "L1"]);
        shelves.push((50, vec![9, 9]));
        assert_eq!(chosen(&shelves, &[2, 1]), ["L22"]);
    }

    proptest! {
        #[test]
        fn whatever_there_is_no_other_choice_is_cheaper(
            shelves in prop::collection::vec((0_u64..50, prop::collection::vec(0_i64..4, 2)), 1..7),
            wanted in prop::collection::vec(1_i64..6, 2),
        ) {
            let enough = |mask: usize| (0..2).all(|sku| {
                let units = shelves.iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0);
                units.map(|(_, it)| it.1[sku]).sum::<i64>() >= wanted[sku]
            });
            let cost = |mask: usize| {
                let all = shelves.iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0);
                all.map(|(_, it)| it.0).sum::<u64>()
            };
            let best = (1..1_usize << shelves.len()).filter(|it| enough(*it)).map(cost).min();
            let chosen = chosen(&shelves, &wanted);
            let of = |name: &String| shelves[name[1..].parse::<usize>().expect("a number") - 1].0;
            let found = (!chosen.is_empty()).then(|| chosen.iter().map(of).sum::<u64>());
            prop_assert_eq!(found, best);
        }
    }
}
