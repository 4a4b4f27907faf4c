//! ApprovalService: a second pair of eyes on stock and money.

use tonic::{Request, Response};

use super::from_proto::billing::{self as from, Word};
use super::listing::page_token;
use super::to_proto::billing as to;
use super::{Api, Call, Reply, Target, found, parse, status, with_stock};
use crate::domain::{ApprovalId, Decision, Desk, Order};
use crate::pb;
use crate::store::Child;

#[tonic::async_trait]
impl pb::approval_service_server::ApprovalService for Api {
    async fn get_approval(&self, request: Request<pb::GetApprovalRequest>) -> Reply<pb::GetApprovalResponse> {
        let id = parse(|bad| from::get_approval(request.into_inner(), bad))?;
        let order = self.order_with(Child::Approval(id)).await?;
        let approval = approval_of(&order, id).ok_or_else(|| status::not_found("approval", id))?;
        Ok(Response::new(pb::GetApprovalResponse { approval: Some(approval) }))
    }

    async fn list_approvals(
        &self,
        request: Request<pb::ListApprovalsRequest>,
    ) -> Reply<pb::ListApprovalsResponse> {
        let listing = parse(|bad| from::list_approvals(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (approvals, next) = found(self.store().list_approvals(&listing).await)?;
            let approvals = approvals.iter().filter_map(|(order, id)| approval_of(order, *id)).collect();
            Ok(pb::ListApprovalsResponse { approvals, next_page_token: page_token(next) })
        })
        .await
    }

    async fn approve_request(
        &self,
        request: Request<pb::ApproveRequestRequest>,
    ) -> Reply<pb::ApproveRequestResponse> {
        let (call, word) = parse(|bad| from::approve_request(request, bad))?;
        let decided =
            self.decide(call, word, Decision::Approve, |approval| pb::ApproveRequestResponse { approval });
        decided.await
    }

    async fn reject_request(
        &self,
        request: Request<pb::RejectRequestRequest>,
    ) -> Reply<pb::RejectRequestResponse> {
        let (call, word) = parse(|bad| from::reject_request(request, bad))?;
        let decided =
            self.decide(call, word, Decision::Reject, |approval| pb::RejectRequestResponse { approval });
        decided.await
    }
}

impl Api {
    /// A named person's word; what follows from it is part of the same change.
    async fn decide<M: prost::Message + Default + 'static>(
        &self,
        call: Call,
        word: Word,
        decision: Decision,
        reply: impl Fn(Option<pb::Approval>) -> M + Send + 'static,
    ) -> Reply<M> {
        if !call.is_named() {
            return Err(status::actor_required());
        }
        let Word { approval: id, etag, comment } = word;
        let target = Target { order: self.order_of(Child::Approval(id)).await?, etag };
        let decide =
            move |order: &mut Order, desk: &mut Desk<'_>| order.decide_approval(desk, id, decision, &comment);
        self.on_order(call, target, with_stock(), decide, move |(), order| reply(approval_of(order, id)))
            .await
    }
}

fn approval_of(order: &Order, id: ApprovalId) -> Option<pb::Approval> {
    order.approvals.iter().find(|it| it.id == id).map(|it| to::approval(order, it))
}
