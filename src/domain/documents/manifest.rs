//! What a manifest says: as a sheet to be drawn, and as a page of plain text.

use crate::domain::documents::paper::{Goods, GoodsList, SheetKind, SheetPaper};
use crate::domain::documents::text::{DANGEROUS, kilograms, line};
use crate::domain::model::manifest::{Manifest, ManifestEntry};

/// A line per shipment with a box to tick, the totals, and room for a signature.
pub fn manifest_paper(manifest: &Manifest, company: &str) -> SheetPaper {
    let Manifest { courier, courier_name, location, location_name, day, entries } = manifest;
    let goods = |it: &ManifestEntry| Goods {
        quantity: it.packages.into(),
        sku: it.tracking_number.clone(),
        description: format!(
            "{} {}, {}, order {}/{}{}",
            it.country,
            line(&it.town),
            it.service,
            it.order_number,
            it.number,
            mark(it)
        ),
        detail: kilograms(it.weight_grams),
    };
    let mut notes = vec!["Taken by: ______________________________    Time: ______________".to_owned()];
    if entries.is_empty() {
        notes.insert(0, "Nothing waits for this pickup.".to_owned());
    }
    SheetPaper {
        kind: SheetKind::Manifest,
        company: line(company),
        headline: format!("{}, {day}", line(courier_name)),
        reference: day.to_string(),
        facts: vec![
            ("Courier", courier.to_string()),
            ("Location", format!("{} ({location})", line(location_name))),
            ("Shipments", entries.len().to_string()),
            ("Parcels", manifest.packages().to_string()),
            ("Weight", kilograms(manifest.weight_grams())),
        ],
        addresses: Vec::new(),
        lists: vec![GoodsList { heading: String::new(), goods: entries.iter().map(goods).collect() }],
        notes,
    }
}

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
            "{position:>5}  {:<20}  {}  {:>3} {}  {:>10}  {} {}  order {}/{}{}\n",
            entry.tracking_number,
            entry.service,
            entry.packages,
            if entry.packages == 1 { "parcel " } else { "parcels" },
            kilograms(entry.weight_grams),
            entry.country,
            line(&entry.town),
            entry.order_number,
            entry.number,
            mark(entry),
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

/// What the driver has to know of it, after everything else on its line.
fn mark(entry: &ManifestEntry) -> String {
    if entry.dangerous { format!(", {DANGEROUS}") } else { String::new() }
}
