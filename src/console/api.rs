//! The API in a visitor's name, and its answers as templates read them: the fields by the names that the proto has.

use prost::Message;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, Routes};
use tonic::{Request, Status};

use crate::access::ACTOR;
use crate::console::visitors::{Caller, Visitor};
use crate::json::json_of;
use crate::pb;
use crate::pb::approval_service_client::ApprovalServiceClient;
use crate::pb::billing_service_client::BillingServiceClient;
use crate::pb::event_service_client::EventServiceClient;
use crate::pb::inventory_service_client::InventoryServiceClient;
use crate::pb::order_change_service_client::OrderChangeServiceClient;
use crate::pb::order_service_client::OrderServiceClient;
use crate::pb::return_service_client::ReturnServiceClient;
use crate::pb::shipping_service_client::ShippingServiceClient;

/// Rows of a page of a list.
const ROWS: i32 = 50;

/// Says with each call who makes it.
#[derive(Clone)]
pub(super) struct InTheNameOf {
    header: &'static str,
    value: MetadataValue<Ascii>,
}

impl Interceptor for InTheNameOf {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(self.header, self.value.clone());
        Ok(request)
    }
}

type Inside = InterceptedService<Routes, InTheNameOf>;

/// The API in a visitor's name.
#[derive(Clone)]
pub(super) struct Api(Inside);

impl Api {
    /// None: what the visitor gave cannot be sent.
    pub(super) fn of(routes: &Routes, visitor: &Visitor) -> Option<Self> {
        let (header, value) = match &visitor.caller {
            Caller::Key(key) => ("authorization", format!("Bearer {key}")),
            Caller::Believed => (ACTOR, visitor.name.clone()),
        };
        let mut value: MetadataValue<Ascii> = value.parse().ok()?;
        value.set_sensitive(true);
        Some(Self(InterceptedService::new(routes.clone(), InTheNameOf { header, value })))
    }
}

/// A client for each service that pages use.
macro_rules! clients {
    ($($name:ident: $client:ident;)+) => {
        impl Api { $(
            pub(super) fn $name(&self) -> $client<Inside> {
                $client::new(self.0.clone()).max_decoding_message_size(usize::MAX)
            }
        )+ }
    };
}

clients! {
    orders: OrderServiceClient;
    approvals: ApprovalServiceClient;
    inventory: InventoryServiceClient;
    shipping: ShippingServiceClient;
    billing: BillingServiceClient;
    returns: ReturnServiceClient;
    changes: OrderChangeServiceClient;
    events: EventServiceClient;
}

/// A page of each list, by the API's filter.
macro_rules! lists {
    ($($service:ident.$list:ident: $request:ident -> $response:literal;)+) => {
        impl Api { $(
            pub(super) async fn $list(&self, filter: String, page_token: String) -> Result<Value, Status> {
                let request = pb::$request { page_size: ROWS, page_token, filter, ..Default::default() };
                read($response, self.$service().$list(request).await?.get_ref())
            }
        )+ }
    };
}

lists! {
    orders.list_orders: ListOrdersRequest -> "ListOrdersResponse";
    orders.list_messages: ListMessagesRequest -> "ListMessagesResponse";
    approvals.list_approvals: ListApprovalsRequest -> "ListApprovalsResponse";
    shipping.list_shipments: ListShipmentsRequest -> "ListShipmentsResponse";
    billing.list_payments: ListPaymentsRequest -> "ListPaymentsResponse";
    returns.list_returns: ListReturnsRequest -> "ListReturnsResponse";
    inventory.list_stock_levels: ListStockLevelsRequest -> "ListStockLevelsResponse";
    inventory.list_replenishments: ListReplenishmentsRequest -> "ListReplenishmentsResponse";
}

/// An answer of the API as templates read it; `name` is its message's, such as `GetOrderResponse`.
pub(super) fn read<M: Message>(name: &str, answer: &M) -> Result<Value, Status> {
    json_of(name, answer).ok_or_else(|| Status::internal("an answer of the API could not be read"))
}
