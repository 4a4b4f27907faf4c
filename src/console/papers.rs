//! Papers, as the API makes them: those of a shipment and of an order's invoice, shown by the browser itself.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use tonic::Status;

use crate::console::desk::Desk;
use crate::console::visitors::Visitor;
use crate::pb;
use crate::pb::DocumentKind;

/// Papers of shipments by the names that addresses of pages have for them.
const OF_SHIPMENTS: [(&str, DocumentKind); 4] = [
    ("label", DocumentKind::ShippingLabelPdf),
    ("packing-slip", DocumentKind::PackingSlipPdf),
    ("pick-list", DocumentKind::PickListPdf),
    ("return-form", DocumentKind::ReturnFormPdf),
];

pub(super) async fn of_shipment(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Path((shipment_id, paper)): Path<(String, String)>,
) -> Response {
    let Some((_, kind)) = OF_SHIPMENTS.into_iter().find(|(name, _)| *name == paper) else {
        return desk.trouble(Some(&visitor), StatusCode::NOT_FOUND, "There is no such paper of a shipment.");
    };
    let made = async {
        let request = pb::GetShipmentDocumentRequest { shipment_id, kind: kind.into(), ..Default::default() };
        let made = desk.api(&visitor)?.shipping().get_shipment_document(request).await?.into_inner();
        Ok((made.media_type, made.filename, made.content))
    };
    paper_or_refusal(&desk, &visitor, made.await)
}

pub(super) async fn of_invoice(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Path(invoice_id): Path<String>,
) -> Response {
    let made = async {
        let key = Some(pb::get_invoice_document_request::Key::InvoiceId(invoice_id));
        let request = pb::GetInvoiceDocumentRequest { key, ..Default::default() };
        let made = desk.api(&visitor)?.billing().get_invoice_document(request).await?.into_inner();
        Ok((made.media_type, made.filename, made.content))
    };
    paper_or_refusal(&desk, &visitor, made.await)
}

fn paper_or_refusal(
    desk: &Desk,
    visitor: &Visitor,
    made: Result<(String, String, Vec<u8>), Status>,
) -> Response {
    let (media_type, filename, content) = match made {
        Ok(made) => made,
        Err(status) => return desk.refused(visitor, &status),
    };
    // Shown rather than saved; the name is for who saves it.
    let shown = HeaderValue::from_str(&format!("inline; filename=\"{filename}\""));
    let shown = shown.unwrap_or(HeaderValue::from_static("inline"));
    let kind =
        HeaderValue::from_str(&media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, shown)], content).into_response()
}
