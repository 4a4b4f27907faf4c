//! Loads what a group of changes reads, in two rounds of reads, or in three for decisions that look for room where locations
//! or couriers have a capacity: nothing beyond the read sets, locks in one order. A round is one message to PostgreSQL.
//!
//! The first round has all that is named by keys: orders and other callers' reservations, expired reservations, what is
//! looked up beside them, and idempotency keys at its end. The second has what only follows from the orders, such as the
//! stock of their lines. The third has the daily shipments of what has a capacity, which is known by then. Every
//! transaction locks orders, reservations, transfers, stock, replenishments, discount codes, callers, locations and
//! couriers in this order.

use crate::domain::Timestamp;
use crate::store::connection::clock::StoreClock;
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::query::order_cache::OrderCache;
use crate::store::rows::statements::Locked;
use crate::store::writer::loaded::LoadedGroup;
use crate::store::writer::loading::{Found, Loading};
use crate::store::writer::wanted::Wanted;

impl Wanted {
    /// Begins a transaction and loads what may change under lock.
    ///
    /// Reservations that turn out to have expired, or to have stock that is counted, belong to orders that must be locked
    /// before the stock is: then all is done once more from the beginning, with these. More that come to light then are left
    /// to the next group.
    pub(in crate::store) async fn lock(
        mut self,
        db: &Session,
        order_cache: &OrderCache,
        clock: &StoreClock,
    ) -> Result<LoadedGroup, StoreError> {
        let mut is_repeat = false;
        loop {
            let mut loading = Loading::new(&self, order_cache, clock.now(), Locked::Update);
            let (topics, asks): (Vec<_>, Vec<_>) = loading.first_reads().into_iter().unzip();
            let (database_time, rows) = db.begin(asks).await?;
            clock.hear(database_time);
            loading.read(topics, rows)?;

            let (topics, asks): (Vec<_>, Vec<_>) = loading.second_reads().into_iter().unzip();
            if !asks.is_empty() {
                let rows = db.exchange(asks).await?;
                loading.read(topics, rows)?;
            }
            if is_repeat || !loading.found_more() {
                let (topics, asks): (Vec<_>, Vec<_>) = loading.third_reads().into_iter().unzip();
                if !asks.is_empty() {
                    let rows = db.exchange(asks).await?;
                    loading.read(topics, rows)?;
                }
                return loading.finish(clock.now());
            }
            self.take_along(loading.found());
            is_repeat = true;
            db.rollback().await?;
        }
    }

    /// Wants, beside the rest, what a pass has found.
    fn take_along(&mut self, found: Found) {
        let Found { expired_orders, holding_orders, reservations } = found;
        self.expired_orders.extend(expired_orders);
        self.holding_orders.extend(holding_orders);
        self.reservations.extend(reservations);
    }

    /// Loads the same without locks, in the snapshot of its session, for a decision that is not kept.
    pub(in crate::store) async fn look(
        mut self,
        db: &Session,
        order_cache: &OrderCache,
        now: Timestamp,
    ) -> Result<LoadedGroup, StoreError> {
        let mut is_repeat = false;
        loop {
            let mut loading = Loading::new(&self, order_cache, now, Locked::No);
            let (topics, asks): (Vec<_>, Vec<_>) = loading.first_reads().into_iter().unzip();
            let rows = db.exchange(asks).await?;
            loading.read(topics, rows)?;
            let (topics, asks): (Vec<_>, Vec<_>) = loading.second_reads().into_iter().unzip();
            let rows = db.exchange(asks).await?;
            loading.read(topics, rows)?;
            if is_repeat || !loading.found_more() {
                let (topics, asks): (Vec<_>, Vec<_>) = loading.third_reads().into_iter().unzip();
                if !asks.is_empty() {
                    let rows = db.exchange(asks).await?;
                    loading.read(topics, rows)?;
                }
                return loading.finish(now);
            }
            self.take_along(loading.found());
            is_repeat = true;
        }
    }
}
