//! The demo's side of the API: typed calls, each as the person or system that would make it.

use std::time::{Duration, Instant};

use tonic::Streaming;
use tonic::transport::Channel;

use super::error::DemoError;
use super::{PATIENCE, sample};
use crate::client::{Refused, by, connect};
use crate::pb::{self, Money};

pub(super) struct Client {
    orders: pb::order_service_client::OrderServiceClient<Channel>,
    inventory: pb::inventory_service_client::InventoryServiceClient<Channel>,
    shipping: pb::shipping_service_client::ShippingServiceClient<Channel>,
    billing: pb::billing_service_client::BillingServiceClient<Channel>,
    approvals: pb::approval_service_client::ApprovalServiceClient<Channel>,
    run: String,
}

/// Makes a call and takes one field out of its answer.
macro_rules! call {
    ($client:expr, $method:ident, $actor:literal, $message:expr) => {
        $client.$method(by($actor, $message)).await.map(|it| it.into_inner()).map_err(|status| {
            DemoError::Refused(Refused { call: stringify!($method), status: Box::new(status) })
        })
    };
    ($client:expr, $method:ident, $actor:literal, $message:expr, $field:ident) => {
        call!($client, $method, $actor, $message)?
            .$field
            .ok_or_else(|| DemoError::Wrong(concat!(stringify!($method), " answered nothing").to_owned()))
    };
}

impl Client {
    pub(super) async fn connect(target: &str, run: &str) -> Result<Self, DemoError> {
        let channel = connect(target).await?;
        Ok(Self {
            orders: pb::order_service_client::OrderServiceClient::new(channel.clone()),
            inventory: pb::inventory_service_client::InventoryServiceClient::new(channel.clone()),
            shipping: pb::shipping_service_client::ShippingServiceClient::new(channel.clone()),
            billing: pb::billing_service_client::BillingServiceClient::new(channel.clone()),
            approvals: pb::approval_service_client::ApprovalServiceClient::new(channel),
            run: run.to_owned(),
        })
    }

    pub(super) async fn create_product(
        &mut self,
        product: &sample::Product,
        sku: &str,
    ) -> Result<(), DemoError> {
        let message = pb::Product {
            sku: sku.to_owned(),
            name: product.name.clone(),
            tax_category: product.tax_category.clone(),
            weight_grams: product.weight_grams,
            prices: prices(product),
            ..Default::default()
        };
        let request = pb::CreateProductRequest { product: Some(message), request_id: String::new() };
        call!(self.inventory, create_product, "clerk", request).map(|_| ())
    }

    pub(super) async fn correct_prices(
        &mut self,
        product: &sample::Product,
        sku: &str,
    ) -> Result<(), DemoError> {
        let message = pb::Product { sku: sku.to_owned(), prices: prices(product), ..Default::default() };
        let request = pb::UpdateProductRequest {
            product: Some(message),
            update_mask: Some(prost_types::FieldMask { paths: vec!["prices".to_owned()] }),
            ..Default::default()
        };
        call!(self.inventory, update_product, "clerk", request).map(|_| ())
    }

    /// Locations and couriers of an earlier run serve again.
    pub(super) async fn create_location(&mut self, location: &sample::Location) -> Result<(), DemoError> {
        let message = pb::StockLocation {
            location: location.code.clone(),
            name: location.name.clone(),
            region: location.region.clone(),
            country: location.country.clone(),
            address: Some(address(&location.address)),
            priority: location.priority,
            time_zone: location.time_zone.clone(),
            working_hours: (1..=5).map(|day| working_hours(day, &location.hours)).collect(),
            ..Default::default()
        };
        let request =
            pb::CreateStockLocationRequest { stock_location: Some(message), request_id: String::new() };
        unless_there(call!(self.inventory, create_stock_location, "clerk", request).map(|_| ()))
    }

