//! Products and locations as the API shows them.

use crate::domain::{self, Handling, Location, Price, Product};
use crate::pb;
use crate::rpc::reply::{dimensions, measure, money, timestamp};

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
    }
}

fn product_price(it: Price) -> pb::ProductPrice {
    let Price { price, valid_from } = it;
    pb::ProductPrice { price: Some(money(price)), valid_from: valid_from.map(timestamp) }
}

pub(crate) fn stock_location(location: &Location) -> pb::StockLocation {
    let Location { code, version, name, region, country, priority, created_at, updated_at, active } =
        location.clone();
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
    }
}
