//! Papers of shipments.

use prost::Message;
use tonic::Status;

use crate::documents::{self, PrintError, Printed};
use crate::domain::{
    DocumentKind, Order, Paper, PaperFacts, Part, Problems, Reason, Refusal, WantedDocument, paper_warnings,
    shipment_paper,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::api::{Api, answered, existing};
use crate::rpc::enums;
use crate::rpc::identity::response_bytes;
use crate::rpc::parse::{id, number, required_word};
use crate::rpc::status;
use crate::work::DrawError;

pub(crate) fn wanted(request: pb::GetShipmentDocumentRequest, bad: &mut Problems) -> Option<WantedDocument> {
    let pb::GetShipmentDocumentRequest { shipment_id, kind, package_number } = request;
    let shipment = id("shipment_id", &shipment_id, bad);
    let kind = required_word("kind", kind, enums::to_document_kind, bad);
    number("package_number", package_number.into(), 0..=100, bad);
    if package_number != 0 && kind.is_some_and(|it| !is_label(it)) {
        bad.add("package_number", "is for shipping labels: the other papers are about all packages");
    }
    Some(WantedDocument {
        shipment: shipment?,
        kind: kind?,
        package: Some(package_number).filter(|it| *it != 0),
    })
}

fn is_label(kind: DocumentKind) -> bool {
    match kind {
        DocumentKind::ShippingLabelPdf | DocumentKind::ShippingLabelZpl => true,
        DocumentKind::PackingSlipPdf | DocumentKind::PickListPdf | DocumentKind::ReturnFormPdf => false,
    }
}

impl Api {
    pub(super) async fn document(
        &self,
        wanted: WantedDocument,
    ) -> Result<pb::GetShipmentDocumentResponse, Status> {
        let order = self.order_with(Part::Shipment(wanted.shipment)).await?;
        shows_order(&order);
        let (paper, warnings) = self.paper(&order, wanted).await?;
        let mut printed = self.drawn(move || draw(&paper, wanted.kind)).await?;
        printed.warnings.extend(warnings);
        let answer = answer(&order, wanted, printed);
        self.must_fit(&answer)?;
        Ok(answer)
    }

    /// A paper, drawn beside the threads that serve calls.
    pub(crate) async fn drawn(
        &self,
        draw: impl FnOnce() -> Result<Printed, PrintError> + Send + 'static,
    ) -> Result<Printed, Status> {
        self.app.drawings.draw(draw).await.map_err(|error| of_drawing(&error))
    }

    pub(crate) fn must_fit(&self, answer: &impl Message) -> Result<(), Status> {
        let (bytes, most) = (answer.encoded_len(), response_bytes(&self.limits));
        match bytes > most {
            true => Err(too_large(format!("the paper has {bytes} bytes, at most {most} can be sent"))),
            false => Ok(()),
        }
    }

    /// What stands on the paper, with the names of what the order has only codes of; and what it lacks.
    async fn paper(&self, order: &Order, wanted: WantedDocument) -> Result<(Paper, Vec<String>), Status> {
        let shipment = order.shipment_index(wanted.shipment).map_err(|it| status::of_refusal(&it))?;
        let shipment = &order.shipments[shipment];
        let location = self.store().location(&shipment.location).await;
        let location = existing("location", &shipment.location, location)?;
        let courier = match &shipment.assignment {
            Some(it) => {
                let courier = answered(self.store().courier(&it.courier).await)?;
                courier.map_or_else(|| it.courier.to_string(), |it| it.name)
            }
            None => String::new(),
        };
        let facts = PaperFacts { rules: &self.app.rules, location: &location, courier: &courier };
        let paper = shipment_paper(order, wanted, facts).map_err(|it| status::of_refusal(&it))?;
        Ok((paper, paper_warnings(wanted.kind, &location)))
    }
}

/// The status of a paper that could not be drawn.
fn of_drawing(error: &DrawError) -> Status {
    match error {
        DrawError::Print(PrintError::TooManyPages) => too_large(error.to_string()),
        DrawError::Print(PrintError::Pdf(_)) => {
            tracing::error!(error = %error, "a paper could not be drawn");
            status::internal()
        }
        DrawError::BrokenOff => status::internal(),
    }
}

fn too_large(why: String) -> Status {
    status::of_refusal(&Refusal::unmet(Reason::LimitReached, why))
}

fn draw(paper: &Paper, kind: DocumentKind) -> Result<Printed, PrintError> {
    match (paper, kind) {
        (Paper::Label(label), DocumentKind::ShippingLabelZpl) => documents::zpl(label),
        (paper, _) => documents::pdf(paper),
    }
}

fn answer(order: &Order, wanted: WantedDocument, printed: Printed) -> pb::GetShipmentDocumentResponse {
    let shipment = order.shipments.iter().find(|it| it.id == wanted.shipment).map_or(0, |it| it.number);
    let (name, media_type, ending) = match wanted.kind {
        DocumentKind::ShippingLabelPdf => ("shipping-label", "application/pdf", "pdf"),
        DocumentKind::ShippingLabelZpl => ("shipping-label", "application/zpl", "zpl"),
        DocumentKind::PackingSlipPdf => ("packing-slip", "application/pdf", "pdf"),
        DocumentKind::PickListPdf => ("pick-list", "application/pdf", "pdf"),
        DocumentKind::ReturnFormPdf => ("return-form", "application/pdf", "pdf"),
    };
    let package = wanted.package.map(|it| format!("-{it}")).unwrap_or_default();
    pb::GetShipmentDocumentResponse {
        media_type: media_type.to_owned(),
        filename: format!("{name}-{}-{shipment}{package}.{ending}", order.number),
        content: printed.bytes,
        warnings: printed.warnings,
    }
}
