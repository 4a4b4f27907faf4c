//! Tests of `allocate`.

use super::*;
use proptest::prelude::*;

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
            rank: 0,
            priority: location,
            location: format!("L{location:02}").parse().expect("a location code"),
            units: units[product],
        });
        let by_location: Vec<Spot> = spots.filter(|it| it.units > 0).collect();
        Supply { total: by_location.iter().map(|it| it.units).sum(), awaited: 0, by_location }
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
    assert_eq!(reason, "L01, L02 have every line together: 2 shipments, where the order of priority takes 3");
    let (takes, reason) = plan(&needs, &supplies, Allocation::Priority).expect("enough");
    assert_eq!(locations(&takes), ["L00", "L01", "L02"]);
    assert_eq!(reason, "no single location has every line: split in order of the locations' priority");
}

#[test]
fn what_expires_first_goes_first_from_one_location_if_one_has_everything() {
    // S0 has no lots; S1 expires first at L02, then at L01, and has lots that last at L00.
    let (needs, mut supplies) = given(&[1, 2], &[&[1, 2], &[1, 2], &[1, 1]]);
    for supply in supplies.values_mut() {
        supply.by_location.iter_mut().for_each(|it| it.rank = LASTING);
    }
    let lots = supplies.get_mut(&needs[1].sku).expect("a supply");
    for (spot, rank) in lots.by_location.iter_mut().zip([90, 30, 10]) {
        spot.rank = rank;
    }
    lots.by_location.sort();
    let (takes, reason) = plan(&needs, &supplies, Allocation::Fefo).expect("enough");
    assert_eq!(locations(&takes), ["L01"]);
    assert_eq!(reason, "L01 has every line and of those that do what it has expires first");

    let (needs, mut split) = given(&[3], &[&[2], &[2]]);
    let supply = split.get_mut(&needs[0].sku).expect("a supply");
    supply.by_location.iter_mut().zip([90, 30]).for_each(|(it, rank)| it.rank = rank);
    supply.by_location.sort();
    let (takes, reason) = plan(&needs, &split, Allocation::Fefo).expect("enough");
    let taken: Vec<_> = takes.iter().map(|it| (it.location.as_str(), it.quantity)).collect();
    assert_eq!(taken, [("L01", 2), ("L00", 1)]);
    assert!(reason.ends_with("in the order in which what the locations have expires"), "{reason}");
}

#[test]
fn the_nearest_goes_first_and_every_other_is_told_why_it_was_passed_over() {
    let (needs, mut supplies) = given(&[2, 1], &[&[2, 0], &[1, 1], &[2, 1], &[0, 1]]);
    let (takes, reason) = plan(&needs, &supplies, Allocation::Priority).expect("enough");
    assert_eq!(reason, "L02 has every line and comes first by priority");
    let told: Vec<String> = passed_over(&needs, &supplies, &takes)
        .iter()
        .map(|it| format!("{}: {}", it.location, it.reason))
        .collect();
    assert_eq!(told, ["L00: has 0 of 1 S1", "L01: has 1 of 2 S0", "L03: has 0 of 2 S0"]);

    // L03 becomes as full as L02, and nearer than any other.
    for supply in supplies.values_mut() {
        supply.by_location.retain(|it| it.location.as_str() != "L03");
        let location = "L03".parse().expect("a location code");
        supply.by_location.iter_mut().for_each(|it| it.rank = 9);
        supply.by_location.insert(0, Spot { rank: 1, priority: 3, location, units: 5 });
    }
    let (takes, reason) = plan(&needs, &supplies, Allocation::Nearest).expect("enough");
    assert_eq!(
        (locations(&takes), reason.as_str()),
        (vec!["L03".to_owned()], "L03 has every line and is the nearest that does")
    );
    let last = passed_over(&needs, &supplies, &takes).pop().expect("others have some");
    assert_eq!((last.location.as_str(), last.reason.as_str()), ("L02", "has every line, and comes later"));
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
    #[test]
    fn as_much_is_planned_as_there_is_and_never_more_than_is_wanted(
        wanted in prop::collection::vec(1..9_i64, 1..5),
        shelves in prop::collection::vec(prop::collection::vec(0..4_i64, 5), 1..6),
    ) {
        let shelves: Vec<&[i64]> = shelves.iter().map(Vec::as_slice).collect();
        let (mut needs, supplies) = given(&wanted, &shelves);
        // The first product is on two lines.
        needs.push(Need { line: 99, ..needs[0].clone() });
        let there = as_far_as_there(&needs, &supplies);
        for (sku, supply) in &supplies {
            let units = |of: &[Need]| -> i64 { of.iter().filter(|it| it.sku == *sku).map(|it| it.quantity).sum() };
            prop_assert_eq!(units(&there), units(&needs).min(supply.total));
        }
        for it in &there {
            let need = needs.iter().find(|need| need.line == it.line).expect("a line that is wanted");
            prop_assert!(it.quantity > 0 && it.quantity <= need.quantity && it.sku == need.sku);
        }
        if !there.is_empty() {
            let (takes, _) = plan(&there, &supplies, Allocation::FewestShipments).expect("it is there");
            for it in &there {
                let of_line = takes.iter().filter(|take| take.line == it.line);
                prop_assert_eq!(of_line.map(|take| take.quantity).sum::<i64>(), it.quantity);
            }
        }
    }
}
