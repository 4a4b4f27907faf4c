//! Parses requests about products and locations.

use crate::domain::{
    CreateLocation, CreateProduct, DeactivateLocation, DeactivateProduct, Dimensions, ImportProduct,
    Location, LocationChange, Price, Problems, Product, ProductChange, ReactivateLocation, ReactivateProduct,
    Timestamp, UpdateLocation, UpdateProduct,
};
use crate::pb;
use crate::rpc::calendar::{holidays, optional_time_of_day, shipments_per_day, time_zone, working_hours};
use crate::rpc::enums;
use crate::rpc::labels::labels;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{
    NAME_MAX, SIDE_MM, WEIGHT_MAX_GRAMS, address, country, entries, id, if_in_use, number, optional_id,
    paths, price, required, required_line, timestamp, word,
};

list_requests! {
    list_products: ListProductsRequest,
    list_stock_locations: ListStockLocationsRequest,
}

pub(crate) fn new_product(request: pb::CreateProductRequest, bad: &mut Problems) -> Option<CreateProduct> {
    let pb::CreateProductRequest { product, request_id: _, validate_only: _ } = request;
    let product = required("product", product, bad)?;
    let sku = id("product.sku", &product.sku, bad);
    let kind = word("product.kind", product.kind, enums::to_product_kind, bad).unwrap_or_default();
    let changes = product_changes(product, &PRODUCT_FIELDS, bad);
    let product = Product { kind, ..Product::new(sku?, "", Timestamp::MIN) };
    Some(CreateProduct { product: changes.into_iter().fold(product, Product::with) })
}

pub(crate) fn update_product(request: pb::UpdateProductRequest, bad: &mut Problems) -> Option<UpdateProduct> {
    let pb::UpdateProductRequest { product, update_mask, etag, request_id: _, validate_only: _ } = request;
    let paths = paths(update_mask, &PRODUCT_FIELDS, bad);
    let product = required("product", product, bad)?;
    let sku = id("product.sku", &product.sku, bad);
    let changes = product_changes(product, &paths?, bad);
    Some(UpdateProduct { sku: sku?, changes, etag })
}

/// A row of an import: the fields that the mask names, or all of them.
pub(crate) fn import_product(
    product: Option<pb::Product>,
    update_mask: Option<prost_types::FieldMask>,
    bad: &mut Problems,
) -> Option<ImportProduct> {
    let mask = update_mask.filter(|it| !it.paths.is_empty());
    let all = || Some(PRODUCT_FIELDS.map(str::to_owned).to_vec());
    let named = if mask.is_some() { paths(mask, &PRODUCT_FIELDS, bad) } else { all() };
    let product = required("product", product, bad)?;
    let sku = id("product.sku", &product.sku, bad);
    let kind = word("product.kind", product.kind, enums::to_product_kind, bad);
    let changes = product_changes(product, &named?, bad);
    Some(ImportProduct { sku: sku?, kind, changes })
}

/// The fields of a product that a person enters, beside its SKU and its kind, which are for ever.
const PRODUCT_FIELDS: [&str; 12] = [
    "name",
    "tax_category",
    "unit_price",
    "weight_grams",
    "prices",
    "gtin",
    "dimensions",
    "fragile",
    "dangerous",
    "labels",
    "tracks_lots",
    "shortest_life_days",
];

