//! How the last days and weeks went: orders that came in, promises that were kept, stock against what is sold. Every order of
//! that time is counted, archived or not, each along an index of its own; so it is counted once a minute at most.

use std::time::Duration;

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{Day, Sku, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;

/// Days of which the orders are counted, today among them.
const DAYS: i32 = 30;

/// Weeks of which the deliveries are counted, this one among them.
const WEEKS: i32 = 12;

/// Days of sales that stock is compared with.
const SOLD_DAYS: i32 = 7;

/// The most products whose stock cover is shown, those that run out soonest.
const COVERS_MAX: i64 = 10;

/// How long a count is served before it is made again.
const FRESH: Duration = Duration::from_secs(60);

const DAY_MICROS: i64 = 86_400_000_000;

/// Days and weeks are those of UTC, the oldest first; weeks begin on Monday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// When it was counted.
    pub at: Timestamp,
    /// How many orders came in on each day.
    pub placed: Vec<(Day, i64)>,
    pub promises: Vec<PromiseWeek>,
    /// Those products first that last shortest.
    pub covers: Vec<StockCover>,
}

/// The outcome of the last count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum LastCount {
    Counted(Series),
    /// It began then and had no end, as where so much was ordered that the database took too long.
    Failed(Timestamp),
}

impl LastCount {
    /// Whether nothing is counted anew.
    pub(in crate::store) fn is_fresh(&self, now: Timestamp) -> bool {
        match self {
            Self::Counted(series) => series.is_fresh(now),
            Self::Failed(at) => *at <= now && now < at.plus(FRESH),
        }
    }

    pub(in crate::store) fn series(&self) -> Option<&Series> {
        match self {
            Self::Counted(series) => Some(series),
            Self::Failed(_) => None,
        }
    }
}

/// Orders with a promise that were delivered in one week, and have not gone back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseWeek {
    /// Its Monday.
    pub from: Day,
    pub delivered: i64,
    /// Of them, those that came by the promised time.
    pub kept: i64,
}

/// A product that was ordered in the last week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCover {
    pub sku: Sku,
    /// Good units of all shelves that nobody was promised; never below zero.
    pub free: i64,
    /// Units that were ordered in the last week, without those cancelled; at least one.
    pub ordered: i64,
}

impl StockCover {
    /// How many days the free units last if as many are ordered as in the last week, in tenths.
    pub fn tenths_of_days(&self) -> i64 {
        let tenths = i128::from(self.free) * 10 * i128::from(SOLD_DAYS) / i128::from(self.ordered.max(1));
        i64::try_from(tenths).unwrap_or(i64::MAX)
    }
}

impl Series {
    pub(in crate::store) async fn count(db: &Session, at: Timestamp) -> Result<Self, StoreError> {
        let today = day_of(at);
        Ok(Self {
            at,
            placed: placed(db, today).await?,
            promises: promises(db, today).await?,
            covers: covers(db, today).await?,
        })
    }

    /// Whether it may still be told.
    pub(in crate::store) fn is_fresh(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.at.plus(FRESH) && day_of(self.at) == day_of(now)
    }
}

fn day_of(at: Timestamp) -> Day {
    Day::from_number(at.unix_micros().div_euclid(DAY_MICROS))
}

/// Its first moment.
fn begin(day: Day) -> Timestamp {
    Timestamp::from_unix_micros(i64::from(day.number()) * DAY_MICROS)
}

/// The least id of an order of this day: ids are in the order in which orders were made.
fn first_id(day: Day) -> Value {
    Uuid::from_u128(u128::from(begin(day).unix_millis()) << 80).into()
}

async fn placed(db: &Session, today: Day) -> Result<Vec<(Day, i64)>, StoreError> {
    let days: Vec<Day> = (1 - DAYS..=0).map(|it| today.plus(it)).collect();
    let arm = |(day, from): (&Day, i32)| {
        let (number, until) = (day.number(), from + 1);
        format!("SELECT CAST({number} AS BIGINT), COUNT(*) FROM orders WHERE id >= ${from} AND id < ${until}")
    };
    let arms: Vec<String> = days.iter().zip(1..).map(arm).collect();
    let values: Vec<Value> = days.iter().copied().chain([today.plus(1)]).map(first_id).collect();
    let counted = |row: &Row| {
        let number: i64 = row.get(0)?;
        Ok((Day::from_number(number), row.get(1)?))
    };
    let rows = db.query(&arms.join(" UNION ALL "), values).await?;
    let mut placed = rows.iter().map(counted).collect::<Result<Vec<(Day, i64)>, StoreError>>()?;
    placed.sort_unstable();
    Ok(placed)
}

