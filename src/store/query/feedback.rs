//! What customers said over a period, of orders in the archive too: each statement goes along an index of the answers'
//! times, and each list has an end.

use sea_orm::sea_query::Value;

use crate::domain::{CourierCode, Day, FeedbackReason, OrderId, RegionCode, Sku, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::trend::{Trend, TrendPoint, hundredths};

/// How many couriers, products and regions a report has at most, those with the most answers.
pub(crate) const GROUPS_MAX: u64 = 50;

/// Customers' feedback within a period. Averages are hundredths of 1.00–5.00, 0 without feedback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedbackReport {
    pub requested: i64,
    pub opted_out: i64,
    pub submitted: i64,
    pub delivery: Ratings,
    pub product: Ratings,
    pub couriers: Vec<RatedGroup<CourierCode>>,
    /// By the ratings of lines.
    pub products: Vec<RatedGroup<RatedProduct>>,
    pub regions: Vec<RatedRegion>,
    /// How many answers name each reason, the most frequent first.
    pub reasons: Vec<(FeedbackReason, i64)>,
    /// The oldest first.
    pub trend: Trend,
    /// The latest first.
    pub comments: Vec<Comment>,
}

/// How many gave 1, 2, … 5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ratings(pub [i64; 5]);

impl Ratings {
    pub fn average(&self) -> i64 {
        let total = (1..).zip(self.0).map(|(rating, number)| rating * number).sum();
        hundredths(total, self.0.iter().sum())
    }

