//! Calls about changes of orders that were sold.

use super::super::error::DemoError;
use super::Client;
use crate::client::{Refused, by};
use crate::pb;

impl Client {
    pub(in crate::demo) async fn create_change(
        &mut self,
        request: pb::CreateOrderChangeRequest,
    ) -> Result<pb::OrderChange, DemoError> {
        call!(self.changes, create_order_change, "clerk", request, change)
    }

    pub(in crate::demo) async fn propose_change(
        &mut self,
        order: &str,
        change: &str,
    ) -> Result<pb::OrderChange, DemoError> {
        let request = pb::ProposeOrderChangeRequest {
            order_id: order.to_owned(),
            change_id: change.to_owned(),
            ..Default::default()
        };
        call!(self.changes, propose_order_change, "clerk", request, change)
    }

    pub(in crate::demo) async fn confirm_change(
        &mut self,
        order: &str,
        change: &str,
    ) -> Result<pb::OrderChange, DemoError> {
        let request = pb::ConfirmOrderChangeRequest {
            order_id: order.to_owned(),
            change_id: change.to_owned(),
            ..Default::default()
        };
        call!(self.changes, confirm_order_change, "clerk", request, change)
    }

    /// Pays by card what a change has added.
    pub(in crate::demo) async fn pay_rest(&mut self, order: &str) -> Result<pb::Payment, DemoError> {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::Card as i32,
            token: "tok_success".to_owned(),
            ..Default::default()
        };
        call!(self.billing, capture_payment, "storefront", request, payment)
    }
}
