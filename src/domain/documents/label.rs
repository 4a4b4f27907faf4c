//! The text of a shipping label, and how its lines are laid out.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::domain::model::address::Address;
use crate::domain::model::handling::Handling;
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment, ShipmentItem};

/// The label as plain text, for a person or any printer: where from and to, service, every package's weight
/// and size, instructions, and what the barcode says.
pub(in crate::domain) fn label_text(order: &Order, shipment: &Shipment, tracking_number: &str) -> String {
    let mut text = format!(
        "SHIPPING LABEL\n{}\n\nTracking number: {tracking_number}\nService: {}\n",
        headline(order, shipment),
        order.service,
    );
    text.push_str(&format!("\nFROM\n  {}\n", shipment.location));
    text.push_str("\nTO\n");
    for it in addressee(order) {
        text.push_str(&format!("  {it}\n"));
    }

    text.push_str("\nPACKAGES\n");
    for package in &shipment.packages {
        text.push_str(&format!(
            "  {} of {}: {}{}\n",
            package.number,
            shipment.packages.len(),
            measures(package),
            after_comma(&marks_of(shipment, package))
        ));
    }
    let total: i64 = shipment.packages.iter().map(|it| it.weight_grams).fold(0, i64::saturating_add);
    text.push_str(&format!("  Total weight: {}\n", kilograms(total)));

    text.push_str(&instructions(order));
    text.push_str(&format!("\nBarcode (Code 128): {tracking_number}\n"));
    text
}

pub(super) fn headline(order: &Order, shipment: &Shipment) -> String {
    format!("Order {}, shipment {}", order.number, shipment.number)
}

/// One printed line: what would break it is a blank.
pub(super) fn line(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn addressee(order: &Order) -> Vec<String> {
    let Address { recipient, organization, lines, city, area, postal_code, country } =
        &order.shipping_address;
    let recipient = if recipient.trim().is_empty() { &order.customer.name } else { recipient };
    let index = match country.as_str() {
        // Countries that write the postal code last.
        "AU" | "BR" | "CA" | "GB" | "IE" | "IN" | "NZ" | "SG" | "US" => [city, area, postal_code],
        _ => [postal_code, city, area],
    };
    let country = match rust_iso3166::from_alpha2(country) {
        Some(known) => format!("{} ({country})", known.name.to_uppercase()),
        None => country.clone(),
    };

    let mut all = vec![line(recipient), line(organization)];
    all.extend(lines.iter().map(|it| line(it)));
    all.push(line(&index.map(String::as_str).join(" ")));
    all.push(line(&country));
    if !order.customer.phone.is_empty() {
        all.push(format!("Phone {}", line(&order.customer.phone)));
    }
    all.retain(|it| !it.is_empty());
    all
}

pub(super) fn instructions(order: &Order) -> String {
    let text = line(&order.special_instructions);
    if text.is_empty() { String::new() } else { format!("\nINSTRUCTIONS\n  {text}\n") }
}

fn kilograms(grams: i64) -> String {
    format!("{}.{:03} kg", grams / 1000, (grams % 1000).abs())
}

pub(super) fn measures(package: &Package) -> String {
    let Package { number: _, weight_grams, length_mm, width_mm, height_mm, contents: _ } = package;
    format!("{}, {length_mm} x {width_mm} x {height_mm} mm", kilograms(*weight_grams))
}

/// What a person has to know who handles these goods, in capitals.
pub(super) fn marks<'a>(items: impl IntoIterator<Item = &'a ShipmentItem>) -> String {
    let mut marks = BTreeSet::new();
    for Handling { dimensions: _, fragile, dangerous } in items.into_iter().map(|it| &it.handling) {
        marks.extend(fragile.then_some("FRAGILE"));
        marks.extend(dangerous.then_some("DANGEROUS GOODS"));
    }
    marks.into_iter().collect::<Vec<_>>().join(", ")
}

/// The same of what is in a package.
pub(super) fn marks_of(shipment: &Shipment, package: &Package) -> String {
    let is_in = |it: &&ShipmentItem| package.contents.iter().any(|content| content.line == it.line);
    marks(shipment.items.iter().filter(is_in))
}

pub(super) fn after_comma(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", {text}") }
}

/// Lines of at most this many characters, broken at blanks where there are any.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width.max(1)) {
            let needed = current.chars().count() + usize::from(!current.is_empty()) + piece.len();
            if needed > width && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.extend(piece);
        }
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}
