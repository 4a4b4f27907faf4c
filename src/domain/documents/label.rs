//! What a shipping label says.

#[cfg(test)]
mod tests;

use crate::domain::documents::address::{addressee, sender};
use crate::domain::documents::paper::{LabelPaper, Parcel};
use crate::domain::documents::text::{headline, kilograms, line, marks, size};
use crate::domain::model::location::Location;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::shipment::{Label, Package, Shipment};

/// What a paper says beyond the order.
#[derive(Debug, Clone, Copy)]
pub struct PaperFacts<'a> {
    pub rules: &'a Rules,
    /// Where the shipment leaves.
    pub location: &'a Location,
    /// Name of the assigned courier; empty before one is.
    pub courier: &'a str,
}

/// A label for each of these packages. The service is the courier's once one is assigned, else the ordered one.
pub(in crate::domain) fn label_paper(
    order: &Order,
    shipment: &Shipment,
    label: &Label,
    packages: &[&Package],
    facts: PaperFacts<'_>,
) -> LabelPaper {
    let service = match &shipment.assignment {
        Some(it) if !it.service_name.is_empty() => it.service_name.clone(),
        Some(it) => it.service.to_string(),
        None => order.service.to_string(),
    };
    let holds = |package: &Package, line: i32| package.contents.iter().any(|it| it.line == line);
    let parcel = |it: &&Package| Parcel {
        number: it.number,
        of: shipment.packages.len(),
        weight: kilograms(it.weight_grams),
        size: size(it),
        marks: marks(shipment.items.iter().filter(|item| holds(it, item.line))),
    };
    LabelPaper {
        tracking_number: label.tracking_number.clone(),
        courier: line(facts.courier),
        service,
        headline: headline(order, shipment),
        sender: sender(facts.rules, facts.location),
        recipient: addressee(order, shipment),
        instructions: line(&order.special_instructions),
        parcels: packages.iter().map(parcel).collect(),
    }
}
