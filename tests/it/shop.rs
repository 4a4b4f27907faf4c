//! What the tests sell: products, places, couriers and orders, in as few words as a test needs.

use consign::pb::{self, Money};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::server::Clients;

/// The one place of the region `EUROPE` that most tests need.
pub(crate) const LEIPZIG: &str = "DE-LEIPZIG";

/// A request in an actor's name.
pub(crate) fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("consign-actor", tonic::metadata::MetadataValue::from_static(actor));
    request
}

pub(crate) fn eur(minor: i64) -> Money {
    let nanos = i32::try_from(minor % 100).expect("less than 100") * 10_000_000;
    Money { currency_code: "EUR".to_owned(), units: minor / 100, nanos }
}

/// So many seconds from now, as near as whole seconds come.
pub(crate) fn in_seconds(seconds: i64) -> prost_types::Timestamp {
    let now = consign::clock::now().unix_micros() / 1_000_000;
    prost_types::Timestamp { seconds: now + seconds, nanos: 0 }
}

/// The `ErrorInfo.reason` of an error.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|it| it.reason).unwrap_or_default()
}

pub(crate) async fn open_location(server: &Clients, code: &str, region: &str, country: &str) {
    let location = pb::StockLocation {
        location: code.to_owned(),
        name: code.to_owned(),
        region: region.to_owned(),
        country: country.to_owned(),
        priority: 1,
        ..Default::default()
    };
    let request = pb::CreateStockLocationRequest {
        stock_location: Some(location),
        request_id: String::new(),
        validate_only: false,
    };
    let answer = server.inventory.clone().create_stock_location(by("clerk", request)).await;
    assert!(answer.is_ok() || answer.is_err_and(|it| it.code() == Code::AlreadyExists));
}

pub(crate) async fn create_product(server: &Clients, sku: &str, price_minor: i64) {
    let product = pb::Product {
        sku: sku.to_owned(),
        name: format!("product {sku}"),
        tax_category: "STANDARD".to_owned(),
        weight_grams: 400,
        unit_price: Some(eur(price_minor)),
        ..Default::default()
    };
    let request =
        pb::CreateProductRequest { product: Some(product), request_id: String::new(), validate_only: false };
    server.inventory.clone().create_product(by("clerk", request)).await.expect("a new product");
}

pub(crate) async fn receive(server: &Clients, sku: &str, location: &str, units: i64) {
    let request = pb::ReceiveStockRequest {
        sku: sku.to_owned(),
        location: location.to_owned(),
        quantity: units,
        ..Default::default()
    };
    server.inventory.clone().receive_stock(by("warehouse", request)).await.expect("goods arrive");
}

/// A product with stock in Leipzig.
pub(crate) async fn stocked(server: &Clients, sku: &str, units: i64) {
    open_location(server, LEIPZIG, "EUROPE", "DE").await;
    create_product(server, sku, 1_990).await;
    if units > 0 {
        receive(server, sku, LEIPZIG, units).await;
    }
}

/// A proposal for a shelf that is as good as empty, placed with the supplier.
pub(crate) async fn on_order(server: &Clients, sku: &str, expected: prost_types::Timestamp) -> String {
    let mut inventory = server.inventory.clone();
    let rule = pb::ReorderRule { reorder_point: 5, order_up_to: 20, lead_time_days: 14 };
    let request = pb::SetReorderRuleRequest {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(rule),
        ..Default::default()
    };
    inventory.set_reorder_rule(by("clerk", request)).await.expect("a rule");
    let filter = format!("state = PROPOSED AND sku = {sku}");
    let request = pb::ListReplenishmentsRequest { filter, ..Default::default() };
    let listed = inventory.list_replenishments(request).await;
    let proposal = listed.expect("a list").into_inner().replenishments.remove(0).id;
    let request =
        pb::ApproveReplenishmentRequest { replenishment_id: proposal.clone(), ..Default::default() };
    inventory.approve_replenishment(by("clerk", request)).await.expect("approved");
    let request = pb::PlaceReplenishmentRequest {
        replenishment_id: proposal.clone(),
        expected_time: Some(expected),
        ..Default::default()
    };
    inventory.place_replenishment(by("clerk", request)).await.expect("placed");
    proposal
}

