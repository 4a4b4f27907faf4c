//! Which papers a shipment has by now, and what stands on them. Nothing is kept of a paper: it is made when it is asked for.

use crate::domain::documents::label::{PaperFacts, label_paper};
use crate::domain::documents::paper::Paper;
use crate::domain::documents::sheets::{packing_slip_paper, pick_list_paper, return_form_paper};
use crate::domain::model::counted;
use crate::domain::model::document_kind::DocumentKind;
use crate::domain::model::location::Location;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Package, Shipment, ShipmentState};

/// A paper that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedDocument {
    pub shipment: ShipmentId,
    pub kind: DocumentKind,
    /// Only the label of this package; none: of all.
    pub package: Option<i32>,
}

/// What stands on the paper, or why there is none yet.
pub fn shipment_paper(
    order: &Order,
    wanted: WantedDocument,
    facts: PaperFacts<'_>,
) -> Result<Paper, Refusal> {
    let shipment = &order.shipments[order.shipment_index(wanted.shipment)?];
    match wanted.kind {
        DocumentKind::ShippingLabelPdf | DocumentKind::ShippingLabelZpl => {
            let Some(label) = &shipment.label else {
                let message = format!("the shipment is {} and has no label", shipment.state);
                return Err(order.unmet_shipment(Reason::IllegalTransition, shipment, message));
            };
            let packages = packages(shipment, wanted.package)?;
            Ok(Paper::Label(label_paper(order, shipment, label, &packages, facts)))
        }
        DocumentKind::PackingSlipPdf => {
            must_be_packed(order, shipment)?;
            Ok(Paper::Sheet(packing_slip_paper(order, shipment, facts)))
        }
        DocumentKind::ReturnFormPdf => {
            must_be_packed(order, shipment)?;
            Ok(Paper::Sheet(return_form_paper(order, shipment, facts)))
        }
        DocumentKind::PickListPdf => {
            if shipment.state == ShipmentState::Cancelled {
                let message = "the shipment is CANCELLED: nothing is to be picked";
                return Err(order.unmet_shipment(Reason::IllegalTransition, shipment, message));
            }
            Ok(Paper::Sheet(pick_list_paper(order, shipment, facts)))
        }
    }
}

/// What a paper lacks that it should say, in words: a parcel that comes back needs an address to come to.
pub fn paper_warnings(kind: DocumentKind, location: &Location) -> Vec<String> {
    let names_sender = match kind {
        DocumentKind::ShippingLabelPdf | DocumentKind::ShippingLabelZpl | DocumentKind::ReturnFormPdf => true,
        DocumentKind::PackingSlipPdf | DocumentKind::PickListPdf => false,
    };
    if !names_sender || location.address.is_some() {
        return Vec::new();
    }
    vec![format!("without the sender's address: stock location {} has none", location.code)]
}

fn packages(shipment: &Shipment, number: Option<i32>) -> Result<Vec<&Package>, Refusal> {
    let Some(number) = number else { return Ok(shipment.packages.iter().collect()) };
    let named: Vec<_> = shipment.packages.iter().filter(|it| it.number == number).collect();
    if named.is_empty() {
        let have = counted::packages(shipment.packages.len());
        return Err(Refusal::invalid("package_number", format!("the shipment has {have}")));
    }
    Ok(named)
}

fn must_be_packed(order: &Order, shipment: &Shipment) -> Result<(), Refusal> {
    if !shipment.packages.is_empty() {
        return Ok(());
    }
    let message = format!("the shipment is {} and not packed", shipment.state);
    Err(order.unmet_shipment(Reason::IllegalTransition, shipment, message))
}
