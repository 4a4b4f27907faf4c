//! FeedbackService: answers, questions, follow-ups, lists and the report.

use tonic::{Request, Response};

use crate::domain::{Order, Reason, Refusal};
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, command, kept, parsed};
use crate::rpc::feedback::{parse, reply};
use crate::rpc::listing::page_token;
use crate::rpc::status;

/// How many comments a feedback report brings.
const COMMENTS_MAX: u64 = 50;

#[tonic::async_trait]
impl pb::feedback_service_server::FeedbackService for Api {
    async fn get_feedback(&self, request: Request<pb::GetFeedbackRequest>) -> Reply<pb::GetFeedbackResponse> {
        let key = parsed(|bad| parse::get_feedback(request.into_inner(), bad))?;
        let order = answered(self.store().order(key.order()).await)?;
        let order = order.ok_or_else(|| status::of_refusal(&key.not_found()))?;
        key.check(&order).map_err(|it| status::of_refusal(&it))?;
        let not_asked = "the customer was not asked for feedback yet";
        let feedback = reply::to_be_given(&order)
            .ok_or_else(|| status::of_refusal(&Refusal::unmet(Reason::FeedbackNotOpen, not_asked)))?;
        Ok(Response::new(pb::GetFeedbackResponse { feedback: Some(feedback) }))
    }

    async fn submit_feedback(
        &self,
        request: Request<pb::SubmitFeedbackRequest>,
    ) -> Reply<pb::SubmitFeedbackResponse> {
        let (call, command) = command(request, parse::submit_feedback)?;
        self.change(call.leaving_room(), command, |it, view| pb::SubmitFeedbackResponse {
            feedback: reply::to_be_given(kept(view, it.order)),
        })
        .await
    }

    async fn opt_out_feedback(
        &self,
        request: Request<pb::OptOutFeedbackRequest>,
    ) -> Reply<pb::OptOutFeedbackResponse> {
        let (call, command) = command(request, parse::opt_out_feedback)?;
        self.change(call, command, |it, view| pb::OptOutFeedbackResponse {
            feedback: reply::to_be_given(kept(view, it.order)),
        })
        .await
    }

    async fn request_feedback(
        &self,
        request: Request<pb::RequestFeedbackRequest>,
    ) -> Reply<pb::RequestFeedbackResponse> {
        let (call, command) = command(request, parse::request_feedback)?;
        self.change_order(call.leaving_room(), command, |(), order| pb::RequestFeedbackResponse {
            feedback: reply::to_be_given(order),
        })
        .await
    }

    async fn get_feedback_report(
        &self,
        request: Request<pb::GetFeedbackReportRequest>,
    ) -> Reply<pb::GetFeedbackReportResponse> {
        let (since, until, among) = parsed(|bad| parse::get_feedback_report(request.into_inner(), bad))?;
        let report = answered(self.store().feedback_report(since, until, among, COMMENTS_MAX).await)?;
        Ok(Response::new(pb::GetFeedbackReportResponse { report: Some(reply::feedback_report(report)) }))
    }

    async fn list_feedback(
        &self,
        request: Request<pb::ListFeedbackRequest>,
    ) -> Reply<pb::ListFeedbackResponse> {
        let listing = parsed(|bad| parse::list_feedback(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (orders, next) = answered(self.store().list_feedback(&listing).await)?;
            let feedback = orders.iter().filter_map(|it| reply::said(it)).collect();
            Ok(pb::ListFeedbackResponse { feedback, next_page_token: page_token(next) })
        })
        .await
    }

    async fn list_follow_ups(
        &self,
        request: Request<pb::ListFollowUpsRequest>,
    ) -> Reply<pb::ListFollowUpsResponse> {
        let listing = parsed(|bad| parse::list_follow_ups(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (rows, next) = answered(self.store().list_follow_ups(&listing).await)?;
            let follow_ups = rows.iter().filter_map(|(order, _)| reply::follow_up_with_feedback(order));
            let follow_ups = follow_ups.collect();
            Ok(pb::ListFollowUpsResponse { follow_ups, next_page_token: page_token(next) })
        })
        .await
    }

    async fn close_follow_up(
        &self,
        request: Request<pb::CloseFollowUpRequest>,
    ) -> Reply<pb::CloseFollowUpResponse> {
        let (call, command) = command(request, parse::close_follow_up)?;
        if !call.is_named() {
            return Err(status::actor_required());
        }
        self.change_order(call, command, |(), order: &Order| pb::CloseFollowUpResponse {
            follow_up: reply::follow_up_with_feedback(order),
        })
        .await
    }
}
