//! Refitting, as properties: no unit is made, lost or given to another product.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::model::scalars::LocationCode;

const SKUS: [&str; 3] = ["A-1", "B-2", "C-3"];

fn sku(index: usize) -> Sku {
    SKUS[index].parse().expect("a sku")
}

/// Line, product, location, units, and how many of them were given back.
type Held = (i32, usize, usize, i64, i64);

fn item(number: i32, &(line, code, place, quantity, released): &Held) -> ReservedItem {
    ReservedItem {
        number,
        line,
        sku: sku(code),
        location: format!("L{place}").parse::<LocationCode>().expect("a location code"),
        quantity,
        consumed: 0,
        released: released.min(quantity),
    }
}

fn items(of: &[Held]) -> Vec<ReservedItem> {
    (1..).zip(of).map(|(number, it)| item(number, it)).collect()
}

fn needs(of: &[(usize, i64)]) -> Vec<Need> {
    (1..).zip(of).map(|(line, it)| Need { line, sku: sku(it.0), quantity: it.1 }).collect()
}

proptest! {
    #[test]
    fn every_unit_stays_with_its_line_or_moves_to_another_of_its_product_or_is_free(
        held in vec((0..5_i32, 0..3_usize, 0..3_usize, 1..9_i64, 0..9_i64), 0..12),
        wanted in vec((0..3_usize, 1..20_i64), 1..6),
    ) {
        let (items, needs) = (items(&held), needs(&wanted));
        let Refit { moves, frees } = refit(&items, &needs);

        let mut left: Vec<i64> = items.iter().map(ReservedItem::open).collect();
        let mut got: BTreeMap<i32, i64> = BTreeMap::new();
        for it in &moves {
            prop_assert!(it.quantity > 0);
            left[it.from] -= it.quantity;
            *got.entry(it.line).or_default() += it.quantity;
            let need = needs.iter().find(|need| need.line == it.line).expect("a line");
            prop_assert_eq!(&need.sku, &items[it.from].sku);
        }
        for (from, units) in &frees {
            prop_assert!(*units > 0);
            left[*from] -= units;
        }
        for (item, kept) in items.iter().zip(&left) {
            prop_assert!(*kept >= 0, "no more goes than there is");
            let own = needs.iter().any(|it| it.line == item.line && it.sku == item.sku);
            prop_assert!(own || *kept == 0, "what stays is wanted where it is");
            *got.entry(item.line).or_default() += kept;
        }
        for need in &needs {
            prop_assert!(got.get(&need.line).copied().unwrap_or_default() <= need.quantity);
        }
        // Of each product as many are kept as are held and wanted.
        for sku in (0..SKUS.len()).map(sku) {
            let held: i64 = items.iter().filter(|it| it.sku == sku).map(ReservedItem::open).sum();
            let wanted: i64 = needs.iter().filter(|it| it.sku == sku).map(|it| it.quantity).sum();
            let of_sku = needs.iter().filter(|it| it.sku == sku);
            let got: i64 = of_sku.map(|it| got.get(&it.line).copied().unwrap_or_default()).sum();
            prop_assert_eq!(got, held.min(wanted));
        }
    }

    #[test]
    fn what_is_refitted_already_stays_as_it_is(
        wanted in vec((0..3_usize, 1..20_i64), 1..6), place in 0..3_usize,
    ) {
        let held: Vec<_> = wanted.iter().zip(1..).map(|(&(code, units), line)| (line, code, place, units, 0)).collect();
        prop_assert_eq!(refit(&items(&held), &needs(&wanted)), Refit::default());
    }
}
