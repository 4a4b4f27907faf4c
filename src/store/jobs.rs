//! What the workers ask of the store: due jobs, waiting orders, shelves to look at, old answers.
//!
//! What only reads has a connection beside the writer (`look`). What writes is a chore: it queues behind the changes, and
//! is a transaction of its own in which nothing is decided. A page begins behind `after`, the last row of the page before;
//! None: it is the first.

use std::time::Duration;

use sea_orm::sea_query::Value;
use tokio::sync::oneshot;

use crate::domain::{Lease, LocationCode, MayPass, OrderId, RegionCode, Sku, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::handle::Store;
use crate::store::writer::chore::{Chore, ChoreResult, QUEUE_MAX, Wish, bounded};
use crate::store::writer::job::Job;
use crate::store::writer::queue::Task;

/// The version of what is on order of a product: while it is equal, no replenishment of the product was ordered, changed or
/// received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnOrderVersion {
    /// How many replenishments are on order.
    open: i64,
    /// The sum of their versions.
    versions: i64,
    /// When the last of them was changed, in microseconds since 1970; 0: none is on order.
    changed_at: i64,
}

impl Store {
    /// Claims due jobs for as long as `lease`, and returns them, the longest due first. Another worker gets what is not done by
    /// then. At most half of the limit, rounded up, are reservations that callers made for no order, such as carts: many of
    /// them that end at once do not keep the orders waiting.
    pub async fn claim_jobs(&self, limit: u64, lease: Duration) -> Result<Vec<Job>, StoreError> {
        if !self.any_job_due().await? {
            return Ok(Vec::new());
        }

        Ok(self.run_chore(Wish::ClaimJobs { limit, lease }).await?.jobs())
    }

    /// Gives a job back that could not be done, to be tried again later. A lost lease changes nothing.
    pub async fn job_failed(&self, lease: Lease, retry_at: Timestamp) -> Result<(), StoreError> {
        self.run_chore(Wish::FailJob { lease, retry_at }).await.map(|_| ())
    }

