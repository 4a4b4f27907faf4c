//! Reading one thing, or everything that belongs to one: on connections of their own, never through the writer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sea_orm::sea_query::Value;

use crate::domain::{
    Courier, CourierCode, CourierNames, Event, EventKind, Location, LocationCode, Order, OrderId, Part,
    Product, RegionCode, Replenishment, ReplenishmentId, Reservation, ReservationId, Sku, StockLevel,
    Timestamp,
};
use crate::store::connection::bound_rows::one_of;
use crate::store::connection::error::StoreError;
use crate::store::connection::select::{all, one};
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::history::{EVENT, events, events_of};
use crate::store::rows::read::Lock;
use crate::store::rows::{awaited, catalogue, event, reservation, stock};
use crate::store::writer::load::{For, load_orders};

/// Positions that one look into the feed covers at most, so that a filter that fits nothing costs little.
const WINDOW: i64 = 10_000;

/// Which events of the feed are wanted; an empty filter wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub order: Option<OrderId>,
    /// Of this customer's orders.
    pub customer_email: Option<String>,
    /// Of these kinds; empty: of all.
    pub kinds: Vec<EventKind>,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<(i64, Event)>,
    /// Everything up to this position has been looked at: where to go on.
    pub position: i64,
    /// Whether that was all there is for now.
    pub is_end: bool,
}

/// Availability of a product, and the orders that wait for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    pub levels: Vec<StockLevel>,
    pub locations: BTreeMap<LocationCode, Location>,
    /// Units that waiting orders want.
    pub awaited: HashMap<(RegionCode, Sku), i64>,
}

/// Customers' feedback within a period. Averages are hundredths of 1.00–5.00, 0 without feedback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedbackReport {
    pub requested: i64,
    pub submitted: i64,
    pub delivery_average: i64,
    pub product_average: i64,
    /// How many gave the delivery 1, 2, … 5.
    pub delivery_counts: [i64; 5],
    pub product_counts: [i64; 5],
    pub couriers: Vec<CourierFeedback>,
    /// The latest first.
    pub comments: Vec<Comment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourierFeedback {
    pub courier: CourierCode,
    pub submitted: i64,
    pub delivery_average: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub order: OrderId,
    pub at: Timestamp,
    pub delivery_rating: i32,
    pub product_rating: i32,
    pub text: String,
}

