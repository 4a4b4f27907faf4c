//! What packing slips, pick lists and return forms say.

#[cfg(test)]
mod tests;

use crate::domain::documents::address::{addressee, sender};
use crate::domain::documents::label::PaperFacts;
use crate::domain::documents::paper::{Goods, GoodsList, SheetKind, SheetPaper};
use crate::domain::documents::text::{described, headline, kilograms, line, lot_words, size};
use crate::domain::model::lot::LotUnits;
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment, ShipmentItem};
use crate::domain::model::time::Timestamp;

/// Contents of the parcels, without prices, for the recipient.
pub(in crate::domain) fn packing_slip_paper(
    order: &Order,
    shipment: &Shipment,
    facts: PaperFacts<'_>,
) -> SheetPaper {
    let mut paper = sheet(SheetKind::PackingSlip, order, shipment, facts);
    paper.addresses =
        vec![("Ship to", addressee(order, shipment)), ("From", sender(facts.rules, facts.location))];
    paper.lists = shipment.packages.iter().map(|it| contents(shipment, it)).collect();
    let units = shipment.items.iter().map(|it| it.packed).fold(0, i64::saturating_add);
    paper.facts.push(("Units", units.to_string()));
    paper.facts.push(("Packages", shipment.packages.len().to_string()));
    if let Some(number) = shipment.courier_numbers().first() {
        paper.facts.push(("Tracking number", (*number).to_owned()));
    }
    paper.notes.extend(instructions(order));
    paper.notes.push(format!("Anything missing or damaged? Tell us, and name order {}.", order.number));
    paper
}

/// What is still to be taken off the shelves, by product.
pub(in crate::domain) fn pick_list_paper(
    order: &Order,
    shipment: &Shipment,
    facts: PaperFacts<'_>,
) -> SheetPaper {
    let mut paper = sheet(SheetKind::PickList, order, shipment, facts);
    let location = line(&facts.location.name);
    paper.facts.push(("Location", format!("{} ({})", location, shipment.location)));
    paper.facts.push(("Service", order.service.to_string()));
    if let Some(promised) = shipment.promised_by {
        paper.facts.push(("Promised by", minute(promised)));
    }
    let open = |it: &&ShipmentItem| it.picked < it.quantity;
    let mut goods: Vec<_> = shipment.items.iter().filter(open).flat_map(to_pick).collect();
    goods.sort_by(|one, other| one.sku.cmp(&other.sku));
    let units = goods.iter().map(|it| it.quantity).fold(0, i64::saturating_add);
    paper.facts.push(("Units to pick", units.to_string()));
    if goods.is_empty() {
        paper.notes.push("Every unit is picked.".to_owned());
    } else {
        paper.lists.push(GoodsList { heading: String::new(), goods });
    }
    paper.notes.extend(instructions(order));
    paper
}

/// What the recipient fills in to send something back.
pub(in crate::domain) fn return_form_paper(
    order: &Order,
    shipment: &Shipment,
    facts: PaperFacts<'_>,
) -> SheetPaper {
    let mut paper = sheet(SheetKind::ReturnForm, order, shipment, facts);
    paper.addresses =
        vec![("Send it back to", sender(facts.rules, facts.location)), ("From", addressee(order, shipment))];
    let sent = shipment.items.iter().filter(|it| it.packed > 0).map(|it| goods(it, it.packed));
    paper.lists.push(GoodsList { heading: String::new(), goods: sent.collect() });
    paper.notes.push(
        "Reasons: 1 does not fit; 2 damaged; 3 not as described; 4 wrong article; 5 came too late; 6 other."
            .to_owned(),
    );
    paper.notes.push(
        "Write how many units of each line you send back, and the number of the reason. Put this form into the parcel."
            .to_owned(),
    );
    paper
}

fn sheet(kind: SheetKind, order: &Order, shipment: &Shipment, facts: PaperFacts<'_>) -> SheetPaper {
    SheetPaper {
        kind,
        company: line(&facts.rules.company_name),
        headline: headline(order, shipment),
        reference: format!("{}-{}", order.number, shipment.number),
        facts: vec![("Order", order.number.to_string()), ("Shipment", shipment.number.to_string())],
        addresses: Vec::new(),
        lists: Vec::new(),
        notes: Vec::new(),
    }
}

fn contents(shipment: &Shipment, package: &Package) -> GoodsList {
    let count = shipment.packages.len();
    let weight = kilograms(package.weight_grams);
    let item = |number: i32| shipment.items.iter().find(|it| it.line == number);
    let packed = package.contents.iter().filter_map(|it| Some(goods(item(it.line)?, it.quantity)));
    GoodsList {
        heading: format!("Package {} of {count}: {weight}, {}", package.number, size(package)),
        goods: packed.collect(),
    }
}

/// What is left to pick of an item, lot by lot where it has some.
fn to_pick(item: &ShipmentItem) -> Vec<Goods> {
    let left = item.quantity.saturating_sub(item.picked);
    if item.lots.is_empty() {
        return vec![goods(item, left)];
    }
    let open = item.lots.iter().filter(|it| it.unpicked() > 0);
    let of_lot = |it: &LotUnits| {
        let of_item = goods(&ShipmentItem { lots: Vec::new(), ..item.clone() }, it.unpicked());
        Goods { description: format!("{}; {}", of_item.description, lot_words(it)), ..of_item }
    };
    open.map(of_lot).collect()
}

fn goods(item: &ShipmentItem, quantity: i64) -> Goods {
    let detail = if item.weight_grams > 0 { kilograms(item.weight_grams) } else { String::new() };
    Goods { quantity, sku: item.sku.to_string(), description: described(item), detail }
}

/// To the minute, as the clock of the server says.
fn minute(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take("2026-12-04T17:30".len()).collect();
    format!("{} UTC", text.replace('T', " "))
}

fn instructions(order: &Order) -> Option<String> {
    let text = line(&order.special_instructions);
    (!text.is_empty()).then(|| format!("Instructions: {text}"))
}