    pub(super) async fn create_courier(
        &mut self,
        courier: &sample::Courier,
        locations: &[sample::Location],
    ) -> Result<(), DemoError> {
        let mut regions: Vec<String> = locations.iter().map(|it| it.region.clone()).collect();
        regions.sort();
        regions.dedup();
        let mut rates = Vec::new();
        for rate in &courier.rates {
            for ((currency, base), region) in
                rate.base.iter().flat_map(|it| regions.iter().map(move |to| (it, to)))
            {
                let per_kg = rate.per_kg.get(currency).copied().unwrap_or(0);
                rates.push(pb::CourierRate {
                    region: region.clone(),
                    service_level: word(&rate.service, "SERVICE_LEVEL", pb::ServiceLevel::from_str_name)
                        as i32,
                    base_price: Some(amount(currency, *base)),
                    price_per_kg: Some(amount(currency, per_kg)),
                    transit_days: rate.days,
                    ..Default::default()
                });
            }
        }
        let message = pb::Courier {
            courier: courier.code.clone(),
            name: courier.name.clone(),
            rates,
            daily_cutoff: courier.cutoff.clone(),
            time_zone: courier.time_zone.clone(),
            pickup_weekdays: (1..=7).collect(),
            delivery_weekdays: courier.delivers.clone(),
            ..Default::default()
        };
        let request = pb::CreateCourierRequest { courier: Some(message), request_id: String::new() };
        unless_there(call!(self.shipping, create_courier, "clerk", request).map(|_| ()))
    }

