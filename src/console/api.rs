//! The API in a visitor's name, and its answers as templates read them: the fields by the names that the proto has.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, Routes};
use tonic::{Request, Status};

use crate::access::ACTOR;
use crate::console::visitors::{Caller, Visitor};
use crate::pb;
use crate::pb::approval_service_client::ApprovalServiceClient;
use crate::pb::billing_service_client::BillingServiceClient;
use crate::pb::inventory_service_client::InventoryServiceClient;
use crate::pb::order_change_service_client::OrderChangeServiceClient;
use crate::pb::order_service_client::OrderServiceClient;
use crate::pb::return_service_client::ReturnServiceClient;
use crate::pb::shipping_service_client::ShippingServiceClient;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).ok());

/// Rows of a page of a list.
pub(super) const ROWS: i32 = 50;

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

    pub(super) fn orders(&self) -> OrderServiceClient<Inside> {
        OrderServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn approvals(&self) -> ApprovalServiceClient<Inside> {
        ApprovalServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn inventory(&self) -> InventoryServiceClient<Inside> {
        InventoryServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn shipping(&self) -> ShippingServiceClient<Inside> {
        ShippingServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn billing(&self) -> BillingServiceClient<Inside> {
        BillingServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn returns(&self) -> ReturnServiceClient<Inside> {
        ReturnServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(super) fn changes(&self) -> OrderChangeServiceClient<Inside> {
        OrderChangeServiceClient::new(self.0.clone()).max_decoding_message_size(usize::MAX)
    }
}

/// An answer of the API as templates read it; `name` is its message's, such as `GetOrderResponse`.
pub(super) fn read<M: Message>(name: &str, answer: &M) -> Result<Value, Status> {
    let unreadable = || Status::internal("an answer of the API could not be read");
    let pool = POOL.as_ref().ok_or_else(unreadable)?;
    let described = pool.get_message_by_name(&format!("consign.v1.{name}")).ok_or_else(unreadable)?;
    let message = DynamicMessage::decode(described, answer.encode_to_vec().as_slice());
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(false)
        .stringify_64_bit_integers(false);
    let message = message.map_err(|_| unreadable())?;
    message.serialize_with_options(serde_json::value::Serializer, &options).map_err(|_| unreadable())
}
