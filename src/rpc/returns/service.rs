//! ReturnService: goods that come back from customers.

use std::sync::Arc;

use prost::Message;
use tonic::{Extensions, Request, Response};

use crate::access::Principal;
use crate::domain::{Actor, Order, OrderCommand, Part, ReturnId};
use crate::pb::{self, Permission};
use crate::rpc::api::{Api, Reply, answered, command, parsed};
use crate::rpc::identity::{Call, permitted};
use crate::rpc::listing::page_token;
use crate::rpc::returns::reply::{self, Codes};
use crate::rpc::returns::{documents, parse};
use crate::rpc::status;

#[tonic::async_trait]
impl pb::return_service_server::ReturnService for Api {
    async fn create_return(
        &self,
        request: Request<pb::CreateReturnRequest>,
    ) -> Reply<pb::CreateReturnResponse> {
        let (call, command) = command(request, parse::create_return)?;
        self.change_return(call, command, |goods_return| pb::CreateReturnResponse { goods_return }).await
    }

    async fn simulate_return(
        &self,
        request: Request<pb::SimulateReturnRequest>,
    ) -> Reply<pb::SimulateReturnResponse> {
        let query = parsed(|bad| parse::simulate_return(request.into_inner(), bad))?;
        let order = self.order(query.order).await?;
        // With the products of its lines: an exchange needs their prices.
        let query = query.with_products_of(&order);
        // Nothing is changed: decided on a copy, and in nobody's name.
        let quote = answered(self.store().preview(&Actor::system(), &query).await)?;
        Ok(Response::new(reply::quote(&quote)))
    }

    async fn authorize_return(
        &self,
        request: Request<pb::AuthorizeReturnRequest>,
    ) -> Reply<pb::AuthorizeReturnResponse> {
        let (call, command) = command(request, parse::authorize_return)?;
        self.change_return(call, command, |goods_return| pb::AuthorizeReturnResponse { goods_return }).await
    }

    async fn decline_return(
        &self,
        request: Request<pb::DeclineReturnRequest>,
    ) -> Reply<pb::DeclineReturnResponse> {
        let (call, command) = command(request, parse::decline_return)?;
        self.change_return(call, command, |goods_return| pb::DeclineReturnResponse { goods_return }).await
    }

    async fn cancel_return(
        &self,
        request: Request<pb::CancelReturnRequest>,
    ) -> Reply<pb::CancelReturnResponse> {
        let (call, command) = command(request, parse::cancel_return)?;
        self.change_return(call, command, |goods_return| pb::CancelReturnResponse { goods_return }).await
    }

    async fn record_return_transit(
        &self,
        request: Request<pb::RecordReturnTransitRequest>,
    ) -> Reply<pb::RecordReturnTransitResponse> {
        let (call, command) = command(request, parse::record_return_transit)?;
        self.change_return(call, command, |goods_return| pb::RecordReturnTransitResponse { goods_return })
            .await
    }

    async fn receive_return(
        &self,
        request: Request<pb::ReceiveReturnRequest>,
    ) -> Reply<pb::ReceiveReturnResponse> {
        let (call, command) = command(request, parse::receive_return)?;
        self.change_return(call, command, |goods_return| pb::ReceiveReturnResponse { goods_return }).await
    }

    async fn inspect_return(
        &self,
        request: Request<pb::InspectReturnRequest>,
    ) -> Reply<pb::InspectReturnResponse> {
        let (call, command) = command(request, parse::inspect_return)?;
        self.change_return(call, command, |goods_return| pb::InspectReturnResponse { goods_return }).await
    }

    async fn resolve_return(
        &self,
        request: Request<pb::ResolveReturnRequest>,
    ) -> Reply<pb::ResolveReturnResponse> {
        let (call, command) = command(request, parse::resolve_return)?;
        let answer = |goods_return| pb::ResolveReturnResponse { goods_return };
        // Codes whole, unlike in `change_return`: its caller has REFUND, and hands them on (`return.proto`).
        self.change_order(call, command, move |id, order| answer(return_of(order, *id, Codes::Whole))).await
    }

