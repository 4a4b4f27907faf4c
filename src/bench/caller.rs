//! One client's side of the API: typed calls, as storefronts, warehouses and couriers make them.

pub(super) mod lists;

use std::collections::HashMap;

use tonic::{Code, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

use super::error::BenchError;
use crate::client::{CONNECT_WITHIN, KeyedChannel, ShowKey, TlsOptions, by, connect};
use crate::pb;
use crate::pb::approval_service_client::ApprovalServiceClient;
use crate::pb::billing_service_client::BillingServiceClient;
use crate::pb::feedback_service_client::FeedbackServiceClient;
use crate::pb::inventory_service_client::InventoryServiceClient;
use crate::pb::order_change_service_client::OrderChangeServiceClient;
use crate::pb::order_service_client::OrderServiceClient;
use crate::pb::return_service_client::ReturnServiceClient;
use crate::pb::shipping_service_client::ShippingServiceClient;

/// Clones share the connection.
#[derive(Clone)]
pub(super) struct Caller {
    orders: OrderServiceClient<KeyedChannel>,
    inventory: InventoryServiceClient<KeyedChannel>,
    shipping: ShippingServiceClient<KeyedChannel>,
    billing: BillingServiceClient<KeyedChannel>,
    approvals: ApprovalServiceClient<KeyedChannel>,
    returns: ReturnServiceClient<KeyedChannel>,
    feedback: FeedbackServiceClient<KeyedChannel>,
    changes: OrderChangeServiceClient<KeyedChannel>,
}

/// An answer that is not what it has to be for the figures to mean anything.
pub(super) fn unexpected(what: &'static str) -> Status {
    let details = ErrorDetails::with_error_info(what, "bench.consign", HashMap::new());
    Status::with_error_details(Code::Unknown, "the answer is not as expected", details)
}

/// Makes a call and takes one field out of its answer.
macro_rules! call {
    ($client:expr, $method:ident, $actor:literal, $message:expr, $field:ident) => {{
        let answer = $client.clone().$method(by($actor, $message)).await?;
        answer.into_inner().$field.ok_or_else(|| unexpected("EMPTY_ANSWER"))
    }};
}

impl Caller {
    /// With an API key where the server asks for one.
    pub(super) async fn connect(target: &str, key: Option<&str>) -> Result<Self, BenchError> {
        let channel = connect(target, &TlsOptions::default(), CONNECT_WITHIN).await?;
        let key = ShowKey::of(key).ok_or_else(|| BenchError::Wrong("the key cannot be sent".to_owned()))?;
        let channel = KeyedChannel::new(channel, key);
        Ok(Self {
            orders: OrderServiceClient::new(channel.clone()),
            inventory: InventoryServiceClient::new(channel.clone()),
            shipping: ShippingServiceClient::new(channel.clone()),
            billing: BillingServiceClient::new(channel.clone()),
            approvals: ApprovalServiceClient::new(channel.clone()),
            returns: ReturnServiceClient::new(channel.clone()),
            feedback: FeedbackServiceClient::new(channel.clone()),
            changes: OrderChangeServiceClient::new(channel),
        })
    }

    pub(super) async fn create_location(&self, location: pb::StockLocation) -> Result<(), Status> {
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(location),
            request_id: String::new(),
            validate_only: false,
        };
        unless_there(self.inventory.clone().create_stock_location(by("clerk", request)).await.map(drop))
    }

    pub(super) async fn create_courier(&self, courier: pb::Courier) -> Result<(), Status> {
        let request = pb::CreateCourierRequest {
            courier: Some(courier),
            request_id: String::new(),
            validate_only: false,
        };
        unless_there(self.shipping.clone().create_courier(by("clerk", request)).await.map(drop))
    }

    pub(super) async fn create_product(&self, product: pb::Product) -> Result<(), Status> {
        let request = pb::CreateProductRequest {
            product: Some(product),
            request_id: String::new(),
            validate_only: false,
        };
        self.inventory.clone().create_product(by("clerk", request)).await.map(drop)
    }

    pub(super) async fn receive_stock(&self, sku: &str, location: &str, units: i64) -> Result<(), Status> {
        let request = pb::ReceiveStockRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            quantity: units,
            ..Default::default()
        };
        self.inventory.clone().receive_stock(by("warehouse", request)).await.map(drop)
    }

    pub(super) async fn create_order(&self, request: pb::CreateOrderRequest) -> Result<pb::Order, Status> {
        call!(self.orders, create_order, "storefront", request, order)
    }

    pub(super) async fn capture_payment(&self, order: &str) -> Result<pb::Payment, Status> {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::Card as i32,
            token: "tok_success".to_owned(),
            request_id: format!("bench-capture-{order}"),
            ..Default::default()
        };
        call!(self.billing, capture_payment, "storefront", request, payment)
    }

    pub(super) async fn order(&self, id: &str) -> Result<pb::Order, Status> {
        let request = pb::GetOrderRequest {
            key: Some(pb::get_order_request::Key::OrderId(id.to_owned())),
            ..Default::default()
        };
        call!(self.orders, get_order, "storefront", request, order)
    }

    pub(super) async fn timeline(&self, id: &str) -> Result<pb::OrderTimeline, Status> {
        let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
        let request = pb::GetOrderTimelineRequest { key };
        call!(self.orders, get_order_timeline, "storefront", request, timeline)
    }

    pub(super) async fn orders(&self, filter: String, page_size: i32) -> Result<Vec<pb::Order>, Status> {
        let request = pb::ListOrdersRequest { filter, page_size, ..Default::default() };
        Ok(self.orders.clone().list_orders(by("clerk", request)).await?.into_inner().orders)
    }

    pub(super) async fn shipments(
        &self,
        filter: String,
        page_size: i32,
    ) -> Result<Vec<pb::Shipment>, Status> {
        let request = pb::ListShipmentsRequest { filter, page_size, ..Default::default() };
        Ok(self.shipping.clone().list_shipments(by("warehouse", request)).await?.into_inner().shipments)
    }

    pub(super) async fn invoices(&self, filter: String, page_size: i32) -> Result<Vec<pb::Invoice>, Status> {
        let request = pb::ListInvoicesRequest { filter, page_size, ..Default::default() };
        Ok(self.billing.clone().list_invoices(by("finance", request)).await?.into_inner().invoices)
    }

    pub(super) async fn messages(
        &self,
        filter: String,
        page_size: i32,
    ) -> Result<Vec<pb::CustomerMessage>, Status> {
        let request = pb::ListMessagesRequest { filter, page_size, ..Default::default() };
        Ok(self.orders.clone().list_messages(by("clerk", request)).await?.into_inner().messages)
    }

    pub(super) async fn start_picking(&self, id: &str) -> Result<pb::Shipment, Status> {
        let request = pb::StartPickingRequest {
            shipment_id: id.to_owned(),
            request_id: format!("bench-start-{id}"),
            ..Default::default()
        };
        call!(self.shipping, start_picking, "warehouse", request, shipment)
    }

    pub(super) async fn record_pick(&self, shipment: &pb::Shipment) -> Result<pb::Shipment, Status> {
        let request = pb::RecordPickRequest {
            shipment_id: shipment.id.clone(),
            picks: all_units(shipment),
            request_id: format!("bench-pick-{}", shipment.id),
            ..Default::default()
        };
        call!(self.shipping, record_pick, "warehouse", request, shipment)
    }

    pub(super) async fn record_quality_check(&self, shipment: &pb::Shipment) -> Result<pb::Shipment, Status> {
        let checks = shipment.items.iter().map(|it| pb::LineCheck {
            line_number: it.line_number,
            passed: it.quantity,
            ..Default::default()
        });
        let request = pb::RecordQualityCheckRequest {
            shipment_id: shipment.id.clone(),
            checks: checks.collect(),
            request_id: format!("bench-check-{}", shipment.id),
            ..Default::default()
        };
        call!(self.shipping, record_quality_check, "warehouse", request, shipment)
    }

    pub(super) async fn pack_shipment(&self, shipment: &pb::Shipment) -> Result<pb::Shipment, Status> {
        let package = pb::Package {
            weight_grams: 1_400,
            length_mm: 400,
            width_mm: 300,
            height_mm: 200,
            contents: all_units(shipment),
            ..Default::default()
        };
        let request = pb::PackShipmentRequest {
            shipment_id: shipment.id.clone(),
            packages: vec![package],
            request_id: format!("bench-pack-{}", shipment.id),
            ..Default::default()
        };
        call!(self.shipping, pack_shipment, "warehouse", request, shipment)
    }

    pub(super) async fn create_shipping_label(&self, id: &str) -> Result<pb::Shipment, Status> {
        let request = pb::CreateShippingLabelRequest {
            shipment_id: id.to_owned(),
            request_id: format!("bench-label-{id}"),
            ..Default::default()
        };
        call!(self.shipping, create_shipping_label, "warehouse", request, shipment)
    }

    pub(super) async fn assign_courier(&self, id: &str, courier: &str) -> Result<pb::Shipment, Status> {
        let request = pb::AssignCourierRequest {
            shipment_id: id.to_owned(),
            courier: courier.to_owned(),
            request_id: format!("bench-assign-{id}"),
            ..Default::default()
        };
        call!(self.shipping, assign_courier, "warehouse", request, shipment)
    }

    pub(super) async fn confirm_pickup(&self, id: &str) -> Result<pb::Shipment, Status> {
        let request = pb::ConfirmPickupRequest {
            shipment_id: id.to_owned(),
            package_count: 1,
            driver: "driver 12".to_owned(),
            request_id: format!("bench-pickup-{id}"),
            ..Default::default()
        };
        call!(self.shipping, confirm_pickup, "warehouse", request, shipment)
    }

    pub(super) async fn confirm_delivery(&self, id: &str) -> Result<pb::Shipment, Status> {
        let proof = pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
        let request = pb::ConfirmDeliveryRequest {
            shipment_id: id.to_owned(),
            proof: Some(proof),
            request_id: format!("bench-deliver-{id}"),
            ..Default::default()
        };
        call!(self.shipping, confirm_delivery, "courier", request, shipment)
    }

    pub(super) async fn cancel_order(&self, id: &str) -> Result<pb::Order, Status> {
        let request = pb::CancelOrderRequest {
            order_id: id.to_owned(),
            reason: "the customer does not want it any more".to_owned(),
            request_id: format!("bench-cancel-{id}"),
            ..Default::default()
        };
        call!(self.orders, cancel_order, "clerk", request, order)
    }

    pub(super) async fn submit_feedback(&self, order: &str, rating: i32) -> Result<pb::Feedback, Status> {
        let request = pb::SubmitFeedbackRequest {
            order_id: order.to_owned(),
            delivery_rating: rating,
            product_rating: rating,
            comment: "as it was".to_owned(),
            request_id: format!("bench-feedback-{order}"),
            ..Default::default()
        };
        call!(self.feedback, submit_feedback, "storefront", request, feedback)
    }

    pub(super) async fn close_order(&self, id: &str) -> Result<pb::Order, Status> {
        let request = pb::CloseOrderRequest {
            order_id: id.to_owned(),
            request_id: format!("bench-close-{id}"),
            ..Default::default()
        };
        call!(self.orders, close_order, "clerk", request, order)
    }

    pub(super) async fn archive_order(&self, id: &str) -> Result<pb::Order, Status> {
        let request = pb::ArchiveOrderRequest { order_id: id.to_owned(), ..Default::default() };
        call!(self.orders, archive_order, "clerk", request, order)
    }

    pub(super) async fn record_tracking_event(
        &self,
        shipment: &str,
        event: pb::TrackingReport,
    ) -> Result<(), Status> {
        let request = pb::RecordTrackingEventsRequest {
            shipment_id: shipment.to_owned(),
            events: vec![event],
            ..Default::default()
        };
        self.shipping.clone().record_tracking_events(by("courier", request)).await.map(drop)
    }

    pub(super) async fn track(
        &self,
        shipment: &str,
        after: i64,
    ) -> Result<Streaming<pb::TrackShipmentResponse>, Status> {
        let request = pb::TrackShipmentRequest {
            shipment_id: shipment.to_owned(),
            after_sequence: after,
            ..Default::default()
        };
        self.shipping.clone().track_shipment(by("storefront", request)).await.map(tonic::Response::into_inner)
    }
}

fn all_units(shipment: &pb::Shipment) -> Vec<pb::LineUnits> {
    let units = |it: &pb::ShipmentItem| pb::LineUnits { line_number: it.line_number, quantity: it.quantity };
    shipment.items.iter().map(units).collect()
}

/// Places and couriers of an earlier run serve again.
fn unless_there(answer: Result<(), Status>) -> Result<(), Status> {
    match answer {
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        answer => answer,
    }
}
