//! Whether a package weighs what is in it: a wrong or missing article is often found on the scales.

use crate::domain::model::policy::WeightRules;
use crate::domain::model::shipment::{Package, Shipment, ShipmentItem};

/// Packages that an event names.
const NAMED_MAX: usize = 5;

/// Notes at each package how far it is off, where that is more than the rules allow.
pub(super) fn weigh(shipment: &mut Shipment, rules: &WeightRules) {
    let Shipment { items, packages, .. } = shipment;
    for package in packages {
        package.deviation_grams = deviation_grams(package, items, rules);
    }
}

/// Zero within the tolerance, and where a product's weight is not known.
fn deviation_grams(package: &Package, items: &[ShipmentItem], rules: &WeightRules) -> i64 {
    let WeightRules { packaging_grams, tolerance_grams, tolerance_ppm } = rules;
    let mut contents: i64 = 0;
    for packed in &package.contents {
        let item = items.iter().find(|it| it.line == packed.line);
        let Some(unit) = item.map(|it| it.weight_grams).filter(|it| *it > 0) else { return 0 };
        contents = contents.saturating_add(unit.saturating_mul(packed.quantity));
    }
    let share = i128::from(contents) * i128::from(*tolerance_ppm) / 1_000_000;
    let tolerance = i64::try_from(share).unwrap_or(i64::MAX).max((*tolerance_grams).into());
    let off = package.weight_grams.saturating_sub(contents).saturating_sub((*packaging_grams).into());
    if off.saturating_abs() > tolerance { off } else { 0 }
}

/// In words, if a package weighs otherwise than it should.
pub fn package_warning(package: &Package) -> Option<String> {
    let off = package.deviation_grams;
    let expected = package.weight_grams.saturating_sub(off);
    let more_or_less = if off > 0 { "more" } else { "less" };
    (off != 0).then(|| {
        let (weight, off) = (package.weight_grams, off.unsigned_abs());
        format!(
            "weighs {weight} g, {off} g {more_or_less} than the {expected} g of its contents and packaging"
        )
    })
}

/// The warning of all packages together.
pub(super) fn weight_warning(shipment: &Shipment) -> Option<String> {
    let wrong: Vec<_> = shipment.packages.iter().filter(|it| it.deviation_grams != 0).collect();
    let named = wrong.iter().take(NAMED_MAX);
    let named: Vec<_> =
        named.map(|it| format!("package {} by {:+} g", it.number, it.deviation_grams)).collect();
    let more = if wrong.len() > NAMED_MAX {
        format!(" and {} more", wrong.len() - NAMED_MAX)
    } else {
        String::new()
    };
    (!wrong.is_empty()).then(|| format!("weight off: {}{more}", named.join(", ")))
}

#[cfg(test)]
mod tests;
