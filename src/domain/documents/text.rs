//! Words and measures as papers write them.

use std::collections::BTreeSet;

use crate::domain::model::handling::Handling;
use crate::domain::model::lot::LotUnits;
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment, ShipmentItem};

pub(in crate::domain) fn headline(order: &Order, shipment: &Shipment) -> String {
    format!("Order {}, shipment {}", order.number, shipment.number)
}

/// One printed line: what would break it is a blank.
pub(in crate::domain) fn line(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(in crate::domain) fn kilograms(grams: i64) -> String {
    format!("{}.{:03} kg", grams / 1000, (grams % 1000).abs())
}

pub(in crate::domain) fn size(package: &Package) -> String {
    let Package { length_mm, width_mm, height_mm, .. } = package;
    format!("{length_mm} x {width_mm} x {height_mm} mm")
}

/// As the mark of dangerous goods is written.
pub(in crate::domain) const DANGEROUS: &str = "DANGEROUS GOODS";

/// What a person has to know who handles these goods, in capitals.
pub(in crate::domain) fn marks<'a>(items: impl IntoIterator<Item = &'a ShipmentItem>) -> String {
    let mut marks = BTreeSet::new();
    for Handling { dimensions: _, fragile, dangerous } in items.into_iter().map(|it| &it.handling) {
        marks.extend(fragile.then_some("FRAGILE"));
        marks.extend(dangerous.then_some(DANGEROUS));
    }
    marks.into_iter().collect::<Vec<_>>().join(", ")
}

/// What an item is, with its marks.
pub(in crate::domain) fn described(item: &ShipmentItem) -> String {
    let marks = marks([item]);
    let comma = if marks.is_empty() { "" } else { ", " };
    format!("{}{comma}{marks}{}", line(&item.description), lots_told(item))
}

/// How many lots of an item are told in one line.
const LOTS_TOLD: usize = 3;

fn lots_told(item: &ShipmentItem) -> String {
    let told = item.lots.iter().take(LOTS_TOLD).map(|it| format!("; {}", lot_words(it)));
    let more = item.lots.len().saturating_sub(LOTS_TOLD);
    let more = if more == 0 { String::new() } else { format!(" and {more} more lots") };
    told.collect::<String>() + &more
}

/// A lot, and the last day on which it may be used.
pub(in crate::domain) fn lot_words(lot: &LotUnits) -> String {
    format!("lot {}, use by {}", lot.name, lot.expires_on)
}
