//! Products, locations, and couriers with their rate cards.

use sea_orm::EntityTrait;

use crate::domain::{
    Courier, CourierCode, Currency, Location, LocationCode, Money, Product, Rate, RegionCode, ServiceLevel,
    Sku, Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::table::{Record, table};

table! {
    "products" as products (sku: Sku) {
        version: i64,
        name: String,
        tax_category: String,
        unit_price_minor: Option<i64>,
        currency: Option<Currency>,
        weight_grams: i64,
        created_at: Timestamp,
    }
}

table! {
    "locations" as locations (code: LocationCode) {
        version: i64,
        name: String,
        region: RegionCode,
        country: String,
        priority: i32,
        created_at: Timestamp,
    }
}

table! {
    "couriers" as couriers (code: CourierCode) {
        version: i64,
        name: String,
        cutoff_minutes: i32,
        utc_offset_minutes: i32,
        pickup_weekdays: String,
        created_at: Timestamp,
    }
}

table! {
    "courier_rates" as courier_rates (courier: CourierCode, number: i32)
    belongs to couriers by "Column::Courier" = "super::couriers::Column::Code"
    {
        region: RegionCode,
        service: ServiceLevel,
        currency: Currency,
        base_minor: i64,
        per_kg_minor: i64,
        transit_days: i64,
        weight_max_grams: i64,
    }
}

pub(in crate::store) fn product(row: &Row) -> Result<Product, StoreError> {
    Ok(product_from_row(products::Model::read(row)?))
}

pub(in crate::store) fn location(row: &Row) -> Result<Location, StoreError> {
    Ok(location_from_row(locations::Model::read(row)?))
}

/// Couriers with their rate cards, both in the order in which they were read.
pub(in crate::store) fn couriers_of(couriers: &[Row], rates: &[Row]) -> Result<Vec<Courier>, StoreError> {
    let rates = rates.iter().map(courier_rates::Model::read).collect::<Result<Vec<_>, _>>()?;
    let courier = |row: &Row| {
        let row = couriers::Model::read(row)?;
        let own = rates.iter().filter(|it| it.courier == row.code).map(rate_from_row);
        let own = own.collect::<Result<Vec<_>, _>>()?;
        courier_from_row(row, own)
    };
    couriers.iter().map(courier).collect()
}

pub(in crate::store) fn product_to_row(product: &Product) -> products::Model {
    let Product { sku, version, name, tax_category, unit_price, weight_grams, created_at } = product;

    products::Model {
        sku: sku.clone(),
        version: *version,
        name: name.clone(),
        tax_category: tax_category.clone(),
        unit_price_minor: unit_price.map(|it| it.minor),
        currency: unit_price.map(|it| it.currency),
        weight_grams: *weight_grams,
        created_at: *created_at,
    }
}

fn product_from_row(row: products::Model) -> Product {
    let products::Model {
        sku,
        version,
        name,
        tax_category,
        unit_price_minor,
        currency,
        weight_grams,
        created_at,
    } = row;

    let unit_price = currency.zip(unit_price_minor).map(|(currency, minor)| Money { currency, minor });
    Product { sku, version, name, tax_category, unit_price, weight_grams, created_at }
}

pub(in crate::store) fn location_to_row(location: &Location) -> locations::Model {
    let Location { code, version, name, region, country, priority, created_at } = location;

    locations::Model {
        code: code.clone(),
        version: *version,
        name: name.clone(),
        region: region.clone(),
        country: country.clone(),
        priority: *priority,
        created_at: *created_at,
    }
}

fn location_from_row(row: locations::Model) -> Location {
    let locations::Model { code, version, name, region, country, priority, created_at } = row;

    Location { code, version, name, region, country, priority, created_at }
}

pub(in crate::store) fn courier_to_row(courier: &Courier) -> couriers::Model {
    let Courier {
        code,
        version,
        name,
        cutoff_minutes,
        utc_offset_minutes,
        pickup_weekdays,
        rates: _,
        created_at,
    } = courier;

    couriers::Model {
        code: code.clone(),
        version: *version,
        name: name.clone(),
        cutoff_minutes: *cutoff_minutes,
        utc_offset_minutes: *utc_offset_minutes,
        pickup_weekdays: pickup_weekdays.iter().map(ToString::to_string).collect(),
        created_at: *created_at,
    }
}

fn courier_from_row(row: couriers::Model, rates: Vec<Rate>) -> Result<Courier, StoreError> {
    let couriers::Model {
        code,
        version,
        name,
        cutoff_minutes,
        utc_offset_minutes,
        pickup_weekdays,
        created_at,
    } = row;

    let weekday = |digit: char| digit.to_digit(10).and_then(|it| u8::try_from(it).ok());
    let pickup_weekdays = pickup_weekdays.chars().map(weekday).collect::<Option<Vec<u8>>>();
    let pickup_weekdays = pickup_weekdays.ok_or_else(|| StoreError::Corrupt {
        table: "couriers",
        detail: format!("the pickup weekdays of {code} are no digits"),
    })?;
    Ok(Courier {
        code,
        version,
        name,
        cutoff_minutes,
        utc_offset_minutes,
        pickup_weekdays,
        rates,
        created_at,
    })
}

/// A rate has no name but its number on the card.
pub(in crate::store) fn rates_to_rows(courier: &Courier) -> Vec<courier_rates::Model> {
    (1..).zip(&courier.rates).map(|(number, it)| rate_to_row(&courier.code, number, it)).collect()
}

fn rate_to_row(courier: &CourierCode, number: i32, rate: &Rate) -> courier_rates::Model {
    let Rate { region, service, currency, base_minor, per_kg_minor, transit_days, weight_max_grams } = rate;

    courier_rates::Model {
        courier: courier.clone(),
        number,
        region: region.clone(),
        service: *service,
        currency: *currency,
        base_minor: *base_minor,
        per_kg_minor: *per_kg_minor,
        transit_days: (*transit_days).into(),
        weight_max_grams: *weight_max_grams,
    }
}

fn rate_from_row(row: &courier_rates::Model) -> Result<Rate, StoreError> {
    let transit_days = u32::try_from(row.transit_days)
        .map_err(|_| StoreError::corrupt("courier_rates", format!("{} days on the way", row.transit_days)))?;
    Ok(Rate {
        region: row.region.clone(),
        service: row.service,
        currency: row.currency,
        base_minor: row.base_minor,
        per_kg_minor: row.per_kg_minor,
        transit_days,
        weight_max_grams: row.weight_max_grams,
    })
}