/// The fields that are named, each as a whole.
fn product_changes(
    product: pb::Product,
    named: &[impl AsRef<str>],
    bad: &mut Problems,
) -> Vec<ProductChange> {
    let pb::Product {
        sku: _,
        name,
        tax_category,
        unit_price,
        weight_grams,
        create_time: _,
        etag: _,
        active: _,
        update_time: _,
        prices,
        gtin,
        dimensions: sides,
        fragile,
        dangerous,
        kind: _,
        labels: given,
        tracks_lots,
        shortest_life_days,
    } = product;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let mut changes = Vec::new();
    if named("name") {
        changes.push(ProductChange::Name(required_line("product.name", name, NAME_MAX, bad)));
    }
    if named("tax_category") {
        changes.push(ProductChange::TaxCategory(tax_category_of(tax_category, bad)));
    }
    if named("unit_price") {
        changes.push(ProductChange::UnitPrice(price("product.unit_price", unit_price, bad)));
    }
    if named("weight_grams") {
        let grams = number("product.weight_grams", weight_grams.into(), 0..=WEIGHT_MAX_GRAMS, bad);
        changes.push(ProductChange::WeightGrams(grams));
    }
    if named("prices") {
        changes.push(ProductChange::Prices(price_list(prices, bad)));
    }
    if named("gtin") {
        changes.push(ProductChange::Gtin(optional_id("product.gtin", &gtin, bad)));
    }
    if named("dimensions") {
        changes.push(ProductChange::Dimensions(sides.map(|it| dimensions("product.dimensions", it, bad))));
    }
    if named("fragile") {
        changes.push(ProductChange::Fragile(fragile));
    }
    if named("dangerous") {
        changes.push(ProductChange::Dangerous(dangerous));
    }
    if named("labels") {
        changes.push(ProductChange::Labels(labels("product.labels", given, bad)));
    }
    if named("tracks_lots") {
        changes.push(ProductChange::TracksLots(tracks_lots));
    }
    if named("shortest_life_days") {
        changes.push(ProductChange::ShortestLifeDays(shortest_life_days));
    }
    changes
}

/// List prices of one product at most.
const PRICES_MAX: usize = 100;

fn price_list(prices: Vec<pb::ProductPrice>, bad: &mut Problems) -> Vec<Price> {
    let mut list = Vec::new();
    for (index, given) in entries("product.prices", prices, 0..=PRICES_MAX, bad) {
        let pb::ProductPrice { price: amount, valid_from } = given;
        let field = format!("product.prices[{index}].price");
        let amount = required(&field, amount, bad).and_then(|it| price(&field, Some(it), bad));
        let valid_from = timestamp(&format!("product.prices[{index}].valid_from"), valid_from, bad);
        list.extend(amount.map(|price| Price { price, valid_from }));
    }
    list
}

