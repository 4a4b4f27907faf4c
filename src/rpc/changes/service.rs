//! OrderChangeService: what is to be different of an order that was sold.

use tonic::{Request, Response, Status};

use crate::domain::{Order, OrderChangeId};
use crate::pb;
use crate::rpc::api::{Api, Reply, command, parsed};
use crate::rpc::changes::{parse, reply};
use crate::rpc::parse::id;
use crate::rpc::status;

#[tonic::async_trait]
impl pb::order_change_service_server::OrderChangeService for Api {
    async fn create_order_change(
        &self,
        request: Request<pb::CreateOrderChangeRequest>,
    ) -> Reply<pb::CreateOrderChangeResponse> {
        let (call, command) = command(request, parse::create_order_change)?;
        self.change_order(call.leaving_room(), command, |id, order| pb::CreateOrderChangeResponse {
            change: reply::change_of(order, *id),
        })
        .await
    }

    async fn propose_order_change(
        &self,
        request: Request<pb::ProposeOrderChangeRequest>,
    ) -> Reply<pb::ProposeOrderChangeResponse> {
        let (call, command) = command(request, parse::propose_order_change)?;
        self.change_order(call, command, |id, order| pb::ProposeOrderChangeResponse {
            change: reply::change_of(order, *id),
        })
        .await
    }

    async fn confirm_order_change(
        &self,
        request: Request<pb::ConfirmOrderChangeRequest>,
    ) -> Reply<pb::ConfirmOrderChangeResponse> {
        let (call, command) = command(request, parse::confirm_order_change)?;
        self.change_order(call, command, |id, order| pb::ConfirmOrderChangeResponse {
            change: reply::change_of(order, *id),
        })
        .await
    }

    async fn decline_order_change(
        &self,
        request: Request<pb::DeclineOrderChangeRequest>,
    ) -> Reply<pb::DeclineOrderChangeResponse> {
        let (call, command) = command(request, parse::decline_order_change)?;
        self.change_order(call, command, |id, order| pb::DeclineOrderChangeResponse {
            change: reply::change_of(order, *id),
        })
        .await
    }

    async fn cancel_order_change(
        &self,
        request: Request<pb::CancelOrderChangeRequest>,
    ) -> Reply<pb::CancelOrderChangeResponse> {
        let (call, command) = command(request, parse::cancel_order_change)?;
        self.change_order(call, command, |id, order| pb::CancelOrderChangeResponse {
            change: reply::change_of(order, *id),
        })
        .await
    }

    async fn get_order_change(
        &self,
        request: Request<pb::GetOrderChangeRequest>,
    ) -> Reply<pb::GetOrderChangeResponse> {
        let pb::GetOrderChangeRequest { order_id, change_id } = request.into_inner();
        let (order, change) = parsed(|bad| {
            let order = id("order_id", &order_id, bad);
            let change: Option<OrderChangeId> = id("change_id", &change_id, bad);
            order.zip(change)
        })?;
        let order = self.order(order).await?;
        let change = Some(existing_change(&order, change)?);
        Ok(Response::new(pb::GetOrderChangeResponse { change }))
    }

    async fn list_order_changes(
        &self,
        request: Request<pb::ListOrderChangesRequest>,
    ) -> Reply<pb::ListOrderChangesResponse> {
        let pb::ListOrderChangesRequest { order_id } = request.into_inner();
        let order = self.order(parsed(|bad| id("order_id", &order_id, bad))?).await?;
        let changes = order.changes.iter().rev().map(|it| reply::order_change(&order, it)).collect();
        Ok(Response::new(pb::ListOrderChangesResponse { changes }))
    }
}

fn existing_change(order: &Order, id: OrderChangeId) -> Result<pb::OrderChange, Status> {
    reply::change_of(order, id).ok_or_else(|| status::not_found("order change", id))
}
