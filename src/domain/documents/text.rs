//! Words and measures as papers write them.

use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment};

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
