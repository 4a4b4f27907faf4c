//! OrderService: from receipt to archive, and what can be asked about it.

use std::convert::identity;
use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use tonic::{Request, Response, Status};

use crate::domain::{
    CourierNames, Message as CustomerMessage, MessageId, MessageText, Order, Part, RESENT_AT_ONCE_MAX,
    Refusal, ResendFailedMessages, message_to_preview,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::api::{Api, Reply, answered, command, kept, parsed};
use crate::rpc::identity::response_bytes;
use crate::rpc::listing::{ANY_LABEL, may_search, page_token};
use crate::rpc::ordering::parse::OrderKey;
use crate::rpc::ordering::{overview, parse, reply};
use crate::rpc::{messages, status};

impl Api {
    /// What a message would say now; None: it cannot be written yet, or not any more.
    fn written(
        &self,
        order: &Order,
        message: &CustomerMessage,
        couriers: &CourierNames,
    ) -> Option<MessageText> {
        if order.erased.is_some() {
            return None;
        }
        self.app.letters.text(message, order, &self.app.rules, couriers).ok()
    }

    /// A message with the text that is kept of it, or else with what it would say now, as `shown` of it.
    fn shown_message(
        &self,
        (order, id): (&Order, MessageId),
        kept: Option<MessageText>,
        couriers: &CourierNames,
        shown: impl FnOnce(MessageText) -> MessageText,
    ) -> Option<pb::CustomerMessage> {
        let message = order.messages.iter().find(|it| it.id == id)?;
        let text = kept.or_else(|| self.written(order, message, couriers));
        Some(messages::reply::message(order, message, text.map(shown)))
    }
}

/// Whether what a message said is kept.
fn is_kept(order: &Order, id: MessageId) -> bool {
    order.messages.iter().any(|it| it.id == id && it.text_kept)
}

/// The fields that orders are found by and that say who the customer is. Labels are what somebody typed.
const PERSONAL_FIELDS: [&str; 4] = ["customer_email", "customer_name", "customer_phone", ANY_LABEL];

/// How many bytes an answer has at most around what it wraps.
const WRAPPING: usize = 16;

#[tonic::async_trait]
impl pb::order_service_server::OrderService for Api {
    async fn create_order(&self, request: Request<pb::CreateOrderRequest>) -> Reply<pb::CreateOrderResponse> {
        let (call, command) = command(request, parse::create_order)?;
        self.change(call.leaving_room(), command, |created, view| pb::CreateOrderResponse {
            order: Some(reply::order(kept(view, created.order))),
        })
        .await
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Reply<pb::GetOrderResponse> {
        let (key, view) = parsed(|bad| parse::get_order(request.into_inner(), bad))?;
        let order = self.order_by(key).await?;
        Ok(Response::new(pb::GetOrderResponse { order: Some(reply::looked_at(&order, view)) }))
    }

    async fn list_orders(&self, request: Request<pb::ListOrdersRequest>) -> Reply<pb::ListOrdersResponse> {
        let (_, caller, request) = request.into_parts();
        let (listing, archived, view) = parsed(|bad| parse::list_orders(request, &self.limits, bad))?;
        may_search(&listing, &PERSONAL_FIELDS, &caller)?;
        self.page(listing, |listing| async move {
            let (orders, next) = answered(self.store().list_orders(&listing, archived).await)?;
            Ok(pb::ListOrdersResponse {
                orders: orders.iter().map(|it| reply::shown(it, view)).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn list_stuck_orders(
        &self,
        request: Request<pb::ListStuckOrdersRequest>,
    ) -> Reply<pb::ListStuckOrdersResponse> {
        let (listing, gate) =
            parsed(|bad| parse::list_stuck_orders(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (orders, next) = answered(self.store().list_stuck_orders(&listing, gate).await)?;
            Ok(pb::ListStuckOrdersResponse {
                stuck_orders: orders.iter().filter_map(|it| reply::stuck_order(it)).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn get_overview(&self, request: Request<pb::GetOverviewRequest>) -> Reply<pb::GetOverviewResponse> {
        let (_, caller, request) = request.into_parts();
        let with_series = request.with_series;
        let since = parsed(|bad| overview::since(request, self.store().now(), bad))?;
        let counted = answered(self.store().overview(since).await)?;
        let series = match with_series {
            true => self.store().series().await,
            false => None,
        };
        let shown = overview::overview(counted, series, self.store().last_check(), &caller);
        Ok(Response::new(pb::GetOverviewResponse { overview: Some(shown) }))
    }

    async fn update_order(&self, request: Request<pb::UpdateOrderRequest>) -> Reply<pb::UpdateOrderResponse> {
        let (call, (command, view)) = command(request, parse::update_order)?;
        self.change_order(call.leaving_room(), command, move |(), order| pb::UpdateOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn verify_order(&self, request: Request<pb::VerifyOrderRequest>) -> Reply<pb::VerifyOrderResponse> {
        let (call, (command, view)) = command(request, parse::verify_order)?;
        if !command.attest.is_empty() && !call.is_named() {
            return Err(status::actor_required());
        }
        self.change_order(call, command, move |(), order| pb::VerifyOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn record_verification(
        &self,
        request: Request<pb::RecordVerificationRequest>,
    ) -> Reply<pb::RecordVerificationResponse> {
        let (call, (command, view)) = command(request, parse::record_verification)?;
        self.change_order(call.leaving_room(), command, move |(), order| pb::RecordVerificationResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn record_risk_assessment(
        &self,
        request: Request<pb::RecordRiskAssessmentRequest>,
    ) -> Reply<pb::RecordRiskAssessmentResponse> {
        let (call, (command, view)) = command(request, parse::record_risk_assessment)?;
        self.change_order(call.leaving_room(), command, move |(), order| pb::RecordRiskAssessmentResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn cancel_order(&self, request: Request<pb::CancelOrderRequest>) -> Reply<pb::CancelOrderResponse> {
        let (call, (command, view)) = command(request, parse::cancel_order)?;
        self.change_order(call, command, move |(), order| pb::CancelOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn cancel_order_lines(
        &self,
        request: Request<pb::CancelOrderLinesRequest>,
    ) -> Reply<pb::CancelOrderLinesResponse> {
        let (call, (command, view)) = command(request, parse::cancel_order_lines)?;
        self.change_order(call, command, move |(), order| pb::CancelOrderLinesResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn place_hold(&self, request: Request<pb::PlaceHoldRequest>) -> Reply<pb::PlaceHoldResponse> {
        let (call, (command, view)) = command(request, parse::place_hold)?;
        self.change_order(call.leaving_room(), command, move |id, order| pb::PlaceHoldResponse {
            hold: order.holds.iter().find(|it| it.id == *id).map(reply::hold),
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn release_hold(&self, request: Request<pb::ReleaseHoldRequest>) -> Reply<pb::ReleaseHoldResponse> {
        let (call, (command, view)) = command(request, parse::release_hold)?;
        self.change_order(call, command, move |(), order| pb::ReleaseHoldResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn add_order_note(
        &self,
        request: Request<pb::AddOrderNoteRequest>,
    ) -> Reply<pb::AddOrderNoteResponse> {
        let (call, (command, view)) = command(request, parse::add_order_note)?;
        self.change_order(call.leaving_room(), command, move |(), order| pb::AddOrderNoteResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn set_order_labels(
        &self,
        request: Request<pb::SetOrderLabelsRequest>,
    ) -> Reply<pb::SetOrderLabelsResponse> {
        let (call, (command, view)) = command(request, parse::set_order_labels)?;
        self.change_order(call.leaving_room(), command, move |(), order| pb::SetOrderLabelsResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn complete_service_line(
        &self,
        request: Request<pb::CompleteServiceLineRequest>,
    ) -> Reply<pb::CompleteServiceLineResponse> {
        let (call, (command, view)) = command(request, parse::complete_service_line)?;
        self.change_order(call, command, move |(), order| pb::CompleteServiceLineResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn close_order(&self, request: Request<pb::CloseOrderRequest>) -> Reply<pb::CloseOrderResponse> {
        let (call, (command, view)) = command(request, parse::close_order)?;
        self.change_order(call, command, move |(), order| pb::CloseOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn archive_order(
        &self,
        request: Request<pb::ArchiveOrderRequest>,
    ) -> Reply<pb::ArchiveOrderResponse> {
        let (call, (command, view)) = command(request, parse::archive_order)?;
        self.change_order(call, command, move |(), order| pb::ArchiveOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn restore_order(
        &self,
        request: Request<pb::RestoreOrderRequest>,
    ) -> Reply<pb::RestoreOrderResponse> {
        let (call, (command, view)) = command(request, parse::restore_order)?;
        self.change_order(call, command, move |(), order| pb::RestoreOrderResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn get_order_timeline(
        &self,
        request: Request<pb::GetOrderTimelineRequest>,
    ) -> Reply<pb::GetOrderTimelineResponse> {
        let key = parsed(|bad| parse::get_order_timeline(request.into_inner(), bad))?;
        let order = self.order_by(key).await?;
        let events = answered(self.store().events_of(order.id).await)?;
        shows_order(&order);
        let mut timeline = reply::timeline(&order, &events, self.store().now());
        keep_newest(&mut timeline, response_bytes(&self.limits).saturating_sub(WRAPPING));
        Ok(Response::new(pb::GetOrderTimelineResponse { timeline: Some(timeline) }))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Reply<pb::ListMessagesResponse> {
        let listing = parsed(|bad| messages::parse::list_messages(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (messages, next) = answered(self.store().list_messages(&listing).await)?;
            let couriers = answered(self.store().courier_names().await)?;
            let kept = messages.iter().filter(|(order, id)| is_kept(order, *id)).map(|it| it.1);
            let mut kept = answered(self.store().message_texts(&kept.collect::<Vec<_>>()).await)?;
            let listed = |(order, id): &(Arc<Order>, MessageId)| {
                let short = |it| messages::reply::listed(order, it);
                self.shown_message((order, *id), kept.remove(id), &couriers, short)
            };
            let messages = messages.iter().filter_map(listed).collect();
            Ok(pb::ListMessagesResponse { messages, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_message(&self, request: Request<pb::GetMessageRequest>) -> Reply<pb::GetMessageResponse> {
        let id = parsed(|bad| messages::parse::get_message(request.into_inner(), bad))?;
        let order = self.order_with(Part::Message(id)).await?;
        let couriers = answered(self.store().courier_names().await)?;
        let kept = match is_kept(&order, id) {
            true => answered(self.store().message_texts(&[id]).await)?.remove(&id),
            false => None,
        };
        let message = self.shown_message((&order, id), kept, &couriers, identity);
        let message = Some(message.ok_or_else(|| status::not_found("message", id))?);
        Ok(Response::new(pb::GetMessageResponse { message }))
    }

    async fn preview_message(
        &self,
        request: Request<pb::PreviewMessageRequest>,
    ) -> Reply<pb::PreviewMessageResponse> {
        let (id, kind, locale) = parsed(|bad| messages::parse::preview_message(request.into_inner(), bad))?;
        let order = self.order(id).await?;
        let couriers = answered(self.store().courier_names().await)?;
        shows_order(&order);
        let locale = locale.as_deref().unwrap_or(&order.customer.locale);
        let message = message_to_preview(&order, kind);
        let text = self.app.letters.text_in(locale, &message, &order, &self.app.rules, &couriers);
        let lacking =
            |why: String| status::of_refusal(&Refusal::invalid("kind", format!("cannot be written: {why}")));
        Ok(Response::new(messages::reply::preview(&order, text.map_err(lacking)?)))
    }

    async fn resend_message(
        &self,
        request: Request<pb::ResendMessageRequest>,
    ) -> Reply<pb::ResendMessageResponse> {
        let (call, command) = command(request, messages::parse::resend_message)?;
        let id = command.message;
        let couriers = answered(self.store().courier_names().await)?;
        let kept = answered(self.store().message_texts(&[id]).await)?.remove(&id);
        let api = self.clone();
        self.change_order(call, command, move |(), order| pb::ResendMessageResponse {
            message: api.shown_message((order, id), kept.clone(), &couriers, identity),
        })
        .await
    }

    async fn resend_failed_messages(
        &self,
        request: Request<pb::ResendFailedMessagesRequest>,
    ) -> Reply<pb::ResendFailedMessagesResponse> {
        let (call, since) = command(request, messages::parse::resend_failed_messages)?;
        let one_more = RESENT_AT_ONCE_MAX + 1;
        let mut messages = answered(self.store().failed_messages(since, one_more as u64).await)?;
        let more = messages.len() == one_more;
        messages.truncate(RESENT_AT_ONCE_MAX);
        self.change(call, ResendFailedMessages { messages }, move |resent, _| {
            pb::ResendFailedMessagesResponse {
                resent_count: i32::try_from(resent.len()).unwrap_or(i32::MAX),
                message_ids: resent.iter().map(ToString::to_string).collect(),
                more,
            }
        })
        .await
    }

    async fn set_notification_preference(
        &self,
        request: Request<pb::SetNotificationPreferenceRequest>,
    ) -> Reply<pb::SetNotificationPreferenceResponse> {
        let (call, (command, view)) = command(request, messages::parse::set_notification_preference)?;
        self.change_order(call, command, move |(), order| pb::SetNotificationPreferenceResponse {
            order: Some(reply::shown(order, view)),
        })
        .await
    }

    async fn check_integrity(
        &self,
        request: Request<pb::CheckIntegrityRequest>,
    ) -> Reply<pb::CheckIntegrityResponse> {
        let pb::CheckIntegrityRequest {} = request.into_inner();
        let begun = Instant::now();
        let within = Some(self.limits.deadline());
        let laws = answered(self.store().check_integrity(within).await)?;
        let report = reply::integrity_report(laws, begun.elapsed());
        Ok(Response::new(pb::CheckIntegrityResponse { report: Some(report) }))
    }
}

/// Leaves the oldest events of a long history out, so that the rest can be sent.
pub(crate) fn keep_newest(timeline: &mut pb::OrderTimeline, most: usize) {
    let mut over = timeline.encoded_len().saturating_sub(most);
    let oldest = timeline.events.iter().take_while(|it| {
        let goes = over > 0;
        // With its tag and its length.
        over = over.saturating_sub(it.encoded_len() + 2);
        goes
    });
    let oldest = oldest.count();
    timeline.events.drain(..oldest);
}

impl Api {
    async fn order_by(&self, key: OrderKey) -> Result<Arc<Order>, Status> {
        match key {
            OrderKey::Id(id) => self.order(id).await,
            OrderKey::Number(number) => {
                let order = answered(self.store().order_by_number(number).await)?;
                order.ok_or_else(|| status::not_found("order", number))
            }
        }
    }
}
