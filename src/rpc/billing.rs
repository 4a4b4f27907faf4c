//! BillingService: invoices, payments and refunds.
//!
//! Money through a provider takes three parts: the decision to ask, the asking, which no transaction waits for, and
//! the answer. A caller that repeats its call meets whichever part is not done yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prost::Message;
use tonic::{Request, Response, Status};

use super::from_proto::billing::{self as from, Capture, Claim, GiveBack, InvoiceKey};
use super::listing::page_token;
use super::to_proto::billing as to;
use super::{Api, Call, Reply, Target, codec, found, parse, status, with_stock};
use crate::domain::{
    Ask, Desk, NewPayment, Order, OrderId, PaymentId, RefundId, Refusal, Touch, bank_reference_key,
    invoice_number,
};
use crate::pb;
use crate::store::{Child, StoreError};
use crate::work::{Caller, Subject, settle_payment, settle_refund};

/// Kept back of the caller's time, so that an answer without the provider's still arrives.
const TO_ANSWER: Duration = Duration::from_millis(200);

#[tonic::async_trait]
impl pb::billing_service_server::BillingService for Api {
    async fn get_invoice(&self, request: Request<pb::GetInvoiceRequest>) -> Reply<pb::GetInvoiceResponse> {
        let key = parse(|bad| from::get_invoice(request.into_inner(), bad))?;
        let invoice = self.invoice_by(&key).await?;
        Ok(Response::new(pb::GetInvoiceResponse { invoice: Some(invoice) }))
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Reply<pb::ListInvoicesResponse> {
        let listing = parse(|bad| from::list_invoices(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (invoices, next) = found(self.store().list_invoices(&listing).await)?;
            let shown = invoices.iter().filter_map(|(order, id)| {
                order.invoices.iter().find(|it| it.id == *id).map(|it| to::invoice(order, it))
            });
            let invoices = shown.collect();
            Ok(pb::ListInvoicesResponse { invoices, next_page_token: page_token(next) })
        })
        .await
    }

    async fn authorize_payment(
        &self,
        request: Request<pb::AuthorizePaymentRequest>,
    ) -> Reply<pb::AuthorizePaymentResponse> {
        let (call, target, claim) = parse(|bad| from::authorize_payment(request, bad))?;
        let asked = self.ask_provider(call, target, self.begin(claim, Ask::Authorize));
        let payment = Some(asked.await?);
        Ok(Response::new(pb::AuthorizePaymentResponse { payment }))
    }

    async fn capture_payment(
        &self,
        request: Request<pb::CapturePaymentRequest>,
    ) -> Reply<pb::CapturePaymentResponse> {
        let (call, capture) = parse(|bad| from::capture_payment(request, bad))?;
        let payment = match capture {
            Capture::AtOnce(target, claim) => {
                self.ask_provider(call, target, self.begin(claim, Ask::Charge)).await?
            }
            Capture::Authorized { payment, etag } => {
                let target = Target { order: self.order_of(Child::Payment(payment)).await?, etag };
                let begin = move |order: &mut Order, desk: &mut Desk<'_>| {
                    order.begin_capture(desk, payment).map(|()| payment)
                };
                self.ask_provider(call, target, begin).await?
            }
        };
        Ok(Response::new(pb::CapturePaymentResponse { payment: Some(payment) }))
    }

    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Reply<pb::RecordPaymentResponse> {
        let (call, target, money) = parse(|bad| from::record_payment(request, bad))?;
        let bank_reference = (!money.reference.is_empty()).then(|| bank_reference_key(&money.reference));
        let touch = Touch { bank_reference, ..with_stock() };
        let record = move |order: &mut Order, desk: &mut Desk<'_>| order.record_payment(desk, &money);
        self.on_order(call, target, touch, record, |id, order| pb::RecordPaymentResponse {
            payment: payment_of(order, *id),
        })
        .await
    }

    async fn void_payment(&self, request: Request<pb::VoidPaymentRequest>) -> Reply<pb::VoidPaymentResponse> {
        let (call, payment, etag) = parse(|bad| from::void_payment(request, bad))?;
        let target = Target { order: self.order_of(Child::Payment(payment)).await?, etag };
        let begin =
            move |order: &mut Order, desk: &mut Desk<'_>| order.begin_void(desk, payment).map(|()| payment);
        let payment = Some(self.ask_provider(call, target, begin).await?);
        Ok(Response::new(pb::VoidPaymentResponse { payment }))
    }

    async fn get_payment(&self, request: Request<pb::GetPaymentRequest>) -> Reply<pb::GetPaymentResponse> {
        let id = parse(|bad| from::get_payment(request.into_inner(), bad))?;
        let order = self.order_with(Child::Payment(id)).await?;
        let payment = payment_of(&order, id).ok_or_else(|| status::not_found("payment", id))?;
        Ok(Response::new(pb::GetPaymentResponse { payment: Some(payment) }))
    }

