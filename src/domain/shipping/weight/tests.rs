//! Tests of `weight`.

use proptest::prelude::*;

use crate::domain::model::policy::WeightRules;
use crate::domain::model::shipment::{PackedItem, Shipment};
use crate::domain::shipping::weight::{package_warning, weigh, weight_warning};
use crate::domain::tests::sample::sample;

const RULES: WeightRules = WeightRules { packaging_grams: 200, tolerance_grams: 100, tolerance_ppm: 100_000 };

/// One package with so many mugs of 300 g.
fn weighed(mugs: i64, weight_grams: i64) -> Shipment {
    let (_, mut shipment) = sample();
    shipment.items[0].weight_grams = 300;
    shipment.packages.truncate(1);
    shipment.packages[0].weight_grams = weight_grams;
    shipment.packages[0].contents = vec![PackedItem { line: 1, quantity: mugs }];
    weigh(&mut shipment, &RULES);
    shipment
}

#[test]
fn the_larger_tolerance_holds() {
    let off = |mugs, weight| weighed(mugs, weight).packages[0].deviation_grams;
    // 600 g and packaging: 100 g more or less.
    assert_eq!((off(2, 700), off(2, 900), off(2, 699), off(2, 901)), (0, 0, -101, 101));
    // 6 kg and packaging: a tenth of 6 kg.
    assert_eq!((off(20, 5_600), off(20, 6_800), off(20, 5_599), off(20, 6_801)), (0, 0, -601, 601));
}

#[test]
fn a_warning_says_what_was_expected() {
    let shipment = weighed(2, 1_500);
    let text = "weighs 1500 g, 700 g more than the 800 g of its contents and packaging";
    assert_eq!(package_warning(&shipment.packages[0]).as_deref(), Some(text));
    assert_eq!(weight_warning(&shipment).as_deref(), Some("weight off: package 1 by +700 g"));

    let shipment = weighed(2, 300);
    let text = "weighs 300 g, 500 g less than the 800 g of its contents and packaging";
    assert_eq!(package_warning(&shipment.packages[0]).as_deref(), Some(text));
    assert_eq!(weight_warning(&weighed(2, 800)), None);
}

#[test]
fn a_product_of_unknown_weight_is_not_guessed() {
    let mut shipment = weighed(2, 90_000);
    shipment.packages[0].contents.push(PackedItem { line: 2, quantity: 1 });
    weigh(&mut shipment, &RULES);
    assert_eq!(shipment.packages[0].deviation_grams, 0);
}

proptest! {
    #[test]
    fn what_a_package_should_weigh_is_never_warned_of(mugs in 1..1_000_i64) {
        prop_assert_eq!(weight_warning(&weighed(mugs, mugs * 300 + 200)), None);
    }

    #[test]
    fn more_is_never_less_wrong(mugs in 1..1_000_i64, weight in 1..1_000_000_i64, more in 1..1_000_i64) {
        let off = |weight| weighed(mugs, weight).packages[0].deviation_grams;
        prop_assert!(off(weight) <= off(weight + more));
    }
}
