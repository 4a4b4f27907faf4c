//! CustomerService: customers, and who of them is blocked.

use tonic::{Request, Response, Status};

use crate::domain::CustomerId;
use crate::pb;
use crate::pb::Permission;
use crate::rpc::api::{Api, Reply, answered, command, existing, parsed};
use crate::rpc::customers::{parse, reply};
use crate::rpc::identity::permitted;
use crate::rpc::listing::{ANY_LABEL, may_search, page_token};
use crate::rpc::parse::id;

/// The fields that are worth money to a customer.
const TERMS: [&str; 2] = ["tax_exempt", "payment_terms_days"];

#[tonic::async_trait]
impl pb::customer_service_server::CustomerService for Api {
    async fn create_customer(
        &self,
        request: Request<pb::CreateCustomerRequest>,
    ) -> Reply<pb::CreateCustomerResponse> {
        let given = request.get_ref().customer.as_ref();
        if given.is_some_and(|it| it.tax_exempt || it.payment_terms_days.is_some()) {
            permitted(request.extensions(), Permission::GrantTerms)?;
        }
        let (call, command) = command(request, parse::create_customer)?;
        self.change(call, command, |it, _| pb::CreateCustomerResponse { customer: Some(reply::account(it)) })
            .await
    }

    async fn update_customer(
        &self,
        request: Request<pb::UpdateCustomerRequest>,
    ) -> Reply<pb::UpdateCustomerResponse> {
        let mask = request.get_ref().update_mask.as_ref();
        if mask.is_some_and(|it| it.paths.iter().any(|it| TERMS.contains(&it.as_str()))) {
            permitted(request.extensions(), Permission::GrantTerms)?;
        }
        let (call, command) = command(request, parse::update_customer)?;
        self.change(call, command, |it, _| pb::UpdateCustomerResponse { customer: Some(reply::account(it)) })
            .await
    }

    async fn get_customer(&self, request: Request<pb::GetCustomerRequest>) -> Reply<pb::GetCustomerResponse> {
        let pb::GetCustomerRequest { customer_id } = request.into_inner();
        let id: CustomerId = parsed(|bad| id("customer_id", &customer_id, bad))?;
        let customer = existing("customer", id, self.store().customer(id).await)?;
        Ok(Response::new(pb::GetCustomerResponse { customer: Some(reply::account(&customer)) }))
    }

    async fn list_customers(
        &self,
        request: Request<pb::ListCustomersRequest>,
    ) -> Reply<pb::ListCustomersResponse> {
        let (_, caller, request) = request.into_parts();
        let listing = parsed(|bad| parse::list_customers(request, &self.limits, bad))?;
        may_search(&listing, &["email", "name", ANY_LABEL], &caller)?;
        self.page(listing, |listing| async move {
            let (customers, next) = answered(self.store().list_customers(&listing).await)?;
            Ok::<_, Status>(pb::ListCustomersResponse {
                customers: customers.iter().map(reply::account).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn block_customer(
        &self,
        request: Request<pb::BlockCustomerRequest>,
    ) -> Reply<pb::BlockCustomerResponse> {
        let (call, command) = command(request, parse::block_customer)?;
        self.change(call, command, |it, _| pb::BlockCustomerResponse { customer: Some(reply::account(it)) })
            .await
    }

    async fn unblock_customer(
        &self,
        request: Request<pb::UnblockCustomerRequest>,
    ) -> Reply<pb::UnblockCustomerResponse> {
        let (call, command) = command(request, parse::unblock_customer)?;
        self.change(call, command, |it, _| pb::UnblockCustomerResponse { customer: Some(reply::account(it)) })
            .await
    }
}
