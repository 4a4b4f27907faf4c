//! The demo's side of the API: typed calls, each as the person or system that would make it.

use std::time::{Duration, Instant};

use tonic::transport::Channel;

use self::words::{customer, recipient, word};
use super::error::DemoError;
use super::{PATIENCE, sample};
use crate::client::{CONNECT_WITHIN, Refused, TlsOptions, by, connect};
use crate::pb::{self, Money};

pub(super) struct Client {
    orders: pb::order_service_client::OrderServiceClient<Channel>,
    inventory: pb::inventory_service_client::InventoryServiceClient<Channel>,
    shipping: pb::shipping_service_client::ShippingServiceClient<Channel>,
    billing: pb::billing_service_client::BillingServiceClient<Channel>,
    approvals: pb::approval_service_client::ApprovalServiceClient<Channel>,
    discounts: pb::discount_service_client::DiscountServiceClient<Channel>,
    feedback: pb::feedback_service_client::FeedbackServiceClient<Channel>,
    imports: pb::import_service_client::ImportServiceClient<Channel>,
    changes: pb::order_change_service_client::OrderChangeServiceClient<Channel>,
    returns: pb::return_service_client::ReturnServiceClient<Channel>,
    run: String,
}

/// Makes a call and takes one field out of its answer.
macro_rules! call {
    ($client:expr, $method:ident, $actor:literal, $message:expr) => {
        $client.$method(by($actor, $message)).await.map(|it| it.into_inner()).map_err(|status| {
            DemoError::Refused(Refused { call: stringify!($method), status: Box::new(status) })
        })
    };
    ($client:expr, $method:ident, $actor:literal, $message:expr, $field:ident) => {
        call!($client, $method, $actor, $message)?
            .$field
            .ok_or_else(|| DemoError::Wrong(concat!(stringify!($method), " answered nothing").to_owned()))
    };
}

mod catalogue;
mod changes;
mod returning;
mod shipping;
pub(super) mod words;

impl Client {
    pub(super) async fn connect(target: &str, run: &str) -> Result<Self, DemoError> {
        let channel = connect(target, &TlsOptions::default(), CONNECT_WITHIN).await?;
        Ok(Self {
            orders: pb::order_service_client::OrderServiceClient::new(channel.clone()),
            inventory: pb::inventory_service_client::InventoryServiceClient::new(channel.clone()),
            shipping: pb::shipping_service_client::ShippingServiceClient::new(channel.clone()),
            billing: pb::billing_service_client::BillingServiceClient::new(channel.clone()),
            approvals: pb::approval_service_client::ApprovalServiceClient::new(channel.clone()),
            discounts: pb::discount_service_client::DiscountServiceClient::new(channel.clone()),
            feedback: pb::feedback_service_client::FeedbackServiceClient::new(channel.clone()),
            imports: pb::import_service_client::ImportServiceClient::new(channel.clone()),
            changes: pb::order_change_service_client::OrderChangeServiceClient::new(channel.clone()),
            returns: pb::return_service_client::ReturnServiceClient::new(channel),
            run: run.to_owned(),
        })
    }

    pub(super) async fn create_order(
        &mut self,
        wish: &sample::Order,
        reference: &str,
    ) -> Result<pb::Order, DemoError> {
        let lines = wish.lines.iter().map(|(sku, quantity)| pb::OrderLineDraft {
            sku: sku.clone(),
            quantity: *quantity,
            ..Default::default()
        });
        let draft = pb::OrderDraft {
            channel: word(&wish.channel, "CHANNEL", pb::Channel::from_str_name) as i32,
            external_reference: reference.to_owned(),
            customer: Some(customer(&wish.customer)),
            shipping_address: Some(recipient(wish)),
            lines: lines.collect(),
            currency: wish.currency.clone(),
            special_instructions: wish.instructions.clone(),
            shipping_service: word(&wish.service, "SERVICE_LEVEL", pb::ServiceLevel::from_str_name) as i32,
            on_shortage: match wish.story {
                sample::Story::Waits => pb::OnShortage::Wait as i32,
                sample::Story::InParts => pb::OnShortage::ShipAvailable as i32,
                _ => pb::OnShortage::Refuse as i32,
            },
            discount_code: wish.discount_code.clone(),
            requested_delivery_time: wish.wanted,
            on_late: wish.wanted.map_or(0, |_| pb::OnLate::Refuse as i32),
            ..Default::default()
        };
        let request = pb::CreateOrderRequest {
            reservation_id: String::new(),
            order: Some(draft),
            request_id: format!("{reference}-create"),
            validate_only: false,
        };
        call!(self.orders, create_order, "storefront", request, order)
    }

