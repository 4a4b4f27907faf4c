//! What the worker that tells subscribers of events asks of the store.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::sea_query::Value;

use crate::domain::{OrderId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::writer::chore::{ChoreResult, Wish, bounded};
use crate::store::writer::subscribers::{Claimed, SubscriberAnswer, SubscriberWish, Told, Waiting};

impl Store {
    /// Makes a subscriber known, unless it is: one that is new hears of what happens from now on.
    pub async fn begin_subscriber(&self, name: &str) -> Result<(), StoreError> {
        let first = self.last_position().await?;
        let wish = SubscriberWish::Begin { name: name.to_owned(), first };
        self.run_chore(Wish::Subscriber(wish)).await.map(drop)
    }

    /// Whether there is something to tell, and it is time to: a look that costs the writer nothing.
    pub async fn has_news_for(&self, subscriber: &str) -> Result<bool, StoreError> {
        let sql = "SELECT position < (SELECT COALESCE(MAX(last_position), 0) FROM decisions \
            WHERE last_position IS NOT NULL) FROM event_subscribers WHERE name = $1 AND retired = FALSE AND run_at <= $2 \
            AND (lease_until IS NULL OR lease_until < $2)";
        let now = self.now();
        let db = self.look().await?;
        let values: Vec<Value> = vec![subscriber.into(), now.unix_micros().into()];
        let Some(row) = db.query_one(sql, values).await? else { return Ok(false) };
        Ok(row.get(0)? || !to_retell(&db, subscriber, now, 1).await?.is_empty())
    }

    /// Claims a subscriber for `lease`, if it is time to tell it something and no other worker does.
    pub async fn claim_subscriber(&self, name: &str, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        let wish = SubscriberWish::Claim { name: name.to_owned(), lease };
        match self.run_chore(Wish::Subscriber(wish)).await? {
            ChoreResult::Subscriber(SubscriberAnswer::Claimed(claimed)) => Ok(claimed),
            ChoreResult::Subscriber(_) | ChoreResult::Rows(_) | ChoreResult::Jobs(_) => Ok(None),
        }
    }

    /// Writes down the outcome of a round, and gives the subscriber back; whether the lease still stood.
    pub async fn settle_subscriber(&self, claimed: Claimed, told: Told) -> Result<bool, StoreError> {
        let wish = SubscriberWish::Settle { claimed, told };
        let answer = self.run_chore(Wish::Subscriber(wish)).await?;
        Ok(matches!(answer, ChoreResult::Subscriber(SubscriberAnswer::Settled(true))))
    }

    /// Events that are to be told again by now, of each order the first only.
    pub async fn events_to_retell(&self, subscriber: &str, limit: u64) -> Result<Vec<Waiting>, StoreError> {
        to_retell(&self.look().await?, subscriber, self.now(), limit).await
    }

    /// Those of these orders of which an event waits to be told.
    pub async fn orders_untold(
        &self,
        subscriber: &str,
        orders: impl IntoIterator<Item = OrderId>,
    ) -> Result<HashSet<OrderId>, StoreError> {
        let db = self.look().await?;
        let mut untold = HashSet::new();
        for order in orders {
            let sql = "SELECT 1 FROM untold_events WHERE subscriber = $1 AND order_id = $2 \
                AND run_at IS NOT NULL LIMIT 1";
            if db.query_one(sql, vec![subscriber.into(), order.0.into()]).await?.is_some() {
                untold.insert(order);
            }
        }
        Ok(untold)
    }
}

pub(in crate::store) async fn to_retell(
    db: &Session,
    subscriber: &str,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Waiting>, StoreError> {
    let sql = "SELECT position, order_id, attempts, since FROM untold_events AS event \
        WHERE subscriber = $1 AND run_at <= $2 AND NOT EXISTS (SELECT 1 FROM untold_events AS earlier \
            WHERE earlier.subscriber = $1 AND earlier.order_id = event.order_id \
            AND earlier.position < event.position AND earlier.run_at IS NOT NULL) \
        ORDER BY run_at LIMIT $3";
    let values: Vec<Value> = vec![subscriber.into(), now.unix_micros().into(), bounded(limit).into()];
    let rows = db.query(sql, values).await?;
    let waiting = rows.iter().map(|row| {
        let attempts: i64 = row.get(2)?;
        Ok(Waiting {
            position: row.get(0)?,
            order: OrderId(row.get(1)?),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            since: Timestamp::from_unix_micros(row.get(3)?),
        })
    });
    waiting.collect()
}
