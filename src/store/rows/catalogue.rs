//! Products, locations, couriers with their rate cards, and how customers rated the couriers.

use std::collections::HashMap;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
};

use crate::domain::{
    Courier, CourierCode, Currency, FeedbackState, Location, LocationCode, Money, Product, Rate, RegionCode,
    ServiceLevel, Sku, Timestamp,
};
use crate::store::connection::bound_rows::padded;
use crate::store::connection::error::StoreError;
use crate::store::connection::lookup::Lookup;
use crate::store::connection::session::Session;
use crate::store::rows::message::feedback;
use crate::store::rows::read::{gather, narrow, sorted, take};
use crate::store::rows::saved::Saved;
use crate::store::rows::shipment::shipments;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes, save_versioned};

/// How many of the latest ratings count: what a courier was like years ago does not matter.
const RATINGS_MAX: u64 = 1_000;

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
    "courier_rates" as courier_rates (courier: CourierCode, place: i32) {
        region: RegionCode,
        service: ServiceLevel,
        currency: Currency,
        base_minor: i64,
        per_kg_minor: i64,
        transit_days: i64,
        weight_max_grams: i64,
    }
}

/// Products in the order of their SKUs.
pub(in crate::store) fn products(backend: DbBackend, skus: &[Sku]) -> Lookup<Product> {
    use products::{Column, Entity};

    let query = Entity::find().filter(Column::Sku.is_in(padded(sorted(skus)))).order_by_asc(Column::Sku);
    Lookup::about(backend, query, |row| Ok(product_from_row(products::Model::from_query_result(row, "")?)))
}

pub(in crate::store) fn save_products(writes: &mut Writes, products: &[Saved<'_, Product>]) {
    let rows = products.iter().map(|it| it.rows(product_to_row));
    save_versioned::<products::Entity>(writes, products::Column::Version, rows);
}

/// Every location, in the order of their codes.
pub(in crate::store) fn locations(backend: DbBackend) -> Lookup<Location> {
    let query = locations::Entity::find().order_by_asc(locations::Column::Code);
    Lookup::about(backend, query, |row| Ok(location_from_row(locations::Model::from_query_result(row, "")?)))
}

pub(in crate::store) fn save_locations(writes: &mut Writes, locations: &[Saved<'_, Location>]) {
    let rows = locations.iter().map(|it| it.rows(location_to_row));
    save_versioned::<locations::Entity>(writes, locations::Column::Version, rows);
}

/// Every courier with its rate card, in the order of their codes.
pub(in crate::store) async fn load_couriers(db: &Session) -> Result<Vec<Courier>, StoreError> {
    let rows = couriers::Entity::find().order_by_asc(couriers::Column::Code).all(db).await?;
    let rates = courier_rates::Entity::find().order_by_asc(courier_rates::Column::Place).all(db).await?;

    let mut rates = gather(rates.into_iter().map(rate_from_row))?;
    rows.into_iter().map(|it| courier_from_row(it, &mut rates)).collect()
}

pub(in crate::store) fn save_couriers(writes: &mut Writes, couriers: &[Saved<'_, Courier>]) {
    let rows = couriers.iter().map(|it| it.rows(courier_to_row));
    save_versioned::<couriers::Entity>(writes, couriers::Column::Version, rows);

    let mut rates = Difference::<courier_rates::Entity>::new();
    for courier in couriers {
        let (before, after) =
            (courier.before.map(rates_to_rows).unwrap_or_default(), rates_to_rows(courier.after));
        rates.compare((&before, &after), |it| (it.courier.clone(), it.place), |_, it| it.clone());
    }
    rates.write(writes);
}

/// How customers rated the delivery of what each courier brought: the average in hundredths.
pub(in crate::store) async fn courier_ratings(db: &Session) -> Result<HashMap<CourierCode, i64>, StoreError> {
    let (latest, rated) = (Alias::new("latest"), Alias::new("rated"));
    let feedback = Query::select()
        .columns([feedback::Column::OrderId, feedback::Column::DeliveryRating])
        .from(feedback::Entity)
        .and_where(Expr::cust(format!("state = '{}'", FeedbackState::Submitted)))
        .and_where(Expr::col(feedback::Column::DeliveryRating).gt(0))
        .order_by(feedback::Column::SubmittedAt, sea_orm::Order::Desc)
        .limit(RATINGS_MAX)
        .to_owned();

    // A courier that brought an order in several shipments was rated for it once.
    let courier = (shipments::Entity, shipments::Column::Courier);
    let ratings = Query::select()
        .distinct()
        .column(courier)
        .columns([
            (latest.clone(), feedback::Column::OrderId),
            (latest.clone(), feedback::Column::DeliveryRating),
        ])
        .from_subquery(feedback, latest.clone())
        .join(
            JoinType::InnerJoin,
            shipments::Entity,
            Expr::col((shipments::Entity, shipments::Column::OrderId))
                .equals((latest, feedback::Column::OrderId)),
        )
        .and_where(Expr::col(courier).is_not_null())
        .to_owned();
    let rating = Expr::col((rated.clone(), feedback::Column::DeliveryRating));
    let courier = (rated.clone(), shipments::Column::Courier);
    let averages = Query::select()
        .column(courier.clone())
        .expr(rating.clone().sum().mul(100).div(rating.count()).cast_as("BIGINT"))
        .from_subquery(ratings, rated)
        .group_by_col(courier)
        .to_owned();

    let rows = db.query_all(&averages).await?;
    rows.iter().map(|it| Ok(it.try_get_many_by_index::<(CourierCode, i64)>()?)).collect()
}

fn product_to_row(product: &Product) -> products::Model {
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

fn location_to_row(location: &Location) -> locations::Model {
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

fn courier_to_row(courier: &Courier) -> couriers::Model {
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

fn courier_from_row(
    row: couriers::Model,
    rates: &mut HashMap<CourierCode, Vec<Rate>>,
) -> Result<Courier, StoreError> {
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
    let rates = take(rates, &code);
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

/// A rate has no name but its place on the card.
fn rates_to_rows(courier: &Courier) -> Vec<courier_rates::Model> {
    (0..).zip(&courier.rates).map(|(place, it)| rate_to_row(&courier.code, place, it)).collect()
}

fn rate_to_row(courier: &CourierCode, place: i32, rate: &Rate) -> courier_rates::Model {
    let Rate { region, service, currency, base_minor, per_kg_minor, transit_days, weight_max_grams } = rate;

    courier_rates::Model {
        courier: courier.clone(),
        place,
        region: region.clone(),
        service: *service,
        currency: *currency,
        base_minor: *base_minor,
        per_kg_minor: *per_kg_minor,
        transit_days: (*transit_days).into(),
        weight_max_grams: *weight_max_grams,
    }
}

fn rate_from_row(row: courier_rates::Model) -> Result<(CourierCode, Rate), StoreError> {
    let courier_rates::Model {
        courier,
        place: _,
        region,
        service,
        currency,
        base_minor,
        per_kg_minor,
        transit_days,
        weight_max_grams,
    } = row;

    let transit_days = narrow("courier_rates", transit_days)?;
    Ok((
        courier,
        Rate { region, service, currency, base_minor, per_kg_minor, transit_days, weight_max_grams },
    ))
}