fn dimensions(at: &str, sides: pb::Dimensions, bad: &mut Problems) -> Dimensions {
    let pb::Dimensions { length_mm, width_mm, height_mm } = sides;
    let mut side =
        |name: &str, millimetres: i32| number(&format!("{at}.{name}"), millimetres.into(), SIDE_MM, bad);
    Dimensions {
        length_mm: side("length_mm", length_mm),
        width_mm: side("width_mm", width_mm),
        height_mm: side("height_mm", height_mm),
    }
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

pub(crate) fn deactivate_product(
    request: pb::DeactivateProductRequest,
    bad: &mut Problems,
) -> Option<DeactivateProduct> {
    let pb::DeactivateProductRequest { sku, even_if_in_use, etag, request_id: _, validate_only: _ } = request;
    Some(DeactivateProduct { sku: id("sku", &sku, bad)?, if_in_use: if_in_use(even_if_in_use), etag })
}

pub(crate) fn reactivate_product(
    request: pb::ReactivateProductRequest,
    bad: &mut Problems,
) -> Option<ReactivateProduct> {
    let pb::ReactivateProductRequest { sku, etag, request_id: _, validate_only: _ } = request;
    Some(ReactivateProduct { sku: id("sku", &sku, bad)?, etag })
}

pub(crate) fn new_location(
    request: pb::CreateStockLocationRequest,
    bad: &mut Problems,
) -> Option<CreateLocation> {
    let pb::CreateStockLocationRequest { stock_location, request_id: _, validate_only: _ } = request;
    let location = required("stock_location", stock_location, bad)?;
    let code = id("stock_location.location", &location.location, bad);
    let region = location.region.parse();
    let changes = location_changes(location, &LOCATION_FIELDS, bad);
    let location = Location::new(code?, region.ok()?, "", Timestamp::MIN);
    Some(CreateLocation { location: changes.into_iter().fold(location, Location::with) })
}

pub(crate) fn update_location(
    request: pb::UpdateStockLocationRequest,
    bad: &mut Problems,
) -> Option<UpdateLocation> {
    let pb::UpdateStockLocationRequest { stock_location, update_mask, etag, request_id: _, validate_only: _ } =
        request;
    let paths = paths(update_mask, &LOCATION_FIELDS, bad);
    let location = required("stock_location", stock_location, bad)?;
    let code = id("stock_location.location", &location.location, bad);
    let changes = location_changes(location, &paths?, bad);
    Some(UpdateLocation { code: code?, changes, etag })
}

/// The fields of a location that a person enters, beside its code.
const LOCATION_FIELDS: [&str; 10] = [
    "name",
    "region",
    "country",
    "priority",
    "address",
    "time_zone",
    "working_hours",
    "holidays",
    "order_cutoff",
    "shipments_per_day",
];

/// The fields that are named, each as a whole.
fn location_changes(
    location: pb::StockLocation,
    named: &[impl AsRef<str>],
    bad: &mut Problems,
) -> Vec<LocationChange> {
    let pb::StockLocation {
        location: _,
        name,
        region,
        country: code,
        priority,
        create_time: _,
        etag: _,
        active: _,
        update_time: _,
        address: postal,
        time_zone: zone,
        working_hours: hours,
        holidays: free_days,
        order_cutoff,
        shipments_per_day: capacity,
    } = location;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let mut changes = Vec::new();
    if named("name") {
        changes.push(LocationChange::Name(required_line("stock_location.name", name, NAME_MAX, bad)));
    }
    if named("region") {
        changes.extend(id("stock_location.region", &region, bad).map(LocationChange::Region));
    }
    let country = named("country").then(|| country("stock_location.country", code, bad));
    changes.extend(country.clone().map(LocationChange::Country));
    if named("priority") {
        number("stock_location.priority", priority.into(), 0..=1_000, bad);
        changes.push(LocationChange::Priority(priority));
    }
    if named("address") {
        let postal = postal.map(|it| address("stock_location.address", it, bad));
        if let (Some(postal), Some(country)) = (&postal, &country)
            && postal.country != *country
        {
            bad.add("stock_location.address.country", "must be the location's country");
        }
        changes.push(LocationChange::Address(postal));
    }
    // After the address and the country that it may follow from.
    if named("time_zone") {
        changes.push(LocationChange::TimeZone(time_zone("stock_location.time_zone", &zone, bad)));
    }
    if named("working_hours") {
        let hours = working_hours("stock_location.working_hours", hours, bad);
        changes.push(LocationChange::WorkingHours(hours));
    }
    if named("holidays") {
        changes.push(LocationChange::Holidays(holidays("stock_location.holidays", free_days, bad)));
    }
    if named("order_cutoff") {
        let cutoff = optional_time_of_day("stock_location.order_cutoff", &order_cutoff, bad);
        changes.push(LocationChange::OrderCutoff(cutoff));
    }
    if named("shipments_per_day") {
        let shipments = shipments_per_day("stock_location.shipments_per_day", capacity, bad);
        changes.push(LocationChange::ShipmentsPerDay(shipments));
    }
    changes
}

pub(crate) fn deactivate_location(
    request: pb::DeactivateStockLocationRequest,
    bad: &mut Problems,
) -> Option<DeactivateLocation> {
    let pb::DeactivateStockLocationRequest {
        location,
        even_if_in_use,
        etag,
        request_id: _,
        validate_only: _,
    } = request;
    let code = id("location", &location, bad)?;
    Some(DeactivateLocation { code, if_in_use: if_in_use(even_if_in_use), etag })
}

pub(crate) fn reactivate_location(
    request: pb::ReactivateStockLocationRequest,
    bad: &mut Problems,
) -> Option<ReactivateLocation> {
    let pb::ReactivateStockLocationRequest { location, etag, request_id: _, validate_only: _ } = request;
    Some(ReactivateLocation { code: id("location", &location, bad)?, etag })
}
