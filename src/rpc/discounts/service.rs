//! DiscountService: what a shop gives away, and how often it was taken.

use tonic::{Request, Response, Status};

use crate::domain::DiscountKey;
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, command, existing, parsed};
use crate::rpc::discounts::{parse, reply};
use crate::rpc::listing::page_token;
use crate::rpc::parse::id;

#[tonic::async_trait]
impl pb::discount_service_server::DiscountService for Api {
    async fn create_discount_code(
        &self,
        request: Request<pb::CreateDiscountCodeRequest>,
    ) -> Reply<pb::CreateDiscountCodeResponse> {
        let (call, command) = command(request, parse::create_discount_code)?;
        self.change(call, command, |code, _| pb::CreateDiscountCodeResponse {
            discount_code: Some(reply::discount_code(code)),
        })
        .await
    }

    async fn get_discount_code(
        &self,
        request: Request<pb::GetDiscountCodeRequest>,
    ) -> Reply<pb::GetDiscountCodeResponse> {
        let pb::GetDiscountCodeRequest { code } = request.into_inner();
        let code: DiscountKey = parsed(|bad| id("code", &code, bad))?;
        let code = existing("discount code", &code, self.store().discount_code(&code).await)?;
        Ok(Response::new(pb::GetDiscountCodeResponse { discount_code: Some(reply::discount_code(&code)) }))
    }

    async fn list_discount_codes(
        &self,
        request: Request<pb::ListDiscountCodesRequest>,
    ) -> Reply<pb::ListDiscountCodesResponse> {
        let listing = parsed(|bad| parse::list_discount_codes(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (codes, next) = answered(self.store().list_discount_codes(&listing).await)?;
            Ok::<_, Status>(pb::ListDiscountCodesResponse {
                discount_codes: codes.iter().map(reply::discount_code).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn deactivate_discount_code(
        &self,
        request: Request<pb::DeactivateDiscountCodeRequest>,
    ) -> Reply<pb::DeactivateDiscountCodeResponse> {
        let (call, command) = command(request, parse::deactivate_discount_code)?;
        self.change(call, command, |code, _| pb::DeactivateDiscountCodeResponse {
            discount_code: Some(reply::discount_code(code)),
        })
        .await
    }

    async fn reactivate_discount_code(
        &self,
        request: Request<pb::ReactivateDiscountCodeRequest>,
    ) -> Reply<pb::ReactivateDiscountCodeResponse> {
        let (call, command) = command(request, parse::reactivate_discount_code)?;
        self.change(call, command, |code, _| pb::ReactivateDiscountCodeResponse {
            discount_code: Some(reply::discount_code(code)),
        })
        .await
    }
}
