//! Checks tables against documents about stock: the lots of levels, and what is reserved for other callers.

use std::collections::HashMap;

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{LocationCode, Reservation, ReservationId, Sku, StockLevel, Violation};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::query::agreement::{CATALOGUE, unlike_document};
use crate::store::rows::document;
use crate::store::rows::order::JobFields;
use crate::store::rows::reservation::{self, reservation_items, reservations};
use crate::store::rows::statements::names;
use crate::store::rows::stock::{self, stock_levels, stock_lots};
use crate::store::rows::table::Record;

/// Rows of one read.
const PAGE: usize = 512;

/// The levels whose lots are not in their table as the level has them, and how many levels with lots there are.
pub(super) async fn lot_violations(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let (mut count, mut found) = (0, Vec::new());
    let mut after: Vec<Value> = vec!["".into(), "".into()];
    loop {
        go_on()?;
        let levels = levels_with_lots(db, after.clone()).await?;
        let up_to = levels.last().map(key_of);
        let mut stored = lots(db, &after, up_to.as_deref()).await?;
        for level in &levels {
            let mut expected: Vec<_> = level.lots.iter().map(|it| stock::lot_to_row(level, it)).collect();
            expected.sort_by(|a, b| a.lot.cmp(&b.lot));
            let key = (level.sku.clone(), level.location.clone());
            if stored.remove(&key).unwrap_or_default() != expected {
                found.push(unlike_level(&key));
            }
        }
        found.extend(stored.keys().map(unlike_level));
        count += levels.len() as u64;
        let Some(last) = up_to else { return Ok((count, found)) };
        after = last;
    }
}

fn unlike_level((sku, location): &(Sku, LocationCode)) -> Violation {
    unlike_document(CATALOGUE, format!("stock_lots {sku} at {location}"), "its list of lots")
}

fn key_of(level: &StockLevel) -> Vec<Value> {
    vec![level.sku.clone().into(), level.location.clone().into()]
}

/// The next levels that have lots.
async fn levels_with_lots(db: &Session, after: Vec<Value>) -> Result<Vec<StockLevel>, StoreError> {
    let columns = names::<stock_levels::Entity>();
    let sql = format!(
        "SELECT {columns} FROM stock_levels WHERE (sku, location) > ($1, $2) AND length(lots) > 0 \
        ORDER BY sku, location LIMIT {PAGE}"
    );
    db.query(&sql, after).await?.iter().map(stock::level).collect()
}

/// The lots of the levels behind one up to another, or to the end.
async fn lots(
    db: &Session,
    after: &[Value],
    up_to: Option<&[Value]>,
) -> Result<HashMap<(Sku, LocationCode), Vec<stock_lots::Model>>, StoreError> {
    let columns = names::<stock_lots::Entity>();
    let end = if up_to.is_some() { "AND (sku, location) <= ($3, $4)" } else { "" };
    let sql = format!(
        "SELECT {columns} FROM stock_lots WHERE (sku, location) > ($1, $2) {end} ORDER BY sku, location, lot"
    );
    let values = after.iter().chain(up_to.unwrap_or_default()).cloned().collect();
    let mut found: HashMap<_, Vec<stock_lots::Model>> = HashMap::new();
    for row in db.query(&sql, values).await? {
        let row = stock_lots::Model::read(&row)?;
        found.entry((row.sku.clone(), row.location.clone())).or_default().push(row);
    }
    found.values_mut().for_each(|it| it.sort_by(|a, b| a.lot.cmp(&b.lot)));
    Ok(found)
}

/// The reservations of other callers whose rows are not as their document has them, and how many there are.
pub(super) async fn reservation_violations(
    db: &Session,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(u64, Vec<Violation>), StoreError> {
    let (mut count, mut found) = (0, Vec::new());
    let mut after = ReservationId(Uuid::nil());
    loop {
        go_on()?;
        let columns = names::<reservations::Entity>();
        let sql = format!(
            "SELECT document, {columns} FROM reservations WHERE caller IS NOT NULL AND id > $1 \
            ORDER BY id LIMIT {PAGE}"
        );
        let rows = db.query(&sql, vec![after.into()]).await?;
        let read = rows.into_iter().map(read_reservation).collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(last)) = (read.first(), read.last()) else { return Ok((count, found)) };
        let mut items = items_between(db, (first.0.id, last.0.id)).await?;
        (after, count) = (last.0.id, count + read.len() as u64);
        for (stored, it) in &read {
            let job = JobFields {
                run_at: stored.run_at,
                attempts: stored.attempts,
                lease_token: stored.lease_token,
                lease_until: stored.lease_until,
            };
            let is_its_row = reservation::with_document(it, job, stored.document.clone()) == *stored;
            let expected: Vec<_> = it.items.iter().map(|item| reservation::item(it.id, item)).collect();
            let what = match items.remove(&it.id).unwrap_or_default() == expected {
                true if is_its_row => continue,
                true => "its row",
                false => "its list of items",
            };
            found.push(unlike_document(CATALOGUE, format!("reservations {}", stored.id), what));
        }
    }
}

fn read_reservation(row: Row) -> Result<(reservations::Model, Reservation), StoreError> {
    let it = document::decode::<Reservation>("reservations", row.bytes(0)?)?;
    Ok((reservations::Model::read(&row.after(1))?, it))
}

async fn items_between(
    db: &Session,
    (first, last): (ReservationId, ReservationId),
) -> Result<HashMap<ReservationId, Vec<reservation_items::Model>>, StoreError> {
    let columns = names::<reservation_items::Entity>();
    let sql = format!(
        "SELECT {columns} FROM reservation_items WHERE reservation_id >= $1 AND reservation_id <= $2 \
        ORDER BY reservation_id, number"
    );
    let mut found: HashMap<_, Vec<reservation_items::Model>> = HashMap::new();
    for row in db.query(&sql, vec![first.into(), last.into()]).await? {
        let row = reservation_items::Model::read(&row)?;
        found.entry(row.reservation_id).or_default().push(row);
    }
    Ok(found)
}
