//! What subscribers of events have not taken, as people look at it, and what they can have told once more.

use std::time::Instant;

use sea_orm::sea_query::Value;

use crate::domain::{DeliveryState, EventKind, OrderId, Refusal, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::feed::{EventFilter, LOOK_FOR};
use crate::store::query::figures::COUNTED_MAX;
use crate::store::query::listing::{Cursor, Listing, Page, SIZE_MAX, Term};
use crate::store::query::plan::list_hash_of;
use crate::store::rows::subscribers::BEHIND;
use crate::store::writer::chore::bounded;

/// Subscribers whose lags are told, the first by name: each is a series of its own wherever they are kept.
const LAGS_MAX: usize = 100;

/// How many of the times are shown at which people had events told once more.
const REDELIVERIES_SHOWN: i64 = 10;

/// How far a subscriber has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub name: String,
    pub position: i64,
    /// Events after that.
    pub behind: i64,
    /// At most [`COUNTED_MAX`] of each.
    pub waiting: i64,
    pub given_up: i64,
    /// It takes nothing.
    pub failing: Option<Failing>,
    /// The latest first.
    pub redeliveries: Vec<Redelivered>,
}

/// What a subscriber has not been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub name: String,
    /// Events after the last one up to which it was told everything, but for what waits or was given up.
    pub behind: i64,
    /// At most [`COUNTED_MAX`].
    pub given_up: i64,
}

/// A subscriber that takes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub since: Timestamp,
    pub error: String,
    pub again: Timestamp,
}

/// That somebody had events told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redelivered {
    pub by: String,
    pub at: Timestamp,
    pub events: i64,
    pub first_position: i64,
    pub last_position: i64,
}

/// An event that a subscriber has not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub position: i64,
    pub order: OrderId,
    pub state: DeliveryState,
    pub attempts: i64,
    pub status: Option<i64>,
    pub error: String,
    /// Of these attempts, the first and the last.
    pub tried: Option<(Timestamp, Timestamp)>,
    /// None: it is given up, or waits behind another.
    pub next: Option<Timestamp>,
}

/// Events that a subscriber can be told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeliverable {
    /// By position.
    pub events: Vec<(i64, OrderId)>,
    /// The last position that was looked at.
    pub last_position: i64,
    /// Whether there may be more behind it.
    pub is_more: bool,
}

/// Which events are to be told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToRedeliver {
    /// From the first to the last of these positions.
    Positions(i64, i64),
    /// Given up at this time or later.
    GivenUpSince(Timestamp),
}

impl Store {
    /// What these subscribers have not been told, by name; of the first hundred of them. The rows of those that the settings
    /// name no more, and of those that are told nothing for now, stand still and say nothing of a fault.
    pub async fn lags(&self, names: &[String]) -> Result<Vec<Lag>, StoreError> {
        let names = &names[..names.len().min(LAGS_MAX)];
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let last = self.last_position().await?;
        let db = self.look().await?;
        let marks: Vec<String> = (1..=names.len()).map(|it| format!("${it}")).collect();
        let marks = marks.join(", ");
        let sql =
            format!("SELECT name, position FROM event_subscribers WHERE name IN ({marks}) ORDER BY name");
        let values: Vec<Value> = names.iter().map(|it| it.as_str().into()).collect();
        let mut lags = Vec::new();
        for row in db.query(&sql, values).await? {
            let (name, position): (String, i64) = (row.get(0)?, row.get(1)?);
            let given_up = counted(&db, &name, "run_at IS NULL").await?;
            lags.push(Lag { behind: (last - position).max(0), given_up, name });
        }
        Ok(lags)
    }

    /// Every subscriber that there ever was, by name, but for those whose subscription was deleted.
    pub async fn subscribers(&self) -> Result<Vec<Followed>, StoreError> {
        let last = self.last_position().await?;
        let db = self.look().await?;
        let sql = "SELECT name, position, failing_since, error, run_at FROM event_subscribers \
            WHERE retired = FALSE ORDER BY name";
        let mut found = Vec::new();
        for row in db.query(sql, Vec::new()).await? {
            let (name, position): (String, i64) = (row.get(0)?, row.get(1)?);
            let (since, error): (Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?);
            let again = Timestamp::from_unix_micros(row.get(4)?);
            let failing = since.map(|since| Failing {
                since: Timestamp::from_unix_micros(since),
                error: error.unwrap_or_default(),
                again,
            });
            found.push(Followed {
                behind: (last - position).max(0),
                waiting: counted(&db, &name, "run_at IS NOT NULL").await?,
                given_up: counted(&db, &name, "run_at IS NULL").await?,
                redeliveries: redeliveries(&db, &name).await?,
                name,
                position,
                failing,
            });
        }
        Ok(found)
    }

    /// A page of what a subscriber has not taken, by position. None: there is no such subscriber.
    pub async fn deliveries(
        &self,
        subscriber: &str,
        state: Option<DeliveryState>,
        listing: &Listing,
    ) -> Result<Option<Page<Delivery>>, StoreError> {
        let db = self.look().await?;
        if position_of(&db, subscriber).await?.is_none() {
            return Ok(None);
        }
        let mut filter = vec![Term::equal("subscriber", subscriber)];
        filter.extend(state.map(|it| Term::equal("state", it.as_str())));
        let hash = list_hash_of("deliveries", &Listing { filter, ..Listing::default() });
        let after = listing.after.as_ref().map_or(Ok(0), |it| open(it, &hash))?;
        let size = listing.size.clamp(1, SIZE_MAX);

        let stands = match state {
            None => "",
            Some(DeliveryState::Waiting) => " AND run_at IS NOT NULL",
            Some(DeliveryState::GivenUp) => " AND run_at IS NULL",
        };
        let sql = format!(
            "SELECT position, order_id, attempts, since, run_at, tried_at, status, error FROM untold_events \
            WHERE subscriber = $1 AND position > $2{stands} ORDER BY position LIMIT $3"
        );
        let values: Vec<Value> = vec![subscriber.into(), after.into(), bounded(size + 1).into()];
        let rows = db.query(&sql, values).await?;
        let mut found = rows.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
        let is_more = found.len() as u64 > size;
        found.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let next = found.last().filter(|_| is_more);
        let next = next.map(|it| Cursor([&hash[..], &it.position.to_be_bytes()].concat()));
        Ok(Some((found, next)))
    }