    pub(super) async fn receive_stock(
        &mut self,
        sku: &str,
        location: &str,
        units: i64,
    ) -> Result<(), DemoError> {
        let request = pb::ReceiveStockRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            quantity: units,
            note: format!("delivery note {}", self.run),
            ..Default::default()
        };
        call!(self.inventory, receive_stock, "warehouse", request).map(|_| ())
    }

    pub(super) async fn set_reorder_rule(
        &mut self,
        sku: &str,
        location: &str,
        point: i64,
        up_to: i64,
    ) -> Result<(), DemoError> {
        let rule = pb::ReorderRule { reorder_point: point, order_up_to: up_to, lead_time_days: 7 };
        let request = pb::SetReorderRuleRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            rule: Some(rule),
            ..Default::default()
        };
        call!(self.inventory, set_reorder_rule, "clerk", request).map(|_| ())
    }

    pub(super) async fn create_order(
        &mut self,
        wish: &sample::Order,
        reference: &str,
    ) -> Result<pb::Order, DemoError> {
        let lines = wish.lines.iter().map(|(sku, quantity)| pb::OrderLineDraft {
            sku: sku.clone(),
            quantity: *quantity,
            ..Default::default()
        });
        let discount = (wish.discount_ppm > 0)
            .then_some(pb::Discount { value: Some(pb::discount::Value::RatePpm(wish.discount_ppm)) });
        let draft = pb::OrderDraft {
            channel: word(&wish.channel, "CHANNEL", pb::Channel::from_str_name) as i32,
            external_reference: reference.to_owned(),
            customer: Some(customer(&wish.customer)),
            shipping_address: Some(recipient(wish)),
            lines: lines.collect(),
            currency: wish.currency.clone(),
            special_instructions: wish.instructions.clone(),
            shipping_service: word(&wish.service, "SERVICE_LEVEL", pb::ServiceLevel::from_str_name) as i32,
            on_shortage: match wish.story {
                sample::Story::Waits => pb::OnShortage::Wait as i32,
                _ => pb::OnShortage::Refuse as i32,
            },
            discount,
            requested_delivery_time: wish.within_hours.map(|it| from_now(it * 3_600)),
            on_late: wish.within_hours.map_or(0, |_| pb::OnLate::Refuse as i32),
            ..Default::default()
        };
        let request =
            pb::CreateOrderRequest { order: Some(draft), request_id: format!("{reference}-create") };
        call!(self.orders, create_order, "storefront", request, order)
    }

    pub(super) async fn order(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::GetOrderRequest {
            key: Some(pb::get_order_request::Key::OrderId(id.to_owned())),
            ..Default::default()
        };
        call!(self.orders, get_order, "storefront", request, order)
    }

    /// Reads the order again and again until it is as wanted.
    pub(super) async fn until(
        &mut self,
        id: &str,
        what: &str,
        wanted: impl Fn(&pb::Order) -> bool,
    ) -> Result<pb::Order, DemoError> {
        let started = Instant::now();
        loop {
            let order = self.order(id).await?;
            if wanted(&order) {
                return Ok(order);
            }
            if started.elapsed() > PATIENCE {
                return Err(DemoError::Wrong(format!("waited {} s in vain for {what}", PATIENCE.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The letter of this kind about an order, once it is sent.
    pub(super) async fn letter(&mut self, order: &str, kind: &str) -> Result<pb::CustomerMessage, DemoError> {
        let filter = format!("order_id = {order} AND kind = {kind} AND state = SENT");
        let started = Instant::now();
        loop {
            let request = pb::ListMessagesRequest { filter: filter.clone(), ..Default::default() };
            let mut found = call!(self.orders, list_messages, "support", request)?.messages;
            if let Some(letter) = found.pop() {
                return Ok(letter);
            }
            if started.elapsed() > PATIENCE {
                return Err(DemoError::Wrong(format!("no letter {kind} about {order}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn correct_address(
        &mut self,
        id: &str,
        wish: &sample::Order,
    ) -> Result<pb::Order, DemoError> {
        let draft = pb::OrderDraft { shipping_address: Some(recipient(wish)), ..Default::default() };
        let request = pb::UpdateOrderRequest {
            order_id: id.to_owned(),
            order: Some(draft),
            update_mask: Some(prost_types::FieldMask { paths: vec!["shipping_address".to_owned()] }),
            ..Default::default()
        };
        call!(self.orders, update_order, "clerk", request, order)
    }

    pub(super) async fn verify(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::VerifyOrderRequest { order_id: id.to_owned(), ..Default::default() };
        call!(self.orders, verify_order, "clerk", request, order)
    }

    pub(super) async fn approve(&mut self, id: &str) -> Result<pb::Approval, DemoError> {
        let request = pb::ApproveRequestRequest {
            approval_id: id.to_owned(),
            comment: "known customer".to_owned(),
            ..Default::default()
        };
        call!(self.approvals, approve_request, "amira", request, approval)
    }

    pub(super) async fn capture(&mut self, order: &str, method: &str) -> Result<pb::Payment, DemoError> {
        let request = pb::CapturePaymentRequest {
            order_id: order.to_owned(),
            method: word(method, "PAYMENT_METHOD", pb::PaymentMethod::from_str_name) as i32,
            token: "tok_success".to_owned(),
            request_id: format!("capture-{order}"),
            ..Default::default()
        };
        call!(self.billing, capture_payment, "storefront", request, payment)
    }

    pub(super) async fn record_transfer(
        &mut self,
        order: &str,
        reference: &str,
    ) -> Result<pb::Payment, DemoError> {
        let request = pb::RecordPaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::BankTransfer as i32,
            reference: format!("{reference}-{}", self.run),
            ..Default::default()
        };
        call!(self.billing, record_payment, "finance", request, payment)
    }

    pub(super) async fn record_cash(
        &mut self,
        order: &str,
        tendered: Money,
    ) -> Result<pb::Payment, DemoError> {
        let request = pb::RecordPaymentRequest {
            order_id: order.to_owned(),
            method: pb::PaymentMethod::Cash as i32,
            tendered: Some(tendered),
            ..Default::default()
        };
        call!(self.billing, record_payment, "clerk", request, payment)
    }

    pub(super) async fn cancel(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::CancelOrderRequest {
            order_id: id.to_owned(),
            reason: "the customer changed their mind".to_owned(),
            ..Default::default()
        };
        call!(self.orders, cancel_order, "clerk", request, order)
    }

    pub(super) async fn start_picking(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let request = pb::StartPickingRequest { shipment_id: id.to_owned(), ..Default::default() };
        call!(self.shipping, start_picking, "warehouse", request, shipment)
    }

    pub(super) async fn pick_all(&mut self, shipment: &pb::Shipment) -> Result<pb::Shipment, DemoError> {
        let picks = shipment
            .items
            .iter()
            .map(|it| pb::LineUnits { line_number: it.line_number, quantity: it.quantity });
        let request = pb::RecordPickRequest {
            shipment_id: shipment.id.clone(),
            picks: picks.collect(),
            ..Default::default()
        };
        call!(self.shipping, record_pick, "warehouse", request, shipment)
    }

    pub(super) async fn check_all(&mut self, shipment: &pb::Shipment) -> Result<pb::Shipment, DemoError> {
        let checks = shipment.items.iter().map(|it| pb::LineCheck {
            line_number: it.line_number,
            passed: it.quantity,
            ..Default::default()
        });
        let request = pb::RecordQualityCheckRequest {
            shipment_id: shipment.id.clone(),
            checks: checks.collect(),
            ..Default::default()
        };
        call!(self.shipping, record_quality_check, "warehouse", request, shipment)
    }

    pub(super) async fn pack(&mut self, shipment: &pb::Shipment) -> Result<pb::Shipment, DemoError> {
        let contents = shipment
            .items
            .iter()
            .map(|it| pb::LineUnits { line_number: it.line_number, quantity: it.quantity });
        let package = pb::Package {
            weight_grams: 2_400,
            length_mm: 400,
            width_mm: 300,
            height_mm: 250,
            contents: contents.collect(),
            ..Default::default()
        };
        let request = pb::PackShipmentRequest {
            shipment_id: shipment.id.clone(),
            packages: vec![package],
            ..Default::default()
        };
        call!(self.shipping, pack_shipment, "warehouse", request, shipment)
    }

    pub(super) async fn label(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let request = pb::CreateShippingLabelRequest { shipment_id: id.to_owned(), ..Default::default() };
        call!(self.shipping, create_shipping_label, "warehouse", request, shipment)
    }

    pub(super) async fn assign_courier(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let request = pb::AssignCourierRequest { shipment_id: id.to_owned(), ..Default::default() };
        call!(self.shipping, assign_courier, "warehouse", request, shipment)
    }

    pub(super) async fn pick_up(&mut self, shipment: &pb::Shipment) -> Result<pb::Shipment, DemoError> {
        let request = pb::ConfirmPickupRequest {
            shipment_id: shipment.id.clone(),
            package_count: i32::try_from(shipment.packages.len()).unwrap_or(i32::MAX),
            driver: "driver 12".to_owned(),
            ..Default::default()
        };
        call!(self.shipping, confirm_pickup, "warehouse", request, shipment)
    }

    /// Follows a shipment as a customer's page would, in a task of its own.
    pub(super) async fn follow(&mut self, id: &str) -> Result<Followed, DemoError> {
        let request = pb::TrackShipmentRequest { shipment_id: id.to_owned(), ..Default::default() };
        let stream = call!(self.shipping, track_shipment, "storefront", request)?;
        Ok(Followed(tokio::spawn(follow_to_the_end(stream))))
    }

    pub(super) async fn record(
        &mut self,
        courier: &str,
        tracking_number: &str,
        events: Vec<pb::TrackingReport>,
    ) -> Result<pb::RecordTrackingEventsResponse, DemoError> {
        let request = pb::RecordTrackingEventsRequest {
            courier: courier.to_owned(),
            tracking_number: tracking_number.to_owned(),
            events,
            ..Default::default()
        };
        call!(self.shipping, record_tracking_events, "courier", request)
    }

    pub(super) async fn deliver(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let proof = pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
        let request = pb::ConfirmDeliveryRequest {
            shipment_id: id.to_owned(),
            proof: Some(proof),
            ..Default::default()
        };
        call!(self.shipping, confirm_delivery, "courier", request, shipment)
    }

    pub(super) async fn feedback(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::SubmitFeedbackRequest {
            order_id: id.to_owned(),
            delivery_rating: 5,
            product_rating: 4,
            comment: "Arrived well packed.".to_owned(),
            ..Default::default()
        };
        call!(self.orders, submit_feedback, "storefront", request, order)
    }

    pub(super) async fn close(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let request = pb::CloseOrderRequest { order_id: id.to_owned(), ..Default::default() };
        call!(self.orders, close_order, "clerk", request, order)
    }

    /// Archives as soon as the last message to the customer is sent.
    pub(super) async fn archive(&mut self, id: &str) -> Result<pb::Order, DemoError> {
        let started = Instant::now();
        loop {
            let request = pb::ArchiveOrderRequest { order_id: id.to_owned(), ..Default::default() };
            match call!(self.orders, archive_order, "clerk", request) {
                Err(DemoError::Refused(Refused { status, .. }))
                    if status.code() == tonic::Code::FailedPrecondition && started.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => {
                    let archived = answer?.order;
                    return archived
                        .ok_or_else(|| DemoError::Wrong("archive_order answered nothing".to_owned()));
                }
            }
        }
    }

    pub(super) async fn timeline(&mut self, id: &str) -> Result<pb::OrderTimeline, DemoError> {
        let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
        let request = pb::GetOrderTimelineRequest { key };
        call!(self.orders, get_order_timeline, "storefront", request, timeline)
    }

    pub(super) async fn check_integrity(&mut self) -> Result<pb::IntegrityReport, DemoError> {
        call!(self.orders, check_integrity, "clerk", pb::CheckIntegrityRequest::default(), report)
    }
}

fn prices(product: &sample::Product) -> Vec<pb::ProductPrice> {
    let all = product.prices.iter().map(|(currency, minor)| amount(currency, *minor));
    all.map(|it| pb::ProductPrice { price: Some(it), valid_from: None }).collect()
}

fn unless_there(answer: Result<(), DemoError>) -> Result<(), DemoError> {
    match answer {
        Err(DemoError::Refused(Refused { status, .. })) if status.code() == tonic::Code::AlreadyExists => {
            Ok(())
        }
        answer => answer,
    }
}

/// A shipment being followed.
pub(super) struct Followed(tokio::task::JoinHandle<Result<Vec<String>, tonic::Status>>);

impl Followed {
    /// The events of the stream, once it has ended by itself.
    pub(super) async fn finish(self) -> Result<Vec<String>, DemoError> {
        let ended = tokio::time::timeout(PATIENCE, self.0).await;
        let seen =
            ended.map_err(|_| DemoError::Wrong("the stream did not end after the delivery".to_owned()))?;
        let seen = seen.map_err(|it| DemoError::Wrong(it.to_string()))?;
        seen.map_err(|status| {
            DemoError::Refused(Refused { call: "track_shipment", status: Box::new(status) })
        })
    }
}

async fn follow_to_the_end(
    mut stream: Streaming<pb::TrackShipmentResponse>,
) -> Result<Vec<String>, tonic::Status> {
    let mut seen = Vec::new();
    while let Some(message) = stream.message().await? {
        if let Some(pb::track_shipment_response::Update::Event(event)) = message.update {
            seen.push(event_word(&event));
        }
    }
    Ok(seen)
}

pub(super) fn event_word(event: &pb::TrackingEvent) -> String {
    event.status().as_str_name().trim_start_matches("TRACKING_STATUS_").to_owned()
}

pub(super) fn state_word(order: &pb::Order) -> &'static str {
    order.state().as_str_name().trim_start_matches("ORDER_STATE_")
}

fn word<E: Default>(text: &str, prefix: &str, read: fn(&str) -> Option<E>) -> E {
    read(&format!("{prefix}_{text}")).unwrap_or_default()
}

fn customer(customer: &sample::Customer) -> pb::Customer {
    pb::Customer {
        name: customer.name.clone(),
        email: customer.email.clone(),
        phone: customer.phone.clone(),
        ..Default::default()
    }
}

fn recipient(wish: &sample::Order) -> pb::Address {
    pb::Address { recipient: wish.customer.name.clone(), ..address(&wish.address) }
}

fn address(sample: &sample::Address) -> pb::Address {
    pb::Address {
        street: sample.street.clone(),
        city: sample.city.clone(),
        state: sample.state.clone(),
        postal_code: sample.postal_code.clone(),
        country: sample.country.clone(),
        ..Default::default()
    }
}

/// Every currency of the sample data has two decimals.
pub(super) fn amount(currency: &str, minor: i64) -> Money {
    let nanos = i32::try_from(minor % 100).unwrap_or(0) * 10_000_000;
    Money { currency_code: currency.to_owned(), units: minor / 100, nanos }
}

pub(super) fn money(money: &Money) -> String {
    format!("{} {}.{:02}", money.currency_code, money.units, money.nanos / 10_000_000)
}

/// The next round note a customer might hand over.
pub(super) fn rounded_up(due: &Money) -> Money {
    Money { currency_code: due.currency_code.clone(), units: (due.units / 50 + 1) * 50, nanos: 0 }
}

/// Four characters that tell this run from others.
pub(super) fn run_code() -> String {
    std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(5).collect()
}

pub(super) fn from_now(seconds: i64) -> prost_types::Timestamp {
    let now = crate::clock::now().unix_micros() / 1_000_000;
    prost_types::Timestamp { seconds: now + seconds, nanos: 0 }
}

fn working_hours(weekday: i32, [opens, closes]: &[String; 2]) -> pb::WorkingHours {
    pb::WorkingHours { weekday, opens: opens.clone(), closes: closes.clone() }
}