impl Store {
    /// The order, archived or not.
    pub async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        Ok(load_orders(&self.look().await?, &self.inner.order_cache, &[id], For::Reading).await?.pop())
    }

    /// The orders among these that exist, archived or not.
    pub async fn orders(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Arc<Order>>, StoreError> {
        let db = self.snapshot().await?;
        let orders = load_orders(&db, &self.inner.order_cache, ids, For::Reading).await?;
        Ok(orders.into_iter().map(|it| (it.id, it)).collect())
    }

    pub async fn order_by_number(&self, number: i64) -> Result<Option<Arc<Order>>, StoreError> {
        let db = self.snapshot().await?;
        let sql = "SELECT id FROM orders WHERE number = $1 \
            UNION ALL SELECT order_id FROM archived_orders WHERE number = $1";
        let Some(row) = one(&db, sql, vec![number.into()]).await? else { return Ok(None) };
        let id = OrderId(row.try_get_by_index(0)?);
        Ok(load_orders(&db, &self.inner.order_cache, &[id], For::Reading).await?.pop())
    }

    /// The order that a part belongs to, archived or not.
    pub async fn order_of(&self, part: &Part) -> Result<Option<OrderId>, StoreError> {
        let mut owners = event::owners(&self.look().await?, std::slice::from_ref(part)).await?;
        Ok(owners.remove(part))
    }

    /// The order that this invoice number was given to, archived or not.
    pub async fn order_of_invoice(&self, series: &str, number: i64) -> Result<Option<OrderId>, StoreError> {
        let sql = "SELECT order_id FROM invoice_numbers WHERE series = $1 AND number = $2";
        let row = one(&self.look().await?, sql, vec![series.into(), number.into()]).await?;
        row.map(|it| Ok(OrderId(it.try_get_by_index(0)?))).transpose()
    }

    pub async fn level(&self, sku: &Sku, location: &LocationCode) -> Result<Option<StockLevel>, StoreError> {
        let db = self.look().await?;
        let levels = stock::levels(db.backend(), std::slice::from_ref(sku), Lock::No).alone(&db).await?;
        Ok(levels.into_iter().find(|it| it.location == *location))
    }

    /// Stock of these products everywhere, and how much of it others wait for; all of the same moment.
    pub async fn availability(&self, skus: &[Sku]) -> Result<Availability, StoreError> {
        let db = self.snapshot().await?;
        let mut asked = Vec::new();
        let levels = stock::levels(db.backend(), skus, Lock::No).with(&mut asked);
        let awaited = awaited::awaited(db.backend(), skus).with(&mut asked);
        let locations = catalogue::locations(db.backend()).with(&mut asked);
        let answers = db.query_each(asked).await?;
        let locations = locations.read(&answers)?.into_iter();
        Ok(Availability {
            levels: levels.read(&answers)?,
            locations: locations.map(|it| (it.code.clone(), it)).collect(),
            awaited: awaited.read(&answers)?.into_iter().collect(),
        })
    }

    pub async fn product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        let db = self.look().await?;
        Ok(catalogue::products(db.backend(), std::slice::from_ref(sku)).alone(&db).await?.pop())
    }

    pub async fn location(&self, code: &LocationCode) -> Result<Option<Location>, StoreError> {
        let db = self.look().await?;
        let locations = catalogue::locations(db.backend()).alone(&db).await?;
        Ok(locations.into_iter().find(|it| it.code == *code))
    }

    pub async fn courier(&self, code: &CourierCode) -> Result<Option<Courier>, StoreError> {
        let couriers = catalogue::load_couriers(&self.snapshot().await?).await?;
        Ok(couriers.into_iter().find(|it| it.code == *code))
    }

    /// Names of couriers, as letters give them.
    pub async fn courier_names(&self) -> Result<CourierNames, StoreError> {
        let couriers = catalogue::load_couriers(&self.snapshot().await?).await?;
        Ok(couriers.into_iter().map(|it| (it.code, it.name)).collect())
    }

    /// All couriers, and how customers rated each: for quotes.
    pub async fn couriers(&self) -> Result<(Vec<Courier>, HashMap<CourierCode, i64>), StoreError> {
        let db = self.snapshot().await?;
        Ok((catalogue::load_couriers(&db).await?, catalogue::courier_ratings(&db).await?))
    }

    /// An order's reservation or another caller's.
    pub async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
        Ok(self.reservations(&self.snapshot().await?, &[id]).await?.pop())
    }

    /// Orders' reservations and other callers', in no order.
    pub(in crate::store) async fn reservations(
        &self,
        db: &Session,
        ids: &[ReservationId],
    ) -> Result<Vec<Reservation>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }

        let (within, values) = one_of(db.backend(), ids.iter().map(|it| it.0).collect());
        let sql =
            format!("SELECT DISTINCT order_id FROM reservations WHERE id {within} AND order_id IS NOT NULL");
        let holders = all(db, &sql, values).await?;
        let holders = holders.iter().map(|it| Ok(OrderId(it.try_get_by_index(0)?)));
        let holders = holders.collect::<Result<Vec<_>, StoreError>>()?;

        let mut found = reservation::load_reservations(db, ids, Lock::No).await?;
        for order in load_orders(db, &self.inner.order_cache, &holders, For::Listing).await? {
            found.extend(order.reservations.iter().filter(|it| ids.contains(&it.id)).cloned());
        }
        Ok(found)
    }

    pub async fn replenishment(&self, id: ReplenishmentId) -> Result<Option<Replenishment>, StoreError> {
        Ok(stock::load_replenishments(&self.look().await?, &[id], Lock::No).await?.pop())
    }

    /// The whole history of one order, archived or not.
    pub async fn events_of(&self, order: OrderId) -> Result<Vec<(i64, Event)>, StoreError> {
        events_of(&self.look().await?, &[order]).await
    }

    /// The part of the feed after a position, at most `limit` events of it.
    pub async fn events_after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<EventPage, StoreError> {
        let db = self.snapshot().await?;
        let last = last_position(&db).await?;
        let until = last.min(position.saturating_add(WINDOW));

        let mut values: Vec<Value> = vec![position.into(), until.into()];
        let mut sql = format!("SELECT {EVENT} FROM events WHERE position > $1 AND position <= $2");
        if let Some(order) = filter.order {
            values.push(order.0.into());
            sql.push_str(&format!(" AND order_id = ${}", values.len()));
        }
        if let Some(email) = &filter.customer_email {
            values.push(email.as_str().into());
            sql.push_str(&format!(
                " AND order_id IN (SELECT id FROM orders WHERE customer_email = ${0} \
                UNION ALL SELECT order_id FROM archived_orders WHERE customer_email = ${0})",
                values.len()
            ));
        }
        if !filter.kinds.is_empty() {
            let kinds: Vec<_> = filter.kinds.iter().map(|it| format!("'{it}'")).collect();
            sql.push_str(&format!(" AND kind IN ({})", kinds.join(", ")));
        }
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" ORDER BY position LIMIT ${}", values.len()));

        let events = events(&all(&db, &sql, values).await?)?;
        let is_full = events.len() as u64 >= limit;
        let position = match events.last() {
            Some((last_found, _)) if is_full => *last_found,
            _ => until.max(position),
        };
        Ok(EventPage { events, position, is_end: position >= last })
    }

    /// The position of the newest event; 0 before the first.
    pub async fn last_position(&self) -> Result<i64, StoreError> {
        last_position(&self.look().await?).await
    }

    /// Feedback from `since` until `until`, with the latest comments. Orders that are in the archive by now do not
    /// count.
    pub async fn feedback_report(
        &self,
        since: Timestamp,
        until: Timestamp,
        comments_max: u64,
    ) -> Result<FeedbackReport, StoreError> {
        let db = self.snapshot().await?;
        let window = || -> Vec<Value> { vec![since.unix_micros().into(), until.unix_micros().into()] };

        let sql = "SELECT COUNT(*) AS requested FROM feedback WHERE requested_at >= $1 AND requested_at < $2";
        let mut report = FeedbackReport::default();
        if let Some(row) = one(&db, sql, window()).await? {
            report.requested = row.try_get_by("requested")?;
        }

        let sql = "SELECT delivery_rating, product_rating, COUNT(*) AS number FROM feedback \
            WHERE state = 'SUBMITTED' AND submitted_at >= $1 AND submitted_at < $2 \
            GROUP BY delivery_rating, product_rating";
        for row in all(&db, sql, window()).await? {
            let number: i64 = row.try_get_by("number")?;
            report.submitted += number;
            count(&mut report.delivery_counts, row.try_get_by("delivery_rating")?, number);
            count(&mut report.product_counts, row.try_get_by("product_rating")?, number);
        }
        report.delivery_average = average(&report.delivery_counts);
        report.product_average = average(&report.product_counts);

        let sql = "SELECT courier, COUNT(*) AS number, CAST(SUM(delivery_rating) AS BIGINT) AS total FROM ( \
              SELECT DISTINCT shipments.courier, feedback.order_id, feedback.delivery_rating FROM feedback \
              JOIN shipments ON shipments.order_id = feedback.order_id AND shipments.courier IS NOT NULL \
              WHERE feedback.state = 'SUBMITTED' AND feedback.delivery_rating > 0 \
              AND feedback.submitted_at >= $1 AND feedback.submitted_at < $2) AS rated \
            GROUP BY courier ORDER BY courier";
        for row in all(&db, sql, window()).await? {
            let (submitted, total): (i64, i64) = (row.try_get_by("number")?, row.try_get_by("total")?);
            let courier = row.try_get_by("courier")?;
            report.couriers.push(CourierFeedback {
                courier,
                submitted,
                delivery_average: hundredths(total, submitted),
            });
        }

        let sql = "SELECT order_id, submitted_at, delivery_rating, product_rating, comment FROM feedback \
            WHERE state = 'SUBMITTED' AND submitted_at >= $1 AND submitted_at < $2 AND comment <> '' \
            ORDER BY submitted_at DESC, order_id DESC LIMIT $3";
        let mut values = window();
        values.push(i64::try_from(comments_max).unwrap_or(i64::MAX).into());
        for row in all(&db, sql, values).await? {
            report.comments.push(Comment {
                order: row.try_get_by("order_id")?,
                at: row.try_get_by("submitted_at")?,
                delivery_rating: row.try_get_by("delivery_rating")?,
                product_rating: row.try_get_by("product_rating")?,
                text: row.try_get_by("comment")?,
            });
        }
        Ok(report)
    }
}

async fn last_position(db: &Session) -> Result<i64, StoreError> {
    let row = one(db, "SELECT COALESCE(MAX(position), 0) AS last FROM events", Vec::new()).await?;
    Ok(row.map(|it| it.try_get_by("last")).transpose()?.unwrap_or(0))
}

fn count(counts: &mut [i64; 5], rating: i32, number: i64) {
    let index = usize::try_from(rating - 1).ok();
    if let Some(slot) = index.and_then(|it| counts.get_mut(it)) {
        *slot += number;
    }
}

fn average(counts: &[i64; 5]) -> i64 {
    let total = (1..).zip(counts).map(|(rating, number)| rating * number).sum();
    hundredths(total, counts.iter().sum())
}

/// Rounded half up.
fn hundredths(total: i64, number: i64) -> i64 {
    if number == 0 { 0 } else { (total * 100 + number / 2) / number }
}