    fn add(&mut self, other: [i64; 5]) {
        for (sum, more) in self.0.iter_mut().zip(other) {
            *sum += more;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedGroup<T> {
    pub of: T,
    pub count: i64,
    pub average: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedProduct {
    pub sku: Sku,
    /// As the catalogue has it now.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedRegion {
    pub region: RegionCode,
    pub count: i64,
    pub delivery_average: i64,
    pub product_average: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub order: OrderId,
    pub at: Timestamp,
    pub delivery_rating: i32,
    pub product_rating: i32,
    pub text: String,
}

/// Which orders a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    All,
    Archived,
    NotArchived,
}

impl Among {
    /// The condition on rows of a table that names its order.
    fn of(self, table: &str) -> String {
        let not = match self {
            Self::All => return String::new(),
            Self::Archived => "",
            Self::NotArchived => "NOT ",
        };
        format!(" AND {not}(SELECT orders.archived FROM orders WHERE orders.id = {table}.order_id)")
    }
}

/// The period of a report, bound to a statement as $1 and $2, and the orders that it is about.
#[derive(Debug, Clone, Copy)]
struct Period {
    since: Timestamp,
    until: Timestamp,
    among: Among,
}

impl Period {
    fn values(self) -> Vec<Value> {
        vec![self.since.unix_micros().into(), self.until.unix_micros().into()]
    }

    fn limited(self, limit: u64) -> Vec<Value> {
        let mut values = self.values();
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        values
    }
}

/// The condition on rows of `feedback`.
fn answered(period: Period) -> String {
    let among = period.among.of("feedback");
    format!("state = 'SUBMITTED' AND submitted_at >= $1 AND submitted_at < $2{among}")
}

impl Store {
    /// Feedback from `since` until `until` on these orders, with the latest comments.
    pub async fn feedback_report(
        &self,
        since: Timestamp,
        until: Timestamp,
        among: Among,
        comments_max: u64,
    ) -> Result<FeedbackReport, StoreError> {
        let db = self.snapshot().await?;
        let period = Period { since, until, among };
        let (requested, opted_out) = asked(&db, period).await?;
        let mut report = FeedbackReport { requested, opted_out, ..FeedbackReport::default() };

        let days = days(&db, period).await?;
        for day in &days {
            report.submitted += day.delivery.iter().sum::<i64>();
            report.delivery.add(day.delivery);
            report.product.add(day.product);
        }
        report.trend = Trend::of(&days.iter().map(RatedDay::point).collect::<Vec<_>>(), period.days(&days));
        report.couriers = couriers(&db, period).await?;
        report.products = products(&db, period).await?;
        report.regions = regions(&db, period).await?;
        report.reasons = reasons(&db, period).await?;
        report.comments = comments(&db, period, comments_max).await?;
        Ok(report)
    }
}

async fn asked(db: &Session, period: Period) -> Result<(i64, i64), StoreError> {
    let among = period.among.of("feedback");
    let sql = format!(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 'OPTED_OUT') FROM feedback \
        WHERE requested_at >= $1 AND requested_at < $2{among}"
    );
    let row = db.query_one(&sql, period.values()).await?;
    row.map_or(Ok((0, 0)), |it| Ok((it.get(0)?, it.get(1)?)))
}

/// The answers of one day.
struct RatedDay {
    day: i64,
    delivery: [i64; 5],
    product: [i64; 5],
}

impl RatedDay {
    fn point(&self) -> TrendPoint {
        let total = |counts: [i64; 5]| (1..).zip(counts).map(|(rating, number)| rating * number).sum();
        TrendPoint {
            from: Day::from_number(self.day),
            submitted: self.delivery.iter().sum(),
            delivery_total: total(self.delivery),
            product_total: total(self.product),
        }
    }
}

impl Period {
    /// How many days it spans, of an open one those with answers.
    fn days(self, rated: &[RatedDay]) -> i64 {
        let day = |at: Timestamp| at.unix_micros().div_euclid(DAY_MICROS);
        let first = rated.first().map_or(0, |it| it.day).max(day(self.since));
        let last = rated.last().map_or(0, |it| it.day).min(day(self.until));
        let since = if self.since == Timestamp::MIN { first } else { day(self.since) };
        let until = if self.until == Timestamp::MAX { last } else { day(self.until) };
        (until - since).max(0)
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// Day by day, the oldest first.
async fn days(db: &Session, period: Period) -> Result<Vec<RatedDay>, StoreError> {
    let counted = |column: &str| {
        let counts = (1..=5).map(|it| format!("COUNT(*) FILTER (WHERE {column} = {it})"));
        counts.collect::<Vec<_>>().join(", ")
    };
    let (delivery, product) = (counted("delivery_rating"), counted("product_rating"));
    let answered = answered(period);
    let sql = format!(
        "SELECT submitted_at / {DAY_MICROS} AS day, {delivery}, {product} FROM feedback WHERE {answered} \
        GROUP BY submitted_at / {DAY_MICROS} ORDER BY day"
    );
    let five = |row: &Row, from: usize| -> Result<[i64; 5], StoreError> {
        let mut counts = [0; 5];
        for (index, count) in counts.iter_mut().enumerate() {
            *count = row.get(from + index)?;
        }
        Ok(counts)
    };
    let day = |row: &Row| Ok(RatedDay { day: row.get(0)?, delivery: five(row, 1)?, product: five(row, 6)? });
    db.query(&sql, period.values()).await?.iter().map(day).collect()
}

/// A courier that brought an order in several shipments was rated for it once.
async fn couriers(db: &Session, period: Period) -> Result<Vec<RatedGroup<CourierCode>>, StoreError> {
    let among = period.among.of("feedback");
    let sql = format!(
        "SELECT courier, COUNT(*) AS number, CAST(SUM(delivery_rating) AS BIGINT) AS total FROM ( \
          SELECT DISTINCT shipments.courier, feedback.order_id, feedback.delivery_rating FROM feedback \
          JOIN shipments ON shipments.order_id = feedback.order_id AND shipments.courier IS NOT NULL \
          WHERE feedback.state = 'SUBMITTED' AND feedback.delivery_rating > 0 \
          AND feedback.submitted_at >= $1 AND feedback.submitted_at < $2{among}) AS rated \
        GROUP BY courier ORDER BY number DESC, courier LIMIT $3"
    );
    let group = |row: &Row| rated(row.get(0)?, row);
    db.query(&sql, period.limited(GROUPS_MAX)).await?.iter().map(group).collect()
}

async fn products(db: &Session, period: Period) -> Result<Vec<RatedGroup<RatedProduct>>, StoreError> {
    let among = period.among.of("feedback_lines");
    let sql = format!(
        "SELECT rated.sku, rated.number, rated.total, products.name FROM ( \
          SELECT sku, COUNT(*) AS number, CAST(SUM(rating) AS BIGINT) AS total FROM feedback_lines \
          WHERE submitted_at >= $1 AND submitted_at < $2{among} \
          GROUP BY sku ORDER BY number DESC, sku LIMIT $3) AS rated \
        LEFT JOIN products ON products.sku = rated.sku ORDER BY rated.number DESC, rated.sku"
    );
    let group = |row: &Row| {
        let name: Option<String> = row.get(3)?;
        rated(RatedProduct { sku: row.get(0)?, name: name.unwrap_or_default() }, row)
    };
    db.query(&sql, period.limited(GROUPS_MAX)).await?.iter().map(group).collect()
}

/// A row of what is rated, how often, and the sum of its ratings.
fn rated<T>(of: T, row: &Row) -> Result<RatedGroup<T>, StoreError> {
    let (count, total) = (row.get(1)?, row.get(2)?);
    Ok(RatedGroup { of, count, average: hundredths(total, count) })
}

async fn regions(db: &Session, period: Period) -> Result<Vec<RatedRegion>, StoreError> {
    let answered = answered(period);
    let sql = format!(
        "SELECT region, COUNT(*) AS number, CAST(SUM(delivery_rating) AS BIGINT), \
        CAST(SUM(product_rating) AS BIGINT) FROM feedback WHERE {answered} AND region IS NOT NULL \
        GROUP BY region ORDER BY number DESC, region LIMIT $3"
    );
    let region = |row: &Row| {
        let count = row.get(1)?;
        Ok(RatedRegion {
            region: row.get(0)?,
            count,
            delivery_average: hundredths(row.get(2)?, count),
            product_average: hundredths(row.get(3)?, count),
        })
    };
    db.query(&sql, period.limited(GROUPS_MAX)).await?.iter().map(region).collect()
}

/// An answer that names a reason of several lines counts once.
async fn reasons(db: &Session, period: Period) -> Result<Vec<(FeedbackReason, i64)>, StoreError> {
    let among = period.among.of("feedback_reasons");
    let sql = format!(
        "SELECT reason, COUNT(DISTINCT order_id) AS number FROM feedback_reasons \
        WHERE submitted_at >= $1 AND submitted_at < $2{among} GROUP BY reason ORDER BY number DESC, reason"
    );
    let reason = |row: &Row| Ok((row.get(0)?, row.get(1)?));
    db.query(&sql, period.values()).await?.iter().map(reason).collect()
}

async fn comments(db: &Session, period: Period, most: u64) -> Result<Vec<Comment>, StoreError> {
    let answered = answered(period);
    let sql = format!(
        "SELECT order_id, submitted_at, delivery_rating, product_rating, comment FROM feedback \
        WHERE {answered} AND comment <> '' ORDER BY submitted_at DESC, order_id DESC LIMIT $3"
    );
    let comment = |row: &Row| {
        Ok(Comment {
            order: row.get(0)?,
            at: row.get(1)?,
            delivery_rating: row.get(2)?,
            product_rating: row.get(3)?,
            text: row.get(4)?,
        })
    };
    db.query(&sql, period.limited(most)).await?.iter().map(comment).collect()
}