    /// Events that a subscriber can be told once more, at most `limit`: of a range those of these kinds, none given: all. A
    /// range is looked through for a second at most. None: there is no such subscriber.
    pub async fn events_to_redeliver(
        &self,
        subscriber: &str,
        wanted: &ToRedeliver,
        kinds: &[EventKind],
        limit: usize,
    ) -> Result<Option<Redeliverable>, StoreError> {
        let db = self.look().await?;
        let Some(told) = position_of(&db, subscriber).await? else { return Ok(None) };
        match *wanted {
            ToRedeliver::GivenUpSince(since) => {
                let sql = "SELECT position, order_id FROM untold_events \
                    WHERE subscriber = $1 AND run_at IS NULL AND tried_at >= $2 \
                    ORDER BY tried_at, position LIMIT $3";
                let values: Vec<Value> =
                    vec![subscriber.into(), since.unix_micros().into(), bounded(limit as u64 + 1).into()];
                let rows = db.query(sql, values).await?;
                let is_more = rows.len() > limit;
                let read = |row: &Row| Ok((row.get(0)?, row.get(1)?));
                let mut events: Vec<_> =
                    rows.iter().take(limit).map(read).collect::<Result<_, StoreError>>()?;
                events.sort_unstable_by_key(|it: &(i64, OrderId)| it.0);
                let last_position = events.last().map_or(0, |it| it.0);
                Ok(Some(Redeliverable { events, last_position, is_more }))
            }
            ToRedeliver::Positions(first, last) if last <= told => {
                drop(db);
                let filter = EventFilter::of_kinds(kinds).within(first..=last);
                let (mut events, mut last_position) = (Vec::new(), first - 1);
                let end = Instant::now() + LOOK_FOR;
                loop {
                    let room = limit - events.len();
                    let page = self.events_after(last_position, &filter, room as u64).await?;
                    events.extend(page.events.into_iter().map(|(position, it)| (position, it.order)));
                    last_position = page.position.min(last);
                    if page.is_end || events.len() >= limit || Instant::now() >= end {
                        return Ok(Some(Redeliverable { events, last_position, is_more: !page.is_end }));
                    }
                }
            }
            ToRedeliver::Positions(first, last) => {
                let field = if first == last { "position" } else { "positions.last_position" };
                let why = format!("is beyond {told}, up to where it was sent events");
                Err(Refusal::invalid(field, why).into())
            }
        }
    }
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let (since, run_at): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
    let tried_at: Option<i64> = row.get(5)?;
    let attempts: i64 = row.get(2)?;
    let since = Timestamp::from_unix_micros(since);
    let tried = tried_at.filter(|_| attempts > 0).map(|it| (since, Timestamp::from_unix_micros(it)));
    Ok(Delivery {
        position: row.get(0)?,
        order: OrderId(row.get(1)?),
        state: if run_at.is_some() { DeliveryState::Waiting } else { DeliveryState::GivenUp },
        attempts,
        status: row.get(6)?,
        error: row.get(7)?,
        tried,
        next: run_at.filter(|it| *it != BEHIND).map(Timestamp::from_unix_micros),
    })
}

async fn position_of(db: &Session, subscriber: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT position FROM event_subscribers WHERE name = $1";
    db.query_one(sql, vec![subscriber.into()]).await?.map(|row| row.get(0)).transpose()
}

async fn counted(db: &Session, subscriber: &str, which: &str) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM untold_events WHERE subscriber = $1 AND {which} \
        LIMIT {COUNTED_MAX}) AS counted"
    );
    let row = db.query_one(&sql, vec![subscriber.into()]).await?;
    row.map_or(Ok(0), |it| it.get(0))
}

async fn redeliveries(db: &Session, subscriber: &str) -> Result<Vec<Redelivered>, StoreError> {
    let sql = "SELECT actor, at, events, first_position, last_position FROM event_redeliveries \
        WHERE subscriber = $1 ORDER BY id DESC LIMIT $2";
    let rows = db.query(sql, vec![subscriber.into(), REDELIVERIES_SHOWN.into()]).await?;
    let read = |row: &Row| {
        Ok(Redelivered {
            by: row.get(0)?,
            at: Timestamp::from_unix_micros(row.get(1)?),
            events: row.get(2)?,
            first_position: row.get(3)?,
            last_position: row.get(4)?,
        })
    };
    rows.iter().map(read).collect()
}

fn open(cursor: &Cursor, hash: &[u8; 8]) -> Result<i64, Refusal> {
    let read = || Some(i64::from_be_bytes(cursor.0.strip_prefix(&hash[..])?.try_into().ok()?));
    let position = read().filter(|it| *it >= 0);
    position.ok_or_else(|| {
        Refusal::invalid("page_token", "is not from this list, with this subscriber and state")
    })
}