async fn promises(db: &Session, today: Day) -> Result<Vec<PromiseWeek>, StoreError> {
    let monday = today.plus(1 - i32::from(today.iso_weekday()));
    let weeks: Vec<Day> = (1 - WEEKS..=0).map(|it| monday.plus(7 * it)).collect();
    let arm = |(monday, from): (&Day, i32)| {
        let (number, until) = (monday.number(), from + 1);
        format!(
            "SELECT CAST({number} AS BIGINT), COUNT(*), COUNT(*) FILTER (WHERE delivered_at <= promised_at) \
            FROM orders WHERE delivered_at >= ${from} AND delivered_at < ${until} AND promised_at IS NOT NULL"
        )
    };
    let arms: Vec<String> = weeks.iter().zip(1..).map(arm).collect();
    let begins = weeks.iter().copied().chain([monday.plus(7)]);
    let values: Vec<Value> = begins.map(|it| begin(it).unix_micros().into()).collect();
    let counted = |row: &Row| {
        let number: i64 = row.get(0)?;
        Ok(PromiseWeek { from: Day::from_number(number), delivered: row.get(1)?, kept: row.get(2)? })
    };
    let rows = db.query(&arms.join(" UNION ALL "), values).await?;
    let mut weeks = rows.iter().map(counted).collect::<Result<Vec<PromiseWeek>, StoreError>>()?;
    weeks.sort_unstable_by_key(|it| it.from);
    Ok(weeks)
}

/// Products that nobody orders, and services, have no cover.
async fn covers(db: &Session, today: Day) -> Result<Vec<StockCover>, StoreError> {
    let sql = "SELECT sku, free, ordered FROM ( \
          SELECT sold.sku AS sku, sold.ordered AS ordered, \
            (SELECT CAST(SUM(on_hand - reserved - damaged - quality_hold - missing - unsold) AS BIGINT) \
             FROM stock_levels WHERE stock_levels.sku = sold.sku) AS free \
          FROM (SELECT sku, CAST(SUM(quantity - cancelled) AS BIGINT) AS ordered FROM order_lines \
             WHERE order_id >= $1 GROUP BY sku) AS sold \
          WHERE sold.ordered > 0) AS covers \
        WHERE free IS NOT NULL ORDER BY free * 1000 / ordered, sku LIMIT $2";
    let values = vec![first_id(today.plus(1 - SOLD_DAYS)), COVERS_MAX.into()];
    let cover = |row: &Row| {
        let free: i64 = row.get(1)?;
        Ok(StockCover { sku: row.get(0)?, free: free.max(0), ordered: row.get(2)? })
    };
    db.query(sql, values).await?.iter().map(cover).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_is_free_units_over_what_a_day_takes() {
        let tenths = |free, ordered| {
            StockCover { sku: "A-1".parse().expect("an SKU"), free, ordered }.tenths_of_days()
        };
        assert_eq!([tenths(0, 7), tenths(10, 7), tenths(1, 14), tenths(10, 0)], [0, 100, 5, 700]);
        assert_eq!(tenths(i64::MAX, 1), i64::MAX);
    }

    #[test]
    fn it_is_told_for_a_minute_of_one_day() {
        let at = Timestamp::from_unix_micros(20_000 * DAY_MICROS + DAY_MICROS / 2);
        let series = |at| Series { at, placed: Vec::new(), promises: Vec::new(), covers: Vec::new() };
        let second = Duration::from_secs(1);
        assert!(series(at).is_fresh(at) && series(at).is_fresh(at.plus(FRESH).minus(second)));
        assert!(!series(at).is_fresh(at.plus(FRESH)) && !series(at).is_fresh(at.minus(second)));
        let midnight = begin(day_of(at).plus(1));
        assert!(!series(midnight.minus(second)).is_fresh(midnight));
        // A failure is none of a day.
        let failed = LastCount::Failed(midnight.minus(second));
        assert!(failed.is_fresh(midnight) && !failed.is_fresh(midnight.plus(FRESH)));
        assert_eq!((failed.series(), LastCount::Counted(series(at)).is_fresh(midnight)), (None, false));
    }
}
