//! Parses requests about products and locations.

use crate::domain::{
    CreateLocation, CreateProduct, Location, Problems, Product, TimeZone, Timestamp, WorkingCalendar,
};
use crate::pb;
use crate::rpc::calendar::{holidays, optional_time_of_day, time_zone, working_hours};
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{
    NAME_MAX, WEIGHT_MAX_GRAMS, address, country, id, number, price, required, required_text,
};

list_requests! {
    list_products: ListProductsRequest,
    list_stock_locations: ListStockLocationsRequest,
}

pub(crate) fn new_product(request: pb::CreateProductRequest, bad: &mut Problems) -> Option<CreateProduct> {
    let pb::CreateProductRequest { product, request_id: _ } = request;
    let pb::Product {
        sku,
        name,
        tax_category,
        unit_price,
        weight_grams,
        create_time: _,
        etag: _,
        active: _,
        update_time: _,
    } = required("product", product, bad)?;
    let name = required_text("product.name", name, NAME_MAX, bad);
    let tax_category = tax_category_of(tax_category, bad);
    let unit_price = price("product.unit_price", unit_price, bad);
    let weight_grams = number("product.weight_grams", weight_grams.into(), 0..=WEIGHT_MAX_GRAMS, bad);
    let product = Product {
        sku: id("product.sku", &sku, bad)?,
        version: 0,
        name,
        tax_category,
        unit_price,
        weight_grams,
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        active: true,
    };
    Some(CreateProduct { product })
}

fn tax_category_of(category: String, bad: &mut Problems) -> String {
    if category.is_empty() {
        return "STANDARD".to_owned();
    }
    let legal = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    if category.len() > 40 || !category.chars().all(legal) {
        bad.add("product.tax_category", "must be 1 to 40 capital letters, digits or _");
    }
    category
}

pub(crate) fn new_location(
    request: pb::CreateStockLocationRequest,
    bad: &mut Problems,
) -> Option<CreateLocation> {
    let pb::CreateStockLocationRequest { stock_location, request_id: _ } = request;
    let pb::StockLocation {
        location,
        name,
        region,
        country: code,
        priority,
        create_time: _,
        etag: _,
        active: _,
        update_time: _,
        address: place,
        time_zone: zone,
        working_hours: hours,
        holidays: free_days,
        order_cutoff,
    } = required("stock_location", stock_location, bad)?;
    let name = required_text("stock_location.name", name, NAME_MAX, bad);
    let country = country("stock_location.country", code, bad);
    number("stock_location.priority", priority.into(), 0..=1_000, bad);
    let region = id("stock_location.region", &region, bad);
    let place = place.map(|it| address("stock_location.address", it, bad));
    if place.as_ref().is_some_and(|it| it.country != country) {
        bad.add("stock_location.address.country", "must be the location's country");
    }
    let by_address = place.as_ref().and_then(TimeZone::of_address).or_else(|| TimeZone::of_country(&country));
    let zone = time_zone("stock_location.time_zone", &zone, bad);
    let calendar = WorkingCalendar {
        time_zone: zone.or(by_address).unwrap_or_else(TimeZone::utc),
        hours: working_hours("stock_location.working_hours", hours, bad),
        holidays: holidays("stock_location.holidays", free_days, bad),
        cutoff: optional_time_of_day("stock_location.order_cutoff", &order_cutoff, bad),
    };
    let location = Location {
        code: id("stock_location.location", &location, bad)?,
        version: 0,
        name,
        region: region?,
        country,
        address: place,
        calendar,
        priority,
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        active: true,
    };
    Some(CreateLocation { location })
}