    /// Deletes request ids, and the answers kept with them, from before `older_than`. Returns how many. Each chore deletes a
    /// few, until one finds none: changes that come meanwhile do not wait for all of them.
    pub async fn forget_keys(&self, older_than: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            match self.run_chore(Wish::ForgetKeys { before: older_than }).await?.rows() {
                0 => return Ok(forgotten),
                some => forgotten += some,
            }
        }
    }

    /// Shelves with units that a count did not find and that are still set aside for somebody, by product and location.
    pub async fn shelves_with_missing(
        &self,
        after: Option<&(Sku, LocationCode)>,
        limit: u64,
    ) -> Result<Vec<(Sku, LocationCode)>, StoreError> {
        let sql = "SELECT sku, location FROM stock_levels WHERE missing > 0 AND (sku, location) > ($1, $2) \
            ORDER BY sku, location LIMIT $3";
        let db = self.look().await?;
        let (sku, location) = after.map_or(("", ""), |(sku, location)| (sku.as_str(), location.as_str()));
        let values = vec![sku.into(), location.into(), bounded(limit).into()];
        let rows = db.query(sql, values).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// Orders that wait for stock and for which there is some, the oldest first: for every line, more is available
    /// in the order's region than older orders wait for. Whether it suffices is for the decision to say. An order on
    /// hold keeps its place in line, and is not in the answer.
    pub async fn waiting_orders(&self, limit: u64) -> Result<Vec<OrderId>, StoreError> {
        self.waiting_orders_where(self.inner.rules.waiting.may_pass, limit).await
    }

    /// The same under another rule of who may pass whom than the settings have.
    pub(in crate::store) async fn waiting_orders_where(
        &self,
        may_pass: MayPass,
        limit: u64,
    ) -> Result<Vec<OrderId>, StoreError> {
        // `wanted`: what somebody waits for, from product to product along the index. `free`: the units of these that can be
        // sold in the region. `queue`: who waits for them, by number, only as far as the units reach, at most QUEUE_MAX;
        // those who wait in vain are not looked at. `before` is what those ahead want. An order is in the answer if it is in
        // the queue of everything that it waits for. Where smaller orders may pass larger ones, those that want more of a
        // product than there is are not in its queue, and hold nobody up. A rest that waits is passed over while a shipment
        // of its order is being prepared: from where that is, nothing is set aside for it. What stands in braces depends on
        // the rule, and is put in below.
        let sql = "WITH RECURSIVE wanted (sku, region) AS ( \
              SELECT (SELECT sku FROM order_waits ORDER BY sku, region LIMIT 1), \
                (SELECT region FROM order_waits ORDER BY sku, region LIMIT 1) \
              UNION ALL \
              SELECT (SELECT next.sku FROM order_waits AS next \
                  WHERE (next.sku, next.region) > (wanted.sku, wanted.region) \
                  ORDER BY next.sku, next.region LIMIT 1), \
                (SELECT next.region FROM order_waits AS next \
                  WHERE (next.sku, next.region) > (wanted.sku, wanted.region) \
                  ORDER BY next.sku, next.region LIMIT 1) \
              FROM wanted WHERE wanted.sku IS NOT NULL), \
            free (sku, region, units) AS ( \
              SELECT wanted.sku, wanted.region, \
                CAST(SUM(on_hand - reserved - damaged - quality_hold - missing - unsold - safety_stock) AS BIGINT) \
              FROM wanted JOIN stock_levels ON stock_levels.sku = wanted.sku \
              JOIN locations ON locations.code = stock_levels.location AND locations.region = wanted.region \
              WHERE on_hand - reserved - damaged - quality_hold - missing - unsold > safety_stock \
              GROUP BY wanted.sku, wanted.region), \
            queue (sku, region, units, place, number, before) AS ( \
              SELECT sku, region, units, 1, (SELECT first.number FROM order_waits AS first \
                  WHERE first.sku = free.sku AND first.region = free.region{first_fits} \
                  ORDER BY first.number LIMIT 1), \
                CAST(0 AS BIGINT) \
              FROM free \
              UNION ALL \
              SELECT queue.sku, queue.region, queue.units, queue.place + 1, \
                (SELECT next.number FROM order_waits AS next WHERE next.sku = queue.sku \
                  AND next.region = queue.region AND next.number > queue.number{next_fits} \
                  ORDER BY next.number LIMIT 1), \
                queue.before + own.quantity \
              FROM queue JOIN order_waits AS own ON own.sku = queue.sku AND own.region = queue.region \
                AND own.number = queue.number \
              WHERE {reaches}queue.place < $2) \
            SELECT own.order_id AS id FROM queue JOIN order_waits AS own ON own.sku = queue.sku \
              AND own.region = queue.region AND own.number = queue.number \
            WHERE NOT EXISTS (SELECT 1 FROM holds WHERE holds.order_id = own.order_id AND holds.state = 'ACTIVE') \
              AND NOT EXISTS (SELECT 1 FROM shipments WHERE shipments.order_id = own.order_id AND shipments.state IN \
                ('PICKING', 'PICKED', 'QC_PASSED', 'QC_FAILED', 'PACKED', 'LABELLED', 'COURIER_ASSIGNED')) \
            GROUP BY own.order_id, own.number \
            HAVING COUNT(*) = (SELECT COUNT(*) FROM order_waits AS each_of WHERE each_of.order_id = own.order_id) \
            ORDER BY own.number LIMIT $1";
        let (first_fits, next_fits, reaches) = match may_pass {
            MayPass::Nobody => ("", "", "queue.before + own.quantity < queue.units AND "),
            MayPass::Smaller => {
                (" AND first.quantity <= free.units", " AND next.quantity <= queue.units", "")
            }
        };
        let sql = sql.replace("{first_fits}", first_fits).replace("{next_fits}", next_fits);
        let sql = sql.replace("{reaches}", reaches);
        let db = self.look().await?;
        let values: Vec<Value> = vec![bounded(limit).into(), QUEUE_MAX.into()];
        db.query(&sql, values).await?.iter().map(|row| row.get(0)).collect()
    }

    /// Products that orders wait for, by SKU, and what is on order of each.
    pub async fn awaited_supplies(
        &self,
        after: Option<&Sku>,
        limit: u64,
    ) -> Result<Vec<(Sku, OnOrderVersion)>, StoreError> {
        // From product to product along the index, however many orders wait for each.
        let sql = "WITH RECURSIVE wanted (sku, place) AS ( \
              SELECT (SELECT first.sku FROM order_waits AS first WHERE first.sku > $1 \
                  ORDER BY first.sku, first.region LIMIT 1), CAST(1 AS BIGINT) \
              UNION ALL \
              SELECT (SELECT next.sku FROM order_waits AS next WHERE next.sku > wanted.sku \
                  ORDER BY next.sku, next.region LIMIT 1), wanted.place + 1 \
              FROM wanted WHERE wanted.sku IS NOT NULL AND wanted.place < $2) \
            SELECT sku, (SELECT CAST(COALESCE(SUM({on_order} 1 ELSE 0 END), 0) AS BIGINT){open}), \
              (SELECT CAST(COALESCE(SUM({on_order} version ELSE 0 END), 0) AS BIGINT){open}), \
              (SELECT CAST(COALESCE(MAX({on_order} updated_at ELSE 0 END), 0) AS BIGINT){open}) \
            FROM wanted WHERE sku IS NOT NULL ORDER BY sku";
        // What is proposed or approved was not ordered from anybody yet, and has no date: it is not counted. `open` has these
        // states all the same, since they are in the condition of the partial index.
        let on_order = "CASE WHEN state IN ('ORDERED', 'PARTIALLY_RECEIVED') THEN";
        let open = " FROM replenishments WHERE replenishments.sku = wanted.sku \
            AND state IN ('PROPOSED', 'APPROVED', 'ORDERED', 'PARTIALLY_RECEIVED')";
        let sql = sql.replace("{on_order}", on_order).replace("{open}", open);
        let values = vec![after.map_or("", Sku::as_str).into(), bounded(limit).into()];
        let rows = self.look().await?.query(&sql, values).await?;
        let supply = |row: &Row| {
            let supply = OnOrderVersion { open: row.get(1)?, versions: row.get(2)?, changed_at: row.get(3)? };
            Ok((row.get(0)?, supply))
        };
        rows.iter().map(supply).collect()
    }

    /// Orders that wait for a product, by region and number, the oldest of each region first. An order's number is given as
    /// it is received, so that a lower one is older.
    pub async fn orders_awaiting(
        &self,
        sku: &Sku,
        after: Option<&(RegionCode, i64)>,
        limit: u64,
    ) -> Result<Vec<(OrderId, RegionCode, i64)>, StoreError> {
        let sql = "SELECT order_id, region, number FROM order_waits \
            WHERE sku = $1 AND (region, number) > ($2, $3) ORDER BY region, number LIMIT $4";
        let (region, number) = after.map_or(("", 0), |(region, number)| (region.as_str(), *number));
        let values = vec![sku.as_str().into(), region.into(), number.into(), bounded(limit).into()];
        let rows = self.look().await?.query(sql, values).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
    }

    /// Shelves whose lots a decision has to look at now: more of them is promised than may be sold, or the day has passed on
    /// which one is sold no more or expires. The longest due first, each with the instant since when it is due.
    pub async fn shelves_with_lots_due(
        &self,
        after: Option<&(Timestamp, Sku, LocationCode)>,
        limit: u64,
    ) -> Result<Vec<(Timestamp, Sku, LocationCode)>, StoreError> {
        let sql = "SELECT lots_at, sku, location FROM stock_levels WHERE lots_at <= $1 \
            AND (lots_at, sku, location) > ($2, $3, $4) ORDER BY lots_at, sku, location LIMIT $5";
        let (at, sku, location) = after.map_or((i64::MIN, "", ""), |(at, sku, location)| {
            (at.unix_micros(), sku.as_str(), location.as_str())
        });
        let now = self.now().unix_micros();
        let values = vec![now.into(), at.into(), sku.into(), location.into(), bounded(limit).into()];
        let rows = self.look().await?.query(sql, values).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
    }

    /// Asked first, beside the writer: most of the time no job is due, and then nothing is queued.
    async fn any_job_due(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM orders \
              WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until < $1)) \
            OR EXISTS (SELECT 1 FROM reservations \
              WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until < $1))";
        let values: Vec<Value> = vec![self.now().unix_micros().into()];
        Ok(self.look().await?.query_one(sql, values).await?.is_some())
    }

    /// Queues a chore behind the changes that wait, and waits until it is done.
    pub(in crate::store) async fn run_chore(&self, wish: Wish) -> Result<ChoreResult, StoreError> {
        let (caller, answer) = oneshot::channel();
        self.enqueue(Task::Chore(Chore { wish, caller }))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Internal("the writer dropped a chore".to_owned())))
    }
}
