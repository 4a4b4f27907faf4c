//! Invoices as papers.

use tonic::Status;

use crate::documents;
use crate::domain::{Invoice, InvoiceState, Order, OrderId, Problems, Seller, invoice_paper};
use crate::pb;
use crate::pb::get_invoice_document_request::Key;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::api::{Api, answered};
use crate::rpc::billing::parse::{InvoiceKey, invoice_by_id, invoice_by_number};
use crate::rpc::parse::{id, required};
use crate::rpc::status;
use crate::work::{INVOICE_MEDIA_TYPE, invoice_filename, seller_of};

/// Whose paper is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WantedInvoice {
    One(InvoiceKey),
    /// The last one of this order.
    LastOf(OrderId),
}

pub(super) fn wanted(request: pb::GetInvoiceDocumentRequest, bad: &mut Problems) -> Option<WantedInvoice> {
    let pb::GetInvoiceDocumentRequest { key, format } = request;
    match pb::InvoiceDocumentFormat::try_from(format) {
        Ok(pb::InvoiceDocumentFormat::Unspecified | pb::InvoiceDocumentFormat::Pdf) => {}
        Err(_) => bad.add("format", format!("{format} is none of the words of this field")),
    }
    match required("invoice_id", key, bad)? {
        Key::InvoiceId(it) => invoice_by_id(&it, bad).map(WantedInvoice::One),
        Key::Number(it) => invoice_by_number(&it, bad).map(WantedInvoice::One),
        Key::OrderId(it) => id("order_id", &it, bad).map(WantedInvoice::LastOf),
    }
}

impl Api {
    pub(super) async fn invoice_document(
        &self,
        wanted: &WantedInvoice,
    ) -> Result<pb::GetInvoiceDocumentResponse, Status> {
        let (order, index) = match wanted {
            WantedInvoice::One(key) => self.invoiced(key).await?,
            WantedInvoice::LastOf(id) => {
                let order = self.order(*id).await?;
                let index = order.main_invoice_index().map_err(|it| status::of_refusal(&it))?;
                (order, index)
            }
        };
        shows_order(&order);
        let invoice = &order.invoices[index];
        let seller = answered(seller_of(&self.app, invoice).await)?;
        let paper = invoice_paper(&order, invoice, &seller);
        let printed = self.drawn(move || documents::invoice_pdf(&paper)).await?;

        let mut warnings = printed.warnings;
        warnings.extend(lacking(&seller));
        warnings.extend(outdated(&order, invoice));
        let answer = pb::GetInvoiceDocumentResponse {
            media_type: INVOICE_MEDIA_TYPE.to_owned(),
            filename: invoice_filename(invoice),
            content: printed.bytes,
            warnings,
        };
        self.must_fit(&answer)?;
        Ok(answer)
    }
}

/// What an invoice should say of the seller and does not.
fn lacking(seller: &Seller) -> Option<String> {
    let what = match (seller.name.is_empty(), seller.address.is_none()) {
        (true, _) => "without the seller's name and address",
        (false, true) => "without the seller's address",
        (false, false) => return None,
    };
    Some(format!("{what}: the settings' seller had none when the invoice was issued"))
}

/// The paper stays as it was issued, also when it is not to be paid any more.
fn outdated(order: &Order, invoice: &Invoice) -> Option<String> {
    let credited = order.credited_of(invoice);
    let currency = invoice.amounts.currency;
    match invoice.state {
        InvoiceState::Open if credited > 0 => Some(format!(
            "credit notes have taken {} off: {} is still to be paid",
            currency.of(credited),
            currency.of(order.due_minor())
        )),
        InvoiceState::Paid if credited > 0 => {
            Some(format!("credit notes have taken {} off", currency.of(credited)))
        }
        InvoiceState::Open | InvoiceState::Paid => None,
        InvoiceState::Void => Some("the invoice is VOID: it is not to be paid any more".to_owned()),
    }
}
