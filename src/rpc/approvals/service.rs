//! ApprovalService: a second pair of eyes on stock and money.

use tonic::{Request, Response};

use crate::domain::{ApprovalId, DecideApproval, Order, Part};
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, command, parsed};
use crate::rpc::approvals::{parse, reply};
use crate::rpc::identity::Call;
use crate::rpc::listing::page_token;
use crate::rpc::status;

#[tonic::async_trait]
impl pb::approval_service_server::ApprovalService for Api {
    async fn get_approval(&self, request: Request<pb::GetApprovalRequest>) -> Reply<pb::GetApprovalResponse> {
        let id = parsed(|bad| parse::get_approval(request.into_inner(), bad))?;
        let order = self.order_with(Part::Approval(id)).await?;
        let approval = approval_of(&order, id).ok_or_else(|| status::not_found("approval", id))?;
        Ok(Response::new(pb::GetApprovalResponse { approval: Some(approval) }))
    }

    async fn list_approvals(
        &self,
        request: Request<pb::ListApprovalsRequest>,
    ) -> Reply<pb::ListApprovalsResponse> {
        let listing = parsed(|bad| parse::list_approvals(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (approvals, next) = answered(self.store().list_approvals(&listing).await)?;
            let approvals = approvals.iter().filter_map(|(order, id)| approval_of(order, *id)).collect();
            Ok(pb::ListApprovalsResponse { approvals, next_page_token: page_token(next) })
        })
        .await
    }

    async fn approve_request(
        &self,
        request: Request<pb::ApproveRequestRequest>,
    ) -> Reply<pb::ApproveRequestResponse> {
        let (call, command) = command(request, parse::approve_request)?;
        self.decide(call, command, |approval| pb::ApproveRequestResponse { approval }).await
    }

    async fn reject_request(
        &self,
        request: Request<pb::RejectRequestRequest>,
    ) -> Reply<pb::RejectRequestResponse> {
        let (call, command) = command(request, parse::reject_request)?;
        self.decide(call, command, |approval| pb::RejectRequestResponse { approval }).await
    }
}

impl Api {
    /// Decides an approval; the caller has to be named.
    async fn decide<M: prost::Message + Default + 'static>(
        &self,
        call: Call,
        command: DecideApproval,
        reply: fn(Option<pb::Approval>) -> M,
    ) -> Reply<M> {
        if !call.is_named() {
            return Err(status::actor_required());
        }
        let id = command.approval;
        self.change_order(call, command, move |(), order| reply(approval_of(order, id))).await
    }
}

fn approval_of(order: &Order, id: ApprovalId) -> Option<pb::Approval> {
    order.approvals.iter().find(|it| it.id == id).map(|it| reply::approval(order, it))
}