    async fn list_payments(
        &self,
        request: Request<pb::ListPaymentsRequest>,
    ) -> Reply<pb::ListPaymentsResponse> {
        let listing = parse(|bad| from::list_payments(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (payments, next) = found(self.store().list_payments(&listing).await)?;
            let payments = payments.iter().filter_map(|(order, id)| payment_of(order, *id)).collect();
            Ok(pb::ListPaymentsResponse { payments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn refund_payment(
        &self,
        request: Request<pb::RefundPaymentRequest>,
    ) -> Reply<pb::RefundPaymentResponse> {
        let (call, asked) = parse(|bad| from::refund_payment(request, bad))?;
        let refund = self.give_back(call, asked).await?;
        Ok(Response::new(pb::RefundPaymentResponse { refund: Some(refund) }))
    }

    async fn get_refund(&self, request: Request<pb::GetRefundRequest>) -> Reply<pb::GetRefundResponse> {
        let id = parse(|bad| from::get_refund(request.into_inner(), bad))?;
        let order = self.order_with(Child::Refund(id)).await?;
        let refund = refund_of(&order, id).ok_or_else(|| status::not_found("refund", id))?;
        Ok(Response::new(pb::GetRefundResponse { refund: Some(refund) }))
    }

    async fn list_refunds(&self, request: Request<pb::ListRefundsRequest>) -> Reply<pb::ListRefundsResponse> {
        let listing = parse(|bad| from::list_refunds(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (refunds, next) = found(self.store().list_refunds(&listing).await)?;
            let refunds = refunds.iter().filter_map(|(order, id)| refund_of(order, *id)).collect();
            Ok(pb::ListRefundsResponse { refunds, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_order_balance(
        &self,
        request: Request<pb::GetOrderBalanceRequest>,
    ) -> Reply<pb::GetOrderBalanceResponse> {
        let id = parse(|bad| from::get_order_balance(request.into_inner(), bad))?;
        let balance = Some(to::balance(&*self.order(id).await?));
        Ok(Response::new(pb::GetOrderBalanceResponse { balance }))
    }
}

impl Api {
    /// The decision to ask the provider for a new payment.
    fn begin(
        &self,
        claim: Claim,
        ask: Ask,
    ) -> impl Fn(&mut Order, &mut Desk<'_>) -> Result<PaymentId, Refusal> + Send + 'static + use<> {
        let Claim { method, token, amount } = claim;
        let provider = self.shop.provider.name().to_owned();
        let new = NewPayment { method, token, amount, ask, provider };
        move |order, desk| order.begin_payment(desk, &new)
    }

    /// Decides what the provider is asked, has it asked, and answers with what came of it, if it came in time.
    async fn ask_provider(
        &self,
        call: Call,
        target: Target,
        begin: impl Fn(&mut Order, &mut Desk<'_>) -> Result<PaymentId, Refusal> + Send + 'static,
    ) -> Result<pb::Payment, Status> {
        // The three calls answer alike, so what is stored of one could be any of them.
        let order = target.order;
        let answer =
            |id: &PaymentId, order: &Order| pb::CapturePaymentResponse { payment: payment_of(order, *id) };
        let note = Note::default();
        let reply = note.clone().taking(answer);
        let begun = self.on_order(call.clone(), target, Touch::default(), begin, reply).await?;
        let mut payment = begun.into_inner().payment.unwrap_or_default();

        if payment.in_flight != 0 {
            let id: PaymentId = payment.id.parse().map_err(|_| status::internal())?;
            let caller = waiting(&call, is_settled, move |order| answer(&id, order));
            let subject = Subject { id: order, stored: note.read() };
            let settled = self.settle(&call, settle_payment(&self.shop, subject, id, caller)).await?;
            let settled = match settled {
                Some(settled) => settled,
                None => self.outcome(&call, order, |it| answer(&id, it), is_settled).await?,
            };
            payment = settled.payment.ok_or_else(|| status::not_found("payment", id))?;
        }
        match payment.state() {
            pb::PaymentState::Failed => Err(status::payment_declined(&payment)),
            _ => Ok(payment),
        }
    }

    /// The same for money that goes back.
    async fn give_back(&self, call: Call, asked: GiveBack) -> Result<pb::Refund, Status> {
        let GiveBack { payment, etag, amount, reason, handed } = asked;
        let order = self.order_of(Child::Payment(payment)).await?;
        let begin = move |order: &mut Order, desk: &mut Desk<'_>| match &handed {
            Some(handed) => order.refund_by_hand(desk, payment, amount, &reason, handed),
            None => order.refund(desk, payment, amount, &reason),
        };
        let answer =
            |id: &RefundId, order: &Order| pb::RefundPaymentResponse { refund: refund_of(order, *id) };
        let target = Target { order, etag };
        let note = Note::default();
        let reply = note.clone().taking(answer);
        let begun = self.on_order(call.clone(), target, Touch::default(), begin, reply).await?;
        let mut refund = begun.into_inner().refund.unwrap_or_default();

        if refund.state() == pb::RefundState::Pending {
            let id: RefundId = refund.id.parse().map_err(|_| status::internal())?;
            let caller = waiting(&call, is_paid_back, move |order| answer(&id, order));
            let subject = Subject { id: order, stored: note.read() };
            let settled = self.settle(&call, settle_refund(&self.shop, subject, id, caller)).await?;
            let settled = match settled {
                Some(settled) => settled,
                None => self.outcome(&call, order, |it| answer(&id, it), is_paid_back).await?,
            };
            refund = settled.refund.ok_or_else(|| status::not_found("refund", id))?;
        }
        Ok(refund)
    }

    /// Waits for the provider as long as the caller does; what is not settled by then, or cannot be written down now,
    /// a worker takes over. None: look at the order.
    async fn settle<M>(
        &self,
        call: &Call,
        settling: impl Future<Output = Result<Option<M>, StoreError>> + Send,
    ) -> Result<Option<M>, Status> {
        let settled = match call.deadline() {
            Some(deadline) => {
                let time = deadline.saturating_duration_since(Instant::now()).saturating_sub(TO_ANSWER);
                tokio::time::timeout(time, settling).await.unwrap_or(Ok(None))
            }
            None => settling.await,
        };
        match settled {
            // The ask is on record: an error would say that nothing has happened.
            Err(
                StoreError::Overloaded
                | StoreError::LostRace
                | StoreError::StorageFull
                | StoreError::Unavailable(_)
                | StoreError::DeadlineExceeded,
            ) => Ok(None),
            settled => found(settled),
        }
    }

    /// What somebody else has settled, or nobody yet. What is final takes the place of the answer that was kept when
    /// the provider had not spoken; of several callers that repeat each other all hear the same.
    async fn outcome<M: Message + Default + Clone + 'static>(
        &self,
        call: &Call,
        order: OrderId,
        answer: impl Fn(&Order) -> M,
        is_final: fn(&[u8]) -> bool,
    ) -> Result<M, Status> {
        let answer = answer(&*self.order(order).await?);
        if !call.is_repeatable() || !is_final(&answer.encode_to_vec()) {
            return Ok(answer);
        }
        let call = call.amending(is_final);
        let reply = answer.clone();
        let kept = self.change(call, Touch::default(), |_| Ok(()), move |(), _| reply.clone()).await;
        // It is true even if it cannot be kept now: a repeat comes by here again.
        Ok(kept.map_or(answer, Response::into_inner))
    }

    async fn invoice_by(&self, key: &InvoiceKey) -> Result<pb::Invoice, Status> {
        let (order, place) = match key {
            InvoiceKey::Id(id) => {
                let order = self.order_with(Child::Invoice(*id)).await?;
                let place = order.invoices.iter().position(|it| it.id == *id);
                (order, place.ok_or_else(|| status::not_found("invoice", id))?)
            }
            InvoiceKey::Number(series, number) => {
                let missing = || status::not_found("invoice", invoice_number(series, *number));
                let id = found(self.store().order_of_invoice(series, *number).await)?.ok_or_else(missing)?;
                let order = self.order(id).await?;
                let place = order.invoices.iter().position(|it| it.series == *series && it.number == *number);
                (order, place.ok_or_else(missing)?)
            }
        };
        Ok(to::invoice(&order, &order.invoices[place]))
    }
}

/// The order as a change's last attempt left it; nothing if that was done before, and its answer only repeated. An
/// attempt may have come to nothing after that, when somebody else was first with the same request.
#[derive(Clone, Default)]
struct Note(Arc<Mutex<Option<Arc<Order>>>>);

impl Note {
    fn taking<T, M>(self, reply: impl Fn(&T, &Order) -> M) -> impl Fn(&T, &Arc<Order>) -> M {
        move |it, order| {
            *self.lock() = Some(Arc::clone(order));
            reply(it, order)
        }
    }

    fn read(&self) -> Option<Arc<Order>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Order>>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caller of a money call, who waits for what the provider says.
fn waiting<M: Message + Default>(
    call: &Call,
    is_final: fn(&[u8]) -> bool,
    reply: impl Fn(&Order) -> M + Send + 'static,
) -> Caller<M> {
    Caller { request: call.amending(is_final).into_store().request, reply: Box::new(reply), codec: codec() }
}

/// Whether a stored answer says what became of the payment.
fn is_settled(answer: &[u8]) -> bool {
    let answer = pb::CapturePaymentResponse::decode(answer).ok();
    answer.and_then(|it| it.payment).is_some_and(|it| it.in_flight == 0)
}

fn is_paid_back(answer: &[u8]) -> bool {
    let answer = pb::RefundPaymentResponse::decode(answer).ok();
    answer.and_then(|it| it.refund).is_some_and(|it| it.state() != pb::RefundState::Pending)
}

fn payment_of(order: &Order, id: PaymentId) -> Option<pb::Payment> {
    order.payments.iter().find(|it| it.id == id).map(|it| to::payment(order, it))
}

fn refund_of(order: &Order, id: RefundId) -> Option<pb::Refund> {
    let refunds = order.payments.iter().flat_map(|it| &it.refunds);
    refunds.into_iter().find(|it| it.id == id).map(|it| to::refund(order, it))
}
