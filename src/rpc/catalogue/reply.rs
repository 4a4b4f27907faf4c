//! Products and locations as the API shows them.

use crate::domain::{self, Location, Product, WorkingCalendar};
use crate::pb;
use crate::rpc::calendar::{dates, hours, time_text};
use crate::rpc::reply::{address, measure, money, timestamp};

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
    } = product.clone();
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
    }
}

pub(crate) fn stock_location(location: &Location) -> pb::StockLocation {
    let Location {
        code,
        version,
        name,
        region,
        country,
        address: place,
        calendar,
        priority,
        created_at,
        updated_at,
        active,
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
        address: place.as_ref().map(address),
        time_zone: time_zone.to_string(),
        working_hours: hours(&windows),
        holidays: dates(&holidays),
        order_cutoff: cutoff.map(time_text).unwrap_or_default(),
    }
}
