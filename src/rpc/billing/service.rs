//! BillingService: invoices, payments and refunds.
//!
//! What a provider decides is [settled](crate::rpc::settlement): decided, asked for outside any transaction, and answered.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::{
    CreditNoteId, InvoiceId, Order, OrderCommand, Part, PaymentId, RefundId, invoice_number,
};
use crate::pb;
use crate::pb::Permission;
use crate::rpc::api::{Api, Reply, answered, command, parsed};
use crate::rpc::billing::parse::{Capture, CreditNoteKey, InvoiceKey};
use crate::rpc::billing::{documents, parse, reply};
use crate::rpc::identity::{Call, permitted};
use crate::rpc::listing::{may_search, page_token};
use crate::rpc::settlement::{Settlement, stored_answer};
use crate::rpc::status;
use crate::work::Pending;

#[tonic::async_trait]
impl pb::billing_service_server::BillingService for Api {
    async fn get_invoice(&self, request: Request<pb::GetInvoiceRequest>) -> Reply<pb::GetInvoiceResponse> {
        let key = parsed(|bad| parse::get_invoice(request.into_inner(), bad))?;
        let (order, index) = self.invoiced(&key).await?;
        let invoice = Some(reply::invoice(&order, &order.invoices[index]));
        Ok(Response::new(pb::GetInvoiceResponse { invoice }))
    }