/// The supplier names another day.
pub(crate) async fn expect_on(server: &Clients, replenishment: &str, expected: prost_types::Timestamp) {
    let request = pb::UpdateReplenishmentRequest {
        replenishment_id: replenishment.to_owned(),
        expected_time: Some(expected),
        update_mask: Some(prost_types::FieldMask { paths: vec!["expected_time".to_owned()] }),
        ..Default::default()
    };
    server.inventory.clone().update_replenishment(by("clerk", request)).await.expect("a new date");
}

pub(crate) async fn create_courier(server: &Clients) {
    create_courier_for(server, "swift", "Swift Parcel", 490).await;
}

/// A courier of Europe with a base price in cents.
pub(crate) async fn create_courier_for(server: &Clients, code: &str, name: &str, base: i64) {
    let rate = pb::CourierRate {
        service_level: pb::ServiceLevel::Standard as i32,
        base_price: Some(eur(base)),
        price_per_kg: Some(eur(50)),
        region: "EUROPE".to_owned(),
        transit_days: 2,
        ..Default::default()
    };
    let courier = pb::Courier {
        courier: code.to_owned(),
        name: name.to_owned(),
        rates: vec![rate],
        daily_cutoff: "16:00".to_owned(),
        pickup_weekdays: (1..=7).collect(),
        ..Default::default()
    };
    let request =
        pb::CreateCourierRequest { courier: Some(courier), request_id: String::new(), validate_only: false };
    server.shipping.clone().create_courier(by("clerk", request)).await.expect("a new courier");
}

/// An order of one line by a customer of its own.
pub(crate) fn draft(buyer: &str, sku: &str, quantity: i64) -> pb::OrderDraft {
    pb::OrderDraft {
        channel: pb::Channel::Online as i32,
        customer: Some(pb::Customer {
            name: format!("Buyer {buyer}"),
            email: format!("{buyer}@example.com"),
            ..Default::default()
        }),
        shipping_address: Some(pb::Address {
            recipient: format!("Buyer {buyer}"),
            street: vec!["Invalidenstraße 117".to_owned()],
            city: "Berlin".to_owned(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        }),
        currency: "EUR".to_owned(),
        lines: vec![pb::OrderLineDraft { sku: sku.to_owned(), quantity, ..Default::default() }],
        ..Default::default()
    }
}

pub(crate) async fn create_order(server: &Clients, draft: pb::OrderDraft) -> Result<pb::Order, Status> {
    let request = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft),
        request_id: String::new(),
        validate_only: false,
    };
    let answer = server.orders.clone().create_order(by("storefront", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

pub(crate) async fn order(server: &Clients, id: &str) -> pb::Order {
    let request = pb::GetOrderRequest {
        key: Some(pb::get_order_request::Key::OrderId(id.to_owned())),
        ..Default::default()
    };
    server
        .orders
        .clone()
        .get_order(request)
        .await
        .expect("the order is there")
        .into_inner()
        .order
        .expect("an order")
}

pub(crate) async fn level(server: &Clients, sku: &str) -> pb::StockLevel {
    let request = pb::GetStockLevelRequest { sku: sku.to_owned(), location: LEIPZIG.to_owned() };
    let answer = server.inventory.clone().get_stock_level(request).await.expect("the level is there");
    answer.into_inner().stock_level.expect("a level")
}

pub(crate) async fn pay_by_card(server: &Clients, order: &str, token: &str) -> Result<pb::Payment, Status> {
    let request = pb::CapturePaymentRequest {
        order_id: order.to_owned(),
        method: pb::PaymentMethod::Card as i32,
        token: token.to_owned(),
        ..Default::default()
    };
    let answer = server.billing.clone().capture_payment(by("storefront", request)).await?;
    Ok(answer.into_inner().payment.expect("a payment"))
}

/// The laws over the live database, asked for through the API: none may be broken.
pub(crate) async fn every_law_holds(server: &Clients) {
    let answer = server.orders.clone().check_integrity(pb::CheckIntegrityRequest::default()).await;
    let report = answer.expect("the check runs").into_inner().report.expect("a report");
    let broken: Vec<_> = report.laws.iter().filter(|it| it.broken > 0).collect();
    assert!(report.holds && broken.is_empty(), "{broken:#?}");
    assert!(report.laws.iter().map(|it| it.checked).sum::<i64>() > 0, "the check looked at nothing");
}
