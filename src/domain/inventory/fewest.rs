//! The fewest locations that have everything together.

use std::collections::BTreeMap;

use crate::domain::model::scalars::{LocationCode, Sku};

/// Units of a product that a region has beyond those that waiting orders want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Supply {
    pub total: i64,
    /// In order of the locations' priority.
    pub by_location: Vec<Spot>,
}

/// Units of one product at one location. The order of the fields is the order of priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::domain) struct Spot {
    pub priority: i32,
    pub location: LocationCode,
    pub units: i64,
}

/// Up to so many locations every choice is tried. Above, the location that has most of what is still missing is taken, again
/// and again, which need not find the fewest.
const TRIED_MAX: usize = 12;

/// Fewer than `than` locations that have everything wanted together, in order of priority; None: there are none, or none
/// were found. Of equally few, those come first that come first by priority.
pub(super) fn fewer_locations(
    wanted: &BTreeMap<&Sku, i64>,
    supplies: &BTreeMap<Sku, Supply>,
    than: usize,
) -> Option<Vec<LocationCode>> {
    let mut places: BTreeMap<(i32, &LocationCode), Vec<i64>> = BTreeMap::new();
    for (index, (sku, units)) in wanted.iter().enumerate() {
        for spot in supplies.get(*sku).map(|it| it.by_location.as_slice()).unwrap_or_default() {
            if spot.units > 0 {
                let here =
                    places.entry((spot.priority, &spot.location)).or_insert_with(|| vec![0; wanted.len()]);
                here[index] = spot.units.min(*units);
            }
        }
    }
    let (names, units): (Vec<&LocationCode>, Vec<Vec<i64>>) =
        places.into_iter().map(|((_, location), units)| (location, units)).unzip();
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::domain::inventory::allocate::{Need, Take, plan};
    use crate::domain::model::policy::Allocation;

    /// Needs and supplies of products `S0`, `S1` … at locations `L00`, `L01` …, by priority in that order.
    fn given(wanted: &[i64], shelves: &[&[i64]]) -> (Vec<Need>, BTreeMap<Sku, Supply>) {
        let sku = |it: usize| format!("S{it}").parse::<Sku>().expect("a sku");
        let needs = wanted.iter().zip(0..).map(|(units, it)| Need {
            line: i32::try_from(it).expect("few") + 1,
            sku: sku(it),
            quantity: *units,
        });
        let supply = |product: usize| {
            let spots = shelves.iter().zip(0..).map(|(units, location)| Spot {
                priority: location,
                location: format!("L{location:02}").parse().expect("a location code"),
                units: units[product],
            });
            let by_location: Vec<Spot> = spots.filter(|it| it.units > 0).collect();
            Supply { total: by_location.iter().map(|it| it.units).sum(), by_location }
        };
        (needs.collect(), (0..wanted.len()).map(|it| (sku(it), supply(it))).collect())
    }

    fn locations(takes: &[Take]) -> Vec<String> {
        let mut all: Vec<String> = takes.iter().map(|it| it.location.to_string()).collect();
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn two_parcels_do_where_the_order_of_priority_takes_three() {
        // X at A; X and Y at B; Z at C; one each.
        let (needs, supplies) = given(&[1, 1, 1], &[&[1, 0, 0], &[1, 1, 0], &[0, 0, 1]]);
        let (takes, reason) = plan(&needs, &supplies, Allocation::FewestShipments).expect("enough");
        assert_eq!(locations(&takes), ["L01", "L02"]);
        assert_eq!(
            reason,
            "L01, L02 have every line together: 2 shipments, where the order of priority takes 3"
        );
        let (takes, reason) = plan(&needs, &supplies, Allocation::Priority).expect("enough");
        assert_eq!(locations(&takes), ["L00", "L01", "L02"]);
        assert_eq!(reason, "no single location has every line: split in order of the locations' priority");
    }

    #[test]
    fn of_equally_few_those_are_taken_that_come_first() {
        let (needs, supplies) = given(&[2, 1], &[&[1, 0], &[1, 1], &[1, 1], &[2, 0], &[0, 1]]);
        let (takes, _) = plan(&needs, &supplies, Allocation::FewestShipments).expect("enough");
        assert_eq!(locations(&takes), ["L00", "L01"]);
    }

    #[test]
    fn among_many_locations_needless_ones_are_left_out() {
        let mut shelves: Vec<&[i64]> = vec![&[2, 2, 0, 0]];
        shelves.extend([&[0, 0, 1, 0][..]; 11]);
        shelves.extend([&[3, 0, 3, 0][..], &[0, 3, 0, 3][..]]);
        let (needs, supplies) = given(&[3, 3, 3, 3], &shelves);
        let (takes, _) = plan(&needs, &supplies, Allocation::FewestShipments).expect("enough");
        assert_eq!(locations(&takes), ["L12", "L13"]);
    }

    proptest! {
        #[test]
        fn there_are_never_more_parcels_than_by_priority_and_every_unit_is_on_a_shelf(
            wanted in prop::collection::vec(1..6_i64, 1..5),
            shelves in prop::collection::vec(prop::collection::vec(0..5_i64, 5), 1..18),
        ) {
            let shelves: Vec<&[i64]> = shelves.iter().map(Vec::as_slice).collect();
            let (needs, supplies) = given(&wanted, &shelves);
            let planned = |allocation| plan(&needs, &supplies, allocation);
            match (planned(Allocation::FewestShipments), planned(Allocation::Priority)) {
                (Ok((fewest, reason)), Ok((by_priority, _))) => {
                    prop_assert!(locations(&fewest).len() <= locations(&by_priority).len(), "{}", reason);
                    for need in &needs {
                        let of_line = fewest.iter().filter(|it| it.line == need.line);
                        prop_assert_eq!(of_line.map(|it| it.quantity).sum::<i64>(), need.quantity);
                    }
                    for (sku, supply) in &supplies {
                        for spot in &supply.by_location {
                            let here = fewest.iter().filter(|it| it.sku == *sku && it.location == spot.location);
                            prop_assert!(here.map(|it| it.quantity).sum::<i64>() <= spot.units);
                        }
                    }
                    prop_assert_eq!(&fewest, &planned(Allocation::FewestShipments).expect("the same").0);
                }
                (fewest, by_priority) => prop_assert_eq!(fewest.err(), by_priority.err()),
            }
        }
    }
}
