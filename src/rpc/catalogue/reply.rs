//! Products and locations as the API shows them.

use crate::domain::{self, Handling, Location, Price, Product, WorkingCalendar};
use crate::pb;
use crate::rpc::calendar::{dates, hours, time_text};
use crate::rpc::enums;
use crate::rpc::reply::{address, dimensions, measure, money, timestamp};

pub(crate) fn product(product: &Product) -> pb::Product {
    let Product {
        sku,
        version,
        name,
        tax_category,
        unit_price,
        weight_grams,
        created_at,
        updated_at,
        active,
        prices,
        gtin,
        handling,
        kind,
        labels,
        tracks_lots,
        shortest_life_days,
    } = product.clone();
    let Handling { dimensions: sides, fragile, dangerous } = handling;
    pb::Product {
        sku: sku.into(),
        name,
        tax_category,
        unit_price: unit_price.map(money),
        weight_grams: measure(weight_grams),
        create_time: Some(timestamp(created_at)),
        etag: domain::etag(version),
        active,
        update_time: Some(timestamp(updated_at)),
        prices: prices.into_iter().map(product_price).collect(),
        gtin: gtin.map_or(String::new(), |it| it.as_str().to_owned()),
        dimensions: sides.map(dimensions),
        fragile,
        dangerous,
        kind: enums::product_kind(kind),
        labels,
        tracks_lots,
        shortest_life_days,
    }
}

fn product_price(it: Price) -> pb::ProductPrice {
    let Price { price, valid_from } = it;
    pb::ProductPrice { price: Some(money(price)), valid_from: valid_from.map(timestamp) }
}

pub(crate) fn stock_location(location: &Location) -> pb::StockLocation {
    let Location {
        code,
        version,
        name,
        region,
        country,
        address: postal,
        calendar,
        priority,
        created_at,
        updated_at,
        active,
        shipments_per_day,
    } = location.clone();
    let WorkingCalendar { time_zone, hours: windows, holidays, cutoff } = calendar;
    pb::StockLocation {
        location: code.into(),
        name,
        region: region.into(),
        country,
        priority,
        create_time: Some(timestamp(created_at)),
        etag: domain::etag(version),
        active,
        update_time: Some(timestamp(updated_at)),
        address: postal.as_ref().map(address),
        time_zone: time_zone.to_string(),
        working_hours: hours(&windows),
        holidays: dates(&holidays),
        order_cutoff: cutoff.map(time_text).unwrap_or_default(),
        shipments_per_day: measure(shipments_per_day.unwrap_or(0).into()),
    }
}
