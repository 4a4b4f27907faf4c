//! Products, locations, couriers and what is on the shelves.

use super::words::{address, amount, word, working_hours};
use super::{Client, unless_there};
use crate::client::{Refused, by};
use crate::demo::error::DemoError;
use crate::demo::sample;
use crate::pb;

impl Client {
    pub(in crate::demo) async fn create_product(
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
        let request = pb::CreateProductRequest {
            product: Some(message),
            request_id: String::new(),
            validate_only: false,
        };
        call!(self.inventory, create_product, "clerk", request).map(|_| ())
    }

    /// The answers to all rows, and the summary.
    pub(in crate::demo) async fn import_products(
        &mut self,
        rows: impl futures_util::Stream<Item = pb::ImportProductsRequest> + Send + 'static,
    ) -> Result<Vec<pb::import_products_response::Answer>, DemoError> {
        let mut answers = call!(self.imports, import_products, "import", rows)?;
        let refused =
            |status| DemoError::Refused(Refused { call: "import_products", status: Box::new(status) });
        let mut all = Vec::new();
        while let Some(answer) = answers.message().await.map_err(refused)? {
            all.extend(answer.answer);
        }
        Ok(all)
    }

    pub(in crate::demo) async fn correct_prices(
        &mut self,
        product: &sample::Product,
        sku: &str,
    ) -> Result<pb::Product, DemoError> {
        let message = pb::Product { sku: sku.to_owned(), prices: prices(product), ..Default::default() };
        let request = pb::UpdateProductRequest {
            product: Some(message),
            update_mask: Some(prost_types::FieldMask { paths: vec!["prices".to_owned()] }),
            ..Default::default()
        };
        call!(self.inventory, update_product, "clerk", request, product)
    }

    /// So many ppm off, once for each customer.
    pub(in crate::demo) async fn create_discount_code(
        &mut self,
        code: &str,
        rate_ppm: i32,
    ) -> Result<pb::DiscountCode, DemoError> {
        let value = Some(pb::discount::Value::RatePpm(rate_ppm));
        let discount_code = pb::DiscountCode {
            code: code.to_owned(),
            discount: Some(pb::Discount { value }),
            uses_per_customer_max: 1,
            ..Default::default()
        };
        let request = pb::CreateDiscountCodeRequest {
            discount_code: Some(discount_code),
            request_id: String::new(),
            validate_only: false,
        };
        call!(self.discounts, create_discount_code, "marketing", request, discount_code)
    }

    pub(in crate::demo) async fn discount_code(&mut self, code: &str) -> Result<pb::DiscountCode, DemoError> {
        let request = pb::GetDiscountCodeRequest { code: code.to_owned() };
        call!(self.discounts, get_discount_code, "marketing", request, discount_code)
    }

