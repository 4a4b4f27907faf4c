//! Invoices as papers. Nothing is kept of one: all that it says is kept with the order and the seller, and the same words
//! give the same bytes, so it is made again whenever it is wanted. Kept, it would be most of what an order takes.

use crate::documents::{self, Printed};
use crate::domain::{Invoice, Message, MessageKind, Order, Seller, Unsent, invoice_paper};
use crate::outside::Attachment;
use crate::store::StoreError;
use crate::work::App;
use crate::work::drawings::DrawError;
use crate::work::returns::papers_of;

/// How invoices are sent and handed out.
pub const INVOICE_MEDIA_TYPE: &str = "application/pdf";

/// Who sold; empty if the shop had no name when the invoice was issued.
pub async fn seller_of(app: &App, invoice: &Invoice) -> Result<Seller, StoreError> {
    let Some(id) = invoice.seller else { return Ok(Seller::default()) };
    let seller = app.store.seller(id).await?;
    seller
        .ok_or_else(|| StoreError::Internal(format!("the seller {id} of invoice {} is missing", invoice.id)))
}

/// The invoice as a PDF.
async fn invoice_pdf(
    app: &App,
    order: &Order,
    invoice: &Invoice,
    seller: &Seller,
) -> Result<Printed, DrawError> {
    let paper = invoice_paper(order, invoice, seller);
    app.drawings.draw(move || documents::invoice_pdf(&paper)).await
}

/// `INV-000001.pdf`
pub fn invoice_filename(invoice: &Invoice) -> String {
    format!("{}.pdf", invoice.full_number())
}

/// What goes with a message: with the letter about an invoice the invoice, once it says who sells; with the one that lets a
/// customer send goods back its form and label.
pub(super) async fn attachments(
    app: &App,
    order: &Order,
    message: &Message,
) -> Result<Vec<Attachment>, Unsent> {
    let told = match message.kind {
        MessageKind::InvoiceIssued => order.nth_invoice_told(message.sequence),
        MessageKind::ReturnAuthorized => {
            return match order.return_told(message) {
                Some(it) => papers_of(app, order, it).await,
                None => Ok(Vec::new()),
            };
        }
        MessageKind::OrderReceived
        | MessageKind::OrderUpdated
        | MessageKind::OnHold
        | MessageKind::HoldReleased
        | MessageKind::AwaitingStock
        | MessageKind::PromiseChanged
        | MessageKind::EstimateMoved
        | MessageKind::PromiseMissed
        | MessageKind::PaymentReceived
        | MessageKind::Shipped
        | MessageKind::LocationChanged
        | MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryException
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup
        | MessageKind::DeliveryRearranged
        | MessageKind::DeliveryConfirmed
        | MessageKind::FeedbackRequested
        | MessageKind::OrderLinesCancelled
        | MessageKind::OrderCancelled
        | MessageKind::OrderExpired
        | MessageKind::OrderRejected
        | MessageKind::RefundIssued
        | MessageKind::ReturnDeclined
        | MessageKind::ReturnReceived
        | MessageKind::ReturnResolved
        | MessageKind::ChangeProposed => None,
    };
    let Some(invoice) = told.filter(|it| it.number > 0) else { return Ok(Vec::new()) };
    let unread = |_| Unsent::Later("the seller could not be read".to_owned());
    let seller = seller_of(app, invoice).await.map_err(unread)?;
    if !seller.is_complete() {
        return Ok(Vec::new());
    }

    match invoice_pdf(app, order, invoice, &seller).await {
        Ok(printed) => Ok(vec![Attachment {
            name: invoice_filename(invoice),
            media_type: INVOICE_MEDIA_TYPE.to_owned(),
            bytes: printed.bytes,
        }]),
        // The letter says what is to be paid, and waits for no paper that cannot be made.
        Err(error @ DrawError::Print(_)) => {
            tracing::error!(invoice = %invoice.id, %error, "a letter goes without its invoice");
            Ok(Vec::new())
        }
        Err(error @ DrawError::BrokenOff) => Err(Unsent::Later(error.to_string())),
    }
}
