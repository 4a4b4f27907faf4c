//! The manifest as a page of plain text, for the driver to sign.

use crate::domain::documents::text::{kilograms, line};
use crate::domain::model::manifest::Manifest;

/// One line per shipment, the totals, and room for a signature.
pub fn manifest_text(manifest: &Manifest) -> String {
    let Manifest { courier, courier_name, location, location_name, day, entries } = manifest;
    let mut text = format!(
        "MANIFEST\nCourier:  {} ({courier})\nLocation: {} ({location})\nPickup:   {day}\n\n",
        line(courier_name),
        line(location_name),
    );
    for (entry, position) in entries.iter().zip(1..) {
        text.push_str(&format!(
            "{position:>5}  {:<20}  {}  {:>3} {}  {:>10}  {} {}  order {}/{}\n",
            entry.tracking_number,
            entry.service,
            entry.packages,
            if entry.packages == 1 { "parcel " } else { "parcels" },
            kilograms(entry.weight_grams),
            entry.country,
            line(&entry.town),
            entry.order_number,
            entry.number,
        ));
    }
    if entries.is_empty() {
        text.push_str("Nothing waits for this pickup.\n");
    }
    text.push_str(&format!(
        "\nTotal: {} shipments, {} parcels, {}\n\nTaken by: ____________________  Time: ________\n",
        entries.len(),
        manifest.packages(),
        kilograms(manifest.weight_grams()),
    ));
    text
}
