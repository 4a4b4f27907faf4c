//! Products of a run, and orders for them, each by a customer of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;

use super::caller::Caller;
use super::error::BenchError;
use crate::client::Refused;
use crate::pb::{self, Money};

/// The locations of the stock.
pub(super) const LOCATION: &str = "DE-BENCH";
/// The courier.
pub(super) const COURIER: &str = "bench-courier";
/// Products on sale, `B-RUN-0` and so on.
pub(super) const PRODUCTS: usize = 200;
/// Units of each: more than a run can sell.
const AMPLE: i64 = 1_000_000;

/// The products of one run, told apart from those of other runs against the same server by the run's code.
pub(super) struct Catalogue {
    run: String,
    skus: Vec<String>,
    /// Numbers that each customer and each further product gets its own of.
    numbers: AtomicU64,
}

/// How a customer can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Letters are sent.
    Email,
    /// No letter can be sent: the order costs nothing any more once it is stored.
    PhoneOnly,
}

impl Catalogue {
    /// Puts products on sale, with stock that no run can use up.
    pub(super) async fn open(caller: &Caller, run: &str) -> Result<Self, BenchError> {
        open_places(caller).await?;

        let skus: Vec<String> = (0..PRODUCTS).map(|it| format!("B-{run}-{it}")).collect();
        let mut stocking = JoinSet::new();
        for (sku, index) in skus.iter().cloned().zip(0..) {
            let caller = caller.clone();
            stocking.spawn(async move {
                // 5.00 to 69.90: two of them stay far below what policy approves by itself.
                put_on_sale(&caller, &sku, 500 + index % 60 * 110, AMPLE).await
            });
        }
        while let Some(stocked) = stocking.join_next().await {
            stocked.map_err(|it| BenchError::Wrong(it.to_string()))??;
        }
        Ok(Self { run: run.to_owned(), skus, numbers: AtomicU64::new(0) })
    }

    /// One more product, of which there is so much.
    pub(super) async fn offer(&self, caller: &Caller, units: i64) -> Result<String, BenchError> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let sku = format!("B-{}-FLASH-{number}", self.run);
        put_on_sale(caller, &sku, 1_990, units).await?;
        Ok(sku)
    }

    /// An order for one unit each of two different products.
    pub(super) fn order_for_two(&self, reach: Reach) -> pb::CreateOrderRequest {
        let count = self.skus.len();
        let one = fastrand::usize(..count);
        let other = (one + fastrand::usize(1..count)) % count;
        let lines = [one, other].into_iter().filter_map(|it| self.skus.get(it)).map(String::as_str);
        self.order(lines, reach)
    }

    /// An order for one unit of each of these products, by a new customer.
    pub(super) fn order<'a>(
        &self,
        skus: impl IntoIterator<Item = &'a str>,
        reach: Reach,
    ) -> pb::CreateOrderRequest {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let name = format!("Customer {number}");
        let (email, phone) = match reach {
            Reach::Email => {
                (format!("customer-{number}@{}.example.com", self.run.to_lowercase()), String::new())
            }
            Reach::PhoneOnly => (String::new(), format!("+4930{:08}", 10_000_000 + number % 89_999_999)),
        };
        let address = pb::Address {
            recipient: name.clone(),
            street: vec![format!("Invalidenstraße {}", 1 + number % 160)],
            city: "Berlin".to_owned(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        };
        let lines = skus.into_iter().map(|it| pb::OrderLineDraft {
            sku: it.to_owned(),
            quantity: 1,
            ..Default::default()
        });
        let draft = pb::OrderDraft {
            channel: pb::Channel::Online as i32,
            external_reference: format!("bench-{}-{number}", self.run),
            customer: Some(pb::Customer { name, email, phone, ..Default::default() }),
            shipping_address: Some(address),
            currency: "EUR".to_owned(),
            lines: lines.collect(),
            ..Default::default()
        };
        pb::CreateOrderRequest {
            reservation_id: String::new(),
            order: Some(draft),
            request_id: format!("bench-create-{}-{number}", self.run),
            validate_only: false,
        }
    }
}

async fn open_places(caller: &Caller) -> Result<(), BenchError> {
    let location = pb::StockLocation {
        location: LOCATION.to_owned(),
        name: "Where the bench's stock lies".to_owned(),
        region: "EUROPE".to_owned(),
        country: "DE".to_owned(),
        priority: 1,
        ..Default::default()
    };
    caller.create_location(location).await.map_err(refused("CreateStockLocation"))?;

    let rate = pb::CourierRate {
        region: "EUROPE".to_owned(),
        service_level: pb::ServiceLevel::Standard as i32,
        base_price: Some(eur(490)),
        price_per_kg: Some(eur(50)),
        transit_days: 2,
        ..Default::default()
    };
    let courier = pb::Courier {
        courier: COURIER.to_owned(),
        name: "The bench's courier".to_owned(),
        rates: vec![rate],
        daily_cutoff: "16:00".to_owned(),
        pickup_weekdays: (1..=7).collect(),
        ..Default::default()
    };
    caller.create_courier(courier).await.map_err(refused("CreateCourier"))
}

async fn put_on_sale(caller: &Caller, sku: &str, price_minor: i64, units: i64) -> Result<(), BenchError> {
    let product = pb::Product {
        sku: sku.to_owned(),
        name: format!("Product {sku}"),
        tax_category: "STANDARD".to_owned(),
        weight_grams: 600,
        unit_price: Some(eur(price_minor)),
        ..Default::default()
    };
    caller.create_product(product).await.map_err(refused("CreateProduct"))?;
    caller.receive_stock(sku, LOCATION, units).await.map_err(refused("ReceiveStock"))
}

pub(super) fn refused(call: &'static str) -> impl FnOnce(tonic::Status) -> BenchError {
    move |status| BenchError::Refused(Refused { call, status: Box::new(status) })
}

fn eur(minor: i64) -> Money {
    let nanos = i32::try_from(minor % 100).unwrap_or(0) * 10_000_000;
    Money { currency_code: "EUR".to_owned(), units: minor / 100, nanos }
}