    pub(super) async fn order(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::GetOrderRequest {
            key: Some(pb::get_order_request::Key::OrderId(id.to_owned())),
            ..Default::default()
        };
        call!(self.orders, get_order, "storefront", request, order)
    }

    /// Reads the order again and again until it is as wanted.
    pub(super) async fn until(
        &mut self,
        id: &str,
        what: &str,
        wanted: impl Fn(&pb::Order) -> bool,
    ) -> Result<pb::Order, DemoError> {
        let started = Instant::now();
        loop {
            let order = self.order(id).await?;
            if wanted(&order) {
                return Ok(order);
            }
            if started.elapsed() > PATIENCE {
                return Err(DemoError::Wrong(format!("waited {} s in vain for {what}", PATIENCE.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The letter of this kind about an order, once it is sent.
    pub(super) async fn letter(&mut self, order: &str, kind: &str) -> Result<pb::CustomerMessage, DemoError> {
        let filter = format!("order_id = {order} AND kind = {kind} AND state = SENT");
        let started = Instant::now();
        loop {
            let request = pb::ListMessagesRequest { filter: filter.clone(), ..Default::default() };
            let mut found = call!(self.orders, list_messages, "support", request)?.messages;
            if let Some(letter) = found.pop() {
                return Ok(letter);
            }
            if started.elapsed() > PATIENCE {
                return Err(DemoError::Wrong(format!("no letter {kind} about {order}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn correct_address(
        &mut self,
        id: &str,
        wish: &sample::Order,
    ) -> Result<pb::Order, DemoError> {
        let draft = pb::OrderDraft { shipping_address: Some(recipient(wish)), ..Default::default() };
        let request = pb::UpdateOrderRequest {
            order_id: id.to_owned(),
            order: Some(draft),
            update_mask: Some(prost_types::FieldMask { paths: vec!["shipping_address".to_owned()] }),
            ..Default::default()
        };
        call!(self.orders, update_order, "clerk", request, order)
    }

    pub(super) async fn verify(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::VerifyOrderRequest { order_id: id.to_owned(), ..Default::default() };
        call!(self.orders, verify_order, "clerk", request, order)
    }

    pub(super) async fn approve(&mut self, id: &str) -> Result<pb::Approval, DemoError> {
        let request = pb::ApproveRequestRequest {
            approval_id: id.to_owned(),
            comment: "known customer".to_owned(),
            ..Default::default()
        };
        call!(self.approvals, approve_request, "amira", request, approval)
    }

    pub(super) async fn capture(&mut self, order: &str, method: &str) -> Result<pb::Payment, DemoError> {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: word(method, "PAYMENT_METHOD", pb::PaymentMethod::from_str_name) as i32,
            token: "tok_success".to_owned(),
            request_id: format!("capture-{order}"),
            ..Default::default()
        };
        call!(self.billing, capture_payment, "storefront", request, payment)
    }

    pub(super) async fn invoice_document(
        &mut self,
        order_id: &str,
    ) -> Result<pb::GetInvoiceDocumentResponse, DemoError> {
        let key = Some(pb::get_invoice_document_request::Key::OrderId(order_id.to_owned()));
        let request = pb::GetInvoiceDocumentRequest { key, ..Default::default() };
        call!(self.billing, get_invoice_document, "finance", request)
    }

    pub(super) async fn record_transfer(
        &mut self,
        order: &str,
        reference: &str,
    ) -> Result<pb::Payment, DemoError> {
        let request = pb::RecordPaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::BankTransfer as i32,
            reference: format!("{reference}-{}", self.run),
            ..Default::default()
        };
        call!(self.billing, record_payment, "finance", request, payment)
    }

    pub(super) async fn record_cash(
        &mut self,
        order: &str,
        tendered: Money,
    ) -> Result<pb::Payment, DemoError> {
        let request = pb::RecordPaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::Cash as i32,
            tendered: Some(tendered),
            ..Default::default()
        };
        call!(self.billing, record_payment, "clerk", request, payment)
    }

    pub(super) async fn cancel(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::CancelOrderRequest {
            order_id: id.to_owned(),
            reason: "the customer changed their mind".to_owned(),
            ..Default::default()
        };
        call!(self.orders, cancel_order, "clerk", request, order)
    }

    pub(super) async fn cancel_lines(
        &mut self,
        request: pb::CancelOrderLinesRequest,
    ) -> Result<pb::Order, DemoError> {
        call!(self.orders, cancel_order_lines, "clerk", request, order)
    }

    pub(super) async fn credit_note(&mut self, id: &str) -> Result<pb::CreditNote, DemoError> {
        let request = pb::GetCreditNoteRequest {
            key: Some(pb::get_credit_note_request::Key::CreditNoteId(id.to_owned())),
        };
        call!(self.billing, get_credit_note, "clerk", request, credit_note)
    }

    pub(super) async fn feedback(
        &mut self,
        id: &str,
        delivery_rating: i32,
        comment: &str,
    ) -> Result<pb::Feedback, DemoError> {
        let request = pb::SubmitFeedbackRequest {
            order_id: id.to_owned(),
            delivery_rating,
            product_rating: 4,
            comment: comment.to_owned(),
            ..Default::default()
        };
        call!(self.feedback, submit_feedback, "storefront", request, feedback)
    }

    /// Closes what a bad rating of this order has raised; None: its ratings are good.
    pub(super) async fn follow_up(
        &mut self,
        order: &str,
        result: &str,
    ) -> Result<Option<pb::FollowUp>, DemoError> {
        let filter = format!("order_id = {order} AND state = OPEN");
        let request = pb::ListFollowUpsRequest { filter, ..Default::default() };
        let Some(open) = call!(self.feedback, list_follow_ups, "support", request)?.follow_ups.pop() else {
            return Ok(None);
        };
        let request = pb::CloseFollowUpRequest {
            follow_up_id: open.id,
            result: result.to_owned(),
            ..Default::default()
        };
        call!(self.feedback, close_follow_up, "support", request, follow_up).map(Some)
    }

    pub(super) async fn close(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::CloseOrderRequest { order_id: id.to_owned(), ..Default::default() };
        call!(self.orders, close_order, "clerk", request, order)
    }

    /// Archives as soon as the last message to the customer is sent.
    pub(super) async fn archive(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let started = Instant::now();
        loop {
            let request = pb::ArchiveOrderRequest { order_id: id.to_owned(), ..Default::default() };
            match call!(self.orders, archive_order, "clerk", request) {
                Err(DemoError::Refused(Refused { status, .. }))
                    if status.code() == tonic::Code::FailedPrecondition && started.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => {
                    let archived = answer?.order;
                    return archived
                        .ok_or_else(|| DemoError::Wrong("archive_order answered nothing".to_owned()));
                }
            }
        }
    }

    pub(super) async fn timeline(&mut self, id: &str) -> Result<pb::OrderTimeline, DemoError> {
        let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
        let request = pb::GetOrderTimelineRequest { key };
        call!(self.orders, get_order_timeline, "storefront", request, timeline)
    }

    pub(super) async fn check_integrity(&mut self) -> Result<pb::IntegrityReport, DemoError> {
        call!(self.orders, check_integrity, "clerk", pb::CheckIntegrityRequest::default(), report)
    }
}

fn unless_there(answer: Result<(), DemoError>) -> Result<(), DemoError> {
    match answer {
        Err(DemoError::Refused(Refused { status, .. })) if status.code() == tonic::Code::AlreadyExists => {
            Ok(())
        }
        answer => answer,
    }
}