    async fn close_return(&self, request: Request<pb::CloseReturnRequest>) -> Reply<pb::CloseReturnResponse> {
        let (call, command) = command(request, parse::close_return)?;
        self.change_return(call, command, |goods_return| pb::CloseReturnResponse { goods_return }).await
    }

    async fn get_return(&self, request: Request<pb::GetReturnRequest>) -> Reply<pb::GetReturnResponse> {
        let codes = codes_for(request.extensions());
        let id = parsed(|bad| parse::get_return(request.into_inner(), bad))?;
        let order = self.order_with(Part::Return(id)).await?;
        let goods_return = return_of(&order, id, codes).ok_or_else(|| status::not_found("return", id))?;
        Ok(Response::new(pb::GetReturnResponse { goods_return: Some(goods_return) }))
    }

    async fn get_return_document(
        &self,
        request: Request<pb::GetReturnDocumentRequest>,
    ) -> Reply<pb::GetReturnDocumentResponse> {
        permitted(request.extensions(), Permission::ReadPersonalData)?;
        let (id, kind) = parsed(|bad| documents::wanted(request.into_inner(), bad))?;
        Ok(Response::new(self.return_document(id, kind).await?))
    }

    async fn list_returns(&self, request: Request<pb::ListReturnsRequest>) -> Reply<pb::ListReturnsResponse> {
        let codes = codes_for(request.extensions());
        let listing = parsed(|bad| parse::list_returns(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (returns, next) = answered(self.store().list_returns(&listing).await)?;
            let returns = returns.iter().filter_map(|(order, id)| return_of(order, *id, codes)).collect();
            Ok(pb::ListReturnsResponse { returns, next_page_token: page_token(next) })
        })
        .await
    }
}

impl Api {
    /// Changes a return, and answers with it as it then is. The answer is stored for repeats, and goes to callers who may not
    /// read money too, so it shows no codes; GetReturn shows them to who may. ResolveReturn is the one exception.
    async fn change_return<C, M>(
        &self,
        call: Call,
        command: C,
        answer: fn(Option<pb::Return>) -> M,
    ) -> Reply<M>
    where
        C: OrderCommand<Output = ReturnId>,
        M: Message + Default + 'static,
    {
        self.change_order(call, command, move |id, order| answer(return_of(order, *id, Codes::Masked))).await
    }
}

/// In fields and closures it is `goods_return`: `return` is a word of the language.
fn return_of(order: &Order, id: ReturnId, codes: Codes) -> Option<pb::Return> {
    order.returns.iter().find(|it| it.id == id).map(|it| reply::goods_return(order, it, codes))
}

/// Who may read discount codes, or decides what customers get, sees codes of store credit whole.
fn codes_for(caller: &Extensions) -> Codes {
    let sees = |it: &Arc<Principal>| {
        it.permissions.contains(&Permission::ReadMoney) || it.permissions.contains(&Permission::Refund)
    };
    if caller.get::<Arc<Principal>>().is_none_or(sees) { Codes::Whole } else { Codes::Masked }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::domain::tests::bounds::largest;
    use crate::domain::{Actor, Carriers};

    fn shown_to(caller: &Extensions) -> Vec<String> {
        let order = largest();
        let shown = return_of(&order, order.returns[0].id, codes_for(caller)).expect("it is there");
        shown.store_credit_codes
    }

    #[test]
    fn who_may_not_read_money_sees_the_end_of_a_code_only() {
        let of = |role: Role| {
            let mut caller = Extensions::new();
            caller.insert(Arc::new(Principal {
                name: Actor::system(),
                permissions: role.permissions().into_iter().collect(),
                names_persons: false,
                carriers: Carriers::default(),
            }));
            shown_to(&caller)
        };
        for role in [Role::Reader, Role::Warehouse] {
            assert_eq!(of(role), ["…AAAA"; 2], "{role:?}");
        }
        for role in [Role::Storefront, Role::Finance, Role::Operator, Role::Admin] {
            assert_eq!(of(role), ["CREDIT-AAAA-AAAA-AAAA"; 2], "{role:?}");
        }
        assert_eq!(shown_to(&Extensions::new()), ["CREDIT-AAAA-AAAA-AAAA"; 2], "callers are believed");
    }
}
