//! Goods that come back.

use super::Client;
use crate::client::{Refused, by};
use crate::demo::error::DemoError;
use crate::pb;

impl Client {
    pub(in crate::demo) async fn create_return(
        &mut self,
        order: &str,
        line_number: i32,
        quantity: i64,
    ) -> Result<pb::Return, DemoError> {
        let line = pb::ReturnLineRequest {
            line_number,
            quantity,
            reason: pb::ReturnReason::Damaged.into(),
            note: "the box was crushed".to_owned(),
        };
        let request =
            pb::CreateReturnRequest { order_id: order.to_owned(), lines: vec![line], ..Default::default() };
        call!(self.returns, create_return, "support", request, goods_return)
    }

    pub(in crate::demo) async fn authorize_return(&mut self, id: &str) -> Result<pb::Return, DemoError> {
        let request = pb::AuthorizeReturnRequest { return_id: id.to_owned(), ..Default::default() };
        call!(self.returns, authorize_return, "support", request, goods_return)
    }

    pub(in crate::demo) async fn receive_return(
        &mut self,
        id: &str,
        location: &str,
        line_number: i32,
        quantity: i64,
    ) -> Result<pb::Return, DemoError> {
        let request = pb::ReceiveReturnRequest {
            return_id: id.to_owned(),
            location: location.to_owned(),
            lines: vec![pb::LineUnits { line_number, quantity }],
            ..Default::default()
        };
        call!(self.returns, receive_return, "warehouse", request, goods_return)
    }

    pub(in crate::demo) async fn restock_return(
        &mut self,
        id: &str,
        line_number: i32,
        quantity: i64,
    ) -> Result<pb::Return, DemoError> {
        let disposition = pb::ReturnDisposition::Restock.into();
        let request = pb::InspectReturnRequest {
            return_id: id.to_owned(),
            inspections: vec![pb::ReturnInspection {
                line_number,
                disposition,
                quantity,
                ..Default::default()
            }],
            ..Default::default()
        };
        call!(self.returns, inspect_return, "warehouse", request, goods_return)
    }

    pub(in crate::demo) async fn refund_return(
        &mut self,
        id: &str,
        line_number: i32,
        quantity: i64,
    ) -> Result<pb::Return, DemoError> {
        self.resolve_return(id, line_number, quantity, pb::ReturnResolution::Refund).await
    }

    /// One unit for another one of the same product.
    pub(in crate::demo) async fn exchange_return(
        &mut self,
        id: &str,
        line_number: i32,
    ) -> Result<pb::Return, DemoError> {
        self.resolve_return(id, line_number, 1, pb::ReturnResolution::Exchange).await
    }

    /// One unit for a store credit.
    pub(in crate::demo) async fn credit_return(
        &mut self,
        id: &str,
        line_number: i32,
    ) -> Result<pb::Return, DemoError> {
        self.resolve_return(id, line_number, 1, pb::ReturnResolution::StoreCredit).await
    }

    async fn resolve_return(
        &mut self,
        id: &str,
        line_number: i32,
        quantity: i64,
        resolution: pb::ReturnResolution,
    ) -> Result<pb::Return, DemoError> {
        let resolution = resolution.into();
        let request = pb::ResolveReturnRequest {
            return_id: id.to_owned(),
            resolutions: vec![pb::ReturnLineResolution { line_number, resolution, quantity, exchange: None }],
            reason: "it arrived damaged".to_owned(),
            ..Default::default()
        };
        call!(self.returns, resolve_return, "support", request, goods_return)
    }

    pub(in crate::demo) async fn close_return(&mut self, id: &str) -> Result<pb::Return, DemoError> {
        let request = pb::CloseReturnRequest { return_id: id.to_owned(), ..Default::default() };
        call!(self.returns, close_return, "support", request, goods_return)
    }
}