    async fn get_invoice_document(
        &self,
        request: Request<pb::GetInvoiceDocumentRequest>,
    ) -> Reply<pb::GetInvoiceDocumentResponse> {
        permitted(request.extensions(), Permission::ReadPersonalData)?;
        let wanted = parsed(|bad| documents::wanted(request.into_inner(), bad))?;
        self.invoice_document(&wanted).await.map(Response::new)
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Reply<pb::ListInvoicesResponse> {
        let listing = parsed(|bad| parse::list_invoices(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (invoices, next) = answered(self.store().list_invoices(&listing).await)?;
            let invoices = invoices.iter().filter_map(|(order, id)| invoice_of(order, *id)).collect();
            Ok(pb::ListInvoicesResponse { invoices, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_credit_note(
        &self,
        request: Request<pb::GetCreditNoteRequest>,
    ) -> Reply<pb::GetCreditNoteResponse> {
        let key = parsed(|bad| parse::get_credit_note(request.into_inner(), bad))?;
        let credit_note = Some(self.credit_note_by(&key).await?);
        Ok(Response::new(pb::GetCreditNoteResponse { credit_note }))
    }

    async fn list_credit_notes(
        &self,
        request: Request<pb::ListCreditNotesRequest>,
    ) -> Reply<pb::ListCreditNotesResponse> {
        let listing = parsed(|bad| parse::list_credit_notes(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (notes, next) = answered(self.store().list_credit_notes(&listing).await)?;
            let credit_notes = notes.iter().filter_map(|(order, id)| credit_note_of(order, *id)).collect();
            Ok(pb::ListCreditNotesResponse { credit_notes, next_page_token: page_token(next) })
        })
        .await
    }

    async fn authorize_payment(
        &self,
        request: Request<pb::AuthorizePaymentRequest>,
    ) -> Reply<pb::AuthorizePaymentResponse> {
        let provider = self.app.provider.name();
        let (call, begin) = command(request, |it, bad| parse::authorize_payment(it, provider, bad))?;
        let payment = Some(self.pay(call, begin).await?);
        Ok(Response::new(pb::AuthorizePaymentResponse { payment }))
    }

    async fn capture_payment(
        &self,
        request: Request<pb::CapturePaymentRequest>,
    ) -> Reply<pb::CapturePaymentResponse> {
        let provider = self.app.provider.name();
        let (call, capture) = command(request, |it, bad| parse::capture_payment(it, provider, bad))?;
        let payment = match capture {
            Capture::AtOnce(begin) => self.pay(call, begin).await?,
            Capture::Authorized(capture) => self.pay(call, capture).await?,
        };
        Ok(Response::new(pb::CapturePaymentResponse { payment: Some(payment) }))
    }

    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Reply<pb::RecordPaymentResponse> {
        let (call, record) = command(request, parse::record_payment)?;
        self.change_order(call, record, |id, order| pb::RecordPaymentResponse {
            payment: payment_of(order, *id),
        })
        .await
    }

    async fn void_payment(&self, request: Request<pb::VoidPaymentRequest>) -> Reply<pb::VoidPaymentResponse> {
        let (call, void) = command(request, parse::void_payment)?;
        let payment = Some(self.pay(call, void).await?);
        Ok(Response::new(pb::VoidPaymentResponse { payment }))
    }

    async fn get_payment(&self, request: Request<pb::GetPaymentRequest>) -> Reply<pb::GetPaymentResponse> {
        let id = parsed(|bad| parse::get_payment(request.into_inner(), bad))?;
        let order = self.order_with(Part::Payment(id)).await?;
        let payment = payment_of(&order, id).ok_or_else(|| status::not_found("payment", id))?;
        Ok(Response::new(pb::GetPaymentResponse { payment: Some(payment) }))
    }

    async fn list_payments(
        &self,
        request: Request<pb::ListPaymentsRequest>,
    ) -> Reply<pb::ListPaymentsResponse> {
        let (_, caller, request) = request.into_parts();
        let listing = parsed(|bad| parse::list_payments(request, &self.limits, bad))?;
        may_search(&listing, &["reference"], &caller)?;
        self.page(listing, |listing| async move {
            let (payments, next) = answered(self.store().list_payments(&listing).await)?;
            let payments = payments.iter().filter_map(|(order, id)| payment_of(order, *id)).collect();
            Ok(pb::ListPaymentsResponse { payments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn refund_payment(
        &self,
        request: Request<pb::RefundPaymentRequest>,
    ) -> Reply<pb::RefundPaymentResponse> {
        let (call, refund) = command(request, parse::refund_payment)?;
        self.settled(call, refund, &REFUND).await.map(Response::new)
    }

    async fn simulate_refund(
        &self,
        request: Request<pb::SimulateRefundRequest>,
    ) -> Reply<pb::SimulateRefundResponse> {
        let query = parsed(|bad| parse::simulate_refund(request.into_inner(), bad))?;
        let order = self.order_with(Part::Payment(query.payment)).await?;
        let rules = &self.app.rules.returns;
        let quote = order.quote_refund(rules, query.payment, &query.lines, query.amount);
        let quote = quote.map_err(|it| status::of_refusal(&it))?;
        Ok(Response::new(reply::refund_quote(&quote)))
    }

    async fn get_refund(&self, request: Request<pb::GetRefundRequest>) -> Reply<pb::GetRefundResponse> {
        let id = parsed(|bad| parse::get_refund(request.into_inner(), bad))?;
        let order = self.order_with(Part::Refund(id)).await?;
        let refund = refund_of(&order, id).ok_or_else(|| status::not_found("refund", id))?;
        Ok(Response::new(pb::GetRefundResponse { refund: Some(refund) }))
    }

    async fn list_refunds(&self, request: Request<pb::ListRefundsRequest>) -> Reply<pb::ListRefundsResponse> {
        let listing = parsed(|bad| parse::list_refunds(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (refunds, next) = answered(self.store().list_refunds(&listing).await)?;
            let refunds = refunds.iter().filter_map(|(order, id)| refund_of(order, *id)).collect();
            Ok(pb::ListRefundsResponse { refunds, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_order_balance(
        &self,
        request: Request<pb::GetOrderBalanceRequest>,
    ) -> Reply<pb::GetOrderBalanceResponse> {
        let id = parsed(|bad| parse::get_order_balance(request.into_inner(), bad))?;
        let balance = Some(reply::balance(&*self.order(id).await?));
        Ok(Response::new(pb::GetOrderBalanceResponse { balance }))
    }
}

const PAYMENT: Settlement<PaymentId, pb::CapturePaymentResponse> = Settlement {
    part: Part::Payment,
    pending: Pending::Payment,
    answer: |id, order| pb::CapturePaymentResponse { payment: payment_of(order, id) },
    key: |it| it.0,
    is_final: is_settled,
    is_final_stored: |stored| {
        stored_answer::<pb::CapturePaymentResponse>(stored).is_some_and(|it| is_settled(&it))
    },
};

const REFUND: Settlement<RefundId, pb::RefundPaymentResponse> = Settlement {
    part: Part::Refund,
    pending: Pending::Refund,
    answer: |id, order| pb::RefundPaymentResponse { refund: refund_of(order, id) },
    key: |it| it.0,
    is_final: is_paid_back,
    is_final_stored: |stored| {
        stored_answer::<pb::RefundPaymentResponse>(stored).is_some_and(|it| is_paid_back(&it))
    },
};

fn is_settled(answer: &pb::CapturePaymentResponse) -> bool {
    answer.payment.as_ref().is_some_and(|it| it.in_flight == 0)
}

fn is_paid_back(answer: &pb::RefundPaymentResponse) -> bool {
    answer.refund.as_ref().is_some_and(|it| it.state() != pb::RefundState::Pending)
}

impl Api {
    /// The payment after the provider's answer, or pending without one; a declined payment is an error.
    async fn pay<C>(&self, call: Call, command: C) -> Result<pb::Payment, Status>
    where
        C: OrderCommand<Output = PaymentId>,
    {
        let paid = self.settled(call, command, &PAYMENT).await?;
        let payment = paid.payment.ok_or_else(status::internal)?;
        match payment.state() {
            pb::PaymentState::Failed => Err(status::payment_declined(&payment)),
            _ => Ok(payment),
        }
    }

    /// The order that an invoice belongs to, and which of its invoices it is.
    pub(super) async fn invoiced(&self, key: &InvoiceKey) -> Result<(Arc<Order>, usize), Status> {
        Ok(match key {
            InvoiceKey::Id(id) => {
                let order = self.order_with(Part::Invoice(*id)).await?;
                let index = order.invoices.iter().position(|it| it.id == *id);
                (order, index.ok_or_else(|| status::not_found("invoice", id))?)
            }
            InvoiceKey::Number(series, number) => {
                let missing = || status::not_found("invoice", invoice_number(series, *number));
                let id =
                    answered(self.store().order_of_invoice(series, *number).await)?.ok_or_else(missing)?;
                let order = self.order(id).await?;
                let index = order.invoices.iter().position(|it| it.series == *series && it.number == *number);
                (order, index.ok_or_else(missing)?)
            }
        })
    }

    async fn credit_note_by(&self, key: &CreditNoteKey) -> Result<pb::CreditNote, Status> {
        match key {
            CreditNoteKey::Id(id) => {
                let order = self.order_with(Part::CreditNote(*id)).await?;
                credit_note_of(&order, *id).ok_or_else(|| status::not_found("credit note", id))
            }
            CreditNoteKey::Number(series, number) => {
                let missing = || status::not_found("credit note", invoice_number(series, *number));
                let id = answered(self.store().order_of_credit_note(series, *number).await)?;
                let order = self.order(id.ok_or_else(missing)?).await?;
                let mut notes = order.credit_notes.iter();
                let note = notes.find(|it| it.series == *series && it.number == *number);
                note.map(|it| reply::credit_note(&order, it)).ok_or_else(missing)
            }
        }
    }
}

fn invoice_of(order: &Order, id: InvoiceId) -> Option<pb::Invoice> {
    order.invoices.iter().find(|it| it.id == id).map(|it| reply::invoice(order, it))
}

fn credit_note_of(order: &Order, id: CreditNoteId) -> Option<pb::CreditNote> {
    order.credit_notes.iter().find(|it| it.id == id).map(|it| reply::credit_note(order, it))
}

fn payment_of(order: &Order, id: PaymentId) -> Option<pb::Payment> {
    order.payments.iter().find(|it| it.id == id).map(|it| reply::payment(order, it))
}

fn refund_of(order: &Order, id: RefundId) -> Option<pb::Refund> {
    let refunds = order.payments.iter().flat_map(|it| &it.refunds);
    refunds.into_iter().find(|it| it.id == id).map(|it| reply::refund(order, it))
}