    /// Locations and couriers of an earlier run serve again.
    pub(in crate::demo) async fn create_location(
        &mut self,
        location: &sample::Location,
    ) -> Result<(), DemoError> {
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
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(message),
            request_id: String::new(),
            validate_only: false,
        };
        unless_there(call!(self.inventory, create_stock_location, "clerk", request).map(|_| ()))
    }

    pub(in crate::demo) async fn create_courier(
        &mut self,
        courier: &sample::Courier,
        locations: &[sample::Location],
    ) -> Result<(), DemoError> {
        let served =
            locations.iter().filter(|it| courier.regions.is_empty() || courier.regions.contains(&it.region));
        let mut regions: Vec<String> = served.map(|it| it.region.clone()).collect();
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
        let request = pb::CreateCourierRequest {
            courier: Some(message),
            request_id: String::new(),
            validate_only: false,
        };
        unless_there(call!(self.shipping, create_courier, "clerk", request).map(|_| ()))
    }

    pub(in crate::demo) async fn receive_stock(
        &mut self,
        sku: &str,
        location: &str,
        units: i64,
    ) -> Result<pb::StockLevel, DemoError> {
        let request = pb::ReceiveStockRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            quantity: units,
            note: format!("delivery note {}", self.run),
            ..Default::default()
        };
        call!(self.inventory, receive_stock, "warehouse", request, stock_level)
    }

    /// Its units are kept by lots from now on.
    pub(in crate::demo) async fn track_lots(&mut self, sku: &str) -> Result<(), DemoError> {
        let product = pb::Product { sku: sku.to_owned(), tracks_lots: true, ..Default::default() };
        let request = pb::UpdateProductRequest {
            product: Some(product),
            update_mask: Some(prost_types::FieldMask { paths: vec!["tracks_lots".to_owned()] }),
            ..Default::default()
        };
        call!(self.inventory, update_product, "clerk", request).map(|_| ())
    }

    /// Units of a lot, which may be used until the last day of a year.
    pub(in crate::demo) async fn receive_lot(
        &mut self,
        sku: &str,
        location: &str,
        (lot, units): (&str, i64),
        year: i32,
    ) -> Result<(), DemoError> {
        let request = pb::ReceiveStockRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            quantity: units,
            note: format!("delivery note {}", self.run),
            lot: lot.to_owned(),
            expire_date: Some(pb::Date { year, month: 12, day: 31 }),
            ..Default::default()
        };
        call!(self.inventory, receive_stock, "warehouse", request).map(|_| ())
    }

    pub(in crate::demo) async fn count_stock(
        &mut self,
        sku: &str,
        location: &str,
        units: i64,
    ) -> Result<pb::CountStockResponse, DemoError> {
        let request = pb::CountStockRequest {
            sku: sku.to_owned(),
            location: location.to_owned(),
            counted: Some(units),
            note: format!("count sheet {}", self.run),
            ..Default::default()
        };
        call!(self.inventory, count_stock, "warehouse", request)
    }

    pub(in crate::demo) async fn plan_allocation(
        &mut self,
        wish: &sample::Order,
    ) -> Result<pb::PlanAllocationResponse, DemoError> {
        let line = |(sku, quantity): (&String, &i64)| pb::StockLine { sku: sku.clone(), quantity: *quantity };
        let country = pb::plan_allocation_request::Destination::Country(wish.address.country.clone());
        let request = pb::PlanAllocationRequest {
            lines: wish.lines.iter().map(line).collect(),
            destination: Some(country),
            postal_code: wish.address.postal_code.clone(),
            currency: wish.currency.clone(),
            ..Default::default()
        };
        call!(self.inventory, plan_allocation, "storefront", request)
    }

    pub(in crate::demo) async fn set_reorder_rule(
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

    /// What is proposed to be bought of a product for a location.
    pub(in crate::demo) async fn proposals(
        &mut self,
        sku: &str,
        location: &str,
    ) -> Result<Vec<pb::Replenishment>, DemoError> {
        let filter = format!("sku = {sku} AND location = {location} AND state = PROPOSED");
        let request = pb::ListReplenishmentsRequest { filter, ..Default::default() };
        Ok(call!(self.inventory, list_replenishments, "buyer", request)?.replenishments)
    }

    pub(in crate::demo) async fn courier(&mut self, code: &str) -> Result<pb::Courier, DemoError> {
        let request = pb::GetCourierRequest { courier: code.to_owned() };
        call!(self.shipping, get_courier, "clerk", request, courier)
    }

    pub(in crate::demo) async fn reactivate_courier(&mut self, code: &str) -> Result<pb::Courier, DemoError> {
        let request = pb::ReactivateCourierRequest { courier: code.to_owned(), ..Default::default() };
        call!(self.shipping, reactivate_courier, "clerk", request, courier)
    }

    pub(in crate::demo) async fn deactivate_courier(&mut self, code: &str) -> Result<pb::Courier, DemoError> {
        let request = pb::DeactivateCourierRequest { courier: code.to_owned(), ..Default::default() };
        call!(self.shipping, deactivate_courier, "clerk", request, courier)
    }
}

fn prices(product: &sample::Product) -> Vec<pb::ProductPrice> {
    let all = product.prices.iter().map(|(currency, minor)| amount(currency, *minor));
    all.map(|it| pb::ProductPrice { price: Some(it), valid_from: None }).collect()
}
