//! Places an order, pays it, and prints its timeline: `cargo run --example place_order [ADDRESS]`.
//!
//! It calls a server that is up, such as `cargo run -- serve`, and makes a product of its own each time.

use std::error::Error;

use consign_api::billing_service_client::BillingServiceClient;
use consign_api::get_order_timeline_request::Key;
use consign_api::inventory_service_client::InventoryServiceClient;
use consign_api::order_service_client::OrderServiceClient;
use consign_api::{self as pb, Money};
use tonic::Request;
use tonic::transport::Endpoint;
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:50051".to_owned());
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut inventory = InventoryServiceClient::new(channel.clone());
    let mut orders = OrderServiceClient::new(channel.clone());
    let mut billing = BillingServiceClient::new(channel);

    // A product with a name that no earlier run has used, ten of it on a shelf.
    let run = Uuid::now_v7().simple().to_string();
    let (sku, location) = (format!("MUG-{run}"), format!("BERLIN-{run}"));
    let product = pb::Product {
        sku: sku.clone(),
        name: "Coffee mug".to_owned(),
        unit_price: Some(Money { currency_code: "EUR".to_owned(), units: 12, nanos: 500_000_000 }),
        ..Default::default()
    };
    let shelf = pb::StockLocation {
        location: location.clone(),
        name: "Berlin".to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    };
    let create = pb::CreateProductRequest { product: Some(product), ..Default::default() };
    inventory.create_product(by("clerk", create)).await?;
    let create = pb::CreateStockLocationRequest { stock_location: Some(shelf), ..Default::default() };
    inventory.create_stock_location(by("clerk", create)).await?;
    let receive = pb::ReceiveStockRequest { sku: sku.clone(), location, quantity: 10, ..Default::default() };
    inventory.receive_stock(by("warehouse", receive)).await?;

    // The request id makes the call safe to repeat: sent again, it answers with the same order.
    let draft = pb::OrderDraft {
        channel: pb::Channel::Online as i32,
        customer: Some(pb::Customer {
            name: "Ada Morris".to_owned(),
            email: "ada@example.com".to_owned(),
            ..Default::default()
        }),
        shipping_address: Some(pb::Address {
            street: vec!["Invalidenstraße 117".to_owned()],
            city: "Berlin".to_owned(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        }),
        lines: vec![pb::OrderLineDraft { sku, quantity: 2, ..Default::default() }],
        currency: "EUR".to_owned(),
        ..Default::default()
    };
    let create = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft),
        request_id: format!("order-{run}"),
        validate_only: false,
    };
    let order = orders.create_order(by("storefront", create)).await?.into_inner().order;
    let order = order.ok_or("CreateOrder answers with the order")?;
    println!("order {} waits for {}", order.number, order.waiting_for);

    // The sandbox provider says yes to this token.
    let capture = pb::CapturePaymentRequest {
        order_id: order.id.clone(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        request_id: format!("payment-{run}"),
        ..Default::default()
    };
    billing.capture_payment(by("storefront", capture)).await?;

    let ask = pb::GetOrderTimelineRequest { key: Some(Key::OrderId(order.id)) };
    let timeline = orders.get_order_timeline(by("storefront", ask)).await?.into_inner().timeline;
    for step in timeline.ok_or("GetOrderTimeline answers with the timeline")?.steps {
        let name = step.step().as_str_name().trim_start_matches("STEP_");
        let state = step.state().as_str_name().trim_start_matches("STEP_STATE_");
        println!("{:>2} {name:<20} {state}", step.step);
    }
    Ok(())
}

/// A request in an actor's name: the history keeps it.
fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("consign-actor", actor.parse().expect("a name in ASCII"));
    request
}
