//! The packing slip of a package as text.

use crate::domain::documents::address::addressee;
use crate::domain::documents::text::{described, headline, kilograms, line, size};
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment, ShipmentItem};

/// Contents of the parcels, line by line, without prices, for the recipient.
pub fn packing_slip(order: &Order, shipment: &Shipment) -> String {
    let mut text = format!("PACKING SLIP\n{}\n\nSHIP TO\n", headline(order, shipment));
    for it in addressee(order, shipment) {
        text.push_str(&format!("  {it}\n"));
    }

    let of = |number: i32| shipment.items.iter().find(|it| it.line == number);
    for package in &shipment.packages {
        let count = shipment.packages.len();
        text.push_str(&format!("\nPACKAGE {} of {count} ({})\n", package.number, measures(package)));
        for packed in &package.contents {
            let told = of(packed.line).map(goods).unwrap_or_default();
            text.push_str(&format!("  {:>5} x  {told}\n", packed.quantity));
        }
    }
    if shipment.packages.is_empty() {
        text.push_str("\nCONTENTS\n");
        for item in &shipment.items {
            text.push_str(&format!("  {:>5} x  {}\n", item.quantity, goods(item)));
        }
    }

    let units = shipment.items.iter().map(|it| it.quantity).fold(0, i64::saturating_add);
    text.push_str(&format!("\nUnits in this shipment: {units}\n"));
    text.push_str(&instructions(order));
    text.push_str(&format!("\nAnything missing or damaged? Tell us, and name order {}.\n", order.number));
    text
}

fn goods(item: &ShipmentItem) -> String {
    format!("{}  {}", item.sku, described(item))
}

fn measures(package: &Package) -> String {
    format!("{}, {}", kilograms(package.weight_grams), size(package))
}

fn instructions(order: &Order) -> String {
    let text = line(&order.special_instructions);
    if text.is_empty() { String::new() } else { format!("\nINSTRUCTIONS\n  {text}\n") }
}
